"""LFW: what is said when it is not there, and how its people are split."""

import numpy as np
import pytest
import sklearn.datasets

from ndcb.core.terms import NotAvailable
from ndcb.faces import lfw
from ndcb.faces.lfw import in_development, in_test, part_of


def test_lfw_is_downloaded_by_scikit_learn_and_offline_is_said(monkeypatch, tmp_path):
    asked = {}

    def fetch(**options):
        asked.update(options)
        (tmp_path / "lfw_home" / "joblib").mkdir(parents=True)
        raise OSError("no network")

    monkeypatch.setattr(sklearn.datasets, "fetch_lfw_people", fetch)
    with pytest.raises(
        NotAvailable,
        match="LFW is not in .* Connect to the internet, or name the folder .* --data or NDCB_DATA",
    ):
        lfw.lfw_files(tmp_path)
    assert asked["data_home"] == str(tmp_path) and asked["funneled"]
    assert not (tmp_path / "lfw_home" / "joblib").exists()


def test_people_are_split_as_recorded():
    """The split must never move: a generator would be measured on people it was trained on."""
    assert [part_of(name) for name in ("George_W_Bush", "Tony_Blair", "Person_21")] == [
        "training",
        "development",
        "test",
    ]
    people = [f"Person_{n}" for n in range(5000)]
    assert np.mean([in_test(name) for name in people]) == pytest.approx(0.2, abs=0.02)
    assert np.mean([in_development(name) for name in people]) == pytest.approx(0.08, abs=0.02)
    assert not any(in_test(name) and in_development(name) for name in people)


@pytest.fixture
def toy_root(tmp_path):
    """Forty people with one to four photos each."""
    for number in range(40):
        for photo in range(1 + number % 4):
            file = (
                tmp_path
                / "lfw_home"
                / "lfw_funneled"
                / f"Person_{number}"
                / f"Person_{number}_{photo:04d}.jpg"
            )
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
    return tmp_path


def test_unseen_people_are_of_the_test_part_and_always_the_same(toy_root):
    people = lfw.unseen_people(toy_root, 3, photos=2, seed=4)
    assert people == lfw.unseen_people(toy_root, 3, photos=2, seed=4)
    assert any(people != lfw.unseen_people(toy_root, 3, photos=2, seed=seed) for seed in range(4))
    assert len({files[0].parent for files in people}) == 3
    for files in people:
        assert len(set(files)) == 2 and {file.parent for file in files} == {files[0].parent}
        assert in_test(files[0].parent.name)


def test_a_folder_that_was_unpacked_in_part_is_said(toy_root):
    with pytest.raises(NotAvailable, match="not whole.*downloaded again"):
        lfw.unseen_people(toy_root, 30)
