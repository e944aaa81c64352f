"""Train a generator: picture -> template -> two loss terms -> step -> log -> save."""

from pathlib import Path

import torch
from accelerate import Accelerator
from tqdm import tqdm

from ndcb.core import losses
from ndcb.core.distances import IMAGE_DISTANCES, squared_euclidean
from ndcb.core.tensors import quantise
from ndcb.generators.unet import UNet
from ndcb.models.recognisers import load_recogniser
from training.data.pictures import embeddings, load_pictures
from training.loops.decorrelation import unexplained
from training.measure import failures
from training.measure.record import save_measured
from training.presets import GeneratorTraining
from training.runs import Run, batch_rows, learning_rate, provenance

SAMPLES = 12
DISTANCES = IMAGE_DISTANCES | {"unexplained": unexplained}
"""What Eq. 8 may be given: the paper's distances, and one that recolouring does not meet."""


def train_generator(config: GeneratorTraining, root: Path, out: Path, checkpoint: Path) -> Path:
    """Run or go on with a training; returns the folder of the finished checkpoint, or of the run
    where it was stopped.
    """
    accelerator = Accelerator()
    run = Run(out, config, accelerator.is_main_process)
    run.stop_on_signals()
    record = provenance(config, accelerator.device)
    torch.manual_seed(config.schedule.seed)
    generator = UNet(config.model).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(generator.parameters(), lr=config.schedule.lr)
    run.restore(generator=generator, optimizer=optimizer)
    generator, optimizer = accelerator.prepare(generator, optimizer)
    recogniser = load_recogniser(config.recogniser, accelerator.device)
    with accelerator.main_process_first():
        pictures = load_pictures(config.dataset, root, config.limit)
        targets = torch.from_numpy(embeddings(pictures, config.recogniser, recogniser))
    rows_for_training, rows_shown = pictures.training_rows, pictures.development_rows[:SAMPLES]

    parts = {"generator": accelerator.unwrap_model(generator), "optimizer": optimizer}

    def step(number: int) -> dict[str, float]:
        rows = rows_for_training[
            batch_rows(len(rows_for_training), config.schedule, number).numpy()
        ]
        rows = rows[accelerator.process_index :: accelerator.num_processes]
        real, target = (
            pictures.batch(rows).to(accelerator.device),
            targets[rows].to(accelerator.device),
        )
        return training_step(
            config, accelerator, generator, recogniser, optimizer, real, target, number
        )

    if not run.go(
        config,
        step,
        parts,
        lambda: look(run, generator, pictures.batch(rows_shown).to(accelerator.device)),
    ):
        return out
    if accelerator.is_main_process:
        about = record | {"data": pictures.description(), "recogniser": config.recogniser}
        save_measured(checkpoint, parts["generator"], about, pictures, recogniser)
    return checkpoint


def training_step(
    config: GeneratorTraining,
    accelerator: Accelerator,
    generator: torch.nn.Module,
    recogniser: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    real: torch.Tensor,
    target: torch.Tensor,
    step: int,
) -> dict[str, float]:
    """Train on one batch, real (n, c, h, w) in [0, 1] with its embeddings (n, m); returns the
    numbers of the log.
    """
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(config.schedule, step)

    with accelerator.autocast():
        template = generator(real).float()
        embedding = recogniser(as_stored(template)).float()
    image = losses.image_loss(template, real, DISTANCES[config.distance]).mean()
    shift = losses.embedding_loss(embedding, target, config.alpha).mean()
    loss = losses.generator_loss(image, shift, pi_at(config, step))

    optimizer.zero_grad(set_to_none=True)
    accelerator.backward(loss)
    accelerator.clip_grad_norm_(generator.parameters(), 1.0)
    optimizer.step()
    return {
        "loss": loss.item(),
        "image_distance": -image.item(),
        "embedding_distance": mean_shift(embedding, target),
    }


def pi_at(config: GeneratorTraining, step: int) -> float:
    """pi_emb of Eq. 7 at a step."""
    into_ramp = step / config.schedule.steps - config.pi_hold
    return (
        config.pi_emb
        if into_ramp >= config.pi_ramp
        else 1 + (config.pi_emb - 1) * max(into_ramp, 0) / config.pi_ramp
    )


def as_stored(template: torch.Tensor) -> torch.Tensor:
    """Rounded to 8 bits as a stored template is; the gradient passes as if it were not."""
    return template + (quantise(template) - template).detach()


def mean_shift(embedding: torch.Tensor, target: torch.Tensor) -> float:
    return squared_euclidean(embedding.detach(), target).mean().item()


@torch.no_grad()
def look(run: Run, generator: torch.nn.Module, real: torch.Tensor) -> None:
    """Save a grid of people the generator is not trained on, and warn where one of Table 5's
    failures shows.
    """
    template = quantise(generator(real))
    run.save_grid(real, template)
    for warning in failures.warnings(failures.failures(template.cpu(), real.cpu())):
        tqdm.write(f"step {run.step}: {warning}")
