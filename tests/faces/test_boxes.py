"""Intersection over union by hand."""

import numpy as np
import pytest

from ndcb.faces.boxes import overlap


def test_overlap_by_hand():
    a, b = np.array([0, 0, 10, 10]), np.array([5, 0, 15, 10])
    assert overlap(a, a) == 1 and overlap(a, b) == pytest.approx(1 / 3) and overlap(a, b + 20) == 0
