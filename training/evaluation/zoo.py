"""Who causes the errors? Doddington's zoo (Doddington et al. 1998) of test people.

Goats are hard to match: the 2.5 % of people with the largest mean genuine distance. Lambs are
easily imitated: the 2.5 % with the smallest mean impostor distance as references. Wolves imitate:
the same as probes. The share of the errors that they cause is of false non-matches (goats) and of
false matches (lambs, wolves) at the login threshold; if all people were alike, it would be their
share of the people. Every person counts equally. Goats are of those with several pictures.
Intervals: people are drawn, and in each draw the animals are chosen anew.
"""

import math

import numpy as np

from ndcb.core.metrics import interval
from ndcb.models.operating_points import operating_point
from training.data.material import Material
from training.evaluation.compared import (
    REFERENCES,
    Compared,
    compared,
)
from training.evaluation.curves import PAIRS_A_PERSON, equal_weights
from training.measure.record import mated_pairs, pair_distances

WORST = 0.025
DRAWS = 1000


def zoo(material: Material) -> dict:
    """See `training.evaluation`, `zoo`."""
    side = compared(material, material.test)
    if len(side.names) < 2 or not (side.pictures > 1).any():
        return {"not_measured": "too few people"}
    threshold = operating_point(material.checkpoint.record).threshold
    return {
        "worst": WORST,
        "threshold": threshold,
        **{name: _zoo(side, name, threshold) for name in REFERENCES},
    }


def _zoo(side: Compared, name: str, threshold: float) -> dict:
    distances = side.distances(name)
    sums, matches = side.sums(distances), side.false_matches(distances, threshold)
    np.fill_diagonal(sums, 0)
    mean, refused, people = _genuine(side, name, threshold)
    as_reference, as_probe = (sums.sum(axis) / side.comparisons.sum(axis) for axis in (1, 0))
    matched, matching = (matches.sum(axis) / side.comparisons.sum(axis) for axis in (1, 0))
    return {
        "goats": animal(mean, refused),
        "lambs": animal(-as_reference, matched),
        "wolves": animal(-as_probe, matching),
        "people": {
            "genuine": mean.round(3).tolist(),
            "impostor_as_reference": as_reference[people].round(3).tolist(),
            "impostor_as_probe": as_probe[people].round(3).tolist(),
        },
    }


def _genuine(side: Compared, name: str, threshold: float) -> tuple[np.ndarray, ...]:
    """Mean genuine distance and share refused of everyone with several pictures; their numbers."""
    pairs = mated_pairs(side.people, PAIRS_A_PERSON)
    scores = pair_distances(side.references[name], side.probes, pairs)
    people, numbers = np.unique(side.numbers[pairs[:, 0]], return_inverse=True)
    weights = equal_weights(numbers)
    mean = np.bincount(numbers, weights * scores)
    return mean, np.bincount(numbers, weights * (scores >= threshold)), people


def animal(badness: np.ndarray, errors: np.ndarray) -> dict:
    """How many people are the worst, their share of the people, and of the errors.

    badness, errors: (p,), larger is worse. The share of the errors is null where there is none.
    """
    chooser, count = np.random.default_rng(0), len(badness)
    worst = math.ceil(WORST * count)
    drawn = [_share(badness, errors, chooser.integers(0, count, count)) for _ in range(DRAWS)]
    share, known = _share(badness, errors, np.arange(count)), [d for d in drawn if d is not None]
    return {
        "people": worst,
        "of": count,
        "share_of_people": worst / count,
        "share_of_errors": share,
        "ci95": interval(known) if known and share is not None else None,
    }


def _share(badness: np.ndarray, errors: np.ndarray, drawn: np.ndarray) -> float | None:
    """drawn: the people's numbers."""
    worst = drawn[np.argsort(-badness[drawn], kind="stable")][: math.ceil(WORST * len(drawn))]
    total = errors[drawn].sum()
    return float(errors[worst].sum() / total) if total else None
