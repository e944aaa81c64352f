"""A CSV table of pairs to compare, as spreadsheet programs and people save it."""

from ndcb.core.files import path_of
from ndcb.core.tables import LARGEST_TABLE, Table

COLUMNS = ("reference", "probe")
PAIRS = Table(COLUMNS, "pair", "pairs")
__all__ = ["COLUMNS", "LARGEST_TABLE", "read_pairs"]


def read_pairs(data: bytes) -> list[dict[str, str]]:
    """The bytes of a CSV file -> the paths of reference and probe of each row.

    A row that cannot be used says why under `error`. Raises UserError, as `Table.read` does.
    """
    return [_pair(row) for row in PAIRS.read(data)]


def _pair(row: dict[str, str]) -> dict[str, str]:
    """A row's paths, or what is wrong with it."""
    pair = {name: path_of(row[name]) for name in COLUMNS}
    missing = [name for name, path in pair.items() if not path]
    if missing:
        return pair | {"error": f"This row names no {' and no '.join(missing)}."}
    return row | pair
