"""A face against all plain templates of a vault (1:N).

probe -> squared distance to every kept embedding -> how many can be compared: the thresholds
      -> the few that may be nearest -> their templates

The first step reads embeddings only. The few that may be nearest, and every template without a kept
embedding, are then looked at as in 1:1: the template is read and checked.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ndcb.core.terms import UserError
from ndcb.models.pipeline import Distorter
from ndcb.vault.gallery import Gallery, Part, Rest
from ndcb.vault.kept import error_of, weights_of
from ndcb.vault.matching import Candidate, Match, Probe, candidates_of, comparable, decide
from ndcb.vault.rows import Row
from ndcb.vault.templates import StoredTemplates

EMPTY = "Nobody is enrolled yet. Enrol a person first."


@dataclass
class Distances:
    """Of kept embeddings to a probe; those that were taken out count no more."""

    of: list[tuple[str, Distorter]] = field(default_factory=list)
    """Of each part: the generator, as its rows name it, and what made it."""
    limits: list[float] = field(default_factory=list)
    """Of each part: the threshold, once `judge` has set it."""
    ids: list[np.ndarray] = field(default_factory=list)
    lowest: list[np.ndarray] = field(default_factory=list)
    """Each, at least; after `judge` by how much it is over its threshold. inf: taken out."""
    highest: list[np.ndarray] = field(default_factory=list)
    """The same, at most: half precision leaves this much open."""

    def add(self, part: Part, squared_distances: np.ndarray, distorter: Distorter) -> None:
        error = error_of(squared_distances)
        self.of.append((part.generator, distorter))
        self.ids.append(part.ids)
        self.lowest.append(squared_distances - error)
        self.highest.append(squared_distances + error)

    def judge(self, probe: Probe) -> None:
        """Set the thresholds, which depend on how many templates there are; once, after `add`."""
        self.limits = [probe.point(distorter).threshold for _, distorter in self.of]
        for limit, lowest, highest in zip(self.limits, self.lowest, self.highest, strict=True):
            lowest -= limit
            highest -= limit

    def take(self, candidates: Sequence[Candidate]) -> list[int]:
        """Take out those that may be nearer than all others and all candidates: their ids."""
        bound = min(
            [float(part.min()) for part in self.highest]
            + [candidate.excess + candidate.error for candidate in candidates],
            default=np.inf,
        )
        taken: list[int] = []
        for ids, lowest, highest in zip(self.ids, self.lowest, self.highest, strict=True):
            near = (lowest <= bound) & np.isfinite(lowest)
            taken += ids[near].tolist()
            lowest[near] = highest[near] = np.inf
        return taken

    def counts(self) -> Counter[tuple[str, float]]:
        """Generator and its threshold -> how many are left."""
        left: Counter[tuple[str, float]] = Counter()
        for (generator, _), limit, lowest in zip(self.of, self.limits, self.lowest, strict=True):
            left[generator, limit] += int(np.isfinite(lowest).sum())
        return left


def search(
    probe: Probe, gallery: Gallery, stored: Callable[[Sequence[Row]], StoredTemplates]
) -> tuple[Row, Match]:
    """The plain template furthest under its threshold, as `ndcb.vault.matching.nearest` finds it.

    A damaged template is named where its embedding is not kept, or is among the nearest. Raises
    UserError: nobody is enrolled, or no template can be compared.
    """
    looked_at = stored([])
    distances, others = _compare(probe, gallery, looked_at)
    looked_at.rows = gallery.database.rows_of(others)
    counts = [len(ids) for ids in distances.ids]
    counts += [len(rows) for rows, _ in comparable(probe, looked_at)]
    probe = replace(probe, searched=sum(counts))
    distances.judge(probe)

    candidates = [*candidates_of(probe, looked_at)]
    while ids := distances.take(candidates):
        looked_at.rows = gallery.database.rows_of(ids)
        candidates += candidates_of(probe, looked_at)
    return decide(candidates, looked_at, distances.counts())


def _compare(
    probe: Probe, gallery: Gallery, stored: StoredTemplates
) -> tuple[Distances, list[int]]:
    """The distances, not judged yet, and the ids of what can only be looked at as in 1:1.

    Raises UserError: nobody is enrolled.
    """
    distances, others = Distances(), []
    for part in gallery.parts():
        distorter = None if isinstance(part, Rest) else _distorter(probe, part, stored)
        embedding = None if distorter is None else probe.embedding(distorter)
        if embedding is None or len(embedding) != part.embeddings.shape[1]:
            others += part.ids.tolist()
        else:
            squared_distances = part.squared_distances(embedding).numpy()
            distances.add(part, squared_distances, distorter)

    if not others and not distances.ids:
        raise UserError(EMPTY)
    return distances, others


def _distorter(probe: Probe, part: Part, stored: StoredTemplates) -> Distorter | None:
    """What made these templates; None where the probe cannot be compared with the embeddings."""
    try:
        distorter = stored.distorter(part.generator, part.recogniser)
        probe.check_comparable(distorter)
    except UserError:
        return None
    return distorter if weights_of(distorter) == part.weights else None
