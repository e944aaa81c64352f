"""The pictures that a model is trained and measured on, and their embeddings, computed once.

Both data sets have the same form.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from ndcb.core.files import whole_file
from ndcb.core.terms import ALIGNMENTS, BY_BOX, UnknownName
from ndcb.faces.lfw import PARTS, TEST_SHARE, part_of
from training.data.datasets import cached, lfw_faces, mnist


@dataclass(frozen=True)
class Pictures:
    """All pictures of a data set, split by person (LFW) or by the official test part (MNIST)."""

    data: str
    images: np.ndarray
    """(n, h, w, c), uint8."""
    labels: np.ndarray
    """(n,): the person's name or the digit."""
    part: np.ndarray
    """(n,): `training`, `development` (fixes thresholds, never trained on) or `test`."""
    names: np.ndarray
    """(n,): of a face such as Aaron_Eckhart_0001, of a digit its number in MNIST."""
    detected: np.ndarray
    """(n,), bool: False where no face was found in a photo and its middle was taken."""
    alignment: str = BY_BOX
    """How the faces are cut out (`ndcb.core.terms.ALIGNMENTS`)."""
    others: dict[str, np.ndarray] = field(default_factory=dict)
    """The same faces in the other alignments, as `images`."""

    def aligned(self, alignment: str) -> np.ndarray:
        """The faces in this alignment, as `images`."""
        return self.images if alignment == self.alignment else self.others[alignment]

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

    @property
    def batch_size(self) -> int:
        """So many pictures keep the cores busy and fit the memory: 64 faces, more digits."""
        return min(1024, 64 * 160 * 160 * 3 // self.images[0].size)

    @cached_property
    def key(self) -> str:
        """Names the content in caches: the bytes of some 500 pictures, and the shape of all."""
        sample = np.ascontiguousarray(self.images[:: max(1, len(self.images) // 500)])
        return hashlib.sha256(sample.tobytes() + str(self.images.shape).encode()).hexdigest()[:16]

    def description(self) -> dict:
        parts = {part: int(len(self.rows(part))) for part in PARTS}
        return {"name": self.data, "split": SPLITS[self.data], "pictures": parts}


SPLITS = {
    "lfw": (
        f"people by the SHA-256 of their name: {TEST_SHARE:.0%} test, a tenth of the others"
        " development"
    ),
    "mnist": "the official test part; the last 5,000 of the training part are development",
}


def load_pictures(
    dataset: str, root: Path, limit: int | None = None, alignment: str = BY_BOX
) -> Pictures:
    """`lfw` or `mnist`; of each part only the first `limit` pictures. alignment: of faces."""
    if dataset not in SPLITS:
        raise UnknownName("data set", dataset, SPLITS)
    if dataset == "mnist":
        return mnist_pictures(root, limit)
    return lfw_pictures(root, limit, alignment)


def lfw_pictures(root: Path, limit: int | None = None, alignment: str = BY_BOX) -> Pictures:
    faces = lfw_faces(root, limit, alignment)
    part = np.array([part_of(person) for person in faces.people])
    others = [name for name in ALIGNMENTS if name != alignment]
    return Pictures(
        "lfw",
        faces.images,
        faces.people,
        part,
        faces.names,
        faces.detected,
        alignment,
        {name: lfw_faces(root, limit, name).images for name in others},
    )


def mnist_pictures(root: Path, limit: int | None = None) -> Pictures:
    (train, train_labels), (test, test_labels) = mnist(root, True), mnist(root, False)
    part = np.repeat(["training", "development", "test"], [55000, 5000, 10000])
    images, labels = np.concatenate([train, test]), np.concatenate([train_labels, test_labels])
    names = np.arange(len(images)).astype(str)
    if limit:
        chosen = np.concatenate([np.flatnonzero(part == name)[:limit] for name in PARTS])
        images, labels, part, names = images[chosen], labels[chosen], part[chosen], names[chosen]
    return Pictures("mnist", images, labels, part, names, np.ones(len(images), bool))


@torch.inference_mode()
def embeddings(pictures: Pictures, name: str, recogniser, rows=None) -> np.ndarray:
    """F(X) of all pictures, or of these rows, (n, m), float32; computed once, kept in the cache."""
    count, device = len(pictures.images), next(recogniser.parameters()).device
    rows = np.arange(count) if rows is None else rows

    def embed(chunk: np.ndarray) -> np.ndarray:
        return recogniser(pictures.batch(chunk).to(device)).cpu().numpy()

    key = f"{pictures.key}-{name}-{weights_key(recogniser)}"
    what = f"embedding {pictures.data}"
    return kept_rows(key, (type(recogniser),), count, rows, embed, what, pictures.batch_size)


def weights_key(model: torch.nn.Module) -> str:
    """Names a model's weights in caches."""
    values = [value.detach().cpu().numpy().tobytes() for value in model.state_dict().values()]
    return hashlib.sha256(b"".join(values)).hexdigest()[:12]


def kept_rows(
    name: str,
    code: Sequence[Callable],
    total: int,
    rows: np.ndarray,
    compute,
    what: str,
    batch: int,
) -> np.ndarray:
    """compute(rows) -> (k, width), float32; every row is computed once and kept in the cache.

    code: the classes and functions that compute them, as in `datasets.cached`. They are computed in
    batches, with progress. A table of `total` rows holds NaN where nothing was computed yet, so a
    run that was stopped goes on where it was.
    """
    path, rows = Path(f"{cached('rows', name, code)}.npy"), np.asarray(rows)
    table = np.load(path, mmap_mode="r+") if path.exists() else None
    missing = np.unique(rows if table is None else rows[~np.isfinite(table[rows]).all(1)])
    with tqdm(total=len(missing), desc=what, unit="picture", disable=not len(missing)) as bar:
        for start in range(0, len(missing), batch):
            chunk = missing[start : start + batch]
            values = compute(chunk)
            table = _new_table(path, total, values.shape[1]) if table is None else table
            table[chunk] = values
            bar.update(len(chunk))
    return np.empty((0, 0), np.float32) if table is None else np.array(table[rows])


def _new_table(path, total: int, width: int) -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as file:
        np.save(file, np.full((total, width), np.nan, np.float32))
    return np.load(path, mmap_mode="r+")
