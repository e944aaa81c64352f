"""The left half for digits: a pad, samples, and what each click does."""

import gradio as gr
from gradio.components import Component
from PIL import Image

from ndcb.faces import samples
from ndcb.models.pipeline import Models
from ndcb.web.choices import generator_choice
from ndcb.web.photo import Pad
from ndcb.web.tabs.distort.visit import Visit, begin_again, first_digit, show, show_drawing
from ndcb.web.visits import ENDED, NOTHING_KEPT, chosen, delete_files, files_of, visit_state
from ndcb.web.wiring import LATEST, QUEUE, Answer, connect


def layout() -> dict[str, Component]:
    """The components by their names."""
    given = {"pad": Pad("pad")}
    with gr.Row():
        given["draw"] = gr.Button("Distort my digit", variant="primary", size="sm", elem_id="draw")
        given["forget"] = gr.Button("Delete my data", size="sm")
    gr.Markdown(
        "Choose the brush beside the pad to draw, or take a sample (scikit-learn's digits):"
    )
    tiles = [digit.resize((84, 84), Image.NEAREST) for digit in samples.digits()]
    given["digits"] = gr.Gallery(
        [(tile, str(number)) for number, tile in enumerate(tiles)],
        label="Sample digits",
        show_label=False,
        columns=5,
        height=180,
        allow_preview=False,
        buttons=[],
        format="png",
        elem_id="digits",
    )
    given["generator"] = generator_choice("digits", "digits-generator")
    given["visit"] = visit_state(first_digit, delete_files)
    return given


def wire(handlers: "Handlers", given: dict[str, Component], shown: dict[str, Component]) -> None:
    """Call a handler at each event. shown: the components of `result.layout`."""
    pad, generator, visit = (given[name] for name in ("pad", "generator", "visit"))
    outputs = {"visit": visit, **shown}
    models = {"show_progress_on": [shown["template"]], **QUEUE}

    choice = [generator, visit]
    connect(given["draw"].click, handlers.on_drawing, [pad, *choice], outputs, **models)
    connect(given["digits"].select, handlers.on_digit, choice, outputs, **models)
    connect(generator.input, handlers.on_generator, choice, outputs, **models, **LATEST)
    connect(given["forget"].click, handlers.on_forget, visit, {"pad": pad, **outputs})


class Handlers:
    """What each event shows next: values by the names of the components."""

    def __init__(self, models: Models):
        self.models = models

    def on_drawing(self, drawing: Image.Image | None, generator: str, seen: Visit | None) -> Answer:
        return show_drawing(self.models, drawing, generator, seen or first_digit())

    def on_digit(self, generator: str, seen: Visit | None, event: gr.SelectData) -> Answer:
        digit = chosen(samples.digits(), event)
        return show(self.models, generator, Visit((digit,), files=files_of(seen)))

    def on_generator(self, generator: str, seen: Visit | None) -> Answer:
        if seen is None:
            return begin_again(first_digit(), ENDED)
        return show(self.models, generator, seen)

    def on_forget(self, seen: Visit | None) -> Answer:
        delete_files(seen)
        return {"pad": None, **begin_again(first_digit(), NOTHING_KEPT)}
