"""Table 5's failures as numbers: high on the failure, low on templates that have nothing to do with
the picture.
"""

import pytest
import torch
from torch.nn import functional as F

from training.measure.failures import (
    LIMITS,
    blank,
    contours_kept,
    failures,
    only_colours_changed,
    warnings,
)


def smooth(seed, size=40, coarse=5):
    """Eight pictures of soft colour patches."""
    patches = torch.rand(8, 3, coarse, coarse, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(patches, size=size, mode="bicubic").clamp(0, 1)


@pytest.fixture(scope="module")
def real():
    """Patches with hard-edged shapes on them, the shapes elsewhere on every picture."""
    pictures = smooth(0) * 0.6
    for i, picture in enumerate(pictures):
        picture[:, 4 + 2 * i : 14 + 2 * i, 6:30] += 0.4
        picture[:, 8:36, 30 - 3 * i : 34 - 3 * i] *= 0.3
    return pictures.clamp(0, 1)


@pytest.fixture(scope="module")
def noise():
    return torch.rand(8, 3, 40, 40, generator=torch.Generator().manual_seed(9))


def test_noise_has_none_of_them(real, noise):
    numbers = failures(noise, real)
    assert set(numbers) == set(LIMITS)
    assert all(0 <= value < 0.3 for value in numbers.values()), numbers
    assert warnings(numbers) == []


@pytest.mark.parametrize(
    "template",
    [torch.full((3, 40, 40), 0.7), smooth(4)[0]],
    ids=["one colour", "one picture for all"],
)
def test_constant_output_is_blank(real, template):
    templates = template.expand_as(real)
    assert blank(templates, real) > 0.99
    assert warnings(failures(templates, real))[0].startswith(
        "the templates hardly depend on the picture"
    )


def test_blank_by_hand():
    """Standard deviations over the batch, 0 and 1 against 0.25 and 0.5: a quarter of the spread is
    left.
    """
    real = torch.tensor([0.0, 1.0]).reshape(2, 1, 1, 1).expand(2, 1, 4, 4)
    assert blank(0.25 + 0.25 * real, real) == pytest.approx(0.75)
    assert blank(real, real) == 0 and blank(real, 0.25 * real) == 0


RECOLOURED = {
    "inverted": lambda x: 1 - x,
    "channels swapped": lambda x: x[:, [2, 0, 1]],
    "darker": lambda x: 0.4 * x,
    "solarised": lambda x: 4 * x * (1 - x),
    "inverted, with a little noise": lambda x: (
        1 - x + 0.05 * torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    ),
}


@pytest.mark.parametrize("name", RECOLOURED)
def test_recoloured_pictures(real, name):
    templates = RECOLOURED[name](real)
    assert only_colours_changed(templates, real) > 0.95
    assert any("other colours" in warning for warning in warnings(failures(templates, real)))


def test_edges_kept_with_contents_changed(real):
    """The picture's fine structure on the soft patches of another one: its edges are all there, its
    colours are not.
    """
    ground = F.avg_pool2d(F.pad(real, (6, 6, 6, 6), mode="reflect"), 13, 1)
    templates = (0.2 + 0.6 * smooth(5, coarse=3) + 0.8 * (real - ground)).clamp(0, 1)
    assert contours_kept(1 - real, real) == pytest.approx(1, abs=1e-4)
    assert contours_kept(templates, real) > 0.8
    assert only_colours_changed(templates, real) < 0.5
    assert any("contours" in warning for warning in warnings(failures(templates, real)))


def test_another_picture_is_none_of_the_three(real):
    """Each picture answered with the next one: as lively as the pictures, but with foreign edges
    and colours.
    """
    numbers = failures(real.roll(1, 0).flip(-1), real)
    assert numbers["blank"] < 0.01 and all(numbers[name] < LIMITS[name] for name in LIMITS)


def test_equal_numbers_do_not_warn():
    assert warnings(dict(LIMITS)) == []
    assert len(warnings({name: limit + 0.01 for name, limit in LIMITS.items()})) == 3
