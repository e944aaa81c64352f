"""A visitor's picture files -> faces or digits, as a vault takes them."""

import numpy as np
from PIL import Image

from ndcb.core.terms import BadPicture, Face
from ndcb.faces.drawings import digit_from_drawing
from ndcb.faces.images import read_picture
from ndcb.models.pipeline import Models

CROPS = 8
"""Photos of a visitor whose crops are kept: the next login with one of them does not search it
again.
"""
NO_PHOTO = "Give a photo first: upload one, use the camera, or click a sample."


class Reader:
    """What a vault asks of `Models`, for photos that are (path, whether it shows a digit)."""

    def __init__(self, models: Models):
        self.models = models
        self.distorter = models.distorter
        self.crops: dict[tuple[str, bool], list[Face]] = {}

    def find(self, photo: tuple[str | None, bool]) -> list[Face]:
        """The faces as `Models.find` sorts them, or the digit. Raises BadPicture, NoFaceFound."""
        if photo not in self.crops:
            faces = read_faces(self.models, *photo)
            for old in list(self.crops)[: max(0, len(self.crops) - CROPS + 1)]:
                del self.crops[old]
            self.crops[photo] = faces
        return self.crops[photo]


def read_faces(models: Models, path: str | None, digit: bool) -> list[Face]:
    """A picture file -> its faces as `Models.find` sorts them, or the digit in it as 28x28 grey.

    Raises BadPicture, NoFaceFound.
    """
    if path is None:
        raise BadPicture(NO_PHOTO)
    if digit:
        return [Face(read_digit(read_picture(path)), None, how="drawn")]
    return models.find(path)


def read_digit(picture: Image.Image) -> Image.Image:
    """A digit on a ground that is light or dark all around it -> 28x28 grey, white on black.

    Raises BadPicture: an empty picture.
    """
    grey = np.asarray(picture.convert("L"))
    edge = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    return digit_from_drawing(picture, "white" if np.median(edge) > 127 else "black")
