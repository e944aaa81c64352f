"""What the tab remembers of a visitor, and a picture's way down to its place among the others:

file -> face -> template -> embeddings -> figure, tables and words
"""

import html
from dataclasses import dataclass, field, replace

from PIL import Image

from ndcb.core.terms import UserError
from ndcb.faces.drawings import digit_from_drawing, drawing_on_white
from ndcb.models.pipeline import Distorter, Distortion, Models, Picture
from ndcb.report import projection
from ndcb.web import rates, words
from ndcb.web.figures import data_url
from ndcb.web.tabs.embedding.space import PEOPLE, Space
from ndcb.web.tabs.embedding.tables import tables
from ndcb.web.wiring import Answer


@dataclass(frozen=True)
class Own:
    """A visitor's picture by one generator."""

    result: Distortion
    place: projection.Own


@dataclass(frozen=True)
class Visit:
    """What the tab remembers for one visitor, for ten minutes at most."""

    own: dict[str, Own] = field(default_factory=dict)
    """By the generator's name."""
    note: str = ""
    files: tuple[str, ...] = ()
    """Every file this visit left in the cache."""


def with_file(visit: Visit, picture: str | Image.Image | None) -> Visit:
    """The visit lists a photo's file for "Delete my data"; a drawing has none."""
    if not isinstance(picture, str):
        return visit
    return replace(visit, files=(*visit.files, picture))


def take(models: Models, space: Space, picture: str | Image.Image | None, visit: Visit) -> Visit:
    """Distort a photo (its path) or a drawing with every generator, and embed both.

    Raises UserError.
    """
    if space.kind is PEOPLE:
        faces = models.find(picture)
        crop = faces[0]
        note = f"{len(faces)} faces were found; this is the largest." if len(faces) > 1 else ""
    else:
        crop, note = digit_from_drawing(drawing_on_white(picture)), ""
    own = {name: _placed(models.distorter(name), crop) for name in space.sheets}
    return replace(visit, own=own, note=note)


def _placed(distorter: Distorter, crop: Picture) -> Own:
    [original] = distorter.embed([crop])
    result = distorter.distort(crop, original)
    [template] = distorter.embed([result.template])
    return Own(result, projection.Own(original.numpy(), template.numpy()))


def show(space: Space, generator: str, classes: list[str], view: str, visit: Visit) -> Answer:
    """What is said, the figure, the tables, and the words on the visitor's own picture.

    Where the choice cannot be shown it says what to do, and everything else stays.
    """
    try:
        chosen = space.choose(generator, classes)
    except UserError as error:
        return {"said": words.advice(str(error))}
    own = visit.own.get(generator)
    dimensions = 2 if view == "2-D" else 3
    sheet, place = space.sheets[generator], own and own.place
    figure = projection.figure(chosen, dimensions, place, space.kind.noun, sheet)
    return {
        "said": "",
        "plot": figure,
        "numbers": tables(space, generator, chosen),
        "own": _words(space, generator, chosen, own, visit.note) if own else "",
    }


def _words(space: Space, generator: str, chosen: projection.Embeddings, own: Own, note: str) -> str:
    """The visitor's picture and template, inside the page and not as files, and what the recogniser
    makes of them.
    """
    result, kind = own.result, space.kind
    nearest, distance = projection.nearest_class(chosen, own.place.distorted)
    same = "still the same" if result.decision.same else "not the same any more"
    text = (
        f"Your {kind.given} and its template are <strong>{result.embedding_distance:.3f}</strong>"
        f" apart, {_side(result.embedding_distance, result)}: {same} to the recogniser. Of the"
        f" {kind.noun} shown, your template is nearest to an original of"
        f" <strong>{html.escape(nearest)}</strong>, {distance:.3f}, {_side(distance, result)}."
        f" {note}"
    )
    pictures = _inline(result.original, "original") + _inline(result.template, "template")
    box = words.box("yes" if result.decision.same else "no", f"{text}<br>{pictures}")
    return box + rates.beside(generator, result.threshold)


def _side(distance: float, result: Distortion) -> str:
    side = "under" if distance < result.threshold else "over"
    return f"{side} the login threshold {result.threshold:.3f}"


def _inline(picture: Image.Image, what: str) -> str:
    return f'<img class="{what}" alt="your {what}" title="your {what}" src="{data_url(picture)}">'
