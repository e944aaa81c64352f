"""Logins, thresholds and enrolled people -> the sentences, tables and scales of the tab Login.

Every name is escaped here.
"""

import html
from collections import Counter
from collections.abc import Mapping

from ndcb.core.terms import DEFAULT_FACES, UserError
from ndcb.models import examples
from ndcb.models.operating_points import OperatingPoint
from ndcb.results import thresholds
from ndcb.vault.names import clean_name
from ndcb.web.demonstration import PORTRAIT, SAMPLE_DIGITS, people
from ndcb.web.rates import percent
from ndcb.web.session import Enrolment, Login, SealedLogin
from ndcb.web.words import box

NOTHING_KEPT = (
    "Your data is deleted: the vault, its templates and your photos. The demonstration vault opens"
    " anew when you next use it."
)
PLAIN_BEFORE = (
    "The old template was plain: whoever has a copy of it can still use it in place of your photo."
)
SEALED_BEFORE = "The old template and its key are worthless now."
GONE = "This template is not in the vault any more"


def start() -> str:
    """What to do, before anything was done."""
    inside = ", ".join([PORTRAIT, *(f"digit {digit}" for digit in SAMPLE_DIGITS)])
    return box(
        "advice",
        "Click a sample or give a photo, write a name, then <em>Enrol</em> or <em>Log in</em>. "
        f"In the vault already: {inside}.",
    )


def enrolled(new: Enrolment) -> str:
    """What a new name's owner reads, or who renewed their templates."""
    head = "Renewed" if new.renewed else "Enrolled"
    said = _sealed(new) if new.sealed else _plain(new)
    name = html.escape(new.entry.name)
    return box("yes", _joined(f"<strong>{head}: {name}.</strong>", *said, _several(new.faces)))


def _plain(new: Enrolment) -> list[str]:
    return [
        f"{_are(new.entry.templates, 'template')} stored, and neither photo nor embedding.",
        "Now log in under this name, best with another photo.",
    ]


def _sealed(new: Enrolment) -> list[str]:
    before = ""
    if new.renewed:
        before = PLAIN_BEFORE if new.was_plain else SEALED_BEFORE
    take = (
        "<strong>Take the new key card with you</strong>: it is shown this once, below."
        if new.card
        else "Keep the passphrase: it is nowhere here."
    )
    return [f"{_are(new.entry.templates, 'sealed template')} stored.", before, take]


def revoked(name: str, count: int) -> str:
    return box(
        "advice",
        f"<strong>Revoked: {html.escape(clean_name(name))}.</strong>"
        f" {_are(count, 'template')} deleted from the vault;"
        " a login under this name is refused now. A copy that a thief took is not.",
    )


def stolen(name: str) -> str:
    return box(
        "advice",
        f"<strong>Stolen: a copy of the template of {html.escape(name)}.</strong> The thief can now"
        " try to log in with it.",
    )


def verdict(login: Login, points: Mapping[str, OperatingPoint]) -> str:
    """The decision about a login by a plain template. points: as `Login.points` gives them."""
    point = points[login.generator]
    same = login.decide(point.threshold).same
    head, side = ("Accepted.", "under") if same else ("Refused.", "not under")
    level = f", set for an FMR of {100 * point.fmr:g} % in one comparison" if point.fmr else ""
    distance = (
        f"Squared distance {login.squared_distance:.3f}, {side} the threshold"
        f" {point.threshold:.3f}{level}."
    )
    text = _joined(
        f"<strong>{head}</strong>",
        _what(login, same),
        distance,
        _chance(login, points),
        _several(login.faces),
        _not_compared(login),
    )
    return box("yes" if same else "no", text)


def sealed_verdict(login: SealedLogin) -> str:
    """Yes or no, and no distance: who can try photos could follow it."""
    head = "Accepted." if login.accepted else "Refused."
    gone = f"{GONE}; the thief's copy of it was tried." if login.revoked else ""
    text = _joined(
        f"<strong>{head}</strong>",
        _sealed_what(login),
        gone,
        _several(login.faces),
        "A sealed login tells no distance; a stricter or looser choice counts at the next one.",
    )
    return box("yes" if login.accepted else "no", text)


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


def _sealed_what(login: SealedLogin) -> str:
    name = html.escape(login.name)
    by = {"passphrase": "the passphrase", "card": "the key card"}[login.source]
    if login.kind == "replay":
        return (
            f"The thief is in as {name}."
            if login.accepted
            else f"The stolen template does not log in as {name}, not even with {by}, which the"
            " server would use: the key turns it once more."
        )
    return f"The photo and {by} {'log' if login.accepted else 'do not log'} in as {name}."


def _chance(login: Login, points: Mapping[str, OperatingPoint]) -> str:
    """Of a search, how likely it names a stranger."""
    if not login.compared:
        return ""
    templates = sum(count for _, count in login.compared)
    many = "1 template" if templates == 1 else f"{templates} templates"
    try:
        limits = {generator: point.threshold for generator, point in points.items()}
        chance = thresholds.false_name_chance(login.compared, limits)
    except UserError:
        return f"It was compared with {many}; how often that names a stranger was not measured."
    said = f"about {percent(chance, 0)}" if chance else "nearly none"
    return (
        f"It was compared with {many}: a stranger would be named with a chance of {said}, and "
        "the more templates there are, the larger it is."
    )


def _not_compared(login: Login) -> str:
    others, sealed, gone = "", "", ""
    if login.skipped:
        others = (
            f"Not compared, because another kind of picture is in them: {login.skipped} templates."
        )
    if login.sealed:
        sealed = f"Not compared, because that takes their key: {login.sealed} sealed templates."
    if login.revoked:
        gone = f"{GONE}: it was revoked, and the thief's copy of it was tried."
    return _joined(others, sealed, gone)


def _several(faces: int) -> str:
    return f"{faces} faces were found in the photo; the largest counts." if faces > 1 else ""


def _are(count: int, what: str) -> str:
    return f"1 {what} is" if count == 1 else f"{count} {what}s are"


def _joined(*sentences: str) -> str:
    return " ".join(filter(None, sentences))


def scale(login: Login, threshold: float) -> str:
    """The distance on a line from 0, beside the threshold."""
    end = max(1.2 * max(login.squared_distance, threshold), 0.5)
    what = {"replay": "stolen template", "stored": "the sample, stored result"}.get(
        login.kind, "this photo"
    )
    needle, limit = 100 * login.squared_distance / end, 100 * threshold / end
    above = _mark("above", needle, what, login.squared_distance)
    below = _mark("below", limit, "threshold: accepted to the left", threshold)
    return (
        f'<div class="scale" style="--limit:{limit:.1f}%" role="img"'
        f' aria-label="squared distance {login.squared_distance:.3f}, threshold {threshold:.3f}">'
        f'<div class="bar"></div>{above}<div class="needle" style="left:{needle:.1f}%"></div>'
        f"{below}</div>"
    )


def _mark(place: str, percent: float, text: str, value: float) -> str:
    edge = " at-start" if percent < 25 else " at-end" if percent > 75 else ""
    return (
        f'<span class="mark {place}{edge}" style="left:{percent:.1f}%">{text}<br>{value:.3f}</span>'
    )


def first_scale() -> str:
    """The sample's result as it comes with the checkpoint: on screen before any model has run."""
    stored = examples.example(DEFAULT_FACES)
    login = Login(PORTRAIT, stored.embedding_distance, "stored", DEFAULT_FACES)
    return scale(login, thresholds.login_threshold(DEFAULT_FACES))


def names_table(templates: list[tuple[str, str, str]]) -> str:
    """Who is enrolled, from (name, generator, time) of each template.

    A name's first template counts.
    """
    many = Counter(name for name, _, _ in templates)
    first = {name: (generator, time) for name, generator, time in reversed(templates)}
    rows = "".join(_name_row(name, count, *first[name]) for name, count in many.items())
    head = "<tr><th>enrolled</th><th>generator</th><th>since (UTC)</th></tr>"
    return f"<table>{head}{rows}</table>" if rows else "<p>Nobody is enrolled.</p>"


def _name_row(name: str, count: int, generator: str, time: str) -> str:
    several = f" ({count} templates)" if count > 1 else ""
    return (
        f"<tr><td>{html.escape(name)}{several}</td><td>{html.escape(generator)}</td>"
        f"<td>{_minute(time)}</td></tr>"
    )


def first_table() -> str:
    """Who is in a vault that nobody has used yet."""
    return names_table([(name, generator, "") for name, _, generator in people()])


def _minute(time: str) -> str:
    return html.escape(time[:16].replace("T", " ") or "the first use")
