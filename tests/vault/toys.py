"""Toy people, toy models that tell them apart, fast and without a mistake, and a vault of them."""

from dataclasses import dataclass

import numpy as np
import torch
from cryptography.hazmat.primitives.kdf import scrypt
from PIL import Image
from torch import nn

from ndcb.core.terms import BY_BOX, DEFAULT_SEALED, Face, NoFaceFound, UnknownName
from ndcb.faces.images import read_picture
from ndcb.models.checkpoints import Checkpoint
from ndcb.models.pipeline import Distorter
from ndcb.vault.vault import Vault

VERSION = 1
"""For the cache of measurements."""
SIDE = 32
THRESHOLD = 0.5
NOBODY = Image.new("RGB", (SIDE, SIDE))


class Negative(nn.Module):
    """A generator: what is light gets dark."""

    reads = "picture"

    def forward(self, pictures):
        return 1 - pictures


class Contrast(nn.Module):
    """A recogniser that a negative cannot fool: 48 averages of the distance from grey, as a unit
    vector.
    """

    image_shape = (3, SIDE, SIDE)
    alignment = BY_BOX

    def __init__(self, sign: int = 1):
        super().__init__()
        self.sign = nn.Parameter(torch.tensor(float(sign)))
        self.pictures = 0

    def forward(self, pictures):
        self.pictures += len(pictures)
        contrast = nn.functional.avg_pool2d((pictures - 0.5).abs(), 8).flatten(1)
        return self.sign * nn.functional.normalize(contrast - contrast.mean(1, keepdim=True))


def toy(
    name: str = "toy", recogniser: str = "contrast", sign: int = 1, threshold: float = THRESHOLD
) -> Distorter:
    """With an older program's record, which has one threshold."""
    record = {"training": {"alpha": 0.1}, "threshold": threshold, "recogniser": recogniser}
    return Distorter(Checkpoint(name, Negative().eval(), record), Contrast(sign).eval())


def measured(distorter: Distorter, **thresholds: float) -> Distorter:
    """The same with a record of thresholds by FMR: `at_1e_3` for that of 1e-3."""
    by_fmr = {
        name.removeprefix("at_").replace("_", "-"): limit for name, limit in thresholds.items()
    }
    distorter.generator.record.update(threshold=by_fmr["1e-3"], thresholds=by_fmr)
    return distorter


class ToyModels:
    """What a vault asks of `Models`. A black picture has no face in it."""

    def __init__(self, *distorters: Distorter):
        self.distorters = {
            distorter.generator.name: distorter for distorter in distorters or [toy()]
        }

    def find(self, source, aligned=False):
        picture = read_picture(source)
        if picture.getextrema() == NOBODY.getextrema():
            raise NoFaceFound()
        return [Face(picture, None)]

    def distorter(self, name):
        if name not in self.distorters:
            raise UnknownName("checkpoint", name, self.distorters)
        return self.distorters[name]


def photo(person: int, shot: int = 0) -> Image.Image:
    """A person is 4x4 coloured squares; every shot has noise of its own."""
    squares = np.random.default_rng(person).integers(20, 236, (4, 4, 3))
    noise = np.random.default_rng([person, shot]).integers(-12, 13, (SIDE, SIDE, 3))
    return Image.fromarray(np.uint8(np.kron(squares, np.ones((8, 8, 1))) + noise))


def toy_vault(place, *distorters) -> Vault:
    models = ToyModels(*distorters)
    return Vault(place, models, generator=next(iter(models.distorters)))


# sealed


@dataclass(frozen=True)
class SquaresConfig:
    directions: int = 48


class Squares(nn.Module):
    """A sealed generator: a picture of 4x4 squares in three colours.

    Each number of a direction is the brightness of one square in one colour.
    """

    reads = "direction"
    config = SquaresConfig()

    def forward(self, direction):
        return (
            (0.5 + 0.9 * direction)
            .clamp(0, 1)
            .reshape(-1, 3, 4, 4)
            .repeat_interleave(8, 2)
            .repeat_interleave(8, 3)
        )


class Colours(nn.Module):
    """A recogniser: the squares' brightness, as a unit vector."""

    image_shape = (3, SIDE, SIDE)
    alignment = BY_BOX

    def __init__(self):
        super().__init__()
        self.one = nn.Parameter(torch.ones(()))

    def forward(self, pictures):
        return self.one * nn.functional.normalize(
            nn.functional.avg_pool2d(pictures - 0.5, 8).flatten(1)
        )


def sealing(name: str = DEFAULT_SEALED) -> Distorter:
    record = {"training": {"alpha": 0.1}, "threshold": 0.5, "recogniser": "colours"}
    return Distorter(Checkpoint(name, Squares().eval(), record), Colours().eval())


class FewSquares(Squares):
    """Of 12 numbers: 2x2 squares in three colours."""

    config = SquaresConfig(12)

    def forward(self, direction):
        squares = (0.5 + 0.9 * direction).clamp(0, 1).reshape(-1, 3, 2, 2)
        return squares.repeat_interleave(16, 2).repeat_interleave(16, 3)


class FewColours(Colours):
    def forward(self, pictures):
        squares = nn.functional.avg_pool2d(pictures - 0.5, 16)
        return self.one * nn.functional.normalize(squares.flatten(1))


def sealing_few() -> Distorter:
    record = sealing().generator.record | {"recogniser": "few colours"}
    return Distorter(Checkpoint("few", FewSquares().eval(), record), FewColours().eval())


def weak_hash(self, text: bytes, salt: bytes) -> bytes:
    """In place of `Scrypt.hash`: scrypt as weak as it can be."""
    return scrypt.Scrypt(salt, 32, 2, 8, 1).derive(text)
