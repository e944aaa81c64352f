"""Pictures that come with the installed packages.

Nothing is downloaded, and no picture of a data set is stored here.
"""

from functools import cache

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from ndcb.faces.drawings import digit_from_drawing

PORTRAIT_CREDIT = "Eileen Collins, NASA, public domain"


def portrait() -> Image.Image:
    """The astronaut of scikit-image, 512x512 RGB."""
    import skimage.data

    return Image.fromarray(skimage.data.astronaut())


@cache
def other_portrait() -> Image.Image:
    """The portrait as another photo would show it: mirrored and brighter."""
    return ImageEnhance.Brightness(ImageOps.mirror(portrait())).enhance(1.35)


@cache
def digits() -> list[Image.Image]:
    """The digits 0 to 9 of scikit-learn's load_digits, as MNIST has them: 28x28, white on black."""
    from sklearn.datasets import load_digits

    first_ten = load_digits().images[:10]
    pictures = [Image.fromarray(np.uint8(image / 16 * 255)) for image in first_ten]
    return [digit_from_drawing(picture, ground="black") for picture in pictures]
