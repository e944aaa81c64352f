"""The tab Attacks: its words, and replay and the quiz in a real browser."""

import os

import gradio as gr
import pytest
from PIL import Image

from ndcb.attacks.line_up import CHOICES, LFW, OWN, Player, Question, Tally
from ndcb.attacks.thief import Theft, Trial
from ndcb.core.terms import DEFAULT_FACES, Decision, NotAvailable
from ndcb.faces import lfw
from ndcb.report.restoration import PICTURES
from ndcb.results import evaluations
from ndcb.web import private_files, visits
from ndcb.web.tabs import attacks
from ndcb.web.tabs.attacks import quiz, restoration, theft
from tests.attacks.toys import ToyModels, grey
from tests.browsing import WAIT, alone, fits, open_tab, served, wait_for_text
from tests.report.test_restoration import toy_figures, write_summary


def stolen(*distances: float, others=False) -> Theft:
    trials = tuple(
        Trial(f"place {number}", Decision(distance, 1.0))
        for number, distance in enumerate(distances)
    )
    return Theft("faces", grey(0), grey(1), trials, {"<b>other": grey(2)} if others else {})


def test_the_verdict_of_a_replay_is_what_was_computed():
    both, one, none = stolen(0, 0.5), stolen(0, 1.0), stolen(1, 1.5)
    assert "Accepted: whoever has the template can log in with it" in theft.say_replay(both)
    assert "accepted by place 0 and by place 1." in theft.say_replay(
        both
    ) and "accepted by place 0." in theft.say_replay(one)
    assert "Refused" in theft.say_replay(none) and "Accepted" not in theft.say_replay(none)
    table = theft.trials_table(one)
    assert (
        '<td>0.000</td><td class="works">accepted</td>' in table
        and '<td>1.000</td><td class="fails">refused</td>' in table
    )


def test_the_verdict_of_linking_counts():
    assert "Linked with 1 of 2" in theft.say_link(stolen(0.5, 1, others=True))
    assert "Not linked: it matches 0 of 2" in theft.say_link(stolen(1, 1, others=True))
    assert ">linked<" in theft.trials_table(
        stolen(0.5, others=True)
    ) and ">not linked<" in theft.trials_table(stolen(1, others=True))
    assert "&lt;b&gt;other" in theft.show_theft(
        stolen(0, others=True)
    ) and "<b>" not in theft.show_theft(stolen(0, others=True))


def built(models=None) -> gr.Blocks:
    with gr.Blocks(analytics_enabled=False) as page, gr.Tab("Attacks"):
        attacks.build(models)
    return page


def said(page: gr.Blocks) -> str:
    return "\n".join(
        str(block.value)
        for block in page.blocks.values()
        if isinstance(block, (gr.HTML, gr.Markdown))
    )


def test_without_measured_attacks_the_command_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(evaluations, "FOLDER", tmp_path)
    write_summary(tmp_path, "faces", None)
    text = said(built())
    assert "run: python -m training attack faces" in text and "Share" not in text
    assert (
        "Accepted: whoever has the template" in text and "20%" in text
    )  # the rest of the tab is there, before any model


def test_measured_attacks_are_shown(tmp_path, monkeypatch):
    monkeypatch.setattr(evaluations, "FOLDER", tmp_path)
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(
        restoration, "generators", lambda kind: [("The paper's", "faces"), ("Sealed?", "faces-b")]
    )
    for name, share in (("faces", 0.5), ("faces-b", 0.001)):
        write_summary(tmp_path, name, toy_figures(restoration=share))
    pictures = tmp_path / "faces" / "evaluation" / "attacks"
    pictures.mkdir()
    for number, name in enumerate(PICTURES):
        grey(number).save(pictures / f"{name}.png")
    text = said(built())
    assert (
        "gives away more than its embedding would:** FaceNet" in text
        and "no more than its embedding" in text
    )
    assert (
        "| FaceNet, the same photo | 50.0% |" in text
        and "| FaceNet, the same photo | 0.1% |" in text
    )
    assert [text.index(f">{caption}<") for caption in PICTURES.values()] == sorted(
        text.index(f">{caption}<") for caption in PICTURES.values()
    )


def test_every_state_is_forgotten_and_nothing_is_public():
    page = built()
    states = [block for block in page.blocks.values() if isinstance(block, gr.State)]
    assert len(states) == 3 and all(state.time_to_live == visits.KEEP_SECONDS for state in states)
    assert {function.api_visibility for function in page.fns.values()} == {"private"}


def test_a_state_that_expires_deletes_the_files(private_folder):
    states = [block for block in built().blocks.values() if isinstance(block, gr.State)]
    ends = [state.delete_callback for state in states if state.value is None]
    for visit, end in zip((theft.Victim, Player), ends, strict=True):
        file = private_files.save(b"photo", "photo.png")
        end(visit(files=(file, str(private_folder / "gone" / "already"))))
        assert not os.path.exists(file)
        end(None)


def progress(share, desc):
    """Nobody looks at it."""


def test_offline_is_said_without_the_servers_folder(tmp_path, monkeypatch):
    stages = []

    def fetch(root):
        raise NotAvailable(f"LFW is not in {root}")

    monkeypatch.setenv("NDCB_DATA", str(tmp_path))
    monkeypatch.setattr(lfw, "_fetch", fetch)
    there, text = quiz.load_lfw(lambda share, desc: stages.append(desc))
    assert (
        not there
        and stages == ["Downloading LFW"]
        and "own photos" in text
        and str(tmp_path) not in text
    )
    shown = quiz.ask(None, "faces", Player(source=LFW), progress)
    assert shown.keys() == {"player", "said"}
    assert str(tmp_path) not in shown["said"] and quiz.OFFLINE in shown["said"]


QUESTION = Question("faces", grey(9), grey(8), tuple(map(grey, range(CHOICES))), 2)


def faces_of(shown: dict) -> list[str]:
    return [shown[f"face {number}"] for number in range(1, CHOICES + 1)]


def buttons_of(shown: dict) -> list[bool]:
    """Can each be pressed?"""
    return [shown[f"answer {number}"].interactive for number in range(1, CHOICES + 1)]


def test_the_answer_is_not_in_the_question():
    shown = quiz.show_question(Player(source=OWN, question=QUESTION), "")
    assert len(shown) == 4 + 2 * CHOICES
    text = "".join(str(value) for name, value in shown.items() if name != "player")
    assert "this one" not in text and "made of this photo" not in text
    assert all('class=""' in face for face in faces_of(shown))
    assert all(buttons_of(shown))


@pytest.mark.parametrize(
    "place, words, classes",
    [
        (2, "Right: it is face 3.", ["", "", "it", "", ""]),
        (4, "No: it is face 3, not 5.", ["", "", "it", "", "wrong"]),
    ],
)
def test_an_answer_is_judged_in_words_and_frames(place, words, classes):
    shown = quiz.answer(Player(source=OWN, question=QUESTION), place)
    player = shown["player"]
    assert words in shown["said"] and "made of this photo" in shown["asked"]
    assert player.tally == Tally(place == 2, 1) and "of 1 right" in shown["scores"]
    faces = faces_of(shown)
    assert [face.split('class="')[1].split('"')[0] for face in faces] == classes
    assert "face 3: this one" in faces[2] and not any(buttons_of(shown))
    again = quiz.answer(player, 0)
    assert again.keys() == {"player", "said"} and again["player"] is player
    assert "This one is answered" in again["said"]


def test_bad_photos_change_nothing_but_the_sentence():
    models = ToyModels({"nothing": None})
    shown = theft.take_photo(models, "nothing", "photo", "faces", theft.Victim())
    victim = shown["victim"]
    assert shown.keys() == {"victim", "said"} and "No face found" in shown["said"]
    assert victim.photo is None and victim.files == ("nothing",)
    shown = quiz.take_own(models, ["nothing"] * 4, "faces", Player(), progress)
    assert shown.keys() == {"player", "said"} and "5 to 20" in shown["said"]
    assert shown["player"].files == ("nothing",) * 4
    assert "Use LFW&#x27;s people" in quiz.answer(Player(), 0)["said"]


# in a browser


@pytest.fixture(scope="module")
def page(tmp_path_factory, models):
    """The tab alone as it is served."""
    with served(
        tmp_path_factory.mktemp("gradio"), lambda: alone("Attacks", attacks, models)
    ) as page:
        models.warm_up([DEFAULT_FACES])
        yield page


@pytest.fixture
def tab(browser, page):
    window = browser.new_page(viewport={"width": 390, "height": 844})
    window.set_default_timeout(WAIT)
    window.goto(page.address)
    yield window
    window.close()


@pytest.mark.slow
def test_a_replay_on_a_phone(tab, page, photos):
    open_tab(tab, "Replay")
    wait_for_text(
        tab, "#stolen-verdict", "Accepted: whoever has the template"
    )  # the stored example
    tab.click("#stolen-link")
    wait_for_text(tab, "#stolen-table", f"template of the second photo by {DEFAULT_FACES}")
    assert "mirrored and brighter" in tab.inner_text("#stolen-verdict")
    tab.set_input_files("#stolen-photo input[type=file]", photos["mirrored"])
    tab.wait_for_function("!document.querySelector('#stolen-verdict').innerText.includes('sample')")
    before = tab.inner_html("#stolen-shown")
    tab.set_input_files("#stolen-another input[type=file]", photos["nothing"])
    wait_for_text(tab, "#stolen-verdict", "No face found")
    assert tab.inner_html("#stolen-shown") == before and fits(tab)
    assert {"mirrored.png", "nothing.png"} <= page.names()
    tab.click("#stolen-forget")
    wait_for_text(tab, "#stolen-verdict", "Your data is deleted")
    assert not page.left()


@pytest.mark.slow
def test_the_quiz_by_keyboard_on_a_phone(tab, page, lfw_root, monkeypatch):
    monkeypatch.setenv("NDCB_DATA", str(lfw_root))
    open_tab(tab, "Quiz")
    assert not tab.is_visible("#lineup-answer-1")
    press(tab, "#lineup-lfw")
    for tried in (1, 2):
        tab.wait_for_selector("#lineup-answer-1:enabled")
        assert (
            tab.locator("#lineup-faces img").count() == CHOICES
            and tab.locator("#lineup-asked img").count() == 1
        )
        press(tab, f"#lineup-answer-{tried}")
        wait_for_text(tab, "#lineup-score", f"of {tried} right")
        assert (
            tab.locator("#lineup-asked img").count() == 2
            and tab.locator("#lineup-faces .it").count() == 1
        )
        assert fits(tab)
        press(tab, "#lineup-next")
    tab.wait_for_selector("#lineup-answer-1:enabled")
    tab.click("#lineup-forget")
    wait_for_text(tab, "#lineup-verdict", "Your data is deleted")
    assert (
        not page.left()
        and not tab.is_visible("#lineup-answer-1")
        and "No answer yet" in tab.inner_text("#lineup-score")
    )


def press(window, button: str) -> None:
    window.focus(button)
    window.keyboard.press("Enter")


@pytest.mark.slow
def test_ones_own_photos_are_deleted(tab, page, lfw_root, tmp_path):
    files = []
    for number, (file,) in enumerate(lfw.unseen_people(lfw_root, CHOICES, seed=1)):
        files.append(tmp_path / f"friend {number}.png")
        Image.open(file).save(files[-1])
    open_tab(tab, "Quiz")
    tab.get_by_text("Or your own").click()
    tab.set_input_files("#lineup-own input[type=file]", files[:4])
    wait_for_text(tab, "#lineup-verdict", "Give 5 to 20 photos")
    tab.locator("#lineup-own button[aria-label='Clear']").click()
    tab.set_input_files("#lineup-own input[type=file]", files)
    wait_for_text(tab, "#lineup-verdict", "Whose template is this?")
    tab.click("#lineup-answer-3")
    wait_for_text(tab, "#lineup-score", "your own, same photo")
    assert any(name.startswith("friend") for name in page.names())
    tab.click("#lineup-forget")
    wait_for_text(tab, "#lineup-verdict", "Your data is deleted")
    assert not page.left()
