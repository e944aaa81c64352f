"""The benchmark of a login among many names: the search that it times is a real one."""

import pytest

from ndcb.core.terms import Face
from tests.vault.toys import Contrast, ToyModels, photo, toy
from training.benchmark import names, timing


def toy_pass(batch: int, device: str):
    """In place of FaceNet's."""
    return timing.timed(lambda: None)


@pytest.fixture
def in_toys(monkeypatch):
    monkeypatch.setattr(Contrast, "dimensions", 48, raising=False)
    monkeypatch.setattr(names, "Models", lambda: ToyModels(toy()))
    monkeypatch.setattr(names, "portrait_face", lambda: Face(photo(1), None))
    monkeypatch.setattr(names, "facenet_pass", toy_pass)
    monkeypatch.setattr(names, "PIECE", 20)
    return toy().generator.name


def test_the_one_real_face_is_found_among_the_made_up(in_toys):
    figures = names.measure_names(50, 2, in_toys)
    assert figures["names"] == 50
    assert figures["identify"]["repeats"] == figures["verify"]["repeats"] == 2
    assert figures["first_milliseconds"] > 0
    assert min(figures["memory_mb"], figures["file_mb"]) > 0


def test_made_up_rows_are_compared_and_counted(in_toys, tmp_path):
    distorter = toy()
    vault = names.Vault(tmp_path / "vault.sqlite", ToyModels(distorter), generator=in_toys)
    vault.enrol(names.OWN, [photo(1)])
    names.fill(vault, 45)
    distorter.recogniser.pictures = 0
    name, match = vault.identify(photo(1, 1))
    assert (name, match.compared, match.skipped) == (names.OWN, ((in_toys, 46),), ())
    assert distorter.recogniser.pictures == 1
    vault.close()
