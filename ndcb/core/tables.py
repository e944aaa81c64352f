"""A CSV table with named columns, as spreadsheet programs and people save it."""

import csv
import re
from dataclasses import dataclass

from ndcb.core.terms import UserError
from ndcb.core.text import decode_text

LARGEST_TABLE = 2**26
"""Bytes that are read."""
DELIMITERS = (",", ";", "\t", "|")
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""How the files of spreadsheet programs begin."""
EMPTY_LINE = re.compile(r"\s*(sep=.)?\s*")
"""What may stand before the header. Spreadsheet programs tell each other the delimiter there."""

WORKBOOK = "This is a workbook of a spreadsheet program. Save its sheet as CSV, and give that file."
NO_HEADER = "The table's first row must name the columns {}; it has: {}."
OPEN_QUOTE = "A quotation mark in line {} of the table is not closed. Close it, or take it away."
TOO_LONG = (
    "This row has {} cells, and the header {}. Put names that hold the separator into quotation "
    "marks."
)


@dataclass(frozen=True)
class Table:
    """What a table should hold; its words are those of the errors."""

    columns: tuple[str, ...]
    """What the header names, in lower case."""
    row: str
    """What a row is: `pair`."""
    rows: str
    """The same of several: `pairs`."""

    def read(self, data: bytes) -> list[dict[str, str]]:
        """The bytes of a CSV file -> the cells of each row, by column; a missing one is empty.

        A row that is too long says so under `error`. Commas, semicolons, tabs or bars separate; the
        header tells which. Its columns have any order and case, and others may stand among them.
        Raises UserError: no table that can be read.
        """
        if len(data) > LARGEST_TABLE:
            raise UserError(
                f"The table of {self.rows} has over {LARGEST_TABLE // 2**20} MB. Give it in parts."
            )
        if data.startswith(WORKBOOKS):
            raise UserError(WORKBOOK)
        lines = decode_text(data).replace("\r\n", "\n").replace("\r", "\n").split("\n")
        filled = (number for number, line in enumerate(lines) if not EMPTY_LINE.fullmatch(line))
        first = next(filled, None)
        if first is None:
            raise UserError(
                f"The table of {self.rows} is empty. Give it a header, {','.join(self.columns)},"
                f" and a row for each {self.row}."
            )

        header, *rows = _cells(lines[first:], self._delimiter(lines[first]), first + 1)
        places = [_names(header).index(column) for column in self.columns]
        found = [self._row(row, places, len(header)) for row in rows if any(row)]
        if not found:
            raise UserError(
                f"The table has its header and no {self.row}. Give it a row for each {self.row}."
            )
        return found

    def _delimiter(self, header: str) -> str:
        """Which of DELIMITERS makes the header name each column once. Raises UserError: none."""
        for delimiter in DELIMITERS:
            names = _names(next(csv.reader([header], delimiter=delimiter, skipinitialspace=True)))
            if all(names.count(column) == 1 for column in self.columns):
                return delimiter
        raise UserError(NO_HEADER.format(" and ".join(self.columns), header.strip()[:80]))

    def _row(self, row: list[str], places: list[int], columns: int) -> dict[str, str]:
        """places: of the columns among the header's `columns`."""
        row = [*row, *[""] * (columns - len(row))]
        cells = dict(zip(self.columns, (row[place] for place in places), strict=True))
        too_long = {"error": TOO_LONG.format(len(row), columns)} if any(row[columns:]) else {}
        return cells | too_long


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
