"""The bottleneck generator and its training: it reads embeddings only, stays near its carrier, and
can learn.
"""

import io
from dataclasses import replace

import pytest
import torch
from accelerate import Accelerator
from PIL import Image
from torch import nn

from ndcb.core.tensors import quantise, to_pictures, to_tensor
from ndcb.faces.samples import portrait
from ndcb.generators import make_templates
from ndcb.generators.bottleneck import Bottleneck, BottleneckConfig, rosette
from ndcb.generators.unet import UNet, UNetConfig
from training import presets
from training.loops.bottleneck import (
    JPEG_QUALITY,
    Embeddings,
    disturbed,
    resampled,
    saved_as_jpeg,
    training_step,
    variance_between_people,
)
from training.presets import BottleneckTraining, Schedule

SMALL = BottleneckConfig(6, 4, (8, 4, 4, 4, 4), 0.1)


def unit(*shape: int) -> torch.Tensor:
    return nn.functional.normalize(torch.randn(*shape), dim=1)


def test_a_template_is_the_carrier_changed_by_at_most_so_much():
    torch.manual_seed(0)
    model = Bottleneck(SMALL)
    nn.init.normal_(model.out.weight, std=100)
    template = model(unit(3, 6))
    assert template.shape == (3, 3, 160, 160) == (3, *model.image_shape)
    change = (template - model.carrier).abs()
    assert change.max() <= 0.1 + 1e-6 and change.mean() > 0.05
    assert template.min() >= 0 and template.max() <= 1


def test_the_carrier_leaves_room_and_is_the_same_everywhere():
    carrier = rosette(160)
    assert carrier.shape == (3, 160, 160) and carrier.min() > 0.15 and carrier.max() < 0.85
    for axis in (1, 2):
        torch.testing.assert_close(carrier.flip(axis), carrier, atol=1e-5, rtol=0)
    assert carrier[:, 80, 80].tolist() == pytest.approx([0.7017, 0.3974, 0.4071], abs=1e-3)


def test_a_checkpoint_is_under_8_mb_in_half_precision():
    with torch.device("meta"):
        model = Bottleneck(BottleneckConfig())
    assert 4e6 < 2 * sum(value.numel() for value in model.state_dict().values()) < 8e6


def test_the_input_is_centred_and_of_like_spread():
    """Variances 9, 4, 1 along the axes: the two directions kept are divided by 3 + 2 and 2 + 2."""
    model = Bottleneck(replace(SMALL, embedding=3, directions=2))
    points = (
        torch.tensor([[3.0, 0, 0], [-3, 0, 0], [0, 2, 0], [0, -2, 0], [0, 0, 1], [0, 0, -1]])
        * 3**0.5
        + 5
    )
    model.fit_input(points)
    torch.testing.assert_close(model.mean, torch.full((3,), 5.0))
    torch.testing.assert_close(
        model.basis.abs(), torch.tensor([[1 / 5, 0], [0, 1 / 4], [0, 0]]), atol=1e-5, rtol=1e-5
    )


class Brightness(nn.Module):
    """Picture -> embedding of six numbers; counts its calls."""

    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, picture):
        self.calls += 1
        return nn.functional.normalize(
            nn.functional.adaptive_avg_pool2d(picture, (1, 2)).flatten(1), dim=1
        )


def test_each_family_is_given_what_it_reads():
    torch.manual_seed(0)
    pictures, recogniser = torch.rand(2, 3, 160, 160), Brightness()
    unet, bottleneck = UNet(UNetConfig(width=4, depth=1)).eval(), Bottleneck(SMALL).eval()
    torch.testing.assert_close(make_templates(unet, recogniser, pictures), quantise(unet(pictures)))
    assert recogniser.calls == 0
    template = make_templates(bottleneck, recogniser, pictures)
    assert recogniser.calls == 1
    torch.testing.assert_close(template, quantise(bottleneck(recogniser(pictures))))
    known = unit(2, 6)
    torch.testing.assert_close(
        make_templates(bottleneck, recogniser, pictures, known), quantise(bottleneck(known))
    )
    assert recogniser.calls == 2


def test_two_pictures_of_one_embedding_give_one_template():
    """The generator cannot leak what the embedding does not hold."""
    torch.manual_seed(0)
    model, one = Bottleneck(SMALL).eval(), torch.rand(1, 3, 160, 160)
    other = one.flip(2)  # another picture, the same mean brightness per row of blocks
    whole = lambda picture: nn.functional.normalize(picture.mean((2, 3)).repeat(1, 2), dim=1)  # noqa: E731
    assert torch.equal(
        make_templates(model, whole, one), make_templates(model, whole, other)
    ) and not torch.equal(one, other)


def test_one_batch_overfits():
    """200 steps: four embeddings are read again from the templates by a fixed random projection."""
    torch.manual_seed(0)
    model = Bottleneck(replace(SMALL, change=0.5))
    reader, known = torch.randn(6, 3 * 20 * 20) / 5, unit(4, 6)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(200):
        seen = nn.functional.avg_pool2d(model(known) - model.carrier, 8).flatten(1) @ reader.T
        losses.append((nn.functional.normalize(seen, dim=1) - known).square().sum(1).mean())
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    assert losses[0] > 0.5 and losses[-1] < 0.01


def test_drawn_embeddings_are_of_length_one_and_fixed_by_their_seed():
    torch.manual_seed(0)
    material, config = Embeddings(unit(50, 8)), presets.faces_bottleneck()
    one, again, other = (
        material.draw(config, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(one, again) and not torch.equal(one, other)
    assert one.shape == (config.schedule.batch, 8)
    torch.testing.assert_close(one.norm(dim=1), torch.ones(len(one)))
    bare = material.draw(replace(config, mix=0.0, noise=0.0), torch.Generator().manual_seed(1))
    assert all((row - material.known).norm(dim=1).min() < 1e-5 for row in bare)
    assert sum(bool((row - material.known).norm(dim=1).min() < 1e-5) for row in one) < len(one)


def test_variance_between_people_by_hand():
    """Two templates that differ by 0.2 in one of four blocks: variance 0.01 there, a quarter of it
    on average. A fine pattern is unseen.
    """
    a = torch.full((3, 16, 16), 0.5)
    b = a.clone()
    b[:, :8, :8] += 0.2
    assert float(variance_between_people(torch.stack([a, b]), 8)) == pytest.approx(0.0025, rel=1e-4)
    c = a + 0.2 * torch.tensor([1.0, -1]).repeat(8)
    assert float(variance_between_people(torch.stack([a, c]), 8)) == pytest.approx(0, abs=1e-9)


def test_the_objective_against_transfer_begins_at_its_share_of_the_steps():
    config = replace(
        presets.faces_bottleneck(),
        model=SMALL,
        uniformity=3.0,
        uniformity_from=0.5,
        schedule=presets.Schedule(steps=10),
    )
    recogniser, target = Brightness(), unit(4, 6)
    for step, weight in ((4, 0.0), (5, 3.0)):
        torch.manual_seed(0)
        model = Bottleneck(config.model)
        row = training_step(
            config,
            Accelerator(cpu=True),
            model,
            recogniser,
            torch.optim.Adam(model.parameters()),
            target,
            step,
            torch.Generator().manual_seed(0),
        )
        assert row["loss"] == pytest.approx(
            row["embedding_distance"] + weight * row["variance_between_people"], rel=1e-5
        )
        assert row["variance_between_people"] > 0


def test_a_share_of_the_batch_is_disturbed():
    torch.manual_seed(0)
    template, chance = torch.rand(4, 3, 160, 160), torch.Generator().manual_seed(0)
    changed = disturbed(template, settings(disturbed=0.5), chance)
    assert torch.equal(changed[2:], template[2:])
    assert (
        (changed[:2] - template[:2]).abs().mean() > 0.05
        and changed.min() >= 0
        and changed.max() <= 1
    )
    assert disturbed(template, settings(), chance) is template


def test_the_other_end_of_the_batch_is_compressed():
    torch.manual_seed(0)
    template, chance = torch.rand(4, 3, 32, 32), torch.Generator().manual_seed(0)
    changed = disturbed(template, settings(disturbed=0.25, compressed=0.5), chance)
    same = (changed == template).flatten(1).all(1)
    assert same.tolist() == [False, True, False, False]


def test_a_batch_is_compressed_as_a_jpeg_file_is():
    """Against Pillow's own JPEG. Its tables are rounded to whole numbers, so the two differ by a
    few levels.
    """
    smooth = resampled(resampled(portrait_tensor(), 0.3), 0.5)
    for seed in range(3):
        chance = torch.Generator().manual_seed(seed)
        least, most = JPEG_QUALITY
        drawn = torch.rand(1, generator=torch.Generator().manual_seed(seed))
        quality = round(float(least + (most - least) * drawn))
        changed = saved_as_jpeg(smooth, chance)
        file = io.BytesIO()
        to_pictures(smooth)[0].save(file, "JPEG", quality=quality)
        expected = to_tensor([Image.open(file)])
        assert (changed - expected).abs().mean() < 0.01


def test_compression_passes_a_gradient():
    template = torch.rand(1, 3, 32, 32, requires_grad=True)
    saved_as_jpeg(template, torch.Generator().manual_seed(0)).square().sum().backward()
    assert template.grad.isfinite().all() and template.grad.abs().mean() > 0


def settings(**shares: float) -> BottleneckTraining:
    return BottleneckTraining("disturbed", Schedule(1), **shares)


def portrait_tensor() -> torch.Tensor:
    return to_tensor([portrait().resize((112, 112))])
