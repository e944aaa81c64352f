"""What a login threshold costs: FMR and FNMR of a generator's templates at any threshold.

The scores are those of people or digits that no generator was trained on; `python -m training
evaluate` writes them beside the checkpoint.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np

from ndcb.core.metrics import error_rates
from ndcb.core.terms import BadCheckpoint, NotAvailable
from ndcb.models import checkpoints
from ndcb.models.operating_points import operating_point
from ndcb.results.evaluations import read_folder
from ndcb.results.summaries import Figures, SealedEvaluation

FARTHEST = 4.0
"""The largest squared distance of two unit embeddings."""
NO_GROUPS = (
    "FMR within groups of people was not measured for this generator at this threshold; run: python"
    " -m training evaluate {} --what groups"
)
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
    genuine, impostor = _scores(generator)
    fmr, fnmr = error_rates(genuine, impostor, threshold)
    data = record(generator)["data"]["name"]
    return Rates(
        float(fmr),
        float(fnmr),
        len(impostor),
        len(genuine),
        WHOM.get(data, f"the test part of {data}"),
    )


def false_name_chance(compared: Iterable[tuple[str, int]], threshold: float | None = None) -> float:
    """The chance that a search names a stranger: 1 - (1 - FMR)^n for n templates.

    It takes templates for independent of each other, which says rather too much (docs/quality.md).
    compared: (generator, how many of its templates). threshold: as in `rates`; None: that of each
    generator's record. Raises what `rates` does.
    """
    none_matches = 1.0
    for generator, templates in compared:
        limit = login_threshold(generator) if threshold is None else threshold
        none_matches *= (1 - rates(generator, limit).fmr) ** templates
    return 1 - none_matches


def group_rates(generator: str, threshold: float) -> GroupRates:
    """The FMR within each group at a squared distance, for all people of the group.

    Raises UnknownName; NotAvailable: no group was measured for this generator, or not so far.
    """
    remark, thresholds, groups = _groups(generator)
    place = int(np.searchsorted(thresholds, threshold - 1e-9))
    if place == len(thresholds):
        raise NotAvailable(NO_GROUPS.format(generator))
    found = [GroupRate(*group, curve[place]) for group, curve in groups if curve[place] is not None]
    return GroupRates(remark, tuple(found))


@cache
def _groups(generator: str) -> tuple[str, np.ndarray, list[tuple[tuple, list]]]:
    """Remark, thresholds, and of each group its (name, people, trained on) and curve."""
    record(generator)  # as in `_scores`
    try:
        found = read_folder(checkpoints.FOLDER / generator / "evaluation")
        figures = found.sealed.groups if isinstance(found, SealedEvaluation) else found.groups
        groups = [
            (_described(row), row["fmr_within"]) for row in figures["of"] if row["people"] == "all"
        ]
        return str(figures["remark"]), np.array(figures["threshold"], dtype=float), groups
    except (BadCheckpoint, KeyError, TypeError, ValueError) as error:
        raise NotAvailable(NO_GROUPS.format(generator)) from error


def _described(row: Figures) -> tuple[str, int, int]:
    people = sum(row[f"{part}_people"] for part in ("training", "development", "test"))
    return row["group"], people, row["training_people"]


@cache
def _scores(generator: str) -> tuple[np.ndarray, np.ndarray]:
    """Genuine and impostor scores, float32, sorted; they are stored with half precision, about
    0.001.
    """
    record(generator)  # a name that is none must not lead into another folder
    path = checkpoints.FOLDER / generator / "evaluation" / "scores.npz"
    if not path.is_file():
        raise NotAvailable(
            "FMR and FNMR were not measured for this generator yet; run: python -m training"
            " evaluate " + generator
        )
    try:
        with np.load(path) as kept:
            return tuple(
                np.asarray(kept[f"template_{kind}"], dtype=np.float32)
                for kind in ("genuine", "impostor")
            )
    except Exception as error:  # a damaged archive raises almost anything
        raise NotAvailable(
            "The scores of this generator cannot be read; run: python -m training evaluate"
            f" {generator}"
        ) from error
