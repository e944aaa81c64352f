"""Secrets that keys are computed from: a person's passphrase, or one secret of the service.

The third source, a key card, is `ndcb.vault.key_card`.
"""

import unicodedata
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.kdf import scrypt as kdf

from ndcb.core.terms import UserError
from ndcb.vault.keys import KEY_BYTES

SHORTEST_PASSPHRASE = 8
BYTE_ORDER_MARK = "\ufeff"


class BadKey(UserError):
    """No key can be had from what was given. The text never repeats it."""


@dataclass(frozen=True)
class Scrypt:
    """The parameters of a slow hash (RFC 7914).

    They are stored beside its salt, so that they can be raised later.
    """

    n: int = 2**15
    """Cost, a power of two; n * r * 128 bytes of memory."""
    r: int = 8
    p: int = 3

    def hash(self, text: bytes, salt: bytes) -> bytes:
        """32 bytes."""
        return kdf.Scrypt(salt, KEY_BYTES, self.n, self.r, self.p).derive(text)


@dataclass(frozen=True)
class Passphrase:
    """What a person remembers. Raises BadKey where it is too short.

    The same text in another Unicode form is the same passphrase. Some programs put a byte order
    mark before a file's first line; it does not belong to the passphrase.
    """

    text: str = field(repr=False)
    source = "passphrase"

    def __post_init__(self):
        if len(self.normal) < SHORTEST_PASSPHRASE:
            raise BadKey(
                f"The passphrase is too short. Take at least {SHORTEST_PASSPHRASE} characters;"
                " several words are best."
            )
        if any(unicodedata.category(character) == "Cs" for character in self.text):
            raise BadKey("The passphrase holds half a character. Write it anew.")

    @property
    def normal(self) -> str:
        return unicodedata.normalize("NFKC", self.text.lstrip(BYTE_ORDER_MARK))

    def secret(self, salt: bytes, scrypt: Scrypt) -> bytes:
        """32 bytes; slow on purpose."""
        return scrypt.hash(self.normal.encode(), salt)

    def secrets(self, salt: bytes, scrypt: Scrypt) -> list[bytes]:
        """`secret`, and what older versions made of a text that has a byte order mark.

        They took the mark for a part of the passphrase. A text without a mark has one secret only:
        a second one would double the chance that a wrong passphrase lets somebody in.
        """
        secrets = [self.secret(salt, scrypt)]
        if self.text.startswith(BYTE_ORDER_MARK):
            with_mark = unicodedata.normalize("NFKC", self.text)
            secrets.append(scrypt.hash(with_mark.encode(), salt))
        return secrets


@dataclass(frozen=True)
class ServiceSecret:
    """One secret of the service, for the keys of all its people. Raises BadKey where it is
    short."""

    value: bytes = field(repr=False)
    source = "service"

    def __post_init__(self):
        if len(self.value) < KEY_BYTES:
            raise BadKey(
                f"The service's secret is too short. It needs at least {KEY_BYTES} random bytes."
            )
