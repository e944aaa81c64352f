"""The tab Attacks: what a thief of templates restores, logs in with and links, and a quiz: whose
template is this?
"""

import gradio as gr

from ndcb.models.pipeline import Models
from ndcb.web.static_files import static
from ndcb.web.tabs.attacks import quiz, restoration, theft

INTRODUCTION = (
    "Who steals the database has the templates, and can have this program. What is that worth?"
    " Three attacks on each generator."
)
CSS = static("attacks.css")


def build(models: Models) -> None:
    """Lay out the tab inside the page that is being built."""
    gr.Markdown(INTRODUCTION)
    with gr.Tab("Restoration"):
        restoration.build()
    with gr.Tab("Replay"):
        theft.build(models)
    with gr.Tab("Quiz"):
        quiz.build(models)
