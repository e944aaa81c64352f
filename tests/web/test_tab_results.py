"""The tabs Results and About, and what they read: figures are the files', missing parts say why,
bad files are answered.
"""

import re

import gradio as gr
import pytest

from ndcb.models import checkpoints
from ndcb.results import evaluations
from ndcb.results.published import TABLE_3, TABLE_4, TABLE_6
from ndcb.web.tabs import about, results
from tests.browsing import WAIT, fits, open_tab, served, wait_for_text
from tests.conftest import ROOT
from tests.results.toys import series_member, toy_summary, write


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.setattr(evaluations, "FOLDER", tmp_path)
    return tmp_path


def built(tab) -> gr.Blocks:
    with gr.Blocks(analytics_enabled=False) as page, gr.Tab("This"):
        tab.build(None)
    return page


def texts(page: gr.Blocks) -> str:
    return "\n".join(
        block.value for block in page.blocks.values() if isinstance(block, gr.Markdown)
    )


# Results


def test_committed_evaluations_are_of_generators_and_can_be_shown():
    names = evaluations.names()
    if not names:
        pytest.skip("no checkpoint has been evaluated; run: python -m training evaluate faces")
    assert set(names) <= set(checkpoints.names())
    for name in names:
        shown = results.show(name)
        assert len(shown) == 1 + len(results.SECTIONS) + len(results.WITH_FIGURES)
        assert f"`{name}`" in shown[0] and "None" not in "".join(shown[: 1 + len(results.SECTIONS)])


def page_of(name: str) -> tuple[str, list]:
    """All texts, and the plots."""
    head, *rest = results.show(name)
    return "\n\n".join([head, *rest[: len(results.SECTIONS)]]), rest[len(results.SECTIONS) :]


def test_every_figure_and_the_papers_beside_it(folder):
    write(folder, "faces")
    text, plots = page_of("faces")
    cells = (
        "| EER | 1.00%<br><small>[0.80, 1.30]</small> | 2.00%<br><small>[1.60, 2.60]</small> |",
        "| FNMR at FMR 0.1 % | 4.00% | 8.00% |",
        "1.312, fixed on the development part, templates have FMR 1.23% and FNMR 4.56%",
        "| 0.1 % | 4.00%",
        "| genuine, photo | 0.600 |",
        "98.00%<br><small>± 0.15</small>",
        "| lost, points | 2.00<br><small>[1.00, 3.00]</small> |",
        "| photo | 95.00%<br><small>[76.00, 114.00]</small> |",
        "| **template** | 1,100<br><small>[880, 1,320]</small> |",
        "| Nobody Known | 0.345 | 0.067 | - |",
        "| *Tony Blair* | 0.345 / 0.298 | 0.067 / 0.046 |",
        "| *Tony Blair* | 0.00211 | 0.00123 | - |",
        "| **faces, template** | Face, LFW | **2.00** |",
        "| blank output | 0.86 |",
        "| TAR at FMR 0.1 % | 97.00% | 65.43% |",
        "| share over the margin 0.2 | 62.5% |",
        "| JPEG, quality 75 | 3.10% | 21.00% | 0.300 |",
        "| all pictures | 100 | 2 | 2.000% |",
        "| 0.1 % | 80.00%",
        "| rank 1 | 97.00% [87.30%, 106.70%] | 95.00% [85.50%, 104.50%] |",
        "| FNIR at FPIR 0.3 % | 22.00%",
        "| FPIR at the login threshold | 33.00%",
        "| FNMR at FMR 0.01 % | 8.80% [7.04%, 10.56%] | 10.40% [8.32%, 12.48%] |",
        "**The groups: chosen by how names are spelt, unverified.** 2 of the table are not in",
        "| toys, all (8 of them **trained on**), template | 36.70% [33.03%, 40.37%] |",
        "| 20.4 [15.1, 26.2] | 1.23 points [-1.00, 3.00] | 0.00 points [0.00, 0.00] |",
        "| 81.70% [73.53%, 89.87%] | - |",
        "| goats: hardest to match, template | 2 of 60 | 3.33% | 42.00% [30.00%, 50.00%] |",
    )
    assert [cell for cell in cells if cell not in text] == []
    for paper in TABLE_4["lfw"].values():
        assert f"| {paper['precision']:.2%} | {paper['recall']:.2%} | {paper['f1']:.2%} |" in text
    assert f"| - | {TABLE_4['lfw']['template']['fp']} | - |" in text and all(
        " | ".join(row) in text for row in TABLE_6
    )
    assert all(plot.visible and plot.value for plot in plots)


def test_the_papers_table3_is_all_there(folder):
    rows = [toy_summary()["paper"]["table3"][0] | {"class": name} for name in TABLE_3["lfw"]]
    write(folder, "faces", paper=toy_summary()["paper"] | {"table3": rows})
    text, _ = page_of("faces")
    assert all(
        f"/ {values[0]:.3f} | 0.067 / {values[1]:.3f} |" in text
        for values in TABLE_3["lfw"].values()
    )


def test_what_was_not_measured_says_why(folder):
    faces_only, missing = {"not_measured": "for faces only"}, {"not_measured": "install it."}
    write(folder, "digits", lfw_folds=faces_only, second_recogniser=missing, robustness=None)
    text, plots = page_of("digits")
    assert (
        "LFW's ten folds\n\nNot measured: for faces only." in text
        and "A second recogniser\n\nNot measured: install it.\n" in text
    )
    assert "### Robustness\n\nNot measured: this part was not run." in text
    placed = zip(results.WITH_FIGURES, plots, strict=True)
    hidden = [section.title for section, plot in placed if not plot.visible]
    assert hidden == ["LFW's ten folds"]


@pytest.mark.parametrize(
    "part",
    [
        key
        for key, value in toy_summary().items()
        if isinstance(value, dict) and key not in {"data", "seconds"}
    ],
)
def test_any_part_may_be_missing(folder, part):
    write(folder, "faces", **{part: None})
    text, _ = page_of("faces")
    assert "Not measured: this part was not run." in text
    assert about.limits_text().startswith("### Measured limits\nOf the checkpoint `faces`")


def test_a_damaged_evaluation_is_answered_and_the_rest_stays(folder):
    write(folder, "faces")
    (folder / "faces" / "evaluation" / "summary.json").write_text("{")
    head, *rest = results.show("faces")
    assert "cannot be read" in head and all(one == gr.skip() for one in rest)


def test_figure_12(folder):
    assert "Not measured" in results.show_series()[0] and results.show_series()[1].visible is False
    series_member(folder, 0.4)
    text, plot = results.show_series()
    assert (
        "| 0.4 | 0.350 | 0.200 | 2.00%<br><small>[1.60, 2.60]</small> | 1.00% |" in text
        and plot.visible
    )


def test_no_plot_is_in_the_page_before_the_tab_is_opened(folder):
    write(folder, "faces")
    page = built(results)
    plots = [block for block in page.blocks.values() if isinstance(block, gr.Plot)]
    assert len(plots) == len(results.WITH_FIGURES) + 1 and all(plot.value is None for plot in plots)
    assert "| EER | 1.00%" in texts(page)
    assert {function.api_visibility for function in page.fns.values()} == {"private"}


def test_generators_of_faces_stand_side_by_side(folder):
    missed = {"ssim": {"measured": 0.27, "goal": 0.15, "met": False}}
    write(folder, "faces", goals=missed)
    write(folder, "faces-b", goals={"ssim": {"measured": 0.05, "goal": 0.15, "met": True}})
    write(folder, "digits")
    text = results.goals_text()
    assert (
        "| goal, on test people | faces | faces-b |" in text
        and "at most 0.150 | 0.270, **missed** | 0.050, met |" in text
    )
    assert text in texts(built(results))
    (folder / "faces" / "evaluation" / "summary.json").write_text("{")
    assert "cannot be read" in results.goals_text()


def test_a_page_without_evaluations(folder):
    assert "No checkpoint has been evaluated yet" in texts(built(results))
    assert "Nothing has been measured yet" in texts(built(about))


# About


def test_about_reads_its_limits(folder):
    write(folder, "faces")
    text = texts(built(about))
    assert "EER 2.00% <small>[1.60, 2.60]</small> where templates are stored, 1.00%" in text
    assert "A demonstration, not a security product" in text
    assert "toy-resnet, a recogniser that had no part in the training, accepts 65.43% of" in text
    assert (
        about.licences() in (ROOT / "README.md").read_text()
        and "MIT" in about.licences()
        and "##" not in about.licences()
    )
    write(folder, "faces-b", second_recogniser={"not_measured": "not installed"})
    (folder / "faces" / "evaluation" / "scores.npz").unlink()
    assert "no part in the training" not in about.limits_text()


# in a browser


@pytest.fixture
def address(tmp_path, folder):
    """A page with both tabs behind another one."""
    write(folder, "faces")
    write(
        folder,
        "digits",
        lfw_folds={"not_measured": "for faces only"},
        failures={"not_measured": "not run"},
    )
    series_member(folder, 0.4)
    with served(tmp_path / "gradio", three_tabs) as page:
        yield page.address


def three_tabs() -> gr.Blocks:
    with gr.Blocks(analytics_enabled=False) as page:
        with gr.Tab("First"):
            gr.Markdown("first")
        for name, tab in (("Results", results), ("About", about)):
            with gr.Tab(name):
                tab.build(None)
    return page


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 390])
def test_results_in_a_browser(browser, address, width):
    window = browser.new_page(viewport={"width": width, "height": 900})
    window.set_default_timeout(WAIT)
    window.goto(address)
    open_tab(window, "Results")
    window.wait_for_selector(".js-plotly-plot .main-svg:visible")
    window.wait_for_function("document.body.innerText.includes('EER 2.00%')")
    assert fits(window)
    window.locator("#results-checkpoint input").click()
    window.get_by_role("option").nth(1).click()
    wait_for_text(window, "#results-head", "digits")
    window.close()


COLOURS = """() => [...document.querySelectorAll('.results-plot .main-svg text')]
  .filter(text => text.textContent.trim())
  .map(text => getComputedStyle(text).fill)"""


@pytest.mark.slow
def test_figures_are_readable_in_the_dark(browser, address):
    """Every word is light, and nothing outside this tab is coloured by it."""
    window = browser.new_page(viewport={"width": 1280, "height": 900})
    window.set_default_timeout(WAIT)
    window.goto(f"{address}?__theme=dark")
    open_tab(window, "Results")
    window.wait_for_selector(".js-plotly-plot .main-svg:visible")
    window.wait_for_function("document.body.innerText.includes('EER 2.00%')")
    light = [min(map(int, re.findall(r"\d+", colour)[:3])) for colour in window.evaluate(COLOURS)]
    assert len(light) > 20 and min(light) > 150
    assert all(
        ".results" in line
        for line in results.CSS.splitlines()
        if "plotly" in line or "main-svg" in line
    )
    window.close()
