"""Error rates within groups of people and across them, with photos and with templates.

Of each group there are two rows. `test` has its test people. `all` has all its people: a generator
may have learned from them, so the row says how many are of the training part.

All comparisons of two people count, each picture once as reference and once as probe. `overall` is
of all test people, `across` of one person of the group and a test person outside it. FNMR: up to 20
pairs of a person, every person counts equally. Intervals: 500 draws; people of the group and
others are drawn apart.
"""

import dataclasses
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ndcb.core.metrics import bootstrap_mean
from training.data.material import Material
from training.evaluation.compared import (
    DRAWS,
    REFERENCES,
    Compared,
    compared,
    count_of_pairs,
    draws_of,
    known_interval,
    mean_over_people,
    operating_thresholds,
    share_of_pairs,
)
from training.evaluation.curves import PAIRS_A_PERSON, equal_weights
from training.evaluation.group_table import Groups
from training.measure.record import mated_pairs, pair_distances

OWN_FMR = 1e-3
PEOPLE = ("test", "all")
THRESHOLDS = np.arange(1, 101) / 50
"""Squared distances, as far as a login can be set."""
NO_TABLE = {"not_measured": "no table of groups: put lfw_groups.csv beside the data, or --groups"}
NOBODY = {"not_measured": "nobody of the table of groups is in the data"}


def groups(material: Material, table: Groups | None) -> dict:
    """See `training.evaluation`, `groups`."""
    if table is None:
        return NO_TABLE
    pictures = material.pictures
    members = np.isin(pictures.labels, sorted(set.union(*table.people.values())))
    if not members.any():
        return NOBODY
    field = _Field.of(material, np.flatnonzero(members | (pictures.part == "test")))
    rows, owns = [], []
    for name, people in sorted(table.people.items()):
        for which in PEOPLE:
            own = np.isin(field.side.names, sorted(people))
            own &= field.is_test if which == "test" else True
            if own.any():
                rows.append({"group": name, "people": which} | _row(field, own))
                owns.append(own)
    overall, *curves = fmr_curves(field, [field.is_test, *owns])
    unknown = set.union(*table.people.values()) - set(pictures.labels.tolist())
    return {
        "remark": table.remark,
        "unknown_people": len(unknown),
        "threshold": THRESHOLDS.tolist(),
        "overall": field.overall() | {"fmr": overall},
        "of": [row | {"fmr_within": curve} for row, curve in zip(rows, curves, strict=True)],
    }


def fmr_curves(field: "_Field", groups: list[np.ndarray]) -> list[list[float | None]]:
    """FMR of templates within each group, (p,), bool, at each of THRESHOLDS.

    None where the group has no two people.
    """
    comparisons = [field.side.comparisons[np.ix_(own, own)].sum() for own in groups]
    curves: list[list[float | None]] = [[] for _ in groups]
    for threshold in THRESHOLDS:
        matches = field.side.false_matches(field.distances["template"], threshold)
        for curve, own, count in zip(curves, groups, comparisons, strict=True):
            rate = matches[np.ix_(own, own)].sum() / count if count else None
            curve.append(rate if rate is None else float(f"{rate:.4g}"))
    return curves


@dataclass(frozen=True)
class _Field:
    """All people who are compared: the test people, and the groups' others."""

    material: Material
    side: Compared
    part: np.ndarray
    """(p,): the part of each person."""
    detected: np.ndarray
    """(n,), bool: was a face found in the picture?"""
    thresholds: dict[str, float]

    @staticmethod
    def of(material: Material, rows: np.ndarray) -> "_Field":
        pictures = material.pictures
        rows = rows[np.argsort(pictures.labels[rows], kind="stable")]
        side = compared(material, rows)
        firsts = np.unique(side.people, return_index=True)[1]
        return _Field(
            material,
            side,
            pictures.part[rows][firsts],
            pictures.detected[rows],
            operating_thresholds(material.checkpoint.record),
        )

    @cached_property
    def is_test(self) -> np.ndarray:
        """(p,), bool."""
        return self.part == "test"

    @cached_property
    def distances(self) -> dict[str, np.ndarray]:
        return {name: self.side.distances(name) for name in REFERENCES}

    @cached_property
    def matches(self) -> dict[tuple[str, str], np.ndarray]:
        """(reference, threshold's name) -> (p, p): comparisons under the threshold."""
        return {
            (name, level): self.side.false_matches(self.distances[name], threshold)
            for name in REFERENCES
            for level, threshold in self.thresholds.items()
        }

    @cached_property
    def genuine(self) -> np.ndarray:
        """(k, 2): rows of the genuine pairs."""
        return mated_pairs(self.side.people, PAIRS_A_PERSON)

    @cached_property
    def mated(self) -> np.ndarray:
        """(p,), bool: who has a genuine pair."""
        return self.side.pictures > 1

    def missed(self, name: str, level: str) -> np.ndarray:
        """(p,): the share of each person's genuine pairs that is refused; 0 where there is none."""
        numbers = self.side.numbers[self.genuine[:, 0]]
        scores = pair_distances(self.side.references[name], self.side.probes, self.genuine)
        refused = (scores >= self.thresholds[level]) * equal_weights(numbers)
        return np.bincount(numbers, refused, minlength=len(self.part))

    def overall(self) -> dict:
        """Of all test people; the same bootstrap as in the rows."""
        ones, times = np.ones((1, len(self.part))), draws_of(len(self.part))
        rows = np.isin(self.side.numbers, np.flatnonzero(self.is_test))
        own, drawn = (_Rates(self, self.is_test, weights) for weights in (ones, times))
        return {
            "test_people": int(self.is_test.sum()),
            "pictures": int(rows.sum()),
            "failure_to_enrol": _failures(self, self.is_test),
            "at": [
                {
                    "level": level,
                    "threshold": threshold,
                    **{
                        name: {
                            "fmr": _rate(own.within(name, level), drawn.within(name, level)),
                            "fnmr": _rate(own.fnmr(name, level), drawn.fnmr(name, level)),
                        }
                        for name in REFERENCES
                    },
                }
                for level, threshold in self.thresholds.items()
            ],
        }


@dataclass(frozen=True)
class _Rates:
    """The rates of a group in each draw. Draws of ones give the rates themselves."""

    field: _Field
    own: np.ndarray
    """(p,), bool: who is in the group."""
    times: np.ndarray
    """(draws, p)."""

    kept: dict = dataclasses.field(default_factory=dict)
    """Rates that were computed already."""

    def _false(self, name: str, level: str, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        key = name, level, left.tobytes(), right.tobytes()
        if key not in self.kept:
            matches, pictures = self.field.matches[name, level], self.field.side.pictures
            self.kept[key] = share_of_pairs(self.times, left, right, matches, pictures)
        return self.kept[key]

    def within(self, name: str, level: str) -> np.ndarray:
        return self._false(name, level, self.own, self.own)

    def across(self, name: str, level: str) -> np.ndarray:
        """Group as reference and others as probes, and the other way round, equally."""
        others = self.field.is_test & ~self.own
        there = self._false(name, level, self.own, others)
        return (there + self._false(name, level, others, self.own)) / 2

    def overall(self, name: str, level: str) -> np.ndarray:
        return self._false(name, level, self.field.is_test, self.field.is_test)

    def _missed(self, name: str, level: str, who: np.ndarray) -> np.ndarray:
        times = self.times * (who & self.field.mated)
        return mean_over_people(times, self.field.missed(name, level))

    def fnmr(self, name: str, level: str) -> np.ndarray:
        return self._missed(name, level, self.own)

    def fnmr_overall(self, name: str, level: str) -> np.ndarray:
        return self._missed(name, level, self.field.is_test)

    def gap(self, name: str, level: str, kind: str) -> np.ndarray:
        """By how much the group's FMR or FNMR is above the overall one."""
        if kind == "fmr":
            return self.within(name, level) - self.overall(name, level)
        return self.fnmr(name, level) - self.fnmr_overall(name, level)

    def wider(self, level: str, kind: str) -> np.ndarray:
        """By how much the gap is wider with templates than with photos."""
        return self.gap("template", level, kind) - self.gap("plain", level, kind)

    def times_overall(self, name: str, level: str) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.within(name, level) / self.overall(name, level)


def _row(field: _Field, own: np.ndarray) -> dict:
    """own: (p,), bool: who is in the group."""
    ones, times = np.ones((1, len(own))), _drawn_apart(own)
    rates, drawn = (_Rates(field, own, weights) for weights in (ones, times))
    count = {f"{part}_people": int((own & (field.part == part)).sum()) for part in _PARTS}
    return {
        **count,
        "pictures": int(field.side.pictures[own].sum()),
        "comparisons": int(field.side.comparisons[np.ix_(own, own)].sum()),
        "genuine_people": int((own & field.mated).sum()),
        "failure_to_enrol": _failures(field, own),
        "tar_at_own_fmr_1e-3": {name: _own_tar(field, own, times, name) for name in REFERENCES},
        "at": [_at(rates, drawn, level) for level in field.thresholds],
    }


_PARTS = ("training", "development", "test")


def _drawn_apart(own: np.ndarray) -> np.ndarray:
    """(draws, p): members and others are drawn each among themselves."""
    times = np.zeros((DRAWS, len(own)))
    for seed, who in enumerate((own, ~own)):
        if who.any():
            times[:, who] = draws_of(int(who.sum()), seed=seed)
    return times


def _at(rates: _Rates, drawn: _Rates, level: str) -> dict:
    """The group's figures at one threshold."""
    found = {"level": level, "threshold": rates.field.thresholds[level]}
    for name in REFERENCES:
        found[name] = {
            "fmr_within": _rate(rates.within(name, level), drawn.within(name, level)),
            "fmr_across": _rate(rates.across(name, level), drawn.across(name, level)),
            "fnmr": _rate(rates.fnmr(name, level), drawn.fnmr(name, level)),
            "times_overall": _rate(
                rates.times_overall(name, level), drawn.times_overall(name, level)
            ),
        }
    found["wider"] = {
        kind: _rate(rates.wider(level, kind), drawn.wider(level, kind)) for kind in ("fmr", "fnmr")
    }
    return found


def _rate(value: np.ndarray, draws: np.ndarray) -> dict:
    """A figure and its interval; null where no comparison gives one."""
    known = bool(np.isfinite(value[0]))
    return {
        "rate": float(value[0]) if known else None,
        "ci95": known_interval(draws) if known else None,
    }


def _failures(field: _Field, own: np.ndarray) -> dict:
    """How often no face was found in these people's pictures."""
    rows = np.isin(field.side.numbers, np.flatnonzero(own))
    missed, people = ~field.detected[rows], field.side.numbers[rows]
    return {
        "failures": int(missed.sum()),
        "rate": float(missed.mean()),
        "ci95": bootstrap_mean(missed, np.stack([people] * 2, 1)),
    }


# TAR at the group's own FMR


def _own_tar(field: _Field, own: np.ndarray, times: np.ndarray, name: str) -> dict:
    """TAR where the FMR within the group is 0.1 %, each draw with a threshold of its own.

    Null where the group has too few comparisons for one false match at that FMR.
    """
    rows = np.flatnonzero(own[field.side.numbers])
    people = field.side.numbers[rows]
    distances = field.distances[name][np.ix_(rows, rows)]
    first, second = np.nonzero(people[:, None] != people)
    genuine = field.genuine[own[field.side.numbers[field.genuine[:, 0]]]]
    if len(first) * OWN_FMR < 1 or not len(genuine):
        return {"rate": None, "ci95": None}

    impostor = distances[first, second]
    owners = field.side.numbers[genuine[:, 0]]
    scores = pair_distances(field.side.references[name], field.side.probes, genuine)
    lowest = np.argsort(impostor)[: int(len(impostor) * 20 * OWN_FMR) + 1]
    tail = _Tail(impostor[lowest], people[first[lowest]], people[second[lowest]])
    weights = equal_weights(owners)
    tars = np.array([_tar(tail, scores, weights, owners, one, own, field.side) for one in times])
    everybody = _tar(tail, scores, weights, owners, np.ones(len(own)), own, field.side)
    return {"rate": float(everybody), "ci95": known_interval(tars)}


@dataclass(frozen=True)
class _Tail:
    """The lowest impostor scores of a group, in rising order, and whose they are."""

    scores: np.ndarray
    reference: np.ndarray
    probe: np.ndarray


def _tar(tail, scores, weights, owners, times, own, side) -> float:
    """TAR of one draw; NaN where nobody with a genuine pair, or no two people, were drawn."""
    total = count_of_pairs(times * own, side.pictures)
    genuine = weights * times[owners]
    if not total or not genuine.sum():
        return np.nan
    shares = np.cumsum(times[tail.reference] * times[tail.probe]) / total
    allowed = np.searchsorted(shares, OWN_FMR, side="right")
    threshold = tail.scores[min(allowed, len(tail.scores) - 1)]
    return genuine[scores < threshold].sum() / genuine.sum()
