"""A JPEG without what applications add to it."""

import re
from collections.abc import Iterator

from ndcb.faces.picture_files.picture_file import (
    MOST_PARTS,
    PictureFile,
    Unreadable,
    orientation_of,
)

MOST_SCANS = 100
"""Of a progressive JPEG. Encoders write ten to thirty, and each costs a pass over all pixels."""
START_OF_SCAN, START_OF_IMAGE, END_OF_IMAGE = 0xDA, 0xD8, 0xD9
WITHOUT_CONTENTS = (START_OF_IMAGE, END_OF_IMAGE, 0x01)
JFIF, EXIF, ADOBE = 0xE0, 0xE1, 0xEE
COMMENT = 0xFE
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
NEXT_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
"""In a scan: 00 marks a byte FF of the data, D0 to D7 are points to restart from, FF fills."""
COEFFICIENTS = range(64)


def unwrap_jpeg(data: bytes) -> PictureFile:
    """The first picture of the file; a phone's film, a second view or a depth map may follow it."""
    kept = [data[:2]]
    orientation, scans = None, 0
    expected, finished = set(), set()  # (component, coefficient)

    for marker, segment in _segments(data):
        if marker == END_OF_IMAGE:
            return PictureFile(b"".join([*kept, segment]), orientation or 1)
        if marker == EXIF and segment[4:10] == b"Exif\0\0":
            orientation = orientation or orientation_of(segment[4:])
        if marker in FRAMES:
            expected = {(component, at) for component in segment[10::3] for at in COEFFICIENTS}
        if marker == START_OF_SCAN:
            scans += 1
            finished |= _finished_by(segment)
        if not _is_metadata(marker, segment):
            kept.append(segment)
        if scans > MOST_SCANS:
            raise Unreadable("too many scans")

    is_cut_short = bool(expected) and expected <= finished
    return PictureFile(b"".join(kept), orientation or 1, is_cut_short)


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(marker, its segment from the marker on) up to the file's end; a scan with its data."""
    place = 2
    for _ in range(MOST_PARTS):
        next_marker = NEXT_MARKER.search(data, place)
        if not next_marker:
            return
        start = next_marker.start()
        marker, place = data[start + 1], start + 2
        if marker not in WITHOUT_CONTENTS:
            place += int.from_bytes(data[place : place + 2], "big")
        if marker == START_OF_SCAN:
            after = NEXT_MARKER.search(data, place)
            place = after.start() if after else len(data)
        yield marker, data[start:place]
    raise Unreadable("too many segments")


def _is_metadata(marker: int, segment: bytes) -> bool:
    """Comments and all that applications add. A sound JFIF or Adobe segment tells the colours."""
    if marker == JFIF:
        return segment[4:9] != b"JFIF\0" or len(segment) < 18
    if marker == ADOBE:
        return segment[4:9] != b"Adobe" or len(segment) < 16
    return 0xE0 <= marker <= 0xEF or marker == COMMENT


def _finished_by(scan: bytes) -> set[tuple[int, int]]:
    """(component, coefficient) of those whose last bits are in this scan."""
    count = scan[4] if len(scan) > 4 else 0
    components = scan[5 : 5 + 2 * count : 2]
    parameters = scan[5 + 2 * count : 8 + 2 * count]
    if len(parameters) < 3 or parameters[2] & 15:
        return set()
    coefficients = range(parameters[0], parameters[1] + 1)
    return {(component, at) for component in components for at in coefficients}
