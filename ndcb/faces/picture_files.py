"""A picture's file -> the same file without what its pixels do not need, and its orientation.

Metadata is where files are odd and where hostile ones hide their bombs: decoders refuse sound
pixels over it, or unpack it without end. So it never reaches them. Of JPEG, PNG and TIFF the needed
parts are kept; in HEIC and AVIF Exif is hidden, since the box `irot` tells the rotation.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

BLANKS = b"\xef\xbb\xbf \t\r\n\v\f"
"""What servers and scripts put before a file by mistake: a byte order mark, spaces, ends of lines.
No picture begins with them."""
ORIENTATION = 0x0112
MOST_PARTS = 100_000
"""Segments of a JPEG, chunks of a PNG; sound files have some thousands."""
MOST_SCANS = 100
"""Of a progressive JPEG. Encoders write ten to thirty, and each costs a pass over all pixels."""
MOST_PAGES = 32
"""Pages of a TIFF that are looked at."""
MOST_TAGS = 1000
"""Of a page of a TIFF; most have twenty."""
MOST_TAG_BYTES = 2**20
"""Of one tag of a TIFF; the places of its strips are the longest."""
MOST_TILE_SIDE = 8192
"""Of a tile of a TIFF: it is decoded whole, however small the picture is."""
EXIF_ITEM = re.compile(rb"(infe.{8}(?:..)?)Exif", re.DOTALL)
"""Of HEIC and AVIF, from the name of the item's box on to its kind."""


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


def unwrap(data: bytes) -> PictureFile:
    """A file's bytes -> what its decoder needs. Raises Unreadable."""
    if data[:1] in BLANKS:
        data = data.lstrip(BLANKS)
    if data.startswith(b"\xff\xd8\xff"):
        return _unwrap_jpeg(data)
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return _unwrap_png(data)
    if data[:4] in TIFF_LAYOUTS:
        return PictureFile(_without_tags(data))
    if data[4:8] == b"ftyp":
        return PictureFile(EXIF_ITEM.sub(rb"\1none", data))
    return PictureFile(data)


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


# JPEG


START_OF_SCAN, END_OF_IMAGE = 0xDA, 0xD9
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
NEXT_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
"""In a scan: 00 marks a byte FF of the data, D0 to D7 are points to restart from, FF fills."""


def _unwrap_jpeg(data: bytes) -> PictureFile:
    """The first picture of the file; a phone's film, a second view or a depth map may follow it."""
    kept = [data[:2]]
    orientation, wanted, begun, scans = None, set(), set(), 0
    for marker, part in _jpeg_parts(data):
        if marker == END_OF_IMAGE:
            return PictureFile(b"".join([*kept, part]), orientation or 1)
        if marker == 0xE1 and part[4:10] == b"Exif\0\0":
            orientation = orientation or orientation_of(part[4:])
        if marker in FRAMES:
            wanted = {(component, place) for component in part[10::3] for place in range(64)}
        if marker == START_OF_SCAN:
            scans += 1
            begun |= _finished_by(part)
        if not _is_metadata(marker, part):
            kept.append(part)
        if scans > MOST_SCANS:
            raise Unreadable("too many scans")
    return PictureFile(
        b"".join(kept), orientation or 1, is_cut_short=bool(wanted) and wanted <= begun
    )


def _jpeg_parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(marker, its segment from the marker on) up to the file's end; a scan with its data."""
    place = 2
    for _ in range(MOST_PARTS):
        found = NEXT_MARKER.search(data, place)
        if not found:
            return
        start, marker = found.start(), data[found.start() + 1]
        if marker in (END_OF_IMAGE, 0xD8, 0x01):  # without contents
            place = start + 2
        else:
            place = start + 2 + int.from_bytes(data[start + 2 : start + 4], "big")
        if marker == START_OF_SCAN:
            after = NEXT_MARKER.search(data, place)
            place = after.start() if after else len(data)
        yield marker, data[start:place]
    raise Unreadable("too many segments")


def _is_metadata(marker: int, part: bytes) -> bool:
    """Comments and all that applications add. A sound JFIF or Adobe segment tells the colours."""
    if marker == 0xE0:
        return part[4:9] != b"JFIF\0" or len(part) < 18
    if marker == 0xEE:
        return part[4:9] != b"Adobe" or len(part) < 16
    return 0xE0 <= marker <= 0xEF or marker == 0xFE


def _finished_by(scan: bytes) -> set[tuple[int, int]]:
    """(component, coefficient) of those whose last bits are in this scan."""
    count = scan[4] if len(scan) > 4 else 0
    components = scan[5 : 5 + 2 * count : 2]
    parameters = scan[5 + 2 * count : 8 + 2 * count]
    if len(parameters) < 3 or parameters[2] & 15:
        return set()
    return {
        (component, place)
        for component in components
        for place in range(parameters[0], parameters[1] + 1)
    }


# PNG


MOST_TEXT = 2**10
"""Bytes of a text chunk that is read."""
TRANSPARENT_BYTES = {b"\0": (2,), b"\2": (6,), b"\3": range(1, 257)}
"""By the kind of colour, how long the chunk of transparency may be."""


def _unwrap_png(data: bytes) -> PictureFile:
    kept, orientation, texts = [data[:8]], 1, {}
    place = 8
    for _ in range(MOST_PARTS):
        length, kind = int.from_bytes(data[place : place + 4], "big"), data[place + 4 : place + 8]
        chunk = data[place : place + 12 + length]
        is_whole = len(chunk) == 12 + length
        if (
            kind[:1].isupper()
            or not is_whole
            or kind == b"tRNS"
            and _is_transparency(chunk, data[25:26])
        ):
            kept.append(chunk)
        elif kind == b"eXIf" and _is_sound(chunk):
            orientation = orientation_of(chunk[8:-4])
        elif kind == b"tEXt" and length <= MOST_TEXT and _is_sound(chunk):
            keyword, _, text = chunk[8:-4].decode("latin-1").partition("\0")
            texts[keyword] = text
        place += 12 + length
        if kind == b"IEND" or place >= len(data):
            return PictureFile(b"".join(kept), orientation, texts=texts)
    raise Unreadable("too many chunks")


def _is_transparency(chunk: bytes, colour: bytes) -> bool:
    return _is_sound(chunk) and len(chunk) - 12 in TRANSPARENT_BYTES.get(colour, ())


def _is_sound(chunk: bytes) -> bool:
    return zlib.crc32(chunk[4:-4]) == int.from_bytes(chunk[-4:], "big")


# TIFF


TIFF_LAYOUTS = {
    b"II*\0": ("<", 4, "L", "H", 12),
    b"MM\0*": (">", 4, "L", "H", 12),
    b"II+\0": ("<", 8, "Q", "Q", 20),
    b"MM\0+": (">", 8, "Q", "Q", 20),
}
"""First bytes -> order of bytes, where the place of the first page's tags is, the types of places
and of the tags' count, bytes of a tag."""
TAG_SIZES = dict(enumerate((1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4), 1)) | {16: 8, 17: 8, 18: 8}
"""Bytes of a value, by its type."""
FORM = {*range(254, 260), 262, 266, 274, 277, 284}
PLACES = {273, 278, 279, *range(322, 326)}
COMPRESSION = {292, 293, 317, 347, *range(512, 522)}
COLOURS = {320, 332, *range(338, 342), *range(529, 533)}
NEEDED_TAGS = FORM | PLACES | COMPRESSION | COLOURS
"""What tells the pixels' size, kind, places, compression and colours, and the orientation."""
TILE_SIDES = {322, 323}


def _without_tags(data: bytes) -> bytes:
    """The file with all other tags of its first pages made of no type: readers pass over them.

    Raises Unreadable.
    """
    order, place, pointer, counter, step = TIFF_LAYOUTS[data[:4]]
    changed = bytearray(data)
    try:
        for _ in range(MOST_PAGES):
            (start,) = struct.unpack_from(order + pointer, data, place)
            if not start:
                break
            (count,) = struct.unpack_from(order + counter, data, start)
            first = start + struct.calcsize(order + counter)
            place = first + count * step
            if count > MOST_TAGS:
                raise Unreadable("too many tags")
            for entry in range(first, min(place, len(data) - step + 1), step):
                _hide_tag(changed, entry, order, pointer)
    except struct.error:  # the decoder says what is wrong with it
        pass
    return bytes(changed)


def _hide_tag(data: bytearray, entry: int, order: str, pointer: str) -> None:
    tag, kind, count = struct.unpack_from(f"{order}HH{pointer}", data, entry)
    if tag not in NEEDED_TAGS:
        struct.pack_into(f"{order}H", data, entry + 2, 0)
    elif count * TAG_SIZES.get(kind, 0) > MOST_TAG_BYTES:
        raise Unreadable("too long a tag")
    elif tag in TILE_SIDES:
        (side,) = struct.unpack_from(
            order + {3: "H", 4: "L"}.get(kind, "B"),
            data,
            entry + 4 + struct.calcsize(order + pointer),
        )
        if side > MOST_TILE_SIDE:
            raise Unreadable("too large a tile")
