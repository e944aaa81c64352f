"""An opened picture -> 8-bit RGB pixels, at most 4096 px long.

Memory is bounded: a JPEG is decoded smaller where that is enough, and the pixels become RGB strip
by strip, so that no step keeps a second copy in full size.
"""

from collections.abc import Iterator

import numpy as np
from PIL import Image

from ndcb.core.terms import BadPicture
from ndcb.faces.opening import DAMAGED, open_picture

LONG_SIDE = 4096
"""A larger picture is shrunk to this. The detector searches a copy of 1280 px for faces of 40 px
and more. Each of them has 128 px here, which is what its box fills of the aligned 160; so none
loses detail."""
ENOUGH = 4000
"""A JPEG may be decoded to a half, a quarter or an eighth, down to a long side of this: phones of
48 megapixels have 8000 or 8064."""
STRIP = 2**22
"""Pixels that are made RGB at once."""
LOST_ROWS = 16
"""Rows that a JPEG without its end may lack: a row of blocks, but at most an eighth of all rows. A
high picture may lack a twentieth of its rows."""
END_OF_JPEG = b"\xff\xd9"
ANYTHING = bytes(range(1, 255))
"""What might have come next in a JPEG that was cut: no marker is in it."""
NEUTRAL_GREY = (128, 128, 128)


def decode(picture: Image.Image, may_draft: bool = True) -> Image.Image:
    """An opened picture -> RGB, transparency laid on neutral grey.

    may_draft: a JPEG may be decoded smaller, which changes the picture given.
    """
    if picture.format == "JPEG" and may_draft:
        picture.draft(picture.mode, _fitting(picture.size, ENOUGH))
    picture.load()

    width, height = _fitting(picture.size, LONG_SIDE)
    white = _white(picture)
    narrow = Image.new("RGB", (width, picture.height))
    for top, strip in _strips(picture):
        rgb = _to_rgb(strip, white)
        narrow.paste(rgb.resize((width, strip.height), Image.LANCZOS), (0, top))
    return narrow.resize((width, height), Image.LANCZOS)


def decode_cut_jpeg(data: bytes) -> Image.Image:
    """The bytes of a JPEG without its end -> RGB. Raises BadPicture: more than a few rows are lost.

    It is decoded with two different ends: the pixels that then differ are those that are lost.
    """
    shown = decode(open_picture(data + END_OF_JPEG))
    other = decode(open_picture(data + ANYTHING + END_OF_JPEG))
    row_differs = (np.asarray(shown) != np.asarray(other)).any((1, 2))
    lost_rows = shown.height - row_differs.argmax() if row_differs.any() else 0
    if lost_rows > max(min(LOST_ROWS, shown.height // 8), shown.height // 20):
        raise BadPicture(DAMAGED)
    return shown


def picture_from_array(array: np.ndarray) -> Image.Image:
    """An array as `read_photo` takes it -> a grey, RGB or RGBA picture of 8 bits."""
    if array.size == 0:
        raise BadPicture("The picture is empty.")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise BadPicture(
            f"A picture array has shape (h, w), (h, w, 3) or (h, w, 4), not {array.shape}."
        )
    return Image.fromarray(np.ascontiguousarray(_in_8_bits(array)))


def _in_8_bits(array: np.ndarray) -> np.ndarray:
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.uint16:
        return ((array.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if array.dtype == bool:
        array = array * 1.0
    if not np.issubdtype(array.dtype, np.floating):
        raise BadPicture(f"A picture array holds uint8, uint16, bool or float, not {array.dtype}.")
    if not np.isfinite(array).all() or array.min() < 0 or array.max() > 1:
        raise BadPicture("A picture array of floats must lie in [0, 1].")
    return np.round(array * 255).astype(np.uint8)


def _fitting(size: tuple[int, int], long_side: int) -> tuple[int, int]:
    """The size itself, or shrunk to a long side."""
    scale = min(1, long_side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _strips(picture: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """(top, rows from there on); converting all at once would take several copies."""
    rows = max(1, STRIP // picture.width)
    for top in range(0, picture.height, rows):
        yield top, picture.crop((0, top, picture.width, min(top + rows, picture.height)))


def _to_rgb(picture: Image.Image, white: float) -> Image.Image:
    """white: see `_white`."""
    if _is_deep(picture):
        values = np.clip(_values(picture) / white, 0, 1)
        picture = Image.fromarray(np.uint8(values * 255 + 0.5))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        ground = Image.new("RGBA", picture.size, NEUTRAL_GREY + (255,))
        picture = Image.alpha_composite(ground, picture)
    return picture.convert("RGB")


def _white(picture: Image.Image) -> float:
    """The value of white in grey of more than 8 bits.

    65535; where the file does not tell, 1, 255 or 65535, whichever the brightest pixel fits under.
    """
    if not _is_deep(picture) or picture.mode.startswith("I;16"):
        return 65535
    brightest = max(_values(strip).max() for _, strip in _strips(picture))
    return next((white for white in (1, 255, 65535) if brightest <= white), brightest)


def _is_deep(picture: Image.Image) -> bool:
    """More than 8 bits a pixel and channel."""
    return picture.mode in ("I", "F") or picture.mode.startswith("I;16")


def _values(picture: Image.Image) -> np.ndarray:
    return np.nan_to_num(np.asarray(picture).astype(np.float64), posinf=0, neginf=0)
