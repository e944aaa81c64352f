"""What was measured of the whole project and not of one checkpoint: quality/*.json,
objectives.json and benchmark.json in checkpoints, as dataclasses.
"""

import json
from dataclasses import dataclass, fields
from pathlib import Path

from ndcb.core.terms import BadCheckpoint
from ndcb.results import evaluations
from ndcb.results.summaries import Figures, Parts


@dataclass(frozen=True)
class Quality(Parts):
    """A file of quality: what a recogniser's gate against poor photos, enrolments and searches do.

    `training.quality.gate` says what each figure is.
    """

    device: str
    """Where it was computed."""
    commit: str
    """The commit that measured it."""
    recogniser: str
    """Whose embeddings the gate reads."""
    generators: Figures
    """Login -> the generator's name and sha256, and the thresholds that it was judged at."""
    people: int
    """Test people whose photos were changed."""
    untouched: Figures
    """Part -> people, photos, and the share of untouched photos that the gate refuses."""
    strangers: Figures
    """Login -> test people, and the pairs of their untouched photos that are accepted."""
    goal: Figures
    """What is allowed, whether it is met, and the worst change of each kind."""
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


def quality(path: Path) -> Quality:
    """Raises BadCheckpoint: the file is missing or damaged."""
    return _read(Quality, path)


def qualities(folder: Path | None = None) -> list[Quality]:
    """One for each recogniser that has a gate. Raises BadCheckpoint: there is none, or a file is
    damaged.
    """
    folder = folder or evaluations.FOLDER / "quality"
    found = [quality(file) for file in sorted(folder.glob("*.json"))]
    if not found:
        raise BadCheckpoint(_unreadable("quality"))
    return found


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
        raise BadCheckpoint(_unreadable(study.__name__.lower())) from error


def _unreadable(command: str) -> str:
    return f"the figures of the {command} cannot be read; run: python -m training {command}"
