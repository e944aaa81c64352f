"""A drawing becomes a digit as MNIST has them."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from ndcb.core.terms import BadPicture
from ndcb.faces.drawings import digit_from_drawing, drawing_on_white


def test_a_drawing_becomes_an_mnist_digit():
    pad = Image.new("RGBA", (280, 280), (0, 0, 0, 0))
    ImageDraw.Draw(pad).line([(30, 20), (30, 120)], fill=(0, 0, 0, 255), width=16)
    digit = np.asarray(digit_from_drawing(drawing_on_white(pad)))
    rows, columns = np.nonzero(digit > 64)
    assert digit.shape == (28, 28) and rows.max() - rows.min() + 1 == 20
    assert abs(rows.mean() - 13.5) <= 0.5 and abs(columns.mean() - 13.5) <= 0.5
    for empty in (None, Image.new("RGBA", (280, 280), (0, 0, 0, 0))):
        with pytest.raises(BadPicture, match="Nothing is drawn"):
            digit_from_drawing(drawing_on_white(empty))
