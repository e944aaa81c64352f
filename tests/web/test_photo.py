"""The page's inputs: what they hand over, and what is shown of files that no browser shows."""

import base64
import os

import gradio as gr
import pytest
from PIL import Image

from ndcb.faces.images import read_picture
from ndcb.web import photo, private_files
from ndcb.web.private_files import admit, save
from tests import odd_files
from tests.browsing import alone, opened, served, wait_for_picture


def stored(portrait: Image.Image, name: str, **options) -> str:
    path = save(b"", name)
    portrait.save(path, **options)
    return path


@pytest.mark.parametrize("name", ["phone.heic", "scan.tiff"])
def test_a_preview_is_shown_of_what_browsers_do_not_show(private_folder, astronaut, name):
    path = stored(astronaut, name)
    shown = admit(photo.preview(path))
    assert Image.open(shown).format == "JPEG" and Image.open(shown).size == astronaut.size
    private_files.delete([path])
    assert not os.path.exists(shown)


def test_everything_else_stays_as_it_was_given(private_folder, astronaut):
    for path in (
        stored(astronaut, "a.png"),
        stored(astronaut, "a.jpg"),
        stored(astronaut, "a.webp"),
        save(b"text", "a.heic"),
        None,
        "nowhere",
    ):
        assert photo.preview(path) == gr.skip()


def test_a_large_one_is_made_smaller(private_folder, astronaut):
    path = stored(astronaut.resize((4000, 3000)), "large.tiff", compression="jpeg")
    assert Image.open(photo.preview(path)).size == (2560, 1920)


def test_a_picture_inside_the_message_is_read(private_folder, astronaut):
    path = stored(astronaut, "a.png")
    with open(path, "rb") as file:
        address = "data:image/png;base64," + base64.b64encode(file.read()).decode()
    with gr.Blocks(analytics_enabled=False):
        given = photo.Photo("photo").preprocess(gr.components.image.ImageData(url=address))
    assert read_picture(given).tobytes() == astronaut.tobytes()
    with gr.Blocks(analytics_enabled=False), pytest.raises(gr.Error, match="not sent whole"):
        photo.Photo("photo").preprocess(
            gr.components.image.ImageData(url="data:image/png;base64,$$")
        )


def test_a_drawing_is_read_and_a_bomb_is_not(private_folder):
    with gr.Blocks(analytics_enabled=False):
        pad = photo.Pad("pad")
    drawn = gr.FileData(path=stored(Image.new("RGBA", (280, 280), "black"), "a.png"))
    bomb = gr.FileData(path=save(odd_files.png_header(9000, 9000), "bomb.png"))
    editor = gr.components.image_editor.EditorData
    assert pad.preprocess(editor(background=None, layers=[], composite=drawn)).size == (280, 280)
    assert (
        pad.preprocess(editor(background=drawn, layers=[drawn], composite=None))
        is None
        is pad.preprocess(None)
    )
    with pytest.raises(gr.Error):
        pad.preprocess(editor(background=None, layers=[], composite=bomb))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["phone.heic", "plain.tiff"])
def test_a_visitor_sees_the_photo_that_was_given(browser, models, astronaut, tmp_path, name):
    from ndcb.web.tabs import distort

    [path] = odd_files.write_all(astronaut, tmp_path, {name: odd_files.WITH_FACES[name]})
    with served(tmp_path / "gradio", lambda: alone("Distort", distort, models)) as page:
        window = opened(browser.new_page(), page)
        window.set_input_files("#photo input[type=file]", path)
        wait_for_picture(window, "#photo img", 512)
        window.wait_for_function(
            "!document.querySelector('#verdict').innerText.includes('This is the sample')"
        )
        window.click("#forget")
        window.wait_for_function(
            "document.querySelector('#verdict').innerText.includes('Your data is deleted')"
        )
        assert not page.left()
        window.close()
