"""Pictures <-> tensors. Every batch of pictures is (n, c, h, w), float32, in [0, 1]."""

import numpy as np
import torch
from PIL import Image

VERSION = 1
"""Raise it when this module gives other numbers: caches of measurements hold what it gave."""


def to_tensor(pictures: list[Image.Image]) -> torch.Tensor:
    """RGB pictures of one size -> (n, 3, h, w) in [0, 1]; grey ones -> (n, 1, h, w)."""
    arrays = np.stack([np.atleast_3d(np.asarray(picture)) for picture in pictures])
    return torch.from_numpy(arrays).permute(0, 3, 1, 2).float().div_(255)


def to_pictures(batch: torch.Tensor) -> list[Image.Image]:
    """(n, 3, h, w) -> RGB pictures, (n, 1, h, w) -> grey ones; 8 bits, the nearest level."""
    arrays = quantise(batch).mul(255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    return [Image.fromarray(array[..., 0] if array.shape[2] == 1 else array) for array in arrays]


def quantise(batch: torch.Tensor) -> torch.Tensor:
    """What an 8-bit file keeps of a batch. Carries no gradient."""
    return batch.detach().clamp(0, 1).mul(255).round().div(255)
