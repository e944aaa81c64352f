"""A face against stored templates: the nearest plain one, or yes or no for sealed ones.

face -> embedding of the probe -> squared distance to each F(T) -> decision
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import torch

from ndcb.core.distances import squared_euclidean
from ndcb.core.terms import Decision, Face, UserError
from ndcb.models.operating_points import OperatingPoint, for_search, operating_point
from ndcb.models.pipeline import Distorter
from ndcb.vault.kept import error_of
from ndcb.vault.rows import Row
from ndcb.vault.seals import Seal
from ndcb.vault.sights import fitting, look
from ndcb.vault.templates import StoredTemplates, chunks

SEALED = "It is sealed. Give its key."
REVOKED = "The templates were revoked a moment ago. Enrol the person again."


@dataclass(frozen=True)
class Match(Decision):
    """The decision about the nearest template."""

    skipped: tuple[str, ...] = ()
    """A sentence for each template that could not be compared: damaged, or made by a generator that
    is not there.
    """
    compared: tuple[tuple[str, int], ...] = ()
    """(generator, how many of its templates were compared)."""
    thresholds: tuple[tuple[str, float], ...] = ()
    """(generator, the squared distance by which its templates were judged)."""
    fmr: float | None = None
    """The FMR of development people at `threshold`; None: the vault was given a threshold, or the
    generator's record is of an older program.
    """


@dataclass(frozen=True)
class Probe:
    """A face that wants to log in."""

    face: Face
    threshold: float | None
    """A squared distance, for every template; None: its generator's operating point."""
    any_quality: bool
    fmr: str | None = None
    """Which operating point, as in `operating_point`."""
    searched: int | None = None
    """How many templates a search (1:N) compares; None: this is 1:1."""
    _seen: dict[str, torch.Tensor] = field(default_factory=dict, repr=False, compare=False)
    """Generator -> what its recogniser has made of the face."""

    def embedding(self, distorter: Distorter) -> torch.Tensor:
        """(m,). Raises what `look` does."""
        generator = distorter.generator.name
        if generator not in self._seen:
            self._seen[generator] = look(self.face, distorter, self.any_quality).own
        return self._seen[generator]

    def point(self, distorter: Distorter) -> OperatingPoint:
        """By what a template of this generator is judged. Raises what `operating_point` does."""
        record = distorter.generator.record
        if self.threshold is not None:
            return OperatingPoint(self.threshold, None)
        if self.searched is None:
            return operating_point(record, self.fmr)
        return for_search(record, self.searched, self.fmr)

    def check_comparable(self, distorter: Distorter) -> None:
        """Raises UserError: its templates are sealed, or of another size than the face, or its
        record does not tell the operating point.
        """
        if distorter.sealed:
            raise UserError(SEALED)
        fitting(self.face, distorter)
        self.point(distorter)


@dataclass(frozen=True)
class Candidate:
    """A template that was compared."""

    row: Row
    squared_distance: float
    point: OperatingPoint
    error: float
    """By how much half precision may have changed the squared distance; 0: not at all."""
    probe: torch.Tensor = field(repr=False)
    """(m,)."""
    distorter: Distorter = field(repr=False)

    def exactly(self, stored: StoredTemplates) -> "Candidate":
        """The same, of the template itself."""
        reference = stored.exact([self.row], self.distorter).get(self.row)
        if not self.error or reference is None:  # None: revoked a moment ago
            return self
        squared_distance = float(squared_euclidean(reference, self.probe))
        return replace(self, squared_distance=squared_distance, error=0.0)

    @property
    def excess(self) -> float:
        """By how much the distance is over the threshold; negative: accepted."""
        return self.squared_distance - self.point.threshold


def nearest(probe: Probe, stored: StoredTemplates) -> tuple[Row, Match]:
    """The plain template furthest under its threshold. Raises UserError: none can be compared."""
    return decide([*candidates_of(probe, stored)], stored)


def decide(
    candidates: Sequence[Candidate],
    stored: StoredTemplates,
    farther: Mapping[tuple[str, float], int] = MappingProxyType({}),
) -> tuple[Row, Match]:
    """The candidate furthest under its threshold.

    Where half precision leaves open who that is, or whether it is under, the templates themselves
    decide. farther: generator and its threshold -> how many others were compared. Raises UserError:
    no candidate.
    """
    skipped = tuple(stored.unusable.values())
    best = min(candidates, key=lambda candidate: candidate.excess, default=None)
    if best is None:
        raise UserError(skipped[0] if skipped else REVOKED)

    counts = Counter(farther)
    counts.update((candidate.row.generator, candidate.point.threshold) for candidate in candidates)
    open_ones = _open(candidates, best)
    if open_ones:
        exact = [candidate.exactly(stored) for candidate in open_ones]
        best = min(exact, key=lambda candidate: candidate.excess)
    thresholds = tuple(sorted(+counts))
    compared = tuple((generator, counts[generator, limit]) for generator, limit in thresholds)
    distance, point = best.squared_distance, best.point
    return best.row, Match(distance, point.threshold, skipped, compared, thresholds, point.fmr)


def _open(candidates: Sequence[Candidate], best: Candidate) -> Sequence[Candidate]:
    """Those that may be the nearest, if it is open whose template that is or whether it is same."""
    bound = best.excess + best.error
    rivals = [candidate for candidate in candidates if candidate.excess - candidate.error <= bound]
    may_be_same = any(candidate.excess - candidate.error < 0 for candidate in rivals)
    is_settled = bound < 0 and len({candidate.row.person for candidate in rivals}) == 1
    return rivals if may_be_same and not is_settled else []


def opens(
    probe: Probe,
    stored: StoredTemplates,
    seals: dict[str, tuple[Seal, int]],
    secrets: Sequence[bytes],
) -> bool:
    """Does the probe, with one of these secrets, match one of these sealed templates?

    seals: as `KeyStore.seals` gives them; all templates are of one enrolment's version. A kept
    embedding may refuse, and only the template itself lets in: the key store names its digest, so
    nobody who writes the vault alone can replace it. Raises UserError: no template can be compared;
    NotAvailable: the record does not tell the operating point.
    """
    accepted, compared = False, False
    for rows, distorter in stored.by_distorter():
        limit = probe.point(distorter).threshold
        direction = probe.embedding(distorter)
        for row, reference in stored.embed(rows, distorter, len(direction)).items():
            compared = True
            seal, number = seals[row.sha256]
            turns = [seal.turns(secret, distorter)(number) for secret in secrets]
            turned = torch.stack([turn @ direction for turn in turns])
            squared_distances = squared_euclidean(reference, turned)
            if bool((squared_distances < limit + error_of(max(limit, 0))).any()):
                accepted |= _is_near(stored.exact([row], distorter), turned, limit)
    if not compared:
        raise UserError(next(iter(stored.unusable.values()), REVOKED))
    return accepted


def _is_near(references: dict[Row, torch.Tensor], turned: torch.Tensor, limit: float) -> bool:
    """Is one of the references (m,) within the limit of one of the probes (n, m)?"""
    return any(
        bool((squared_euclidean(reference, turned) < limit).any())
        for reference in references.values()
    )


def comparable(probe: Probe, stored: StoredTemplates) -> Iterator[tuple[Sequence[Row], Distorter]]:
    """The rows of each generator whose templates the probe fits; the others become unusable."""
    for rows, distorter in stored.by_distorter():
        try:
            probe.check_comparable(distorter)
        except UserError as error:
            stored.skip(rows, error)
        else:
            yield rows, distorter


def candidates_of(probe: Probe, stored: StoredTemplates) -> Iterator[Candidate]:
    """Every plain template that can be compared; the others become unusable."""
    for rows, distorter in comparable(probe, stored):
        embedding, point = probe.embedding(distorter), probe.point(distorter)
        for chunk in chunks(rows):
            embedded = stored.embed(chunk, distorter, len(embedding))
            if embedded:
                references = torch.stack([*embedded.values()])
                squared_distances = squared_euclidean(references, embedding).tolist()
                for row, squared_distance in zip(embedded, squared_distances, strict=True):
                    error = 0.0 if stored.is_exact(row) else error_of(squared_distance)
                    yield Candidate(row, squared_distance, point, error, embedding, distorter)
