"""Stored templates: read, checked, and embedded by what made them."""

import hashlib
import io
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from PIL import Image

from ndcb.core.terms import UnknownName, UserError
from ndcb.models.pipeline import Distorter, Models
from ndcb.vault.rows import Row, TemplateDatabase
from ndcb.vault.sights import fitting

CHUNK = 32
"""Templates read and embedded at once."""
MOST_PIXELS = 2**20
ANOTHER_RECOGNISER = (
    "It was made for the recogniser {!r}, and generator {!r} has {!r} now. Revoke the name and "
    "enrol it again."
)
DAMAGED = "Its {} is damaged; revoke the name and enrol it again."


@dataclass(frozen=True)
class Stolen:
    """A template as a thief of the database has it."""

    name: str
    png: bytes = field(repr=False)
    generator: str
    recogniser: str
    time: str

    @property
    def picture(self) -> Image.Image:
        """Raises UserError where the PNG is damaged."""
        return open_png(self.png)


class Embeddings:
    """F(T) of at most `most` rows, in memory.

    A row holds its picture's SHA-256, so an id that the database uses again finds nothing here.
    """

    def __init__(self, most: int):
        self.most = most
        self._kept: dict[Row, torch.Tensor] = {}
        self._lock = threading.Lock()

    def get(self, row: Row) -> torch.Tensor | None:
        return self._kept.get(row)

    def add(self, new: dict[Row, torch.Tensor]) -> None:
        """Where there is no room, the newest goes.

        A search reads the rows in one order, so the next one meets the oldest first.
        """
        with self._lock:
            for row, embedding in new.items():
                if len(self._kept) >= self.most:
                    self._kept.popitem()
                self._kept[row] = embedding.clone()

    def keep_only(self, rows: Sequence[Row]) -> None:
        """Forget the rows that are revoked."""
        alive = set(rows)
        with self._lock:
            self._kept = {row: embedding for row, embedding in self._kept.items() if row in alive}


@dataclass
class StoredTemplates:
    """Templates that one call looks at. `unusable` grows while they are read."""

    rows: Sequence[Row]
    database: TemplateDatabase
    models: Models
    generators: Sequence[str]
    """Names of checkpoints, or paths of their folders: a stored name may be one of these paths'."""
    known: Embeddings
    unusable: dict[Row, str] = field(default_factory=dict)
    """A sentence for each template that cannot be compared."""

    def by_distorter(self) -> Iterator[tuple[Sequence[Row], Distorter]]:
        """The rows of each generator that can be loaded; the others become unusable."""
        groups: dict[tuple[str, str], list[Row]] = {}
        for row in self.rows:
            groups.setdefault((row.generator, row.recogniser), []).append(row)
        for group in groups.values():
            try:
                distorter = self._distorter_of(group[0])
            except UserError as error:
                self.skip(group, error)
            else:
                yield group, distorter

    def sealed(self) -> Sequence[Row]:
        """The sealed ones. Whether those that cannot be loaded are sealed is unknown."""
        sealed: list[Row] = []
        for rows, distorter in self.by_distorter():
            if distorter.sealed:
                sealed += rows
        return sealed

    def embed(self, rows: Sequence[Row], distorter: Distorter) -> dict[Row, torch.Tensor]:
        """F(T) of every row that can be compared, each (m,)."""
        embedded = {row: known for row in rows if (known := self.known.get(row)) is not None}
        pictures = self.pictures([row for row in rows if row not in embedded], distorter)
        if pictures:
            embeddings = distorter.embed([*pictures.values()])
            new = dict(zip(pictures, embeddings, strict=True))
            self.known.add(new)
            embedded |= new
        return embedded

    def pictures(self, rows: Sequence[Row], distorter: Distorter) -> dict[Row, Image.Image]:
        """The stored template of every row that can be compared."""
        pictures = {}
        for row, png in self.database.pngs(rows).items() if rows else ():
            try:
                pictures[row] = fitting(_sound_picture(row, png), distorter)
            except UserError as error:
                self.skip([row], error)
        return pictures

    def _distorter_of(self, row: Row) -> Distorter:
        """What made a template.

        Raises UnknownName, BadCheckpoint; UserError: the generator has another recogniser now.
        """
        if "/" in row.generator:  # what a database says must not lead into other folders
            raise UnknownName("checkpoint", row.generator, self.generators)

        given = {Path(generator).name: generator for generator in self.generators}
        distorter = self.models.distorter(given.get(row.generator, row.generator))
        recogniser = distorter.generator.record["recogniser"]
        if recogniser != row.recogniser:
            raise UserError(ANOTHER_RECOGNISER.format(row.recogniser, row.generator, recogniser))
        return distorter

    def skip(self, rows: Sequence[Row], error: UserError) -> None:
        """These cannot be compared."""
        for row in rows:
            whose = f"Template {row.number} of {row.name!r}"
            self.unusable[row] = f"{whose} cannot be compared: {error}"


def chunks(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    return (rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK))


def open_png(png: bytes) -> Image.Image:
    """Raises UserError: no PNG, cut off, or more pixels than a template can have."""
    try:
        picture = Image.open(io.BytesIO(png), formats=["PNG"])
        if picture.width * picture.height > MOST_PIXELS:
            raise ValueError("too large")
        picture.load()
        return picture
    except Exception as error:  # decoders of foreign data raise nearly anything
        raise UserError(DAMAGED.format("picture")) from error


def _sound_picture(row: Row, png: bytes) -> Image.Image:
    """Raises UserError where the row is not what was stored."""
    if not isinstance(png, bytes) or hashlib.sha256(png).hexdigest() != row.sha256:
        raise UserError(DAMAGED.format("picture"))
    if not row.has_sound_name:
        raise UserError(DAMAGED.format("name"))
    return open_png(png)
