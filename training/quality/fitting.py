"""The quality gate, learned from the development people's photos.

A linear discriminant tells the embeddings of good photos from those of each kind of poor ones. Its
limit refuses at most REFUSED of the untouched photos. For that, each photo is judged by a
discriminant that has not seen its person.
"""

from dataclasses import replace

import numpy as np
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from ndcb.models.quality import Gate
from training.quality.poor_photos import HARMLESS, TAUGHT, UNTOUCHED
from training.quality.seen_photos import Photos, Seen

REFUSED = 0.008
"""Share of the development people's untouched photos that may be refused; the goal allows 0.01."""
FOLDS = 5


def fit(photos: Photos, recogniser: str) -> tuple[Gate, float]:
    """The gate, and the share of these people's untouched photos that it refuses."""
    good = untouched(photos)
    owners = np.unique(photos.people, return_inverse=True)[1]
    folds = np.random.default_rng(0).permutation(owners.max() + 1)[owners] % FOLDS
    scores = np.empty(len(owners))
    for fold in range(FOLDS):
        held_out = folds == fold
        gate = taught(photos, ~held_out, recogniser)
        scores[held_out] = worst_scores(gate, good.embeddings[held_out])

    scores = scores[good.found]
    limit = float(np.quantile(scores, 1 - REFUSED, method="higher"))
    gate = taught(photos, np.ones(len(owners), bool), recogniser)
    return replace(gate, limit=limit), float((scores > limit).mean())


def taught(photos: Photos, chosen: np.ndarray, recogniser: str) -> Gate:
    """A gate without a limit, from the chosen photos.

    All of them are used untouched; only each person's first one is changed.
    """
    firsts = photos.first
    embeddings = {
        change: found_embeddings(photos.seen(change, firsts), chosen[firsts])
        for change in (*HARMLESS, *TAUGHT)
    }
    embeddings[UNTOUCHED] = found_embeddings(untouched(photos), chosen)
    good = np.concatenate([embeddings.pop(change) for change in HARMLESS])
    return discriminant(good, embeddings, recogniser)


def discriminant(good: np.ndarray, poor: dict[str, np.ndarray], recogniser: str) -> Gate:
    """A gate without a limit, from F(X), (n, m), of good photos and of each change.

    Linear discriminant analysis: all classes share one covariance, shrunk as Ledoit and Wolf have
    it. Every class counts as equally likely.
    """
    classes = [good, *poor.values()]
    labels = np.repeat(np.arange(len(classes)), [len(embeddings) for embeddings in classes])
    priors = np.full(len(classes), 1 / len(classes))
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto", priors=priors)
    model.fit(np.concatenate(classes), labels)
    weights = model.coef_[1:] - model.coef_[0]
    offsets = model.intercept_[1:] - model.intercept_[0]
    kinds = tuple(TAUGHT[change] for change in poor)
    return Gate(recogniser, kinds, as_stored(weights), as_stored(offsets), float("inf"))


def as_stored(values: np.ndarray) -> torch.Tensor:
    """With the digits that the file keeps."""
    return torch.from_numpy(np.vectorize(short)(values)).float()


def short(value: float) -> float:
    """Five significant digits: more than any score means."""
    return float(f"{value:.5g}")


def worst_scores(gate: Gate, embeddings: np.ndarray) -> np.ndarray:
    """(n,): the largest score of each photo, which decides."""
    return gate.scores(torch.from_numpy(embeddings)).max(1).values.numpy()


def untouched(photos: Photos) -> Seen:
    return photos.seen(UNTOUCHED, np.arange(len(photos.files)))


def found_embeddings(seen: Seen, chosen: np.ndarray | bool = True) -> np.ndarray:
    """F(X) of the chosen photos in which a face was found."""
    return seen.embeddings[seen.found & chosen]
