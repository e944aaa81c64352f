"""The page: its public endpoint by gradio_client, and the first tab in a real browser."""

import os
import socket
import subprocess
import sys
import time

import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from PIL import Image

import app
from ndcb.core.tensors import to_tensor
from ndcb.core.terms import DEFAULT_FACES
from ndcb.faces import samples
from ndcb.models import examples
from ndcb.models.templates import is_marked
from ndcb.web import private_files
from ndcb.web.page import TABS
from tests import odd_files
from tests.browsing import (
    CAMERA,
    ask_for_the_camera,
    fits,
    open_tab,
    opened,
    screenshot,
    served,
    wait_for_picture,
    wait_for_text,
    with_camera,
)
from tests.conftest import ROOT
from training.benchmark.page import Visitor


@pytest.fixture(scope="module")
def page(tmp_path_factory, models):
    """The app as it is served, with the clean-up a hundred times faster."""
    with served(
        tmp_path_factory.mktemp("gradio"), lambda: app.build(models), sweep={"age": 9, "every": 3}
    ) as page:
        models.warm_up([DEFAULT_FACES, "digits"])
        yield page


@pytest.fixture(scope="module")
def client(page):
    return Client(page.address, verbose=False)


def test_only_the_documented_endpoints_are_public(client):
    assert set(client.view_api(return_format="dict")["named_endpoints"]) == {
        "/distort",
        "/compare",
        "/login",
    }


def test_what_is_given_while_the_last_is_worked_on_is_not_dropped(page):
    events = [
        (event, one) for one in page.blocks.config["dependencies"] for _, event in one["targets"]
    ]
    inputs = [one for event, one in events if event in ("input", "upload")]
    assert len(inputs) > 15
    for one in inputs:
        assert one["trigger_mode"] == "always_last", one


@pytest.mark.slow
def test_a_private_handler_tells_nothing_of_a_visit(client, page, tab):
    """Gradio leaves them reachable by their names; who calls one has a visit of their own and sees
    no other.
    """
    private = [
        one for one in page.blocks.config["dependencies"] if one["api_visibility"] != "public"
    ]
    with pytest.raises(ValueError, match="Cannot find a function"):
        client.predict("Ann", api_name="/on_revoke")
    open_tab(tab, "Login")
    tab.locator("#login-samples button.thumbnail-item").nth(0).click()
    tab.wait_for_selector("#login-photo img")
    tab.fill("#login-name textarea, #login-name input", "Ann")
    tab.click("#login-enrol")
    wait_for_text(tab, "#login-verdict", "Enrolled: Ann")
    assert {"on_revoke", "on_verify", "on_forget"} <= {one["api_name"] for one in private}
    answer = call(page, "on_revoke", ["Ann"])
    assert "Your visit ended" in answer and "Eileen Collins" in answer and ">Ann<" not in answer
    tab.click("#login-verify")
    wait_for_text(tab, "#login-verdict", "Accepted.")
    tab.click("#login-forget")
    wait_for_text(tab, "#login-verdict", "Your data is deleted")


def call(page, name: str, data: list) -> str:
    """What a program gets that asks for a handler by its name."""
    address = f"{page.address}gradio_api/call/{name}"
    event = httpx.post(address, json={"data": data}, timeout=60).json()["event_id"]
    return httpx.get(f"{address}/{event}", timeout=60).text


@pytest.mark.parametrize("more", [[], [""], ["0.1%"]])
def test_endpoints_take_a_list_without_an_operating_point(page, astronaut, tmp_path, more):
    """As programs sent it before there was one: it is the default."""
    astronaut.save(tmp_path / "a.png")
    visitor = Visitor(page.address)
    pictures = [visitor.upload(tmp_path / "a.png") for _ in range(2)]
    answer = call(page, "compare", [*pictures, "faces", *more])
    assert "event: complete" in answer and '"plain_plain"' in answer


def test_an_unknown_operating_point_is_one_sentence(page, astronaut, tmp_path):
    astronaut.save(tmp_path / "a.png")
    answers = []
    for endpoint, pictures in (("distort", 1), ("compare", 2), ("login", 2)):
        visitor = Visitor(page.address)
        given = [visitor.upload(tmp_path / "a.png") for _ in range(pictures)]
        answers.append(call(page, endpoint, [*given, "faces", "2%"]))
    assert all("'2%' is no operating point. Choose one of: 1%, 0.1%" in said for said in answers)


def test_distort_endpoint_answers_as_the_library(client, models, tmp_path, astronaut):
    astronaut.save(tmp_path / "a.png")
    template, numbers = client.predict(
        handle_file(tmp_path / "a.png"), "faces", api_name="/distort"
    )
    result = models.distorter("faces").distort(models.find(astronaut)[0].image)
    assert (
        Image.open(template).convert("RGB").tobytes() == result.template.tobytes()
    )  # bit-exact through the page
    assert is_marked(Image.open(template))
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


@pytest.fixture
def tab(browser, page):
    """A visitor's window, already on the page."""
    window = browser.new_page(viewport={"width": 1280, "height": 1000})
    yield opened(window, page)
    window.close()


@pytest.mark.slow
def test_a_first_result_is_on_screen(tab):
    text = tab.inner_text("body")
    for words in (
        "Your picture stays yours",
        "Camera blocked?",
        "NASA, public domain",
        "login threshold",
        "squared embedding distance",
    ):
        assert words in text
    for picture in ("#original img", "#template img"):
        wait_for_picture(tab, picture, 112)


@pytest.mark.slow
def test_upload_two_faces_choose_delete(tab, page, tmp_path, astronaut):
    [path] = odd_files.write_all(
        astronaut, tmp_path, {"two_faces.jpg": odd_files.WITH_FACES["two_faces.jpg"]}
    )
    before = page.left()
    tab.set_input_files("#photo input[type=file]", path)
    wait_for_text(tab, "#verdict", "2 faces were found")
    first = tab.get_attribute("#template img", "src")
    tab.locator("#faces button.thumbnail-item, #faces .thumbnail-lg").nth(1).click()
    tab.wait_for_function("old => document.querySelector('#template img').src != old", arg=first)
    with tab.expect_download() as download:
        tab.click("#png")
    saved = tmp_path / "down.png"
    download.value.save_as(saved)
    assert is_marked(Image.open(saved)), "a template that was saved is known as one"
    assert (
        Image.open(saved).size == (112, 112)
        and download.value.suggested_filename == f"{DEFAULT_FACES}.template.png"
    )
    assert "two_faces.jpg" in page.names()
    tab.click("#forget")
    wait_for_text(tab, "#verdict", "Your data is deleted")
    assert not page.left() - before


@pytest.mark.slow
def test_no_face_is_answered_and_a_crop_is_offered(tab, tmp_path, astronaut):
    [path] = odd_files.write_all(
        astronaut, tmp_path, {"no_face.png": odd_files.REFUSED["no_face.png"]}
    )
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
    wait_for_picture(tab, "#template img", 28)
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
    tab.wait_for_function("old => document.querySelector('#template img').src != old", arg=before)


@pytest.mark.slow
def test_a_picture_from_the_camera(browser, camera, page):
    with with_camera(browser, camera) as window:
        opened(window, page)
        ask_for_the_camera(window, "#photo")
        window.click("#photo button[aria-label='capture photo']")
        window.wait_for_function(
            "!document.querySelector('#verdict').innerText.includes('This is the sample')"
        )
        assert "squared embedding distance" in window.inner_text("#verdict")


@pytest.mark.slow
def test_a_refused_camera_leaves_the_upload(browser, camera, page, photos):
    with with_camera(browser, camera, allowed=False) as window:
        opened(window, page)
        ask_for_the_camera(window, "#photo")
        assert window.evaluate(CAMERA) == "NotAllowedError"
        assert window.get_by_text("Camera blocked?").first.is_visible()
        window.locator("#photo button[aria-label='Upload file']").click()
        window.set_input_files("#photo input[type=file]", photos["two"])
        wait_for_text(window, "#verdict", "2 faces were found")


def use_distort(window, photos) -> None:
    window.set_input_files("#photo input[type=file]", photos["mirrored"])
    window.wait_for_function(
        "!document.querySelector('#verdict').innerText.includes('This is the sample')"
    )


def use_live(window, photos) -> None:
    window.click(".live-go")
    wait_for_text(window, ".live-verdict", "under the threshold")
    window.click(".live-go")


def use_compare(window, photos) -> None:
    window.click("#compare-other-B")
    window.wait_for_function(
        "!document.querySelector('#compare-verdict').innerText.includes('This is the sample on both"
        " sides')"
    )


def use_embedding(window, photos) -> None:
    window.set_input_files("#people-photo input[type=file]", photos["portrait"])
    wait_for_text(window, "#people-own", "Your photo and its template are")
    window.wait_for_selector("#people-plot .js-plotly-plot[data-hooked=yes]")


def use_login(window, photos) -> None:
    window.locator("#login-samples button.thumbnail-item").nth(0).click()
    window.wait_for_selector("#login-photo img")
    window.click("#login-identify")
    wait_for_text(window, "#login-verdict", "Nearest of all templates: Eileen Collins")


def use_results(window, photos) -> None:
    window.wait_for_selector(".results-plot .main-svg:visible")


def use_attacks(window, photos) -> None:
    open_tab(window, "Replay")
    window.click("#stolen-link")
    wait_for_text(window, "#stolen-table", f"template of the second photo by {DEFAULT_FACES}")


def use_about(window, photos) -> None:
    wait_for_text(window, "#about-limits", "Of the checkpoint")


USES = {
    "Distort": use_distort,
    "Live": use_live,
    "Compare": use_compare,
    "Embedding space": use_embedding,
    "Login": use_login,
    "Results": use_results,
    "Attacks": use_attacks,
    "About": use_about,
}


@pytest.mark.slow
@pytest.mark.parametrize("width, theme", [(1280, "light"), (390, "dark")])
def test_every_tab_is_used_and_looked_at(browser, camera, page, photos, tmp_path, width, theme):
    assert list(USES) == list(TABS)
    with with_camera(browser, camera) as window:
        window.set_viewport_size({"width": width, "height": 900})
        opened(window, page, f"?__theme={theme}")
        seen = {}
        for name, use in USES.items():
            open_tab(window, name)
            use(window, photos)
            assert fits(window), name
            seen[name] = screenshot(window, tmp_path / f"{name}.png")
    dark = [np.median(picture.convert("L")) < 100 for picture in seen.values()]
    assert dark == [theme == "dark"] * len(USES)
    assert len({picture.tobytes() for picture in seen.values()}) == len(USES)


@pytest.mark.slow
def test_it_fits_a_phone(browser, page):
    window = browser.new_page(viewport={"width": 390, "height": 844})
    opened(window, page)
    assert fits(window)
    window.close()


@pytest.mark.slow
def test_nothing_of_a_visit_is_left_on_disk(browser, page, client, tmp_path, astronaut):
    """By hand and through the endpoint; after the clean-up only what the page itself came with is
    there.
    """
    astronaut.resize((300, 300)).save(tmp_path / "visitor.jpg")
    window = opened(browser.new_page(), page)
    window.set_input_files("#photo input[type=file]", tmp_path / "visitor.jpg")
    wait_for_text(window, "#verdict", "Still the same")
    client.predict(handle_file(tmp_path / "visitor.jpg"), "faces", api_name="/distort")
    window.set_input_files(
        "#photo input[type=file]", tmp_path / "visitor.jpg"
    )  # and gone in the middle of it
    assert "visitor.jpg" in page.names()
    assert_no_history(window, page)
    window.close()
    assert_swept(page)


@pytest.mark.slow
def test_nothing_of_an_enrolment_is_left(browser, page, tmp_path, astronaut):
    """The photo and its template go without anybody asking for it, and neither browser nor page
    keeps a history.
    """
    astronaut.resize((300, 300)).save(tmp_path / "ann.jpg")
    window = opened(browser.new_page(), page)
    open_tab(window, "Login")
    window.set_input_files("#login-photo input[type=file]", tmp_path / "ann.jpg")
    window.wait_for_selector("#login-photo img")
    window.fill("#login-name textarea, #login-name input", "Ann")
    window.click("#login-enrol")
    wait_for_text(window, "#login-verdict", "Enrolled: Ann")
    assert {"ann.jpg", "template.png"} <= page.names()
    assert_no_history(window, page)
    window.close()
    assert_swept(page)


KEPT = """async () => JSON.stringify([
  {...localStorage},
  {...sessionStorage},
  (await indexedDB.databases()).map(one => one.name),
  document.cookie,
])"""


def assert_no_history(window, page) -> None:
    kept = window.evaluate(KEPT)
    assert "history" not in kept and ".jpg" not in kept and "Ann" not in kept, kept
    assert window.request.get(f"{page.address.rstrip('/')}/gradio_api/runs").status == 404


def assert_swept(page) -> None:
    deadline = time.monotonic() + 60
    while page.left() and time.monotonic() < deadline:
        time.sleep(1)
    assert private_files.files(page.folder) == page.own


@pytest.mark.slow
def test_what_the_page_remembers_goes_with_the_window(browser, page, astronaut, tmp_path):
    """Gradio itself would keep the state of a closed window for an hour."""
    astronaut.save(tmp_path / "visitor.png")
    before = remembered(
        page
    )  # a program that called a handler by its name has no window: its visit ends by time
    window = opened(browser.new_page(), page)
    window.set_input_files("#photo input[type=file]", tmp_path / "visitor.png")
    window.wait_for_function(
        "!document.querySelector('#verdict').innerText.includes('This is the sample')"
    )
    assert remembered(page) - before
    window.close()
    deadline = time.monotonic() + 60
    while remembered(page) - before and time.monotonic() < deadline:
        time.sleep(0.5)
    assert not remembered(page) - before


def remembered(page) -> set[str]:
    """The visits of which something is in memory."""
    return {
        session
        for session, kept in page.blocks.state_holder.session_data.items()
        if dict(kept.state_data)
    }


@pytest.mark.slow
def test_the_folder_goes_with_the_process(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"GRADIO_TEMP_DIR": str(tmp_path), "GRADIO_SERVER_PORT": str(port)}
    process = subprocess.Popen(
        [sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert any(f"http://127.0.0.1:{port}" in line for line in process.stdout)
    assert private_files.files(tmp_path)
    process.terminate()
    process.wait(60)
    assert not private_files.files(tmp_path) and not list(tmp_path.glob("ndcb-*"))


def test_the_committed_example_is_what_the_models_give(models):
    stored = examples.example(DEFAULT_FACES)
    face = models.find(samples.portrait())[0]
    result = models.distorter(DEFAULT_FACES).distort(face)
    difference = (to_tensor([stored.template]) - to_tensor([result.template])).abs()
    assert float(difference.mean()) < 0.01
    assert stored.embedding_distance == pytest.approx(result.embedding_distance, abs=0.02)
    assert (stored.alpha, stored.threshold) == (result.alpha, result.threshold)
