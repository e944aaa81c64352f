"""Keys: their rotations are orthogonal, pinned and unrelated."""

import hashlib
import hmac

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ndcb.vault.keys import KEY_BYTES, gaussians, random_key, rotation, template_key

KEYS = st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES)
PINNED_GAUSSIANS = [
    -0.8958728914999399,
    0.7001356485262761,
    -1.0227118333189413,
    0.24736293596400238,
]
PINNED_ROTATION = [
    -0.10804490388063037,
    0.03893751076876301,
    -0.040904313044366925,
    -0.10060656039630002,
]
PINNED_DIGEST = "7e8c960115f5b606"


def test_the_numbers_of_a_key_are_pinned():
    """Whatever machine and version: otherwise nobody would get in any more."""
    key = bytes(range(32))
    np.testing.assert_allclose(gaussians(key, 4), PINNED_GAUSSIANS, atol=1e-13)
    found = rotation(key, 64)
    np.testing.assert_allclose(found[[0, 0, 63, 31], [0, 63, 63, 7]], PINNED_ROTATION, atol=1e-12)
    assert (
        hashlib.sha256(np.round(found * 1e6).astype("<i4").tobytes()).hexdigest()[:16]
        == PINNED_DIGEST
    )


@settings(max_examples=30, deadline=None)
@given(KEYS)
def test_a_rotation_keeps_lengths_and_angles(key):
    found = rotation(key, 64)
    np.testing.assert_allclose(found @ found.T, np.eye(64), atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(KEYS, st.integers(0, 8 * KEY_BYTES - 1))
def test_one_bit_gives_an_unrelated_rotation(key, bit):
    """The cosines of unrelated rows have the standard deviation 1/8; eight rows would have to agree
    by chance.
    """
    other = bytearray(key)
    other[bit // 8] ^= 1 << bit % 8
    cosines = (rotation(key, 64) * rotation(bytes(other), 64)).sum(1)
    assert abs(cosines).max() < 0.8
    assert abs(cosines.mean()) < 0.1


@settings(max_examples=20, deadline=None)
@given(KEYS, st.integers(0, 2**31))
def test_distances_under_one_rotation_are_those_without(key, seed):
    a, b = np.random.default_rng(seed).normal(size=(2, 5, 64))
    turned = rotation(key, 64)
    np.testing.assert_allclose(
        ((a @ turned.T - b @ turned.T) ** 2).sum(1), ((a - b) ** 2).sum(1), rtol=1e-10
    )


def test_rotations_are_uniform():
    """Haar: of one fixed vector every direction is equally likely, and half of them are
    reflections.
    """
    found = np.stack([rotation(number.to_bytes(32, "little"), 3) for number in range(4000)])
    images = found[:, :, 0]
    assert np.abs(images.mean(0)).max() < 0.05
    np.testing.assert_allclose(images.T @ images / len(images), np.eye(3) / 3, atol=0.02)
    assert (np.linalg.det(found) > 0).mean() == pytest.approx(0.5, abs=0.03)


def test_gaussians_are_gaussian():
    found = gaussians(b"k" * 32, 100_001)
    assert found.shape == (100_001,)
    assert np.isfinite(found).all()
    assert [found.mean(), found.var(), (found**3).mean(), (found**4).mean()] == pytest.approx(
        [0, 1, 0, 3], abs=0.1
    )


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(33)])
def test_a_key_of_another_length_is_refused(key):
    with pytest.raises(ValueError, match="32 bytes"):
        rotation(key, 4)


def test_random_keys_differ():
    assert len({random_key() for _ in range(100)}) == 100
    assert len(random_key()) == KEY_BYTES


def test_template_keys_are_rfc_5869s_and_one_a_template():
    secret, salt = bytes(range(32)), b"s" * 16
    found = {
        template_key(secret, salt, enrolment, version, number)
        for enrolment in ("a", "b", 'a", 1', "")
        for version in (1, 2)
        for number in (1, 2)
    }
    assert len(found) == 16
    assert all(len(key) == KEY_BYTES for key in found)
    assert template_key(secret, b"t" * 16, "a", 1, 1) not in found
    extracted = hmac.digest(salt, secret, "sha256")  # RFC 5869 by hand: extract, expand once
    assert template_key(secret, salt, "a", 1, 2) == hmac.digest(
        extracted, b'["ndcb sealed template", "a", 1, 2]\x01', "sha256"
    )
