"""The left half of the tab: what a visitor gives, and the buttons."""

import gradio as gr

from ndcb.models.kinds import is_digit
from ndcb.vault.enrolment import MOST_PHOTOS
from ndcb.vault.names import LONGEST_NAME
from ndcb.web import private_files
from ndcb.web.choices import generators
from ndcb.web.demonstration import sample_pictures
from ndcb.web.photo import BLOCKED, Photo, Photos
from ndcb.web.tabs.login import key, results
from ndcb.web.visits import chosen
from ndcb.web.wiring import LATEST, Answer, connect

SAMPLES = "Or click a sample; the digits are in other hands than those in the vault:"
BUTTONS = {
    "enrol": "Enrol",
    "verify": "Log in",
    "identify": "Who is it? (1:N)",
    "renew": "Renew",
    "revoke": "Revoke the name",
    "forget": "Delete my data",
}


def layout() -> dict:
    """The parts by name."""
    photo = Photo("Your photo", height=260, elem_id="login-photo")
    gr.Markdown(BLOCKED, elem_classes="privacy")
    samples = _samples()
    with gr.Accordion(
        f"More photos of the same person, to enrol with up to {MOST_PHOTOS}", open=False
    ):
        more = Photos(label="More photos", file_count="multiple", height=120, elem_id="login-more")
    choices = [*generators("faces"), *key.generators(), *generators("digits")]
    generator = gr.Dropdown(
        choices,
        value=choices[0][1],
        label="Generator: what makes the template",
        filterable=False,
        elem_id="login-generator",
    )
    name = gr.Textbox(
        label="Name", max_length=LONGEST_NAME, placeholder="such as Ann", elem_id="login-name"
    )
    parts = {"photo": photo, "more": more, "generator": generator, "name": name}
    return parts | samples | key.layout() | _buttons()


def _samples() -> dict:
    gr.Markdown(SAMPLES, elem_classes="privacy")
    pictures = sample_pictures()
    files = [private_files.save(picture, "sample.png") for picture, _, _ in pictures]
    captions = [caption for _, caption, _ in pictures]
    tiles = gr.Gallery(
        list(zip(files, captions, strict=True)),
        label="Samples",
        show_label=False,
        columns=6,
        height=200,
        allow_preview=False,
        buttons=[],
        format="png",
        elem_id="login-samples",
    )
    return {"tiles": tiles, "files": files}


def _buttons() -> dict:
    with gr.Row():
        return {
            key: gr.Button(
                text,
                size="sm",
                min_width=130,
                variant="primary" if key == "verify" else "secondary",
                visible=key != "renew",
                elem_id=f"login-{key}",
            )
            for key, text in BUTTONS.items()
        }


def wire(parts: dict) -> None:
    """The samples, the generator's controls, and which files the visitor gave."""
    quiet = {"show_progress": "hidden"}
    generator, kept = parts["generator"], {"kept": parts["kept"]}

    def on_sample(generator: str, fmr: str, event: gr.SelectData) -> Answer:
        index = chosen(range(len(parts["files"])), event)
        return use_sample(parts["files"], index, generator, fmr)

    for event, part in (
        (parts["photo"].input, "photo"),
        (parts["more"].upload, "more"),
        (parts["card"].upload, "card"),
    ):
        connect(event, keep, [parts[part], parts["kept"]], kept, **quiet, **LATEST)
    outputs = {name: parts[name] for name in ("photo", "generator", *results.JUDGED)}
    connect(parts["tiles"].select, on_sample, [generator, parts["fmr"]], outputs, **quiet)
    outputs = {name: parts[name] for name in ("key", "renew", "threshold", "bar")}
    connect(generator.change, key.show_kind, generator, outputs, **quiet)


def keep(given: str | list | None, paths: tuple) -> Answer:
    """Remember a visitor's files, so that they can be deleted."""
    return {"kept": (*paths, *([given] if isinstance(given, str) else given or []))}


def use_sample(files: list[str], index: int, generator: str, fmr: str) -> Answer:
    """Photo, generator, and how strict a login is; a generator of the sample's kind stays."""
    wanted = sample_pictures()[index][2]
    if is_digit(wanted) == is_digit(generator):
        return {"photo": files[index]}
    return {"photo": files[index], "generator": wanted, **results.strictness(wanted, fmr)}
