"""Stored templates: read, checked, and embedded by what made them."""

import hashlib
import io
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ndcb.core.terms import UnknownName, UserError
from ndcb.models.pipeline import Distorter, Models
from ndcb.vault.kept import keep, unpacked, weights_of
from ndcb.vault.rows import Row, TemplateDatabase, what_made
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
    """F(T) of at most `most` rows, in memory and in full precision.

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

    def keep_only_ids(self, ids: np.ndarray) -> None:
        """`keep_only` of the rows of these ids."""
        rows = [*self._kept]
        alive = np.isin([row.id for row in rows], ids)
        self.keep_only([row for row, is_alive in zip(rows, alive, strict=True) if is_alive])


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
                distorter = self.distorter(group[0].generator, group[0].recogniser)
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

    def embed(
        self, rows: Sequence[Row], distorter: Distorter, size: int
    ) -> dict[Row, torch.Tensor]:
        """F(T) of every row that can be compared, each (size,).

        In half precision, where it is kept in the database: `is_exact` says so. Every template that
        is not in memory is read and checked.
        """
        embedded = {row: known for row in rows if (known := self.known.get(row)) is not None}
        pictures = self.pictures([row for row in rows if row not in embedded], distorter)
        kept = self._kept([*pictures], distorter, size)
        anew = {row: picture for row, picture in pictures.items() if row not in kept}
        return embedded | kept | self._embed_anew(anew, distorter)

    def exact(self, rows: Sequence[Row], distorter: Distorter) -> dict[Row, torch.Tensor]:
        """`embed`, of the templates themselves and in full precision."""
        embedded = {row: known for row in rows if (known := self.known.get(row)) is not None}
        pictures = self.pictures([row for row in rows if row not in embedded], distorter)
        return embedded | self._embed_anew(pictures, distorter)

    def is_exact(self, row: Row) -> bool:
        return self.known.get(row) is not None

    def to_keep(self, rows: Sequence[Row]) -> list[dict]:
        """What `TemplateDatabase.keep` writes beside these, at most some hundred."""
        made = []
        for some, distorter in self.by_distorter():
            wanted = [row for row in some if row in rows]
            for row, embedding in self.exact(wanted, distorter).items():
                made.append(keep(row.id, (*what_made(row), weights_of(distorter)), embedding))
        return made

    def _kept(
        self, rows: Sequence[Row], distorter: Distorter, size: int
    ) -> dict[Row, torch.Tensor]:
        """What the database keeps beside these rows, where it fits them."""
        found = self.database.kept(rows)
        weights = weights_of(distorter) if found else ""
        fitting_ones = {
            row: kept for row, kept in found.items() if kept.fits((*what_made(row), weights), size)
        }
        halves = [unpacked([kept.embedding])[0].float() for kept in fitting_ones.values()]
        return dict(zip(fitting_ones, halves, strict=True))

    def _embed_anew(
        self, pictures: dict[Row, Image.Image], distorter: Distorter
    ) -> dict[Row, torch.Tensor]:
        if not pictures:
            return {}
        embeddings = distorter.embed([*pictures.values()])
        new = dict(zip(pictures, embeddings, strict=True))
        self.known.add(new)
        return new

    def pictures(self, rows: Sequence[Row], distorter: Distorter) -> dict[Row, Image.Image]:
        """The stored template of every row that can be compared."""
        pictures = {}
        for row, png in self.database.pngs(rows).items() if rows else ():
            try:
                pictures[row] = fitting(_sound_picture(row, png), distorter)
            except UserError as error:
                self.skip([row], error)
        return pictures

    def distorter(self, generator: str, recogniser: str) -> Distorter:
        """What made a template, as its row names it.

        Raises UnknownName, BadCheckpoint; UserError: the generator has another recogniser now.
        """
        if "/" in generator:  # what a database says must not lead into other folders
            raise UnknownName("checkpoint", generator, self.generators)

        given = {Path(known).name: known for known in self.generators}
        distorter = self.models.distorter(given.get(generator, generator))
        has_now = distorter.generator.record["recogniser"]
        if has_now != recogniser:
            raise UserError(ANOTHER_RECOGNISER.format(recogniser, generator, has_now))
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
