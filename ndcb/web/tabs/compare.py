"""Two photos, plain and distorted: all four distances against the threshold."""

from dataclasses import dataclass, replace
from functools import cache

import gradio as gr
from PIL import Image, ImageEnhance, ImageOps

from ndcb.core.terms import DEFAULT_FACES, Decision, UserError
from ndcb.faces import samples
from ndcb.models import examples
from ndcb.models.pipeline import Distorter, Models
from ndcb.web import private_files, words
from ndcb.web.photo import Photo, refusal
from ndcb.web.tabs.distort import (
    BLOCKED,
    LATEST,
    NOTHING_KEPT,
    QUEUE,
    delete_files,
    generators,
    known_generator,
)
from ndcb.web.visits import ENDED, visit_state

SIDES = ("A", "B")
PAIRS = {
    "plain_plain": (0, 1),
    "template_plain": (2, 1),
    "plain_template": (0, 3),
    "template_template": (2, 3),
}
"""Of A's and B's pictures: which two of (photo A, photo B, template A, template B) are compared."""
SAME_PICTURE = (
    "This is the sample on both sides, so photo against photo is 0; give two photos, or take the"
    " other sample on one side."
)
OTHER_ENDED = (
    "Your visit ended after ten minutes: the other photo was deleted, and the sample stands in its"
    " place."
)
CREDIT = f"Samples: {samples.PORTRAIT_CREDIT}. One photo alone is compared with the sample."

CSS = """
.four { overflow-x: auto }
.four table { width: 100%; border-collapse: collapse; table-layout: fixed }
.four caption { text-align: left; padding: .3rem 0; opacity: .85 }
.four th, .four td { padding: .5rem .6rem; border: 1px solid var(--border-color-primary); text-align: left; vertical-align: top }
.four tr > :first-child { width: 28% }
@media (max-width: 500px) { .four th, .four td { padding: .4rem .35rem; font-size: .9em } }
.four td.yes { border-left: 5px solid #0d9488 } .four td.no { border-left: 5px solid #d97706 }
.four td b { font-size: 1.25em; display: block }
"""


@dataclass(frozen=True)
class Side:
    """The face on one side."""

    crop: Image.Image
    note: str = ""


@dataclass(frozen=True)
class Visit:
    """What the page remembers for one visitor, for ten minutes at most."""

    sides: tuple[Side, Side]
    files: tuple[str, ...] = ()
    """Every file this visit left in the cache."""


@dataclass(frozen=True)
class Comparison:
    """Two aligned faces, their templates, and the decision about each of the four pairs, by the
    names of `PAIRS`.
    """

    originals: tuple[Image.Image, Image.Image]
    templates: tuple[Image.Image, Image.Image]
    decisions: dict[str, Decision]

    @property
    def threshold(self) -> float:
        return self.decisions["plain_plain"].threshold


def first_visit() -> Visit:
    return Visit((sample_side(), sample_side()))


def sample_side() -> Side:
    return Side(examples.example(DEFAULT_FACES).original)


@cache
def other_sample() -> Image.Image:
    """The portrait as another photo would show it: mirrored and brighter."""
    return ImageEnhance.Brightness(ImageOps.mirror(samples.portrait())).enhance(1.35)


def first_comparison() -> Comparison:
    """The stored example against itself, which needs no model: a picture is at distance 0 from
    itself.
    """
    stored = examples.example(DEFAULT_FACES)
    decisions = {
        name: Decision(
            stored.embedding_distance if "plain" in name and "template" in name else 0.0,
            stored.threshold,
        )
        for name in PAIRS
    }
    return Comparison((stored.original,) * 2, (stored.template,) * 2, decisions)


def build(models: Models) -> None:
    """Lay out the tab inside the page that is being built."""
    gr.Markdown(
        "Is it the same person? Two photos, each as it is and as a template: four comparisons, one"
        " threshold."
    )
    visit = visit_state(first_visit, delete_files)
    pictures = [
        private_files.save(picture, "sample.png") for picture in _pictures(first_comparison())
    ]
    with gr.Row():
        inputs = [
            _side(name, pictures[2 * place : 2 * place + 2]) for place, name in enumerate(SIDES)
        ]
    gr.Markdown(f"{BLOCKED} {CREDIT}", elem_classes="privacy")
    first = first_comparison()
    verdict = gr.HTML(say(first, (SAME_PICTURE,)), elem_id="compare-verdict")
    table = gr.HTML(four(first), elem_id="compare-table")
    choices = generators("faces")
    generator = gr.Radio(
        choices,
        value=choices[0][1] if choices else None,
        label="Generator",
        elem_id="compare-generator",
    )
    forget = gr.Button("Delete my data", size="sm", elem_id="compare-forget")
    photos = [side[0] for side in inputs]
    outputs = [visit, *(image for side in inputs for image in side[3:]), verdict, table, *photos]
    for place, (photo, same, other, *_) in enumerate(inputs):
        _wire_side(models, place, photo, same, other, generator, visit, outputs)
    _wire_rest(models, generator, forget, visit, outputs)
    _api(models)


def _side(name: str, pictures: list[str]) -> list:
    """Photo, both sample buttons, aligned face and template of one side."""
    with gr.Column(min_width=320):
        photo = Photo(f"Photo {name}", height=240, elem_id=f"compare-photo-{name}")
        with gr.Row():
            same = gr.Button(
                "Sample portrait", size="sm", min_width=120, elem_id=f"compare-same-{name}"
            )
            other = gr.Button(
                "Mirrored, brighter", size="sm", min_width=120, elem_id=f"compare-other-{name}"
            )
        plain = {
            "format": "png",
            "interactive": False,
            "height": 220,
            "min_width": 120,
            "buttons": ["download"],
        }
        with gr.Row(elem_classes="pair"):
            original = gr.Image(
                pictures[0], label=f"Face {name}", elem_id=f"compare-face-{name}", **plain
            )
            template = gr.Image(
                pictures[1], label=f"Template {name}", elem_id=f"compare-template-{name}", **plain
            )
    return [photo, same, other, original, template]


def _wire_side(models, place: int, photo, same, other, generator, visit, outputs) -> None:
    private = {"api_visibility": "private", "show_progress_on": outputs[5], **QUEUE}

    def on_photo(path: str | None, name: str, seen: Visit | None) -> list:
        if path is None:
            return [gr.skip()] * len(outputs)
        if seen is None:
            return begin_again(models, place, path, name)
        return [*show_photo(models, place, path, name, seen), *[gr.skip()] * 2]

    def on_same(name: str, seen: Visit | None) -> list:
        if seen is None:
            return end()
        return [*show(models, name, with_side(seen, place, sample_side())), *without_photo(place)]

    def on_other(name: str, seen: Visit | None) -> list:
        if seen is None:
            return end()
        return [*show_picture(models, place, other_sample(), name, seen), *without_photo(place)]

    photo.input(on_photo, [photo, generator, visit], outputs, **private, **LATEST)
    same.click(on_same, [generator, visit], outputs, **private)
    other.click(on_other, [generator, visit], outputs, **private)


def _wire_rest(models, generator, forget, visit, outputs) -> None:
    def on_generator(name: str, seen: Visit | None) -> list:
        return end() if seen is None else [*show(models, name, seen), *[gr.skip()] * 2]

    def on_forget(seen: Visit | None) -> list:
        delete_files(seen)
        return [first_visit(), *cleared(NOTHING_KEPT), None, None]

    generator.input(
        on_generator,
        [generator, visit],
        outputs,
        api_visibility="private",
        show_progress_on=outputs[5],
        **QUEUE,
        **LATEST,
    )
    forget.click(on_forget, visit, outputs, api_visibility="private")


def without_photo(place: int) -> list:
    """Both photo inputs: this side shows a sample now, the other stays."""
    return [None if side == place else gr.skip() for side in range(len(SIDES))]


def end() -> list:
    """A value for each output where the visit has ended: no old photo stays beside new numbers."""
    return [first_visit(), *cleared(ENDED), None, None]


def begin_again(models: Models, place: int, path: str, generator: str) -> list:
    """The same where a photo is given: it is compared with the sample, and the other photo is gone
    from the screen.
    """
    visit = replace(first_visit(), files=(path,))
    try:
        side = find_side(models, place, path)
    except UserError as error:
        return [visit, *cleared(f"{error} {OTHER_ENDED}"), None, None]
    values = show(models, generator, with_side(visit, place, side), OTHER_ENDED)
    return [*values, *(gr.skip() if side == place else None for side in range(len(SIDES)))]


def show_photo(models: Models, place: int, path: str, generator: str, visit: Visit) -> list:
    """The visit, and a value for each picture, verdict and table; the photo's file is remembered
    first, so that it can be deleted.
    """
    return show_picture(models, place, path, generator, replace(visit, files=(*visit.files, path)))


def show_picture(models: Models, place: int, source, generator: str, visit: Visit) -> list:
    """The largest face of the picture takes this side; a picture that cannot be used changes
    nothing and is answered.
    """
    try:
        return show(models, generator, with_side(visit, place, find_side(models, place, source)))
    except UserError as error:
        return [visit, *refuse(str(error))]


def find_side(models: Models, place: int, source) -> Side:
    """Raises UserError, whose sentence names the side."""
    try:
        faces = models.find(source)
    except UserError as error:
        raise UserError(f"Photo {SIDES[place]}: {error}") from None
    return Side(
        faces[0].image,
        (
            f"Photo {SIDES[place]} has {len(faces)} faces; the largest is compared."
            if len(faces) > 1
            else ""
        ),
    )


def with_side(visit: Visit, place: int, side: Side) -> Visit:
    sides = list(visit.sides)
    sides[place] = side
    return replace(visit, sides=tuple(sides))


def compare_faces(distorter: Distorter, a: Image.Image, b: Image.Image) -> Comparison:
    """Two aligned faces -> their templates and four decisions; all four pictures are embedded in
    one batch.
    """
    templates = tuple(distorter.templates([a, b]))
    embedded = distorter.embed([a, b, *templates])
    return Comparison(
        (a, b),
        templates,
        {name: distorter.decide(embedded[i], embedded[j]) for name, (i, j) in PAIRS.items()},
    )


def show(models: Models, generator: str, visit: Visit, note: str = "") -> list:
    """The visit as it is remembered, and a value for each picture, verdict and table."""
    try:
        result = compare_faces(models.distorter(generator), *(side.crop for side in visit.sides))
    except UserError as error:
        return [visit, *refuse(str(error))]
    paths = [private_files.save(picture, "compared.png") for picture in _pictures(result)]
    notes = (*(side.note for side in visit.sides), note)
    return [replace(visit, files=(*visit.files, *paths)), *paths, say(result, notes), four(result)]


def refuse(text: str) -> list:
    """Say what to do; everything else on screen stays."""
    return [gr.skip()] * 4 + [words.advice(text), gr.skip()]


def cleared(text: str) -> list:
    """Nothing of the visitor's is on screen, and why."""
    return [None] * 4 + [words.advice(text), ""]


def _pictures(result: Comparison) -> list[Image.Image]:
    """In the order of the page: face and template of A, face and template of B."""
    return [picture for pair in zip(result.originals, result.templates) for picture in pair]


def say(result: Comparison, notes: tuple[str, ...] = ()) -> str:
    """The verdict in words: what the photos say, and whether distortion changed it."""
    plain = result.decisions["plain_plain"].same
    agree = [decision.same == plain for decision in result.decisions.values()][1:]
    head = (
        "The recogniser takes both photos for the same person."
        if plain
        else "The recogniser takes them for two people."
    )
    if all(agree):
        does = "All three comparisons with a template say the same."
    else:
        does = (
            f"Of the three comparisons with a template {agree.count(False)} would be decided the"
            " other way."
        )
    limit = f"Squared embedding distances under {result.threshold:.3f} count as the same person."
    return words.box(
        "yes" if plain else "no",
        " ".join([f"<strong>{head}</strong>", does, limit, *filter(None, notes)]),
    )


def four(result: Comparison) -> str:
    """The 2x2 table."""
    rows = "".join(
        _row(f"{name} A", [result.decisions[f"{kind}_{other}"] for other in ("plain", "template")])
        for kind, name in (("plain", "photo"), ("template", "template"))
    )
    head = '<tr><td></td><th scope="col">photo B</th><th scope="col">template B</th></tr>'
    return (
        '<div class="four"><table><caption>Squared embedding distance of each pair, and the'
        f" decision</caption><thead>{head}</thead><tbody>{rows}</tbody></table></div>"
    )


def _row(name: str, decisions: list[Decision]) -> str:
    return f'<tr><th scope="row">{name}</th>{"".join(map(_cell, decisions))}</tr>'


def _cell(decision: Decision) -> str:
    kind, side, verdict = (
        ("yes", "under", "same person") if decision.same else ("no", "not under", "another person")
    )
    return (
        f'<td class="{kind}"><b>{decision.squared_distance:.3f}</b>{side} the threshold'
        f" {decision.threshold:.3f}: {verdict}</td>"
    )


def as_json(result: Comparison) -> dict:
    return {
        **{name: decision.squared_distance for name, decision in result.decisions.items()},
        "threshold": result.threshold,
        "same": {name: decision.same for name, decision in result.decisions.items()},
    }


def _api(models: Models) -> None:
    """The public endpoint, on components that the page does not show."""
    a, b = Photo("photo_a", visible=False), Photo("photo_b", visible=False)
    generator = gr.Textbox(DEFAULT_FACES, label="generator", visible=False)
    numbers = gr.JSON(label="numbers", visible=False)

    def compare(photo_a: str | None, photo_b: str | None, generator: str):
        """Compare the largest face of photo a with that of photo b: the squared embedding distances
        of plain against plain, template of a against plain b, plain a against template of b, and
        template against template; the login threshold; and for each of the four if it is the same
        person.
        """
        try:
            sides = [
                find_side(models, place, path) for place, path in enumerate((photo_a, photo_b))
            ]
            return as_json(
                compare_faces(
                    models.distorter(known_generator(generator)), *(side.crop for side in sides)
                )
            )
        except UserError as error:
            raise refusal(str(error)) from None

    gr.Button(visible=False).click(compare, [a, b, generator], numbers, api_name="compare", **QUEUE)
