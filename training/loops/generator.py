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
from training.provenance import provenance
from training.runs import Run, batch_of, own_part, set_learning_rate, take_step

SAMPLES = 12
DISTANCES = IMAGE_DISTANCES | {"unexplained": unexplained}
"""What Eq. 8 may be given: the paper's distances, and one that a recoloured picture fails."""


def train_generator(config: GeneratorTraining, root: Path, out: Path, checkpoint: Path) -> Path:
    """Run or go on with a training.

    Returns the folder of the finished checkpoint, or of the run where a signal stopped it.
    """
    accelerator = Accelerator()
    device = accelerator.device
    run = Run(out, config, accelerator.is_main_process)
    record = provenance(config, device)
    recogniser = load_recogniser(config.recogniser, device)
    with accelerator.main_process_first():
        pictures = load_pictures(config.dataset, root, config.limit)
        targets = torch.from_numpy(embeddings(pictures, config.recogniser, recogniser))
    shown = pictures.batch(pictures.development_rows[:SAMPLES]).to(device)

    torch.manual_seed(config.schedule.seed)
    model = UNet(config.model).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.schedule.lr)
    run.restore(generator=model, optimizer=optimizer)
    generator, optimizer = accelerator.prepare(model, optimizer)

    for step in run.steps(config.preset):
        rows = own_part(accelerator, batch_of(pictures.training_rows, config.schedule, step))
        real, target = pictures.batch(rows).to(device), targets[rows].to(device)
        run.log(
            **training_step(
                config, accelerator, generator, recogniser, optimizer, real, target, step
            )
        )
        if run.saves_now:
            run.save()
            look(run, generator, shown)

    if not run.done:
        return out
    if accelerator.is_main_process:
        about = record | {"data": pictures.description(), "recogniser": config.recogniser}
        save_measured(checkpoint, model, about, pictures, recogniser)
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
    """Train on one batch; returns the numbers of the log.

    real: pictures (n, c, h, w) in [0, 1]; target: their embeddings (n, m).
    """
    set_learning_rate(optimizer, config.schedule, step)

    with accelerator.autocast():
        template = generator(real).float()
        embedding = recogniser(as_stored(template)).float()
    image = losses.image_loss(template, real, DISTANCES[config.distance]).mean()
    shift = losses.embedding_loss(embedding, target, config.alpha).mean()
    loss = losses.generator_loss(image, shift, pi_at(config, step))

    take_step(accelerator, generator, optimizer, loss)
    return {
        "loss": loss.item(),
        "image_distance": -image.item(),
        "embedding_distance": mean_shift(embedding, target),
    }


def pi_at(config: GeneratorTraining, step: int) -> float:
    """pi_emb of Eq. 7 at a step."""
    into_ramp = step / config.schedule.steps - config.pi_hold
    if into_ramp >= config.pi_ramp:
        return config.pi_emb
    return 1 + (config.pi_emb - 1) * max(into_ramp, 0) / config.pi_ramp


def as_stored(template: torch.Tensor) -> torch.Tensor:
    """Rounded to 8 bits as a stored template is; the gradient passes as if it were not."""
    return template + (quantise(template) - template).detach()


def mean_shift(embedding: torch.Tensor, target: torch.Tensor) -> float:
    return squared_euclidean(embedding.detach(), target).mean().item()


@torch.no_grad()
def look(run: Run, generator: torch.nn.Module, real: torch.Tensor) -> None:
    """Save pictures and templates of people not trained on; warn of Table 5's failures."""
    template = quantise(generator(real))
    run.save_grid(real, template)
    for warning in failures.warnings(failures.failures(template.cpu(), real.cpu())):
        tqdm.write(f"step {run.step}: {warning}")
