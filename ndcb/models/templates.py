"""A template's file, a PNG that names its generator; and how it is told from a photo."""

import io
import json
from os import PathLike

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ndcb.core.files import json_line, write_whole
from ndcb.core.terms import BY_BOX, BY_LANDMARKS, Face, NoFaceFound, UserError
from ndcb.faces.boxes import overlap

ENDING = ".template.png"
MARK = "ndcb template"
"""Keyword of the PNG text chunk that a template carries: {"version": 1, "generator": NAME}."""
VERSION = 1
"""Of the text chunk."""
ALIGNED = {BY_BOX: (16, 16, 144, 144), BY_LANDMARKS: (14, 13, 95, 121)}
"""Where the detector's box of the face lies in an aligned picture, and so in its template.

By the box it is the margin around it; by the landmarks the mean of LFW's development people.
"""
SIZES = ((160, 160), (112, 112))
"""Of templates of faces, by any recogniser."""
ANOTHER_SIZE = (
    "This template is {} pixels wide, and those of this generator are {}. Name the generator that"
    " made it with --generator."
)
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


def marked_generator(picture: Image.Image) -> str | None:
    """The committed generator of plain templates that a picture's mark names; None: there is none.

    Whoever made the file wrote the mark: a name that is no such checkpoint's is no path.
    """
    from ndcb.models import checkpoints  # it takes torch, which a mere --help can do without

    try:
        name = json.loads(picture.info.get(MARK, "null"))["generator"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return name if name in checkpoints.names() else None


def kind_and_faces(models, distorter, picture: Image.Image, name: str) -> tuple[str, list[Face]]:
    """`template` or `photo`, and its faces: the template itself, or a photo's, largest first.

    A template has the size of those of the distorter's generator, and one of: the mark; no face
    that is found in it; a face that fills it as an aligned one does. name: of its file. Raises
    NoFaceFound; UserError: a template for another recogniser.
    """
    as_template = "template", [Face(picture, None, how="aligned already")]
    side = distorter.recogniser.image_shape[-1]
    if picture.size != (side, side):
        if is_marked(picture) and picture.size in SIZES:
            raise UserError(ANOTHER_SIZE.format(picture.width, side))
        return "photo", models.find(picture)
    if is_marked(picture):
        return as_template

    try:
        faces = models.find(picture)
    except NoFaceFound:
        return as_template
    is_unclear = faces[0].score < CLEAR or name.lower().endswith(ENDING)
    least = FILLED_IF_UNCLEAR if is_unclear else FILLED
    fills = overlap(faces[0].box, ALIGNED[distorter.recogniser.alignment]) >= least
    return as_template if fills else ("photo", faces)
