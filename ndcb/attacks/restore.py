"""Restore: the thief paints a face from the stolen template.

    stolen template -> the recogniser -> F(T) -> the inverter -> a face, as far as F(T) tells it

How well this works for a generator is measured by `python -m training attack NAME`; the figures
are in checkpoints/NAME/evaluation.
"""

from dataclasses import dataclass
from functools import cache

import torch
from PIL import Image
from torch import nn

from ndcb.attacks.thief import recogniser_of
from ndcb.core.tensors import quantise, to_pictures
from ndcb.core.terms import UserError
from ndcb.models.checkpoints import INVERTERS, Checkpoint, every_record, load
from ndcb.models.kinds import is_digit, is_sealed, sealed_generators
from ndcb.models.pipeline import Models, Picture
from ndcb.results.thresholds import record
from ndcb.vault.templates import Stolen

NO_NETWORK = (
    "The thief has no network yet that paints from embeddings of {}. Click another template."
)
FACES_ONLY = "The thief's network paints faces only. Click the template of a face first."


@dataclass(frozen=True)
class Restoration:
    """What the inverter paints."""

    name: str
    sealed: bool
    template: Image.Image
    restored: Image.Image
    """From F(T)."""
    known: Image.Image | None = None
    """From F of the photo that was given: the most there is to get."""


def restore(models: Models, stolen: Stolen, photo: Picture | None = None) -> Restoration:
    """A face painted from the stolen template, and one from the photo where there is one.

    Raises UserError: the template is a digit's, or made for another recogniser than the thief's
    network reads.
    """
    if is_digit(stolen.generator):
        raise UserError(FACES_ONLY)
    recogniser = recogniser_of(models, stolen.generator)
    device, name = str(recogniser.device), recogniser.generator.record["recogniser"]
    inverter = _inverter(name, device).model

    embedding = _cleaned(models, recogniser.embed([stolen.picture]), name)
    restored = to_pictures(paint(inverter, embedding))[0]
    known = to_pictures(paint(inverter, recogniser.embed([photo])))[0] if photo else None

    sealed = is_sealed(stolen.generator)
    return Restoration(stolen.name, sealed, stolen.picture, restored, known)


@torch.inference_mode()
def paint(network: nn.Module, read: torch.Tensor) -> torch.Tensor:
    """What a thief's network makes of templates (n, 3, side, side) or embeddings (n, m).

    Pictures (n, 3, side, side) in [0, 1], as their 8-bit files hold them, on the CPU.
    """
    device = next(network.parameters()).device
    return quantise(network(read.to(device))).cpu()


def load_inverter(recogniser: str, device: str | torch.device = "cpu") -> Checkpoint:
    """Embeddings (n, m) by this recogniser -> pictures (n, 3, side, side) in [0, 1].

    The pictures are aligned as the recogniser's faces are. Raises UserError: no network was trained
    for it; BadCheckpoint.
    """
    inverters = every_record(INVERTERS).items()
    own = [name for name, record in inverters if record.get("recogniser") == recogniser]
    if not own:
        raise UserError(NO_NETWORK.format(recogniser))
    return load(own[0], INVERTERS, device)


@cache
def _inverter(recogniser: str, device: str) -> Checkpoint:
    """Read once."""
    return load_inverter(recogniser, device)


def _cleaned(models: Models, embedding: torch.Tensor, recogniser: str) -> torch.Tensor:
    """F(T) without its part in directions in which people do not differ.

    The inverter never saw that part, and paints no face of it. The sealed generator's z knows those
    directions; they are no secret.
    """
    names = [name for name in sealed_generators() if record(name)["recogniser"] == recogniser]
    if not names:
        return embedding
    generator = models.distorter(names[0]).generator.model
    return generator.embedding(generator.direction(embedding))
