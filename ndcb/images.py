"""Any picture file, bytes, PIL picture or array -> one upright RGB picture, or a `BadPicture` that says what to do."""

import io
import os
import warnings

import numpy as np
import pillow_heif
import torch
from PIL import Image, ImageOps, UnidentifiedImageError

from .terms import BadPicture

VERSION = 1
"""Raise it when this module gives other numbers: caches of measurements hold what it gave."""

pillow_heif.register_heif_opener()

MAX_BYTES = 10 * 2**20
MAX_PIXELS = 40_000_000
MIN_SIDE = 20
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "TIFF", "BMP", "HEIF")
MOST_DRAWN = 4_000_000
"""Pixels of a drawing pad."""
NEUTRAL_GREY = (128, 128, 128)

NOT_A_PICTURE = "This is not a picture that can be read. Use a JPEG, PNG, WebP, AVIF, HEIC, TIFF, GIF or BMP file."
DAMAGED = "The picture is damaged or cut off. Save or send it once more."


def read_picture(source) -> Image.Image:
    """A path, bytes, PIL picture or array -> an upright 8-bit RGB picture.

    Arrays are (h, w), (h, w, 3) or (h, w, 4): uint8, uint16, bool, or floats in [0, 1]. EXIF rotation is applied, transparency is laid on
    neutral grey, 16-bit grey is scaled to 8, of a film the first frame counts.
    Raises BadPicture: not a picture, damaged, empty, over 10 MB, over 40 megapixels, a side under 20 px.
    """
    if isinstance(source, Image.Image):
        picture = source
    elif isinstance(source, np.ndarray):
        picture = _from_array(source)
    elif isinstance(source, (bytes, bytearray, memoryview)):
        picture = _open(bytes(source))
    elif isinstance(source, (str, os.PathLike)):
        picture = _open(_read_file(source))
    else:
        raise BadPicture(NOT_A_PICTURE)
    _check_size(picture)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _to_rgb(_upright(picture))
    except BadPicture:
        raise
    except Exception as error:  # decoders of foreign data raise nearly anything
        raise BadPicture(DAMAGED) from error


def to_tensor(pictures: list[Image.Image]) -> torch.Tensor:
    """RGB pictures of one size -> (n, 3, h, w), float32 in [0, 1]; grey ones -> (n, 1, h, w)."""
    arrays = np.stack([np.atleast_3d(np.asarray(picture)) for picture in pictures])
    return torch.from_numpy(arrays).permute(0, 3, 1, 2).float().div_(255)


def to_pictures(batch: torch.Tensor) -> list[Image.Image]:
    """(n, 3, h, w) or (n, 1, h, w) in [0, 1] -> 8-bit RGB or grey pictures, rounded to the nearest level."""
    arrays = quantise(batch).mul(255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    return [Image.fromarray(array[..., 0] if array.shape[2] == 1 else array) for array in arrays]


def quantise(batch: torch.Tensor) -> torch.Tensor:
    """What an 8-bit file keeps of a batch in [0, 1]."""
    return batch.detach().clamp(0, 1).mul(255).round().div(255)


def _read_file(path) -> bytes:
    if os.path.isdir(path):
        raise BadPicture("This is a folder. Name the picture files in it.")
    if not os.path.isfile(path):  # a pipe or a device would be read for ever
        raise BadPicture("There is no file at this place. Check the path.")
    try:
        if os.path.getsize(path) > MAX_BYTES:
            raise BadPicture(_too_heavy(os.path.getsize(path)))
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise BadPicture(f"The file cannot be read ({error.strerror}).") from error


def _open(data: bytes) -> Image.Image:
    if not data:
        raise BadPicture("The file is empty. Save or send it once more.")
    if len(data) > MAX_BYTES:
        raise BadPicture(_too_heavy(len(data)))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise BadPicture(f"The picture has over {MAX_PIXELS // 10**6} megapixels. Make it smaller first.") from error
    except UnidentifiedImageError as error:
        raise BadPicture(NOT_A_PICTURE) from error
    except Exception as error:
        raise BadPicture(DAMAGED) from error


def _too_heavy(size: int) -> str:
    return f"The file has {size / 2**20:.1f} MB; at most {MAX_BYTES // 2**20} are allowed. Save it smaller first."


def _check_size(picture: Image.Image) -> None:
    width, height = picture.size
    if width * height > MAX_PIXELS:
        found, allowed = width * height / 1e6, MAX_PIXELS // 10**6
        raise BadPicture(f"The picture has {found:.0f} megapixels; at most {allowed} are allowed. Make it smaller first.")
    if min(width, height) < MIN_SIDE:
        raise BadPicture(f"The picture is {width}x{height} pixels; each side must have at least {MIN_SIDE}. Use a larger one.")


def _from_array(array: np.ndarray) -> Image.Image:
    if array.size == 0:
        raise BadPicture("The picture is empty.")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise BadPicture(f"A picture array has shape (h, w), (h, w, 3) or (h, w, 4), not {array.shape}.")
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


def _upright(picture: Image.Image) -> Image.Image:
    if getattr(picture, "n_frames", 1) > 1:
        picture.seek(0)
    picture.load()
    return ImageOps.exif_transpose(picture)


def _to_rgb(picture: Image.Image) -> Image.Image:
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        picture = _deep_grey(picture)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        ground = Image.new("RGBA", picture.size, NEUTRAL_GREY + (255,))
        picture = Image.alpha_composite(ground, picture)
    return picture.convert("RGB")


def _deep_grey(picture: Image.Image) -> Image.Image:
    """Grey of more than 8 bits; its white is 1, 255 or 65535, whichever its brightest pixel still fits under."""
    values = np.nan_to_num(np.asarray(picture).astype(np.float64), posinf=0, neginf=0)
    white = next((white for white in (1, 255, 65535) if values.max() <= white), values.max())
    if picture.mode.startswith("I;16"):
        white = 65535
    return Image.fromarray(np.uint8(np.clip(values / white, 0, 1) * 255 + 0.5))


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
    return (Image.alpha_composite(ground, drawing.convert("RGBA")) if drawing else ground).convert("RGB")


def digit_from_drawing(picture: Image.Image, ground: str = "white") -> Image.Image:
    """A digit drawn on a `white` or `black` ground -> 28x28 grey, white on black, fitted into 20x20 and centred by its mass as in
    MNIST. Raises BadPicture where nothing is drawn."""
    ink = np.asarray(picture.convert("L"), dtype=np.float64)
    ink = 255 - ink if ground == "white" else ink
    rows, columns = np.flatnonzero(ink.max(1) > 64), np.flatnonzero(ink.max(0) > 64)
    if not len(rows):
        raise BadPicture("Nothing is drawn yet. Draw one digit, large, in the middle of the pad.")
    ink = ink[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]
    scale = 20 / max(ink.shape)
    size = [max(1, round(side * scale)) for side in ink.shape[::-1]]
    small = np.asarray(Image.fromarray(np.uint8(ink)).resize(size, Image.LANCZOS), dtype=np.float64)
    centre = [(small * place).sum() / small.sum() for place in np.indices(small.shape)]
    top, left = (int(np.clip(round(13.5 - place), 0, 28 - side)) for place, side in zip(centre, small.shape))
    canvas = np.zeros((28, 28), np.uint8)
    canvas[top:top + small.shape[0], left:left + small.shape[1]] = small
    return Image.fromarray(canvas)
