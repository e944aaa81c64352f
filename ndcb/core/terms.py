"""The field's words as types, and the errors that reach a person.

probe      the plain photo of somebody who wants to log in
reference  what a probe is compared with; here it is a template
template   the distorted picture that is stored: an 8-bit image
genuine    a comparison of two pictures of one person; impostor: of two people
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

FACE_SIZE = 160
"""Side of a face that is aligned by its box, and of its template, in pixels."""
BY_BOX, BY_LANDMARKS = ALIGNMENTS = "box", "landmarks"
"""How a recogniser wants its faces cut out."""
DEFAULT_FACES, DEFAULT_DIGITS = "sface-bottleneck", "digits"
"""The generators that the page and the command line take unless told otherwise."""
DEFAULT_SEALED = "sface-sealed"
"""The same for templates that need a key."""


class UserError(Exception):
    """Something the person can mend.

    Its text is one sentence or two that say how, and never holds a file's name.
    """


class BadPicture(UserError):
    """The file or array is not a picture that can be used."""


class PoorPhoto(BadPicture):
    """A face so blurred, dark or otherwise spoilt that strangers look alike in such photos."""


class NoFaceFound(UserError):
    """The detector finds no face in the picture."""

    ADVICE = "No face found. Use a photo from the front, with the whole face in it and good light."

    def __init__(self, message: str = ADVICE):
        super().__init__(message)


class UnknownName(UserError):
    """A name that nothing has; the message lists those that are allowed."""

    def __init__(self, kind: str, name: str, allowed: Iterable[str]):
        names = ", ".join(sorted(allowed)) or "none"
        super().__init__(f"unknown {kind} {name!r}; there are: {names}")


class BadCheckpoint(UserError):
    """A checkpoint folder that is incomplete, changed or of another kind."""


class NotAvailable(UserError):
    """Data or weights that would have to be downloaded first and could not be."""


@dataclass(frozen=True)
class Face:
    """One aligned face."""

    image: Image.Image
    """RGB, 160x160, 8 bits: cut out by the detector's box."""
    box: tuple[int, int, int, int] | None
    """x0, y0, x1, y1 in pixels of the upright picture, before the margin.

    None where nothing was detected.
    """
    landmarks: np.ndarray | None = field(default=None, repr=False)
    """(5, 2), float: x and y of both eyes, the nose and both corners of the mouth.

    In pixels of the upright picture.
    """
    score: float | None = None
    """The detector's confidence in [0, 1]."""
    rotation: int = 0
    """Degrees, counter-clockwise, by which the picture was turned before the face was found."""
    how: str = "detected"
    """`detected`, `centre crop` or `aligned already`."""
    upright: Image.Image | None = field(default=None, repr=False)
    """RGB, 112x112, 8 bits: the landmarks at fixed places (`ndcb.faces.alignment`).

    None where there is one picture only: of a digit, or of a template.
    """

    def aligned(self, alignment: str) -> Image.Image:
        """The picture that a recogniser of this alignment is given; one of `ALIGNMENTS`."""
        return self.upright if alignment == BY_LANDMARKS and self.upright else self.image


@dataclass(frozen=True)
class Decision:
    """Are reference and probe of one person?"""

    squared_distance: float
    """Eq. 1: squared Euclidean distance of two unit embeddings, in [0, 4]."""
    threshold: float

    @property
    def same(self) -> bool:
        return self.squared_distance < self.threshold
