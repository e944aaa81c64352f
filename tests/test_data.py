"""Where data is looked for, and what is said when it is not there."""

import pytest
import sklearn.datasets

from ndcb.terms import NotAvailable
from training import data


def test_the_data_folder_is_the_option_then_the_variable_then_the_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("NDCB_DATA", str(tmp_path / "variable"))
    assert data.data_root(str(tmp_path / "option")) == tmp_path / "option"
    assert data.data_root() == tmp_path / "variable"
    monkeypatch.delenv("NDCB_DATA")
    assert data.data_root().parts[-3:] == (".cache", "ndcb", "data")


def test_lfw_is_downloaded_by_scikit_learn_and_offline_is_said(monkeypatch, tmp_path):
    asked = {}

    def fetch(**options):
        asked.update(options)
        (tmp_path / "lfw_home" / "joblib").mkdir(parents=True)
        raise OSError("no network")

    monkeypatch.setattr(sklearn.datasets, "fetch_lfw_people", fetch)
    with pytest.raises(NotAvailable, match="LFW is not in .* Connect to the internet, or name the folder .* --data or NDCB_DATA"):
        data.lfw_files(tmp_path)
    assert asked["data_home"] == str(tmp_path) and asked["funneled"]
    assert not (tmp_path / "lfw_home" / "joblib").exists()


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
    assert faces.detected.all() and {data.part_of(person) for person in faces.people} == set(data.PARTS)
