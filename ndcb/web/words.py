"""Numbers -> the sentences, tables and scales that a visitor reads.

No visitor's text ever gets in here.
"""

from ndcb.core.terms import UserError
from ndcb.models import checkpoints
from ndcb.models.pipeline import Distortion
from ndcb.report.names import DISTANCES


def generator_label(name: str) -> str:
    """The label in a generator's record. Without one that can be read, the name."""
    try:
        return checkpoints.record(name, checkpoints.GENERATORS + checkpoints.SEALED)["label"]
    except UserError:
        return name


def head(same: bool) -> str:
    """What every verdict on a template begins with."""
    if same:
        return "<strong>Still the same to the recogniser.</strong>"
    return "<strong>The recogniser does not see the same any more.</strong>"


def verdict(result: Distortion, note: str = "") -> str:
    """Is the template still the same to the recogniser, and what does that mean for a login?"""
    same = result.decision.same
    answer, side = ("accepted", "under") if same else ("refused", "over")
    noun = "face" if result.original.mode == "RGB" else "digit"
    text = (
        f"{head(same)} A login with this very picture would be {answer}: squared embedding distance"
        f" {result.embedding_distance:.3f}, {side} the threshold {result.threshold:.3f}. Whether"
        " <em>you</em> still recognise it, look and judge: a large pixel distance does not hide a"
        f" {noun}."
    )
    return box("yes" if same else "no", f"{text} {note}".strip())


def advice(text: str) -> str:
    """A box that says what to do."""
    return box("advice", f"<strong>{text}</strong>")


def box(kind: str, html: str) -> str:
    """A verdict: `yes`, `no` or `advice`. Screen readers tell it as it changes."""
    return f'<div class="verdict {kind}" role="status">{html}</div>'


def scale(result: Distortion) -> str:
    """The embedding distance on a line from 0, beside alpha and the login threshold."""
    distance, alpha, threshold = result.embedding_distance, result.alpha, result.threshold
    end = max(1.2 * max(distance, threshold, alpha), 0.5)

    def left(value: float) -> str:
        return f"{min(max(100 * value / end, 0), 100):.1f}%"

    def mark(side: str, value: float, text: str) -> str:
        return f'<span class="mark {side}" style="left:{left(value)}">{text}</span>'

    parts = [
        '<div class="bar"></div>',
        mark("above", distance, f"this template<br>{distance:.3f}"),
        f'<div class="needle" style="left:{left(distance)}"></div>',
        mark("below", alpha, f"alpha<br>{alpha:g}"),
        mark("below", threshold, f"login threshold<br>{threshold:.3f}"),
    ]
    return (
        f'<div class="scale" style="--limit:{left(threshold)}" role="img" aria-label="squared'
        f" embedding distance {distance:.3f}, alpha {alpha:g}, threshold"
        f' {threshold:.3f}">{"".join(parts)}</div>'
    )


def numbers(result: Distortion) -> str:
    """Every distance and the time of each stage, as Markdown tables."""
    lines = ["| distance between original and template | value |", "|---|---|"]
    lines += [
        f"| {name} ({source}) | {result.distances[key]:.4f} |"
        for key, (name, source) in DISTANCES.items()
    ]
    lines.append(
        f"| **squared embedding distance (Eq. 1)** | **{result.embedding_distance:.4f}** |"
    )
    lines += ["", "| stage | milliseconds |", "|---|---|"]
    lines += [f"| {stage} | {value:.1f} |" for stage, value in result.milliseconds.items()]
    return "\n".join(lines)


def as_json(result: Distortion) -> dict:
    """The same for a program."""
    return {
        "distances": result.distances,
        "embedding_distance": result.embedding_distance,
        "alpha": result.alpha,
        "threshold": result.threshold,
        "same": result.decision.same,
        "milliseconds": result.milliseconds,
    }
