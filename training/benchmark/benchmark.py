"""How fast everything is, and how much memory it takes.

python -m training benchmark -> checkpoints/benchmark.json

Every measurement has a fresh process of its own. There a measured call and a pass of a reference
network take turns, so that other load on the machine slows both; a ratio is the median over these
pairs of calls. The reference is FaceNet (casia-webface) at the same batch size: its forward pass
for the stages, forward and backward for the training steps. Digits are trained against the
digits-embedder, and so measured against it there; a start takes turns with FaceNet's forward pass
of 64 faces.

The JSON's keys:

    device      cpu (its name), cores, torch_threads, device (cpu, cuda or mps), gpu (its name or
                null)
    versions    of python and the libraries
    commit      of the code
    stages      stage -> number of pictures, "1" or "64" -> device, milliseconds {median, min, max}
                for all of them, repeats,
                reference_milliseconds (median), ratio (stage / reference), memory_mb
    training    preset -> batch, per_second (pictures), milliseconds_per_step {median, min, max},
                repeats, reference (name),
                reference_milliseconds (median), rate_ratio (reference / step: 1 is as fast as the
                reference alone)
    start_up    page (fresh process to the first answer), help (python -m ndcb --help) ->
                milliseconds {median, min, max}, repeats,
                reference_milliseconds (median), ratio (start / reference)
    page        visitors (who distort at once), milliseconds {median, min, max} until all are
                answered, repeats, per_second (templates),
                reference_milliseconds (median, of the same calls made directly, one after another,
                in one process), rate_ratio
                (reference / page: 1 is as fast as that), endpoints (all public ones; each was
                called), events (of the tabs, caused
                besides: a number; over HTTP as a browser does it), memory_mb (the most that the
                page held in all that), commit
    goals       goal -> measured, goal, met

A part that is measured alone takes the place of its like in the file that is there, if that is of
the same machine. memory_mb of a stage is the most that was held beyond the imported libraries and
the pictures while its model was loaded and run once: memory of the graphics card for what runs on
CUDA, else of the process; MB of 10**6 bytes.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

from tqdm import tqdm

from ndcb.core.files import write_json
from ndcb.core.terms import UnknownName, UserError
from ndcb.models import checkpoints
from training.benchmark.crowd import measure_page
from training.benchmark.machine import about
from training.benchmark.stages import BATCHES, STAGES, measure_stage
from training.benchmark.start_up import STARTS, measure_start
from training.benchmark.timing import in_child
from training.benchmark.training_steps import measure_training
from training.presets import PRESETS

PARTS = ("stages", "training", "start_up", "page")
VISITORS = 20
"""So many distort a photo at the same time."""

Measurement = tuple[tuple[str, ...], Callable, tuple]
"""(keys of its figures in the JSON, the function that measures, its arguments)."""


def benchmark(
    out: Path = checkpoints.FOLDER / "benchmark.json",
    repeats: int = 9,
    what: tuple[str, ...] = (),
    stages: tuple[str, ...] = (),
    presets: tuple[str, ...] = (),
    starts: tuple[str, ...] = (),
) -> dict:
    """Measure on the first device that is there, and return what is written to `out` at the end.

    `repeats`: pairs of calls for each measurement. `what`: only these of `PARTS`; the others stay
    as `out` has them. `stages`, `presets`, `starts`: only these, all where none is named. A goal
    whose figures are left out is left out too. Raises UserError where `out` is to be added to and
    was measured on another machine, UnknownName for an unknown part.
    """
    for part in what:
        if part not in PARTS:
            raise UnknownName("part of the benchmark", part, PARTS)
    figures = kept(out) if what else about()
    chosen = [
        measurement
        for measurement in measurements(stages or STAGES, presets or PRESETS, starts or STARTS)
        if measurement[0][0] in (what or PARTS)
    ]
    new: dict = {}
    with tqdm(total=len(chosen), unit="measurement") as bar:
        for keys, function, arguments in chosen:
            bar.set_description(" ".join(keys))
            put(new, keys, in_child(function, *arguments, repeats))
            bar.update()
    figures |= new
    figures["goals"] = goals(figures)
    write(out, figures)
    return figures


def measurements(
    stages: Iterable[str], presets: Iterable[str], starts: Iterable[str]
) -> list[Measurement]:
    """All that there are of these stages, presets and starts."""
    of_stages = [
        (("stages", name, str(batch)), measure_stage, (name, batch))
        for name in stages
        for batch in BATCHES
    ]
    of_training = [(("training", name), measure_training, (name,)) for name in presets]
    of_starts = [(("start_up", name), measure_start, (name,)) for name in starts]
    return of_stages + of_training + of_starts + [(("page",), measure_page, (VISITORS,))]


def put(figures: dict, keys: tuple[str, ...], value: dict) -> None:
    """figures[a][b] = value for the keys (a, b)."""
    *outer, last = keys
    for key in outer:
        figures = figures.setdefault(key, {})
    figures[last] = value


def kept(out: Path) -> dict:
    """The figures that `out` holds, without the goals; else those that every file begins with."""
    if not out.exists():
        return about()
    figures = json.loads(out.read_text())
    if figures["device"] != about()["device"]:
        raise UserError(
            f"{out.name} was measured on another machine, or with another number of threads;"
            " measure all parts again"
        )
    return {name: part for name, part in figures.items() if name != "goals"}


def goals(figures: dict) -> dict:
    """What the project set itself; the slower of one face and 64 counts."""
    stages, training = figures.get("stages", {}), figures.get("training", {})
    found = {}
    if "generate" in stages:
        ratio = max(entry["ratio"] for entry in stages["generate"].values())
        found["generate_at_most_half_of_facenet"] = goal(ratio, 0.5, ratio <= 0.5)
    if "generate, bottleneck" in stages:
        ratio = max(entry["ratio"] for entry in stages["generate, bottleneck"].values())
        found["bottleneck_at_most_facenet"] = goal(ratio, 1, ratio <= 1)
    if "faces" in training:
        rate = training["faces"]["rate_ratio"]
        found["training_step_at_least_0.6"] = goal(rate, 0.6, rate >= 0.6)
    if "page" in figures.get("start_up", {}):
        seconds = figures["start_up"]["page"]["milliseconds"]["median"] / 1000
        found["page_starts_in_under_60_s"] = goal(seconds, 60, seconds < 60)
    if "page" in figures:
        memory = figures["page"]["memory_mb"]
        found["page_memory_under_4_gb"] = goal(memory, 4000, memory < 4000)
    return found


def goal(measured: float, goal: float, met: bool) -> dict:
    return {"measured": measured, "goal": goal, "met": met}


def write(out: Path, figures: dict) -> None:
    """Atomic: the old file stays until the new one is whole."""
    out.parent.mkdir(parents=True, exist_ok=True)
    write_json(out, figures)
