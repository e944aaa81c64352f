"""At which threshold a login is judged, by toy records."""

import pytest

from ndcb.models.operating_points import DEFAULT, LEVELS, OperatingPoint
from ndcb.results import thresholds
from ndcb.web.judging import OWN, Choice
from ndcb.web.session import Login

NEW = {"threshold": 1.03, "thresholds": {level: 1 + 10 * float(level) for level in LEVELS}}
OTHER = {"threshold": 2.03, "thresholds": {level: 2 + 10 * float(level) for level in LEVELS}}
RECORDS = {"new": NEW, "other": OTHER, "old": {"threshold": 0.7}}


@pytest.fixture(autouse=True)
def toy_records(monkeypatch):
    monkeypatch.setattr(thresholds, "record", RECORDS.get)


@pytest.mark.parametrize("fmr, level", [("1%", 1e-2), (DEFAULT, 1e-3), ("0.01%", 1e-4)])
def test_a_login_at_an_operating_point(fmr, level):
    point = Choice("new", fmr, 3).point("new")
    assert point == OperatingPoint(pytest.approx(1 + 10 * level), level)
    assert Choice("new", fmr, 3).point("other").threshold == pytest.approx(2 + 10 * level)


@pytest.mark.parametrize("fmr", ["1%", DEFAULT, "0.01%"])
def test_an_older_record_has_its_one_threshold(fmr):
    assert Choice("old", fmr).point("old") == OperatingPoint(0.7, None)
    assert Choice("new", fmr).point("old", 50) == OperatingPoint(0.7, None)


def test_a_threshold_by_hand_is_of_its_generator_alone():
    choice = Choice("new", OWN, 0.4)
    assert choice.point("new") == choice.point("new", 50) == OperatingPoint(0.4, None)
    assert choice.point("other").fmr == 1e-3 and choice.point("old").threshold == 0.7


def test_a_search_is_judged_more_strictly_the_more_it_compares():
    search = Login("Ann", 0.5, "identify", "other", compared=(("new", 40), ("other", 10)))
    points = search.points(Choice("new"))
    assert {name: point.fmr for name, point in points.items()} == {"new": 2e-4, "other": 2e-4}
    assert points["other"].threshold == pytest.approx(2.002)
    assert search.points(Choice("new", "0.01%"))["new"].fmr == 1e-4
    assert search.points(Choice("new", OWN, 0.4))["new"].threshold == 0.4
    assert Login("Ann", 0.5, "verify", "new").points(Choice("new"))["new"].fmr == 1e-3
