"""How fast everything is, and how much memory it takes: python -m training benchmark ->
checkpoints/benchmark.json

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
import os
import platform
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import median

import torch
from accelerate import Accelerator
from PIL import Image, ImageOps
from tqdm import tqdm

from ndcb.core.distances import squared_euclidean
from ndcb.core.files import write_json
from ndcb.core.tensors import quantise, to_pictures, to_tensor
from ndcb.core.terms import DEFAULT_FACES, FACE_SIZE, Decision, UnknownName, UserError
from ndcb.faces import samples
from ndcb.faces.detectors import Detector
from ndcb.generators.bottleneck import Bottleneck
from ndcb.generators.sealed import Sealed
from ndcb.generators.unet import UNet
from ndcb.models import checkpoints
from ndcb.models.pipeline import Models, pick_device
from ndcb.models.recognisers import load_recogniser
from ndcb.recognisers.digits import DigitEmbedder
from training.benchmark import page
from training.loops import bottleneck, embedder, generator, sealed
from training.memory import keep_freed_memory
from training.presets import (
    PRESETS,
    BottleneckTraining,
    EmbedderTraining,
    GeneratorTraining,
    SealedTraining,
)
from training.runs import commit, versions

ROOT = checkpoints.FOLDER.parent
FACENET, DIGITS_EMBEDDER = "facenet-casia-webface", "digits-embedder"
BATCHES = (1, 64)
DETECT_CHUNK = 8
"""Photos that the detector searches at once; its batches take memory in proportion."""
MOST_FACES = 16
"""A training step of faces is measured with at most so many, whatever the preset's batch."""
FEWER_FACES = {"faces-paper": 4}
"""Presets whose step of 16 faces takes most of a minute on two CPU cores, and 7 GB."""
MOST_STARTS = 5
"""A start takes seconds, so it is repeated at most so often."""
SINGLES = 5
"""A single picture takes milliseconds, so it is repeated so many times as often."""
VISITORS = 20
"""So many distort a photo at the same time."""
MOST_CROWDS = 5
"""Twenty photos take seconds, so they are repeated at most so often."""


def benchmark(
    out: Path = checkpoints.FOLDER / "benchmark.json",
    repeats: int = 9,
    what: tuple[str, ...] = (),
    stages: tuple[str, ...] = (),
    presets: tuple[str, ...] = (),
    starts: tuple[str, ...] = (),
) -> dict:
    """Measure on the first device that is there, write `out` once everything is measured, and
    return what it holds.

    `repeats`: pairs of calls a measurement. `what`: only these of `PARTS`; the others stay as `out`
    has them. `stages`, `presets`, `starts`: only these, all where none is named. A goal whose
    figures are left out is left out too. Raises UserError where `out` is to be added to and was
    measured on another machine, UnknownName for a part that there is not.
    """
    for unknown in set(what) - set(PARTS):
        raise UnknownName("part of the benchmark", unknown, PARTS)
    what, figures = what or PARTS, kept(out) if what else about()
    wanted = {
        "stages": stages or tuple(STAGES),
        "training": presets or tuple(PRESETS),
        "start_up": starts or tuple(STARTS),
        "page": (),
    }
    with tqdm(
        total=sum(map(_measurements, what, (wanted[part] for part in what))), unit="measurement"
    ) as bar:

        def measured(words: str, function, *arguments) -> dict:
            bar.set_description(words)
            found = in_child(function, *arguments, repeats)
            bar.update()
            return found

        figures |= {part: MEASURE[part](measured, wanted[part]) for part in what}
    figures["goals"] = goals(figures)
    write(out, figures)
    return figures


PARTS = ("stages", "training", "start_up", "page")
MEASURE = {
    "stages": lambda measured, names: {
        name: {
            str(batch): measured(f"{name} {batch}", measure_stage, name, batch) for batch in BATCHES
        }
        for name in names
    },
    "training": lambda measured, names: {
        name: measured(f"train {name}", measure_training, name) for name in names
    },
    "start_up": lambda measured, names: {
        name: measured(f"start {name}", measure_start, name) for name in names
    },
    "page": lambda measured, _: measured("page", measure_page, VISITORS),
}


def _measurements(part: str, names: tuple[str, ...]) -> int:
    return {"stages": len(names) * len(BATCHES), "page": 1}.get(part, len(names))


def kept(out: Path) -> dict:
    """The figures that are there, to be added to; where there are none, those of this machine that
    every file begins with.
    """
    if not out.exists():
        return about()
    figures = json.loads(out.read_text())
    if figures["device"] != about()["device"]:
        raise UserError(
            f"{out.name} was measured on another machine, or with another number of threads;"
            " measure all parts again"
        )
    return {name: part for name, part in figures.items() if name != "goals"}


def about() -> dict:
    """What the figures depend on: the machine, the code and the libraries."""
    device = pick_device("auto")
    machine = {
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "device": device,
        "gpu": torch.cuda.get_device_name() if device == "cuda" else None,
    }
    return {
        "device": machine,
        "commit": commit(),
        "versions": {"python": platform.python_version()} | versions(),
    }


def cpu_name() -> str:
    """As the system tells it; where it does not, the architecture."""
    if sys.platform == "darwin":
        return subprocess.run(
            ["sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True
        ).stdout.strip()
    info = Path("/proc/cpuinfo")
    found = (
        re.search(r"^model name\s*:\s*(.+)$", info.read_text(), re.MULTILINE)
        if info.exists()
        else None
    )
    return found[1] if found else platform.machine()


def goals(figures: dict) -> dict:
    """What the project set itself; the slower of one face and 64 counts."""
    found = {}
    if "generate" in figures.get("stages", {}):
        ratio = max(entry["ratio"] for entry in figures["stages"]["generate"].values())
        found["generate_at_most_half_of_facenet"] = {
            "measured": ratio,
            "goal": 0.5,
            "met": ratio <= 0.5,
        }
    if "generate, bottleneck" in figures.get("stages", {}):
        ratio = max(entry["ratio"] for entry in figures["stages"]["generate, bottleneck"].values())
        found["bottleneck_at_most_facenet"] = {"measured": ratio, "goal": 1, "met": ratio <= 1}
    if "faces" in figures.get("training", {}):
        rate = figures["training"]["faces"]["rate_ratio"]
        found["training_step_at_least_0.6"] = {"measured": rate, "goal": 0.6, "met": rate >= 0.6}
    if "page" in figures.get("start_up", {}):
        seconds = figures["start_up"]["page"]["milliseconds"]["median"] / 1000
        found["page_starts_in_under_60_s"] = {"measured": seconds, "goal": 60, "met": seconds < 60}
    if "page" in figures:
        memory = figures["page"]["memory_mb"]
        found["page_memory_under_4_gb"] = {"measured": memory, "goal": 4000, "met": memory < 4000}
    return found


def write(out: Path, figures: dict) -> None:
    """Atomic: the old file stays until the new one is whole."""
    out.parent.mkdir(parents=True, exist_ok=True)
    write_json(out, figures)


def in_child(function, *arguments):
    """`function(*arguments)` in a fresh process; what it raises is raised here, a UserError of any
    kind as a plain one.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_with_plain_errors, function, *arguments).result()


def _with_plain_errors(function, *arguments):
    try:
        return function(*arguments)
    except UserError as error:
        raise UserError(
            str(error)
        ) from None  # its children take other arguments than their text, which pickle cannot know


def timed(
    call: Callable[[], object], clock: Callable[[], float] = time.perf_counter
) -> Callable[[], float]:
    """A function that makes the call, waits until the device is done with it, and returns the
    milliseconds.
    """

    def once() -> float:
        wait_for_device()
        start = clock()
        call()
        wait_for_device()
        return (clock() - start) * 1000

    return once


def wait_for_device() -> None:
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
    elif torch.backends.mps.is_available():
        torch.mps.synchronize()


def alternate(
    measured: Callable[[], float], reference: Callable[[], float], repeats: int
) -> list[tuple[float, float]]:
    """Milliseconds of both, called in turn; once each beforehand that does not count, for a first
    call is slower.
    """
    measured(), reference()
    return [(measured(), reference()) for _ in range(repeats)]


def median_ratio(pairs: list[tuple[float, float]]) -> float:
    return median(first / second for first, second in pairs)


def spread(milliseconds: list[float]) -> dict[str, float]:
    return {"median": median(milliseconds), "min": min(milliseconds), "max": max(milliseconds)}


def summary(pairs: list[tuple[float, float]]) -> dict:
    """The keys that stages and starts have in common."""
    measured, reference = zip(*pairs)
    return {
        "milliseconds": spread(measured),
        "reference_milliseconds": median(reference),
        "ratio": median_ratio(pairs),
        "repeats": len(pairs),
    }


def facenet_pass(batch: int, device: str) -> Callable[[], float]:
    """FaceNet's forward pass of `batch` random faces, timed."""
    facenet, faces = (
        load_recogniser(FACENET, device),
        torch.rand(batch, 3, FACE_SIZE, FACE_SIZE, device=device),
    )
    return timed(torch.inference_mode()(lambda: facenet(faces)))


@dataclass(frozen=True)
class Stage:
    """One step of the pipeline, made ready in two parts so that its memory can be told from its
    input's.
    """

    inputs: Callable[[int, str], object]
    """(batch, device) -> what the stage is given."""
    load: Callable[[str], Callable]
    """device -> the stage itself, its model loaded."""
    on_cpu: bool = False
    """It runs on the CPU whatever the device."""


def photos(batch: int, device: str) -> list[Image.Image]:
    """640x480, the portrait's upper part."""
    return [ImageOps.fit(samples.portrait(), (640, 480), centering=(0.5, 0))] * batch


def faces(batch: int, device: str) -> torch.Tensor:
    return to_tensor([samples.portrait().resize((FACE_SIZE, FACE_SIZE))] * batch).to(device)


def digits(batch: int, device: str) -> torch.Tensor:
    return to_tensor([samples.digits()[n % 10] for n in range(batch)]).to(device)


def embeddings(batch: int, device: str) -> torch.Tensor:
    """(2, batch, 512), of unit length: references and probes, on the CPU as `Distorter.embed`
    returns them.
    """
    return torch.nn.functional.normalize(torch.randn(2, batch, 512), dim=-1)


def probes(batch: int, device: str) -> torch.Tensor:
    return embeddings(batch, device)[1].to(device)


def load_detect(device: str) -> Callable:
    find = Detector().find
    return lambda given: [
        find(given[start : start + DETECT_CHUNK]) for start in range(0, len(given), DETECT_CHUNK)
    ]


def load_generate(name: str, device: str) -> Callable:
    model = checkpoints.load(name, device=device).model
    return lambda given: to_pictures(quantise(model(given)))


def load_embed(name: str, device: str) -> Callable:
    model = load_recogniser(name, device)
    return lambda given: model(given).cpu()


def load_compare(device: str) -> Callable:
    """The threshold's value has no say in the time."""
    return lambda given: [
        Decision(distance, 1.0).same for distance in squared_euclidean(*given).tolist()
    ]


STAGES = {
    "detect": Stage(photos, load_detect, on_cpu=True),
    "generate": Stage(faces, partial(load_generate, "faces")),
    "embed": Stage(faces, partial(load_embed, FACENET)),
    "compare": Stage(embeddings, load_compare, on_cpu=True),
    "generate, bottleneck": Stage(probes, partial(load_generate, "faces-bottleneck")),
    "generate digits": Stage(digits, partial(load_generate, "digits")),
    "embed digits": Stage(digits, partial(load_embed, DIGITS_EMBEDDER)),
}


def measure_stage(name: str, batch: int, repeats: int) -> dict:
    """Time and memory of one stage. The process must be fresh: the reference is loaded only after
    the memory was read.
    """
    stage, device = STAGES[name], pick_device("auto")
    where = "cpu" if stage.on_cpu else device
    given = stage.inputs(batch, where)
    with torch.inference_mode():
        held = memory_mb(where, peak=False)
        work = stage.load(where)
        work(given)
        memory = max(0.0, memory_mb(where, peak=True) - held)
        pairs = alternate(
            timed(lambda: work(given)),
            facenet_pass(batch, device),
            repeats * (SINGLES if batch == 1 else 1),
        )
    return {"device": where, **summary(pairs), "memory_mb": memory}


def memory_mb(device: str, peak: bool) -> float:
    """MB that are held now, or with `peak` the most that ever were; on CUDA of the card, else of
    this process.
    """
    if device == "cuda":
        return (torch.cuda.max_memory_allocated() if peak else torch.cuda.memory_allocated()) / 1e6
    if sys.platform == "linux":  # here getrusage starts at what the parent process held
        status = Path("/proc/self/status").read_text()
        return (
            int(re.search(rf"{'VmHWM' if peak else 'VmRSS'}:\s+(\d+) kB", status)[1]) * 1024 / 1e6
        )
    return (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    )  # macOS: bytes, and the peak alone


def measure_training(preset: str, repeats: int) -> dict:
    """The preset's own training step on random pictures, with memory kept as the training command
    keeps it.
    """
    keep_freed_memory()
    config, accelerator = PRESETS[preset], Accelerator()
    of_faces = getattr(config, "recogniser", None) == FACENET
    name, most = (
        (FACENET, FEWER_FACES.get(preset, MOST_FACES))
        if of_faces
        else (DIGITS_EMBEDDER, config.schedule.batch)
    )
    reference = load_recogniser(name, accelerator.device)
    pictures = torch.rand(
        min(config.schedule.batch, most), *reference.image_shape, device=accelerator.device
    )
    step = STEPS[type(config)](config, accelerator, pictures)
    pairs = alternate(
        timed(step), timed(partial(forward_and_backward, reference, pictures)), repeats
    )
    found = summary(pairs)
    return {
        "batch": len(pictures),
        "per_second": len(pictures) * 1000 / found["milliseconds"]["median"],
        "milliseconds_per_step": found["milliseconds"],
        "repeats": found["repeats"],
        "reference": name,
        "reference_milliseconds": found["reference_milliseconds"],
        "rate_ratio": median_ratio([(b, a) for a, b in pairs]),
    }


def generator_step(
    config: GeneratorTraining, accelerator: Accelerator, pictures: torch.Tensor
) -> Callable[[], dict]:
    model = UNet(config.model).to(memory_format=torch.channels_last)
    model, optimizer = accelerator.prepare(
        model, torch.optim.Adam(model.parameters(), lr=config.schedule.lr)
    )
    recogniser = load_recogniser(config.recogniser, accelerator.device)
    with torch.no_grad():
        target = recogniser(pictures)
    return partial(
        generator.training_step,
        config,
        accelerator,
        model,
        recogniser,
        optimizer,
        pictures,
        target,
        0,
    )


def bottleneck_step(
    config: BottleneckTraining, accelerator: Accelerator, pictures: torch.Tensor
) -> Callable[[], dict]:
    model = Bottleneck(config.model).to(memory_format=torch.channels_last)
    model, optimizer = accelerator.prepare(
        model, torch.optim.Adam(model.parameters(), lr=config.schedule.lr)
    )
    recogniser = load_recogniser(config.recogniser, accelerator.device)
    with torch.no_grad():
        target = recogniser(pictures)
    return partial(
        bottleneck.training_step,
        config,
        accelerator,
        model,
        recogniser,
        optimizer,
        target,
        0,
        torch.Generator(),
    )


def sealed_step(
    config: SealedTraining, accelerator: Accelerator, pictures: torch.Tensor
) -> Callable[[], dict]:
    model = Sealed(config.model).to(memory_format=torch.channels_last)
    model, optimizer = accelerator.prepare(
        model, torch.optim.Adam(model.parameters(), lr=config.schedule.lr)
    )
    recogniser = load_recogniser(config.recogniser, accelerator.device)
    target = sealed.directions(
        len(pictures), config.model.directions, torch.Generator().manual_seed(0)
    ).to(accelerator.device)
    return partial(
        sealed.training_step, config, accelerator, model, recogniser, optimizer, target, 0
    )


def embedder_step(
    config: EmbedderTraining, accelerator: Accelerator, pictures: torch.Tensor
) -> Callable[[], dict]:
    model = DigitEmbedder(config.model)
    model, optimizer = accelerator.prepare(
        model, torch.optim.Adam(model.parameters(), lr=config.schedule.lr)
    )
    classes = torch.arange(len(pictures), device=pictures.device) % 10
    return partial(
        embedder.training_step, config, accelerator, model, optimizer, pictures, classes, 0
    )


STEPS = {
    EmbedderTraining: embedder_step,
    GeneratorTraining: generator_step,
    BottleneckTraining: bottleneck_step,
    SealedTraining: sealed_step,
}


def forward_and_backward(recogniser: torch.nn.Module, pictures: torch.Tensor) -> None:
    """The gradient goes to the pictures, as in a generator's training: the recogniser is frozen."""
    recogniser(pictures.clone().requires_grad_()).sum().backward()


def start_page() -> float:
    """Milliseconds from a fresh process to the page's first answer."""
    start = time.perf_counter()
    with page.served():
        return (time.perf_counter() - start) * 1000


def print_help() -> None:
    subprocess.run(
        [sys.executable, "-m", "ndcb", "--help"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL
    )


STARTS = {"page": start_page, "help": timed(print_help)}


def measure_start(name: str, repeats: int) -> dict:
    return summary(
        alternate(
            STARTS[name], facenet_pass(max(BATCHES), pick_device("auto")), min(repeats, MOST_STARTS)
        )
    )


def measure_page(visitors: int, repeats: int) -> dict:
    """Many visitors at once beside the same calls made here, and the memory when everything was
    used.
    """
    with tempfile.TemporaryDirectory() as folder, page.served() as (address, process):
        photos, drawing, there = (
            page.photographs(visitors, Path(folder)),
            page.drawing(Path(folder)),
            page.Page(address),
        )
        windows, models = [page.Visitor(address) for _ in photos], Models(pick_device("auto"))
        at_once = timed(partial(page.distort_at_once, there, windows, photos))
        found = summary(
            alternate(at_once, timed(lambda: directly(models, photos)), min(repeats, MOST_CROWDS))
        )
        used = {
            "endpoints": page.use_endpoints(there, photos[0]),
            "events": page.use_tabs(there, photos[0], drawing),
        }
        memory = page.peak_memory_mb(process.pid)
    return {
        "visitors": visitors,
        "milliseconds": found["milliseconds"],
        "repeats": found["repeats"],
        "per_second": visitors * 1000 / found["milliseconds"]["median"],
        "reference_milliseconds": found["reference_milliseconds"],
        "rate_ratio": 1 / found["ratio"],
        **used,
        "memory_mb": memory,
        "commit": commit(),
    }


def directly(models: Models, photos: list[Path]) -> list[Image.Image]:
    """What the page does for each of them, without the page."""
    return [
        models.distorter(DEFAULT_FACES).distort(models.find(photo)[0].image).template
        for photo in photos
    ]


def table(figures: dict) -> str:
    """Markdown, from the JSON's content alone."""
    one, many = sorted(next(iter(figures["stages"].values())), key=int)
    rows = [
        f"Measured on: {_machine(figures)}.",
        "",
        (
            f"| stage | one face: ms (ratio) | batch of {many}: ms a face (ratio) | memory of one,"
            f" of {many}: MB |"
        ),
        "|---|---|---|---|",
    ]
    rows += [
        _stage_row(name, entry[one], entry[many], int(many))
        for name, entry in figures["stages"].items()
    ]
    rows += ["", "| preset | batch | pictures per second | ratio |", "|---|---|---|---|"]
    rows += [
        f"| `{name}` | {entry['batch']} | {_brief(entry['per_second'])} |"
        f" {_brief(entry['rate_ratio'])} |"
        for name, entry in figures["training"].items()
    ]
    rows += ["", "| start | seconds | ratio |", "|---|---|---|"]
    rows += [
        f"| {START_WORDS[name]} | {_brief(entry['milliseconds']['median'] / 1000)} |"
        f" {_brief(entry['ratio'])} |"
        for name, entry in figures["start_up"].items()
    ]
    return "\n".join(rows + _page_rows(figures))


START_WORDS = {"page": "the page, to its first answer", "help": "`python -m ndcb --help`"}


def _page_rows(figures: dict) -> list[str]:
    if "page" not in figures:
        return []
    entry, memory = figures["page"], figures["goals"]["page_memory_under_4_gb"]
    return [
        "",
        "| the page | |",
        "|---|---|",
        (
            f"| {entry['visitors']} visitors distort a photo at once: templates a second |"
            f" {_brief(entry['per_second'])} |"
        ),
        (
            "| ratio to the same calls made directly, in one process |"
            f" {_brief(entry['rate_ratio'])} |"
        ),
        (
            f"| most memory after its {len(entry['endpoints'])} endpoints were called and"
            f" {entry['events']} events of its tabs caused | {memory['measured']:.0f} MB (goal:"
            f" under {memory['goal']}; {'met' if memory['met'] else 'not met'}) |"
        ),
    ]


def _machine(figures: dict) -> str:
    machine = figures["device"]
    return (
        f"{machine['gpu'] or machine['cpu']}, {machine['cores']} cores, torch"
        f" {figures['versions']['torch']} on {machine['device']} ({machine['torch_threads']}"
        " threads)"
    )


def _stage_row(name: str, one: dict, many: dict, count: int) -> str:
    alone, each = one["milliseconds"]["median"], many["milliseconds"]["median"] / count
    return (
        f"| {name} | {_brief(alone)} ({_brief(one['ratio'])}) | {_brief(each)}"
        f" ({_brief(many['ratio'])}) | {one['memory_mb']:.0f}, {many['memory_mb']:.0f} |"
    )


def _brief(value: float) -> str:
    """Three significant digits."""
    return f"{float(f'{value:.3g}'):g}" if value >= 0.001 else "<0.001"
