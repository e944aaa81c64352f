"""Error rates: known score sets, a double loop over every threshold, scikit-learn, and labels that mean nothing."""

import numpy as np
import pytest
from sklearn.metrics import roc_curve

from ndcb.metrics import equal_error_rate, error_rates, fnmr_at_fmr


def naive_rates(genuine, impostor, threshold):
    accepted = rejected = 0
    for score in impostor:
        accepted += score < threshold
    for score in genuine:
        rejected += score >= threshold
    return accepted / len(impostor), rejected / len(genuine)


def naive_eer(genuine, impostor):
    best = (2, None)
    for threshold in sorted({*genuine, *impostor}) + [np.inf]:
        fmr, fnmr = naive_rates(genuine, impostor, threshold)
        best = min(best, (abs(fmr - fnmr), (fmr + fnmr) / 2))
    return best[1]


def overlapping(seed, genuine=150, impostor=400, shift=1.0):
    random = np.random.default_rng(seed)
    return random.normal(1, 0.5, genuine), random.normal(1 + shift, 0.5, impostor)


def test_rates_by_hand():
    """At the score itself a genuine pair is rejected and an impostor pair is not accepted: accepted is what lies under."""
    fmr, fnmr = error_rates([0.1, 0.2, 0.3, 0.9], [0.3, 0.8, 1.0, 1.2, 1.4], [0, 0.3, 0.31, 2])
    np.testing.assert_allclose(fmr, [0, 0, 0.2, 1])
    np.testing.assert_allclose(fnmr, [1, 0.5, 0.25, 0])


@pytest.mark.parametrize("genuine, impostor, expected", [
    ([0.1, 0.2, 0.3], [0.9, 1.0, 1.1], 0),
    ([1, 2, 3, 4], [1, 2, 3, 4], 0.5),
    ([0.9, 1.0], [0.1, 0.2], 1),
    ([1, 2, 3, 7], [4, 8, 9, 10], 0.25),
    ([1, 2, 3, 9, 10], [4, 5, 11, 12, 13], 0.4),
], ids=["separable", "identical", "swapped", "one in four", "two in five"])
def test_eer_of_known_sets(genuine, impostor, expected):
    eer, threshold = equal_error_rate(genuine, impostor)
    assert eer == pytest.approx(expected)
    fmr, fnmr = naive_rates(genuine, impostor, threshold)
    assert (fmr + fnmr) / 2 == pytest.approx(expected)


def test_eer_of_large_identical_sets_is_a_half():
    scores = np.random.default_rng(0).random(5000)
    assert equal_error_rate(scores, scores)[0] == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("digits", [None, 1], ids=["distinct", "with ties"])
def test_eer_against_a_double_loop(seed, digits):
    genuine, impostor = overlapping(seed)
    if digits:
        genuine, impostor = genuine.round(digits), impostor.round(digits)
    assert equal_error_rate(genuine, impostor)[0] == pytest.approx(naive_eer(genuine, impostor))


def test_rates_against_a_loop_and_scikit_learn():
    genuine, impostor = overlapping(7)
    thresholds = np.concatenate([genuine[:20], impostor[:20], [-1, 0.5, 3]])
    expected = np.array([naive_rates(genuine, impostor, t) for t in thresholds]).T
    np.testing.assert_allclose(error_rates(genuine, impostor, thresholds), expected, atol=1e-12)

    labels = np.repeat([1, 0], [len(genuine), len(impostor)])
    fpr, tpr, scores = roc_curve(labels, -np.concatenate([genuine, impostor]), drop_intermediate=False)
    under = np.nextafter(-scores[1:], np.inf)  # scikit-learn accepts the score at the threshold too
    fmr, fnmr = error_rates(genuine, impostor, under)
    np.testing.assert_allclose(fmr, fpr[1:], atol=1e-12)
    np.testing.assert_allclose(1 - fnmr, tpr[1:], atol=1e-12)
    at = np.argmin(abs(fpr - (1 - tpr)))
    assert equal_error_rate(genuine, impostor)[0] == pytest.approx((fpr[at] + 1 - tpr[at]) / 2)


def test_fnmr_at_fmr_by_hand():
    """Of ten impostor scores 1.0 ... 1.9 a tenth may pass: the threshold is the second; two of four genuine are not under it."""
    impostor = 1 + np.arange(10) / 10
    assert fnmr_at_fmr([0.5, 1.05, 1.1, 1.5], impostor, 0.1) == pytest.approx((0.5, 1.1))
    assert fnmr_at_fmr([0.5, 1.05, 1.1, 1.5], impostor, 0.05) == pytest.approx((0.75, 1.0))


@pytest.mark.parametrize("fmr", [0.001, 0.01, 0.1, 0.3])
@pytest.mark.parametrize("digits", [None, 1], ids=["distinct", "with ties"])
def test_fnmr_at_fmr_against_a_loop(fmr, digits):
    """The best FNMR of all thresholds whose false match rate is allowed."""
    genuine, impostor = overlapping(11, shift=0.5)
    if digits:
        genuine, impostor = genuine.round(digits), impostor.round(digits)
    rates = [naive_rates(genuine, impostor, t) for t in impostor]
    found, threshold = fnmr_at_fmr(genuine, impostor, fmr)
    assert naive_rates(genuine, impostor, threshold)[0] <= fmr
    assert found == pytest.approx(min(fnmr for found_fmr, fnmr in rates if found_fmr <= fmr))


def test_fnmr_where_every_impostor_may_pass():
    """A false match rate of 1 is no limit at all, so no genuine pair is rejected."""
    assert fnmr_at_fmr([0.5, 5.0], [1.0, 2.0], 1)[0] == 0


def test_permuted_labels_give_a_half():
    genuine, impostor = overlapping(3, 2000, 2000, shift=3)
    assert equal_error_rate(genuine, impostor)[0] < 0.01
    scores = np.random.default_rng(0).permutation(np.concatenate([genuine, impostor]))
    assert equal_error_rate(scores[:2000], scores[2000:])[0] == pytest.approx(0.5, abs=0.03)
