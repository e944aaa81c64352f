"""The right half of the tab: both pictures, the verdict, every number, and their files."""

import json

import gradio as gr
from gradio.components import Component
from PIL import Image

from ndcb.models.pipeline import Distortion
from ndcb.models.templates import template_png
from ndcb.web import private_files, rates, words
from ndcb.web.wiring import Answer

PICTURE = {
    "format": "png",
    "interactive": False,
    "height": 300,
    "buttons": ["download", "fullscreen"],
}


def layout(first: Distortion, generator: str, note: str) -> dict[str, Component]:
    """The components by their names, with the stored example in them.

    It is on screen before any model has run.
    """
    original, template, numbers = save(first, "sample")
    with gr.Row(elem_classes="pair"):
        originals = gr.Image(original, label="Original, aligned", elem_id="original", **PICTURE)
        templates = gr.Image(
            template, label="Template: what is stored", elem_id="template", **PICTURE
        )
    verdict = gr.HTML(words.verdict(first, note), elem_id="verdict")
    scale = gr.HTML(_scale(first, generator), elem_id="scale")
    slider = gr.ImageSlider(
        (original, template),
        label="Drag: original | template",
        format="png",
        elem_id="slider",
        max_height=340,
    )
    with gr.Row():
        png = gr.DownloadButton("Template as PNG", value=template, size="sm", elem_id="png")
        file = gr.DownloadButton("Numbers as JSON", value=numbers, size="sm", elem_id="json")
    table = gr.Markdown(words.numbers(first), elem_classes="numbers", elem_id="numbers")
    return {
        "original": originals,
        "template": templates,
        "slider": slider,
        "verdict": verdict,
        "scale": scale,
        "png": png,
        "json": file,
        "numbers": table,
    }


def _scale(result: Distortion, generator: str) -> str:
    """With what the threshold on it lets in."""
    return words.scale(result) + rates.beside(generator, result.threshold)


def save(result: Distortion, generator: str) -> tuple[str, str, str]:
    """Original, template and numbers as files that the visit lists for "Delete my data"."""
    scale = 8 if result.template.width < 100 else 1
    sides = [scale * side for side in result.original.size]
    original = result.original.resize(sides, Image.NEAREST)
    template = template_png(result.template, generator)
    numbers = json.dumps({"generator": generator, **words.as_json(result)}, indent=2)
    return (
        private_files.save(original, "original.png"),
        private_files.save(template, f"{generator}.template.png"),
        private_files.save(numbers.encode(), f"{generator}.json"),
    )


def shown(result: Distortion, generator: str, files: tuple[str, str, str], note: str) -> Answer:
    """What the components of `layout` show of a distortion. files: what `save` wrote of it."""
    original, template, numbers = files
    return {
        "original": original,
        "template": template,
        "slider": (original, template),
        "verdict": words.verdict(result, note),
        "scale": _scale(result, generator),
        "png": gr.DownloadButton(value=template),
        "json": gr.DownloadButton(value=numbers),
        "numbers": words.numbers(result),
    }


def cleared(text: str) -> Answer:
    """The same where nothing is shown, and why."""
    return {
        "original": None,
        "template": None,
        "slider": None,
        "verdict": words.advice(text),
        "scale": "",
        "png": gr.DownloadButton(value=None),
        "json": gr.DownloadButton(value=None),
        "numbers": "",
    }
