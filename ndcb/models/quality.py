"""Is a photo good enough to tell people apart? The embedding that a login computes anyway says so.

Blurred, dark or otherwise spoilt photos lose what tells people apart: their embeddings lie close
together, and strangers come nearer to each other than the login threshold. A linear discriminant
tells such embeddings from those of good photos. Its weights and its limit, for each recogniser,
come from `python -m training quality`, which also measures what it keeps out, and how often it
refuses good photos (docs/quality.md).
"""

import json
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ndcb.core.terms import BadCheckpoint, Face, PoorPhoto
from ndcb.models import checkpoints

FOLDER = "quality"
"""In the folder of the checkpoints: a gate's file for each recogniser, `<its name>.json`."""
GOOD, UNCHECKED, UNKNOWN = "good", "unchecked", "unknown"
SENTENCES = {
    "blurred": "The face is too blurred. Hold the camera still, wipe the lens, and take it again.",
    "dark": "The face is too dark. Turn on a light or face a window, and take it again.",
    "overexposed": "The face is too bright. Leave the glare or turn the flash off, and try again.",
    "pale": "The face has too little contrast. Wipe the lens, leave the haze, and take it again.",
    "compressed": "The face is spoilt by compression. Send the photo as the camera took it.",
    "grainy": "The face is too grainy. Take it again in more light.",
}
"""What spoils a photo -> the sentence about it."""
NOTE = "ndcb quality"
"""Keyword of a template's PNG text chunk that holds the verdict on its photo. It is missing where
the gate was not asked."""
DAMAGED = (
    "What tells good photos from poor ones cannot be read. Bring back that file, or run: "
    "python -m training quality"
)
NO_PHOTOS = ("aligned already", "drawn")
"""`Face.how` of what is no photo: templates, digits, faces that were cut out elsewhere."""


@dataclass(frozen=True)
class Gate:
    """Embedding -> good, or what spoils the photo: each kind has a score, the largest counts."""

    recogniser: str
    """Its name: the gate knows this one's embeddings alone."""
    kinds: tuple[str, ...]
    """The kind that each score speaks for: keys of SENTENCES, some of them several times."""
    weights: torch.Tensor
    """(len(kinds), m)."""
    offsets: torch.Tensor
    """(len(kinds),)."""
    limit: float
    """A photo is refused where its largest score is over this."""

    def scores(self, embeddings: torch.Tensor) -> torch.Tensor:
        """F(X), (n, m) -> (n, len(kinds)): log-odds of being spoilt in this way against good."""
        return embeddings @ self.weights.T + self.offsets

    def verdict(self, embedding: torch.Tensor) -> str:
        """F(X), (m,) -> GOOD, or a key of SENTENCES."""
        score, kind = self.scores(embedding[None])[0].max(0)
        return self.kinds[int(kind)] if float(score) > self.limit else GOOD


def verdict(face: Face, seen: torch.Tensor, recogniser: str) -> str:
    """GOOD, a key of SENTENCES, or UNCHECKED: no photo, or a recogniser without a gate.

    seen: F(X) of the face, (m,), by the recogniser of this name. Raises what `load_gate` does.
    """
    if face.how in NO_PHOTOS:
        return UNCHECKED
    gate = load_gate(recogniser)
    return gate.verdict(seen) if gate else UNCHECKED


def check(face: Face, seen: torch.Tensor, recogniser: str) -> str:
    """`verdict`, if it is GOOD or UNCHECKED. Raises PoorPhoto for all others."""
    said = verdict(face, seen, recogniser)
    if said in SENTENCES:
        raise PoorPhoto(SENTENCES[said])
    return said


def noted(said: str) -> PngInfo | None:
    """A verdict -> what is saved of it in the template's PNG."""
    if said == UNCHECKED:
        return None
    info = PngInfo()
    info.add_text(NOTE, said)
    return info


def read_note(template: Image.Image) -> str:
    """The verdict that `noted` stored in a template; UNKNOWN where it holds something else."""
    said = template.info.get(NOTE, UNCHECKED)
    return said if said in (UNCHECKED, GOOD, *SENTENCES) else UNKNOWN


def gated() -> list[str]:
    """The recognisers that have a gate."""
    return sorted(file.stem for file in (checkpoints.FOLDER / FOLDER).glob("*.json"))


def file_of(recogniser: str) -> Path | None:
    """The file of a recogniser's gate; None where it has none.

    The name may come from anybody's record, so it is never part of a path before it is found among
    those of the files. Raises BadCheckpoint: there is no file at all.
    """
    names = gated()
    if not names:
        raise BadCheckpoint(DAMAGED)
    return checkpoints.FOLDER / FOLDER / f"{recogniser}.json" if recogniser in names else None


def load_gate(recogniser: str) -> Gate | None:
    """The gate of the recogniser of this name; None where it has none.

    Raises BadCheckpoint: its file is damaged, or there is no gate of any recogniser.
    """
    file = file_of(recogniser)
    gate = file and read_gate(file)
    if gate and gate.recogniser != recogniser:
        raise BadCheckpoint(DAMAGED)
    return gate


@lru_cache(maxsize=8)
def read_gate(path: Path) -> Gate:
    """The gate in a file of `python -m training quality`; read once. Raises BadCheckpoint."""
    try:
        stored = json.loads(path.read_text())["gate"]
        gate = Gate(
            stored["recogniser"],
            tuple(stored["kinds"]),
            torch.tensor(stored["weights"]),
            torch.tensor(stored["offsets"]),
            float(stored["limit"]),
        )
        if not _is_sound(gate):
            raise ValueError
        return gate
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise BadCheckpoint(DAMAGED) from error


def _is_sound(gate: Gate) -> bool:
    """Do its parts fit each other, and are its numbers finite and its kinds known?"""
    weights, offsets = gate.weights, gate.offsets
    fits = weights.ndim == 2 and weights.shape[:1] == offsets.shape == (len(gate.kinds),)
    finite = weights.isfinite().all() and offsets.isfinite().all() and math.isfinite(gate.limit)
    return bool(fits and finite and set(gate.kinds) <= set(SENTENCES))
