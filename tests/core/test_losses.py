"""Eq. 4 and 7-9: by hand, against loops, and where their gradient stops."""

import pytest
import torch

from ndcb.core import losses
from ndcb.core.distances import l1


def unit(*shape, seed=0):
    x = torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    return x / x.norm(dim=-1, keepdim=True)


def test_triplet_by_hand():
    """Squared distances 0.5 and 2: 0.5 - 2 + 0.2 < 0. The other way round 2 - 0.5 + 0.2 = 1.7.
    Equal ones leave the margin.
    """
    a = torch.tensor([[0.0, 0]]).repeat(3, 1)
    near, far = torch.tensor([0.5, 0.5]), torch.tensor([1.0, -1.0])
    positive, negative = torch.stack([near, far, near]), torch.stack([far, near, near])
    torch.testing.assert_close(
        losses.triplet(a, positive, negative, 0.2), torch.tensor([0, 1.7, 0.2])
    )


def test_triplet_against_a_loop():
    anchor, positive, negative = unit(3, 40, 10)
    for i, loss in enumerate(losses.triplet(anchor, positive, negative, 0.2)):
        d = [
            sum((x - y) ** 2 for x, y in zip(anchor[i].tolist(), other[i].tolist(), strict=True))
            for other in (positive, negative)
        ]
        assert loss.item() == pytest.approx(max(d[0] - d[1] + 0.2, 0), abs=1e-5)


def test_triplet_gradient_pulls_the_positive_and_pushes_the_negative():
    anchor = torch.zeros(2, 2)
    positive = torch.tensor([[1.0, 0], [0.1, 0]], requires_grad=True)
    negative = torch.tensor([[0, 1.0], [0, 1.0]], requires_grad=True)
    losses.triplet(anchor, positive, negative, 0.2).sum().backward()
    torch.testing.assert_close(
        positive.grad, torch.tensor([[2.0, 0], [0, 0]])
    )  # the second is beyond the margin already
    torch.testing.assert_close(negative.grad, torch.tensor([[0, -2.0], [0, 0]]))


def test_image_loss_is_the_negative_distance():
    a, b = torch.rand(2, 3, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(losses.image_loss(a, b, l1), -l1(a, b))
    assert losses.image_loss(
        torch.ones(1, 1, 2, 2), torch.zeros(1, 1, 2, 2), l1
    ).item() == pytest.approx(-1)


def test_image_loss_keeps_the_order_of_its_arguments():
    """Eq. 17 weighs by the real picture, which comes second."""
    loss = losses.image_loss(
        torch.tensor([5.0]), torch.tensor([2.0]), lambda generated, real: generated - real
    )
    assert loss.item() == -3


def test_embedding_loss_by_hand():
    real = torch.tensor([[1.0, 0]]).repeat(3, 1)
    generated = torch.tensor([[0, 1.0], [0.6, 0.8], [1, 0]])  # squared distances 2, 0.8, 0
    torch.testing.assert_close(
        losses.embedding_loss(generated, real, 0.5), torch.tensor([1.5, 0.3, 0])
    )
    torch.testing.assert_close(losses.embedding_loss(generated, real, 0), torch.tensor([2, 0.8, 0]))


def test_embedding_loss_against_a_loop():
    generated, real = unit(2, 40, 16, seed=2)
    for i, loss in enumerate(losses.embedding_loss(generated, real, 1.9)):
        distance = sum(
            (x - y) ** 2 for x, y in zip(generated[i].tolist(), real[i].tolist(), strict=True)
        )
        assert loss.item() == pytest.approx(max(distance - 1.9, 0), abs=1e-5)


def test_no_gradient_within_the_margin():
    real = torch.tensor([[0.0, 0], [0, 0]])
    generated = torch.tensor(
        [[0.4, 0], [0.5, 0]], requires_grad=True
    )  # squared distances 0.16 and 0.25 about alpha = 0.2
    losses.embedding_loss(generated, real, 0.2).sum().backward()
    torch.testing.assert_close(generated.grad, torch.tensor([[0.0, 0], [1.0, 0]]))


@pytest.mark.parametrize(
    "pi_emb, expected",
    [(0, [-0.4, -0.1]), (1, [0.5, 0.0]), (0.1, [-0.31, -0.09]), (0.9, [0.41, -0.01])],
)
def test_generator_loss_by_hand(pi_emb, expected):
    total = losses.generator_loss(torch.tensor([-0.4, -0.1]), torch.tensor([0.5, 0.0]), pi_emb)
    torch.testing.assert_close(total, torch.tensor(expected))
