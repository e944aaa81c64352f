"""Keys of sealed templates: 32 bytes -> a secret rotation of the embedding space, and the three
places a key can come from.

A key is computed anew each time, from a salt in the key store and from a secret: a passphrase, a
random one that the person keeps on a card, or one of the service. Nothing here writes a key to a
file, a log or an error's text.
"""

import hashlib
import hmac
import json
import math
import secrets
import unicodedata
from base64 import b32decode, b32encode
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import zxingcpp
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf import scrypt as kdf
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from PIL import Image, ImageDraw, ImageFont

from ndcb.core.terms import BadPicture, UserError
from ndcb.core.text import decode_text
from ndcb.vault.names import INVISIBLE

VERSION = 1
"""Raise it when this module gives other numbers: caches of measurements hold what it gave."""
KEY_BYTES = 32
SALT_BYTES = 16
FONT = Path(__file__).with_name("fonts") / "DejaVuSans-names.ttf"
"""It has the letters of European names; Pillow's own has those of English."""
SHORTEST_PASSPHRASE = 8
BYTE_ORDER_MARK = "\ufeff"
NO_CARD = (
    "This is no key card, or it is damaged. Give the file or the picture that was made at "
    "enrolment."
)
NO_CODE = (
    "No key card is seen in this picture. Take it from the front, sharp, with the whole square in "
    "it."
)
STREAM = bytes(4) + b"ndcb rotate1"
"""ChaCha20's counter, 0, and its nonce: another use of a key takes another one."""


class BadKey(UserError):
    """No key can be had from what was given. The text never repeats it."""


def random_key() -> bytes:
    """32 bytes from the system's source of randomness."""
    return secrets.token_bytes(KEY_BYTES)


def rotation(key: bytes, size: int) -> np.ndarray:
    """Key of 32 bytes -> (size, size), float64: a rotation or reflection, uniform (Haar) over all
    of them for a uniform key.

    QR of a Gaussian matrix with R's diagonal made positive (Mezzadri 2007, arXiv math-ph/0609050).
    The same on every machine but for the last digits. Raises ValueError for a key of another
    length.
    """
    orthogonal, upper = np.linalg.qr(gaussians(key, size * size).reshape(size, size))
    return orthogonal * np.sign(np.diag(upper))


def gaussians(key: bytes, count: int) -> np.ndarray:
    """(count,), float64, independent standard normal numbers: Box-Muller on ChaCha20's key stream,
    53 bits a uniform number.
    """
    if len(key) != KEY_BYTES:
        raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(key)}")
    pairs = -(-count // 2)
    stream = (
        Cipher(algorithms.ChaCha20(key, STREAM), mode=None).encryptor().update(bytes(16 * pairs))
    )
    first, second = (
        (np.frombuffer(stream, "<u8") >> np.uint64(11)).reshape(pairs, 2).T.astype(np.float64)
    )
    radius, angle = np.sqrt(-2 * np.log((first + 1) / 2**53)), 2 * math.pi * second / 2**53
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1).ravel()[:count]


def template_key(secret: bytes, salt: bytes, enrolment: str, version: int, number: int) -> bytes:
    """The key of one template of an enrolment's version: HKDF-SHA256 (RFC 5869). Without the salt,
    which the key store holds and revoking destroys, the secret gives no key any more.
    """
    info = json.dumps(["ndcb sealed template", enrolment, version, number]).encode()
    return HKDF(SHA256(), KEY_BYTES, salt, info).derive(secret)


@dataclass(frozen=True)
class Scrypt:
    """The parameters of a slow hash (RFC 7914), stored beside its salt so that they can be raised
    later.
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

    The same text in another Unicode form is the same passphrase. A byte order mark before it, which
    some programs put before a file's first line, does not belong to it.
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

        They took the mark for a part of the passphrase. Of other texts there is one secret: a
        second one would double the chance that a wrong passphrase lets somebody in.
        """
        found = [self.secret(salt, scrypt)]
        if self.text.startswith(BYTE_ORDER_MARK):
            found.append(scrypt.hash(unicodedata.normalize("NFKC", self.text).encode(), salt))
        return found


@dataclass(frozen=True)
class ServiceSecret:
    """A secret of the service, from which the keys of all its people are computed. Raises BadKey
    where it is short.
    """

    value: bytes = field(repr=False)
    source = "service"

    def __post_init__(self):
        if len(self.value) < KEY_BYTES:
            raise BadKey(
                f"The service's secret is too short. It needs at least {KEY_BYTES} random bytes."
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
        return json.dumps({"ndcb_key_card": 1, **body, "check": _check(body)}, ensure_ascii=True)

    @classmethod
    def read(cls, text: str) -> "KeyCard":
        """What `text` wrote. Raises BadKey."""
        try:
            found = json.loads(text)
            body = {name: found[name] for name in ("name", "enrolment", "version", "key")}
            key = b32decode(body["key"] + "=" * (-len(body["key"]) % 8))
            fits = (
                found["ndcb_key_card"] == 1
                and isinstance(body["version"], int)
                and hmac.compare_digest(found["check"], _check(body))
            )
        except (
            ValueError,
            TypeError,
            KeyError,
            RecursionError,
        ):  # ValueError: JSON's, base32's, Unicode's
            fits = False
        if (
            not fits
            or len(key) != KEY_BYTES
            or not all(isinstance(body[name], str) for name in ("name", "enrolment"))
        ):
            raise BadKey(NO_CARD)
        return cls(body["name"], body["enrolment"], body["version"], key)

    def picture(self) -> Image.Image:
        """A card to print, grey, 8 bits: a QR code of the text with what a person wants to read
        above it.
        """
        code = zxingcpp.create_barcode(self.text(), zxingcpp.BarcodeFormat.QRCode, ec_level="Q")
        code = Image.fromarray(np.array(code.to_image(scale=6)))
        card = Image.new("L", (code.width, code.height + 70), 255)
        card.paste(code, (0, 70))
        draw = ImageDraw.Draw(card)
        large, small = _font(22), _font(11)
        title = f"Key card {self.version}: "
        room = card.width - 48 - large.getlength(title)
        draw.text((24, 16), title + _printed(self.name, large, room), 0, large)
        draw.text((24, 50), "This is your key: keep it secret, and apart from the vault.", 0, small)
        return card


@dataclass(frozen=True)
class KeyCards:
    """The cards in one file or on one sheet. `ndcb.vault.key_store.Seal` says which one counts."""

    cards: tuple[KeyCard, ...]
    source = "card"

    @classmethod
    def open(cls, data: bytes) -> "KeyCards":
        """The cards in a file's bytes: their text in any encoding, or a picture of them.

        Raises BadKey, BadPicture.
        """
        from ndcb.faces.images import (
            read_picture,  # slow to import, and of no use to who types a passphrase
        )

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
        """What is no card is passed over."""
        found = []
        for text in texts:
            with suppress(BadKey):
                found.append(KeyCard.read(text))
        if not found:
            raise BadKey(NO_CARD)
        return cls(tuple(found))


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


def _font(points: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(FONT), points, layout_engine=ImageFont.Layout.BASIC)


def _printed(name: str, font: ImageFont.FreeTypeFont, room: float) -> str:
    """The name as the font can show it in so many pixels, or a line to write it on.

    Where a letter is missing, the font would draw boxes.
    """
    name = " ".join(INVISIBLE.sub("", name).split())
    missing = bytes(font.getmask("\uffff"))
    if any(bytes(font.getmask(letter)) == missing for letter in name):
        return "_" * 18

    shown = name
    while font.getlength(shown) > room:
        shown = shown.removesuffix("…")[:-1] + "…"
    return shown
