"""Every command and snippet of README and docs is run where it can be; the others say why not."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image, ImageOps

from tests.conftest import ROOT
from tests.programs import programs
from tests.project.test_readme import PAGES, named

FENCE = re.compile(
    r"(?:<!-- not run: (?P<reason>.+?) -->\n)?^```(?P<language>\w*)\n(?P<code>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
PROGRAMS = ("python", "ndcb", "make", "source", "pip", "accelerate", "echo", "git", "ruff")
"""What a command of these pages may begin with."""


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    code: str
    reason: str | None
    """Why it is not run."""


def blocks(page: Path) -> list[Block]:
    found = FENCE.finditer(page.read_text())
    return [Block(one["language"], one["code"], one["reason"]) for one in found]


def commands(code: str) -> list[list[str]]:
    """The words of each command, without its comment."""
    lines = [line.split(" #")[0].split() for line in code.splitlines()]
    return [words for words in lines if words and words[0] != "#"]


ALL = [(page, block) for page in PAGES for block in blocks(page)]
RUN = [page for page in PAGES if any(not block.reason for block in blocks(page))]


def test_blocks_are_seen():
    assert len(ALL) >= 15 and {named(page) for page in RUN} >= {"README.md", "docs/api.md"}
    fences = sum(page.read_text().count("\n```") for page in PAGES)
    assert fences == 2 * len(ALL), "a block is not closed, or is not at the start of a line"
    assert {block.language for _, block in ALL} == {"sh", "python"}


def test_every_command_begins_with_a_program_that_is_known():
    for page, block in ALL:
        if block.language == "sh":
            unknown = [words for words in commands(block.code) if words[0] not in PROGRAMS]
            assert unknown == [], named(page)


def test_commands_that_are_not_run_exist(monkeypatch):
    """Their options are read as they would be, and nothing is done."""
    from training import __main__ as training

    asked = []
    monkeypatch.setattr(training, "run", asked.append)
    for _, block in ALL:
        for words in commands(block.code):
            if block.reason and words[:3] == ["python", "-m", "training"] and "--help" not in words:
                assert training.main(words[3:]) == 0, words
    assert len(asked) > 8


@pytest.fixture
def folder(tmp_path, astronaut, monkeypatch) -> Iterator[Path]:
    """A working folder with the pictures that the pages name, and the programs in PATH."""
    other = ImageOps.mirror(astronaut)
    pictures = {"photo": astronaut, "ann1": astronaut, "bob": astronaut}
    for name, picture in (pictures | {"ann2": other, "other": other}).items():
        picture.save(tmp_path / f"{name}.jpg", quality=95)
    (tmp_path / "pairs.csv").write_text("reference,probe\nphoto.jpg,other.jpg\n")

    binaries = tmp_path / "bin"
    binaries.mkdir()
    monkeypatch.setenv("PATH", os.pathsep.join([str(binaries), os.environ["PATH"]]))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ["PYTHONPATH"]]))
    with programs(binaries):
        yield tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN, ids=named)
def test_what_a_page_tells_to_do_can_be_done(page, folder):
    for block in blocks(page):
        if block.reason:
            continue
        program = {"sh": ["bash", "-e"], "python": [sys.executable]}[block.language]
        done = subprocess.run(
            [*program, "-c", block.code], cwd=folder, capture_output=True, text=True, timeout=500
        )
        assert done.returncode == 0, f"{block.code}\n{done.stdout}\n{done.stderr}"


def test_pictures_of_the_pages_are_pictures():
    for page in PAGES:
        for name in re.findall(r"!\[[^]]*\]\(([^)]+)\)", page.read_text()):
            with Image.open(page.parent / name) as picture:
                picture.verify()
