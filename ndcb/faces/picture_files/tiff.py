"""A TIFF without the tags that its pixels do not need."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from ndcb.faces.picture_files.picture_file import PictureFile, Unreadable

MOST_PAGES = 32
"""Pages of a TIFF that are looked at."""
MOST_TAGS = 1000
"""Of a page of a TIFF; most have twenty."""
MOST_TAG_BYTES = 2**20
"""Of one tag of a TIFF; the places of its strips are the longest."""
MOST_TILE_SIDE = 8192
"""Of a tile of a TIFF: it is decoded whole, however small the picture is."""


class Layout(NamedTuple):
    """How a TIFF's numbers are written, in the letters of `struct`."""

    order: str
    """`<` or `>`: which byte comes first."""
    first_page: int
    """Where the place of the first page's tags stands."""
    place: str
    """The type of a place in the file."""
    count: str
    """The type of a page's count of tags."""
    tag_bytes: int


TIFF_LAYOUTS = {
    b"II*\0": Layout("<", 4, "L", "H", 12),
    b"MM\0*": Layout(">", 4, "L", "H", 12),
    b"II+\0": Layout("<", 8, "Q", "Q", 20),
    b"MM\0+": Layout(">", 8, "Q", "Q", 20),
}
"""By the file's first bytes."""
TYPE_BYTES = dict(enumerate((1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4), 1)) | {16: 8, 17: 8, 18: 8}
"""Bytes of a value, by its type."""
FORM = {*range(254, 260), 262, 266, 274, 277, 284}
PLACES = {273, 278, 279, *range(322, 326)}
COMPRESSION = {292, 293, 317, 347, *range(512, 522)}
COLOURS = {320, 332, *range(338, 342), *range(529, 533)}
NEEDED_TAGS = FORM | PLACES | COMPRESSION | COLOURS
"""What tells the pixels' size, kind, places, compression and colours, and the orientation."""
TILE_SIDES = {322, 323}


def unwrap_tiff(data: bytes) -> PictureFile:
    """The file with all other tags of its first pages made of no type: readers pass over them."""
    layout = TIFF_LAYOUTS[data[:4]]
    changed = bytearray(data)
    try:
        for tags in _pages(data, layout):
            for tag in tags:
                _hide_tag(changed, tag, layout)
    except struct.error:  # the decoder says what is wrong with it
        pass
    return PictureFile(bytes(changed))


def _pages(data: bytes, layout: Layout) -> Iterator[range]:
    """Where the tags of each page stand."""
    place = layout.first_page
    for _ in range(MOST_PAGES):
        (start,) = struct.unpack_from(layout.order + layout.place, data, place)
        if not start:
            return
        (count,) = struct.unpack_from(layout.order + layout.count, data, start)
        if count > MOST_TAGS:
            raise Unreadable("too many tags")
        first = start + struct.calcsize(layout.order + layout.count)
        place = first + count * layout.tag_bytes
        yield range(first, min(place, len(data) - layout.tag_bytes + 1), layout.tag_bytes)


def _hide_tag(data: bytearray, at: int, layout: Layout) -> None:
    tag, kind, count = struct.unpack_from(f"{layout.order}HH{layout.place}", data, at)
    if tag not in NEEDED_TAGS:
        struct.pack_into(f"{layout.order}H", data, at + 2, 0)
    elif count * TYPE_BYTES.get(kind, 0) > MOST_TAG_BYTES:
        raise Unreadable("too long a tag")
    elif tag in TILE_SIDES and _number(data, at, kind, layout) > MOST_TILE_SIDE:
        raise Unreadable("too large a tile")


def _number(data: bytearray, at: int, kind: int, layout: Layout) -> int:
    """The value of a tag that holds one short, long or byte."""
    value_at = at + 4 + struct.calcsize(layout.order + layout.place)
    letter = {3: "H", 4: "L"}.get(kind, "B")
    return struct.unpack_from(layout.order + letter, data, value_at)[0]
