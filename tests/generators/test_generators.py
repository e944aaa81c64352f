"""The U-Net: shapes, range, sizes, and that it can learn."""

import pytest
import torch

from ndcb.generators.unet import UNet, UNetConfig


def parameters(config: UNetConfig) -> int:
    with torch.device("meta"):
        return sum(p.numel() for p in UNet(config).parameters())


@pytest.mark.parametrize(
    "config",
    [
        UNetConfig(width=4),
        UNetConfig(width=4, depth=2),
        UNetConfig(width=8, fold=2),
        UNetConfig(width=4, depth=3, fold=4),
        UNetConfig(1, 28, 8, 2),
        UNetConfig(1, 28, 4, 1, 2),
    ],
    ids=str,
)
def test_a_template_has_the_pictures_shape(config):
    torch.manual_seed(0)
    model = UNet(config)
    picture = torch.rand(2, config.channels, config.size, config.size)
    template = model(picture)
    assert template.shape == picture.shape and picture.shape[1:] == model.image_shape
    assert (template > 0).all() and (template < 1).all()
    assert template.std() > 0.01
    torch.testing.assert_close(model(picture[1:]), template[1:], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    "config, step",
    [(UNetConfig(1, 28, 4, 3), 8), (UNetConfig(size=150), 16), (UNetConfig(size=48, fold=2), 32)],
    ids=str,
)
def test_a_size_that_cannot_be_halved_is_refused(config, step):
    with pytest.raises(ValueError, match=f"size {config.size} must be divisible by {step}"):
        UNet(config)


def test_size_of_the_papers_model():
    """31 million, as Ronneberger's U-Net; counted by hand for width w, depth 1, one channel:
    down 9w + w, 9ww + w; below 18ww + 2w, 36ww + 2w; grow 8ww + w; up 18ww + w, 9ww + w; out w + 1.
    """
    assert parameters(UNetConfig()) == pytest.approx(31.0e6, rel=0.01)
    assert parameters(UNetConfig(1, 16, 10, 1)) == 98 * 100 + 9 * 10 + 9 * 10 + 10 + 1


@pytest.mark.parametrize("fold", [1, 2])
def test_width_16_is_under_8_mb_in_half_precision(fold):
    assert 3e6 < 2 * parameters(UNetConfig(width=16, fold=fold)) < 8e6


def test_weights_start_as_he_has_them():
    """Standard deviation sqrt(2 / n) of n inputs, biases 0."""
    torch.manual_seed(0)
    block = UNet(UNetConfig(width=32, size=16, depth=1)).down[1]
    assert block[2].weight.std().item() == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.02)
    assert (block[2].bias == 0).all() and block[1].negative_slope == 0.01


@pytest.mark.parametrize("fold", [1, 2])
def test_one_batch_overfits(fold):
    """200 steps on four pictures: the template becomes the inverted picture."""
    torch.manual_seed(0)
    model = UNet(UNetConfig(3, 16, 12, 2, fold))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    picture = torch.rand(4, 3, 4, 4).repeat_interleave(4, 2).repeat_interleave(4, 3)
    losses = []
    for _ in range(200):
        loss = (model(picture) - (1 - picture)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] > 0.05 and losses[-1] < 0.003
