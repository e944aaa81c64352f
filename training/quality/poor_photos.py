"""Photos made poor on purpose, before any face is looked for.

Sizes are in pixels of LFW's photos, where a face is about 93 pixels wide.
"""

import io
import zlib
from collections.abc import Callable
from functools import partial

import kornia
import numpy as np
from PIL import Image, ImageFilter

from ndcb.core.tensors import to_pictures, to_tensor

Change = Callable[[Image.Image], Image.Image]


def blurred(picture: Image.Image, radius: float) -> Image.Image:
    """radius: the Gaussian's standard deviation in pixels."""
    return picture.filter(ImageFilter.GaussianBlur(radius))


def moved(picture: Image.Image, length: int, degrees: float) -> Image.Image:
    """As if the camera had moved in a straight line. length: in pixels, an odd number."""
    batch = to_tensor([picture])
    return to_pictures(kornia.filters.motion_blur(batch, length, degrees, 0.0, "replicate"))[0]


def brightened(picture: Image.Image, factor: float) -> Image.Image:
    """factor: under 1 the photo gets darker; over 1 its brightest parts become white."""
    return picture.point([min(255, round(level * factor)) for level in range(256)] * 3)


def paled(picture: Image.Image, factor: float) -> Image.Image:
    """All levels are moved towards grey."""
    return picture.point([round(128 + (level - 128) * factor) for level in range(256)] * 3)


def compressed(picture: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def grainy(picture: Image.Image, deviation: float) -> Image.Image:
    """Gaussian noise, in levels of 255. Each picture has its own, and always the same."""
    chance = np.random.default_rng(zlib.crc32(picture.tobytes()))
    noise = chance.normal(0, deviation, (picture.height, picture.width, 3))
    return Image.fromarray(np.uint8(np.clip(np.asarray(picture) + noise, 0, 255).round()))


def shrunk(picture: Image.Image, times: float) -> Image.Image:
    return picture.resize([round(side / times) for side in picture.size], Image.BICUBIC)


def enlarged(picture: Image.Image, times: float) -> Image.Image:
    """Shrunk, and as large as before again."""
    return shrunk(picture, times).resize(picture.size, Image.BICUBIC)


def by_night(picture: Image.Image, factor: float, deviation: float) -> Image.Image:
    return grainy(brightened(picture, factor), deviation)


UNTOUCHED, GREY = "untouched", "grey"
CHANGES: dict[str, Change] = {
    UNTOUCHED: lambda picture: picture,
    GREY: lambda picture: picture.convert("L").convert("RGB"),
    **{f"blurred {radius}": partial(blurred, radius=radius) for radius in (1, 2, 3, 4, 5, 8)},
    **{
        f"moved 21 at {angle}": partial(moved, length=21, degrees=angle)
        for angle in (0, 45, 90, 135)
    },
    **{
        f"moved {length} at 20": partial(moved, length=length, degrees=20) for length in (7, 15, 31)
    },
    **{
        f"dark {factor}": partial(brightened, factor=factor)
        for factor in (0.5, 0.3, 0.2, 0.15, 0.12, 0.1, 0.05)
    },
    "dark 0.2, grainy 3": partial(by_night, factor=0.2, deviation=3),
    **{f"overexposed {factor}": partial(brightened, factor=factor) for factor in (2, 3, 4)},
    **{f"pale {factor}": partial(paled, factor=factor) for factor in (0.3, 0.2, 0.1)},
    **{f"compressed {quality}": partial(compressed, quality=quality) for quality in (10, 5, 4, 2)},
    **{
        f"grainy {deviation}": partial(grainy, deviation=deviation)
        for deviation in (12, 25, 35, 50)
    },
    **{f"enlarged {times}": partial(enlarged, times=times) for times in (4, 6, 8)},
    **{f"small {times}": partial(shrunk, times=times) for times in (3, 4)},
}
"""Name -> what is done to a photo.

The numbers are the blur's radius; pixels and degrees of the movement; the factor of the brightness
or of the contrast; JPEG's quality; the noise's standard deviation; how many times smaller.
"""
TAUGHT = {
    "blurred 4": "blurred",
    **{f"moved 21 at {angle}": "blurred" for angle in (0, 45, 90, 135)},
    "dark 0.12": "dark",
    "overexposed 3": "overexposed",
    "pale 0.2": "pale",
    "compressed 4": "compressed",
    "grainy 35": "grainy",
}
"""Changes that the gate learns from -> what it says of such a photo.

See `ndcb.models.quality.SENTENCES`.
"""
HARMLESS = (UNTOUCHED, GREY)
"""Changes that the gate learns to let pass."""


def kind_of(change: str) -> str:
    """blurred, moved, dark, ..."""
    return change.split()[0]
