"""What a button of the tab does with a visitor's vault, and what is shown of it afterwards."""

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import gradio as gr

from ndcb.core.terms import UserError
from ndcb.models.pipeline import Models
from ndcb.results import thresholds
from ndcb.web import session
from ndcb.web.given_key import Given
from ndcb.web.session import Enrolment, Login, SealedLogin, Visit
from ndcb.web.tabs.distort import QUEUE
from ndcb.web.tabs.login import key, words
from ndcb.web.words import advice

FRESH = "fresh"
"""The state of a visitor for whom no vault was opened yet."""
ENDED = (
    "Your visit ended after ten minutes: the vault was closed, and its templates and their keys"
    " were deleted. A new one is open; enrol again."
)
OPENING = "Opening the demonstration vault"
FINDING, LOGGING_IN = "Finding the face, making its template", "Finding the face, comparing"


@dataclass(frozen=True)
class Entered:
    """What the visitor has entered, as far as a button needs it."""

    name: str = ""
    photo: str | None = None
    more: Sequence[str] = ()
    """More photos of the same person."""
    generator: str = ""
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


@dataclass(frozen=True)
class Said:
    """What an action shows. What it does not name stays on the screen as it is."""

    text: object = field(default_factory=gr.skip)
    """The verdict."""
    scale: object = field(default_factory=gr.skip)
    beside: object = field(default_factory=gr.skip)
    """In the action's own place: a new key card, or what the thief is told."""


@dataclass(frozen=True)
class Action:
    """What a button does."""

    do: Callable[[Visit, Entered], Said]
    """Raises UserError, which is said."""
    stage: str
    """What the progress bar says meanwhile."""
    needs: tuple[str, ...]
    """Fields of `Entered`."""


# the actions


def enrol(visit: Visit, entered: Entered) -> Said:
    """Raises what `ndcb.web.session.enrol` does."""
    new = session.enrol(visit, entered.name, entered.photos, entered.generator, entered.given)
    return _enrolled(visit, new)


def renew(visit: Visit, entered: Entered) -> Said:
    """Raises what `ndcb.web.session.renew` does."""
    new = session.renew(visit, entered.name, entered.photos, entered.generator, entered.given)
    return _enrolled(visit, new)


def _enrolled(visit: Visit, new: Enrolment) -> Said:
    return say(visit, words.enrolled(new), key.card_view(new.card))


def verify(visit: Visit, entered: Entered) -> Said:
    """Raises what `ndcb.web.session.log_in` does."""
    login = session.log_in(visit, entered.name, entered.photo, entered.generator, entered.given)
    return judge(visit, login, entered.generator, entered.threshold)


def identify(visit: Visit, entered: Entered) -> Said:
    """Raises what `ndcb.web.session.identify` does."""
    login = session.identify(visit, entered.photo, entered.generator)
    return judge(visit, login, entered.generator, entered.threshold)


def revoke(visit: Visit, entered: Entered) -> Said:
    """Raises what `Vault.revoke` does."""
    return say(visit, words.revoked(entered.name, visit.vault.revoke(entered.name)))


KEY = ("source", "passphrase", "card")
ACTIONS = {
    "enrol": Action(enrol, FINDING, ("name", "photo", "more", "generator", *KEY)),
    "renew": Action(renew, FINDING, ("name", "photo", "more", "generator", *KEY)),
    "verify": Action(verify, LOGGING_IN, ("name", "photo", "generator", "threshold", *KEY)),
    "identify": Action(identify, LOGGING_IN, ("photo", "generator", "threshold")),
    "revoke": Action(revoke, "Revoking", ("name",)),
}
"""By the button."""


def judge(visit: Visit, login: Login | SealedLogin, generator: str, threshold: float) -> Said:
    """Verdict and scale of a login. A plain one is kept, so that it can be judged again.

    The threshold is that of `generator`; another one has its record's.
    """
    if isinstance(login, SealedLogin):
        return say(visit, words.sealed_verdict(login))
    visit.last = login
    own = login.generator == generator
    limit = threshold if own else thresholds.login_threshold(login.generator)
    return Said(words.verdict(login, limit), words.scale(login, limit))


def say(visit: Visit, text: str, beside: object = None) -> Said:
    """What to say where there is no login to judge again, with an empty scale."""
    visit.last = None
    return Said(text, "", gr.skip() if beside is None else beside)


def close(visit: Visit | str | None) -> None:
    session.close(visit if isinstance(visit, Visit) else None)


# how a button does them


def wire(models: Models, parts: dict) -> None:
    """The buttons; the enter key in the name's field logs in as well."""
    for name, action in ACTIONS.items():
        connect(models, parts[name].click, action, parts, beside="new_card", progress_on="says")
    enter, verify = parts["name"].submit, ACTIONS["verify"]
    connect(models, enter, verify, parts, beside="new_card", progress_on="says")


def connect(
    models: Models, event: Callable, action: Action, parts: dict, beside: str, progress_on: str
) -> None:
    """Do the action at the event. beside: the part that `Said.beside` is for."""

    def on_event(seen: Visit | str | None, progress=gr.Progress(), *values) -> list:
        entered = Entered(**dict(zip(action.needs, values, strict=True)))
        return answer(models, seen, lambda visit: action.do(visit, entered), progress, action.stage)

    inputs = [parts["visit"], *[parts[name] for name in action.needs]]
    event(on_event, inputs, outputs_of(parts, beside), **options_of(parts, progress_on))


def outputs_of(parts: dict, beside: str) -> list:
    """The parts for which `answer` has values."""
    return [parts[name] for name in ("visit", "says", "bar", "people", "loot", beside)]


def options_of(parts: dict, progress_on: str) -> dict:
    """Options of every event that uses a vault."""
    return {"api_visibility": "private", "show_progress_on": [parts[progress_on]], **QUEUE}


def answer(
    models: Models,
    seen: Visit | str | None,
    act: Callable[[Visit], Said],
    progress: gr.Progress,
    stage: str,
) -> list:
    """Do `act(visit)`: the visit, and a value for each of `outputs_of`.

    seen: the visit, FRESH, or None where it has ended: then nothing is done but a new vault opened,
    and that is said. A UserError is said, and leaves everything else as it was.
    """
    visit = seen if isinstance(seen, Visit) else None
    try:
        if visit is None:
            progress(0.2, desc=OPENING)
            visit = session.open_visit(models)
        if seen is None:
            said = Said(advice(ENDED), "")
        else:
            progress(0.6, desc=stage)
            said = act(visit)
    except UserError as error:
        said = Said(advice(html.escape(str(error))))
    return [visit or seen, said.text, said.scale, *_vault_view(visit), said.beside]


def _vault_view(visit: Visit | None) -> list:
    """Names and templates; as they are where no vault could be opened."""
    if visit is None:
        return [gr.skip(), gr.skip()]
    templates = [(stolen.name, stolen.generator, stolen.time) for stolen in visit.vault.stolen()]
    return [words.names_table(templates), session.show_templates(visit)]
