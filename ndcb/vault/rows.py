"""The vault's rows: templates, their names, what made them, and when."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import (
    Column,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    delete,
    insert,
    select,
)
from sqlalchemy.engine import Connection

from ndcb.vault.database import Database, versions_table
from ndcb.vault.names import LONGEST_NAME, digests_of, person_of

SCHEMA = 1
"""Version of the two tables below; a database of another version is refused."""

VERSIONS = versions_table("ndcb_vault")
TEMPLATES = Table(
    "ndcb_templates",
    VERSIONS.metadata,
    Column("id", Integer, primary_key=True),
    # a digest of the name, so that no database's collation decides which names are equal
    Column("person", String(64), nullable=False),
    Column("number", Integer, nullable=False),
    Column("name", String(LONGEST_NAME), nullable=False),
    # the length keeps MySQL from its 64 KiB type
    Column("png", LargeBinary(2**20), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("generator", String(255), nullable=False),
    Column("recogniser", String(255), nullable=False),
    # text: one damaged DATETIME would make SQLAlchemy give up all rows
    Column("time", String(20), nullable=False),
    # of two enrolments of one name at once, one fails
    UniqueConstraint("person", "number"),
    # an id is never used again, so a late delete cannot hit another person
    sqlite_autoincrement=True,
)
WITHOUT_PNG = [column for column in TEMPLATES.columns if column.name != "png"]


@dataclass(frozen=True)
class Row:
    """A template's row without its picture. Where the database is damaged, text is text still."""

    id: int
    person: str
    number: int
    name: str
    sha256: str
    generator: str
    recogniser: str
    time: str

    @property
    def has_sound_name(self) -> bool:
        """The name and its digest belong together."""
        return self.person in digests_of(self.name)


class TemplateDatabase(Database):
    """The templates at a place."""

    def __init__(self, place: str | os.PathLike):
        super().__init__(place, "vault", VERSIONS, SCHEMA)

    def rows(self, name: str | None = None) -> list[Row]:
        """The rows of a name in any of its spellings, or all rows, in the order of enrolment."""
        if not self.is_there():
            return []
        with self.begin() as connection:
            if name is None:
                return _read(connection)
            # the very same spelling first: an older vault may hold two names that are one now
            for digest in reversed(digests_of(name)):
                if rows := _read(connection, TEMPLATES.c.person == digest):
                    return rows
            return _other_spelling(connection, name)

    def all_rows(self, name: str) -> list[Row]:
        """`rows` of a name, and those whose name or digest of it is damaged."""
        digests = set(digests_of(name))
        unsound = [row for row in self.rows() if not row.has_sound_name]
        damaged = [row for row in unsound if digests & {row.person, *digests_of(row.name)}]
        return [*dict.fromkeys([*self.rows(name), *damaged])]

    def pngs(self, rows: Sequence[Row]) -> dict[Row, bytes]:
        """The pictures in these rows, at most some hundred. Rows revoked since are left out."""
        if not self.is_there():
            return {}
        query = select(TEMPLATES.c.id, TEMPLATES.c.png).where(_are(rows))
        with self.begin() as connection:
            png_of = {id: png for id, png in connection.execute(query)}
        return {row: png_of[row.id] for row in rows if row.id in png_of}

    def add(self, rows: list[dict]) -> None:
        """All or none; makes the tables where there are none.

        Raises IntegrityError where the person is there already.
        """
        with self.begin(making=True) as connection:
            connection.execute(insert(TEMPLATES), rows)

    def replace(self, old: Sequence[Row], new: list[dict]) -> bool:
        """All or none. False, and nothing is changed: one of the old rows is not there any
        more."""
        if not self.is_there():
            return False
        with self.begin() as connection:
            gone = connection.execute(delete(TEMPLATES).where(_are(old))).rowcount
            if gone != len(old):
                connection.rollback()
                return False
            connection.execute(insert(TEMPLATES), new)
        return True

    def remove(self, rows: Sequence[Row]) -> int:
        """Returns how many of them were still there."""
        if not self.is_there():
            return 0
        with self.begin() as connection:
            return connection.execute(delete(TEMPLATES).where(_are(rows))).rowcount


def _are(rows: Sequence[Row]):
    """The condition that a row is one of these."""
    return TEMPLATES.c.id.in_([row.id for row in rows])


def _read(connection: Connection, *conditions) -> list[Row]:
    query = select(*WITHOUT_PNG).where(*conditions).order_by(TEMPLATES.c.id)
    return [Row(row.id, *map(_sound_value, row[1:])) for row in connection.execute(query)]


def _sound_value(value) -> int | str:
    """Whatever else a damaged database holds is text."""
    return value if isinstance(value, int) else str(value)


def _other_spelling(connection: Connection, name: str) -> list[Row]:
    """Rows that an older version stored under a spelling which it took for another name.

    Names in ASCII need no look: their digest is what it was.
    """
    person = person_of(name)
    pairs = connection.execute(select(TEMPLATES.c.name, TEMPLATES.c.person).distinct())
    stored = [(str(spelling), str(digest)) for spelling, digest in pairs]
    digests = [
        digest
        for spelling, digest in stored
        if not spelling.isascii()
        and person_of(spelling) == person
        and digest in digests_of(spelling)
    ]
    return _read(connection, TEMPLATES.c.person == min(digests)) if digests else []
