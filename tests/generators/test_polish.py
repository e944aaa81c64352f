"""Polish: templates come nearer to their embedding, and never go further away."""

import pytest
import torch
from torch import nn

from ndcb.core.distances import squared_euclidean
from ndcb.core.tensors import quantise
from ndcb.core.terms import UserError
from ndcb.generators.polish import polish


class Projection(nn.Module):
    """A fixed, slightly bent projection of the pixels to eight numbers of length 1."""

    def __init__(self):
        super().__init__()
        self.register_buffer(
            "weight", torch.randn(3 * 8 * 8, 8, generator=torch.Generator().manual_seed(0))
        )

    def forward(self, picture):
        return nn.functional.normalize(
            torch.tanh((picture - 0.5).flatten(1) @ self.weight / 4), dim=1
        )


@pytest.fixture
def case():
    chance = torch.Generator().manual_seed(1)
    templates = 0.3 + 0.4 * torch.rand(4, 3, 8, 8, generator=chance)
    return (
        templates,
        nn.functional.normalize(torch.randn(4, 8, generator=chance), dim=1),
        Projection(),
    )


def shift(templates, targets, recogniser):
    return squared_euclidean(recogniser(templates), targets)


def test_it_comes_nearer_with_every_few_steps_and_stays_8_bit(case):
    templates, targets, recogniser = case
    before = shift(quantise(templates), targets, recogniser)
    few, many = (polish(templates, targets, recogniser, steps) for steps in (2, 30))
    assert (shift(few, targets, recogniser) < before).all()
    assert shift(many, targets, recogniser).mean() < 0.05 * before.mean()
    assert torch.equal(many, quantise(many)) and many.min() >= 0 and many.max() <= 1


def test_without_a_step_it_is_only_rounded(case):
    templates, targets, recogniser = case
    assert torch.equal(polish(templates, targets, recogniser, 0), quantise(templates))


def test_it_works_inside_inference_mode_and_leaves_its_input_alone(case):
    templates, targets, recogniser = case
    outside = polish(templates, targets, recogniser, 3)
    with torch.inference_mode():
        held = templates.clone()
        inside = polish(held, targets.clone(), recogniser, 3)
    assert torch.equal(inside, outside) and torch.equal(held, templates)


def test_a_template_that_is_there_already_stays(case):
    templates, _, recogniser = case
    stored = quantise(templates)
    assert torch.equal(polish(stored, recogniser(stored), recogniser, 5), stored)


def test_fewer_than_no_steps_are_refused(case):
    with pytest.raises(UserError, match="0 steps or more; asked for are -1"):
        polish(*case, -1)


def test_one_picture_has_no_say_in_another(case):
    templates, targets, recogniser = case
    torch.testing.assert_close(
        polish(templates[:1], targets[:1], recogniser, 4),
        polish(templates, targets, recogniser, 4)[:1],
    )
