"""A generator for which a key is needed: T = D(R_k z(X)). What F(X) says is turned by a secret rotation before it becomes a picture."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from ..terms import FACE_SIZE
from .bottleneck import Bottleneck, BottleneckConfig


@dataclass(frozen=True)
class SealedConfig:
    """What fixes a sealed generator's weights and shapes."""

    embedding: int = 512
    """Numbers of the recogniser's embedding."""
    directions: int = 64
    """So many of its directions are kept: those in which people differ most."""
    widths: tuple[int, ...] = (384, 256, 192, 128, 64)
    """Channels of the decoder's maps from 5x5 up to 80x80."""
    change: float = 1.0
    """The most by which a pixel may leave the carrier picture, of [0, 1]."""


class Sealed(nn.Module):
    """Direction (n, directions), of length 1 -> template (n, 3, 160, 160) in [0, 1]."""

    reads = "direction"

    def __init__(self, config: SealedConfig):
        super().__init__()
        self.config = config
        self.image_shape = (3, FACE_SIZE, FACE_SIZE)
        self.register_buffer("mean", torch.zeros(config.embedding))
        self.register_buffer("basis", torch.eye(config.embedding)[:, :config.directions].contiguous())
        self.decoder = Bottleneck(BottleneckConfig(config.directions, config.directions, config.widths, config.change))
        self.decoder.basis.mul_(config.directions**0.5)  # numbers of variance 1, as the decoder's first layer expects them

    def direction(self, embedding: torch.Tensor) -> torch.Tensor:
        """z: embeddings F(X) or F(T) (n, embedding) -> (n, directions), of length 1."""
        return F.normalize((embedding - self.mean) @ self.basis)

    def forward(self, direction: torch.Tensor) -> torch.Tensor:
        return self.decoder(direction)

    @torch.no_grad()
    def fit_input(self, embeddings: torch.Tensor, exponent: float) -> None:
        """Fix z from training embeddings (k, embedding): centred, projected on the principal directions, each divided by its variance
        to the power `exponent`. 0.5 whitens, so that all directions of the sphere are alike likely; 0 leaves the variances as they are."""
        self.mean.copy_(embeddings.mean(0))
        _, spread, directions = torch.linalg.svd(embeddings - self.mean, full_matrices=False)
        variance = spread[:self.config.directions]**2 / len(embeddings)
        scale = (variance / variance.mean())**-exponent  # relative, so that half precision holds it
        self.basis.copy_(directions[:self.config.directions].T * scale)
