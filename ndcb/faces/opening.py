"""A path, or a file's bytes -> an opened picture, not decoded yet. What is refused is `BadPicture`.

Metadata is taken away before a decoder sees the file (`ndcb.faces.picture_files`).
"""

import errno
import io
import os
import stat
import warnings

import pillow_heif
from PIL import Image, UnidentifiedImageError

from ndcb.core.terms import BadPicture
from ndcb.faces.picture_files import unwrap
from ndcb.faces.picture_files.picture_file import PictureFile

pillow_heif.register_heif_opener()

MAX_MEGABYTES = 40
MAX_BYTES = MAX_MEGABYTES * 10**6
MAX_MEGAPIXELS = 64
MAX_PIXELS = MAX_MEGAPIXELS * 2**20
"""As the makers of phones count: pictures of 64 megapixels have up to 9248x6944."""
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "TIFF", "BMP", "HEIF")

NOT_A_PICTURE = (
    "This is not a picture that can be read. Use a JPEG, PNG, WebP, AVIF, HEIC, TIFF, GIF or BMP"
    " file."
)
TOO_LARGE = f"The picture has over {MAX_MEGAPIXELS} megapixels. Make it smaller first."
TOO_HEAVY = f"The file has over {MAX_MEGABYTES} MB. Save it smaller first."
DAMAGED = "The picture is damaged or cut off. Save or send it once more."
EMPTY_FILE = "The file is empty. Save or send it once more."
NO_FILE = "There is no file at this place. Check the path."
FOLDER = "This is a folder. Name the picture files in it."
DEVICE = "This is a device, not a picture file. Name a file."


def read_bytes(path: str | os.PathLike) -> bytes:
    """The bytes of a file, or of a pipe; at most one more than is allowed."""
    try:
        kind = os.stat(path).st_mode
        if stat.S_ISDIR(kind):
            raise BadPicture(FOLDER)
        if not stat.S_ISREG(kind) and not stat.S_ISFIFO(kind):  # it could be read for ever
            raise BadPicture(DEVICE)
        with open(path, "rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
            raise BadPicture(NO_FILE) from error
        raise BadPicture(f"The file cannot be read ({error.strerror}).") from error
    except ValueError as error:  # a zero byte in the path
        raise BadPicture(NO_FILE) from error


def without_metadata(data: bytes) -> PictureFile:
    """A file's bytes -> what its decoder gets."""
    if not data:
        raise BadPicture(EMPTY_FILE)
    if len(data) > MAX_BYTES:
        raise BadPicture(TOO_HEAVY)
    try:
        return unwrap(data)
    except Exception as error:  # whatever foreign data brings about
        raise BadPicture(DAMAGED) from error


def open_picture(data: bytes) -> Image.Image:
    """Find the format and the size; the pixels are decoded later."""
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
