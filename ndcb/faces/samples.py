"""Pictures that come with the installed packages: no download, and no picture of a data set is
stored here.
"""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from ndcb.core.files import whole_file, write_json
from ndcb.core.terms import UserError
from ndcb.faces.images import digit_from_drawing
from ndcb.models import checkpoints
from ndcb.models.pipeline import Distortion, Models, stopwatch
from ndcb.models.templates import save_template

PORTRAIT_CREDIT = "Eileen Collins, NASA, public domain"
EXAMPLE = ("example.original.png", "example.template.png", "example.json")


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
    """The first ten digits of scikit-learn's load_digits, 0 to 9, brought to MNIST's 28x28 white on
    black.
    """
    from sklearn.datasets import load_digits

    data = load_digits()
    return [
        digit_from_drawing(Image.fromarray(np.uint8(image / 16 * 255)), ground="black")
        for image in data.images[:10]
    ]


def make_example(generator: str, models: Models | None = None) -> Path:
    """Distort the portrait and store the result beside the checkpoint: what the page shows before
    any model is loaded.

    Raises UnknownName, BadCheckpoint; UserError: not a plain generator of faces.
    """
    models = models or Models()
    if models.distorter(generator).generator.model.image_shape[0] != 3:
        raise UserError(
            f"Generator {generator!r} distorts digits. Name one of faces: the example is a face."
        )
    models.warm_up([generator])
    models.find(portrait())  # the first search is slower
    took: dict[str, float] = {}
    with stopwatch(took, "detect"):
        face = models.find(portrait())[0].image
    result = models.distorter(generator).distort(face)
    result = replace(result, milliseconds=took | result.milliseconds)
    folder = checkpoints.FOLDER / generator
    with whole_file(folder / EXAMPLE[0]) as file:
        result.original.save(file, "PNG")
    save_template(result.template, folder / EXAMPLE[1], generator, overwrite=True)
    numbers = {
        name: value for name, value in vars(result).items() if name not in ("original", "template")
    }
    write_json(folder / EXAMPLE[2], numbers)
    return folder


def example(generator: str) -> Distortion:
    """What `make_example` stored."""
    folder = checkpoints.FOLDER / generator
    original, template = (Image.open(folder / name).convert("RGB") for name in EXAMPLE[:2])
    return Distortion(original, template, **json.loads((folder / EXAMPLE[2]).read_text()))
