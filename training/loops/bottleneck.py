"""Train a bottleneck generator: embedding -> template -> F -> step -> log -> save. No picture is
needed, only F.
"""

from pathlib import Path

import torch
from accelerate import Accelerator
from torch.nn import functional as F
from tqdm import tqdm

from ndcb.core.distances import squared_euclidean
from ndcb.core.tensors import quantise
from ndcb.generators.bottleneck import Bottleneck
from ndcb.models.recognisers import load_recogniser
from training.data.pictures import embeddings, load_pictures
from training.loops.generator import as_stored
from training.measure.record import save_measured
from training.presets import BottleneckTraining
from training.runs import Run, learning_rate, provenance

SAMPLES = 12


def train_bottleneck(
    config: BottleneckTraining, root: Path, out: Path, checkpoint: Path, until: int | None = None
) -> Path:
    """Run or go on with a training; returns the folder of the finished checkpoint, or of the run
    where it was stopped.

    until: go no further than to this step, and leave the run's state only.
    """
    accelerator = Accelerator()
    run = Run(out, config, accelerator.is_main_process)
    run.stop_on_signals()
    record = provenance(config, accelerator.device)
    recogniser = load_recogniser(config.recogniser, accelerator.device)
    with accelerator.main_process_first():
        pictures = load_pictures("lfw", root, config.limit)
        known = torch.from_numpy(embeddings(pictures, config.recogniser, recogniser))
    material = Embeddings(known[pictures.training_rows])
    shown = known[pictures.development_rows[:SAMPLES]].to(accelerator.device)
    torch.manual_seed(config.schedule.seed)
    generator = Bottleneck(config.model).to(memory_format=torch.channels_last)
    generator.fit_input(material.known)
    optimizer = torch.optim.Adam(generator.parameters(), lr=config.schedule.lr, betas=(0.9, 0.98))
    run.restore(generator=generator, optimizer=optimizer)
    generator, optimizer = accelerator.prepare(generator, optimizer)

    parts = {"generator": accelerator.unwrap_model(generator), "optimizer": optimizer}

    def step(number: int) -> dict[str, float]:
        chance = torch.Generator().manual_seed(config.schedule.seed * 1_000_003 + number)
        target = material.draw(config, chance)[
            accelerator.process_index :: accelerator.num_processes
        ].to(accelerator.device)
        return training_step(
            config, accelerator, generator, recogniser, optimizer, target, number, chance
        )

    if (
        not run.go(
            config, step, parts, lambda: look(run, parts["generator"], recogniser, shown), until
        )
        or until is not None
    ):
        return out
    if accelerator.is_main_process:
        about = record | {"data": pictures.description(), "recogniser": config.recogniser}
        save_measured(checkpoint, parts["generator"], about, pictures, recogniser)
    return checkpoint


class Embeddings:
    """Embeddings of training people, and what lies between and around them, so that the generator
    learns more than their faces.
    """

    def __init__(self, known: torch.Tensor):
        self.known = known
        self.spread = torch.linalg.cholesky(torch.cov(known.T) + 1e-6 * torch.eye(known.shape[1]))
        """Turns white noise into noise that differs as people do: in about a hundred of the
        directions.
        """

    def draw(self, config: BottleneckTraining, chance: torch.Generator) -> torch.Tensor:
        """A batch (n, m) of length 1. A half is mixed with another person's (up to `mix`), a half
        gets noise (up to `noise` spreads).
        """
        count = config.schedule.batch
        one, other = torch.randint(len(self.known), (2, count), generator=chance)
        often = lambda: (
            (torch.rand(count, 1, generator=chance) < 0.5) * torch.rand(count, 1, generator=chance)
        )  # noqa: E731
        share, noise = config.mix * often(), config.noise * often()
        white = torch.randn(count, self.known.shape[1], generator=chance)
        return F.normalize(
            (1 - share) * self.known[one]
            + share * self.known[other]
            + noise * (white @ self.spread.T)
        )


def training_step(
    config: BottleneckTraining,
    accelerator: Accelerator,
    generator: torch.nn.Module,
    recogniser: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    target: torch.Tensor,
    step: int,
    chance: torch.Generator,
) -> dict[str, float]:
    """Train on one batch of embeddings (n, m); returns the numbers of the log."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(config.schedule, step)

    with accelerator.autocast():
        template = generator(target).float()
        embedding = recogniser(disturbed(as_stored(template), config.disturbed, chance)).float()
    shift = squared_euclidean(embedding, target).mean()
    variance = variance_between_people(template, config.uniformity_block)
    begun = step >= config.uniformity_from * config.schedule.steps
    loss = shift + begun * config.uniformity * variance

    optimizer.zero_grad(set_to_none=True)
    accelerator.backward(loss)
    accelerator.clip_grad_norm_(generator.parameters(), 1.0)
    optimizer.step()
    return {
        "loss": loss.item(),
        "embedding_distance": shift.item(),
        "variance_between_people": variance.item(),
    }


def variance_between_people(template: torch.Tensor, block: int) -> torch.Tensor:
    """Variance over a batch (n, 3, h, w) of the mean colour of each block of pixels, averaged: of
    large blocks, what a glance can tell.
    """
    return F.avg_pool2d(template, block).var(0, unbiased=False).mean()


def disturbed(template: torch.Tensor, share: float, chance: torch.Generator) -> torch.Tensor:
    """Some of the batch (n, 3, h, w) made smaller, to half at the least, and back: so that a
    template survives it.
    """
    if share == 0:
        return template
    side = template.shape[-1]
    smaller = round(side * (0.5 + 0.5 * float(torch.rand((), generator=chance))))
    count = round(share * len(template))
    there = F.interpolate(template[:count], size=(smaller, smaller), mode="bicubic", antialias=True)
    return torch.cat(
        [F.interpolate(there, size=(side, side), mode="bicubic").clamp(0, 1), template[count:]]
    )


@torch.no_grad()
def look(
    run: Run, generator: torch.nn.Module, recogniser: torch.nn.Module, shown: torch.Tensor
) -> None:
    """Save a grid of templates of people the generator is not trained on, and print how far they
    are off.
    """
    generator.eval()
    template = quantise(generator(shown))
    generator.train()
    run.save_grid(template)
    shift = squared_euclidean(recogniser(template), shown).mean()
    tqdm.write(f"step {run.step}: squared embedding distance {shift:.3f} on people never seen")
