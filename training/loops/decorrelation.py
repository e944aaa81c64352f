"""An objective that recolouring does not meet.

Through small windows, no linear function of the template should tell the photo.
"""

import torch
from torch.nn import functional as F

SCALES = (1, 2, 4, 8)
"""Both pictures are compared as they are, and this many times smaller."""
WINDOW, STRIDE = 8, 4
"""Side and distance of the windows, in pixels of each scale: they span 8 to 64 pixels of a face."""
FLOOR = 1e-5
"""Variance of the template that counts as none: a contrast of less than one 8-bit level."""


def unexplained(generated: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """Share of the real picture's variance in windows that the template's colours do not explain.

    Batches (n, c, h, w) in [0, 1] -> (n,) in [0, 1], mean over scales. 0: within every window one
    is the other recoloured, inverted or brightened, in any mixture of channels. 1: their colours
    are uncorrelated, or the template is blank. It is 1 - R^2 of a least-squares fit in each window,
    weighed by the real picture's variance in it, so that contours count most.
    """
    return torch.stack(
        [
            _unexplained(F.avg_pool2d(generated, scale), F.avg_pool2d(real, scale))
            for scale in SCALES
        ]
    ).mean(0)


def _unexplained(generated: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    own, crossed = _covariance(generated, generated), _covariance(generated, real)
    total = _covariance(real, real).diagonal(dim1=-2, dim2=-1).sum(dim=(1, 2, 3))
    ridge = FLOOR * torch.eye(own.shape[-1], device=own.device)
    explained = (crossed * torch.linalg.solve(own + ridge, crossed)).sum(dim=(1, 2, 3, 4))
    return 1 - explained / (total + FLOOR)


def _covariance(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """(n, c, h, w) twice -> (n, rows, columns, c, c): of each window's pixels."""
    products = _window_means((a[:, :, None] * b[:, None]).flatten(1, 2))
    products = products.unflatten(1, (a.shape[1], b.shape[1]))
    product_of_means = _window_means(a)[:, :, None] * _window_means(b)[:, None]
    return (products - product_of_means).permute(0, 3, 4, 1, 2)


def _window_means(picture: torch.Tensor) -> torch.Tensor:
    return F.avg_pool2d(picture, WINDOW, STRIDE)
