"""What is needed beside a person's secret to open a sealed template. It lies apart from the
templates, and revoking destroys it.

A row a template: the SHA-256 of the template's PNG, the enrolment and its version, where the secret
comes from, and a salt. There is no name in it, and no key.
"""

import os
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields

from sqlalchemy import Column, Integer, LargeBinary, String, Table, delete, insert, select

from ndcb.vault.database import Database, versions_table
from ndcb.vault.keys import (
    SALT_BYTES,
    BadKey,
    KeyCard,
    KeyCards,
    Passphrase,
    Scrypt,
    ServiceSecret,
    random_key,
    template_key,
)

SCHEMA = 1
"""Version of the two tables below; a database of another version is refused."""
SOURCES = {"passphrase": "a passphrase", "card": "a key card", "service": "the service's secret"}

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

Secret = Passphrase | KeyCard | KeyCards | ServiceSecret


@dataclass(frozen=True)
class Seal:
    """What an enrolment's templates have in common."""

    enrolment: str
    """32 hexadecimal digits that say nothing of the name."""
    version: int
    """1, and one more each time the template is renewed."""
    source: str
    """passphrase, card or service."""
    salt: bytes = field(default_factory=lambda: secrets.token_bytes(SALT_BYTES), repr=False)
    n: int = Scrypt.n
    r: int = Scrypt.r
    p: int = Scrypt.p

    def secret(self, given: Secret) -> bytes:
        """What the keys are computed from.

        Raises BadKey: another kind of secret, or no card of this enrolment and version.
        """
        if given.source != self.source:
            raise BadKey(
                f"This template was sealed with {SOURCES[self.source]}, not with"
                f" {SOURCES[given.source]}. Give that."
            )
        if isinstance(given, Passphrase):
            return given.secret(self.salt, Scrypt(self.n, self.r, self.p))
        if isinstance(given, ServiceSecret):
            return given.value
        return self._card(given.cards if isinstance(given, KeyCards) else (given,)).key

    def secrets(self, given: Secret) -> list[bytes]:
        """`secret`, and what an older version may have taken for it. Raises what `secret` does."""
        if isinstance(given, Passphrase) and self.source == given.source:
            return given.secrets(self.salt, Scrypt(self.n, self.r, self.p))
        return [self.secret(given)]

    def _card(self, cards: Sequence[KeyCard]) -> KeyCard:
        """The one of these that belongs here. Raises BadKey."""
        own = [card for card in cards if card.enrolment == self.enrolment]
        for card in own:
            if card.version == self.version:
                return card
        if not own:
            these = "This key card belongs"
            if len(cards) > 1:
                these = f"These {len(cards)} key cards belong"
            advice = "Give the card that was made for this name."
            raise BadKey(f"{these} to another enrolment. {advice}")

        newest = max(card.version for card in own)
        this = f"This key card has version {newest}"
        if newest > self.version:
            raise BadKey(
                f"{this}, and the key store has version {self.version}: it is older than the card. "
                "Name the key store that was in use when the card was made."
            )
        raise BadKey(
            f"{this}, and the template was renewed: it needs version {self.version}. "
            "Give the newer card."
        )

    def key(self, secret: bytes, number: int) -> bytes:
        """32 bytes: the key of the enrolment's template of this number."""
        return template_key(secret, self.salt, self.enrolment, self.version, number)


def new_seal(source: str, before: Seal | None = None) -> Seal:
    """For a new enrolment, or the next version of one."""
    return Seal(
        before.enrolment if before else secrets.token_hex(16),
        before.version + 1 if before else 1,
        source,
    )


def new_card(seal: Seal, name: str) -> KeyCard:
    return KeyCard(name, seal.enrolment, seal.version, random_key())


class KeyStore(Database):
    """Seals at a place: a file's path, or any URL of SQLAlchemy, but never the vault's own."""

    def __init__(self, place: str | os.PathLike):
        super().__init__(place, "key store", VERSIONS, SCHEMA)

    def seals(self, templates: Sequence[str]) -> dict[str, tuple[Seal, int]]:
        """SHA-256 of a template -> its seal and number; a template that is not known here is left
        out.
        """
        if not self.is_there():
            return {}
        with self.begin() as connection:
            found = connection.execute(select(KEYS).where(KEYS.c.template.in_(templates))).all()
        return {
            row.template: (
                Seal(**{one.name: getattr(row, one.name) for one in fields(Seal)}),
                row.number,
            )
            for row in found
        }

    def add(self, seal: Seal, templates: Iterable[str]) -> None:
        """templates: their SHA-256, from number 1 on. Makes the tables where there are none."""
        with self.begin(making=True) as connection:
            connection.execute(
                insert(KEYS),
                [
                    asdict(seal) | {"template": template, "number": number}
                    for number, template in enumerate(templates, 1)
                ],
            )

    def destroy(self, enrolment: str, but: int | None = None) -> None:
        """All versions of an enrolment, `but` one. SQLite's file is overwritten where they were;
        another database may keep them until its own clean-up.
        """
        query = delete(KEYS).where(KEYS.c.enrolment == enrolment)
        if not self.is_there():
            return
        with self.begin() as connection:
            connection.execute(query if but is None else query.where(KEYS.c.version != but))

    def forget(self, templates: Sequence[str]) -> None:
        """Those of these templates alone."""
        if not self.is_there():
            return
        with self.begin() as connection:
            connection.execute(delete(KEYS).where(KEYS.c.template.in_(templates)))
