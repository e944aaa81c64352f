"""Can templates be linked: with each other under different keys, and with photos?

The pairs are of test people. A score is computed of each, and D_sys of the scores.
"""

from collections.abc import Callable
from functools import cached_property, lru_cache

import numpy as np
import torch
from tqdm import tqdm

from ndcb.core.metrics import linkability, linkability_by_chance
from ndcb.report.names import judge_key
from training.attacks.linkers import Linker, seen, train_linker
from training.data.sealed_material import SealedMaterial
from training.measure.record import mated_pairs, squared_distances

KEY_SETS = (0, 1, 2, 3)
"""Each test picture is sealed once in each."""
ONE_KEY = 100
"""The set in which one key was used for all."""
TRAINING_SETS = (200, 201)
"""Keys of the pictures that the linking network learns from."""


class Linking:
    """Templates of the test people under each set of keys, and networks that learned to link.

    Pairs are (k, 4): set a, picture i, set b, picture j. The first half of them are mated.
    """

    def __init__(self, material: SealedMaterial):
        self.sets = [material.with_keys(keys) for keys in KEY_SETS]
        self.material, self.judge = material, judge_key(material.recogniser_name)
        self.rows = material.test
        self.photos = as_bytes(material.pictures.batch, self.rows, "photos")
        self.learned_from = lru_cache(maxsize=2)(self._learned_from)  # each takes 0.7 GB

    @cached_property
    def templates(self) -> list[torch.Tensor]:
        """For each set of keys: (n, 3, 160, 160), uint8."""
        return [
            as_bytes(one.templates, self.rows, f"templates, keys {one.keys}") for one in self.sets
        ]

    @cached_property
    def embeddings(self) -> list[np.ndarray]:
        """F(T) for each set of keys."""
        return [one.shifted(self.rows) for one in self.sets]

    @cached_property
    def pairs(self) -> np.ndarray:
        """Of two templates, in every pair of sets."""
        sets = [(a, b) for a in range(len(KEY_SETS)) for b in range(a)]
        return _mated_and_not(sets, self.material.labels)

    @cached_property
    def photo_pairs(self) -> np.ndarray:
        """Of a template and a photo; set b is always 0."""
        return _mated_and_not([(a, 0) for a in range(len(KEY_SETS))], self.material.labels)

    def of_templates(self) -> dict:
        """Two templates: by the recogniser's distance, the pixels', the trained network's."""
        linker = self.trained(TRAINING_SETS, False)
        towers = [seen(linker.see_first, own).numpy() for own in self.templates]
        return {
            self.judge: linked(_between(self.embeddings, self.embeddings, self.pairs)),
            "pixels": linked(_pixels(self.templates, self.templates, self.pairs)),
            "network": linked(_between(towers, towers, self.pairs)),
        }

    def of_photos(self) -> dict:
        """A template and a photo, by the same three."""
        linker = self.trained(TRAINING_SETS[:1], True)
        towers = [seen(linker.see_first, own).numpy() for own in self.templates]
        photos = seen(linker.see_second, self.photos).numpy()
        real = self.material.real_test
        return {
            self.judge: linked(_between(self.embeddings, [real], self.photo_pairs)),
            "pixels": linked(_pixels(self.templates, [self.photos], self.photo_pairs)),
            "network": linked(_between(towers, [photos], self.photo_pairs)),
        }

    def control_photo(self) -> dict:
        """A template and a photo where one key was used for all, by the same network.

        Here there is something to find. That the network finds it shows that it can learn.
        """
        one = self.material.with_keys(ONE_KEY, one_key=True)
        linker = self.trained((ONE_KEY,), True, one_key=True)
        templates = as_bytes(one.templates, self.rows, "templates, one key for all")
        towers = seen(linker.see_first, templates).numpy()
        photos = seen(linker.see_second, self.photos).numpy()
        pairs = _mated_and_not([(0, 0)], self.material.labels)
        return {"network": linked(_between([towers], [photos], pairs))}

    def trained(self, sets: tuple[int, ...], with_photo: bool, one_key: bool = False) -> Linker:
        """A network that learned from training people, of one photo and of two photos each.

        It links templates of two sets; or `with_photo` templates of one set with photos.
        """
        sides = [self.learned_from(keys, one_key) for keys in sets]
        if with_photo:
            sides.append(self.learned_from())
        pictures = self.material.pictures
        pairs = mated(pictures.labels[pictures.training_rows])
        what = f"linking templates with {'photos' if with_photo else 'each other'}"
        what += ", one key" if one_key else ""
        return train_linker(*sides, pairs, not with_photo, what)

    def _learned_from(self, keys: int | None = None, one_key: bool = False) -> torch.Tensor:
        """Templates of the training people, or without keys their photos."""
        rows = self.material.pictures.training_rows
        if keys is None:
            return as_bytes(self.material.pictures.batch, rows, "photos to learn from")
        templates = self.material.with_keys(keys, one_key).templates
        return as_bytes(templates, rows, f"templates to learn from, keys {keys}")


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

    The latter hold the same pictures as often on both sides, only paired otherwise. So a photo that
    is near to all templates does not look linked.
    """
    first, second = mated(labels).T
    chance = np.random.default_rng(0)
    near, far = [], []
    for a, b in sets:
        near.append(_with_sets(a, first, b, second))
        far.append(_with_sets(a, first, b, foreign(first, second, labels, chance)))
    return np.concatenate(near + far)


def _with_sets(a: int, first: np.ndarray, b: int, second: np.ndarray) -> np.ndarray:
    """(k, 4): set a, picture of `first`, set b, picture of `second`."""
    return np.stack([np.full(len(first), a), first, np.full(len(first), b), second], 1)


def foreign(
    first: np.ndarray, second: np.ndarray, labels: np.ndarray, chance: np.random.Generator
) -> np.ndarray:
    """`second` in another order, so that no place holds the same person as in `first`.

    Raises ValueError where no such order is found.
    """
    second = chance.permutation(second)
    for _ in range(1000):
        alike = np.flatnonzero(labels[first] == labels[second])
        if not len(alike):
            return second
        others = chance.integers(0, len(second), len(alike))
        for here, there in zip(alike, others, strict=True):
            second[here], second[there] = second[there], second[here]
    raise ValueError("too few people to pair two of them everywhere")


def _between(first: list[np.ndarray], second: list[np.ndarray], pairs: np.ndarray) -> np.ndarray:
    """Squared distances of embeddings, (k,)."""
    distances = np.empty(len(pairs), np.float32)
    for a, b in np.unique(pairs[:, [0, 2]], axis=0):
        own = (pairs[:, 0] == a) & (pairs[:, 2] == b)
        distances[own] = squared_distances(first[a][pairs[own, 1]], second[b][pairs[own, 3]])
    return distances


def _pixels(
    first: list[torch.Tensor], second: list[torch.Tensor], pairs: np.ndarray, batch: int = 256
) -> np.ndarray:
    """Mean squared differences of pixels, (k,)."""
    differences = []
    for piece in np.array_split(pairs, -(-len(pairs) // batch)):
        ours = torch.stack([first[a][i] for a, i in piece[:, :2]]).float()
        theirs = torch.stack([second[b][j] for b, j in piece[:, 2:]]).float()
        differences.append((ours - theirs).square().mean((1, 2, 3)).numpy())
    return np.concatenate(differences)


def linked(scores: np.ndarray) -> dict:
    """scores: of mated pairs, then of as many that are not. inside: D_sys is what chance gives."""
    near, far = np.split(scores, 2)
    d_sys, null = linkability(near, far), linkability_by_chance(near, far)
    return {
        "d_sys": d_sys,
        "null": null,
        "inside": bool(d_sys <= null["ci95"][1]),
        "mated": len(near),
        "non_mated": len(far),
    }
