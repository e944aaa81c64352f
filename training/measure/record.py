"""The figures of a record: of the weights as stored, on pictures that they were not trained on."""

import tempfile
from pathlib import Path

import numpy as np
from torch import nn

from ndcb.core.files import write_whole
from ndcb.core.metrics import det, equal_error_rate, fnmr_at_fmr
from ndcb.models import checkpoints, operating_points
from ndcb.models.pipeline import pick_device
from ndcb.models.recognisers import load_recogniser
from training.data.material import Material
from training.data.pictures import Pictures, embeddings
from training.data.sealed_material import SealedMaterial
from training.measure.failures import failures

MATED_PAIRS_A_PERSON = 5
"""Of all mated pairs of LFW, 58 % are of one person. So at most this many are taken of each person,
chosen with a fixed seed.
"""
FALSE_MATCHES = 10
"""A threshold that fewer false matches fix is a matter of chance."""


def save_measured(
    folder: Path, model: nn.Module, record: dict, pictures: Pictures, recogniser=None
) -> None:
    """Save a trained model with its figures. An older checkpoint stays until they are measured."""
    with tempfile.TemporaryDirectory() as place:
        new = Path(place) / folder.name
        checkpoints.save(new, model, record)
        measure(new, pictures, recogniser)
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("weights.safetensors", "record.json"):
            write_whole(folder / name, (new / name).read_bytes())


def measure(folder: Path, pictures: Pictures, recogniser=None) -> None:
    """Measure the checkpoint in a folder; write figures and login thresholds into its record.

    recogniser: that of the generator, if it is loaded already.
    """
    device = pick_device("auto") if recogniser is None else next(recogniser.parameters()).device
    every = checkpoints.GENERATORS + checkpoints.SEALED + checkpoints.RECOGNISERS
    checkpoint = checkpoints.load(folder, every, device)
    record = checkpoint.record
    if record["class"] in checkpoints.RECOGNISERS:
        figures, points = measure_recogniser(checkpoint.model, pictures, checkpoint.name)
    else:
        recogniser = recogniser or load_recogniser(record["recogniser"], device)
        if record["class"] in checkpoints.SEALED:
            figures, points = measure_sealed(SealedMaterial(checkpoint, recogniser, pictures))
        else:
            figures, points = measure_generator(Material(checkpoint, recogniser, pictures))
    default = points[operating_points.NAMED[operating_points.DEFAULT]]
    checkpoints.update_record(folder, threshold=default, thresholds=points, figures=figures)


def measure_generator(material: Material) -> tuple[dict, dict[str, float]]:
    """(figures on the test part, `thresholds_of` templates against photos of the development part).

    Test pictures have no say in the thresholds.
    """
    development = material.development
    points = thresholds_of(
        material.shifted(development),
        material.real(development),
        material.pictures.labels[development],
    )
    real, shifted, labels = material.real_test, material.shifted_test, material.labels
    return {
        **image_figures(material),
        "embedding_distance": spread(squared_distances(shifted, real)),
        "plain": verification(*scores(real, real, labels)),
        "template": verification(*scores(shifted, real, labels)),
        "failures": failure_figures(material),
        "test_pictures": len(real),
    }, points


def measure_sealed(material: SealedMaterial) -> tuple[dict, dict[str, float]]:
    """The same for a sealed generator.

    Every impostor has the key of the template's owner, in `sealed` as in the thresholds.
    """
    development = material.development
    points = thresholds_of(
        material.opened(development),
        material.directions(development),
        material.pictures.labels[development],
    )
    opened, directions = material.test_opened, material.test_directions
    real, labels = material.real_test, material.labels
    return {
        "direction_distance": spread(squared_distances(opened, directions)),
        "plain": verification(*scores(real, real, labels)),
        "sealed": verification(*scores(opened, directions, labels)),
        "test_pictures": len(real),
    }, points


def measure_recogniser(recogniser, pictures: Pictures, name: str) -> tuple[dict, dict[str, float]]:
    """The same for a recogniser, of plain pictures."""
    test, development = pictures.rows("test"), pictures.rows("development")
    real = embeddings(pictures, name, recogniser, test)
    known = embeddings(pictures, name, recogniser, development)
    points = thresholds_of(known, known, pictures.labels[development])
    plain = verification(*scores(real, real, pictures.labels[test]))
    return {"plain": plain, "test_pictures": len(test)}, points


def thresholds_of(
    references: np.ndarray, probes: np.ndarray, labels: np.ndarray
) -> dict[str, float]:
    """FMR -> the largest threshold that keeps it, for each of `operating_points.LEVELS`.

    Every two pictures of two people are compared, each once as reference and once as probe. A level
    at which fewer than FALSE_MATCHES of them would match is left out, unless it has a name.
    """
    impostor = np.concatenate(
        [scores(references, probes, labels)[1], scores(probes, references, labels)[1]]
    )
    named = operating_points.NAMED.values()
    kept = [
        level
        for level in operating_points.LEVELS
        if level in named or float(level) * len(impostor) >= FALSE_MATCHES
    ]
    thresholds = det(impostor, impostor, [float(level) for level in kept])[1]
    return dict(zip(kept, thresholds.tolist(), strict=True))


def image_figures(material: Material) -> dict[str, float]:
    """Means over the test pictures: each distance of picture and template, SSIM, PSNR (dB)."""
    return {
        name: float(values.mean(dtype=np.float64))
        for name, values in material.distances(material.test).items()
    }


def failure_figures(material: Material, count: int = 64) -> dict[str, float]:
    """Table 5's three failures, of the first test pictures."""
    rows = material.test[:count]
    return failures(material.templates(rows), material.pictures.batch(rows))


def verification(genuine: np.ndarray, impostor: np.ndarray) -> dict:
    eer, threshold = equal_error_rate(genuine, impostor)
    return {
        "eer": eer,
        "threshold_at_eer": threshold,
        "fnmr_at_fmr_1e-2": fnmr_at_fmr(genuine, impostor, 1e-2)[0],
        "fnmr_at_fmr_1e-3": fnmr_at_fmr(genuine, impostor, 1e-3)[0],
        "genuine": len(genuine),
        "impostor": len(impostor),
    }


def scores(
    references: np.ndarray, probes: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(genuine, impostor): squared distances of reference i and probe j, for all i < j.

    references, probes: unit embeddings (n, m). Of a person of LFW there are at most five genuine
    pairs; of a digit all.
    """
    genuine, impostor = [], []
    for row in range(len(references) - 1):
        distance = 2 - 2 * probes[row + 1 :] @ references[row]
        same = labels[row + 1 :] == labels[row]
        impostor.append(distance[~same])
        if labels.dtype.kind != "U":
            genuine.append(distance[same])
    if labels.dtype.kind == "U":
        genuine = [pair_distances(references, probes, mated_pairs(labels))]
    return np.concatenate(genuine), np.concatenate(impostor)


def squared_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Eq. 1, row by row, (n,)."""
    return np.square(a - b).sum(1)


def pair_distances(
    references: np.ndarray, probes: np.ndarray, pairs: np.ndarray, step: int = 2**16
) -> np.ndarray:
    """Eq. 1 of reference i and probe j for pairs (k, 2) of rows.

    It is computed in pieces: the embeddings of millions of pairs would fill the memory.
    """
    pieces = [pairs[start : start + step] for start in range(0, len(pairs), step)]
    return np.concatenate(
        [squared_distances(references[piece[:, 0]], probes[piece[:, 1]]) for piece in pieces]
    )


def mated_pairs(people: np.ndarray, most: int = MATED_PAIRS_A_PERSON, seed: int = 0) -> np.ndarray:
    """(k, 2) rows i < j of one person, at most `most` a person."""
    chooser = np.random.default_rng(seed)
    pairs = []
    for person in np.unique(people):
        rows = np.flatnonzero(people == person)
        every = np.stack(np.triu_indices(len(rows), 1), axis=1)
        if len(every):
            chosen = chooser.choice(len(every), min(most, len(every)), replace=False)
            pairs.extend(rows[every[np.sort(chosen)]])
    return np.array(pairs).reshape(-1, 2)


def spread(values: np.ndarray) -> dict:
    return {
        "mean": float(values.mean(dtype=np.float64)),
        "median": float(np.median(values)),
        "p95": float(np.percentile(values, 95)),
        "p99": float(np.percentile(values, 99)),
    }
