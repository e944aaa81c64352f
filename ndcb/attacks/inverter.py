"""A thief's network that paints a face from an embedding: F(X) -> X, as far as F(X) tells it. The
page shows with it what a stolen template gives away to who has the recogniser too.
"""

import torch
from torch import nn

from ndcb.models.checkpoints import INVERTERS, load

INVERTER = "inverter"


def load_inverter(device: str | torch.device = "cpu") -> nn.Module:
    """Embeddings (n, 512) by FaceNet -> pictures (n, 3, 160, 160) in [0, 1]. Raises UnknownName,
    BadCheckpoint.
    """
    return load(INVERTER, INVERTERS, device).model
