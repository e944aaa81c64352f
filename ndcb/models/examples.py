"""The portrait and its template, stored beside a generator's checkpoint.

The page shows them before any model is loaded. `python -m training example` renews them.
"""

import json
from dataclasses import replace
from pathlib import Path

from PIL import Image

from ndcb.core.files import whole_file, write_json
from ndcb.core.terms import BY_BOX, BY_LANDMARKS, Face, UserError
from ndcb.faces.samples import portrait
from ndcb.models import checkpoints
from ndcb.models.operating_points import operating_point
from ndcb.models.pipeline import Distortion, Models, stopwatch
from ndcb.models.templates import save_template

EXAMPLE = ("example.original.png", "example.template.png", "example.json")
NOT_NUMBERS = ("original", "template", "template_embedding", "threshold")
"""Fields of a `Distortion` that example.json leaves out. The threshold is the record's."""
OF_ALIGNMENT = {BY_BOX: "faces-bottleneck", BY_LANDMARKS: "sface-bottleneck"}
"""Generators whose examples hold the portrait's face in this alignment."""


def make_example(generator: str, models: Models | None = None) -> Path:
    """Distort the portrait, and store the result in the checkpoint's folder, which is returned.

    Raises UnknownName, BadCheckpoint; UserError: not a plain generator of faces.
    """
    models = models or Models()
    distorter = models.distorter(generator)
    if distorter.generator.model.image_shape[0] != 3:
        raise UserError(
            f"Generator {generator!r} distorts digits. Name one of faces: the example is a face."
        )
    models.warm_up([generator])
    models.find(portrait())  # the first search is slower

    took: dict[str, float] = {}
    with stopwatch(took, "detect"):
        face = models.find(portrait())[0]
    result = distorter.distort(face)
    result = replace(result, milliseconds=took | result.milliseconds)

    folder = checkpoints.FOLDER / generator
    _store(result, folder, generator)
    return folder


def _store(result: Distortion, folder: Path, generator: str) -> None:
    original, template, numbers = (folder / name for name in EXAMPLE)
    with whole_file(original) as file:
        result.original.save(file, "PNG")
    save_template(result.template, template, generator, overwrite=True)

    fields = vars(result).items()
    write_json(numbers, {key: value for key, value in fields if key not in NOT_NUMBERS})


def example(generator: str) -> Distortion:
    """What `make_example` stored."""
    numbers = checkpoints.FOLDER / generator / EXAMPLE[2]
    pictures = [_picture(generator, name) for name in EXAMPLE[:2]]
    limit = operating_point(checkpoints.record(generator)).threshold
    return Distortion(*pictures, **{**json.loads(numbers.read_text()), "threshold": limit})


def portrait_face() -> Face:
    """The portrait's face in both alignments, as `make_example` found it."""
    image, upright = (_picture(generator, EXAMPLE[0]) for generator in OF_ALIGNMENT.values())
    return Face(image, None, how="aligned already", upright=upright)


def _picture(generator: str, name: str) -> Image.Image:
    return Image.open(checkpoints.FOLDER / generator / name).convert("RGB")
