"""A face of a login or an enrolment as the recogniser sees it, if the photo is good enough."""

from dataclasses import dataclass, field

import torch
from PIL import Image

from ndcb.core.terms import Face, UserError
from ndcb.models import quality
from ndcb.models.pipeline import Distorter, Picture


@dataclass(frozen=True)
class Sight:
    """A photo as the recogniser sees it."""

    picture: Image.Image
    """The aligned face, or the digit."""
    own: torch.Tensor = field(repr=False)
    """(m,): its embedding, or z of it where the generator is sealed."""
    quality: str
    """As in `ndcb.vault.entries.Entry`."""


def look(face: Face, distorter: Distorter, any_quality: bool = False) -> Sight:
    """Raises PoorPhoto, unless `any_quality`; UserError: another size than the distorter takes."""
    picture = fitting(face, distorter)
    seen = distorter.recognise([picture])
    judge = quality.verdict if any_quality else quality.check
    verdict = judge(face, seen[0], distorter.generator.record["recogniser"])
    return Sight(picture, distorter.to_compare(seen)[0], verdict)


def fitting(given: Picture, distorter: Distorter) -> Image.Image:
    """The picture as the recogniser takes it.

    Raises UserError: not of the size and channels the distorter takes.
    """
    picture = distorter.aligned(given)
    channels, height, width = distorter.recogniser.image_shape
    mode = "RGB" if channels == 3 else "L"
    if (picture.mode, *picture.size) != (mode, width, height):
        raise UserError(
            f"Generator {distorter.generator.name!r} needs a picture of {width}x{height} pixels"
            f" {mode}; this one has {picture.width}x{picture.height} {picture.mode}."
        )
    return picture
