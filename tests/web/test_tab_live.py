"""The tab Live: what one frame gives, and streams in a real browser whose camera films the portrait
in motion.
"""

import base64
import io
import re
import shutil
import sys
import threading
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from gradio_client import Client, handle_file
from PIL import Image

from ndcb.core.terms import DEFAULT_FACES, Decision
from ndcb.faces import samples
from ndcb.faces.tracking import Track, Tracker
from ndcb.models.live import Line, Shot, shoot
from ndcb.models.pipeline import Models
from ndcb.web import private_files, style, words
from ndcb.web.figures import data_url
from ndcb.web.page import LAUNCH
from ndcb.web.tabs import distort, live
from ndcb.web.tabs.live import frames, texts
from ndcb.web.tabs.live.frames import answer
from training.benchmark.served import free_port

CHROMIUM = next(
    filter(
        None,
        map(
            shutil.which, ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
        ),
    ),
    None,
)
BROWSER = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--use-fake-device-for-media-stream",
]
GROUND = (80, 90, 100)
BLANK = Image.new("RGB", (640, 480), GROUND)
SECONDS = 20
"""A stream's limit in these tests."""


def jpeg(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=92)
    return file.getvalue()


def url(data: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(data).decode()


def swinging(steps: int, faces: int) -> list[bytes]:
    """Frames of 640x480: the portrait swings from side to side in the first `faces`, and is not
    there in the others.
    """
    portrait, frames = samples.portrait().resize((440, 440)), []
    for step in range(steps):
        frame = BLANK.copy()
        if step < faces:
            frame.paste(portrait, (round(100 + 80 * np.sin(step * np.pi / 40)), 20))
        frames.append(jpeg(frame))
    return frames


@pytest.fixture(scope="module")
def models():
    return Models()


@pytest.fixture
def line():
    return Line(2)


def test_a_frame_gives_template_verdict_track_and_times(models, line):
    [data] = swinging(1, 1)
    shown = answer(
        models, line, {"frame": url(data), "generator": "faces", "track": None, "decide": True}
    )
    tracker = Tracker(models.detector)
    shot = shoot(Image.open(io.BytesIO(data)), tracker, models.distorter("faces"), True)
    template = Image.open(io.BytesIO(base64.b64decode(shown["template"].partition(",")[2])))
    difference = np.abs(np.asarray(template, int) - np.asarray(shot.template, int))
    assert difference.max() <= 1  # PNG; one core adds up in another order than two
    told, threshold = map(float, re.findall(r"[0-9]\.[0-9]{3}", shown["verdict"]))
    assert told == pytest.approx(
        shot.decision.squared_distance, abs=5e-3
    ) and threshold == pytest.approx(shot.decision.threshold, abs=5e-4)
    assert Track.read(shown["track"]).box == pytest.approx(tracker.track.box)
    assert list(shown["milliseconds"]) == ["read", "wait", "follow", "embed", "generate"]


def test_the_template_is_sent_without_loss():
    template = Image.fromarray(
        np.random.RandomState(0).randint(0, 256, (160, 160, 3), dtype=np.uint8)
    )
    data = base64.b64decode(data_url(template).removeprefix("data:image/png;base64,"))
    assert Image.open(io.BytesIO(data)).tobytes() == template.tobytes()


def test_the_next_frame_is_followed_not_searched(models, line, monkeypatch):
    first, second = swinging(2, 2)
    track = answer(models, line, {"frame": url(first), "generator": "faces", "track": None})[
        "track"
    ]
    monkeypatch.setattr(models.detector, "find", None)  # a search would fail
    shown = answer(models, line, {"frame": url(second), "generator": "faces", "track": track})
    assert (
        shown["template"] and shown["verdict"] is None and shown["track"]["age"] == track["age"] + 1
    )


def test_no_face_is_a_sentence(models, line):
    shown = answer(
        models,
        line,
        {"frame": url(jpeg(BLANK)), "generator": "faces", "track": None, "decide": True},
    )
    assert shown == {"verdict": words.advice(texts.NO_FACE), "full": False, "track": None}


@pytest.mark.parametrize(
    "sent",
    [
        None,
        [],
        {},
        {"frame": None},
        {"frame": "/etc/hostname"},
        {"frame": "http://localhost/a.png"},
        {"frame": "data:image/png;base64,???"},
        {"frame": "data:text/html;base64,aGFsbG8="},
        {"frame": url(b"")},
        {"frame": url(b"no picture")},
        {"frame": url(jpeg(BLANK)[:300])},
        {"frame": url(jpeg(Image.new("RGB", (8, 8))))},
        {"frame": url(jpeg(Image.new("RGB", (2000, 2000))))},
    ],
)
def test_what_is_no_frame_is_answered(models, line, sent):
    """Neither is a path or an address of a visitor's choice opened."""
    assert answer(models, line, sent) == {
        "verdict": words.advice(texts.BAD_FRAME),
        "full": False,
        "track": None,
    }


@pytest.mark.parametrize("name", ["<b>faces</b>", "digits", "../faces", None, ["faces"]])
def test_another_generator_is_refused_and_not_repeated(models, line, name):
    shown = answer(models, line, {"frame": url(jpeg(BLANK)), "generator": name})
    assert shown["verdict"] == words.advice(texts.NO_GENERATOR)


def test_without_a_place_it_says_so_and_gives_the_place_back(monkeypatch):
    """The third frame at once, where there are two places, is refused; when the others are done
    there are two again.
    """
    line, began, go_on = Line(2), threading.Event(), threading.Event()
    toy = SimpleNamespace(distorter=lambda name: None, detector=None)
    frame, shot = url(jpeg(BLANK)), Shot(None, BLANK, Decision(0.5, 1.0), {})

    def slow(*given):
        began.set()
        assert go_on.wait(30)
        return shot

    monkeypatch.setattr(frames, "shoot", slow)
    monkeypatch.setattr(frames, "Tracker", lambda *given, **more: SimpleNamespace(track=Track()))
    answers = []
    threads = [
        threading.Thread(
            target=lambda: answers.append(answer(toy, line, {"frame": frame, "generator": "faces"}))
        )
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    began.wait(30)
    while line.places._value:  # until the second one waits in the line
        pass
    refused = answer(toy, line, {"frame": frame, "generator": "faces"})
    go_on.set()
    for thread in threads:
        thread.join()
    assert refused == {"verdict": words.advice(texts.FULL), "full": True, "track": None}
    assert len(answers) == 2 and all(
        "0.500, under the threshold 1.000" in shown["verdict"] for shown in answers
    )
    assert answer(toy, line, {"frame": frame, "generator": "faces"})["template"]


def test_the_verdict_is_in_words():
    assert "Still the same" in texts.say(
        Decision(0.5, 1.0)
    ) and "0.500, under the threshold 1.000" in texts.say(Decision(0.5, 1.0))
    assert "does not see the same any more" in texts.say(
        Decision(1.0, 1.0)
    ) and "not under" in texts.say(Decision(1.0, 1.0))


# in a browser


@pytest.fixture(scope="module")
def page(tmp_path_factory, models):
    """The tabs Distort and Live as they are served: address, cache folder, blocks, and the line of
    the frames.
    """
    patch = pytest.MonkeyPatch()
    patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("gradio")))
    patch.setattr(live, "SECONDS", SECONDS)
    lines = []
    patch.setattr(live, "Line", lambda places: lines.append(Line(places)) or lines[0])
    folder = private_files.private_folder()
    with gr.Blocks(analytics_enabled=False) as blocks:
        with gr.Tab("Distort"):
            distort.build(models)
        with gr.Tab("Live"):
            live.build(models)
    _, address, _ = blocks.launch(
        **{**LAUNCH, "css": style.CSS + live.CSS},
        server_port=free_port(),
        prevent_thread_lock=True,
        quiet=True,
    )
    models.warm_up(["faces", DEFAULT_FACES])
    yield SimpleNamespace(address=address, folder=folder, blocks=blocks, line=lines[0])
    blocks.close()
    patch.undo()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A browser whose camera films a face that swings and, in every third second, is not there."""
    playwright = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM:
        pytest.skip(
            "No Chromium is installed; install it (Debian: apt-get install chromium) to run the"
            " browser tests"
        )
    film = tmp_path_factory.mktemp("camera") / "film.mjpeg"
    film.write_bytes(b"".join(swinging(150, 100)))
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(
            executable_path=CHROMIUM, args=[*BROWSER, f"--use-file-for-fake-video-capture={film}"]
        )
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, page):
    """Opens windows on the tab Live, each of a visitor of its own."""
    contexts = []

    def open_window(camera: bool = True, width: int = 1280, script: str = "", theme: str = "light"):
        contexts.append(
            browser.new_context(
                permissions=["camera"] if camera else [], viewport={"width": width, "height": 844}
            )
        )
        window = contexts[-1].new_page()
        window.add_init_script(script)
        window.goto(f"{page.address}?__theme={theme}", timeout=120_000)
        window.get_by_role("tab", name="Live").click(timeout=120_000)
        window.wait_for_selector("#live .verdict", timeout=120_000)
        return window

    yield open_window
    for context in contexts:
        context.close()


def wait_for_text(window, selector: str, text: str) -> None:
    window.wait_for_function(
        "([s, t]) => document.querySelector(s)?.innerText.includes(t)",
        arg=[selector, text],
        timeout=120_000,
    )


def choose(window, generator: str) -> None:
    window.check(f"#live-generator input[value={generator}]")


def go(window) -> None:
    window.click(".live-go")
    window.wait_for_function(
        "document.querySelector('.live-rate').dataset.fps > 0", timeout=120_000
    )


def lights(window) -> list:
    """Whether the camera is on: of the video's stream, the state of its tracks."""
    return window.evaluate(
        "[...document.querySelector('.live-video').srcObject?.getTracks() ?? []].map(track =>"
        " track.readyState)"
    )


WRITES: list[str] | None = None


def note_writes(event: str, given: tuple) -> None:
    """An audit hook, which Python cannot take away again: every file that is opened for writing
    while WRITES is a list.
    """
    if WRITES is not None and event == "open" and isinstance(given[2], int) and given[2] & 0o3:
        WRITES.append(str(given[0]))


@pytest.mark.slow
def test_a_stream(visit, page, monkeypatch, tmp_path):
    """Frames come, the face is lost and found, the limit ends it, it starts once more and is
    stopped; and no file is written.
    """
    import matplotlib.font_manager  # noqa: F401  it writes its list of fonts once in each home

    sys.addaudithook(note_writes)
    monkeypatch.setattr(sys.modules[__name__], "WRITES", [])
    (tmp_path / "probe").write_text("so that the hook is known to work")
    assert [str(tmp_path / "probe")] == WRITES
    own = private_files.files(page.folder)
    window = visit()
    assert window.inner_text(".live-go") == texts.TEXTS["start"] and lights(window) == []
    window.evaluate(
        """() => { window.said = []; const verdict = document.querySelector('.live-verdict');
        const observer = new MutationObserver(() => said.push(verdict.innerText));
        observer.observe(verdict, {childList: true, subtree: true}); }"""
    )
    go(window)
    assert window.inner_text(".live-go") == texts.TEXTS["stop"] and lights(window) == ["live"]
    wait_for_text(window, ".live-verdict", texts.TEXTS["over"])
    said = window.evaluate("window.said")
    lost = next(place for place, text in enumerate(said) if texts.NO_FACE in text)
    assert any("under the threshold" in text for text in said[:lost]) and any(
        "under the threshold" in text for text in said[lost:]
    )
    assert window.inner_text(".live-go") == texts.TEXTS["start"] and lights(window) == []
    last = window.get_attribute(".live-template", "src")
    window.wait_for_timeout(1000)
    assert window.get_attribute(".live-template", "src") == last  # nothing comes after the end
    go(window)
    wait_for_text(window, ".live-verdict", "under the threshold")
    assert window.get_attribute(".live-template", "src") != last
    window.click(".live-go")
    assert texts.TEXTS["stopped"] in window.inner_text(".live-verdict") and lights(window) == []
    assert [path for path in WRITES if path != "/dev/null"] == [
        str(tmp_path / "probe")
    ] and private_files.files(page.folder) == own


@pytest.mark.slow
@pytest.mark.parametrize("generator", ["faces", DEFAULT_FACES])
def test_the_rate_is_that_of_the_pictures_shown(visit, generator):
    """A count of its own: the pictures that the template's place has loaded."""
    window = visit()
    assert window.is_checked(f"#live-generator input[value={DEFAULT_FACES}]")
    choose(window, generator)
    go(window)
    window.evaluate(
        """() => { window.seen = [];
        const template = document.querySelector('.live-template');
        template.addEventListener('load', event =>
        seen.push([performance.now(), event.target.src]));
        const rate = document.querySelector('.live-rate');
        new MutationObserver(() => { window.told = [performance.now(), +rate.dataset.fps]; })
        .observe(rate, {attributes: true}); }"""
    )
    window.wait_for_timeout(1000 * texts.RATE_SECONDS + 1000)
    reported, counted, different = window.evaluate(
        """span => { const [until, rate] = told,
        last = seen.filter(([at]) => at > until - 1000 * span && at <= until);
        return [rate, last.length / span, new Set(last.map(([, src]) => src)).size / span] }""",
        texts.RATE_SECONDS,  # the same seconds as the page's
    )
    print(f"shown {counted:.1f} a second, different {different:.1f}, reported {reported:.1f}")
    slack = 1.5 / texts.RATE_SECONDS
    assert 0 < reported <= counted * 1.15 + slack
    assert counted <= reported * 1.15 + slack and different >= 0.8 * counted
    wait_for_text(window, ".live-rate", "generate")  # a frame without a face has no such time
    text = window.inner_text(".live-rate")
    assert (
        re.search(r"[0-9.]+ distorted frames a second", text)
        and "at 640x480" in text
        and "once a second" in text
    )


@pytest.mark.slow
def test_two_streams_and_a_visitor_of_another_tab(visit, page, tmp_path, astronaut):
    astronaut.save(tmp_path / "a.png")
    windows = [visit(), visit()]
    for window in windows:
        go(window)
    template, numbers = Client(page.address, verbose=False).predict(
        handle_file(tmp_path / "a.png"), "faces", api_name="/distort"
    )
    assert Image.open(template).size == (160, 160) and numbers["same"] is True
    for window in windows:
        before = window.get_attribute(".live-template", "src")
        window.wait_for_function(
            "old => document.querySelector('.live-template').src != old", arg=before, timeout=60_000
        )
        assert window.inner_text(".live-go") == texts.TEXTS["stop"]


@pytest.mark.slow
def test_nothing_is_left_of_a_closed_window(visit, page):
    window = visit()
    go(window)
    window.context.close()
    for _ in range(100):
        if page.line.places._value == texts.HANDS * texts.STREAMS:
            break
        threading.Event().wait(0.1)
    assert page.line.places._value == texts.HANDS * texts.STREAMS
    states = {block._id for block in page.blocks.blocks.values() if isinstance(block, gr.State)}
    assert len(states) == 2  # Distort's; Live has none, because it remembers nothing


@pytest.mark.slow
def test_leaving_the_tab_stops_the_camera(visit):
    window = visit()
    go(window)
    window.get_by_role("tab", name="Distort").click()
    window.wait_for_function(
        "document.querySelector('.live-go').textContent.startsWith('Start')", timeout=60_000
    )
    assert lights(window) == []
    window.get_by_role("tab", name="Live").click()
    assert texts.TEXTS["left"] in window.inner_text(".live-verdict")


@pytest.mark.slow
def test_deleting_brings_the_sample_back(visit):
    window = visit()
    first = window.get_attribute(".live-template", "src")
    go(window)
    window.click(".live-forget")
    assert lights(window) == [] and window.get_attribute(".live-template", "src") == first
    assert (
        texts.TEXTS["deleted"] in window.inner_text(".live-verdict")
        and window.inner_text(".live-rate") == texts.TEXTS["rate"]
    )


@pytest.mark.slow
def test_a_server_that_is_gone_is_said(visit):
    window = visit()
    go(window)
    window.route("**/component_server/**", lambda route: route.abort())
    wait_for_text(window, ".live-verdict", texts.TEXTS["silent"])
    assert lights(window) == [] and window.inner_text(".live-go") == texts.TEXTS["start"]


REJECT = "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', '{}'));"


@pytest.mark.slow
@pytest.mark.parametrize(
    "script,text",
    [
        ("", "NotAllowedError"),
        (REJECT.format("NotFoundError"), "NotFoundError"),
        (REJECT.format("NotReadableError"), "NotReadableError"),
        (REJECT.format("AbortError"), "failed"),
        ("Object.defineProperty(navigator, 'mediaDevices', {value: undefined})", "insecure"),
    ],
)
def test_without_a_camera_it_says_why(visit, script, text):
    """The first: a visitor who does not allow it. The sample stays on screen."""
    window = visit(camera=False, script=script)
    before = window.get_attribute(".live-template", "src")
    window.click(".live-go")
    wait_for_text(window, ".live-verdict", texts.TEXTS[text])
    assert window.inner_text(".live-go") == texts.TEXTS["start"] and window.is_enabled(".live-go")
    assert window.get_attribute(".live-template", "src") == before


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_first_screen_fits_a_phone(visit, theme):
    window = visit(width=390, theme=theme)
    for text in (
        "Camera blocked?",
        "No frame is stored",
        "NASA, public domain",
        "squared embedding distance",
    ):
        assert text in window.inner_text("#live")
    assert window.eval_on_selector(".live-template", "image => image.naturalWidth") == 112
    go(window)
    assert window.evaluate("document.documentElement.scrollWidth") <= 390
    buttons = window.locator(".live-buttons button").all()
    assert all(
        button.bounding_box()["x"] >= 0
        and button.bounding_box()["x"] + button.bounding_box()["width"] <= 390
        for button in buttons
    )
