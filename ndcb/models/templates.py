"""Files of templates: a PNG that says what made it, and how one is told from a photo."""

import io
from os import PathLike

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ndcb.core.files import json_line, write_whole
from ndcb.core.terms import FACE_SIZE, Face, NoFaceFound

ENDING = ".template.png"
MARK = "ndcb template"
"""Keyword of the PNG text chunk that a template carries: {"version": 1, "generator": NAME}."""
VERSION = 1
CLEAR = 0.999
"""The detector's score of a face in a photo; in a template it seldom has as much."""
FILLED, FILLED_IF_UNCLEAR = 0.8, 0.5
"""Overlap (intersection over union) of a face with the place of an aligned one. Under the first, a
picture of a template's size with a clear face is a photo; under the second, with any face.

It errs where a photo is cut close to the head (tests/test_templates.py, on people of LFW).
"""


def template_png(picture: Image.Image, generator: str) -> bytes:
    """The bytes of a template's file: a lossless PNG whose text chunk names its generator."""
    about = PngInfo()
    about.add_text(MARK, json_line({"version": VERSION, "generator": generator}))
    file = io.BytesIO()
    picture.save(file, "PNG", pnginfo=about)
    return file.getvalue()


def save_template(
    picture: Image.Image, path: str | PathLike, generator: str, overwrite: bool = False
) -> None:
    """Write `template_png`, whole or not at all. Raises OSError: also where something is there."""
    write_whole(path, template_png(picture, generator), overwrite)


def is_marked(picture: Image.Image) -> bool:
    """Does it carry a template's text chunk? It is lost where the picture is saved anew."""
    return MARK in picture.info


def kind_and_faces(models, picture: Image.Image, name: str) -> tuple[str, list[Face]]:
    """`template` or `photo`, and the faces to compare: the template, or a photo's, largest first.

    A template has 160x160 pixels, and one of: the mark; no face that is found in it; a face that
    fills it as an aligned one does. Raises NoFaceFound.
    """
    aligned = "template", [Face(picture, None, how="aligned already")]
    if picture.size != (FACE_SIZE, FACE_SIZE):
        return "photo", models.find(picture)
    if is_marked(picture):
        return aligned

    try:
        faces = models.find(picture)
    except NoFaceFound:
        return aligned
    unclear = faces[0].score < CLEAR or name.lower().endswith(ENDING)
    least = FILLED_IF_UNCLEAR if unclear else FILLED
    return ("photo", faces) if _overlap(faces[0].box, _aligned_box()) < least else aligned


def _aligned_box() -> tuple[int, ...]:
    """Where the face of an aligned picture lies, and so that of a template in which one is seen."""
    from ndcb.faces.detectors import MARGIN  # slow to import

    edge = MARGIN // 2
    return edge, edge, FACE_SIZE - edge, FACE_SIZE - edge


def _overlap(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    """Intersection over union of two boxes x0, y0, x1, y1."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0, width) * max(0, height)
    return shared / (_area(one) + _area(other) - shared)


def _area(box: tuple[int, ...]) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])
