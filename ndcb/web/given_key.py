"""What a visitor gives for a key: a passphrase or a key card.

Neither is kept: both are asked for each time, and are gone with the call.
"""

from dataclasses import dataclass, field

from ndcb.core.terms import UserError
from ndcb.vault.key_card import KeyCards
from ndcb.vault.key_sources import Passphrase

LARGEST_CARD = 2**24
"""Bytes of a card's file that are read."""
NO_PASSPHRASE = (
    "This needs the name's passphrase. Choose the sealed generator and the passphrase, and"
    " write it."
)
NO_CARD = (
    "This needs the name's key card. Choose the sealed generator and the key card, and give its"
    " file or a picture of it."
)


@dataclass(frozen=True)
class Given:
    """What the visitor gave for a key."""

    source: str = "passphrase"
    """passphrase or card."""
    passphrase: str = field(default="", repr=False)
    card: str | None = None
    """File of a card, or of a picture of it."""

    def known(self) -> Passphrase | KeyCards:
        """For a template that is there. Raises UserError: nothing was given; BadKey, BadPicture."""
        if self.source == "card":
            return _read_card(self.card)
        if not self.passphrase:
            raise UserError(NO_PASSPHRASE)
        return Passphrase(self.passphrase)

    def new(self) -> Passphrase | None:
        """For templates to be made; None: a new card is made with them. Raises BadKey."""
        return None if self.source == "card" else Passphrase(self.passphrase)


NO_KEY = Given()


def _read_card(path: str | None) -> KeyCards:
    """Raises UserError: no file; BadKey, BadPicture."""
    if not path:
        raise UserError(NO_CARD)
    try:
        with open(path, "rb") as file:
            return KeyCards.open(file.read(LARGEST_CARD))
    except FileNotFoundError:  # the page's clean-up was quicker
        raise UserError(NO_CARD) from None
