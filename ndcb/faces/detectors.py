"""Picture -> aligned faces: MTCNN (Zhang et al. 2016) as facenet-pytorch ships it."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import torch
from PIL import Image

from ndcb.core import compat  # noqa: F401  before facenet_pytorch

# isort: split
from facenet_pytorch import MTCNN, extract_face

from ndcb.core.terms import FACE_SIZE, Face, NoFaceFound
from ndcb.faces.alignment import SIDE, by_landmarks

VERSION = 1
"""Raise it when this module gives other numbers: caches of measurements hold what it gave."""
MARGIN = 32
"""Pixels of the 160 around the detector's box, half on each side. The box is not made square."""
LONG_SIDE = 1280
"""Photos are shrunk to this for the search; the crop is taken from the full photo."""
SURE = 0.99
"""Confidence of a sure face. Where there is none, the photo's other rotations are tried."""
LIKELY = 0.9
"""Beside a sure face, what is found at less confidence is left out: mostly hands, hair, blur."""
SMALLEST_PICTURE = 20
"""Sides in pixels; MTCNN refuses smaller pictures."""
SMALLEST_FACE = 8


class Detector:
    """An upright RGB picture -> all its faces, aligned, as `in_order` sorts them.

    MTCNN runs on the CPU always: on MPS its pooling fails.
    """

    def __init__(self, margin: int = MARGIN, long_side: int = LONG_SIDE):
        self.margin = margin
        self.long_side = long_side
        self.networks = {smallest: _mtcnn(smallest) for smallest in (20, 40)}
        """By the side of the smallest face that each looks for; the second is much faster."""

    def __call__(self, picture: Image.Image) -> list[Face]:
        """Where no sure face is found, the three other rotations are tried. Raises NoFaceFound."""
        upright = self.find([picture])[0]
        if _any_sure(upright):
            return _without_patches(upright)

        by_rotation = [upright]
        for angle in (90, 270, 180):
            by_rotation += self.find([picture.rotate(angle, expand=True)], angle)
        best = max(by_rotation, key=_best_score)
        if not best:
            raise NoFaceFound()
        return _without_patches(best)

    def find(self, pictures: list[Image.Image], rotation: int = 0) -> list[list[Face]]:
        """Pictures of one size -> the faces of each, sorted, unlikely ones too; maybe none.

        rotation: degrees by which the pictures were turned; the faces tell it.
        """
        small = [shrunk(picture, self.long_side) for picture in pictures]
        if min(small[0].size) < SMALLEST_PICTURE:
            return [[] for _ in pictures]

        network = self.networks[40 if max(small[0].size) > 200 else 20]
        with torch.inference_mode():
            boxes, scores, landmarks = network.detect(small, landmarks=True)

        scale = min(1, self.long_side / max(pictures[0].size))
        detections = zip(pictures, boxes, scores, landmarks, strict=True)
        return [self._faces(*detection, scale, rotation) for detection in detections]

    def _faces(self, picture, boxes, scores, landmarks, scale, rotation) -> list[Face]:
        """The faces of one picture, whose boxes and landmarks are told in pixels of a copy."""
        if boxes is None:
            return []
        faces = []
        for box, score, points in zip(boxes, scores, landmarks, strict=True):
            box = np.asarray(box, dtype=float) / scale
            if _is_large_enough(box) and _overlaps(box, picture.size):
                points = np.asarray(points, dtype=float) / scale
                faces.append(aligned(picture, box, self.margin, points, float(score), rotation))
        return in_order(faces)


def _mtcnn(smallest_face: int) -> MTCNN:
    network = MTCNN(min_face_size=smallest_face, keep_all=True).eval()
    return network.to(memory_format=torch.channels_last)


def shrunk(picture: Image.Image, long_side: int) -> Image.Image:
    """The picture itself, or a copy of it with this long side."""
    scale = min(1, long_side / max(picture.size))
    if scale == 1:
        return picture
    return picture.resize([round(side * scale) for side in picture.size], Image.BILINEAR)


def aligned(
    picture: Image.Image,
    box: np.ndarray,
    margin: int,
    landmarks: np.ndarray,
    score: float | None = None,
    rotation: int = 0,
) -> Face:
    """The face in a box x0, y0, x1, y1 of a picture, cut out both ways.

    By the box with the margin, at 160x160; by the landmarks at 112x112.
    """
    pixels = extract_face(picture, box, FACE_SIZE, margin).byte().permute(1, 2, 0).numpy()
    rounded = tuple(int(round(side)) for side in box)
    upright = by_landmarks(picture, landmarks)
    return Face(Image.fromarray(pixels), rounded, landmarks, score, rotation, upright=upright)


def in_order(faces: Iterable[Face]) -> list[Face]:
    """Sure faces, then likely ones, then the rest; of each kind the largest first.

    So `faces[0]` is a face and not a patch that looks like one.
    """

    def rank(face: Face) -> tuple[bool, bool, int]:
        x0, y0, x1, y1 = face.box
        return face.score >= SURE, face.score >= LIKELY, (x1 - x0) * (y1 - y0)

    return sorted(faces, key=rank, reverse=True)


def enlarged(face: Face, scale: tuple[float, float]) -> Face:
    """A face of a shrunk picture, told in pixels of the full one. scale: across and down."""
    if face.box is None or scale == (1, 1):
        return face
    scale = scale[::-1] if face.rotation % 180 else scale
    box = np.array(face.box) * (scale * 2)
    landmarks = None if face.landmarks is None else face.landmarks * scale
    return replace(face, box=tuple(int(round(side)) for side in box), landmarks=landmarks)


def centre_crop(picture: Image.Image, share: float = 0.6) -> Face:
    """The middle `share` of a picture, for data sets that are aligned already.

    Nothing is detected, and `Face.how` says so.
    """
    side = min(picture.size) * share
    left, top = (picture.width - side) / 2, (picture.height - side) / 2
    image, upright = _resized(picture, (left, top, left + side, top + side))
    return Face(image, None, how="centre crop", upright=upright)


def already_aligned(picture: Image.Image) -> Face:
    """A picture that is an aligned face or a template as it stands, scaled to both sizes."""
    image, upright = _resized(picture, (0, 0, *picture.size))
    return Face(image, None, how="aligned already", upright=upright)


def _resized(picture: Image.Image, box: Sequence[float]) -> list[Image.Image]:
    """The box of a picture at 160x160 and at 112x112; the picture itself where it has the size."""
    whole = tuple(box) == (0, 0, *picture.size)
    return [
        picture
        if whole and picture.size == (side, side)
        else picture.resize((side, side), Image.BILINEAR, box=box)
        for side in (FACE_SIZE, SIDE)
    ]


def _best_score(faces: list[Face]) -> float:
    return max((face.score for face in faces), default=0)


def _any_sure(faces: list[Face]) -> bool:
    return any(face.score >= SURE for face in faces)


def _without_patches(faces: list[Face]) -> list[Face]:
    return [face for face in faces if face.score >= LIKELY] if _any_sure(faces) else faces


def _is_large_enough(box: np.ndarray) -> bool:
    return min(box[2] - box[0], box[3] - box[1]) >= SMALLEST_FACE


def _overlaps(box: np.ndarray, size: tuple[int, int]) -> bool:
    """Does any of the box lie in a picture of this size?"""
    return box[0] < size[0] - 1 and box[1] < size[1] - 1 and box[2] > 1 and box[3] > 1
