"""Train a bottleneck generator: embedding -> template -> F -> step -> log -> save.

It is given embeddings only, no pictures.
"""

from pathlib import Path

import torch
from accelerate import Accelerator
from kornia.enhance import jpeg_codec_differentiable
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
from training.provenance import provenance
from training.runs import Run, own_part, set_learning_rate, step_seed, take_step

SAMPLES = 12
JPEG_QUALITY = 50, 95
"""Least and most of the qualities that templates are saved with while they are trained."""


def train_bottleneck(
    config: BottleneckTraining, root: Path, out: Path, checkpoint: Path, until: int | None = None
) -> Path:
    """Run or go on with a training.

    Returns the folder of the finished checkpoint, or of the run where a signal stopped it. until:
    go no further than to this step, and leave the run's state only.
    """
    accelerator = Accelerator()
    device = accelerator.device
    run = Run(out, config, accelerator.is_main_process, until)
    record = provenance(config, device)
    recogniser = load_recogniser(config.recogniser, device)
    with accelerator.main_process_first():
        pictures = load_pictures("lfw", root, config.limit, recogniser.alignment)
        known = torch.from_numpy(embeddings(pictures, config.recogniser, recogniser))
    material = Embeddings(known[pictures.training_rows])
    shown = known[pictures.development_rows[:SAMPLES]].to(device)

    torch.manual_seed(config.schedule.seed)
    model = Bottleneck(config.model).to(memory_format=torch.channels_last)
    model.fit_input(material.known)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.schedule.lr, betas=(0.9, 0.98))
    run.restore(generator=model, optimizer=optimizer)
    generator, optimizer = accelerator.prepare(model, optimizer)

    for step in run.steps(config.preset):
        chance = torch.Generator().manual_seed(step_seed(config.schedule, step))
        target = own_part(accelerator, material.draw(config, chance)).to(device)
        run.log(
            **training_step(
                config, accelerator, generator, recogniser, optimizer, target, step, chance
            )
        )
        if run.saves_now:
            run.save()
            look(run, model, recogniser, shown)

    if not run.done or until is not None:
        return out
    if accelerator.is_main_process:
        about = record | {"data": pictures.description(), "recogniser": config.recogniser}
        save_measured(checkpoint, model, about, pictures, recogniser)
    return checkpoint


class Embeddings:
    """Embeddings of training people, and what lies between and around them.

    So the generator learns more than these people's faces.
    """

    def __init__(self, known: torch.Tensor):
        self.known = known
        self.spread = torch.linalg.cholesky(torch.cov(known.T) + 1e-6 * torch.eye(known.shape[1]))
        """Turns white noise into noise that differs as people do: in about a hundred directions."""

    def draw(self, config: BottleneckTraining, chance: torch.Generator) -> torch.Tensor:
        """A batch (n, m) of length 1.

        Half of them are mixed with another person's (up to `mix`), half get noise (up to `noise`
        spreads).
        """
        count = config.schedule.batch
        one, other = torch.randint(len(self.known), (2, count), generator=chance)
        share = config.mix * half_of_them(count, chance)
        noise = config.noise * half_of_them(count, chance)
        white = torch.randn(count, self.known.shape[1], generator=chance)
        return F.normalize(
            (1 - share) * self.known[one]
            + share * self.known[other]
            + noise * (white @ self.spread.T)
        )


def half_of_them(count: int, chance: torch.Generator) -> torch.Tensor:
    """(count, 1): uniform in [0, 1] for a random half, 0 for the others."""
    chosen = torch.rand(count, 1, generator=chance) < 0.5
    return chosen * torch.rand(count, 1, generator=chance)


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
    set_learning_rate(optimizer, config.schedule, step)

    with accelerator.autocast():
        template = generator(target).float()
        embedding = recogniser(disturbed(as_stored(template), config, chance)).float()
    shift = squared_euclidean(embedding, target).mean()
    variance = variance_between_people(template, config.uniformity_block)
    begun = step >= config.uniformity_from * config.schedule.steps
    loss = shift + begun * config.uniformity * variance

    take_step(accelerator, generator, optimizer, loss)
    return {
        "loss": loss.item(),
        "embedding_distance": shift.item(),
        "variance_between_people": variance.item(),
    }


def variance_between_people(template: torch.Tensor, block: int) -> torch.Tensor:
    """Variance over a batch (n, 3, h, w) of each block's mean colour, averaged over the blocks.

    Large blocks hold what a glance can tell.
    """
    return F.avg_pool2d(template, block).var(0, unbiased=False).mean()


def disturbed(
    template: torch.Tensor, config: BottleneckTraining, chance: torch.Generator
) -> torch.Tensor:
    """A batch (n, 3, h, w) as it reaches F: some of it resized, some of it saved as JPEG.

    So templates are recognised after such a change too. The first ones are resized and the last
    ones compressed; those that are neither lie between, where both shares leave some.
    """
    resized = round(config.disturbed * len(template))
    if resized:
        smaller = 0.5 + 0.5 * float(torch.rand((), generator=chance))
        template = torch.cat([resampled(template[:resized], smaller), template[resized:]])
    kept = len(template) - round(config.compressed * len(template))
    if kept < len(template):
        template = torch.cat([template[:kept], saved_as_jpeg(template[kept:], chance)])
    return template


def resampled(template: torch.Tensor, scale: float) -> torch.Tensor:
    """Made smaller by this factor and back."""
    side = template.shape[-1]
    smaller = round(side * scale)
    there = F.interpolate(template, size=(smaller, smaller), mode="bicubic", antialias=True)
    return F.interpolate(there, size=(side, side), mode="bicubic").clamp(0, 1)


def saved_as_jpeg(template: torch.Tensor, chance: torch.Generator) -> torch.Tensor:
    """Each at a quality of its own; sides have to be multiples of 16."""
    least, most = JPEG_QUALITY
    quality = least + (most - least) * torch.rand(len(template), generator=chance)
    return jpeg_codec_differentiable(template, quality.to(template)).clamp(0, 1)


@torch.no_grad()
def look(
    run: Run, generator: torch.nn.Module, recogniser: torch.nn.Module, shown: torch.Tensor
) -> None:
    """Save templates of people not trained on, and print how far F(T) is from F(X)."""
    generator.eval()
    template = quantise(generator(shown))
    generator.train()
    run.save_grid(template)
    shift = squared_euclidean(recogniser(template), shown).mean()
    tqdm.write(f"step {run.step}: squared embedding distance {shift:.3f} on people never seen")
