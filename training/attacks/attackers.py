"""Networks that learn to restore the photo from its template or from its embedding.

All get the same pictures, loss and budget. No attacker asks the recogniser while it trains. Whoever
may ask it needs no training: F(T) is near F(X), so the template itself is accepted in the photo's
place. What is measured here is how much of the *picture* can be restored.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from kornia.filters import filter2d_separable, get_gaussian_kernel1d
from torch import nn

from ndcb.attacks.restore import paint
from ndcb.core.distances import SSIM_WINDOW, l1
from ndcb.core.terms import BY_BOX, BY_LANDMARKS
from ndcb.generators import make_templates
from ndcb.generators.bottleneck import Bottleneck, BottleneckConfig
from ndcb.generators.unet import UNet, UNetConfig
from training.data.datasets import cached, versions_of
from training.data.material import Material
from training.data.pictures import weights_key
from training.presets import Schedule
from training.runs import Run, batch_of, set_learning_rate

VERSION = 1
"""Raise it when this module gives other numbers: caches of measurements hold what it gave."""
BUDGET = Schedule(steps=800, batch=16, lr=1e-3, cosine=True, save_every=50)
"""The same for every family of generators.

Each training picture is seen a little more than once; that takes one CPU core ten minutes.
"""
U_NETS = {
    BY_BOX: UNetConfig(width=16, fold=2),
    BY_LANDMARKS: UNetConfig(size=112, width=28, depth=3, fold=2),
}
"""Alignment of the faces -> the network that reads templates. A step of each costs about as much.
"""
DECODERS = {
    BY_BOX: BottleneckConfig(widths=(256, 192, 128, 64, 32), change=0.5),
    BY_LANDMARKS: BottleneckConfig(widths=(320, 208, 104, 52), change=0.5, start=7),
}
"""Alignment -> the network that reads embeddings; its step costs as much as the U-Net's.

It starts from mid-grey, so a change of a half reaches every colour.
"""
RUNS = Path("runs")


@dataclass(frozen=True)
class AttackerTraining:
    """Train a network to restore the photo."""

    schedule: Schedule = BUDGET
    """Length and speed."""
    model: UNetConfig | BottleneckConfig = U_NETS[BY_BOX]
    """The network: a U-Net reads templates, a decoder embeddings."""


def restoration(alignment: str, schedule: Schedule = BUDGET) -> AttackerTraining:
    return AttackerTraining(schedule, U_NETS[alignment])


def inversion(alignment: str, schedule: Schedule = BUDGET) -> AttackerTraining:
    return AttackerTraining(schedule, DECODERS[alignment])


@dataclass(frozen=True)
class Attacker:
    """A trained network: templates or embeddings, as the thief has them -> pictures of 8 bits."""

    model: nn.Module
    key: str
    """Names its training: code, config, data, and the weights attacked."""
    seconds: float
    """What the training's steps took, summed over all tries."""

    def __call__(self, read: torch.Tensor) -> torch.Tensor:
        """Templates or embeddings (n, m) -> pictures, on the CPU.

        Templates and pictures are (n, 3, side, side) in [0, 1].
        """
        return paint(self.model, read)


def train_restorer(material: Material, config: AttackerTraining) -> Attacker:
    """T -> X, learned from the training people's templates.

    Raises KeyboardInterrupt where it was stopped; the next call goes on.
    """
    checkpoint, recogniser, pictures = material.checkpoint, material.recogniser, material.pictures
    known = _known(material)

    def templates(rows: np.ndarray) -> torch.Tensor:
        real = pictures.batch(rows).to(material.device)
        made = make_templates(checkpoint.model, recogniser, real, known[rows])
        return made.clone()  # outside of inference mode, so that a network can learn from it

    code = (UNet, type(checkpoint.model), make_templates)
    key = _key(config, code, material, checkpoint.record["sha256"])
    torch.manual_seed(config.schedule.seed)
    model = UNet(config.model)
    run = Run(RUNS / f"attack-{checkpoint.name}-restoration-{key}", config)
    return train(config, model, key, material, templates, run, f"restoring from {checkpoint.name}")


def train_inverter(material: Material, config: AttackerTraining) -> Attacker:
    """F(X) -> X. It depends on the recogniser alone, so all generators share one, in the cache."""
    known, rows = _known(material), material.pictures.training_rows
    key = _key(config, (Bottleneck,), material)
    torch.manual_seed(config.schedule.seed)
    directions = min(config.model.directions, len(rows) - 1)  # fewer pictures span no more
    model = Bottleneck(replace(config.model, embedding=known.shape[1], directions=directions))
    model.fit_input(known[rows])
    model.carrier.fill_(0.5)
    run = Run(cached("attackers", f"inversion-{key}", (train,)), config)
    return train(
        config, model, key, material, lambda rows: known[rows], run, "inverting embeddings"
    )


def train(
    config: AttackerTraining,
    model: nn.Module,
    key: str,
    material: Material,
    read: Callable[[np.ndarray], torch.Tensor],
    run: Run,
    name: str,
) -> Attacker:
    """Teach `model` to restore pictures of training people from read(rows), what the thief has."""
    pictures, device = material.pictures, material.device
    model = model.to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.schedule.lr)
    run.restore(model=model, optimizer=optimizer)

    for step in run.steps(name):
        started = time.perf_counter()
        rows = batch_of(pictures.training_rows, config.schedule, step)
        given, real = read(rows).to(device), pictures.batch(rows).to(device)
        numbers = training_step(config, model, optimizer, given, real, step)
        run.log(**numbers, seconds=time.perf_counter() - started)
        if run.saves_now:
            run.save()

    if not run.done:
        raise KeyboardInterrupt
    return Attacker(model.eval(), key, sum(row["seconds"] for row in run.history))


def training_step(
    config: AttackerTraining,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    given: torch.Tensor,
    real: torch.Tensor,
    step: int,
) -> dict[str, float]:
    """Train on one batch; returns the numbers of the log.

    The loss is the mean of L1 + (1 - SSIM).
    """
    set_learning_rate(optimizer, config.schedule, step)

    restored = model(given)
    distance, similarity = l1(restored, real).mean(), quick_ssim(restored, real).mean()
    loss = distance + 1 - similarity

    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return {"loss": loss.item(), "l1": distance.item(), "ssim": similarity.item()}


def quick_ssim(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """`ndcb.core.distances.ssim` of square pictures, (n,), with the blur as matrix products.

    kornia's filters would take half of a step's time on a CPU.
    """
    matrix = _blur(a.shape[-1]).to(a)

    def blur(picture: torch.Tensor) -> torch.Tensor:
        return matrix @ picture @ matrix.T

    mean_a, mean_b = blur(a), blur(b)
    variances = blur(a * a + b * b) - mean_a**2 - mean_b**2
    covariance = blur(a * b) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    return (
        (2 * mean_a * mean_b + c1)
        * (2 * covariance + c2)
        / ((mean_a**2 + mean_b**2 + c1) * (variances + c2))
    ).mean(dim=(1, 2, 3))


@lru_cache(maxsize=2)
def _blur(size: int) -> torch.Tensor:
    """(size, size): its product with a column of pixels is that column after kornia's Gaussian."""
    return filter2d_separable(
        torch.eye(size)[None, None], torch.ones(1, 1), get_gaussian_kernel1d(SSIM_WINDOW, 1.5)
    )[0, 0]


def _known(material: Material) -> torch.Tensor:
    """(n, m): F(X) of each training picture in its row; zeros in all other rows."""
    rows = material.pictures.training_rows
    values = torch.from_numpy(material.real(rows))
    known = torch.zeros(len(material.pictures.images), values.shape[1])
    known[rows] = values
    return known


def _key(config: AttackerTraining, code: tuple, material: Material, *attacked: str) -> str:
    """Names a training. code: what computes the attacker, besides what all attackers have."""
    versions = versions_of((train, type(material.recogniser), *code))
    parts = (
        repr(config),
        versions,
        material.pictures.key,
        weights_key(material.recogniser),
        *attacked,
    )
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:12]
