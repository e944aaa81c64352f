"""What the tab remembers of a visitor, and a picture's way down to the words on its template:

    file -> faces -> template -> distances -> words

Each function here returns what the screen shows next, by the names of the page's components.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from ndcb.core.terms import Face, UserError
from ndcb.faces import samples
from ndcb.faces.detectors import centre_crop
from ndcb.faces.drawings import digit_from_drawing, drawing_on_white
from ndcb.faces.images import read_photo
from ndcb.models import examples
from ndcb.models.pipeline import Models, Picture, stopwatch
from ndcb.web import private_files, words
from ndcb.web.tabs.distort import result
from ndcb.web.wiring import Answer

CREDIT = f"This is the sample, {samples.PORTRAIT_CREDIT}; give a photo to see yourself."


@dataclass(frozen=True)
class Visit:
    """What the page remembers for one visitor, for ten minutes at most."""

    crops: tuple[Picture, ...]
    """The faces found, largest first, or one digit."""
    chosen: int = 0
    note: str = ""
    """What to say beside the verdict."""
    embedding: object = None
    """F of the chosen crop, once it is computed."""
    recogniser: str = ""
    """The F of the embedding: another generator of its does not compute it again."""
    numbered: tuple[str, ...] = ()
    """Files of the crops to choose from, where there are several."""
    middle: Face | None = None
    """The middle of a picture in which no face was found."""
    files: tuple[str, ...] = ()
    """Every file this visit left in the cache."""
    detect: float | None = None
    """Milliseconds that finding the faces took, until they are told."""


def first_face() -> Visit:
    """The sample portrait."""
    return Visit((examples.portrait_face(),), note=CREDIT)


def first_digit() -> Visit:
    """A sample digit."""
    return Visit((samples.digits()[3],))


def show_photo(models: Models, path: str, generator: str, visit: Visit) -> Answer:
    """A visitor's file, which the visit lists for "Delete my data"."""
    return show_picture(models, path, generator, replace(visit, files=(*visit.files, path)))


def show_picture(models: Models, source: str | Path, generator: str, visit: Visit) -> Answer:
    """Find the faces and distort the first. Of a picture without one the middle is offered."""
    photo, took = None, {}
    try:
        photo = read_photo(source)
        with stopwatch(took, "detect"):
            faces = models.find_in(photo)
    except UserError as error:
        middle = centre_crop(photo.picture) if photo else None
        return refuse(replace(visit, middle=middle), str(error))

    return show(models, generator, _found(tuple(faces), visit.files, took["detect"]))


def _found(faces: tuple[Face, ...], files: tuple[str, ...], detect: float) -> Visit:
    """The faces of a picture; of several each gets a file to choose it by."""
    if len(faces) == 1:
        return Visit(faces, files=files, detect=detect)
    paths = tuple(private_files.save(face.image, "face.png") for face in faces)
    note = f"{len(faces)} faces were found; choose another one on the left."
    return Visit(faces, note=note, numbered=paths, files=(*files, *paths), detect=detect)


def show_drawing(
    models: Models, drawing: Image.Image | None, generator: str, visit: Visit
) -> Answer:
    """Distort a digit as the pad gives it."""
    try:
        digit = digit_from_drawing(drawing_on_white(drawing))
    except UserError as error:
        return refuse(visit, str(error))
    return show(models, generator, Visit((digit,), files=visit.files))


def show(models: Models, generator: str, visit: Visit) -> Answer:
    """Distort the chosen crop, and say how far its template is from it."""
    crop = visit.crops[visit.chosen]
    took = {} if visit.detect is None else {"detect": visit.detect}
    try:
        distorter = models.distorter(generator)
        recogniser = distorter.generator.record["recogniser"]
        if visit.recogniser != recogniser:
            with stopwatch(took, "embed the original"):
                [embedding] = distorter.embed([crop])
            visit = replace(visit, embedding=embedding, recogniser=recogniser)
        distortion = distorter.distort(crop, visit.embedding)
    except UserError as error:
        return refuse(visit, str(error))

    distortion = replace(distortion, milliseconds=took | distortion.milliseconds)
    files = result.save(distortion, generator)
    visit = replace(visit, middle=None, detect=None, files=(*visit.files, *files))
    return {"visit": visit, **result.shown(distortion, generator, files, visit.note)}


def refuse(visit: Visit, text: str) -> Answer:
    """Say what to do; everything else on screen stays."""
    return {"visit": visit, "verdict": words.advice(text)}


def begin_again(visit: Visit, text: str) -> Answer:
    """Nothing of the visitor's is on screen, and why. visit: what the page shows when it opens."""
    return {"visit": visit, **result.cleared(text)}
