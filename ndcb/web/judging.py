"""Where a login is judged: at an operating point, or at a threshold of the visitor's own."""

from dataclasses import dataclass

from ndcb.core.terms import NotAvailable
from ndcb.models.operating_points import (
    DEFAULT,
    OperatingPoint,
    for_search,
    operating_point,
)
from ndcb.results import thresholds

OWN = "own"
"""The choice of a visitor who has moved the threshold by hand."""


@dataclass(frozen=True)
class Choice:
    """What a visitor has chosen for a generator."""

    generator: str
    fmr: str = DEFAULT
    """A key of `operating_points.NAMED`, or OWN."""
    threshold: float = 0.0
    """A squared distance, for templates of `generator`; it counts with OWN alone."""

    @property
    def named(self) -> str | None:
        """What `operating_point` takes: None for its default, which an older record has as well."""
        return None if self.fmr in (DEFAULT, OWN) else self.fmr

    def point(self, generator: str, templates: int | None = None) -> OperatingPoint:
        """Where a template of a generator is judged.

        templates: how many a search compares; None: it is no search. A generator whose record does
        not tell the FMR is judged at its one threshold.
        """
        if self.fmr == OWN and generator == self.generator:
            return OperatingPoint(self.threshold, None)
        record = thresholds.record(generator)
        try:
            return _point(record, templates, self.named)
        except NotAvailable:
            return _point(record, templates, None)


def _point(record: dict, templates: int | None, fmr: str | None) -> OperatingPoint:
    if templates is None:
        return operating_point(record, fmr)
    return for_search(record, templates, fmr)
