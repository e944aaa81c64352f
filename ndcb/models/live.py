"""A film's frames -> templates, one frame at a time."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
from PIL import Image

from ndcb.core.terms import Decision, Face, UserError
from ndcb.faces.tracking import Tracker
from ndcb.models.pipeline import Distorter, stopwatch


@dataclass(frozen=True)
class Shot:
    """One distorted frame."""

    face: Face
    template: Image.Image
    decision: Decision | None
    """None where it was not asked for."""
    milliseconds: dict[str, float]
    """Time of each stage: follow, generate, and embed where it was."""


def shoot(frame: Image.Image, tracker: Tracker, distorter: Distorter, decide: bool) -> Shot:
    """Distort one frame of a film. `decide`: measure the distance too, which costs many times what
    the template does.

    Raises NoFaceFound; the next frame may have one again.
    """
    took: dict[str, float] = {}
    known = decision = None
    with stopwatch(took, "follow"):
        face = tracker(frame)
    if decide:
        with stopwatch(took, "embed"):
            known = distorter.embed([face.image])
    with stopwatch(took, "generate"):
        template = distorter.templates([face.image], known)[0]
    if decide:
        with stopwatch(took, "embed"):
            decision = distorter.decide(distorter.embed([template])[0], known[0])
    return Shot(face, template, decision, took)


class Full(UserError):
    """There is no place for one more frame."""


class Line:
    """The frames of all films, one at a time and first come first served, on one core.

    Following and generating are hardly faster on two cores than on one, but cost twice the work,
    which the rest of the page needs.
    """

    def __init__(self, places: int):
        """`places`: frames that may wait or be worked on."""
        self.places = threading.BoundedSemaphore(places)
        self.worker = ThreadPoolExecutor(1, "film")
        threads = torch.get_num_threads()
        self.worker.submit(
            torch.get_num_threads
        ).result()  # otherwise its first model would set the number anew
        self.worker.submit(torch.set_num_threads, 1).result()
        torch.set_num_threads(threads)  # for this thread and later ones; the worker keeps its 1

    def __call__(self, work, *given) -> tuple[float, object]:
        """Milliseconds waited, and work(*given). Raises Full at once where all places are taken:
        who waits holds a thread of the page.
        """
        if not self.places.acquire(blocking=False):
            raise Full("Too many frames wait already; try again in a moment.")
        try:
            came = time.perf_counter()
            return self.worker.submit(
                lambda: ((time.perf_counter() - came) * 1000, work(*given))
            ).result()
        finally:
            self.places.release()
