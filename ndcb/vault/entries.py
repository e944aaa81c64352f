"""A name in the list of a vault: what is enrolled under it, and how sound it is."""

from collections.abc import Sequence
from dataclasses import dataclass

from ndcb.models import quality
from ndcb.vault.rows import Row
from ndcb.vault.templates import StoredTemplates, chunks, open_png


@dataclass(frozen=True)
class Entry:
    """A name that is enrolled."""

    name: str
    time: str
    """UTC, such as 2025-01-31T08:30:00Z."""
    generator: str
    recogniser: str
    templates: int
    quality: tuple[str, ...] = ()
    """Of each template's photo, in order: good, or what is wrong with it (`ndcb.models.quality`),
    or unchecked; unknown where the template cannot be read.
    """
    damaged: tuple[str, ...] = ()
    """A sentence for each template that cannot be compared."""


def new_entry(rows: Sequence[dict]) -> Entry:
    """Of rows that were made now."""
    qualities = tuple(quality.read_note(open_png(row["png"])) for row in rows)
    shared = {key: rows[0][key] for key in ("name", "time", "generator", "recogniser")}
    return Entry(**shared, templates=len(rows), quality=qualities)


def entries(stored: StoredTemplates) -> list[Entry]:
    """Of all these templates, in alphabetical order of the names."""
    qualities = _qualities(stored)
    people: dict[str, list[Row]] = {}
    for row in stored.rows:
        people.setdefault(row.person, []).append(row)
    listed = [_entry(rows, stored.unusable, qualities) for rows in people.values()]
    return sorted(listed, key=lambda entry: (entry.name.casefold(), entry.name))


def _qualities(stored: StoredTemplates) -> dict[Row, str]:
    """What each template says about its photo; those that cannot be compared become unusable."""
    qualities: dict[Row, str] = {}
    for rows, distorter in stored.by_distorter():
        for chunk in chunks(rows):
            pictures = stored.pictures(chunk, distorter)
            qualities |= {row: quality.read_note(picture) for row, picture in pictures.items()}
    return qualities


def _entry(rows: Sequence[Row], unusable: dict[Row, str], qualities: dict[Row, str]) -> Entry:
    """Of the rows of one name."""
    first = next((row for row in rows if row not in unusable), rows[0])
    return Entry(
        first.name,
        first.time,
        first.generator,
        first.recogniser,
        len(rows),
        tuple(qualities.get(row, quality.UNKNOWN) for row in rows),
        tuple(unusable[row] for row in rows if row in unusable),
    )
