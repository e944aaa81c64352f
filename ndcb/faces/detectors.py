"""Picture -> aligned 160x160 faces: MTCNN (Zhang et al. 2016) as facenet-pytorch ships it."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import torch
from PIL import Image

from ndcb.core import compat  # noqa: F401  before facenet_pytorch

# isort: split
from facenet_pytorch import MTCNN, extract_face

from ndcb.core.terms import FACE_SIZE, Face, NoFaceFound

VERSION = 1
"""Raise it when this module gives other numbers: caches of measurements hold what it gave."""
MARGIN = 32
"""Pixels of the 160 that are added around the detector's box, half on each side. The box is not
made square first.
"""
LONG_SIDE = 1280
"""Photos are shrunk to this for the search; the crop is taken from the full photo."""
SURE = 0.99
"""A face found at less than this confidence makes the detector try the photo's other rotations."""
LIKELY = 0.9
"""Beside a sure face, what is found at less than this is left out: most of it is hands, hair and
blurred ground."""


class Detector:
    """All faces of an upright RGB picture, as `in_order` sorts them.

    MTCNN runs on the CPU always: on MPS its pooling fails.
    """

    def __init__(self, margin: int = MARGIN, long_side: int = LONG_SIDE):
        self.margin = margin
        self.long_side = long_side
        self.networks = {
            size: (
                MTCNN(min_face_size=size, keep_all=True)
                .eval()
                .to(memory_format=torch.channels_last)
            )
            for size in (20, 40)
        }

    def __call__(self, picture: Image.Image) -> list[Face]:
        """Raises NoFaceFound. Where no sure face is found, the three other rotations are tried,
        once each.
        """
        upright = self.find([picture])[0]
        if _any_sure(upright):
            return _without_patches(upright)
        turned = [
            self.find([picture.rotate(angle, expand=True)], angle)[0] for angle in (90, 270, 180)
        ]
        best = max(
            [upright, *turned], key=lambda faces: max((face.score for face in faces), default=0)
        )
        if not best:
            raise NoFaceFound()
        return _without_patches(best)

    def find(self, pictures: list[Image.Image], rotation: int = 0) -> list[list[Face]]:
        """Pictures of one size -> the faces of each, sorted, patches too; or an empty list."""
        scale = min(1, self.long_side / max(pictures[0].size))
        small = [
            (
                picture.resize([round(side * scale) for side in picture.size], Image.BILINEAR)
                if scale < 1
                else picture
            )
            for picture in pictures
        ]
        if min(small[0].size) < 20:
            return [[] for _ in pictures]
        network = self.networks[40 if max(small[0].size) > 200 else 20]
        with torch.inference_mode():
            found = zip(*network.detect(small, landmarks=True))
        return [
            self._faces(picture, boxes, scores, points, scale, rotation)
            for picture, (boxes, scores, points) in zip(pictures, found)
        ]

    def _faces(self, picture, boxes, scores, points, scale, rotation) -> list[Face]:
        if boxes is None:
            return []
        faces = []
        for box, score, landmarks in zip(boxes, scores, points):
            box = np.asarray(box, dtype=float) / scale
            if min(box[2] - box[0], box[3] - box[1]) < 8 or not _overlaps(box, picture.size):
                continue
            pixels = (
                extract_face(picture, box, FACE_SIZE, self.margin).byte().permute(1, 2, 0).numpy()
            )
            landmarks = np.asarray(landmarks, dtype=float) / scale
            faces.append(
                Face(
                    Image.fromarray(pixels),
                    tuple(int(round(v)) for v in box),
                    landmarks,
                    float(score),
                    rotation,
                )
            )
        return in_order(faces)


def in_order(faces: Iterable[Face]) -> list[Face]:
    """Sure faces, then likely ones, then the rest; of each the largest first.

    So whoever takes `faces[0]` gets no patch for a face.
    """

    def rank(face: Face) -> tuple[bool, bool, int]:
        x0, y0, x1, y1 = face.box
        return face.score >= SURE, face.score >= LIKELY, (x1 - x0) * (y1 - y0)

    return sorted(faces, key=rank, reverse=True)


def enlarged(face: Face, scale: tuple[float, float]) -> Face:
    """A face of a picture that was shrunk, in pixels of the full one. scale: across and down."""
    if face.box is None or scale == (1, 1):
        return face
    scale = scale[::-1] if face.rotation % 180 else scale
    box = np.array(face.box) * (scale * 2)
    landmarks = None if face.landmarks is None else face.landmarks * scale
    return replace(face, box=tuple(int(round(side)) for side in box), landmarks=landmarks)


def centre_crop(picture: Image.Image, share: float = 0.6) -> Face:
    """The middle `share` of a picture, for data sets that are aligned already. Nothing is detected,
    and the face says so.
    """
    side = min(picture.size) * share
    left, top = (picture.width - side) / 2, (picture.height - side) / 2
    crop = picture.resize(
        (FACE_SIZE, FACE_SIZE), Image.BILINEAR, box=(left, top, left + side, top + side)
    )
    return Face(crop, None, how="centre crop")


def already_aligned(picture: Image.Image) -> Face:
    """A picture that is an aligned face or a template as it stands; another size than 160x160 is
    scaled to it.
    """
    if picture.size != (FACE_SIZE, FACE_SIZE):
        picture = picture.resize((FACE_SIZE, FACE_SIZE), Image.BILINEAR)
    return Face(picture, None, how="aligned already")


def _any_sure(faces: list[Face]) -> bool:
    return any(face.score >= SURE for face in faces)


def _without_patches(faces: list[Face]) -> list[Face]:
    return [face for face in faces if face.score >= LIKELY] if _any_sure(faces) else faces


def _overlaps(box, size) -> bool:
    return box[0] < size[0] - 1 and box[1] < size[1] - 1 and box[2] > 1 and box[3] > 1
