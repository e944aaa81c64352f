"""The vault's rows: templates, their names, what made them, and when."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import (
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    delete,
    exists,
    insert,
    select,
)
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from ndcb.vault.database import Database, versions_table
from ndcb.vault.engines import state_of
from ndcb.vault.kept import Kept, keep
from ndcb.vault.names import LONGEST_NAME, digests_of, person_of

SCHEMA = 1
"""Version of the first two tables below; a database of another version is refused."""
MOST_IDS = 500
"""Ids named in one query."""
MOST_KEPT = 2**16
"""Embeddings read at once: 67 MB of FaceNet's."""

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
EMBEDDINGS = Table(
    "ndcb_embeddings",
    VERSIONS.metadata,
    # a table of its own: SQLite would read through every picture to find what lies behind it
    Column(
        "template",
        Integer,
        ForeignKey(TEMPLATES.c.id, ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("sha256", String(64), nullable=False),
    Column("generator", String(255), nullable=False),
    Column("recogniser", String(255), nullable=False),
    Column("weights", String(64), nullable=False),
    Column("embedding", LargeBinary(2**13), nullable=False),
    Column("digest", String(64), nullable=False),
)
"""`ndcb.vault.kept.Kept`; vaults of older versions have none."""
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

    def rows_of(self, ids: Sequence[int]) -> list[Row]:
        """The rows of these ids that are still there, in the order of enrolment."""
        found: list[Row] = []
        for start in range(0, len(ids) if self.is_there() else 0, MOST_IDS):
            some = sorted(ids)[start : start + MOST_IDS]
            with self.begin() as connection:
                found += _read(connection, TEMPLATES.c.id.in_(some))
        return found

    def ids(self) -> np.ndarray:
        """(n,), sorted: of all rows."""
        if not self.is_there():
            return np.empty(0, np.int64)
        with self.begin() as connection:
            ids = connection.scalars(select(TEMPLATES.c.id))
            return np.sort(np.fromiter(ids, np.int64))

    def state(self) -> tuple | None:
        """What changes whenever somebody writes the database; None: nothing tells."""
        if not self.is_there():
            return None
        with self.begin() as connection:
            return state_of(connection)

    def kept(self, rows: Sequence[Row]) -> dict[Row, Kept]:
        """What is kept beside these rows, at most some hundred; nothing is checked."""
        if not rows or not self.has(EMBEDDINGS):
            return {}
        query = select(EMBEDDINGS).where(EMBEDDINGS.c.template.in_([row.id for row in rows]))
        with self.begin() as connection:
            kept = {row.template: Kept(*row) for row in connection.execute(query)}
        return {row: kept[row.id] for row in rows if row.id in kept}

    def kept_in_chunks(self) -> Iterator[list[Kept]]:
        """All that is kept, in the order of enrolment; nothing is checked."""
        rows, last = [], -1
        while self.has(EMBEDDINGS) and (not rows or len(rows) == MOST_KEPT):
            query = select(EMBEDDINGS).where(EMBEDDINGS.c.template > last)
            ordered = query.order_by(EMBEDDINGS.c.template).limit(MOST_KEPT)
            with self.begin() as connection:
                rows = [Kept(*row) for row in connection.execute(ordered)]
            if not rows:
                return
            last = rows[-1].template
            yield rows

    def keep(self, rows: Sequence[dict]) -> None:
        """Rows of `ndcb.vault.kept.keep`. None is written where one is there, or its template is
        not."""
        if not rows or not self.has(EMBEDDINGS):
            return
        try:
            with self.begin() as connection:
                connection.execute(insert(EMBEDDINGS), rows)
        except IntegrityError:
            pass  # of two programs that do the same, one does it

    def without_kept(self, after: int, most: int) -> list[Row]:
        """Rows of greater ids than `after` beside which nothing is kept; the oldest first."""
        if not self.has(EMBEDDINGS):
            return []
        is_kept = exists().where(EMBEDDINGS.c.template == TEMPLATES.c.id)
        missing = select(TEMPLATES.c.id).where(TEMPLATES.c.id > after, ~is_kept)
        with self.begin() as connection:
            ids = connection.scalars(missing.order_by(TEMPLATES.c.id).limit(most)).all()
        return self.rows_of(ids)

    def pngs(self, rows: Sequence[Row]) -> dict[Row, bytes]:
        """The pictures in these rows, at most some hundred. Rows revoked since are left out."""
        if not self.is_there():
            return {}
        query = select(TEMPLATES.c.id, TEMPLATES.c.png).where(_are(rows))
        with self.begin() as connection:
            png_of = {id: png for id, png in connection.execute(query)}
        return {row: png_of[row.id] for row in rows if row.id in png_of}

    def add(self, rows: Sequence[dict]) -> list[Row]:
        """All or none; makes the tables where there are none, or not yet all.

        rows: the columns; and where it is to be kept, the `embedding` F(T), (m,), and the
        recogniser's `weights`. Returns the rows as they are stored. Raises IntegrityError where the
        person is there already.
        """
        self.make_missing()
        keeps = self.has(EMBEDDINGS)
        with self.begin() as connection:
            return _insert(connection, rows, keeps)

    def replace(self, old: Sequence[Row], new: Sequence[dict]) -> bool:
        """All or none. False, and nothing is changed: one of the old rows is not there any
        more. new: as in `add`."""
        if not self.is_there():
            return False
        self.make_missing()
        keeps = self.has(EMBEDDINGS)
        with self.begin() as connection:
            gone = connection.execute(delete(TEMPLATES).where(_are(old))).rowcount
            if gone != len(old):
                connection.rollback()
                return False
            _insert(connection, new, keeps)
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


def _insert(connection: Connection, rows: Sequence[dict], keeps: bool) -> list[Row]:
    """Store the rows and, if there is a table for them, their embeddings."""
    names = TEMPLATES.columns.keys()
    columns = [{name: row[name] for name in names if name in row} for row in rows]
    connection.execute(insert(TEMPLATES), columns)

    people = {row["person"] for row in rows}
    stored = _read(connection, TEMPLATES.c.person.in_(people)) if len(people) <= MOST_IDS else []
    row_of = {(row.person, row.number): row for row in stored}
    added = [(row_of[row["person"], row["number"]], row) for row in rows if stored]
    kept = [
        keep(row.id, (*what_made(row), given["weights"]), given["embedding"])
        for row, given in added
        if "embedding" in given
    ]
    if kept and keeps:
        connection.execute(insert(EMBEDDINGS), kept)
    return [row for row, _ in added]


def what_made(row: Row) -> tuple[str, str, str]:
    """What binds an embedding to its template, but for the recogniser's weights."""
    return row.sha256, row.generator, row.recogniser


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
