"""Networks that learn to give the photo back, from its template or from its embedding. All get the
same pictures, loss and budget.

No attacker asks the recogniser while it trains: one who may, needs no training, for F(T) is near
F(X) and the template itself is accepted in the photo's place. What is asked here is how much of the
*picture* there is to be had.
"""

import hashlib
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from kornia.filters import filter2d_separable, get_gaussian_kernel1d
from torch import nn
from tqdm import tqdm

from ndcb.attacks.restore import paint
from ndcb.core.distances import SSIM_WINDOW, l1
from ndcb.generators import make_templates
from ndcb.generators.bottleneck import Bottleneck, BottleneckConfig
from ndcb.generators.unet import UNet, UNetConfig
from training.data.datasets import cached, versions_of
from training.data.material import Material
from training.data.pictures import Pictures, weights_key
from training.presets import Schedule
from training.runs import Run, batch_rows, learning_rate

VERSION = 1
"""Raise it when this module gives other numbers: caches of measurements hold what it gave."""
BUDGET = Schedule(steps=800, batch=16, lr=1e-3, cosine=True, save_every=50)
"""The same for every family of generators: somewhat more than once through the training people's
pictures, ten minutes of one CPU core.
"""
RUNS = Path("runs")


@dataclass(frozen=True)
class AttackerTraining:
    """Train a network to give the photo back."""

    schedule: Schedule = BUDGET
    """Length and speed."""
    model: UNetConfig | BottleneckConfig = UNetConfig(width=16, fold=2)
    """The network: a U-Net reads templates, a decoder embeddings."""


def restoration(schedule: Schedule = BUDGET) -> AttackerTraining:
    return AttackerTraining(schedule)


def inversion(schedule: Schedule = BUDGET) -> AttackerTraining:
    """A decoder that costs as much a step as the U-Net. From mid-grey, a change of a half reaches
    every colour.
    """
    return AttackerTraining(schedule, BottleneckConfig(widths=(256, 192, 128, 64, 32), change=0.5))


@dataclass(frozen=True)
class Attacker:
    """A trained network. Its templates or embeddings come as the thief has them; what it restores
    is as its 8-bit file holds it.
    """

    model: nn.Module
    key: str
    """Names the training that it comes from: code, config, data, and the weights attacked."""
    seconds: float
    """What the training's steps took, wherever they were made."""

    def __call__(self, read: torch.Tensor) -> torch.Tensor:
        """Templates (n, 3, 160, 160) or embeddings (n, m) -> pictures (n, 3, 160, 160) in [0, 1],
        on the CPU.
        """
        return paint(self.model, read)


def train_restorer(material: Material, config: AttackerTraining) -> Attacker:
    """T -> X, learned from the training people's templates. KeyboardInterrupt where it was stopped;
    the next call goes on.
    """
    generator, recogniser, pictures = (
        material.checkpoint.model,
        material.recogniser,
        material.pictures,
    )
    known = _known(material)

    def templates(rows: np.ndarray) -> torch.Tensor:
        made = make_templates(
            generator, recogniser, pictures.batch(rows).to(material.device), known[rows]
        )
        return made.clone()  # outside of inference mode, so that a network can learn from it

    code = (UNet, type(generator), make_templates)
    key = _key(config, code, material, material.checkpoint.record["sha256"])
    torch.manual_seed(config.schedule.seed)
    model = UNet(config.model)
    folder = RUNS / f"attack-{material.checkpoint.name}-restoration-{key}"
    return train(
        config,
        model,
        key,
        pictures,
        templates,
        folder,
        f"restoring from {material.checkpoint.name}",
        material.device,
    )


def train_inverter(material: Material, config: AttackerTraining) -> Attacker:
    """F(X) -> X. It depends on the recogniser alone, so it is trained once for all generators and
    kept in the cache.
    """
    known, rows, key = (
        _known(material),
        material.pictures.training_rows,
        _key(config, (Bottleneck,), material),
    )
    torch.manual_seed(config.schedule.seed)
    few = min(config.model.directions, len(rows) - 1)  # of which so many pictures tell something
    model = Bottleneck(replace(config.model, embedding=known.shape[1], directions=few))
    model.fit_input(known[rows])
    model.carrier.fill_(0.5)
    folder = cached("attackers", f"inversion-{key}", (train,))
    return train(
        config,
        model,
        key,
        material.pictures,
        lambda rows: known[rows],
        folder,
        "inverting embeddings",
        material.device,
    )


def train(
    config: AttackerTraining,
    model: nn.Module,
    key: str,
    pictures: Pictures,
    read: Callable[[np.ndarray], torch.Tensor],
    folder: Path,
    name: str,
    device,
) -> Attacker:
    """Teach `model` to give pictures back from read(rows), rows of the training people; all of the
    state is in `folder`.
    """
    model = model.to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.schedule.lr)
    run, rows_for_training = Run(folder, config), pictures.training_rows
    run.restore(model=model, optimizer=optimizer)
    with (
        signals_caught(run),
        tqdm(total=config.schedule.steps, initial=run.step, desc=name, unit="step") as bar,
    ):
        while run.step < config.schedule.steps and not run.stopped:
            started = time.perf_counter()
            rows = rows_for_training[
                batch_rows(len(rows_for_training), config.schedule, run.step).numpy()
            ]
            found = training_step(
                config,
                model,
                optimizer,
                read(rows).to(device),
                pictures.batch(rows).to(device),
                run.step,
            )
            run.log(**found, seconds=time.perf_counter() - started)
            bar.set_postfix(loss=f"{found['loss']:.3f}", refresh=False)
            bar.update()
            if (
                run.step % config.schedule.save_every == 0
                or run.step == config.schedule.steps
                or run.stopped
            ):
                run.save(model=model, optimizer=optimizer)
    if run.stopped:
        raise KeyboardInterrupt
    return Attacker(model.eval(), key, sum(row["seconds"] for row in run.history))


def training_step(
    config: AttackerTraining,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    read: torch.Tensor,
    real: torch.Tensor,
    step: int,
) -> dict[str, float]:
    """Train on one batch; returns the numbers of the log. The loss is the mean of L1 + (1 -
    SSIM).
    """
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(config.schedule, step)
    restored = model(read)
    apart, alike = l1(restored, real).mean(), quick_ssim(restored, real).mean()
    loss = apart + 1 - alike
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return {"loss": loss.item(), "l1": apart.item(), "ssim": alike.item()}


def quick_ssim(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """`ndcb.core.distances.ssim` of square pictures, (n,), blurred by matrices: kornia's filters
    would be half of a step on a CPU.
    """
    matrix = _blur(a.shape[-1]).to(a)
    blur = lambda x: matrix @ x @ matrix.T  # noqa: E731
    mean_a, mean_b = blur(a), blur(b)
    spread, common = blur(a * a + b * b) - mean_a**2 - mean_b**2, blur(a * b) - mean_a * mean_b
    small, smaller = 0.03**2, 0.01**2
    return (
        (2 * mean_a * mean_b + smaller)
        * (2 * common + small)
        / ((mean_a**2 + mean_b**2 + smaller) * (spread + small))
    ).mean(dim=(1, 2, 3))


@lru_cache(maxsize=2)
def _blur(size: int) -> torch.Tensor:
    """(size, size): times a column of pixels it is what kornia's Gaussian makes of that column."""
    return filter2d_separable(
        torch.eye(size)[None, None], torch.ones(1, 1), get_gaussian_kernel1d(SSIM_WINDOW, 1.5)
    )[0, 0]


@contextmanager
def signals_caught(run: Run) -> Iterator[None]:
    """Within, Ctrl-C and SIGTERM stop the run after its step; then they do again what they did."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    run.stop_on_signals()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _known(material: Material) -> torch.Tensor:
    """(n, m): F(X) of the training people's pictures at their rows, zeros at all others."""
    rows = material.pictures.training_rows
    values = torch.from_numpy(material.real(rows))
    known = torch.zeros(len(material.pictures.images), values.shape[1])
    known[rows] = values
    return known


def _key(config: AttackerTraining, code: tuple, material: Material, *attacked: str) -> str:
    """code: what makes the attacker, besides what all have."""
    code = versions_of((train, type(material.recogniser), *code))
    parts = (repr(config), code, material.pictures.key, weights_key(material.recogniser), *attacked)
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:12]
