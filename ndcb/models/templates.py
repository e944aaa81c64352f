"""A template's file, a PNG that names its generator; and how it is told from a photo."""

import io
from os import PathLike

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ndcb.core.files import json_line, write_whole
from ndcb.core.terms import FACE_SIZE, Face, NoFaceFound
from ndcb.faces.boxes import overlap

ENDING = ".template.png"
MARK = "ndcb template"
"""Keyword of the PNG text chunk that a template carries: {"version": 1, "generator": NAME}."""
VERSION = 1
"""Of the text chunk."""
CLEAR = 0.999
"""The detector's confidence in a photo's face; in a template's it is seldom as large."""
FILLED, FILLED_IF_UNCLEAR = 0.8, 0.5
"""Overlap (intersection over union) of a face with the place of an aligned one. Below the first, a
picture of a template's size with a clear face is a photo; below the second, with any face.

It errs where a photo is cut close to the head (tests/models/test_templates.py, on people of LFW).
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
    """Write `template_png`, whole or not at all. Raises OSError, also for a file that is there."""
    write_whole(path, template_png(picture, generator), overwrite)


def is_marked(picture: Image.Image) -> bool:
    """Does it carry a template's text chunk? Most programs drop it when they save a picture."""
    return MARK in picture.info


def kind_and_faces(models, picture: Image.Image, name: str) -> tuple[str, list[Face]]:
    """`template` or `photo`, and its faces: the template itself, or a photo's, largest first.

    A template has 160x160 pixels, and one of: the mark; no face that is found in it; a face that
    fills it as an aligned one does. name: of its file. Raises NoFaceFound.
    """
    as_template = "template", [Face(picture, None, how="aligned already")]
    if picture.size != (FACE_SIZE, FACE_SIZE):
        return "photo", models.find(picture)
    if is_marked(picture):
        return as_template

    try:
        faces = models.find(picture)
    except NoFaceFound:
        return as_template
    is_unclear = faces[0].score < CLEAR or name.lower().endswith(ENDING)
    least = FILLED_IF_UNCLEAR if is_unclear else FILLED
    fills = overlap(faces[0].box, _aligned_box()) >= least
    return as_template if fills else ("photo", faces)


def _aligned_box() -> tuple[int, ...]:
    """Where the face lies in an aligned picture, and so in its template."""
    from ndcb.faces.detectors import MARGIN  # slow to import

    edge = MARGIN // 2
    return edge, edge, FACE_SIZE - edge, FACE_SIZE - edge
