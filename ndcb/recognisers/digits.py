"""The embedding network for digits (Figure 9, section 4.2): grey digit -> unit embedding."""

from dataclasses import dataclass

import torch
from torch import nn

from ndcb.core.terms import BY_BOX

VERSION = 1
"""Raise it when this module gives other numbers: caches of measurements hold what it gave."""


@dataclass(frozen=True)
class DigitEmbedderConfig:
    """What fixes the network's weights and shapes."""

    width: int = 32
    """Channels after the first convolution. The second has twice as many, the third four times."""


class DigitEmbedder(nn.Module):
    """Digits (n, 1, 28, 28) in [0, 1] -> embeddings (n, 10) of unit length.

    LeakyReLU 0.01, He initialisation, no activation at the end.
    """

    dimensions = 10
    image_shape = (1, 28, 28)
    alignment = BY_BOX  # a digit has one picture only

    def __init__(self, config: DigitEmbedderConfig = DigitEmbedderConfig()):
        super().__init__()
        self.config = config
        width = config.width
        layers = []
        for inputs, outputs in ((1, width), (width, 2 * width), (2 * width, 4 * width)):
            layers += [
                nn.Conv2d(inputs, outputs, 3, padding=1),
                nn.LeakyReLU(0.01),
                nn.MaxPool2d(2),
            ]
        self.network = nn.Sequential(
            *layers,
            nn.Flatten(),
            nn.Linear(4 * width * 9, 128),
            nn.LeakyReLU(0.01),
            nn.Linear(128, self.dimensions),
        )
        self.apply(_he)

    def forward(self, digits: torch.Tensor) -> torch.Tensor:
        embeddings = self.network(digits)
        lengths = (embeddings.square().sum(dim=1, keepdim=True) + 1e-12).sqrt()
        return embeddings / lengths


def _he(module: nn.Module) -> None:
    """The paper's He initialisation: N(0, 1 / n_L), where n_L is the number of inputs.

    He's own has 2 in place of the 1; this is as printed.
    """
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        nn.init.normal_(module.weight, std=module.weight[0].numel() ** -0.5)
        nn.init.zeros_(module.bias)
