"""Boxes x0, y0, x1, y1 in pixels; NumPy alone, so that it is quick to import."""

from collections.abc import Sequence

import numpy as np

Box = Sequence[float] | np.ndarray


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes, in [0, 1]."""
    a, b = np.asarray(a), np.asarray(b)
    sides = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    shared = np.prod(sides.clip(0))
    return float(shared / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - shared))
