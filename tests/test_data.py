"""The data sets are read, aligned once, and it is said when they are not there."""

import pytest

from ndcb.lfw import PARTS, part_of
from ndcb.terms import NotAvailable
from training import data


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

    def stops_at_the_second(pictures, detector):
        calls.append(len(pictures))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(pictures, detector)

    monkeypatch.setattr(data, "central_faces", stops_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        data.lfw_faces(lfw_root, 4)
    faces = data.lfw_faces(lfw_root, 4)
    assert sum(calls) == len(faces.names) + calls[1] == 12 + calls[1]  # nothing was done twice but the part that was cut off
    assert data.lfw_faces(lfw_root, 4).images.tobytes() == faces.images.tobytes() and sum(calls) == 12 + calls[1]
    assert faces.detected.all() and {part_of(person) for person in faces.people} == set(PARTS)
