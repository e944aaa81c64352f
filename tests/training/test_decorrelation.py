"""What a linear look through small windows gives away: all of a recoloured picture, little of
another one.
"""

import numpy as np
import pytest
import torch

from training.loops.decorrelation import FLOOR, WINDOW, _unexplained, unexplained


@pytest.fixture
def picture():
    """Smooth and with edges, as faces are: (1, 3, 160, 160)."""
    torch.manual_seed(0)
    coarse = torch.nn.functional.interpolate(
        torch.rand(1, 3, 12, 12), size=160, mode="bicubic"
    ).clamp(0, 1)
    return torch.where(torch.arange(160) > 70, coarse, 1 - coarse)


def test_recolouring_hides_nothing(picture):
    mixed = torch.einsum(
        "ij,njhw->nihw", torch.tensor([[0.0, 0, -1], [0.6, 0.2, 0], [0.1, 0.4, 0.3]]), picture
    )
    for recoloured in (
        picture,
        1 - picture,
        picture.flip(1),
        0.2 + 0.3 * picture,
        mixed - mixed.min(),
    ):
        assert float(unexplained(recoloured, picture)) < 0.03


def test_a_half_may_be_inverted_on_its_own(picture):
    signs = torch.where(torch.arange(160) < 80, 1.0, -1.0)
    assert (
        float(unexplained(0.5 + signs * (picture - 0.5), picture)) < 0.2
    )  # what the windows across the border do not see through


def test_noise_and_a_blank_picture_hide_all_but_chance(picture):
    """Three colours fit 3 of a window's 64 pixels by chance."""
    torch.manual_seed(1)
    assert float(_unexplained(torch.rand(1, 3, 160, 160), picture)) == pytest.approx(
        1 - 3 / WINDOW**2, abs=0.03
    )
    assert float(unexplained(torch.full_like(picture, 0.5), picture)) == pytest.approx(1, abs=1e-3)


def test_one_window_equals_least_squares():
    rng = np.random.default_rng(0)
    template, real = rng.random((2, 3, 64))
    centred = (template - template.mean(1, keepdims=True)).T, (real - real.mean(1, keepdims=True)).T
    residual = np.linalg.lstsq(*centred, rcond=None)[1].sum()
    as_picture = lambda values: torch.from_numpy(values).float().reshape(1, 3, 8, 8)  # noqa: E731
    found = _unexplained(as_picture(template), as_picture(real))
    assert float(found[0]) == pytest.approx(residual / (centred[1] ** 2).sum(), abs=10 * FLOOR)


def test_each_picture_counts_for_itself_and_the_gradient_is_finite(picture):
    torch.manual_seed(2)
    noise = torch.rand(1, 3, 160, 160)
    together = unexplained(torch.cat([picture, noise]), picture.repeat(2, 1, 1, 1))
    torch.testing.assert_close(
        together, torch.cat([unexplained(picture, picture), unexplained(noise, picture)])
    )
    for start in (picture, noise, torch.full_like(picture, 0.5)):
        template = start.clone().requires_grad_()
        unexplained(template, picture).sum().backward()
        assert torch.isfinite(template.grad).all()
