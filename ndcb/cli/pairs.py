"""A CSV table of pairs to compare, as spreadsheet programs and people save it."""

import csv
import re

from ndcb.core.files import path_of
from ndcb.core.terms import UserError
from ndcb.core.text import decode_text

COLUMNS = ("reference", "probe")
LARGEST_TABLE = 2**26
"""Bytes that are read."""
DELIMITERS = (",", ";", "\t", "|")
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""How the files of spreadsheet programs begin."""
EMPTY_LINE = re.compile(r"\s*(sep=.)?\s*")
"""What may stand before the header. Spreadsheet programs tell each other the delimiter there."""

TOO_LARGE = f"The table of pairs has over {LARGEST_TABLE // 2**20} MB. Give it in parts."
WORKBOOK = "This is a workbook of a spreadsheet program. Save its sheet as CSV, and give that file."
EMPTY = "The table of pairs is empty. Give it a header, reference,probe, and a row for each pair."
NO_PAIR = "The table has its header and no pair. Give it a row for each pair."
NO_HEADER = "The table's first row must name the columns reference and probe; it has: {}."
OPEN_QUOTE = "A quotation mark in line {} of the table is not closed. Close it, or take it away."
TOO_LONG = (
    "This row has {} cells, and the header {}. Put names that hold the separator into quotation "
    "marks."
)


def read_pairs(data: bytes) -> list[dict[str, str]]:
    """The bytes of a CSV file -> the paths of reference and probe of each row.

    A row that cannot be used says why under `error`. Commas, semicolons, tabs or bars separate; the
    header tells which. Its columns have any order and case, and others may stand among them.
    Raises UserError: no table that can be read.
    """
    if len(data) > LARGEST_TABLE:
        raise UserError(TOO_LARGE)
    if data.startswith(WORKBOOKS):
        raise UserError(WORKBOOK)
    lines = decode_text(data).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    filled = (number for number, line in enumerate(lines) if not EMPTY_LINE.fullmatch(line))
    first = next(filled, None)
    if first is None:
        raise UserError(EMPTY)

    header, *rows = _cells(lines[first:], _delimiter(lines[first]), first + 1)
    places = [_names(header).index(column) for column in COLUMNS]
    pairs = [_pair(row, places, len(header)) for row in rows if any(row)]
    if not pairs:
        raise UserError(NO_PAIR)
    return pairs


def _delimiter(header: str) -> str:
    """Which of DELIMITERS makes the header name each column once. Raises UserError: none does."""
    for delimiter in DELIMITERS:
        names = _names(next(csv.reader([header], delimiter=delimiter, skipinitialspace=True)))
        if all(names.count(column) == 1 for column in COLUMNS):
            return delimiter
    raise UserError(NO_HEADER.format(header.strip()[:80]))


def _names(header: list[str]) -> list[str]:
    return [cell.strip().strip("\"'").strip().casefold() for cell in header]


def _cells(lines: list[str], delimiter: str, first: int) -> list[list[str]]:
    """The cells of each row. first: the first line's number. Raises UserError: an open quote."""
    rows = []
    lines = [f"{line}\n" for line in lines]
    try:
        for row in csv.reader(lines, delimiter=delimiter, skipinitialspace=True):
            if any("\n" in cell for cell in row):
                raise UserError(OPEN_QUOTE.format(first + len(rows)))
            rows.append([cell.strip() for cell in row])
    except csv.Error:  # a cell without an end
        raise UserError(OPEN_QUOTE.format(first + len(rows))) from None
    return rows


def _pair(row: list[str], places: list[int], columns: int) -> dict[str, str]:
    """A row's paths, or what is wrong with it. places: of COLUMNS among the header's `columns`."""
    row = [*row, *[""] * (columns - len(row))]
    paths = (path_of(row[place]) for place in places)
    pair = dict(zip(COLUMNS, paths, strict=True))
    missing = [name for name, path in pair.items() if not path]
    if missing:
        return pair | {"error": f"This row names no {' and no '.join(missing)}."}
    if any(row[columns:]):
        return pair | {"error": TOO_LONG.format(len(row), columns)}
    return pair
