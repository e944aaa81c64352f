"""Generators: a face -> its template, one family a file. What a family reads, the face or only its
embedding, is known here alone.
"""

import torch
from torch import nn

from ndcb.core.tensors import quantise

VERSION = 1
"""Raise it when this module gives other numbers: caches of measurements hold what it gave."""


@torch.inference_mode()
def make_templates(
    generator: nn.Module,
    recogniser: nn.Module,
    pictures: torch.Tensor,
    embeddings: torch.Tensor | None = None,
) -> torch.Tensor:
    """Pictures (n, c, h, w) in [0, 1] -> templates of the same shape, as their 8-bit files hold
    them.

    embeddings: F(X) of the pictures, (n, m), where they are known already; a generator that reads
    embeddings then runs nothing else. For a sealed generator all embeddings are directions, and
    these have been turned.
    """
    if generator.reads == "picture":
        return quantise(generator(pictures))
    return quantise(
        generator(recogniser(pictures) if embeddings is None else embeddings.to(pictures.device))
    )
