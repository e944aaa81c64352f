"""A film -> the same face frame by frame, without a search of every frame; and its distorted film, with the rate that was measured."""

import time
from collections import deque
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from . import compat  # noqa: F401  before facenet_pytorch
from .detectors import Detector
from .images import quantise, to_pictures, to_tensor
from .pipeline import Distorter, stopwatch
from .terms import FACE_SIZE, Decision, Face, NoFaceFound
from facenet_pytorch import extract_face

EVERY = 30
"""Frames from one search of the whole frame to the next while the face is followed."""
LONG_SIDE = 640
"""A larger frame is shrunk to this for the search."""
SURE = 0.9
"""A face followed or found at less than this confidence counts as lost."""
SQUARES = ((0, 0, 1), (-.12, 0, 1), (.12, 0, 1), (0, -.12, 1), (0, .12, 1), (0, 0, .85), (0, 0, 1.18))
"""Where O-Net looks: shifts right and down in sides of the last box made square, and a factor on that side."""
STEADY = 0.04
"""A step of this share of the box's side is taken whole; smaller ones are trembling and are damped."""
EMBED_EVERY = 5
"""Embedding two faces costs many times what generating one template does: the distance and verdict are of every fifth frame."""
RATE_SECONDS = 3
"""The rate is counted over so many seconds."""


class Tracker:
    """Follows one face through a film.

    A search of the whole frame with MTCNN starts it, and comes again after `every` frames and where the face is lost. In between only
    MTCNN's last network, O-Net, looks at seven 48x48 squares around the last box; the boxes it sees are averaged and smoothed.
    """

    def __init__(self, detector: Detector, every: int = EVERY):
        self.detector = detector
        self.every = every
        self.onet = detector.networks[40].onet
        self.box: np.ndarray | None = None
        """x0, y0, x1, y1 in pixels of the last frame, float; None where no face is known."""
        self.searches = 0
        """Searches of a whole frame so far."""
        self.age = 0
        """Frames since the last search."""

    def __call__(self, frame: Image.Image) -> Face:
        """An upright RGB frame -> its face, aligned as the detector aligns it. Raises NoFaceFound."""
        self.age += 1
        box, score = (self.box is not None and self.age < self.every and self._follow(frame)) or self._search(frame)
        self.box = box if self.box is None else smooth(self.box, box)
        pixels = extract_face(frame, self.box, FACE_SIZE, self.detector.margin).byte().permute(1, 2, 0).numpy()
        return Face(Image.fromarray(pixels), tuple(int(round(side)) for side in self.box), score=score)

    def _search(self, frame: Image.Image) -> tuple[np.ndarray, float]:
        """Of several faces the one that was followed, else the largest."""
        self.searches, self.age = self.searches + 1, 0
        scale = min(1, LONG_SIDE / max(frame.size))
        small = frame.resize([round(side * scale) for side in frame.size], Image.BILINEAR) if scale < 1 else frame
        faces = [face for face in self.detector.find([small])[0] if face.score >= SURE]
        if not faces:
            self.box = None
            raise NoFaceFound()
        boxes = [np.array(face.box) / scale for face in faces]
        best = 0 if self.box is None else max(range(len(boxes)), key=lambda place: overlap(boxes[place], self.box))
        if self.box is not None and overlap(boxes[best], self.box) < 0.2:
            self.box, best = None, 0
        return boxes[best], faces[best].score

    @torch.inference_mode()
    def _follow(self, frame: Image.Image) -> tuple[np.ndarray, float] | None:
        """The box in this frame and its confidence, or None where the face is no longer near the last box."""
        squares = squares_around(self.box)
        step, _, scores = self.onet(cut(frame, squares))
        scores = scores[:, 1].numpy()
        side = squares[:, 2:3] - squares[:, :1]
        boxes, seen = squares + step.numpy() * side, scores >= SURE
        if scores[0] < SURE or seen.sum() < 3:
            return None
        box = np.average(boxes[seen], axis=0, weights=scores[seen])
        return (box, float(scores[0])) if _inside(box, frame.size) else None


def squares_around(box: np.ndarray) -> np.ndarray:
    """x0, y0, x1, y1 -> (7, 4): the squares of `SQUARES`, about the box's middle and with its longer side."""
    middle, side = (box[:2] + box[2:]) / 2, max(box[2:] - box[:2])
    shifts = np.array(SQUARES)
    middles, halves = middle + shifts[:, :2] * side, shifts[:, 2:] * side / 2
    return np.hstack([middles - halves, middles + halves])


def cut(frame: Image.Image, squares: np.ndarray, size: int = 48) -> torch.Tensor:
    """(n, 4) squares of a frame -> (n, 3, size, size) in [-1, 1], as MTCNN's networks want it; outside the frame is black."""
    crops = [np.asarray(frame.crop([round(side) for side in square]).resize((size, size), Image.BOX)) for square in squares]
    return (torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).float() - 127.5) / 128


def smooth(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """The old box moved towards the new one: wholly for a step of `STEADY` sides and more, hardly where it only trembles."""
    step = np.abs(new - old).max() / max(old[2:] - old[:2])
    return old + min(1, 0.3 + 0.7 * step / STEADY) * (new - old)


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two boxes, in [0, 1]."""
    shared = np.prod(np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None))
    return float(shared / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - shared))


def _inside(box: np.ndarray, size: tuple[int, int]) -> bool:
    middle = (box[:2] + box[2:]) / 2
    return min(box[2:] - box[:2]) >= 20 and (middle > 0).all() and (middle < size).all()


@torch.inference_mode()
def make_templates(distorter: Distorter, pictures: list[Image.Image]) -> list[Image.Image]:
    """Aligned faces -> their templates, without a distance."""
    return to_pictures(quantise(distorter.generator.model(to_tensor(pictures).to(distorter.device))))


@dataclass(frozen=True)
class Shot:
    """One distorted frame."""

    face: Face
    template: Image.Image
    decision: Decision
    """Of the last frame that was embedded, at most `EMBED_EVERY` - 1 frames ago."""
    rate: float
    """Distorted frames a second over the last `RATE_SECONDS`; 0 until two are there."""
    milliseconds: dict[str, float]
    """Time of each stage of this frame: follow, generate, and embed where it was."""


class Film:
    """One visitor's stream: frame in, distorted frame out. No frame is kept, only the last box, the last distance and the times."""

    def __init__(self, detector: Detector):
        self.tracker = Tracker(detector)
        self.decision: Decision | None = None
        self.since_embedded = 0
        self.times: deque[float] = deque()

    def __call__(self, frame: Image.Image, distorter: Distorter) -> Shot:
        """Raises NoFaceFound; the next frame may have one again."""
        took: dict[str, float] = {}
        try:
            with stopwatch(took, "follow"):
                face = self.tracker(frame)
        except NoFaceFound:
            self.decision = None
            raise
        with stopwatch(took, "generate"):
            template = make_templates(distorter, [face.image])[0]
        decision = self._decide(face.image, template, distorter, took)
        return Shot(face, template, decision, self._rate(time.monotonic()), took)

    def _decide(self, face, template, distorter, took) -> Decision:
        self.since_embedded += 1
        if self.decision is None or self.since_embedded >= EMBED_EVERY:
            with stopwatch(took, "embed"):
                self.decision, self.since_embedded = distorter.decide(*distorter.embed([template, face])), 0
        return self.decision

    def _rate(self, now: float) -> float:
        """Counts a frame that is done now."""
        self.times.append(now)
        while now - self.times[0] > RATE_SECONDS:
            self.times.popleft()
        return (len(self.times) - 1) / (now - self.times[0]) if len(self.times) > 1 else 0.0
