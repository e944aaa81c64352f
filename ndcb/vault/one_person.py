"""Do all photos of an enrolment show one person? If not, either of two people could log in."""

from collections.abc import Sequence

import torch

from ndcb.core.distances import squared_euclidean
from ndcb.core.terms import BadPicture

ADVICE = {
    "person": "Give photos of one person; of a photo with several faces the largest counts.",
    "digit": "Give pictures of one digit.",
}


def check_one_person(embeddings: torch.Tensor, threshold: float, what: str = "person") -> None:
    """Raises BadPicture where a photo is too far from the one that is nearest to all others.

    embeddings: (n, m), what a login compares of each photo, without a key. threshold: a squared
    distance. what: a key of ADVICE. docs/quality.md says how often it errs.
    """
    squared_distances = squared_euclidean(embeddings[:, None], embeddings[None])
    middle = int(squared_distances.sum(1).argmin())
    far = squared_distances[middle] >= threshold
    far[middle] = False
    others = (far.nonzero()[:, 0] + 1).tolist()
    if others:
        raise BadPicture(f"{_who(others, middle + 1, len(embeddings), what)} {ADVICE[what]}")


def _who(others: Sequence[int], middle: int, photos: int, what: str) -> str:
    """A sentence: which photos, by their numbers from 1 on, differ from the middle one."""
    if photos == 2:  # nobody can tell which of them is wrong
        return f"Photos 1 and 2 do not show one {what}."
    *first, last = map(str, others)
    if not first:
        return f"Photo {last} shows another {what} than photo {middle}."
    return f"Photos {', '.join(first)} and {last} show another {what} than photo {middle}."
