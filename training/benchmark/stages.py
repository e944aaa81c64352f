"""Time and memory of each stage of the pipeline."""

import re
import resource
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from PIL import Image, ImageOps

from ndcb.core.distances import squared_euclidean
from ndcb.core.tensors import quantise, to_pictures, to_tensor
from ndcb.core.terms import FACE_SIZE, Decision
from ndcb.faces import samples
from ndcb.faces.detectors import Detector
from ndcb.models import checkpoints
from ndcb.models.acceleration import Accelerated
from ndcb.models.pipeline import pick_device
from ndcb.models.recognisers import load_recogniser
from ndcb.recognisers.sface import SFace
from training.benchmark.timing import FACENET, alternate, facenet_pass, summary, timed

BATCHES = (1, 64)
SINGLES = 5
"""A single picture takes milliseconds, so it is repeated so many times as often."""
DETECT_CHUNK = 8
"""Photos that the detector searches at once; its batches take memory in proportion."""
DIGITS_EMBEDDER = "digits-embedder"


@dataclass(frozen=True)
class Stage:
    """One step of the pipeline, in two parts: so its memory is told from its input's."""

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


def upright_faces(batch: int, device: str) -> torch.Tensor:
    """Of the size that SFace takes."""
    return to_tensor([samples.portrait().resize(SFace.image_shape[1:])] * batch).to(device)


def digits(batch: int, device: str) -> torch.Tensor:
    return to_tensor([samples.digits()[n % 10] for n in range(batch)]).to(device)


def embeddings(batch: int, device: str) -> torch.Tensor:
    """(2, batch, 512), of unit length: references and probes.

    They are on the CPU, as `Distorter.embed` returns them.
    """
    return torch.nn.functional.normalize(torch.randn(2, batch, 512), dim=-1)


def probes(batch: int, device: str) -> torch.Tensor:
    return embeddings(batch, device)[1].to(device)


def load_detect(device: str) -> Callable:
    find = Detector().find
    return lambda given: [
        find(given[start : start + DETECT_CHUNK]) for start in range(0, len(given), DETECT_CHUNK)
    ]


def load_generate(name: str, device: str, onnx: bool = False) -> Callable:
    """onnx: in ONNX Runtime, else in torch."""
    model = checkpoints.load(name, device=device).model
    model = Accelerated(model) if onnx else model
    return lambda given: to_pictures(quantise(model(given)))


def load_embed(name: str, device: str, onnx: bool = False) -> Callable:
    """onnx: in ONNX Runtime, else in torch."""
    model = load_recogniser(name, device)
    model = Accelerated(model) if onnx else model
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
    "embed, SFace": Stage(upright_faces, partial(load_embed, SFace.name)),
    "embed, ONNX Runtime": Stage(faces, partial(load_embed, FACENET, onnx=True), on_cpu=True),
    "embed, SFace, ONNX Runtime": Stage(
        upright_faces, partial(load_embed, SFace.name, onnx=True), on_cpu=True
    ),
    "generate, bottleneck, ONNX Runtime": Stage(
        probes, partial(load_generate, "faces-bottleneck", onnx=True), on_cpu=True
    ),
}


def measure_stage(name: str, batch: int, repeats: int) -> dict:
    """Time and memory of one stage.

    The process must be fresh: the reference is loaded only after the memory was read.
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
    """MB that are held now, or with `peak` the most that ever were.

    On CUDA it is the graphics card's memory, else this process's.
    """
    if device == "cuda":
        held = torch.cuda.max_memory_allocated() if peak else torch.cuda.memory_allocated()
        return held / 1e6
    if sys.platform == "linux":  # here getrusage starts at what the parent process held
        status = Path("/proc/self/status").read_text()
        key = "VmHWM" if peak else "VmRSS"
        return int(re.search(rf"{key}:\s+(\d+) kB", status)[1]) * 1024 / 1e6
    # macOS: bytes, and the peak alone
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
