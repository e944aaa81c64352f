"""Twenty visitors at once, over HTTP as their browsers speak to the page: everybody is answered,
with their own picture, and sees the place in the queue. The models wait at a gate until all of them
have joined, so that nobody is served before the last has come.
"""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import app
from ndcb.core.terms import DEFAULT_FACES
from ndcb.models.pipeline import Models
from tests import browsing
from training.benchmark.page import Page, Visitor, photographs

CROWD = 20


class Gate(Models):
    """Models whose search for faces waits until the gate is open."""

    def __init__(self):
        super().__init__()
        self.open = threading.Event()

    def find_in(self, photo):
        assert self.open.wait(300)
        return super().find_in(photo)


@pytest.fixture(scope="module")
def crowd(tmp_path_factory):
    """(photo, its template without the page) of every visitor."""
    models, photos = Models(), photographs(CROWD, tmp_path_factory.mktemp("photos"))
    return [
        (photo, models.distorter(DEFAULT_FACES).distort(models.find(photo)[0]).template)
        for photo in photos
    ]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """(the page, its models at their gate, its queue)."""
    models = Gate()
    models.distorter(DEFAULT_FACES)
    with browsing.served(tmp_path_factory.mktemp("gradio"), lambda: app.build(models)) as page:
        yield page, models, page.blocks._queue
        models.open.set()


def wait_in_line(queue, length: int) -> None:
    """Until so many wait; the first one is inside already, at the gate."""
    for _ in range(browsing.WAIT // 50):
        line = queue.event_queue_per_concurrency_id.get("models")  # there once somebody has come
        if line and len(line.queue) == length and line.current_concurrency == 1:
            return
        time.sleep(0.05)
    pytest.fail(f"never were one inside and {length} in the line before the gate")


class Guest(Visitor):
    """A visitor who remembers what the queue said."""

    def __init__(self, address: str):
        super().__init__(address)
        self.told = []

    def send(self, event, data, detail=None):
        for message in super().send(event, data, detail):
            self.told.append(message)
            yield message

    def ranks(self) -> list[int]:
        """How many were before this one, each time that it was told."""
        return [message["rank"] for message in self.told if message["msg"] == "estimation"]


def at_once(served, guests: list, ask) -> list:
    """What `ask` returns for each guest; all of them are in the line before the first is let in."""
    _, models, queue = served
    models.open.clear()
    with ThreadPoolExecutor(len(guests)) as threads:
        answers = [threads.submit(ask, guest, place) for place, guest in enumerate(guests)]
        try:
            wait_in_line(queue, len(guests) - 1)
        finally:
            models.open.set()
        return [answer.result() for answer in answers]


def same(picture, template) -> bool:
    return picture.tobytes() == template.tobytes()


@pytest.mark.slow
def test_every_caller_of_the_endpoint_gets_the_own_template(served, crowd):
    page = Page(served[0].address)
    guests = [Guest(page.address) for _ in crowd]

    def ask(guest, place):
        template, _ = guest.ask(
            page.endpoint("distort"), [guest.upload(crowd[place][0]), DEFAULT_FACES]
        )
        return guest.picture(template)

    templates = at_once(served, guests, ask)
    assert [
        [other for other, (_, own) in enumerate(crowd) if same(template, own)]
        for template in templates
    ] == [[n] for n in range(CROWD)]
    assert {rank for guest in guests for rank in guest.ranks()} == set(range(CROWD - 1))


@pytest.mark.slow
def test_every_visitor_of_the_tab_sees_the_own_face(served, crowd):
    """A photo each, and then another choice of generator, which works on the face that the page
    remembers of each.
    """
    page = Page(served[0].address)
    guests = [Guest(page.address) for _ in crowd]
    given, chosen = page.event("photo", "input"), page.event("faces-generator", "input")

    def ask(guest, place):
        answer = guest.ask(given, [guest.upload(crowd[place][0]), DEFAULT_FACES, None])
        return guest.picture(answer[4])

    def again(guest):
        return guest.picture(guest.ask(chosen, [DEFAULT_FACES, None])[4])

    templates = at_once(served, guests, ask)
    ranks = [guest.ranks() for guest in guests]
    assert all(
        told == sorted(told, reverse=True) for told in ranks
    )  # who waits moves forward, and is told so
    assert min(max(ranks)) < CROWD - 2
    with ThreadPoolExecutor(CROWD) as threads:
        remembered = list(threads.map(again, guests))
    assert all(same(template, own) for template, (_, own) in zip(templates, crowd, strict=True))
    assert all(same(template, own) for template, (_, own) in zip(remembered, crowd, strict=True))


@pytest.mark.slow
def test_a_waiting_visitor_reads_the_place_in_the_queue(served, crowd, browser, tmp_path):
    place, models, queue = served
    page, window = Page(place.address), browser.new_page(viewport={"width": 390, "height": 844})
    browsing.opened(window, place)
    models.open.clear()
    guests = [Guest(page.address) for _ in range(3)]
    with ThreadPoolExecutor(len(guests)) as threads:
        try:
            for guest in guests:
                threads.submit(
                    guest.ask, page.endpoint("distort"), [guest.upload(crowd[0][0]), DEFAULT_FACES]
                )
            wait_in_line(queue, 2)
            window.set_input_files("#photo input[type=file]", crowd[1][0])
            browsing.wait_for_text(window, "#template", "queue: 3/3")
            window.locator("#template").scroll_into_view_if_needed()
            window.screenshot(path=tmp_path / "waiting.png")
        finally:
            models.open.set()
    window.wait_for_function(
        "!document.querySelector('#verdict').innerText.includes('This is the sample')"
    )
    assert "queue" not in window.inner_text("#template")
    source = window.get_attribute("#template img", "src")
    assert same(guests[0].picture({"path": source.split("/file=")[1]}), crowd[1][1])
    window.close()
