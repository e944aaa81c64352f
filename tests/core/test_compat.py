"""The NMS that stands in for torchvision's, against the definition; and that facenet-pytorch can be
imported.
"""

import subprocess
import sys

import numpy as np
import pytest
import torch

from ndcb.core import compat
from tests.conftest import ROOT


def iou(a, b):
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    overlap = max(width, 0) * max(height, 0)
    return overlap / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - overlap)


def brute_force_nms(boxes, scores, threshold):
    kept = []
    for i in sorted(range(len(boxes)), key=lambda i: -scores[i]):
        if all(iou(boxes[i], boxes[j]) <= threshold for j in kept):
            kept.append(i)
    return kept


def random_boxes(seed, count):
    random = np.random.default_rng(seed)
    corner, size = random.uniform(0, 60, (count, 2)), random.uniform(5, 40, (count, 2))
    return torch.tensor(np.concatenate([corner, corner + size], 1)), torch.tensor(
        random.permutation(count) / count
    )


def test_nms_by_hand():
    """The second box covers half of the first: IoU 1/3. The third lies apart, the fourth is the
    first.
    """
    boxes = torch.tensor([[0.0, 0, 10, 10], [5, 0, 15, 10], [50, 50, 60, 60], [0, 0, 10, 10]])
    scores = torch.tensor([0.9, 0.8, 0.95, 0.1])
    assert compat.nms(boxes, scores, 0.3).tolist() == [2, 0]
    assert compat.nms(boxes, scores, 0.4).tolist() == [2, 0, 1]
    assert compat.nms(boxes, scores, 1.0).tolist() == [2, 0, 1, 3]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 0.7])
def test_nms_against_brute_force(seed, threshold):
    boxes, scores = random_boxes(seed, 60)
    kept = compat.nms(boxes, scores, threshold).tolist()
    assert kept == brute_force_nms(boxes.tolist(), scores.tolist(), threshold)
    assert 1 < len(kept) < 60


def test_nms_of_equal_scores_keeps_the_first():
    boxes = torch.tensor([[0.0, 0, 10, 10], [1, 0, 11, 10]])
    assert compat.nms(boxes, torch.tensor([0.5, 0.5]), 0.5).tolist() == [0]


def test_nms_of_nothing():
    kept = compat.nms(torch.zeros(0, 4), torch.zeros(0), 0.5)
    assert kept.shape == (0,) and kept.dtype == torch.int64


def test_torchvision_answers_alike():
    """Through torchvision's own door, whether its compiled NMS is there or ours stands in."""
    from torchvision.ops import nms

    boxes, scores = random_boxes(9, 50)
    assert nms(boxes.float(), scores.float(), 0.5).tolist() == brute_force_nms(
        boxes.tolist(), scores.tolist(), 0.5
    )
    assert (
        torch.ops.torchvision.nms(boxes.float(), scores.float(), 0.5).tolist()
        == compat.nms(boxes, scores, 0.5).tolist()
    )


def test_facenet_pytorch_imports_in_a_fresh_process():
    code = (
        "from ndcb.core import compat; import facenet_pytorch;"
        " print(facenet_pytorch.MTCNN.__name__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "MTCNN"
