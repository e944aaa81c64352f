"""Verification: error rates, DET curves, scores, and the EERs of the paper's Table 6."""

import math

import numpy as np

from ndcb.report.cells import (
    details,
    interval,
    number,
    numbers_table,
    rate,
    rate_of,
    rate_over_interval,
    table,
)
from ndcb.report.names import DATA, ENROLLED, FNMRS, REFERENCES
from ndcb.results.published import TABLE_6
from ndcb.results.summaries import Evaluation, Figures

OTHER_ROWS = "Other rows as the paper prints them; their data, splits and recognisers differ."


# error rates


def for_page(evaluation: Evaluation) -> str:
    """A column for each reference; the DET curves are folded below."""
    verification = evaluation.verification
    plain, template = verification["plain"], verification["template"]
    thresholds = [number(side["threshold_at_eer"]) for side in (plain, template)]
    rows = [
        ["EER", _eer(plain), _eer(template)],
        *([label, _fnmr(plain, key), _fnmr(template, key)] for label, key in FNMRS.items()),
        ["d-prime", f"{plain['d_prime']:.2f}", f"{template['d_prime']:.2f}"],
        ["threshold at EER", *thresholds],
    ]
    words = (
        f"In brackets: 95 % intervals. {_pairs(verification)} {_at_login(verification)}: the"
        " diamond."
    )
    curves = details("The DET curves as a table", _det_table(plain, template))
    return "\n\n".join([numbers_table(["reference", "photo", "template"], rows), words, curves])


def for_report(evaluation: Evaluation) -> str:
    """A row for each reference."""
    verification = evaluation.verification
    rows = [_report_row(words, verification[name]) for name, words in REFERENCES.items()]
    header = ["reference", "EER", "95 % interval", *FNMRS, "d-prime", "threshold at EER"]
    return f"{table(header, rows)}\n\n{_pairs(verification)} {_at_login(verification)}."


def _eer(side: Figures) -> str:
    return rate_over_interval(side["eer"], side["eer_ci95"])


def _fnmr(side: Figures, key: str) -> str:
    """With its interval where that was measured."""
    edges = side.get(f"{key}_ci95")
    return rate_over_interval(side[key], edges) if edges else rate(side[key])


def _report_row(words: str, side: Figures) -> list[str]:
    return [
        words,
        rate(side["eer"]),
        interval(side["eer_ci95"]),
        *(rate_of(side, key) for key in FNMRS.values()),
        f"{side['d_prime']:.2f}",
        number(side["threshold_at_eer"]),
    ]


def _pairs(verification: Figures) -> str:
    plain = verification["plain"]
    return f"{plain['genuine']:,} genuine and {plain['impostor']:,} impostor pairs."


def _at_login(verification: Figures) -> str:
    login = verification["template"]["at_login_threshold"]
    return (
        f"At the login threshold {login['threshold']:.3f}, fixed on the development part, templates"
        f" have FMR {rate(login['fmr'])} and FNMR {rate(login['fnmr'])}"
    )


# DET curves


def _det_table(plain: Figures, template: Figures) -> str:
    """Both curves where their FMR is a power of ten or half way to the next; a curve starts where
    there are scores enough.
    """
    plain_points, template_points = _points_of(plain["det"]), _points_of(template["det"])
    rows = [
        [
            f"{100 * 10 ** (step / 10):.2g} %",
            _det_cell(plain["det"], plain_points.get(step)),
            _det_cell(template["det"], template_points.get(step)),
        ]
        for step in sorted(plain_points | template_points)
        if step % 5 == 0
    ]
    return numbers_table(["FMR", "FNMR, photo", "FNMR, template"], rows)


def _points_of(curve: Figures) -> dict[int, int]:
    """Tenths of a decade of the FMR -> index of the curve's point there."""
    return {round(10 * math.log10(fmr)): point for point, fmr in enumerate(curve["fmr"])}


def _det_cell(curve: Figures, point: int | None) -> str:
    if point is None:
        return "-"
    return rate_over_interval(curve["fnmr"][point], [curve["low"][point], curve["high"][point]])


# scores


def scores_for_page(evaluation: Evaluation) -> str:
    rows = [
        _scores_row(f"{kind}, {ENROLLED[name]}", evaluation.scores[f"{name}_{kind}"])
        for kind in ("genuine", "impostor")
        for name in ("plain", "template")
    ]
    return (
        numbers_table(["scores, reference", "mean", "5 % under", "95 % under"], rows)
        + "\n\nGenuine: probe and reference are of one class; impostor: of two. What lies left of"
        " the login threshold is let in. Where there are more than 200,000 impostor scores, a"
        " random choice of them is drawn."
    )


def _scores_row(words: str, scores: np.ndarray) -> list[str]:
    low, high = np.percentile(scores, [5, 95])
    return [words, f"{scores.mean():.3f}", f"{low:.3f}", f"{high:.3f}"]


# the paper's Table 6


def table6_for_page(evaluation: Evaluation) -> str:
    rows = _table6_rows(
        evaluation, f"**{evaluation.name}, template**", f"**{evaluation.name}, photo**", "**"
    )
    return _table6(rows, numbers_table)


def table6_for_report(evaluation: Evaluation) -> str:
    name = f"`{evaluation.name}`"
    rows = _table6_rows(
        evaluation, f"{name}, {REFERENCES['template']}", f"{name}, {REFERENCES['plain']}"
    )
    return _table6(rows, table)


def _table6(rows: list[list[str]], as_table) -> str:
    return f"{as_table(['source', 'pictures', 'EER, %'], rows)}\n\n{OTHER_ROWS}"


def _table6_rows(
    evaluation: Evaluation, template: str, photo: str, mark: str = ""
) -> list[list[str]]:
    """Ours under these names, then every row as the paper prints it. `mark` goes around our
    figures.
    """
    rates, data = evaluation.verification, DATA[evaluation.data.name]
    ours = [
        [words, data, f"{mark}{100 * rates[name]['eer']:.2f}{mark}"]
        for words, name in ((template, "template"), (photo, "plain"))
    ]
    return [*ours, *map(list, TABLE_6)]
