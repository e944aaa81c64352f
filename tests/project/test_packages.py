"""What is installed: every import is declared, the lists of packages agree, the wheel is whole."""

import importlib.metadata
import importlib.util
import os
import re
import subprocess
import sys
import zipfile
from importlib.metadata import packages_distributions

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.conftest import ROOT
from tests.project.test_layout import roots

OWN = {"app", "ndcb", "training", "tests", "docs", "tools"}
PARTS = {
    "ndcb": (),
    "app.py": (),
    "training": ("train", "evaluate"),
    "tools": ("test",),
    "docs": ("train", "test"),
    "tests": ("train", "evaluate", "test"),
}
"""Part of the repository -> the extras that it may import besides the project's dependencies."""
WITH_ANOTHER = {"gradio-client": "gradio"}
"""Imported packages that another one's version decides."""


@pytest.fixture(scope="module")
def tool():
    """tools/requirements.py, which writes the lists."""
    spec = importlib.util.spec_from_file_location("requirements", ROOT / "tools/requirements.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def files(part: str) -> list:
    return [ROOT / part] if part.endswith(".py") else sorted((ROOT / part).rglob("*.py"))


def imported(part: str) -> set[str]:
    """The names of the distributions that a part of the repository imports."""
    modules = set().union(*map(roots, files(part))) - OWN - set(sys.stdlib_module_names) - {""}
    distributions = packages_distributions()
    found = {module: distributions.get(module) for module in modules}
    missing = sorted(module for module, names in found.items() if names is None)
    assert missing in ([], ["dlib"]), "not installed"
    return {canonicalize_name(min(names, key=len)) for names in found.values() if names}


def names(lines: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(line).name) for line in lines}


@pytest.mark.parametrize("part", PARTS)
def test_every_imported_package_is_declared(tool, part):
    declared = names(tool.declared())
    if PARTS[part]:
        declared |= names(tool.declared(*PARTS[part]))
    undeclared = {WITH_ANOTHER.get(name, name) for name in imported(part)} - declared
    assert undeclared == set(), "declare it in pyproject.toml"


def test_imports_are_seen():
    assert {"torch", "gradio", "scikit-learn", "pillow", "protobuf"} <= imported("ndcb")
    assert "psutil" in imported("training") and "pytest" in imported("tests")


def test_the_lists_are_pyprojects(tool):
    for file, text in tool.lists().items():
        assert (ROOT / file).read_text() == text, "stale; run: make requirements"


def test_the_lock_is_exact_and_fits_pyproject(tool):
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    locked = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert all(str(Version(version)) == version for version in locked.values())
    assert not any("+" in version for version in locked.values()), "of one machine only"

    declared = tool.declared() + tool.declared(*tool.LOCKED_EXTRAS)
    for requirement in map(Requirement, declared):
        name = canonicalize_name(requirement.name)
        assert requirement.specifier.contains(locked[name]), f"{name}: see make requirements"


def test_the_lock_has_all_that_its_packages_need(tool):
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    locked = {line.split("==")[0] for line in lines if not line.startswith("#")}
    here = tool.declared() + tool.declared("train", "test")
    known = [line for line in here if _is_installed(Requirement(line).name)]
    assert set(tool.installed(known)) <= locked


def _is_installed(name: str) -> bool:
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def test_no_list_names_a_registry():
    for file in ("pyproject.toml", "requirements.lock", "requirements.txt", "Makefile"):
        text = (ROOT / file).read_text()
        assert not re.search(r"index-url|find-links|https?://(?!127\.0\.0\.1)", text), file


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder into which the project's wheel is unpacked, as pip would."""
    pytest.importorskip("hatchling", reason="hatchling is not installed: run make setup")
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    [wheel] = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


@pytest.mark.slow
def test_the_wheel_finds_its_checkpoints(installed, tmp_path):
    code = (
        "from ndcb.models import checkpoints\n"
        "from ndcb.results import evaluations\n"
        "from ndcb.web.tabs import about\n"
        "print(*checkpoints.names()); print(*evaluations.names())\n"
        "print(checkpoints.FOLDER); print(about.licences()[:18])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": _path(installed)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    names_there, evaluated, folder, licences = done.stdout.splitlines()
    assert "faces-bottleneck" in names_there.split() and "digits" in evaluated.split()
    assert folder == str(installed / "ndcb" / "checkpoints")
    assert licences == "This project: MIT."


@pytest.mark.slow
def test_the_wheel_has_the_command(installed):
    [entries] = installed.glob("ndcb-*.dist-info/entry_points.txt")
    assert "ndcb = ndcb.cli.command:run" in entries.read_text()


@pytest.mark.slow
def test_the_command_does_what_the_module_does(tmp_path):
    code = "from ndcb.cli.command import run; run()"
    commands = ([sys.executable, "-c", code], [sys.executable, "-m", "ndcb"])
    environment = os.environ | {"PYTHONPATH": _path(ROOT)}
    answers = [
        subprocess.run(
            [*command, "list", "--vault", "nothing.sqlite"],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        for command in commands
    ]
    assert {answer.returncode for answer in answers} == {2}
    assert answers[0].stderr == answers[1].stderr != ""


def _path(first) -> str:
    """PYTHONPATH with this folder first, and the guard's."""
    return os.pathsep.join([str(first), os.environ["PYTHONPATH"]])
