"""Scores -> error rates, curves, intervals, linkability.

A score is a squared distance: small for the same person. Accepted is what lies under the threshold.
`genuine` (or mated) scores compare pictures of one person, `impostor` (or non-mated) scores those
of two.
"""

from bisect import bisect_left
from collections.abc import Iterator

import numpy as np


def error_rates(genuine, impostor, thresholds) -> tuple[np.ndarray, np.ndarray]:
    """FMR and FNMR at each threshold: the share of impostor scores under it, and of genuine scores
    at or over it.
    """
    return _rates(np.sort(genuine), np.sort(impostor), thresholds)


def equal_error_rate(genuine, impostor) -> tuple[float, float]:
    """(EER, the threshold where it is met). Where FMR and FNMR step past each other, the mean of
    both at the nearer step.

    FMR - FNMR grows from score to score, so the two scores around its sign change are found by
    bisection in each sorted set.
    """
    genuine, impostor = np.sort(genuine), np.sort(impostor)
    near = np.concatenate(
        [_around_crossing(scores, genuine, impostor) for scores in (genuine, impostor)]
    )
    thresholds = np.append(np.unique(near), max(genuine[-1], impostor[-1]) + 1)
    fmr, fnmr = _rates(genuine, impostor, thresholds)
    nearest = np.argmin(np.abs(fmr - fnmr))
    return float((fmr[nearest] + fnmr[nearest]) / 2), float(thresholds[nearest])


def _around_crossing(scores, genuine, impostor) -> np.ndarray:
    """The last of the sorted scores where FMR < FNMR and the first where it is not."""
    low, high = 0, len(scores)
    while low < high:
        middle = (low + high) // 2
        fmr, fnmr = _rates(genuine, impostor, scores[middle])
        low, high = (middle + 1, high) if fmr < fnmr else (low, middle)
    return scores[max(0, low - 1) : low + 1]


def _rates(genuine, impostor, thresholds):
    fmr = np.searchsorted(impostor, thresholds, side="left") / len(impostor)
    fnmr = 1 - np.searchsorted(genuine, thresholds, side="left") / len(genuine)
    return fmr, fnmr


def fnmr_at_fmr(genuine, impostor, fmr: float) -> tuple[float, float]:
    """(FNMR, threshold) at the largest threshold whose false match rate is at most `fmr`."""
    fnmr, thresholds = det(genuine, impostor, [fmr])
    return float(fnmr[0]), float(thresholds[0])


def det(genuine, impostor, fmr) -> tuple[np.ndarray, np.ndarray]:
    """The detection error trade-off: (FNMR, threshold) at each false match rate, as
    `fnmr_at_fmr`.
    """
    ordered = np.append(np.sort(impostor), np.inf)
    shares = np.arange(len(ordered)) / (
        len(ordered) - 1
    )  # compared as `error_rates` computes them; 0.29 * 100 is under 29
    thresholds = ordered[np.searchsorted(shares, fmr, side="right") - 1]
    return 1 - np.searchsorted(np.sort(genuine), thresholds, side="left") / len(genuine), thresholds


def d_prime(genuine, impostor) -> float:
    """Distance of both means in units of the pooled standard deviation."""
    spread = (np.var(genuine, dtype=np.float64) + np.var(impostor, dtype=np.float64)) / 2
    return float(
        (np.mean(impostor, dtype=np.float64) - np.mean(genuine, dtype=np.float64)) / np.sqrt(spread)
    )


def best_f1(genuine, impostor, thresholds) -> dict:
    """Eq. 20 and 21 at the threshold with the best F1 (the first of equals): threshold, tp, fn, fp,
    tn, precision, recall, f1.
    """
    tp = np.searchsorted(np.sort(genuine), thresholds, side="left")
    fp = np.searchsorted(np.sort(impostor), thresholds, side="left")
    best = np.argmax(2 * tp / (tp + fp + len(genuine)))
    tp, fp = int(tp[best]), int(fp[best])
    precision, recall = tp / max(1, tp + fp), tp / len(genuine)
    return {
        "threshold": float(thresholds[best]),
        "tp": tp,
        "fn": len(genuine) - tp,
        "fp": fp,
        "tn": len(impostor) - fp,
        "precision": precision,
        "recall": recall,
        "f1": 2 * tp / (tp + fp + len(genuine)),
    }


def folds(scores, same, fold) -> tuple[np.ndarray, np.ndarray]:
    """LFW's protocol: each fold is decided with the threshold that is the most accurate on the
    others.

    scores, same (bool), fold: (n,). Returns (correct (n,) bool, threshold of each fold in the order
    of np.unique(fold)).
    """
    scores, same, fold = np.asarray(scores, dtype=np.float64), np.asarray(same), np.asarray(fold)
    correct, thresholds = np.zeros(len(scores), bool), []
    for one in np.unique(fold):
        thresholds.append(most_accurate_threshold(scores[fold != one], same[fold != one]))
        correct[fold == one] = (scores[fold == one] < thresholds[-1]) == same[fold == one]
    return correct, np.array(thresholds)


def most_accurate_threshold(scores, same) -> float:
    """Halfway between the two scores where most decisions are right; the lowest such place."""
    order = np.argsort(scores)
    scores, gain = (
        np.asarray(scores, dtype=np.float64)[order],
        np.where(np.asarray(same)[order], 1, -1),
    )
    accepted = np.append(
        0, np.cumsum(gain)
    )  # accepting the first k scores gains so many right decisions
    edges = np.concatenate([[scores[0] - 1], scores, [scores[-1] + 1]])
    possible = np.flatnonzero(edges[1:] > edges[:-1])  # equal scores cannot be told apart
    k = possible[np.argmax(accepted[possible])]
    return float((edges[k] + edges[k + 1]) / 2)


def mean_and_error(values) -> tuple[float, float]:
    """Mean and its standard error."""
    return float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(len(values)))


def interval(values) -> list[float]:
    """The middle 95 % of the values."""
    return [float(edge) for edge in np.percentile(values, [2.5, 97.5])]


def resample(count: int, draws: int, seed: int) -> Iterator[np.ndarray]:
    """`draws` times how often each of `count` people is in a bootstrap sample of as many people."""
    chooser = np.random.default_rng(seed)
    for _ in range(draws):
        yield np.bincount(chooser.integers(0, count, count), minlength=count)


def pair_weights(times: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """How often each pair (k, 2) of people is in a sample: as often as its person, or as the
    product of its two people's counts.
    """
    left, right = pairs.T
    return times[left] * np.where(left == right, 1, times[right])


def bootstrap_mean(values, pairs, draws: int = 1000, seed: int = 0) -> list[float]:
    """95 % interval of the mean of one value a pair, where people, not pairs, are drawn. Paired:
    give it differences.
    """
    values, (people, pairs) = (
        np.asarray(values, dtype=np.float64),
        np.unique(pairs, return_inverse=True),
    )
    pairs, means = pairs.reshape(-1, 2), []
    for times in resample(len(people), draws, seed):
        weights = pair_weights(times, pairs)
        means.append(np.average(values, weights=weights) if weights.any() else np.mean(values))
    return interval(means)


def bootstrap_rates(
    genuine, impostor, genuine_pairs, impostor_pairs, fmr, draws: int = 200, seed: int = 0
) -> dict:
    """95 % intervals over people: {"eer": [low, high], "fnmr": (2, len(fmr))}, for pairs (k, 2) of
    people's numbers 0, 1, ...

    Draws without a genuine or without an impostor pair are left out.
    """
    order_g, order_i = np.argsort(genuine), np.argsort(impostor)
    genuine, genuine_pairs = np.asarray(genuine)[order_g], genuine_pairs[order_g]
    impostor, impostor_pairs = np.asarray(impostor)[order_i], impostor_pairs[order_i]
    thresholds = np.append(np.unique(np.concatenate([genuine, impostor])), np.inf)
    under_g, under_i = (
        np.searchsorted(scores, thresholds, side="left") for scores in (genuine, impostor)
    )
    eers, fnmrs = [], []
    for times in resample(1 + max(genuine_pairs.max(), impostor_pairs.max()), draws, seed):
        missed, matched = (
            _weighted_steps(times, genuine_pairs),
            _weighted_steps(times, impostor_pairs),
        )
        if missed is not None and matched is not None:
            eers.append(
                _crossing(
                    len(thresholds), lambda k: matched[under_i[k]], lambda k: 1 - missed[under_g[k]]
                )
            )
            allowed = np.searchsorted(matched, fmr, side="right") - 1
            at = np.append(impostor, np.inf)[np.minimum(allowed, len(impostor))]
            fnmrs.append(1 - missed[np.searchsorted(genuine, at, side="left")])
    return {"eer": interval(eers), "fnmr": np.percentile(fnmrs, [2.5, 97.5], axis=0)}


def _crossing(count: int, fmr, fnmr) -> float:
    """The EER where `fmr(k)` rises and `fnmr(k)` falls with the number k of a threshold, 0 to count
    - 1.
    """
    first = bisect_left(range(count), 0, key=lambda k: fmr(k) - fnmr(k))
    near = [k for k in (first - 1, first) if 0 <= k < count]
    nearest = min(near, key=lambda k: abs(fmr(k) - fnmr(k)))
    return float((fmr(nearest) + fnmr(nearest)) / 2)


def _weighted_steps(times, pairs) -> np.ndarray | None:
    """(k + 1,): the weighted share of the first 0, 1, ... k pairs; None where all weigh nothing."""
    steps = np.append(0, np.cumsum(pair_weights(times, pairs), dtype=np.float64))
    return steps / steps[-1] if steps[-1] else None


def linkability(mated, non_mated, bins: int = 100) -> float:
    """D_sys of Gomez-Barrero et al. 2018 with omega = 1, over equal bins: 0 unlinkable, 1 fully
    linkable.

    Finite samples bias it upwards: compare it with `linkability_by_chance`.
    """
    mated, non_mated = np.asarray(mated), np.asarray(non_mated)
    edges = np.linspace(
        min(mated.min(), non_mated.min()), max(mated.max(), non_mated.max()), bins + 1
    )
    p = np.histogram(mated, edges)[0] / len(mated)
    q = np.histogram(non_mated, edges)[0] / len(non_mated)
    local = np.clip((p - q) / np.maximum(p + q, 1e-300), 0, 1)  # 2 LR / (1 + LR) - 1
    return float((local * p).sum())


def linkability_by_chance(
    mated, non_mated, bins: int = 100, draws: int = 200, seed: int = 0
) -> dict:
    """D_sys where the labels mean nothing: {"mean", "ci95"} over random permutations of all
    scores.
    """
    chooser, every = np.random.default_rng(seed), np.concatenate([mated, non_mated])
    null = []
    for _ in range(draws):
        chooser.shuffle(every)
        null.append(linkability(every[: len(mated)], every[len(mated) :], bins))
    return {"mean": float(np.mean(null)), "ci95": interval(null)}
