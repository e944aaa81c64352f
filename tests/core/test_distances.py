"""Eq. 1 and 11-18: numbers worked out by hand, then naive loops over single pixels."""

import math

import kornia.filters
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ndcb.core.distances import (
    IMAGE_DISTANCES,
    combined,
    dssim,
    image_distances,
    l1,
    l2,
    mse,
    sobel,
    sobel_map,
    squared_euclidean,
    ssim,
)


def random_pair(seed=0, shape=(2, 3, 12, 14)):
    return torch.rand(2, *shape, generator=torch.Generator().manual_seed(seed))


def mirrored(position: int, length: int) -> int:
    """Index of a pixel beyond the border: ... 2 1 | 0 1 2 ... n-1 | n-2 ..."""
    return (
        -position
        if position < 0
        else 2 * (length - 1) - position
        if position >= length
        else position
    )


def filtered(plane, kernel):
    """Correlation of one (h, w) list of lists with a square kernel, pixel by pixel."""
    height, width, half = len(plane), len(plane[0]), len(kernel) // 2
    window = range(-half, half + 1)
    return [
        [
            sum(
                kernel[dy + half][dx + half]
                * plane[mirrored(y + dy, height)][mirrored(x + dx, width)]
                for dy in window
                for dx in window
            )
            for x in range(width)
        ]
        for y in range(height)
    ]


# Eq. 1


def test_squared_euclidean_by_hand():
    a, b = torch.tensor([[1.0, 0, 0], [0, 3, 4]]), torch.tensor([[0, 1.0, 0], [0, 0, 0]])
    torch.testing.assert_close(squared_euclidean(a, b), torch.tensor([2.0, 25.0]))


@pytest.mark.parametrize("angle", [0, 0.1, 1, math.pi / 2, 3, math.pi])
def test_unit_vectors_at_an_angle(angle):
    a, b = (
        torch.tensor([[1.0, 0]]).double(),
        torch.tensor([[math.cos(angle), math.sin(angle)]], dtype=torch.float64),
    )
    assert squared_euclidean(a, b).item() == pytest.approx(2 - 2 * math.cos(angle), abs=1e-12)


# Eq. 11, 12 and the mean squared error


def test_pixel_distances_by_hand():
    a, b = torch.zeros(2, 1, 2, 2), torch.zeros(2, 1, 2, 2)
    b[0] = torch.tensor([[0.6, 0], [0, 0.8]])
    b[1] = 1
    torch.testing.assert_close(l1(a, b), torch.tensor([1.4 / 4, 1]))
    torch.testing.assert_close(mse(a, b), torch.tensor([(0.36 + 0.64) / 4, 1]))
    torch.testing.assert_close(l2(a, b), torch.tensor([1 / 4, 2 / 4]))


def test_pixel_distances_against_a_loop():
    a, b = random_pair()
    for i in range(len(a)):
        differences = [
            x - y for x, y in zip(a[i].flatten().tolist(), b[i].flatten().tolist(), strict=True)
        ]
        count, squares = len(differences), sum(d * d for d in differences)
        assert l1(a, b)[i].item() == pytest.approx(sum(map(abs, differences)) / count, rel=1e-5)
        assert mse(a, b)[i].item() == pytest.approx(squares / count, rel=1e-5)
        assert l2(a, b)[i].item() == pytest.approx(squares**0.5 / count, rel=1e-5)


# Eq. 13 and 14


def test_dssim_of_equal_and_of_opposite_pictures():
    a, _ = random_pair()
    torch.testing.assert_close(dssim(a, a), torch.zeros(2), atol=1e-6, rtol=0)
    checks = ((torch.arange(16)[:, None] + torch.arange(16)) % 2).float()[None, None]
    assert 0.95 < dssim(checks, 1 - checks).item() <= 1


def test_dssim_of_flat_pictures_by_hand():
    """Without variance only the brightness term is left: SSIM = (2ab + C1) / (aa + bb + C1), C1 =
    0.0001.
    """
    a, b = torch.full((1, 1, 12, 12), 0.2), torch.full((1, 1, 12, 12), 0.8)
    expected = (1 - (2 * 0.16 + 1e-4) / (0.04 + 0.64 + 1e-4)) / 2
    assert dssim(a, b).item() == pytest.approx(expected, rel=1e-3)


def test_ssim_against_a_loop():
    a, b = random_pair(1, (1, 1, 11, 12))
    bell = [math.exp(-((i - 5) ** 2) / (2 * 1.5**2)) for i in range(11)]
    kernel = [[x * y / sum(bell) ** 2 for x in bell] for y in bell]

    def mean(plane):
        return torch.tensor(filtered(plane.double().tolist(), kernel))

    a, b = a[0, 0].double(), b[0, 0].double()
    ma, mb = mean(a), mean(b)
    va, vb, cov = mean(a * a) - ma**2, mean(b * b) - mb**2, mean(a * b) - ma * mb
    c1, c2 = 0.01**2, 0.03**2
    expected = (
        (2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2))
    ).mean()
    assert ssim(a[None, None], b[None, None]).item() == pytest.approx(expected.item(), rel=1e-6)
    assert dssim(a[None, None], b[None, None]).item() == pytest.approx(
        (1 - expected.item()) / 2, rel=1e-6
    )


# Eq. 15-18


def test_sobel_map_of_a_step_edge_by_hand():
    """Left half 0, right half 1: both columns at the step see 1 + 2 + 1 = 4 across and nothing
    down, so 16; all others 0.
    """
    step = torch.zeros(1, 1, 5, 6)
    step[..., 3:] = 1
    expected = torch.zeros(1, 1, 5, 6)
    expected[..., 2:4] = 16
    torch.testing.assert_close(sobel_map(step), expected)
    torch.testing.assert_close(sobel_map(step.mT), expected.mT)


def test_sobel_map_of_a_ramp_by_hand():
    """x * 0.1 + y * 0.05 rises by 8 * 0.1 across and 8 * 0.05 down: 0.64 + 0.16."""
    ramp = torch.arange(6.0) * 0.1 + torch.arange(5.0)[:, None] * 0.05
    torch.testing.assert_close(
        sobel_map(ramp[None, None])[..., 1:-1, 1:-1], torch.full((1, 1, 3, 4), 0.8)
    )


def test_sobel_map_against_a_loop_and_kornia():
    a, _ = random_pair(2)
    kernel = [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
    turned = [[1, 2, 1], [0, 0, 0], [-1, -2, -1]]
    across, down = (
        torch.tensor([[filtered(plane, k) for plane in picture] for picture in a.tolist()])
        for k in (kernel, turned)
    )
    torch.testing.assert_close(sobel_map(a), across**2 + down**2, atol=1e-5, rtol=1e-5)
    inside = (..., slice(1, -1), slice(1, -1))  # kornia continues the border by its last pixel
    gradient = kornia.filters.spatial_gradient(a, normalized=False)
    torch.testing.assert_close(
        sobel_map(a)[inside], gradient.square().sum(2)[inside], atol=1e-5, rtol=1e-5
    )
    torch.testing.assert_close(
        sobel_map(a)[inside],
        (8 * kornia.filters.sobel(a, eps=0)).square()[inside],
        atol=1e-4,
        rtol=1e-4,
    )


def test_sobel_distance_by_hand():
    """Only the real picture's edge counts: 2 of 6 columns weigh 16, and there the pictures differ
    by 1 and 0.5.
    """
    real = torch.zeros(1, 1, 5, 6)
    real[..., 3:] = 1
    generated = real.clone()
    generated[..., 2], generated[..., 3], generated[..., 0] = 1, 0.5, 1
    assert sobel(generated, real).item() == pytest.approx(16 * (1 + 0.5) / 6)
    assert sobel(real, torch.zeros_like(real)).item() == 0
    assert combined(generated, real, 0.25).item() == pytest.approx(
        0.25 * (1 + 1 + 0.5) / 6 + 0.75 * 4
    )


def test_sobel_distance_against_a_loop():
    generated, real = random_pair(3)
    weights = sobel_map(real)
    for i in range(2):
        terms = [
            w * abs(x - y)
            for w, x, y in zip(
                *(batch[i].flatten().tolist() for batch in (weights, generated, real)), strict=True
            )
        ]
        assert sobel(generated, real)[i].item() == pytest.approx(sum(terms) / len(terms), rel=1e-5)


@pytest.mark.parametrize(
    "beta, expected", [(1, l1), (0, sobel), (0.5, lambda a, b: (l1(a, b) + sobel(a, b)) / 2)]
)
def test_combined_weighs_by_beta(beta, expected):
    a, b = random_pair(4)
    torch.testing.assert_close(combined(a, b, beta), expected(a, b))


def test_combined_is_half_and_half_unless_told():
    a, b = random_pair(4)
    torch.testing.assert_close(combined(a, b), combined(a, b, 0.5))


# What holds for all


@pytest.mark.parametrize("name", IMAGE_DISTANCES)
@pytest.mark.parametrize("equal", [False, True], ids=["different", "equal"])
def test_gradients_are_finite(name, equal):
    a, b = random_pair(5)
    a = (b if equal else a).clone().requires_grad_()
    IMAGE_DISTANCES[name](a, b).sum().backward()
    assert torch.isfinite(a.grad).all()
    assert equal or a.grad.abs().max() > 0


@given(seed=st.integers(0, 10**6), channels=st.sampled_from([1, 3]), side=st.integers(6, 12))
@settings(max_examples=25, deadline=None)
def test_properties(seed, channels, side):
    """Positive, one number a picture whatever stands beside it, 0 for equal pictures; symmetric
    unless edge-weighed.
    """
    a, b = random_pair(seed, (3, channels, side, side + 1))
    ab, ba, aa = image_distances(a, b), image_distances(b, a), image_distances(a, a)
    assert set(ab) == {"l1", "mse", "l2", "dssim", "sobel", "combined"}
    for name, values in ab.items():
        assert values.shape == (3,) and (values > 0).all()
        torch.testing.assert_close(aa[name], torch.zeros(3), atol=1e-6, rtol=0)
        torch.testing.assert_close(IMAGE_DISTANCES[name](a[1:2], b[1:2]), values[1:2])
        if name not in ("sobel", "combined"):
            torch.testing.assert_close(ba[name], values)
    assert (ab["l1"] <= 1).all() and (ab["mse"] <= ab["l1"]).all() and (ab["dssim"] <= 1).all()
    assert (sobel_map(a) <= 32).all()
