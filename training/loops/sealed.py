"""Train a sealed generator: random direction -> template -> F -> direction -> step -> log -> save.

It needs no picture and no key. Its decoder begins as the bottleneck generator's: that was trained
on people's embeddings, and paints most other directions well already.
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
from training.provenance import provenance
from training.runs import Run, own_part, set_learning_rate, step_seed, take_step

SAMPLES = 12


def train_sealed(config: SealedTraining, root: Path, out: Path, checkpoint: Path) -> Path:
    """Run or go on with a training.

    Returns the folder of the finished checkpoint, or of the run where a signal stopped it.
    """
    accelerator = Accelerator()
    device = accelerator.device
    run = Run(out, config, accelerator.is_main_process)
    record = provenance(config, device)
    recogniser = load_recogniser(config.recogniser, device)
    with accelerator.main_process_first():
        pictures = load_pictures("lfw", root, config.limit, recogniser.alignment)
        rows = pictures.training_rows
        known = torch.from_numpy(embeddings(pictures, config.recogniser, recogniser, rows))
    chance = torch.Generator().manual_seed(-1)
    shown = directions(SAMPLES, config.model.directions, chance).to(device)

    torch.manual_seed(config.schedule.seed)
    model = first_weights(config, known).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.schedule.lr, betas=(0.9, 0.98))
    run.restore(generator=model, optimizer=optimizer)
    generator, optimizer = accelerator.prepare(model, optimizer)

    for step in run.steps(config.preset):
        chance = torch.Generator().manual_seed(step_seed(config.schedule, step))
        target = directions(config.schedule.batch, config.model.directions, chance)
        target = own_part(accelerator, target).to(device)
        run.log(
            **training_step(config, accelerator, generator, recogniser, optimizer, target, step)
        )
        if run.saves_now:
            run.save()
            look(run, model, recogniser, shown)

    if not run.done:
        return out
    if accelerator.is_main_process:
        about = record | {"data": pictures.description(), "recogniser": config.recogniser}
        save_measured(checkpoint, model, about, pictures, recogniser)
    return checkpoint


def first_weights(config: SealedTraining, known: torch.Tensor) -> Sealed:
    """The generator before its first step. known: embeddings of the training people (k, m).

    Raises UserError where `decoder_of` holds a decoder of another shape.
    """
    generator = Sealed(config.model)
    generator.fit_input(known, config.exponent)
    if config.decoder_of is None:
        generator.decoder.fit_input(known)
        return generator
    decoder = checkpoints.load(config.decoder_of, ("Bottleneck",)).model
    if decoder.config != config.model.decoder:
        raise UserError(
            f"The decoder of {config.decoder_of} has the shape {decoder.config}; asked for is"
            f" {config.model.decoder}."
        )
    generator.decoder.load_state_dict(decoder.state_dict())
    return generator


def directions(count: int, size: int, chance: torch.Generator) -> torch.Tensor:
    """(count, size): random points on the unit sphere.

    Without the key, a template's direction is such a point, whoever the person.
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
    set_learning_rate(optimizer, config.schedule, step)

    with accelerator.autocast():
        template = generator(target).float()
        embedding = recogniser(as_stored(template)).float()
    direction = accelerator.unwrap_model(generator).direction(embedding)
    loss = squared_euclidean(direction, target).mean()

    take_step(accelerator, generator, optimizer, loss)
    return {"direction_distance": loss.item()}


@torch.no_grad()
def look(run: Run, generator: Sealed, recogniser: torch.nn.Module, shown: torch.Tensor) -> None:
    """Save templates of directions not trained on, and print how far they are off."""
    generator.eval()
    template = quantise(generator(shown))
    generator.train()
    run.save_grid(template)
    shift = squared_euclidean(generator.direction(recogniser(template)), shown).mean()
    tqdm.write(f"step {run.step}: squared distance of directions {shift:.3f}")
