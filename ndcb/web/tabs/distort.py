"""The first tab: a photo or a drawn digit -> its template, side by side and under a slider, with
every number.
"""

import json
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import gradio as gr
from PIL import Image

from ndcb.core.paths import data_root
from ndcb.core.terms import DEFAULT_DIGITS, DEFAULT_FACES, NotAvailable, UnknownName, UserError
from ndcb.faces import lfw, samples
from ndcb.faces.detectors import centre_crop
from ndcb.faces.drawings import digit_from_drawing, drawing_on_white
from ndcb.faces.images import read_picture
from ndcb.models import checkpoints, examples, records
from ndcb.models.pipeline import Distortion, Models, stopwatch
from ndcb.models.templates import template_png
from ndcb.web import private_files, words
from ndcb.web.photo import Pad, Photo, refusal
from ndcb.web.visits import ENDED, chosen, visit_state

QUEUE = {"concurrency_id": "models", "concurrency_limit": 1}
LATEST = {"trigger_mode": "always_last"}
"""For an input that may change while its last value is still worked on. Gradio would drop the new
value.
"""
BLOCKED = "Camera blocked? Use the sample or upload a photo."
CREDIT = f"This is the sample, {samples.PORTRAIT_CREDIT}; give a photo to see yourself."
CROP_NOTE = (
    "<em>No face was found: this is the middle of the picture, and what the recogniser says of it"
    " means little.</em>"
)
LFW_PEOPLE = 10
READING_LFW = "Reading Labeled Faces in the Wild; the first time it is downloaded, about 230 MB"
NO_LFW = (
    "Labeled Faces in the Wild is not on the machine that serves this page and could not be"
    " downloaded. Connect that machine to the internet and try again, or use the sample or a photo"
    " of yours."
)
NOTHING_KEPT = "Your data is deleted: the photo, the crops and the templates."


CSS = """
#people .grid-container { grid-template-columns: repeat(5, minmax(0, 1fr)) !important; align-content: start }
#people .gallery-item, #people button { min-width: 0; width: 100%; height: auto; aspect-ratio: 1 }
#people .caption-label { font-size: .65rem; padding: 0 .2rem; max-width: 100%; right: 0; bottom: 0 }
#people, #people .grid-wrap { height: auto !important; max-height: 340px }
"""


@dataclass(frozen=True)
class Visit:
    """What the page remembers for one visitor, for ten minutes at most."""

    crops: tuple[Image.Image, ...]
    """The faces found, largest first, or one digit."""
    chosen: int = 0
    note: str = ""
    """What to say beside the verdict."""
    embedding: object = None
    """F of the chosen crop, once it is computed; another generator does not compute it again."""
    numbered: tuple[str, ...] = ()
    """Files of the crops to choose from, where there are several."""
    middle: Image.Image | None = None
    """The middle of a picture in which no face was found."""
    files: tuple[str, ...] = ()
    """Every file this visit left in the cache."""
    detect: float | None = None
    """Milliseconds that finding the faces took."""


def generators(pictures: str) -> list[tuple[str, str]]:
    """(label, name) of the generators of `faces` or `digits`: the default, then the shortest
    name.
    """
    digits = pictures == "digits"
    labels = {
        name: record["label"]
        for name, record in checkpoints.every_record().items()
        if records.of_digits(record) == digits
    }
    times = Counter(labels.values())
    names = sorted(
        labels, key=lambda name: (name not in (DEFAULT_FACES, DEFAULT_DIGITS), len(name), name)
    )
    return [
        (labels[name] if times[labels[name]] == 1 else f"{labels[name]} ({name})", name)
        for name in names
    ]


def known_generator(name: str) -> str:
    """The name that a program sent of a generator of faces. Raises UnknownName, for a path too: no
    other folder is opened.
    """
    names = [known for _, known in generators("faces")]
    if name not in names:
        raise UnknownName("checkpoint", name, names)
    return name


def first_face() -> Visit:
    return Visit((examples.example(DEFAULT_FACES).original,), note=CREDIT)


def first_digit() -> Visit:
    return Visit((samples.digits()[3],))


def build(models: Models) -> None:
    """Lay out the tab inside the page that is being built."""
    with gr.Row():
        with gr.Column(scale=4, min_width=320):
            with gr.Tab("Face"):
                face_inputs = _face_inputs()
            with gr.Tab("Digit"):
                digit_inputs = _digit_inputs()
        with gr.Column(scale=6, min_width=320):
            shown = _results(examples.example(DEFAULT_FACES))
    _wire_faces(models, *face_inputs, shown)
    _wire_digits(models, *digit_inputs, shown)
    _api(models)


def _face_inputs():
    photo = Photo("Your photo", height=300, elem_id="photo")
    gr.Markdown(BLOCKED, elem_classes="privacy")
    faces = gr.Gallery(
        label="Several faces: choose one",
        columns=5,
        height=150,
        visible=False,
        allow_preview=False,
        format="png",
        elem_id="faces",
    )
    middle = gr.Button("Use the middle of the picture instead", visible=False, elem_id="middle")
    with gr.Row():
        sample = gr.Button("Use the sample portrait", size="sm", elem_id="sample")
        more = gr.Button("Faces of LFW", size="sm", elem_id="lfw")
        forget = gr.Button("Delete my data", size="sm", elem_id="forget")
    people = gr.Gallery(
        label="People of LFW that no generator has seen",
        show_label=False,
        columns=5,
        height=210,
        visible=False,
        allow_preview=False,
        buttons=[],
        elem_id="people",
    )
    generator = _generator_choice("faces")
    visit = visit_state(first_face, delete_files)
    return photo, faces, middle, sample, more, people, forget, generator, visit


def _digit_inputs():
    pad = Pad("pad")
    with gr.Row():
        draw = gr.Button("Distort my digit", variant="primary", size="sm", elem_id="draw")
        forget = gr.Button("Delete my data", size="sm")
    digits = [
        (digit.resize((84, 84), Image.NEAREST), str(number))
        for number, digit in enumerate(samples.digits())
    ]
    gr.Markdown(
        "Choose the brush beside the pad to draw, or take a sample (scikit-learn's digits):"
    )
    gallery = gr.Gallery(
        digits,
        label="Sample digits",
        show_label=False,
        columns=5,
        height=180,
        allow_preview=False,
        buttons=[],
        format="png",
        elem_id="digits",
    )
    generator = _generator_choice("digits")
    visit = visit_state(first_digit, delete_files)
    return pad, draw, forget, gallery, generator, visit


def _generator_choice(kind: str) -> gr.Radio:
    choices = generators(kind)
    return gr.Radio(
        choices,
        value=choices[0][1] if choices else None,
        label="Generator",
        elem_id=f"{kind}-generator",
    )


def _results(first: Distortion) -> list:
    """The right half, with the stored example in it: on screen before any model has run."""
    paths = _store(first, "sample")
    with gr.Row(elem_classes="pair"):
        plain = {
            "format": "png",
            "interactive": False,
            "height": 300,
            "buttons": ["download", "fullscreen"],
        }
        original = gr.Image(paths[0], label="Original, aligned", elem_id="original", **plain)
        template = gr.Image(paths[1], label="Template: what is stored", elem_id="template", **plain)
    verdict = gr.HTML(words.verdict(first, CREDIT), elem_id="verdict")
    scale = gr.HTML(words.scale(first), elem_id="scale")
    slider = gr.ImageSlider(
        paths[:2], label="Drag: original | template", format="png", elem_id="slider", max_height=340
    )
    with gr.Row():
        png = gr.DownloadButton("Template as PNG", value=paths[1], size="sm", elem_id="png")
        numbers_file = gr.DownloadButton(
            "Numbers as JSON", value=paths[2], size="sm", elem_id="json"
        )
    numbers = gr.Markdown(words.numbers(first), elem_classes="numbers", elem_id="numbers")
    return [original, template, slider, verdict, scale, png, numbers_file, numbers]


def _wire_faces(
    models, photo, faces, middle, sample, more, people, forget, generator, visit, shown
) -> None:
    outputs = [visit, faces, middle, *shown, photo]
    private = {"api_visibility": "private", "show_progress_on": [shown[1]], **QUEUE}

    def view(seen: Visit, results: list, faces=gr.skip(), photo=gr.skip()) -> list:
        """A value for each output; the gallery and the photo stay as they are unless they are
        given.
        """
        return [seen, faces, gr.Button(visible=seen.middle is not None), *results, photo]

    def anew(seen: Visit, results: list) -> list:
        """Without the visitor's photo on screen."""
        return view(seen, results, gallery(seen), None)

    def end() -> list:
        return anew(first_face(), cleared(ENDED))

    def on_photo(path: str | None, name: str, seen: Visit | None) -> list:
        if path is None:
            return [gr.skip()] * len(outputs)
        seen, results = show_photo(models, path, name, seen or first_face())
        return view(seen, results, gallery(seen))

    def on_sample(name: str, seen: Visit | None) -> list:
        return anew(*show(models, name, replace(first_face(), files=files_of(seen))))

    def on_more(progress=gr.Progress()) -> list:
        progress(0, desc=READING_LFW)
        return show_people()

    def on_person(name: str, seen: Visit | None, event: gr.SelectData) -> list:
        seen = seen or first_face()
        try:
            person = chosen(unseen_people(), event)
        except NotAvailable:
            return view(seen, refuse(NO_LFW))
        return anew(*show_picture(models, person, name, seen))

    def on_face(name: str, seen: Visit | None, event: gr.SelectData) -> list:
        if seen is None:
            return end()
        number = chosen(range(len(seen.crops)), event)
        return view(*show(models, name, replace(seen, chosen=number, embedding=None)))

    def on_middle(name: str, seen: Visit | None) -> list:
        if seen is None or seen.middle is None:
            return end()
        return view(*show(models, name, Visit((seen.middle,), note=CROP_NOTE, files=seen.files)))

    def on_generator(name: str, seen: Visit | None) -> list:
        return end() if seen is None else view(*show(models, name, seen))

    def on_forget(seen: Visit | None) -> list:
        delete_files(seen)
        return anew(first_face(), cleared(NOTHING_KEPT))

    photo.input(on_photo, [photo, generator, visit], outputs, **private, **LATEST)
    sample.click(on_sample, [generator, visit], outputs, **private)
    more.click(
        on_more,
        None,
        [people, shown[3]],
        api_visibility="private",
        concurrency_id="lfw",
        concurrency_limit=1,
    )
    people.select(on_person, [generator, visit], outputs, **private)
    faces.select(on_face, [generator, visit], outputs, **private)
    middle.click(on_middle, [generator, visit], outputs, **private)
    generator.input(on_generator, [generator, visit], outputs, **private, **LATEST)
    forget.click(on_forget, visit, outputs, api_visibility="private")


def _wire_digits(models, pad, draw, forget, gallery, generator, visit, shown) -> None:
    outputs = [visit, *shown]
    private = {"api_visibility": "private", "show_progress_on": [shown[1]], **QUEUE}

    def view(seen: Visit, results: list) -> list:
        return [seen, *results]

    def on_drawing(drawing: Image.Image | None, name: str, seen: Visit | None) -> list:
        return view(*show_drawing(models, drawing, name, seen or first_digit()))

    def on_digit(name: str, seen: Visit | None, event: gr.SelectData) -> list:
        digit = chosen(samples.digits(), event)
        return view(*show(models, name, Visit((digit,), files=files_of(seen))))

    def on_generator(name: str, seen: Visit | None) -> list:
        if seen is None:
            return view(first_digit(), cleared(ENDED))
        return view(*show(models, name, seen))

    def on_forget(seen: Visit | None) -> list:
        delete_files(seen)
        return [None, *view(first_digit(), cleared(NOTHING_KEPT))]

    draw.click(on_drawing, [pad, generator, visit], outputs, **private)
    gallery.select(on_digit, [generator, visit], outputs, **private)
    generator.input(on_generator, [generator, visit], outputs, **private, **LATEST)
    forget.click(on_forget, visit, [pad, *outputs], api_visibility="private")


def unseen_people() -> list[Path]:
    """The same ten photos for every visitor. Raises NotAvailable."""
    return [photos[0] for photos in lfw.unseen_people(data_root(), LFW_PEOPLE)]


def show_people() -> list:
    """A gallery of them; where they cannot be had, what to do."""
    try:
        people = [
            (Image.open(photo), photo.parent.name.replace("_", " ")) for photo in unseen_people()
        ]
    except NotAvailable:
        return [gr.skip(), words.advice(NO_LFW)]
    return [gr.Gallery(people, visible=True), gr.skip()]


def show_photo(models: Models, path: str, generator: str, visit: Visit) -> tuple[Visit, list]:
    """A visitor's file, which the visit lists for "Delete my data"."""
    return show_picture(models, path, generator, replace(visit, files=(*visit.files, path)))


def show_picture(
    models: Models, source: str | Path, generator: str, visit: Visit
) -> tuple[Visit, list]:
    """Find the faces and distort the largest; where there is none say so and offer the middle of
    the picture.
    """
    visit = replace(visit, middle=None)
    picture, took = None, {}
    try:
        picture = read_picture(source)
        with stopwatch(took, "detect"):
            crops = tuple(face.image for face in models.find(picture))
    except UserError as error:
        return replace(visit, middle=centre_crop(picture).image if picture else None), refuse(
            str(error)
        )
    if len(crops) == 1:
        return show(models, generator, Visit(crops, files=visit.files, **took))
    note = f"{len(crops)} faces were found; choose another one on the left."
    paths = tuple(private_files.save(crop, "face.png") for crop in crops)
    return show(
        models,
        generator,
        Visit(crops, note=note, numbered=paths, files=(*visit.files, *paths), **took),
    )


def show_drawing(
    models: Models, drawing: Image.Image | None, generator: str, visit: Visit
) -> tuple[Visit, list]:
    try:
        digit = digit_from_drawing(drawing_on_white(drawing))
    except UserError as error:
        return visit, refuse(str(error))
    return show(models, generator, Visit((digit,), files=visit.files))


def show(models: Models, generator: str, visit: Visit) -> tuple[Visit, list]:
    """Distort the chosen crop: the visit as it is remembered, and a value for each of
    `_results`.
    """
    took = {} if visit.detect is None else {"detect": visit.detect}
    try:
        distorter = models.distorter(generator)
        crop = visit.crops[visit.chosen]
        if visit.embedding is None:
            with stopwatch(took, "embed the original"):
                visit = replace(visit, embedding=distorter.embed([crop])[0])
        result = distorter.distort(crop, visit.embedding)
    except UserError as error:
        return visit, refuse(str(error))
    result = replace(result, milliseconds=took | result.milliseconds)
    paths = _store(result, generator)
    return replace(visit, middle=None, files=(*visit.files, *paths), detect=None), [
        paths[0],
        paths[1],
        paths[:2],
        words.verdict(result, visit.note),
        words.scale(result),
        gr.DownloadButton(value=paths[1]),
        gr.DownloadButton(value=paths[2]),
        words.numbers(result),
    ]


def refuse(text: str) -> list:
    """Say what to do; everything else on screen stays."""
    return [gr.skip()] * 3 + [words.advice(text)] + [gr.skip()] * 4


def cleared(text: str) -> list:
    """Nothing of the visitor's is on screen, and why."""
    return [
        None,
        None,
        None,
        words.advice(text),
        "",
        gr.DownloadButton(value=None),
        gr.DownloadButton(value=None),
        "",
    ]


def gallery(visit: Visit) -> gr.Gallery:
    """The faces to choose from, where there are several."""
    there = [
        path for path in visit.numbered if Path(path).is_file()
    ]  # the clean-up may have been here
    several = [(path, f"face {number}") for number, path in enumerate(there, 1)]
    return gr.Gallery(several, visible=bool(several))


def files_of(visit: Visit | None) -> tuple[str, ...]:
    return visit.files if visit else ()


def delete_files(visit: Visit | None) -> None:
    """Delete every file of the visit now."""
    private_files.delete(files_of(visit))


def _store(result: Distortion, name: str) -> tuple[str, str, str]:
    """Original, template and numbers as files that the visit lists for "Delete my data"."""
    scale = 8 if result.template.width < 100 else 1
    original = result.original.resize(
        [scale * side for side in result.original.size], Image.NEAREST
    )
    numbers = json.dumps({"generator": name, **words.as_json(result)}, indent=2)
    return (
        private_files.save(original, "original.png"),
        private_files.save(template_png(result.template, name), f"{name}.template.png"),
        private_files.save(numbers.encode(), f"{name}.json"),
    )


def _api(models: Models) -> None:
    """The public endpoint, on components that the page does not show."""
    photo = Photo("photo", visible=False)
    generator = gr.Textbox(DEFAULT_FACES, label="generator", visible=False)
    template = gr.Image(label="template", format="png", visible=False)
    numbers = gr.JSON(label="numbers", visible=False)

    def distort(path: str | None, name: str):
        """Distort the largest face of a photo: the template (160x160, lossless PNG), and its
        distances, alpha, threshold and decision.
        """
        try:
            result = models.distorter(known_generator(name)).distort(models.find(path)[0].image)
        except UserError as error:
            raise refusal(str(error)) from None
        template = private_files.save(template_png(result.template, name), f"{name}.template.png")
        return template, words.as_json(result)

    gr.Button(visible=False).click(
        distort, [photo, generator], [template, numbers], api_name="distort", **QUEUE
    )
