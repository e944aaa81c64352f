"""Evaluations as they are read: the files' figures, why a part has none, damage in one sentence."""

import json
import subprocess
import sys

import numpy as np
import pytest

from ndcb.core.terms import BadCheckpoint, UnknownName
from ndcb.models import checkpoints
from ndcb.results import evaluations
from ndcb.results.summaries import Data, Evaluation, SealedEvaluation, parsed
from tests.conftest import ROOT
from tests.results.toys import series_member, toy_summary, write


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.setattr(evaluations, "FOLDER", tmp_path)
    return tmp_path


def test_names_are_the_complete_ones_faces_first(folder):
    for name in ("digits", "digits-alpha-0.1", "faces", "mine-of-faces"):
        write(folder, name)
    (folder / "half" / "evaluation").mkdir(parents=True)
    (folder / "half" / "evaluation" / "summary.json").write_text("{}")
    assert evaluations.names() == ["faces", "mine-of-faces", "digits", "digits-alpha-0.1"]


def test_read(folder):
    write(folder, "faces")
    one = evaluations.read("faces")
    assert one.image["mse"] == 0.35
    assert one.scores["template_genuine"].dtype == np.float32 and one.scores["template_genuine"][
        0
    ] == pytest.approx(0.2, abs=1e-3)
    with pytest.raises(UnknownName, match="there are: faces"):
        evaluations.read("../faces")


@pytest.mark.parametrize("file", ["scores.npz", "summary.json"])
def test_a_damaged_file_is_a_bad_checkpoint(folder, file):
    write(folder, "faces")
    (folder / "faces" / "evaluation" / file).write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(BadCheckpoint, match="the evaluation of faces cannot be read"):
        evaluations.read("faces")


def test_reading_needs_no_torch():
    code = (
        "import sys; from ndcb.report import plots, sections; from ndcb.results import evaluations;"
        " evaluations.names(); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_the_series_is_ordered_by_alpha(folder):
    for alpha in (0.8, 0.0, 0.1):
        series_member(folder, alpha)
    write(folder, "digits-with-7", {"series": "alpha"}, verification=None)
    write(folder, "digits-alpha-9")
    rows = evaluations.alpha_series()
    assert [row.alpha for row in rows] == [0, 0.1, 0.8]
    assert vars(rows[2]) == {
        "alpha": 0.8,
        "mse": 0.35,
        "embedding_error": 0.4,
        "eer": 0.02,
        "eer_ci95": pytest.approx([0.016, 0.026]),
        "plain_eer": 0.01,
    }


# a summary as a dataclass


def test_a_plain_summary_has_all_parts():
    evaluation = parsed(toy_summary() | {"caches_were_empty": True, "sha256": "not kept"})
    assert isinstance(evaluation, Evaluation)
    assert evaluation.name == "faces" and evaluation.caches_were_empty is True
    assert evaluation.minutes == 2 and evaluation.goals == {} and evaluation.scores == {}
    assert evaluation.data == Data("lfw", "by people", {"training": 70, "test": 30})
    assert evaluation.data.counted() == "70 training, 30 test"
    assert evaluation["image"] is evaluation.image and evaluation.image["ssim"] == 0.27


def test_why_a_part_has_no_figures():
    missing = {"not_measured": "for faces only"}
    evaluation = parsed({"lfw_folds": missing, "paper": {"table3": [{"class": "7"}]}})
    assert evaluation.reason("lfw_folds") == evaluation.reason("lfw_folds", "drop")
    assert evaluation.reason("lfw_folds") == "for faces only"
    assert evaluation.reason("polish") == "this part was not run"
    assert evaluation.reason("paper", "table4") == "this part was not run"
    assert evaluation.reason("paper") is None and evaluation.reason("paper", "table3") is None


def test_a_sealed_summary_has_its_own_parts():
    evaluation = parsed(
        {"checkpoint": "mine", "seconds": {"a": 60, "b": 30}, "sealed": {"times": {"cores": 2}}}
    )
    assert isinstance(evaluation, SealedEvaluation) and evaluation.name == "mine"
    assert evaluation.minutes == 1.5 and evaluation.sealed.times == {"cores": 2}
    assert evaluation.sealed.reason("security") == "this part was not run"


@pytest.mark.parametrize(
    "summary",
    [None, [], "figures", {"image": 3}, {"data": []}, {"data": {"pictures": 7}}, {"sealed": None}],
)
def test_what_is_no_object_is_a_bad_checkpoint(summary):
    with pytest.raises(BadCheckpoint, match="^the evaluation of mine cannot be read; run: "):
        parsed(summary, "mine")


def test_the_committed_sealed_evaluation_is_whole():
    sealed = evaluations.sealed()
    assert set(sealed) == set(checkpoints.names(checkpoints.SEALED))
    for name, evaluation in sealed.items():
        assert evaluation.name == name and evaluation.sealed.reason("security") is None


def test_sealed_evaluations_that_are_damaged_or_not_done_are_left_out(folder):
    goals = {"enrolment": {"measured": 0.1, "goal": 0.3, "met": True}}
    unknown = {"enrolment": {"measured": None, "goal": 0.3, "met": None}}
    contents = {
        "whole": json.dumps({"sealed": {}, "goals": goals}),
        "stopped": json.dumps({"sealed": {}, "goals": unknown}),
        "damaged": '{"sealed": ',
    }
    for name, content in contents.items():
        (folder / name / "evaluation").mkdir(parents=True)
        (folder / name / "evaluation" / "summary.json").write_text(content)
    assert list(evaluations.sealed()) == ["whole"]
