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
BOOTSTRAPS = 1000
FEWEST = 20
"""Photos that have to be found, or to pass, before a rate among them is told."""

Measure = Callable[[Seen], np.ndarray]
"""A number of each photo, (n,), that grows as photos get poorer."""


def refused_share(gate: Gate, seen: Seen) -> float:
    return float((worst_scores(gate, found_embeddings(seen)) > gate.limit).mean())


def judged(
    gate: Gate, generators: Generators, photos: Photos, change: str, rows: np.ndarray
) -> dict:
    """What `changes` in `training.quality.gate` tells. rows: photos of different people."""
    seen = photos.seen(change, rows)
    line = {"found": float(seen.found.mean())}
    if seen.found.sum() < FEWEST:
        return line
    passes = worst_scores(gate, seen.embeddings) <= gate.limit
    line["refused"] = float((~passes[seen.found]).mean())
    limits = generators.thresholds()
    for login, compared in generators.compared(photos, change, rows).items():
        line[login] = rates(compared, limits[login], seen.found, passes)
    return line


def rates(compared: Compared, threshold: float, found: np.ndarray, passes: np.ndarray) -> dict:
    """Shares of the pairs of different photos that are accepted."""
    accepted = compared.distances < threshold
    found_pairs, passing_pairs = pairs_among(found), pairs_among(found & passes)
    enough = (found & passes).sum() >= FEWEST
    with_gate = accepted & passing_pairs
    low, high = interval(with_gate, found_pairs)
    return {
        "accepted": float(accepted[found_pairs].mean()),
        "with_gate": float(with_gate[found_pairs].mean()),
        "matches": int(with_gate.sum()),
        "low": low,
        "high": high,
        "passing": float(accepted[passing_pairs].mean()) if enough else None,
    }


def pairs_among(chosen: np.ndarray) -> np.ndarray:
    """(n,) -> (n, n), bool: two different photos, both of them chosen."""
    return np.outer(chosen, chosen) & ~np.eye(len(chosen), dtype=bool)


def interval(matches: np.ndarray, pairs: np.ndarray) -> tuple[float, float]:
    """Where the share of matches among pairs, (n, n) each, lies with 95 %: a bootstrap of people.

    One person's pairs depend on each other; so people are drawn anew, not pairs.
    """
    count = len(matches)
    chooser = np.random.default_rng(0)
    drawn = chooser.multinomial(count, np.full(count, 1 / count), BOOTSTRAPS).astype(float)
    shares = _weighed(drawn, matches) / np.maximum(_weighed(drawn, pairs), 1)
    low, high = np.quantile(shares, [0.025, 0.975])
    return float(low), float(high)


def _weighed(drawn: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """(draws, n), (n, n) -> (draws,): how many pairs there are among the drawn people."""
    return ((drawn @ pairs) * drawn).sum(1)


def strangers(generators: Generators, photos: Photos) -> dict:
    """What `strangers` in `training.quality.gate` tells: of the first photos of everybody."""
    firsts = photos.first[untouched(photos).found[photos.first]]
    pairs = pairs_among(np.ones(len(firsts), bool))
    limits = generators.thresholds()
    found = {}
    for login, compared in generators.compared(photos, UNTOUCHED, firsts).items():
        accepted = (compared.distances < limits[login]) & pairs
        found[login] = {
            "people": len(firsts),
            "matches": int(accepted.sum()),
            "accepted": float(accepted.sum() / pairs.sum()),
        }
    return found


def unit_of(base: dict) -> float:
    """The share of strangers that poor photos are measured in: of one accepted pair at least.

    base: a login's part of what `strangers` gives.
    """
    return max(base["matches"], 1) / (base["people"] * (base["people"] - 1))


def goal(changes: dict, base: dict) -> dict:
    """What `goal` in `training.quality.gate` tells. base: what `strangers` gives."""
    largest: dict[str, dict] = {}
    for change, line in changes.items():
        for login in base:
            if change == UNTOUCHED or login not in line:
                continue
            rate, unit = line[login], unit_of(base[login])
            worst = largest.get(kind_of(change))
            times = rate["with_gate"] / unit
            if worst is None or times > worst["times"]:
                largest[kind_of(change)] = {
                    "times": times,
                    "low": rate["low"] / unit,
                    "high": rate["high"] / unit,
                    "matches": rate["matches"],
                    "change": change,
                    "login": login,
                }
    met = all(worst["times"] <= ALLOWED for worst in largest.values())
    return {"allowed": ALLOWED, "met": met, "kinds": largest}


# one measure in the gate's place


def alone(
    gate: Gate,
    development: Photos,
    generators: Generators,
    test: Photos,
    rows: np.ndarray,
    unit: float,
) -> dict:
    """What `alone` in `training.quality.gate` tells: of measures that could take the gate's place.

    unit: share of strangers whose untouched photos are accepted.
    """
    good = untouched(development)
    measures = measures_of(gate, development)
    limits = {
        name: np.quantile(measure(good)[good.found], 1 - REFUSED)
        for name, measure in measures.items()
    } | {"discriminant": gate.limit}

    largest: dict[str, dict[str, float]] = {name: {} for name in measures}
    for change in CHANGES:
        seen = test.seen(change, rows)
        if change == UNTOUCHED or seen.found.sum() < FEWEST:
            continue
        references = generators.plain_references(test, change, rows)
        accepted = squared(references, seen.embeddings) < generators.thresholds()["plain"]
        found_pairs = pairs_among(seen.found)
        kind = kind_of(change)
        for name, measure in measures.items():
            passing_pairs = pairs_among(measure(seen) <= limits[name])
            times = float((accepted & passing_pairs)[found_pairs].mean()) / unit
            largest[name][kind] = max(largest[name].get(kind, 0.0), times)
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
