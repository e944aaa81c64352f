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
    """Time of each stage: follow, generate, and embed where a decision was asked for."""


def shoot(frame: Image.Image, tracker: Tracker, distorter: Distorter, decide: bool) -> Shot:
    """Distort one frame of a film.

    decide: measure the distance too, which costs many times what the template does. Raises
    NoFaceFound; the next frame may have one again.
    """
    took: dict[str, float] = {}
    embeddings = decision = None

    with stopwatch(took, "follow"):
        face = tracker(frame)
    if decide:
        with stopwatch(took, "embed"):
            embeddings = distorter.embed([face])
    with stopwatch(took, "generate"):
        template = distorter.templates([face], embeddings)[0]
    if decide:
        with stopwatch(took, "embed"):
            decision = distorter.decide(distorter.embed([template])[0], embeddings[0])

    return Shot(face, template, decision, took)


class Full(UserError):
    """No place is left for another frame."""


class Line:
    """The frames of all films, one at a time and first come first served, on one core.

    Two cores would hardly follow and generate faster, but do twice the work, and the rest of the
    page needs them.
    """

    def __init__(self, places: int):
        """places: frames that may wait or be worked on."""
        self.places = threading.BoundedSemaphore(places)
        self.worker = ThreadPoolExecutor(1, "film")
        threads = torch.get_num_threads()
        # asked first, or the worker's first model would set the number anew
        self.worker.submit(torch.get_num_threads).result()
        self.worker.submit(torch.set_num_threads, 1).result()
        torch.set_num_threads(threads)  # for this thread and later ones; the worker keeps its 1

    def __call__(self, work, *given) -> tuple[float, object]:
        """Milliseconds waited, and work(*given).

        Raises Full at once where all places are taken, since waiting holds a thread of the page.
        """
        if not self.places.acquire(blocking=False):
            raise Full("Too many frames wait already; try again in a moment.")
        try:
            came = time.perf_counter()

            def work_and_tell() -> tuple[float, object]:
                return (time.perf_counter() - came) * 1000, work(*given)

            return self.worker.submit(work_and_tell).result()
        finally:
            self.places.release()
