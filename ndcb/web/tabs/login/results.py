"""The right half of the tab: verdict, scale, threshold, and who is enrolled."""

import gradio as gr

from ndcb.results import thresholds
from ndcb.web import private_files
from ndcb.web.session import Visit
from ndcb.web.tabs.distort import LATEST, QUEUE, generators
from ndcb.web.tabs.login import actions, words
from ndcb.web.words import advice


def layout() -> dict:
    """The parts by name, with what is known before any model has run."""
    first = [*generators("faces"), *generators("digits")][0][1]
    value, rates = default_threshold(first)
    says = gr.HTML(words.start(), elem_id="login-verdict")
    new_card = gr.HTML("", elem_id="login-new-card")
    bar = gr.HTML(words.first_scale(), elem_id="login-scale")
    with gr.Group() as judged:
        threshold = gr.Slider(
            0,
            thresholds.FARTHEST / 2,
            value,
            step=0.001,
            elem_id="login-threshold",
            label="Login threshold (squared distance)",
        )
        cost = gr.HTML(rates, elem_id="login-rates")
    people = gr.HTML(words.first_table(), elem_classes="names", elem_id="login-names")
    return {
        "says": says,
        "new_card": new_card,
        "bar": bar,
        "judged": judged,
        "threshold": threshold,
        "rates": cost,
        "people": people,
    }


def wire(parts: dict) -> None:
    private = {"api_visibility": "private", "show_progress": "hidden", **LATEST}
    generator, threshold, rates = parts["generator"], parts["threshold"], parts["rates"]
    generator.input(default_threshold, generator, [threshold, rates], **private)
    threshold.input(
        judge_again,
        [parts["visit"], generator, threshold],
        [parts["says"], parts["bar"], rates],
        **private,
    )

    first = first_values(parts["first_loot"])

    def on_forget(visit: Visit | str | None, kept: tuple, photo: str | None, more: list) -> list:
        forget(visit, [*kept, photo, *more])
        return list(first.values())

    parts["forget"].click(
        on_forget,
        [parts[name] for name in ("visit", "kept", "photo", "more")],
        [parts[name] for name in first],
        api_visibility="private",
        **QUEUE,
    )


def first_values(loot: list) -> dict[str, object]:
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


def default_threshold(generator: str) -> list:
    """The slider's value and its cost."""
    limit = thresholds.login_threshold(generator)
    return [round(limit, 3), words.cost(generator, limit)]


def judge_again(visit: Visit | str | None, generator: str, threshold: float) -> list:
    """Verdict, scale and cost at another threshold; no model runs."""
    last = visit.last if isinstance(visit, Visit) else None
    said = actions.Said()
    if last and last.generator == generator:
        said = actions.judge(visit, last, generator, threshold)
    return [said.text, said.scale, words.cost(generator, threshold)]


def forget(visit: Visit | str | None, paths: list[str | None]) -> None:
    """Close the vault and delete the visitor's files now; the page's own samples stay."""
    actions.close(visit)
    private_files.delete(filter(None, paths))
