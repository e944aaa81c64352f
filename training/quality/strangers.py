"""How often strangers are taken for each other: in pairs, in one enrolment, and in a search."""

import hashlib
from dataclasses import dataclass

import numpy as np
import torch

from ndcb.core.terms import BadPicture
from ndcb.generators import make_templates
from ndcb.models.checkpoints import Checkpoint
from ndcb.models.operating_points import for_search, operating_point
from ndcb.results import thresholds
from ndcb.vault.enrolment import MOST_PHOTOS
from ndcb.vault.keys import rotation
from ndcb.vault.one_person import check_one_person
from training.data.pictures import kept_rows
from training.quality.seen_photos import Photos

VERSION = 1
"""Of the templates' rows in the cache. It grows when this module computes something else."""
BATCH = 32
NAMES = (1, 3, 10, 29, 100, 300)
DRAWS, STRANGERS = 300, 100
SETS = 2000


@dataclass(frozen=True)
class Compared:
    """What a login compares: a probe of one photo with the reference of another."""

    probes: np.ndarray
    """(n, m): F(X), or z(F(X))."""
    references: np.ndarray
    """(n, m): the same of its template, turned back by the right key."""

    @property
    def distances(self) -> np.ndarray:
        """(n, n), squared. Rows: references; columns: probes."""
        return squared(self.references, self.probes)


class Generators:
    """A recogniser's generators by login, on photos whose F(X) is known already.

    They read nothing but F(X).
    """

    def __init__(
        self, plain: Checkpoint, recogniser: torch.nn.Module, sealed: Checkpoint | None = None
    ):
        """sealed: None where the recogniser has none; then nothing is told of that login."""
        self.plain, self.sealed, self.recogniser = plain, sealed, recogniser
        self.device = next(recogniser.parameters()).device

    @property
    def of_login(self) -> dict[str, Checkpoint]:
        return {"plain": self.plain} | ({"sealed": self.sealed} if self.sealed else {})

    def thresholds(self, fmr: str | None = None) -> dict[str, float]:
        """By login. fmr: as in `operating_points.operating_point`."""
        return {
            login: operating_point(generator.record, fmr).threshold
            for login, generator in self.of_login.items()
        }

    def probes(self, embeddings: np.ndarray) -> dict[str, np.ndarray]:
        """F(X) -> what each login compares."""
        plain = {"plain": embeddings}
        return plain | {"sealed": self._directions(embeddings)} if self.sealed else plain

    def compared(self, photos: Photos, change: str, rows: np.ndarray) -> dict[str, Compared]:
        """By login, of photos after a change; F(T) is kept in the cache."""
        references = {"plain": self.plain_references(photos, change, rows)}
        if self.sealed:
            references["sealed"] = self._opened(photos, change, rows)
        probes = self.probes(photos.seen(change, rows).embeddings)
        return {login: Compared(probes[login], references[login]) for login in references}

    def plain_references(self, photos: Photos, change: str, rows: np.ndarray) -> np.ndarray:
        """F(T) of plain templates, (n, m)."""
        return self._seen_of_templates(photos, change, rows, self.plain)

    def _opened(self, photos: Photos, change: str, rows: np.ndarray) -> np.ndarray:
        """R_k^-1 z(F(T)) of sealed templates, (n, d)."""
        directions = self._directions(self._seen_of_templates(photos, change, rows, self.sealed))
        return np.einsum("nji,nj->ni", self._turns(rows), directions)

    def _seen_of_templates(
        self, photos: Photos, change: str, rows: np.ndarray, generator: Checkpoint
    ) -> np.ndarray:
        """F(T), (n, m)."""

        def compute(chunk: np.ndarray) -> np.ndarray:
            return self._embed_templates(photos.seen(change, chunk).embeddings, chunk, generator)

        key = f"{photos.key(change)}-{generator.record['sha256'][:12]}"
        code = [*photos.code, Generators, make_templates, type(generator.model), rotation]
        what = f"templates of {generator.name}, {change}"
        return kept_rows(key, code, len(photos.files), rows, compute, what, BATCH)

    @torch.inference_mode()
    def _embed_templates(
        self, embeddings: np.ndarray, rows: np.ndarray, generator: Checkpoint
    ) -> np.ndarray:
        targets = embeddings
        if generator is self.sealed:
            targets = np.einsum("nij,nj->ni", self._turns(rows), self._directions(embeddings))
        known = torch.from_numpy(targets).to(self.device)
        templates = make_templates(generator.model, self.recogniser, known, known)
        return self.recogniser(templates).cpu().numpy()

    @torch.inference_mode()
    def _directions(self, embeddings: np.ndarray) -> np.ndarray:
        known = torch.from_numpy(embeddings).to(self.device)
        return self.sealed.model.direction(known).cpu().numpy()

    def _turns(self, rows: np.ndarray) -> np.ndarray:
        """R_k of each photo's key, (n, d, d). The keys are hashes of fixed words."""
        size = self.sealed.model.config.directions
        keys = [hashlib.sha256(f"key of photo {row}".encode()).digest() for row in rows]
        return np.stack([rotation(key, size) for key in keys]).astype(np.float32)


def squared(references: np.ndarray, probes: np.ndarray) -> np.ndarray:
    """Eq. 1 of every reference and every probe, unit vectors (n, m) and (k, m) -> (n, k)."""
    return 2 - 2 * references @ probes.T


# one enrolment


def one_person(probes: np.ndarray, people: np.ndarray, threshold: float) -> dict:
    """Number of photos -> people, refused, missed, half_missed: see `training.quality.gate`.

    probes: what a login compares of photos, (n, m); people: their names. For each set, a person and
    a stranger who have enough photos are drawn.
    """
    chooser = np.random.default_rng(0)
    rows_of = {person: np.flatnonzero(people == person) for person in np.unique(people)}
    found = {}
    for count in range(2, MOST_PHOTOS + 1):
        enough = [person for person, rows in rows_of.items() if len(rows) >= count]
        if len(enough) < 2:
            continue
        draws = [
            _accepted_sets(chooser, probes, rows_of, enough, count, threshold) for _ in range(SETS)
        ]
        accepted = np.array(draws).mean(0)
        found[str(count)] = {
            "people": len(enough),
            "refused": 1 - float(accepted[0]),
            "missed": float(accepted[1]),
            "half_missed": float(accepted[2]),
        }
    return found


def _accepted_sets(
    chooser: np.random.Generator,
    probes: np.ndarray,
    rows_of: dict[str, np.ndarray],
    people: list[str],
    count: int,
    threshold: float,
) -> list[bool]:
    """Which sets of photos pass: all of one person; the last a stranger's; half a stranger's."""
    person, stranger = chooser.choice(people, 2, replace=False)
    own = chooser.choice(rows_of[person], count, replace=False)
    foreign = chooser.choice(rows_of[stranger], count, replace=False)
    sets = [np.append(own[: count - few], foreign[:few]) for few in (0, 1, count // 2)]
    return [_is_one_person(probes[rows], threshold) for rows in sets]


def _is_one_person(probes: np.ndarray, threshold: float) -> bool:
    try:
        check_one_person(torch.from_numpy(probes), threshold)
        return True
    except BadPicture:
        return False


# a search


def identification(
    references: np.ndarray, probes: np.ndarray, generator: str, record: dict
) -> dict:
    """Number of names -> what `identification` in `training.quality.gate` tells of it.

    references: F(T), (n, templates of a name, m); probes: F(X) of one photo each, (n, m). generator
    and record: what made the templates. Each draw enrols so many people and searches for others.
    """
    templates = references.shape[1]
    squared_distances = squared(references.reshape(-1, references.shape[2]), probes)
    nearest = squared_distances.reshape(len(references), templates, -1).min(1)  # name, probe
    alone = operating_point(record).threshold
    found = {}
    for names in NAMES:
        if names + STRANGERS > len(probes):
            break
        point = for_search(record, names * templates)
        named, named_alone = named_shares(nearest, names, (point.threshold, alone))
        compared = [(generator, names * templates)]
        found[str(names)] = {
            "fmr": point.fmr,
            "named": named,
            "predicted": thresholds.false_name_chance(compared, point.threshold),
            "named_at_one_to_one": named_alone,
        }
    return found


def named_shares(nearest: np.ndarray, names: int, limits: tuple[float, ...]) -> list[float]:
    """Share of strangers who are named at each limit, the mean of DRAWS draws.

    nearest: squared distances of each name's nearest template and each probe, (n, n).
    """
    chooser = np.random.default_rng(0)
    shares = []
    for _ in range(DRAWS):
        drawn = chooser.permutation(len(nearest))
        enrolled, strangers = drawn[:names], drawn[names : names + STRANGERS]
        distances = nearest[np.ix_(enrolled, strangers)].min(0)
        shares.append([(distances < limit).mean() for limit in limits])
    return np.mean(shares, 0).tolist()
