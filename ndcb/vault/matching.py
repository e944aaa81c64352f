"""A face against stored templates: the nearest plain one, or yes or no for sealed ones.

face -> embedding of the probe -> squared distance to each F(T) -> decision
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from ndcb.core.distances import squared_euclidean
from ndcb.core.terms import Decision, Face, UserError
from ndcb.models.pipeline import Distorter
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


@dataclass(frozen=True)
class Probe:
    """A face that wants to log in."""

    face: Face
    threshold: float | None
    """A squared distance, for every template; None: the one of its generator's record."""
    any_quality: bool

    def embedding(self, distorter: Distorter) -> torch.Tensor:
        """(m,). Raises what `look` does."""
        return look(self.face, distorter, self.any_quality).own

    def limit(self, distorter: Distorter) -> float:
        """The threshold for a template of this generator."""
        recorded = distorter.generator.record["threshold"]
        return recorded if self.threshold is None else self.threshold

    def check_comparable(self, distorter: Distorter) -> None:
        """Raises UserError: its templates are sealed, or of another size than the face."""
        if distorter.sealed:
            raise UserError(SEALED)
        fitting(self.face, distorter)


@dataclass(frozen=True)
class Candidate:
    """A template that was compared."""

    row: Row
    squared_distance: float
    threshold: float

    @property
    def excess(self) -> float:
        """By how much the distance is over the threshold; negative: accepted."""
        return self.squared_distance - self.threshold


def nearest(probe: Probe, stored: StoredTemplates) -> tuple[Row, Match]:
    """The plain template furthest under its threshold. Raises UserError: none can be compared."""
    candidates = [*_candidates(probe, stored)]
    skipped = tuple(stored.unusable.values())
    if not candidates:
        raise UserError(skipped[0] if skipped else REVOKED)

    best = min(candidates, key=lambda candidate: candidate.excess)
    counts = Counter(candidate.row.generator for candidate in candidates)
    compared = tuple(sorted(counts.items()))
    return best.row, Match(best.squared_distance, best.threshold, skipped, compared)


def opens(
    probe: Probe,
    stored: StoredTemplates,
    seals: dict[str, tuple[Seal, int]],
    secrets: Sequence[bytes],
) -> bool:
    """Does the probe, with one of these secrets, match one of these sealed templates?

    seals: as `KeyStore.seals` gives them; all templates are of one enrolment's version. Raises
    UserError: no template can be compared.
    """
    accepted, compared = False, False
    for rows, distorter in stored.by_distorter():
        direction = probe.embedding(distorter)
        for row, reference in stored.embed(rows, distorter).items():
            compared = True
            seal, number = seals[row.sha256]
            turns = [seal.turns(secret, distorter)(number) for secret in secrets]
            turned = torch.stack([turn @ direction for turn in turns])
            squared_distances = squared_euclidean(reference, turned)
            accepted |= bool((squared_distances < probe.limit(distorter)).any())
    if not compared:
        raise UserError(next(iter(stored.unusable.values()), REVOKED))
    return accepted


def _candidates(probe: Probe, stored: StoredTemplates) -> Iterator[Candidate]:
    """Every plain template that can be compared; the others become unusable."""
    for rows, distorter in stored.by_distorter():
        try:
            probe.check_comparable(distorter)
        except UserError as error:
            stored.skip(rows, error)
            continue

        embedding, limit = probe.embedding(distorter), probe.limit(distorter)
        for chunk in chunks(rows):
            embedded = stored.embed(chunk, distorter)
            if embedded:
                references = torch.stack([*embedded.values()])
                squared_distances = squared_euclidean(references, embedding).tolist()
                for row, squared_distance in zip(embedded, squared_distances, strict=True):
                    yield Candidate(row, squared_distance, limit)
