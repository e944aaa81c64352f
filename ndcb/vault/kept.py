"""F(T) beside its template, in half precision: written, checked, and how far off it can be.

It follows from T, which lies in the same database, so it reveals nothing new. A digest binds it to
T, to the generator and to the recogniser's weights: what is damaged, stale or another template's is
found out, and T is embedded anew. The digest needs no secret, so it stops nobody who may write the
database: they may replace T itself.
"""

import hashlib
import sys
from collections.abc import Sequence
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import nn

from ndcb.generators.sealed import Directions
from ndcb.models.acceleration import in_torch
from ndcb.models.pipeline import Distorter
from ndcb.recognisers.converted import weights_sha256

SHIFT = 5e-4
"""The most that half precision moves a unit vector of up to 4,096 numbers: each is rounded by at
most 2**-11 of itself, or by 2**-25 where it is tiny."""
OFF_LENGTH = 2e-3
"""A kept embedding's squared length differs from 1 by less."""
_weights: WeakKeyDictionary[nn.Module, str] = WeakKeyDictionary()


class Kept(NamedTuple):
    """A row of the table of embeddings, as it was read: any field may hold anything."""

    template: int
    """The id of the template's row."""
    sha256: str
    """Of the template's PNG."""
    generator: str
    recogniser: str
    weights: str
    """`weights_of` the recogniser."""
    embedding: bytes
    """F(T), float16, little-endian."""
    digest: str
    """Of all of the above but the template's id, which a renewed database may give anew."""

    @property
    def is_whole(self) -> bool:
        """Is it what was written? Says nothing about the template that lies there now."""
        is_bytes = isinstance(self.embedding, bytes) and len(self.embedding) >= 2
        return is_bytes and len(self.embedding) % 2 == 0 and self.digest == _digest(*self[1:6])

    def fits(self, of: Sequence[str], size: int) -> bool:
        """Is it whole, of unit length, of `size` numbers, and of this template?

        of: sha256, generator, recogniser and weights, as they are now.
        """
        if tuple(self[1:5]) != tuple(of) or not self.is_whole:
            return False
        return len(self.embedding) == 2 * size and bool(are_sound(unpacked([self.embedding]))[0])


def keep(
    template: int, of: tuple[str, str, str, str], embedding: torch.Tensor
) -> dict[str, int | str | bytes]:
    """A row of the table. of: as in `Kept.fits`. embedding: F(T), (m,)."""
    packed = embedding.numpy().astype("<f2").tobytes()
    return Kept(template, *of, packed, _digest(*of, packed))._asdict()


def unpacked(embeddings: Sequence[bytes]) -> torch.Tensor:
    """Kept embeddings of one length -> (n, m), float16."""
    numbers = np.frombuffer(b"".join(embeddings), "<f2").astype(np.float16)
    return torch.from_numpy(numbers.reshape(len(embeddings), -1))


def are_sound(embeddings: torch.Tensor) -> torch.Tensor:
    """(n, m) -> (n,), bool: of unit length, so finite."""
    return (squared_lengths(embeddings) - 1).abs() < OFF_LENGTH


def squared_lengths(embeddings: torch.Tensor) -> torch.Tensor:
    """(n, m), of any precision -> (n,), float32."""
    return embeddings.float().square().sum(1)


def error_of(squared_distance):
    """The most by which half precision changes a squared distance: about 1e-3 at 1.

    |d**2 - e**2| <= |d - e| (d + e), and the distances d and e differ by at most SHIFT.
    """
    return SHIFT * (2 * squared_distance**0.5 + SHIFT)


def weights_of(distorter: Distorter) -> str:
    """SHA-256 of what fixes the recogniser's numbers: its weights, and the version of its code.

    The same in torch and in ONNX Runtime.
    """
    recogniser = distorter.recogniser
    if recogniser not in _weights:
        digest = hashlib.sha256()
        for network in _networks(recogniser):
            version = getattr(sys.modules[type(network).__module__], "VERSION", None)
            about = f"{type(network).__name__} {version} {weights_sha256(network)} "
            digest.update(about.encode())
        _weights[recogniser] = digest.hexdigest()
    return _weights[recogniser]


def _networks(recogniser: nn.Module) -> list[nn.Module]:
    """What the recogniser is made of, in torch."""
    if isinstance(recogniser, Directions):
        return [in_torch(recogniser.recogniser), in_torch(recogniser.generator)]
    return [in_torch(recogniser)]


def _digest(sha256: str, generator: str, recogniser: str, weights: str, embedding: bytes) -> str:
    about = "\0".join(map(str, (sha256, generator, recogniser, weights)))
    return hashlib.sha256(about.encode(errors="replace") + b"\0" + embedding).hexdigest()
