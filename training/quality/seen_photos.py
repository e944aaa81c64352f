"""LFW's photos as a login sees them, untouched or made poor."""

import hashlib
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import gaussian_laplace
from torch import nn

from ndcb.core.tensors import to_tensor
from ndcb.core.terms import Face
from ndcb.faces.alignment import by_landmarks
from ndcb.faces.detectors import Detector
from ndcb.faces.images import read_picture
from ndcb.faces.lfw import lfw_files, part_of
from training.data.datasets import central_faces
from training.data.pictures import kept_rows, weights_key
from training.quality.poor_photos import CHANGES

VERSION = 2
"""Of the rows in the cache. It grows when this module or `poor_photos` computes something else."""
BATCH = 16
MEASURES = ("size", "brightness", "contrast", "sharpness")


@dataclass(frozen=True)
class Seen:
    """Photos after one change."""

    found: np.ndarray
    """(n,), bool: a face was found. Where it is False, the rest means nothing."""
    measures: dict[str, np.ndarray]
    """Name -> (n,): MEASURES, see `measured`."""
    embeddings: np.ndarray
    """F(X), (n, m), float32."""


class Photos:
    """The first few photos of every person of a part, as one of the recognisers sees them.

    Whatever the recognisers are, the detector looks at each photo once. What is seen is kept in the
    cache.
    """

    def __init__(
        self,
        root: Path,
        part: str,
        recognisers: dict[str, nn.Module],
        most: int,
        limit: int | None = None,
    ):
        """recognisers: by their names; `seen` tells of the first, `by` chooses another.

        most: photos of a person. limit: only so many people, those with the most photos.
        """
        files_of: dict[str, list[Path]] = {}
        for file in lfw_files(root):
            if part_of(file.parent.name) == part:
                files_of.setdefault(file.parent.name, []).append(file)
        people = sorted(files_of, key=lambda person: -len(files_of[person]))[:limit]
        self.files = [file for person in sorted(people) for file in files_of[person][:most]]
        self.people = np.array([file.parent.name for file in self.files])
        self.recognisers = recognisers
        self.chosen = next(iter(recognisers))

    def by(self, recogniser: str) -> "Photos":
        """The same photos, as the recogniser of this name sees them."""
        other = copy(self)
        other.chosen = recogniser
        return other

    @cached_property
    def first(self) -> np.ndarray:
        """The row of each person's first photo."""
        return np.unique(self.people, return_index=True)[1]

    @cached_property
    def detector(self) -> Detector:
        return Detector()

    def seen(self, change: str, rows: np.ndarray) -> Seen:
        """These photos after one of CHANGES."""
        table = kept_rows(
            self.key(change),
            self.code,
            len(self.files),
            rows,
            lambda chunk: self._look(change, chunk),
            change,
            BATCH,
        )
        found, measures, *embeddings = np.split(table, self._ends, 1)
        columns = dict(zip(MEASURES, measures.T, strict=True))
        by_name = dict(zip(self.recognisers, embeddings, strict=True))
        return Seen(found[:, 0] == 1, columns, by_name[self.chosen])

    @property
    def _ends(self) -> np.ndarray:
        """Where the parts of a row end, the last one left out: found, the measures, each F(X)."""
        sizes = [recogniser.dimensions for recogniser in self.recognisers.values()]
        return np.cumsum([1, len(MEASURES), *sizes])[:-1]

    @property
    def code(self) -> list:
        """What the rows in the cache come from."""
        recognisers = [type(recogniser) for recogniser in self.recognisers.values()]
        return [Photos, Detector, by_landmarks, central_faces, read_picture, *recognisers]

    def key(self, change: str) -> str:
        return f"quality-{self._content}-{change.replace(' ', '-')}"

    @cached_property
    def _content(self) -> str:
        names = hashlib.sha256(" ".join(file.stem for file in self.files).encode()).hexdigest()[:12]
        return "-".join([names, *map(weights_key, self.recognisers.values())])

    @torch.inference_mode()
    def _look(self, change: str, rows: np.ndarray) -> np.ndarray:
        """(len(rows), 1 + measures + m of every recogniser): found, the measures, each F(X)."""
        changed = [CHANGES[change](read_picture(self.files[row])) for row in rows]
        faces = central_faces(changed, self.detector)
        heads = [[face.how == "detected", *measured(face).values()] for face in faces]
        embeddings = [_embedded(faces, one) for one in self.recognisers.values()]
        return np.concatenate([np.array(heads, np.float32), *embeddings], 1)


def _embedded(faces: list[Face], recogniser: nn.Module) -> np.ndarray:
    """F(X), (n, m), of faces in the recogniser's own alignment."""
    device = next(recogniser.parameters()).device
    batch = to_tensor([face.aligned(recogniser.alignment) for face in faces])
    return recogniser(batch.to(device)).cpu().numpy()


def measured(face: Face) -> dict[str, float]:
    """MEASURES of a face, by their names; they need no recogniser.

    size: the box's width in pixels; brightness and contrast: mean and standard deviation of the
    grey levels in [0, 255]; sharpness: the standard deviation of the picture's Laplacian of
    Gaussian, relative to the contrast.
    """
    grey = np.asarray(face.image.convert("L"), dtype=np.float32)
    contrast = float(grey.std())
    width = float(face.box[2] - face.box[0]) if face.box else 0.0
    sharpness = float(gaussian_laplace(grey, 1.0).std()) / (contrast + 1)
    return dict(zip(MEASURES, (width, float(grey.mean()), contrast, sharpness), strict=True))
