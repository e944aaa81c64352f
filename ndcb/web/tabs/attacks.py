"""The tab Attacks: what a thief of templates restores, logs in with and links, and a quiz: whose
template is this?
"""

import base64
import html
import io
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import gradio as gr
import numpy as np
from PIL import Image

from ndcb.attacks import line_up as attacks
from ndcb.attacks.line_up import CHOICES, FEWEST, LFW, MOST, OWN, Player, Tally, Theft, Trial
from ndcb.core.terms import DEFAULT_FACES, Decision, NotAvailable, UserError
from ndcb.faces import samples
from ndcb.faces.lfw import data_root, lfw_files
from ndcb.models import examples
from ndcb.models.pipeline import Models
from ndcb.report.cells import details
from ndcb.web import private_files, words
from ndcb.web.choices import generators
from ndcb.web.photo import BLOCKED, Photo, Photos
from ndcb.web.tabs import attacks_sealed
from ndcb.web.visits import ENDED, KEEP_SECONDS, delete_files, visit_state
from ndcb.web.wiring import LATEST, QUEUE

DOWNLOADS = {"concurrency_id": "lfw", "concurrency_limit": 1}
"""As on the tab Distort: one download at a time, and it keeps nobody from the models."""
INTRODUCTION = (
    "Who steals the database has the templates, and can have this program. What is that worth?"
    " Three attacks on each generator."
)
RESTORATION = f"""A network learned to give the photo back: from the template T, from its embedding F(T), or from the photo's own, F(X),
which is the least that any method must leak that keeps the embedding. The one that reads F(T) takes it as it is; a thief who first
drops the directions in which people do not differ gets about what F(X) gives, and the tab Login does that live.
Pictures: {samples.PORTRAIT_CREDIT}. Figures: LFW's test people."""
REPLAY = """A template is made to be accepted in the photo's place. So a thief gives it as the login photo: **replay**. Other templates of
the same person accept it just the same, which tells the thief whose they are: **linking**. Try a stranger as the second photo, too: that
one should not be linked."""
QUIZ = f"""One template, {CHOICES} faces: whose is it? *LFW's people* are strangers to the generators, and the template is made of **another
photo** of the person than the one you see. *Your own photos*, each of another person, only test the **same photo**, which is easier. The
people are drawn at random; look-alikes would be harder."""
SAMPLE_SAID = f"This is the sample, {samples.PORTRAIT_CREDIT}."
SECOND_SAID = (
    "Its second photo is the same one, mirrored and brighter: easier than another photo would be."
)
OFFLINE = (
    "LFW is not on this server and could not be downloaded. Use your own photos, or ask whoever"
    " runs this page to connect it to the internet once."
)
QUIZ_ENDED = (
    "The quiz ended after ten minutes, and its score and your photos were deleted. Begin again."
)
NOTHING_KEPT = "Your data is deleted: the photos, the faces, the templates and the score."

CSS = """
.stolen-row { display: grid; grid-template-columns: repeat(5, minmax(0, 1fr)); gap: .5rem; margin: .4rem 0 }
.stolen-row figure, .stolen-face figure { margin: 0; min-width: 0 }
.stolen-row img, .stolen-face img { width: 100%; max-width: 200px; image-rendering: pixelated; border-radius: 4px }
.stolen-row img, .stolen-face img { box-shadow: 0 0 0 1px var(--border-color-primary) }
.stolen-row figcaption, .stolen-face figcaption { font-size: .78rem; opacity: .85; overflow-wrap: anywhere; margin-top: .35rem }
.stolen-face figcaption { min-height: 3em }
.stolen-table table { width: 100% !important; font-size: .85rem; table-layout: fixed }
.stolen-table th, .stolen-table td { padding: .3rem .35rem !important; overflow-wrap: break-word; word-break: normal; hyphens: auto }
.stolen-table td:not(:first-child), .stolen-table th:not(:first-child) { text-align: right }
.stolen-table summary { cursor: pointer }
.stolen-trials table { width: 100%; border-collapse: collapse } .stolen-trials caption { text-align: left; opacity: .85 }
.stolen-trials th, .stolen-trials td { padding: .35rem .5rem; text-align: left; border: 1px solid var(--border-color-primary) }
.stolen-trials td.works { border-left: 5px solid #d97706 } .stolen-trials td.fails { border-left: 5px solid #0d9488 }
.stolen-face .it img { outline: 4px solid #0d9488 } .stolen-face .wrong img { outline: 4px dashed #d97706 }
#lineup-faces { display: grid; grid-template-columns: repeat(5, minmax(0, 1fr)); gap: .5rem }
#lineup-faces > .column { min-width: 0 !important; width: auto }
#lineup-board:not(:has(img)) { display: none }
#lineup-asked .stolen-row { grid-template-columns: repeat(2, minmax(0, 200px)) }
@media (max-width: 640px) {
  .stolen-row, #lineup-faces { grid-template-columns: repeat(3, minmax(0, 1fr)) }
  .stolen-table table { font-size: .72rem } .stolen-table th, .stolen-table td { padding: .2rem .15rem !important }
}
"""


def build(models: Models) -> None:
    """Lay out the tab inside the page that is being built."""
    gr.Markdown(INTRODUCTION)
    with gr.Tab("Restoration"):
        _restoration()
    with gr.Tab("Replay"):
        _replay(models)
    with gr.Tab("Quiz"):
        _quiz(models)


def inline(picture: Image.Image, caption: str, kind: str = "") -> str:
    """A picture inside the page: no file of it is written."""
    file = io.BytesIO()
    picture.save(file, "PNG")
    return figure(
        f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}", caption, kind
    )


def figure(url: str, caption: str, kind: str = "") -> str:
    text = html.escape(caption)
    return (
        f'<figure class="{kind}"><img src="{url}"'
        f' alt="{text}"><figcaption>{text}</figcaption></figure>'
    )


def row(figures: list[str]) -> str:
    return f'<div class="stolen-row">{"".join(figures)}</div>'


# restoration


def _restoration() -> None:
    """One generator below the other, so that columns stand under columns. All of it was measured
    before.
    """
    gr.Markdown(RESTORATION)
    for label, name in generators("faces"):
        pictures, text = family(label, name)
        gr.HTML(pictures, elem_id=f"restored-{name}")
        gr.Markdown(text, elem_classes="stolen-table", elem_id=f"restored-{name}-table")
    attacks_sealed.build(
        lambda found: row([figure(_url(path), caption) for caption, path in found])
    )


def family(label: str, name: str) -> tuple[str, str]:
    """Title and pictures as HTML, finding and figures as Markdown; or why there are none."""
    title = f"<h3>{html.escape(label)}</h3>"
    try:
        found = attacks.measured(name)
    except UserError as error:
        return title + words.advice(html.escape(str(error))), ""
    pictures = row(
        [figure(_url(path), attacks.PICTURES[key]) for key, path in found.pictures.items()]
    )
    parts = (attacks.finding, attacks.figures_table, attacks.beside)
    text = "\n\n".join(
        [
            *(part(found.figures) for part in parts),
            details("How this was measured", attacks.how(found.figures)),
        ]
    )
    return title + pictures, text


def _url(path: Path) -> str:
    """Where the page serves the file. It is copied while the page is built, so that the clean-up
    leaves it alone.
    """
    return f"gradio_api/file={quote(private_files.save(path.read_bytes(), path.name))}"


# replay and linking


@dataclass(frozen=True)
class Victim:
    """What the page remembers for one visitor, for ten minutes at most: the person whose template
    is stolen.
    """

    photo: Image.Image | None = None
    """The visitor's face; the sample's where there is none."""
    another: Image.Image | None = None
    """Another photo, perhaps of the same person."""
    files: tuple[str, ...] = ()
    """Every file this visit left in the cache."""

    @property
    def face(self) -> Image.Image:
        return self.photo or examples.example(DEFAULT_FACES).original

    @property
    def note(self) -> str:
        return "" if self.photo else SAMPLE_SAID


def first_theft() -> Theft:
    """The stored example, which needs no model: a template is at distance 0 from itself."""
    stored = examples.example(DEFAULT_FACES)
    trials = (
        Trial(attacks.STORES_TEMPLATE, Decision(0.0, stored.threshold)),
        Trial(attacks.STORES_PHOTO, stored.decision),
    )
    return Theft(DEFAULT_FACES, stored.original, stored.template, trials)


def _replay(models: Models) -> None:
    gr.Markdown(REPLAY)
    first = first_theft()
    with gr.Row():
        with gr.Column(scale=4, min_width=320):
            photos = [
                Photo("The victim's photo", height=210, elem_id="stolen-photo"),
                Photo("A second photo, for linking", height=210, elem_id="stolen-another"),
            ]
            gr.Markdown(f"{BLOCKED} Without a photo the sample is used.", elem_classes="privacy")
        with gr.Column(scale=6, min_width=320):
            generator = gr.Radio(
                generators("faces"),
                value=first.generator,
                label="Generator of the stolen template",
                elem_id="stolen-generator",
            )
            buttons = _replay_buttons()
            shown = [
                gr.HTML(say_replay(first, SAMPLE_SAID), elem_id="stolen-verdict"),
                gr.HTML(show_theft(first), elem_id="stolen-shown"),
                gr.HTML(trials_table(first), elem_id="stolen-table", elem_classes="stolen-trials"),
            ]
    _wire_replay(models, photos, generator, buttons, shown)


def _replay_buttons() -> list[gr.Button]:
    texts = {
        "replay": "Log in with the stolen template",
        "link": "Link it to other templates",
        "forget": "Delete my data",
    }
    with gr.Row():
        return [
            gr.Button(
                text,
                size="sm",
                min_width=150,
                variant="primary" if key == "replay" else "secondary",
                elem_id=f"stolen-{key}",
            )
            for key, text in texts.items()
        ]


def _wire_replay(models: Models, photos: list, generator, buttons: list, shown: list) -> None:
    victim = visit_state(Victim, delete_files)
    outputs = [victim, *shown, *photos]
    private = {"api_visibility": "private", "show_progress_on": [shown[0]], **QUEUE}

    def end(files: tuple[str, ...] = ()) -> list:
        return [Victim(files=files), words.advice(ENDED), show_theft(first_theft()), "", None, None]

    def on_photo(path: str | None, name: str, seen: Victim | None) -> list:
        if seen is None and path is None:
            return end()
        kept = [gr.skip()] * 2 if seen else [gr.skip(), None]
        return [*take_photo(models, path, "photo", name, seen or Victim()), *kept]

    def on_another(path: str | None, name: str, seen: Victim | None) -> list:
        if seen is None:
            return end(tuple(filter(None, [path])))
        return [*take_photo(models, path, "another", name, seen), gr.skip(), gr.skip()]

    def on_replay(name: str, seen: Victim | None) -> list:
        return [*show_replay(models, name, seen), gr.skip(), gr.skip()] if seen else end()

    def on_link(name: str, seen: Victim | None) -> list:
        return [*show_link(models, name, seen), gr.skip(), gr.skip()] if seen else end()

    def on_forget(seen: Victim | None) -> list:
        delete_files(seen)
        return [Victim(), words.advice(NOTHING_KEPT), show_theft(first_theft()), "", None, None]

    photos[0].input(on_photo, [photos[0], generator, victim], outputs, **private, **LATEST)
    photos[1].input(on_another, [photos[1], generator, victim], outputs, **private, **LATEST)
    for event, handler in (
        (buttons[0].click, on_replay),
        (generator.input, on_replay),
        (buttons[1].click, on_link),
    ):
        event(handler, [generator, victim], outputs, **private, **LATEST)
    buttons[2].click(on_forget, victim, outputs, **private)


def take_photo(
    models: Models, path: str | None, which: str, generator: str, victim: Victim
) -> list:
    """The victim as it is remembered, and a value for each output. `which`: `photo` or `another`;
    None: it was cleared.
    """
    seen = replace(victim, files=(*victim.files, path)) if path else victim
    try:
        face = models.find(path)[0].image if path else None
    except UserError as error:
        return [seen, *refuse(str(error))]
    show = show_replay if which == "photo" else show_link
    return show(models, generator, replace(seen, **{which: face}))


def show_replay(models: Models, generator: str, victim: Victim) -> list:
    try:
        theft = attacks.replay(models, generator, victim.face)
    except UserError as error:
        return [victim, *refuse(str(error))]
    return [victim, say_replay(theft, victim.note), show_theft(theft), trials_table(theft)]


def show_link(models: Models, generator: str, victim: Victim) -> list:
    try:
        another = victim.another or (
            None if victim.photo else models.find(samples.other_portrait())[0].image
        )
        theft = attacks.link(
            models, generator, victim.face, [name for _, name in generators("faces")], another
        )
    except UserError as error:
        return [victim, *refuse(str(error))]
    note = f"{victim.note} {SECOND_SAID}" if another is not victim.another else victim.note
    return [victim, say_link(theft, note), show_theft(theft), trials_table(theft)]


def refuse(text: str) -> list:
    """Say what to do; everything else on screen stays."""
    return [words.advice(html.escape(text)), gr.skip(), gr.skip()]


def say_replay(theft: Theft, note: str = "") -> str:
    """The verdict in words. An attack that works is amber, as a refused login is elsewhere."""
    taken = [trial.against for trial in theft.trials if trial.decision.same]
    label = f"Generator: {html.escape(words.generator_label(theft.generator))}."
    if not taken:
        return words.box(
            "yes",
            f"<strong>Refused: this template does not log in.</strong> {label} {note}".strip(),
        )
    return words.box(
        "no",
        "<strong>Accepted: whoever has the template can log in with it.</strong> The stolen"
        f" template, given as the login photo, is accepted by {' and by '.join(taken)}. {label}"
        f" {note}".strip(),
    )


def say_link(theft: Theft, note: str = "") -> str:
    linked = sum(trial.decision.same for trial in theft.trials)
    count = f"{linked} of {len(theft.trials)}"
    if not linked:
        return words.box(
            "yes",
            f"<strong>Not linked: it matches {count} other templates.</strong> {note}".strip(),
        )
    return words.box(
        "no",
        f"<strong>Linked with {count} other templates.</strong> Whoever has two databases can tell "
        f"which of their entries are one person's. {note}".strip(),
    )


def show_theft(theft: Theft) -> str:
    pictures = {
        "photo": theft.photo,
        f"stolen: the template by {theft.generator}": theft.template,
        **theft.others,
    }
    return row([inline(picture, caption) for caption, picture in pictures.items()])


def trials_table(theft: Theft) -> str:
    """Distances and verdicts."""
    verdicts = {
        True: ("works", "linked" if theft.others else "accepted"),
        False: ("fails", "not linked" if theft.others else "refused"),
    }
    lines = ""
    for trial in theft.trials:
        kind, verdict = verdicts[trial.decision.same]
        lines += (
            "<tr><th"
            f' scope="row">{html.escape(trial.against)}</th><td>{trial.decision.squared_distance:.3f}</td><td'
            f' class="{kind}">{verdict}</td></tr>'
        )
    head = (
        '<tr><th scope="col">the stolen template against</th><th scope="col">squared'
        ' distance</th><th scope="col">verdict</th></tr>'
    )
    return (
        f"<table><caption>Under the login threshold {theft.trials[0].decision.threshold:.3f} it"
        f" counts as the same person.</caption><thead>{head}</thead><tbody>{lines}</tbody></table>"
    )


# the quiz


def _quiz(models: Models) -> None:
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
            faces, buttons = zip(*map(_choice, range(1, CHOICES + 1)))
    said = gr.HTML(words.advice(attacks.NO_PEOPLE), elem_id="lineup-verdict")
    following = gr.Button("Next template", size="sm", elem_id="lineup-next")
    scores = gr.HTML(scores_table(Player()), elem_id="lineup-score", elem_classes="stolen-trials")
    _wire_quiz(
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


def _wire_quiz(models: Models, generator, actions: list, own, shown: list) -> None:
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
    """If LFW is there now, and what to say; downloads it the first time. NotAvailable's own text
    names a folder of the server.
    """
    progress(
        0.1,
        desc=(
            "Looking for LFW"
            if (data_root() / "lfw_home" / "lfw_funneled").is_dir()
            else "Downloading LFW"
        ),
    )
    try:
        lfw_files(data_root())
    except NotAvailable:
        return [False, words.advice(OFFLINE)]
    return [True, gr.skip()]


def take_own(models: Models, paths: list[str], generator: str, player: Player, progress) -> list:
    """The visitor's photos become the people; their files are remembered first, so that they can be
    deleted.
    """
    seen = replace(player, files=(*player.files, *paths))
    progress(0.2, desc="Finding the faces")
    try:
        faces, left_out = attacks.faces_of(models, paths)
    except UserError as error:
        return [seen, *_only_say(str(error))]
    return ask(models, generator, replace(seen, faces=faces, source=OWN), progress, left_out)


def ask(models: Models, generator: str, player: Player, progress, note: str = "") -> list:
    """The player with a new question, and a value for each output."""
    progress(0.6, desc="Making the next template")
    try:
        seen = attacks.ask(models, generator, player, data_root(), np.random.default_rng())
    except NotAvailable:
        return [player, *_only_say(OFFLINE)]
    except UserError as error:
        return [player, *_only_say(str(error))]
    return [seen, *show_question(seen, words.advice(f"Whose template is this? {note}".strip()))]


def answer(player: Player, place: int) -> list:
    """The player with the answer counted, and a value for each output."""
    try:
        seen = attacks.answer(player, place)
    except UserError as error:
        return [player, *_only_say(str(error))]
    right = seen.question.answer
    says = (
        f"Right: it is face {right + 1}."
        if place == right
        else f"No: it is face {right + 1}, not {place + 1}."
    )
    box = words.box(
        "yes" if place == right else "no",
        f"<strong>{says}</strong> Press <em>Next template</em> to go on.",
    )
    return [seen, *show_question(seen, box, place)]


def show_question(player: Player, said: str, place: int | None = None) -> list:
    """A value for each output but the player; once it is answered, which face it is and what the
    template was made of.
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
    return (
        (f"face {number + 1}: this one", "it")
        if number == right
        else (f"face {number + 1}: your answer", "wrong")
    )


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
        return f"<p>{attacks.score(Tally())}</p>"
    lines = "".join(
        "<tr><th"
        f' scope="row">{html.escape(name)}<br><small>{source}</small></th><td>{attacks.score(tally)}</td></tr>'
        for (name, source), tally in player.tallies.items()
    )
    return f"<table><caption>Your answers</caption><tbody>{lines}</tbody></table>"
