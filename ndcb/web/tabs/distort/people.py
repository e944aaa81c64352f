"""Faces of Labeled Faces in the Wild, for visitors who would rather not give their own."""

from pathlib import Path

import gradio as gr
from PIL import Image

from ndcb.core.terms import NotAvailable
from ndcb.faces import lfw
from ndcb.web import words
from ndcb.web.wiring import Answer

PEOPLE = 10
READING = "Reading Labeled Faces in the Wild; the first time it is downloaded, about 230 MB"
NOT_THERE = (
    "Labeled Faces in the Wild is not on the machine that serves this page and could not be"
    " downloaded. Connect that machine to the internet and try again, or use the sample or a photo"
    " of yours."
)


def layout() -> gr.Gallery:
    """An empty gallery, which shows once somebody asks for it."""
    return gr.Gallery(
        label="People of LFW that no generator has seen",
        show_label=False,
        columns=5,
        height=210,
        visible=False,
        allow_preview=False,
        buttons=[],
        elem_id="people",
    )


def unseen_people() -> list[Path]:
    """The same ten photos for every visitor. Raises NotAvailable."""
    return [photos[0] for photos in lfw.unseen_people(lfw.data_root(), PEOPLE)]


def show_people() -> Answer:
    """A gallery of them; where they cannot be had, what to do."""
    try:
        photos = unseen_people()
    except NotAvailable:
        return {"verdict": words.advice(NOT_THERE)}
    people = [(Image.open(photo), photo.parent.name.replace("_", " ")) for photo in photos]
    return {"people": gr.Gallery(people, visible=True)}
