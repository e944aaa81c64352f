"""What seals a template: T = D(R_k z(X)), where the key k is not in the vault.

    name + photo + secret -> key -> rotation R_k -> template and salt, each into its own database
    name + photo + secret -> key -> R_k z(photo) against z(template) -> yes or no

**Without k, T reveals nothing about X.** A uniform key gives a rotation R_k that is uniform over
all rotations. So for any unit vector z(X), R_k z(X) is uniform on the sphere. T is a function of
R_k z(X) alone. Hence T has the same distribution whoever X is, and templates under independent keys
are independent of each other. This is the secrecy of a one-time pad, whatever a thief computes. It
assumes that ChaCha20 and HKDF cannot be told from chance, and that the secret stays secret. A
passphrase is as secret as it is hard to guess: a thief of both databases who has a photo of the
person can try guesses at home. What is written beside T is not hidden: how many templates there
are, when they were made, of whose names, and how good their photos were.

What is still possible:
- Whoever has the key and the template has z(X), a leaked embedding.
- Whoever has the key and a photo of the person logs in.
- Whoever has taken over the service sees photos and secrets as they come.
Polishing a template (`polish_steps`) keeps T a function of R_k z(X), so it changes nothing.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch

from ndcb.models.pipeline import Distorter
from ndcb.vault.key_card import KeyCard, KeyCards
from ndcb.vault.key_sources import BadKey, Passphrase, Scrypt, ServiceSecret
from ndcb.vault.keys import SALT_BYTES, random_key, rotation, template_key

SOURCES = {"passphrase": "a passphrase", "card": "a key card", "service": "the service's secret"}
ANOTHER_SOURCE = "This template was sealed with {}, not with {}. Give that."
ANOTHER_ENROLMENT = "{} to another enrolment. Give the card that was made for this name."
OLDER_STORE = (
    "This key card has version {}, and the key store has version {}: it is older than the card. "
    "Name the key store that was in use when the card was made."
)
OLDER_CARD = (
    "This key card has version {}, and the template was renewed: it needs version {}. Give the "
    "newer card."
)

Secret = Passphrase | KeyCard | KeyCards | ServiceSecret
NewSecret = Passphrase | ServiceSecret | None
"""Of templates to be made; None: a random one, on a key card."""
Turns = Callable[[int], torch.Tensor | None]
"""The number of a template, from 1 on -> the rotation (d, d) that its key gives; None: plain."""


@dataclass(frozen=True)
class Seal:
    """What an enrolment's templates have in common."""

    enrolment: str
    """32 hexadecimal digits that say nothing about the name."""
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
        return self.secrets(given)[0]

    def secrets(self, given: Secret) -> list[bytes]:
        """`secret`, and what an older version may have taken for it. Raises what `secret` does."""
        if given.source != self.source:
            raise BadKey(ANOTHER_SOURCE.format(SOURCES[self.source], SOURCES[given.source]))
        if isinstance(given, Passphrase):
            return given.secrets(self.salt, Scrypt(self.n, self.r, self.p))
        if isinstance(given, ServiceSecret):
            return [given.value]
        return [self._card(given.cards if isinstance(given, KeyCards) else (given,)).key]

    def key(self, secret: bytes, number: int) -> bytes:
        """32 bytes: the key of the enrolment's template of this number."""
        return template_key(secret, self.salt, self.enrolment, self.version, number)

    def turns(self, secret: bytes, distorter: Distorter) -> Turns:
        """The rotations of the enrolment's templates."""
        size = distorter.generator.model.config.directions
        return lambda number: torch.from_numpy(rotation(self.key(secret, number), size)).float()

    def _card(self, cards: Sequence[KeyCard]) -> KeyCard:
        """The card that belongs to this enrolment and version. Raises BadKey: none does."""
        own = [card for card in cards if card.enrolment == self.enrolment]
        for card in own:
            if card.version == self.version:
                return card
        if not own:
            several = f"These {len(cards)} key cards belong"
            raise BadKey(
                ANOTHER_ENROLMENT.format(several if len(cards) > 1 else "This key card belongs")
            )
        newest = max(card.version for card in own)
        sentence = OLDER_STORE if newest > self.version else OLDER_CARD
        raise BadKey(sentence.format(newest, self.version))


def new_seal(source: str, before: Seal | None = None) -> Seal:
    """For a new enrolment, or the next version of one."""
    if before:
        return Seal(before.enrolment, before.version + 1, source)
    return Seal(secrets.token_hex(16), 1, source)


def new_card(seal: Seal, name: str) -> KeyCard:
    return KeyCard(name, seal.enrolment, seal.version, random_key())
