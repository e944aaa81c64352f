"""report.md and docs/quality.md: what is committed is what the figures give."""

import subprocess
import sys

import pytest

from ndcb.report import document
from ndcb.results import evaluations, studies
from ndcb.results.summaries import parsed
from tests.conftest import ROOT
from tests.results.toys import toy_summary
from training.quality import report as quality_report

FOLDERS = sorted(path.parent for path in evaluations.FOLDER.glob("*/evaluation/summary.json"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
def test_the_committed_report_is_rendered_again_byte_for_byte(folder):
    text = document.report(evaluations.read_folder(folder))
    assert (folder / "report.md").read_bytes() == text.encode()


def test_the_committed_page_of_the_gate_is_rendered_again_byte_for_byte():
    text = quality_report.report(studies.qualities())
    assert quality_report.PAGE.read_bytes() == text.encode()


def test_a_section_needs_all_its_parts():
    summary = toy_summary() | {"failures": {"not_measured": "no pictures"}}
    text = document.report(parsed(summary))
    assert "## Pictures and embeddings\n\nNot measured: no pictures\n" in text
    assert "| plain photo | 1.00% | [0.80%, 1.30%] | 2.00% | 4.00% | 4.32 | 1.250 |" in text


def test_parts_of_faces_only_are_left_out_where_they_were_not_measured():
    summary = toy_summary() | {"polish": {"not_measured": "for faces only"}}
    assert "## Polish" not in document.report(parsed(summary))
    assert "## Goals" not in document.report(parsed(summary))
    goals = {"ssim": {"measured": 0.1, "goal": 0.15, "met": True}}
    assert "0.100, met" in document.report(parsed(summary | {"goals": goals}))


def test_sealed_parts_are_left_out_where_they_were_not_measured():
    found = {"pictures": 500, "template": 0.004, "photo": 1.0}
    text = document.report(parsed({"checkpoint": "mine", "sealed": {"face_found": found}}))
    assert text.startswith("# Evaluation of `mine`\n\nWritten by ")
    assert "MTCNN finds a face in 0.4% of 500 templates, in 100.0% of the photos." in text
    assert "## Time" not in text and text.count("not measured") == 10


def test_reading_needs_no_torch():
    code = (
        "import sys; from ndcb.report import plots, sections; from ndcb.results import evaluations;"
        " evaluations.names(); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
