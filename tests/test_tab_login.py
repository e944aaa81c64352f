"""The tab Login: its functions with the real models, its thresholds, and the story of a login in a real browser."""

import copy
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from gradio_client import Client, handle_file
from PIL import Image

import app
from ndcb import checkpoints, samples, thresholds
from ndcb.pipeline import Models
from ndcb.tabs import cache, login, style
from ndcb.terms import BadPicture, NoFaceFound, NotAvailable, UnknownName, UserError

from .test_page import CHROMIUM, browser, camera, wait_for_text  # noqa: F401  fixtures

MARKUP = "<b>Ann</b> ${7*7}"


@pytest.fixture(scope="module")
def models():
    return Models()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Files of a portrait, the same mirrored, a second hand's digits 3 and 8, and a picture without a face."""
    folder = tmp_path_factory.mktemp("photos")
    portrait, digits = samples.portrait(), [picture for picture, _, generator in login.sample_pictures() if generator == "digits"]
    pictures = {"portrait": portrait, "mirrored": portrait.transpose(Image.Transpose.FLIP_LEFT_RIGHT), "3": digits[3], "8": digits[8],
                "nothing": Image.new("RGB", (300, 300), (90, 140, 90))}
    for name, picture in pictures.items():
        picture.save(folder / f"{name}.png")
    return {name: str(folder / f"{name}.png") for name in pictures}


@pytest.fixture
def visit(models, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))
    visit = login.open_visit(models)
    yield visit
    login.close(visit)


def names(visit) -> list[str]:
    return [stolen.name for stolen in visit.vault.stolen()]


def accepted(visit, name, path, generator="faces") -> bool:
    result = login.log_in(visit, name, path, generator)
    return login.verdict(result, thresholds.login_threshold(generator)).count("Accepted.") == 1


def test_the_demonstration_vault(visit):
    assert names(visit) == ["Eileen Collins", "digit 3", "digit 8"]
    assert [stolen.generator for stolen in visit.vault.stolen()] == ["faces", "digits", "digits"]
    assert visit.vault.stolen()[0].picture.tobytes() != samples.example("faces").original.tobytes()


def test_a_face_logs_in_until_it_is_revoked(visit, files):
    text = login.enrol(visit, MARKUP, [files["portrait"], None, files["mirrored"]], "faces")
    assert "2 templates" in text and "&lt;b&gt;Ann" in text and "<b>" not in text
    assert accepted(visit, MARKUP, files["mirrored"])
    assert "already" in str(refusal(login.enrol, visit, MARKUP, [files["portrait"]], "faces"))
    assert login.verdict(login.log_in(visit, MARKUP, files["portrait"], "faces"), 0).count("Refused.") == 1
    assert "2 templates" in login.revoke(visit, MARKUP)
    assert "Nobody is enrolled" in str(refusal(login.log_in, visit, MARKUP, files["portrait"], "faces"))
    assert MARKUP not in names(visit)


def refusal(function, *arguments) -> UserError:
    with pytest.raises(UserError) as error:
        function(*arguments)
    return error.value


def test_another_digit_is_refused(visit, files):
    assert accepted(visit, "digit 3", files["3"], "digits") and accepted(visit, "DIGIT 8", files["8"], "digits")
    assert not accepted(visit, "digit 3", files["8"], "digits") and not accepted(visit, "digit 8", files["3"], "digits")


def test_identify_names_the_nearest(visit, files):
    assert login.identify(visit, files["8"], "digits").name == "digit 8"
    found = login.identify(visit, files["mirrored"], "faces")
    assert found.name == "Eileen Collins" and "2 templates" in found.note
    assert "Nobody who is enrolled is near enough" in login.verdict(found, 0)


def test_bad_input_is_one_sentence(visit, files):
    assert isinstance(refusal(login.log_in, visit, "digit 3", None, "digits"), BadPicture)
    assert isinstance(refusal(login.enrol, visit, "Ann", [None], "faces"), BadPicture)
    assert isinstance(refusal(login.enrol, visit, "Ann", [files["nothing"]], "faces"), NoFaceFound)
    assert "1 to 64 printable" in str(refusal(login.enrol, visit, " ", [files["portrait"]], "faces"))
    assert "one to 5 photos" in str(refusal(login.enrol, visit, "Ann", [files["portrait"]] * 6, "faces"))
    assert "is a digit" in str(refusal(login.log_in, visit, "digit 3", files["portrait"], "faces"))
    assert names(visit) == ["Eileen Collins", "digit 3", "digit 8"]


def test_an_error_leaves_the_scale_and_escapes_names(models, visit, files):
    state, says, bar, _, _ = login.answer(models, visit, lambda seen: login.judge(seen, login.log_in(seen, MARKUP, files["3"], "digits"),
                                                                                   "digits", 1))
    assert state is visit and "&lt;b&gt;" in says and "<b>" not in says and bar == gr.skip()


def test_a_crop_is_searched_once(visit, files, monkeypatch):
    login.log_in(visit, "Eileen Collins", files["portrait"], "faces")
    monkeypatch.setattr(visit.vault.models.models, "find", lambda *_: pytest.fail("searched again"))
    login.identify(visit, files["portrait"], "faces")
    for number in range(login.CROPS - 2):
        visit.vault.models.crops[str(number), True] = None
    login.read_once(visit, files["3"], "digits")
    assert len(visit.vault.models.crops) == login.CROPS and (files["portrait"], False) in visit.vault.models.crops
    login.read_once(visit, files["8"], "digits")
    assert len(visit.vault.models.crops) == login.CROPS and (files["portrait"], False) not in visit.vault.models.crops


def test_a_stolen_template_logs_in_and_outlives_revoking(visit, files):
    assert login.steal(visit, 0) == "Eileen Collins"
    assert login.replay(visit).squared_distance == pytest.approx(0, abs=1e-5)
    login.revoke(visit, "Eileen Collins")
    assert "Nobody is enrolled" in str(refusal(login.replay, visit))
    login.enrol(visit, "Eileen Collins", [files["mirrored"]], "faces")
    again = login.replay(visit)
    assert 0.01 < again.squared_distance < thresholds.login_threshold("faces") and "revoked" in again.note
    assert "The thief is in" in login.verdict(again, thresholds.login_threshold("faces"))
    assert "opened anew" in str(refusal(login.steal, visit, 99))


def test_nothing_to_steal(visit):
    for name in set(names(visit)):
        login.revoke(visit, name)
    assert "empty" in str(refusal(login.replay, visit))
    assert login.gallery(visit) == [] and "Nobody is enrolled" in login.answer(None, visit, lambda seen: ("", ""))[3]


def test_another_threshold_judges_the_last_login_without_a_model(visit, files, monkeypatch):
    last = login.log_in(visit, "Eileen Collins", files["mirrored"], "faces")
    login.judge(visit, last, "faces", 1.3)
    monkeypatch.setattr(visit.vault, "models", None)
    just = last.squared_distance
    assert "Refused." in login.judge_again(visit, "faces", just)[0]  # accepted is what lies under it
    assert "Accepted." in login.judge_again(visit, "faces", just + 1e-4)[0]
    assert login.judge_again(visit, "digits", 2)[0] == gr.skip()  # the last login was with another generator's threshold
    assert login.judge_again(None, "faces", 1)[:2] == [gr.skip()] * 2
    monkeypatch.undo()


def test_visitors_vaults_are_separate(models, visit, files):
    other = login.open_visit(models)
    login.enrol(visit, "Ann", [files["portrait"]], "faces")
    assert "Nobody is enrolled" in str(refusal(login.log_in, other, "Ann", files["portrait"], "faces"))
    shown, theirs = dict(login.gallery(visit)), dict(login.gallery(other))
    assert not shown.keys() & theirs.keys()
    login.close(other)
    assert all(Path(path).is_file() for path in shown) and not any(Path(path).exists() for path in theirs)
    assert accepted(visit, "Ann", files["portrait"])


def test_a_vault_is_used_from_several_threads(models, files, visit):
    """As the server does it: each call comes from another thread, one at a time."""
    lock = threading.Lock()

    def one(number: int) -> bool:
        with lock:
            login.enrol(visit, f"digit of {number}", [files["3"]], "digits")
            return accepted(visit, f"digit of {number}", files["3"], "digits")

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(one, range(8)))
    assert len(names(visit)) == 3 + 8


def test_the_state_starts_empty_and_can_be_copied(models):
    with gr.Blocks() as page:
        login.build(models)
    states = [block for block in page.blocks.values() if isinstance(block, gr.State)]
    assert [copy.deepcopy(state.value) for state in states] == [None, ()]
    assert all(state.time_to_live == login.KEEP_SECONDS for state in states) and states[0].delete_callback is login.close
    states[0].delete_callback(None)


def test_the_gallery_shows_what_is_stored_and_forgets_it(visit):
    [first, *_] = shown = login.gallery(visit)
    assert Path(first[0]).read_bytes() == visit.vault.stolen()[0].png
    assert login.gallery(visit) == shown
    login.revoke(visit, "digit 8")
    assert [name for _, name in login.gallery(visit)] == ["Eileen Collins", "digit 3"] and not Path(shown[2][0]).exists()
    login.close(visit)
    assert not Path(first[0]).parent.exists()


@pytest.mark.parametrize("ground, ink", [("white", "black"), ("black", "white")])
def test_a_digit_on_either_ground(ground, ink):
    picture = Image.new("RGB", (200, 300), ground)
    picture.paste(ink, (90, 40, 120, 260))
    digit = np.asarray(login.read_digit(picture))
    assert digit.shape == (28, 28) and digit[14, 14] == 255 and digit[0, 0] == 0


def test_the_samples_are_digits_in_another_hand():
    from sklearn.datasets import load_digits

    assert list(load_digits().target[10:20]) == list(range(10))
    assert [caption for _, caption, _ in login.sample_pictures()] == ["portrait", *(f"a {number}" for number in range(10))]


@pytest.fixture
def measured(tmp_path, monkeypatch):
    """A checkpoint folder with scores that can be counted by hand."""
    folder = tmp_path / "checkpoints" / "toy"
    (folder / "evaluation").mkdir(parents=True)
    (folder / "record.json").write_text(json.dumps({"class": "UNet", "data": {"name": "lfw"}, "threshold": 1.0}))
    arrays = {"template_genuine": np.array([0.25, 0.5, 0.75, 1.0], np.float16),
              "template_impostor": np.array([0.5, 1.5, 1.5, 2.0, 2.0], np.float16)}
    np.savez(folder / "evaluation" / "scores.npz", **arrays)
    monkeypatch.setattr(checkpoints, "FOLDER", folder.parent)
    for cached in (thresholds.record, thresholds._scores):
        cached.cache_clear()
    yield folder
    monkeypatch.undo()
    for cached in (thresholds.record, thresholds._scores):
        cached.cache_clear()


@pytest.mark.parametrize("threshold, fmr, fnmr", [(0, 0, 1), (0.5, 0, 0.75), (0.51, 0.2, 0.5), (1.0, 0.2, 0.25), (1.6, 0.6, 0), (4, 1, 0)])
def test_rates_counted_by_hand(measured, threshold, fmr, fnmr):
    found = thresholds.rates("toy", threshold)
    assert (found.fmr, found.fnmr) == (pytest.approx(fmr), pytest.approx(fnmr))
    assert (found.impostors, found.genuines, found.whom) == (5, 4, "LFW's test people")


def test_rates_in_words(measured):
    assert "FMR 20.0 %" in login.cost("toy", 1.0) and "FNMR 25.0 %" in login.cost("toy", 1.0)
    assert "FMR 0 of 5" in login.cost("toy", 0.5)  # none of five is not never
    (measured / "evaluation" / "scores.npz").unlink()
    thresholds._scores.cache_clear()
    assert "not measured" in login.cost("toy", 1.0)
    with pytest.raises(NotAvailable):
        thresholds.rates("toy", 1.0)
    for name in ("toys", "../toy", ""):
        with pytest.raises(UnknownName):
            thresholds.rates(name, 1.0)


@pytest.fixture(scope="module")
def page(tmp_path_factory, models):
    """The tab alone as it is served: (address, cache folder, files there at the start)."""
    patch = pytest.MonkeyPatch()
    patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("gradio")))
    folder = cache.private_folder()
    with gr.Blocks(analytics_enabled=False) as blocks:
        with gr.Tab("Login"):
            login.build(models)
    own = cache.files(folder)
    _, address, _ = blocks.launch(**app.LAUNCH | {"css": style.CSS + login.CSS}, prevent_thread_lock=True, quiet=True)
    models.warm_up(["faces", "digits"])
    yield address, folder, own
    blocks.close()
    patch.undo()


def test_the_endpoint_answers_yes_or_no_only(page, models, files, tmp_path):
    client = Client(page[0], verbose=False)
    visit = login.open_visit(models)
    assert set(client.view_api(return_format="dict")["named_endpoints"]) == {"/login"}
    for stolen, name in zip(visit.vault.stolen(), ("face", "3", "8")):
        (tmp_path / f"{name}.png").write_bytes(stolen.png)

    def ask(reference, probe, generator):
        return client.predict(handle_file(tmp_path / f"{reference}.png"), handle_file(files[probe]), generator, api_name="/login")

    assert ask("face", "mirrored", "faces") == {"accepted": True}
    assert ask("3", "3", "digits") == {"accepted": True} and ask("3", "8", "digits") == {"accepted": False}
    refused = {("3", "portrait", "faces"): "160x160", ("face", "nothing", "faces"): "No face", ("3", "3", "../x"): "unknown"}
    for question, sentence in refused.items():
        with pytest.raises(Exception, match=sentence):
            ask(*question)


@pytest.fixture
def tab(browser, page):  # noqa: F811
    window = browser.new_page(viewport={"width": 390, "height": 844})
    yield opened(window, page)
    window.close()


def opened(window, page):
    window.set_default_timeout(120_000)
    window.goto(page[0])
    window.wait_for_selector("#login-verdict .verdict")
    return window


def act(window, button: str, text: str) -> None:
    window.click(f"#login-{button}")
    wait_for_text(window, "#login-verdict", text)


def sample(window, number: int) -> None:
    window.locator("#login-samples button.thumbnail-item").nth(number).click()
    window.wait_for_selector("#login-photo img")


def write(window, name: str) -> None:
    window.fill("#login-name textarea, #login-name input", name)


@pytest.mark.slow
def test_the_login_story_on_a_phone(tab, page, files):
    before = cache.files(page[1])
    assert "Measured on" in tab.inner_text("#login-rates")
    tab.set_input_files("#login-photo input[type=file]", files["portrait"])
    tab.wait_for_selector("#login-photo img")
    write(tab, MARKUP)
    act(tab, "enrol", f"Enrolled: {MARKUP}")
    assert MARKUP in tab.inner_text("#login-names") and not tab.query_selector("#login-names b")
    act(tab, "verify", "Accepted.")
    tab.fill("#login-threshold input[type=number]", "0")
    wait_for_text(tab, "#login-verdict", "Refused.")
    assert "FNMR 100.0 %" in tab.inner_text("#login-rates")
    tab.locator("#thief button.thumbnail-item").nth(3).click()
    wait_for_text(tab, "#login-verdict", f"Stolen: a copy of the template of {MARKUP}")
    act(tab, "revoke", "Revoked:")
    act(tab, "verify", "Nobody is enrolled")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    assert tab.evaluate("document.querySelector('#login-names').scrollWidth <= document.querySelector('#login-names').clientWidth")
    assert "portrait.png" in [path.name for path in cache.files(page[1])]
    act(tab, "forget", "Your data is deleted")
    left = cache.files(page[1])
    assert not left - before and "portrait.png" not in [path.name for path in left]
    assert MARKUP not in tab.inner_text("body")


@pytest.mark.slow
def test_another_digit_is_refused_on_the_page(tab, page):
    sample(tab, 1 + 8)
    wait_for_text(tab, "#login-rates", "0.726")  # the generator followed the sample
    write(tab, "digit 3")
    act(tab, "verify", "Refused.")
    write(tab, "digit 8")
    act(tab, "verify", "Accepted.")
    act(tab, "forget", "Your data is deleted")
    assert page[2] <= cache.files(page[1])  # the samples are the page's own


@pytest.mark.slow
def test_two_windows_do_not_see_each_other(tab, browser, page, files):  # noqa: F811
    other = opened(browser.new_page(), page)
    for window, name in ((tab, "Ann"), (other, "Bob")):
        window.set_input_files("#login-photo input[type=file]", files["portrait"])
        window.wait_for_selector("#login-photo img")
        write(window, name)
        act(window, "enrol", f"Enrolled: {name}")
    act(tab, "replay", "The thief is in")
    assert "Ann" in tab.inner_text("#login-names") and "Bob" not in tab.inner_text("#login-names")
    assert "Ann" not in other.inner_text("#login-names")
    act(tab, "forget", "Your data is deleted")
    act(other, "verify", "Accepted.")
    other.close()


@pytest.mark.slow
def test_enrol_and_log_in_by_camera(browser, camera, page):  # noqa: F811
    with_camera = browser.browser_type.launch(executable_path=CHROMIUM, args=camera)
    window = opened(with_camera.new_context(permissions=["camera"]).new_page(), page)
    window.click("#login-photo button[aria-label='Capture from camera']")
    window.get_by_role("button", name="Access Webcam").click()
    window.click("#login-photo button[aria-label='capture photo']")
    window.wait_for_selector("#login-photo img")
    act(window, "identify", "Nearest of all templates: Eileen Collins")
    write(window, "me")
    act(window, "enrol", "Enrolled: me")
    act(window, "verify", "Accepted.")
    with_camera.close()
