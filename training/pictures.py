"""The pictures that a model is trained and measured on, one shape for both data sets, and their embeddings, computed once."""

import hashlib
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from ndcb.terms import UnknownName

from .data import PARTS, TEST_SHARE, cache_root, lfw_faces, mnist, part_of


@dataclass(frozen=True)
class Pictures:
    """All pictures of a data set. Rows are split by person (LFW) or by the official test part (MNIST)."""

    data: str
    images: np.ndarray
    """(n, h, w, c), uint8."""
    labels: np.ndarray
    """(n,): the person's name or the digit."""
    part: np.ndarray
    """(n,): `training`, `development` (fixes thresholds, never trained on) or `test`."""

    def rows(self, part: str) -> np.ndarray:
        return np.flatnonzero(self.part == part)

    @cached_property
    def training_rows(self) -> np.ndarray:
        return self.rows("training")

    @cached_property
    def development_rows(self) -> np.ndarray:
        return self.rows("development")

    def batch(self, rows) -> torch.Tensor:
        """(len(rows), c, h, w), float in [0, 1]."""
        return torch.from_numpy(np.array(self.images[rows])).permute(0, 3, 1, 2).float().div_(255)

    @cached_property
    def key(self) -> str:
        """Names the content in caches: the pictures' bytes, every so often, and how many there are."""
        sample = np.ascontiguousarray(self.images[:: max(1, len(self.images) // 500)])
        return hashlib.sha256(sample.tobytes() + str(self.images.shape).encode()).hexdigest()[:16]

    def description(self) -> dict:
        parts = {part: int(len(self.rows(part))) for part in PARTS}
        return {"name": self.data, "split": SPLITS[self.data], "pictures": parts}


SPLITS = {
    "lfw": f"people by the SHA-256 of their name: {TEST_SHARE:.0%} test, a tenth of the others development",
    "mnist": "the official test part; the last 5,000 of the training part are development",
}


def load_pictures(dataset: str, root: Path, limit: int | None = None) -> Pictures:
    """`lfw` or `mnist`; of each part only the first `limit` pictures."""
    if dataset not in SPLITS:
        raise UnknownName("data set", dataset, SPLITS)
    return (lfw_pictures if dataset == "lfw" else mnist_pictures)(root, limit)


def lfw_pictures(root: Path, limit: int | None = None) -> Pictures:
    faces = lfw_faces(root, limit)
    return Pictures("lfw", faces.images, faces.people, np.array([part_of(person) for person in faces.people]))


def mnist_pictures(root: Path, limit: int | None = None) -> Pictures:
    (train, train_labels), (test, test_labels) = mnist(root, True), mnist(root, False)
    part = np.array(["training"] * 55000 + ["development"] * 5000 + ["test"] * 10000)
    images, labels = np.concatenate([train, test]), np.concatenate([train_labels, test_labels])
    if limit:
        chosen = np.concatenate([np.flatnonzero(part == name)[:limit] for name in PARTS])
        images, labels, part = images[chosen], labels[chosen], part[chosen]
    return Pictures("mnist", images, labels, part)


@torch.inference_mode()
def embed_all(images, recogniser, device, what: str, batch: int = 64) -> np.ndarray:
    """`images(rows)` -> batches; unit embeddings (n, m) of all rows, with progress."""
    rows, get = images
    parts = []
    with tqdm(total=len(rows), desc=what, unit="picture", leave=False) as bar:
        for start in range(0, len(rows), batch):
            parts.append(recogniser(get(rows[start:start + batch]).to(device)).cpu().numpy())
            bar.update(len(parts[-1]))
    return np.concatenate(parts)


def embeddings(pictures: Pictures, name: str, recogniser) -> np.ndarray:
    """F(X) of every picture (n, m), float32, from the cache where it was computed before. Written in pieces: resumes."""
    weights = hashlib.sha256(b"".join(p.detach().cpu().numpy().tobytes() for p in recogniser.parameters())).hexdigest()[:12]
    folder = cache_root() / "embeddings" / f"{pictures.data}-{pictures.key}-{name}-{weights}"
    folder.mkdir(parents=True, exist_ok=True)
    device = next(recogniser.parameters()).device
    pieces = []
    for start in range(0, len(pictures.images), 2048):
        piece = folder / f"{start}.npy"
        if not piece.exists():
            rows = np.arange(start, min(start + 2048, len(pictures.images)))
            what = f"embedding {pictures.data}, {start} of {len(pictures.images)} done"
            np.save(folder / "new.npy", embed_all((rows, pictures.batch), recogniser, device, what))
            os.replace(folder / "new.npy", piece)
        pieces.append(np.load(piece))
    return np.concatenate(pieces)
