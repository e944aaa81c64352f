"""What a login threshold costs: FMR and FNMR of a generator's templates at any threshold.

The scores are those of people or digits that no generator was trained on; `python -m training
evaluate` writes them beside the checkpoint.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from ndcb.core.metrics import sorted_error_rates
from ndcb.core.terms import BadCheckpoint, NotAvailable
from ndcb.models import checkpoints
from ndcb.models.operating_points import operating_point
from ndcb.results.evaluations import read_folder
from ndcb.results.summaries import Figures, Parts, SealedEvaluation

FARTHEST = 4.0
"""The largest squared distance of two unit embeddings."""
NO_RATES = (
    "FMR and FNMR were not measured for this generator yet; run: python -m training evaluate {}"
)
NO_CURVES = (
    "FMR and FNMR were not measured for this generator at this threshold; run: python -m training"
    " evaluate {} --what curves"
)
SAME = 1e-3
"""Thresholds that are no farther apart are one: the page's slider has three decimals."""
COUNTED = ("fmr", "fnmr", "impostor", "genuine")
NO_GROUPS = (
    "FMR within groups of people was not measured for this generator at this threshold; run: python"
    " -m training evaluate {} --what groups"
)
DAMAGED = BadCheckpoint, AttributeError, KeyError, TypeError, ValueError, OverflowError
"""What reading a damaged summary raises."""
WHOM = {"lfw": "LFW's test people", "mnist": "MNIST's test digits"}


@dataclass(frozen=True)
class Rates:
    """Error rates of template against photo at one threshold."""

    fmr: float
    """Share of impostor scores under the threshold, in [0, 1]."""
    fnmr: float
    """Share of genuine scores at or over it, in [0, 1]."""
    impostors: int
    genuines: int
    whom: str
    """On whom it was measured."""
    keyed: bool = False
    """Of sealed templates, where every stranger has the owner's key. Both rates are then those of
    the nearest threshold that was measured at which they are as large or larger.
    """


@dataclass(frozen=True)
class GroupRate:
    """The FMR of templates within one measured group of people, at one threshold."""

    group: str
    """Its name in the table of groups. Anybody may have written it: it is no markup."""
    people: int
    trained_on: int
    """So many of them the generator has learned from."""
    fmr: float
    """In [0, 1]. Measured at the next larger one of the thresholds that were measured."""


@dataclass(frozen=True)
class GroupRates:
    """The FMR within every measured group."""

    remark: str
    """How the groups were chosen."""
    of: tuple[GroupRate, ...]


@cache
def record(generator: str) -> dict:
    """`checkpoints.record` of a generator, sealed or not, read once."""
    return checkpoints.record(generator, checkpoints.GENERATORS + checkpoints.SEALED)


def login_threshold(generator: str, fmr: str | None = None) -> float:
    """A squared distance. fmr: a key of `operating_points.NAMED`; None: the default.

    Raises what `operating_point` does.
    """
    return operating_point(record(generator), fmr).threshold


def rates(generator: str, threshold: float) -> Rates:
    """FMR and FNMR at a squared distance. Raises UnknownName; NotAvailable: nothing was measured
    for this generator.
    """
    keyed = _is_keyed(generator)
    measured = _at_login(generator)
    if measured and abs(measured["threshold"] - threshold) < SAME:
        return Rates(*(measured[name] for name in COUNTED), _whom(generator), keyed)
    if keyed:
        return _keyed_rates(generator, threshold)
    genuine, impostor = _scores(generator)
    fmr, fnmr = sorted_error_rates(genuine, impostor, threshold)
    return Rates(float(fmr), float(fnmr), len(impostor), len(genuine), _whom(generator))


def _keyed_rates(generator: str, threshold: float) -> Rates:
    limits, fmr, fnmr, impostors, genuines = _curves(generator)
    at = np.searchsorted(limits, threshold - 1e-9)
    below = np.searchsorted(limits, threshold + 1e-9) - 1
    if at == len(limits) or below < 0:
        raise NotAvailable(NO_CURVES.format(generator))
    whom = _whom(generator)
    return Rates(float(fmr[at]), float(fnmr[below]), impostors, genuines, whom, keyed=True)


def _whom(generator: str) -> str:
    data = record(generator)["data"]["name"]
    return WHOM.get(data, f"the test part of {data}")


def false_name_chance(
    compared: Iterable[tuple[str, int]], threshold: float | Mapping[str, float] | None = None
) -> float:
    """The chance that a search names a stranger: 1 - (1 - FMR)^n for n templates.

    It takes templates for independent of each other, which says rather too much (docs/quality.md).
    compared: (generator, how many of its templates). threshold: a squared distance, for all or by
    generator; None: each generator's default. Raises what `rates` does.
    """
    none_matches = 1.0
    for generator, templates in compared:
        limit = threshold[generator] if isinstance(threshold, Mapping) else threshold
        limit = login_threshold(generator) if limit is None else limit
        none_matches *= (1 - rates(generator, limit).fmr) ** templates
    return 1 - none_matches


def group_rates(generator: str, threshold: float) -> GroupRates:
    """The FMR within each group at a squared distance, for all people of the group.

    Raises UnknownName; NotAvailable: no group was measured for this generator, or not so far.
    """
    remark, limits, groups = _groups(generator)
    place = int(np.searchsorted(limits, threshold - 1e-9))
    if place == len(limits):
        raise NotAvailable(NO_GROUPS.format(generator))
    of = [(group, float(curve[place])) for group, curve in groups]
    found = [GroupRate(*group, fmr) for group, fmr in of if np.isfinite(fmr)]
    if not found:
        raise NotAvailable(NO_GROUPS.format(generator))
    return GroupRates(remark, tuple(found))


@cache
def _groups(generator: str) -> tuple[str, np.ndarray, list[tuple[tuple, np.ndarray]]]:
    """Remark, thresholds, and of each group its (name, people, trained on) and curve.

    A curve is NaN where nobody of the group was compared.
    """
    record(generator)  # as in `_scores`
    try:
        figures = _parts(generator).groups
        limits = np.array(figures["threshold"], dtype=float)
        rows = [row for row in figures["of"] if row["people"] == "all"]
        groups = [(_described(row), _curve(row["fmr_within"], limits)) for row in rows]
        return str(figures["remark"]), limits, groups
    except DAMAGED as error:
        raise NotAvailable(NO_GROUPS.format(generator)) from error


def _described(row: Figures) -> tuple[str, int, int]:
    people = sum(int(row[f"{part}_people"]) for part in ("training", "development", "test"))
    return str(row["group"]), people, int(row["training_people"])


@cache
def _curves(generator: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, int, int]:
    """Thresholds, FMR and FNMR of sealed templates there, and how many scores they are of."""
    try:
        figures = _parts(generator).curves
        limits = np.array(figures["threshold"], dtype=float)
        fmr, fnmr = (_curve(figures["template"][rate], limits) for rate in ("fmr", "fnmr"))
        return limits, fmr, fnmr, int(figures["impostor"]), int(figures["genuine"])
    except DAMAGED as error:
        raise NotAvailable(NO_CURVES.format(generator)) from error


def _curve(rates: list, limits: np.ndarray) -> np.ndarray:
    """One rate for each threshold. Raises ValueError: it has more of them, or fewer."""
    return np.array(rates, dtype=float).reshape(limits.shape)


def _parts(generator: str) -> Parts:
    found = read_folder(checkpoints.FOLDER / generator / "evaluation")
    return found.sealed if isinstance(found, SealedEvaluation) else found


@cache
def _at_login(generator: str) -> Figures | None:
    """The rates at the login threshold, of all comparisons; None where they were not measured.

    `_scores` keeps some of the comparisons, and `_curves` some of the thresholds.
    """
    try:
        figures = _parts(generator).verification
        found = figures["stolen_key" if _is_keyed(generator) else "template"]
        counts = {name: int(found[name]) for name in ("impostor", "genuine")}
        at = found["at_login_threshold"]
        return counts | {name: float(at[name]) for name in ("threshold", "fmr", "fnmr")}
    except DAMAGED:
        return None


def _is_keyed(generator: str) -> bool:
    return record(generator)["class"] in checkpoints.SEALED


@cache
def _scores(generator: str) -> tuple[np.ndarray, np.ndarray]:
    """Genuine and impostor scores, float32, sorted; they are stored with half precision, about
    0.001.
    """
    record(generator)  # a name that is none must not lead into another folder
    path = checkpoints.FOLDER / generator / "evaluation" / "scores.npz"
    if not path.is_file():
        raise NotAvailable(NO_RATES.format(generator))
    try:
        with np.load(path) as kept:
            return tuple(
                np.sort(np.asarray(kept[f"template_{kind}"], dtype=np.float32))
                for kind in ("genuine", "impostor")
            )
    except Exception as error:  # a damaged archive raises almost anything
        raise NotAvailable(
            "The scores of this generator cannot be read; run: python -m training evaluate"
            f" {generator}"
        ) from error
