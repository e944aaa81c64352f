"""README's moving picture, docs/templates.gif: python docs/moving_picture.py

A portrait, then its template of each generator of faces, with what was measured of the two. The
portrait is of Eileen Collins, NASA, public domain; no picture of a data set is in it.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image, ImageDraw, ImageFont

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from ndcb.core.files import whole_file  # noqa: E402
from ndcb.models.pipeline import Distorter, Distortion, Models  # noqa: E402
from ndcb.vault.keys import rotation  # noqa: E402

FILE = Path(__file__).with_name("templates.gif")
SIZE = (720, 300)
SIDE = 200
"""A face's width here, in pixels."""
LEFT, RIGHT, TOP = 16, 252, 56
"""Where the photo and the template lie."""
WORDS = 476
GREEN, GREY, INK = (22, 130, 90), (205, 205, 205), (35, 35, 35)
HELD = 2400
"""Milliseconds of a frame."""
GENERATORS = {
    "sface-bottleneck": "a pattern, from the embedding",
    "sface-sealed": "the same, with a secret key",
    "faces": "the paper's U-Net recolours",
    "faces-concealing": "trained against recolouring",
}


@dataclass(frozen=True)
class Scene:
    """A generator and what it made of the portrait."""

    generator: str
    words: str
    result: Distortion


def scenes(models: Models) -> list[Scene]:
    face = models.find(Image.fromarray(skimage.data.astronaut()))[0]
    made = []
    for name, words in GENERATORS.items():
        distorter = models.distorter(name)
        made.append(Scene(name, words, distort(distorter, face)))
    return made


def distort(distorter: Distorter, face: Image.Image) -> Distortion:
    """A sealed generator gets a key of zeros: the picture is to come out the same every time."""
    if not distorter.sealed:
        return distorter.distort(face)
    direction = distorter.embed([face])[0]
    turn = rotation(bytes(32), len(direction)).astype(np.float32)
    return distorter.distort(face, direction.new_tensor(turn) @ direction)


def frame(scene: Scene) -> Image.Image:
    """One generator: photo, template and distances. Nothing is blended: each frame is true."""
    page = Image.new("RGB", SIZE, "white")
    draw = ImageDraw.Draw(page)
    for place, title, picture in (
        (LEFT, "photo X", scene.result.original),
        (RIGHT, "stored template T", scene.result.template),
    ):
        draw.text((place, TOP - 28), title, INK, font(17))
        page.paste(picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS), (place, TOP))
    arrow = LEFT + SIDE + 8
    middle = TOP + SIDE / 2
    draw.polygon([(arrow, middle - 9), (arrow + 18, middle), (arrow, middle + 9)], INK)

    draw.text((WORDS, TOP - 28), scene.generator, INK, font(21))
    draw.text((WORDS, TOP + 4), scene.words, INK, font(15))
    gauge(draw, TOP + 46, "pixels apart (MSE)", scene.result.distances["mse"], 0.5)
    distance, threshold = scene.result.embedding_distance, scene.result.threshold
    gauge(draw, TOP + 106, "embeddings apart (squared)", distance, 2, threshold)
    draw.text((WORDS, TOP + 166), f"{distance:.2f} < {threshold:.2f}: same person", GREEN, font(17))
    draw.text((LEFT, SIZE[1] - 28), "Portrait: Eileen Collins, NASA, public domain", INK, font(13))
    return page


def gauge(
    draw: ImageDraw.ImageDraw,
    top: int,
    title: str,
    value: float,
    most: float,
    limit: float | None = None,
) -> None:
    """A bar as long as the value, with a mark at the limit."""
    width = SIZE[0] - WORDS - 24
    draw.text((WORDS, top), f"{title}: {value:.2f}", INK, font(15))
    draw.rectangle((WORDS, top + 24, WORDS + width, top + 34), GREY)
    draw.rectangle((WORDS, top + 24, WORDS + width * min(value / most, 1), top + 34), GREEN)
    if limit is not None:
        mark = WORDS + width * limit / most
        draw.rectangle((mark - 1, top + 22, mark + 1, top + 38), INK)


def font(points: int) -> ImageFont.FreeTypeFont:
    return ImageFont.load_default(points)


def main() -> None:
    shown = map(frame, scenes(Models()))
    pictures = [picture.quantize(255, dither=Image.Dither.NONE) for picture in shown]
    with whole_file(FILE) as file:
        pictures[0].save(
            file,
            "GIF",
            save_all=True,
            append_images=pictures[1:],
            duration=HELD,
            loop=0,
        )
    print(FILE)


if __name__ == "__main__":
    main()
