"""The paper's distances, one function an equation.

Pictures are batches (n, c, h, w) in [0, 1], compared picture by picture: every distance is (n,).
n_p in Eq. 11 and 12 counts what their sums run over, channels included: c * h * w. So Eq. 11 lies
in [0, 1], as in the paper's own code.
"""

import torch
from kornia.filters import filter2d
from kornia.metrics import ssim as ssim_map

VERSION = 1
"""Raise it when this module gives other numbers: caches of measurements hold what it gave."""
SOBEL_X = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
"""Eq. 15. Not kornia's own `sobel`: it divides by 8 by default, and returns the root of Eq. 16."""
SOBEL_Y = torch.tensor([[1.0, 2, 1], [0, 0, 0], [-1, -2, -1]])
SSIM_WINDOW = 11


def squared_euclidean(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Eq. 1 and 10: squared Euclidean distance of embeddings (n, m), in [0, 4] for unit vectors."""
    return (a - b).square().sum(dim=-1)


def l1(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Eq. 11: the paper's "Hamming" distance, in [0, 1]."""
    return (a - b).abs().mean(dim=(1, 2, 3))


def l2(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Eq. 12 as printed: the Frobenius norm of the difference, divided by n_p."""
    squares = (a - b).square().sum(dim=(1, 2, 3))
    return squares.clamp(min=1e-12).sqrt() / a[0].numel()  # a finite gradient at equal pictures


def mse(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Mean squared error, in [0, 1]: what the paper's code computes for its L2 columns."""
    return (a - b).square().mean(dim=(1, 2, 3))


def dssim(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Eq. 14: structural dissimilarity in [0, 1], 0 for equal pictures."""
    return (1 - ssim(a, b)) / 2


def ssim(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Eq. 13: mean structural similarity in [-1, 1], 1 for equal pictures.

    By kornia, over Gaussian windows of 11x11.
    """
    return ssim_map(a, b, SSIM_WINDOW).mean(dim=(1, 2, 3))


def sobel_map(a: torch.Tensor) -> torch.Tensor:
    """Eq. 15 and 16: squared gradient magnitude of each channel, (n, c, h, w) in [0, 32].

    The border is continued by mirroring.
    """
    across, down = (filter2d(a, kernel[None].to(a)) for kernel in (SOBEL_X, SOBEL_Y))
    return across.square() + down.square()


def sobel(generated: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """Eq. 17: Eq. 11 between both pictures, weighted by the edges of the real one."""
    edges = sobel_map(real)
    return l1(edges * generated, edges * real)


def combined(generated: torch.Tensor, real: torch.Tensor, beta: float = 0.5) -> torch.Tensor:
    """Eq. 18: beta times Eq. 11 plus 1 - beta times Eq. 17; beta in [0, 1]."""
    return beta * l1(generated, real) + (1 - beta) * sobel(generated, real)


IMAGE_DISTANCES = {
    "l1": l1,
    "mse": mse,
    "l2": l2,
    "dssim": dssim,
    "sobel": sobel,
    "combined": combined,
}
"""Every picture distance by its name, called with (generated, real)."""


def image_distances(generated: torch.Tensor, real: torch.Tensor) -> dict[str, torch.Tensor]:
    """Every one of IMAGE_DISTANCES, (n,), by its name."""
    return {name: distance(generated, real) for name, distance in IMAGE_DISTANCES.items()}
