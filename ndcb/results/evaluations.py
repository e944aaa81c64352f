"""What `python -m training evaluate` measured of the generators, read back:
checkpoints/*/evaluation/summary.json and scores.npz.

Neither torch nor the data is needed here.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ndcb.core.terms import DEFAULT_FACES, BadCheckpoint, UnknownName
from ndcb.models import records
from ndcb.results.summaries import Evaluation, SealedEvaluation, parsed, unreadable

FOLDER = Path(__file__).resolve().parents[2] / "checkpoints"
SERIES = "alpha"
"""The `series` in the records of the checkpoints of Figure 12."""


@dataclass(frozen=True)
class SeriesPoint:
    """One checkpoint of Figure 12."""

    alpha: float
    """The margin of the embedding loss (Eq. 9)."""
    mse: float
    """Mean squared error between a picture and its template."""
    embedding_error: float
    """Mean squared distance between their embeddings."""
    eer: float
    """EER with templates as references."""
    eer_ci95: list[float]
    """Its 95 % interval."""
    plain_eer: float
    """EER with photos as references."""


def names() -> list[str]:
    """The evaluated checkpoints: the default generator, then faces, then digits; the shorter name
    first.
    """
    evaluated = {
        path.parent.parent.name
        for path in FOLDER.glob("*/evaluation/summary.json")
        if path.with_name("scores.npz").is_file()
    }
    return sorted(
        evaluated,
        key=lambda name: (name != DEFAULT_FACES, records.of_digits(_record(name)), len(name), name),
    )


def _record(name: str) -> dict:
    """What is known of a checkpoint; a record that cannot be read says nothing."""
    folder, record = FOLDER / name, {}
    with suppress(BadCheckpoint):
        record = records.read(folder)
    return records.described(record, name)


def goals() -> dict[str, Mapping[str, dict]]:
    """Generator of faces -> what it reached (`ndcb.results.goals`). Raises BadCheckpoint where
    files cannot be read.
    """
    reached = {name: read(name).goals for name in names()}
    return {name: goals for name, goals in reached.items() if goals}


def sealed() -> dict[str, SealedEvaluation]:
    """The sealed generators that are measured in full. A file that cannot be read counts as
    none.
    """
    evaluated = {}
    for path in sorted(FOLDER.glob("*/evaluation/summary.json")):
        with suppress(BadCheckpoint):
            evaluated[path.parent.parent.name] = read_folder(path.parent)
    return {name: found for name, found in evaluated.items() if _is_whole(found)}


def _is_whole(evaluation: Evaluation | SealedEvaluation) -> bool:
    """Is it sealed, and every goal measured?"""
    if not isinstance(evaluation, SealedEvaluation):
        return False
    return all(goal["met"] is not None for goal in evaluation.goals.values())


def read(name: str) -> Evaluation:
    """An evaluation with its scores. Raises UnknownName, or BadCheckpoint where the files cannot be
    read.
    """
    if name not in names():
        raise UnknownName("evaluated checkpoint", name, names())
    folder = FOLDER / name / "evaluation"
    try:
        with np.load(folder / "scores.npz") as kept:
            scores = {key: kept[key].astype(np.float32) for key in kept.files}
    except Exception as error:  # a damaged archive raises almost anything
        raise unreadable(name) from error
    return parsed(_read_json(folder), name, scores)


def read_folder(folder: Path) -> Evaluation | SealedEvaluation:
    """The summary.json in a folder `evaluation`. Raises BadCheckpoint where it cannot be read."""
    return parsed(_read_json(folder))


def _read_json(folder: Path) -> object:
    try:
        return json.loads((folder / "summary.json").read_text())
    except (OSError, ValueError) as error:
        raise unreadable(folder.parent.name) from error


def alpha_series() -> list[SeriesPoint]:
    """Figure 12, from the smallest margin up: its checkpoints that are measured."""
    members = [read(name) for name in names() if _record(name).get("series") == SERIES]
    needed = ("image", "embedding_error", "verification")
    measured = [member for member in members if not any(map(member.reason, needed))]
    return sorted(map(_series_point, measured), key=lambda point: point.alpha)


def _series_point(evaluation: Evaluation) -> SeriesPoint:
    rates = evaluation.verification
    return SeriesPoint(
        alpha=evaluation.embedding_error["alpha"],
        mse=evaluation.image["mse"],
        embedding_error=evaluation.embedding_error["mean"],
        eer=rates["template"]["eer"],
        eer_ci95=rates["template"]["eer_ci95"],
        plain_eer=rates["plain"]["eer"],
    )
