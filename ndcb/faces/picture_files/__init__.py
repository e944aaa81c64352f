"""A picture's file -> the same file without what its pixels do not need, and its orientation.

Metadata is where files are odd and where hostile ones hide their bombs: decoders refuse sound
pixels over it, or unpack it without end. So it never reaches them. Of JPEG, PNG and TIFF the needed
parts are kept; in HEIC and AVIF Exif is hidden, since the box `irot` tells the rotation.
"""

import re

from ndcb.faces.picture_files.jpeg import unwrap_jpeg
from ndcb.faces.picture_files.picture_file import PictureFile
from ndcb.faces.picture_files.png import SIGNATURE, unwrap_png
from ndcb.faces.picture_files.tiff import TIFF_LAYOUTS, unwrap_tiff

BLANKS = b"\xef\xbb\xbf \t\r\n\v\f"
"""What servers and scripts put before a file by mistake: a byte order mark, spaces, ends of lines.
No picture begins with them."""
EXIF_ITEM = re.compile(rb"(infe.{8}(?:..)?)Exif", re.DOTALL)
"""Of HEIC and AVIF, from the name of the item's box on to its kind."""


def unwrap(data: bytes) -> PictureFile:
    """A file's bytes -> what its decoder needs. Raises Unreadable."""
    if data[:1] in BLANKS:
        data = data.lstrip(BLANKS)
    if data.startswith(b"\xff\xd8\xff"):
        return unwrap_jpeg(data)
    if data.startswith(SIGNATURE):
        return unwrap_png(data)
    if data[:4] in TIFF_LAYOUTS:
        return unwrap_tiff(data)
    if data[4:8] == b"ftyp":
        return PictureFile(EXIF_ITEM.sub(rb"\1none", data))
    return PictureFile(data)
