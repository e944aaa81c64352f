"""Any picture file, bytes, PIL picture or array -> an upright RGB picture, or a `BadPicture`.

    path -> bytes -> without metadata -> decoded, perhaps smaller -> RGB, strip by strip -> upright

Memory is bounded: a JPEG is decoded smaller where that is enough, and no step keeps a second copy
in full size. A file of 64 megapixels adds 0.2 GB (JPEG of a phone) to 1.1 GB (WebP) at its peak,
whatever it claims or hides in its metadata. The exception is an AVIF whose stream is larger than
its file says: libavif decodes up to 2**28 pixels of it, which took 1.3 GB.
"""

import errno
import io
import os
import stat
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pillow_heif
from PIL import Image, UnidentifiedImageError

from ndcb.core.terms import BadPicture
from ndcb.faces.picture_files import MOST_PAGES, PictureFile, orientation_of, unwrap

VERSION = 1
"""Raise it when this module gives other numbers: caches of measurements hold what it gave."""

pillow_heif.register_heif_opener()

MAX_MEGABYTES = 40
MAX_BYTES = MAX_MEGABYTES * 10**6
MAX_MEGAPIXELS = 64
MAX_PIXELS = MAX_MEGAPIXELS * 2**20
"""As the makers of phones count: pictures of 64 megapixels have up to 9248x6944."""
MIN_SIDE = 20
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
"""A JPEG without its end may lack these, a row of blocks, where they are at most an eighth of all
rows; a higher one a twentieth."""
ANYTHING = bytes(range(1, 255))
"""What might have come next in a JPEG that was cut: no marker is in it."""
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "TIFF", "BMP", "HEIF")
MOST_DRAWN = 4_000_000
"""Pixels of a drawing pad."""
NEUTRAL_GREY = (128, 128, 128)
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

NOT_A_PICTURE = (
    "This is not a picture that can be read. Use a JPEG, PNG, WebP, AVIF, HEIC, TIFF, GIF or BMP"
    " file."
)
TOO_LARGE = f"The picture has over {MAX_MEGAPIXELS} megapixels. Make it smaller first."
TOO_HEAVY = f"The file has over {MAX_MEGABYTES} MB. Save it smaller first."
DAMAGED = "The picture is damaged or cut off. Save or send it once more."
NO_FILE = "There is no file at this place. Check the path."


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
    """A path, bytes, PIL picture or array -> an upright 8-bit RGB picture, over 4096 px shrunk to
    that.

    A path may be a pipe's. Arrays are (h, w), (h, w, 3) or (h, w, 4): uint8, uint16, bool, or
    floats in [0, 1]. EXIF rotation is applied, no other metadata matters, transparency is laid on
    neutral grey, 16-bit grey is scaled to 8. Of a film the first frame counts, of a HEIC its
    primary picture, of a TIFF the first page that is no reduced copy. Raises BadPicture: no
    picture, damaged, empty, over 40 MB or 64 megapixels, a side under 20 px.
    """
    if isinstance(source, Image.Image):
        return _finish(source, PictureFile(b""))
    if isinstance(source, np.ndarray):
        return _finish(_from_array(source), PictureFile(b""))
    if isinstance(source, (str, os.PathLike)):
        source = _read_file(source)
    if not isinstance(source, (bytes, bytearray, memoryview)):
        raise BadPicture(NOT_A_PICTURE)
    file = _unwrap(bytes(source))
    return _finish(_open(file.data), file)


def _finish(picture: Image.Image, file: PictureFile) -> Photo:
    """An opened picture -> decoded, RGB and upright. Raises BadPicture."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _choose_page(picture)
            _check_size(picture)
            orientation = max(file.orientation, _orientation(picture))
            stored = picture.size
            if file.is_cut_short:
                small = _decode_cut(file.data)
            else:
                small = _decode(picture, may_draft=bool(file.data))
            upright = small.transpose(TURNS[orientation]) if orientation in TURNS else small
            upright.info.update(file.texts)
    except BadPicture:
        raise
    except Exception as error:  # decoders of foreign data raise nearly anything
        raise BadPicture(DAMAGED) from error
    return Photo(upright, stored[::-1] if orientation >= 5 else stored)


def _read_file(path) -> bytes:
    """A file's bytes, or a pipe's; at most one more than is allowed. A device would be read for
    ever."""
    try:
        kind = os.stat(path).st_mode
        if stat.S_ISDIR(kind):
            raise BadPicture("This is a folder. Name the picture files in it.")
        if not stat.S_ISREG(kind) and not stat.S_ISFIFO(kind):
            raise BadPicture("This is a device, not a picture file. Name a file.")
        with open(path, "rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
            raise BadPicture(NO_FILE) from error
        raise BadPicture(f"The file cannot be read ({error.strerror}).") from error
    except ValueError as error:  # a zero byte in the path
        raise BadPicture(NO_FILE) from error


def _unwrap(data: bytes) -> PictureFile:
    if not data:
        raise BadPicture("The file is empty. Save or send it once more.")
    if len(data) > MAX_BYTES:
        raise BadPicture(TOO_HEAVY)
    try:
        return unwrap(data)
    except Exception as error:  # whatever foreign data brings about
        raise BadPicture(DAMAGED) from error


def _open(data: bytes) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise BadPicture(TOO_LARGE) from error
    except UnidentifiedImageError as error:
        raise BadPicture(NOT_A_PICTURE) from error
    except Exception as error:
        raise BadPicture(DAMAGED) from error


def _choose_page(picture: Image.Image) -> None:
    """Go to the frame that counts."""
    if picture.format == "TIFF":
        found = next((page for page in _pages(picture) if not _is_copy(picture)), None)
        picture.seek(_largest_page(picture) if found is None else found)
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
        found = f"The picture has {width * height / 1e6:.0f} megapixels"
        raise BadPicture(f"{found}; at most {MAX_MEGAPIXELS} are allowed. Make it smaller first.")
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


def _decode(picture: Image.Image, may_draft: bool = True) -> Image.Image:
    """RGB, at most 4096 px long.

    may_draft: a JPEG may be decoded smaller, which changes the picture given.
    """
    if picture.format == "JPEG" and may_draft:
        picture.draft(picture.mode, _fitting(picture.size, ENOUGH))
    picture.load()
    size = _fitting(picture.size, LONG_SIDE)
    white = _white(picture)
    narrow = Image.new("RGB", (size[0], picture.height))
    for top, strip in _strips(picture):
        narrow.paste(_to_rgb(strip, white).resize((size[0], strip.height), Image.LANCZOS), (0, top))
    return narrow.resize(size, Image.LANCZOS)


def _decode_cut(data: bytes) -> Image.Image:
    """A JPEG without its end, if hardly more is missing. Raises BadPicture.

    The pixels that differ with what is put at its end are those that are lost.
    """
    end = b"\xff\xd9"
    shown, other = (_decode(_open(data + rest + end)) for rest in (b"", ANYTHING))
    differs = (np.asarray(shown) != np.asarray(other)).any((1, 2))
    lost = shown.height - differs.argmax() if differs.any() else 0
    if lost > max(min(LOST_ROWS, shown.height // 8), shown.height // 20):
        raise BadPicture(DAMAGED)
    return shown


def _fitting(size: tuple[int, int], long_side: int) -> tuple[int, int]:
    """The size itself, or shrunk to a long side."""
    scale = min(1, long_side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _strips(picture: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """(top, rows from there on); converting all at once would take several copies."""
    rows = max(1, STRIP // picture.width)
    for top in range(0, picture.height, rows):
        yield top, picture.crop((0, top, picture.width, min(top + rows, picture.height)))


def _from_array(array: np.ndarray) -> Image.Image:
    if array.size == 0:
        raise BadPicture("The picture is empty.")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise BadPicture(
            f"A picture array has shape (h, w), (h, w, 3) or (h, w, 4), not {array.shape}."
        )
    if array.dtype == bool:
        array = array * 1.0
    if np.issubdtype(array.dtype, np.floating):
        if not np.isfinite(array).all() or array.min() < 0 or array.max() > 1:
            raise BadPicture("A picture array of floats must lie in [0, 1].")
        array = np.round(array * 255)
    elif array.dtype == np.uint16:
        array = (array.astype(np.uint32) + 128) // 257
    elif array.dtype != np.uint8:
        raise BadPicture(f"A picture array holds uint8, uint16, bool or float, not {array.dtype}.")
    return Image.fromarray(np.ascontiguousarray(array.astype(np.uint8)))


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
    """The white of grey of more than 8 bits.

    65535; where the file does not tell, 1, 255 or 65535, whichever the brightest pixel fits under.
    """
    if not _is_deep(picture) or picture.mode.startswith("I;16"):
        return 65535
    brightest = max(_values(strip).max() for _, strip in _strips(picture))
    return next((white for white in (1, 255, 65535) if brightest <= white), brightest)


def _is_deep(picture: Image.Image) -> bool:
    return picture.mode in ("I", "F") or picture.mode.startswith("I;16")


def _values(picture: Image.Image) -> np.ndarray:
    return np.nan_to_num(np.asarray(picture).astype(np.float64), posinf=0, neginf=0)


def read_drawing(source: bytes | str) -> Image.Image:
    """A drawing pad's picture, as bytes or a file's path -> RGBA. Raises BadPicture."""
    picture = _open(source if isinstance(source, bytes) else _read_file(source))
    if picture.width * picture.height > MOST_DRAWN:
        raise BadPicture("The drawing is too large. Clear the pad and draw once more.")
    try:
        return picture.convert("RGBA")
    except Exception as error:  # decoders of foreign data raise nearly anything
        raise BadPicture(DAMAGED) from error


def drawing_on_white(drawing: Image.Image | None) -> Image.Image:
    """A drawing with a transparent ground -> on white; None, an untouched pad, -> all white."""
    ground = Image.new("RGBA", drawing.size if drawing else (28, 28), "white")
    return (Image.alpha_composite(ground, drawing.convert("RGBA")) if drawing else ground).convert(
        "RGB"
    )


def digit_from_drawing(picture: Image.Image, ground: str = "white") -> Image.Image:
    """A digit drawn on a `white` or `black` ground -> 28x28 grey, white on black, fitted into 20x20
    and centred by its mass as in MNIST. Raises BadPicture where nothing is drawn.
    """
    ink = np.asarray(picture.convert("L"), dtype=np.float64)
    ink = 255 - ink if ground == "white" else ink
    rows, columns = np.flatnonzero(ink.max(1) > 64), np.flatnonzero(ink.max(0) > 64)
    if not len(rows):
        raise BadPicture("Nothing is drawn yet. Draw one digit, large, in the middle of the pad.")
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = 20 / max(ink.shape)
    size = [max(1, round(side * scale)) for side in ink.shape[::-1]]
    small = np.asarray(Image.fromarray(np.uint8(ink)).resize(size, Image.LANCZOS), dtype=np.float64)
    centre = [(small * place).sum() / small.sum() for place in np.indices(small.shape)]
    top, left = (
        int(np.clip(round(13.5 - place), 0, 28 - side)) for place, side in zip(centre, small.shape)
    )
    canvas = np.zeros((28, 28), np.uint8)
    canvas[top : top + small.shape[0], left : left + small.shape[1]] = small
    return Image.fromarray(canvas)
