"""The quiz: one template, five faces; whose is it?"""

import html
from collections.abc import Callable
from dataclasses import replace

import gradio as gr
import numpy as np
from gradio.components import Component

from ndcb.attacks import line_up
from ndcb.attacks.line_up import CHOICES, FEWEST, LFW, MOST, OWN, Player, Tally
from ndcb.core.terms import NotAvailable, UserError
from ndcb.faces.lfw import data_root, lfw_files
from ndcb.models.pipeline import Models
from ndcb.web import words
from ndcb.web.choices import generator_choice
from ndcb.web.figures import inline
from ndcb.web.photo import Photos
from ndcb.web.tabs.attacks.common import NOTHING_KEPT, row
from ndcb.web.visits import KEEP_SECONDS, delete_files, visit_state
from ndcb.web.wiring import LATEST, QUEUE, Answer, connect

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
    generator = generator_choice("faces", "lineup-generator")
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
    parts = _board()
    following = gr.Button("Next template", size="sm", elem_id="lineup-next")
    parts["scores"] = gr.HTML(
        scores_table(Player()), elem_id="lineup-score", elem_classes="stolen-trials"
    )
    parts |= {"own": own, "player": visit_state(Player, delete_files)}
    parts["there"] = gr.State(False, time_to_live=KEEP_SECONDS)
    given = {"generator": generator, "load": load, "forget": forget, "following": following}
    _wire(models, given, parts)


def _board() -> dict[str, Component]:
    """The template, the faces and the buttons that name them, and what is said."""
    parts = {}
    with gr.Row(elem_id="lineup-board"):
        with gr.Column(scale=4, min_width=320):
            parts["asked"] = gr.HTML("", elem_id="lineup-asked")
        with gr.Column(scale=6, min_width=320), gr.Row(elem_id="lineup-faces"):
            for number in range(1, CHOICES + 1):
                parts |= _choice(number)
    parts["said"] = gr.HTML(words.advice(line_up.NO_PEOPLE), elem_id="lineup-verdict")
    return parts


def _choice(number: int) -> dict[str, Component]:
    """A face and the button that names it."""
    with gr.Column(min_width=60):
        face = gr.HTML("", elem_classes="stolen-face", elem_id=f"lineup-face-{number}")
        button = gr.Button(
            f"Face {number}",
            size="sm",
            min_width=60,
            interactive=False,
            elem_id=f"lineup-answer-{number}",
        )
    return {f"face {number}": face, f"answer {number}": button}


def _wire(models: Models, given: dict[str, Component], parts: dict[str, Component]) -> None:
    def on_loaded(there: bool, name: str, seen: Player | None, progress=gr.Progress()) -> Answer:
        player = replace(seen or Player(), source=LFW)
        return ask(models, name, player, progress) if there else {}

    def on_own(paths: list[str], name: str, seen: Player | None, progress=gr.Progress()) -> Answer:
        return take_own(models, paths, name, seen or Player(), progress)

    def on_next(name: str, seen: Player | None, progress=gr.Progress()) -> Answer:
        return ask(models, name, seen, progress) if seen else blank(QUIZ_ENDED)

    busy = {"show_progress_on": parts["said"]}
    choice = [given["generator"], parts["player"]]
    own, there = parts["own"], parts["there"]
    outputs = {name: part for name, part in parts.items() if name not in ("own", "there")}
    loaded = given["load"].click(
        load_lfw, None, [there, parts["said"]], api_visibility="private", **busy, **DOWNLOADS
    )
    connect(loaded.then, on_loaded, [there, *choice], outputs, **busy, **QUEUE)
    connect(own.upload, on_own, [own, *choice], outputs, **busy, **QUEUE, **LATEST)
    connect(given["following"].click, on_next, choice, outputs, **busy, **QUEUE)
    connect(given["generator"].input, on_next, choice, outputs, **busy, **QUEUE, **LATEST)
    cleared = {**outputs, "own": own}
    connect(given["forget"].click, on_forget, parts["player"], cleared, **busy, **QUEUE)
    for place in range(CHOICES):
        button = parts[f"answer {place + 1}"]
        handler = _answering(place)
        connect(button.click, handler, parts["player"], outputs, show_progress="hidden")


def _answering(place: int) -> Callable[[Player | None], Answer]:
    """A handler of its own for each button."""

    def on_answer(seen: Player | None) -> Answer:
        return answer(seen, place) if seen else blank(QUIZ_ENDED)

    return on_answer


def on_forget(player: Player | None) -> Answer:
    delete_files(player)
    return {"own": None, **blank(NOTHING_KEPT)}


def load_lfw(progress=gr.Progress()) -> list:
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


def take_own(models: Models, paths: list[str], generator: str, player: Player, progress) -> Answer:
    """The visitor's photos become the people.

    Their files are remembered first, so that they can be deleted.
    """
    seen = replace(player, files=(*player.files, *paths))
    progress(0.2, desc="Finding the faces")
    try:
        faces, left_out = line_up.faces_of(models, paths)
    except UserError as error:
        return _only_say(seen, str(error))
    return ask(models, generator, replace(seen, faces=faces, source=OWN), progress, left_out)


def ask(models: Models, generator: str, player: Player, progress, note: str = "") -> Answer:
    """A new question."""
    progress(0.6, desc="Making the next template")
    try:
        seen = line_up.ask(models, generator, player, data_root(), np.random.default_rng())
    except NotAvailable:
        return _only_say(player, OFFLINE)
    except UserError as error:
        return _only_say(player, str(error))
    return show_question(seen, words.advice(f"Whose template is this? {note}".strip()))


def answer(player: Player, place: int) -> Answer:
    """Count the answer and say if it is right."""
    try:
        seen = line_up.answer(player, place)
    except UserError as error:
        return _only_say(player, str(error))
    right = seen.question.answer
    kind, says = "no", f"No: it is face {right + 1}, not {place + 1}."
    if place == right:
        kind, says = "yes", f"Right: it is face {right + 1}."
    box = words.box(kind, f"<strong>{says}</strong> Press <em>Next template</em> to go on.")
    return show_question(seen, box, place)


def show_question(player: Player, said: str, place: int | None = None) -> Answer:
    """The question; once it is answered, also the right face and what the template was made of."""
    question, answered = player.question, player.answered
    asked = [inline(question.template, f"whose template is this? ({question.generator})")]
    if answered:
        asked.append(inline(question.made_of, "it was made of this photo"))
    right = question.answer if answered else None
    faces = [
        inline(face, *_mark(number, right, place)) for number, face in enumerate(question.choices)
    ]
    shown = {"player": player, "said": said, "scores": scores_table(player), "asked": row(asked)}
    return shown | _choices(faces, interactive=not answered)


def _choices(faces: list[str], interactive: bool) -> Answer:
    """The faces, and whether their buttons can be pressed."""
    shown = {f"face {number}": face for number, face in enumerate(faces, 1)}
    for number in range(1, CHOICES + 1):
        shown[f"answer {number}"] = gr.Button(interactive=interactive)
    return shown


def _mark(number: int, right: int | None, place: int | None) -> tuple[str, str]:
    """Caption and class of a face: in words as well as by its frame."""
    if right is None or number not in (right, place):
        return f"face {number + 1}", ""
    if number == right:
        return f"face {number + 1}: this one", "it"
    return f"face {number + 1}: your answer", "wrong"


def _only_say(player: Player, text: str) -> Answer:
    """Everything else on screen stays."""
    return {"player": player, "said": words.advice(html.escape(text))}


def blank(text: str) -> Answer:
    """Player and screen as they are before the first question."""
    player = Player()
    shown = {"player": player, "said": words.advice(text), "scores": scores_table(player)}
    return shown | {"asked": ""} | _choices([""] * CHOICES, interactive=False)


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
