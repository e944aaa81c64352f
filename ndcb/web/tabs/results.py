"""The Results tab: everything that was measured of a checkpoint, the paper's figures beside it.
Read from its evaluation, never typed.
"""

from itertools import chain
from textwrap import wrap

import gradio as gr
from gradio.context import Context

from ndcb.core.terms import UserError
from ndcb.models.pipeline import Models
from ndcb.report import plots
from ndcb.report.goals import side_by_side
from ndcb.report.sections import GROUPS, SECTIONS, WITH_FIGURES, Section, head_text, series_text
from ndcb.results import evaluations
from ndcb.results.summaries import Evaluation
from ndcb.web import words
from ndcb.web.static_files import static
from ndcb.web.wiring import LATEST

CSS = static("results.css")
NOTHING = "No checkpoint has been evaluated yet; run: python -m training evaluate NAME"
INTRODUCTION = """\
How well it works, measured on people and digits that the generators were not trained on, beside \
the paper's own figures.
A login errs in two ways: **FMR** is the share of strangers who are let in, **FNMR** the share of \
owners who are refused. The **EER** is
the value of both at the threshold where they are equal; lower is better."""
GOALS = """\
What this project asks of a template: that the recogniser is not misled by it, and that it tells \
others as little as the
embedding allows. All generators of faces, each goal met or missed; what a thief restores is in \
the tab Attacks."""


def build(models: Models) -> None:
    """Lay out the tab inside the page that is being built; the tables of the first checkpoint come
    at once, figures when it is opened.
    """
    names = evaluations.names()
    if not names:
        gr.Markdown(NOTHING, elem_id="results-missing")
        return
    gr.Markdown(INTRODUCTION)
    chosen = gr.Dropdown(
        [(words.generator_label(name), name) for name in names],
        value=names[0],
        label="Checkpoint",
        filterable=False,
        elem_id="results-checkpoint",
    )
    head, *rest = texts(names[0])
    outputs = [gr.Markdown(head, elem_classes="results", elem_id="results-head")]
    remaining = iter(rest)
    placed = [_group(title, sections, remaining) for title, sections in GROUPS.items()]
    shown = list(chain.from_iterable(placed))
    outputs += [text for text, _ in shown]
    outputs += [plot for _, plot in shown if plot is not None]
    with gr.Tab("Concealment"):
        gr.Markdown(goals_text(), elem_classes="results", elem_id="results-goals")
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
            return shown, gr.Plot(
                label=section.title, show_label=False, elem_classes="results-plot"
            )


def _series() -> list:
    """Figure 12, which is of all checkpoints of the series and so does not change with the chosen
    one.
    """
    with gr.Tab("Margin alpha"), gr.Row():
        with gr.Column(scale=5, min_width=320):
            text = gr.Markdown(
                series_text(evaluations.alpha_series()),
                elem_classes="results",
                elem_id="results-alpha",
            )
        with gr.Column(scale=6, min_width=320):
            return [text, gr.Plot(label="Figure 12", show_label=False, elem_classes="results-plot")]


def _wire(chosen, outputs: list, series: list) -> None:
    private = {"api_visibility": "private", "show_progress": "hidden"}

    def on_open(name: str) -> list:
        return [*show(name), *show_series()]

    chosen.input(show, chosen, outputs, **private, **LATEST)
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
    """The head, a text for each section, and a plot for each section that has one.

    On a UserError its sentence takes the head's place and everything else stays. Not for `build`:
    there a gr.Plot would be laid out.
    """
    try:
        evaluation = evaluations.read(name)
    except UserError as error:
        return [f"**{error}**", *[gr.skip()] * (len(SECTIONS) + len(WITH_FIGURES))]
    return [*_texts(evaluation), *(section_plot(section, evaluation) for section in WITH_FIGURES)]


def texts(name: str) -> list[str]:
    """The head and a text a section."""
    try:
        return _texts(evaluations.read(name))
    except UserError as error:
        return [f"**{error}**", *[""] * len(SECTIONS)]


def _texts(evaluation: Evaluation) -> list[str]:
    return [head_text(evaluation), *(section.markdown(evaluation) for section in SECTIONS)]


def goals_text() -> str:
    """All generators of faces side by side, whichever checkpoint is chosen."""
    try:
        reached = evaluations.goals()
    except UserError as error:
        return f"**{error}**"
    return f"{GOALS}\n\n{side_by_side(reached)}" if reached else NOTHING


def show_series() -> list:
    """Text and plot of Figure 12."""
    try:
        rows = evaluations.alpha_series()
    except UserError as error:
        return [f"**{error}**", gr.skip()]
    return [
        series_text(rows),
        gr.Plot(_dress(plots.alpha_series(rows), "alpha") if rows else None, visible=bool(rows)),
    ]


def section_plot(section: Section, evaluation: Evaluation) -> gr.Plot:
    if evaluation.reason(*section.needs):
        return gr.Plot(None, visible=False)
    return gr.Plot(_dress(section.figure(evaluation), evaluation.name), visible=True)


def _dress(figure, view: str):
    """The titles of the axes as small and as short as a phone needs them; a zoom stays while `view`
    does.
    """
    figure.for_each_xaxis(
        lambda axis: axis.title.update(text="<br>".join(wrap(axis.title.text or "", 44)))
    )
    return (
        figure.update_xaxes(title_font_size=12)
        .update_yaxes(title_font_size=12)
        .update_layout(uirevision=view)
    )
