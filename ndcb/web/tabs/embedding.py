"""The tab Embedding space: where originals and templates lie for the recogniser, and where the
visitor's own lie among them.
"""

import base64
import html
import io
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

import gradio as gr
from PIL import Image

from ndcb.core.terms import DEFAULT_DIGITS, DEFAULT_FACES, UserError
from ndcb.faces.drawings import digit_from_drawing, drawing_on_white
from ndcb.models import checkpoints
from ndcb.models.pipeline import Distortion, Models
from ndcb.report import projection
from ndcb.web import private_files, words
from ndcb.web.photo import Pad, Photo
from ndcb.web.tabs.distort import LATEST, QUEUE, delete_files, generators
from ndcb.web.visits import ENDED, visit_state

EACH = 30
"""Pictures of a class: as many as every checkpoint of the alpha series keeps, so that all show the
same ones.
"""
DEFAULT = 5
BLOCKED_HERE = "Camera blocked? Upload a photo. Only its embeddings are placed among the others."
VIEWS = ("3-D", "2-D")
INTRODUCTION = """To the recogniser a picture is a point among others: pictures of one person, or of one digit, lie close together. A good
template looks different and stays near its original. Here are both, as the recogniser sees them."""
CAPTION = (
    "● original, ✚ template; a thin line joins an original and its template. Point at one to see"
    " the template. Drag to turn, tap a name to hide it. The axes only approximate: every distance"
    " told is the true one, squared, in all dimensions."
)
NOTHING_MEASURED = (
    "There is nothing to show yet: the embeddings of this recogniser's test pictures are not among"
    " the checkpoints."
)
NOTHING_KEPT = "Your data is deleted: the picture, its template and both embeddings."

CSS = """
.embedding-script, .embedding-said:not(:has(.verdict)), .embedding-own:not(:has(.verdict)) { display: none }
#embedding-thumb { position: fixed; z-index: 1000; display: none; pointer-events: none; border: 2px solid #0d9488; border-radius: 6px;
  background-color: #fff; background-repeat: no-repeat; image-rendering: pixelated }
.embedding-cell { display: inline-block; width: 40px; height: 40px; margin: 1px; vertical-align: middle; border-radius: 4px;
  image-rendering: pixelated }
.embedding-table { overflow-x: auto } .embedding-table table { width: 100%; border-collapse: collapse }
.embedding-table table, .embedding-table thead, .embedding-table tbody, .embedding-table tr { border: 0 !important }
.embedding-table th, .embedding-table td { padding: .25rem .4rem !important; text-align: left; border: 0 !important;
  border-bottom: 1px solid var(--border-color-primary) !important }
.embedding-table h3 { margin: 1rem 0 .3rem }
@media (max-width: 640px) {
  .embedding-table table { font-size: .75rem }
  .embedding-table th, .embedding-table td { padding: .15rem !important; overflow-wrap: anywhere }
  .embedding-table .number { overflow-wrap: normal; word-break: normal } .embedding-table th.number { font-size: .65rem }
  .embedding-table .embedding-cell, .embedding-table .dot { display: block }
  .embedding-table td + td .embedding-cell { display: inline-block }
}
.embedding-table .number { text-align: right; font-variant-numeric: tabular-nums }
.embedding-table .now { background: var(--background-fill-secondary); font-weight: bold }
.embedding-table .dot { display: inline-block; width: .7em; height: .7em; margin-right: .4em; border-radius: 50% }
.embedding-own img { display: inline-block; width: 80px; height: 80px; margin: .4rem .4rem 0 0; image-rendering: pixelated }
"""

JS = """
if (!window.ndcbEmbedding) {
  const cameras = {}, thumb = document.createElement("div"), size = 96;
  let pointer = [0, 0];
  window.ndcbEmbedding = true;
  thumb.id = "embedding-thumb";
  thumb.style.width = thumb.style.height = size + "px";
  document.body.append(thumb);
  const moved = event => { pointer = [event.clientX, event.clientY]; };
  for (const name of ["pointermove", "pointerdown"]) document.addEventListener(name, moved, true);

  const hide = () => { thumb.style.display = "none"; };
  const show = (plot, point) => {
    const cell = point.customdata?.[0], meta = plot.layout.meta;
    const own = plot.closest(".embedding-space").querySelector(".embedding-own img.template");
    if (cell === undefined || (cell < 0 && !own)) return hide();
    thumb.style.backgroundImage = `url("${cell < 0 ? own.src : meta.sheet}")`;
    thumb.style.backgroundSize = cell < 0 ? "contain" : `${meta.columns * size}px auto`;
    thumb.style.backgroundPosition = cell < 0 ? "0 0" : `-${cell % meta.columns * size}px -${Math.floor(cell / meta.columns) * size}px`;
    thumb.dataset.cell = cell;
    const left = pointer[0] > size + 24 ? pointer[0] - size - 16 : pointer[0] + 16;
    thumb.style.left = left + "px";
    thumb.style.top = Math.max(4, pointer[1] - size - 16) + "px";
    thumb.style.display = "block";
  };

  // Gradio draws every new figure into a new node, so Plotly's own uirevision has nothing to go by: the camera is kept here.
  const hook = plot => {
    const view = plot.layout.uirevision, dress = { "font.color": getComputedStyle(plot).color };
    plot.dataset.hooked = "yes";
    if (plot.layout.scene && plot.clientWidth < 500) {  // a phone: from further away, so that the axes' words are in the picture
      const { x, y, z } = plot.layout.scene.camera.eye;
      dress["scene.camera.eye"] = { x: 1.35 * x, y: 1.35 * y, z: 1.35 * z };
    }
    if (plot.layout.scene && cameras[view]) dress["scene.camera"] = cameras[view];
    plot.on("plotly_hover", event => show(plot, event.points[0]));
    plot.on("plotly_unhover", hide);
    plot.on("plotly_relayout", change => { if (change["scene.camera"]) cameras[view] = change["scene.camera"]; });
    window.Plotly?.relayout(plot, dress);
  };
  const scan = () => {
    for (const plot of document.querySelectorAll(".embedding-space .js-plotly-plot:not([data-hooked])")) {
      plot.dataset.hooked = "soon";
      hide();
      setTimeout(hook, 0, plot);
    }
  };
  new MutationObserver(scan).observe(document.body, { childList: true, subtree: true, attributeFilter: ["class"] });
  scan();
}
"""


@dataclass(frozen=True)
class Kind:
    """What differs between people and digits."""

    pictures: str
    """`faces` or `digits`: whose generators are shown."""
    noun: str
    one: str
    given: str
    """What a visitor gives."""
    known: str
    """Where the shown ones come from."""
    choice: str
    """What the generators are told apart by."""
    series: str
    """Title of their comparison."""


PEOPLE = Kind(
    "faces",
    "people",
    "person",
    "photo",
    "People of LFW that no generator was trained on",
    "Generator",
    "The same pictures by every generator",
)
DIGITS = Kind(
    "digits",
    "digits",
    "digit",
    "drawing",
    "MNIST's test digits",
    "Alpha of the training",
    "The same pictures at every alpha",
)


@dataclass(frozen=True)
class Visit:
    """What the tab remembers for one visitor, for ten minutes at most."""

    own: dict[str, projection.Own] = field(default_factory=dict)
    """Generator -> the embeddings of the visitor's picture and of its template."""
    results: dict[str, Distortion] = field(default_factory=dict)
    """Generator -> the pictures and numbers."""
    note: str = ""
    files: tuple[str, ...] = ()
    """Every file this visit left in the cache."""


def build(models: Models) -> None:
    """Lay out the tab inside the page that is being built."""
    gr.Markdown(INTRODUCTION)
    gr.HTML(js_on_load=JS, visible=True, elem_classes="embedding-script")
    for title, kind in (("People", PEOPLE), ("Digits", DIGITS)):
        with gr.Tab(title, elem_id=f"embedding-{kind.noun}"):
            _space(models, kind) if measured(kind) else gr.Markdown(NOTHING_MEASURED)


def measured(kind: Kind) -> dict[str, str]:
    """Generator -> its label, for those whose embeddings are kept: people's as everywhere, digits'
    by their alpha, ascending.
    """
    found = {name: label for label, name in generators(kind.pictures) if _file(name).is_file()}
    return (
        found if kind is PEOPLE else {name: f"{alpha(name):g}" for name in sorted(found, key=alpha)}
    )


def alpha(generator: str) -> float:
    return checkpoints.record(generator)["training"]["alpha"]


def _file(generator: str) -> Path:
    return checkpoints.FOLDER / generator / "evaluation" / "embeddings.npz"


def _embeddings(generator: str) -> projection.Embeddings:
    return projection.load(_file(generator))


def _sheet_url(generator: str) -> str:
    """Where the page serves the templates. It is written while the page is built, so that the
    clean-up leaves it alone.
    """
    path = private_files.save(_embeddings(generator).sheet, f"{generator}.webp")
    return f"gradio_api/file={quote(path)}"


def _space(models: Models, kind: Kind) -> None:
    sheets = {name: _sheet_url(name) for name in measured(kind)}
    first = next(
        (name for name in (DEFAULT_FACES, DEFAULT_DIGITS) if name in sheets), next(iter(sheets))
    )
    known = _embeddings(first).known
    _, figure, tables, _ = show(kind, sheets, first, list(known[:DEFAULT]), VIEWS[0], Visit())
    with gr.Row(elem_classes="embedding-space"):
        with gr.Column(scale=7, min_width=320):
            plot = gr.Plot(figure, show_label=False, elem_id=f"{kind.noun}-plot")
            gr.Markdown(CAPTION, elem_classes="privacy")
        with gr.Column(scale=4, min_width=320):
            choice = _choice(kind, first, known)
            said = gr.HTML("", elem_id=f"{kind.noun}-said", elem_classes="embedding-said")
            given, forget = (_photo if kind is PEOPLE else _pad)()
            own = gr.HTML("", elem_id=f"{kind.noun}-own", elem_classes="embedding-own")
    numbers = gr.HTML(tables, elem_id=f"{kind.noun}-table", elem_classes="embedding-table")
    _wire(models, kind, sheets, choice, given, forget, [said, plot, numbers, own])


def _choice(kind: Kind, first: str, known: tuple[str, ...]) -> list:
    """Inputs of `show`: generator, classes, view."""
    fewest, most = projection.FEWEST, projection.MOST
    classes = gr.CheckboxGroup(
        known,
        value=list(known[:DEFAULT]),
        label=f"{kind.noun.capitalize()} to show, {fewest} to {most}",
        info=f"{kind.known}.",
        elem_id=f"{kind.noun}-classes",
    )
    labels = [(label, name) for name, label in measured(kind).items()]
    generator = gr.Radio(
        labels,
        value=first,
        label=kind.choice,
        visible=len(labels) > 1,
        elem_id=f"{kind.noun}-generator-shown",
    )
    view = gr.Radio(VIEWS, value=VIEWS[0], label="View", elem_id=f"{kind.noun}-view")
    return [generator, classes, view]


def _photo() -> tuple:
    """The input, the event's trigger and the button that deletes."""
    photo = Photo("Your photo among them", height=200, elem_id="people-photo")
    gr.Markdown(BLOCKED_HERE, elem_classes="privacy")
    return (photo, photo.input), gr.Button("Delete my data", size="sm", elem_id="people-forget")


def _pad() -> tuple:
    pad = Pad("digits-pad")
    with gr.Row():
        draw = gr.Button("Place my digit", variant="primary", size="sm", elem_id="digits-draw")
        forget = gr.Button("Delete my data", size="sm", elem_id="digits-forget")
    return (pad, draw.click), forget


def _wire(models, kind, sheets, choice, given, forget, shown) -> None:
    visit = visit_state(Visit, delete_files)
    source, give = given

    def view(name: str, classes: list[str], view: str, seen: Visit, said: str = "") -> list:
        """A value for each output: source, visit, and what is shown."""
        refusal, *rest = show(kind, sheets, name, classes, view, seen)
        return [gr.skip(), seen, refusal or said, *rest]

    def end(name: str, classes: list[str], as_seen: str, text: str) -> list:
        return [None, *view(name, classes, as_seen, Visit(), words.advice(text))[1:]]

    def on_choice(name: str, classes: list[str], as_seen: str, seen: Visit | None) -> list:
        if seen is None:
            return end(name, classes, as_seen, ENDED)
        return view(name, classes, as_seen, seen)

    def on_given(picture, name: str, classes: list[str], as_seen: str, seen: Visit | None) -> list:
        if picture is None and kind is PEOPLE:  # the photo was cleared
            return [gr.skip()] * len(outputs)
        seen, refusal = take(models, kind, list(sheets), picture, seen or Visit())
        return (
            [gr.skip(), seen, *refuse(refusal)] if refusal else view(name, classes, as_seen, seen)
        )

    def on_forget(name: str, classes: list[str], as_seen: str, seen: Visit | None) -> list:
        delete_files(seen)
        return end(name, classes, as_seen, NOTHING_KEPT)

    outputs = [source, visit, *shown]
    for control in choice:
        control.input(
            on_choice,
            [*choice, visit],
            outputs,
            api_visibility="private",
            show_progress="hidden",
            **LATEST,
        )
    give(
        on_given,
        [source, *choice, visit],
        outputs,
        api_visibility="private",
        show_progress_on=[shown[1]],
        **QUEUE,
        **LATEST,
    )
    forget.click(on_forget, [*choice, visit], outputs, api_visibility="private")


def show(
    kind: Kind, sheets: dict[str, str], generator: str, classes: list[str], view: str, visit: Visit
) -> list:
    """What is said, the figure, the tables, and the words on the visitor's own picture."""
    try:
        chosen = projection.choose(_embeddings(generator), classes, EACH, kind.noun)
    except UserError as error:
        return refuse(str(error))
    figure = projection.figure(
        chosen, 2 if view == "2-D" else 3, visit.own.get(generator), kind.noun, sheets[generator]
    )
    return [
        "",
        figure,
        _tables(kind, sheets, generator, chosen),
        _own(kind, generator, chosen, visit),
    ]


def refuse(text: str) -> list:
    """Say what to do; everything else on screen stays."""
    return [words.advice(text), gr.skip(), gr.skip(), gr.skip()]


def take(
    models: Models, kind: Kind, generators: list[str], picture, visit: Visit
) -> tuple[Visit, str]:
    """Embed and distort a photo (a path) or a drawing with every generator: what is remembered, and
    a refusal or "".
    """
    visit = replace(visit, files=(*visit.files, picture)) if isinstance(picture, str) else visit
    try:
        crop, note = _face(models, picture) if kind is PEOPLE else (_digit(picture), "")
        results = {name: models.distorter(name).distort(crop) for name in generators}
    except UserError as error:
        return visit, str(error)
    own = {
        name: projection.Own(*models.distorter(name).embed([crop, result.template]).numpy())
        for name, result in results.items()
    }
    return replace(visit, own=own, results=results, note=note), ""


def _face(models: Models, path: str) -> tuple[Image.Image, str]:
    faces = models.find(path)
    return faces[0].image, (
        f"{len(faces)} faces were found; this is the largest." if len(faces) > 1 else ""
    )


def _digit(drawing: Image.Image | None) -> Image.Image:
    return digit_from_drawing(drawing_on_white(drawing))


def _own(kind: Kind, generator: str, chosen: projection.Embeddings, visit: Visit) -> str:
    """The visitor's picture and template, inside the page and not as files, and what the recogniser
    makes of them.
    """
    if generator not in visit.own:
        return ""
    result = visit.results[generator]
    nearest, distance = projection.nearest_class(chosen, visit.own[generator].distorted)
    same = "still the same" if result.decision.same else "not the same any more"
    text = (
        f"Your {kind.given} and its template are <strong>{result.embedding_distance:.3f}</strong>"
        f" apart, {_side(result.embedding_distance, result)}: {same} to the recogniser. Of the"
        f" {kind.noun} shown, your template is nearest to an original of"
        f" <strong>{html.escape(nearest)}</strong>, {distance:.3f}, {_side(distance, result)}."
        f" {visit.note}"
    )
    pictures = _inline(result.original, "original") + _inline(result.template, "template")
    return words.box("yes" if result.decision.same else "no", f"{text}<br>{pictures}")


def _side(distance: float, result: Distortion) -> str:
    return (
        f"{'under' if distance < result.threshold else 'over'} the login threshold"
        f" {result.threshold:.3f}"
    )


def _inline(picture: Image.Image, what: str) -> str:
    file = io.BytesIO()
    picture.save(file, "PNG")
    code = base64.b64encode(file.getvalue()).decode()
    return (
        f'<img class="{what}" alt="your {what}" title="your {what}"'
        f' src="data:image/png;base64,{code}">'
    )


def _tables(
    kind: Kind, sheets: dict[str, str], generator: str, chosen: projection.Embeddings
) -> str:
    rows = projection.table(chosen)
    lines = "".join(_line(chosen, row, sheets[generator]) for row in rows)
    head = (
        f"<th>{kind.one.capitalize()}</th><th class=number>Pictures</th><th class=number>Mean"
        f" shift</th><th class=number>Largest</th><th>Nearest other {kind.one}</th>"
    )
    mean = sum(row.pictures * row.mean for row in rows) / sum(row.pictures for row in rows)
    first = (
        f"<h3>The same in numbers</h3><p>Squared distances in all {chosen.real.shape[1]}"
        f" dimensions; over the {len(chosen.labels)} pictures shown the mean from original to"
        f" template (the shift) is <strong>{mean:.3f}</strong>. The nearest other {kind.one}, of"
        " those shown, has the original nearest to one of the"
        f" templates.</p><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"
    )
    return first + (_series(kind, sheets, generator, chosen.classes) if len(sheets) > 1 else "")


def _line(chosen: projection.Embeddings, row: projection.Row, sheet: str) -> str:
    dot = f'<span class="dot" style="background:{projection.colour(chosen, row.name)}"></span>'
    return (
        f"<tr><td>{dot}{_cell(chosen, row.cell, sheet)} {html.escape(row.name)}</td><td"
        f" class=number>{row.pictures}</td><td class=number>{row.mean:.3f}</td><td"
        f" class=number>{row.largest:.3f}</td><td>{html.escape(row.nearest)},"
        f" {row.nearest_distance:.3f}</td></tr>"
    )


def _cell(embeddings: projection.Embeddings, cell: int, sheet: str, size: int = 40) -> str:
    left, top = projection.corner(cell, embeddings.columns, size)
    return (
        '<span class="embedding-cell" role="img" aria-label="template" style="background:'
        f' url({sheet}) -{left}px -{top}px / {embeddings.columns * size}px auto"></span>'
    )


def _series(kind: Kind, sheets: dict[str, str], generator: str, classes: list[str]) -> str:
    """Figure 12: a row an alpha, or a generator of faces, with the same originals' templates."""
    lines = ""
    for name, label in measured(kind).items():
        chosen = projection.choose(_embeddings(name), classes, EACH, kind.noun)
        rows = projection.table(chosen)
        mean = projection.squared_distances(chosen.real, chosen.distorted).mean()
        cells = "".join(_cell(chosen, row.cell, sheets[name]) for row in rows)
        mark, shown = (' class="now"', " (shown)") if name == generator else ("", "")
        lines += (
            f"<tr{mark}><td>{label}{shown}</td><td"
            f" class=number>{mean:.3f}</td><td>{cells}</td></tr>"
        )
    return (
        f"<h3>{kind.series}</h3><table><thead><tr><th>{kind.choice.split()[0]}</th><th"
        " class=number>Mean distance</th><th>Templates of the first picture of"
        f" each</th></tr></thead><tbody>{lines}</tbody></table>"
    )
