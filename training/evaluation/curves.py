"""FMR(t) and FNMR(t), and what more genuine pairs say of the error rates; of test people.

The genuine side is enlarged: up to 20 pairs of a person, chosen with a fixed seed, and every person
counts equally. So the rates are those of a person drawn at random, and whoever has many pictures,
and by that many pairs, does not outweigh the others. On the impostor side every picture is compared
with all pictures of others, once as reference and once as probe. Intervals: 200 draws of people.
"""

import numpy as np

from ndcb.core.metrics import bootstrap_rates, equal_error_rate, error_rates
from training.data.material import Material
from training.evaluation.compared import (
    REFERENCES,
    Compared,
    compared,
    count_of_pairs,
    draws_of,
    mean_over_people,
)
from training.measure.record import mated_pairs, pair_distances

PAIRS_A_PERSON = 20
DRAWS = 200
THRESHOLDS = np.arange(81) / 20
"""Squared distances from 0 to 4."""
FMRS = {"1e-2": 1e-2, "1e-3": 1e-3, "1e-4": 1e-4}
LOWEST = 0.03
"""The share of the impostor scores that these FMRs need; more where the EER is large."""


def curves(material: Material) -> dict:
    """See `training.evaluation`, `curves`."""
    side = compared(material, material.test)
    genuine = mated_pairs(side.people, PAIRS_A_PERSON)
    if not len(genuine) or len(side.names) < 2:
        return {"not_measured": "too few people"}
    return {
        "pairs_a_person": PAIRS_A_PERSON,
        "people": len(np.unique(side.people[genuine])),
        "genuine": len(genuine),
        "impostor": int(side.comparisons.sum()),
        "threshold": THRESHOLDS.tolist(),
        **{name: _curves(side, name, genuine) for name in REFERENCES},
    }


def equal_weights(numbers: np.ndarray) -> np.ndarray:
    """One value a pair, (k,), that sums to one for each person. numbers: (k,), whose pair it is."""
    return 1 / np.bincount(numbers)[numbers]


def _curves(side: Compared, name: str, genuine: np.ndarray) -> dict:
    distances = side.distances(name)
    scores = pair_distances(side.references[name], side.probes, genuine)
    owners = side.numbers[genuine[:, 0]]
    five = pair_distances(side.references[name], side.probes, mated_pairs(side.people))
    return {
        **_named_rates(side, distances, scores, owners),
        **_banded("fmr", *_fmr(side, distances)),
        **_banded("fnmr", *_fnmr(scores, owners)),
        "fnmr_five_pairs": _compact(error_rates(five, five, THRESHOLDS)[1]),
    }


def _named_rates(side: Compared, distances, scores, owners) -> dict:
    """EER, and FNMR at each of FMRS, with their intervals."""
    first, second = np.nonzero(side.numbers[:, None] != side.numbers)
    impostor = distances[first, second]
    share = min(1.0, max(LOWEST, 3 * equal_error_rate(scores, impostor)[0]))
    last = int(np.ceil(share * len(impostor))) - 1
    lowest = np.argpartition(impostor, last)[: last + 1]
    people = np.stack([side.numbers[first[lowest]], side.numbers[second[lowest]]], 1)
    band = bootstrap_rates(
        scores,
        impostor[lowest],
        np.stack([owners] * 2, 1),
        people,
        list(FMRS.values()),
        draws=DRAWS,
        genuine_weights=equal_weights(owners),
        impostor_total=lambda times: count_of_pairs(
            np.append(times, np.zeros(len(side.names) - len(times))), side.pictures
        ),
    )
    figures = {"eer": band["estimate"]["eer"], "eer_ci95": band["eer"]}
    for place, level in enumerate(FMRS):
        figures[f"fnmr_at_fmr_{level}"] = float(band["estimate"]["fnmr"][place])
        figures[f"fnmr_at_fmr_{level}_ci95"] = band["fnmr"][:, place].tolist()
    return figures


def _fmr(side: Compared, distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """FMR at each threshold: of all people, (t,), and of each draw, (draws, t)."""
    times = np.concatenate([np.ones((1, len(side.names))), draws_of(len(side.names), DRAWS)])
    total = np.array([count_of_pairs(one, side.pictures) for one in times])
    shares = []
    for threshold in THRESHOLDS:
        matches = side.false_matches(distances, threshold)
        shares.append(((times @ matches) * times).sum(1) / total)
    rates = np.stack(shares, 1)
    return rates[0], rates[1:]


def _fnmr(scores: np.ndarray, owners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """FNMR at each threshold: of all people, (t,), and of each draw, (draws, t)."""
    numbers = np.unique(owners, return_inverse=True)[1]
    weights, people = equal_weights(numbers), numbers.max() + 1
    refused = [
        np.bincount(numbers, weights * (scores >= threshold), minlength=people)
        for threshold in THRESHOLDS
    ]
    refused = np.stack(refused, 1)
    return refused.mean(0), mean_over_people(draws_of(people, DRAWS), refused)


def _banded(name: str, rates: np.ndarray, drawn: np.ndarray) -> dict:
    low, high = np.nanpercentile(drawn, [2.5, 97.5], axis=0)
    return {name: _compact(rates), f"{name}_low": _compact(low), f"{name}_high": _compact(high)}


def _compact(rates: np.ndarray) -> list[float]:
    return [float(f"{rate:.3g}") for rate in np.abs(rates)]
