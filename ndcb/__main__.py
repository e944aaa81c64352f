"""python -m ndcb: distort photos into templates, compare them, keep them in a vault and log in with them. One JSON object a line."""

import csv
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Union

import tyro

from . import vault_cli
from .terms import DEFAULT_FACES, UserError

Positional = tyro.conf.Positional


@dataclass(frozen=True)
class Distort:
    """Turn the faces of photos into templates.

    Writes DIR/<stem>.template.png (160x160, lossless; of several faces <stem>.1.template.png, <stem>.2.template.png ..., sure
    ones first, then the largest) and prints one JSON object a line: photo, template, face_box, generator, distances,
    embedding_distance (squared, of the stored picture), milliseconds. A photo that fails prints its line with "error"; the exit code is then 1.
    """

    photos: Positional[tuple[Path, ...]]
    """Picture files: JPEG, PNG, WebP, AVIF, HEIC, TIFF, GIF or BMP, at most 40 MB and 64 megapixels."""
    out: Path
    """Folder of the templates; made if it is not there."""
    generator: str = DEFAULT_FACES
    """Name of a checkpoint, or the path of its folder."""
    polish: int = 0
    """Gradient steps on each template's pixels that bring its embedding nearer to the photo's; see "polish" under milliseconds."""
    aligned: bool = False
    """The pictures are aligned 160x160 faces already: look for no face."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where the networks run; auto takes the first that is there of cuda, mps, cpu."""


@dataclass(frozen=True)
class Compare:
    """Are two pictures of one person? Each may be a photo or a template (*.template.png).

    Prints one JSON object a line: reference, probe, squared_distance, threshold, same. A pair that fails prints its line with "error";
    the exit code is then 1. Of a photo with several faces the largest counts.
    """

    pictures: Positional[tuple[Path, ...]] = ()
    """REFERENCE PROBE, unless --pairs is given."""
    pairs: Path | None = None
    """A CSV file with the columns reference and probe, paths as seen from the current folder."""
    generator: str = DEFAULT_FACES
    """The checkpoint whose recogniser and threshold are used."""
    aligned: bool = False
    """All pictures are aligned 160x160 faces already: look for no face."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where the networks run; auto takes the first that is there of cuda, mps, cpu."""


def main(arguments: list[str] | None = None) -> int:
    verbs = {Distort: distort, Compare: compare} | vault_cli.VERBS
    named = [Annotated[verb, tyro.conf.subcommand(verb.__name__.lower())] for verb in verbs]
    command = tyro.cli(Union[tuple(named)], prog="python -m ndcb", description=__doc__, args=arguments)
    try:
        failed = False
        for line in verbs[type(command)](command):
            print(json.dumps(line), flush=True)
            failed |= "error" in line or "damaged" in line or line.get("accepted") is False
        return int(failed)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2


def distort(command: Distort):
    """One dict a face, or a dict with `error` a photo."""
    if not command.photos:
        raise UserError("Name at least one photo.")
    models, distorter = _models(command)
    _make_folder(command.out)
    taken: set[str] = set()
    for photo in command.photos:
        try:
            yield from _distort_photo(models, distorter, command, photo, _free_stem(photo, taken))
        except UserError as error:
            yield {"photo": str(photo), "error": str(error)}


def _distort_photo(models, distorter, command: Distort, photo: Path, stem: str):
    from .pipeline import stopwatch

    took: dict[str, float] = {}
    with stopwatch(took, "detect"):
        found = models.find(photo, command.aligned)
    for number, face in enumerate(found, 1):
        result = distorter.distort(face.image, polish_steps=command.polish)
        path = command.out / (f"{stem}.template.png" if len(found) == 1 else f"{stem}.{number}.template.png")
        _save(result.template, path)
        yield {
            "photo": str(photo), "template": str(path), "face_box": face.box, "rotation": face.rotation, "face": face.how,
            "generator": distorter.generator.name, "distances": _rounded(result.distances),
            "embedding_distance": round(result.embedding_distance, 6), "milliseconds": _rounded(took | result.milliseconds, 1),
        }


def compare(command: Compare):
    """One dict a pair."""
    pairs = _read_pairs(command.pairs) if command.pairs else [tuple(map(str, command.pictures))]
    if any(len(pair) != 2 for pair in pairs) or (command.pairs and command.pictures):
        raise UserError("Name two pictures, REFERENCE and PROBE, or a CSV file with --pairs.")
    models, distorter = _models(command)
    aligned_faces: dict[str, object] = {}

    def face(path: str):
        if path not in aligned_faces:
            aligned_faces[path] = distorter.embed([models.find(path, command.aligned or path.endswith(".template.png"))[0].image])
        return aligned_faces[path]

    for reference, probe in pairs:
        line = {"reference": reference, "probe": probe}
        try:
            decision = distorter.decide(face(reference), face(probe))
            yield line | {"squared_distance": round(decision.squared_distance, 6), "threshold": decision.threshold, "same": decision.same}
        except UserError as error:
            yield line | {"error": str(error)}


def _models(command):
    from .pipeline import Models, pick_device

    models = Models(pick_device(command.device))
    distorter = models.distorter(command.generator)
    if distorter.recogniser.image_shape != (3, 160, 160):
        raise UserError(f"generator {command.generator!r} is not made for faces")
    if distorter.sealed:
        raise UserError(f"generator {command.generator!r} needs a key; use: python -m ndcb enrol NAME PHOTO --seal passphrase")
    return models, distorter


def _read_pairs(path: Path) -> list[tuple[str, str]]:
    try:
        with open(path, newline="") as file:
            return [(row["reference"], row["probe"]) for row in csv.DictReader(file)]
    except (OSError, KeyError, ValueError, csv.Error):
        raise UserError(f"{path} cannot be read as a CSV file with the columns reference and probe.") from None


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"The folder {folder} cannot be made ({error.strerror}). Name another one with --out.") from error


def _save(template, path: Path) -> None:
    try:
        template.save(path)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise UserError(f"The template cannot be written ({error.strerror}). Free some space or name another folder with --out.") from error


def _free_stem(photo: Path, taken: set[str]) -> str:
    """The file's stem; a second photo of that stem gets -2, so that no template overwrites another of the same call."""
    stem = re.sub(r"[^\w.-]", "_", photo.stem) or "photo"
    name = next(name for name in (stem, *(f"{stem}-{n}" for n in range(2, 10**6))) if name not in taken)
    taken.add(name)
    return name


def _rounded(numbers: dict[str, float], digits: int = 6) -> dict[str, float]:
    return {name: round(value, digits) for name, value in numbers.items()}


if __name__ == "__main__":
    sys.exit(main())
