"""What every measurement of a generator starts from.

These are templates as they are stored, and the embeddings of photos and templates.
"""

import io
from functools import cached_property

import numpy as np
import torch
from PIL import Image

from ndcb.core.distances import IMAGE_DISTANCES, image_distances, ssim
from ndcb.core.tensors import quantise, to_pictures, to_tensor
from ndcb.generators import make_templates
from ndcb.models.checkpoints import Checkpoint
from training.data.alignment import realigned
from training.data.pictures import Pictures, embeddings, kept_rows, weights_key

VERSION = 1
"""Raise it when this module gives other numbers: caches of measurements hold what it gave."""


def jpeg_75(picture: Image.Image) -> Image.Image:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=75)
    return Image.open(file)


def half_size(picture: Image.Image) -> Image.Image:
    return _resized_and_back(picture, 0.5)


def double_size(picture: Image.Image) -> Image.Image:
    return _resized_and_back(picture, 2)


def _resized_and_back(picture: Image.Image, scale: float) -> Image.Image:
    there = [round(side * scale) for side in picture.size]
    return picture.resize(there, Image.BICUBIC).resize(picture.size, Image.BICUBIC)


CHANGES = {"jpeg_75": jpeg_75, "half_size": half_size, "double_size": double_size}
"""What may happen to a stored template before it is matched.

JPEG of quality 75; resized (bicubic) and back again.
"""


class Material:
    """A generator, its recogniser and pictures.

    Embeddings and distances are computed once for each picture, and kept in the cache.
    """

    def __init__(self, checkpoint: Checkpoint, recogniser: torch.nn.Module, pictures: Pictures):
        self.checkpoint = checkpoint
        self.recogniser = recogniser
        self.recogniser_name = checkpoint.record["recogniser"]
        self.pictures = pictures
        self.test = pictures.rows("test")
        self.development = pictures.rows("development")
        self.labels = pictures.labels[self.test]
        self.device = next(recogniser.parameters()).device

    def real(self, rows: np.ndarray) -> np.ndarray:
        """F(X), (len(rows), m)."""
        return embeddings(self.pictures, self.recogniser_name, self.recogniser, rows)

    @cached_property
    def real_test(self) -> np.ndarray:
        """F(X) of the test part."""
        return self.real(self.test)

    @cached_property
    def shifted_test(self) -> np.ndarray:
        """F(T) of the test part."""
        return self.shifted(self.test)

    @torch.inference_mode()
    def templates(self, rows: np.ndarray) -> torch.Tensor:
        """T as its 8-bit file holds it, (len(rows), c, h, w) in [0, 1], on the CPU."""
        step = self.pictures.batch_size
        return torch.cat(
            [self._make(rows[start : start + step]) for start in range(0, len(rows), step)]
        )

    def _make(self, rows: np.ndarray) -> torch.Tensor:
        generator, real = self.checkpoint.model, self.pictures.batch(rows).to(self.device)
        known = torch.from_numpy(self.real(rows)) if generator.reads == "embedding" else None
        return make_templates(generator, self.recogniser, real, known).cpu()

    def shifted(self, rows: np.ndarray, change: str | None = None) -> np.ndarray:
        """F(T), (len(rows), m); `change` is one of CHANGES."""
        what = f"embedding templates of {self.checkpoint.name}" + (f", {change}" if change else "")
        name = f"{weights_key(self.recogniser)}-{change or 'stored'}"
        code = [type(self.recogniser), *([CHANGES[change]] if change else [])]
        return self._kept(name, code, rows, lambda chunk: self._embed(chunk, change), what)

    def distances(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Name -> (len(rows),): each of `ndcb.core.distances`, ssim, and psnr in dB."""
        what = f"comparing pictures of {self.checkpoint.name}"
        table = self._kept("distances", [image_distances], rows, self._compare, what)
        return dict(zip((*IMAGE_DISTANCES, "ssim", "psnr"), table.T, strict=True))

    def second(self, recogniser, rows: np.ndarray, template: bool) -> np.ndarray:
        """Embeddings of the photos, or of their templates, by another recogniser.

        recogniser.embed takes (n, h, w, 3), uint8, in the recogniser's own alignment.
        """
        pictures, code = self.pictures, list(recogniser.code)
        wanted = recogniser.alignment

        def embed_templates(chunk: np.ndarray) -> np.ndarray:
            templates = _bytes(self.templates(chunk))
            return recogniser.embed(realigned(templates, pictures.alignment, wanted))

        def embed_photos(chunk: np.ndarray) -> np.ndarray:
            return recogniser.embed(np.array(pictures.aligned(wanted)[chunk]))

        if template:
            what = f"{recogniser.name} on templates"
            return self._kept(f"{recogniser.name}-template", code, rows, embed_templates, what)
        key = f"{pictures.key}-{recogniser.name}-{pictures.data}"
        what = f"{recogniser.name} on photos"
        return kept_rows(
            key, code, len(pictures.images), rows, embed_photos, what, pictures.batch_size
        )

    def _kept(self, name: str, code: list, rows: np.ndarray, compute, what: str) -> np.ndarray:
        """compute(rows), from the cache. code: what computes it from the templates."""
        pictures = self.pictures
        name = f"{pictures.key}-{self.checkpoint.record['sha256'][:12]}-{name}"
        code = [type(self.checkpoint.model), make_templates, quantise, *code]
        return kept_rows(name, code, len(pictures.images), rows, compute, what, pictures.batch_size)

    @torch.inference_mode()
    def _embed(self, rows: np.ndarray, change: str | None) -> np.ndarray:
        templates = self.templates(rows)
        if change:
            templates = to_tensor([CHANGES[change](picture) for picture in to_pictures(templates)])
        return self.recogniser(templates.to(self.device)).cpu().numpy()

    def _compare(self, rows: np.ndarray) -> np.ndarray:
        made, real = self.templates(rows), self.pictures.batch(rows)
        values = image_distances(made, real)
        psnr = -10 * values["mse"].clamp(min=1e-10).log10()
        return torch.stack([*values.values(), ssim(made, real), psnr], 1).numpy()


def _bytes(batch: torch.Tensor) -> np.ndarray:
    """(n, c, h, w) in [0, 1] -> (n, h, w, c), uint8."""
    return batch.mul(255).round().byte().permute(0, 2, 3, 1).numpy()
