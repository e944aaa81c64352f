"""The sealed templates' part of the tab Attacks: what was measured of them, and where to try it."""

import html
from pathlib import Path

import gradio as gr

from ndcb.attacks import line_up as attacks
from ndcb.report import sealed
from ndcb.report.cells import details
from ndcb.results import evaluations
from ndcb.results.summaries import SealedEvaluation
from ndcb.web import words

INTRODUCTION = """**Sealed templates** are made with a secret key of their own. What they store is a direction that the key has turned at
random, so without the key a template is as likely to be anybody's. The tab *Login* plays a theft of them, live."""


def build(pictures_row) -> None:
    """pictures_row: (caption, file) of each picture -> HTML."""
    for name, evaluation in evaluations.sealed().items():
        label = html.escape(words.generator_label(name))
        gr.HTML(f"<h3>{label}</h3>{pictures_row(pictures(name))}", elem_id=f"restored-{name}")
        gr.Markdown(text(evaluation), elem_classes="stolen-table", elem_id=f"restored-{name}-table")


def pictures(name: str) -> list[tuple[str, Path]]:
    """(caption, file) of those that are there."""
    folder = evaluations.FOLDER / name / "evaluation" / "attacks"
    captions = attacks.PICTURES | {"another_key": "the same photo under another key"}
    order = ("photo", "template", "another_key", "restoration", "template_inversion")
    return [
        (captions[key], folder / f"{key}.png") for key in order if (folder / f"{key}.png").is_file()
    ]


def text(evaluation: SealedEvaluation) -> str:
    parts = evaluation.sealed
    more = [sealed.verification(parts.verification), sealed.times(parts.times)]
    return "\n\n".join(
        [
            INTRODUCTION,
            sealed.finding(parts),
            sealed.restoration(parts.restoration),
            sealed.security(parts.security),
            sealed.linkability(parts.linkability),
            details("Accuracy and time", "\n\n".join(more)),
        ]
    )
