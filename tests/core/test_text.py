"""Text as other programs save it."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndcb.core.terms import UserError
from ndcb.core.text import BINARY, decode_text

TEXT = "reference;probe\r\nZoë Ó.jpg;写真 👩‍🚀.png\r\n"
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_one_text_in_many_encodings(encoding):
    assert decode_text(TEXT.encode(encoding)) == TEXT


@pytest.mark.parametrize(
    "mark, encoding",
    [
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
        (codecs.BOM_UTF8 * 2, "utf-8"),
    ],
)
def test_byte_order_marks_are_no_part_of_the_text(mark, encoding):
    assert decode_text(mark + TEXT.encode(encoding)) == TEXT


def test_latin_letters_of_windows():
    assert decode_text("Müller;Šimunek €\n".encode("cp1252")) == "Müller;Šimunek €\n"


def test_a_mark_inside_stays():
    assert decode_text("a\ufeffb".encode()) == "a\ufeffb"


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        b"\xff\xd8\xff\xe0\x00\x10JFIF",
        b"PK\x03\x04\x14\0",
        b"\0" * 40,
        b"\xff\xfea",
        b"\xef\xbb\xbf\xff",
        b"a\x01b",
        b"\x81\x8d",
    ],
)
def test_what_is_no_text_is_refused(data):
    with pytest.raises(UserError, match="no text that can be read"):
        decode_text(data)


@given(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.sampled_from(["utf-8-sig", "utf-16", "utf-32"]),
)
def test_any_text_with_a_mark_comes_back(text, encoding):
    text = BINARY.sub("", text).lstrip("\ufeff")
    assert decode_text(text.encode(encoding)) == text
