"""A comparison -> its pictures, its verdict in words, and the table of its four distances."""

from PIL import Image

from ndcb.core.terms import Decision
from ndcb.models.comparison import Comparison
from ndcb.web import rates, words


def pictures(result: Comparison) -> list[Image.Image]:
    """In the order of the page: face and template of A, face and template of B."""
    (face_a, face_b), (template_a, template_b) = result.originals, result.templates
    return [face_a, template_a, face_b, template_b]


def say(result: Comparison, notes: tuple[str, ...] = ()) -> str:
    """The verdict in words: what the photos say, and whether distortion changed it."""
    plain = result.decisions["plain_plain"].same
    others = [decision for name, decision in result.decisions.items() if name != "plain_plain"]
    changed = sum(decision.same != plain for decision in others)
    head = (
        "The recogniser takes both photos for the same person."
        if plain
        else "The recogniser takes them for two people."
    )
    does = (
        f"Of the three comparisons with a template {changed} would be decided the other way."
        if changed
        else "All three comparisons with a template say the same."
    )
    limit = f"Squared embedding distances under {result.threshold:.3f} count as the same person."
    text = " ".join([f"<strong>{head}</strong>", does, limit, *filter(None, notes)])
    return words.box("yes" if plain else "no", text)


def table(result: Comparison, generator: str) -> str:
    """The 2x2 table, and what the threshold lets in."""
    return four(result) + rates.beside(generator, result.threshold)


def four(result: Comparison) -> str:
    """The 2x2 table."""
    rows = "".join(_row(result, kind) for kind in ("plain", "template"))
    head = '<tr><td></td><th scope="col">photo B</th><th scope="col">template B</th></tr>'
    return (
        '<div class="four"><table><caption>Squared embedding distance of each pair, and the'
        f" decision</caption><thead>{head}</thead><tbody>{rows}</tbody></table></div>"
    )


def _row(result: Comparison, kind: str) -> str:
    """What A's photo (`plain`) or template is to B's."""
    name = "photo A" if kind == "plain" else "template A"
    cells = "".join(_cell(result.decisions[f"{kind}_{other}"]) for other in ("plain", "template"))
    return f'<tr><th scope="row">{name}</th>{cells}</tr>'


def _cell(decision: Decision) -> str:
    kind, side, verdict = (
        ("yes", "under", "same person") if decision.same else ("no", "not under", "another person")
    )
    return (
        f'<td class="{kind}"><b>{decision.squared_distance:.3f}</b>{side} the threshold'
        f" {decision.threshold:.3f}: {verdict}</td>"
    )


def as_json(result: Comparison) -> dict:
    """What the endpoint answers."""
    return {
        **{name: decision.squared_distance for name, decision in result.decisions.items()},
        "threshold": result.threshold,
        "same": {name: decision.same for name, decision in result.decisions.items()},
    }
