"""Picture -> faces -> template -> distances and decision: what the command line and the page both
call.
"""

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import torch
from PIL import Image
from torch import nn

from ndcb.core.distances import image_distances, squared_euclidean
from ndcb.core.terms import BadCheckpoint, Decision, Face, UserError
from ndcb.faces.detectors import Detector, already_aligned, enlarged
from ndcb.faces.images import read_photo, to_pictures, to_tensor
from ndcb.generators import make_templates
from ndcb.generators.polish import polish
from ndcb.generators.sealed import Directions
from ndcb.models.checkpoints import GENERATORS, SEALED, Checkpoint, load
from ndcb.models.recognisers import load_recogniser


@dataclass(frozen=True)
class Distortion:
    """A picture, its template, and how far apart they are. Everything is measured on the stored
    8-bit template.
    """

    original: Image.Image
    template: Image.Image
    distances: dict[str, float]
    """l1, mse, l2, dssim, sobel and combined (Eq. 11-18)."""
    embedding_distance: float
    """Squared (Eq. 1)."""
    alpha: float
    """The margin of Eq. 9 that the generator was trained with."""
    threshold: float
    """Login threshold of the generator's record, a squared distance."""
    milliseconds: dict[str, float]
    """Time of each stage: embed, generate, polish where it was asked for, compare."""

    @property
    def decision(self) -> Decision:
        return Decision(self.embedding_distance, self.threshold)


class Distorter:
    """A generator and the frozen recogniser it belongs to.

    Of a sealed one the recogniser is z(F(X)), `ndcb.generators.sealed.Directions`: what is said of
    embeddings here holds for its directions, and a template is made of one that a key has turned
    (`ndcb.vault.seals`).
    """

    def __init__(self, generator: Checkpoint, recogniser: nn.Module):
        self.generator = generator
        self.recogniser = recogniser

    @property
    def sealed(self) -> bool:
        """A key is needed."""
        return self.generator.model.reads == "direction"

    @property
    def device(self) -> torch.device:
        return next(self.recogniser.parameters()).device

    def embed(self, pictures: list[Image.Image]) -> torch.Tensor:
        """Pictures of the recogniser's size -> (n, m), on the CPU: what is compared."""
        return self.read(self.look(pictures))

    @torch.inference_mode()
    def look(self, pictures: list[Image.Image]) -> torch.Tensor:
        """Pictures of the recogniser's size -> F(X), (n, m), on the CPU, sealed or not."""
        directed = isinstance(self.recogniser, Directions)
        eyes = self.recogniser.recogniser if directed else self.recogniser
        return eyes(self._batch(pictures)).cpu()

    @torch.inference_mode()
    def read(self, seen: torch.Tensor) -> torch.Tensor:
        """F(X) as `look` gives it -> what is compared: z(F(X)) of a sealed generator, else F(X)."""
        if not isinstance(self.recogniser, Directions):
            return seen
        return self.recogniser.generator.direction(seen.to(self.device)).cpu()

    @torch.inference_mode()
    def distort(
        self, picture: Image.Image, embedding: torch.Tensor | None = None, polish_steps: int = 0
    ) -> Distortion:
        """An aligned face or a 28x28 digit -> its template. `embedding` is the picture's own, (m,),
        where it is known already.

        polish_steps: gradient steps on the template's pixels (`ndcb.generators.polish`), each at
        the cost of one pass of the recogniser forward and backward. Raises UserError: a sealed
        generator, and no embedding that a key has turned.
        """
        self.check_key(embedding)
        took: dict[str, float] = {}
        real = self._batch([picture])
        with stopwatch(took, "embed"):
            own = self.recogniser(real).cpu() if embedding is None else embedding[None]
        with stopwatch(took, "generate"):
            made = make_templates(self.generator.model, self.recogniser, real, own)
        if polish_steps:
            with stopwatch(took, "polish"):
                made = polish(made, own.to(self.device), self.recogniser, polish_steps)
        template = to_pictures(made)[0]
        with stopwatch(took, "embed"):
            embedded = self.recogniser(made).cpu()
        with stopwatch(took, "compare"):
            shift = float(squared_euclidean(embedded, own))
            distances = {name: float(value) for name, value in image_distances(made, real).items()}
        record = self.generator.record
        return Distortion(
            picture,
            template,
            distances,
            shift,
            record["training"]["alpha"],
            record["threshold"],
            took,
        )

    @torch.inference_mode()
    def templates(
        self, pictures: list[Image.Image], embeddings: torch.Tensor | None = None
    ) -> list[Image.Image]:
        """Aligned faces or digits -> their templates, without a distance. embeddings: theirs, where
        `embed` gave them already.
        """
        self.check_key(embeddings)
        return to_pictures(
            make_templates(self.generator.model, self.recogniser, self._batch(pictures), embeddings)
        )

    def decide(self, reference: torch.Tensor, probe: torch.Tensor) -> Decision:
        """Two embeddings, as `embed` gives them for one picture each."""
        return Decision(
            float(squared_euclidean(reference, probe)), self.generator.record["threshold"]
        )

    def check_key(self, turned: torch.Tensor | None) -> None:
        """Raises UserError: the generator is sealed, and nothing is there that a key has turned."""
        if self.sealed and turned is None:
            raise UserError(
                f"Generator {self.generator.name!r} needs a key. Enrol with a seal, or choose"
                " another generator."
            )

    def _batch(self, pictures: list[Image.Image]) -> torch.Tensor:
        return to_tensor(pictures).to(self.device)


class Models:
    """The detector and a `Distorter` for every generator asked for; each is loaded when it is first
    needed, and once.
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
        """Raises UnknownName, BadCheckpoint."""
        with self._lock:
            if generator not in self._distorters:
                checkpoint = load(generator, GENERATORS + SEALED, self.device)
                name = checkpoint.record.get("recogniser")
                if name is None or "threshold" not in checkpoint.record:
                    raise BadCheckpoint(
                        f"checkpoint {checkpoint.name} has no threshold yet; run: python -m"
                        f" training measure {generator}"
                    )
                if name not in self._recognisers:
                    self._recognisers[name] = load_recogniser(name, self.device)
                recogniser = self._recognisers[name]
                if checkpoint.record["class"] in SEALED:
                    recogniser = Directions(recogniser, checkpoint.model).eval()
                self._distorters[generator] = Distorter(checkpoint, recogniser)
            return self._distorters[generator]

    def warm_up(self, generators: list[str]) -> None:
        """Load these generators, their recognisers and the detector before somebody asks for
        them.
        """
        for generator in generators:
            distorter = self.distorter(generator)
            blank = Image.new(
                "RGB" if distorter.generator.model.image_shape[0] == 3 else "L",
                distorter.generator.model.image_shape[1:],
            )
            distorter.distort(blank)
        with self._lock:
            self.detector.find([Image.new("RGB", (640, 480))])

    def find(self, source, aligned: bool = False) -> list[Face]:
        """Any picture -> its faces, sure ones first, then the largest
        (`ndcb.faces.detectors.in_order`).

        Boxes are in pixels of the full upright picture. aligned: it is an aligned crop or a
        template already. Raises BadPicture, NoFaceFound.
        """
        photo = read_photo(source)
        if aligned:
            return [already_aligned(photo.picture)]
        with self._lock:
            return [enlarged(face, photo.scale) for face in self.detector(photo.picture)]


def pick_device(name: str) -> str:
    """`auto` -> cuda, mps or cpu, whichever is there first. Raises UserError for one that is not
    there.
    """
    there = [
        device
        for device, found in (
            ("cuda", torch.cuda.is_available()),
            ("mps", torch.backends.mps.is_available()),
            ("cpu", True),
        )
        if found
    ]
    if name != "auto" and name not in there:
        raise UserError(
            f"This machine has no {name}. Use --device auto, or one of: {', '.join(there)}."
        )
    return there[0] if name == "auto" else name


@contextmanager
def stopwatch(took: dict[str, float], stage: str):
    """Adds the milliseconds of its block to `took[stage]`."""
    start = time.perf_counter()
    yield
    took[stage] = took.get(stage, 0) + (time.perf_counter() - start) * 1000
