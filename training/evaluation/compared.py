"""What is compared where strangers are told apart: photos and templates against photos.

Of a sealed generator both sides are directions, and every impostor has the key of the template's
owner: the reference of `plain` is z(X) of a photo, that of `template` R_k^-1 z(F(T)), a template
opened with its key. Without the key a stranger's score says nothing of the stranger's face.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array

from ndcb.core.metrics import interval, resample
from ndcb.models import operating_points
from training.data.material import Material
from training.data.sealed_material import SealedMaterial

REFERENCES = ("plain", "template")
DRAWS = 500
"""Bootstrap samples of people."""


@dataclass(frozen=True)
class Compared:
    """Pictures in the order of their people, as references and as probes; all of unit length."""

    people: np.ndarray
    """(n,): whom each picture shows, sorted."""
    references: dict[str, np.ndarray]
    """`plain` and `template` -> (n, m)."""
    probes: np.ndarray
    """(n, m)."""

    @cached_property
    def names(self) -> np.ndarray:
        """(p,): every person once."""
        return np.unique(self.people)

    @cached_property
    def numbers(self) -> np.ndarray:
        """(n,): the place of each picture's person in `names`."""
        return np.searchsorted(self.names, self.people)

    @cached_property
    def pictures(self) -> np.ndarray:
        """(p,): how many pictures each person has."""
        return np.bincount(self.numbers)

    def distances(self, reference: str) -> np.ndarray:
        """(n, n): squared distance of reference i and probe j."""
        return 2 - 2 * self.references[reference] @ self.probes.T

    @cached_property
    def _whose(self) -> csr_array:
        """(p, n): 1 where the person is on the picture."""
        rows = np.arange(len(self.people))
        return csr_array((np.ones(len(rows), np.float32), (self.numbers, rows)))

    def sums(self, values: np.ndarray) -> np.ndarray:
        """(n, n), bool or float -> (p, p): the sum over the pictures of each two people.

        Exact for counts under 2^24.
        """
        of_references = self._whose @ values.astype(np.float32)
        return (self._whose @ np.ascontiguousarray(of_references.T)).T.astype(np.float64)

    @cached_property
    def comparisons(self) -> np.ndarray:
        """(p, p): how many comparisons two people have; none with oneself."""
        counts = np.outer(self.pictures, self.pictures)
        np.fill_diagonal(counts, 0)
        return counts

    def false_matches(self, distances: np.ndarray, threshold: float) -> np.ndarray:
        """(p, p): how many of the `comparisons` are under the threshold."""
        matches = self.sums(distances < threshold)
        np.fill_diagonal(matches, 0)
        return matches


def compared(material: Material, rows: np.ndarray) -> Compared:
    """These pictures of a material, each as photo and as stored template."""
    rows = rows[np.argsort(material.pictures.labels[rows], kind="stable")]
    people = material.pictures.labels[rows]
    if isinstance(material, SealedMaterial):
        directions = material.directions(rows)
        return Compared(
            people, {"plain": directions, "template": material.opened(rows)}, directions
        )
    real = material.real(rows)
    return Compared(people, {"plain": real, "template": material.shifted(rows)}, real)


def operating_thresholds(record: dict) -> dict[str, float]:
    """FMR on development people, such as `1e-3`, -> the threshold that gives it.

    Those that have a name are kept. `login`: the one threshold of a record that has no others.
    """
    if "thresholds" not in record:
        return {"login": record["threshold"]}
    return {level: record["thresholds"][level] for level in operating_points.NAMED.values()}


# bootstraps over people


def draws_of(people: int, draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    """(draws, people): how often each person is in each bootstrap sample."""
    return np.stack(list(resample(people, draws, seed))).astype(np.float64)


def share_of_pairs(times: np.ndarray, left, right, matches, pictures) -> np.ndarray:
    """(draws,): the share of the comparisons of two people that are matches, in each draw.

    left, right: (p,), bool: who is compared with whom; matches: (p, p), none with oneself;
    pictures: (p,). Two people count as often as both were drawn. NaN: no two people were.
    """
    rows, columns = times[:, left], times[:, right]
    matched = ((rows @ matches[np.ix_(left, right)].astype(np.float64)) * columns).sum(1)
    own = (times * pictures)[:, left & right]
    each = (rows @ pictures[left]) * (columns @ pictures[right])
    with np.errstate(invalid="ignore", divide="ignore"):
        return matched / (each - (own**2).sum(1))


def count_of_pairs(times: np.ndarray, pictures: np.ndarray) -> float:
    """How many comparisons of two people one draw has. times, pictures: (p,)."""
    each = np.asarray(times * pictures, dtype=np.float64)
    return float(each.sum() ** 2 - (each**2).sum())


def mean_over_people(times: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(draws, ...): the mean of one value a person, (p, ...), in each draw; NaN of nobody."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return (times @ values) / times.sum(1).reshape(-1, *[1] * (values.ndim - 1))


def known_interval(values: np.ndarray) -> list[float] | None:
    """`interval` of the draws that have a value; None where none has."""
    known = values[np.isfinite(values)]
    return interval(known) if len(known) else None
