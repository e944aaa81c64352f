"""The page as a Hugging Face Space: what README's head and requirements.txt tell it, and the memory
that it takes there.
"""

import re
import sys
from importlib.metadata import version

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from tests.conftest import ROOT
from tests.project.test_layout import SOURCES, named, roots
from training.benchmark import crowd, page, served

COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
NO_WHEEL = ("-", "git+", "http:", "https:", "file:", ".", "/")
"""How a line begins that is an option, or a place that a Space may not reach."""


@pytest.fixture(scope="module")
def head() -> dict:
    """README's front matter."""
    return yaml.safe_load((ROOT / "README.md").read_text().split("---\n")[1])


@pytest.fixture(scope="module")
def requirements() -> dict[str, Requirement]:
    lines = [
        line.split("#")[0].strip() for line in (ROOT / "requirements.txt").read_text().splitlines()
    ]
    assert not any(line.startswith(NO_WHEEL) for line in lines)
    return {found.name: found for found in map(Requirement, filter(None, lines))}


def test_the_head_is_what_a_space_needs(head, requirements):
    assert head["sdk"] == "gradio" and (ROOT / head["app_file"]).is_file()
    assert (
        {head["colorFrom"], head["colorTo"]} <= COLOURS
        and head["title"]
        and head["emoji"]
        and head["license"]
    )
    assert (ROOT / "LICENSE").read_text().startswith("MIT") is (head["license"] == "mit")
    [lowest] = [one.version for one in requirements["gradio"].specifier if one.operator == ">="]
    assert SpecifierSet(f"=={head['sdk_version']}").contains(lowest), (
        "the Space must have the Gradio that requirements.txt begins with"
    )
    assert requirements["gradio"].specifier.contains(head["sdk_version"])


def test_the_spaces_python_is_one_that_make_takes(head):
    lowest, highest = re.search(
        r"\((\d+, \d+)\) <= sys.version_info\[:2\] <= \((\d+, \d+)\)",
        (ROOT / "Makefile").read_text(),
    ).groups()
    lowest, highest, own = (
        tuple(map(int, re.findall(r"\d+", text)))
        for text in (lowest, highest, head["python_version"])
    )
    assert lowest <= own <= highest and lowest <= sys.version_info[:2] <= highest


def test_requirements_are_packages_of_the_index_alone(requirements):
    """A Space installs this file and nothing else; what is installed here, and so was tested, fits
    it.
    """
    for name, requirement in requirements.items():
        assert requirement.url is None and requirement.specifier, name
        assert requirement.marker is None or requirement.marker.evaluate(), name
        assert requirement.specifier.contains(version(name)), (
            f"{name} {version(name)} is not {requirement.specifier}"
        )


def test_a_space_without_a_gpu_is_enough(requirements):
    """ZeroGPU is left out on purpose: a visitor's template takes a fraction of a second on two
    cores, while every call there waits for a card and `spaces` would wrap calls that never need
    one. So nothing may ask for it.
    """
    assert "spaces" not in requirements
    assert [named(path) for path in SOURCES if "spaces" in roots(path)] == []


@pytest.mark.slow
def test_memory_stays_under_4_gb(tmp_path):
    [photo] = page.photographs(1, tmp_path)
    with served.served() as (address, process):
        there = page.Page(address)
        assert set(crowd.use_endpoints(there, photo)) == {"distort", "compare", "login"}
        assert 400 < served.peak_memory_mb(process.pid) < 4000
