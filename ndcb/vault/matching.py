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
class Candidate:
    """A template that was compared."""

    row: Row
    squared_distance: float
    threshold: float

    @property
    def excess(self) -> float:
        """By how much the distance is over the threshold; negative: accepted."""
        return self.squared_distance - self.threshold


def nearest(
    face: Face, stored: StoredTemplates, threshold: float | None, any_quality: bool
) -> tuple[Row, Match]:
    """The plain template furthest under its threshold. Raises UserError: none can be compared."""
    candidates = [*_candidates(face, stored, threshold, any_quality)]
    skipped = tuple(stored.unusable.values())
    if not candidates:
        raise UserError(skipped[0] if skipped else REVOKED)

    best = min(candidates, key=lambda candidate: candidate.excess)
    counts = Counter(candidate.row.generator for candidate in candidates)
    compared = tuple(sorted(counts.items()))
    return best.row, Match(best.squared_distance, best.threshold, skipped, compared)


def opens(
    face: Face,
    stored: StoredTemplates,
    seals: dict[str, tuple[Seal, int]],
    secrets: Sequence[bytes],
    threshold: float | None,
    any_quality: bool,
) -> bool:
    """Is the face, with one of these secrets, the person of one of these sealed templates?

    seals: as `KeyStore.seals` gives them; all templates are of one enrolment's version. Raises
    UserError: no template can be compared.
    """
    accepted, compared = False, False
    for rows, distorter in stored.by_distorter():
        limit = _limit(distorter, threshold)
        direction = look(face, distorter, any_quality).own
        for row, reference in stored.embed(rows, distorter).items():
            compared = True
            seal, number = seals[row.sha256]
            turns = [seal.turns(secret, distorter)(number) for secret in secrets]
            probes = torch.stack([turn @ direction for turn in turns])
            accepted |= bool((squared_euclidean(reference, probes) < limit).any())
    if not compared:
        raise UserError(next(iter(stored.unusable.values())))
    return accepted


def _candidates(
    face: Face, stored: StoredTemplates, threshold: float | None, any_quality: bool
) -> Iterator[Candidate]:
    """Every plain template that can be compared; the others become unusable."""
    for rows, distorter in stored.by_distorter():
        try:
            _check_comparable(face, distorter)
        except UserError as error:
            stored.skip(rows, error)
            continue
        limit = _limit(distorter, threshold)
        probe = look(face, distorter, any_quality).own
        for chunk in chunks(rows):
            embedded = stored.embed(chunk, distorter)
            if embedded:
                distances = squared_euclidean(torch.stack([*embedded.values()]), probe).tolist()
                for row, distance in zip(embedded, distances, strict=True):
                    yield Candidate(row, distance, limit)


def _check_comparable(face: Face, distorter: Distorter) -> None:
    """Raises UserError: sealed templates, or of pictures of another size than the face."""
    if distorter.sealed:
        raise UserError(SEALED)
    fitting(face.image, distorter)


def _limit(distorter: Distorter, threshold: float | None) -> float:
    return distorter.generator.record["threshold"] if threshold is None else threshold
