"""A film -> the same face frame by frame, without a search of every frame.

Nothing is kept here between two frames: what a film has to remember, a `Track`, travels with them.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from ndcb.core.terms import Face, NoFaceFound
from ndcb.faces.boxes import overlap
from ndcb.faces.detectors import Detector, aligned, shrunk

EVERY = 30
"""Frames from one search of the whole frame to the next while the face is followed."""
LONG_SIDE = 640
"""A larger frame is shrunk to this for the search."""
SMALLEST_SIDE = 20
"""Of a box, in pixels of the frame."""
SURE = 0.9
"""A face followed or found at less than this confidence counts as lost."""
SQUARES = (
    (0, 0, 1),
    (-0.12, 0, 1),
    (0.12, 0, 1),
    (0, -0.12, 1),
    (0, 0.12, 1),
    (0, 0, 0.85),
    (0, 0, 1.18),
)
"""Where O-Net looks: shifts right and down, and a factor, all in sides of the last box's square."""
STEADY = 0.04
"""A step of this share of the box's side is taken whole; smaller ones are trembling, and damped."""
SAME_FACE = 0.2
"""A face that overlaps less with the last box (intersection over union) is another one."""


@dataclass(frozen=True)
class Track:
    """Where the face is, from one frame to the next."""

    box: tuple[float, float, float, float] | None = None
    """x0, y0, x1, y1 in pixels of the last frame; None where no face is known."""
    age: int = 0
    """Frames since the last search of a whole frame."""

    @classmethod
    def read(cls, value) -> "Track":
        """What a browser sends back, which may be anything: what is no track knows no face."""
        try:
            box, age = tuple(float(side) for side in value["box"]), int(value["age"])
        except (TypeError, ValueError, KeyError, OverflowError):
            return cls()
        return cls(box, age) if len(box) == 4 and all(map(math.isfinite, box)) else cls()


class Tracker:
    """Follows one face through a film.

    It starts with a search of the whole frame by MTCNN, and searches again after `every` frames and
    where the face is lost. In between only MTCNN's last network, O-Net, looks at seven 48x48
    squares around the last box; the boxes it sees are averaged and smoothed.
    """

    def __init__(self, detector: Detector, every: int = EVERY, track: Track = Track()):
        self.detector = detector
        self.every = every
        self.onet = detector.networks[40].onet
        self.box = None if track.box is None else np.array(track.box)
        self.age = track.age
        self.searches = 0
        """Searches of a whole frame so far."""

    @property
    def track(self) -> Track:
        """What the next tracker of this film has to know."""
        return Track(
            None if self.box is None else tuple(float(side) for side in self.box), self.age
        )

    def __call__(self, frame: Image.Image) -> Face:
        """An upright RGB frame -> its face, aligned. Raises NoFaceFound."""
        self.age += 1
        if self.box is not None and not _inside(self.box, frame.size):
            self.box = None

        followed = None
        if self.box is not None and self.age < self.every:
            followed = self._follow(frame)
        box, landmarks, score = followed or self._search(frame)
        self.box = box if self.box is None else smooth(self.box, box)
        return aligned(frame, self.box, self.detector.margin, landmarks, score)

    def _search(self, frame: Image.Image) -> tuple[np.ndarray, np.ndarray, float]:
        """Box, landmarks and confidence of the face that was followed, else of the detector's
        first.
        """
        self.searches, self.age = self.searches + 1, 0
        small = shrunk(frame, LONG_SIDE)
        faces = [face for face in self.detector.find([small])[0] if face.score >= SURE]
        if not faces:
            self.box = None
            raise NoFaceFound()

        scale = min(1, LONG_SIDE / max(frame.size))
        boxes = [np.array(face.box) / scale for face in faces]
        chosen = 0
        if self.box is not None:
            overlaps = [overlap(box, self.box) for box in boxes]
            chosen = int(np.argmax(overlaps))
            if overlaps[chosen] < SAME_FACE:
                self.box, chosen = None, 0
        return boxes[chosen], faces[chosen].landmarks / scale, faces[chosen].score

    @torch.inference_mode()
    def _follow(self, frame: Image.Image) -> tuple[np.ndarray, np.ndarray, float] | None:
        """Box and landmarks in this frame, and their confidence; None: the face is not near the
        last box.
        """
        squares = squares_around(self.box)
        step, places, scores = self.onet(cut(frame, squares))
        scores = scores[:, 1].numpy()
        side = squares[:, 2:3] - squares[:, :1]
        boxes = squares + step.numpy() * side
        seen = scores >= SURE
        if scores[0] < SURE or seen.sum() < 3:
            return None
        box = np.average(boxes[seen], axis=0, weights=scores[seen])
        landmarks = np.average(points_of(places, squares)[seen], axis=0, weights=scores[seen])
        return (box, landmarks, float(scores[0])) if _inside(box, frame.size) else None


def squares_around(box: np.ndarray) -> np.ndarray:
    """x0, y0, x1, y1 -> (7, 4): the squares of `SQUARES` around the box's middle."""
    middle, side = (box[:2] + box[2:]) / 2, max(box[2:] - box[:2])
    shifts = np.array(SQUARES)
    middles, halves = middle + shifts[:, :2] * side, shifts[:, 2:] * side / 2
    return np.hstack([middles - halves, middles + halves])


def points_of(places: torch.Tensor, squares: np.ndarray) -> np.ndarray:
    """Landmarks as O-Net tells them, (n, 10) in shares of the squares, x before y -> (n, 5, 2)."""
    shares = np.stack([places[:, :5], places[:, 5:]], axis=2)
    corner, side = squares[:, None, :2], squares[:, None, 2:] - squares[:, None, :2]
    return corner + shares * side


def cut(frame: Image.Image, squares: np.ndarray, size: int = 48) -> torch.Tensor:
    """(n, 4) squares of a frame -> (n, 3, size, size) in [-1, 1], as MTCNN's networks want it.

    What lies outside the frame is black.
    """
    crops = []
    for square in squares:
        crop = frame.crop([round(side) for side in square])
        crops.append(np.asarray(crop.resize((size, size), Image.BOX)))
    return (torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).float() - 127.5) / 128


def smooth(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """The old box moved towards the new one: wholly for a large step, hardly for trembling."""
    step = np.abs(new - old).max() / max(old[2:] - old[:2])
    share = min(1, 0.3 + 0.7 * step / STEADY)
    return old + share * (new - old)


def _inside(box: np.ndarray, size: tuple[int, int]) -> bool:
    """Is it a box of a sensible size whose middle lies in the frame?

    The upper limit bounds the memory of a crop.
    """
    middle, sides = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
    is_sensible = min(sides) >= SMALLEST_SIDE and max(sides) <= 2 * max(size)
    return bool(is_sensible and (middle > 0).all() and (middle < size).all())
