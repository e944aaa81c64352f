"""How fast everything is, and how much memory it takes: python -m training benchmark -> checkpoints/benchmark.json

Every measurement has a fresh process of its own. There a measured call and a pass of a reference network take turns, so that other
load on the machine slows both; a ratio is the median over these pairs of calls. The reference is FaceNet (casia-webface) at the same
batch size: its forward pass for the stages, forward and backward for the training steps. Digits are trained against the
digits-embedder, and so measured against it there; a start takes turns with FaceNet's forward pass of 64 faces.

The JSON's keys:

    device      cpu (its name), cores, torch_threads, device (cpu, cuda or mps), gpu (its name or null)
    versions    of python and the libraries
    commit      of the code
    stages      stage -> number of pictures, "1" or "64" -> device, milliseconds {median, min, max} for all of them, repeats,
                reference_milliseconds (median), ratio (stage / reference), memory_mb
    training    preset -> batch, per_second (pictures), milliseconds_per_step {median, min, max}, repeats, reference (name),
                reference_milliseconds (median), rate_ratio (reference / step: 1 is as fast as the reference alone)
    start_up    page (fresh process to the first answer), help (python -m ndcb --help) -> milliseconds {median, min, max}, repeats,
                reference_milliseconds (median), ratio (start / reference)
    goals       goal -> measured, goal, met

memory_mb is the most that was held beyond the imported libraries and the pictures while the stage's model was loaded and run once:
memory of the graphics card for what runs on CUDA, else of the process; MB of 10**6 bytes.
"""

import http.client
import json
import os
import platform
import re
import resource
import socket
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

from ndcb import checkpoints, samples
from ndcb.detectors import Detector
from ndcb.distances import squared_euclidean
from ndcb.generators.unet import UNet
from ndcb.images import quantise, to_pictures, to_tensor
from ndcb.pipeline import pick_device
from ndcb.recognisers import load_recogniser
from ndcb.recognisers.digits import DigitEmbedder
from ndcb.terms import FACE_SIZE, Decision, UserError

from . import embedder, generator
from .memory import keep_freed_memory
from .presets import PRESETS, EmbedderTraining, GeneratorTraining
from .runs import commit, versions

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
START_LIMIT = 300
"""Seconds after which a page that has not answered is given up."""


def benchmark(out: Path = checkpoints.FOLDER / "benchmark.json", repeats: int = 9,
              stages: tuple[str, ...] = (), presets: tuple[str, ...] = (), starts: tuple[str, ...] = ()) -> dict:
    """Measure on the first device that is there, write `out` once everything is measured, and return what it holds.

    `repeats`: pairs of calls a measurement. `stages`, `presets`, `starts`: only these, all where none is named; a goal whose figures
    are left out is left out too.
    """
    stages, presets, starts = stages or tuple(STAGES), presets or tuple(PRESETS), starts or tuple(STARTS)
    figures = about()
    with tqdm(total=len(stages) * len(BATCHES) + len(presets) + len(starts), unit="measurement") as bar:
        def measured(what: str, function, *arguments) -> dict:
            bar.set_description(what)
            found = in_child(function, *arguments, repeats)
            bar.update()
            return found

        figures["stages"] = {name: {str(batch): measured(f"{name} {batch}", measure_stage, name, batch) for batch in BATCHES}
                             for name in stages}
        figures["training"] = {name: measured(f"train {name}", measure_training, name) for name in presets}
        figures["start_up"] = {name: measured(f"start {name}", measure_start, name) for name in starts}
    figures["goals"] = goals(figures)
    write(out, figures)
    return figures


def about() -> dict:
    """What the figures depend on: the machine, the code and the libraries."""
    device = pick_device("auto")
    machine = {"cpu": cpu_name(), "cores": os.cpu_count(), "torch_threads": torch.get_num_threads(), "device": device,
               "gpu": torch.cuda.get_device_name() if device == "cuda" else None}
    return {"device": machine, "commit": commit(),
            "versions": {"python": platform.python_version()} | versions()}


def cpu_name() -> str:
    """As the system tells it; where it does not, the architecture."""
    if sys.platform == "darwin":
        return subprocess.run(["sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True).stdout.strip()
    info = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*:\s*(.+)$", info.read_text(), re.MULTILINE) if info.exists() else None
    return found[1] if found else platform.machine()


def goals(figures: dict) -> dict:
    """What the project set itself; the slower of one face and 64 counts."""
    found = {}
    if "generate" in figures["stages"]:
        ratio = max(entry["ratio"] for entry in figures["stages"]["generate"].values())
        found["generate_at_most_half_of_facenet"] = {"measured": ratio, "goal": 0.5, "met": ratio <= 0.5}
    if "faces" in figures["training"]:
        rate = figures["training"]["faces"]["rate_ratio"]
        found["training_step_at_least_0.6"] = {"measured": rate, "goal": 0.6, "met": rate >= 0.6}
    return found


def write(out: Path, figures: dict) -> None:
    """Atomic: the old file stays until the new one is whole."""
    out.parent.mkdir(parents=True, exist_ok=True)
    new = out.with_name(f"{out.name}.new")
    new.write_text(json.dumps(figures, indent=2) + "\n")
    new.replace(out)


def in_child(function, *arguments):
    """`function(*arguments)` in a fresh process; what it raises is raised here, a UserError of any kind as a plain one."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_with_plain_errors, function, *arguments).result()


def _with_plain_errors(function, *arguments):
    try:
        return function(*arguments)
    except UserError as error:
        raise UserError(str(error)) from None  # its children take other arguments than their text, which pickle cannot know


def timed(call: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> Callable[[], float]:
    """A function that makes the call, waits until the device is done with it, and returns the milliseconds."""
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


def alternate(measured: Callable[[], float], reference: Callable[[], float], repeats: int) -> list[tuple[float, float]]:
    """Milliseconds of both, called in turn; once each beforehand that does not count, for a first call is slower."""
    measured(), reference()
    return [(measured(), reference()) for _ in range(repeats)]


def median_ratio(pairs: list[tuple[float, float]]) -> float:
    return median(first / second for first, second in pairs)


def spread(milliseconds: list[float]) -> dict[str, float]:
    return {"median": median(milliseconds), "min": min(milliseconds), "max": max(milliseconds)}


def summary(pairs: list[tuple[float, float]]) -> dict:
    """The keys that stages and starts have in common."""
    measured, reference = zip(*pairs)
    return {"milliseconds": spread(measured), "reference_milliseconds": median(reference), "ratio": median_ratio(pairs),
            "repeats": len(pairs)}


def facenet_pass(batch: int, device: str) -> Callable[[], float]:
    """FaceNet's forward pass of `batch` random faces, timed."""
    facenet, faces = load_recogniser(FACENET, device), torch.rand(batch, 3, FACE_SIZE, FACE_SIZE, device=device)
    return timed(torch.inference_mode()(lambda: facenet(faces)))


@dataclass(frozen=True)
class Stage:
    """One step of the pipeline, made ready in two parts so that its memory can be told from its input's."""

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
    """(2, batch, 512), of unit length: references and probes, on the CPU as `Distorter.embed` returns them."""
    return torch.nn.functional.normalize(torch.randn(2, batch, 512), dim=-1)


def load_detect(device: str) -> Callable:
    find = Detector().find
    return lambda given: [find(given[start:start + DETECT_CHUNK]) for start in range(0, len(given), DETECT_CHUNK)]


def load_generate(name: str, device: str) -> Callable:
    model = checkpoints.load(name, device=device).model
    return lambda given: to_pictures(quantise(model(given)))


def load_embed(name: str, device: str) -> Callable:
    model = load_recogniser(name, device)
    return lambda given: model(given).cpu()


def load_compare(device: str) -> Callable:
    """The threshold's value has no say in the time."""
    return lambda given: [Decision(distance, 1.0).same for distance in squared_euclidean(*given).tolist()]


STAGES = {
    "detect": Stage(photos, load_detect, on_cpu=True),
    "generate": Stage(faces, partial(load_generate, "faces")),
    "embed": Stage(faces, partial(load_embed, FACENET)),
    "compare": Stage(embeddings, load_compare, on_cpu=True),
    "generate digits": Stage(digits, partial(load_generate, "digits")),
    "embed digits": Stage(digits, partial(load_embed, DIGITS_EMBEDDER)),
}


def measure_stage(name: str, batch: int, repeats: int) -> dict:
    """Time and memory of one stage. The process must be fresh: the reference is loaded only after the memory was read."""
    stage, device = STAGES[name], pick_device("auto")
    where = "cpu" if stage.on_cpu else device
    given = stage.inputs(batch, where)
    with torch.inference_mode():
        held = memory_mb(where, peak=False)
        work = stage.load(where)
        work(given)
        memory = max(0.0, memory_mb(where, peak=True) - held)
        pairs = alternate(timed(lambda: work(given)), facenet_pass(batch, device), repeats * (SINGLES if batch == 1 else 1))
    return {"device": where, **summary(pairs), "memory_mb": memory}


def memory_mb(device: str, peak: bool) -> float:
    """MB that are held now, or with `peak` the most that ever were; on CUDA of the card, else of this process."""
    if device == "cuda":
        return (torch.cuda.max_memory_allocated() if peak else torch.cuda.memory_allocated()) / 1e6
    if sys.platform == "linux":  # here getrusage starts at what the parent process held
        status = Path("/proc/self/status").read_text()
        return int(re.search(rf"{'VmHWM' if peak else 'VmRSS'}:\s+(\d+) kB", status)[1]) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # macOS: bytes, and the peak alone


def measure_training(preset: str, repeats: int) -> dict:
    """The preset's own training step on random pictures, with memory kept as the training command keeps it."""
    keep_freed_memory()
    config, accelerator = PRESETS[preset], Accelerator()
    of_faces = isinstance(config, GeneratorTraining) and config.model.channels == 3
    name, most = (FACENET, FEWER_FACES.get(preset, MOST_FACES)) if of_faces else (DIGITS_EMBEDDER, config.schedule.batch)
    reference = load_recogniser(name, accelerator.device)
    pictures = torch.rand(min(config.schedule.batch, most), *reference.image_shape, device=accelerator.device)
    step = (embedder_step if isinstance(config, EmbedderTraining) else generator_step)(config, accelerator, pictures)
    pairs = alternate(timed(step), timed(partial(forward_and_backward, reference, pictures)), repeats)
    found = summary(pairs)
    return {"batch": len(pictures), "per_second": len(pictures) * 1000 / found["milliseconds"]["median"],
            "milliseconds_per_step": found["milliseconds"], "repeats": found["repeats"], "reference": name,
            "reference_milliseconds": found["reference_milliseconds"], "rate_ratio": median_ratio([(b, a) for a, b in pairs])}


def generator_step(config: GeneratorTraining, accelerator: Accelerator, pictures: torch.Tensor) -> Callable[[], dict]:
    model = UNet(config.model).to(memory_format=torch.channels_last)
    model, optimizer = accelerator.prepare(model, torch.optim.Adam(model.parameters(), lr=config.schedule.lr))
    recogniser = load_recogniser(config.recogniser, accelerator.device)
    with torch.no_grad():
        target = recogniser(pictures)
    return partial(generator.training_step, config, accelerator, model, recogniser, optimizer, pictures, target, 0)


def embedder_step(config: EmbedderTraining, accelerator: Accelerator, pictures: torch.Tensor) -> Callable[[], dict]:
    model = DigitEmbedder(config.model)
    model, optimizer = accelerator.prepare(model, torch.optim.Adam(model.parameters(), lr=config.schedule.lr))
    classes = torch.arange(len(pictures), device=pictures.device) % 10
    return partial(embedder.training_step, config, accelerator, model, optimizer, pictures, classes, 0)


def forward_and_backward(recogniser: torch.nn.Module, pictures: torch.Tensor) -> None:
    """The gradient goes to the pictures, as in a generator's training: the recogniser is frozen."""
    recogniser(pictures.clone().requires_grad_()).sum().backward()


def start_page() -> float:
    """Milliseconds from a fresh process to the page's first answer. Raises RuntimeError with what it printed where none comes."""
    port = free_port()
    environment = os.environ | {"GRADIO_SERVER_NAME": "127.0.0.1", "GRADIO_SERVER_PORT": str(port)}
    with tempfile.TemporaryFile("w+") as log:
        start = time.perf_counter()
        process = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            while not answers(port):
                if process.poll() is not None or time.perf_counter() - start > START_LIMIT:
                    log.seek(0)
                    raise RuntimeError(f"the page did not start; it printed: {log.read()[-2000:]}")
                time.sleep(0.02)
            return (time.perf_counter() - start) * 1000
        finally:
            stop(process)


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def stop(process: subprocess.Popen) -> None:
    """Kindly first: the page removes its temporary folder then."""
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def print_help() -> None:
    subprocess.run([sys.executable, "-m", "ndcb", "--help"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


STARTS = {"page": start_page, "help": timed(print_help)}


def measure_start(name: str, repeats: int) -> dict:
    return summary(alternate(STARTS[name], facenet_pass(max(BATCHES), pick_device("auto")), min(repeats, MOST_STARTS)))


def table(figures: dict) -> str:
    """Markdown, from the JSON's content alone."""
    one, many = sorted(next(iter(figures["stages"].values())), key=int)
    rows = [f"Measured on: {_machine(figures)}.", "",
            f"| stage | one face: ms (ratio) | batch of {many}: ms a face (ratio) | memory of one, of {many}: MB |", "|---|---|---|---|"]
    rows += [_stage_row(name, entry[one], entry[many], int(many)) for name, entry in figures["stages"].items()]
    rows += ["", "| preset | batch | pictures per second | ratio |", "|---|---|---|---|"]
    rows += [f"| `{name}` | {entry['batch']} | {_brief(entry['per_second'])} | {_brief(entry['rate_ratio'])} |"
             for name, entry in figures["training"].items()]
    rows += ["", "| start | seconds | ratio |", "|---|---|---|"]
    rows += [f"| {START_WORDS[name]} | {_brief(entry['milliseconds']['median'] / 1000)} | {_brief(entry['ratio'])} |"
             for name, entry in figures["start_up"].items()]
    return "\n".join(rows)


START_WORDS = {"page": "the page, to its first answer", "help": "`python -m ndcb --help`"}


def _machine(figures: dict) -> str:
    machine = figures["device"]
    return (f"{machine['gpu'] or machine['cpu']}, {machine['cores']} cores, torch {figures['versions']['torch']} on {machine['device']} "
            f"({machine['torch_threads']} threads)")


def _stage_row(name: str, one: dict, many: dict, count: int) -> str:
    alone, each = one["milliseconds"]["median"], many["milliseconds"]["median"] / count
    return (f"| {name} | {_brief(alone)} ({_brief(one['ratio'])}) | {_brief(each)} ({_brief(many['ratio'])}) "
            f"| {one['memory_mb']:.0f}, {many['memory_mb']:.0f} |")


def _brief(value: float) -> str:
    """Three significant digits."""
    return f"{float(f'{value:.3g}'):g}" if value >= 0.001 else "<0.001"
