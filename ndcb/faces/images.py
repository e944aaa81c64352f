"""Any picture file, bytes, PIL picture or array -> an upright RGB picture, or a `BadPicture`.

    path -> bytes -> without metadata -> decoded, perhaps smaller -> RGB, strip by strip -> upright

A file of 64 megapixels adds 0.2 GB (JPEG of a phone) to 1.1 GB (WebP) at its peak, whatever it
claims or hides in its metadata. The exception is an AVIF whose stream is larger than its file says:
libavif decodes up to 2**28 pixels of it, which took 1.3 GB.
"""

import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ndcb.core.terms import BadPicture
from ndcb.faces.decoding import decode, decode_cut_jpeg, picture_from_array
from ndcb.faces.opening import (
    DAMAGED,
    MAX_MEGAPIXELS,
    MAX_PIXELS,
    NOT_A_PICTURE,
    open_picture,
    read_bytes,
    without_metadata,
)
from ndcb.faces.picture_files.picture_file import PictureFile, orientation_of
from ndcb.faces.picture_files.tiff import MOST_PAGES

VERSION = 1
"""Raise it when a file gives other pixels, here or by `opening`, `decoding` or `picture_files`:
caches of measurements hold what it gave.
"""
MIN_SIDE = 20
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes a stored picture upright, by its orientation."""


@dataclass(frozen=True)
class Photo:
    """A picture as everything here reads it."""

    picture: Image.Image
    """Upright, RGB, 8 bits, at most 4096 px long."""
    size: tuple[int, int]
    """Width and height of the upright picture before it was shrunk."""

    @property
    def scale(self) -> tuple[float, float]:
        """Pixels of the full picture in one of this, across and down."""
        return self.size[0] / self.picture.width, self.size[1] / self.picture.height


def read_picture(source) -> Image.Image:
    """The picture of `read_photo` alone."""
    return read_photo(source).picture


def read_photo(source) -> Photo:
    """A path, bytes, PIL picture or array -> an upright 8-bit RGB picture, at most 4096 px long.

    A path may be a pipe's. Arrays are (h, w), (h, w, 3) or (h, w, 4): uint8, uint16, bool, or
    floats in [0, 1]. EXIF rotation is applied, no other metadata matters, transparency is laid on
    neutral grey, 16-bit grey is scaled to 8. Of a film the first frame counts, of a HEIC its
    primary picture, of a TIFF the first page that is no reduced copy. Raises BadPicture: no
    picture, damaged, empty, over 40 MB or 64 megapixels, a side under 20 px.
    """
    if isinstance(source, Image.Image):
        return _upright(source, PictureFile(b""))
    if isinstance(source, np.ndarray):
        return _upright(picture_from_array(source), PictureFile(b""))
    if isinstance(source, (str, os.PathLike)):
        source = read_bytes(source)
    if not isinstance(source, (bytes, bytearray, memoryview)):
        raise BadPicture(NOT_A_PICTURE)

    file = without_metadata(bytes(source))
    return _upright(open_picture(file.data), file)


def _upright(picture: Image.Image, file: PictureFile) -> Photo:
    """An opened picture -> decoded, RGB and upright. Raises BadPicture."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _decoded_upright(picture, file)
    except BadPicture:
        raise
    except Exception as error:  # decoders of foreign data raise nearly anything
        raise BadPicture(DAMAGED) from error


def _decoded_upright(picture: Image.Image, file: PictureFile) -> Photo:
    _choose_page(picture)
    _check_size(picture)
    orientation = max(file.orientation, _orientation(picture))
    stored_size = picture.size

    if file.is_cut_short:
        stored = decode_cut_jpeg(file.data)
    else:
        stored = decode(picture, may_draft=bool(file.data))
    upright = stored.transpose(TURNS[orientation]) if orientation in TURNS else stored
    upright.info.update(file.texts)
    return Photo(upright, stored_size[::-1] if orientation >= 5 else stored_size)


def _choose_page(picture: Image.Image) -> None:
    """Go to the frame that counts."""
    if picture.format == "TIFF":
        originals = (page for page in _pages(picture) if not _is_copy(picture))
        first = next(originals, None)
        picture.seek(_largest_page(picture) if first is None else first)
    elif picture.format == "HEIF":
        if not picture.info.get("primary", True):  # just opened, it is there already
            next((page for page in _pages(picture) if picture.info["primary"]), None)
    else:
        picture.seek(0)


def _pages(picture: Image.Image) -> Iterator[int]:
    """The first frames that can be read, the picture being at each."""
    for page in range(MOST_PAGES):
        try:
            picture.seek(page)
        except Exception:  # there is none, or it is damaged
            return
        yield page


def _largest_page(picture: Image.Image) -> int:
    areas = {page: picture.width * picture.height for page in _pages(picture)}
    return max(areas, key=areas.get)


def _is_copy(picture: Image.Image) -> bool:
    """A TIFF's page is a copy or a mask: bits 0 and 2 of NewSubfileType, or SubfileType 2."""
    return bool(picture.tag_v2.get(254, 0) & 0b101) or picture.tag_v2.get(255) == 2


def _check_size(picture: Image.Image) -> None:
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise BadPicture(
            f"The picture has {width * height / 1e6:.0f} megapixels; at most {MAX_MEGAPIXELS} are"
            " allowed. Make it smaller first."
        )
    if min(width, height) < MIN_SIDE:
        raise BadPicture(
            f"The picture is {width}x{height} pixels; each side must have at least {MIN_SIDE}. Use"
            " a larger one."
        )


def _orientation(picture: Image.Image) -> int:
    """1 to 8, of what is still to be done: HEIC and TIFF are turned by their decoders."""
    if picture.format in ("HEIF", "TIFF"):
        return 1
    return orientation_of(picture.info.get("exif", b""))
