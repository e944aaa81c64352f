"""A visit that ends while the page is open: every tab says so, and nothing old stays beside
something new."""

import os

import gradio as gr
import pytest

import app
from ndcb.web import visits
from ndcb.web.tabs.attacks import quiz
from ndcb.web.tabs.compare.handlers import OTHER_ENDED
from ndcb.web.tabs.login import actions
from tests import browsing
from training.benchmark.page import Page, Visitor


@pytest.fixture
def visitor(served, page):
    visitor = Visitor(served.address)
    visitor.begin(page)
    return visitor


def end_visits(served, visitor: Visitor | None = None) -> None:
    """What happens after ten minutes."""
    holder = served.blocks.state_holder
    for session in [visitor.session] if visitor else list(holder.session_data):
        holder.delete_state(session)


def cause(page: Page, visitor: Visitor, elem_id: str, kind: str, detail=None, **given) -> dict:
    """What an event puts out, by the elem_id of the outputs; `given` by the elem_id of the inputs,
    with _ for -."""
    number = page.event(elem_id, kind)
    event = next(one for one in page.events if one["id"] == number)
    names = [page.components[place]["props"].get("elem_id") or "" for place in event["inputs"]]
    data = [
        given.get(name.replace("-", "_"), page.components[place]["props"].get("value"))
        for name, place in zip(names, event["inputs"], strict=True)
    ]
    put_out = visitor.ask(number, data, detail)
    return {
        page.components[place]["props"].get("elem_id"): value
        for place, value in zip(event["outputs"], put_out, strict=True)
    }


@pytest.mark.slow
def test_distort_says_so_and_clears_the_screen(served, page, visitor, photos):
    cause(page, visitor, "photo", "input", photo=visitor.upload(photos["mirrored"]))
    left = served.left()
    end_visits(served, visitor)
    assert left and not served.left() & left, "an ended visit deletes its files"
    shown = cause(page, visitor, "faces-generator", "input")
    assert (
        visits.ENDED in shown["verdict"]
        and shown["photo"] is None
        and shown["original"] is None
        and shown["template"] is None
    )
    again = cause(page, visitor, "photo", "input", photo=visitor.upload(photos["mirrored"]))
    assert "under the threshold" in again["verdict"] and visits.ENDED not in again["verdict"]


@pytest.mark.slow
def test_compare_never_answers_for_photos_that_are_gone(served, page, visitor, photos):
    for side, name in zip("AB", ("portrait", "mirrored"), strict=True):
        photo = {f"compare_photo_{side}": visitor.upload(photos[name])}
        cause(page, visitor, f"compare-photo-{side}", "input", **photo)
    end_visits(served, visitor)
    shown = cause(page, visitor, "compare-generator", "input")
    assert (
        visits.ENDED in shown["compare-verdict"] and "same person" not in shown["compare-verdict"]
    )
    assert [
        shown[f"compare-{part}-{side}"] for part in ("photo", "face", "template") for side in "AB"
    ] == [None] * 6
    end_visits(served, visitor)
    shown = cause(
        page,
        visitor,
        "compare-photo-B",
        "input",
        compare_photo_B=visitor.upload(photos["mirrored"]),
    )
    assert OTHER_ENDED in shown["compare-verdict"] and shown["compare-photo-A"] is None
    end_visits(served, visitor)
    shown = cause(
        page, visitor, "compare-photo-B", "input", compare_photo_B=visitor.upload(photos["nothing"])
    )
    assert (
        "No face found" in shown["compare-verdict"]
        and shown["compare-face-A"] is None
        and shown["compare-face-B"] is None
    )


@pytest.mark.slow
def test_login_opens_a_new_vault_and_says_so(served, page, visitor, photos):
    photo = visitor.upload(photos["portrait"])
    given = {
        "login_photo": photo,
        "login_name": "Ann",
        "login_more": [],
        "login_card": [],
        "login_passphrase": "",
    }
    assert "Enrolled: Ann" in cause(page, visitor, "login-enrol", "click", **given)["login-verdict"]
    end_visits(served, visitor)
    shown = cause(
        page,
        visitor,
        "login-verify",
        "click",
        **given | {"login_photo": visitor.upload(photos["portrait"])},
    )
    assert actions.ENDED in shown["login-verdict"] and "Ann" not in shown["login-names"]


@pytest.mark.slow
def test_the_others_say_so_too(served, page, visitor, photos):
    cause(page, visitor, "stolen-photo", "input", stolen_photo=visitor.upload(photos["portrait"]))
    end_visits(served, visitor)
    for elem_id in ("stolen-generator", "stolen-replay", "stolen-link"):
        shown = cause(page, visitor, elem_id, "input" if elem_id == "stolen-generator" else "click")
        assert visits.ENDED in shown["stolen-verdict"] and shown["stolen-photo"] is None
        end_visits(served, visitor)
    shown = cause(page, visitor, "lineup-next", "click")
    assert quiz.QUIZ_ENDED in shown["lineup-verdict"]
    cause(page, visitor, "people-photo", "input", people_photo=visitor.upload(photos["portrait"]))
    end_visits(served, visitor)
    shown = cause(page, visitor, "people-view", "input")
    assert (
        visits.ENDED in shown["people-said"]
        and shown["people-photo"] is None
        and shown["people-own"] == ""
    )
    cause(page, visitor, "draw", "click")
    end_visits(served, visitor)
    shown = cause(page, visitor, "digits-generator", "input")
    assert visits.ENDED in shown["verdict"] and shown["template"] is None


@pytest.mark.slow
def test_a_page_whose_server_was_started_anew_says_so_too(served, page, photos):
    """A window that stayed open: its server knows nothing of it."""
    stranger = Visitor(served.address)
    assert visits.ENDED in cause(page, stranger, "compare-generator", "input")["compare-verdict"]


def test_every_state_that_holds_pictures_ends_with_time(models):
    blocks = app.build(models)
    states = [block for block in blocks.blocks.values() if isinstance(block, gr.State)]
    pictures = [state for state in states if state.value is None]
    assert len(pictures) == 8 and all(
        state.time_to_live == visits.KEEP_SECONDS for state in pictures
    )
    assert all(state.value in ((), False) for state in states if state not in pictures)


@pytest.mark.parametrize("index", [-1, 3, 10**9, None, "0", 1.0, True, [0, 0], {}])
def test_a_tile_that_is_not_there_is_refused(index):
    with pytest.raises(gr.Error, match="not there any more"):
        visits.chosen("abc", gr.SelectData(None, {"index": index, "value": None}))
    assert visits.chosen("abc", gr.SelectData(None, {"index": 2, "value": None})) == "c"


@pytest.mark.slow
def test_in_a_browser_compare_forgets_both_photos(served, browser, photos):
    window = browsing.opened(browser.new_page(viewport={"width": 1280, "height": 1000}), served)
    browsing.open_tab(window, "Compare")
    for side, name in zip("AB", ("portrait", "mirrored"), strict=True):
        face = f"#compare-face-{side} img"
        before = window.get_attribute(face, "src")
        window.set_input_files(f"#compare-photo-{side} input[type=file]", photos[name])
        window.wait_for_function(
            "([face, old]) => document.querySelector(face).src != old", arg=[face, before]
        )
    end_visits(served)
    window.click("#compare-generator label:not(.selected)")
    browsing.wait_for_text(window, "#compare-verdict", visits.ENDED)
    window.wait_for_function(
        "!document.querySelector('#compare-photo-A img, #compare-photo-B img, #compare-face-A img')"
    )
    assert window.inner_text("#compare-table").strip() == ""
    window.close()


@pytest.mark.slow
def test_in_a_browser_a_file_that_was_cleaned_up_is_asked_for_again(served, browser, photos):
    window = browsing.opened(browser.new_page(viewport={"width": 1280, "height": 1000}), served)
    browsing.open_tab(window, "Login")
    window.set_input_files("#login-photo input[type=file]", photos["portrait"])
    window.wait_for_selector("#login-photo img")
    for path in served.left():
        os.unlink(path)
    window.click("#login-identify")
    window.wait_for_function(
        "text => document.body.innerText.includes(text)", arg="Give it once more."
    )
    window.close()
