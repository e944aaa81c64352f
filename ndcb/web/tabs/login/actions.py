"""What a button of the tab does with a visitor's vault, and what is shown of it afterwards."""

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import gradio as gr
from gradio.components import Component

from ndcb.core.terms import UserError
from ndcb.models.operating_points import DEFAULT
from ndcb.models.pipeline import Models
from ndcb.web import rates, session
from ndcb.web.given_key import Given
from ndcb.web.judging import Choice
from ndcb.web.session import Enrolment, Login, SealedLogin, Visit
from ndcb.web.tabs.login import key, words
from ndcb.web.wiring import QUEUE, Answer, connect
from ndcb.web.words import advice

FRESH = "fresh"
"""The state of a visitor for whom no vault was opened yet."""
ENDED = (
    "Your visit ended after ten minutes: the vault was closed, and its templates and their keys"
    " were deleted. A new one is open; enrol again."
)
OPENING = "Opening the demonstration vault"
VAULT = ("visit", "says", "bar", "people", "loot")
"""The parts that every action may change."""
FINDING, LOGGING_IN = "Finding the face, making its template", "Finding the face, comparing"


@dataclass(frozen=True)
class Entered:
    """What the visitor has entered, as far as a button needs it."""

    name: str = ""
    photo: str | None = None
    more: Sequence[str] = ()
    """More photos of the same person."""
    generator: str = ""
    fmr: str = DEFAULT
    """As in `Choice`."""
    threshold: float = 0.0
    source: str = "passphrase"
    passphrase: str | None = field(default=None, repr=False)
    card: Sequence[str] = ()
    """Files that were given for the key card; the last one counts."""

    @property
    def photos(self) -> list[str | None]:
        return [self.photo, *self.more]

    @property
    def given(self) -> Given:
        card = self.card[-1] if self.card else None
        return Given(self.source, self.passphrase or "", card)

    @property
    def choice(self) -> Choice:
        return Choice(self.generator, self.fmr, self.threshold)


@dataclass(frozen=True)
class Action:
    """What a button does."""

    do: Callable[[Visit, Entered], Answer]
    """Raises UserError, which is said."""
    stage: str
    """What the progress bar says meanwhile."""
    needs: tuple[str, ...]
    """Fields of `Entered`."""


# the actions


def enrol(visit: Visit, entered: Entered) -> Answer:
    """Raises what `ndcb.web.session.enrol` does."""
    new = session.enrol(visit, entered.name, entered.photos, entered.generator, entered.given)
    return _enrolled(visit, new)


def renew(visit: Visit, entered: Entered) -> Answer:
    """Raises what `ndcb.web.session.renew` does."""
    new = session.renew(visit, entered.name, entered.photos, entered.generator, entered.given)
    return _enrolled(visit, new)


def _enrolled(visit: Visit, new: Enrolment) -> Answer:
    return {**say(visit, words.enrolled(new)), "new_card": key.card_view(new.card)}


def verify(visit: Visit, entered: Entered) -> Answer:
    """Raises what `ndcb.web.session.log_in` does."""
    login = session.log_in(
        visit,
        entered.name,
        entered.photo,
        entered.generator,
        entered.given,
        entered.choice.named,
    )
    return judge(visit, login, entered.choice)


def identify(visit: Visit, entered: Entered) -> Answer:
    """Raises what `ndcb.web.session.identify` does."""
    login = session.identify(visit, entered.photo, entered.generator, entered.choice.named)
    return judge(visit, login, entered.choice)


def revoke(visit: Visit, entered: Entered) -> Answer:
    """Raises what `Vault.revoke` does."""
    return say(visit, words.revoked(entered.name, visit.vault.revoke(entered.name)))


KEY = ("source", "passphrase", "card")
CHOICE = ("generator", "fmr", "threshold")
ACTIONS = {
    "enrol": Action(enrol, FINDING, ("name", "photo", "more", "generator", *KEY)),
    "renew": Action(renew, FINDING, ("name", "photo", "more", "generator", *KEY)),
    "verify": Action(verify, LOGGING_IN, ("name", "photo", *CHOICE, *KEY)),
    "identify": Action(identify, LOGGING_IN, ("photo", *CHOICE)),
    "revoke": Action(revoke, "Revoking", ("name",)),
}
"""By the button."""


def judge(visit: Visit, login: Login | SealedLogin, choice: Choice) -> Answer:
    """Verdict and scale of a login. A plain one is kept, so that it can be judged again.

    The rates of a threshold that is not the one beside the slider stand under the scale.
    """
    if isinstance(login, SealedLogin):
        return say(visit, words.sealed_verdict(login))
    visit.last = login
    points = login.points(choice)
    limit, at_slider = points[login.generator].threshold, choice.point(choice.generator).threshold
    is_beside = (login.generator, limit) == (choice.generator, at_slider)
    cost = "" if is_beside else rates.beside(login.generator, limit)
    return {"says": words.verdict(login, points), "bar": words.scale(login, limit) + cost}


def say(visit: Visit, text: str) -> Answer:
    """What to say where there is no login to judge again, with an empty scale."""
    visit.last = None
    return {"says": text, "bar": ""}


def close(visit: Visit | str | None) -> None:
    session.close(visit if isinstance(visit, Visit) else None)


# how a button does them


def wire(models: Models, parts: dict[str, Component]) -> None:
    """The buttons; the enter key in the name's field logs in as well."""
    outputs = {name: parts[name] for name in (*VAULT, "new_card")}
    busy = {"show_progress_on": parts["says"], **QUEUE}
    for name, action in ACTIONS.items():
        handler, inputs = handler_of(models, name, action), inputs_of(parts, action)
        connect(parts[name].click, handler, inputs, outputs, **busy)
    action = ACTIONS["verify"]
    handler, inputs = handler_of(models, "verify", action), inputs_of(parts, action)
    connect(parts["name"].submit, handler, inputs, outputs, **busy)


def inputs_of(parts: dict[str, Component], action: Action) -> list[Component]:
    return [parts["visit"], *[parts[name] for name in action.needs]]


def handler_of(models: Models, name: str, action: Action) -> Callable[..., Answer]:
    """What the button of that name calls; Gradio names the event after it."""

    def on_event(seen: Visit | str | None, progress=gr.Progress(), *values) -> Answer:
        entered = Entered(**dict(zip(action.needs, values, strict=True)))
        return answer(models, seen, lambda visit: action.do(visit, entered), progress, action.stage)

    on_event.__name__ = f"on_{name}"
    return on_event


def answer(
    models: Models,
    seen: Visit | str | None,
    act: Callable[[Visit], Answer],
    progress: gr.Progress,
    stage: str,
) -> Answer:
    """Do `act(visit)`, and show the vault as it is then.

    seen: the visit, FRESH, or None where it has ended: then nothing is done but a new vault opened,
    and that is said. A UserError is said, and leaves everything else as it was.
    """
    visit = seen if isinstance(seen, Visit) else None
    try:
        if visit is None:
            progress(0.2, desc=OPENING)
            visit = session.open_visit(models)
        if seen is None:
            said = {"says": advice(ENDED), "bar": ""}
        else:
            progress(0.6, desc=stage)
            said = act(visit)
    except UserError as error:
        said = {"says": advice(html.escape(str(error)))}
    return {"visit": visit or seen, **said, **_vault_view(visit)}


def _vault_view(visit: Visit | None) -> Answer:
    """Names and templates; nothing where no vault could be opened."""
    if visit is None:
        return {}
    templates = [(stolen.name, stolen.generator, stolen.time) for stolen in visit.vault.stolen()]
    return {"people": words.names_table(templates), "loot": session.show_templates(visit)}
