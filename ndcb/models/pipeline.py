"""The whole pipeline, as the command line, the page and the vault call it.

picture -> detector -> face, aligned as the recogniser wants it -> generator -> template
aligned face, template -> recogniser -> two embeddings -> distance -> decision
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from PIL import Image
from torch import nn

from ndcb.core.distances import image_distances, squared_euclidean
from ndcb.core.tensors import to_pictures, to_tensor
from ndcb.core.terms import BadCheckpoint, BadPicture, Decision, Face, UserError
from ndcb.faces.detectors import Detector, already_aligned, enlarged
from ndcb.faces.images import Photo, read_photo
from ndcb.generators import make_templates
from ndcb.generators.polish import polish
from ndcb.generators.sealed import Directions
from ndcb.models.acceleration import accelerated
from ndcb.models.checkpoints import GENERATORS, SEALED, Checkpoint, load
from ndcb.models.operating_points import operating_point
from ndcb.models.recognisers import load_recogniser

ANOTHER_SIZE = (
    "This aligned picture has {}x{} pixels; this generator's recogniser wants {}x{}. Name another"
    " generator, or give a photo that is not aligned yet."
)


@dataclass(frozen=True)
class Distortion:
    """A picture, its stored 8-bit template, and how far apart the two are."""

    original: Image.Image
    template: Image.Image
    distances: dict[str, float]
    """Of the pictures: l1, mse, l2, dssim, sobel and combined (Eq. 11-18)."""
    embedding_distance: float
    """Squared Euclidean distance of the embeddings (Eq. 1), in [0, 4]."""
    alpha: float
    """The margin of Eq. 9 that the generator was trained with."""
    threshold: float
    """A squared distance: that of the generator's default operating point."""
    milliseconds: dict[str, float]
    """Time of each stage: embed, generate, polish where it was asked for, compare."""
    template_embedding: torch.Tensor | None = field(default=None, repr=False, compare=False)
    """F(T), (m,), as `Distorter.embed` gives it; None for an example that was read from a file."""

    @property
    def decision(self) -> Decision:
        return Decision(self.embedding_distance, self.threshold)


Picture = Face | Image.Image
"""A face as it was found, or a picture as the recogniser takes it: a digit, a template, an aligned
face.
"""


class Distorter:
    """A generator and the frozen recogniser that it belongs to.

    A sealed generator's recogniser is z(F(X)), `ndcb.generators.sealed.Directions`. Its embeddings
    are directions then, and a template is made of one that a key has turned
    (`ndcb.vault.seals`).
    """

    def __init__(self, generator: Checkpoint, recogniser: nn.Module):
        self.generator = generator
        self.recogniser = recogniser

    @property
    def sealed(self) -> bool:
        """Does it need a key?"""
        return self.generator.model.reads == "direction"

    @property
    def device(self) -> torch.device:
        return next(self.recogniser.parameters()).device

    def aligned(self, picture: Picture) -> Image.Image:
        """The picture that the recogniser is given of a face; others stay as they are."""
        if isinstance(picture, Face):
            return picture.aligned(self.recogniser.alignment)
        return picture

    def embed(self, pictures: list[Picture]) -> torch.Tensor:
        """Faces, or pictures of the recogniser's size -> embeddings to compare.

        (n, m), on the CPU.
        """
        return self.to_compare(self.recognise(pictures))

    @torch.inference_mode()
    def recognise(self, pictures: list[Picture]) -> torch.Tensor:
        """The same, but F(X) in any case; sealed or not."""
        recogniser = self.recogniser
        if isinstance(recogniser, Directions):
            recogniser = recogniser.recogniser
        return recogniser(self._batch(pictures)).cpu()

    @torch.inference_mode()
    def to_compare(self, embeddings: torch.Tensor) -> torch.Tensor:
        """F(X), (n, m), as `recognise` gives it -> the same; of a sealed generator z(F(X))."""
        if not isinstance(self.recogniser, Directions):
            return embeddings
        return self.recogniser.generator.direction(embeddings.to(self.device)).cpu()

    @torch.inference_mode()
    def distort(
        self, picture: Picture, embedding: torch.Tensor | None = None, polish_steps: int = 0
    ) -> Distortion:
        """A face or a 28x28 digit -> its template, and how far apart they are.

        embedding: of the picture, (m,), where it is known already; a sealed generator needs one
        that a key has turned. polish_steps: gradient steps on the template's pixels
        (`ndcb.generators.polish`), each at the cost of one pass of the recogniser forward and
        backward. Raises UserError: a sealed generator, and no embedding.
        """
        self.check_key(embedding)
        took: dict[str, float] = {}
        face = self._batch([picture])

        with stopwatch(took, "embed"):
            target = self.recogniser(face).cpu() if embedding is None else embedding[None]
        with stopwatch(took, "generate"):
            template = make_templates(self.generator.model, self.recogniser, face, target)
        if polish_steps:
            with stopwatch(took, "polish"):
                template = polish(template, target.to(self.device), self.recogniser, polish_steps)
        stored = to_pictures(template)[0]
        with stopwatch(took, "embed"):
            template_embedding = self.recogniser(template).cpu()
        with stopwatch(took, "compare"):
            embedding_distance = float(squared_euclidean(template_embedding, target))
            of_pictures = image_distances(template, face)
            distances = {name: float(distance) for name, distance in of_pictures.items()}

        return Distortion(
            original=self.aligned(picture),
            template=stored,
            distances=distances,
            embedding_distance=embedding_distance,
            alpha=self.generator.record["training"]["alpha"],
            threshold=operating_point(self.generator.record).threshold,
            milliseconds=took,
            template_embedding=template_embedding[0],
        )

    @torch.inference_mode()
    def templates(
        self, pictures: list[Picture], embeddings: torch.Tensor | None = None
    ) -> list[Image.Image]:
        """Faces or digits -> their templates, without a distance.

        embeddings: of the pictures, (n, m), where they are known already.
        """
        self.check_key(embeddings)
        faces = self._batch(pictures)
        return to_pictures(make_templates(self.generator.model, self.recogniser, faces, embeddings))

    def decide(
        self, reference: torch.Tensor, probe: torch.Tensor, fmr: str | None = None
    ) -> Decision:
        """Two embeddings, each (m,) or (1, m) -> are they of one person?

        fmr, errors: as in `ndcb.models.operating_points.operating_point`.
        """
        squared_distance = float(squared_euclidean(reference, probe))
        return Decision(squared_distance, operating_point(self.generator.record, fmr).threshold)

    def check_key(self, turned: torch.Tensor | None) -> None:
        """Raises UserError: the generator is sealed, and no embedding that a key has turned."""
        if self.sealed and turned is None:
            raise UserError(
                f"Generator {self.generator.name!r} needs a key. Enrol with a seal, or choose"
                " another generator."
            )

    def _batch(self, pictures: list[Picture]) -> torch.Tensor:
        """Raises BadPicture: one is not of the recogniser's size."""
        aligned = [self.aligned(picture) for picture in pictures]
        _, height, width = self.recogniser.image_shape
        for picture in aligned:
            if picture.size != (width, height):
                raise BadPicture(ANOTHER_SIZE.format(*picture.size, width, height))
        return to_tensor(aligned).to(self.device)


class Models:
    """The detector, and a `Distorter` for every generator; each is loaded when first needed.

    On the CPU, ONNX Runtime computes the networks (`ndcb.models.acceleration`).
    """

    def __init__(self, device: str | torch.device = "cpu"):
        self.device = device
        self._distorters: dict[str, Distorter] = {}
        self._recognisers: dict[str, nn.Module] = {}
        self._lock = threading.RLock()

    @cached_property
    def detector(self) -> Detector:
        return Detector()

    def distorter(self, generator: str) -> Distorter:
        """A generator, by its checkpoint's name or folder. Raises UnknownName, BadCheckpoint."""
        with self._lock:
            if generator not in self._distorters:
                self._distorters[generator] = self._load_distorter(generator)
            return self._distorters[generator]

    def _load_distorter(self, generator: str) -> Distorter:
        checkpoint = load(generator, GENERATORS + SEALED, self.device)
        name = checkpoint.record.get("recogniser")
        if name is None or "threshold" not in checkpoint.record:
            raise BadCheckpoint(
                f"checkpoint {checkpoint.name} has no threshold yet; run: python -m training"
                f" measure {generator}"
            )
        if name not in self._recognisers:
            recogniser = load_recogniser(name, self.device)
            self._recognisers[name] = accelerated(recogniser, self.device)
        recogniser = self._recognisers[name]
        model = accelerated(checkpoint.model, self.device)
        if checkpoint.record["class"] in SEALED:
            recogniser = Directions(recogniser, model).eval()
        return Distorter(replace(checkpoint, model=model), recogniser)

    def warm_up(self, generators: list[str]) -> None:
        """Load these generators, their recognisers and the detector, and run each once."""
        for generator in generators:
            distorter = self.distorter(generator)
            channels, height, width = distorter.generator.model.image_shape
            distorter.distort(Image.new("RGB" if channels == 3 else "L", (width, height)))
        with self._lock:
            self.detector.find([Image.new("RGB", (640, 480))])

    def find(self, source, aligned: bool = False) -> list[Face]:
        """Any picture -> its faces, in the order of `ndcb.faces.detectors.in_order`.

        Boxes are in pixels of the full upright picture. aligned: it is an aligned face or a
        template already. Raises BadPicture, NoFaceFound.
        """
        photo = read_photo(source)
        return [already_aligned(photo.picture)] if aligned else self.find_in(photo)

    def find_in(self, photo: Photo) -> list[Face]:
        """A picture that is read already -> its faces, as `find` gives them. Raises NoFaceFound."""
        with self._lock:
            return [enlarged(face, photo.scale) for face in self.detector(photo.picture)]


def pick_device(name: str) -> str:
    """`auto` -> the first of cuda, mps and cpu that is there. Raises UserError: `name` is not."""
    is_there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    devices = [device for device in is_there if is_there[device]]
    if name == "auto":
        return devices[0]
    if name not in devices:
        raise UserError(
            f"This machine has no {name}. Use --device auto, or one of: {', '.join(devices)}."
        )
    return name


@contextmanager
def stopwatch(took: dict[str, float], stage: str) -> Iterator[None]:
    """Add the milliseconds of its block to `took[stage]`."""
    start = time.perf_counter()
    yield
    took[stage] = took.get(stage, 0) + (time.perf_counter() - start) * 1000
