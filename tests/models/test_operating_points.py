"""Thresholds by their false match rate, for one comparison and for a search."""

import pytest

from ndcb.core.terms import NotAvailable, UserError
from ndcb.models import checkpoints
from ndcb.models.operating_points import (
    FALSE_NAMES,
    LEVELS,
    NAMED,
    OperatingPoint,
    for_search,
    operating_point,
)

EVERY = checkpoints.GENERATORS + checkpoints.SEALED + checkpoints.RECOGNISERS
RECORD = {
    "threshold": 1.0,
    "thresholds": {"1e-2": 1.2, "1e-3": 1.0, "2e-4": 0.9, "1e-4": 0.8, "1e-5": 0.5},
}
OLD = {"threshold": 1.3}


def test_one_comparison_is_judged_at_one_in_a_thousand_unless_told_otherwise():
    assert operating_point(RECORD) == operating_point(RECORD, "0.1%") == OperatingPoint(1.0, 1e-3)
    assert operating_point(RECORD, "1%") == OperatingPoint(1.2, 1e-2)
    assert operating_point(RECORD, "0.01%") == OperatingPoint(0.8, 1e-4)


@pytest.mark.parametrize("fmr", ["0.1", "1e-3", "0.1 %", "", "all"])
def test_a_point_that_has_no_name(fmr):
    with pytest.raises(UserError, match=r"no operating point. Choose one of: 1%, 0.1%, 0.01%"):
        operating_point(RECORD, fmr)


def test_an_older_record_has_one_threshold():
    assert operating_point(OLD) == for_search(OLD, 1000) == OperatingPoint(1.3, None)
    with pytest.raises(NotAvailable, match="run: python -m training measure"):
        operating_point(OLD, "0.1%")
    with pytest.raises(NotAvailable):
        for_search(OLD, 3, "1%")


@pytest.mark.parametrize(
    "templates, threshold",
    [(0, 1.0), (1, 1.0), (10, 1.0), (11, 0.9), (50, 0.9), (51, 0.8), (100, 0.8), (101, 0.5)],
)
def test_a_search_shares_one_per_cent_among_its_templates(templates, threshold):
    found = for_search(RECORD, templates)
    assert found.threshold == threshold
    assert found.fmr * max(templates, 1) <= FALSE_NAMES * (1 + 1e-9)


def test_a_search_is_never_looser_than_one_comparison():
    assert for_search(RECORD, 1, "1%").threshold == 1.2
    assert for_search(RECORD, 2, "1%").threshold == 1.0
    assert for_search(RECORD, 1, "0.01%").threshold == 0.8


def test_among_too_many_the_strictest_measured_threshold_counts():
    assert for_search(RECORD, 1_000_000) == OperatingPoint(0.5, 1e-5)


@pytest.mark.parametrize("name", checkpoints.names(EVERY))
def test_committed_records_hold_every_named_threshold(name):
    record = checkpoints.record(name, EVERY)
    thresholds = record["thresholds"]
    assert set(NAMED.values()) <= set(thresholds) <= set(LEVELS)
    assert record["threshold"] == thresholds["1e-3"]
    rising = [thresholds[level] for level in sorted(thresholds, key=float)]
    assert rising == sorted(rising) and rising[0] > 0 and rising[-1] < 4
