"""Keys of sealed templates: 32 bytes -> a secret rotation of the embedding space, and the three places a key can come from.

A key is computed anew each time, from a salt in the key store and from a secret: a passphrase, a random one that the person keeps on a
card, or one of the service. Nothing here writes a key to a file, a log or an error's text.
"""

import hashlib
import hmac
import json
import math
import secrets
import unicodedata
from base64 import b32decode, b32encode
from dataclasses import asdict, dataclass, field

import matplotlib
import numpy as np
import zxingcpp
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf import scrypt as kdf
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from PIL import Image, ImageDraw, ImageFont

from .terms import UserError

VERSION = 1
"""Raise it when this module gives other numbers: caches of measurements hold what it gave."""
KEY_BYTES = 32
SALT_BYTES = 16
FONT = f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans.ttf"
"""It has the letters of most names; Pillow's own has those of English."""
SHORTEST_PASSPHRASE = 8
STREAM = bytes(4) + b"ndcb rotate1"
"""ChaCha20's counter, 0, and its nonce: another use of a key takes another one."""


class BadKey(UserError):
    """No key can be had from what was given. The text never repeats it."""


def random_key() -> bytes:
    """32 bytes from the system's source of randomness."""
    return secrets.token_bytes(KEY_BYTES)


def rotation(key: bytes, size: int) -> np.ndarray:
    """Key of 32 bytes -> (size, size), float64: a rotation or reflection, uniform (Haar) over all of them for a uniform key.

    QR of a Gaussian matrix with R's diagonal made positive (Mezzadri 2007, arXiv math-ph/0609050). The same on every machine but for
    the last digits. Raises ValueError for a key of another length.
    """
    orthogonal, upper = np.linalg.qr(gaussians(key, size * size).reshape(size, size))
    return orthogonal * np.sign(np.diag(upper))


def gaussians(key: bytes, count: int) -> np.ndarray:
    """(count,), float64, independent standard normal numbers: Box-Muller on ChaCha20's key stream, 53 bits a uniform number."""
    if len(key) != KEY_BYTES:
        raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(key)}")
    pairs = -(-count // 2)
    stream = Cipher(algorithms.ChaCha20(key, STREAM), mode=None).encryptor().update(bytes(16 * pairs))
    first, second = (np.frombuffer(stream, "<u8") >> np.uint64(11)).reshape(pairs, 2).T.astype(np.float64)
    radius, angle = np.sqrt(-2 * np.log((first + 1) / 2**53)), 2 * math.pi * second / 2**53
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1).ravel()[:count]


def template_key(secret: bytes, salt: bytes, enrolment: str, version: int, number: int) -> bytes:
    """The key of one template of an enrolment's version: HKDF-SHA256 (RFC 5869). Without the salt, which the key store holds and
    revoking destroys, the secret gives no key any more."""
    info = json.dumps(["ndcb sealed template", enrolment, version, number]).encode()
    return HKDF(SHA256(), KEY_BYTES, salt, info).derive(secret)


@dataclass(frozen=True)
class Scrypt:
    """The parameters of a slow hash (RFC 7914), stored beside its salt so that they can be raised later."""

    n: int = 2**15
    """Cost, a power of two; n * r * 128 bytes of memory."""
    r: int = 8
    p: int = 3

    def hash(self, text: bytes, salt: bytes) -> bytes:
        """32 bytes."""
        return kdf.Scrypt(salt, KEY_BYTES, self.n, self.r, self.p).derive(text)


@dataclass(frozen=True)
class Passphrase:
    """What a person remembers. Raises BadKey where it is too short. The same text in another Unicode form is the same passphrase."""

    text: str = field(repr=False)
    source = "passphrase"

    def __post_init__(self):
        if len(self.normal) < SHORTEST_PASSPHRASE:
            raise BadKey(f"The passphrase is too short. Take at least {SHORTEST_PASSPHRASE} characters; several words are best.")

    @property
    def normal(self) -> str:
        return unicodedata.normalize("NFKC", self.text)

    def secret(self, salt: bytes, scrypt: Scrypt) -> bytes:
        """32 bytes; slow on purpose."""
        return scrypt.hash(self.normal.encode(), salt)


@dataclass(frozen=True)
class ServiceSecret:
    """A secret of the service, from which the keys of all its people are computed. Raises BadKey where it is short."""

    value: bytes = field(repr=False)
    source = "service"

    def __post_init__(self):
        if len(self.value) < KEY_BYTES:
            raise BadKey(f"The service's secret is too short. It needs at least {KEY_BYTES} random bytes.")


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
            fits = found["ndcb_key_card"] == 1 and isinstance(body["version"], int) and hmac.compare_digest(found["check"], _check(body))
        except (ValueError, TypeError, KeyError, RecursionError):  # ValueError: JSON's, base32's, Unicode's
            fits = False
        if not fits or len(key) != KEY_BYTES or not all(isinstance(body[name], str) for name in ("name", "enrolment")):
            raise BadKey("This is no key card, or it is damaged. Give the file or the picture that was made at enrolment.")
        return cls(body["name"], body["enrolment"], body["version"], key)

    def picture(self) -> Image.Image:
        """A card to print, grey, 8 bits: a QR code of the text with what a person wants to read above it."""
        code = zxingcpp.create_barcode(self.text(), zxingcpp.BarcodeFormat.QRCode, ec_level="Q")
        code = Image.fromarray(np.array(code.to_image(scale=6)))
        card = Image.new("L", (code.width, code.height + 70), 255)
        card.paste(code, (0, 70))
        draw = ImageDraw.Draw(card)
        large, small = (ImageFont.truetype(FONT, points) for points in (22, 11))
        draw.text((24, 16), f"Key card {self.version}: {_shortened(self.name)}", 0, large)
        draw.text((24, 50), "This is your key: keep it secret, and apart from the vault.", 0, small)
        return card

    @classmethod
    def open(cls, data: bytes) -> "KeyCard":
        """The card in a file's bytes: its text, or a picture of it. Raises BadKey, BadPicture."""
        from .images import read_picture  # slow to import, and of no use to who types a passphrase

        return cls.read(data.decode(errors="replace")) if data.lstrip()[:1] == b"{" else cls.scan(read_picture(data))

    @classmethod
    def scan(cls, picture: Image.Image) -> "KeyCard":
        """The card in a picture, a photo or a scan of it. Raises BadKey."""
        for code in zxingcpp.read_barcodes(picture.convert("L"), zxingcpp.BarcodeFormat.QRCode):
            return cls.read(code.text)
        raise BadKey("No key card is seen in this picture. Take it from the front, sharp, with the whole square in it.")


def _check(body: dict) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:8]


def _shortened(name: str, most: int = 18) -> str:
    return name if len(name) <= most else name[:most - 1] + "…"
