"""Time of each preset's own training step, on random pictures."""

from collections.abc import Callable
from functools import partial

import torch
from accelerate import Accelerator

from ndcb.generators.bottleneck import Bottleneck
from ndcb.generators.sealed import Sealed
from ndcb.generators.unet import UNet
from ndcb.models.recognisers import load_recogniser
from ndcb.recognisers.digits import DigitEmbedder
from training.benchmark.stages import DIGITS_EMBEDDER
from training.benchmark.timing import FACENET, alternate, median_ratio, summary, timed
from training.loops import bottleneck, embedder, generator, sealed
from training.memory import keep_freed_memory
from training.presets import (
    PRESETS,
    BottleneckTraining,
    EmbedderTraining,
    GeneratorTraining,
    SealedTraining,
    Training,
)

MOST_FACES = 16
"""A training step of faces is measured with at most so many, whatever the preset's batch."""
FEWER_FACES = {"faces-paper": 4}
"""Presets whose step of 16 faces takes most of a minute on two CPU cores, and 7 GB."""


def measure_training(preset: str, repeats: int) -> dict:
    """A step beside the recogniser's forward and backward pass of the same pictures.

    Memory is kept as the training command keeps it.
    """
    keep_freed_memory()
    config, accelerator = PRESETS[preset], Accelerator()
    name, batch = DIGITS_EMBEDDER, config.schedule.batch
    if getattr(config, "recogniser", None) == FACENET:
        name, batch = FACENET, min(batch, FEWER_FACES.get(preset, MOST_FACES))
    reference = load_recogniser(name, accelerator.device)
    pictures = torch.rand(batch, *reference.image_shape, device=accelerator.device)

    step = STEPS[type(config)](config, accelerator, reference, pictures)
    pass_alone = partial(forward_and_backward, reference, pictures)
    pairs = alternate(timed(step), timed(pass_alone), repeats)
    figures = summary(pairs)
    return {
        "batch": batch,
        "per_second": batch * 1000 / figures["milliseconds"]["median"],
        "milliseconds_per_step": figures["milliseconds"],
        "repeats": figures["repeats"],
        "reference": name,
        "reference_milliseconds": figures["reference_milliseconds"],
        "rate_ratio": median_ratio([(alone_ms, step_ms) for step_ms, alone_ms in pairs]),
    }


def forward_and_backward(recogniser: torch.nn.Module, pictures: torch.Tensor) -> None:
    """The gradient goes to the pictures, as in a generator's training: the recogniser is frozen."""
    recogniser(pictures.clone().requires_grad_()).sum().backward()


# each kind of training: (config, accelerator, recogniser, pictures) -> a call that does a step


def generator_step(config, accelerator, recogniser, pictures) -> Callable[[], dict]:
    model, optimizer = prepared(config, accelerator, UNet(config.model))
    target = embedded(recogniser, pictures)
    return partial(
        generator.training_step,
        *(config, accelerator, model, recogniser, optimizer, pictures, target, 0),
    )


def bottleneck_step(config, accelerator, recogniser, pictures) -> Callable[[], dict]:
    model, optimizer = prepared(config, accelerator, Bottleneck(config.model))
    target, chance = embedded(recogniser, pictures), torch.Generator()
    return partial(
        bottleneck.training_step,
        *(config, accelerator, model, recogniser, optimizer, target, 0, chance),
    )


def sealed_step(config, accelerator, recogniser, pictures) -> Callable[[], dict]:
    model, optimizer = prepared(config, accelerator, Sealed(config.model))
    chance = torch.Generator().manual_seed(0)
    target = sealed.directions(len(pictures), config.model.directions, chance)
    return partial(
        sealed.training_step,
        *(config, accelerator, model, recogniser, optimizer, target.to(pictures.device), 0),
    )


def embedder_step(config, accelerator, recogniser, pictures) -> Callable[[], dict]:
    model, optimizer = prepared(config, accelerator, DigitEmbedder(config.model))
    classes = torch.arange(len(pictures), device=pictures.device) % 10
    return partial(
        embedder.training_step, config, accelerator, model, optimizer, pictures, classes, 0
    )


STEPS = {
    EmbedderTraining: embedder_step,
    GeneratorTraining: generator_step,
    BottleneckTraining: bottleneck_step,
    SealedTraining: sealed_step,
}


def prepared(config: Training, accelerator: Accelerator, model: torch.nn.Module) -> tuple:
    """(model, optimizer), as the training has them."""
    if not isinstance(model, DigitEmbedder):
        model = model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.schedule.lr)
    return accelerator.prepare(model, optimizer)


@torch.no_grad()
def embedded(recogniser: torch.nn.Module, pictures: torch.Tensor) -> torch.Tensor:
    return recogniser(pictures)
