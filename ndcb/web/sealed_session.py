"""A visitor's sealed templates: enrol, log in and renew with a passphrase or a key card.

    photo + what was given -> secret -> vault -> accepted or refused, and nothing nearer

Neither a passphrase nor a card's key is kept: both are asked for each time, and are gone with the
call.
"""

from dataclasses import dataclass, field

from ndcb.core.terms import UserError
from ndcb.vault.key_card import KeyCard, KeyCards
from ndcb.vault.key_sources import Passphrase
from ndcb.vault.names import clean_name
from ndcb.vault.vault import Entry
from ndcb.web.session import OTHER_KIND, Visit, check_kind, find_faces, kinds_of, photos_of

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


@dataclass(frozen=True)
class SealedLogin:
    """A login against a sealed template: yes or no."""

    name: str
    """Whose template was tried, as they wrote it."""
    accepted: bool
    kind: str
    """`verify` or `replay`."""
    source: str
    """Where the key came from: passphrase or card."""
    faces: int = 1
    """Found in the probe; the first counts."""
    revoked: bool = False
    """The template that was replayed is not in the vault any more; a thief has a copy of it."""


def enrol(
    visit: Visit, name: str, paths: list[str | None], generator: str, given: Given
) -> tuple[Entry, KeyCard | None]:
    """Store a sealed template of each photo. Raises what `Vault.enrol_sealed` does;
    BadPicture: no photo.
    """
    visit.vault.sealed_generator = generator
    return visit.vault.enrol_sealed(name, photos_of(paths, generator), given.new())


def renew(
    visit: Visit, name: str, paths: list[str | None], generator: str, given: Given
) -> tuple[Entry, KeyCard | None]:
    """Put sealed templates under new keys in the place of all that a face's name has. Raises what
    `Vault.renew` does; BadPicture: no photo; UserError: the name is a digit's.
    """
    if "digit" in kinds_of(visit, name):
        raise UserError(OTHER_KIND["digit"])
    visit.vault.sealed_generator = generator
    return visit.vault.renew(name, photos_of(paths, generator), given.new())


def log_in(visit: Visit, name: str, path: str | None, generator: str, given: Given) -> SealedLogin:
    """1:1: the photo against the sealed templates of a name. Raises what
    `Vault.verify_sealed` does; UserError: no key was given, or the name was enrolled as the
    other kind.
    """
    check_kind(visit, name, generator)
    found = find_faces(visit, path, generator)
    secret = given.known()
    return SealedLogin(
        clean_name(name),
        visit.vault.verify_sealed(name, found[0], secret),
        "verify",
        secret.source,
        len(found),
    )


def _read_card(path: str | None) -> KeyCards:
    """Raises UserError: no file; BadKey, BadPicture."""
    if not path:
        raise UserError(NO_CARD)
    try:
        with open(path, "rb") as file:
            return KeyCards.open(file.read(LARGEST_CARD))
    except FileNotFoundError:  # the page's clean-up was quicker
        raise UserError(NO_CARD) from None
