"""Recognisers: a batch of pictures -> unit embeddings. One file each; `load_recogniser` finds one
by its name.
"""

import torch
from torch import nn

from ndcb.core.terms import UnknownName
from ndcb.models import checkpoints
from ndcb.recognisers.facenet import WEIGHTS, load_facenet

FACENETS = {f"facenet-{weights}": weights for weights in WEIGHTS}


def load_recogniser(name: str, device: str | torch.device = "cpu") -> nn.Module:
    """`facenet-casia-webface`, `facenet-vggface2`, or the name of a committed embedder such as
    `digits-embedder`.
    """
    if name in FACENETS:
        return load_facenet(FACENETS[name], device)
    embedders = checkpoints.names(checkpoints.RECOGNISERS)
    if name not in embedders:
        raise UnknownName("recogniser", name, [*FACENETS, *embedders])
    return checkpoints.load(name, checkpoints.RECOGNISERS, device).model
