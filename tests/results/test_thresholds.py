"""The false match rate within each measured group, at any threshold."""

import json

import pytest

from ndcb.core.terms import NotAvailable, UnknownName
from ndcb.models import checkpoints
from ndcb.results import thresholds

ROW = {"training_people": 2, "development_people": 1, "test_people": 3}
FIGURES = {
    "remark": "chosen by hand",
    "threshold": [0.5, 1.0, 1.5],
    "of": [
        ROW | {"group": "<ours>", "people": "test", "fmr_within": [0.0, 0.5, 0.75]},
        ROW | {"group": "<ours>", "people": "all", "fmr_within": [0.0, 0.25, 0.5]},
        ROW | {"group": "one person", "people": "all", "fmr_within": [None, None, None]},
    ],
}


@pytest.fixture
def summary(monkeypatch, tmp_path):
    """Writes the groups of a generator's evaluation."""
    folder = tmp_path / "faces" / "evaluation"
    folder.mkdir(parents=True)
    record = {"class": "UNet", "threshold": 1.0, "data": {"name": "lfw"}}
    (folder.parent / "record.json").write_text(json.dumps(record))
    caches = thresholds.record, thresholds._groups

    def write(groups) -> None:
        (folder / "summary.json").write_text(json.dumps({"groups": groups}))
        for one in caches:
            one.cache_clear()

    monkeypatch.setattr(checkpoints, "FOLDER", tmp_path)
    yield write
    for one in caches:
        one.cache_clear()


@pytest.mark.parametrize(
    "threshold, fmr", [(0.2, 0), (0.5, 0), (0.51, 0.25), (1, 0.25), (1.4, 0.5)]
)
def test_the_next_larger_measured_threshold_counts(summary, threshold, fmr):
    summary(FIGURES)
    found = thresholds.group_rates("faces", threshold)
    assert found.remark == "chosen by hand"
    assert found.of == (thresholds.GroupRate("<ours>", 6, 2, fmr),)


def test_the_chance_of_a_false_name_at_the_thresholds_that_were_used(monkeypatch):
    """FMR is a tenth of the threshold here; the default threshold is 2."""
    monkeypatch.setattr(
        thresholds,
        "rates",
        lambda generator, limit: thresholds.Rates(limit / 10, 0.0, 1, 1, "nobody"),
    )
    monkeypatch.setattr(thresholds, "login_threshold", lambda generator: 2.0)
    compared = (("one", 1), ("two", 2))
    for limit, chance in (
        ({"one": 1.0, "two": 5.0}, 1 - 0.9 * 0.5**2),
        (1.0, 1 - 0.9**3),
        (0.0, 0.0),
        (None, 1 - 0.8**3),
    ):
        assert thresholds.false_name_chance(compared, limit) == pytest.approx(chance)


@pytest.mark.parametrize(
    "groups", [{"not_measured": "no table"}, {"of": 3}, FIGURES | {"threshold": ["x"]}, [], None]
)
def test_groups_that_were_not_measured_or_are_damaged(summary, groups):
    summary(groups)
    with pytest.raises(NotAvailable, match="evaluate faces --what groups"):
        thresholds.group_rates("faces", 1.0)


def test_beyond_what_was_measured(summary):
    summary(FIGURES)
    with pytest.raises(NotAvailable, match="not measured for this generator at this threshold"):
        thresholds.group_rates("faces", 1.6)


@pytest.mark.parametrize("name", ["../faces", "nobody", ""])
def test_a_name_is_no_path(summary, name):
    summary(FIGURES)
    with pytest.raises(UnknownName):
        thresholds.group_rates(name, 1.0)
