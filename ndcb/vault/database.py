"""Tables in SQLite, PostgreSQL or whatever else SQLAlchemy knows; failures in words.

What is deleted from an SQLite file is overwritten. Reading makes neither tables nor a file, and
does not even lock another program's file.
"""

import os
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import Column, Integer, MetaData, Table, insert, inspect, select
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.schema import CreateTable

from ndcb.core.terms import UserError
from ndcb.vault.engines import (
    BAD_PLACE,
    file_of,
    is_absent,
    make_engine,
    make_private,
    peek,
    place_of,
)

NO_FILE = "This file is no {}. Name another one."
CANNOT_OPEN = (
    "The {}'s file cannot be opened. Check that its folder is there and that you may read and "
    "write it."
)
HALF_DONE = (
    "The {}'s file was left in the middle of a change, and that cannot be mended here. Copy the "
    "file, and the files beside it whose names begin with its name, into a folder that you may "
    "write."
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
"""What is said about an error, by the beginning of SQLite's name for it, or of its SQLSTATE. The
first that fits counts."""


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
        self._seen: set[str] = set()

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

        making: where there are no tables, or an older version's, make those that are missing first.
        """
        if making:
            self.make_missing()
        else:
            self.is_there()
        with self._in_words(), self.engine.begin() as connection:
            yield connection

    def make_missing(self) -> None:
        """Make the tables that are not there.

        Where an older version's lack one and this user may make none, it stays so: `has` says it.
        """
        tables = self.versions.metadata.sorted_tables
        with self._in_words():
            if not self.is_there():
                self._make()
            elif not all(self.has(table) for table in tables):
                with suppress(IntegrityError, ProgrammingError):
                    self._make_tables()

    def has(self, table: Table) -> bool:
        """Is this one there? An older version's tables lack the newer ones."""
        if table.name not in self._seen and self.is_there():
            with self._in_words():
                self._seen = self._table_names()
        return table.name in self._seen

    def is_at(self, other: "Database") -> bool:
        """Do both lie at one place? Databases in memory never do."""
        place = place_of(self.engine.url)
        return place is not None and place == place_of(other.engine.url)

    def close(self) -> None:
        self.engine.dispose()
        self._ready, self._seen = False, set()

    def _look(self) -> bool:
        """`is_there`, where nobody has looked yet.

        A file is looked at from outside first: once opened, SQLite would mend what another program
        left half done.
        """
        file = file_of(self.engine.url)
        if file and is_absent(file):
            return False
        if file:
            self._refuse_other_file(file)

        names = self._seen = self._table_names()
        self._refuse_other_tables(names)
        return self.versions.name in names and self._has_version()

    def _refuse_other_file(self, file: Path) -> None:
        """Raises UserError: no file, or an SQLite file of another program."""
        if file.exists() and not file.is_file():
            raise UserError(CANNOT_OPEN.format(self.what))
        names, has_log = peek(file)
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
        if others and not (self.versions.name in names and self._holds_rows(names)):
            raise UserError((NO_FILE if file_of(self.engine.url) else NO_VAULT).format(self.what))

    def _holds_rows(self, names: set[str]) -> bool:
        """Tables alone say nothing: older versions made them wherever they looked."""
        tables = [table for table in self.versions.metadata.sorted_tables if table.name in names]
        stores = [table for table in tables if table is not self.versions]
        queries = [select(*table.primary_key.columns) for table in stores]
        with self.engine.begin() as connection:
            return any(connection.execute(query.limit(1)).first() for query in queries)

    def _has_version(self) -> bool:
        """Raises UserError: another version."""
        with self.engine.begin() as connection:
            version = connection.scalar(select(self.versions.c.version))
        if version != self.version:
            raise UserError(
                f"The {self.what} has version {version}; this program needs version {self.version}."
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
        make_private(self.engine.url)
        try:
            self._make_tables(with_version=True)
            self._ready = True
        except (IntegrityError, ProgrammingError):
            self._ready = self._look()
            if not self._ready:  # else somebody made them at the same moment
                raise

    def _make_tables(self, with_version: bool = False) -> None:
        # SQLite waits for a new lock, but not to turn a reader's lock into a writer's
        engine = self.engine.execution_options(begins="BEGIN IMMEDIATE")
        with engine.begin() as connection:
            for table in self.versions.metadata.sorted_tables:
                connection.execute(CreateTable(table, if_not_exists=True))
            if with_version:
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
