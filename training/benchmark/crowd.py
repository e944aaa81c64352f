"""The page under many visitors at once, and after everything of it was used once."""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from PIL import Image

from ndcb.core.terms import DEFAULT_FACES
from ndcb.models import checkpoints, examples
from ndcb.models.pipeline import Models, pick_device
from training.benchmark.page import Page, Visitor, drawn_digit, photographs
from training.benchmark.served import peak_memory_mb, served
from training.benchmark.timing import alternate, summary, timed
from training.provenance import commit

MOST_CROWDS = 5
"""Twenty photos take seconds, so they are repeated at most so often."""


def measure_page(visitors: int, repeats: int) -> dict:
    """Many visitors at once beside the same calls made here; then the memory after all is used."""
    with tempfile.TemporaryDirectory() as folder, served() as (address, process):
        photos, drawing = photographs(visitors, Path(folder)), drawn_digit(Path(folder))
        page, windows = Page(address), [Visitor(address) for _ in photos]
        models = Models(pick_device("auto"))
        pairs = alternate(
            timed(partial(distort_at_once, page, windows, photos)),
            timed(partial(directly, models, photos)),
            min(repeats, MOST_CROWDS),
        )
        endpoints = use_endpoints(page, photos[0])
        events = use_tabs(page, photos[0], drawing)
        memory = peak_memory_mb(process.pid)
    figures = summary(pairs)
    return {
        "visitors": visitors,
        "milliseconds": figures["milliseconds"],
        "repeats": figures["repeats"],
        "per_second": visitors * 1000 / figures["milliseconds"]["median"],
        "reference_milliseconds": figures["reference_milliseconds"],
        "rate_ratio": 1 / figures["ratio"],
        "endpoints": endpoints,
        "events": events,
        "memory_mb": memory,
        "commit": commit(),
    }


def directly(models: Models, photos: list[Path]) -> list[Image.Image]:
    """What the page does for each of them, without the page."""
    return [
        models.distorter(DEFAULT_FACES).distort(models.find(photo)[0]).template for photo in photos
    ]


def distort_at_once(page: Page, visitors: list[Visitor], photos: list[Path]) -> list[Image.Image]:
    """The templates of visitors who all give a photo at the same time.

    Raises RuntimeError where one is not answered.
    """
    distort = page.endpoint("distort")

    def visit(visitor: Visitor, photo: Path) -> Image.Image:
        template, _ = visitor.ask(distort, [visitor.upload(photo), DEFAULT_FACES])
        return visitor.picture(template)

    with ThreadPoolExecutor(len(visitors)) as threads:
        return list(threads.map(visit, visitors, photos))


def use_endpoints(page: Page, photo: Path) -> list[str]:
    """Call every public endpoint as it is meant, and return their names.

    Raises RuntimeError where one is refused, KeyError for an unknown one.
    """
    visitor = Visitor(page.address)
    uploaded = visitor.upload(photo)
    template = visitor.upload(checkpoints.FOLDER / DEFAULT_FACES / examples.EXAMPLE[1])
    data = {
        "distort": [uploaded, DEFAULT_FACES],
        "compare": [uploaded, uploaded, DEFAULT_FACES],
        "login": [template, uploaded, DEFAULT_FACES],
    }
    names = [event["api_name"] for event in page.events if event["api_visibility"] == "public"]
    for name in names:
        visitor.ask(page.endpoint(name), data[name])
    return names


def use_tabs(page: Page, photo: Path, drawing: Path) -> int:
    """Cause every private event of what is on screen at first; returns how many.

    A choice is made once for each of its options. A photo, a drawn digit or a name is given where
    one is asked for. Raises RuntimeError where an event is not answered.
    """
    visitor, caused = Visitor(page.address), 0
    visitor.begin(page)
    for event in page.events:
        target, kind = event["targets"][0]
        component = page.components.get(target)  # None: the page itself is opened or closed
        if event["api_visibility"] != "private" or component is None:
            continue
        if not component["props"].get("visible", True):
            continue
        detail = {"index": 0, "value": None} if kind == "select" else None
        for option in _options(component):
            data = [
                _value(page.components[place], visitor, photo, drawing) for place in event["inputs"]
            ]
            if option is not None:
                data = [
                    option if place == target else value
                    for place, value in zip(event["inputs"], data, strict=True)
                ]
            visitor.ask(event["id"], data, detail)
            caused += 1
    return caused


def _options(component: dict) -> list:
    """What a visitor can choose from it; [None] where there is nothing to choose."""
    if component["type"] not in ("radio", "dropdown"):
        return [None]
    return [value for _, value in component["props"]["choices"]]


def _value(component: dict, visitor: Visitor, photo: Path, drawing: Path):
    """What a browser sends of a component; the server keeps a state itself.

    Files are uploaded anew each time, for a tab may delete its own.
    """
    match component["type"]:
        case "image":
            return visitor.upload(photo)
        case "file":
            return [visitor.upload(photo)]
        case "textbox":
            return "Ann"
        case "imageeditor":
            return {"background": None, "layers": [], "composite": visitor.upload(drawing)}
        case _:
            return component["props"].get("value")
