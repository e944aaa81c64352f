"""The mock login of the paper's Table 4 and Figure 13, its printed figures beside ours."""

import math

from ndcb.report.cells import (
    details,
    interval,
    numbers_table,
    plain_points,
    points,
    rate,
    rate_over_interval,
    small_counts,
    table,
)
from ndcb.report.names import ENROLLED, REFERENCES
from ndcb.results.published import TABLE_4
from ndcb.results.summaries import Evaluation, Figures

SCORES = ("precision", "recall", "f1")
COUNTS = ("tp", "fn", "fp", "tn")
SCORES_HEADER = ["enrolled", "precision", "recall", "F1"]
COUNTS_HEADER = ["enrolled", "TP", "FN", "FP", "TN"]
SHOWN_FMRS = (1e-3, 1e-2, 0.1, 0.5)
"""Points of the ROC that its table has."""


# Table 4


def table4_for_page(evaluation: Evaluation) -> str:
    ours, printed = evaluation.paper["table4"], TABLE_4[evaluation.data.name]
    rows = [[words, *_scores_over_draws(ours[name])] for name, words in ENROLLED.items()]
    rows += _printed_rows(
        printed, "*the paper, without distortion*", "*the paper, with distortion*"
    )
    return "\n\n".join(
        [
            numbers_table(SCORES_HEADER, rows),
            f"{_draws(ours)}. In brackets the middle 95 % of single draws; the paper shows one"
            " draw.",
            f"F1 lost to the template within a draw, in points: {points(ours['drop'])}. The"
            " paper's published code enrols undistorted photos for both of its rows. Done so here"
            f" (*another photo*), it loses {points(ours['drop_in_reference_code'])}: that compares"
            " two choices of photos and nothing else.",
            details("The confusion matrices as a table", _confusion_for_page(ours, printed)),
        ]
    )


def table4_for_report(evaluation: Evaluation) -> str:
    ours, printed = evaluation.paper["table4"], TABLE_4[evaluation.data.name]
    enrolled = REFERENCES | {"plain_again": "another plain photo (the paper's code)"}
    rows = [[words, *_scores_beside_draws(ours[name])] for name, words in enrolled.items()]
    rows += _printed_rows(printed, "the paper, without distortion", 'the paper, "with distortion"')
    return "\n\n".join(
        [
            table(SCORES_HEADER, rows),
            f"{_draws(ours)}; in brackets the middle 95 % of single draws, of which the paper shows"
            f" one. F1 lost to the template within a draw: {_lost(ours['drop'])}. The paper's"
            " published code enrols undistorted photos for both of its rows; done so here, the"
            f" difference is {_lost(ours['drop_in_reference_code'])}: it compares two choices of"
            " photos and nothing else.",
            "Mean counts:",
            _confusion_for_report(ours),
        ]
    )


def _scores_over_draws(login: Figures) -> list[str]:
    return [rate_over_interval(login[score]["mean"], login[score]["draws95"]) for score in SCORES]


def _scores_beside_draws(login: Figures) -> list[str]:
    return [f"{rate(login[key]['mean'])} {interval(login[key]['draws95'])}" for key in SCORES]


def _printed_rows(printed: dict, without: str, distorted: str) -> list[list[str]]:
    """The paper's two rows under these names."""
    return [
        [without, *_printed_scores(printed["plain"])],
        [distorted, *_printed_scores(printed["template"])],
    ]


def _printed_scores(printed: dict) -> list[str]:
    return [rate(printed[score]) for score in SCORES]


def _draws(table4: Figures) -> str:
    return (
        f"{table4['draws']} random draws of three enrolled and three other classes, one photo each,"
        f" {table4['logins']:,} logins a draw, the threshold with the best F1 of 1,000"
    )


def _lost(drop: Figures) -> str:
    return plain_points(drop, " points")


# the confusion matrices


def _confusion_for_page(ours: Figures, printed: dict) -> str:
    rows = [[words, *_counts_over_draws(ours[name])] for name, words in ENROLLED.items()]
    rows += [
        [f"*the paper, {words}*", *_printed_counts(printed[name])]
        for name, words in (("plain", "without"), ("template", "with"))
    ]
    return numbers_table(COUNTS_HEADER, rows)


def _confusion_for_report(ours: Figures) -> str:
    rows = [[words, *_mean_counts(ours[name])] for name, words in REFERENCES.items()]
    return table(COUNTS_HEADER, rows)


def _mean_counts(login: Figures) -> list[str]:
    return [f"{login[count]['mean']:.0f}" for count in COUNTS]


def _counts_over_draws(login: Figures) -> list[str]:
    return [
        f"{login[count]['mean']:,.0f}<br>{small_counts(login[count]['draws95'])}"
        for count in COUNTS
    ]


def _printed_counts(printed: dict) -> list[str]:
    return [f"{printed[count]:,}" if count in printed else "-" for count in COUNTS]


# Figure 13


def roc_for_page(evaluation: Evaluation) -> str:
    """The mean true match rate of the draws at a few false match rates."""
    curves = evaluation.paper["figure13"]
    rows = [
        [f"{100 * fmr:.3g} %", *_roc_cells(curves, point)]
        for point, fmr in enumerate(curves["fmr"])
        if _is_shown(fmr)
    ]
    return (
        numbers_table(["FMR", *ENROLLED.values()], rows)
        + "\n\nTrue match rate by what is enrolled: the mean of the draws, and the middle 95 % of"
        " them."
    )


def _is_shown(fmr: float) -> bool:
    return any(math.isclose(fmr, shown, rel_tol=1e-3) for shown in SHOWN_FMRS)


def _roc_cells(curves: Figures, point: int) -> list[str]:
    return [_roc_cell(curves[name], point) for name in ENROLLED]


def _roc_cell(curve: Figures, point: int) -> str:
    return rate_over_interval(curve["mean"][point], [curve["low"][point], curve["high"][point]])
