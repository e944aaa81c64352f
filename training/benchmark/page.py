"""The served page from outside, over HTTP as a browser speaks to it: many visitors at once, and
everything used once.
"""

import http.client
import io
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path

import httpx
import numpy as np
import psutil
from PIL import Image, ImageOps

from ndcb.core.terms import DEFAULT_FACES
from ndcb.faces import samples
from ndcb.models import checkpoints, examples

ROOT = checkpoints.FOLDER.parent
START_LIMIT = 300
"""Seconds after which a page that has not answered is given up."""
ANSWER_LIMIT = 300
"""Seconds that a visitor waits for the next word of the page."""


@contextmanager
def served():
    """`python app.py` in a process of its own, from its first answer on: (address, process).

    Raises RuntimeError with what it printed where no answer comes.
    """
    port = free_port()
    environment = os.environ | {"GRADIO_SERVER_NAME": "127.0.0.1", "GRADIO_SERVER_PORT": str(port)}
    with tempfile.TemporaryFile("w+") as log:
        limit = time.monotonic() + START_LIMIT
        process = subprocess.Popen(
            [sys.executable, "app.py"],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            while not answers(port):
                if process.poll() is not None or time.monotonic() > limit:
                    log.seek(0)
                    raise RuntimeError(f"the page did not start; it printed: {log.read()[-2000:]}")
                time.sleep(0.02)
            yield f"http://127.0.0.1:{port}", process
        finally:
            stop(process)


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def stop(process: subprocess.Popen) -> None:
    """Kindly first: the page removes its temporary folder then."""
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def peak_memory_mb(process: int) -> float:
    """The most that the process and its children ever held, each for itself, in MB of 10**6 bytes;
    not on Linux: what they hold now.
    """
    parent = psutil.Process(process)
    return sum(map(_peak, [parent, *parent.children(recursive=True)])) / 1e6


def _peak(process: psutil.Process) -> int:
    if sys.platform != "linux":
        return process.memory_info().rss
    return (
        int(re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())[1])
        * 1024
    )


class Page:
    """What the page tells a browser of itself: its components and its events."""

    def __init__(self, address: str):
        self.address = address.rstrip("/")
        config = httpx.get(f"{self.address}/config", timeout=ANSWER_LIMIT).json()
        self.components = {one["id"]: one for one in config["components"]}
        self.events = [one for one in config["dependencies"] if one["backend_fn"]]

    def endpoint(self, name: str) -> int:
        """Number of a public event."""
        return next(
            event["id"]
            for event in self.events
            if event["api_name"] == name and event["api_visibility"] == "public"
        )

    def event(self, elem_id: str, kind: str) -> int:
        """Number of what happens when the component with this elem_id is clicked, given input and
        so on.
        """
        return next(
            event["id"]
            for event in self.events
            for target, what in event["targets"]
            if what == kind
            and target is not None
            and self.components[target]["props"].get("elem_id") == elem_id
        )


class Visitor:
    """One window of the page, with its own session."""

    def __init__(self, address: str):
        self.session = uuid.uuid4().hex
        self.http = httpx.Client(base_url=f"{address.rstrip('/')}/gradio_api", timeout=ANSWER_LIMIT)

    def begin(self, page: Page) -> None:
        """Cause what a browser causes when it opens the page: the visits begin."""
        for event in page.events:
            if any(kind == "load" for _, kind in event["targets"]):
                self.ask(event["id"], [None] * len(event["inputs"]))

    def upload(self, path: Path) -> dict:
        """A file, as a component's value."""
        with open(path, "rb") as file:
            [there] = (
                self.http.post("/upload", files={"files": (Path(path).name, file)})
                .raise_for_status()
                .json()
            )
        return {"path": there, "meta": {"_type": "gradio.FileData"}}

    def send(self, event: int, data: list, detail=None) -> Iterator[dict]:
        """Cause the event; yields what the queue tells, until it is over. `detail`: which tile was
        chosen.
        """
        body = {
            "data": data,
            "fn_index": event,
            "session_hash": self.session,
            "event_data": detail,
            "trigger_id": None,
        }
        self.http.post("/queue/join", json=body).raise_for_status()
        with self.http.stream(
            "GET", "/queue/data", params={"session_hash": self.session}
        ) as stream:
            told = (
                json.loads(line.removeprefix("data:"))
                for line in stream.iter_lines()
                if line.startswith("data:")
            )
            yield from takewhile(lambda message: message["msg"] != "close_stream", told)

    def ask(self, event: int, data: list, detail=None) -> list:
        """What the event put out. Raises RuntimeError with what the page says where it refuses."""
        *_, last = self.send(event, data, detail)
        if last["msg"] != "process_completed" or not last["success"]:
            raise RuntimeError(f"event {event} was not answered: {last.get('output', last)}")
        return last["output"]["data"]

    def picture(self, value: dict) -> Image.Image:
        """The picture in a component's value, fetched as an <img> would."""
        answer = self.http.get(f"/file={value['path']}").raise_for_status()
        return Image.open(io.BytesIO(answer.content)).convert("RGB")


def photographs(count: int, folder: Path) -> list[Path]:
    """The portrait `count` times, each turned and tinted in its own way, so that every template is
    another one.
    """
    paths = [Path(folder) / f"visitor-{number}.png" for number in range(count)]
    for number, path in enumerate(paths):
        portrait = ImageOps.mirror(samples.portrait()) if number % 2 else samples.portrait()
        tint = np.random.default_rng(number).uniform(0.6, 1, 3)
        Image.fromarray(
            np.uint8(np.asarray(portrait.rotate(number % 7 * 3 - 9, Image.BICUBIC)) * tint)
        ).save(path)
    return paths


def drawing(folder: Path) -> Path:
    """A digit as the pad would send it: black on transparent."""
    digit = samples.digits()[3].resize((280, 280))
    pad = Image.new("RGBA", digit.size)
    pad.putalpha(digit)
    pad.save(Path(folder) / "drawing.png")
    return Path(folder) / "drawing.png"


def distort_at_once(page: Page, visitors: list[Visitor], photos: list[Path]) -> list[Image.Image]:
    """Every visitor gives the endpoint a photo at the same time; their templates. Raises
    RuntimeError where one is not answered.
    """
    distort = page.endpoint("distort")

    def visit(visitor: Visitor, photo: Path) -> Image.Image:
        template, _ = visitor.ask(distort, [visitor.upload(photo), DEFAULT_FACES])
        return visitor.picture(template)

    with ThreadPoolExecutor(len(visitors)) as threads:
        return list(threads.map(visit, visitors, photos))


def use_endpoints(page: Page, photo: Path) -> list[str]:
    """Call every public endpoint as it is meant; their names. Raises RuntimeError where one is
    refused, KeyError for an unknown one.
    """
    visitor = Visitor(page.address)
    given, template = (
        visitor.upload(photo),
        visitor.upload(checkpoints.FOLDER / DEFAULT_FACES / examples.EXAMPLE[1]),
    )
    data = {
        "distort": [given, DEFAULT_FACES],
        "compare": [given, given, DEFAULT_FACES],
        "login": [template, given, DEFAULT_FACES],
    }
    names = [event["api_name"] for event in page.events if event["api_visibility"] == "public"]
    for name in names:
        visitor.ask(page.endpoint(name), data[name])
    return names


def use_tabs(page: Page, photo: Path, drawing: Path) -> int:
    """One visitor causes every private event of what is on screen at first, a choice once for each
    of its options, and gives a photo, a drawn digit or a name wherever one is asked for. The number
    of events. Raises RuntimeError where one is not answered.
    """
    visitor, caused = Visitor(page.address), 0
    visitor.begin(page)
    for event in page.events:
        target, kind = event["targets"][0]
        if (
            event["api_visibility"] != "private" or target not in page.components
        ):  # the page itself is opened or closed
            continue
        if not page.components[target]["props"].get("visible", True):
            continue
        for option in _options(page.components[target]):
            data = [
                (
                    option
                    if option is not None and place == target
                    else _value(page.components[place], visitor, photo, drawing)
                )
                for place in event["inputs"]
            ]
            visitor.ask(
                event["id"], data, {"index": 0, "value": None} if kind == "select" else None
            )
            caused += 1
    return caused


def _options(component: dict) -> list:
    """What a visitor can choose from it; [None] where it is not to choose from."""
    if component["type"] not in ("radio", "dropdown"):
        return [None]
    return [value for _, value in component["props"]["choices"]]


def _value(component: dict, visitor: Visitor, photo: Path, drawing: Path):
    """What a browser sends of it; the server keeps a state itself. Files are given anew each time,
    for a tab may delete its own.
    """
    given = {
        "image": lambda: visitor.upload(photo),
        "file": lambda: [visitor.upload(photo)],
        "textbox": lambda: "Ann",
        "imageeditor": lambda: {
            "background": None,
            "layers": [],
            "composite": visitor.upload(drawing),
        },
    }
    return given.get(component["type"], lambda: component["props"].get("value"))()
