"""The registry of recognisers: a name -> a network that turns pictures into unit embeddings."""

import torch
from torch import nn

from ndcb.core.terms import UnknownName
from ndcb.models import checkpoints
from ndcb.recognisers.facenet import WEIGHTS, load_facenet
from ndcb.recognisers.sface import SFace, load_sface

FACENETS = {f"facenet-{weights}": weights for weights in WEIGHTS}


def load_recogniser(name: str, device: str | torch.device = "cpu") -> nn.Module:
    """`facenet-casia-webface`, `facenet-vggface2`, `sface`, or a committed embedder:
    `digits-embedder`.

    Raises UnknownName; NotAvailable: weights that could not be downloaded; BadCheckpoint.
    """
    if name in FACENETS:
        return load_facenet(FACENETS[name], device)
    if name == SFace.name:
        return load_sface(device)
    embedders = checkpoints.names(checkpoints.RECOGNISERS)
    if name not in embedders:
        raise UnknownName("recogniser", name, [*FACENETS, SFace.name, *embedders])
    return checkpoints.load(name, checkpoints.RECOGNISERS, device).model
