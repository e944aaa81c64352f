"""The field's measures: error rates with their bands, embedding error, robustness, another
recogniser.
"""

import time

import numpy as np
import torch

from ndcb.core.metrics import bootstrap_rates, d_prime, det, error_rates, fnmr_at_fmr
from ndcb.core.terms import NotAvailable
from ndcb.generators.polish import polish
from training.data.material import CHANGES, Material
from training.measure.record import mated_pairs, pair_distances, scores, spread, squared_distances
from training.measure.record import verification as rates
from training.measure.second_recogniser import load_second_recogniser

POLISH_STEPS = (0, 1, 2, 5)
POLISHED = 128
"""So many test pictures, chosen once with a fixed seed, are polished."""
DET_FMR = np.logspace(-5, 0, 51)[:-1]
ALL_PAIRS = 4_000_000
BAND_PAIRS = 500_000
"""Where there are over ALL_PAIRS pairs of pictures, bands are computed from so many, chosen once
with a fixed seed.
"""


def verification(material: Material) -> dict:
    """By reference, plain photo or template, against plain probes: EER with interval, FNMR at two
    FMRs, d-prime, DET with band.
    """
    real, shifted = material.real_test, material.shifted_test
    pairs = {True: pairs_of(material.labels, True), False: pairs_of(material.labels, False)}
    return {
        name: _verification(references, real, material, pairs)
        for name, references in (("plain", real), ("template", shifted))
    }


def _verification(references, probes, material: Material, pairs: dict) -> dict:
    genuine, impostor = scores(references, probes, material.labels)
    chosen = [pair_distances(references, probes, rows) for rows in (pairs[True], pairs[False])]
    units = _units(material.labels)
    band = bootstrap_rates(*chosen, units[pairs[True]], units[pairs[False]], DET_FMR)
    measurable = 10 / len(impostor) <= DET_FMR  # fewer than ten scores say nothing
    login = material.checkpoint.record["threshold"]
    fmr, fnmr = error_rates(genuine, impostor, login)
    return rates(genuine, impostor) | {
        "eer_ci95": band["eer"],
        "d_prime": d_prime(genuine, impostor),
        "at_login_threshold": {"threshold": login, "fmr": float(fmr), "fnmr": float(fnmr)},
        "det": {
            "fmr": DET_FMR[measurable].tolist(),
            "fnmr": det(genuine, impostor, DET_FMR)[0][measurable].tolist(),
            "low": band["fnmr"][0][measurable].tolist(),
            "high": band["fnmr"][1][measurable].tolist(),
        },
    }


def _units(labels: np.ndarray) -> np.ndarray:
    """What a bootstrap draws: people; of digits the pictures, for there are ten digits only."""
    return (
        np.unique(labels, return_inverse=True)[1]
        if labels.dtype.kind == "U"
        else np.arange(len(labels))
    )


def pairs_of(labels: np.ndarray, same: bool, seed: int = 0) -> np.ndarray:
    """(k, 2) rows i < j of one class or of two: the pairs of `scores`, or a fixed random choice
    where they are too many.
    """
    if same and labels.dtype.kind == "U":
        return mated_pairs(labels)
    classes = np.unique(labels, return_inverse=True)[1]
    few = len(labels) * (len(labels) - 1) // 2 <= ALL_PAIRS
    if few:
        rows = np.stack(np.triu_indices(len(labels), 1), 1)
    else:
        rows = np.sort(
            np.random.default_rng(seed).integers(0, len(labels), (20 * BAND_PAIRS, 2)), axis=1
        )
        rows = rows[rows[:, 0] < rows[:, 1]]
    fitting = rows[(classes[rows[:, 0]] == classes[rows[:, 1]]) == same]
    return fitting if few else fitting[:BAND_PAIRS]


def embedding_error(material: Material) -> dict:
    """Squared distance between F(T) and F(X) on the test part: mean, median, p95, p99, and the
    share over the margin alpha.
    """
    shift = squared_distances(material.shifted_test, material.real_test)
    alpha = material.checkpoint.record["training"]["alpha"]
    return spread(shift) | {"alpha": alpha, "share_over_alpha": float(np.mean(shift > alpha))}


def robustness(material: Material) -> dict:
    """By what happened to the stored template before it was matched: EER, FNMR at FMR 1e-3, mean
    embedding error.
    """
    real = material.real_test
    return {
        name: _changed(material.shifted(material.test, name), real, material.labels)
        for name in CHANGES
    }


def _changed(references, real, labels) -> dict:
    found = rates(*scores(references, real, labels))
    return {
        "eer": found["eer"],
        "fnmr_at_fmr_1e-3": found["fnmr_at_fmr_1e-3"],
        "embedding_error": float(squared_distances(references, real).mean(dtype=np.float64)),
    }


def second_recogniser(material: Material) -> dict:
    """dlib's network, which no generator was trained against: photo against photo, and template
    against photo.
    """
    try:
        other = load_second_recogniser()
    except NotAvailable as error:
        return {"not_measured": str(error)}
    photos, templates = (
        material.second(other, material.test, template) for template in (False, True)
    )
    return {
        "name": other.name,
        **{
            name: accepted(*scores(references, photos, material.labels))
            for name, references in (("plain", photos), ("template", templates))
        },
    }


def accepted(genuine, impostor) -> dict:
    """EER, and the share of genuine scores accepted at two FMRs."""
    return {
        "eer": rates(genuine, impostor)["eer"],
        **{
            f"tar_at_fmr_{text}": 1 - fnmr_at_fmr(genuine, impostor, fmr)[0]
            for text, fmr in (("1e-2", 1e-2), ("1e-3", 1e-3))
        },
    }


def failure_to_enrol(material: Material) -> dict:
    """How often no face was found in a photo: of all pictures, and of the test part."""
    missed = ~material.pictures.detected
    return {
        part: {
            "pictures": len(rows),
            "failures": int(missed[rows].sum()),
            "rate": float(missed[rows].mean()),
        }
        for part, rows in (("all", np.arange(len(missed))), ("test", material.test))
    }


def polished(material: Material) -> dict:
    """The embedding error after so many steps of `ndcb.generators.polish`, and what they cost a
    template in batches of 16.
    """
    rows = np.random.default_rng(0).permutation(material.test)[:POLISHED]
    templates, targets = (
        material.templates(rows).split(16),
        torch.from_numpy(material.real(rows)).split(16),
    )
    return {
        "pictures": len(rows),
        "steps": {
            str(steps): _polished(material, templates, targets, steps) for steps in POLISH_STEPS
        },
    }


def _polished(material: Material, templates, targets, steps: int) -> dict:
    started = time.perf_counter()
    made = [
        polish(*(part.to(material.device) for part in batch), material.recogniser, steps)
        for batch in zip(templates, targets)
    ]
    polished = time.perf_counter()
    with torch.inference_mode():
        seen = torch.cat([material.recogniser(batch).cpu() for batch in made]).numpy()
    passed = time.perf_counter()
    return spread(squared_distances(seen, torch.cat(targets).numpy())) | {
        "milliseconds": 1000 * (polished - started) / len(seen),
        "passes": (polished - started) / (passed - polished),
    }
