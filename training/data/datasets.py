"""LFW and MNIST, read where scikit-learn and torchvision leave them; faces aligned once."""

import hashlib
import inspect
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from ndcb.core import compat  # noqa: F401  torchvision needs it
from ndcb.core.files import whole_file
from ndcb.core.paths import cache_root
from ndcb.core.terms import BY_BOX, BY_LANDMARKS, FACE_SIZE, Face, NotAvailable
from ndcb.faces.alignment import SIDE, by_landmarks
from ndcb.faces.detectors import LONG_SIDE, MARGIN, Detector, centre_crop
from ndcb.faces.images import read_picture
from ndcb.faces.lfw import PARTS, lfw_files, missing, part_of

VERSION = 2
"""Raise it when this module gives other numbers: caches of measurements hold what it gave."""
SIDES = {BY_BOX: FACE_SIZE, BY_LANDMARKS: SIDE}
"""Alignment -> side of its pictures in pixels."""


def cached(kind: str, name: str, code: Sequence[Callable]) -> Path:
    """A place in the cache.

    code: the classes and functions that compute what is kept there. The VERSION of each one's
    module is part of the place, so that results of an older version are not found.
    """
    if not code:
        raise ValueError(f"say what computes {name}")
    return cache_root() / kind / f"{name}-{versions_of(code)}"


def versions_of(code: Sequence[Callable]) -> str:
    """Such as facenet1-unet2. Raises AttributeError: a module has no VERSION."""
    modules = {inspect.getmodule(thing) for thing in code}
    names = [f"{module.__name__.rpartition('.')[2]}{module.VERSION}" for module in modules]
    return "-".join(sorted(names))


@dataclass(frozen=True)
class Faces:
    """Aligned faces of LFW in the order of their file names."""

    images: np.ndarray
    """(n, 160, 160, 3) by the box, or (n, 112, 112, 3) by the landmarks (`ndcb.faces.alignment`).

    uint8; read from the cache file as needed.
    """
    people: np.ndarray
    """(n,), the person's name."""
    names: np.ndarray
    """(n,), such as Aaron_Eckhart_0001."""
    detected: np.ndarray
    """(n,), bool. False: no face was found, and the picture's middle was taken."""


def lfw_faces(root: Path, limit: int | None = None, alignment: str = BY_BOX) -> Faces:
    """Aligned LFW faces, from the cache, which keeps them in both alignments.

    The first call detects and crops them, which takes six minutes on two cores. If it is stopped,
    the next call goes on. limit: of each part only the first so many pictures of people with
    several, in a cache of their own.
    """
    files = lfw_files(root)
    if limit:
        files = _first_of_each_part(files, limit)
    names = np.array([file.stem for file in files])
    content = f"{MARGIN} {LONG_SIDE} {SIDES} {' '.join(names)}"
    key = hashlib.sha256(content.encode()).hexdigest()[:12]
    folder = cached("faces", key, (Detector, by_landmarks, central_faces, read_picture))
    if not (folder / "done").exists():
        _align_all(files, folder)
    return Faces(
        np.load(folder / f"{alignment}.npy", mmap_mode="r"),
        np.array([file.parent.name for file in files]),
        names,
        np.load(folder / "detected.npy") == 1,
    )


def _first_of_each_part(files: list[Path], limit: int) -> list[Path]:
    pictures = Counter(file.parent.name for file in files)
    chosen: dict[str, list[Path]] = {part: [] for part in PARTS}
    for file in files:
        own = chosen[part_of(file.parent.name)]
        if pictures[file.parent.name] > 1 and len(own) < limit:
            own.append(file)
    return sorted(sum(chosen.values(), []))


def mnist(root: Path, train: bool) -> tuple[np.ndarray, np.ndarray]:
    """Digits (n, 28, 28, 1), uint8, and labels (n,)."""
    from torchvision.datasets import MNIST

    try:
        data = MNIST(str(root), train=train, download=not (root / "MNIST" / "raw").is_dir())
    except Exception as error:
        raise NotAvailable(missing("MNIST", root)) from error
    return data.data.numpy()[..., None], data.targets.numpy()


def _align_all(files: list[Path], folder: Path, batch: int = 8) -> None:
    """detected.npy holds for each picture: 1 found, 0 not found, -1 not done yet.

    So a killed run goes on where it was.
    """
    folder.mkdir(parents=True, exist_ok=True)
    state = folder / "detected.npy"
    pixels = {alignment: folder / f"{alignment}.npy" for alignment in SIDES}
    if not state.exists():
        for alignment, side in SIDES.items():
            shape = (len(files), side, side, 3)
            np.lib.format.open_memmap(pixels[alignment], "w+", np.uint8, shape).flush()
        with whole_file(state) as file:
            np.save(file, np.full(len(files), -1, np.int8))
    images = {name: np.lib.format.open_memmap(path, "r+") for name, path in pixels.items()}
    detected = np.lib.format.open_memmap(state, "r+")
    detector = Detector()
    left = np.flatnonzero(detected < 0)
    done = len(files) - len(left)
    with tqdm(total=len(files), initial=done, desc="aligning faces", unit="face") as bar:
        for start in range(0, len(left), batch):
            rows = left[start : start + batch]
            faces = central_faces([read_picture(files[row]) for row in rows], detector)
            for row, face in zip(rows, faces, strict=True):
                for alignment, pictures in images.items():
                    pictures[row] = np.asarray(face.aligned(alignment))
                detected[row] = face.how == "detected"
            bar.update(len(rows))
    for pictures in images.values():
        pictures.flush()
    detected.flush()
    (folder / "done").touch()


def central_faces(pictures: list[Image.Image], detector: Detector) -> list[Face]:
    """The face nearest the middle of each picture, else its centre crop.

    For data sets whose person stands in the middle.
    """
    if len({picture.size for picture in pictures}) == 1:
        faces_of_each = detector.find(pictures)
    else:
        faces_of_each = [detector.find([picture])[0] for picture in pictures]
    return [
        _nearest_the_middle(faces, picture) if faces else centre_crop(picture)
        for picture, faces in zip(pictures, faces_of_each, strict=True)
    ]


def _nearest_the_middle(faces: list[Face], picture: Image.Image) -> Face:
    return min(faces, key=lambda face: _off_centre(face, picture.size))


def _off_centre(face: Face, size: tuple[int, int]) -> float:
    x0, y0, x1, y1 = face.box
    return (x0 + x1 - size[0]) ** 2 + (y0 + y1 - size[1]) ** 2
