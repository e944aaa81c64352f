"""Can templates be linked: with each other under different keys, and with photos? Scores of the
test people, and their D_sys.
"""

from collections.abc import Callable
from functools import cached_property, lru_cache

import numpy as np
import torch
from tqdm import tqdm

from ndcb.core.metrics import linkability, linkability_by_chance
from training.attacks.linkers import seen, train_linker
from training.data.sealed_material import SealedMaterial
from training.measure.record import mated_pairs, squared_distances

KEY_SETS = (0, 1, 2, 3)
"""Each test picture is sealed once in each."""
ONE_KEY = 100
"""The set in which one key was used for all."""
TRAINING_SETS = (200, 201)
"""Keys of the pictures that the linking network learns from."""


class Linking:
    """Templates of the test people under each set of keys, the pairs that are to be linked or not,
    and a network that learned to.
    """

    def __init__(self, material: SealedMaterial):
        self.sets = [material.with_keys(keys) for keys in KEY_SETS]
        self.material = material
        self.rows = material.test
        self.photos = as_bytes(material.pictures.batch, self.rows, "photos")

    @cached_property
    def templates(self) -> list[torch.Tensor]:
        """A set: (n, 3, 160, 160), uint8."""
        return [
            as_bytes(one.templates, self.rows, f"templates, keys {one.keys}") for one in self.sets
        ]

    @cached_property
    def pairs(self) -> np.ndarray:
        """(k, 4): set a, picture i, set b, picture j; mated first, as many not mated after them."""
        sets = [(a, b) for a in range(len(KEY_SETS)) for b in range(a)]
        return _mated_and_not(sets, self.material.labels)

    @cached_property
    def photo_pairs(self) -> np.ndarray:
        """(k, 4): set a, template i, 0, photo j."""
        return _mated_and_not([(a, 0) for a in range(len(KEY_SETS))], self.material.labels)

    def of_templates(self) -> dict:
        """Two templates: FaceNet's distance, the pixels' distance, the trained network's."""
        seen_by_facenet = [one.shifted(self.rows) for one in self.sets]
        linker = self.trained(TRAINING_SETS, False)
        towers = [seen(linker.see_first, one).numpy() for one in self.templates]
        return {
            "facenet": linked(_between(seen_by_facenet, seen_by_facenet, self.pairs)),
            "pixels": linked(_pixels(self.templates, self.templates, self.pairs)),
            "network": linked(_between(towers, towers, self.pairs)),
        }

    def of_photos(self) -> dict:
        """A template and a photo, by the same three."""
        linker = self.trained(TRAINING_SETS[:1], True)
        towers = [seen(linker.see_first, one).numpy() for one in self.templates]
        photos = seen(linker.see_second, self.photos).numpy()
        return {
            "facenet": linked(
                _between(
                    [one.shifted(self.rows) for one in self.sets],
                    [self.material.real_test],
                    self.photo_pairs,
                )
            ),
            "pixels": linked(_pixels(self.templates, [self.photos], self.photo_pairs)),
            "network": linked(_between(towers, [photos], self.photo_pairs)),
        }

    def control_photo(self) -> dict:
        """Where one key was used for all, the same network, with the same training, has something
        to learn: template and photo.
        """
        one = self.material.with_keys(ONE_KEY, one_key=True)
        linker = self.trained((ONE_KEY,), True, one_key=True)
        towers = seen(
            linker.see_first, as_bytes(one.templates, self.rows, "templates, one key for all")
        ).numpy()
        pairs = _mated_and_not([(0, 0)], self.material.labels)
        return {
            "network": linked(
                _between([towers], [seen(linker.see_second, self.photos).numpy()], pairs)
            )
        }

    def trained(self, sets: tuple[int, ...], with_photo: bool, one_key: bool = False):
        """Learned from two templates of each training person, or a template and a photo: of one
        photo, and of two photos.
        """
        sides = [self.learned_from(keys, one_key) for keys in sets] + (
            [self.learned_from()] if with_photo else []
        )
        what = (
            "linking templates with"
            f" {'photos' if with_photo else 'each other'}{', one key' if one_key else ''}"
        )
        return train_linker(
            *sides,
            mated(self.material.pictures.labels[self.material.pictures.training_rows]),
            not with_photo,
            what,
        )

    @lru_cache(maxsize=2)
    def learned_from(self, keys: int | None = None, one_key: bool = False) -> torch.Tensor:
        """Templates of the training people, or without keys their photos."""
        pictures, what = self.material.pictures.batch, "photos to learn from"
        if keys is not None:
            pictures, what = (
                self.material.with_keys(keys, one_key).templates,
                f"templates to learn from, keys {keys}",
            )
        return as_bytes(pictures, self.material.pictures.training_rows, what)


def as_bytes(
    pictures: Callable[[np.ndarray], torch.Tensor], rows: np.ndarray, what: str, batch: int = 64
) -> torch.Tensor:
    """pictures(rows), (n, 3, 160, 160) in [0, 1] -> uint8, a quarter of the memory."""
    made = torch.empty(len(rows), *pictures(rows[:1]).shape[1:], dtype=torch.uint8)
    with tqdm(total=len(rows), desc=what, unit="picture") as bar:
        for start in range(0, len(rows), batch):
            piece = pictures(rows[start : start + batch])
            made[start : start + len(piece)] = piece.mul(255).round().byte()
            bar.update(len(piece))
    return made


def mated(labels: np.ndarray) -> np.ndarray:
    """(k, 2): every picture with itself, and the mated pairs of different pictures."""
    every = np.arange(len(labels))
    return np.concatenate([np.stack([every, every], 1), mated_pairs(labels)])


def _mated_and_not(sets: list[tuple[int, int]], labels: np.ndarray) -> np.ndarray:
    """(k, 4): the mated pairs in each pair of sets, then as many pairs of two people.

    The same pictures as often on both sides, only paired otherwise: a photo that is near to all
    templates must not look linked.
    """
    own, chance = mated(labels), np.random.default_rng(0)
    near, far = [], []
    for a, b in sets:
        for kept, pairs in (
            (near, own),
            (far, np.stack([own[:, 0], foreign(*own.T, labels, chance)], 1)),
        ):
            kept.append(
                np.stack(
                    [np.full(len(pairs), a), pairs[:, 0], np.full(len(pairs), b), pairs[:, 1]], 1
                )
            )
    return np.concatenate(near + far)


def foreign(
    first: np.ndarray, second: np.ndarray, labels: np.ndarray, chance: np.random.Generator
) -> np.ndarray:
    """`second` in another order: none is of the person of `first` at its place. Raises ValueError
    where that does not come about.
    """
    second = chance.permutation(second)
    for _ in range(1000):
        alike = np.flatnonzero(labels[first] == labels[second])
        if not len(alike):
            return second
        others = chance.integers(0, len(second), len(alike))
        for here, there in zip(alike, others):
            second[here], second[there] = second[there], second[here]
    raise ValueError("too few people to pair two of them everywhere")


def _between(first: list[np.ndarray], second: list[np.ndarray], pairs: np.ndarray) -> np.ndarray:
    """Squared distances of embeddings, (k,)."""
    found = np.empty(len(pairs), np.float32)
    for a, b in np.unique(pairs[:, [0, 2]], axis=0):
        own = (pairs[:, 0] == a) & (pairs[:, 2] == b)
        found[own] = squared_distances(first[a][pairs[own, 1]], second[b][pairs[own, 3]])
    return found


def _pixels(
    first: list[torch.Tensor], second: list[torch.Tensor], pairs: np.ndarray, batch: int = 256
) -> np.ndarray:
    """Mean squared differences of pixels, (k,)."""

    def side(pictures: list[torch.Tensor], which: np.ndarray) -> torch.Tensor:
        return torch.stack([pictures[a][i] for a, i in which]).float()

    return np.concatenate(
        [
            (side(first, piece[:, :2]) - side(second, piece[:, 2:]))
            .square()
            .mean((1, 2, 3))
            .numpy()
            for piece in np.array_split(pairs, -(-len(pairs) // batch))
        ]
    )


def linked(values: np.ndarray) -> dict:
    """values: of as many mated pairs, then of pairs that are not."""
    near, others = np.split(values, 2)
    found, null = linkability(near, others), linkability_by_chance(near, others)
    return {
        "d_sys": found,
        "null": null,
        "inside": bool(found <= null["ci95"][1]),
        "mated": len(near),
        "non_mated": len(others),
    }
