"""The key store: what opens a sealed template together with a person's secret.

It lies apart from the templates, and revoking destroys its rows. A row a template: the SHA-256 of
the template's PNG, the enrolment and its version, where the secret comes from, and a salt. It holds
neither a name nor a key.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields

from sqlalchemy import Column, Integer, LargeBinary, Row, String, Table, delete, insert, select

from ndcb.vault.database import Database, versions_table
from ndcb.vault.keys import SALT_BYTES
from ndcb.vault.seals import Seal

SCHEMA = 1
"""Version of the two tables below; a database of another version is refused."""

VERSIONS = versions_table("ndcb_key_store")
KEYS = Table(
    "ndcb_keys",
    VERSIONS.metadata,
    Column("template", String(64), primary_key=True),
    Column("enrolment", String(32), nullable=False, index=True),
    Column("version", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("source", String(16), nullable=False),
    Column("salt", LargeBinary(SALT_BYTES), nullable=False),
    Column("n", Integer, nullable=False),
    Column("r", Integer, nullable=False),
    Column("p", Integer, nullable=False),
)


class KeyStore(Database):
    """Seals at a place: a file's path, or any URL of SQLAlchemy, but never the vault's own."""

    def __init__(self, place: str | os.PathLike):
        super().__init__(place, "key store", VERSIONS, SCHEMA)

    def seals(self, templates: Sequence[str]) -> dict[str, tuple[Seal, int]]:
        """SHA-256 of a template -> its seal and number. Unknown templates are left out."""
        if not self.is_there():
            return {}
        with self.begin() as connection:
            rows = connection.execute(select(KEYS).where(KEYS.c.template.in_(templates))).all()
        return {row.template: (_seal(row), row.number) for row in rows}

    def add(self, seal: Seal, templates: Iterable[str]) -> None:
        """templates: their SHA-256, from number 1 on. Makes the tables where there are none."""
        rows = [
            asdict(seal) | {"template": template, "number": number}
            for number, template in enumerate(templates, 1)
        ]
        with self.begin(making=True) as connection:
            connection.execute(insert(KEYS), rows)

    def destroy(self, enrolment: str, but: int | None = None) -> None:
        """Delete all versions of an enrolment; `but`: the version to keep.

        SQLite's file is overwritten where they were; another database may keep them until its own
        clean-up.
        """
        query = delete(KEYS).where(KEYS.c.enrolment == enrolment)
        self._delete(query if but is None else query.where(KEYS.c.version != but))

    def forget(self, templates: Sequence[str]) -> None:
        """Delete the rows of these templates alone."""
        self._delete(delete(KEYS).where(KEYS.c.template.in_(templates)))

    def _delete(self, query) -> None:
        if self.is_there():
            with self.begin() as connection:
                connection.execute(query)


def _seal(row: Row) -> Seal:
    return Seal(**{column.name: getattr(row, column.name) for column in fields(Seal)})
