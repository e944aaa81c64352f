"""The field's measures: error rates with bands, embedding error, robustness, another recogniser."""

import time

import numpy as np
import torch

from ndcb.core.metrics import (
    bootstrap_mean,
    bootstrap_rates,
    d_prime,
    det,
    error_rates,
    fnmr_at_fmr,
)
from ndcb.core.terms import NotAvailable
from ndcb.generators.polish import polish
from ndcb.models.operating_points import operating_point
from training.data.material import CHANGES, Material
from training.measure.judges import Judge, judge_of
from training.measure.record import mated_pairs, pair_distances, scores, spread, squared_distances
from training.measure.record import verification as rates
from training.measure.second_recogniser import SecondRecogniser, load_second_recogniser

POLISH_STEPS = (0, 1, 2, 5)
POLISHED = 128
"""So many test pictures are polished, chosen with a fixed seed."""
DET_FMR = np.logspace(-5, 0, 51)[:-1]
NAMED_FMR = {"1e-2": 1e-2, "1e-3": 1e-3, "1e-4": 1e-4}
ALL_PAIRS = 4_000_000
BAND_PAIRS = 500_000
"""Bands are computed from so many, chosen with a fixed seed, where there are over ALL_PAIRS."""


def verification(material: Material) -> dict:
    """Error rates with a photo or a template as reference, against plain probes.

    EER with its interval, FNMR at two FMRs, d-prime, and DET with its band.
    """
    genuine, impostor = pairs_of(material.labels, True), pairs_of(material.labels, False)
    references = {"plain": material.real_test, "template": material.shifted_test}
    return {
        name: _verification(own, material.real_test, material, genuine, impostor)
        for name, own in references.items()
    }


def _verification(
    references: np.ndarray,
    probes: np.ndarray,
    material: Material,
    genuine_pairs: np.ndarray,
    impostor_pairs: np.ndarray,
) -> dict:
    genuine, impostor = scores(references, probes, material.labels)
    units, login = _units(material.labels), operating_point(material.checkpoint.record).threshold
    band = bootstrap_rates(
        pair_distances(references, probes, genuine_pairs),
        pair_distances(references, probes, impostor_pairs),
        units[genuine_pairs],
        units[impostor_pairs],
        [*DET_FMR, *NAMED_FMR.values()],
        thresholds=[login],
    )
    measurable = 10 / len(impostor) <= DET_FMR  # fewer than ten scores say nothing
    named = {
        f"fnmr_at_fmr_{level}_ci95": band["fnmr"][:, len(DET_FMR) + place].tolist()
        for place, level in enumerate(NAMED_FMR)
    }
    at_login = at_threshold(genuine, impostor, login) | {
        "fmr_ci95": band["fmr_at"][:, 0].tolist(),
        "fnmr_ci95": band["fnmr_at"][:, 0].tolist(),
    }
    return rates(genuine, impostor) | {
        "eer_ci95": band["eer"],
        "fnmr_at_fmr_1e-4": fnmr_at_fmr(genuine, impostor, 1e-4)[0],
        **named,
        "d_prime": d_prime(genuine, impostor),
        "at_login_threshold": at_login,
        "det": {
            "fmr": DET_FMR[measurable].tolist(),
            "fnmr": det(genuine, impostor, DET_FMR)[0][measurable].tolist(),
            "low": band["fnmr"][0][: len(DET_FMR)][measurable].tolist(),
            "high": band["fnmr"][1][: len(DET_FMR)][measurable].tolist(),
        },
    }


def at_threshold(genuine: np.ndarray, impostor: np.ndarray, threshold: float) -> dict:
    fmr, fnmr = error_rates(genuine, impostor, threshold)
    return {"threshold": threshold, "fmr": float(fmr), "fnmr": float(fnmr)}


def _units(labels: np.ndarray) -> np.ndarray:
    """What a bootstrap draws: people; of digits the pictures, as there are only ten digits."""
    if labels.dtype.kind == "U":
        return np.unique(labels, return_inverse=True)[1]
    return np.arange(len(labels))


def pairs_of(labels: np.ndarray, same: bool, seed: int = 0) -> np.ndarray:
    """(k, 2): rows i < j of one class, or of two classes.

    These are the pairs of `scores`, or a fixed random choice where they are too many.
    """
    if same and labels.dtype.kind == "U":
        return mated_pairs(labels)
    classes = np.unique(labels, return_inverse=True)[1]
    few = len(labels) * (len(labels) - 1) // 2 <= ALL_PAIRS
    if few:
        pairs = np.stack(np.triu_indices(len(labels), 1), 1)
    else:
        chooser = np.random.default_rng(seed)
        pairs = np.sort(chooser.integers(0, len(labels), (20 * BAND_PAIRS, 2)), axis=1)
        pairs = pairs[pairs[:, 0] < pairs[:, 1]]
    fitting = pairs[(classes[pairs[:, 0]] == classes[pairs[:, 1]]) == same]
    return fitting if few else fitting[:BAND_PAIRS]


def embedding_error(material: Material) -> dict:
    """Squared distance between F(T) and F(X) on the test part, and how often it is over alpha."""
    errors = squared_distances(material.shifted_test, material.real_test)
    alpha = material.checkpoint.record["training"]["alpha"]
    return spread(errors) | {"alpha": alpha, "share_over_alpha": float(np.mean(errors > alpha))}


def robustness(material: Material) -> dict:
    """Error rates by what happened to the stored template before it was matched."""
    return {name: _changed(material, name) for name in CHANGES}


def _changed(material: Material, change: str) -> dict:
    """EER, FNMR at FMR 1e-3, and the mean embedding error."""
    references, real = material.shifted(material.test, change), material.real_test
    error_rates = rates(*scores(references, real, material.labels))
    band = intervals(references, real, material.labels)
    return {
        "eer": error_rates["eer"],
        "eer_ci95": band["eer"],
        "fnmr_at_fmr_1e-3": error_rates["fnmr_at_fmr_1e-3"],
        "fnmr_at_fmr_1e-3_ci95": band["1e-3"],
        "embedding_error": float(squared_distances(references, real).mean(dtype=np.float64)),
    }


def second_recogniser(material: Material) -> dict:
    """dlib's network, which no generator was trained against: photo or template against photo."""
    try:
        other = load_second_recogniser()
    except NotAvailable as error:
        return {"not_measured": str(error)}
    return judged(material, other)


def other_recogniser(material: Material) -> dict:
    """SFace judges what was made for FaceNet, and FaceNet all else."""
    return judged(material, judge_of(material.recogniser_name))


def judged(material: Material, other: Judge | SecondRecogniser) -> dict:
    """Rates of a recogniser that had no part in the training: photo or template against photo."""
    photos = material.second(other, material.test, template=False)
    templates = material.second(other, material.test, template=True)
    return {
        "name": other.name,
        "plain": _accepted(photos, photos, material.labels),
        "template": _accepted(templates, photos, material.labels),
    }


def intervals(references: np.ndarray, probes: np.ndarray, labels: np.ndarray) -> dict:
    """95 % intervals over people of the EER (`eer`), and of the FNMR at FMR `1e-2` and `1e-3`.

    Of the impostor pairs 500,000 count, chosen with a fixed seed.
    """
    genuine, impostor = pairs_of(labels, True), pairs_of(labels, False)
    if len(impostor) > BAND_PAIRS:
        impostor = np.random.default_rng(0).choice(impostor, BAND_PAIRS, replace=False)
    units = _units(labels)
    band = bootstrap_rates(
        pair_distances(references, probes, genuine),
        pair_distances(references, probes, impostor),
        units[genuine],
        units[impostor],
        [1e-2, 1e-3],
    )
    return {
        "eer": band["eer"],
        "1e-2": band["fnmr"][:, 0].tolist(),
        "1e-3": band["fnmr"][:, 1].tolist(),
    }


def accepted(genuine: np.ndarray, impostor: np.ndarray) -> dict:
    """EER, and the share of genuine scores accepted at two FMRs."""
    return {
        "eer": rates(genuine, impostor)["eer"],
        "tar_at_fmr_1e-2": 1 - fnmr_at_fmr(genuine, impostor, 1e-2)[0],
        "tar_at_fmr_1e-3": 1 - fnmr_at_fmr(genuine, impostor, 1e-3)[0],
    }


def _accepted(references: np.ndarray, probes: np.ndarray, labels: np.ndarray) -> dict:
    """The same, each with its interval."""
    band = intervals(references, probes, labels)
    return accepted(*scores(references, probes, labels)) | {
        "eer_ci95": band["eer"],
        "tar_at_fmr_1e-2_ci95": [1 - edge for edge in reversed(band["1e-2"])],
        "tar_at_fmr_1e-3_ci95": [1 - edge for edge in reversed(band["1e-3"])],
    }


def failure_to_enrol(material: Material) -> dict:
    """How often no face was found in a photo: of all pictures, and of the test part."""
    missed, people = ~material.pictures.detected, material.pictures.labels
    test = material.test
    return {"all": _failures(missed, people), "test": _failures(missed[test], people[test])}


def _failures(missed: np.ndarray, people: np.ndarray) -> dict:
    return {
        "pictures": len(missed),
        "failures": int(missed.sum()),
        "rate": float(missed.mean()),
        "ci95": bootstrap_mean(missed, np.stack([people] * 2, 1)),
    }


def polished(material: Material) -> dict:
    """The embedding error after so many steps of `ndcb.generators.polish`, and their time.

    The time is that of a template in batches of 16.
    """
    rows = np.random.default_rng(0).permutation(material.test)[:POLISHED]
    templates = material.templates(rows).split(16)
    targets = torch.from_numpy(material.real(rows)).split(16)
    return {
        "pictures": len(rows),
        "steps": {
            str(steps): _polished(material, templates, targets, steps) for steps in POLISH_STEPS
        },
    }


def _polished(material: Material, templates, targets, steps: int) -> dict:
    """templates, targets: the same batches of each."""
    device, recogniser = material.device, material.recogniser
    started = time.perf_counter()
    polished_batches = [
        polish(batch.to(device), target.to(device), recogniser, steps)
        for batch, target in zip(templates, targets, strict=True)
    ]
    seconds = time.perf_counter() - started

    started = time.perf_counter()
    with torch.inference_mode():
        seen = torch.cat([recogniser(batch).cpu() for batch in polished_batches]).numpy()
    seconds_of_a_pass = time.perf_counter() - started
    return spread(squared_distances(seen, torch.cat(targets).numpy())) | {
        "milliseconds": 1000 * seconds / len(seen),
        "passes": seconds / seconds_of_a_pass,
    }
