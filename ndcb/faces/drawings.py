"""A drawing pad's picture -> a digit as MNIST has them: 28x28 grey, white on black."""

import numpy as np
from PIL import Image

from ndcb.core.terms import BadPicture
from ndcb.faces.opening import DAMAGED, open_picture, read_bytes

MOST_PIXELS = 4_000_000
"""Of a drawing pad."""
DIGIT_SIZE, DIGIT_BOX = 28, 20
"""Sides of MNIST's pictures, and of the box that a digit fills there."""
INK = 64
"""What is darker, of 255, is drawn."""
NOTHING_DRAWN = "Nothing is drawn yet. Draw one digit, large, in the middle of the pad."


def read_drawing(source: bytes | str) -> Image.Image:
    """A drawing pad's picture, as bytes or a file's path -> RGBA. Raises BadPicture."""
    picture = open_picture(source if isinstance(source, bytes) else read_bytes(source))
    if picture.width * picture.height > MOST_PIXELS:
        raise BadPicture("The drawing is too large. Clear the pad and draw once more.")
    try:
        return picture.convert("RGBA")
    except Exception as error:  # decoders of foreign data raise nearly anything
        raise BadPicture(DAMAGED) from error


def drawing_on_white(drawing: Image.Image | None) -> Image.Image:
    """A drawing on a transparent ground -> RGB, on white. None, an untouched pad, is all white."""
    if drawing is None:
        return Image.new("RGB", (DIGIT_SIZE, DIGIT_SIZE), "white")
    ground = Image.new("RGBA", drawing.size, "white")
    return Image.alpha_composite(ground, drawing.convert("RGBA")).convert("RGB")


def digit_from_drawing(picture: Image.Image, ground: str = "white") -> Image.Image:
    """A digit drawn on a `white` or `black` ground -> 28x28 grey, white on black.

    It is fitted into 20x20 and centred by its mass, as in MNIST. Raises BadPicture: nothing is
    drawn.
    """
    ink = np.asarray(picture.convert("L"), dtype=np.float64)
    ink = _cut_out(255 - ink if ground == "white" else ink)

    scale = DIGIT_BOX / max(ink.shape)
    size = [max(1, round(side * scale)) for side in ink.shape[::-1]]
    digit = np.asarray(Image.fromarray(np.uint8(ink)).resize(size, Image.LANCZOS), np.float64)

    top, left = _place_by_mass(digit)
    canvas = np.zeros((DIGIT_SIZE, DIGIT_SIZE), np.uint8)
    canvas[top : top + digit.shape[0], left : left + digit.shape[1]] = digit
    return Image.fromarray(canvas)


def _cut_out(ink: np.ndarray) -> np.ndarray:
    """The rows and columns from the first to the last that hold ink."""
    rows, columns = np.flatnonzero(ink.max(1) > INK), np.flatnonzero(ink.max(0) > INK)
    if not len(rows):
        raise BadPicture(NOTHING_DRAWN)
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _place_by_mass(digit: np.ndarray) -> list[int]:
    """Top and left, so that the centre of mass lies in the canvas's middle, the digit inside."""
    middle = (DIGIT_SIZE - 1) / 2
    centre = [(digit * index).sum() / digit.sum() for index in np.indices(digit.shape)]
    places = zip(centre, digit.shape, strict=True)
    return [int(np.clip(round(middle - mass), 0, DIGIT_SIZE - side)) for mass, side in places]
