"""Where a sealed template's key comes from, and the new card to take away. Names are escaped."""

import base64
import html

import gradio as gr

from ndcb.models.kinds import is_sealed, sealed_generators
from ndcb.vault.key_card import KeyCard
from ndcb.web import words
from ndcb.web.figures import data_url
from ndcb.web.photo import Photos
from ndcb.web.wiring import LATEST, Answer, connect

SOURCES = [("A passphrase", "passphrase"), ("A key card: enrolling makes one", "card")]


def generators() -> list[tuple[str, str]]:
    """(label, name) of the sealed ones."""
    return [(words.generator_label(name), name) for name in sealed_generators()]


def layout() -> dict:
    """The parts by name; they are seen while a sealed generator is chosen."""
    with gr.Group(visible=False, elem_id="login-key") as group:
        source = gr.Radio(
            SOURCES, value="passphrase", label="Where the key comes from", elem_id="login-source"
        )
        passphrase = gr.Textbox(
            label="Passphrase",
            type="password",
            placeholder="several words",
            elem_id="login-passphrase",
        )
        card = Photos(
            label="Key card, its file or a picture",
            file_count="multiple",
            height=110,
            visible=False,
            elem_id="login-card",
        )
    outputs = {"passphrase": passphrase, "card": card}
    quiet = {"show_progress": "hidden", "queue": False}
    connect(source.input, show_source, source, outputs, **quiet, **LATEST)
    return {"key": group, "source": source, **outputs}


def show_source(source: str) -> Answer:
    """The passphrase or the card."""
    return {
        "passphrase": gr.Textbox(visible=source == "passphrase"),
        "card": gr.File(visible=source == "card"),
    }


def show_kind(generator: str) -> Answer:
    """What is seen with a generator: the key and Renew, or slider and scale.

    The latter mean nothing where no distance is told.
    """
    sealed = is_sealed(generator)
    return {
        "key": gr.Group(visible=sealed),
        "renew": gr.Button(visible=sealed),
        "threshold": gr.Slider(visible=not sealed),
        "bar": gr.HTML(visible=not sealed),
    }


def card_view(card: KeyCard | None) -> str:
    """The card, with links that save it: no file of it is written here."""
    if card is None:
        return ""
    picture, text = data_url(card.picture()), base64.b64encode(card.text().encode()).decode()
    name = f"key-card-{card.version}"
    return (
        f'<div class="key-card"><img src="{picture}" alt="key card with a QR code"><div><strong>Key'
        f' card {card.version} of {html.escape(card.name)}</strong><br><a download="{name}.json"'
        f' href="data:application/json;base64,{text}">Save the card</a><a download="{name}.png"'
        f' href="{picture}">Save the picture to print</a><br>Whoever has it has your'
        " key.</div></div>"
    )
