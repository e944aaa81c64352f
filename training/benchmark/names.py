"""Login among many names: a vault of made-up rows, and the time and memory of a search in it.

python -m training.benchmark.names --names 1000000

Made-up rows hold random unit vectors and one small picture, so what is measured is the search, not
how often it errs. A real picture makes the database larger, but a search does not read it.
"""

import json
import resource
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
import tyro
from PIL import Image
from sqlalchemy import insert

from ndcb.core.terms import DEFAULT_FACES
from ndcb.models.examples import portrait_face
from ndcb.models.pipeline import Distorter, Models
from ndcb.vault.enrolment import TemplateMaker
from ndcb.vault.kept import keep, weights_of
from ndcb.vault.names import person_of
from ndcb.vault.rows import EMBEDDINGS, TEMPLATES
from ndcb.vault.vault import Vault
from training.benchmark.timing import alternate, facenet_pass, summary, timed

PIECE = 10_000
"""Rows written at once."""
OWN = "Eileen"
"""The one real face among them."""


def measure_names(names: int, repeats: int, generator: str = DEFAULT_FACES) -> dict:
    """identify and verify among so many names, beside FaceNet's pass of one face.

    first_milliseconds: of the search that reads all embeddings; later ones find them in memory.
    The others are as in `training.benchmark.benchmark`. memory_mb: the most the process held.
    """
    models, face = Models(), portrait_face()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "vault.sqlite"
        vault = Vault(place, models, generator=generator)
        vault.enrol(OWN, [face])
        fill(vault, names - 1)
        vault.close()

        start = time.perf_counter()
        found, _ = vault.identify(face)
        first = (time.perf_counter() - start) * 1000
        if found != OWN:
            raise RuntimeError(f"the search found {found!r}")
        figures = {
            "names": names,
            "generator": generator,
            "first_milliseconds": first,
            "identify": _beside_facenet(partial(vault.identify, face), repeats),
            "verify": _beside_facenet(partial(vault.verify, OWN, face), repeats),
            "file_mb": place.stat().st_size / 1e6,
        }
        vault.close()
    return figures | {"memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3}


def fill(vault: Vault, names: int) -> None:
    """Write made-up people into a vault that has been enrolled in."""
    distorter = vault.models.distorter(vault.generator)
    png = _small_png(distorter)
    for start in range(0, names, PIECE):
        numbers = range(start, min(start + PIECE, names))
        rows = [*_made_up(numbers, distorter, png)]
        with vault.database.begin() as connection:
            connection.execute(insert(TEMPLATES), [template for template, _ in rows])
            connection.execute(insert(EMBEDDINGS), [embedding for _, embedding in rows])


def _small_png(distorter: Distorter) -> bytes:
    channels, height, width = distorter.recogniser.image_shape
    grey = Image.new("RGB" if channels == 3 else "L", (width, height), "grey")
    return TemplateMaker(distorter, lambda photo: photo).png(grey, "unchecked")


def _made_up(numbers: range, distorter: Distorter, png: bytes) -> Iterator[tuple[dict, dict]]:
    """(row of a template, row of its embedding) of the people of these numbers."""
    size = distorter.recogniser.dimensions
    random = np.random.default_rng(numbers.start).standard_normal((len(numbers), size), np.float32)
    embeddings = torch.nn.functional.normalize(torch.from_numpy(random))
    recogniser, weights = distorter.generator.record["recogniser"], weights_of(distorter)
    for number, embedding in zip(numbers, embeddings, strict=True):
        name, id, sha256 = f"made up {number}", number + 2, f"{number:064x}"
        template = {
            "id": id,
            "person": person_of(name),
            "number": 1,
            "name": name,
            "png": png,
            "sha256": sha256,
            "generator": distorter.generator.name,
            "recogniser": recogniser,
            "time": "2025-01-01T00:00:00Z",
        }
        of = (sha256, distorter.generator.name, recogniser, weights)
        yield template, keep(id, of, embedding)


def _beside_facenet(call, repeats: int) -> dict:
    return summary(alternate(timed(call), facenet_pass(1, "cpu"), repeats))


def main(
    names: tuple[int, ...] = (1000, 1_000_000), repeats: int = 9, generator: str = DEFAULT_FACES
) -> None:
    """Print a line of JSON for each number of names."""
    for number in names:
        print(json.dumps(measure_names(number, repeats, generator)), flush=True)


if __name__ == "__main__":
    tyro.cli(main)
