"""Who is taken for whom: numbers known by hand."""

import numpy as np
import pytest

from training.quality import strangers

FLAT = np.float32(np.eye(4))
"""Four people, each as far from the others as can be without being opposite: squared distance 2."""


def test_squared_distances_of_unit_vectors():
    angle = 0.7
    turned = np.float32([[np.cos(angle), np.sin(angle)]])
    assert strangers.squared(np.float32([[1, 0]]), turned) == pytest.approx(
        2 - 2 * np.cos(angle), abs=1e-6
    )


@pytest.mark.parametrize("threshold, refused, missed", [(1.0, 0, 0), (3.0, 0, 1)])
def test_sets_of_photos(monkeypatch, threshold, refused, missed):
    """Three equal photos of each of four people: a loose threshold tells no stranger."""
    monkeypatch.setattr(strangers, "SETS", 20)
    found = strangers.one_person(np.repeat(FLAT, 3, 0), np.repeat(list("abcd"), 3), threshold)
    assert set(found) == {"2", "3"}
    expected = {"people": 4, "refused": refused, "missed": missed, "half_missed": missed}
    assert found["2"] == found["3"] == expected


def test_photos_that_differ_are_refused_as_two_people(monkeypatch):
    monkeypatch.setattr(strangers, "SETS", 20)
    found = strangers.one_person(FLAT, np.array(list("aabb")), 1.0)
    assert found["2"]["refused"] == 1


RECORD = {"threshold": 2.5, "thresholds": {"1e-2": 3.0, "1e-3": 2.5, "2e-4": 1.0}}
"""Of a search through one to ten templates the threshold is that of 1:1; of more, it is 1."""


@pytest.fixture
def predicted(monkeypatch):
    """In place of a chance: what was compared, and the threshold."""
    monkeypatch.setattr(
        strangers.thresholds, "false_name_chance", lambda compared, threshold: (compared, threshold)
    )


def test_a_search_counted_by_hand(monkeypatch, predicted):
    """Half of the people look alike, at squared distance 0; the others are at 2 from everybody. A
    stranger of the first half is named if any name is of it; one of the others only at 2.5.
    """
    for name, value in {"NAMES": (1, 4, 20, 90), "STRANGERS": 40, "DRAWS": 400}.items():
        monkeypatch.setattr(strangers, name, value)
    alike = np.arange(100) < 50
    probes = np.where(alike[:, None], np.float32([[1, 0, 0]]), np.float32([[0, 1, 0]]))
    references = np.where(alike[:, None], np.float32([[1, 0, 0]]), np.float32([[0, 0, 1]]))
    record = RECORD | {"thresholds": RECORD["thresholds"] | {"5e-3": 2.9, "1e-3": 1.5}}
    found = strangers.identification(references[:, None], probes, "toy", record)
    assert set(found) == {"1", "4", "20"}  # of a hundred people, ninety leave no forty strangers
    assert found["1"]["named"] == pytest.approx(0.25, abs=0.03)
    assert found["4"]["named"] == pytest.approx(0.5 * (1 - 0.5**4), abs=0.03)
    assert [found[names]["fmr"] for names in ("1", "4", "20")] == [1e-3, 1e-3, 2e-4]
    assert found["20"]["predicted"] == ([("toy", 20)], 1.0)


def test_a_search_has_a_stricter_threshold_than_one_comparison(monkeypatch, predicted):
    """All are at squared distance 2 from each other: named at 2.5, and at 1 no more."""
    for name, value in {"NAMES": (10, 11), "STRANGERS": 5, "DRAWS": 3}.items():
        monkeypatch.setattr(strangers, name, value)
    probes, references = np.float32(np.eye(32))[:16], np.float32(np.eye(32))[16:, None]
    found = strangers.identification(references, probes, "toy", RECORD)
    assert found["10"]["named"] == found["10"]["named_at_one_to_one"] == 1
    assert (found["11"]["named"], found["11"]["named_at_one_to_one"]) == (0, 1)
    older = strangers.identification(references, probes, "toy", {"threshold": 2.5})
    assert older["11"]["named"] == 1 and older["11"]["fmr"] is None


def test_one_of_two_templates_is_enough(monkeypatch, predicted):
    for name, value in {"NAMES": (3,), "STRANGERS": 1, "DRAWS": 5}.items():
        monkeypatch.setattr(strangers, name, value)
    near, far = np.float32([1, 0]), np.float32([-1, 0])
    references, probes = np.stack([np.stack([far, near])] * 4), np.stack([near] * 4)
    found = strangers.identification(references, probes, "toy", RECORD)["3"]
    assert (found["named"], found["predicted"]) == (1, ([("toy", 6)], 2.5))
    single = strangers.identification(references[:, :1], probes, "toy", RECORD)["3"]
    assert single["named"] == 0
