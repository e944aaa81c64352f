"""The verbs on pictures alone: distort and compare."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from ndcb.cli import console
from ndcb.cli.arguments import FalseMatchRate
from ndcb.cli.console import INPUT, Progress
from ndcb.cli.pairs import COLUMNS, LARGEST_TABLE, read_pairs
from ndcb.core.files import Stems, path_of
from ndcb.core.terms import DEFAULT_FACES, UserError
from ndcb.models.operating_points import operating_point
from ndcb.models.templates import ENDING, kind_and_faces, save_template

Positional = tyro.conf.Positional
TAKEN = (
    "There is a file at the template's place already. Replace it with --overwrite, or name another "
    "folder with --out."
)


@dataclass(frozen=True)
class Distort:
    """Turn the faces of photos into templates.

    Writes DIR/<stem>.template.png (160x160, lossless; of several faces <stem>.1.template.png,
    <stem>.2.template.png ..., sure ones first, then the largest) and prints one JSON object a line:
    photo, template, face_box, generator, distances, embedding_distance (squared, of the stored
    picture), milliseconds. A photo that fails prints its line with "error"; the exit code is then
    1.

    Where two photos of one call could give one file's name, the later one's stem gets -2, -3 and so
    on. A stem that is too long is shortened; that of the input, `-`, is stdin.
    """

    photos: Positional[tuple[Path, ...]]
    """Picture files: JPEG, PNG, WebP, AVIF, HEIC, TIFF, GIF or BMP, at most 40 MB and 64
    megapixels."""
    out: Path
    """Folder of the templates; made if it is not there."""
    overwrite: bool = False
    """Replace files that are at a template's place; else that photo's line has "error"."""
    generator: str = DEFAULT_FACES
    """Name of a checkpoint, or the path of its folder."""
    polish: int = 0
    """Gradient steps on each template's pixels that bring its embedding nearer to the photo's; see
    "polish" under milliseconds."""
    aligned: bool = False
    """The pictures are aligned 160x160 faces already: look for no face."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where the networks run; auto takes the first that is there of cuda, mps, cpu."""


@dataclass(frozen=True)
class Compare:
    """Are two pictures of one person? Each may be a photo or a template.

    Prints one JSON object a line: reference, probe; reference_is, probe_is: photo, template or
    aligned; reference_faces, probe_faces: how many were found in a photo, of which the largest
    counts; squared_distance, threshold, fmr, same. A pair that fails prints its line with "error";
    the exit code is then 1.

    A template is a picture of 160x160 pixels with the mark that distort writes into it, whatever
    its name. Without the mark, as after saving it as JPEG, it is one if no face is found in it, or
    one that fills it.
    """

    pictures: Positional[tuple[Path, ...]] = ()
    """REFERENCE PROBE, unless --pairs is given."""
    pairs: Path | None = None
    """A CSV file with the columns reference and probe, separated by commas, semicolons or tabs;
    paths as seen from the current folder."""
    generator: str = DEFAULT_FACES
    """The checkpoint whose recogniser and thresholds are used."""
    fmr: FalseMatchRate = None
    aligned: bool = False
    """All pictures are aligned 160x160 faces already: look for no face."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where the networks run; auto takes the first that is there of cuda, mps, cpu."""


def distort(command: Distort, progress: Progress) -> Iterator[dict]:
    """One dict a face, or a dict with `error` a photo."""
    if not command.photos:
        raise UserError("Name at least one photo.")
    models, distorter = _models(command)
    make_folder(command.out)
    stems = Stems(ENDING)

    for photo in progress.over(command.photos):
        stem = stems.take("stdin" if photo == INPUT else photo.stem)
        try:
            yield from _distort_photo(models, distorter, command, photo, stem)
        except Exception as error:
            yield {"photo": str(photo), "error": console.sentence(error)}


def _distort_photo(models, distorter, command: Distort, photo: Path, stem: str) -> Iterator[dict]:
    """One dict a face, whose template is then written. Raises UserError."""
    from ndcb.models.pipeline import stopwatch

    took: dict[str, float] = {}
    source = console.readable(photo)
    with stopwatch(took, "detect"):
        faces = models.find(source, command.aligned)
    paths = _template_paths(command.out, stem, len(faces))
    if not command.overwrite and any(map(os.path.lexists, paths)):
        raise UserError(TAKEN)

    for face, path in zip(faces, paths, strict=True):
        result = distorter.distort(face, polish_steps=command.polish)
        _save(result.template, path, distorter.generator.name, command.overwrite)
        yield {
            "photo": str(photo),
            "template": str(path),
            "face_box": face.box,
            "rotation": face.rotation,
            "face": face.how,
            "generator": distorter.generator.name,
            "distances": _rounded(result.distances),
            "embedding_distance": round(result.embedding_distance, 6),
            "milliseconds": _rounded(took | result.milliseconds, 1),
        }


def _template_paths(folder: Path, stem: str, faces: int) -> list[Path]:
    numbers = [f".{number}" for number in range(1, faces + 1)] if faces > 1 else [""]
    return [folder / path_of(f"{stem}{number}{ENDING}") for number in numbers]


@dataclass(frozen=True)
class Side:
    """A reference or a probe."""

    kind: str
    """photo, template or aligned."""
    faces: int
    """How many were found in a photo."""
    embedding: object
    """Of the face that counts, as `Distorter.embed` gives it, (1, m)."""

    def about(self, column: str) -> dict:
        """What a line tells of this side."""
        line = {f"{column}_is": self.kind}
        if self.kind == "photo":
            line[f"{column}_faces"] = self.faces
        return line


def compare(command: Compare, progress: Progress) -> Iterator[dict]:
    """One dict a pair."""
    pairs = _pairs(command)
    models, distorter = _models(command)
    operating_point(distorter.generator.record, command.fmr)  # refused before anything is read
    sides: dict[str, Side] = {}

    def side_of(path: str) -> Side:
        if path not in sides:
            sides[path] = _side(models, distorter, path, command)
        return sides[path]

    for pair in progress.over(pairs, "pairs"):
        try:
            yield (
                pair if "error" in pair else pair | _compared(distorter, command.fmr, pair, side_of)
            )
        except Exception as error:
            yield pair | {"error": console.sentence(error)}


def _compared(
    distorter, fmr: str | None, pair: dict[str, str], side_of: Callable[[str], Side]
) -> dict:
    reference, probe = (side_of(pair[column]) for column in COLUMNS)
    decision = distorter.decide(reference.embedding, probe.embedding, fmr)
    return {
        **reference.about("reference"),
        **probe.about("probe"),
        "squared_distance": round(decision.squared_distance, 6),
        "threshold": decision.threshold,
        "fmr": operating_point(distorter.generator.record, fmr).fmr,
        "same": decision.same,
    }


def _side(models, distorter, path: str, command: Compare) -> Side:
    """What a picture's path leads to. In a table `-` is a file's name. Raises UserError."""
    from ndcb.faces.images import read_picture

    is_input = path == str(INPUT) and not command.pairs
    picture = read_picture(console.readable(INPUT) if is_input else path)
    if command.aligned:
        kind, faces = "aligned", models.find(picture, True)
    else:
        kind, faces = kind_and_faces(models, distorter, picture, path)
    return Side(kind, len(faces), distorter.embed(faces[:1]))


def _pairs(command: Compare) -> list[dict[str, str]]:
    """Reference and probe of each comparison that is asked for. Raises UserError."""
    if command.pairs and not command.pictures:
        return read_pairs(_table(command.pairs))
    if command.pairs or len(command.pictures) != 2:
        raise UserError("Name two pictures, REFERENCE and PROBE, or a CSV file with --pairs.")
    return [dict(zip(COLUMNS, map(str, command.pictures), strict=True))]


def _table(path: Path) -> bytes:
    if path == INPUT:
        return console.read_input(LARGEST_TABLE + 1)
    try:
        with open(path, "rb") as file:
            return file.read(LARGEST_TABLE + 1)
    except OSError as error:
        raise UserError(
            f"The table of pairs cannot be read ({error.strerror}). Check the path of --pairs."
        ) from None


def _models(command: Distort | Compare):
    """The models, and the distorter of the generator that the call names.

    Raises UserError: it is not made for faces, or needs a key.
    """
    from ndcb.models.pipeline import Models, pick_device

    models = Models(pick_device(command.device))
    distorter = models.distorter(command.generator)
    if distorter.recogniser.image_shape[0] != 3:
        raise UserError(f"generator {command.generator!r} is not made for faces")
    if distorter.sealed:
        raise UserError(
            f"generator {command.generator!r} needs a key; "
            "use: python -m ndcb enrol NAME PHOTO --seal passphrase"
        )
    return models, distorter


def make_folder(folder: Path) -> None:
    """Make the folder of --out, if it is not there. Raises UserError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"The folder {folder} cannot be made ({error.strerror}). Name another one with --out."
        ) from error


def _save(template, path: Path, generator: str, overwrite: bool) -> None:
    try:
        save_template(template, path, generator, overwrite)
    except FileExistsError as error:
        raise UserError(TAKEN) from error
    except OSError as error:
        raise UserError(
            f"The template cannot be written ({error.strerror}). "
            "Free some space or name another folder with --out."
        ) from error


def _rounded(numbers: dict[str, float], digits: int = 6) -> dict[str, float]:
    return {name: round(value, digits) for name, value in numbers.items()}


VERBS = {Distort: distort, Compare: compare}
