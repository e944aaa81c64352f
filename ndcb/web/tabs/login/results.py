"""The right half of the tab: verdict, scale, how strict a login is, and who is enrolled."""

import gradio as gr

from ndcb.core.terms import NotAvailable
from ndcb.models.kinds import is_sealed
from ndcb.models.operating_points import DEFAULT, operating_point
from ndcb.results import thresholds
from ndcb.web import private_files, rates
from ndcb.web.choices import HOW_SET, LEVELS, generators
from ndcb.web.judging import OWN, Choice
from ndcb.web.session import Visit
from ndcb.web.tabs.login import actions, words
from ndcb.web.wiring import LATEST, QUEUE, Answer, connect
from ndcb.web.words import advice

JUDGED = ("fmr", "threshold", "rates")
"""The parts that say how strict a login is."""
BY_HAND = ("own threshold", OWN)


def layout() -> dict:
    """The parts by name, with what is known before any model has run."""
    first = [*generators("faces"), *generators("digits")][0][1]
    limit = thresholds.login_threshold(first)
    says = gr.HTML(words.start(), elem_id="login-verdict")
    new_card = gr.HTML("", elem_id="login-new-card")
    bar = gr.HTML(words.first_scale(), elem_id="login-scale")
    with gr.Group():
        fmr = gr.Radio(
            label="How strict a login is", elem_id="login-fmr", **_levels(first, DEFAULT)
        )
        threshold = gr.Slider(
            0,
            thresholds.FARTHEST / 2,
            round(limit, 3),
            step=0.001,
            elem_id="login-threshold",
            label="Login threshold (squared distance)",
        )
        beside = gr.HTML(rates.beside(first, limit), elem_id="login-rates")
    people = gr.HTML(words.first_table(), elem_classes="names", elem_id="login-names")
    return {
        "says": says,
        "new_card": new_card,
        "bar": bar,
        "fmr": fmr,
        "threshold": threshold,
        "rates": beside,
        "people": people,
    }


def wire(parts: dict) -> None:
    """The threshold, and the button that deletes everything."""
    quiet = {"show_progress": "hidden", **LATEST}
    generator, fmr, threshold = parts["generator"], parts["fmr"], parts["threshold"]
    judged = {name: parts[name] for name in JUDGED}
    connect(generator.input, strictness, [generator, fmr], judged, **quiet)
    outputs = {"says": parts["says"], "bar": parts["bar"], **judged}
    inputs = [parts["visit"], generator]
    connect(fmr.input, choose, [*inputs, fmr, threshold], outputs, **quiet)
    connect(threshold.input, move, [*inputs, threshold], outputs, **quiet)

    first = first_values(parts["first_loot"])

    def on_forget(visit: Visit | str | None, kept: tuple, photo: str | None, more: list) -> Answer:
        forget(visit, [*kept, photo, *more])
        return first

    inputs = [parts[name] for name in ("visit", "kept", "photo", "more")]
    outputs = {name: parts[name] for name in first}
    connect(parts["forget"].click, on_forget, inputs, outputs, **QUEUE)


def first_values(loot: list) -> Answer:
    """What each part shows once a visitor's data is deleted."""
    return {
        "visit": actions.FRESH,
        "kept": (),
        "photo": None,
        "more": None,
        "name": "",
        "says": advice(words.NOTHING_KEPT),
        "bar": "",
        "people": words.first_table(),
        "loot": loot,
        "new_card": "",
        "thief": "",
        "passphrase": "",
        "card": None,
    }


def strictness(generator: str, fmr: str) -> Answer:
    """What JUDGED shows of a generator. fmr: the choice so far, which is kept where it can be."""
    levels = _levels(generator, fmr)
    limit = Choice(generator, DEFAULT if fmr == OWN else fmr).point(generator).threshold
    return {
        "fmr": gr.Radio(**levels),
        "threshold": round(limit, 3),
        "rates": rates.beside(generator, limit),
    }


def _levels(generator: str, fmr: str) -> dict:
    """Of the choice of an FMR: what there is to choose, and what is chosen. Where the record knows
    none, the slider is all there is.
    """
    try:
        operating_point(thresholds.record(generator), DEFAULT)
    except NotAvailable as error:
        return {
            "choices": [*LEVELS, BY_HAND],
            "value": OWN,
            "interactive": False,
            "info": str(error),
        }
    by_hand = [] if is_sealed(generator) else [BY_HAND]
    value = DEFAULT if fmr == OWN else fmr
    return {"choices": [*LEVELS, *by_hand], "value": value, "interactive": True, "info": HOW_SET}


def choose(visit: Visit | str | None, generator: str, fmr: str, threshold: float) -> Answer:
    """Slider, cost and verdict at another operating point; no model runs."""
    choice = Choice(generator, fmr, threshold)
    limit = choice.point(generator).threshold
    return {"threshold": round(limit, 3), **judge_again(visit, choice)}


def move(visit: Visit | str | None, generator: str, threshold: float) -> Answer:
    """The same at a threshold of the visitor's own."""
    return {"fmr": OWN, **judge_again(visit, Choice(generator, OWN, threshold))}


def judge_again(visit: Visit | str | None, choice: Choice) -> Answer:
    """The cost, and the last login's verdict and scale where the choice is about it."""
    cost = {"rates": rates.beside(choice.generator, choice.point(choice.generator).threshold)}
    last = visit.last if isinstance(visit, Visit) else None
    if last is None or (choice.fmr == OWN and last.generator != choice.generator):
        return cost
    return {**actions.judge(visit, last, choice), **cost}


def forget(visit: Visit | str | None, paths: list[str | None]) -> None:
    """Close the vault and delete the visitor's files now; the page's own samples stay."""
    actions.close(visit)
    private_files.delete(filter(None, paths))
