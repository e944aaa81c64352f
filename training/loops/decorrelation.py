"""An objective that recolouring does not meet: how little of the photo, seen through small windows,
a linear look at the template gives.
"""

import torch
from torch.nn import functional as F

SCALES = (1, 2, 4, 8)
"""Both pictures are looked at as they are and this many times smaller."""
WINDOW, STRIDE = 8, 4
"""Side and distance of the windows in pixels of each scale, so that they span 8 to 64 pixels of a
face.
"""
FLOOR = 1e-5
"""Variance of the template below which nothing is read: a contrast of less than one 8-bit level."""


def unexplained(generated: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """Share of the real picture's variance inside windows that no linear function of the template's
    colours explains, mean over scales.

    Batches (n, c, h, w) in [0, 1] -> (n,) in [0, 1]. 0: within every window one is the other
    recoloured, inverted, brightened, in any mixture of channels. 1: their colours are uncorrelated,
    or the template is blank. It is 1 - R^2 of a least-squares fit a window, each weighed by the
    real picture's variance in it, so that contours count most.
    """
    return torch.stack(
        [
            _unexplained(F.avg_pool2d(generated, scale), F.avg_pool2d(real, scale))
            for scale in SCALES
        ]
    ).mean(0)


def _unexplained(generated: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    own, both, total = (
        _covariance(generated, generated),
        _covariance(generated, real),
        _covariance(real, real),
    )
    ridge = FLOOR * torch.eye(own.shape[-1], device=own.device)
    explained = (both * torch.linalg.solve(own + ridge, both)).sum(dim=(1, 2, 3, 4))
    return 1 - explained / (total.diagonal(dim1=-2, dim2=-1).sum(dim=(1, 2, 3)) + FLOOR)


def _covariance(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """(n, c, h, w) twice -> (n, rows, columns, c, c): of each window's pixels."""
    mean = lambda picture: F.avg_pool2d(picture, WINDOW, STRIDE)  # noqa: E731
    products = mean((a[:, :, None] * b[:, None]).flatten(1, 2)).unflatten(
        1, (a.shape[1], b.shape[1])
    )
    return (products - mean(a)[:, :, None] * mean(b)[:, None]).permute(0, 3, 4, 1, 2)
