"""The page's tab Results: what each section shows of an evaluation. No torch."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain

import plotly.graph_objects as go

from ndcb.report import folds, mock_login, pictures, plots, robustness, verification
from ndcb.report.cells import number, numbers_table, rate, rate_over_interval
from ndcb.results.evaluations import SeriesPoint
from ndcb.results.published import TABLE_3, TABLE_4
from ndcb.results.summaries import Evaluation


@dataclass(frozen=True)
class Section:
    """A heading, its text with its tables, and perhaps a figure."""

    title: str
    """The heading."""
    needs: tuple[str, ...]
    """The path of the part that it shows; where that was not measured it shows the reason."""
    text: Callable[[Evaluation], str]
    """Evaluation -> Markdown under the heading."""
    figure: Callable[[Evaluation], go.Figure] | None = None
    """Evaluation -> the figure beside it."""

    def markdown(self, evaluation: Evaluation) -> str:
        reason = evaluation.reason(*self.needs)
        text = f"Not measured: {reason.rstrip('.')}." if reason else self.text(evaluation)
        return f"### {self.title}\n\n{text}"


def head_text(evaluation: Evaluation) -> str:
    data = evaluation.data
    return (
        f"`{evaluation.name}` on {data.name.upper()} ({data.counted()} pictures; split:"
        f" {data.split}), with {evaluation.recogniser}. All figures are of the test part, of"
        " templates as they are stored (8 bits), in squared Euclidean distances and with plain"
        f" photos as probes. Computed in {evaluation.minutes:.1f} minutes on {evaluation.device} by"
        f" `python -m training evaluate {evaluation.name}`."
    )


def series_text(series: list[SeriesPoint]) -> str:
    """Figure 12 as a table, a row for each margin."""
    title = "### Figure 12: the margin alpha\n\n"
    if not series:
        return title + "Not measured: no checkpoint of the series has an evaluation."
    header = ["alpha", "MSE", "embedding distance", "EER, template", "EER, photo"]
    rows = [
        [
            f"{point.alpha:g}",
            number(point.mse),
            number(point.embedding_error),
            rate_over_interval(point.eer, point.eer_ci95),
            rate(point.plain_eer),
        ]
        for point in series
    ]
    return (
        title
        + numbers_table(header, rows)
        + "\n\nOne generator of digits for each margin (Eq. 9), trained alike but for it. A wider"
        " margin lets the embedding move further, so the picture may change more, and the login"
        " errs more often. Distances are means over the test part; in brackets 95 % intervals."
    )


# figures


def det_figure(evaluation: Evaluation) -> go.Figure:
    return plots.det(evaluation.verification)


def scores_figure(evaluation: Evaluation) -> go.Figure:
    login = evaluation.verification["template"]["at_login_threshold"]
    return plots.score_histogram(evaluation.scores, login["threshold"])


def folds_figure(evaluation: Evaluation) -> go.Figure:
    return plots.folds(evaluation.lfw_folds)


def confusion_figure(evaluation: Evaluation) -> go.Figure:
    """Its words fit on a phone: titles have two lines, and rows are named on the left only."""
    figure = plots.confusion(evaluation.paper["table4"], TABLE_4[evaluation.data.name])
    figure.for_each_annotation(lambda title: title.update(text=title.text.replace(", ", ",<br>")))
    return figure.update_yaxes(showticklabels=False, col=2).update_layout(margin_t=48)


def roc_figure(evaluation: Evaluation) -> go.Figure:
    return plots.roc(evaluation.paper["figure13"])


def table3_figure(evaluation: Evaluation) -> go.Figure:
    return plots.table3(evaluation.paper["table3"], TABLE_3[evaluation.data.name])


TABLE_4_TITLE = "The paper's Table 4: a mock login"
FIGURE_13_TITLE = "The paper's Figure 13: the ROC of that login"
TABLE_3_TITLE = "The paper's Table 3: distances of pictures"
FAILURES_TITLE = "The paper's Table 5: three failures"
GROUPS = {
    "Verification": (
        Section("Verification", ("verification",), verification.for_page, det_figure),
        Section("Scores", ("verification",), verification.scores_for_page, scores_figure),
    ),
    "LFW's folds": (Section("LFW's ten folds", ("lfw_folds",), folds.for_page, folds_figure),),
    "Mock login": (
        Section(TABLE_4_TITLE, ("paper", "table4"), mock_login.table4_for_page, confusion_figure),
        Section(FIGURE_13_TITLE, ("paper", "figure13"), mock_login.roc_for_page, roc_figure),
    ),
    "Pictures": (
        Section(TABLE_3_TITLE, ("paper", "table3"), pictures.table3_for_page, table3_figure),
        Section("Picture distances", ("image",), pictures.distances_for_page),
        Section("Embedding error", ("embedding_error",), pictures.embedding_error_for_page),
        Section(FAILURES_TITLE, ("failures",), pictures.failures_for_page),
    ),
    "Robustness": (
        Section("Robustness", ("robustness",), robustness.harms_for_page),
        Section(
            "A second recogniser", ("second_recogniser",), robustness.second_recogniser_for_page
        ),
        Section("Another recogniser", ("other_recogniser",), robustness.other_recogniser_for_page),
        Section("Polish", ("polish",), robustness.polish),
        Section("Failure to enrol", ("failure_to_enrol",), robustness.failure_to_enrol_for_page),
    ),
    "EER in the literature": (
        Section("The paper's Table 6: EER", ("verification",), verification.table6_for_page),
    ),
}
"""Tab inside the tab -> its sections."""
SECTIONS = tuple(chain.from_iterable(GROUPS.values()))
WITH_FIGURES = tuple(section for section in SECTIONS if section.figure)
