"""Generators: a face -> its template, one family a file.

Only this module knows what a family reads: the face, its embedding, or a turned direction of it.
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
    """Pictures (n, c, h, w) in [0, 1] -> templates of the same shape, rounded to 8 bits.

    embeddings: F(X) of the pictures, (n, m), where they are known already; a generator that reads
    embeddings then needs no pass of the recogniser. A sealed generator needs them: directions
    (n, directions) that a key has turned.
    """
    if generator.reads == "picture":
        return quantise(generator(pictures))
    if embeddings is None:
        embeddings = recogniser(pictures)
    return quantise(generator(embeddings.to(pictures.device)))
