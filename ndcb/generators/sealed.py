"""A generator that needs a key: T = D(R_k z(X)).

What F(X) says is turned by a secret rotation R_k before it becomes a picture.
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from ndcb.generators.bottleneck import VERSION as DECODER_VERSION
from ndcb.generators.bottleneck import Bottleneck, BottleneckConfig

VERSION = f"1-{DECODER_VERSION}"
"""Raise it when this module gives other numbers: caches of measurements hold what it gave."""


@dataclass(frozen=True)
class SealedConfig:
    """What fixes a sealed generator's weights and shapes.

    The last five fields are those of the decoder's `BottleneckConfig`.
    """

    directions: int = 64
    """Directions of the recogniser's embedding that z keeps: those in which people differ most."""
    embedding: int = 512
    read: int = 128
    """Directions of an embedding that the decoder reads."""
    widths: tuple[int, ...] = (384, 256, 192, 128, 64)
    change: float = 0.12
    start: int = 5

    @property
    def decoder(self) -> BottleneckConfig:
        return BottleneckConfig(self.embedding, self.read, self.widths, self.change, self.start)


class Sealed(nn.Module):
    """Directions (n, directions), of length 1 -> templates (n, 3, size, size) in [0, 1].

    The recogniser sees a template in the direction that it was made from: z(F(T)) is near it.
    """

    reads = "direction"

    def __init__(self, config: SealedConfig):
        super().__init__()
        self.config = config
        self.register_buffer("mean", torch.zeros(config.embedding))
        self.register_buffer(
            "basis", torch.eye(config.embedding)[:, : config.directions].contiguous()
        )
        self.decoder = Bottleneck(config.decoder)
        self.image_shape = self.decoder.image_shape

    def direction(self, embedding: torch.Tensor) -> torch.Tensor:
        """z: embeddings F(X) or F(T) (n, embedding) -> (n, directions), of length 1."""
        return F.normalize((embedding - self.mean) @ self.basis)

    def embedding(self, direction: torch.Tensor) -> torch.Tensor:
        """The inverse of z: directions (n, directions) -> embeddings (n, embedding), of length 1.

        Many embeddings have the same direction. The one that is returned equals the mean in all
        that z leaves out.
        """
        way = direction @ (self.basis / self.basis.square().sum(0)).T
        # the positive root of |mean + length * way|^2 = 1
        square, product, rest = way.square().sum(1), way @ self.mean, self.mean.square().sum() - 1
        length = ((product.square() - square * rest).sqrt() - product) / square
        return self.mean + length[:, None] * way

    def forward(self, direction: torch.Tensor) -> torch.Tensor:
        return self.decoder(self.embedding(direction))

    @torch.no_grad()
    def fit_input(self, embeddings: torch.Tensor, exponent: float) -> None:
        """Fix z from training embeddings (k, embedding).

        They are centred and projected on the principal directions, and each direction is divided by
        its variance to the power `exponent`. 0.5 whitens, so that all directions of the sphere are
        equally likely; 0 leaves the variances as they are.
        """
        self.mean.copy_(embeddings.mean(0))
        _, spread, directions = torch.linalg.svd(embeddings - self.mean, full_matrices=False)
        variance = spread[: self.config.directions] ** 2 / len(embeddings)
        relative = variance / variance.mean()  # so that half precision holds it
        scale = relative**-exponent
        self.basis.copy_(directions[: self.config.directions].T * scale)


class Directions(nn.Module):
    """z(F(X)): faces (n, 3, size, size) in [0, 1] -> directions (n, directions), of length 1.

    It stands in the recogniser's place for a sealed generator.
    """

    def __init__(self, recogniser: nn.Module, generator: Sealed):
        super().__init__()
        self.recogniser = recogniser
        self.generator = generator
        self.image_shape = recogniser.image_shape
        self.alignment = recogniser.alignment

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.generator.direction(self.recogniser(pictures))
