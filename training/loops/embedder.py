"""Train the digit recogniser: digits -> triplets -> triplet loss -> step -> log -> save.

Algorithm 1 of the paper.
"""

from pathlib import Path

import kornia.augmentation as augmentation
import torch
from accelerate import Accelerator

from ndcb.core import losses
from ndcb.core.distances import squared_euclidean
from ndcb.recognisers.digits import DigitEmbedder
from training.data.pictures import load_pictures
from training.measure.record import save_measured
from training.presets import EmbedderTraining
from training.provenance import provenance
from training.runs import Run, batch_of, own_part, set_learning_rate, step_seed

WOBBLE = augmentation.RandomAffine(degrees=10, translate=(0.08, 0.08), scale=(0.9, 1.1), p=1.0)
"""What `augment` does to the digits of a batch, each in its own way."""


def train_embedder(config: EmbedderTraining, root: Path, out: Path, checkpoint: Path) -> Path:
    """Run or go on with a training.

    Returns the folder of the finished checkpoint, or of the run where a signal stopped it.
    """
    accelerator = Accelerator()
    device = accelerator.device
    run = Run(out, config, accelerator.is_main_process)
    record = provenance(config, device)
    pictures = load_pictures("mnist", root, config.limit)
    labels = torch.from_numpy(pictures.labels)

    torch.manual_seed(config.schedule.seed)
    model = DigitEmbedder(config.model)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.schedule.lr)
    run.restore(embedder=model, optimizer=optimizer)
    embedder, optimizer = accelerator.prepare(model, optimizer)

    for step in run.steps(config.preset):
        rows = own_part(accelerator, batch_of(pictures.training_rows, config.schedule, step))
        digits, classes = pictures.batch(rows).to(device), labels[rows].to(device)
        run.log(**training_step(config, accelerator, embedder, optimizer, digits, classes, step))
        if run.saves_now:
            run.save()

    if not run.done:
        return out
    if accelerator.is_main_process:
        about = record | {"data": pictures.description()}
        save_measured(checkpoint, model, about, pictures)
    return checkpoint


def training_step(
    config: EmbedderTraining,
    accelerator: Accelerator,
    embedder: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    digits: torch.Tensor,
    classes: torch.Tensor,
    step: int,
) -> dict[str, float]:
    """Train on one batch; returns the numbers of the log.

    digits: (n, 1, 28, 28) in [0, 1]; classes: (n,).
    """
    torch.manual_seed(step_seed(config.schedule, step))
    set_learning_rate(optimizer, config.schedule, step)
    if config.augment:
        digits = WOBBLE(digits)

    with accelerator.autocast():
        embedding = embedder(digits).float()
    triplet_loss = every_triplet if config.all_triplets else one_triplet_each
    loss = triplet_loss(embedding, classes, config.margin)

    optimizer.zero_grad(set_to_none=True)
    accelerator.backward(loss)
    optimizer.step()
    return {"loss": loss.item()}


def one_triplet_each(embedding: torch.Tensor, classes: torch.Tensor, margin: float) -> torch.Tensor:
    """Mean of Eq. 4, with every digit of the batch as anchor once.

    Its positive is a random other digit of its class, its negative a random one of another class.
    """
    same = classes[:, None] == classes[None]
    other = ~torch.eye(len(classes), dtype=torch.bool, device=classes.device)
    usable = (same & other).any(1) & (~same).any(1)
    anchors = usable.nonzero()[:, 0]
    positives = torch.multinomial((same & other)[usable].float(), 1)[:, 0]
    negatives = torch.multinomial((~same)[usable].float(), 1)[:, 0]
    return losses.triplet(
        embedding[anchors], embedding[positives], embedding[negatives], margin
    ).mean()


def every_triplet(embedding: torch.Tensor, classes: torch.Tensor, margin: float) -> torch.Tensor:
    """Mean of Eq. 4 over all triplets of the batch whose loss is not 0 yet.

    This is "batch all" of Hermans et al. 2017.
    """
    distance = squared_euclidean(embedding[:, None], embedding[None])
    same = classes[:, None] == classes[None]
    other = ~torch.eye(len(classes), dtype=torch.bool, device=classes.device)
    anchors, positives = (same & other).nonzero().T
    loss = torch.relu(distance[anchors, positives, None] - distance[anchors] + margin)
    loss = loss * ~same[anchors]
    return loss.sum() / (loss > 0).sum().clamp(min=1)
