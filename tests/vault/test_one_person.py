"""Photos of two people in one enrolment, by distances known by hand."""

import numpy as np
import pytest
import torch

from ndcb.core.terms import BadPicture
from ndcb.vault.one_person import check_one_person

THRESHOLD = 0.5
NEAR, FAR = 0.4, 0.6


def embeddings(*distances: float) -> torch.Tensor:
    """Unit vectors with these squared distances: 1-2, 1-3, ... 2-3, ..."""
    count = round((1 + (1 + 8 * len(distances)) ** 0.5) / 2)
    cosines = np.eye(count)
    cosines[np.triu_indices(count, 1)] = 1 - np.array(distances) / 2
    return torch.from_numpy(np.linalg.cholesky(np.maximum(cosines, cosines.T)))


def test_the_embeddings_are_as_far_apart_as_they_are_said_to_be():
    found = torch.pdist(embeddings(0.1, 0.2, 0.3)).square()
    torch.testing.assert_close(found, torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64))


@pytest.mark.parametrize("distances", [(), (NEAR,), (NEAR, NEAR, FAR), (NEAR, NEAR, NEAR)])
def test_photos_near_one_of_them_are_of_one_person(distances):
    """Of three the first is near both others; that these are far from each other is no harm."""
    check_one_person(embeddings(*distances), THRESHOLD)


@pytest.mark.parametrize(
    "distances, sentence",
    [
        ((FAR,), "Photos 1 and 2 do not show one person."),
        ((THRESHOLD,), "Photos 1 and 2 do not show one person."),
        ((NEAR, FAR, 0.9), "Photo 3 shows another person than photo 1."),
        ((0.9, FAR, NEAR), "Photo 1 shows another person than photo 3."),
        ((FAR, 0.7, 0.8), "Photos 2 and 3 show another person than photo 1."),
        ((1, 1, 1, 0.9, 1, 1), "Photos 1, 3 and 4 show another person than photo 2."),
    ],
)
def test_who_does_not_fit_is_named(distances, sentence):
    with pytest.raises(BadPicture) as error:
        check_one_person(embeddings(*distances), THRESHOLD)
    assert str(error.value).startswith(f"{sentence} Give photos of one person")


def test_one_photo_is_of_one_person_at_any_threshold():
    check_one_person(embeddings(), 0.0)
