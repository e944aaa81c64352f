"""Keys of sealed templates: 32 bytes -> a secret rotation of the embedding space.

A key is computed anew each time, from a salt in the key store and a secret
(`ndcb.vault.key_sources`, `ndcb.vault.key_card`). It is never written to a file, a log or an
error's text.
"""

import json
import math
import secrets

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

VERSION = 1
"""Raise it when this module gives other numbers: caches of measurements hold what it gave."""
KEY_BYTES = 32
SALT_BYTES = 16
STREAM = bytes(4) + b"ndcb rotate1"
"""ChaCha20's counter, 0, and its nonce. A key that is used for something else takes another one."""


def random_key() -> bytes:
    """32 bytes from the system's source of randomness."""
    return secrets.token_bytes(KEY_BYTES)


def template_key(secret: bytes, salt: bytes, enrolment: str, version: int, number: int) -> bytes:
    """The key of one template of an enrolment's version: HKDF-SHA256 (RFC 5869).

    Only the key store holds the salt, and revoking destroys it. Without it the secret gives no key.
    """
    info = json.dumps(["ndcb sealed template", enrolment, version, number]).encode()
    return HKDF(SHA256(), KEY_BYTES, salt, info).derive(secret)


def rotation(key: bytes, size: int) -> np.ndarray:
    """Key of 32 bytes -> an orthogonal matrix (size, size), float64: a rotation or reflection.

    For a uniform key it is uniform (Haar) over all of them: QR of a Gaussian matrix, with R's
    diagonal made positive (Mezzadri 2007, arXiv math-ph/0609050). It is the same on every machine
    but for the last digits. Raises ValueError for a key of another length.
    """
    orthogonal, upper = np.linalg.qr(gaussians(key, size * size).reshape(size, size))
    return orthogonal * np.sign(np.diag(upper))


def gaussians(key: bytes, count: int) -> np.ndarray:
    """(count,), float64: independent standard normal numbers.

    Box-Muller on ChaCha20's key stream, 53 bits a uniform number.
    """
    if len(key) != KEY_BYTES:
        raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(key)}")

    pairs = -(-count // 2)
    cipher = Cipher(algorithms.ChaCha20(key, STREAM), mode=None)
    stream = cipher.encryptor().update(bytes(16 * pairs))
    integers = np.frombuffer(stream, "<u8") >> np.uint64(11)
    first, second = integers.reshape(pairs, 2).T.astype(np.float64)

    radius, angle = np.sqrt(-2 * np.log((first + 1) / 2**53)), 2 * math.pi * second / 2**53
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1).ravel()[:count]
