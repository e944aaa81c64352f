"""What the tab remembers of a visitor, and a photo's way down to the words on all four pairs:

    file -> faces -> templates -> distances -> words

Each function here returns what the screen shows next, by the names of the page's components.
"""

from dataclasses import dataclass, replace

from ndcb.core.terms import Face, UserError
from ndcb.models import examples
from ndcb.models.comparison import compare_faces
from ndcb.models.operating_points import DEFAULT
from ndcb.models.pipeline import Models
from ndcb.web import private_files, words
from ndcb.web.choices import known_fmr
from ndcb.web.tabs.compare.report import pictures, say, table
from ndcb.web.wiring import Answer

SIDES = ("A", "B")
PICTURES = ("face A", "template A", "face B", "template B")
"""The names of the pictures on screen, in the order of `report.pictures`."""


@dataclass(frozen=True)
class Side:
    """The face on one side."""

    face: Face
    note: str = ""


@dataclass(frozen=True)
class Visit:
    """What the page remembers for one visitor, for ten minutes at most."""

    sides: dict[str, Side]
    """Of A and B."""
    fmr: str = DEFAULT
    """A key of `operating_points.NAMED`."""
    files: tuple[str, ...] = ()
    """Every file this visit left in the cache."""


def first_visit() -> Visit:
    """The sample on both sides."""
    return Visit(dict.fromkeys(SIDES, sample_side()))


def sample_side() -> Side:
    """The sample portrait's face."""
    return Side(examples.portrait_face())


def show_photo(models: Models, side: str, path: str, generator: str, visit: Visit) -> Answer:
    """A visitor's file takes this side. The visit lists it for "Delete my data"."""
    return show_picture(models, side, path, generator, with_files(visit, path))


def show_picture(models: Models, side: str, source, generator: str, visit: Visit) -> Answer:
    """The first face of the picture takes this side.

    A picture that cannot be used changes nothing and is answered.
    """
    try:
        face = find_side(models, side, source)
    except UserError as error:
        return refuse(visit, str(error))
    return show(models, generator, with_side(visit, side, face))


def find_side(models: Models, side: str, source) -> Side:
    """Raises UserError, whose sentence names the side."""
    try:
        faces = models.find(source)
    except UserError as error:
        raise UserError(f"Photo {side}: {error}") from None
    several = f"Photo {side} has {len(faces)} faces; the largest is compared."
    return Side(faces[0], several if len(faces) > 1 else "")


def with_side(visit: Visit, side: str, face: Side) -> Visit:
    """The visit with another face on one side."""
    return replace(visit, sides={**visit.sides, side: face})


def with_files(visit: Visit, *paths: str) -> Visit:
    """The visit with more files to delete."""
    return replace(visit, files=(*visit.files, *paths))


def show(models: Models, generator: str, visit: Visit, note: str = "") -> Answer:
    """Distort both faces, and say which of the four pairs are the same person."""
    faces = [visit.sides[side].face for side in SIDES]
    try:
        result = compare_faces(models.distorter(generator), *faces, known_fmr(visit.fmr))
    except UserError as error:
        return refuse(visit, str(error))

    paths = [private_files.save(picture, "compared.png") for picture in pictures(result)]
    notes = (*(visit.sides[side].note for side in SIDES), note)
    return {
        "visit": with_files(visit, *paths),
        **dict(zip(PICTURES, paths, strict=True)),
        "verdict": say(result, notes),
        "table": table(result, generator),
    }


def refuse(visit: Visit, text: str) -> Answer:
    """Say what to do; everything else on screen stays."""
    return {"visit": visit, "verdict": words.advice(text)}


def cleared(visit: Visit, text: str) -> Answer:
    """Nothing of the visitor's is on screen, and why."""
    photos = [f"photo {side}" for side in SIDES]
    nothing = dict.fromkeys([*PICTURES, *photos])
    said = {"verdict": words.advice(text), "table": "", "fmr": visit.fmr}
    return {"visit": visit, **said, **nothing}
