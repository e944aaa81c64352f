"""The paper's generator (Figure 10, section 4.3): a U-Net, picture -> template."""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F

VERSION = 1
"""Raise it when this module gives other numbers: caches of measurements hold what it gave."""


@dataclass(frozen=True)
class UNetConfig:
    """What fixes a U-Net's weights and shapes."""

    channels: int = 3
    """Channels of the picture and of the template: 3 for faces, 1 for digits."""
    size: int = 160
    """Side of the square picture in pixels; divisible by fold * 2**depth."""
    width: int = 64
    """Channels of the first level; each level below has twice as many. The paper's faces: 64."""
    depth: int = 4
    """How often the picture is halved."""
    fold: int = 1
    """Side of the pixel blocks that are folded into channels first and unfolded last.

    2 makes the network about four times faster.
    """


class UNet(nn.Module):
    """Pictures (n, channels, size, size) in [0, 1] -> templates of the same shape in (0, 1).

    He initialisation, LeakyReLU 0.01, sigmoid. Raises ValueError: a size that does not divide.
    """

    reads = "picture"

    def __init__(self, config: UNetConfig):
        super().__init__()
        step = config.fold * 2**config.depth
        if config.size % step:
            raise ValueError(f"size {config.size} must be divisible by {step}")
        self.config = config
        self.image_shape = (config.channels, config.size, config.size)
        folded = config.channels * config.fold**2
        widths = [config.width * 2**level for level in range(config.depth + 1)]
        self.down = nn.ModuleList(
            Block(inputs, outputs) for inputs, outputs in pairwise([folded, *widths])
        )
        self.grow = nn.ModuleList(
            nn.ConvTranspose2d(lower, upper, 2, stride=2) for upper, lower in pairwise(widths)
        )
        self.up = nn.ModuleList(Block(2 * upper, upper) for upper in widths[:-1])
        self.out = nn.Conv2d(config.width, folded, 1)
        self.apply(_he)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        folded = F.pixel_unshuffle(picture, self.config.fold)
        maps = folded.contiguous(memory_format=torch.channels_last)

        skips = []
        for level, block in enumerate(self.down):
            maps = block(F.max_pool2d(maps, 2) if level else maps)
            skips.append(maps)
        for level in reversed(range(self.config.depth)):
            maps = self.up[level](torch.cat([skips[level], self.grow[level](maps)], dim=1))

        return torch.sigmoid(F.pixel_shuffle(self.out(maps), self.config.fold))


class Block(nn.Sequential):
    """Two 3x3 convolutions, each with LeakyReLU."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, padding=1),
            nn.LeakyReLU(0.01, inplace=True),
            nn.Conv2d(outputs, outputs, 3, padding=1),
            nn.LeakyReLU(0.01, inplace=True),
        )


def _he(module: nn.Module) -> None:
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.kaiming_normal_(module.weight, a=0.01)
        nn.init.zeros_(module.bias)
