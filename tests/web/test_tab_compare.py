"""The tab Compare: its functions with toy models, its endpoint by gradio_client, and a visit in a
real browser.
"""

from types import SimpleNamespace

import pytest
from gradio_client import Client, handle_file
from PIL import Image

from ndcb.core.terms import DEFAULT_FACES, Decision, NoFaceFound, UserError
from ndcb.faces import samples
from ndcb.models.comparison import PAIRS, Comparison
from ndcb.models.operating_points import DEFAULT
from ndcb.web.tabs import compare
from ndcb.web.tabs.compare.handlers import Handlers
from ndcb.web.tabs.compare.report import four, say
from ndcb.web.tabs.compare.visit import find_side, first_visit, show_picture
from tests.browsing import alone, fits, served, wait_for_text

FACE = Image.new("RGB", (160, 160), "white")


def comparison(distances: dict[str, float], threshold: float = 1.0) -> Comparison:
    return Comparison(
        (FACE, FACE),
        (FACE, FACE),
        {name: Decision(value, threshold) for name, value in distances.items()},
    )


ONE_FALLS_OUT = {
    "plain_plain": 0.5,
    "template_plain": 1.5,
    "plain_template": 0.7,
    "template_template": 0.8,
}


def test_the_verdict_counts_what_distortion_changes():
    text = say(comparison(ONE_FALLS_OUT))
    assert (
        "both photos for the same person" in text
        and "1 would be decided the other way" in text
        and "under 1.000" in text
    )
    two = say(comparison(dict.fromkeys(PAIRS, 1.2)), ("a note",))
    assert (
        "two people" in two
        and "All three comparisons with a template say the same." in two
        and "a note" in two
    )


def test_the_table_has_each_distance_in_its_place():
    rows = four(comparison(ONE_FALLS_OUT)).split("<tr>")
    assert rows[2].index("photo A") < rows[2].index("0.500") < rows[2].index("0.700")
    assert rows[3].index("template A") < rows[3].index("1.500") < rows[3].index("0.800")
    assert (
        rows[3].count("not under the threshold 1.000: another person") == 1
        and rows[2].count("same person") == 2
    )


def test_at_the_threshold_is_not_the_same():
    assert "not under" in four(comparison(dict.fromkeys(PAIRS, 1.0)))


def fail(error):
    def find(source):
        raise error

    return SimpleNamespace(find=find)


@pytest.mark.parametrize("side,name", [("A", "Photo A: "), ("B", "Photo B: ")])
def test_a_refusal_names_the_side(side, name):
    with pytest.raises(UserError, match=f"^{name}No face found"):
        find_side(fail(NoFaceFound()), side, "somewhere.png")


def test_a_refusal_changes_nothing_but_the_verdict():
    visit = first_visit()
    shown = show_picture(fail(NoFaceFound()), "B", "somewhere.png", "faces", visit)
    assert shown.keys() == {"visit", "verdict"}
    assert shown["visit"] == visit and "Photo B: No face found" in shown["verdict"]
    assert "somewhere" not in shown["verdict"]


def test_a_visit_is_judged_at_its_operating_point(models, levels, private_folder):
    levels("faces", {"1e-2": 3.9, "1e-3": 0.9, "1e-4": 0.0})
    handlers = Handlers(models)
    loose = handlers.on_fmr("1%", "faces", first_visit())
    assert "under 3.900" in loose["verdict"] and "Threshold <b>3.900</b>" in loose["table"]
    assert "under 0.000" in handlers.on_fmr("0.01%", "faces", loose["visit"])["verdict"]
    assert "under 3.900" in handlers.on_generator("faces", loose["visit"])["verdict"]
    ended = handlers.on_forget(loose["visit"])
    assert ended["fmr"] == ended["visit"].fmr == DEFAULT
    assert handlers.on_fmr("1%", "faces", None)["fmr"] == DEFAULT


def test_several_faces_are_named_and_the_first_is_taken():
    other = Image.new("RGB", (160, 160), "black")
    models = SimpleNamespace(
        find=lambda source: [SimpleNamespace(image=FACE), SimpleNamespace(image=other)]
    )
    side = find_side(models, "B", "x")
    assert side.face.image is FACE and side.note == "Photo B has 2 faces; the largest is compared."
    assert (
        find_side(SimpleNamespace(find=lambda source: [SimpleNamespace(image=FACE)]), "A", "x").note
        == ""
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory, models):
    """The tab as it is served."""
    with served(
        tmp_path_factory.mktemp("gradio"), lambda: alone("Compare", compare, models)
    ) as page:
        models.warm_up([DEFAULT_FACES])
        yield page


@pytest.fixture(scope="module")
def client(page):
    return Client(page.address, verbose=False)


@pytest.fixture
def files(tmp_path, astronaut):
    """The portrait, the other sample, two faces of two sizes, and no face."""
    close = astronaut.crop((120, 0, 340, 220))
    two = Image.new("RGB", (480, 260), (128, 128, 128))
    two.paste(close.resize((110, 110)), (10, 10))
    two.paste(close, (240, 20))
    pictures = {
        "one": astronaut,
        "other": samples.other_portrait(),
        "two": two,
        "none": Image.new("RGB", (300, 300), "grey"),
    }
    for name, picture in pictures.items():
        picture.save(tmp_path / f"secret-{name}.png")
    return {name: tmp_path / f"secret-{name}.png" for name in pictures}


def test_the_endpoint_answers_as_the_library(client, models, files):
    numbers = client.predict(
        handle_file(files["one"]), handle_file(files["other"]), "faces", api_name="/compare"
    )
    distorter = models.distorter("faces")
    a, b = (models.find(files[name])[0].image for name in ("one", "other"))
    templates = [distorter.distort(face).template for face in (a, b)]
    for name, (i, j) in {
        "plain_plain": (a, b),
        "template_plain": (templates[0], b),
        "plain_template": (a, templates[1]),
        "template_template": templates,
    }.items():
        expected = distorter.decide(*distorter.embed([i, j]))
        assert numbers[name] == pytest.approx(expected.squared_distance, abs=2e-3), name
        assert numbers["same"][name] is expected.same
    assert numbers["threshold"] == distorter.generator.record["threshold"]
    assert set(numbers) == {*PAIRS, "threshold", "same"}


def test_the_endpoint_judges_at_an_operating_point(client, files, levels):
    """Without a word at the default one, as before there were others."""
    levels("faces", {"1e-2": 3.9, "1e-3": 0.9, "1e-4": 0.0})
    pictures = handle_file(files["one"]), handle_file(files["other"])
    limits = [
        client.predict(*pictures, "faces", *fmr, api_name="/compare")["threshold"]
        for fmr in ((), ("0.1%",), ("1%",), ("0.01%",))
    ]
    assert limits == [0.9, 0.9, 3.9, 0.0]
    with pytest.raises(Exception, match="'2%' is no operating point. Choose one of: 1%, 0.1%"):
        client.predict(*pictures, "faces", "2%", api_name="/compare")


def test_the_endpoint_is_the_only_one_and_has_a_docstring(client):
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    assert set(endpoints) == {"/compare"}
    assert [parameter["parameter_name"] for parameter in endpoints["/compare"]["parameters"]] == [
        "photo_a",
        "photo_b",
        "generator",
        "fmr",
    ]


def test_the_endpoint_says_which_side_is_wrong(client, files):
    with pytest.raises(Exception, match="Photo B: No face found") as refusal:
        client.predict(
            handle_file(files["one"]), handle_file(files["none"]), "faces", api_name="/compare"
        )
    assert "secret" not in str(refusal.value)
    with pytest.raises(Exception, match="unknown checkpoint"):
        client.predict(
            handle_file(files["one"]), handle_file(files["one"]), "facez", api_name="/compare"
        )


@pytest.mark.slow
def test_a_visit_in_the_browser(browser, page, files):
    window, left = browser.new_page(viewport={"width": 390, "height": 844}), page.left()
    window.goto(page.address)
    wait_for_text(window, "#compare-verdict", "This is the sample on both sides")
    assert fits(window)
    assert window.inner_text("#compare-table").count("same person") == 4
    before = window.inner_text("#compare-table")
    window.set_input_files("#compare-photo-B input[type=file]", files["none"])
    wait_for_text(window, "#compare-verdict", "Photo B: No face found")
    assert window.inner_text("#compare-table") == before
    window.click("#compare-other-A")
    wait_for_text(window, "#compare-verdict", "The recogniser takes")
    changed = window.inner_text("#compare-table")
    assert changed != before
    window.locator("#compare-photo-B button[aria-label='Remove Image']").click()
    window.set_input_files("#compare-photo-B input[type=file]", files["two"])
    wait_for_text(window, "#compare-verdict", "Photo B has 2 faces; the largest is compared.")
    assert window.inner_text("#compare-table") != changed
    assert {"secret-none.png", "secret-two.png"} <= page.names()
    window.click("#compare-forget")
    wait_for_text(window, "#compare-verdict", "Your data is deleted")
    assert not page.left() - left
    window.close()
