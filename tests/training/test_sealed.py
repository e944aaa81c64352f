"""The sealed generator: its directions are whitened and of length 1, and its templates depend on
nothing else.
"""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from ndcb.core.terms import UserError
from ndcb.generators.sealed import Sealed, SealedConfig
from ndcb.models import checkpoints
from training import presets
from training.loops.sealed import first_weights

SMALL = SealedConfig(3, 6, 4, (8, 4, 4, 4, 4), 0.5)


@pytest.fixture
def embeddings():
    torch.manual_seed(0)
    return F.normalize(
        torch.randn(4000, 6) * torch.tensor([1.0, 0.7, 0.5, 0.1, 0.05, 0.02])
        + torch.tensor([0.3, 0, 0, 0, 0, 0.2])
    )


def test_whitened_directions_fill_the_sphere(embeddings):
    model = Sealed(SMALL)
    model.fit_input(embeddings, 0.5)
    found = model.direction(embeddings)
    assert found.shape == (4000, 3)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(4000))
    torch.testing.assert_close(found.T @ found / 4000, torch.eye(3) / 3, atol=0.05, rtol=0)


def test_without_whitening_the_variances_stay(embeddings):
    """What is projected are plain principal components; here they are compared with NumPy's own."""
    model = Sealed(SMALL)
    model.fit_input(embeddings, 0.0)
    values, vectors = torch.linalg.eigh(torch.cov(embeddings.T, correction=0))
    expected = F.normalize((embeddings - embeddings.mean(0)) @ vectors[:, [5, 4, 3]])
    torch.testing.assert_close(
        model.direction(embeddings).abs(), expected.abs(), atol=1e-4, rtol=1e-3
    )


def test_an_embedding_that_points_there_is_found(embeddings):
    model = Sealed(SMALL)
    model.fit_input(embeddings, 0.25)
    direction = F.normalize(torch.randn(50, 3))
    found = model.embedding(direction)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(50))
    torch.testing.assert_close(model.direction(found), direction)


def test_a_template_is_in_range_and_near_its_carrier():
    torch.manual_seed(0)
    model = Sealed(SMALL).eval()
    template = model(F.normalize(torch.randn(2, 3)))
    assert template.shape == (2, 3, 160, 160) and template.min() >= 0 and template.max() <= 1
    assert (template - model.decoder.carrier).abs().max() <= 0.5 + 1e-6


def test_a_checkpoint_is_under_8_mb_in_half_precision():
    with torch.device("meta"):
        model = Sealed(SealedConfig())
    assert 2 * sum(value.numel() for value in model.state_dict().values()) < 8e6


def test_the_input_survives_half_precision(embeddings):
    model = Sealed(SMALL)
    model.fit_input(embeddings, 0.5)
    before = model.direction(embeddings)
    model.half().float()
    torch.testing.assert_close(model.direction(embeddings), before, atol=5e-3, rtol=0)


def test_the_decoder_begins_as_the_bottlenecks():
    config = replace(presets.faces_sealed(), model=SealedConfig())
    made = first_weights(config, torch.randn(200, 512))
    begun = checkpoints.load("faces-bottleneck").model
    assert all(
        torch.equal(value, made.decoder.state_dict()[name])
        for name, value in begun.state_dict().items()
    )


def test_a_decoder_of_another_shape_is_refused():
    with pytest.raises(UserError, match="has the shape"):
        first_weights(
            replace(presets.faces_sealed(), model=SealedConfig(change=0.2)), torch.randn(200, 512)
        )
