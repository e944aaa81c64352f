"""The right half of the tab: verdict, scale, threshold, and who is enrolled."""

import gradio as gr

from ndcb.results import thresholds
from ndcb.web import private_files
from ndcb.web.choices import generators
from ndcb.web.session import Visit
from ndcb.web.tabs.login import actions, words
from ndcb.web.wiring import LATEST, QUEUE, Answer, connect
from ndcb.web.words import advice


def layout() -> dict:
    """The parts by name, with what is known before any model has run."""
    first = [*generators("faces"), *generators("digits")][0][1]
    judged_at = default_threshold(first)
    says = gr.HTML(words.start(), elem_id="login-verdict")
    new_card = gr.HTML("", elem_id="login-new-card")
    bar = gr.HTML(words.first_scale(), elem_id="login-scale")
    with gr.Group() as judged:
        threshold = gr.Slider(
            0,
            thresholds.FARTHEST / 2,
            judged_at["threshold"],
            step=0.001,
            elem_id="login-threshold",
            label="Login threshold (squared distance)",
        )
        rates = gr.HTML(judged_at["rates"], elem_id="login-rates")
    people = gr.HTML(words.first_table(), elem_classes="names", elem_id="login-names")
    return {
        "says": says,
        "new_card": new_card,
        "bar": bar,
        "judged": judged,
        "threshold": threshold,
        "rates": rates,
        "people": people,
    }


def wire(parts: dict) -> None:
    """The threshold, and the button that deletes everything."""
    quiet = {"show_progress": "hidden", **LATEST}
    generator, threshold, rates = parts["generator"], parts["threshold"], parts["rates"]
    outputs = {"threshold": threshold, "rates": rates}
    connect(generator.input, default_threshold, generator, outputs, **quiet)
    outputs = {"says": parts["says"], "bar": parts["bar"], "rates": rates}
    inputs = [parts["visit"], generator, threshold]
    connect(threshold.input, judge_again, inputs, outputs, **quiet)

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


def default_threshold(generator: str) -> Answer:
    """The slider's value and its cost."""
    limit = thresholds.login_threshold(generator)
    return {"threshold": round(limit, 3), "rates": words.cost(generator, limit)}


def judge_again(visit: Visit | str | None, generator: str, threshold: float) -> Answer:
    """Verdict, scale and cost at another threshold; no model runs."""
    cost = {"rates": words.cost(generator, threshold)}
    last = visit.last if isinstance(visit, Visit) else None
    if last is None or last.generator != generator:
        return cost
    return {**actions.judge(visit, last, generator, threshold), **cost}


def forget(visit: Visit | str | None, paths: list[str | None]) -> None:
    """Close the vault and delete the visitor's files now; the page's own samples stay."""
    actions.close(visit)
    private_files.delete(filter(None, paths))
