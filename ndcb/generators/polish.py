"""A template is polished: changed a little until its embedding is nearer to the photo's."""

import torch
from torch import nn

from ndcb.core.distances import squared_euclidean
from ndcb.core.tensors import quantise
from ndcb.core.terms import UserError


def polish(
    templates: torch.Tensor, targets: torch.Tensor, recogniser: nn.Module, steps: int
) -> torch.Tensor:
    """Templates (n, 3, h, w) in [0, 1] after gradient steps on their pixels, rounded to 8 bits.

    targets: (n, m), the embeddings F(X) of length 1. Each step is as long as would bring the
    squared distance (Eq. 1) to zero if it were a straight line (Polyak's step), so there is no rate
    to choose. The best picture of all steps counts. A step costs one pass forward and backward
    through the recogniser. Only F(X) and the template are used. Raises UserError: fewer than 0
    steps.
    """
    if steps < 0:
        raise UserError(f"A template can be polished by 0 steps or more; asked for are {steps}.")
    with torch.inference_mode(False), torch.enable_grad():
        moved, targets = templates.clone(), targets.clone()
        best, nearest = quantise(moved), torch.full((len(moved),), torch.inf, device=moved.device)
        for step in range(steps + 1):
            stored = quantise(moved).requires_grad_(step < steps)
            distances = squared_euclidean(recogniser(stored), targets)
            is_nearer = (distances < nearest)[:, None, None, None]
            best = torch.where(is_nearer, stored, best).detach()
            nearest = torch.minimum(distances, nearest).detach()
            if step < steps:
                (slope,) = torch.autograd.grad(distances.sum(), stored)
                moved = _polyak_step(moved, distances.detach(), slope)
    return best


def _polyak_step(
    pictures: torch.Tensor, distances: torch.Tensor, slope: torch.Tensor
) -> torch.Tensor:
    """distances: (n,); slope: their gradient, of the pictures' shape."""
    length = distances / slope.square().sum((1, 2, 3)).clamp(min=1e-12)
    return (pictures - length[:, None, None, None] * slope).clamp(0, 1)
