"""Tables of pairs, as spreadsheets and people save them."""

import pytest

from ndcb.cli.pairs import LARGEST_TABLE, read_pairs
from ndcb.core.terms import UserError

ROWS = [{"reference": "t/Zoë.png", "probe": "b c.jpg"}, {"reference": "d.png", "probe": "e.jpg"}]
COMMAS = "reference,probe\nt/Zoë.png,b c.jpg\nd.png,e.jpg\n"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252"]
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiters_encodings_and_ends_of_lines(encoding, delimiter, end):
    text = COMMAS.replace(",", delimiter).replace("\n", end)
    assert read_pairs(text.encode(encoding)) == ROWS


@pytest.mark.parametrize(
    "text",
    [
        '"reference","probe"\n"t/Zoë.png","b c.jpg"\n"d.png","e.jpg"',
        " Reference , PROBE \n t/Zoë.png , b c.jpg \n d.png,e.jpg\n",
        "sep=;\r\nReference;Probe\r\nt/Zoë.png;b c.jpg\r\nd.png;e.jpg\r\n",
        "\n\nreference,probe\n\nt/Zoë.png,b c.jpg\n,\n  \nd.png,e.jpg\n\n",
        "number;Probe;note;Reference\n1;b c.jpg;;t/Zoë.png\n2;e.jpg;a, b;d.png;;;\n",
        '"reference" ; "probe"\n"t/Zoë.png" ; "b c.jpg"\nd.png;e.jpg',
        "'reference','probe'\nt/Zoë.png,b c.jpg\nd.png,e.jpg",
    ],
)
def test_headers_quotes_and_blanks(text):
    assert read_pairs(text.encode()) == ROWS


def test_a_quoted_name_holds_the_delimiter():
    [pair] = read_pairs(b'reference,probe\n"Ann, left.jpg","5"" photo.png"\n')
    assert pair == {"reference": "Ann, left.jpg", "probe": '5" photo.png'}


def test_rows_that_cannot_be_used_say_why():
    rows = read_pairs(
        b"reference,probe\na.png\n,b.jpg\nc.png,d.jpg\nAnn, left.jpg,e.jpg\nf.png,g.jpg,\n"
    )
    assert [row.get("error") for row in rows] == [
        "This row names no probe.",
        "This row names no reference.",
        None,
        (
            "This row has 3 cells, and the header 2. Put names that hold the separator into"
            " quotation marks."
        ),
        None,
    ]
    assert rows[0]["reference"] == "a.png" and rows[4] == {"reference": "f.png", "probe": "g.jpg"}


@pytest.mark.parametrize(
    "data, sentence",
    [
        (b"", "The table of pairs is empty"),
        (b"\xef\xbb\xbf\r\n \n", "The table of pairs is empty"),
        (b"sep=,\n", "The table of pairs is empty"),
        ("\ufeff".encode("utf-16"), "The table of pairs is empty"),
        (b"reference;probe\r\n\r\n", "has its header and no pair"),
        (b"reference,probe\n,\n", "has its header and no pair"),
        (b"a,b\n1,2\n", "must name the columns reference and probe; it has: a,b."),
        (b"reference,reference,probe\na,b,c\n", "must name the columns"),
        (b"reference probe\na b\n", "must name the columns"),
        (
            b'reference,probe\na,b\n"c,d\ne,f\n',
            "A quotation mark in line 3 of the table is not closed",
        ),
        (
            b'\n\nreference,probe\n"' + b"a" * 200_000,
            "A quotation mark in line 4 of the table is not closed",
        ),
        (b"PK\x03\x04\x14\x00\x06\x00", "is a workbook of a spreadsheet program"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "is no text"),
        (bytes(LARGEST_TABLE + 1), "has over 64 MB"),
    ],
)
def test_what_is_no_table_is_told_in_one_sentence(data, sentence):
    with pytest.raises(UserError, match=sentence):
        read_pairs(data)
