"""The tab Embedding space: where originals and templates lie for the recogniser, and where the
visitor's own lie among them.
"""

import gradio as gr
from gradio.components import Component

from ndcb.core.terms import DEFAULT_DIGITS, DEFAULT_FACES
from ndcb.models.pipeline import Models
from ndcb.report import projection
from ndcb.web.photo import Pad, Photo
from ndcb.web.static_files import static
from ndcb.web.tabs.embedding.handlers import Handlers
from ndcb.web.tabs.embedding.space import (
    DIGITS,
    PEOPLE,
    Kind,
    Space,
    embeddings,
    measured,
    sheet_url,
)
from ndcb.web.tabs.embedding.visit import Visit, show
from ndcb.web.visits import delete_files, visit_state
from ndcb.web.wiring import LATEST, QUEUE, Answer, connect

DEFAULT = 5
"""Classes that are shown at first."""
VIEWS = ("3-D", "2-D")
INTRODUCTION = """To the recogniser a picture is a point among others: pictures of one person, or of
one digit, lie close together. A good template looks different and stays near its original. Here are
both, as the recogniser sees them."""
CAPTION = (
    "● original, ✚ template; a thin line joins an original and its template. Point at one to see"
    " the template. Drag to turn, tap a name to hide it. The axes only approximate: every distance"
    " told is the true one, squared, in all dimensions."
)
BLOCKED_HERE = "Camera blocked? Upload a photo. Only its embeddings are placed among the others."
NOTHING_MEASURED = (
    "There is nothing to show yet: the embeddings of this recogniser's test pictures are not among"
    " the checkpoints."
)

CSS = static("embedding.css")
JS = static("embedding.js")


def build(models: Models) -> None:
    """Lay out the tab inside the page that is being built."""
    gr.Markdown(INTRODUCTION)
    gr.HTML(js_on_load=JS, visible=True, elem_classes="embedding-script")
    for title, kind in (("People", PEOPLE), ("Digits", DIGITS)):
        with gr.Tab(title, elem_id=f"embedding-{kind.noun}"):
            _build_kind(models, kind) if measured(kind) else gr.Markdown(NOTHING_MEASURED)


def _build_kind(models: Models, kind: Kind) -> None:
    space = Space(kind, {name: sheet_url(name) for name in measured(kind)})
    defaults = [name for name in (DEFAULT_FACES, DEFAULT_DIGITS) if name in space.sheets]
    generator = next(iter([*defaults, *space.sheets]))
    known = embeddings(generator).known
    first = show(space, generator, list(known[:DEFAULT]), VIEWS[0], Visit())
    given, shown = _layout(kind, generator, known, first)
    _wire(Handlers(models, space), given, shown)


def _layout(
    kind: Kind, generator: str, known: tuple[str, ...], first: Answer
) -> tuple[dict[str, Component], dict[str, Component]]:
    """What a visitor gives and clicks, and what the handlers put out, by their names."""
    noun = kind.noun
    with gr.Row(elem_classes="embedding-space"):
        with gr.Column(scale=7, min_width=320):
            plot = gr.Plot(first.get("plot"), show_label=False, elem_id=f"{noun}-plot")
            gr.Markdown(CAPTION, elem_classes="privacy")
        with gr.Column(scale=4, min_width=320):
            given = _choice(kind, generator, known)
            said = gr.HTML("", elem_id=f"{noun}-said", elem_classes="embedding-said")
            given |= _photo() if kind is PEOPLE else _pad()
            own = gr.HTML("", elem_id=f"{noun}-own", elem_classes="embedding-own")
    numbers = gr.HTML(first.get("numbers"), elem_id=f"{noun}-table", elem_classes="embedding-table")
    return given, {"said": said, "plot": plot, "numbers": numbers, "own": own}


def _choice(kind: Kind, generator: str, known: tuple[str, ...]) -> dict[str, Component]:
    fewest, most = projection.FEWEST, projection.MOST
    classes = gr.CheckboxGroup(
        known,
        value=list(known[:DEFAULT]),
        label=f"{kind.noun.capitalize()} to show, {fewest} to {most}",
        info=f"{kind.known}.",
        elem_id=f"{kind.noun}-classes",
    )
    labels = [(label, name) for name, label in measured(kind).items()]
    generators = gr.Radio(
        labels,
        value=generator,
        label=kind.choice,
        visible=len(labels) > 1,
        elem_id=f"{kind.noun}-generator-shown",
    )
    view = gr.Radio(VIEWS, value=VIEWS[0], label="View", elem_id=f"{kind.noun}-view")
    return {"generator": generators, "classes": classes, "view": view}


def _photo() -> dict[str, Component]:
    photo = Photo("Your photo among them", height=200, elem_id="people-photo")
    gr.Markdown(BLOCKED_HERE, elem_classes="privacy")
    return {
        "source": photo,
        "forget": gr.Button("Delete my data", size="sm", elem_id="people-forget"),
    }


def _pad() -> dict[str, Component]:
    pad = Pad("digits-pad")
    with gr.Row():
        draw = gr.Button("Place my digit", variant="primary", size="sm", elem_id="digits-draw")
        forget = gr.Button("Delete my data", size="sm", elem_id="digits-forget")
    return {"source": pad, "draw": draw, "forget": forget}


def _wire(handlers: Handlers, given: dict[str, Component], shown: dict[str, Component]) -> None:
    """Call a handler at each event."""
    visit = visit_state(Visit, delete_files)
    source = given["source"]
    outputs = {"source": source, "visit": visit, **shown}
    choice = [given["generator"], given["classes"], given["view"]]
    give = given["draw"].click if "draw" in given else source.input
    busy = {"show_progress_on": [shown["plot"]], **QUEUE}

    for control in choice:
        silent = {"show_progress": "hidden", **LATEST}
        connect(control.input, handlers.on_choice, [*choice, visit], outputs, **silent)
    connect(give, handlers.on_given, [source, *choice, visit], outputs, **busy, **LATEST)
    connect(given["forget"].click, handlers.on_forget, [*choice, visit], outputs)
