"""The data sets are read, aligned once, and it is said when they are not there."""

import ast
import importlib
from functools import wraps
from pathlib import Path

import numpy as np
import pytest

from ndcb.core.terms import NotAvailable
from ndcb.faces.detectors import Detector
from ndcb.faces.lfw import PARTS, part_of
from ndcb.generators.sealed import Sealed
from ndcb.recognisers.facenet import FaceNet
from tests.conftest import ROOT
from training.data import datasets as data
from training.data.pictures import kept_rows

VERSIONS = {
    "ndcb.faces.alignment": 1,
    "ndcb.faces.detectors": 1,
    "ndcb.core.distances": 1,
    "ndcb.core.tensors": 1,
    "ndcb.generators": 1,
    "ndcb.generators.bottleneck": 1,
    "ndcb.generators.sealed": "1-1",
    "ndcb.generators.unet": 1,
    "ndcb.faces.images": 1,
    "ndcb.vault.keys": 1,
    "ndcb.recognisers.digits": 1,
    "ndcb.models.onnx_graphs": 1,
    "ndcb.recognisers.facenet": 1,
    "ndcb.recognisers.sface": 1,
    "training.attacks.attackers": 1,
    "training.attacks.figures": 1,
    "training.data.alignment": 1,
    "training.data.datasets": 2,
    "training.data.material": 1,
    "training.measure.judges": 1,
    "training.measure.second_recogniser": 1,
    "training.quality.seen_photos": 2,
    "training.quality.strangers": 1,
}
"""All whose results are kept. Whoever raises one says here that it was on purpose."""
CACHING = {
    "ndcb/models/onnx_graphs.py": {"graph_file"},
    "ndcb/recognisers/converted.py": {"converted_file"},
    "training/data/datasets.py": {"cached"},
    "training/evaluation/__init__.py": {"_evaluate", "_kept_for"},
}
"""The functions that may name the cache's folder themselves: three ask for versions, one asks only
whether it is empty, and one names the commit."""


def sources() -> dict[str, ast.Module]:
    """The project's modules: path -> what is written there."""
    paths = [path for place in ("ndcb", "training") for path in (ROOT / place).rglob("*.py")]
    return {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text()) for path in paths}


def functions_that_call(tree: ast.Module, name: str) -> set[str]:
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return {
        function.name
        for function in functions
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == name
    }


def test_every_version_is_known():
    found = {}
    for path, tree in sources().items():
        names = {
            getattr(node.targets[0], "id", None)
            for node in tree.body
            if isinstance(node, ast.Assign)
        }
        if "VERSION" in names and path != "ndcb/models/templates.py":  # that of a file
            module = ".".join(Path(path).with_suffix("").parts).removesuffix(".__init__")
            found[module] = importlib.import_module(module).VERSION
    assert found == VERSIONS


def test_nothing_is_kept_without_a_version(monkeypatch, tmp_path):
    monkeypatch.setenv("NDCB_CACHE", str(tmp_path))
    found = {path: functions_that_call(tree, "cache_root") for path, tree in sources().items()}
    assert {path: names for path, names in found.items() if names} == CACHING

    with pytest.raises(ValueError, match="say what computes squares"):
        data.cached("rows", "squares", [])
    with pytest.raises(AttributeError, match="VERSION"):
        data.cached("rows", "squares", [PARTS.__class__])
    with pytest.raises(ValueError, match="say what computes squares"):
        kept_rows("squares", [], 2, np.arange(2), np.square, "squaring", 2)


def test_the_place_in_the_cache_names_each_module_once(monkeypatch, tmp_path):
    monkeypatch.setenv("NDCB_CACHE", str(tmp_path))
    code = [FaceNet, Detector, data.central_faces, data.lfw_faces]
    assert data.cached("faces", "a", code) == tmp_path / "faces" / "a-datasets2-detectors1-facenet1"
    assert data.versions_of([Sealed]) == "sealed1-1", "with its decoder's"


def test_mnist_offline_is_said(monkeypatch, tmp_path):
    def refuse(self):
        raise RuntimeError("Error downloading")

    from torchvision.datasets import MNIST  # importable once ndcb.compat has run

    monkeypatch.setattr(MNIST, "download", refuse)
    with pytest.raises(NotAvailable, match="MNIST is not in"):
        data.mnist(tmp_path, train=True)


@pytest.mark.slow
def test_faces_are_aligned_once_and_a_stopped_alignment_goes_on(monkeypatch, tmp_path, lfw_root):
    monkeypatch.setenv("NDCB_CACHE", str(tmp_path))
    calls = []
    original = data.central_faces

    @wraps(original)  # so that it is of its module, and has its version
    def stops_at_the_second(pictures, detector):
        calls.append(len(pictures))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(pictures, detector)

    monkeypatch.setattr(data, "central_faces", stops_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        data.lfw_faces(lfw_root, 4)
    faces = data.lfw_faces(lfw_root, 4)
    assert (
        sum(calls) == len(faces.names) + calls[1] == 12 + calls[1]
    )  # nothing was done twice but the part that was cut off
    assert (
        data.lfw_faces(lfw_root, 4).images.tobytes() == faces.images.tobytes()
        and sum(calls) == 12 + calls[1]
    )
    monkeypatch.setattr("ndcb.faces.detectors.VERSION", 2)
    assert data.lfw_faces(lfw_root, 4).images.tobytes() == faces.images.tobytes()
    assert sum(calls) == 2 * 12 + calls[1], "another detector may find other faces"
    assert faces.detected.all() and {part_of(person) for person in faces.people} == set(PARTS)
