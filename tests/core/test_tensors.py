"""Pictures to tensors and back: bit-exact, and rounded to the nearest level."""

import numpy as np
import pytest
import torch
from PIL import Image

from ndcb.core.tensors import quantise, to_pictures, to_tensor

NOISE = np.random.RandomState(0).randint(0, 256, (16, 16, 3), dtype=np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
def test_round_trip_is_bit_exact(channels):
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    arrays = (
        [levels, levels.T]
        if channels == 1
        else [np.dstack([levels, levels.T, 255 - levels]), NOISE]
    )
    batch = to_tensor([Image.fromarray(array) for array in arrays])
    assert batch.shape == (2, channels, 16, 16) and batch.dtype == torch.float32
    assert batch.min() == 0 and batch.max() <= 1
    pictures = to_pictures(batch)
    assert [picture.mode for picture in pictures] == [{1: "L", 3: "RGB"}[channels]] * 2
    for picture, array in zip(pictures, arrays, strict=True):
        np.testing.assert_array_equal(np.asarray(picture), array)
    torch.testing.assert_close(quantise(batch), batch, atol=0, rtol=0)


def test_to_tensor_by_hand():
    picture = Image.new("RGB", (2, 1), (255, 51, 0))
    picture.putpixel((1, 0), (0, 102, 255))
    torch.testing.assert_close(
        to_tensor([picture])[0], torch.tensor([[[1.0, 0]], [[0.2, 0.4]], [[0, 1]]])
    )


def test_to_pictures_rounds_to_the_nearest_level_and_clamps():
    batch = (
        torch.tensor([-0.3, 0.49 / 255, 0.51 / 255, 254.4 / 255, 254.6 / 255, 1.7])
        .reshape(1, 1, 1, 6)
        .requires_grad_()
    )
    assert np.asarray(to_pictures(batch)[0]).tolist() == [[0, 0, 1, 254, 255, 255]]
    torch.testing.assert_close(
        quantise(batch).flatten(), torch.tensor([0, 0, 1, 254, 255, 255]) / 255
    )
