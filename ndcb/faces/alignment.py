"""A face's five landmarks -> its 112x112 picture with eyes, nose and mouth at fixed places.

As recognisers of the ArcFace family (Deng et al. 2019) and SFace are trained: the similarity
transform (turn, scale, shift; no mirroring) that brings the landmarks nearest to `PLACES`.
"""

import numpy as np
from PIL import Image

VERSION = 1
"""Raise it when this module gives other numbers: caches of measurements hold what it gave."""
SIDE = 112
HALF = 0.5
"""Landmarks count from the middle of the first pixel, Pillow from its corner."""
SMALLEST_SCALE = 0.005
"""Of a face: its picture is 20,000 pixels long then."""
PLACES = np.array(
    [
        (38.2946, 51.6963),
        (73.5318, 51.5014),
        (56.0252, 71.7366),
        (41.5493, 92.3655),
        (70.7299, 92.2041),
    ]
)
"""Of both eyes, the nose and both corners of the mouth, in pixels of the 112x112 picture."""


def by_landmarks(picture: Image.Image, landmarks: np.ndarray) -> Image.Image:
    """An RGB picture and the five landmarks of a face in it, (5, 2) -> the face, 112x112.

    What lies outside the picture is black.
    """
    points = np.asarray(landmarks, dtype=float) + HALF
    turn, shift = _similarity(points)
    if abs(turn) < 0.5:  # a large face: shrunk first, or fine detail would turn into patterns
        picture, points = _reduced(picture, points, factor=int(0.5 / abs(turn)) + 1)
        turn, shift = _similarity(points)

    there = np.array([(turn.real, -turn.imag, shift.real), (turn.imag, turn.real, shift.imag)])
    back = np.linalg.inv(np.vstack([there, (0, 0, 1)]))[:2]
    return picture.transform((SIDE, SIDE), Image.AFFINE, back.ravel(), Image.BILINEAR)


def _similarity(points: np.ndarray) -> tuple[complex, complex]:
    """Turn and shift by which `turn * point + shift` is nearest to `PLACES`, by least squares.

    A point x, y is the complex number x + iy; |turn| is the scale.
    """
    from_, to = (xy[:, 0] + 1j * xy[:, 1] for xy in (points, PLACES + HALF))
    centred = from_ - from_.mean()
    turn = np.vdot(centred, to - to.mean()) / max(np.vdot(centred, centred).real, 1e-6)
    turn = turn if abs(turn) > SMALLEST_SCALE else SMALLEST_SCALE  # landmarks of no face
    return turn, to.mean() - turn * from_.mean()


def _reduced(
    picture: Image.Image, points: np.ndarray, factor: int
) -> tuple[Image.Image, np.ndarray]:
    """The part of the picture around the face, `factor` times smaller, and the points in it."""
    middle, reach = points.mean(0), 3 * np.ptp(points, axis=0).max()
    left, top = np.floor((middle - reach).clip(0, np.array(picture.size) - 1)).astype(int)
    right, bottom = np.ceil((middle + reach).clip((left + 1, top + 1), picture.size)).astype(int)
    part = picture.crop((left, top, right, bottom))
    return part.reduce(factor), (points - (left, top)) / factor
