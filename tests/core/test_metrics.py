"""Scores -> numbers: sets known by hand, loops over every threshold and every repeated pair,
scikit-learn, labels that mean nothing.
"""

from itertools import combinations, pairwise
from statistics import NormalDist

import numpy as np
import pytest
from sklearn.metrics import roc_curve

from ndcb.core.metrics import (
    best_f1,
    bootstrap_mean,
    bootstrap_rates,
    d_prime,
    det,
    equal_error_rate,
    error_rates,
    fnmr_at_fmr,
    folds,
    interval,
    linkability,
    linkability_by_chance,
    mean_and_error,
    most_accurate_threshold,
    pair_weights,
    resample,
)

AS_KIND = {
    "distinct": lambda scores: scores,
    "ties": lambda scores: scores.round(1),
    "float32": lambda scores: scores.astype(np.float32),
    "float32 ties": lambda scores: scores.round(1).astype(np.float32),
    "integers": lambda scores: (10 * scores).round().astype(int),
}
every_kind = pytest.mark.parametrize("kind", AS_KIND)
every_type = pytest.mark.parametrize(
    "dtype", [float, np.float32, int], ids=["float64", "float32", "integers"]
)


def overlapping(seed, genuine=150, impostor=400, shift=1.0, kind="distinct"):
    random = np.random.default_rng(seed)
    return AS_KIND[kind](random.normal(1, 0.5, genuine)), AS_KIND[kind](
        random.normal(1 + shift, 0.5, impostor)
    )


def naive_rates(genuine, impostor, threshold):
    accepted = rejected = 0
    for score in impostor:
        accepted += score < threshold
    for score in genuine:
        rejected += score >= threshold
    return accepted / len(impostor), rejected / len(genuine)


def nearest_step(rates):
    """The mean of FMR and FNMR where they are nearest, for all such steps: the last before they
    cross and the first after may tie.
    """
    nearest = min(abs(fmr - fnmr) for fmr, fnmr in rates)
    return [(fmr + fnmr) / 2 for fmr, fnmr in rates if abs(fmr - fnmr) < nearest + 1e-12]


def naive_eer(genuine, impostor, thresholds=None):
    if thresholds is None:
        thresholds = sorted({*genuine.tolist(), *impostor.tolist()}) + [np.inf]
    return nearest_step(
        [naive_rates(genuine.tolist(), impostor.tolist(), threshold) for threshold in thresholds]
    )


def is_one_of(value, possible):
    return min(abs(value - one) for one in possible) < 1e-12


# FMR and FNMR


def test_rates_by_hand():
    """At the score itself a genuine pair is rejected and an impostor pair is not accepted: accepted
    is what lies under.
    """
    fmr, fnmr = error_rates([0.1, 0.2, 0.3, 0.9], [0.3, 0.8, 1.0, 1.2, 1.4], [0, 0.3, 0.31, 2])
    np.testing.assert_allclose(fmr, [0, 0, 0.2, 1])
    np.testing.assert_allclose(fnmr, [1, 0.5, 0.25, 0])


@every_kind
def test_rates_against_a_loop_and_scikit_learn(kind):
    genuine, impostor = overlapping(7, kind=kind)
    thresholds = np.concatenate([genuine[:20], impostor[:20], [-1, 0.5, 3]])
    expected = np.array([naive_rates(genuine, impostor, t) for t in thresholds]).T
    np.testing.assert_allclose(error_rates(genuine, impostor, thresholds), expected, atol=1e-12)

    fpr, tpr, scores = scikit_learns_curve(genuine, impostor)
    under = np.nextafter(
        -scores[1:].astype(float), np.inf
    )  # scikit-learn accepts the score at the threshold too
    fmr, fnmr = error_rates(genuine, impostor, under)
    np.testing.assert_allclose(fmr, fpr[1:], atol=1e-12)
    np.testing.assert_allclose(1 - fnmr, tpr[1:], atol=1e-12)


def scikit_learns_curve(genuine, impostor):
    labels = np.repeat([1, 0], [len(genuine), len(impostor)])
    return roc_curve(labels, -np.concatenate([genuine, impostor]), drop_intermediate=False)


# EER


@pytest.mark.parametrize(
    "genuine, impostor, expected",
    [
        ([1, 2, 3], [9, 10, 11], 0),
        ([1, 2, 3, 4], [1, 2, 3, 4], 0.5),
        ([5, 5, 5], [5, 5], 0.5),
        ([9, 10], [1, 2], 1),
        ([1, 2, 3, 7], [4, 8, 9, 10], 0.25),
        ([1, 2, 3, 9, 10], [4, 5, 11, 12, 13], 0.4),
        ([1, 3, 3, 3], [2, 3, 3, 4], 0.5),
        ([1], [0, 2, 3, 4], 0.125),
        ([0, 1, 2, 4], [3], 0.125),
        ([1], [2], 0),
    ],
    ids=[
        "separable",
        "identical",
        "all equal",
        "swapped",
        "one in four",
        "two in five",
        "ties",
        "one genuine",
        "one impostor",
        "one each",
    ],
)
@every_type
def test_eer_of_known_sets(genuine, impostor, expected, dtype):
    eer, threshold = equal_error_rate(np.array(genuine, dtype), np.array(impostor, dtype))
    assert eer == pytest.approx(expected)
    fmr, fnmr = naive_rates(genuine, impostor, threshold)
    assert (fmr + fnmr) / 2 == pytest.approx(expected)


def test_eer_of_large_identical_sets_is_a_half():
    scores = np.random.default_rng(0).random(5000)
    assert equal_error_rate(scores, scores)[0] == pytest.approx(0.5, abs=1e-3)


def test_eer_of_two_normals():
    """Two standard normals at distance d cross at d / 2."""
    random = np.random.default_rng(0)
    eer, threshold = equal_error_rate(random.normal(0, 1, 100_000), random.normal(3, 1, 100_000))
    assert eer == pytest.approx(NormalDist().cdf(-1.5), abs=3e-3)
    assert threshold == pytest.approx(1.5, abs=0.03)


@pytest.mark.parametrize("sizes", [(150, 400), (1, 50), (50, 1), (2, 3), (7, 7)], ids=str)
@pytest.mark.parametrize("shift", [-1, 0, 1, 9])
@every_kind
def test_eer_against_a_double_loop_and_scikit_learn(kind, shift, sizes):
    genuine, impostor = overlapping(sum(sizes), *sizes, shift=shift, kind=kind)
    eer, threshold = equal_error_rate(genuine, impostor)
    assert is_one_of(eer, naive_eer(genuine, impostor))
    assert sum(naive_rates(genuine, impostor, threshold)) / 2 == pytest.approx(eer)
    fpr, tpr, _ = scikit_learns_curve(genuine, impostor)
    assert is_one_of(eer, nearest_step(list(zip(fpr, 1 - tpr, strict=True))))


@every_kind
def test_eer_against_a_double_loop_for_many_small_sets(kind):
    for seed in range(60):
        sizes = np.random.default_rng(seed).integers(1, 12, 2)
        genuine, impostor = overlapping(seed, *sizes, shift=0.4, kind=kind)
        assert is_one_of(equal_error_rate(genuine, impostor)[0], naive_eer(genuine, impostor)), (
            f"seed {seed}"
        )


# FNMR at a FMR, and the DET curve


def test_fnmr_at_fmr_by_hand():
    """Of ten impostor scores 1.0 ... 1.9 a tenth may pass: the threshold is the second; two of four
    genuine are not under it.
    """
    impostor = 1 + np.arange(10) / 10
    assert fnmr_at_fmr([0.5, 1.05, 1.1, 1.5], impostor, 0.1) == pytest.approx((0.5, 1.1))
    assert fnmr_at_fmr([0.5, 1.05, 1.1, 1.5], impostor, 0.05) == pytest.approx((0.75, 1.0))


@pytest.mark.parametrize(
    "genuine, impostor, fmr, expected",
    [
        ([1, 2], [3, 4], 0, (0, 3)),
        ([3, 4], [1, 2], 0, (1, 1)),
        ([3, 4], [1, 2], 0.5, (1, 2)),
        ([5, 5], [5, 5], 0.5, (1, 5)),
        ([1], [0, 2], 0, (1, 0)),
        ([1], [0, 2], 0.5, (0, 2)),
        ([1, 3], [2, 2, 2, 4], 0.5, (0.5, 2)),
        ([1, 3], [2, 2, 2, 4], 0.75, (0, 4)),
        ([1, 5], [1, 2], 1, (0, np.inf)),
    ],
    ids=[
        "separable",
        "swapped",
        "swapped, half",
        "all equal",
        "one genuine, none may pass",
        "one genuine, half",
        "ties may not pass",
        "ties may pass",
        "no limit",
    ],
)
@every_type
def test_fnmr_at_fmr_of_known_sets(genuine, impostor, fmr, expected, dtype):
    assert fnmr_at_fmr(np.array(genuine, dtype), np.array(impostor, dtype), fmr) == expected


@every_kind
def test_fnmr_at_fmr_against_a_loop(kind):
    """The largest threshold that is allowed has the best FNMR of all that are."""
    genuine, impostor = overlapping(11, shift=0.5, kind=kind)
    rates = {
        t: naive_rates(genuine.tolist(), impostor.tolist(), t)
        for t in {*genuine.tolist(), *impostor.tolist(), np.inf}
    }
    for fmr in (0, 0.001, 0.01, 0.1, 0.3, 1):
        allowed = [t for t in {*impostor.tolist(), np.inf} if rates[t][0] <= fmr]
        expected = min(fnmr for found, fnmr in rates.values() if found <= fmr)
        assert fnmr_at_fmr(genuine, impostor, fmr) == (pytest.approx(expected), max(allowed)), fmr


@pytest.mark.parametrize("allowed, count", [(29, 100), (57, 100), (1, 49), (15, 22)])
def test_fnmr_at_a_fmr_that_is_met_exactly(allowed, count):
    """Impostors 0, 1, 2 ...: `allowed` of them lie under the threshold `allowed`, and allowed /
    count is no more than itself.
    """
    assert fnmr_at_fmr([allowed - 0.5], np.arange(count), allowed / count) == (0, allowed)


def test_det_by_hand():
    """Ten impostor scores: each tenth of FMR is one more of them, and between two tenths nothing
    changes.
    """
    fnmr, thresholds = det(
        [0.5, 1.05, 1.1, 1.5], 1 + np.arange(10) / 10, [0, 0.1, 0.15, 0.5, 0.6, 1]
    )
    np.testing.assert_allclose(thresholds, [1.0, 1.1, 1.1, 1.5, 1.6, np.inf])
    np.testing.assert_allclose(fnmr, [0.75, 0.5, 0.5, 0.25, 0, 0])


@every_kind
def test_det_is_fnmr_at_each_fmr(kind):
    genuine, impostor = overlapping(12, shift=0.5, kind=kind)
    rates = [0, 0.0003, 0.001, 0.0101, 0.123, 0.5, 0.99, 1]
    fnmr, thresholds = det(genuine, impostor, rates)
    assert list(zip(fnmr, thresholds, strict=True)) == [
        fnmr_at_fmr(genuine, impostor, rate) for rate in rates
    ]
    for rate, found, threshold in zip(rates, fnmr, thresholds, strict=True):
        fmr, expected = naive_rates(genuine, impostor, threshold)
        assert fmr <= rate and found == pytest.approx(expected)
        assert all(
            naive_rates(genuine, impostor, higher)[0] > rate
            for higher in {*impostor[impostor > threshold]}
        )
    assert (np.diff(fnmr) <= 0).all()


# d'


@pytest.mark.parametrize(
    "genuine, impostor, expected",
    [
        ([0, 2], [4, 6], 4),
        ([4, 6], [0, 2], -4),
        ([0, 2], [3, 9], np.sqrt(5)),
        ([1, 3, 7], [1, 3, 7], 0),
        ([1], [2, 4], 2 * np.sqrt(2)),
        ([1, 1], [2, 2, 2], np.inf),
        ([1, 1], [1], np.nan),
    ],
    ids=[
        "variance 1",
        "swapped",
        "variances 1 and 9",
        "identical",
        "one genuine",
        "no spread",
        "all equal",
    ],
)
@every_type
def test_d_prime_of_known_sets(genuine, impostor, expected, dtype):
    with np.errstate(divide="ignore", invalid="ignore"):
        assert d_prime(np.array(genuine, dtype), np.array(impostor, dtype)) == pytest.approx(
            expected, nan_ok=True
        )


@every_kind
def test_d_prime_against_a_loop(kind):
    genuine, impostor = overlapping(4, kind=kind)
    means, variances = [], []
    for scores in genuine.tolist(), impostor.tolist():
        means.append(sum(scores) / len(scores))
        variances.append(sum((score - means[-1]) ** 2 for score in scores) / len(scores))
    assert d_prime(genuine, impostor) == pytest.approx(
        (means[1] - means[0]) / (sum(variances) / 2) ** 0.5, rel=1e-9
    )


def test_d_prime_of_float32_far_from_zero():
    """Summed in float32, a million scores around 1000 would lose the difference."""
    scores = np.tile(np.float32([1000, 1002]), 500_000)
    assert d_prime(scores, scores + np.float32(1)) == pytest.approx(1)


# F1


@pytest.mark.parametrize(
    "genuine, impostor, thresholds, expected",
    [
        ([1, 2, 3, 8], [4, 5, 9, 10], [2, 4, 6, 9], (4, 3, 1, 0, 4, 1, 3 / 4, 6 / 7)),
        ([1, 2, 3, 8], [4, 5, 9, 10], [2, 6, 9], (9, 4, 0, 2, 2, 2 / 3, 1, 4 / 5)),
        ([1, 2], [5, 6], [0, 3, 4, 9], (3, 2, 0, 0, 2, 1, 1, 1)),
        ([5, 6], [1, 2], [0, 3, 9, 10], (9, 2, 0, 2, 0, 1 / 2, 1, 2 / 3)),
        ([5, 5], [5, 5, 5], [5, 6], (6, 2, 0, 3, 0, 2 / 5, 1, 4 / 7)),
        ([1], [0, 2], [1, 2], (2, 1, 0, 1, 1, 1 / 2, 1, 2 / 3)),
        ([5], [6], [0, 5], (0, 0, 1, 0, 1, 0, 0, 0)),
    ],
    ids=[
        "one missed",
        "two let in",
        "separable, the first of equals",
        "swapped",
        "all equal",
        "one genuine",
        "nothing accepted",
    ],
)
@every_type
def test_best_f1_of_known_sets(genuine, impostor, thresholds, expected, dtype):
    names = "threshold", "tp", "fn", "fp", "tn", "precision", "recall", "f1"
    found = best_f1(np.array(genuine, dtype), np.array(impostor, dtype), thresholds)
    assert found == pytest.approx(dict(zip(names, expected, strict=True)))


@every_kind
def test_best_f1_against_a_loop(kind):
    genuine, impostor = overlapping(5, shift=0.5, kind=kind)
    thresholds = np.sort(np.concatenate([genuine, impostor]))
    best = {"f1": -1}
    for threshold in thresholds.tolist():
        tp, fp = (
            sum(score < threshold for score in genuine.tolist()),
            sum(score < threshold for score in impostor.tolist()),
        )
        precision, recall = tp / (tp + fp) if tp + fp else 0, tp / len(genuine)
        f1 = 2 * precision * recall / (precision + recall) if tp else 0
        if f1 > best["f1"] + 1e-12:
            best = {
                "threshold": threshold,
                "tp": tp,
                "fn": len(genuine) - tp,
                "fp": fp,
                "tn": len(impostor) - fp,
                "precision": precision,
                "recall": recall,
                "f1": f1,
            }
    assert best_f1(genuine, impostor, thresholds) == pytest.approx(best)


# LFW's folds


def right_by_loop(scores, same, threshold):
    right = 0
    for score, one in zip(scores.tolist(), same.tolist(), strict=True):
        right += (score < threshold) == one
    return right


def right_by_numpy(scores, same, threshold):
    return np.count_nonzero((scores < threshold) == same)


def naive_threshold(scores, same, right=right_by_loop):
    """Every place between two neighbouring scores, and half a unit beyond the ends."""
    distinct = sorted(set(scores.tolist()))
    places = [(a + b) / 2 for a, b in pairwise([distinct[0] - 1, *distinct, distinct[-1] + 1])]
    return max(
        places, key=lambda place: right(scores, same, place)
    )  # max takes the first of equals


@pytest.mark.parametrize(
    "scores, same, expected",
    [
        ([1, 2, 5, 6], [1, 1, 0, 0], 3.5),
        ([6, 1, 5, 2], [0, 1, 0, 1], 3.5),
        ([1, 2, 3, 4], [1, 0, 1, 0], 1.5),
        ([1, 2, 5, 6], [0, 0, 1, 1], 0.5),
        ([5, 5, 5], [1, 1, 0], 5.5),
        ([5, 5, 5], [1, 0, 0], 4.5),
        ([2, 2, 4, 4], [1, 1, 1, 0], 3),
        ([3], [1], 3.5),
        ([3], [0], 2.5),
    ],
    ids=[
        "separable",
        "in any order",
        "the lowest of equals",
        "swapped",
        "all equal, mostly genuine",
        "all equal, mostly not",
        "ties",
        "one genuine",
        "one impostor",
    ],
)
@every_type
def test_most_accurate_threshold_of_known_sets(scores, same, expected, dtype):
    assert most_accurate_threshold(np.array(scores, dtype), np.array(same, bool)) == expected


@pytest.mark.parametrize("shift", [-1, 0, 0.5, 9])
@every_kind
def test_most_accurate_threshold_against_a_loop(kind, shift):
    for seed in range(5):
        genuine, impostor = overlapping(seed, 40, 60, shift, kind)
        order = np.random.default_rng(seed).permutation(100)
        scores, same = (
            np.concatenate([genuine, impostor])[order],
            np.repeat([True, False], [40, 60])[order],
        )
        assert most_accurate_threshold(scores, same) == pytest.approx(naive_threshold(scores, same))


def six_thousand(seed, kind):
    """As LFW: ten folds of 300 genuine and 300 impostor pairs, mixed."""
    order = np.random.default_rng(seed).permutation(6000)
    fold, same = np.tile(np.arange(10), 600)[order], np.repeat([True, False], 3000)[order]
    return np.concatenate(overlapping(seed, 3000, 3000, 1.2, kind))[order], same, fold


@pytest.mark.parametrize(
    "kind, right",
    [
        ("distinct", right_by_numpy),
        ("float32", right_by_numpy),
        ("float32 ties", right_by_loop),
        ("integers", right_by_loop),
    ],
)
def test_ten_folds_of_six_thousand_against_a_loop(kind, right):
    scores, same, fold = six_thousand(1, kind)
    correct, thresholds = folds(scores, same, fold)
    for one in range(10):
        expected = naive_threshold(scores[fold != one].astype(float), same[fold != one], right)
        assert thresholds[one] == pytest.approx(expected)
        for at in np.flatnonzero(fold == one):
            assert correct[at] == ((scores[at] < expected) == same[at])
    assert correct.mean() == pytest.approx(
        NormalDist().cdf(1.2), abs=0.015
    )  # the middle is 0.6 = 1.2 spreads away


@every_type
def test_ten_folds_known_by_hand(dtype):
    """Genuine at 2 and impostors at 8, but f pairs of fold f the other way round: right are (600 -
    f) / 600, decided at 5.
    """
    same, fold = np.tile(np.repeat([True, False], 300), 10), np.repeat(np.arange(10), 600)
    swapped = np.tile(np.arange(600), 10) < fold
    correct, thresholds = folds(np.where(same != swapped, 2, 8).astype(dtype), same, fold)
    assert (thresholds == 5).all()
    np.testing.assert_array_equal(correct, ~swapped)
    accuracies = [correct[fold == one].mean() for one in range(10)]
    assert accuracies == pytest.approx([1 - one / 600 for one in range(10)])
    assert mean_and_error(accuracies) == pytest.approx(
        (1 - 4.5 / 600, np.sqrt(82.5 / 9) / 600 / np.sqrt(10))
    )  # 4.5^2 + 3.5^2 ... = 82.5


def test_a_fold_has_no_say_in_its_own_threshold():
    """Fold a alone is cut at 3.5, but b's pairs say 13.5: all of a is accepted, none of b."""
    correct, thresholds = folds([1, 2, 5, 6, 11, 12, 15, 16], [1, 1, 0, 0] * 2, list("aaaabbbb"))
    assert thresholds.tolist() == [13.5, 3.5]
    assert correct.tolist() == [True, True, False, False, False, False, True, True]


# Means and intervals


@pytest.mark.parametrize(
    "values, mean, error",
    [
        ([1, 2, 3, 4], 2.5, np.sqrt(5 / 3) / 2),
        ([0, 2], 1, 1),
        ([7, 7, 7], 7, 0),
    ],
)
@every_type
def test_mean_and_error_by_hand(values, mean, error, dtype):
    assert mean_and_error(np.array(values, dtype)) == pytest.approx((mean, error))


@every_kind
def test_mean_and_error_against_a_loop(kind):
    values, _ = overlapping(6, kind=kind)
    mean = sum(values.tolist()) / len(values)
    variance = sum((value - mean) ** 2 for value in values.tolist()) / (len(values) - 1)
    assert mean_and_error(values) == pytest.approx(
        (mean, (variance / len(values)) ** 0.5), rel=1e-5
    )


def test_interval_by_hand():
    assert interval(np.arange(1001)) == [25, 975]
    assert interval([3]) == [3, 3]


# People drawn with replacement


def test_resample_draws_as_many_people():
    draws = np.array(list(resample(50, 2000, seed=1)))
    assert draws.shape == (2000, 50) and (draws.sum(1) == 50).all() and draws.min() == 0
    assert draws.mean(0) == pytest.approx(np.ones(50), abs=0.12)
    assert draws.var() == pytest.approx(1 - 1 / 50, rel=0.05)  # binomial of 50 draws at 1 / 50


def test_resample_against_a_loop():
    chooser = np.random.default_rng(3)
    for times in resample(7, 20, seed=3):
        expected = [0] * 7
        for person in chooser.integers(0, 7, 7):
            expected[person] += 1
        assert times.tolist() == expected


def test_resample_of_one_person_and_of_other_seeds():
    assert [times.tolist() for times in resample(1, 3, seed=0)] == [[1]] * 3
    first, again, other = (np.array(list(resample(9, 5, seed))) for seed in (0, 0, 1))
    assert (first == again).all() and (first != other).any()


def repeated(items, pairs, times):
    """The items of a sample that lists person p times[p] times: a pair of one person that often,
    (p, q) for each p with each q.
    """
    people, listed = [person for person, count in enumerate(times) for _ in range(count)], []
    for item, (left, right) in zip(items, pairs, strict=True):
        for person in people:
            if left == right == person:
                listed.append(item)
            elif left == person:
                listed += [item for other in people if other == right]
    return listed


def test_pair_weights_by_hand():
    """Person 0 twice, 1 not at all, 2 three times."""
    pairs = np.array([[0, 0], [1, 1], [2, 2], [0, 1], [0, 2], [2, 0], [1, 2]])
    assert pair_weights(np.array([2, 0, 3]), pairs).tolist() == [2, 0, 3, 0, 6, 6, 0]


def test_pair_weights_against_repeated_pairs():
    pairs = np.random.default_rng(0).integers(0, 8, (60, 2))
    for times in resample(8, 20, seed=0):
        listed = repeated(range(60), pairs, times)
        assert pair_weights(times, pairs).tolist() == [listed.count(at) for at in range(60)]


# The bootstrap of a mean


@pytest.mark.parametrize(
    "values, pairs, expected",
    [
        ([7], [["a", "a"]], [7, 7]),
        ([7], [["a", "b"]], [7, 7]),
        ([7, 7, 7], [["a", "a"], ["a", "b"], ["b", "b"]], [7, 7]),
        ([0, 1], [["a", "a"], ["b", "b"]], [0, 1]),
        ([0, 0, 1, 1], [["a", "a"], ["a", "a"], ["b", "b"], ["b", "b"]], [0, 1]),
        ([0, 3], [["a", "a"], ["a", "b"]], [0, 1.5]),
    ],
    ids=[
        "one person",
        "one pair",
        "all equal",
        "two people",
        "two people, each twice",
        "a pair of two",
    ],
)
@every_type
def test_bootstrap_mean_by_hand(values, pairs, expected, dtype):
    """Two people are drawn as aa, ab, ba or bb. The last: aa 0, ab and ba 1.5, and bb holds no
    pair, so the plain mean 1.5.
    """
    assert bootstrap_mean(np.array(values, dtype), pairs, draws=200) == expected


@every_kind
def test_bootstrap_mean_against_repeated_pairs(kind):
    random = np.random.default_rng(2)
    pairs, values = random.integers(0, 9, (80, 2)), AS_KIND[kind](random.normal(1, 0.5, 80))
    assert len(np.unique(pairs)) == 9
    means = []
    for times in resample(9, 50, seed=4):
        listed = repeated(values.tolist(), pairs, times)
        means.append(sum(listed) / len(listed))
    assert bootstrap_mean(values, 100 + 3 * pairs, draws=50, seed=4) == pytest.approx(
        interval(means)
    )  # any numbers name people


def test_bootstrap_mean_of_paired_differences():
    """The second is better by 0.1 on every pair, however much the pairs differ."""
    random = np.random.default_rng(0)
    first, pairs = random.normal(0, 5, 100), random.integers(0, 20, (100, 2))
    assert bootstrap_mean(first - (first - 0.1), pairs) == pytest.approx([0.1, 0.1])


def test_bootstrap_mean_covers_the_truth_where_single_pairs_do_not():
    """A pair's value is the sum of its two people's and noise; the truth is 0. 300 pairs of 25
    people are far from independent.
    """
    pairs, worlds, by_people, by_pairs = np.array(list(combinations(range(25), 2))), 200, 0, 0
    for world in range(worlds):
        random = np.random.default_rng(world)
        values = random.normal(0, 1, 25)[pairs].sum(1) + random.normal(0, 1, 300)
        low, high = bootstrap_mean(values, pairs, draws=100, seed=world)
        by_people += low <= 0 <= high
        mean, error = mean_and_error(values)
        by_pairs += abs(mean) <= 1.96 * error
    assert 0.90 <= by_people / worlds <= 0.98
    assert by_pairs / worlds < 0.6


# The bootstrap of error rates


def people_and_scores(seed, people=12, each=2, kind="distinct", shift=0.6):
    """`each` genuine scores a person and one impostor score for each two people."""
    genuine_pairs = np.repeat(np.arange(people), each * 2).reshape(-1, 2)
    impostor_pairs = np.array(list(combinations(range(people), 2)))
    return (
        *overlapping(seed, len(genuine_pairs), len(impostor_pairs), shift, kind),
        genuine_pairs,
        impostor_pairs,
    )


def really_repeated(genuine, impostor, genuine_pairs, impostor_pairs, draws, seed):
    for times in resample(1 + int(max(genuine_pairs.max(), impostor_pairs.max())), draws, seed):
        yield (
            np.array(repeated(genuine, genuine_pairs, times)),
            np.array(repeated(impostor, impostor_pairs, times)),
        )


@every_kind
def test_bootstrap_rates_fnmr_against_repeated_pairs(kind):
    rates, sets = [0, 0.05, 0.13, 0.5, 1], people_and_scores(1, kind=kind)
    fnmrs = []
    for genuine, impostor in really_repeated(*sets, draws=40, seed=6):
        thresholds = {
            t: naive_rates(genuine.tolist(), impostor.tolist(), t)
            for t in {*impostor.tolist(), np.inf}
        }
        fnmrs.append(
            [min(fnmr for fmr, fnmr in thresholds.values() if fmr <= rate) for rate in rates]
        )
    found = bootstrap_rates(*sets, rates, draws=40, seed=6)["fnmr"]
    np.testing.assert_allclose(found, np.percentile(fnmrs, [2.5, 97.5], axis=0), atol=1e-12)


@pytest.mark.parametrize("kind", ["ties", "float32 ties", "integers"])
def test_bootstrap_rates_eer_of_ties_against_repeated_pairs(kind):
    """Every score near the crossing is a genuine one too, so nothing is lost by looking at those
    alone.
    """
    sets = people_and_scores(2, kind=kind)
    eers = [
        naive_eer(genuine, impostor)[0]
        for genuine, impostor in really_repeated(*sets, draws=40, seed=6)
    ]
    assert bootstrap_rates(*sets, [0.1], draws=40, seed=6)["eer"] == pytest.approx(interval(eers))


@pytest.mark.parametrize("kind", ["distinct", "float32"])
def test_bootstrap_rates_eer_against_repeated_pairs(kind):
    """The thresholds tried are all genuine and impostor scores."""
    sets = people_and_scores(2, people=40, each=5, kind=kind)
    eers = [
        equal_error_rate(genuine, impostor)[0]
        for genuine, impostor in really_repeated(*sets, draws=40, seed=6)
    ]
    assert bootstrap_rates(*sets, [0.1], draws=40, seed=6)["eer"] == pytest.approx(
        interval(eers), abs=1e-9
    )


@pytest.mark.parametrize(
    "genuine, impostor, eer, fnmr",
    [
        (np.arange(20), 100 + np.arange(20), 0, 0),
        (100 + np.arange(20), np.arange(20), 1, 1),
        (np.full(20, 5), np.full(20, 5), 0.5, 1),
        (np.full(20, 5), np.full(20, 9), 0, 0),
    ],
    ids=["separable", "swapped", "all equal", "all equal, but apart"],
)
@every_type
def test_bootstrap_rates_that_no_draw_can_change(genuine, impostor, eer, fnmr, dtype):
    """Twenty people, one genuine pair each, and each with the next."""
    people = np.arange(20)
    pairs = np.stack([people, people], 1), np.stack([people, (people + 1) % 20], 1)
    found = bootstrap_rates(genuine.astype(dtype), impostor.astype(dtype), *pairs, [0, 0.1])
    np.testing.assert_allclose(found["fnmr"], fnmr)
    assert found["eer"] == pytest.approx([eer, eer])


def test_bootstrap_rates_of_one_genuine_score():
    """It is under every impostor score: a draw that holds it misses nothing, and one that does not
    cannot say.
    """
    people = np.arange(20)
    found = bootstrap_rates(
        [0.0],
        100.0 + people,
        np.array([[0, 0]]),
        np.stack([people, (people + 1) % 20], 1),
        [0, 0.1],
    )
    np.testing.assert_allclose(found["fnmr"], 0)
    assert found["eer"] == [0, 0]


def test_bootstrap_rates_surround_the_rates():
    genuine, impostor, *pairs = people_and_scores(3, people=60, each=4)
    rates = [0.01, 0.1, 0.3]
    found = bootstrap_rates(genuine, impostor, *pairs, rates)
    assert found["eer"][0] < equal_error_rate(genuine, impostor)[0] < found["eer"][1]
    assert (found["fnmr"][0] < det(genuine, impostor, rates)[0]).all() and (
        det(genuine, impostor, rates)[0] < found["fnmr"][1]
    ).all()


# Labels that mean nothing


def test_permuted_labels_give_a_half():
    genuine, impostor = overlapping(3, 2000, 2000, shift=3)
    assert equal_error_rate(genuine, impostor)[0] < 0.01
    scores = np.random.default_rng(0).permutation(np.concatenate([genuine, impostor]))
    assert equal_error_rate(scores[:2000], scores[2000:])[0] == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("seed", range(3))
def test_permuted_labels_give_a_half_within_the_interval(seed):
    genuine, impostor, *pairs = people_and_scores(seed, people=60, each=10, shift=3)
    assert bootstrap_rates(genuine, impostor, *pairs, [0.1])["eer"][1] < 0.02
    scores = np.random.default_rng(seed).permutation(np.concatenate([genuine, impostor]))
    low, high = bootstrap_rates(scores[:600], scores[600:], *pairs, [0.1])["eer"]
    assert low < 0.5 < high < low + 0.12


# Linkability


@pytest.mark.parametrize(
    "mated, non_mated, bins, expected",
    [
        ([0, 0, 0, 1], [0, 1, 1, 1], 2, 3 / 8),
        ([0, 1, 1, 1], [0, 0, 0, 1], 2, 3 / 8),
        ([0, 0, 0, 1], [0, 0, 0, 1], 2, 0),
        ([0, 1, 2], [7, 8, 9], 100, 1),
        ([7, 8, 9], [0, 1, 2], 100, 1),
        ([5, 5], [5, 5, 5], 100, 0),
        ([0], [1], 2, 1),
        ([0], [0, 1], 2, 1 / 3),
    ],
    ids=[
        "2 bins",
        "2 bins, swapped",
        "2 bins, identical",
        "disjoint",
        "disjoint, swapped",
        "all equal",
        "one each",
        "one mated",
    ],
)
@every_type
def test_linkability_by_hand(mated, non_mated, bins, expected, dtype):
    """2 bins: p = 3/4, 1/4 and q = 1/4, 3/4, so (p - q) / (p + q) = 1/2 in the first and nothing in
    the second: 3/4 * 1/2.
    """
    assert linkability(np.array(mated, dtype), np.array(non_mated, dtype), bins) == pytest.approx(
        expected
    )


@pytest.mark.parametrize("bins", [2, 10, 100])
@every_kind
def test_linkability_against_a_loop(kind, bins):
    """Of each bin's likelihood ratio LR, 2 LR / (1 + LR) - 1 where LR > 1, weighted with the mated
    share.
    """
    mated, non_mated = overlapping(8, kind=kind)
    edges = np.linspace(
        min(mated.min(), non_mated.min()), max(mated.max(), non_mated.max()), bins + 1
    )
    expected = 0
    for at, (low, high) in enumerate(pairwise(edges)):
        p, q = (
            sum(low <= score < high or (at == bins - 1 and score == high) for score in scores)
            / len(scores)
            for scores in (mated, non_mated)
        )
        if p > q:
            ratio = p / q if q else np.inf
            expected += p * (2 / (1 + 1 / ratio) - 1)
    assert linkability(mated, non_mated, bins) == pytest.approx(expected)


def test_linkability_of_two_normals():
    """At an EER of 4.8 % templates are nearly fully linkable: D_sys is the integral of the bins'
    formula, 0.88.
    """
    apart = -2 * NormalDist().inv_cdf(0.048)
    grid = np.linspace(-8, 8 + apart, 100_001)
    p, q = (
        np.exp(-(grid**2) / 2) / np.sqrt(2 * np.pi),
        np.exp(-((grid - apart) ** 2) / 2) / np.sqrt(2 * np.pi),
    )
    expected = (p * np.clip((p - q) / (p + q), 0, 1)).sum() * (grid[1] - grid[0])
    random = np.random.default_rng(0)
    mated, non_mated = random.normal(0, 1, 100_000), random.normal(apart, 1, 100_000)
    assert equal_error_rate(mated, non_mated)[0] == pytest.approx(0.048, abs=2e-3)
    assert linkability(mated, non_mated) == pytest.approx(expected, abs=5e-3)
    assert expected == pytest.approx(0.88, abs=5e-3)


# Linkability by chance


@every_type
def test_linkability_by_chance_by_hand(dtype):
    """0 0 | 0 1 gives 1/3 and 0 1 | 0 0 gives 1/2, each for half of the permutations. One score
    each is always disjoint.
    """
    found = linkability_by_chance(
        np.array([0, 0], dtype), np.array([0, 1], dtype), bins=2, draws=1000
    )
    assert found["ci95"] == pytest.approx([1 / 3, 1 / 2])
    assert found["mean"] == pytest.approx(5 / 12, abs=0.01)
    assert linkability_by_chance(np.array([0], dtype), np.array([1], dtype)) == {
        "mean": 1,
        "ci95": [1, 1],
    }
    assert linkability_by_chance(np.array([5, 5], dtype), np.array([5], dtype)) == {
        "mean": 0,
        "ci95": [0, 0],
    }


@every_kind
def test_linkability_by_chance_against_every_choice(kind):
    """All 252 ways to call five of ten scores mated."""
    mated, non_mated = overlapping(9, 5, 5, kind=kind)
    scores, values = np.concatenate([mated, non_mated]), []
    for chosen in combinations(range(10), 5):
        values.append(linkability(scores[list(chosen)], np.delete(scores, chosen), bins=4))
    found = linkability_by_chance(mated, non_mated, bins=4, draws=1000)
    assert found["mean"] == pytest.approx(np.mean(values), abs=4 * np.std(values) / np.sqrt(1000))
    assert found["ci95"] == pytest.approx(interval(values), abs=0.02)


def test_linkability_by_chance_leaves_the_scores_alone():
    mated, non_mated = overlapping(0)
    before = mated.copy(), non_mated.copy()
    first = linkability_by_chance(mated, non_mated, draws=20)
    assert (mated == before[0]).all() and (non_mated == before[1]).all()
    assert (
        first
        == linkability_by_chance(mated, non_mated, draws=20)
        != linkability_by_chance(mated, non_mated, draws=20, seed=1)
    )


@pytest.mark.parametrize("count, bias", [(1000, 0.095), (10_000, 0.03)])
def test_bias_of_linkability(count, bias):
    """Fewer scores a bin, more bias: about 0.095 with 1,000 a side, and a third of it with ten
    times as many.
    """
    assert linkability_by_chance(*overlapping(0, count, count, shift=0))["mean"] == pytest.approx(
        bias, abs=0.01
    )


def test_identical_distributions_are_linkable_by_chance_alone():
    inside = 0
    for seed in range(20):
        scores = overlapping(seed, 1000, 1000, shift=0)
        low, high = linkability_by_chance(*scores, draws=100)["ci95"]
        inside += low <= linkability(*scores) <= high
        assert linkability(*scores) < 0.15
    assert inside >= 17


def test_disjoint_sets_are_far_outside_chance():
    mated, non_mated = overlapping(0, 1000, 1000, shift=20)
    assert linkability(mated, non_mated) == 1
    assert linkability_by_chance(mated, non_mated)["ci95"][1] < 0.2
