"""What a decoder gets of a file, and the orientation in its Exif."""

import struct
from dataclasses import dataclass, field

MOST_PARTS = 100_000
"""Segments of a JPEG, chunks of a PNG; sound files have some thousands."""
ORIENTATION = 0x0112


@dataclass(frozen=True)
class PictureFile:
    """What the decoder gets."""

    data: bytes
    orientation: int = 1
    """1 to 8, as Exif numbers them; what the decoder applies itself is not in it."""
    is_cut_short: bool = False
    """A JPEG stops before its end, though all its scans have begun."""
    texts: dict[str, str] = field(default_factory=dict)
    """The short text chunks of a PNG, by their keywords."""


class Unreadable(ValueError):
    """The file's parts do not hold together, or there are more than a picture needs."""


def orientation_of(exif: bytes) -> int:
    """The orientation in an Exif block, 1 to 8; 1 where none is told or it is not sound."""
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(f"{order}L", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, start)
        for place in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind, _, value = struct.unpack_from(f"{order}HHLH", tiff, place)
            if tag == ORIENTATION:
                return value if kind == 3 and 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1
