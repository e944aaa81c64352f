"""Figures: what is drawn lies where the numbers say, and every figure suits the page."""

import json
from functools import cache
from statistics import NormalDist

import numpy as np
import pytest

from ndcb.report import plots
from ndcb.results.evaluations import SeriesPoint
from tests.results.toys import toy_scores, toy_summary

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
        "cmc": plots.cmc(summary["identification"]),
        "error_rates": plots.error_rates(summary["curves"]),
        "folds": plots.folds(summary["lfw_folds"]),
        "roc": plots.roc(summary["paper"]["figure13"]),
        "confusion": plots.confusion(summary["paper"]["table4"], PRINTED),
        "table3": plots.table3(summary["paper"]["table3"], {"Tony_Blair": (0.298, 0.046, 0.122)}),
        "alpha": plots.alpha_series(SERIES),
    }


@pytest.mark.parametrize("name", figures())
def test_every_figure_suits_the_page(name):
    """Fixed height, no background, no title (Gradio would widen the margin for it). Dragging
    scrolls the page.
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


def test_cmc_and_rates_are_the_figures_in_percent():
    assert list(trace(figures()["cmc"], "template").y) == pytest.approx([95, 98, 100])
    fnmr = trace(figures()["error_rates"], "FNMR, template")
    assert fnmr.y[:2] == pytest.approx([100, 2]) and np.isnan(fnmr.y[2])  # 0 has no logarithm


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
    assert min(x for x, y in zip(genuine.x, genuine.y, strict=True) if y) == pytest.approx(
        0.2, abs=0.026
    )
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
