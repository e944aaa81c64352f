"""Numbers -> the sentences, tables and scales that a visitor reads. No visitor's text ever gets in
here.
"""

from ndcb.core.terms import UserError
from ndcb.models import checkpoints
from ndcb.models.pipeline import Distortion
from ndcb.report.names import DISTANCES


def generator_label(name: str) -> str:
    """The label in the record of a generator; its name where there is none that can be read."""
    try:
        return checkpoints.record(name, checkpoints.GENERATORS + checkpoints.SEALED)["label"]
    except UserError:
        return name


def verdict(result: Distortion, note: str = "") -> str:
    same = result.decision.same
    head = (
        "Still the same to the recogniser."
        if same
        else "The recogniser does not see the same any more."
    )
    does = (
        "A login with this very picture would be accepted"
        if same
        else "A login with this very picture would be refused"
    )
    text = (
        f"<strong>{head}</strong> {does}: squared embedding distance"
        f" {result.embedding_distance:.3f}, {'under' if same else 'over'} the threshold"
        f" {result.threshold:.3f}. Whether <em>you</em> still recognise it, look and judge: a large"
        f" pixel distance does not hide a {'face' if result.original.mode == 'RGB' else 'digit'}."
    )
    return box("yes" if same else "no", f"{text} {note}".strip())


def advice(text: str) -> str:
    return box("advice", f"<strong>{text}</strong>")


def box(kind: str, html: str) -> str:
    return f'<div class="verdict {kind}" role="status">{html}</div>'


def scale(result: Distortion) -> str:
    """The embedding distance on a line from 0, beside alpha and the login threshold."""
    end = max(1.2 * max(result.embedding_distance, result.threshold, result.alpha), 0.5)

    def at(value: float) -> str:
        return f"{min(max(100 * value / end, 0), 100):.1f}%"

    return (
        f'<div class="scale" style="--limit:{at(result.threshold)}" role="img" aria-label="squared'
        f" embedding distance {result.embedding_distance:.3f}, alpha {result.alpha:g}, threshold"
        f' {result.threshold:.3f}"><div class="bar"></div><span class="mark above"'
        f' style="left:{at(result.embedding_distance)}">this'
        f' template<br>{result.embedding_distance:.3f}</span><div class="needle"'
        f' style="left:{at(result.embedding_distance)}"></div><span class="mark below"'
        f' style="left:{at(result.alpha)}">alpha<br>{result.alpha:g}</span><span class="mark below"'
        f' style="left:{at(result.threshold)}">login'
        f" threshold<br>{result.threshold:.3f}</span></div>"
    )


def numbers(result: Distortion) -> str:
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
    return {
        "distances": result.distances,
        "embedding_distance": result.embedding_distance,
        "alpha": result.alpha,
        "threshold": result.threshold,
        "same": result.decision.same,
        "milliseconds": result.milliseconds,
    }
