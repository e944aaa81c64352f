"""The embeddings that the tab shows: of people or of digits, by every generator that kept them."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from ndcb.models import checkpoints
from ndcb.report import projection
from ndcb.web import private_files
from ndcb.web.choices import generators

EACH = 30
"""Pictures of a class: as many as every checkpoint of the alpha series keeps, so that all show the
same ones.
"""


@dataclass(frozen=True)
class Kind:
    """What differs between people and digits."""

    pictures: str
    """`faces` or `digits`: whose generators are shown."""
    noun: str
    one: str
    given: str
    """What a visitor gives."""
    known: str
    """Where the shown ones come from."""
    choice: str
    """What the generators are told apart by."""
    series: str
    """Title of their comparison."""


PEOPLE = Kind(
    "faces",
    "people",
    "person",
    "photo",
    "People of LFW that no generator was trained on",
    "Generator",
    "The same pictures by every generator",
)
DIGITS = Kind(
    "digits",
    "digits",
    "digit",
    "drawing",
    "MNIST's test digits",
    "Alpha of the training",
    "The same pictures at every alpha",
)


@dataclass(frozen=True)
class Space:
    """The embeddings of one kind."""

    kind: Kind
    sheets: dict[str, str]
    """Generator -> where the page serves the one picture of all its templates."""

    def choose(self, generator: str, classes: list[str]) -> projection.Embeddings:
        """The shown pictures of these classes. Raises UserError: too few, too many, unknown."""
        return projection.choose(embeddings(generator), classes, EACH, self.kind.noun)


def measured(kind: Kind) -> dict[str, str]:
    """Generator -> its label, for those whose embeddings are kept.

    Those of people have their labels and order of everywhere, those of digits go by their alpha.
    """
    kept = {name: label for label, name in generators(kind.pictures) if _file(name).is_file()}
    if kind is PEOPLE:
        return kept
    return {name: f"{alpha(name):g}" for name in sorted(kept, key=alpha)}


def alpha(generator: str) -> float:
    """The margin of its training."""
    return checkpoints.record(generator)["training"]["alpha"]


def embeddings(generator: str) -> projection.Embeddings:
    """All that were kept of a generator."""
    return projection.load(_file(generator))


def sheet_url(generator: str) -> str:
    """Where the page serves the templates.

    It is written while the page is built, so that the clean-up leaves it alone.
    """
    path = private_files.save(embeddings(generator).sheet, f"{generator}.webp")
    return f"gradio_api/file={quote(path)}"


def _file(generator: str) -> Path:
    return checkpoints.FOLDER / generator / "evaluation" / "embeddings.npz"
