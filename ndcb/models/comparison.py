"""Two faces and their templates: is each pair of them the same person?"""

from dataclasses import dataclass

from PIL import Image

from ndcb.core.terms import Decision
from ndcb.models.pipeline import Distorter, Distortion, Picture

PAIRS = {
    "plain_plain": (0, 1),
    "template_plain": (2, 1),
    "plain_template": (0, 3),
    "template_template": (2, 3),
}
"""Of A's and B's pictures: which two of (photo A, photo B, template A, template B) are compared."""


@dataclass(frozen=True)
class Comparison:
    """Two aligned faces, their templates, and the decision about each pair of `PAIRS`."""

    originals: tuple[Image.Image, Image.Image]
    templates: tuple[Image.Image, Image.Image]
    decisions: dict[str, Decision]

    @property
    def threshold(self) -> float:
        return self.decisions["plain_plain"].threshold


def compare_faces(
    distorter: Distorter, a: Picture, b: Picture, fmr: str | None = None
) -> Comparison:
    """Two faces -> their templates and four decisions.

    All four pictures are embedded in one batch. fmr, errors: as in `Distorter.decide`.
    """
    templates = tuple(distorter.templates([a, b]))
    embedded = distorter.embed([a, b, *templates])
    decisions = {
        name: distorter.decide(embedded[i], embedded[j], fmr) for name, (i, j) in PAIRS.items()
    }
    originals = distorter.aligned(a), distorter.aligned(b)
    return Comparison(originals, templates, decisions)


def with_itself(face: Distortion) -> Comparison:
    """A face beside itself, without a model: a picture is at distance 0 from itself."""
    shift = face.embedding_distance
    distances = {
        "plain_plain": 0.0,
        "template_plain": shift,
        "plain_template": shift,
        "template_template": 0.0,
    }
    decisions = {name: Decision(value, face.threshold) for name, value in distances.items()}
    return Comparison((face.original,) * 2, (face.template,) * 2, decisions)
