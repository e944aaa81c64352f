"""Logins, thresholds and enrolled people -> the sentences, tables and scales of the tab Login.
Every name is escaped here.
"""

import html
from collections import Counter

from ndcb.core.terms import DEFAULT_FACES, UserError
from ndcb.models import examples
from ndcb.results import thresholds
from ndcb.vault.names import clean_name
from ndcb.vault.vault import Entry
from ndcb.web import words
from ndcb.web.session import PORTRAIT, SAMPLE_DIGITS, Login, people

NOTHING_KEPT = (
    "Your data is deleted: the vault, its templates and your photos. The demonstration vault opens"
    " anew when you next use it."
)
THIEF = """### What a thief of the database sees
The templates as they are stored, with their names. **No face is to be seen in those of the bottleneck; the paper's U-Net shows it.**
But because F(T) is near F(X), a stolen plain template of either logs in as the photo does, is linked to any photo of the person, and
gives a face back: click one, then try it. A plain generator has no key that could be changed, so revoking and enrolling again does not
stop the thief; try that too."""


def start() -> str:
    """What to do, before anything was done."""
    inside = ", ".join([PORTRAIT, *(f"digit {digit}" for digit in SAMPLE_DIGITS)])
    return words.box(
        "advice",
        "Click a sample or give a photo, write a name, then <em>Enrol</em> or <em>Log in</em>. "
        f"In the vault already: {inside}.",
    )


def enrolled(entry: Entry, faces: int = 1) -> str:
    """faces: the most that were found in one of the photos."""
    many = "1 template is" if entry.templates == 1 else f"{entry.templates} templates are"
    return words.box(
        "yes",
        f"<strong>Enrolled: {html.escape(entry.name)}.</strong> {many} stored, and neither photo"
        f" nor embedding. Now log in under this name, best with another photo. {_several(faces)}".strip(),
    )


def revoked(name: str, count: int) -> str:
    many = "1 template is" if count == 1 else f"{count} templates are"
    return words.box(
        "advice",
        f"<strong>Revoked: {html.escape(clean_name(name))}.</strong> {many} deleted from the vault;"
        " a login under this name is refused now. A copy that a thief took is not.",
    )


def stolen(name: str) -> str:
    return words.box(
        "advice",
        f"<strong>Stolen: a copy of the template of {html.escape(name)}.</strong> The thief can now"
        " try to log in with it.",
    )


def verdict(login: Login, threshold: float) -> str:
    """The decision about a login."""
    same = login.decide(threshold).same
    head, side = ("Accepted.", "under") if same else ("Refused.", "not under")
    text = (
        f"<strong>{head}</strong> {_what(login, same)} Squared distance"
        f" {login.squared_distance:.3f}, {side} the threshold {threshold:.3f}."
        f" {_chance(login, threshold)} {_notes(login)}"
    )
    return words.box("yes" if same else "no", text.strip())


def _what(login: Login, accepted: bool) -> str:
    name = html.escape(login.name)
    if login.kind == "replay":
        return (
            f"The thief is in as {name}, with the stolen template in place of a photo."
            if accepted
            else f"The stolen template does not log in as {name}."
        )
    if login.kind == "identify":
        return (
            f"Nearest of all templates: {name}."
            if accepted
            else "Nobody who is enrolled is near enough."
        )
    return f"The photo logs in as {name}." if accepted else f"The photo does not log in as {name}."


def _chance(login: Login, threshold: float) -> str:
    """Of a search, how likely it names a stranger."""
    if not login.compared:
        return ""
    templates = sum(count for _, count in login.compared)
    many = "1 template" if templates == 1 else f"{templates} templates"
    try:
        chance = thresholds.false_name_chance(login.compared, threshold)
    except UserError:
        return f"It was compared with {many}; how often that names a stranger was not measured."
    said = f"about {_percent(chance, 0)}" if chance else "nearly none"
    return (
        f"It was compared with {many}: a stranger would be named with a chance of {said}, and "
        "the more templates there are, the larger it is."
    )


def _notes(login: Login) -> str:
    kinds = (
        f"Not compared, because another kind of picture is in them: {login.skipped} templates."
        if login.skipped
        else ""
    )
    sealed = (
        f"Not compared, because that takes their key: {login.sealed} sealed templates."
        if login.sealed
        else ""
    )
    gone = (
        "This template is not in the vault any more: it was revoked, and the thief's copy of it was"
        " tried."
        if login.revoked
        else ""
    )
    return " ".join(filter(None, [_several(login.faces), kinds, sealed, gone]))


def _several(faces: int) -> str:
    return f"{faces} faces were found in the photo; the largest counts." if faces > 1 else ""


def scale(login: Login, threshold: float) -> str:
    """The distance on a line from 0, beside the threshold."""
    end = max(1.2 * max(login.squared_distance, threshold), 0.5)
    what = {"replay": "stolen template", "stored": "the sample, stored result"}.get(
        login.kind, "this photo"
    )
    needle = 100 * login.squared_distance / end
    return (
        f'<div class="scale" style="--limit:{100 * threshold / end:.1f}%" role="img"'
        ' aria-label="squared distance '
        f'{login.squared_distance:.3f}, threshold {threshold:.3f}"><div class="bar"></div>'
        f'{_mark("above", needle, what, login.squared_distance)}<div class="needle"'
        f' style="left:{needle:.1f}%"></div>'
        f"{_mark('below', 100 * threshold / end, 'threshold: accepted to the left', threshold)}</div>"
    )


def _mark(place: str, percent: float, text: str, value: float) -> str:
    edge = " at-start" if percent < 25 else " at-end" if percent > 75 else ""
    return (
        f'<span class="mark {place}{edge}" style="left:{percent:.1f}%">{text}<br>{value:.3f}</span>'
    )


def first_scale() -> str:
    """The sample's result as it comes with the checkpoint: on screen before any model has run."""
    stored = examples.example(DEFAULT_FACES)
    return scale(
        Login(PORTRAIT, stored.embedding_distance, "stored", DEFAULT_FACES), stored.threshold
    )


def cost(generator: str, threshold: float) -> str:
    """What a threshold costs, as it was measured, in a sentence."""
    try:
        found = thresholds.rates(generator, threshold)
    except UserError as error:
        return html.escape(str(error))
    return (
        f"Measured on {found.whom}: <strong>FMR {_percent(found.fmr, found.impostors)}</strong>"
        " (strangers who are accepted), <strong>FNMR"
        f" {_percent(found.fnmr, found.genuines)}</strong> (owners who are refused). The record's"
        f" threshold is {thresholds.login_threshold(generator):.3f}."
    )


def _percent(share: float, count: int) -> str:
    """A share of `count` comparisons; none of them does not mean never."""
    if share == 0:
        return f"0 of {count:,}"
    return f"{100 * share:.1f} %" if share >= 0.001 else f"{100 * share:.2g} %"


def names_table(templates: list[tuple[str, str, str]]) -> str:
    """Who is enrolled, from (name, generator, time) of each template; a name's first template
    counts.
    """
    many = Counter(name for name, _, _ in templates)
    first = {name: (generator, time) for name, generator, time in reversed(templates)}
    rows = [
        f"<tr><td>{html.escape(name)}{f' ({count} templates)' if count > 1 else ''}</td><td>{html.escape(first[name][0])}</td>"
        f"<td>{_minute(first[name][1])}</td></tr>"
        for name, count in many.items()
    ]
    head = "<tr><th>enrolled</th><th>generator</th><th>since (UTC)</th></tr>"
    return f"<table>{head}{''.join(rows)}</table>" if rows else "<p>Nobody is enrolled.</p>"


def first_table() -> str:
    """Who is in a vault that nobody has used yet."""
    return names_table([(name, generator, "") for name, _, generator in people()])


def _minute(time: str) -> str:
    return html.escape(time[:16].replace("T", " ") or "the first use")
