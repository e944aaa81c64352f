"""What was measured of the whole project and not of one checkpoint: quality.json, objectives.json
and benchmark.json in checkpoints, as dataclasses.
"""

import json
from dataclasses import dataclass, fields
from pathlib import Path

from ndcb.core.terms import BadCheckpoint
from ndcb.results import evaluations
from ndcb.results.summaries import Figures, Parts


@dataclass(frozen=True)
class Quality(Parts):
    """quality.json: what the gate against poor photos, enrolments and searches do."""

    device: str
    """Where it was computed."""
    commit: str
    """The commit that measured it."""
    people: int
    """Test people whose photos were changed."""
    untouched: Figures
    """Part -> people, photos, and the share of untouched photos that the gate refuses."""
    goal: Figures
    """Kind of change -> strangers let in, in units of untouched photos; what is allowed; met."""
    changes: Figures
    """Change -> share of faces found and refused, and the strangers accepted by each login."""
    alone: Figures
    """Single measure -> kind of change -> strangers let in, in units of untouched photos."""
    one_person: Figures
    """Part -> login -> number of photos -> enrolments refused and strangers missed."""
    identification: Figures
    """Templates of a name -> number of names -> strangers named, and how many are predicted."""


@dataclass(frozen=True)
class Objectives(Parts):
    """objectives.json: objectives against transfer to other recognisers, side by side."""

    preset: str
    """The preset whose training they continue."""
    from_step: int
    """The step from which each goes on alone."""
    steps: int
    """How many steps each has."""
    objectives: Figures
    """Name -> embedding error, and rates of FaceNet and of a second recogniser."""


@dataclass(frozen=True)
class Benchmark(Parts):
    """benchmark.json: time and memory, each beside FaceNet's own time on the same machine."""

    device: Figures
    """The machine: processor, cores, threads, accelerator."""
    versions: Figures
    """Package -> its version."""
    stages: Figures
    """Stage of the pipeline -> size of the batch -> milliseconds, ratio, memory."""
    training: Figures
    """Preset -> batch, pictures a second, ratio."""
    start_up: Figures
    """What starts -> milliseconds, ratio."""
    page: Figures
    """Visitors at once, templates a second, memory."""
    goals: Figures
    """Name of a goal -> measured, goal, met."""


def quality(path: Path | None = None) -> Quality:
    """Raises BadCheckpoint: the file is missing or damaged."""
    return _read(Quality, path or evaluations.FOLDER / "quality.json")


def objectives(path: Path | None = None) -> Objectives:
    """Raises BadCheckpoint: the file is missing or damaged."""
    return _read(Objectives, path or evaluations.FOLDER / "objectives.json")


def benchmark() -> Benchmark:
    """Raises BadCheckpoint: the file is missing or damaged."""
    return _read(Benchmark, evaluations.FOLDER / "benchmark.json")


def _read(study: type, path: Path):
    try:
        content = json.loads(path.read_text())
        return study(**{part.name: content[part.name] for part in fields(study)})
    except (OSError, ValueError, KeyError, TypeError) as error:
        command = study.__name__.lower()
        raise BadCheckpoint(
            f"the figures of the {command} cannot be read; run: python -m training {command}"
        ) from error
