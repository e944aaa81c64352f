"""The verbs on pictures alone: distort and compare."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
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
from ndcb.models.templates import ENDING, kind_and_faces, marked_generator, save_template

Positional = tyro.conf.Positional
TAKEN = (
    "There is a file at the template's place already. Replace it with --overwrite, or name another "
    "folder with --out."
)


@dataclass(frozen=True)
class Distort:
    """Turn the faces of photos into templates.

    Writes DIR/<stem>.template.png (112x112 for SFace, 160x160 for FaceNet, lossless; of several
    faces <stem>.1.template.png, <stem>.2.template.png ..., sure ones first, then the largest) and
    prints one JSON object a line: photo, template, face_box, generator, distances,
    embedding_distance (squared, of the stored picture), milliseconds. A photo that fails prints its
    line with "error"; the exit code is then 1.

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
    """The pictures are faces that are aligned already, as the generator's recogniser wants them
    (112x112 for SFace, 160x160 for FaceNet): look for no face."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where the networks run; auto takes the first that is there of cuda, mps, cpu."""


@dataclass(frozen=True)
class Compare:
    """Are two pictures of one person? Each may be a photo or a template.

    Prints one JSON object a line: reference, probe; reference_is, probe_is: photo, template or
    aligned; reference_faces, probe_faces: how many were found in a photo, of which the largest
    counts; generator, squared_distance, threshold, fmr, same. A pair that fails prints its line
    with "error"; the exit code is then 1.

    A template is a picture of 112x112 (SFace) or 160x160 pixels with the mark that distort writes
    into it, whatever its name. Without the mark, as after saving it as JPEG, it is one if no face
    is found in it, or one that fills it.
    """

    pictures: Positional[tuple[Path, ...]] = ()
    """REFERENCE PROBE, unless --pairs is given."""
    pairs: Path | None = None
    """A CSV file with the columns reference and probe, separated by commas, semicolons or tabs;
    paths as seen from the current folder."""
    generator: str | None = None
    """The checkpoint whose recogniser and thresholds are used. Default: the one that the mark of
    the reference, or else of the probe, names; sface-bottleneck where neither has a mark.
    """
    fmr: FalseMatchRate = None
    aligned: bool = False
    """All pictures are faces that are aligned already, as for distort: look for no face."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where the networks run; auto takes the first that is there of cuda, mps, cpu."""


def distort(command: Distort, progress: Progress) -> Iterator[dict]:
    """One dict a face, or a dict with `error` a photo."""
    if not command.photos:
        raise UserError("Name at least one photo.")
    models = _models(command.device)
    distorter = _distorter(models, command.generator)
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
    pairs, models = _pairs(command), _models(command.device)
    if command.generator:  # a wrong one is told before anything is read
        operating_point(_distorter(models, command.generator).generator.record, command.fmr)
    comparing = Comparing(models, command)

    for pair in progress.over(pairs, "pairs"):
        try:
            yield pair if "error" in pair else pair | comparing.line(pair)
        except Exception as error:
            yield pair | {"error": console.sentence(error)}


@dataclass(frozen=True)
class Comparing:
    """The pairs of one call. A picture that is in several of them is looked at once."""

    models: object
    command: Compare
    marks: dict[str, str | None] = field(default_factory=dict)
    """Path -> the generator that a picture's mark names; None: no mark."""
    sides: dict[tuple[str, str], Side] = field(default_factory=dict)
    """(path, generator) -> what the picture leads to."""

    def line(self, pair: dict[str, str]) -> dict:
        """What is told of a pair. Raises UserError."""
        read = {path: self._read(path) for path in dict.fromkeys(pair[one] for one in COLUMNS)}
        marks = [self.marks[pair[column]] for column in COLUMNS]
        generator = self.command.generator or marks[0] or marks[1] or DEFAULT_FACES
        distorter, fmr = _distorter(self.models, generator), self.command.fmr
        reference, probe = (
            self._side(distorter, pair[column], read[pair[column]]) for column in COLUMNS
        )
        decision = distorter.decide(reference.embedding, probe.embedding, fmr)
        return {
            **reference.about("reference"),
            **probe.about("probe"),
            "generator": distorter.generator.name,
            "squared_distance": round(decision.squared_distance, 6),
            "threshold": decision.threshold,
            "fmr": operating_point(distorter.generator.record, fmr).fmr,
            "same": decision.same,
        }

    def _read(self, path: str):
        """The picture; None where it was looked at already. In a table `-` is a file's name."""
        from ndcb.faces.images import read_picture

        if path in self.marks:
            return None
        is_input = path == str(INPUT) and not self.command.pairs
        picture = read_picture(console.readable(INPUT) if is_input else path)
        self.marks[path] = marked_generator(picture)
        return picture

    def _side(self, distorter, path: str, picture) -> Side:
        key = path, distorter.generator.name
        if key not in self.sides:
            from ndcb.faces.images import read_picture

            picture = picture or read_picture(path)
            if self.command.aligned:
                kind, faces = "aligned", self.models.find(picture, True)
            else:
                kind, faces = kind_and_faces(self.models, distorter, picture, path)
            self.sides[key] = Side(kind, len(faces), distorter.embed(faces[:1]))
        return self.sides[key]


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


def _models(device: str):
    """Raises UserError: there is no such device."""
    from ndcb.models.pipeline import Models, pick_device

    return Models(pick_device(device))


def _distorter(models, generator: str):
    """Raises UserError: there is none of this name, it is not made for faces, or needs a key."""
    distorter = models.distorter(generator)
    if distorter.recogniser.image_shape[0] != 3:
        raise UserError(f"generator {generator!r} is not made for faces")
    if distorter.sealed:
        raise UserError(
            f"generator {generator!r} needs a key; "
            "use: python -m ndcb enrol NAME PHOTO --seal passphrase"
        )
    return distorter


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
