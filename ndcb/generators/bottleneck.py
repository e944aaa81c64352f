"""A generator that never sees the picture: embedding -> template, T = D(F(X)).

What F(X) does not say, T cannot show.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F

VERSION = 1
"""Raise it when this module gives other numbers: caches of measurements hold what it gave."""


@dataclass(frozen=True)
class BottleneckConfig:
    """What fixes a bottleneck generator's weights and shapes."""

    embedding: int = 512
    """Numbers of the recogniser's embedding."""
    directions: int = 128
    """Directions that are read of it: those in which training people's embeddings differ most."""
    widths: tuple[int, ...] = (384, 256, 192, 128, 64)
    """Channels of the maps, from the first, of `start` pixels, up to half the template's side."""
    change: float = 1.0
    """The most by which a pixel, in [0, 1], may differ from the carrier's. 1: any picture."""
    start: int = 5
    """Side of the first map in pixels."""

    @property
    def size(self) -> int:
        """Side of the template in pixels.

        Each block doubles the first map, and the pixel shuffle at the end once more: 5, 10, 20, 40,
        80 -> 160.
        """
        return self.start * 2 ** len(self.widths)


class Bottleneck(nn.Module):
    """Embeddings (n, embedding), of length 1 -> templates (n, 3, size, size) in [0, 1].

    A template is the carrier picture, each pixel changed by `config.change` at most.
    """

    reads = "embedding"

    def __init__(self, config: BottleneckConfig):
        super().__init__()
        self.config = config
        self.image_shape = (3, config.size, config.size)
        self.register_buffer("mean", torch.zeros(config.embedding))
        self.register_buffer(
            "basis", torch.eye(config.embedding)[:, : config.directions].contiguous()
        )
        self.register_buffer("carrier", rosette(config.size))
        self.first = nn.Linear(config.directions, config.widths[0] * config.start**2)
        self.blocks = nn.Sequential(
            *(Block(inputs, outputs) for inputs, outputs in pairwise(config.widths))
        )
        self.out = nn.Conv2d(config.widths[-1], 3 * 2**2, 3, padding=1)

    def forward(self, embedding: torch.Tensor) -> torch.Tensor:
        whitened = (embedding - self.mean) @ self.basis
        start = self.first(whitened).unflatten(1, (-1, self.config.start, self.config.start))
        maps = self.blocks(start.contiguous(memory_format=torch.channels_last))
        step = torch.tanh(F.pixel_shuffle(self.out(maps), 2))
        return (self.carrier + self.config.change * step).clamp(0, 1)

    @torch.no_grad()
    def fit_input(self, embeddings: torch.Tensor) -> None:
        """Fix mean and directions from training embeddings (k, embedding).

        They are whitened, except that directions of small variance are left small.
        """
        self.mean.copy_(embeddings.mean(0))
        _, spread, directions = torch.linalg.svd(embeddings - self.mean, full_matrices=False)
        deviation = spread[: self.config.directions] / len(embeddings) ** 0.5
        self.basis.copy_(directions[: self.config.directions].T / (deviation + deviation[-1]))


class Block(nn.Sequential):
    """Twice the side, a 3x3 convolution, batch norm, LeakyReLU."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__(
            nn.Upsample(scale_factor=2),
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.LeakyReLU(0.1, inplace=True),
        )


def rosette(size: int) -> torch.Tensor:
    """The carrier: a guilloche rosette as on banknotes, (3, size, size) in [0.2, 0.8].

    It comes from a formula, and is nobody's picture.
    """
    axis = (torch.arange(size, dtype=torch.float64) + 0.5) / size * 2 - 1
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    radius, angle = torch.hypot(x, y), torch.atan2(y, x)
    lines = torch.sin(22 * radius + 3 * torch.sin(6 * angle)) * torch.sin(
        22 * radius - 3 * torch.sin(6 * angle)
    )
    tints = torch.tensor([0.0, 2.1, 4.2], dtype=torch.float64)[:, None, None]
    hue = torch.cos(2.2 * radius + tints)
    return (0.5 + 0.2 * hue + 0.1 * lines).float()
