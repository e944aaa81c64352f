"""The squared distance under which a login is accepted, chosen by its false match rate (FMR).

A record's `thresholds` are those at which templates against photos of development people have a
stated FMR; `python -m training measure` writes them. Its `threshold` is the one that a login has
unless told otherwise. Records of older programs have that one alone, at the equal error rate.
"""

from dataclasses import dataclass

from ndcb.core.terms import NotAvailable, UserError

NAMED = {"1%": "1e-2", "0.1%": "1e-3", "0.01%": "1e-4"}
"""What a person chooses from -> the level in a record."""
DEFAULT = "0.1%"
LEVELS = ("1e-2", "5e-3", "2e-3", "1e-3", "5e-4", "2e-4", "1e-4", "5e-5", "2e-5", "1e-5")
"""False match rates, as a record writes them."""
FALSE_NAMES = 0.01
"""A search gives a stranger somebody's name no more often than this."""
UNKNOWN = "{!r} is no operating point. Choose one of: {}."
OLD = (
    "The thresholds of this generator were measured by an older program, which kept none for a"
    " stated false match rate; run: python -m training measure NAME"
)


@dataclass(frozen=True)
class OperatingPoint:
    """Where a login is judged."""

    threshold: float
    """A squared distance; what lies under it is accepted."""
    fmr: float | None
    """The FMR of the development people there; None where the record does not tell it."""


def check_name(fmr: str | None) -> None:
    """Raises UserError: neither a key of NAMED nor None."""
    if fmr is not None and fmr not in NAMED:
        raise UserError(UNKNOWN.format(fmr, ", ".join(NAMED)))


def operating_point(record: dict, fmr: str | None = None) -> OperatingPoint:
    """The operating point of one comparison. fmr: a key of NAMED; None: the default.

    Raises UserError: another name; NotAvailable: an older record, and a name was asked for.
    """
    check_name(fmr)
    if "thresholds" not in record:
        if fmr is None:
            return OperatingPoint(record["threshold"], None)
        raise NotAvailable(OLD)
    return _at(record, NAMED[fmr or DEFAULT])


def for_search(record: dict, templates: int, fmr: str | None = None) -> OperatingPoint:
    """The operating point of a search through so many templates.

    Each template is one more chance to be taken for somebody else, so the FMR of one comparison is
    at most FALSE_NAMES / templates, and at most that of `operating_point`. It is the largest level
    that the record holds; the smallest one where none is that small. Raises what `operating_point`
    does.
    """
    alone = operating_point(record, fmr)
    if alone.fmr is None:
        return alone
    levels = sorted(record["thresholds"], key=float)
    most = min(alone.fmr, FALSE_NAMES / max(templates, 1))
    # a level that equals the limit must not fail for the last digit of a division
    fitting = [level for level in levels if float(level) <= most * (1 + 1e-9)]
    return _at(record, fitting[-1] if fitting else levels[0])


def _at(record: dict, level: str) -> OperatingPoint:
    return OperatingPoint(record["thresholds"][level], float(level))
