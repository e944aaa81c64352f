"""The camera's stream, distorted as it runs.

The browser takes a frame, sends it, shows the answer and takes the next one. Each message holds all
that the answer needs. So the server keeps nothing of a visitor between two frames, in memory or on
disk, and a stream that stops or vanishes leaves nothing behind.
"""

import json

import gradio as gr

from ndcb.core.terms import DEFAULT_FACES
from ndcb.models import checkpoints, examples
from ndcb.models.live import Line
from ndcb.models.pipeline import Models
from ndcb.results import thresholds
from ndcb.web import rates, words
from ndcb.web.choices import generators
from ndcb.web.figures import data_url
from ndcb.web.static_files import static
from ndcb.web.tabs.live.frames import answer
from ndcb.web.tabs.live.texts import (
    CREDIT,
    DECIDE_SECONDS,
    HANDS,
    HOW,
    INTRODUCTION,
    PATIENCE_SECONDS,
    RATE_SECONDS,
    SECONDS,
    STREAMS,
    TEXTS,
)
from ndcb.web.wiring import LATEST, Answer, connect

CSS = static("live.css")


def build(models: Models) -> None:
    """Lay out the tab inside the page that is being built."""
    line = Line(HANDS * STREAMS)

    def distort_frame(sent: dict) -> dict:
        return answer(models, line, sent)

    gr.Markdown(INTRODUCTION)
    gr.HTML(
        html_template=first_screen(),
        js_on_load=script(),
        server_functions=[distort_frame],
        apply_default_css=False,
        elem_id="live",
    )
    first = DEFAULT_FACES if DEFAULT_FACES in checkpoints.names() else None
    beside = gr.HTML(first and rates_of(first)["rates"], elem_id="live-rates")
    generator = gr.Radio(
        generators("faces"), value=first, label="Generator", elem_id="live-generator"
    )
    quiet = {"show_progress": "hidden", "queue": False}
    connect(generator.input, rates_of, generator, {"rates": beside}, **quiet, **LATEST)


def rates_of(generator: str) -> Answer:
    """What the threshold of all frames lets in: told once, and not with each of them."""
    return {"rates": rates.beside(generator, thresholds.login_threshold(generator))}


def first_screen() -> str:
    """The stored example, on screen before the camera or any model runs.

    The script finds the parts by their classes.
    """
    first = examples.example(DEFAULT_FACES)
    original, template = data_url(first.original), data_url(first.template)
    return f"""
<div class="live">
  <div class="live-pair">
    <figure class="live-camera"><div class="live-view">
      <video class="live-video" muted playsinline poster="{original}"></video>
      <div class="live-box"></div>
    </div><figcaption>Camera</figcaption></figure>
    <figure class="live-made"><div class="live-view">
      <img class="live-template" alt="template of the last frame" src="{template}">
    </div><figcaption>Template</figcaption></figure>
  </div>
  <div class="live-buttons">
    <button class="live-go">{TEXTS["start"]}</button>
    <button class="live-forget">Delete my data</button>
  </div>
  <div class="live-verdict">{words.verdict(first, CREDIT)}</div>
  <p class="live-rate">{TEXTS["rate"]}</p>
  <p class="privacy">{HOW}</p>
</div>"""


def script() -> str:
    """The tab's script, with its texts and limits in it."""
    settings = {
        "texts": TEXTS,
        "seconds": SECONDS,
        "patience": PATIENCE_SECONDS,
        "decide": DECIDE_SECONDS,
        "hands": HANDS,
        "span": RATE_SECONDS,
    }
    return static("live.js").replace("= SETTINGS;", f"= {json.dumps(settings)};")
