"""Train the digit recogniser: digits -> triplets -> triplet loss -> step -> log -> save (Algorithm
1).
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
from training.runs import Run, batch_rows, learning_rate, provenance

WOBBLE = augmentation.RandomAffine(degrees=10, translate=(0.08, 0.08), scale=(0.9, 1.1), p=1.0)
"""What `augment` does to the digits of a batch, each in its own way."""


def train_embedder(config: EmbedderTraining, root: Path, out: Path, checkpoint: Path) -> Path:
    """Run or go on with a training; returns the folder of the finished checkpoint, or of the run
    where it was stopped.
    """
    accelerator = Accelerator()
    run = Run(out, config, accelerator.is_main_process)
    run.stop_on_signals()
    record = provenance(config, accelerator.device)
    torch.manual_seed(config.schedule.seed)
    embedder = DigitEmbedder(config.model)
    optimizer = torch.optim.Adam(embedder.parameters(), lr=config.schedule.lr)
    run.restore(embedder=embedder, optimizer=optimizer)
    embedder, optimizer = accelerator.prepare(embedder, optimizer)
    pictures = load_pictures("mnist", root, config.limit)
    rows_for_training, labels = pictures.training_rows, torch.from_numpy(pictures.labels)
    parts = {"embedder": accelerator.unwrap_model(embedder), "optimizer": optimizer}

    def step(number: int) -> dict[str, float]:
        rows = rows_for_training[
            batch_rows(len(rows_for_training), config.schedule, number).numpy()
        ]
        rows = rows[accelerator.process_index :: accelerator.num_processes]
        digits, classes = (
            pictures.batch(rows).to(accelerator.device),
            labels[rows].to(accelerator.device),
        )
        return training_step(config, accelerator, embedder, optimizer, digits, classes, number)

    if not run.go(config, step, parts):
        return out
    if accelerator.is_main_process:
        about = record | {"data": pictures.description()}
        save_measured(checkpoint, parts["embedder"], about, pictures)
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
    """Train on one batch, digits (n, 1, 28, 28) in [0, 1] of classes (n,); returns the numbers of
    the log.
    """
    torch.manual_seed(config.schedule.seed * 1_000_003 + step)  # a resumed run draws the same
    if config.augment:
        digits = WOBBLE(digits)
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(config.schedule, step)

    with accelerator.autocast():
        embedding = embedder(digits).float()
    loss = (every_triplet if config.all_triplets else one_triplet_each)(
        embedding, classes, config.margin
    )

    optimizer.zero_grad(set_to_none=True)
    accelerator.backward(loss)
    optimizer.step()
    return {"loss": loss.item()}


def one_triplet_each(embedding: torch.Tensor, classes: torch.Tensor, margin: float) -> torch.Tensor:
    """For every digit of the batch a random other one of its class and a random one of another;
    mean of Eq. 4.
    """
    same = classes[:, None] == classes[None]
    positive = same & ~torch.eye(len(classes), dtype=torch.bool, device=classes.device)
    usable = positive.any(1) & (~same).any(1)
    anchors = usable.nonzero()[:, 0]
    chosen = [torch.multinomial(mask[usable].float(), 1)[:, 0] for mask in (positive, ~same)]
    return losses.triplet(
        embedding[anchors], embedding[chosen[0]], embedding[chosen[1]], margin
    ).mean()


def every_triplet(embedding: torch.Tensor, classes: torch.Tensor, margin: float) -> torch.Tensor:
    """Mean of Eq. 4 over all triplets of the batch whose loss is not 0 yet ("batch all", Hermans et
    al. 2017).
    """
    distance = squared_euclidean(embedding[:, None], embedding[None])
    same = classes[:, None] == classes[None]
    pairs = (same & ~torch.eye(len(classes), dtype=torch.bool, device=classes.device)).nonzero()
    loss = torch.relu(distance[pairs[:, 0], pairs[:, 1], None] - distance[pairs[:, 0]] + margin)
    loss = loss * ~same[pairs[:, 0]]
    return loss.sum() / (loss > 0).sum().clamp(min=1)
