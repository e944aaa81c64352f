"""Which people are in which group: LFW's table beside the data, or a CSV file that a user gives."""

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from ndcb.core.tables import LARGEST_TABLE, Table
from ndcb.core.terms import UserError

TABLE = Table(("name", "group"), "person", "people")
BESIDE_THE_DATA = "lfw_groups.csv"
UNVERIFIED = "chosen by how names are spelt, unverified"
GIVEN = "from a table that was given; not checked"
GROUP = re.compile(r"[\w(][\w ,.()+-]{0,39}")
"""How a group may be called: it is written into reports and pages."""
MOST_GROUPS = 20


@dataclass(frozen=True)
class Groups:
    """A table of groups."""

    people: dict[str, set[str]]
    """Group -> its people. A person may be in several."""
    remark: str
    """How people came into their groups."""


def read_groups(path: Path | None, root: Path) -> Groups | None:
    """The table at `path`, else that beside the data; None where there is none.

    Raises UserError: the table cannot be read.
    """
    if path is None and not (root / BESIDE_THE_DATA).is_file():
        return None
    try:
        with open(path or root / BESIDE_THE_DATA, "rb") as file:
            data = file.read(LARGEST_TABLE + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no path"
        raise UserError(
            f"The table of groups cannot be read ({reason}). Check the path of --groups."
        ) from None
    return Groups(groups_of(data), GIVEN if path else UNVERIFIED)


def groups_of(data: bytes) -> dict[str, set[str]]:
    """The bytes of a CSV file with the columns name and group -> group -> people.

    A name is a person's as LFW spells it; spaces may stand for its underscores. Raises UserError:
    a row lacks something, or a group's name cannot be shown.
    """
    people: dict[str, set[str]] = {}
    for number, row in enumerate(TABLE.read(data), 1):
        name, group = (_plain(row[column]) for column in TABLE.columns)
        if "error" in row:
            raise UserError(f"In row {number} of the table of groups: {row['error']}")
        if not name or not group:
            raise UserError(f"Row {number} of the table of groups lacks a name or a group.")
        if not GROUP.fullmatch(group):
            raise UserError(
                f"Row {number} of the table of groups has a group that cannot be shown. Call it"
                " with at most 40 letters, digits, spaces and , . ( ) + - only."
            )
        people.setdefault(group, set()).add(name.replace(" ", "_"))
    if len(people) > MOST_GROUPS:
        raise UserError(f"The table has {len(people)} groups; at most {MOST_GROUPS} are measured.")
    return people


def _plain(cell: str) -> str:
    return unicodedata.normalize("NFC", cell).strip()
