"""The quiz: one template, five faces; whose is it?"""

import html
from dataclasses import replace

import gradio as gr
import numpy as np

from ndcb.attacks import line_up
from ndcb.attacks.line_up import CHOICES, FEWEST, LFW, MOST, OWN, Player, Tally
from ndcb.core.terms import NotAvailable, UserError
from ndcb.faces.lfw import data_root, lfw_files
from ndcb.models.pipeline import Models
from ndcb.web import words
from ndcb.web.figures import inline
from ndcb.web.photo import Photos
from ndcb.web.tabs.attacks.common import NOTHING_KEPT, row
from ndcb.web.tabs.distort import LATEST, QUEUE, delete_files, generators
from ndcb.web.visits import KEEP_SECONDS, visit_state

DOWNLOADS = {"concurrency_id": "lfw", "concurrency_limit": 1}
"""As on the tab Distort: one download at a time, and it keeps nobody from the models."""
QUIZ = f"""\
One template, {CHOICES} faces: whose is it? *LFW's people* are strangers to the generators, and
the template is made of **another photo** of the person than the one you see. *Your own photos*,
each of another person, only test the **same photo**, which is easier. The people are drawn at
random; look-alikes would be harder."""
OFFLINE = (
    "LFW is not on this server and could not be downloaded. Use your own photos, or ask whoever"
    " runs this page to connect it to the internet once."
)
QUIZ_ENDED = (
    "The quiz ended after ten minutes, and its score and your photos were deleted. Begin again."
)


def build(models: Models) -> None:
    gr.Markdown(QUIZ)
    choices = generators("faces")
    generator = gr.Radio(
        choices,
        value=choices[0][1] if choices else None,
        label="Generator",
        elem_id="lineup-generator",
    )
    with gr.Row():
        load = gr.Button(
            "Use LFW's people", variant="primary", size="sm", min_width=150, elem_id="lineup-lfw"
        )
        forget = gr.Button("Delete my data", size="sm", min_width=150, elem_id="lineup-forget")
    with gr.Accordion(
        f"Or your own: {FEWEST} to {MOST} photos, each of another person", open=False
    ):
        own = Photos(
            label="Photos",
            file_count="multiple",
            file_types=["image"],
            height=140,
            elem_id="lineup-own",
        )
    with gr.Row(elem_id="lineup-board"):
        with gr.Column(scale=4, min_width=320):
            asked = gr.HTML("", elem_id="lineup-asked")
        with gr.Column(scale=6, min_width=320), gr.Row(elem_id="lineup-faces"):
            faces, buttons = zip(*map(_choice, range(1, CHOICES + 1)), strict=True)
    said = gr.HTML(words.advice(line_up.NO_PEOPLE), elem_id="lineup-verdict")
    following = gr.Button("Next template", size="sm", elem_id="lineup-next")
    scores = gr.HTML(scores_table(Player()), elem_id="lineup-score", elem_classes="stolen-trials")
    _wire(
        models, generator, [load, following, forget], own, [said, scores, asked, *faces, *buttons]
    )


def _choice(number: int) -> tuple[gr.HTML, gr.Button]:
    """A face and the button that names it."""
    with gr.Column(min_width=60):
        return (
            gr.HTML("", elem_classes="stolen-face", elem_id=f"lineup-face-{number}"),
            gr.Button(
                f"Face {number}",
                size="sm",
                min_width=60,
                interactive=False,
                elem_id=f"lineup-answer-{number}",
            ),
        )


def _wire(models: Models, generator, actions: list, own, shown: list) -> None:
    player = visit_state(Player, delete_files)
    there = gr.State(False, time_to_live=KEEP_SECONDS)
    (load, following, forget), outputs = actions, [player, *shown]
    private = {"api_visibility": "private", "show_progress_on": [shown[0]]}

    def on_load(progress=gr.Progress()) -> list:
        return load_lfw(progress)

    def on_loaded(found: bool, name: str, seen: Player | None, progress=gr.Progress()) -> list:
        if not found:
            return [gr.skip()] * len(outputs)
        return ask(models, name, replace(seen or Player(), source=LFW), progress)

    def on_own(paths: list[str], name: str, seen: Player | None, progress=gr.Progress()) -> list:
        return take_own(models, paths, name, seen or Player(), progress)

    def on_next(name: str, seen: Player | None, progress=gr.Progress()) -> list:
        return ask(models, name, seen, progress) if seen else blank(QUIZ_ENDED)

    def on_forget(seen: Player | None) -> list:
        delete_files(seen)
        return [None, *blank(NOTHING_KEPT)]

    loaded = load.click(on_load, None, [there, shown[0]], **private, **DOWNLOADS)
    loaded.then(on_loaded, [there, generator, player], outputs, **private, **QUEUE)
    own.upload(on_own, [own, generator, player], outputs, **private, **QUEUE, **LATEST)
    following.click(on_next, [generator, player], outputs, **private, **QUEUE)
    generator.input(on_next, [generator, player], outputs, **private, **QUEUE, **LATEST)
    forget.click(on_forget, player, [own, *outputs], **private, **QUEUE)
    for place, button in enumerate(shown[-CHOICES:]):
        button.click(
            _answering(place), player, outputs, api_visibility="private", show_progress="hidden"
        )


def _answering(place: int):
    """A handler of its own for each button."""

    def on_answer(seen: Player | None) -> list:
        return answer(seen, place) if seen else blank(QUIZ_ENDED)

    return on_answer


def load_lfw(progress) -> list:
    """If LFW is there now, and what to say; downloads it the first time.

    NotAvailable's own text names a folder of the server.
    """
    there = (data_root() / "lfw_home" / "lfw_funneled").is_dir()
    progress(0.1, desc="Looking for LFW" if there else "Downloading LFW")
    try:
        lfw_files(data_root())
    except NotAvailable:
        return [False, words.advice(OFFLINE)]
    return [True, gr.skip()]


def take_own(models: Models, paths: list[str], generator: str, player: Player, progress) -> list:
    """The visitor's photos become the people.

    Their files are remembered first, so that they can be deleted.
    """
    seen = replace(player, files=(*player.files, *paths))
    progress(0.2, desc="Finding the faces")
    try:
        faces, left_out = line_up.faces_of(models, paths)
    except UserError as error:
        return [seen, *_only_say(str(error))]
    return ask(models, generator, replace(seen, faces=faces, source=OWN), progress, left_out)


def ask(models: Models, generator: str, player: Player, progress, note: str = "") -> list:
    """The player with a new question, and a value for each output."""
    progress(0.6, desc="Making the next template")
    try:
        seen = line_up.ask(models, generator, player, data_root(), np.random.default_rng())
    except NotAvailable:
        return [player, *_only_say(OFFLINE)]
    except UserError as error:
        return [player, *_only_say(str(error))]
    return [seen, *show_question(seen, words.advice(f"Whose template is this? {note}".strip()))]


def answer(player: Player, place: int) -> list:
    """The player with the answer counted, and a value for each output."""
    try:
        seen = line_up.answer(player, place)
    except UserError as error:
        return [player, *_only_say(str(error))]
    right = seen.question.answer
    kind, says = "no", f"No: it is face {right + 1}, not {place + 1}."
    if place == right:
        kind, says = "yes", f"Right: it is face {right + 1}."
    box = words.box(kind, f"<strong>{says}</strong> Press <em>Next template</em> to go on.")
    return [seen, *show_question(seen, box, place)]


def show_question(player: Player, said: str, place: int | None = None) -> list:
    """A value for each output but the player.

    Once it is answered, they show which face it is and what the template was made of.
    """
    question, answered = player.question, player.answered
    asked = [inline(question.template, f"whose template is this? ({question.generator})")]
    asked += [inline(question.made_of, "it was made of this photo")] if answered else []
    faces = [
        inline(face, *_mark(number, question.answer if answered else None, place))
        for number, face in enumerate(question.choices)
    ]
    return [
        said,
        scores_table(player),
        row(asked),
        *faces,
        *(gr.Button(interactive=not answered) for _ in faces),
    ]


def _mark(number: int, right: int | None, place: int | None) -> tuple[str, str]:
    """Caption and class of a face: in words as well as by its frame."""
    if right is None or number not in (right, place):
        return f"face {number + 1}", ""
    if number == right:
        return f"face {number + 1}: this one", "it"
    return f"face {number + 1}: your answer", "wrong"


def _only_say(text: str) -> list:
    """Everything else on screen stays."""
    return [words.advice(html.escape(text)), *[gr.skip()] * (2 + 2 * CHOICES)]


def blank(text: str) -> list:
    """Player and outputs as they are before the first question."""
    return [
        Player(),
        words.advice(text),
        scores_table(Player()),
        "",
        *[""] * CHOICES,
        *(gr.Button(interactive=False) for _ in range(CHOICES)),
    ]


def scores_table(player: Player) -> str:
    """The answers by generator and source."""
    if not player.tallies:
        return f"<p>{line_up.score(Tally())}</p>"
    lines = "".join(
        f'<tr><th scope="row">{html.escape(name)}<br><small>{source}</small></th>'
        f"<td>{line_up.score(tally)}</td></tr>"
        for (name, source), tally in player.tallies.items()
    )
    return f"<table><caption>Your answers</caption><tbody>{lines}</tbody></table>"
