"""The vault's rows: templates with their names, and what made them when."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Column, Integer, LargeBinary, String, Table, UniqueConstraint, delete, insert, select

from .database import Database, versions_table

SCHEMA = 1
"""Version of the two tables below; a database of another version is refused."""
LONGEST_NAME = 64

VERSIONS = versions_table("ndcb_vault")
TEMPLATES = Table(
    "ndcb_templates", VERSIONS.metadata,
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


class TemplateDatabase(Database):
    """The templates at a place. Failures leave as UserErrors; a name that is there already alone is an IntegrityError."""

    def __init__(self, place: str | os.PathLike):
        super().__init__(place, "vault", VERSIONS, SCHEMA)

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

    def replace(self, old: Sequence[Row], new: list[dict]) -> bool:
        """All or none; False and nothing where one of the old rows is not there any more."""
        with self.begin() as connection:
            gone = connection.execute(delete(TEMPLATES).where(TEMPLATES.c.id.in_([row.id for row in old]))).rowcount
            if gone != len(old):
                connection.rollback()
                return False
            connection.execute(insert(TEMPLATES), new)
        return True

    def remove(self, rows: Sequence[Row]) -> int:
        """Returns how many of them were still there."""
        with self.begin() as connection:
            return connection.execute(delete(TEMPLATES).where(TEMPLATES.c.id.in_([row.id for row in rows]))).rowcount
