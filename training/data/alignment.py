"""Pictures of one alignment, moved to where another alignment has the face."""

import numpy as np
from PIL import Image

from ndcb.core.terms import BY_BOX, BY_LANDMARKS
from ndcb.faces.detectors import MARGIN
from ndcb.models.templates import ALIGNED
from training.data.datasets import SIDES

VERSION = 1
"""Raise it when this module gives other numbers: caches of measurements hold what it gave."""


def realigned(images: np.ndarray, alignment: str, wanted: str) -> np.ndarray:
    """Aligned faces or templates (n, side, side, 3), uint8 -> where another alignment has them.

    Beyond the edge the outermost pixels are repeated. The place is that of the average face
    (`ndcb.models.templates.ALIGNED`).
    """
    if alignment == wanted:
        return images
    side = images.shape[1]
    box = np.array(CUTS[wanted])
    edge = int(np.ceil(max(-box.min(), box.max() - side, 0)))
    padded = np.pad(images, [(0, 0), (edge, edge), (edge, edge), (0, 0)], "edge")
    place = tuple(box + edge)
    size = (SIDES[wanted],) * 2
    moved = [Image.fromarray(image).resize(size, Image.BILINEAR, box=place) for image in padded]
    return np.stack([np.asarray(picture) for picture in moved])


def _box_cut() -> tuple[float, ...]:
    """Of the cut by the box, with its margin, in an upright 112x112 picture: x0, y0, x1, y1."""
    left, top, right, bottom = ALIGNED[BY_LANDMARKS]
    share = MARGIN / 2 / (SIDES[BY_BOX] - MARGIN)
    across, down = share * (right - left), share * (bottom - top)
    return left - across, top - down, right + across, bottom + down


def _upright_cut() -> tuple[float, ...]:
    """Of the upright picture in a 160x160 cut by the box: the inverse of `_box_cut`."""
    left, top, right, bottom = _box_cut()
    side, upright = SIDES[BY_BOX], SIDES[BY_LANDMARKS]
    across, down = side / (right - left), side / (bottom - top)
    return -left * across, -top * down, (upright - left) * across, (upright - top) * down


CUTS = {BY_BOX: _box_cut(), BY_LANDMARKS: _upright_cut()}
"""Alignment -> where its cut lies in a picture of the other one, in pixels."""
