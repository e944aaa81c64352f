"""The paper's losses, picture by picture: every function returns (n,)."""

from collections.abc import Callable

import torch
from torch.nn import functional as F

from ndcb.core.distances import squared_euclidean


def triplet(
    anchor: torch.Tensor, positive: torch.Tensor, negative: torch.Tensor, margin: float
) -> torch.Tensor:
    """Eq. 4 for embeddings (n, m), >= 0.

    0 once the negative is farther from the anchor than the positive by the margin mu.
    """
    to_positive = squared_euclidean(anchor, positive)
    to_negative = squared_euclidean(anchor, negative)
    return F.relu(to_positive - to_negative + margin)


def image_loss(generated: torch.Tensor, real: torch.Tensor, distance: Callable) -> torch.Tensor:
    """Eq. 8: minus the picture distance, since training makes it larger.

    generated, real: (n, c, h, w) in [0, 1]; distance: one of `ndcb.core.distances`.
    """
    return -distance(generated, real)


def embedding_loss(generated: torch.Tensor, real: torch.Tensor, alpha: float) -> torch.Tensor:
    """Eq. 9 for embeddings (n, m): by how much their squared distance exceeds the margin alpha."""
    return F.relu(squared_euclidean(generated, real) - alpha)


def generator_loss(image: torch.Tensor, embedding: torch.Tensor, pi_emb: float) -> torch.Tensor:
    """Eq. 7: the weighted sum of Eq. 8 and Eq. 9; pi_emb in [0, 1] is the weight of Eq. 9."""
    return (1 - pi_emb) * image + pi_emb * embedding
