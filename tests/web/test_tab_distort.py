"""The tab Distort: people of LFW on request, and what is said where they cannot be had."""

import pytest
import sklearn.datasets
from PIL import Image

from ndcb.web.tabs import distort
from ndcb.web.tabs.distort import people
from ndcb.web.tabs.distort.visit import first_face, show_picture
from ndcb.web.visits import delete_files
from tests.browsing import WAIT, alone, fits, opened, served, wait_for_text


@pytest.fixture
def toy_lfw(tmp_path, monkeypatch):
    """LFW with a hundred people, one grey photo each."""
    for number in range(100):
        file = (
            tmp_path
            / "lfw_home"
            / "lfw_funneled"
            / f"Some_Body_{number}"
            / f"Some_Body_{number}_0001.jpg"
        )
        file.parent.mkdir(parents=True)
        Image.new("L", (250, 250), number).save(file)
    monkeypatch.setenv("NDCB_DATA", str(tmp_path))
    return tmp_path


def test_people_on_request(toy_lfw):
    shown = people.show_people()
    assert list(shown) == ["people"]
    photos = people.unseen_people()
    assert len(photos) == len(set(photos)) == people.PEOPLE
    assert [tile["caption"] for tile in shown["people"].value] == [
        photo.parent.name.replace("_", " ") for photo in photos
    ]


def test_offline_it_is_said_and_no_path_of_the_server_is_told(monkeypatch, tmp_path):
    def fail(**_):
        raise OSError("no network")

    monkeypatch.setattr(sklearn.datasets, "fetch_lfw_people", fail)
    monkeypatch.setenv("NDCB_DATA", str(tmp_path / "secret"))
    shown = people.show_people()
    assert list(shown) == ["verdict"]
    assert people.NOT_THERE in shown["verdict"] and "secret" not in shown["verdict"]


def test_the_data_sets_photo_is_never_listed_for_deletion(models, toy_lfw, astronaut):
    photo = toy_lfw / "lfw_home" / "face.png"
    astronaut.save(photo)
    shown = show_picture(models, photo, "faces", first_face())
    seen = shown["visit"]
    assert str(photo) not in seen.files and seen.files and "threshold" in shown["verdict"]
    delete_files(seen)
    assert photo.exists()


@pytest.mark.slow
def test_a_person_of_lfw_in_the_browser(models, lfw_root, monkeypatch, tmp_path, browser):
    monkeypatch.setenv("NDCB_DATA", str(lfw_root))
    with served(tmp_path / "gradio", lambda: alone("Distort", distort, models)) as page:
        window = opened(browser.new_page(viewport={"width": 390, "height": 844}), page)
        window.click("#lfw")
        window.wait_for_selector("#people img")
        assert window.locator("#people img").count() == people.PEOPLE and fits(window)
        window.locator("#people button").nth(2).click()
        window.wait_for_function(
            "!document.querySelector('#verdict').innerText.includes('This is the sample')",
            timeout=WAIT,
        )
        assert "under the threshold" in window.inner_text("#verdict")
        window.click("#forget")
        wait_for_text(window, "#verdict", "Your data is deleted")
        assert all(photo.exists() for photo in people.unseen_people())
        window.close()
