"""Keys of sealed templates: 32 bytes -> a secret rotation of the embedding space, and the three places a key can come from.

A key is either drawn at random and kept by the person on a card, or computed anew each time from a passphrase or from a secret of the
service. Nothing here writes a key to a file, a log or an error's text.
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
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from PIL import Image, ImageDraw, ImageFont

from .terms import UserError

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


@dataclass(frozen=True)
class Passphrase:
    """What is stored beside a template whose key comes from a passphrase: scrypt's parameters (RFC 7914), never the passphrase."""

    salt: bytes = field(default_factory=lambda: secrets.token_bytes(SALT_BYTES))
    n: int = 2**15
    """Cost, a power of two; n * r * 128 bytes of memory."""
    r: int = 8
    p: int = 3

    def key(self, passphrase: str) -> bytes:
        """Slow on purpose. The same text in another Unicode form gives the same key. Raises BadKey where it is too short."""
        text = unicodedata.normalize("NFKC", passphrase)
        if len(text) < SHORTEST_PASSPHRASE:
            raise BadKey(f"The passphrase is too short. Take at least {SHORTEST_PASSPHRASE} characters; several words are best.")
        return Scrypt(self.salt, KEY_BYTES, self.n, self.r, self.p).derive(text.encode())


def service_key(secret: bytes, enrolment: str, version: int) -> bytes:
    """The key of one enrolment's version from the secret of a service: HKDF-SHA256 (RFC 5869). Raises BadKey for a short secret."""
    if len(secret) < KEY_BYTES:
        raise BadKey(f"The service's secret is too short. It needs at least {KEY_BYTES} random bytes.")
    info = json.dumps(["ndcb sealed template", enrolment, version]).encode()
    return HKDF(SHA256(), KEY_BYTES, None, info).derive(secret)


@dataclass(frozen=True)
class KeyCard:
    """A random key that the person keeps, as a small file or as a picture to print and scan."""

    name: str
    """Whose login."""
    enrolment: str
    """Names the enrolment in the vault."""
    version: int
    """Of the enrolment's key; it grows when the template is renewed."""
    key: bytes = field(repr=False)

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
    def scan(cls, picture: Image.Image) -> "KeyCard":
        """The card in a picture, a photo or a scan of it. Raises BadKey."""
        for code in zxingcpp.read_barcodes(picture.convert("L"), zxingcpp.BarcodeFormat.QRCode):
            return cls.read(code.text)
        raise BadKey("No key card is seen in this picture. Take it from the front, sharp, with the whole square in it.")


def _check(body: dict) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:8]


def _shortened(name: str, most: int = 18) -> str:
    return name if len(name) <= most else name[:most - 1] + "…"
