"""The left half for faces: what a visitor gives, and what each click does."""

from dataclasses import replace
from pathlib import Path

import gradio as gr
from gradio.components import Component

from ndcb.core.terms import NotAvailable
from ndcb.models.pipeline import Models
from ndcb.web.choices import generator_choice
from ndcb.web.photo import BLOCKED, Photo
from ndcb.web.tabs.distort import people
from ndcb.web.tabs.distort.visit import (
    Visit,
    begin_again,
    first_face,
    refuse,
    show,
    show_photo,
    show_picture,
)
from ndcb.web.visits import ENDED, NOTHING_KEPT, chosen, delete_files, files_of, visit_state
from ndcb.web.wiring import LATEST, QUEUE, Answer, connect

CROP_NOTE = (
    "<em>No face was found: this is the middle of the picture, and what the recogniser says of it"
    " means little.</em>"
)


def layout() -> dict[str, Component]:
    """The components by their names."""
    given = {"photo": Photo("Your photo", height=300, elem_id="photo")}
    gr.Markdown(BLOCKED, elem_classes="privacy")
    given["faces"] = gr.Gallery(
        label="Several faces: choose one",
        columns=5,
        height=150,
        visible=False,
        allow_preview=False,
        format="png",
        elem_id="faces",
    )
    given["middle"] = gr.Button(
        "Use the middle of the picture instead", visible=False, elem_id="middle"
    )
    with gr.Row():
        given["sample"] = gr.Button("Use the sample portrait", size="sm", elem_id="sample")
        given["more"] = gr.Button("Faces of LFW", size="sm", elem_id="lfw")
        given["forget"] = gr.Button("Delete my data", size="sm", elem_id="forget")
    given["people"] = people.layout()
    given["generator"] = generator_choice("faces", "faces-generator")
    given["visit"] = visit_state(first_face, delete_files)
    return given


def wire(handlers: "Handlers", given: dict[str, Component], shown: dict[str, Component]) -> None:
    """Call a handler at each event. shown: the components of `result.layout`."""
    changing = {name: given[name] for name in ("visit", "faces", "middle")}
    outputs = {**changing, **shown, "photo": given["photo"]}
    models = {"show_progress_on": [shown["template"]], **QUEUE}
    downloads = {"concurrency_id": "lfw", "concurrency_limit": 1}

    choice = [given["generator"], given["visit"]]
    photo, generator = given["photo"].input, given["generator"].input
    connect(photo, handlers.on_photo, [given["photo"], *choice], outputs, **models, **LATEST)
    connect(given["sample"].click, handlers.on_sample, choice, outputs, **models)
    listed = {"people": given["people"], "verdict": shown["verdict"]}
    connect(given["more"].click, handlers.on_more, None, listed, **downloads)
    connect(given["people"].select, handlers.on_person, choice, outputs, **models)
    connect(given["faces"].select, handlers.on_face, choice, outputs, **models)
    connect(given["middle"].click, handlers.on_middle, choice, outputs, **models)
    connect(generator, handlers.on_generator, choice, outputs, **models, **LATEST)
    connect(given["forget"].click, handlers.on_forget, given["visit"], outputs)


class Handlers:
    """What each event shows next: values by the names of the components."""

    def __init__(self, models: Models):
        self.models = models

    def on_photo(self, path: str | None, generator: str, seen: Visit | None) -> Answer:
        if path is None:  # the photo was cleared
            return {}
        answer = show_photo(self.models, path, generator, seen or first_face())
        return view({**answer, "faces": gallery(answer["visit"])})

    def on_sample(self, generator: str, seen: Visit | None) -> Answer:
        sample = replace(first_face(), files=files_of(seen))
        return view_anew(show(self.models, generator, sample))

    def on_more(self, progress=gr.Progress()) -> Answer:
        progress(0, desc=people.READING)
        return people.show_people()

    def on_person(self, generator: str, seen: Visit | None, event: gr.SelectData) -> Answer:
        visit = seen or first_face()
        try:
            person = chosen(people.unseen_people(), event)
        except NotAvailable:
            return view(refuse(visit, people.NOT_THERE))
        return view_anew(show_picture(self.models, person, generator, visit))

    def on_face(self, generator: str, seen: Visit | None, event: gr.SelectData) -> Answer:
        if seen is None:
            return end()
        number = chosen(range(len(seen.crops)), event)
        return view(show(self.models, generator, replace(seen, chosen=number, recogniser="")))

    def on_middle(self, generator: str, seen: Visit | None) -> Answer:
        if seen is None or seen.middle is None:
            return end()
        middle = Visit((seen.middle,), note=CROP_NOTE, files=seen.files)
        return view(show(self.models, generator, middle))

    def on_generator(self, generator: str, seen: Visit | None) -> Answer:
        return end() if seen is None else view(show(self.models, generator, seen))

    def on_forget(self, seen: Visit | None) -> Answer:
        delete_files(seen)
        return view_anew(begin_again(first_face(), NOTHING_KEPT))


def end() -> Answer:
    """The visit has ended: no old photo stays beside a new number."""
    return view_anew(begin_again(first_face(), ENDED))


def view(answer: Answer) -> Answer:
    """The answer, with the button for a picture's middle where there is one to use."""
    return {**answer, "middle": gr.Button(visible=answer["visit"].middle is not None)}


def view_anew(answer: Answer) -> Answer:
    """The answer, and the visitor's photo is no longer on screen."""
    return view({**answer, "faces": gallery(answer["visit"]), "photo": None})


def gallery(visit: Visit) -> gr.Gallery:
    """The faces to choose from, where there are several."""
    kept = [path for path in visit.numbered if Path(path).is_file()]  # some were cleaned up
    several = [(path, f"face {number}") for number, path in enumerate(kept, 1)]
    return gr.Gallery(several, visible=bool(several))
