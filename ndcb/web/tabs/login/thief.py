"""The thief's part of the tab: the stolen templates, what is tried with one, and what is told.

Names are escaped here.
"""

import html
from collections.abc import Callable

import gradio as gr
from gradio.components import Component

from ndcb.attacks.link import Link
from ndcb.attacks.restore import Restoration
from ndcb.core.terms import DEFAULT_FACES, Decision, UserError
from ndcb.models import examples
from ndcb.models.kinds import sealed_generators
from ndcb.models.pipeline import Models
from ndcb.web import private_files, rates, theft
from ndcb.web.demonstration import PORTRAIT
from ndcb.web.figures import inline
from ndcb.web.session import Visit
from ndcb.web.tabs.login import words
from ndcb.web.tabs.login.actions import (
    CHOICE,
    KEY,
    VAULT,
    Action,
    Entered,
    answer,
    handler_of,
    inputs_of,
    judge,
    say,
)
from ndcb.web.wiring import QUEUE, Answer, connect
from ndcb.web.words import advice, box

STORY = """\
### A theft, in five steps
1. Choose the sealed generator above, give your photo, a name and a passphrase (or ask for a key
   card), and **Enrol**.
2. **Log in** with the same key. Another face is refused, and so is your own with another key.
3. The database is stolen: click your template below. The thief tries to **link** it to your
   photo, to **log in** with it, and to **restore** your face from it.
4. **Renew**: a new key, a new template. What the thief has matches nothing any more.
5. Do it all again with a plain generator. Every attack works, and revoking and enrolling anew
   does not stop the thief."""
STILL = """\
**What a key does not stop.** Who steals the *key* with the template has your embedding, and
logs in wherever it is used plain. Who has a *photo* of you and the key logs in: nothing here
tells a photo from a living face. Who has taken over the *server* sees photos and keys as they
come. On this page the server is this program: passphrases and cards come to it with each click,
and it keeps none."""
THIEF = """\
### What a thief of the database sees
The templates as they are stored, with their names. **No face is to be seen in those of the
bottleneck; the paper's U-Net shows it.** But because F(T) is near F(X), a stolen plain template
of either logs in as the photo does, is linked to any photo of the person, and gives a face
back: click one, then try it. A plain generator has no key that could be changed, so revoking
and enrolling again does not stop the thief; try that too."""
BY_CHANCE = (
    "That is chance: to the recogniser a sealed template is some stranger's face, and it mistakes a"
    " few strangers in a hundred."
)
BUTTONS = {
    "replay": "Log in with the stolen template",
    "link": "Link it to the photo",
    "restore": "Restore a face",
}


def layout() -> dict:
    """The parts by name, with the template that a thief of a new vault sees first."""
    sealed = bool(sealed_generators())
    if sealed:
        gr.Markdown(STORY)
    gr.Markdown(THIEF)
    stored = examples.example(DEFAULT_FACES).template
    first_loot = [(private_files.save(stored, "stolen.png"), PORTRAIT)]
    loot = gr.Gallery(
        first_loot,
        label="Stored templates",
        show_label=False,
        columns=4,
        height=200,
        allow_preview=False,
        buttons=[],
        format="png",
        elem_id="thief",
    )
    with gr.Row():
        buttons = {
            key: gr.Button(text, size="sm", min_width=150, elem_id=f"login-{key}")
            for key, text in BUTTONS.items()
        }
    told = gr.HTML("", elem_id="login-thief")
    if sealed:
        gr.Markdown(STILL)
    return {"loot": loot, "first_loot": first_loot, "thief": told, **buttons}


# what the thief does


def steal(visit: Visit, index: int) -> Answer:
    """Raises what `ndcb.web.theft.steal` does."""
    text = words.stolen(theft.steal(visit, index).name)
    return {**say(visit, text), "thief": text}


def replay(visit: Visit, entered: Entered) -> Answer:
    """A login, and told to the thief as well. Raises what `ndcb.web.theft.replay` does."""
    login = theft.replay(visit, entered.given, entered.choice.named)
    said = judge(visit, login, entered.choice)
    return {**said, "thief": said["says"]}


def link(visit: Visit, entered: Entered) -> Answer:
    return _at_home(lambda: linked(theft.link(visit, entered.photo)))


def restore(visit: Visit, entered: Entered) -> Answer:
    return _at_home(lambda: restored(theft.restore(visit, entered.photo)))


def _at_home(attack: Callable[[], str]) -> Answer:
    """What the thief tries at home is told there alone, and so is why it cannot be tried."""
    try:
        return {"thief": attack()}
    except UserError as error:
        return {"thief": advice(html.escape(str(error)))}


ACTIONS = {
    "replay": Action(replay, "Trying the stolen template", (*CHOICE, *KEY)),
    "link": Action(link, "Comparing", ("photo",)),
    "restore": Action(restore, "Painting a face", ("photo",)),
}
"""By the button."""


def wire(models: Models, parts: dict[str, Component]) -> None:
    def on_steal(seen: Visit | str | None, event: gr.SelectData, progress=gr.Progress()) -> Answer:
        return answer(models, seen, lambda visit: steal(visit, event.index), progress, "Stealing")

    outputs = {name: parts[name] for name in (*VAULT, "thief")}
    busy = {"show_progress_on": parts["thief"], **QUEUE}
    connect(parts["loot"].select, on_steal, parts["visit"], outputs, **busy)
    for name, action in ACTIONS.items():
        handler, inputs = handler_of(models, name, action), inputs_of(parts, action)
        connect(parts[name].click, handler, inputs, outputs, **busy)


# what is told


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
        text += f" No template of a {what} for this recogniser is stored under the name any more."
    cost = rates.beside(link.judge, link.photo.threshold) if link.judge else ""
    return box("no" if link.photo.same else "yes", text) + cost


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


def restored(restoration: Restoration) -> str:
    """The pictures stay in the page."""
    if restoration.sealed:
        what = "A sealed template: the face is nobody's, another one for every key."
    else:
        what = "A plain template holds the embedding, and this is what the embedding tells."
    pictures = {
        "stolen template": restoration.template,
        "restored from it": restoration.restored,
    }
    if restoration.known:
        pictures["restored from your photo's embedding"] = restoration.known
        what += " Compare it with what your photo's own embedding gives."

    figures = "".join(inline(picture, caption) for caption, picture in pictures.items())
    text = f"<strong>Restored: {html.escape(restoration.name)}.</strong> {what}"
    verdict = box("yes" if restoration.sealed else "no", text)
    return f'{verdict}<div class="thief-pictures">{figures}</div>'
