"""A recogniser of the package as the judge of templates that were made for another one.

Recognisers cut their faces out differently. A photo is cut out for the judge as the judge wants it.
A template shows no face to cut out: it is moved to where the judge's cut of that photo would lie
(`training.data.alignment`).
"""

import numpy as np
import torch

from ndcb.core.tensors import to_tensor
from ndcb.core.terms import NotAvailable
from ndcb.models.pipeline import pick_device
from ndcb.models.recognisers import load_recogniser
from training.measure.second_recogniser import SecondRecogniser, load_second_recogniser

VERSION = 1
"""Raise it when this module gives other numbers: caches of measurements hold what it gave."""
JUDGES = ("facenet-casia-webface", "sface")
PIECE = 64


class Judge:
    """Faces as the recogniser wants them -> unit embeddings."""

    def __init__(self, name: str):
        self.name = name
        self.network = load_recogniser(name, pick_device("auto"))
        self.alignment = self.network.alignment
        self.code = (Judge, type(self.network))
        """What computes the embeddings, for the cache."""

    @torch.inference_mode()
    def embed(self, images: np.ndarray) -> np.ndarray:
        """(n, side, side, 3), uint8 -> (n, m), float32."""
        device = next(self.network.parameters()).device
        pieces = [images[start : start + PIECE] for start in range(0, len(images), PIECE)]
        embedded = [self.network(to_tensor([*piece]).to(device)).cpu() for piece in pieces]
        return torch.cat(embedded).numpy()


def judge_of(recogniser: str) -> Judge:
    """The one that had no part in generators for this recogniser."""
    return Judge(next(name for name in JUDGES if name != recogniser))


def others_of(recogniser: str) -> list[Judge | SecondRecogniser]:
    """All that had no part in generators for this recogniser: dlib's network comes first.

    It is left out, and the reason printed, where it is not installed.
    """
    try:
        second = [load_second_recogniser()]
    except NotAvailable as error:
        print(error)
        second = []
    return [*second, judge_of(recogniser)]
