"""What `python -m training evaluate` measured of the generators, read back:
checkpoints/*/evaluation/summary.json and scores.npz.

The keys are described in training/evaluation/__init__.py. Neither torch nor the data is needed
here.
"""

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ndcb.core.paths import checkpoints_folder
from ndcb.core.terms import DEFAULT_FACES, BadCheckpoint, UnknownName
from ndcb.models import records

FOLDER = checkpoints_folder()
SERIES = "alpha"
"""The `series` in the records of the checkpoints of Figure 12."""


@dataclass(frozen=True)
class Evaluation:
    """One checkpoint's figures."""

    name: str
    summary: dict
    """Rates, shares and accuracies in [0, 1], distances squared Euclidean."""
    scores: dict[str, np.ndarray]
    """{plain, template}_{genuine, impostor}: squared distances to plain probes, (n,) float32,
    sorted.
    """

    def reason(self, *path: str) -> str | None:
        """Why this part has no figures; None where it has them."""
        part = self.summary
        for key in path:
            part = part.get(key, {"not_measured": "this part was not run"})
            if "not_measured" in part:
                return part["not_measured"]
        return None


def names() -> list[str]:
    """The evaluated checkpoints: the default generator, then faces, then digits; the shorter name
    first.
    """
    found = {
        path.parent.parent.name
        for path in FOLDER.glob("*/evaluation/summary.json")
        if path.with_name("scores.npz").is_file()
    }
    return sorted(
        found,
        key=lambda name: (name != DEFAULT_FACES, records.of_digits(_record(name)), len(name), name),
    )


def _record(name: str) -> dict:
    """What is known of a checkpoint; a record that cannot be read says nothing."""
    folder, record = FOLDER / name, {}
    with suppress(BadCheckpoint):
        record = records.read(folder)
    return records.described(record, name)


def goals() -> dict[str, dict]:
    """Generator of faces -> what it reached (`ndcb.results.goals`). Raises BadCheckpoint where
    files cannot be read.
    """
    found = {name: read(name).summary.get("goals") for name in names()}
    return {name: one for name, one in found.items() if one}


def sealed() -> dict[str, dict]:
    """Sealed generator -> its summary; those that are measured in full. A file that cannot be read
    counts as none.
    """
    found = {}
    for path in sorted(FOLDER.glob("*/evaluation/summary.json")):
        with suppress(BadCheckpoint):
            found[path.parent.parent.name] = _read_summary(path)
    return {
        name: one
        for name, one in found.items()
        if "sealed" in one and all(goal["met"] is not None for goal in one["goals"].values())
    }


def read(name: str) -> Evaluation:
    """Raises UnknownName, or BadCheckpoint where the files cannot be read."""
    if name not in names():
        raise UnknownName("evaluated checkpoint", name, names())
    folder = FOLDER / name / "evaluation"
    try:
        summary = _read_summary(folder / "summary.json")
        with np.load(folder / "scores.npz") as kept:
            scores = {key: kept[key].astype(np.float32) for key in kept.files}
    except Exception as error:  # a damaged archive raises almost anything
        raise _unreadable(name) from error
    return Evaluation(name, summary, scores)


def _read_summary(path: Path) -> dict:
    """Raises BadCheckpoint: no JSON object."""
    try:
        summary = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise _unreadable(path.parent.parent.name) from error
    if not isinstance(summary, dict):
        raise _unreadable(path.parent.parent.name)
    return summary


def _unreadable(name: str) -> BadCheckpoint:
    return BadCheckpoint(
        f"the evaluation of {name} cannot be read; run: python -m training evaluate {name}"
    )


def alpha_series() -> list[dict]:
    """Figure 12, a row a checkpoint from the smallest margin up: alpha, mse, embedding_error, eer,
    eer_ci95 and plain_eer.
    """
    found = [read(name) for name in names() if _record(name).get("series") == SERIES]
    return sorted(
        (
            _series_row(one.summary)
            for one in found
            if not any(one.reason(part) for part in ("image", "embedding_error", "verification"))
        ),
        key=lambda row: row["alpha"],
    )


def _series_row(summary: dict) -> dict:
    shift, rates = summary["embedding_error"], summary["verification"]
    return {
        "alpha": shift["alpha"],
        "mse": summary["image"]["mse"],
        "embedding_error": shift["mean"],
        "eer": rates["template"]["eer"],
        "eer_ci95": rates["template"]["eer_ci95"],
        "plain_eer": rates["plain"]["eer"],
    }
