"""Replay and linking: what a thief does with the template of a photo, live."""

import html
from dataclasses import dataclass, replace

import gradio as gr
from gradio.components import Component

from ndcb.attacks.link import link
from ndcb.attacks.replay import STORES_PHOTO, STORES_TEMPLATE, replay
from ndcb.attacks.thief import Theft, Trial
from ndcb.core.terms import DEFAULT_FACES, Decision, Face, UserError
from ndcb.faces import samples
from ndcb.models import examples
from ndcb.models.pipeline import Models
from ndcb.web import rates, words
from ndcb.web.choices import generators
from ndcb.web.figures import inline
from ndcb.web.photo import BLOCKED, Photo
from ndcb.web.tabs.attacks.common import NOTHING_KEPT, row
from ndcb.web.visits import ENDED, delete_files, visit_state
from ndcb.web.wiring import LATEST, QUEUE, Answer, connect

REPLAY = """\
A template is made to be accepted in the photo's place. So a thief gives it as the login photo:
**replay**. Other templates of the same person accept it just the same, which tells the thief
whose they are: **linking**. Try a stranger as the second photo, too: that one should not be
linked."""
SAMPLE_SAID = f"This is the sample, {samples.PORTRAIT_CREDIT}."
SECOND_SAID = (
    "Its second photo is the same one, mirrored and brighter: easier than another photo would be."
)
BUTTONS = {
    "replay": "Log in with the stolen template",
    "link": "Link it to other templates",
    "forget": "Delete my data",
}


@dataclass(frozen=True)
class Victim:
    """What the page remembers for one visitor, for ten minutes at most: the person whose template
    is stolen.
    """

    photo: Face | None = None
    """The visitor's face; the sample's where there is none."""
    another: Face | None = None
    """Another photo, perhaps of the same person."""
    files: tuple[str, ...] = ()
    """Every file this visit left in the cache."""

    @property
    def face(self) -> Face:
        return self.photo or examples.portrait_face()

    @property
    def note(self) -> str:
        return "" if self.photo else SAMPLE_SAID


def first_theft() -> Theft:
    """The stored example, which needs no model: a template is at distance 0 from itself."""
    stored = examples.example(DEFAULT_FACES)
    trials = (
        Trial(STORES_TEMPLATE, Decision(0.0, stored.threshold)),
        Trial(STORES_PHOTO, stored.decision),
    )
    return Theft(DEFAULT_FACES, stored.original, stored.template, trials)


def build(models: Models) -> None:
    gr.Markdown(REPLAY)
    first = first_theft()
    victim = visit_state(Victim, delete_files)
    with gr.Row():
        with gr.Column(scale=4, min_width=320):
            photo = Photo("The victim's photo", height=210, elem_id="stolen-photo")
            another = Photo("A second photo, for linking", height=210, elem_id="stolen-another")
            gr.Markdown(f"{BLOCKED} Without a photo the sample is used.", elem_classes="privacy")
        with gr.Column(scale=6, min_width=320):
            generator = gr.Radio(
                generators("faces"),
                value=first.generator,
                label="Generator of the stolen template",
                elem_id="stolen-generator",
            )
            buttons = _buttons()
            shown = {
                "said": gr.HTML(say_replay(first, SAMPLE_SAID), elem_id="stolen-verdict"),
                "pictures": gr.HTML(show_theft(first), elem_id="stolen-shown"),
                "table": gr.HTML(
                    trials_table(first), elem_id="stolen-table", elem_classes="stolen-trials"
                ),
            }
    parts = {"victim": victim, **shown, "photo": photo, "another": another}
    _wire(models, parts, generator, buttons)


def _buttons() -> dict[str, gr.Button]:
    with gr.Row():
        return {
            key: gr.Button(
                text,
                size="sm",
                min_width=150,
                variant="primary" if key == "replay" else "secondary",
                elem_id=f"stolen-{key}",
            )
            for key, text in BUTTONS.items()
        }


def _wire(
    models: Models, parts: dict[str, Component], generator: gr.Radio, buttons: dict[str, gr.Button]
) -> None:
    def on_photo(path: str | None, name: str, seen: Victim | None) -> Answer:
        if seen is None and path is None:
            return end(ENDED)
        cleared = {} if seen else {"another": None}
        return take_photo(models, path, "photo", name, seen or Victim()) | cleared

    def on_another(path: str | None, name: str, seen: Victim | None) -> Answer:
        if seen is None:
            return end(ENDED, tuple(filter(None, [path])))
        return take_photo(models, path, "another", name, seen)

    def on_replay(name: str, seen: Victim | None) -> Answer:
        return show_replay(models, name, seen) if seen else end(ENDED)

    def on_link(name: str, seen: Victim | None) -> Answer:
        return show_link(models, name, seen) if seen else end(ENDED)

    def on_forget(seen: Victim | None) -> Answer:
        delete_files(seen)
        return end(NOTHING_KEPT)

    busy = {"show_progress_on": parts["said"], **QUEUE}
    choice = [generator, parts["victim"]]
    for name, handler in (("photo", on_photo), ("another", on_another)):
        photo = parts[name]
        connect(photo.input, handler, [photo, *choice], parts, **busy, **LATEST)
    connect(buttons["replay"].click, on_replay, choice, parts, **busy, **LATEST)
    connect(generator.input, on_replay, choice, parts, **busy, **LATEST)
    connect(buttons["link"].click, on_link, choice, parts, **busy, **LATEST)
    connect(buttons["forget"].click, on_forget, parts["victim"], parts, **busy)


def end(text: str, files: tuple[str, ...] = ()) -> Answer:
    """A new victim, and the screen as it is without photos. files: what the new one has left."""
    return {
        "victim": Victim(files=files),
        "said": words.advice(text),
        "pictures": show_theft(first_theft()),
        "table": "",
        "photo": None,
        "another": None,
    }


def take_photo(
    models: Models, path: str | None, which: str, generator: str, victim: Victim
) -> Answer:
    """Remember the photo of the victim, and try with it.

    path: None where the photo was cleared. which: `photo` or `another`.
    """
    seen = replace(victim, files=(*victim.files, path)) if path else victim
    try:
        face = models.find(path)[0] if path else None
    except UserError as error:
        return {"victim": seen, **refuse(error)}
    show = show_replay if which == "photo" else show_link
    return show(models, generator, replace(seen, **{which: face}))


def show_replay(models: Models, generator: str, victim: Victim) -> Answer:
    try:
        theft = replay(models, generator, victim.face)
    except UserError as error:
        return {"victim": victim, **refuse(error)}
    return {"victim": victim, "said": say_replay(theft, victim.note), **_shown(theft)}


def show_link(models: Models, generator: str, victim: Victim) -> Answer:
    """Without any photo, the sample is linked to the sample's second photo."""
    names = [name for _, name in generators("faces")]
    another, note = victim.another, victim.note
    try:
        if not (victim.another or victim.photo):
            another = models.find(samples.other_portrait())[0]
            note = f"{note} {SECOND_SAID}"
        theft = link(models, generator, victim.face, names, another)
    except UserError as error:
        return {"victim": victim, **refuse(error)}
    return {"victim": victim, "said": say_link(theft, note), **_shown(theft)}


def _shown(theft: Theft) -> Answer:
    return {"pictures": show_theft(theft), "table": trials_table(theft)}


def refuse(error: UserError) -> Answer:
    """Say what to do; everything else on screen stays."""
    return {"said": words.advice(html.escape(str(error)))}


def say_replay(theft: Theft, note: str = "") -> str:
    """The verdict in words. An attack that works is amber, as a refused login is elsewhere."""
    taken = [trial.against for trial in theft.trials if trial.decision.same]
    label = f"Generator: {html.escape(words.generator_label(theft.generator))}."
    if not taken:
        text = f"<strong>Refused: this template does not log in.</strong> {label} {note}"
        return words.box("yes", text.strip())
    text = (
        "<strong>Accepted: whoever has the template can log in with it.</strong> The stolen"
        f" template, given as the login photo, is accepted by {' and by '.join(taken)}."
        f" {label} {note}"
    )
    return words.box("no", text.strip())


def say_link(theft: Theft, note: str = "") -> str:
    linked = sum(trial.decision.same for trial in theft.trials)
    count = f"{linked} of {len(theft.trials)}"
    if not linked:
        text = f"<strong>Not linked: it matches {count} other templates.</strong> {note}"
        return words.box("yes", text.strip())
    text = (
        f"<strong>Linked with {count} other templates.</strong> Whoever has two databases can tell "
        f"which of their entries are one person's. {note}"
    )
    return words.box("no", text.strip())


def show_theft(theft: Theft) -> str:
    stolen = f"stolen: the template by {theft.generator}"
    pictures = {"photo": theft.photo, stolen: theft.template, **theft.others}
    return row([inline(picture, caption) for caption, picture in pictures.items()])


def trials_table(theft: Theft) -> str:
    """Distances and verdicts, and what their threshold lets in."""
    limit = theft.trials[0].decision.threshold
    lines = "".join(_trial_row(trial, bool(theft.others)) for trial in theft.trials)
    head = (
        '<tr><th scope="col">the stolen template against</th><th scope="col">squared'
        ' distance</th><th scope="col">verdict</th></tr>'
    )
    return (
        f"<table><caption>Under the login threshold {limit:.3f} it counts as the same"
        f" person.</caption><thead>{head}</thead><tbody>{lines}</tbody></table>"
        f"{rates.beside(theft.generator, limit)}"
    )


def _trial_row(trial: Trial, linking: bool) -> str:
    works = "linked" if linking else "accepted"
    fails = "not linked" if linking else "refused"
    kind, verdict = ("works", works) if trial.decision.same else ("fails", fails)
    return (
        f'<tr><th scope="row">{html.escape(trial.against)}</th>'
        f'<td>{trial.decision.squared_distance:.3f}</td><td class="{kind}">{verdict}</td></tr>'
    )
