"""The sealed part of the tab Login: where the key comes from, the card to take away, and what the
thief is told. Every name is escaped.
"""

import base64
import html
import io

import gradio as gr
from PIL import Image

from ndcb.attacks.thief import Link, Restoration
from ndcb.core.terms import Decision
from ndcb.vault.key_card import KeyCard
from ndcb.vault.vault import Entry
from ndcb.web import session as login
from ndcb.web import words
from ndcb.web.photo import Photos
from ndcb.web.sealed_session import Given, SealedLogin
from ndcb.web.wiring import LATEST

STORY = """### A theft, in five steps
1. Choose the sealed generator above, give your photo, a name and a passphrase (or ask for a key card), and **Enrol**.
2. **Log in** with the same key. Another face is refused, and so is your own with another key.
3. The database is stolen: click your template below. The thief tries to **link** it to your photo, to **log in** with it, and to
   **restore** your face from it.
4. **Renew**: a new key, a new template. What the thief has matches nothing any more.
5. Do it all again with a plain generator. Every attack works, and revoking and enrolling anew does not stop the thief."""
STILL = """**What a key does not stop.** Who steals the *key* with the template has your embedding, and logs in wherever it is used plain.
Who has a *photo* of you and the key logs in: nothing here tells a photo from a living face. Who has taken over the *server* sees photos
and keys as they come. On this page the server is this program: passphrases and cards come to it with each click, and it keeps none."""
PLAIN_BEFORE = (
    " The old template was plain: whoever has a copy of it can still use it in place of your photo."
)
BY_CHANCE = (
    "That is chance: to the recogniser a sealed template is some stranger's face, and it mistakes a"
    " few strangers in a hundred."
)
SOURCES = [("A passphrase", "passphrase"), ("A key card: enrolling makes one", "card")]
CSS = """
.key-card { display: flex; gap: 1rem; align-items: start; flex-wrap: wrap }
.key-card img { width: 220px; image-rendering: pixelated; border: 1px solid var(--border-color-primary); border-radius: 4px }
.key-card a { display: inline-block; margin: .2rem .6rem .2rem 0; text-decoration: underline }
.thief-pictures { display: flex; gap: .6rem; margin-top: .5rem } .thief-pictures figure { margin: 0; flex: 0 1 150px; min-width: 0 }
.thief-pictures img { width: 100%; border-radius: 4px; image-rendering: pixelated } .thief-pictures figcaption { font-size: .78rem }
#login-new-card:not(:has(img)) { display: none }
"""


def generators() -> list[tuple[str, str]]:
    """(label, name)."""
    return [(words.generator_label(name), name) for name in login.sealed_generators()]


def controls() -> dict:
    """Seen while a sealed generator is chosen."""
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
    source.input(
        lambda chosen: [
            gr.Textbox(visible=chosen == "passphrase"),
            gr.File(visible=chosen == "card"),
        ],
        source,
        [passphrase, card],
        api_visibility="private",
        show_progress="hidden",
        queue=False,
        **LATEST,
    )
    return {"group": group, "source": source, "passphrase": passphrase, "card": card}


def given(source: str, passphrase: str, cards: list[str]) -> Given:
    return Given(source, passphrase or "", cards[-1] if cards else None)


# what is said


def stored(
    entry: Entry, card: KeyCard | None, faces: int, renewed: bool = False, was_plain: bool = False
) -> str:
    """was_plain: what was renewed had no key yet."""
    head = "Renewed" if renewed else "Enrolled"
    old = (
        ""
        if not renewed
        else PLAIN_BEFORE
        if was_plain
        else " The old template and its key are worthless now."
    )
    take = (
        " <strong>Take the new key card with you</strong>: it is shown this once, below."
        if card
        else " Keep the passphrase: it is nowhere here."
    )
    many = (
        "1 sealed template is"
        if entry.templates == 1
        else f"{entry.templates} sealed templates are"
    )
    several = f" {faces} faces were found in the photo; the largest counts." if faces > 1 else ""
    return words.box(
        "yes",
        f"<strong>{head}: {html.escape(entry.name)}.</strong> {many} stored.{old}{take}{several}",
    )


def verdict(attempt: SealedLogin) -> str:
    """Yes or no, and no distance: who can try photos could follow it."""
    name = html.escape(attempt.name)
    by = {"passphrase": "the passphrase", "card": "the key card"}[attempt.source]
    if attempt.kind == "replay":
        text = (
            f"The thief is in as {name}."
            if attempt.accepted
            else (
                f"The stolen template does not log in as {name}, not even with "
                f"{by}, which the server would use: the key turns it once more."
            )
        )
    else:
        text = (
            f"The photo and {by} log in as {name}."
            if attempt.accepted
            else f"The photo and {by} do not log in as {name}."
        )
    gone = (
        " This template is not in the vault any more; the thief's copy of it was tried."
        if attempt.revoked
        else ""
    )
    several = (
        f" {attempt.faces} faces were found in the photo; the largest counts."
        if attempt.faces > 1
        else ""
    )
    return words.box(
        "yes" if attempt.accepted else "no",
        f"<strong>{'Accepted' if attempt.accepted else 'Refused'}.</strong> {text}{gone}"
        f"{several} A sealed login tells no distance.",
    )


def linked(link: Link) -> str:
    """By the thief's own recogniser, on pictures the thief has."""
    head = "Linked" if link.photo.same else "Not linked"
    name, what = html.escape(link.name), "digit" if link.digit else "face"
    text = (
        f"<strong>{head}: the template stored for {name} and the photo that was given.</strong> To"
        f" the thief's recogniser they are {'one' if link.photo.same else 'not one'}"
        f" {'digit' if link.digit else 'person'}: {_distance(link.photo)}."
    )
    if link.sealed and link.photo.same:
        text += f" {BY_CHANCE}"
    if link.same_file:
        text += " The template is still the one that is stored."
    elif link.stored:
        text += (
            " The template that is stored under the name now is another one:"
            f" {_distance(link.stored)}, {_renewed(link)}"
        )
    else:
        text += f" No template of a {what} is stored under the name any more."
    return words.box("no" if link.photo.same else "yes", text)


def _renewed(link: Link) -> str:
    """Does the old template match the new one? Where either is sealed they are independent, and
    still under the threshold now and then.
    """
    if not link.stored.same:
        return "so the old one does not match it."
    if link.sealed or link.sealed_now:
        return f"so they look alike. {BY_CHANCE}"
    return "so the old one still matches it: the new template helps nobody."


def _distance(decision: Decision) -> str:
    side = "under" if decision.same else "over"
    return f"squared distance {decision.squared_distance:.3f}, {side} {decision.threshold:.3f}"


def restored(found: Restoration) -> str:
    """The pictures stay in the page."""
    what = (
        "A sealed template: the face is nobody's, another one for every key."
        if found.sealed
        else "A plain template holds the embedding, and this is what the embedding tells."
    )
    pictures = {"stolen template": found.template, "restored from it": found.restored}
    if found.known:
        pictures["restored from your photo's embedding"] = found.known
        what += " Compare it with what your photo's own embedding gives."
    figures = "".join(
        f'<figure><img src="{_inline(picture)}"'
        f' alt="{text}"><figcaption>{text}</figcaption></figure>'
        for text, picture in pictures.items()
    )
    return (
        words.box(
            "yes" if found.sealed else "no",
            f"<strong>Restored: {html.escape(found.name)}.</strong> {what}",
        )
        + f'<div class="thief-pictures">{figures}</div>'
    )


def card_view(card: KeyCard | None) -> str:
    """The card, with links that save it: no file of it is written here."""
    if card is None:
        return ""
    picture, text = _inline(card.picture()), base64.b64encode(card.text().encode()).decode()
    name = f"key-card-{card.version}"
    return (
        f'<div class="key-card"><img src="{picture}" alt="key card with a QR code"><div><strong>Key'
        f' card {card.version} of {html.escape(card.name)}</strong><br><a download="{name}.json"'
        f' href="data:application/json;base64,{text}">Save the card</a><a download="{name}.png"'
        f' href="{picture}">Save the picture to print</a><br>Whoever has it has your'
        " key.</div></div>"
    )


def _inline(picture: Image.Image) -> str:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
