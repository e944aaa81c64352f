"""The vault's rows in SQLite, PostgreSQL or whatever else SQLAlchemy knows; its failures in words."""

import os
from collections.abc import Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from sqlalchemy import (Column, Integer, LargeBinary, MetaData, String, Table, UniqueConstraint, create_engine, delete, event, insert,
                        inspect, select)
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool
from sqlalchemy.schema import CreateTable

from .terms import UserError

SCHEMA = 1
"""Version of the two tables below; a database of another version is refused."""
WAIT_SECONDS = 10
"""How long a call waits for another program's write, or for a server to answer."""
LONGEST_NAME = 64

METADATA = MetaData()
VERSIONS = Table("ndcb_vault", METADATA, Column("id", Integer, primary_key=True), Column("version", Integer, nullable=False))
TEMPLATES = Table(
    "ndcb_templates", METADATA,
    Column("id", Integer, primary_key=True),
    Column("person", String(64), nullable=False),  # a digest of the name, so that no database's collation decides which names are equal
    Column("number", Integer, nullable=False),
    Column("name", String(LONGEST_NAME), nullable=False),
    Column("png", LargeBinary(2**20), nullable=False),  # the length keeps MySQL from its 64 KiB type
    Column("sha256", String(64), nullable=False),
    Column("generator", String(255), nullable=False),
    Column("recogniser", String(255), nullable=False),
    Column("time", String(20), nullable=False),  # text: one damaged DATETIME would make SQLAlchemy give up all rows
    UniqueConstraint("person", "number"),  # of two enrolments of one name at once, one fails
    sqlite_autoincrement=True)  # an id is never used again, so a late delete cannot hit another person
WITHOUT_PNG = [column for column in TEMPLATES.columns if column.name != "png"]

BAD_PLACE = ("The vault's address cannot be used. Give a file's path, or a URL such as sqlite:///vault.sqlite or "
             "postgresql://user:password@host/database, and install the URL's driver.")
NO_VAULT = "This database cannot be used as a vault. Name another one, or one that this program made."
IN_USE = "The vault is in use by another program. Try once more."
FULL = "The vault's disk is full; nothing was changed. Free some space and try once more."
READ_ONLY = "The vault cannot be written; nothing was changed. Get the right to write it and its folder, or name another one."
NO_ANSWER = "The vault's database does not answer or refuses. Check that it runs, and the user, password and database name in its address."
SENTENCES = {
    "SQLITE_NOTADB": "This file is no vault. Name another one.",
    "SQLITE_CANTOPEN": "The vault's file cannot be opened. Check that its folder is there and that you may read and write it.",
    "SQLITE_CORRUPT": "The vault's file is damaged. Bring back a copy of it, or name another one.",
    "SQLITE_IOERR": "The vault's file cannot be read or written; nothing was changed. Check the disk and its free space.",
    "SQLITE_BUSY": IN_USE, "SQLITE_FULL": FULL, "SQLITE_READONLY": READ_ONLY, "SQLITE_PERM": READ_ONLY, "SQLITE_ERROR": NO_VAULT,
    "53100": FULL, "25006": READ_ONLY, "42501": READ_ONLY, "42": NO_VAULT,
}
"""What is said about an error, by the beginning of SQLite's name for it or of its SQLSTATE."""


@dataclass(frozen=True)
class Row:
    """A template's row without its picture. Text that is damaged in the database is text here all the same."""

    id: int
    person: str
    number: int
    name: str
    sha256: str
    generator: str
    recogniser: str
    time: str


class Database:
    """The two tables at a place. Every failure leaves as a UserError; a name that is there already alone stays an IntegrityError."""

    def __init__(self, place: str | os.PathLike):
        self.engine = make_engine(place)
        self._ready = False

    def rows(self, person: str | None = None) -> list[Row]:
        """The rows of a person, or all, in the order in which they came."""
        query = select(*WITHOUT_PNG).order_by(TEMPLATES.c.id)
        if person is not None:
            query = query.where(TEMPLATES.c.person == person)
        with self.begin() as connection:
            found = connection.execute(query).all()
        return [Row(row.id, *(value if isinstance(value, int) else str(value) for value in row[1:])) for row in found]

    def pngs(self, rows: Sequence[Row]) -> dict[Row, bytes]:
        """What is stored in these rows, at most some hundred; one that was revoked since is left out."""
        query = select(TEMPLATES.c.id, TEMPLATES.c.png).where(TEMPLATES.c.id.in_([row.id for row in rows]))
        with self.begin() as connection:
            found = {id: png for id, png in connection.execute(query)}
        return {row: found[row.id] for row in rows if row.id in found}

    def add(self, rows: list[dict]) -> None:
        """All or none. Raises IntegrityError where the person is there already."""
        with self.begin() as connection:
            connection.execute(insert(TEMPLATES), rows)

    def remove(self, rows: Sequence[Row]) -> int:
        """Returns how many of them were still there."""
        with self.begin() as connection:
            return connection.execute(delete(TEMPLATES).where(TEMPLATES.c.id.in_([row.id for row in rows]))).rowcount

    @contextmanager
    def begin(self):
        """A transaction: all of its block or nothing. The first one makes the tables where there are none, or checks their version."""
        with _in_words():
            if not self._ready:
                self._prepare()
            with self.engine.begin() as connection:
                yield connection

    def close(self) -> None:
        self.engine.dispose()
        self._ready = False

    def _prepare(self) -> None:
        if not self._has_tables():
            try:
                self._make_tables()
            except (IntegrityError, ProgrammingError):
                if not self._has_tables():  # else somebody made them at the same moment
                    raise
        with self.engine.begin() as connection:
            found = connection.scalar(select(VERSIONS.c.version))
        if found != SCHEMA:
            raise UserError(f"The vault has version {found}; this program needs version {SCHEMA}. Use the program that made it, "
                            "or name another vault.")
        self._ready = True

    def _has_tables(self) -> bool:
        _make_private(self.engine.url)
        try:
            connection = self.engine.connect()
        except (TypeError, ValueError) as error:  # an option in the URL that the driver does not know
            raise UserError(BAD_PLACE) from error
        with connection:
            return inspect(connection).has_table(VERSIONS.name)

    def _make_tables(self) -> None:
        with self.engine.begin() as connection:  # a write comes first: for that SQLite waits, for a lock to be raised it does not
            for table in METADATA.sorted_tables:
                connection.execute(CreateTable(table, if_not_exists=True))
            connection.execute(insert(VERSIONS), {"id": 1, "version": SCHEMA})


def make_engine(place: str | os.PathLike) -> Engine:
    """A path or URL -> an engine; nothing is opened yet. Raises UserError, which does not repeat the URL: it may hold a password."""
    try:
        url = make_url(place) if "://" in str(place) else URL.create("sqlite", database=os.fspath(place))
        if url.drivername == "postgresql":  # SQLAlchemy 2.0 would take psycopg2
            url = url.set(drivername="postgresql+psycopg")
        if not place or url.get_dialect().is_async:
            raise UserError(BAD_PLACE)
        return _sqlite_engine(url) if url.get_backend_name() == "sqlite" else _server_engine(url)
    except (ArgumentError, ImportError, ValueError) as error:
        raise UserError(BAD_PLACE) from error


def _server_engine(url: URL) -> Engine:
    options = {"connect_timeout": WAIT_SECONDS} if url.drivername == "postgresql+psycopg" else {}
    return create_engine(url, hide_parameters=True, pool_pre_ping=True, connect_args=options)


def _sqlite_engine(url: URL) -> Engine:
    """With a rollback journal, not WAL: the vault stays one file, can be read where nothing may be written, and what is revoked does
    not live on in a log. Transactions are begun by hand: Python's driver begins them late, and not at all for the tables."""
    options = {"timeout": WAIT_SECONDS, "isolation_level": None, "check_same_thread": False}
    pool = {"poolclass": QueuePool, "pool_size": 1, "max_overflow": 0} if _in_memory(url) else {}  # threads take turns
    engine = create_engine(url, hide_parameters=True, connect_args=options, **pool)
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return engine


def _in_memory(url: URL) -> bool:
    return url.database in (None, "", ":memory:")


def _set_up_sqlite(connection, _record) -> None:
    connection.text_factory = lambda text: text.decode(errors="replace")  # else one damaged name hides all rows
    connection.execute("PRAGMA secure_delete = ON")  # what is revoked is overwritten


def _make_private(url: URL) -> None:
    """Make a new SQLite file so that nobody but its owner can read it; SQLite itself would ask the umask alone."""
    if url.get_backend_name() == "sqlite" and not _in_memory(url) and not url.query:
        with suppress(OSError, ValueError):  # it is there, or SQLite says why not
            os.close(os.open(url.database, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


@contextmanager
def _in_words():
    try:
        yield
    except IntegrityError:
        raise
    except PoolTimeout as error:
        raise UserError(IN_USE) from error
    except DBAPIError as error:
        code = getattr(error.orig, "sqlite_errorname", None) or getattr(error.orig, "sqlstate", None) or ""
        raise UserError(next((text for start, text in SENTENCES.items() if code.startswith(start)), NO_ANSWER)) from error
