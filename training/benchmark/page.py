"""The served page from outside, over HTTP as a browser speaks to it."""

import io
import json
import uuid
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import httpx
import numpy as np
from PIL import Image, ImageOps

from ndcb.faces import samples

ANSWER_LIMIT = 300
"""Seconds that a visitor waits for the next word of the page."""


class Page:
    """The page's components and events, as it tells a browser."""

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
        """Number of what happens when the component with this elem_id is clicked, or the like."""
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
        """Cause what a browser causes when it opens the page; the visit begins."""
        for event in page.events:
            if any(kind == "load" for _, kind in event["targets"]):
                self.ask(event["id"], [None] * len(event["inputs"]))

    def upload(self, path: Path) -> dict:
        """A file, as a component's value."""
        with open(path, "rb") as file:
            answer = self.http.post("/upload", files={"files": (Path(path).name, file)})
        [uploaded] = answer.raise_for_status().json()
        return {"path": uploaded, "meta": {"_type": "gradio.FileData"}}

    def send(self, event: int, data: list, detail=None) -> Iterator[dict]:
        """Cause the event, and yield the queue's messages until it is over.

        detail: which tile was chosen.
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
            messages = (
                json.loads(line.removeprefix("data:"))
                for line in stream.iter_lines()
                if line.startswith("data:")
            )
            yield from takewhile(lambda message: message["msg"] != "close_stream", messages)

    def ask(self, event: int, data: list, detail=None) -> list:
        """The event's output. Raises RuntimeError with what the page says where it refuses."""
        *_, last = self.send(event, data, detail)
        if last["msg"] != "process_completed" or not last["success"]:
            raise RuntimeError(f"event {event} was not answered: {last.get('output', last)}")
        return last["output"]["data"]

    def picture(self, value: dict) -> Image.Image:
        """The picture in a component's value, fetched as an <img> would."""
        answer = self.http.get(f"/file={value['path']}").raise_for_status()
        return Image.open(io.BytesIO(answer.content)).convert("RGB")


def photographs(count: int, folder: Path) -> list[Path]:
    """The portrait `count` times, turned and tinted so that every template is another one."""
    paths = [Path(folder) / f"visitor-{number}.png" for number in range(count)]
    for number, path in enumerate(paths):
        portrait = ImageOps.mirror(samples.portrait()) if number % 2 else samples.portrait()
        turned = portrait.rotate(number % 7 * 3 - 9, Image.BICUBIC)
        tint = np.random.default_rng(number).uniform(0.6, 1, 3)
        Image.fromarray(np.uint8(np.asarray(turned) * tint)).save(path)
    return paths


def drawn_digit(folder: Path) -> Path:
    """A digit as the pad would send it: black on transparent."""
    digit = samples.digits()[3].resize((280, 280))
    pad = Image.new("RGBA", digit.size)
    pad.putalpha(digit)
    pad.save(Path(folder) / "drawing.png")
    return Path(folder) / "drawing.png"
