"""Figures: what is drawn lies where the numbers say, and every figure can be served, is readable in
both themes and scrolls on a phone.
"""

import json
from functools import cache
from statistics import NormalDist

import numpy as np
import pytest

from ndcb.report import plots
from ndcb.results.evaluations import SeriesPoint

PAIRED = {"mean": 0.02, "ci95": [0.01, 0.03]}


def spread(value: float) -> dict:
    return {
        "mean": value,
        "ci95": [0.9 * value, 1.1 * value],
        "draws95": [0.8 * value, 1.2 * value],
    }


def rates(eer: float) -> dict:
    curve = {
        "fmr": [1e-3, 1e-2, 0.1],
        "fnmr": [4 * eer, 2 * eer, eer / 2],
        "low": [3 * eer, eer, eer / 4],
        "high": [5 * eer, 3 * eer, eer],
    }
    return {
        "eer": eer,
        "eer_ci95": [0.8 * eer, 1.3 * eer],
        "threshold_at_eer": 1.25,
        "fnmr_at_fmr_1e-2": 2 * eer,
        "fnmr_at_fmr_1e-3": 4 * eer,
        "d_prime": 4.321,
        "genuine": 900,
        "impostor": 12345,
        "det": curve,
        "at_login_threshold": {"threshold": 1.3125, "fmr": 0.0123, "fnmr": 0.0456},
    }


def login(f1: float) -> dict:
    numbers = {
        "precision": f1,
        "recall": f1,
        "f1": f1,
        "tp": 1100,
        "fn": 100,
        "fp": 80,
        "tn": 1120,
        "threshold": 1.2,
    }
    return {key: spread(value) for key, value in numbers.items()}


def table3_row(name: str, part: str) -> dict:
    return {
        "class": name,
        "part": part,
        "pictures": 3,
        "mse": {
            "real_generated": 0.345,
            "real_generated_others": 0.4,
            "real_real": 0.067,
            "generated_generated": None,
        },
        "eq12": {
            "real_generated": 0.00211,
            "real_generated_others": 0.003,
            "real_real": 0.00123,
            "generated_generated": None,
        },
    }


def toy_summary() -> dict:
    """A summary.json of faces as training/evaluation writes it, with numbers that are easy to find
    again.
    """
    folds, changed = (
        {"accuracy": 0.98, "stderr": 0.0015},
        {"eer": 0.031, "fnmr_at_fmr_1e-3": 0.21, "embedding_error": 0.3},
    )
    curve = {
        "mean": [0.5, 0.8, 0.95, 1.0],
        "low": [0.4, 0.7, 0.9, 1.0],
        "high": [0.6, 0.9, 1.0, 1.0],
    }
    return {
        "checkpoint": "faces",
        "recogniser": "facenet",
        "device": "cpu",
        "seconds": {"total": 120.0},
        "data": {"name": "lfw", "split": "by people", "pictures": {"training": 70, "test": 30}},
        "verification": {"plain": rates(0.01), "template": rates(0.02)},
        "embedding_error": {
            "mean": 0.25,
            "median": 0.24,
            "p95": 0.4,
            "p99": 0.5,
            "alpha": 0.2,
            "share_over_alpha": 0.625,
        },
        "image": {
            "mse": 0.35,
            "l1": 0.53,
            "l2": 0.002,
            "dssim": 0.37,
            "sobel": 0.05,
            "combined": 0.29,
            "ssim": 0.27,
            "psnr": 4.6,
        },
        "failures": {"blank": 0.86, "contours_kept": 0.45, "only_colours_changed": 0.39},
        "robustness": {"jpeg_75": changed, "half_size": changed, "double_size": changed},
        "second_recogniser": {
            "name": "toy-resnet",
            "plain": {"eer": 0.01, "tar_at_fmr_1e-2": 0.99, "tar_at_fmr_1e-3": 0.97},
            "template": {"eer": 0.05, "tar_at_fmr_1e-2": 0.8, "tar_at_fmr_1e-3": 0.6543},
        },
        "failure_to_enrol": {
            "all": {"pictures": 100, "failures": 2, "rate": 0.02},
            "test": {"pictures": 30, "failures": 1, "rate": 1 / 30},
        },
        "lfw_folds": {
            "plain": folds | {"thresholds": [1.1] * 10},
            "template": folds | {"accuracy": 0.96, "thresholds": [1.2] * 10},
            "drop": PAIRED,
            "pairs": 6000,
            "centred": {"plain": folds, "template": folds, "plain_accuracy_needed": 0.989},
            "test_people": {
                "pairs": 1200,
                "plain": {"accuracy": 0.97},
                "template": {"accuracy": 0.94},
                "drop": PAIRED,
            },
        },
        "paper": {
            "table3": [table3_row("Nobody_Known", "test"), table3_row("Tony_Blair", "training")],
            "figure11": [],
            "table4": {
                "plain": login(0.95),
                "template": login(0.93),
                "plain_again": login(0.94),
                "drop": PAIRED,
                "drop_in_reference_code": PAIRED,
                "draws": 100,
                "logins": 2400,
            },
            "figure13": {
                "fmr": [0.0, 0.001, 0.1, 1.0],
                "plain": curve,
                "template": curve,
                "plain_again": curve,
            },
        },
    }


def toy_scores() -> dict:
    genuine, impostor = (
        np.linspace(0.2, 1, 50, dtype=np.float32),
        np.linspace(1, 2.6, 80, dtype=np.float32),
    )
    return {
        f"{name}_{kind}": values
        for name in ("plain", "template")
        for kind, values in (("genuine", genuine), ("impostor", impostor))
    }


SERIES = [
    SeriesPoint(
        alpha=alpha,
        mse=0.5 + alpha,
        embedding_error=alpha / 2,
        eer=0.01 + alpha / 10,
        eer_ci95=[0.01, 0.11],
        plain_eer=0.004,
    )
    for alpha in (0.0, 0.1, 0.8)
]
PRINTED = {
    "plain": {"tp": 1174, "fn": 26, "fp": 29, "tn": 1171},
    "template": {"tp": 1171, "fp": 32},
}


@cache
def figures() -> dict:
    summary = toy_summary()
    return {
        "det": plots.det(summary["verification"]),
        "scores": plots.score_histogram(toy_scores(), 1.3125),
        "folds": plots.folds(summary["lfw_folds"]),
        "roc": plots.roc(summary["paper"]["figure13"]),
        "confusion": plots.confusion(summary["paper"]["table4"], PRINTED),
        "table3": plots.table3(summary["paper"]["table3"], {"Tony_Blair": (0.298, 0.046, 0.122)}),
        "alpha": plots.alpha_series(SERIES),
    }


@pytest.mark.parametrize("name", figures())
def test_every_figure_suits_the_page(name):
    """Fixed height, no colour of its own behind it, dragging left to the page's scrolling, no title
    (Gradio widens the margin for it).
    """
    figure = figures()[name]
    layout = json.loads(figure.to_json())["layout"]
    assert 300 <= layout["height"] <= 700 or name == "table3"
    assert (
        layout["paper_bgcolor"] == layout["plot_bgcolor"] == "rgba(0,0,0,0)"
        and layout["dragmode"] is False
        and "title" not in layout
    )
    assert len(figure.to_json()) < 60_000


def trace(figure, name: str):
    [found] = [
        one
        for one in figure.data
        if one.name and one.name.startswith(name) and one.hoverinfo != "skip"
    ]
    return found


def test_probit():
    normal = NormalDist()
    assert plots.probit([0.5, normal.cdf(-1.5)]) == pytest.approx([0, -1.5], abs=1e-9)
    assert plots.probit([0, 1]) == pytest.approx(
        [normal.inv_cdf(plots.FLOOR), normal.inv_cdf(1 - plots.FLOOR)]
    )


def test_det_points_lie_on_probit_axes():
    figure = figures()["det"]
    line = trace(figure, "template, EER 2.00%")
    assert line.x == pytest.approx([NormalDist().inv_cdf(rate) for rate in (1e-3, 1e-2, 0.1)])
    assert line.y == pytest.approx([NormalDist().inv_cdf(rate) for rate in (0.08, 0.04, 0.01)])
    [login_point] = [one for one in figure.data if one.name == "login threshold"]
    assert (login_point.x[0], login_point.y[0]) == pytest.approx(
        (NormalDist().inv_cdf(0.0123), NormalDist().inv_cdf(0.0456))
    )
    assert "1.312" in login_point.hovertemplate


def test_the_histogram_has_all_scores_and_the_threshold():
    figure = figures()["scores"]
    assert [float(np.sum(one.y)) for one in figure.data] == pytest.approx([100] * 4, abs=0.05)
    genuine = trace(figure, "genuine, template")
    assert min(x for x, y in zip(genuine.x, genuine.y) if y) == pytest.approx(0.2, abs=0.026)
    assert figure.layout.shapes[0].x0 == figure.layout.shapes[0].x1 == 1.3125


def test_folds_show_accuracies_and_drops():
    figure = figures()["folds"]
    values = {one.y[0]: one for one in figure.data}
    assert values["photo"].x[0] == pytest.approx(98) and values["template"].x[0] == pytest.approx(
        96
    )
    drop = values["all pairs"]
    assert (drop.x[0], drop.error_x.arrayminus[0], drop.error_x.array[0]) == pytest.approx(
        (2, 1, 1)
    )


def test_roc_is_in_percent_with_its_band():
    line = trace(figures()["roc"], "template")
    assert line.x == pytest.approx([0, 0.1, 10, 100]) and line.y == pytest.approx([50, 80, 95, 100])
    assert np.asarray(line.customdata)[1] == pytest.approx([70, 90])


def test_confusion_leaves_out_what_the_paper_does_not_print():
    photo, paper, template, paper_template, again = figures()["confusion"].data
    for ours in (photo, template, again):
        assert [list(row) for row in ours.z] == [[1100, 100], [80, 1120]]
    assert [list(row) for row in paper.z] == [[1174, 26], [29, 1171]]
    assert [list(row) for row in paper_template.text] == [["1,171", ""], ["32", ""]]


def test_table3_has_the_paper_beside_ours():
    ours, theirs, *_ = figures()["table3"].data
    assert (
        list(ours.x) == [0.345, 0.345]
        and list(theirs.x) == [None, 0.298]
        and list(ours.y) == ["Nobody Known", "Tony Blair"]
    )


def test_alpha_series():
    figure = figures()["alpha"]
    assert list(trace(figure, "generator").text) == ["α 0", "α 0.1", "α 0.8"]
    eer = trace(figure, "EER, template")
    assert eer.y == pytest.approx([1, 2, 9]) and eer.error_y.arrayminus == pytest.approx([0, 1, 8])
