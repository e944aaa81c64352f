"""The page: its public endpoint by gradio_client, and the first tab in a real browser."""

import io
import os
import shutil
import socket
import subprocess
import sys
import time

import pytest
from gradio_client import Client, handle_file
from PIL import Image

import app
from ndcb import samples
from ndcb.images import to_tensor
from ndcb.pipeline import Models
from ndcb.tabs import cache

from . import odd_files
from .conftest import ROOT

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"))), None)
BROWSER = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The app as it is served, with the clean-up a hundred times faster: (address, cache folder, models, files there at the start)."""
    patch = pytest.MonkeyPatch()
    patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("gradio")))
    folder = cache.private_folder()
    models = Models()
    blocks = app.build(models)
    own = cache.files(folder)
    cache.keep_sweeping(folder, age=9, every=3)
    _, address, _ = blocks.launch(**app.LAUNCH, server_port=None, prevent_thread_lock=True, quiet=True)
    models.warm_up(["faces", "digits"])
    yield address, folder, models, own, blocks.state_holder
    blocks.close()
    patch.undo()


@pytest.fixture(scope="module")
def client(page):
    return Client(page[0], verbose=False)


def test_only_the_documented_endpoints_are_public(client):
    assert set(client.view_api(return_format="dict")["named_endpoints"]) == {"/distort", "/compare", "/login"}


def test_distort_endpoint_answers_as_the_library(client, page, tmp_path, astronaut):
    astronaut.save(tmp_path / "a.png")
    template, numbers = client.predict(handle_file(tmp_path / "a.png"), "faces", api_name="/distort")
    result = page[2].distorter("faces").distort(page[2].find(astronaut)[0].image)
    assert Image.open(template).convert("RGB").tobytes() == result.template.tobytes()  # bit-exact through the page
    assert numbers["embedding_distance"] == pytest.approx(result.embedding_distance, abs=1e-5)
    assert numbers["same"] is result.decision.same


@pytest.mark.slow
def test_odd_files_through_the_page(client, tmp_path, astronaut):
    for path in odd_files.write_all(astronaut, tmp_path, odd_files.WITH_FACES):
        template, _ = client.predict(handle_file(path), "faces", api_name="/distort")
        assert Image.open(template).size == (160, 160), path.name
    for path in odd_files.write_all(astronaut, tmp_path, odd_files.REFUSED):
        with pytest.raises(Exception) as refusal:
            client.predict(handle_file(path), "faces", api_name="/distort")
        assert odd_files.REFUSED[path.name][1] in str(refusal.value), path.name
        assert path.name not in str(refusal.value)
    with pytest.raises(Exception, match="unknown checkpoint"):
        client.predict(handle_file(tmp_path / "plain.jpg"), "facez", api_name="/distort")


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM:
        pytest.skip("No Chromium is installed; install it (Debian: apt-get install chromium) to run the browser tests")
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=BROWSER)
        yield browser
        browser.close()


@pytest.fixture
def tab(browser, page):
    """A visitor's window, already on the page."""
    window = browser.new_page(viewport={"width": 1280, "height": 1000})
    window.goto(page[0])
    window.wait_for_selector("#verdict .verdict", timeout=60_000)
    yield window
    window.close()


def wait_for_text(window, selector: str, text: str) -> None:
    window.wait_for_function("([s, t]) => document.querySelector(s)?.innerText.includes(t)", arg=[selector, text], timeout=60_000)


@pytest.mark.slow
def test_a_first_result_is_on_screen(tab):
    text = tab.inner_text("body")
    for words in ("Your picture stays yours", "Camera blocked?", "NASA, public domain", "login threshold", "squared embedding distance"):
        assert words in text
    for picture in ("#original img", "#template img"):
        assert tab.eval_on_selector(picture, "image => image.naturalWidth") == 160


@pytest.mark.slow
def test_upload_two_faces_choose_delete(tab, page, tmp_path, astronaut):
    [path] = odd_files.write_all(astronaut, tmp_path, {"two_faces.jpg": odd_files.WITH_FACES["two_faces.jpg"]})
    before = cache.files(page[1])
    tab.set_input_files("#photo input[type=file]", path)
    wait_for_text(tab, "#verdict", "2 faces were found")
    first = tab.get_attribute("#template img", "src")
    tab.locator("#faces button.thumbnail-item, #faces .thumbnail-lg").nth(1).click()
    tab.wait_for_function("old => document.querySelector('#template img').src != old", arg=first, timeout=60_000)
    with tab.expect_download() as download:
        tab.click("#png")
    saved = tmp_path / "down.png"
    download.value.save_as(saved)
    assert Image.open(saved).size == (160, 160) and download.value.suggested_filename == "faces.template.png"
    assert "two_faces.jpg" in [path.name for path in cache.files(page[1]) - before]
    tab.click("#forget")
    wait_for_text(tab, "#verdict", "Your data is deleted")
    assert not cache.files(page[1]) - before


@pytest.mark.slow
def test_no_face_is_answered_and_a_crop_is_offered(tab, tmp_path, astronaut):
    [path] = odd_files.write_all(astronaut, tmp_path, {"no_face.png": odd_files.REFUSED["no_face.png"]})
    tab.set_input_files("#photo input[type=file]", path)
    wait_for_text(tab, "#verdict", "No face found")
    tab.click("#middle")
    wait_for_text(tab, "#verdict", "this is the middle of the picture")


@pytest.mark.slow
def test_a_digit_sample_and_a_drawn_digit(tab):
    tab.get_by_role("tab", name="Digit").click()
    tab.click("#draw")
    wait_for_text(tab, "#verdict", "Nothing is drawn yet")
    tab.locator("#digits button.thumbnail-item, #digits .thumbnail-lg").nth(7).click()
    wait_for_text(tab, "#verdict", "threshold")
    assert tab.eval_on_selector("#template img", "image => image.naturalWidth") == 28
    before = tab.get_attribute("#template img", "src")
    tab.click("#pad button[aria-label=Brush]")
    tab.wait_for_timeout(1000)
    canvas = tab.locator("#pad canvas").last.bounding_box()
    x, y = canvas["x"] + canvas["width"] / 2, canvas["y"] + canvas["height"] * 0.2
    tab.mouse.move(x, y)
    tab.mouse.down()
    tab.mouse.move(x, y + canvas["height"] * 0.6, steps=15)
    tab.mouse.up()
    tab.click("#draw")
    tab.wait_for_function("old => document.querySelector('#template img').src != old", arg=before, timeout=60_000)


@pytest.fixture(scope="module")
def camera(tmp_path_factory):
    """Options of a browser whose camera films the bundled portrait."""
    frame = Image.new("RGB", (640, 480), (80, 90, 100))
    frame.paste(samples.portrait().resize((480, 480)), (80, 0))
    picture = io.BytesIO()
    frame.save(picture, "JPEG", quality=92)
    film = tmp_path_factory.mktemp("camera") / "film.mjpeg"
    film.write_bytes(picture.getvalue() * 60)
    return [*BROWSER, "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", f"--use-file-for-fake-video-capture={film}"]


@pytest.mark.slow
def test_a_picture_from_the_camera(browser, camera, page):
    with_camera = browser.browser_type.launch(executable_path=CHROMIUM, args=camera)
    window = with_camera.new_context(permissions=["camera"]).new_page()
    window.goto(page[0])
    window.wait_for_selector("#verdict .verdict", timeout=60_000)
    window.click("#photo button[aria-label='Capture from camera']")
    window.get_by_role("button", name="Access Webcam").click()
    window.click("#photo button[aria-label='capture photo']", timeout=60_000)
    window.wait_for_function("!document.querySelector('#verdict').innerText.includes('This is the sample')", timeout=60_000)
    assert "squared embedding distance" in window.inner_text("#verdict")
    with_camera.close()


@pytest.mark.slow
def test_it_fits_a_phone(browser, page):
    window = browser.new_page(viewport={"width": 390, "height": 844})
    window.goto(page[0])
    window.wait_for_selector("#verdict .verdict", timeout=60_000)
    assert window.evaluate("document.documentElement.scrollWidth") <= 390
    window.close()


@pytest.mark.slow
def test_nothing_of_a_visit_is_left_on_disk(browser, page, client, tmp_path, astronaut):
    """By hand and through the endpoint; after the clean-up only what the page itself came with is there."""
    astronaut.resize((300, 300)).save(tmp_path / "visitor.jpg")
    window = browser.new_page()
    window.goto(page[0])
    window.set_input_files("#photo input[type=file]", tmp_path / "visitor.jpg")
    wait_for_text(window, "#verdict", "Still the same")
    client.predict(handle_file(tmp_path / "visitor.jpg"), "faces", api_name="/distort")
    window.set_input_files("#photo input[type=file]", tmp_path / "visitor.jpg")  # and gone in the middle of it
    assert "visitor.jpg" in [path.name for path in cache.files(page[1])]
    assert window.evaluate("Object.keys(localStorage).concat(Object.keys(sessionStorage)).join(' ').includes('run')") is False
    window.close()
    deadline = time.monotonic() + 60
    while cache.files(page[1]) - page[3] and time.monotonic() < deadline:
        time.sleep(1)
    assert cache.files(page[1]) == page[3]


@pytest.mark.slow
def test_what_the_page_remembers_goes_with_the_window(browser, page, astronaut, tmp_path):
    """Gradio itself would keep the state of a closed window for an hour."""
    astronaut.save(tmp_path / "visitor.png")
    window = browser.new_page()
    window.goto(page[0])
    window.set_input_files("#photo input[type=file]", tmp_path / "visitor.png")
    window.wait_for_function("!document.querySelector('#verdict').innerText.includes('This is the sample')", timeout=60_000)
    assert any(remembered(page[4]))
    window.close()
    deadline = time.monotonic() + 60
    while any(remembered(page[4])) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert not any(remembered(page[4]))


def remembered(holder) -> list[dict]:
    """What visits left in memory, a dict a visitor."""
    return [dict(session.state_data) for session in holder.session_data.values()]


@pytest.mark.slow
def test_the_folder_goes_with_the_process(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"GRADIO_TEMP_DIR": str(tmp_path), "GRADIO_SERVER_PORT": str(port)}
    process = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    assert any(f"http://127.0.0.1:{port}" in line for line in process.stdout)
    assert cache.files(tmp_path)
    process.terminate()
    process.wait(60)
    assert not cache.files(tmp_path) and not list(tmp_path.glob("ndcb-*"))


def test_the_committed_example_is_what_the_models_give(page):
    stored = samples.example("faces")
    face = page[2].find(samples.portrait())[0].image
    result = page[2].distorter("faces").distort(face)
    difference = (to_tensor([stored.template]) - to_tensor([result.template])).abs()
    assert float(difference.mean()) < 0.01
    assert stored.embedding_distance == pytest.approx(result.embedding_distance, abs=0.02)
    assert (stored.alpha, stored.threshold) == (result.alpha, result.threshold)
