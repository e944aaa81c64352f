"""Bytes of a text file -> its text, in any encoding that people's programs save.

UTF-8, UTF-16, UTF-32 or Windows' Latin, with or without a byte order mark.
"""

import codecs
import re

from ndcb.core.terms import UserError

NO_TEXT = "This is no text that can be read. Save it as plain text in UTF-8."
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: its mark begins with UTF-16's
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
BINARY = re.compile(r"[\x00-\x08\x0e-\x19\x1c-\x1f]")
"""Control characters that no text file has.

Allowed are tabs, ends of lines and pages, DOS's end of file, and escapes.
"""


def decode_text(data: bytes) -> str:
    """The text, without a byte order mark. Raises UserError: the bytes are no text."""
    for encoding in _encodings(data):
        try:
            text = data.decode(encoding).lstrip("\ufeff")
        except UnicodeDecodeError:
            continue
        if not BINARY.search(text):
            return text
    raise UserError(NO_TEXT)


def _encodings(data: bytes) -> tuple[str, ...]:
    """Encodings that the bytes may be in, the likeliest first."""
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return (encoding,)
    if b"\0" not in data:
        return "utf-8", "cp1252"

    # UTF-16 without a mark: of Latin letters and ends of lines one byte of two is zero
    zeros_first, zeros_second = data[::2].count(0), data[1::2].count(0)
    return ("utf-16-le",) if zeros_second > zeros_first else ("utf-16-be",)
