"""Who of all enrolled is this? Closed set (CMC) and open set (FNIR at an FPIR), of test people.

The gallery has one picture, as a photo or as a stored template, of every person with two or more.
Their other pictures are the mated probes; the people of one picture are the non-mated ones. Ten
galleries are chosen with the seeds 0 to 9, and their searches are taken together. Every person
counts equally, however many pictures there are. Intervals: people are drawn; galleries stay.
"""

from dataclasses import dataclass

import numpy as np

from ndcb.core.metrics import bootstrap_rates
from ndcb.models.operating_points import for_search, operating_point
from training.data.material import Material
from training.evaluation.compared import (
    REFERENCES,
    Compared,
    compared,
    draws_of,
    mean_over_people,
)

GALLERIES = 10
RANKS = (*range(1, 11), 15, 20, 30, 50, 100, 200)
NAMED_RANKS = (1, 5, 10)
FPIRS = {"1e-2": 0.01, "3e-3": 0.003}
TOO_FEW = {"not_measured": "too few people: a search wants two with several pictures, one with one"}


@dataclass(frozen=True)
class Searches:
    """All searches of the ten galleries, with one kind of reference."""

    rank: np.ndarray
    """(s,): the place of the person of a mated probe; a tie counts as lost."""
    mate: np.ndarray
    """(s,): the squared distance to the person's own reference."""
    mated: np.ndarray
    """(s,): the person's number."""
    nearest: np.ndarray
    """(k,): the smallest distance of a non-mated probe."""
    non_mated: np.ndarray
    """(k,): that person's number."""


def identification(material: Material) -> dict:
    """See `training.evaluation`, `identification`."""
    side = compared(material, material.test)
    several = side.pictures > 1
    if several.sum() < 2 or several.all():
        return TOO_FEW
    record, size = material.checkpoint.record, int(several.sum())
    points = {
        "at_login_threshold": operating_point(record).threshold,
        "at_search_threshold": for_search(record, size).threshold,
    }
    return {
        "gallery": size,
        "galleries": GALLERIES,
        "mated_probes": int((side.pictures[several] - 1).sum()),
        "non_mated_probes": int((~several).sum()),
        **{name: _rates(searches(side, side.distances(name)), size, points) for name in REFERENCES},
    }


def searches(side: Compared, distances: np.ndarray) -> Searches:
    """distances: (n, n), of reference i and probe j."""
    found = [_searched(side, distances, seed) for seed in range(GALLERIES)]
    return Searches(*(np.concatenate(values) for values in zip(*found, strict=True)))


def _searched(side: Compared, distances: np.ndarray, seed: int) -> tuple[np.ndarray, ...]:
    """The fields of `Searches`, of one gallery."""
    chooser, starts = np.random.default_rng(seed), np.cumsum(side.pictures) - side.pictures
    several = np.flatnonzero(side.pictures > 1)
    gallery = starts[several] + chooser.integers(0, side.pictures[several])
    mated = np.setdiff1d(np.flatnonzero(side.pictures[side.numbers] > 1), gallery)
    others = np.flatnonzero(side.pictures[side.numbers] == 1)

    owners = np.searchsorted(several, side.numbers[mated])
    scores = distances[np.ix_(gallery, mated)]
    mate = scores[owners, np.arange(len(mated))]
    rank = (scores <= mate).sum(0)  # it counts itself
    nearest = distances[np.ix_(gallery, others)].min(0)
    return rank, mate, side.numbers[mated], nearest, side.numbers[others]


def _rates(found: Searches, size: int, points: dict[str, float]) -> dict:
    return closed_set(found, size) | open_set(found, points)


def closed_set(found: Searches, size: int) -> dict:
    """Rank-1, 5 and 10 rates, and the CMC with its band."""
    _, numbers = np.unique(found.mated, return_inverse=True)
    ranks = [rank for rank in RANKS if rank <= size]
    hits = found.rank[:, None] <= np.array(ranks)
    shares = np.stack([np.bincount(numbers, column) for column in hits.T], 1)
    shares = shares / np.bincount(numbers)[:, None]

    rates = shares.mean(0)
    drawn = mean_over_people(draws_of(len(shares)), shares)
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    named = {
        f"rank_{rank}": {
            "rate": float(rates[place]),
            "ci95": [float(low[place]), float(high[place])],
        }
        for place, rank in enumerate(ranks)
        if rank in NAMED_RANKS
    }
    curve = {"rank": ranks, "rate": rates.tolist(), "low": low.tolist(), "high": high.tolist()}
    return named | {"cmc": curve}


def open_set(found: Searches, points: dict[str, float]) -> dict:
    """FNIR at each FPIR, and both at each threshold. points: its name -> the threshold.

    A mated probe is missed where its person is not the nearest of the gallery, or not under the
    threshold.
    """
    named = np.where(found.rank == 1, found.mate, np.inf)
    searches_of = np.bincount(found.mated)[found.mated]
    band = bootstrap_rates(
        named,
        found.nearest,
        np.stack([found.mated] * 2, 1),
        np.stack([found.non_mated] * 2, 1),
        list(FPIRS.values()),
        draws=1000,
        genuine_weights=1 / searches_of,
        thresholds=[*points.values()],
    )
    rates = band["estimate"]
    missed = {
        f"fnir_at_fpir_{name}": {
            "rate": float(rates["fnmr"][place]),
            "ci95": band["fnmr"][:, place].tolist(),
        }
        for place, name in enumerate(FPIRS)
    }
    at_points = {
        name: {
            "threshold": threshold,
            "fpir": {
                "rate": float(rates["fmr_at"][place]),
                "ci95": band["fmr_at"][:, place].tolist(),
            },
            "fnir": {
                "rate": float(rates["fnmr_at"][place]),
                "ci95": band["fnmr_at"][:, place].tolist(),
            },
        }
        for place, (name, threshold) in enumerate(points.items())
    }
    return missed | at_points
