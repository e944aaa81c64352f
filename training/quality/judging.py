"""What the gate refuses, and which strangers it keeps out: of test people."""

from collections.abc import Callable

import numpy as np

from ndcb.models.quality import Gate
from training.quality.fitting import REFUSED, found_embeddings, untouched, worst_scores
from training.quality.poor_photos import CHANGES, UNTOUCHED, kind_of
from training.quality.seen_photos import MEASURES, Photos, Seen
from training.quality.strangers import Compared, Generators, squared

ALLOWED = 3.0
"""The goal: poor photos let in at most so many times as many strangers as untouched ones."""
FEWEST = 20
"""Photos that have to be found, or to pass, before a rate among them is told."""

Measure = Callable[[Seen], np.ndarray]
"""A number of each photo, (n,), that grows as photos get poorer."""


def refused_share(gate: Gate, seen: Seen) -> float:
    return float((worst_scores(gate, found_embeddings(seen)) > gate.limit).mean())


def judged(
    gate: Gate, generators: Generators, photos: Photos, change: str, rows: np.ndarray
) -> dict:
    """What `changes` in quality.json tells of a change. rows: photos of different people."""
    seen = photos.seen(change, rows)
    line = {"found": float(seen.found.mean())}
    if seen.found.sum() < FEWEST:
        return line
    passes = worst_scores(gate, seen.embeddings) <= gate.limit
    line["refused"] = float((~passes[seen.found]).mean())
    for login, compared in generators.compared(photos, change, rows).items():
        line[login] = rates(compared, generators.thresholds[login], seen.found, passes)
    return line


def rates(compared: Compared, threshold: float, found: np.ndarray, passes: np.ndarray) -> dict:
    """Shares of the pairs of different photos that are accepted."""
    accepted = compared.distances < threshold
    found_pairs, passing_pairs = pairs_among(found), pairs_among(found & passes)
    enough = (found & passes).sum() >= FEWEST
    return {
        "accepted": float(accepted[found_pairs].mean()),
        "with_gate": float((accepted & passing_pairs)[found_pairs].mean()),
        "passing": float(accepted[passing_pairs].mean()) if enough else None,
    }


def pairs_among(chosen: np.ndarray) -> np.ndarray:
    """(n,) -> (n, n), bool: two different photos, both of them chosen."""
    return np.outer(chosen, chosen) & ~np.eye(len(chosen), dtype=bool)


def worst(changes: dict) -> dict:
    """What `goal` in quality.json tells."""
    largest: dict[str, float] = {}
    untouched_line = changes[UNTOUCHED]
    for change, line in changes.items():
        kind = kind_of(change)
        for login in ("plain", "sealed"):
            if change != UNTOUCHED and login in line:
                times = line[login]["with_gate"] / untouched_line[login]["accepted"]
                largest[kind] = max(largest.get(kind, 0.0), times)
    return largest | {"allowed": ALLOWED, "met": max(largest.values()) <= ALLOWED}


# one measure in the gate's place


def alone(
    gate: Gate, development: Photos, generators: Generators, test: Photos, rows: np.ndarray
) -> dict:
    """What `alone` in quality.json tells: of each measure that could take the gate's place."""
    good = untouched(development)
    measures = measures_of(gate, development)
    limits = {
        name: np.quantile(measure(good)[good.found], 1 - REFUSED)
        for name, measure in measures.items()
    } | {"discriminant": gate.limit}

    largest: dict[str, dict[str, float]] = {name: {} for name in measures}
    accepted_untouched = 0.0
    for change in CHANGES:
        seen = test.seen(change, rows)
        if seen.found.sum() < FEWEST:
            continue
        references = generators.plain_references(test, change, rows)
        accepted = squared(references, seen.embeddings) < generators.thresholds["plain"]
        found_pairs = pairs_among(seen.found)
        if change == UNTOUCHED:
            accepted_untouched = accepted[found_pairs].mean()
            continue
        kind = kind_of(change)
        for name, measure in measures.items():
            passing_pairs = pairs_among(measure(seen) <= limits[name])
            times = (accepted & passing_pairs)[found_pairs].mean() / accepted_untouched
            largest[name][kind] = max(largest[name].get(kind, 0.0), float(times))
    return largest


def measures_of(gate: Gate, development: Photos) -> dict[str, Measure]:
    """Those of `Seen`, the nearness to two kinds of poor faces, and the gate's own."""
    measures = {name: _lack_of(name) for name in MEASURES}
    for change in ("blurred 4", "dark 0.12"):
        poor = found_embeddings(development.seen(change, development.first))
        measures[f"nearness to the mean of {kind_of(change)} faces"] = _nearness_to(poor.mean(0))
    return measures | {"discriminant": lambda seen: worst_scores(gate, seen.embeddings)}


def _lack_of(name: str) -> Measure:
    return lambda seen: -seen.measures[name]


def _nearness_to(centre: np.ndarray) -> Measure:
    return lambda seen: seen.embeddings @ (centre / np.linalg.norm(centre))
