"""An evaluation -> Markdown: the cells, rows and sentences of the page's tab Results, and those
that report.md has in common with it.

Figures come from summary.json and scores.npz and are never typed; only the paper's
(`ndcb.results.published`) stand beside them. No torch.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from ndcb.report import plots
from ndcb.results.evaluations import Evaluation
from ndcb.results.published import TABLE_3, TABLE_4, TABLE_6

KINDS = {"plain": "photo", "template": "**template**", "plain_again": "another photo"}
"""What is enrolled."""
DISTANCES = {
    "l1": ("L1, mean absolute difference", "Eq. 11"),
    "mse": ("MSE, mean squared difference", "the paper's tables"),
    "l2": ("L2, Frobenius norm / n", "Eq. 12"),
    "dssim": ("DSSIM, structural dissimilarity", "Eq. 14"),
    "sobel": ("Sobel, difference on edges", "Eq. 17"),
    "combined": ("Combined, half L1, half Sobel", "Eq. 18"),
}
"""Of a picture and its template: what each is called, and where the paper defines it."""
FAILURES = {
    "blank": "blank output",
    "contours_kept": "contours kept",
    "only_colours_changed": "only colours changed",
}
HARMED = {
    "jpeg_75": "JPEG, quality 75",
    "half_size": "half size and back",
    "double_size": "double size and back",
}
RATES = {"FNMR at FMR 1 %": "fnmr_at_fmr_1e-2", "FNMR at FMR 0.1 %": "fnmr_at_fmr_1e-3"}
SECOND = {"EER": "eer", "TAR at FMR 1 %": "tar_at_fmr_1e-2", "TAR at FMR 0.1 %": "tar_at_fmr_1e-3"}
SCORES = ("precision", "recall", "f1")
COUNTS = ("tp", "fn", "fp", "tn")
ROBUSTNESS = ["template", "EER", "FNMR at FMR 0.1 %", "squared embedding distance"]
DATA = {"lfw": "Face, LFW", "mnist": "Numbers, MNIST"}
"""As the paper's Table 6 calls them."""
OTHER_ROWS = "Other rows as the paper prints them; their data, splits and recognisers differ."


@dataclass(frozen=True)
class Section:
    """A heading, its text with its tables, and perhaps a figure."""

    title: str
    needs: tuple[str, ...]
    """The path of the part of summary.json that it shows; where that was not measured it shows the
    reason.
    """
    text: Callable[[Evaluation], str]
    figure: Callable[[Evaluation], go.Figure] | None = None

    def markdown(self, one: Evaluation) -> str:
        reason = one.reason(*self.needs)
        return f"### {self.title}\n\n" + (
            f"Not measured: {reason.rstrip('.')}." if reason else self.text(one)
        )


# cells


def table(header: list[str], rows: list[list[str]], align: str = "---") -> str:
    """Markdown; `align` is that of all columns but the first: `---`, or `---:` for the right."""
    return "\n".join(
        "| " + " | ".join(row) + " |"
        for row in [header, ["---", *[align] * (len(header) - 1)], *rows]
    )


def numbers_table(header: list[str], rows: list[list[str]]) -> str:
    return table(header, rows, "---:")


def details(title: str, text: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{text}\n\n</details>"


def rate(value: float) -> str:
    return f"{value:.2%}"


def small(edges: list[float]) -> str:
    return f"<small>[{100 * edges[0]:.2f}, {100 * edges[1]:.2f}]</small>"


def counts(edges: list[float]) -> str:
    return f"<small>[{edges[0]:,.0f}, {edges[1]:,.0f}]</small>"


def accuracy(found: dict) -> str:
    return f"{rate(found['accuracy'])}<br><small>± {100 * found['stderr']:.2f}</small>"


def drop(found: dict, between: str = " ") -> str:
    return f"{100 * found['mean']:.2f}{between}{small(found['ci95'])}"


def number(value: float | None, digits: int = 3) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


# rows and sentences that report.md has too


def points(found: dict) -> str:
    """A drop in percentage points with its 95 % interval: `1.12 [0.72, 1.54]`."""
    return "{:.2f} [{:.2f}, {:.2f}]".format(
        *(100 * value for value in (found["mean"], *found["ci95"]))
    )


def pairs_sentence(verification: dict) -> str:
    found = verification["plain"]
    return f"{found['genuine']:,} genuine and {found['impostor']:,} impostor pairs."


def login_sentence(verification: dict) -> str:
    login = verification["template"]["at_login_threshold"]
    return (
        f"At the login threshold {login['threshold']:.3f}, fixed on the development part, templates"
        f" have FMR {rate(login['fmr'])} and FNMR {rate(login['fnmr'])}"
    )


def draws_sentence(table4: dict) -> str:
    return (
        f"{table4['draws']} random draws of three enrolled and three other classes, one photo each,"
        f" {table4['logins']:,} logins a draw, the threshold with the best F1 of 1,000"
    )


def printed_table4(summary: dict, without: str, distorted: str) -> list[list[str]]:
    """The paper's two rows under these names."""
    printed = TABLE_4[summary["data"]["name"]]
    return [
        [name, *(rate(printed[key][score]) for score in SCORES)]
        for name, key in ((without, "plain"), (distorted, "template"))
    ]


def table6_rows(summary: dict, template: str, photo: str, mark: str = "") -> list[list[str]]:
    """Ours under these names, then every row as the paper prints it. `mark` goes around our
    figures.
    """
    found, data = summary["verification"], DATA[summary["data"]["name"]]
    ours = [
        [name, data, f"{mark}{100 * found[key]['eer']:.2f}{mark}"]
        for name, key in ((template, "template"), (photo, "plain"))
    ]
    return [*ours, *([*row] for row in TABLE_6)]


def as_stored_row(summary: dict) -> list[str]:
    found = summary["verification"]["template"]
    return [
        "as stored",
        rate(found["eer"]),
        rate(found["fnmr_at_fmr_1e-3"]),
        number(summary["embedding_error"]["mean"]),
    ]


def robustness_rows(summary: dict) -> list[list[str]]:
    return [
        [
            label,
            rate(found["eer"]),
            rate(found["fnmr_at_fmr_1e-3"]),
            number(found["embedding_error"]),
        ]
        for key, label in HARMED.items()
        for found in [summary["robustness"][key]]
    ]


def polish_table(found: dict) -> str:
    """Markdown. found: summary["polish"]."""
    rows = [
        [
            steps,
            number(one["mean"]),
            number(one["p95"]),
            number(one["p99"]),
            f"{one['milliseconds']:.0f}",
            f"{one['passes']:.1f}",
        ]
        for steps, one in found["steps"].items()
    ]
    return (
        numbers_table(
            ["steps", "embedding distance, mean", "p95", "p99", "ms a template", "passes of F"],
            rows,
        )
        + f"\n\nGradient steps on the template's pixels at enrolment; {found['pictures']} test"
        " pictures, in batches of 16."
    )


# texts of the tab: an evaluation -> Markdown


def head_text(one: Evaluation) -> str:
    summary, data = one.summary, one.summary["data"]
    parts = ", ".join(f"{count:,} {part}" for part, count in data["pictures"].items())
    return (
        f"`{one.name}` on {data['name'].upper()} ({parts} pictures; split: {data['split']}), with"
        f" {summary['recogniser']}. All figures are of the test part, of templates as they are"
        " stored (8 bits), in squared Euclidean distances and with plain photos as probes."
        f" Computed in {summary['seconds']['total'] / 60:.1f} minutes on {summary['device']} by"
        f" `python -m training evaluate {one.name}`."
    )


def verification_text(one: Evaluation) -> str:
    found = one.summary["verification"]
    plain, template = found["plain"], found["template"]
    rows = [
        [
            "EER",
            *(f"{rate(side['eer'])}<br>{small(side['eer_ci95'])}" for side in (plain, template)),
        ],
        *([label, rate(plain[key]), rate(template[key])] for label, key in RATES.items()),
        ["d-prime", f"{plain['d_prime']:.2f}", f"{template['d_prime']:.2f}"],
        [
            "threshold at EER",
            f"{plain['threshold_at_eer']:.3f}",
            f"{template['threshold_at_eer']:.3f}",
        ],
    ]
    return numbers_table(["reference", "photo", "template"], rows) + (
        f"\n\nIn brackets: 95 % intervals. {pairs_sentence(found)} {login_sentence(found)}: the"
        " diamond.\n\n"
        + details("The DET curves as a table", det_table(plain["det"], template["det"]))
    )


def det_table(plain: dict, template: dict) -> str:
    """Both curves where their FMR is a power of ten or half way to the next; a curve starts where
    there are scores enough.
    """
    ours = [
        {round(10 * math.log10(fmr)): k for k, fmr in enumerate(curve["fmr"])}
        for curve in (plain, template)
    ]
    steps = [step for step in sorted(ours[0].keys() | ours[1].keys()) if step % 5 == 0]
    rows = [
        [
            f"{100 * 10 ** (step / 10):.2g} %",
            _det_cell(plain, ours[0].get(step)),
            _det_cell(template, ours[1].get(step)),
        ]
        for step in steps
    ]
    return numbers_table(["FMR", "FNMR, photo", "FNMR, template"], rows)


def _det_cell(curve: dict, k: int | None) -> str:
    return (
        "-"
        if k is None
        else f"{rate(curve['fnmr'][k])}<br>{small([curve['low'][k], curve['high'][k]])}"
    )


def scores_text(one: Evaluation) -> str:
    rows = [
        [
            f"{kind}, {KINDS[name]}",
            f"{scores.mean():.3f}",
            *(f"{edge:.3f}" for edge in np.percentile(scores, [5, 95])),
        ]
        for kind in ("genuine", "impostor")
        for name in ("plain", "template")
        for scores in [one.scores[f"{name}_{kind}"]]
    ]
    return (
        numbers_table(["scores, reference", "mean", "5 % under", "95 % under"], rows)
        + "\n\nGenuine: probe and reference are of one class; impostor: of two. What lies left of"
        " the login threshold is let in. Where there are more than 200,000 impostor scores, a"
        " random choice of them is drawn."
    )


def folds_text(one: Evaluation) -> str:
    found = one.summary["lfw_folds"]
    unseen, centred = found["test_people"], found["centred"]
    rows = [
        [
            KINDS[name],
            accuracy(found[name]),
            accuracy(centred[name]),
            rate(unseen[name]["accuracy"]),
        ]
        for name in ("plain", "template")
    ]
    rows.append(["lost, points", drop(found["drop"], "<br>"), "", drop(unseen["drop"], "<br>")])
    header = [
        "first photo",
        f"{found['pairs']:,} official pairs",
        "the same, centred",
        f"{unseen['pairs']:,} pairs, unseen people",
    ]
    return numbers_table(header, rows) + (
        "\n\nThe threshold comes from nine folds, the accuracy from the tenth; mean and standard"
        " error of ten. The drop has a paired bootstrap interval over people. The generator was"
        " trained on most people of the official pairs, hence the last column: there the distorted"
        " person is new to it. Centred: the mean embedding is subtracted, as it was for the 99.05"
        " % published for these weights; plain photos must reach"
        f" {rate(centred['plain_accuracy_needed'])} so, or the alignment of the faces is not"
        " right.\n\n" + details("Thresholds of the folds", folds_table(found))
    )


def folds_table(found: dict) -> str:
    pairs = enumerate(zip(found["plain"]["thresholds"], found["template"]["thresholds"]), 1)
    rows = [[str(fold), number(plain), number(template)] for fold, (plain, template) in pairs]
    return numbers_table(["fold", "photo", "template"], rows)


def table4_text(one: Evaluation) -> str:
    ours, printed = one.summary["paper"]["table4"], TABLE_4[one.summary["data"]["name"]]
    rows = [
        [
            label,
            *(
                f"{rate(one['mean'])}<br>{small(one['draws95'])}"
                for one in (ours[name][key] for key in SCORES)
            ),
        ]
        for name, label in KINDS.items()
    ]
    rows += printed_table4(
        one.summary, "*the paper, without distortion*", "*the paper, with distortion*"
    )
    return numbers_table(["enrolled", "precision", "recall", "F1"], rows) + (
        f"\n\n{draws_sentence(ours)}. In brackets the middle 95 % of single draws; the paper shows"
        f" one draw.\n\nF1 lost to the template within a draw, in points: {drop(ours['drop'])}. The"
        " paper's published code enrols undistorted photos for both of its rows. Done so here"
        f" (*another photo*), it loses {drop(ours['drop_in_reference_code'])}: that compares two"
        " choices of photos and nothing else.\n\n"
        + details("The confusion matrices as a table", confusion_table(ours, printed))
    )


def confusion_table(ours: dict, printed: dict) -> str:
    rows = [
        [
            label,
            *(
                f"{one['mean']:,.0f}<br>{counts(one['draws95'])}"
                for one in (ours[name][key] for key in COUNTS)
            ),
        ]
        for name, label in KINDS.items()
    ]
    rows += [
        [
            f"*the paper, {label}*",
            *(f"{printed[name][key]:,}" if key in printed[name] else "-" for key in COUNTS),
        ]
        for name, label in (("plain", "without"), ("template", "with"))
    ]
    return numbers_table(["enrolled", "TP", "FN", "FP", "TN"], rows)


def roc_text(one: Evaluation) -> str:
    curves = one.summary["paper"]["figure13"]
    shown = [
        k
        for k, fmr in enumerate(curves["fmr"])
        if any(math.isclose(fmr, one, rel_tol=1e-3) for one in (1e-3, 1e-2, 0.1, 0.5))
    ]
    rows = [
        [f"{100 * curves['fmr'][k]:.3g} %", *(_roc_cell(curves[name], k) for name in KINDS)]
        for k in shown
    ]
    return (
        numbers_table(["FMR", *KINDS.values()], rows)
        + "\n\nTrue match rate by what is enrolled: the mean of the draws, and the middle 95 % of"
        " them."
    )


def _roc_cell(curve: dict, k: int) -> str:
    return f"{rate(curve['mean'][k])}<br>{small([curve['low'][k], curve['high'][k]])}"


def table3_text(one: Evaluation) -> str:
    rows, printed = one.summary["paper"]["table3"], TABLE_3[one.summary["data"]["name"]]
    mse = [
        [
            _class(row),
            *(
                _beside(row["mse"][kind], printed.get(row["class"]), place)
                for place, kind in enumerate(plots.KINDS)
            ),
        ]
        for row in rows
    ]
    eq12 = [[_class(row), *(number(row["eq12"][kind], 5) for kind in plots.KINDS)] for row in rows]
    header = ["class", "picture - its template", "two pictures", "two templates"]
    seen = (
        " Classes in *italics* were in the generator's training part."
        if any(row["part"] != "test" for row in rows)
        else ""
    )
    return (
        f"Mean squared errors: ours / the paper's. In the plot filled and open circles.{seen}\n\n"
        + numbers_table(header, mse)
        + "\n\n"
        + details("The same as Eq. 12 is printed", numbers_table(header, eq12))
    )


def _class(row: dict) -> str:
    name = row["class"].replace("_", " ")
    return name if row["part"] == "test" else f"*{name}*"


def _beside(ours: float | None, printed: tuple | None, place: int) -> str:
    return f"{number(ours)} / {printed[place]:.3f}" if printed else number(ours)


def table6_text(one: Evaluation) -> str:
    rows = table6_rows(one.summary, f"**{one.name}, template**", f"**{one.name}, photo**", "**")
    return numbers_table(["source", "pictures", "EER, %"], rows) + f"\n\n{OTHER_ROWS}"


def images_text(one: Evaluation) -> str:
    image = one.summary["image"]
    rows = [
        [f"{label} ({source})", number(image[key], 5 if key == "l2" else 3)]
        for key, (label, source) in DISTANCES.items()
    ]
    rows += [["SSIM", number(image["ssim"])], ["PSNR", f"{image['psnr']:.1f} dB"]]
    return "Between a picture and its own template, means over the test part.\n\n" + numbers_table(
        ["distance", "value"], rows
    )


def embedding_text(one: Evaluation) -> str:
    shift = one.summary["embedding_error"]
    rows = [
        ["mean", number(shift["mean"])],
        ["median", number(shift["median"])],
        ["95th percentile", number(shift["p95"])],
        ["99th percentile", number(shift["p99"])],
        [f"share over the margin {shift['alpha']:g}", f"{shift['share_over_alpha']:.1%}"],
    ]
    return "How far a template's embedding lies from its picture's (Eq. 1).\n\n" + numbers_table(
        ["squared embedding distance", "value"], rows
    )


def failures_text(one: Evaluation) -> str:
    found = one.summary["failures"]
    rows = [[label, number(found[key], 2)] for key, label in FAILURES.items()]
    return (
        "The failures the paper shows in its Table 5, as numbers: 0 is free of the failure, 1 is"
        " all of it.\n\n" + numbers_table(["failure", "value"], rows)
    )


def robustness_text(one: Evaluation) -> str:
    stored = (
        []
        if one.reason("verification") or one.reason("embedding_error")
        else [as_stored_row(one.summary)]
    )
    return "What happened to the stored template before it was matched.\n\n" + numbers_table(
        ROBUSTNESS, stored + robustness_rows(one.summary)
    )


def second_text(one: Evaluation) -> str:
    found = one.summary["second_recogniser"]
    rows = [
        [label, rate(found["plain"][key]), rate(found["template"][key])]
        for label, key in SECOND.items()
    ]
    return (
        f"{found['name']}, which no generator was trained against.\n\n"
        + numbers_table(["reference", "photo", "template"], rows)
        + "\n\nTAR: the share of genuine pairs accepted. Where this recogniser accepts a template,"
        " the template shows the face itself."
    )


def enrol_text(one: Evaluation) -> str:
    rows = [
        [
            f"{part} pictures",
            f"{found['pictures']:,}",
            f"{found['failures']:,}",
            f"{found['rate']:.3%}",
        ]
        for part, found in one.summary["failure_to_enrol"].items()
    ]
    return "How often the detector found no face.\n\n" + numbers_table(
        ["of", "pictures", "no face found", "rate"], rows
    )


def series_text(rows: list[dict]) -> str:
    title = "### Figure 12: the margin alpha\n\n"
    if not rows:
        return title + "Not measured: no checkpoint of the series has an evaluation."
    lines = [
        [
            f"{row['alpha']:g}",
            number(row["mse"]),
            number(row["embedding_error"]),
            f"{rate(row['eer'])}<br>{small(row['eer_ci95'])}",
            rate(row["plain_eer"]),
        ]
        for row in rows
    ]
    return (
        title
        + numbers_table(
            ["alpha", "MSE", "embedding distance", "EER, template", "EER, photo"], lines
        )
        + "\n\nOne generator of digits for each margin (Eq. 9), trained alike but for it. A wider"
        " margin lets the embedding move further, so the picture may change more, and the login"
        " errs more often. Distances are means over the test part; in brackets 95 % intervals."
    )


# figures


def confusion_figure(one: Evaluation) -> go.Figure:
    """With its words where a phone has room for them: of each row at its left end only, and in two
    lines.
    """
    figure = plots.confusion(one.summary["paper"]["table4"], TABLE_4[one.summary["data"]["name"]])
    figure.for_each_annotation(lambda title: title.update(text=title.text.replace(", ", ",<br>")))
    return figure.update_yaxes(showticklabels=False, col=2).update_layout(margin_t=48)


def login_threshold(one: Evaluation) -> float:
    return one.summary["verification"]["template"]["at_login_threshold"]["threshold"]


GROUPS = {
    "Verification": (
        Section(
            "Verification",
            ("verification",),
            verification_text,
            lambda one: plots.det(one.summary["verification"]),
        ),
        Section(
            "Scores",
            ("verification",),
            scores_text,
            lambda one: plots.score_histogram(one.scores, login_threshold(one)),
        ),
    ),
    "LFW's folds": (
        Section(
            "LFW's ten folds",
            ("lfw_folds",),
            folds_text,
            lambda one: plots.folds(one.summary["lfw_folds"]),
        ),
    ),
    "Mock login": (
        Section(
            "The paper's Table 4: a mock login", ("paper", "table4"), table4_text, confusion_figure
        ),
        Section(
            "The paper's Figure 13: the ROC of that login",
            ("paper", "figure13"),
            roc_text,
            lambda one: plots.roc(one.summary["paper"]["figure13"]),
        ),
    ),
    "Pictures": (
        Section(
            "The paper's Table 3: distances of pictures",
            ("paper", "table3"),
            table3_text,
            lambda one: plots.table3(
                one.summary["paper"]["table3"], TABLE_3[one.summary["data"]["name"]]
            ),
        ),
        Section("Picture distances", ("image",), images_text),
        Section("Embedding error", ("embedding_error",), embedding_text),
        Section("The paper's Table 5: three failures", ("failures",), failures_text),
    ),
    "Robustness": (
        Section("Robustness", ("robustness",), robustness_text),
        Section("A second recogniser", ("second_recogniser",), second_text),
        Section("Polish", ("polish",), lambda one: polish_table(one.summary["polish"])),
        Section("Failure to enrol", ("failure_to_enrol",), enrol_text),
    ),
    "EER in the literature": (Section("The paper's Table 6: EER", ("verification",), table6_text),),
}
SECTIONS = tuple(section for sections in GROUPS.values() for section in sections)
WITH_FIGURES = tuple(section for section in SECTIONS if section.figure)
