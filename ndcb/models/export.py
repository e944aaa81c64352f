"""A checkpoint as ONNX files for other programs, with a README that says how to use them."""

from ndcb.generators.sealed import Directions
from ndcb.models.acceleration import in_torch
from ndcb.models.export_readme import GENERATOR, README, RECOGNISER, readme
from ndcb.models.onnx_graphs import exported
from ndcb.models.pipeline import Distorter, Models

FILES = GENERATOR, RECOGNISER, README


def export(name: str) -> dict[str, bytes]:
    """A generator, by its checkpoint's name or folder -> the files: name -> content.

    Its recogniser is among them; a sealed generator's gives directions z(F(X)). Each graph is
    checked against torch. Raises UnknownName, BadCheckpoint, NotAvailable; GraphDiffers.
    """
    distorter = Models().distorter(name)
    generator = in_torch(distorter.generator.model)
    return {
        GENERATOR: exported(generator),
        RECOGNISER: exported(_recogniser(distorter)),
        README: readme(distorter).encode(),
    }


def _recogniser(distorter: Distorter):
    """In torch: what `Distorter.embed` gives, pictures -> what is compared."""
    recogniser = distorter.recogniser
    if not isinstance(recogniser, Directions):
        return in_torch(recogniser)
    return Directions(in_torch(recogniser.recogniser), in_torch(recogniser.generator)).eval()
