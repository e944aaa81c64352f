"""Tables in SQLite, PostgreSQL or whatever else SQLAlchemy knows; failures in words.

What is deleted from an SQLite file is overwritten. Reading makes neither tables nor a file, and
does not even lock another program's file.
"""

import os
import re
import sqlite3
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote, unquote

from sqlalchemy import (
    Column,
    Integer,
    MetaData,
    Table,
    create_engine,
    event,
    insert,
    inspect,
    select,
)
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool
from sqlalchemy.schema import CreateTable

from ndcb.core.terms import UserError

WAIT_SECONDS = 10
"""How long a call waits for another program's write, or for a server to answer."""

BAD_PLACE = (
    "The {}'s address cannot be used. Give a file's path, or a URL such as sqlite:///file.sqlite or"
    " postgresql://user:password@host/database, and install the URL's driver."
)
NO_FILE = "This file is no {}. Name another one."
CANNOT_OPEN = (
    "The {}'s file cannot be opened. Check that its folder is there and that you may read and "
    "write it."
)
HALF_DONE = (
    "The {}'s file was left in the middle of a change, and that cannot be mended here. Copy the "
    "file and those beside it whose names begin alike to where they can be written."
)
NO_VAULT = "This database cannot be used as a {}. Name another one, or one that this program made."
IN_USE = "The {} is in use by another program. Try once more."
FULL = "The {}'s disk is full; nothing was changed. Free some space and try once more."
READ_ONLY = (
    "The {} cannot be written; nothing was changed. Get the right to write it and its folder, or"
    " name another one."
)
NO_ANSWER = (
    "The {}'s database does not answer or refuses. Check that it runs, and the user, password and"
    " database name in its address."
)
SENTENCES = {
    "SQLITE_NOTADB": NO_FILE,
    "SQLITE_CANTOPEN": CANNOT_OPEN,
    "SQLITE_READONLY_R": HALF_DONE,
    "SQLITE_CORRUPT": "The {}'s file is damaged. Bring back a copy of it, or name another one.",
    "SQLITE_IOERR": (
        "The {}'s file cannot be read or written; nothing was changed. Check the disk and its free"
        " space."
    ),
    "SQLITE_BUSY": IN_USE,
    "SQLITE_FULL": FULL,
    "SQLITE_READONLY": READ_ONLY,
    "SQLITE_PERM": READ_ONLY,
    "SQLITE_ERROR": NO_VAULT,
    "53100": FULL,
    "25006": READ_ONLY,
    "42501": READ_ONLY,
    "42": NO_VAULT,
}
"""What is said about an error, by the beginning of SQLite's name for it or of its SQLSTATE."""


class Database:
    """The tables of one kind at a place.

    place: a file's path, or any URL of SQLAlchemy. what: the word for it in sentences. versions:
    the table that holds the tables' version. Every failure is raised as a UserError, except for a
    row that is there already: that stays an IntegrityError.
    """

    def __init__(self, place: str | os.PathLike, what: str, versions: Table, version: int):
        self.what, self.versions, self.version = what, versions, version
        self.engine = make_engine(place, what)
        self._ready = False

    def is_there(self) -> bool:
        """Are the tables there? Nothing is written.

        Raises UserError: something else is at the place, or tables of another version.
        """
        with self._in_words():
            self._ready = self._ready or self._look()
        return self._ready

    @contextmanager
    def begin(self, making: bool = False):
        """A transaction: all of its block or nothing.

        making: where there are no tables, make them first.
        """
        if not self.is_there() and making:
            with self._in_words():
                self._make()
        with self._in_words(), self.engine.begin() as connection:
            yield connection

    def is_at(self, other: "Database") -> bool:
        """Do both lie at one place? Databases in memory never do."""
        place = _place_of(self.engine.url)
        return place is not None and place == _place_of(other.engine.url)

    def close(self) -> None:
        self.engine.dispose()
        self._ready = False

    def _look(self) -> bool:
        """`is_there`, where nobody has looked yet.

        A file is looked at from outside first: once opened, SQLite would mend what another program
        left half done.
        """
        file = _file_of(self.engine.url)
        if file and _is_absent(file):
            return False
        if file:
            self._refuse_other_file(file)

        names = self._table_names()
        self._refuse_other_tables(names)
        return self.versions.name in names and self._has_version()

    def _refuse_other_file(self, file: Path) -> None:
        """Raises UserError: no file, or an SQLite file of another program."""
        if file.exists() and not file.is_file():
            raise UserError(CANNOT_OPEN.format(self.what))
        names, has_log = _peek(file)
        # what is in a log cannot be seen from outside; files that were made here have none
        if self.versions.name not in names and (names or has_log):
            raise UserError(NO_FILE.format(self.what))

    def _refuse_other_tables(self, names: set[str]) -> None:
        """Raises UserError: tables of another program, and no rows of this one.

        A server's database may be shared with other programs. It may not hold both the vault and
        the key store: keys must not lie beside templates.
        """
        others = names - {table.name for table in self.versions.metadata.sorted_tables}
        if self.engine.url.get_backend_name() != "sqlite":
            others = {name for name in others if name.startswith("ndcb_")}
        if others and not (self.versions.name in names and self._holds_rows()):
            raise UserError((NO_FILE if _file_of(self.engine.url) else NO_VAULT).format(self.what))

    def _holds_rows(self) -> bool:
        """Tables alone say nothing: older versions made them wherever they looked."""
        tables = self.versions.metadata.sorted_tables
        stores = [table for table in tables if table is not self.versions]
        queries = [select(*table.primary_key.columns) for table in stores]
        with self.engine.begin() as connection:
            return any(connection.execute(query.limit(1)).first() for query in queries)

    def _has_version(self) -> bool:
        """Raises UserError: another version."""
        with self.engine.begin() as connection:
            found = connection.scalar(select(self.versions.c.version))
        if found != self.version:
            raise UserError(
                f"The {self.what} has version {found}; this program needs version {self.version}."
                f" Use the program that made it, or name another {self.what}."
            )
        return True

    def _table_names(self) -> set[str]:
        try:
            connection = self.engine.connect()
        except (TypeError, ValueError) as error:  # the driver does not know an option in the URL
            raise UserError(BAD_PLACE.format(self.what)) from error
        with connection:
            return set(inspect(connection).get_table_names())

    def _make(self) -> None:
        _make_private(self.engine.url)
        try:
            self._make_tables()
            self._ready = True
        except (IntegrityError, ProgrammingError):
            self._ready = self._look()
            if not self._ready:  # else somebody made them at the same moment
                raise

    def _make_tables(self) -> None:
        # SQLite waits for a new lock, but not to turn a reader's lock into a writer's
        engine = self.engine.execution_options(begins="BEGIN IMMEDIATE")
        with engine.begin() as connection:
            for table in self.versions.metadata.sorted_tables:
                connection.execute(CreateTable(table, if_not_exists=True))
            connection.execute(insert(self.versions), {"id": 1, "version": self.version})

    @contextmanager
    def _in_words(self):
        try:
            yield
        except IntegrityError:
            raise
        except PoolTimeout as error:
            raise UserError(IN_USE.format(self.what)) from error
        except DBAPIError as error:
            raise UserError(_sentence(error.orig).format(self.what)) from error


def _sentence(error: BaseException | None) -> str:
    """What is said about a driver's error."""
    code = getattr(error, "sqlite_errorname", None) or getattr(error, "sqlstate", None) or ""
    return next((text for start, text in SENTENCES.items() if code.startswith(start)), NO_ANSWER)


def versions_table(name: str) -> Table:
    """With a MetaData of its own, to which the other tables are added."""
    return Table(
        name,
        MetaData(),
        Column("id", Integer, primary_key=True),
        Column("version", Integer, nullable=False),
    )


def make_engine(place: str | os.PathLike, what: str) -> Engine:
    """A path or URL -> an engine; nothing is opened yet.

    Raises UserError, which does not repeat the URL: it may hold a password.
    """
    try:
        url = _url_of(place)
        if not place or url.get_dialect().is_async:
            raise UserError(BAD_PLACE.format(what))
        return _sqlite_engine(url) if url.get_backend_name() == "sqlite" else _server_engine(url)
    except (ArgumentError, ImportError, ValueError) as error:
        raise UserError(BAD_PLACE.format(what)) from error


def _url_of(place: str | os.PathLike) -> URL:
    if "://" not in str(place):
        return URL.create("sqlite", database=os.fspath(place))
    url = make_url(place)
    # SQLAlchemy 2.0 would take psycopg2, and does not know the name postgres
    if url.drivername in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    return url


def _server_engine(url: URL) -> Engine:
    options = {"connect_timeout": WAIT_SECONDS} if url.drivername == "postgresql+psycopg" else {}
    return create_engine(url, hide_parameters=True, pool_pre_ping=True, connect_args=options)


def _sqlite_engine(url: URL) -> Engine:
    """It has a rollback journal, no WAL, and transactions that are begun by hand.

    So the database stays one file, can be read where nothing may be written, and what is revoked
    does not live on in a log. Python's driver would begin transactions late, and none at all for
    the tables.
    """
    options = {"timeout": WAIT_SECONDS, "isolation_level": None, "check_same_thread": False}
    in_turns = {"poolclass": QueuePool, "pool_size": 1, "max_overflow": 0}  # one thread at a time
    pool = in_turns if _in_memory(url) else {}
    engine = create_engine(url, hide_parameters=True, connect_args=options, **pool)
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begins", "BEGIN"))


def _in_memory(url: URL) -> bool:
    return url.database in (None, "", ":memory:")


def _set_up_sqlite(connection, _record) -> None:
    # else one damaged name hides all rows
    connection.text_factory = lambda text: text.decode(errors="replace")
    connection.execute("PRAGMA secure_delete = ON")  # what is revoked is overwritten


def _place_of(url: URL) -> str | URL | None:
    """What two addresses of one database have in common; None: in memory."""
    if _in_memory(url):
        return None
    is_file = url.get_backend_name() == "sqlite"
    return os.path.realpath(url.database) if is_file else url.set(password=None)


def _file_of(url: URL) -> Path | None:
    """The file of an SQLite database; None: it is in memory, or another kind of database."""
    if url.get_backend_name() != "sqlite" or _in_memory(url):
        return None
    uri = re.match("file:(?://[^/]*)?([^?#]*)", url.database) if "uri" in url.query else None
    if uri and (":memory:" in uri[1] or url.query.get("mode") == "memory"):
        return None
    return Path(unquote(uri[1]) if uri else url.database)


def _is_absent(file: Path) -> bool:
    """Is nothing there yet, in a folder that is there? SQLite says what else is wrong."""
    try:
        file.stat()
    except FileNotFoundError:
        return file.parent.is_dir()
    except (OSError, ValueError):
        return False
    return False


def _peek(file: Path) -> tuple[set[str], bool]:
    """An SQLite file's tables and views, and whether it keeps a write-ahead log.

    Nothing is locked or changed; an unreadable file has no tables and no log.
    """
    names, has_log = set(), False
    with suppress(OSError, ValueError), open(file, "rb") as opened:
        has_log = opened.read(20)[18:] == b"\2\2"
    address = f"file:{quote(str(file))}?mode=ro&immutable=1"
    with suppress(sqlite3.Error), closing(sqlite3.connect(address, uri=True)) as connection:
        found = connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
        names = {name for (name,) in found if not name.startswith("sqlite_")}
    return names, has_log


def _make_private(url: URL) -> None:
    """Make a new SQLite file that only its owner can read; SQLite would ask the umask alone."""
    if file := _file_of(url):
        with suppress(OSError, ValueError):  # it is there, or SQLite says why not
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
