"""Tables in SQLite, PostgreSQL or whatever else SQLAlchemy knows; failures in words. What is deleted from an SQLite file is overwritten."""

import os
from contextlib import contextmanager, suppress

from sqlalchemy import Column, Integer, MetaData, Table, create_engine, event, insert, inspect, select
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool
from sqlalchemy.schema import CreateTable

from .terms import UserError

WAIT_SECONDS = 10
"""How long a call waits for another program's write, or for a server to answer."""

BAD_PLACE = ("The {}'s address cannot be used. Give a file's path, or a URL such as sqlite:///file.sqlite or "
             "postgresql://user:password@host/database, and install the URL's driver.")
NO_VAULT = "This database cannot be used as a {}. Name another one, or one that this program made."
IN_USE = "The {} is in use by another program. Try once more."
FULL = "The {}'s disk is full; nothing was changed. Free some space and try once more."
READ_ONLY = "The {} cannot be written; nothing was changed. Get the right to write it and its folder, or name another one."
NO_ANSWER = "The {}'s database does not answer or refuses. Check that it runs, and the user, password and database name in its address."
SENTENCES = {
    "SQLITE_NOTADB": "This file is no {}. Name another one.",
    "SQLITE_CANTOPEN": "The {}'s file cannot be opened. Check that its folder is there and that you may read and write it.",
    "SQLITE_CORRUPT": "The {}'s file is damaged. Bring back a copy of it, or name another one.",
    "SQLITE_IOERR": "The {}'s file cannot be read or written; nothing was changed. Check the disk and its free space.",
    "SQLITE_BUSY": IN_USE, "SQLITE_FULL": FULL, "SQLITE_READONLY": READ_ONLY, "SQLITE_PERM": READ_ONLY, "SQLITE_ERROR": NO_VAULT,
    "53100": FULL, "25006": READ_ONLY, "42501": READ_ONLY, "42": NO_VAULT,
}
"""What is said about an error, by the beginning of SQLite's name for it or of its SQLSTATE."""


class Database:
    """The tables of one kind at a place. Every failure leaves as a UserError; a row that is there already alone stays an IntegrityError.

    place: a file's path, or any URL of SQLAlchemy. what: the word for it in sentences. versions: the table with the tables' version.
    """

    def __init__(self, place: str | os.PathLike, what: str, versions: Table, version: int):
        self.what, self.versions, self.version = what, versions, version
        self.engine = make_engine(place, what)
        self._ready = False

    @contextmanager
    def begin(self):
        """A transaction: all of its block or nothing. The first one makes the tables where there are none, or checks their version."""
        with self._in_words():
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
            found = connection.scalar(select(self.versions.c.version))
        if found != self.version:
            raise UserError(f"The {self.what} has version {found}; this program needs version {self.version}. Use the program that made "
                            f"it, or name another {self.what}.")
        self._ready = True

    def _has_tables(self) -> bool:
        _make_private(self.engine.url)
        try:
            connection = self.engine.connect()
        except (TypeError, ValueError) as error:  # an option in the URL that the driver does not know
            raise UserError(BAD_PLACE.format(self.what)) from error
        with connection:
            return inspect(connection).has_table(self.versions.name)

    def _make_tables(self) -> None:
        with self.engine.begin() as connection:  # a write comes first: for that SQLite waits, for a lock to be raised it does not
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
            code = getattr(error.orig, "sqlite_errorname", None) or getattr(error.orig, "sqlstate", None) or ""
            text = next((text for start, text in SENTENCES.items() if code.startswith(start)), NO_ANSWER)
            raise UserError(text.format(self.what)) from error


def versions_table(name: str) -> Table:
    """With a MetaData of its own, to which the other tables are added."""
    return Table(name, MetaData(), Column("id", Integer, primary_key=True), Column("version", Integer, nullable=False))


def make_engine(place: str | os.PathLike, what: str) -> Engine:
    """A path or URL -> an engine; nothing is opened yet. Raises UserError, which does not repeat the URL: it may hold a password."""
    try:
        url = make_url(place) if "://" in str(place) else URL.create("sqlite", database=os.fspath(place))
        if url.drivername == "postgresql":  # SQLAlchemy 2.0 would take psycopg2
            url = url.set(drivername="postgresql+psycopg")
        if not place or url.get_dialect().is_async:
            raise UserError(BAD_PLACE.format(what))
        return _sqlite_engine(url) if url.get_backend_name() == "sqlite" else _server_engine(url)
    except (ArgumentError, ImportError, ValueError) as error:
        raise UserError(BAD_PLACE.format(what)) from error


def _server_engine(url: URL) -> Engine:
    options = {"connect_timeout": WAIT_SECONDS} if url.drivername == "postgresql+psycopg" else {}
    return create_engine(url, hide_parameters=True, pool_pre_ping=True, connect_args=options)


def _sqlite_engine(url: URL) -> Engine:
    """With a rollback journal, not WAL: the database stays one file, can be read where nothing may be written, and what is revoked does
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
