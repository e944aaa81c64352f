"""Key cards: a random secret that a person keeps in a small file or on paper.

KeyCard -> a line of JSON, or a picture with a QR code -> KeyCards
"""

import hashlib
import hmac
import json
from base64 import b32decode, b32encode
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field

import zxingcpp
from PIL import Image

from ndcb.core.terms import BadPicture, UserError
from ndcb.core.text import decode_text
from ndcb.vault.card_picture import draw_card
from ndcb.vault.key_sources import BadKey
from ndcb.vault.keys import KEY_BYTES

FORMAT = "ndcb_key_card"
FORMAT_VERSION = 1
NO_CARD = (
    "This is no key card, or it is damaged. Give the file or the picture that was made at "
    "enrolment."
)
NO_CODE = (
    "No key card is seen in this picture. Take it from the front, sharp, with the whole square in "
    "it."
)


@dataclass(frozen=True)
class KeyCard:
    """A random secret that the person keeps, as a small file or as a picture to print and scan."""

    name: str
    """Whose login."""
    enrolment: str
    """Names the enrolment in the vault."""
    version: int
    """Of the enrolment's key; it grows when the template is renewed."""
    key: bytes = field(repr=False)
    source = "card"

    def text(self) -> str:
        """One line of JSON, with a checksum against slips of copying."""
        body = asdict(self) | {"key": b32encode(self.key).decode().rstrip("=")}
        return json.dumps({FORMAT: FORMAT_VERSION, **body, "check": _check(body)})

    @classmethod
    def read(cls, text: str) -> "KeyCard":
        """The card whose `text` it is. Raises BadKey."""
        card = None
        with suppress(ValueError, TypeError, KeyError, RecursionError):  # of JSON, base32, Unicode
            card = cls._parsed(json.loads(text))
        if card is None:  # raised out here, so that no error below it holds the text
            raise BadKey(NO_CARD)
        return card

    @classmethod
    def _parsed(cls, card: dict) -> "KeyCard":
        """Raises ValueError, TypeError or KeyError where it is no card."""
        body = {name: card[name] for name in ("name", "enrolment", "version", "key")}
        key = b32decode(body["key"] + "=" * (-len(body["key"]) % 8))
        fits = (
            card[FORMAT] == FORMAT_VERSION
            and isinstance(body["name"], str)
            and isinstance(body["enrolment"], str)
            and isinstance(body["version"], int)
            and len(key) == KEY_BYTES
            and hmac.compare_digest(card["check"], _check(body))
        )
        if not fits:
            raise ValueError
        return cls(body["name"], body["enrolment"], body["version"], key)

    def picture(self) -> Image.Image:
        """A card to print, grey, 8 bits: a QR code of the text under the name and the version."""
        return draw_card(self.name, self.version, self.text())


@dataclass(frozen=True)
class KeyCards:
    """The cards in one file or on one sheet. `ndcb.vault.seals.Seal` says which one counts."""

    cards: tuple[KeyCard, ...]
    source = "card"

    @classmethod
    def open(cls, data: bytes) -> "KeyCards":
        """The cards in a file's bytes: their text in any encoding, or a picture of them.

        Raises BadKey, BadPicture.
        """
        # slow to import, and of no use to a person who types a passphrase
        from ndcb.faces.images import read_picture

        text = _text_of(data)
        if text.startswith("{"):
            return cls.read(text)
        try:
            return cls.scan(read_picture(data))
        except BadPicture:
            if text:
                raise BadKey(NO_CARD) from None
            raise

    @classmethod
    def read(cls, text: str) -> "KeyCards":
        """Texts of cards, one after another. Raises BadKey: none of them is one."""
        return cls._of(_objects(text))

    @classmethod
    def scan(cls, picture: Image.Image) -> "KeyCards":
        """The cards in a picture, a photo or a scan of them. Raises BadKey."""
        codes = zxingcpp.read_barcodes(picture.convert("L"), zxingcpp.BarcodeFormat.QRCode)
        if not codes:
            raise BadKey(NO_CODE)
        return cls._of(code.text for code in codes)

    @classmethod
    def _of(cls, texts: Iterable[str]) -> "KeyCards":
        """Texts that are no card are passed over. Raises BadKey: none is one."""
        cards = []
        for text in texts:
            with suppress(BadKey):
                cards.append(KeyCard.read(text))
        if not cards:
            raise BadKey(NO_CARD)
        return cls(tuple(cards))


def _check(body: dict) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:8]


def _text_of(data: bytes) -> str:
    """Empty where it is no text."""
    try:
        return decode_text(data).strip()
    except UserError:
        return ""


def _objects(text: str) -> Iterator[str]:
    """JSON objects one after another -> the text of each; what is no JSON comes as one text."""
    while text := text.strip():
        try:
            _, end = json.JSONDecoder().raw_decode(text)
        except (ValueError, RecursionError):
            end = len(text)
        yield text[:end]
        text = text[end:]
