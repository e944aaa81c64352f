"""The tab Embedding space: what it says and refuses, then a small page with only this tab in a real
browser.
"""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from ndcb.core.terms import DEFAULT_FACES, BadPicture
from ndcb.faces import samples
from ndcb.models import checkpoints
from ndcb.report import projection
from ndcb.web import private_files, words
from ndcb.web.rates import beside
from ndcb.web.tabs import embedding
from ndcb.web.tabs.embedding import space
from ndcb.web.tabs.embedding.handlers import Handlers
from ndcb.web.tabs.embedding.space import DIGITS, PEOPLE, Space, embeddings
from ndcb.web.tabs.embedding.visit import Visit, show, take
from ndcb.web.visits import delete_files
from tests.browsing import WAIT, alone, fits, served, wait_for_picture, wait_for_text

if not (space.measured(PEOPLE) and space.measured(DIGITS)):
    pytest.skip(
        "The evaluations of the faces and the digits are not there", allow_module_level=True
    )


@pytest.fixture
def digits():
    return Space(DIGITS, {name: f"gradio_api/file={name}" for name in space.measured(DIGITS)})


def drawing() -> Image.Image:
    """The pad's value after somebody drew a one."""
    picture = Image.new("RGBA", (280, 280))
    ImageDraw.Draw(picture).line([(140, 40), (140, 240)], fill="black", width=24)
    return picture


def test_the_series_is_offered_by_alpha():
    offered = space.measured(DIGITS)
    assert list(offered.values()) == sorted(offered.values(), key=float)
    assert offered["digits"] == "0.3" and {"0", "0.1", "0.2", "0.4", "0.8"} <= {*offered.values()}


def test_generators_of_faces_are_offered_by_name_the_default_first():
    offered = space.measured(PEOPLE)
    assert list(offered)[0] == DEFAULT_FACES and offered["faces"] == words.generator_label("faces")
    assert len(set(offered.values())) == len(offered) > 1


@pytest.mark.parametrize("classes", [[], ["0", "1"]])
def test_too_few_are_answered_and_the_rest_stays(digits, classes):
    said = words.advice(f"Choose 3 to 10 digits; {len(classes)} are chosen now.")
    assert show(digits, "digits", classes, "3-D", Visit()) == {"said": said}


def test_too_many_are_answered():
    name = DEFAULT_FACES
    known = list(embeddings(name).known)
    shown = show(Space(PEOPLE, {name: ""}), name, known[:11], "2-D", Visit())
    assert "Choose 3 to 10 people; 11 are chosen now." in shown["said"]


def test_every_alpha_shows_the_same_originals(digits):
    originals = [digits.choose(name, list("0123456789")).real for name in digits.sheets]
    assert all(np.array_equal(originals[0], other) for other in originals)
    assert originals[0].shape == (300, 10)


def test_the_tables_tell_what_the_files_hold(digits):
    shown = show(digits, "digits", list("357"), "2-D", Visit())
    figure, tables = shown["plot"], shown["numbers"]
    for name in digits.sheets:
        with np.load(checkpoints.FOLDER / name / "evaluation" / "embeddings.npz") as file:
            rows = np.concatenate([np.flatnonzero(file["labels"] == digit)[:30] for digit in "357"])
            shifts = (
                (file["real"][rows].astype(float) - file["distorted"][rows].astype(float)) ** 2
            ).sum(1)
        assert f"<td class=number>{shifts.mean():.3f}</td>" in tables
    assert tables.count("(shown)") == 1 and len(figure.data) == 9 and shown["own"] == ""


def test_a_drawn_digit_gets_a_place_at_every_alpha(models, digits):
    visit = take(models, digits, drawing(), Visit())
    assert set(visit.own) == set(digits.sheets)
    for name, own in visit.own.items():
        shift = projection.squared_distances(own.place.real, own.place.distorted)
        assert abs(shift - own.result.embedding_distance) < 1e-4
        said = show(digits, name, list("012"), "3-D", visit)["own"]
        assert f"{shift:.3f}" in said and said.endswith(beside(name, own.result.threshold))
    assert len({own.place.real.tobytes() for own in visit.own.values()}) == 1
    nearest, _ = projection.nearest_class(embeddings("digits"), visit.own["digits"].place.real)
    assert nearest == "1"


def test_an_empty_pad_and_a_bad_file_are_refused(models, private_folder):
    empty = "Nothing is drawn yet. Draw one digit, large, in the middle of the pad."
    with pytest.raises(BadPicture, match=f"^{empty}$"):
        take(models, Space(DIGITS, {"digits": ""}), None, Visit())

    path = Path(private_files.save(b"no picture", "<b>me.png"))
    people = Handlers(models, Space(PEOPLE, {"faces": ""}))
    shown = people.on_given(str(path), "faces", [], "3-D", None)
    assert shown.keys() == {"visit", "said"}
    assert "This is not a picture" in shown["said"] and "me.png" not in shown["said"]
    delete_files(shown["visit"])
    assert not path.exists()


def test_an_empty_pad_is_answered_and_a_cleared_photo_changes_nothing(models, digits):
    shown = Handlers(models, digits).on_given(None, "digits", list("012"), "3-D", None)
    assert shown.keys() == {"visit", "said"} and "Nothing is drawn yet" in shown["said"]
    people = Handlers(models, Space(PEOPLE, {}))
    assert people.on_given(None, "faces", [], "3-D", None) == {}


# in a browser


@pytest.fixture(scope="module")
def page(tmp_path_factory, models):
    """A page with only this tab."""
    with served(
        tmp_path_factory.mktemp("gradio"), lambda: alone("Embedding space", embedding, models)
    ) as page:
        yield page


@pytest.fixture
def tab(browser, page):
    window = browser.new_page(viewport={"width": 1280, "height": 1000})
    window.set_default_timeout(WAIT)
    window.goto(page.address)
    hooked(window, "#people-plot")
    yield window
    window.close()


def hooked(window, plot: str, condition: str = "true") -> None:
    """Wait until the plot is drawn, the script has found it, and the condition on `plot` holds."""
    window.wait_for_function(
        "([s, c]) => { const plot = document.querySelector(s + '"
        " .js-plotly-plot[data-hooked=yes]'); return plot && eval(c); }",
        arg=[plot, condition],
        timeout=WAIT,
    )


PLACE = """([selector, name]) => {
  const plot = document.querySelector(selector + " .js-plotly-plot");
  const at = plot.getBoundingClientRect(), all = plot._fullLayout, cell = all._size;
  const trace = plot.data.find(trace => trace.name == name);
  const x = at.left + cell.l + all.xaxis.l2p(trace.x[0]);
  const y = at.top + cell.t + all.yaxis.l2p(trace.y[0]);
  return [x, y, ...trace.customdata[0]];
}"""


@pytest.mark.slow
def test_hovers_show_the_template(tab, page):
    tab.get_by_label("2-D").first.click()
    hooked(
        tab, "#people-plot", "plot._fullLayout.xaxis && plot.querySelector('.scatterlayer .trace')"
    )
    kept = embeddings(DEFAULT_FACES)
    x, y, *_ = tab.evaluate(PLACE, ["#people-plot", f"{kept.known[2]}, templates"])
    tab.mouse.move(x - 40, y)
    tab.mouse.move(x, y, steps=4)
    tab.wait_for_selector("#embedding-thumb", state="visible")
    tab.wait_for_timeout(
        1000
    )  # on the way there the pointer passes others, and one of them may lie on top
    cell, distance = tab.evaluate(
        "document.querySelector('#people-plot .js-plotly-plot')._hoverdata[0].customdata"
    )
    assert (
        abs(distance - projection.squared_distances(kept.real[cell], kept.distorted[cell])) < 1e-4
    )
    thumb = tab.eval_on_selector(
        "#embedding-thumb",
        "e => [+e.dataset.cell, e.style.backgroundPosition, e.style.backgroundImage]",
    )
    offset = tuple(abs(float(part.removesuffix("px"))) for part in thumb[1].split())
    assert thumb[0] == cell and offset == projection.corner(cell, kept.columns, 96)
    assert kept.labels[cell] == kept.known[2]
    assert f"original to template: {distance:.3f}" in tab.text_content("#people-plot .hoverlayer")
    address = page.address.rstrip("/") + "/" + thumb[2].removeprefix('url("').removesuffix('")')
    assert tab.request.get(address).body() == kept.sheet  # what the background is cut from
    tab.mouse.move(5, 5)
    tab.wait_for_selector("#embedding-thumb", state="hidden")


@pytest.mark.slow
def test_the_camera_stays_and_bad_choices_change_nothing(tab):
    eye = "(document.querySelector('#people-plot .js-plotly-plot').layout.scene.camera.eye.x)"
    for _ in range(30):  # a busy machine draws the scene late, and a drag before that turns nothing
        box = tab.locator("#people-plot .js-plotly-plot").bounding_box()
        tab.mouse.move(box["x"] + 300, box["y"] + 200)
        tab.mouse.down()
        tab.mouse.move(box["x"] + 420, box["y"] + 240, steps=5)
        tab.wait_for_timeout(500)  # the scene turns as frames are drawn
        tab.mouse.up()
        tab.wait_for_timeout(1000)
        if abs(tab.evaluate(eye) - projection.CAMERA["eye"]["x"]) > 0.05:
            break
    turned = tab.evaluate(eye)
    assert abs(turned - projection.CAMERA["eye"]["x"]) > 0.05
    boxes = tab.locator("#people-classes input")
    boxes.nth(0).click()
    hooked(
        tab,
        "#people-plot",
        f"plot.data.length == 12 && Math.abs(plot.layout.scene.camera.eye.x - {turned}) < .001",
    )
    boxes.nth(1).click()
    hooked(tab, "#people-plot", "plot.data.length == 9")
    boxes.nth(2).click()
    wait_for_text(tab, "#people-said", "Choose 3 to 10 people; 2 are chosen now.")
    assert tab.evaluate("document.querySelector('#people-plot .js-plotly-plot').data.length") == 9


@pytest.mark.slow
def test_a_photo_among_the_people_and_its_deletion(tab, page, tmp_path):
    samples.portrait().save(tmp_path / "visitor.png")
    tab.set_input_files("#people-photo input[type=file]", tmp_path / "visitor.png")
    wait_for_text(tab, "#people-own", "Your photo and its template are")
    hooked(tab, "#people-plot", "plot.data.some(trace => trace.name == 'yours')")
    wait_for_picture(tab, "#people-own img.template", 112)
    assert "visitor.png" in page.names()
    tab.click("#people-forget")
    wait_for_text(tab, "#people-said", "Your data is deleted")
    hooked(tab, "#people-plot", "!plot.data.some(trace => trace.name == 'yours')")
    assert tab.inner_text("#people-own").strip() == ""
    assert "visitor.png" not in page.names()


@pytest.mark.slow
def test_alpha_changes_the_templates_and_nothing_else(tab):
    tab.get_by_role("tab", name="Digits").click()
    hooked(tab, "#digits-plot")
    first = (
        "(name => document.querySelector('#digits-plot .js-plotly-plot').data.find(trace =>"
        " trace.name == name).x.slice(0, 5).join())"
    )
    before = tab.evaluate(f"['1', '1, templates'].map({first})")
    tab.locator("#digits-generator-shown label", has_text="0.4").click()
    wait_for_text(tab, "#digits-table .now", "0.4 (shown)")
    hooked(
        tab,
        "#digits-plot",
        f"plot.layout.meta.sheet.includes('digits-alpha-0.4') && {first}('1, templates') !="
        f" '{before[1]}'",
    )
    assert tab.evaluate(f"{first}('1')") == before[0]


@pytest.mark.slow
def test_it_fits_a_phone(browser, page):
    window = browser.new_page(viewport={"width": 390, "height": 844})
    window.goto(page.address)
    hooked(window, "#people-plot")
    assert fits(window)
    window.get_by_role("tab", name="Digits").click()
    hooked(window, "#digits-plot")
    assert fits(window)
    tables = window.eval_on_selector_all(
        ".embedding-table table", "all => all.map(one => one.getBoundingClientRect().right)"
    )
    assert max(tables) <= 390
    window.close()
