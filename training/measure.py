"""The figures of a record, all on pictures that the model was never trained on, of the weights as they are stored."""

from pathlib import Path

import numpy as np
import torch

from ndcb import checkpoints
from ndcb.checkpoints import Checkpoint
from ndcb.distances import image_distances, ssim
from ndcb.images import quantise
from ndcb.metrics import equal_error_rate, fnmr_at_fmr
from ndcb.pipeline import pick_device
from ndcb.recognisers import load_recogniser

from .failures import failures
from .pictures import Pictures, embed_all, embeddings

MATED_PAIRS_A_PERSON = 5
"""LFW's all-pairs are 58 % one person; so at most this many a person, chosen once with a fixed seed."""


def measure(folder: Path, pictures: Pictures, recogniser=None) -> None:
    """Measure the checkpoint in a folder as it is stored, and write its figures and its login threshold into its record."""
    device = pick_device("auto") if recogniser is None else next(recogniser.parameters()).device
    checkpoint = checkpoints.load(folder, checkpoints.GENERATORS + checkpoints.RECOGNISERS, device)
    if checkpoint.record["class"] in checkpoints.RECOGNISERS:
        figures, threshold = measure_recogniser(checkpoint.model, pictures, checkpoint.name)
    else:
        name = checkpoint.record["recogniser"]
        figures, threshold = measure_generator(checkpoint, recogniser or load_recogniser(name, device), pictures, name)
    checkpoints.update_record(folder, threshold=threshold, figures=figures)


def measure_generator(checkpoint: Checkpoint, recogniser, pictures: Pictures, recogniser_name: str) -> tuple[dict, float]:
    """(figures on the test part, login threshold).

    The threshold is where template-against-photo meets its EER on the development part; test pictures have no say in it.
    """
    real = embeddings(pictures, recogniser_name, recogniser)
    test, development = pictures.rows("test"), pictures.rows("development")
    shifted, distances, seen = distort_all(checkpoint, recogniser, pictures, np.concatenate([test, development]))
    plain = scores(real[test], real[test], pictures.labels[test])
    template = scores(shifted[: len(test)], real[test], pictures.labels[test])
    _, threshold = equal_error_rate(*scores(shifted[len(test):], real[development], pictures.labels[development]))
    shift = np.square(shifted[: len(test)] - real[test]).sum(1)
    figures = {name: float(values[: len(test)].mean()) for name, values in distances.items()}
    figures |= {"embedding_distance": {"mean": float(shift.mean()), **_percentiles(shift)}}
    for name, (genuine, impostor) in (("plain", plain), ("template", template)):
        figures[name] = verification(genuine, impostor)
    figures["failures"] = failures(*seen)
    figures["test_pictures"] = len(test)
    return figures, threshold


def measure_recogniser(recogniser, pictures: Pictures, name: str) -> tuple[dict, float]:
    """The same for plain pictures: (figures on the test part, threshold from the development part)."""
    real = embeddings(pictures, name, recogniser)
    test, development = pictures.rows("test"), pictures.rows("development")
    _, threshold = equal_error_rate(*scores(real[development], real[development], pictures.labels[development]))
    plain = verification(*scores(real[test], real[test], pictures.labels[test]))
    return {"plain": plain, "test_pictures": len(test)}, threshold


def verification(genuine: np.ndarray, impostor: np.ndarray) -> dict:
    eer, threshold = equal_error_rate(genuine, impostor)
    return {"eer": eer, "threshold_at_eer": threshold, "fnmr_at_fmr_1e-2": fnmr_at_fmr(genuine, impostor, 1e-2)[0],
            "fnmr_at_fmr_1e-3": fnmr_at_fmr(genuine, impostor, 1e-3)[0], "genuine": len(genuine), "impostor": len(impostor)}


@torch.inference_mode()
def distort_all(checkpoint: Checkpoint, recogniser, pictures: Pictures, rows: np.ndarray):
    """Embeddings of the stored templates (n, m), every picture distance (n,) by name, and a first batch of (templates, pictures)."""
    device = next(checkpoint.model.parameters()).device
    distances, seen = [], []

    def templates(chunk):
        real = pictures.batch(chunk)
        made = quantise(checkpoint.model(real.to(device))).cpu()
        distances.append(image_distances(made, real) | {"ssim": ssim(made, real)})
        seen.append((made, real) if not seen else ())
        return made

    embedded = embed_all((rows, templates), recogniser, device, f"measuring {checkpoint.name}")
    return embedded, {name: torch.cat([part[name] for part in distances]).numpy() for name in distances[0]}, seen[0]


def scores(references: np.ndarray, probes: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(genuine, impostor) squared distances between different pictures i < j: reference i, probe j.

    All impostor pairs. Of a person of LFW at most five genuine pairs; of a digit all.
    """
    genuine, impostor = [], []
    for row in range(len(references) - 1):
        distance = 2 - 2 * probes[row + 1:] @ references[row]
        same = labels[row + 1:] == labels[row]
        impostor.append(distance[~same])
        if labels.dtype.kind != "U":
            genuine.append(distance[same])
    if labels.dtype.kind == "U":
        pairs = mated_pairs(labels)
        genuine = [2 - 2 * (references[pairs[:, 0]] * probes[pairs[:, 1]]).sum(1)]
    return np.concatenate(genuine), np.concatenate(impostor)


def mated_pairs(people: np.ndarray, most: int = MATED_PAIRS_A_PERSON, seed: int = 0) -> np.ndarray:
    """(k, 2) rows i < j of one person, at most `most` a person."""
    chooser = np.random.default_rng(seed)
    pairs = []
    for person in np.unique(people):
        rows = np.flatnonzero(people == person)
        every = np.stack(np.triu_indices(len(rows), 1), axis=1)
        chosen = np.sort(chooser.choice(len(every), min(most, len(every)), replace=False)) if len(every) else []
        pairs.extend(rows[every[chosen]])
    return np.array(pairs).reshape(-1, 2)


def _percentiles(values: np.ndarray) -> dict:
    return {"median": float(np.median(values)), "p95": float(np.percentile(values, 95)), "p99": float(np.percentile(values, 99))}
