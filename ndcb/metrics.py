"""Scores -> error rates. A score is a squared distance: small for the same person. Accepted is what lies under the threshold."""

import numpy as np


def error_rates(genuine, impostor, thresholds) -> tuple[np.ndarray, np.ndarray]:
    """FMR and FNMR at each threshold: the share of impostor scores under it, and of genuine scores at or over it."""
    genuine, impostor = np.sort(genuine), np.sort(impostor)
    fmr = np.searchsorted(impostor, thresholds, side="left") / len(impostor)
    fnmr = 1 - np.searchsorted(genuine, thresholds, side="left") / len(genuine)
    return fmr, fnmr


def equal_error_rate(genuine, impostor) -> tuple[float, float]:
    """(EER, the threshold where it is met). Where FMR and FNMR step past each other, the mean of both at the nearer step."""
    thresholds = np.unique(np.concatenate([genuine, impostor]))
    thresholds = np.append(thresholds, np.nextafter(thresholds[-1], np.inf))
    fmr, fnmr = error_rates(genuine, impostor, thresholds)
    nearest = np.argmin(np.abs(fmr - fnmr))
    return float((fmr[nearest] + fnmr[nearest]) / 2), float(thresholds[nearest])


def fnmr_at_fmr(genuine, impostor, fmr: float) -> tuple[float, float]:
    """(FNMR, threshold) at the largest threshold whose false match rate is at most `fmr`."""
    ordered = np.append(np.sort(impostor), np.inf)
    threshold = ordered[min(int(np.floor(fmr * (len(ordered) - 1))), len(ordered) - 1)]
    return float(np.mean(np.asarray(genuine) >= threshold)), float(threshold)
