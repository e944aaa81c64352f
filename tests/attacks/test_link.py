"""A stolen template linked to templates of other generators and other photos."""

import pytest

from ndcb.attacks.link import link
from ndcb.core.terms import UserError
from ndcb.results import thresholds
from tests.attacks.toys import ToyDistorter, ToyModels, grey

SECOND, SAME_B, SECOND_B = (
    f"template of the {photo} photo by {name}"
    for photo, name in (("second", "faces"), ("same", "faces-b"), ("second", "faces-b"))
)


@pytest.fixture
def records(monkeypatch):
    """Which recogniser each generator keeps."""
    kept = {"faces": "facenet", "faces-b": "facenet", "faces-c": "another"}
    monkeypatch.setattr(thresholds, "record", lambda name: {"recogniser": kept[name]})


def test_linking_other_generators_and_another_photo(records):
    models, names = (
        ToyModels(faces=ToyDistorter(0.05, 0.1), **{"faces-b": ToyDistorter(1, 0.3)}),
        ["faces", "faces-b", "faces-c"],
    )
    alone = link(models, "faces", grey(51), names)
    assert list(alone.others) == [SAME_B]
    theft = link(models, "faces", grey(51), names, grey(102))
    assert list(theft.others) == [SECOND, SAME_B, SECOND_B]
    found = {trial.against: trial.decision.squared_distance for trial in theft.trials}
    assert found == {SECOND: pytest.approx(0.04), SAME_B: 0, SECOND_B: pytest.approx(0.04)}
    assert [trial.decision.threshold for trial in theft.trials] == [
        0.05
    ] * 3  # the stolen template's generator's


def test_a_second_photo_of_a_stranger_is_not_linked(records):
    theft = link(ToyModels(faces=ToyDistorter(0.05, 0.1)), "faces", grey(10), ["faces"], grey(120))
    assert [trial.decision.same for trial in theft.trials] == [False]


def test_nothing_to_link_to_is_said(records):
    with pytest.raises(UserError, match="give a second photo"):
        link(ToyModels(), "faces", grey(10), ["faces", "faces-c"])
