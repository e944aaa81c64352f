"""Labeled Faces in the Wild: its pictures, and which person is in which part.

They lie where scikit-learn leaves them, and are downloaded when they are asked for.
"""

import hashlib
import os
import shutil
from pathlib import Path

import numpy as np

from ndcb.core.terms import NotAvailable

TEST_SHARE = 0.2
PARTS = ("training", "development", "test")


def data_root(root: str | None = None) -> Path:
    """`--data`, else NDCB_DATA, else ~/.cache/ndcb/data: the folder that holds lfw_home/ and
    MNIST/.
    """
    return Path(root or os.environ.get("NDCB_DATA") or Path.home() / ".cache" / "ndcb" / "data")


def lfw_files(root: Path) -> list[Path]:
    """All LFW pictures, sorted by name, downloaded if they are not there. Raises NotAvailable."""
    folder = root / "lfw_home" / "lfw_funneled"
    if not folder.is_dir():
        _fetch(root)
    return sorted(folder.glob("*/*.jpg"))


def unseen_people(root: Path, count: int, photos: int = 1, seed: int = 0) -> list[list[Path]]:
    """`photos` different photos of each of `count` people that no generator was trained on.

    A seed always names the same people. Raises NotAvailable, as `lfw_files` does.
    """
    chooser, files_of = np.random.default_rng(seed), {}
    for file in lfw_files(root):
        files_of.setdefault(file.parent.name, []).append(file)
    test_people = {person: files for person, files in files_of.items() if in_test(person)}
    people = [person for person, files in test_people.items() if len(files) >= photos]
    if len(people) < count:
        raise NotAvailable(
            f"LFW is not whole in {root}. Delete lfw_home there and let it be downloaded again."
        )
    return [
        sorted(chooser.choice(files_of[person], photos, replace=False))
        for person in chooser.choice(people, count, replace=False)
    ]


def in_test(person: str) -> bool:
    """Is this person in the test fifth? The name's SHA-256 decides, alike on every machine."""
    return _share(person) < TEST_SHARE


def in_development(person: str) -> bool:
    """Is this person in the tenth of the others that fixes thresholds and is never trained on?"""
    return TEST_SHARE <= _share(person) < TEST_SHARE + (1 - TEST_SHARE) / 10


def part_of(person: str) -> str:
    """`test`, `development` or `training`."""
    return "test" if in_test(person) else "development" if in_development(person) else "training"


def _share(person: str) -> float:
    """A number in [0, 1) that the name fixes."""
    return int(hashlib.sha256(person.encode()).hexdigest()[:8], 16) / 2**32


def missing(name: str, root: Path) -> str:
    """The sentence about a data set that is not there."""
    return (
        f"{name} is not in {root} and could not be downloaded. Connect to the internet, or name the"
        " folder that holds it with --data or NDCB_DATA."
    )


def _fetch(root: Path) -> None:
    from sklearn.datasets import fetch_lfw_people

    try:
        fetch_lfw_people(data_home=str(root), funneled=True, resize=0.1, min_faces_per_person=200)
    except Exception as error:
        raise NotAvailable(missing("LFW", root)) from error
    finally:  # its cache of the tiny pictures, of no use to anybody
        shutil.rmtree(root / "lfw_home" / "joblib", ignore_errors=True)
