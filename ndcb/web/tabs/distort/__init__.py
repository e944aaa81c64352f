"""The first tab: a photo or a drawn digit -> its template, side by side and under a slider, with
every number.
"""

from dataclasses import replace

import gradio as gr

from ndcb.core.terms import DEFAULT_FACES, UserError
from ndcb.models import examples
from ndcb.models.operating_points import DEFAULT
from ndcb.models.pipeline import Models
from ndcb.models.templates import template_png
from ndcb.results.thresholds import login_threshold
from ndcb.web import private_files, words
from ndcb.web.choices import known_fmr, known_generator, operating_point_field
from ndcb.web.photo import Photo, refusal
from ndcb.web.static_files import static
from ndcb.web.tabs.distort import digits, faces, result
from ndcb.web.tabs.distort.visit import CREDIT
from ndcb.web.wiring import QUEUE

CSS = static("distort.css")


def build(models: Models) -> None:
    """Lay out the tab inside the page that is being built."""
    with gr.Row():
        with gr.Column(scale=4, min_width=320):
            with gr.Tab("Face"):
                face = faces.layout()
            with gr.Tab("Digit"):
                digit = digits.layout()
        with gr.Column(scale=6, min_width=320):
            shown = result.layout(examples.example(DEFAULT_FACES), DEFAULT_FACES, CREDIT)
    faces.wire(faces.Handlers(models), face, shown)
    digits.wire(digits.Handlers(models), digit, shown)
    _api(models)


def _api(models: Models) -> None:
    """The public endpoint, on components that the page does not show."""
    photo = Photo("photo", visible=False)
    generator = gr.Textbox(DEFAULT_FACES, label="generator", visible=False)
    operating_point = operating_point_field()
    template = gr.Image(label="template", format="png", visible=False)
    numbers = gr.JSON(label="numbers", visible=False)

    def distort(path: str | None, name: str, fmr: str = DEFAULT):
        """Distort the largest face of a photo: the template (lossless PNG), and its distances,
        alpha, threshold and decision. `fmr`: the threshold is the one at which so many strangers
        are accepted, "1%", "0.1%" or "0.01%"; "0.1%" unless told otherwise.
        """
        try:
            limit = login_threshold(known_generator(name), known_fmr(fmr))
            made = models.distorter(name).distort(models.find(path)[0])
        except UserError as error:
            raise refusal(str(error)) from None
        template = private_files.save(template_png(made.template, name), f"{name}.template.png")
        return template, words.as_json(replace(made, threshold=limit))

    gr.Button(visible=False).click(
        distort,
        [photo, generator, operating_point],
        [template, numbers],
        api_name="distort",
        **QUEUE,
    )
