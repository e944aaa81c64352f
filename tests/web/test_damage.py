"""The page where a file of its own is missing or damaged: the tabs that need it say so, and the
others are there."""

import shutil

import gradio as gr
import numpy as np
import pytest

import app
from ndcb.attacks import restore
from ndcb.core.terms import DEFAULT_FACES
from ndcb.faces import samples
from ndcb.models import checkpoints, kinds
from ndcb.models.pipeline import Models
from ndcb.report import projection
from ndcb.results import evaluations, thresholds
from ndcb.web import demonstration
from ndcb.web.page import NOT_SHOWN, TABS
from ndcb.web.tabs import about

BESIDE = DEFAULT_FACES
NEEDED_BY = {
    f"{BESIDE}/evaluation/summary.json": {"Results", "Attacks", "About", "Embedding space"},
    f"{BESIDE}/evaluation/scores.npz": {"Results", "Attacks", "Login"},
    f"{BESIDE}/evaluation/embeddings.npz": {"Embedding space"},
    f"{BESIDE}/example.json": {"Distort", "Live", "Compare", "Login", "Attacks"},
    f"{BESIDE}/record.json": {"Distort", "Live", "Compare", "Login", "Attacks", "Embedding space"},
    "faces-sealed/evaluation/summary.json": {"Attacks", "Results"},
    "faces-sealed/record.json": {"Login", "Attacks"},
    "digits/record.json": {"Distort", "Login", "Embedding space"},
}
"""File -> the tabs that may show less without it."""
DAMAGES = {
    "missing": None,
    "cut": b'{"a": [1, ',
    "wrong": b'{"goals": [], "sealed": 1, "verification": 3}',
}


@pytest.fixture(scope="module")
def brief(tmp_path_factory):
    """A copy of the checkpoints with a hundredth of the scores, so that a page is built in half the
    time.
    """
    copy = tmp_path_factory.mktemp("brief") / "checkpoints"
    shutil.copytree(checkpoints.FOLDER, copy)
    for path in copy.glob("*/evaluation/scores.npz"):
        with np.load(path) as scores:
            few = {name: scores[name][::100] for name in scores.files}
        np.savez(path, **few)
    return copy


@pytest.fixture
def folder(tmp_path, monkeypatch, private_folder, brief):
    """A copy of the checkpoints in which a test may damage files."""
    copy = tmp_path / "checkpoints"
    shutil.copytree(brief, copy)
    for module in (checkpoints, evaluations):
        monkeypatch.setattr(module, "FOLDER", copy)
    forget_what_was_read()
    yield copy
    monkeypatch.undo()
    forget_what_was_read()


def forget_what_was_read() -> None:
    for module in (
        checkpoints,
        demonstration,
        evaluations,
        kinds,
        projection,
        restore,
        samples,
        thresholds,
    ):
        for thing in vars(module).values():
            if hasattr(thing, "cache_clear"):
                thing.cache_clear()


def missing_tabs() -> set[str]:
    """The tabs that say that they cannot be shown."""
    page = app.build(Models())
    tabs = {
        block.label: block
        for block in page.blocks.values()
        if isinstance(block, gr.Tab) and block.label in TABS
    }
    assert tabs.keys() == TABS.keys()
    return {
        name
        for name, tab in tabs.items()
        if [getattr(child, "value", "") for child in tab.children] == [NOT_SHOWN]
    }


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("file", NEEDED_BY)
def test_the_page_is_built_all_the_same(folder, file, damage):
    (folder / file).unlink()
    if DAMAGES[damage] is not None:
        (folder / file).write_bytes(DAMAGES[damage])
    assert missing_tabs() <= NEEDED_BY[file]


def test_every_tab_is_shown_where_nothing_is_damaged(folder):
    assert missing_tabs() == set()


def test_a_tab_that_cannot_be_shown_says_so(folder):
    (folder / BESIDE / "example.json").write_text("{")
    assert missing_tabs() == NEEDED_BY[f"{BESIDE}/example.json"]


@pytest.mark.parametrize("text", [None, b"", b"# another README\n", b"\xff\xfe\x00"])
def test_about_without_a_readme_says_where_the_licences_are(tmp_path, monkeypatch, text):
    monkeypatch.setattr(about, "README", tmp_path / "README.md")
    if text is not None:
        about.README.write_bytes(text)
    assert about.licences() == about.NO_LICENCES


def test_the_licences_are_readmes():
    assert about.licences().startswith("This project: MIT.") and "##" not in about.licences()
