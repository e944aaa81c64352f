"""The Results tab: everything that was measured of a checkpoint, the paper's figures beside it. Read from its evaluation, never typed."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import gradio as gr
import numpy as np
import plotly.graph_objects as go
from gradio.context import Context

from .. import evaluations, plots
from ..evaluations import Evaluation
from ..pipeline import Models
from ..published import TABLE_3, TABLE_4, TABLE_6
from ..terms import UserError
from . import words

CSS = """
.results table { width: 100%; font-size: .9rem; table-layout: auto } .results th, .results td { padding: .3rem .5rem !important }
.results th, .results td { overflow-wrap: normal !important; word-break: normal !important }
.results td:not(:first-child) { text-align: right; white-space: nowrap }
.results { overflow-x: auto } .results small { opacity: .75; white-space: nowrap }
.results details { margin: .4rem 0 } .results summary { cursor: pointer }
.js-plotly-plot .main-svg text { fill: var(--body-text-color) !important }
.js-plotly-plot .updatemenu-item-text { fill: #1e293b !important }
.js-plotly-plot .hoverlayer text { fill: #ffffff !important }
@media (max-width: 600px) { .results table { font-size: .78rem } .results th, .results td { padding: .22rem .28rem !important } }
"""
NOTHING = "No checkpoint has been evaluated yet; run: python -m training evaluate NAME"
ROWS = {"plain": "photo", "template": "**template**", "plain_again": "another photo"}


@dataclass(frozen=True)
class Section:
    """A heading, its text with its tables, and perhaps a figure."""

    title: str
    needs: tuple[str, ...]
    """The path of the part of summary.json that it shows; where that was not measured it shows the reason."""
    text: Callable[[Evaluation], str]
    figure: Callable[[Evaluation], go.Figure] | None = None


# the tab


def build(models: Models) -> None:
    """Lay out the tab inside the page that is being built; the tables of the first checkpoint come at once, figures when it is opened."""
    names = evaluations.names()
    if not names:
        gr.Markdown(NOTHING, elem_id="results-missing")
        return
    chosen = gr.Dropdown([(words.generator_label(name), name) for name in names], value=names[0], label="Checkpoint", filterable=False,
                         elem_id="results-checkpoint")
    head, *rest = texts(names[0])
    outputs = [gr.Markdown(head, elem_classes="results", elem_id="results-head")]
    remaining = iter(rest)
    placed = [_group(title, sections, remaining) for title, sections in GROUPS.items()]
    outputs += [text for group in placed for text, _ in group] + [plot for group in placed for _, plot in group if plot is not None]
    series = _series()
    _wire(chosen, outputs, series)


def _group(title: str, sections: tuple[Section, ...], remaining) -> list[tuple]:
    """A tab inside the tab: of each section the text and the plot, or None."""
    with gr.Tab(title):
        return [_section(section, next(remaining)) for section in sections]


def _section(section: Section, text: str) -> tuple:
    with gr.Row():
        with gr.Column(scale=5, min_width=320):
            shown = gr.Markdown(text, elem_classes="results")
        if section.figure is None:
            return shown, None
        with gr.Column(scale=6, min_width=320):
            return shown, gr.Plot(label=section.title, show_label=False)


def _series() -> list:
    """Figure 12, which is of all checkpoints of the series and so does not change with the chosen one."""
    with gr.Tab("Margin alpha"), gr.Row():
        with gr.Column(scale=5, min_width=320):
            text = gr.Markdown(series_text(evaluations.alpha_series()), elem_classes="results", elem_id="results-alpha")
        with gr.Column(scale=6, min_width=320):
            return [text, gr.Plot(label="Figure 12", show_label=False)]


def _wire(chosen, outputs: list, series: list) -> None:
    private = {"api_visibility": "private", "show_progress": "hidden"}

    def on_open(name: str) -> list:
        return [*show(name), *show_series()]

    chosen.input(show, chosen, outputs, **private)
    _own_tab().select(on_open, chosen, [*outputs, *series], **private)


def _own_tab() -> gr.Tab:
    """The tab of the page that this is built in: its figures are made when a visitor opens it."""
    place = Context.block
    while place is not None and not isinstance(place, gr.Tab):
        place = place.parent
    if place is None:
        raise RuntimeError("build this inside a gr.Tab")
    return place


def show(name: str) -> list:
    """What belongs in each place for this checkpoint: the head, a text a section, a plot a section that has one. On a UserError its
    sentence takes the head's place and everything else stays. Not for `build`: there a gr.Plot would be laid out."""
    try:
        one = evaluations.read(name)
    except UserError as error:
        return [f"**{error}**", *[gr.skip()] * (len(SECTIONS) + len(WITH_FIGURES))]
    return [*_texts(one), *(section_plot(section, one) for section in WITH_FIGURES)]


def texts(name: str) -> list[str]:
    """The head and a text a section."""
    try:
        return _texts(evaluations.read(name))
    except UserError as error:
        return [f"**{error}**", *[""] * len(SECTIONS)]


def _texts(one: Evaluation) -> list[str]:
    return [head_text(one), *(section_text(section, one) for section in SECTIONS)]


def show_series() -> list:
    """Text and plot of Figure 12."""
    try:
        rows = evaluations.alpha_series()
    except UserError as error:
        return [f"**{error}**", gr.skip()]
    return [series_text(rows), gr.Plot(plots.alpha_series(rows).update_layout(uirevision="alpha") if rows else None, visible=bool(rows))]


def section_text(section: Section, one: Evaluation) -> str:
    reason = one.reason(*section.needs)
    return f"### {section.title}\n\n" + (f"Not measured: {reason.rstrip('.')}." if reason else section.text(one))


def section_plot(section: Section, one: Evaluation) -> gr.Plot:
    """A zoom stays while the same checkpoint is shown."""
    if one.reason(*section.needs):
        return gr.Plot(None, visible=False)
    return gr.Plot(section.figure(one).update_layout(uirevision=one.name), visible=True)


# texts: an evaluation -> Markdown


def head_text(one: Evaluation) -> str:
    summary, data = one.summary, one.summary["data"]
    parts = ", ".join(f"{count:,} {part}" for part, count in data["pictures"].items())
    return (f"`{one.name}` on {data['name'].upper()} ({parts} pictures; split: {data['split']}), with {summary['recogniser']}. "
            "All figures are of the test part, of templates as they are stored (8 bits), in squared Euclidean distances and with plain "
            f"photos as probes. Computed in {summary['seconds']['total'] / 60:.1f} minutes on {summary['device']} by "
            f"`python -m training evaluate {one.name}`.")


def verification_text(one: Evaluation) -> str:
    found = one.summary["verification"]
    plain, template, login = found["plain"], found["template"], found["template"]["at_login_threshold"]
    rows = [["EER", *(f"{rate(side['eer'])}<br>{small(side['eer_ci95'])}" for side in (plain, template))],
            ["FNMR at FMR 1 %", rate(plain["fnmr_at_fmr_1e-2"]), rate(template["fnmr_at_fmr_1e-2"])],
            ["FNMR at FMR 0.1 %", rate(plain["fnmr_at_fmr_1e-3"]), rate(template["fnmr_at_fmr_1e-3"])],
            ["d-prime", f"{plain['d_prime']:.2f}", f"{template['d_prime']:.2f}"],
            ["threshold at EER", f"{plain['threshold_at_eer']:.3f}", f"{template['threshold_at_eer']:.3f}"]]
    return table(["reference", "photo", "template"], rows) + (
        f"\n\nIn brackets: 95 % intervals. {plain['genuine']:,} genuine and {plain['impostor']:,} impostor pairs. At the login threshold "
        f"{login['threshold']:.3f}, fixed on the development part, templates have FMR {rate(login['fmr'])} and FNMR {rate(login['fnmr'])}: "
        "the diamond.\n\n"
        + details("The DET curves as a table", det_table(plain["det"], template["det"])))


def det_table(plain: dict, template: dict) -> str:
    """Both curves where their FMR is a power of ten or half way to the next; a curve starts where there are scores enough."""
    ours = [{round(10 * math.log10(fmr)): k for k, fmr in enumerate(curve["fmr"])} for curve in (plain, template)]
    steps = [step for step in sorted(ours[0].keys() | ours[1].keys()) if step % 5 == 0]
    rows = [[f"{100 * 10 ** (step / 10):.2g} %", _det_cell(plain, ours[0].get(step)), _det_cell(template, ours[1].get(step))]
            for step in steps]
    return table(["FMR", "FNMR, photo", "FNMR, template"], rows)


def _det_cell(curve: dict, k: int | None) -> str:
    return "-" if k is None else f"{rate(curve['fnmr'][k])}<br>{small([curve['low'][k], curve['high'][k]])}"


def scores_text(one: Evaluation) -> str:
    rows = [[f"{kind}, {ROWS[name]}", f"{scores.mean():.3f}", *(f"{edge:.3f}" for edge in np.percentile(scores, [5, 95]))]
            for kind in ("genuine", "impostor") for name in ("plain", "template") for scores in [one.scores[f"{name}_{kind}"]]]
    return table(["scores, reference", "mean", "5 % under", "95 % under"], rows) + (
        "\n\nGenuine: probe and reference are of one class; impostor: of two. What lies left of the login threshold is let in. "
        "Where there are more than 200,000 impostor scores, a random choice of them is drawn.")


def folds_text(one: Evaluation) -> str:
    found = one.summary["lfw_folds"]
    unseen, centred = found["test_people"], found["centred"]
    rows = [[ROWS[name], accuracy(found[name]), accuracy(centred[name]), rate(unseen[name]["accuracy"])] for name in ("plain", "template")]
    rows.append(["lost, points", drop(found["drop"], "<br>"), "", drop(unseen["drop"], "<br>")])
    header = ["first photo", f"{found['pairs']:,} official pairs", "the same, centred", f"{unseen['pairs']:,} pairs, unseen people"]
    return table(header, rows) + (
        "\n\nThe threshold comes from nine folds, the accuracy from the tenth; mean and standard error of ten. The drop has a paired "
        "bootstrap interval over people. The generator was trained on most people of the official pairs, hence the last column: there the "
        "distorted person is new to it. Centred: the mean embedding is subtracted, as it was for the 99.05 % published for these weights; "
        f"plain photos must reach {rate(centred['plain_accuracy_needed'])} so, or the alignment of the faces is not right.\n\n"
        + details("Thresholds of the folds", folds_table(found)))


def folds_table(found: dict) -> str:
    pairs = enumerate(zip(found["plain"]["thresholds"], found["template"]["thresholds"]), 1)
    return table(["fold", "photo", "template"], [[str(fold), f"{plain:.3f}", f"{template:.3f}"] for fold, (plain, template) in pairs])


def table4_text(one: Evaluation) -> str:
    ours, printed = one.summary["paper"]["table4"], TABLE_4[one.summary["data"]["name"]]
    keys = ("precision", "recall", "f1")
    rows = [[label, *(f"{rate(one['mean'])}<br>{small(one['draws95'])}" for one in (ours[name][key] for key in keys))]
            for name, label in ROWS.items()]
    rows += [[f"*the paper, {label}*", *(rate(printed[name][key]) for key in keys)]
             for name, label in (("plain", "without distortion"), ("template", "with distortion"))]
    return table(["enrolled", "precision", "recall", "F1"], rows) + (
        f"\n\n{ours['draws']} random draws of three enrolled and three other classes, one photo each, {ours['logins']:,} logins a draw, "
        "the threshold with the best F1 of 1,000. In brackets the middle 95 % of single draws; the paper shows one draw.\n\n"
        f"F1 lost to the template within a draw, in points: {drop(ours['drop'])}. The paper's published code enrols undistorted photos for "
        f"both of its rows. Done so here (*another photo*), it loses {drop(ours['drop_in_reference_code'])}: that compares two choices of "
        "photos and nothing else.\n\n"
        + details("The confusion matrices as a table", confusion_table(ours, printed)))


def confusion_table(ours: dict, printed: dict) -> str:
    keys = ("tp", "fn", "fp", "tn")
    rows = [[label, *(f"{one['mean']:,.0f}<br>{counts(one['draws95'])}" for one in (ours[name][key] for key in keys))]
            for name, label in ROWS.items()]
    rows += [[f"*the paper, {label}*", *(f"{printed[name][key]:,}" if key in printed[name] else "-" for key in keys)]
             for name, label in (("plain", "without"), ("template", "with"))]
    return table(["enrolled", "TP", "FN", "FP", "TN"], rows)


def roc_text(one: Evaluation) -> str:
    curves = one.summary["paper"]["figure13"]
    shown = [k for k, fmr in enumerate(curves["fmr"]) if any(math.isclose(fmr, one, rel_tol=1e-3) for one in (1e-3, 1e-2, 0.1, 0.5))]
    rows = [[f"{100 * curves['fmr'][k]:.3g} %", *(_roc_cell(curves[name], k) for name in ROWS)] for k in shown]
    return table(["FMR", *ROWS.values()], rows) + (
        "\n\nTrue match rate by what is enrolled: the mean of the draws, and the middle 95 % of them.")


def _roc_cell(curve: dict, k: int) -> str:
    return f"{rate(curve['mean'][k])}<br>{small([curve['low'][k], curve['high'][k]])}"


def table3_text(one: Evaluation) -> str:
    rows, printed = one.summary["paper"]["table3"], TABLE_3[one.summary["data"]["name"]]
    mse = [[_class(row), *(_beside(row["mse"][kind], printed.get(row["class"]), place) for place, kind in enumerate(plots.KINDS))]
           for row in rows]
    eq12 = [[_class(row), *(number(row["eq12"][kind], 5) for kind in plots.KINDS)] for row in rows]
    header = ["class", "picture - its template", "two pictures", "two templates"]
    seen = " Classes in *italics* were in the generator's training part." if any(row["part"] != "test" for row in rows) else ""
    return (f"Mean squared errors: ours / the paper's. In the plot filled and open circles.{seen}\n\n" + table(header, mse) + "\n\n"
            + details("The same as Eq. 12 is printed", table(header, eq12)))


def _class(row: dict) -> str:
    name = row["class"].replace("_", " ")
    return name if row["part"] == "test" else f"*{name}*"


def _beside(ours: float | None, printed: tuple | None, place: int) -> str:
    return f"{number(ours)} / {printed[place]:.3f}" if printed else number(ours)


def table6_text(one: Evaluation) -> str:
    found, pictures = one.summary["verification"], {"lfw": "Face, LFW", "mnist": "Numbers, MNIST"}[one.summary["data"]["name"]]
    ours = [[f"**{one.name}, {label}**", pictures, f"**{100 * found[name]['eer']:.2f}**"]
            for name, label in (("template", "template"), ("plain", "photo"))]
    return table(["source", "pictures", "EER, %"], [*ours, *([*row] for row in TABLE_6)]) + (
        "\n\nOther rows as the paper prints them; their data, splits and recognisers differ.")


def images_text(one: Evaluation) -> str:
    image = one.summary["image"]
    rows = [[f"{label} ({source})", number(image[key], 5 if key == "l2" else 3)] for key, (label, source) in words.ROWS.items()]
    rows += [["SSIM", number(image["ssim"])], ["PSNR", f"{image['psnr']:.1f} dB"]]
    return "Between a picture and its own template, means over the test part.\n\n" + table(["distance", "value"], rows)


def embedding_text(one: Evaluation) -> str:
    shift = one.summary["embedding_error"]
    rows = [["mean", number(shift["mean"])], ["median", number(shift["median"])], ["95th percentile", number(shift["p95"])],
            ["99th percentile", number(shift["p99"])], [f"share over the margin {shift['alpha']:g}", f"{shift['share_over_alpha']:.1%}"]]
    return "How far a template's embedding lies from its picture's (Eq. 1).\n\n" + table(["squared embedding distance", "value"], rows)


def failures_text(one: Evaluation) -> str:
    found = one.summary["failures"]
    rows = [["blank output", number(found["blank"], 2)], ["contours kept", number(found["contours_kept"], 2)],
            ["only colours changed", number(found["only_colours_changed"], 2)]]
    return "The failures the paper shows in its Table 5, as numbers: 0 is free of the failure, 1 is all of it.\n\n" + table(
        ["failure", "value"], rows)


def robustness_text(one: Evaluation) -> str:
    rows = []
    if not one.reason("verification") and not one.reason("embedding_error"):
        found = one.summary["verification"]["template"]
        rows = [["as stored", rate(found["eer"]), rate(found["fnmr_at_fmr_1e-3"]), number(one.summary["embedding_error"]["mean"])]]
    names = {"jpeg_75": "JPEG, quality 75", "half_size": "half size and back", "double_size": "double size and back"}
    rows += [[label, rate(found["eer"]), rate(found["fnmr_at_fmr_1e-3"]), number(found["embedding_error"])]
             for key, label in names.items() for found in [one.summary["robustness"][key]]]
    return "What happened to the stored template before it was matched.\n\n" + table(
        ["template", "EER", "FNMR at FMR 0.1 %", "squared embedding distance"], rows)


def second_text(one: Evaluation) -> str:
    found = one.summary["second_recogniser"]
    rows = [[label, rate(found["plain"][key]), rate(found["template"][key])]
            for key, label in (("eer", "EER"), ("tar_at_fmr_1e-2", "TAR at FMR 1 %"), ("tar_at_fmr_1e-3", "TAR at FMR 0.1 %"))]
    return f"{found['name']}, which no generator was trained against.\n\n" + table(["reference", "photo", "template"], rows) + (
        "\n\nTAR: the share of genuine pairs accepted. Where this recogniser accepts a template, the template shows the face itself.")


def enrol_text(one: Evaluation) -> str:
    rows = [[f"{part} pictures", f"{found['pictures']:,}", f"{found['failures']:,}", f"{found['rate']:.3%}"]
            for part, found in one.summary["failure_to_enrol"].items()]
    return "How often the detector found no face.\n\n" + table(["of", "pictures", "no face found", "rate"], rows)


def series_text(rows: list[dict]) -> str:
    title = "### Figure 12: the margin alpha\n\n"
    if not rows:
        return title + "Not measured: no checkpoint of the series has an evaluation."
    lines = [[f"{row['alpha']:g}", number(row["mse"]), number(row["embedding_error"]), f"{rate(row['eer'])}<br>{small(row['eer_ci95'])}",
              rate(row["plain_eer"])] for row in rows]
    return title + table(["alpha", "MSE", "embedding distance", "EER, template", "EER, photo"], lines) + (
        "\n\nOne generator of digits for each margin (Eq. 9), trained alike but for it. A wider margin lets the embedding move further, so "
        "the picture may change more, and the login errs more often. Distances are means over the test part; in brackets 95 % intervals.")


# cells


def table(header: list[str], rows: list[list[str]]) -> str:
    """Markdown; all columns but the first are set to the right."""
    return "\n".join("| " + " | ".join(row) + " |" for row in [header, ["---", *["---:"] * (len(header) - 1)], *rows])


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


def login_threshold(one: Evaluation) -> float:
    return one.summary["verification"]["template"]["at_login_threshold"]["threshold"]


GROUPS = {
    "Verification": (
        Section("Verification", ("verification",), verification_text, lambda one: plots.det(one.summary["verification"])),
        Section("Scores", ("verification",), scores_text, lambda one: plots.score_histogram(one.scores, login_threshold(one)))),
    "LFW's folds": (Section("LFW's ten folds", ("lfw_folds",), folds_text, lambda one: plots.folds(one.summary["lfw_folds"])),),
    "Mock login": (
        Section("The paper's Table 4: a mock login", ("paper", "table4"), table4_text,
                lambda one: plots.confusion(one.summary["paper"]["table4"], TABLE_4[one.summary["data"]["name"]])),
        Section("The paper's Figure 13: the ROC of that login", ("paper", "figure13"), roc_text,
                lambda one: plots.roc(one.summary["paper"]["figure13"]))),
    "Pictures": (
        Section("The paper's Table 3: distances of pictures", ("paper", "table3"), table3_text,
                lambda one: plots.table3(one.summary["paper"]["table3"], TABLE_3[one.summary["data"]["name"]])),
        Section("Picture distances", ("image",), images_text), Section("Embedding error", ("embedding_error",), embedding_text),
        Section("The paper's Table 5: three failures", ("failures",), failures_text)),
    "Robustness": (
        Section("Robustness", ("robustness",), robustness_text), Section("A second recogniser", ("second_recogniser",), second_text),
        Section("Failure to enrol", ("failure_to_enrol",), enrol_text)),
    "EER in the literature": (Section("The paper's Table 6: EER", ("verification",), table6_text),),
}
SECTIONS = tuple(section for sections in GROUPS.values() for section in sections)
WITH_FIGURES = tuple(section for section in SECTIONS if section.figure)
