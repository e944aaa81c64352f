"""Two photos, plain and distorted: all four distances against the threshold."""

import gradio as gr
from gradio.components import Component

from ndcb.core.terms import DEFAULT_FACES, UserError
from ndcb.faces import samples
from ndcb.models import examples
from ndcb.models.comparison import compare_faces, with_itself
from ndcb.models.operating_points import DEFAULT
from ndcb.models.pipeline import Models
from ndcb.web import private_files
from ndcb.web.choices import (
    HOW_SET,
    LEVELS,
    generator_choice,
    known_fmr,
    known_generator,
    operating_point_field,
)
from ndcb.web.photo import BLOCKED, Photo, refusal
from ndcb.web.static_files import static
from ndcb.web.tabs.compare.handlers import Handlers, SideHandlers
from ndcb.web.tabs.compare.report import as_json, pictures, say, table
from ndcb.web.tabs.compare.visit import SIDES, find_side, first_visit
from ndcb.web.visits import delete_files, visit_state
from ndcb.web.wiring import LATEST, QUEUE, connect

INTRODUCTION = (
    "Is it the same person? Two photos, each as it is and as a template: four comparisons, one"
    " threshold."
)
SAME_PICTURE = (
    "This is the sample on both sides, so photo against photo is 0; give two photos, or take the"
    " other sample on one side."
)
CREDIT = f"Samples: {samples.PORTRAIT_CREDIT}. One photo alone is compared with the sample."
PICTURE = {
    "format": "png",
    "interactive": False,
    "height": 220,
    "min_width": 120,
    "buttons": ["download"],
}

CSS = static("compare.css")


def build(models: Models) -> None:
    """Lay out the tab inside the page that is being built."""
    given, shown = _layout()
    _wire(models, given, shown)
    _api(models)


def _layout() -> tuple[dict[str, Component], dict[str, Component]]:
    """What a visitor clicks, and what the handlers put out, by their names.

    The stored example stands on both sides: on screen before any model has run.
    """
    gr.Markdown(INTRODUCTION)
    visit = visit_state(first_visit, delete_files)
    first = with_itself(examples.example(DEFAULT_FACES))
    paths = [private_files.save(picture, "sample.png") for picture in pictures(first)]
    with gr.Row():
        sides = {"A": _side("A", *paths[:2]), "B": _side("B", *paths[2:])}
    gr.Markdown(f"{BLOCKED} {CREDIT}", elem_classes="privacy")
    verdict = gr.HTML(say(first, (SAME_PICTURE,)), elem_id="compare-verdict")
    four = gr.HTML(table(first, DEFAULT_FACES), elem_id="compare-table")
    generator = generator_choice("faces", "compare-generator")
    fmr = gr.Radio(
        LEVELS, value=DEFAULT, label="How strict it is", info=HOW_SET, elem_id="compare-fmr"
    )
    forget = gr.Button("Delete my data", size="sm", elem_id="compare-forget")

    given = {"generator": generator, "forget": forget}
    shown = {"visit": visit}
    for name, side in sides.items():
        given |= {f"same {name}": side["same"], f"other {name}": side["other"]}
        shown |= {f"face {name}": side["face"], f"template {name}": side["template"]}
    shown |= {"verdict": verdict, "table": four, "fmr": fmr}
    shown |= {f"photo {name}": side["photo"] for name, side in sides.items()}
    return given, shown


def _side(name: str, face: str, template: str) -> dict[str, Component]:
    """Photo, both sample buttons, aligned face and template of one side."""
    with gr.Column(min_width=320):
        photo = Photo(f"Photo {name}", height=240, elem_id=f"compare-photo-{name}")
        with gr.Row():
            same = gr.Button(
                "Sample portrait", size="sm", min_width=120, elem_id=f"compare-same-{name}"
            )
            other = gr.Button(
                "Mirrored, brighter", size="sm", min_width=120, elem_id=f"compare-other-{name}"
            )
        with gr.Row(elem_classes="pair"):
            faces = gr.Image(face, label=f"Face {name}", elem_id=f"compare-face-{name}", **PICTURE)
            templates = gr.Image(
                template, label=f"Template {name}", elem_id=f"compare-template-{name}", **PICTURE
            )
    return {"photo": photo, "same": same, "other": other, "face": faces, "template": templates}


def _wire(models: Models, given: dict[str, Component], shown: dict[str, Component]) -> None:
    """Call a handler at each event."""
    choice = [given["generator"], shown["visit"]]
    busy = {"show_progress_on": shown["verdict"], **QUEUE}

    for name in SIDES:
        handlers, photo = SideHandlers(models, name), shown[f"photo {name}"]
        connect(photo.input, handlers.on_photo, [photo, *choice], shown, **busy, **LATEST)
        connect(given[f"same {name}"].click, handlers.on_same, choice, shown, **busy)
        connect(given[f"other {name}"].click, handlers.on_other, choice, shown, **busy)
    handlers = Handlers(models)
    connect(given["generator"].input, handlers.on_generator, choice, shown, **busy, **LATEST)
    connect(shown["fmr"].input, handlers.on_fmr, [shown["fmr"], *choice], shown, **busy, **LATEST)
    connect(given["forget"].click, handlers.on_forget, shown["visit"], shown)


def _api(models: Models) -> None:
    """The public endpoint, on components that the page does not show."""
    a, b = Photo("photo_a", visible=False), Photo("photo_b", visible=False)
    generator = gr.Textbox(DEFAULT_FACES, label="generator", visible=False)
    operating_point = operating_point_field()
    numbers = gr.JSON(label="numbers", visible=False)

    def compare(photo_a: str | None, photo_b: str | None, generator: str, fmr: str = DEFAULT):
        """Compare the largest face of photo a with that of photo b: the squared embedding distances
        of plain against plain, template of a against plain b, plain a against template of b, and
        template against template; the login threshold; and for each of the four if it is the same
        person. `fmr`: the threshold is the one at which so many strangers are accepted, "1%",
        "0.1%" or "0.01%"; "0.1%" unless told otherwise.
        """
        try:
            limit = known_fmr(fmr)
            faces = [find_side(models, "A", photo_a).face, find_side(models, "B", photo_b).face]
            distorter = models.distorter(known_generator(generator))
            return as_json(compare_faces(distorter, *faces, limit))
        except UserError as error:
            raise refusal(str(error)) from None

    gr.Button(visible=False).click(
        compare, [a, b, generator, operating_point], numbers, api_name="compare", **QUEUE
    )
