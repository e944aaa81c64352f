"""What stands beside a threshold, from toy figures that can be counted by hand."""

import json

import numpy as np
import pytest

from ndcb.core.terms import DEFAULT_FACES, UnknownName
from ndcb.models import checkpoints, examples, kinds
from ndcb.models.comparison import with_itself
from ndcb.results import thresholds
from ndcb.web import rates
from ndcb.web.tabs import live
from ndcb.web.tabs.attacks.theft import first_theft, trials_table
from ndcb.web.tabs.compare.report import table
from ndcb.web.tabs.distort import result

CACHES = (
    thresholds.record,
    thresholds._scores,
    thresholds._at_login,
    thresholds._groups,
    thresholds._curves,
    kinds.is_digit,
    kinds.is_sealed,
)
PEOPLE = {"training_people": 95, "development_people": 9, "test_people": 23}
GROUPS = {
    "remark": "chosen by <i>spelling</i>",
    "threshold": [0.5, 1.0],
    "of": [
        PEOPLE | {"group": "<b>ours</b>", "people": "all", "fmr_within": [0.0, 0.0040001]},
        PEOPLE | {"group": "theirs", "people": "all", "fmr_within": [0.0, 0.25]},
    ],
}
CURVES = {
    "threshold": [0.0, 1.0, 2.0],
    "impostor": 1000,
    "genuine": 50,
    "template": {"fmr": [0.0, 0.0123, 1.0], "fnmr": [1.0, 0.04, 0.0]},
}


@pytest.fixture
def toys(tmp_path, monkeypatch):
    """Writes the summary of the plain, the sealed and the digits' toy generator."""
    for name, data, kind in (
        ("toy", "lfw", "UNet"),
        ("sealed", "lfw", "Sealed"),
        ("few", "mnist", "UNet"),
    ):
        folder = tmp_path / name / "evaluation"
        folder.mkdir(parents=True)
        record = {"class": kind, "data": {"name": data}, "threshold": 1.0}
        (folder.parent / "record.json").write_text(json.dumps(record))
        scores = {
            "template_genuine": np.array([0.25, 0.5, 0.75, 1.0], np.float16),
            "template_impostor": np.array([0.5, 1.5, 1.5, 2.0, 2.0], np.float16),
        }
        if kind != "Sealed":
            np.savez(folder / "scores.npz", **scores)
    monkeypatch.setattr(checkpoints, "FOLDER", tmp_path)

    def write(name: str, text: str) -> None:
        (tmp_path / name / "evaluation" / "summary.json").write_text(text)
        forget()

    write("toy", json.dumps({"groups": GROUPS}))
    write("sealed", json.dumps({"sealed": {"groups": GROUPS, "curves": CURVES}}))
    yield write
    monkeypatch.undo()
    forget()


def forget() -> None:
    for cached in CACHES:
        cached.cache_clear()


def test_rates_overall_and_within_every_group(toys):
    said = rates.beside("toy", 1.0)
    for part in (
        "Threshold <b>1.000</b>, measured on LFW's test people",
        "strangers accepted (FMR): <b>20.0 %</b>",
        "owners refused (FNMR): <b>25.0 %</b>",
        "«&lt;b&gt;ours&lt;/b&gt;» <b>at most 0.41 %</b>; «theirs» <b>at most 25.0 %</b>",
        "127 people, 95 of whom the generator learned from",
        "chosen by &lt;i&gt;spelling&lt;/i&gt;",
        rates.UNGUESSED,
    ):
        assert part in said
    assert "<i>" not in said and "<b>ours" not in said


def test_none_that_was_seen_is_not_never(toys):
    said = rates.beside("toy", 0.5)
    assert "(FMR): <b>0 of 5</b>" in said and "«theirs» <b>none that was tried</b>" in said


@pytest.mark.parametrize(
    "share, up, said",
    [
        (0.36, False, "36.0 %"),
        (0.01, True, "1.0 %"),
        (0.00123, False, "0.12 %"),
        (0.000999, False, "0.10 %"),
        (0.00999, False, "1.0 %"),
        (0.0000999, True, "0.010 %"),
        (0.00123, True, "0.13 %"),
        (0.001, True, "0.10 %"),
        (0.00001, False, "0.0010 %"),
        (1.0, True, "100.0 %"),
    ],
)
def test_a_bound_is_rounded_up(share, up, said):
    assert rates.percent(share, 10, up) == said


def test_sealed_templates_with_the_owners_key(toys):
    """The next larger threshold of the curve bounds the FMR, the next smaller one the FNMR."""
    said = rates.beside("sealed", 0.9)
    assert "strangers with the owner's key accepted (FMR): <b>at most 1.3 %</b>" in said
    assert "owners refused (FNMR): <b>at most 100.0 %</b>" in said
    assert rates.KEYED in said and "1,000 comparisons" in said and "at most 25.0 %" in said
    assert "(FNMR): <b>at most 4.0 %</b>" in rates.beside("sealed", 1.0)
    assert thresholds.NO_CURVES.format("sealed") in rates.beside("sealed", 2.5)


def test_a_sealed_login_has_its_own_rates(toys):
    """At the login threshold nothing has to be bounded by the curve; elsewhere it has to."""
    at = {"threshold": 0.9, "fmr": 0.0011, "fnmr": 0.02}
    own = {"stolen_key": {"impostor": 7000, "genuine": 60, "at_login_threshold": at}}
    parts = {"groups": GROUPS, "curves": CURVES, "verification": own}
    toys("sealed", json.dumps({"sealed": parts}))
    said = rates.beside("sealed", 0.9)
    assert "(FMR): <b>at most 0.11 %</b>" in said and "(FNMR): <b>at most 2.0 %</b>" in said
    assert "7,000 comparisons" in said
    assert "(FMR): <b>at most 1.3 %</b>" in rates.beside("sealed", 0.95)


def test_digits_are_no_people(toys):
    said = rates.beside("few", 1.0)
    assert "MNIST's test digits" in said and "FMR): <b>20.0 %" in said and "group" not in said


DAMAGED = [
    "{",
    "[]",
    "null",
    '{"groups": []}',
    '{"groups": null}',
    '{"groups": {"not_measured": "no table"}}',
    json.dumps({"groups": GROUPS | {"threshold": ["x"]}}),
    json.dumps({"groups": GROUPS | {"threshold": [0.5, 1.0, 1.5]}}),
    json.dumps({"groups": GROUPS | {"of": [None]}}),
    json.dumps({"groups": GROUPS | {"of": []}}),
    json.dumps({"groups": GROUPS | {"of": [GROUPS["of"][0] | {"fmr_within": [None, None]}]}}),
    json.dumps({"groups": GROUPS | {"of": [GROUPS["of"][0] | {"test_people": [3]}]}}),
    json.dumps({"sealed": {"groups": 3}}),
]


@pytest.mark.parametrize("name", ["toy", "sealed"])
@pytest.mark.parametrize("summary", DAMAGED)
def test_a_damaged_summary_is_a_sentence(toys, name, summary):
    toys(name, summary)
    said = rates.beside(name, 1.0)
    assert "Within groups of people: not measured." in said
    assert f"evaluate {name} --what groups" in said
    assert ("FMR): <b>20.0 %" in said) == (name == "toy")
    assert (thresholds.NO_CURVES.format(name) in said) == (name == "sealed")


def test_nothing_measured_is_a_sentence(toys, tmp_path):
    (tmp_path / "toy" / "evaluation" / "scores.npz").unlink()
    forget()
    assert thresholds.NO_RATES.format("toy") in rates.beside("toy", 1.0)
    with pytest.raises(UnknownName):
        rates.beside("../toy", 1.0)


def test_they_stand_beside_every_threshold():
    """Of Distort, Compare, Live and Attacks; Login's and the embedding's are in their own tests."""
    first = examples.example(DEFAULT_FACES)
    beside = rates.beside(DEFAULT_FACES, first.threshold)
    assert "measured on" in beside
    assert result.shown(first, DEFAULT_FACES, (None, None, None), "")["scale"].endswith(beside)
    assert table(with_itself(first), DEFAULT_FACES).endswith(beside)
    assert trials_table(first_theft()).endswith(beside)
    limit = thresholds.login_threshold(DEFAULT_FACES)
    assert live.rates_of(DEFAULT_FACES) == {"rates": rates.beside(DEFAULT_FACES, limit)}
