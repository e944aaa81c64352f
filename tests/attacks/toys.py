"""Models whose answers can be told by hand."""

import numpy as np
from PIL import Image

from ndcb.core.terms import Decision, Face, NoFaceFound


class ToyDistorter:
    """Its templates are negatives; an embedding is the mean colour, and a negative's is moved back
    up to `error`.
    """

    def __init__(self, threshold: float, error: float):
        self.threshold, self.error = threshold, error

    def aligned(self, picture):
        return picture.image if isinstance(picture, Face) else picture

    def templates(self, pictures):
        return [Image.fromarray(255 - np.asarray(self.aligned(picture))) for picture in pictures]

    def embed(self, pictures):
        means = [np.asarray(self.aligned(picture), float).mean() / 255 for picture in pictures]
        return np.array([mean if mean < 0.5 else 1 - mean + self.error for mean in means])

    def decide(self, reference, probe):
        return Decision(float((reference - probe) ** 2), self.threshold)


class ToyModels:
    """Generators by name, and photos by path."""

    def __init__(self, photos=None, **distorters):
        self.photos, self.distorters, self.found = photos or {}, distorters, []

    def distorter(self, name):
        return self.distorters.get(name) or ToyDistorter(1.0, 0.1)

    def find(self, path):
        self.found.append(path)
        face = self.photos[path]
        if face is None:
            raise NoFaceFound()
        return [face] if isinstance(face, Face) else face


def grey(level: int) -> Image.Image:
    return Image.new("RGB", (160, 160), (level,) * 3)
