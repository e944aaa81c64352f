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


def test_a_search_counted_by_hand(monkeypatch):
    """Half of the people look alike; a stranger of that half is named if any name is of it."""
    for name, value in {"NAMES": (1, 4, 90), "STRANGERS": 40, "DRAWS": 400}.items():
        monkeypatch.setattr(strangers, name, value)
    monkeypatch.setattr(
        strangers.thresholds, "false_name_chance", lambda compared, threshold: dict(compared)
    )
    alike = np.arange(100) < 50
    probes = np.where(alike[:, None], np.float32([[1, 0]]), np.float32([[0, 1]]))
    probes[~alike] *= np.where(np.arange(50) % 2, 1, -1)[:, None]
    references = np.where(alike[:, None], np.float32([[1, 0]]), np.float32([[-1, 0]]))
    found = strangers.identification(references[:, None], probes, 1.0)
    assert set(found) == {"1", "4"}  # of a hundred people, ninety leave no forty strangers
    assert found["1"]["named"] == pytest.approx(0.25, abs=0.03)
    assert found["4"]["named"] == pytest.approx(0.5 * (1 - 0.5**4), abs=0.03)
    assert found["4"]["predicted"] == {"faces-bottleneck": 4}


def test_one_of_two_templates_is_enough(monkeypatch):
    for name, value in {"NAMES": (3,), "STRANGERS": 1, "DRAWS": 5}.items():
        monkeypatch.setattr(strangers, name, value)
    near, far = np.float32([1, 0]), np.float32([-1, 0])
    monkeypatch.setattr(
        strangers.thresholds, "false_name_chance", lambda compared, _: dict(compared)
    )
    references = np.stack([np.stack([far, near])] * 4)
    found = strangers.identification(references, np.stack([near] * 4), 1.0)
    assert found["3"] == {"named": 1, "predicted": {"faces-bottleneck": 6}}
    assert strangers.identification(references[:, :1], np.stack([near] * 4), 1.0)["3"]["named"] == 0
