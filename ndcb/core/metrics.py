"""Scores -> error rates, curves, intervals, linkability.

A score is a squared distance, in [0, 4]: small for the same person. A score under the threshold is
accepted. `genuine` (or mated) scores, (g,), compare pictures of one person; `impostor` (or
non-mated) scores, (i,), pictures of two. All rates are shares in [0, 1].
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np


def error_rates(genuine, impostor, thresholds) -> tuple[np.ndarray, np.ndarray]:
    """(FMR, FNMR) at each threshold.

    FMR is the share of impostor scores under it, FNMR that of genuine scores at or over it.
    """
    return sorted_error_rates(np.sort(genuine), np.sort(impostor), thresholds)


def equal_error_rate(genuine, impostor) -> tuple[float, float]:
    """(EER, threshold), where FMR and FNMR are equal.

    Where they step past each other, it is the mean of both at the nearer step. FMR - FNMR grows
    from score to score, so the two scores around its change of sign are found by bisection in each
    sorted set.
    """
    genuine, impostor = np.sort(genuine), np.sort(impostor)
    near = [_around_crossing(scores, genuine, impostor) for scores in (genuine, impostor)]
    over_all = max(genuine[-1], impostor[-1]) + 1
    thresholds = np.append(np.unique(np.concatenate(near)), over_all)
    fmr, fnmr = sorted_error_rates(genuine, impostor, thresholds)
    nearest = np.argmin(np.abs(fmr - fnmr))
    return float((fmr[nearest] + fnmr[nearest]) / 2), float(thresholds[nearest])


def _around_crossing(scores, genuine, impostor) -> np.ndarray:
    """Of the sorted scores the last where FMR < FNMR, and the first where it is not."""
    low, high = 0, len(scores)
    while low < high:
        middle = (low + high) // 2
        fmr, fnmr = sorted_error_rates(genuine, impostor, scores[middle])
        low, high = (middle + 1, high) if fmr < fnmr else (low, middle)
    return scores[max(0, low - 1) : low + 1]


def sorted_error_rates(genuine, impostor, thresholds) -> tuple[np.ndarray, np.ndarray]:
    """`error_rates` of scores that are sorted already, from the smallest up."""
    fmr = np.searchsorted(impostor, thresholds, side="left") / len(impostor)
    fnmr = 1 - np.searchsorted(genuine, thresholds, side="left") / len(genuine)
    return fmr, fnmr


def fnmr_at_fmr(genuine, impostor, fmr: float) -> tuple[float, float]:
    """(FNMR, threshold) at the largest threshold whose false match rate is at most `fmr`."""
    fnmr, thresholds = det(genuine, impostor, [fmr])
    return float(fnmr[0]), float(thresholds[0])


def det(genuine, impostor, fmr) -> tuple[np.ndarray, np.ndarray]:
    """The detection error trade-off: (FNMR, threshold) at each `fmr`, as `fnmr_at_fmr`."""
    ordered = np.append(np.sort(impostor), np.inf)
    # divided as `error_rates` divides them, not multiplied: 0.29 * 100 is under 29
    shares = np.arange(len(ordered)) / (len(ordered) - 1)
    thresholds = ordered[np.searchsorted(shares, fmr, side="right") - 1]
    fnmr = 1 - np.searchsorted(np.sort(genuine), thresholds, side="left") / len(genuine)
    return fnmr, thresholds


def d_prime(genuine, impostor) -> float:
    """Distance of both means in units of the pooled standard deviation."""
    genuine, impostor = np.asarray(genuine), np.asarray(impostor)
    pooled = (genuine.var(dtype=np.float64) + impostor.var(dtype=np.float64)) / 2
    difference = impostor.mean(dtype=np.float64) - genuine.mean(dtype=np.float64)
    return float(difference / np.sqrt(pooled))


def best_f1(genuine, impostor, thresholds) -> dict:
    """Eq. 20 and 21 at the threshold with the best F1, the first of equals.

    Keys: threshold; tp, fn, fp, tn (counts); precision, recall, f1.
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
    """LFW's protocol: each fold is decided with the most accurate threshold of the others.

    scores, same (bool), fold: (n,). Returns which decisions are correct, (n,) bool, and the
    threshold of each fold, in the order of np.unique(fold).
    """
    scores, same, fold = np.asarray(scores, dtype=np.float64), np.asarray(same), np.asarray(fold)
    correct, thresholds = np.zeros(len(scores), bool), []
    for number in np.unique(fold):
        held_out = fold == number
        threshold = most_accurate_threshold(scores[~held_out], same[~held_out])
        correct[held_out] = (scores[held_out] < threshold) == same[held_out]
        thresholds.append(threshold)
    return correct, np.array(thresholds)


def most_accurate_threshold(scores, same) -> float:
    """Halfway between the two scores where most decisions are right; the lowest such place."""
    order = np.argsort(scores)
    scores = np.asarray(scores, dtype=np.float64)[order]
    gains = np.where(np.asarray(same)[order], 1, -1)
    gained = np.append(0, np.cumsum(gains))  # right decisions, where the first k are accepted

    edges = np.concatenate([[scores[0] - 1], scores, [scores[-1] + 1]])
    possible = np.flatnonzero(edges[1:] > edges[:-1])  # equal scores cannot be told apart
    k = possible[np.argmax(gained[possible])]
    return float((edges[k] + edges[k + 1]) / 2)


def mean_and_error(values) -> tuple[float, float]:
    """The mean and its standard error."""
    return float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(len(values)))


def interval(values) -> list[float]:
    """The middle 95 % of the values."""
    return [float(edge) for edge in np.percentile(values, [2.5, 97.5])]


def resample(count: int, draws: int, seed: int) -> Iterator[np.ndarray]:
    """`draws` bootstrap samples of `count` people: how often each is in it, (count,)."""
    chooser = np.random.default_rng(seed)
    for _ in range(draws):
        yield np.bincount(chooser.integers(0, count, count), minlength=count)


def pair_weights(times: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """How often each pair (k, 2) of people is in a sample, (k,).

    A pair of one person: as often as the person. Of two people: the product of their counts.
    """
    left, right = pairs.T
    return times[left] * np.where(left == right, 1, times[right])


def bootstrap_mean(values, pairs, draws: int = 1000, seed: int = 0) -> list[float]:
    """95 % interval of the mean of one value a pair, where people, not pairs, are drawn.

    values: (k,); pairs: (k, 2), anything that tells people apart. For a paired comparison give it
    differences.
    """
    values = np.asarray(values, dtype=np.float64)
    people, numbers = np.unique(pairs, return_inverse=True)
    pairs = numbers.reshape(-1, 2)

    means = []
    for times in resample(len(people), draws, seed):
        weights = pair_weights(times, pairs)
        means.append(np.average(values, weights=weights) if weights.any() else np.mean(values))
    return interval(means)


def bootstrap_rates(
    genuine,
    impostor,
    genuine_pairs,
    impostor_pairs,
    fmr,
    draws: int = 200,
    seed: int = 0,
    genuine_weights=None,
    thresholds=(),
    impostor_total: Callable[[np.ndarray], float] | None = None,
) -> dict:
    """Error rates, and their 95 % intervals over people.

    genuine_pairs (g, 2) and impostor_pairs (i, 2) hold people's numbers 0, 1, ... What is drawn is
    people. A draw without a genuine or without an impostor pair is left out.
    genuine_weights, (g,): how much each genuine score counts; default 1.
    impostor_total: how often each person is in a sample -> the weight of all impostor pairs, where
    `impostor` has only the lowest scores; no FMR is asked for that is over their share.
    Returns
        eer            [low, high]
        fnmr           (2, len(fmr)): of the FNMR at each `fmr`
        fmr_at         (2, len(thresholds)): of the FMR at each threshold; fnmr_at: of the FNMR
        estimate       {eer, fnmr, fmr_at, fnmr_at} of all people: the rates themselves
    """
    comparisons = _Comparisons.of(
        genuine,
        impostor,
        genuine_pairs,
        impostor_pairs,
        genuine_weights,
        fmr,
        thresholds,
        impostor_total,
    )
    people = 1 + max(genuine_pairs.max(), impostor_pairs.max())
    drawn = [comparisons.rates(times) for times in resample(people, draws, seed)]
    drawn = [rates for rates in drawn if rates]
    return {
        "eer": interval([rates["eer"] for rates in drawn]),
        "estimate": comparisons.rates(np.ones(people, int)),
        **{
            key: np.percentile([rates[key] for rates in drawn], [2.5, 97.5], axis=0)
            for key in ("fnmr", "fmr_at", "fnmr_at")
        },
    }


@dataclass(frozen=True)
class _Comparisons:
    """Sorted scores and who was compared: what a bootstrap weighs anew in every draw."""

    genuine: np.ndarray
    genuine_pairs: np.ndarray
    genuine_weights: np.ndarray
    impostor: np.ndarray
    impostor_pairs: np.ndarray
    genuine_under: np.ndarray
    """How many genuine scores are under each score that occurs."""
    impostor_under: np.ndarray
    fmr: np.ndarray
    thresholds: np.ndarray
    impostor_total: Callable[[np.ndarray], float] | None

    @staticmethod
    def of(genuine, impostor, genuine_pairs, impostor_pairs, weights, fmr, thresholds, total):
        order = np.argsort(genuine)
        weights = np.ones(len(order), int) if weights is None else np.asarray(weights)
        genuine, genuine_pairs = np.asarray(genuine)[order], genuine_pairs[order]
        impostor, impostor_pairs = _sorted(impostor, impostor_pairs)
        scores = np.append(np.unique(np.concatenate([genuine, impostor])), np.inf)
        return _Comparisons(
            genuine,
            genuine_pairs,
            weights[order],
            impostor,
            impostor_pairs,
            np.searchsorted(genuine, scores, side="left"),
            np.searchsorted(impostor, scores, side="left"),
            np.asarray(fmr, dtype=float),
            np.asarray(thresholds, dtype=float),
            total,
        )

    def rates(self, times: np.ndarray) -> dict:
        """The rates where person p counts times[p]; empty where no pair is left."""
        genuine_weights = self.genuine_weights * pair_weights(times, self.genuine_pairs)
        genuine_shares = _cumulated(genuine_weights)
        total = self.impostor_total(times) if self.impostor_total else None
        impostor_shares = _cumulated(pair_weights(times, self.impostor_pairs), total)
        if genuine_shares is None or impostor_shares is None:
            return {}
        allowed = np.searchsorted(impostor_shares, self.fmr, side="right") - 1
        at = np.append(self.impostor, np.inf)[np.minimum(allowed, len(self.impostor))]
        under = [np.searchsorted(side, self.thresholds) for side in (self.impostor, self.genuine)]
        return {
            "eer": _crossing(
                genuine_shares, self.genuine_under, impostor_shares, self.impostor_under
            ),
            "fnmr": 1 - genuine_shares[np.searchsorted(self.genuine, at, side="left")],
            "fmr_at": impostor_shares[under[0]],
            "fnmr_at": 1 - genuine_shares[under[1]],
        }


def _sorted(scores, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores in rising order, and the pairs that they belong to."""
    order = np.argsort(scores)
    return np.asarray(scores)[order], pairs[order]


def _cumulated(weights: np.ndarray, total: float | None = None) -> np.ndarray | None:
    """(k + 1,): the share of the first 0, 1, ... k weights of their total; None where it is 0."""
    sums = np.append(0, np.cumsum(weights, dtype=np.float64))
    total = sums[-1] if total is None else total
    return sums / total if total else None


def _crossing(genuine_shares, genuine_under, impostor_shares, impostor_under) -> float:
    """The EER of a sample. *_shares: `_cumulated`; *_under: scores under each threshold."""
    count = len(genuine_under)

    def fmr(k: int) -> float:
        return impostor_shares[impostor_under[k]]

    def fnmr(k: int) -> float:
        return 1 - genuine_shares[genuine_under[k]]

    first = bisect_left(range(count), 0, key=lambda k: fmr(k) - fnmr(k))
    near = [k for k in (first - 1, first) if 0 <= k < count]
    nearest = min(near, key=lambda k: abs(fmr(k) - fnmr(k)))
    return float((fmr(nearest) + fnmr(nearest)) / 2)


def linkability(mated, non_mated, bins: int = 100) -> float:
    """D_sys of Gomez-Barrero et al. 2018 with omega = 1: 0 is unlinkable, 1 fully linkable.

    The scores' densities are histograms over equal bins. Finite samples bias it upwards: compare it
    with `linkability_by_chance`.
    """
    mated, non_mated = np.asarray(mated), np.asarray(non_mated)
    low, high = min(mated.min(), non_mated.min()), max(mated.max(), non_mated.max())
    edges = np.linspace(low, high, bins + 1)
    p = np.histogram(mated, edges)[0] / len(mated)
    q = np.histogram(non_mated, edges)[0] / len(non_mated)
    local = np.clip((p - q) / np.maximum(p + q, 1e-300), 0, 1)  # 2 LR / (1 + LR) - 1
    return float((local * p).sum())


def linkability_by_chance(
    mated, non_mated, bins: int = 100, draws: int = 200, seed: int = 0
) -> dict:
    """D_sys where the labels mean nothing: {"mean", "ci95"} over shuffles of all scores."""
    chooser, scores = np.random.default_rng(seed), np.concatenate([mated, non_mated])
    null = []
    for _ in range(draws):
        chooser.shuffle(scores)
        null.append(linkability(scores[: len(mated)], scores[len(mated) :], bins))
    return {"mean": float(np.mean(null)), "ci95": interval(null)}
