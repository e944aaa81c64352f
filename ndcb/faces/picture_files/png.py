"""A PNG without the chunks that its pixels do not need."""

import zlib

from ndcb.faces.picture_files.picture_file import (
    MOST_PARTS,
    PictureFile,
    Unreadable,
    orientation_of,
)

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MOST_TEXT = 2**10
"""Bytes of a text chunk that is read."""
TRANSPARENT_BYTES = {b"\0": (2,), b"\2": (6,), b"\3": range(1, 257)}
"""By the kind of colour, how long the chunk of transparency may be."""


def unwrap_png(data: bytes) -> PictureFile:
    """The file with its critical chunks and its transparency; its texts and orientation apart."""
    kept, orientation, texts = [SIGNATURE], 1, {}
    place, colour = len(SIGNATURE), data[25:26]

    for _ in range(MOST_PARTS):
        length, kind = int.from_bytes(data[place : place + 4], "big"), data[place + 4 : place + 8]
        chunk = data[place : place + 12 + length]
        if _is_needed(kind, chunk, length, colour):
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


def _is_needed(kind: bytes, chunk: bytes, length: int, colour: bytes) -> bool:
    """Critical; or cut off, so that the decoder says so; or a sound chunk of transparency."""
    if kind[:1].isupper() or len(chunk) < 12 + length:
        return True
    fits = length in TRANSPARENT_BYTES.get(colour, ())
    return kind == b"tRNS" and fits and _is_sound(chunk)


def _is_sound(chunk: bytes) -> bool:
    return zlib.crc32(chunk[4:-4]) == int.from_bytes(chunk[-4:], "big")
