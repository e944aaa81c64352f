"""Milliseconds of calls, each beside a reference network's, in processes of their own."""

import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from statistics import median

import torch

from ndcb.core.terms import FACE_SIZE, UserError
from ndcb.models.recognisers import load_recogniser

FACENET = "facenet-casia-webface"
"""The reference network."""


def in_child(function, *arguments):
    """`function(*arguments)` in a fresh process.

    What it raises is raised here, a UserError of any kind as a plain one.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_with_plain_errors, function, *arguments).result()


def _with_plain_errors(function, *arguments):
    try:
        return function(*arguments)
    except UserError as error:
        # pickle makes an error anew from its text, which UserError's children do not take
        raise UserError(str(error)) from None


def timed(
    call: Callable[[], object], clock: Callable[[], float] = time.perf_counter
) -> Callable[[], float]:
    """A function that makes the call, waits for the device, and returns the milliseconds."""

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
    """Milliseconds of both, called in turn.

    A first call is slower, so each is called once beforehand, which does not count.
    """
    measured(), reference()
    return [(measured(), reference()) for _ in range(repeats)]


def summary(pairs: list[tuple[float, float]]) -> dict:
    """What is told of pairs of (measured, reference) milliseconds."""
    measured, reference = zip(*pairs, strict=True)
    return {
        "milliseconds": spread(measured),
        "reference_milliseconds": median(reference),
        "ratio": median_ratio(pairs),
        "repeats": len(pairs),
    }


def spread(milliseconds: tuple[float, ...]) -> dict[str, float]:
    return {"median": median(milliseconds), "min": min(milliseconds), "max": max(milliseconds)}


def median_ratio(pairs: list[tuple[float, float]]) -> float:
    return median(first / second for first, second in pairs)


def facenet_pass(batch: int, device: str) -> Callable[[], float]:
    """FaceNet's forward pass of `batch` random faces, timed."""
    facenet = load_recogniser(FACENET, device)
    faces = torch.rand(batch, 3, FACE_SIZE, FACE_SIZE, device=device)
    return timed(torch.inference_mode()(lambda: facenet(faces)))
