"""Train a sealed generator: random direction -> template -> F -> direction -> step -> log -> save.
It needs no picture and no key.

Its decoder begins as the bottleneck generator's, which was trained on people's embeddings and
paints most other directions well already.
"""

from pathlib import Path

import torch
from accelerate import Accelerator
from torch.nn import functional as F
from tqdm import tqdm

from ndcb.core.distances import squared_euclidean
from ndcb.core.tensors import quantise
from ndcb.core.terms import UserError
from ndcb.generators.sealed import Sealed
from ndcb.models import checkpoints
from ndcb.models.recognisers import load_recogniser
from training.data.pictures import embeddings, load_pictures
from training.loops.generator import as_stored
from training.measure.record import save_measured
from training.presets import SealedTraining
from training.runs import Run, learning_rate, provenance

SAMPLES = 12


def train_sealed(config: SealedTraining, root: Path, out: Path, checkpoint: Path) -> Path:
    """Run or go on with a training; returns the folder of the finished checkpoint, or of the run
    where it was stopped.
    """
    accelerator = Accelerator()
    run = Run(out, config, accelerator.is_main_process)
    run.stop_on_signals()
    record = provenance(config, accelerator.device)
    recogniser = load_recogniser(config.recogniser, accelerator.device)
    with accelerator.main_process_first():
        pictures = load_pictures("lfw", root, config.limit)
        known = torch.from_numpy(
            embeddings(pictures, config.recogniser, recogniser, pictures.training_rows)
        )
    torch.manual_seed(config.schedule.seed)
    generator = first_weights(config, known).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(generator.parameters(), lr=config.schedule.lr, betas=(0.9, 0.98))
    run.restore(generator=generator, optimizer=optimizer)
    generator, optimizer = accelerator.prepare(generator, optimizer)
    parts = {"generator": accelerator.unwrap_model(generator), "optimizer": optimizer}
    shown = directions(SAMPLES, config.model.directions, torch.Generator().manual_seed(-1)).to(
        accelerator.device
    )

    def step(number: int) -> dict[str, float]:
        chance = torch.Generator().manual_seed(config.schedule.seed * 1_000_003 + number)
        target = directions(config.schedule.batch, config.model.directions, chance)
        target = target[accelerator.process_index :: accelerator.num_processes].to(
            accelerator.device
        )
        return training_step(config, accelerator, generator, recogniser, optimizer, target, number)

    if not run.go(config, step, parts, lambda: look(run, parts["generator"], recogniser, shown)):
        return out
    if accelerator.is_main_process:
        about = record | {"data": pictures.description(), "recogniser": config.recogniser}
        save_measured(checkpoint, parts["generator"], about, pictures, recogniser)
    return checkpoint


def first_weights(config: SealedTraining, known: torch.Tensor) -> Sealed:
    """known: embeddings of the training people (k, m). Raises UserError where `start` holds a
    decoder of another shape.
    """
    generator = Sealed(config.model)
    generator.fit_input(known, config.exponent)
    if config.start is None:
        generator.decoder.fit_input(known)
        return generator
    decoder = checkpoints.load(config.start, ("Bottleneck",)).model
    if decoder.config != config.model.decoder:
        raise UserError(
            f"The decoder of {config.start} has the shape {decoder.config}; asked for is"
            f" {config.model.decoder}."
        )
    generator.decoder.load_state_dict(decoder.state_dict())
    return generator


def directions(count: int, size: int, chance: torch.Generator) -> torch.Tensor:
    """(count, size), of length 1, uniform on the sphere: what a template's direction is, whoever
    the person, to one without the key.
    """
    return F.normalize(torch.randn(count, size, generator=chance))


def training_step(
    config: SealedTraining,
    accelerator: Accelerator,
    generator: torch.nn.Module,
    recogniser: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    target: torch.Tensor,
    step: int,
) -> dict[str, float]:
    """Train on one batch of directions (n, d); returns the numbers of the log."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(config.schedule, step)
    with accelerator.autocast():
        embedding = recogniser(as_stored(generator(target).float())).float()
    loss = squared_euclidean(
        accelerator.unwrap_model(generator).direction(embedding), target
    ).mean()
    optimizer.zero_grad(set_to_none=True)
    accelerator.backward(loss)
    accelerator.clip_grad_norm_(generator.parameters(), 1.0)
    optimizer.step()
    return {"direction_distance": loss.item()}


@torch.no_grad()
def look(run: Run, generator: Sealed, recogniser: torch.nn.Module, shown: torch.Tensor) -> None:
    """Save a grid of templates of directions that are never trained on, and print how far they are
    off.
    """
    generator.eval()
    template = quantise(generator(shown))
    generator.train()
    run.save_grid(template)
    shift = squared_euclidean(generator.direction(recogniser(template)), shown).mean()
    tqdm.write(f"step {run.step}: squared distance of directions {shift:.3f}")
