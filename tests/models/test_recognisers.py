"""The registry finds every recogniser by its name, and the layers below it are without a cycle."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from ndcb.core.terms import UnknownName
from ndcb.models import recognisers
from ndcb.models.recognisers import load_recogniser
from tests.conftest import ROOT

LAYERS = ("core", "faces", "recognisers", "generators", "models")


def test_the_name_of_the_recogniser_finds_it(monkeypatch):
    asked = []
    monkeypatch.setattr(recognisers, "load_facenet", lambda *arguments: asked.append(arguments))
    load_recogniser("facenet-casia-webface")
    load_recogniser("facenet-vggface2", "cuda")
    assert asked == [("casia-webface", "cpu"), ("vggface2", "cuda")]


def test_unknown_names_list_what_is_there():
    allowed = "digits-embedder, facenet-casia-webface, facenet-vggface2, sface"
    with pytest.raises(UnknownName, match=f"'arcface'; there are: {allowed}$"):
        load_recogniser("arcface")


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def imported(path: Path, modules: set[str]) -> set[str]:
    """Those of the modules that a file imports anywhere in it, in a function too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names & modules


def test_there_is_no_import_cycle():
    """The checkpoints know the recognisers' networks; the registry knows both, and neither it."""
    paths = [path for layer in LAYERS for path in (ROOT / "ndcb" / layer).rglob("*.py")]
    files = {module_name(path): path for path in paths}
    graph = {name: imported(path, set(files)) for name, path in files.items()}

    assert {"ndcb.models.checkpoints", "ndcb.recognisers.facenet"} <= graph[
        "ndcb.models.recognisers"
    ]
    assert "ndcb.recognisers.digits" in graph["ndcb.models.checkpoints"]
    TopologicalSorter(graph).prepare()  # raises CycleError
