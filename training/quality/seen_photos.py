"""LFW's photos as a login sees them, untouched or made poor."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import gaussian_laplace

from ndcb.core.tensors import to_tensor
from ndcb.core.terms import Face
from ndcb.faces.detectors import Detector
from ndcb.faces.images import read_picture
from ndcb.faces.lfw import lfw_files, part_of
from training.data.datasets import central_faces
from training.data.pictures import kept_rows, weights_key
from training.quality.poor_photos import CHANGES

VERSION = 1
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
    """The first few photos of every person of a part. What is seen of each is kept in the cache."""

    def __init__(
        self,
        root: Path,
        part: str,
        recogniser: torch.nn.Module,
        most: int,
        limit: int | None = None,
    ):
        """most: photos of a person. limit: only so many people, those with the most photos."""
        files_of: dict[str, list[Path]] = {}
        for file in lfw_files(root):
            if part_of(file.parent.name) == part:
                files_of.setdefault(file.parent.name, []).append(file)
        people = sorted(files_of, key=lambda person: -len(files_of[person]))[:limit]
        self.files = [file for person in sorted(people) for file in files_of[person][:most]]
        self.people = np.array([file.parent.name for file in self.files])
        self.recogniser = recogniser

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
        ends = 1, 1 + len(MEASURES)
        measures = dict(zip(MEASURES, table[:, ends[0] : ends[1]].T, strict=True))
        return Seen(table[:, 0] == 1, measures, table[:, ends[1] :])

    @property
    def code(self) -> list:
        """What the rows in the cache come from."""
        return [Photos, Detector, central_faces, read_picture, type(self.recogniser)]

    def key(self, change: str) -> str:
        names = hashlib.sha256(" ".join(file.stem for file in self.files).encode()).hexdigest()[:12]
        return f"quality-{names}-{weights_key(self.recogniser)}-{change.replace(' ', '-')}"

    @torch.inference_mode()
    def _look(self, change: str, rows: np.ndarray) -> np.ndarray:
        """(len(rows), 1 + measures + m): found, the measures, F(X)."""
        changed = [CHANGES[change](read_picture(self.files[row])) for row in rows]
        faces = central_faces(changed, self.detector)
        device = next(self.recogniser.parameters()).device
        batch = to_tensor([face.image for face in faces]).to(device)
        embeddings = self.recogniser(batch).cpu().numpy()
        heads = [[face.how == "detected", *measured(face).values()] for face in faces]
        return np.concatenate([np.array(heads, np.float32), embeddings], 1)


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
