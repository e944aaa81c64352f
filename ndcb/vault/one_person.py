"""Are all photos of an enrolment of one person? If not, either of two people could log in."""

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

    embeddings: what a login compares of each photo, (n, m), without a key. threshold: the squared
    distance under which a login is accepted. what: a key of ADVICE. How often it errs:
    docs/quality.md.
    """
    distances = squared_euclidean(embeddings[:, None], embeddings[None])
    middle = int(distances.sum(1).argmin())
    far = distances[middle] >= threshold
    far[middle] = False
    others = (far.nonzero()[:, 0] + 1).tolist()
    if others:
        raise BadPicture(f"{_who(others, middle + 1, len(embeddings), what)} {ADVICE[what]}")


def _who(others: Sequence[int], middle: int, photos: int, what: str) -> str:
    """Numbers of photos, from 1 on -> which of them do not fit; of two photos nobody can tell."""
    if photos == 2:
        return f"Photos 1 and 2 do not show one {what}."
    *first, last = map(str, others)
    if not first:
        return f"Photo {last} shows another {what} than photo {middle}."
    return f"Photos {', '.join(first)} and {last} show another {what} than photo {middle}."
