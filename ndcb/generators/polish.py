"""The last bit at enrolment: a template is moved a little until the recogniser sees the embedding
that it was made for.
"""

import torch
from torch import nn

from ndcb.core.distances import squared_euclidean
from ndcb.core.tensors import quantise
from ndcb.core.terms import UserError


def polish(
    templates: torch.Tensor, targets: torch.Tensor, recogniser: nn.Module, steps: int
) -> torch.Tensor:
    """Templates (n, 3, h, w) in [0, 1] after `steps` gradient steps on their pixels, rounded to 8
    bits.

    targets: (n, m), the embeddings F(X) of length 1. Each step goes as far as would bring the
    squared distance (Eq. 1) to zero if it were a straight line (Polyak's step), so there is no rate
    to choose; the best picture of all steps counts. A step costs one pass forward and backward
    through the recogniser. Nothing but F(X) and the template has a part in it. Raises UserError:
    fewer than 0 steps.
    """
    if steps < 0:
        raise UserError(f"A template can be polished by 0 steps or more; asked for are {steps}.")
    with torch.inference_mode(False), torch.enable_grad():
        moved, targets = templates.clone(), targets.clone()
        best, nearest = quantise(moved), torch.full((len(moved),), torch.inf, device=moved.device)
        for step in range(steps + 1):
            stored = quantise(moved).requires_grad_(step < steps)
            shift = squared_euclidean(recogniser(stored), targets)
            best = torch.where((shift < nearest)[:, None, None, None], stored, best).detach()
            nearest = torch.minimum(shift, nearest).detach()
            if step < steps:
                moved = _step(moved, shift, torch.autograd.grad(shift.sum(), stored)[0])
    return best


def _step(moved: torch.Tensor, height: torch.Tensor, slope: torch.Tensor) -> torch.Tensor:
    length = height / slope.square().sum((1, 2, 3)).clamp(min=1e-12)
    return (moved - length.detach()[:, None, None, None] * slope).clamp(0, 1)
