"""The network that paints for a recogniser, and the plain generator that a thief judges with."""

import io
import json
from pathlib import Path

import pytest
import torch

from ndcb.attacks import restore, thief
from ndcb.core.terms import DEFAULT_FACES, UnknownName, UserError
from ndcb.generators.bottleneck import BottleneckConfig
from ndcb.generators.inverter import Inverter
from ndcb.models import checkpoints
from ndcb.models.examples import portrait_face
from ndcb.vault.templates import Stolen

SIDES = {"facenet-casia-webface": 160, "sface": 112}
LARGEST = 8 * 2**20


@pytest.fixture
def folder(monkeypatch, tmp_path) -> Path:
    monkeypatch.setattr(checkpoints, "FOLDER", tmp_path)
    return tmp_path


def small_inverter(folder: Path, grey: float, recogniser: str) -> None:
    """It paints one grey, whatever it reads."""
    torch.manual_seed(0)
    model = Inverter(BottleneckConfig(4, 4, (4, 4), change=0.0, start=2))
    model.carrier.fill_(grey)
    checkpoints.save(folder, model, {"recogniser": recogniser, "data": {"name": "lfw"}})


def test_the_inverter_is_the_one_for_the_recogniser(folder):
    """By the record, whatever the folder's name."""
    for name, grey, recogniser in (("a", 0.25, "second"), ("b", 0.75, "first")):
        small_inverter(folder / name, grey, recogniser)
    for recogniser, grey in (("first", 0.75), ("second", 0.25)):
        painted = restore.paint(restore.load_inverter(recogniser).model, torch.zeros(1, 4))
        assert painted.shape == (1, 3, 8, 8) and abs(painted - grey).max() < 1 / 255
    with pytest.raises(UserError, match="paints from embeddings of third. Click another template"):
        restore.load_inverter("third")


def test_a_record_without_a_recogniser_is_nobodys(folder):
    small_inverter(folder / "a", 0.25, "first")
    record = json.loads((folder / "a" / "record.json").read_text())
    del record["recogniser"]
    (folder / "a" / "record.json").write_text(json.dumps(record))
    with pytest.raises(UserError, match="no network yet"):
        restore.load_inverter("first")


@pytest.mark.parametrize("recogniser", SIDES)
def test_a_committed_inverter_paints_faces_as_its_recogniser_sees_them(recogniser):
    inverter = restore.load_inverter(recogniser)
    embedding = torch.zeros(1, inverter.model.config.embedding)
    assert restore.paint(inverter.model, embedding).shape[2:] == (SIDES[recogniser],) * 2
    weights = checkpoints.FOLDER / inverter.name / "weights.safetensors"
    assert weights.stat().st_size < LARGEST


@pytest.mark.parametrize("generator", ["faces-bottleneck", "sface-bottleneck"])
def test_a_face_is_restored_from_a_stolen_template(models, generator):
    face, distorter = portrait_face(), models.distorter(generator)
    template = distorter.templates([face])[0]
    file = io.BytesIO()
    template.save(file, "PNG")
    recogniser = distorter.generator.record["recogniser"]
    stolen = Stolen("Eileen Collins", file.getvalue(), generator, recogniser, "2026-01-31T08:30Z")
    found = restore.restore(models, stolen, face)
    assert found.restored.size == found.known.size == template.size
    assert found.restored.tobytes() != found.known.tobytes()

    # nearer to the person than a grey picture is
    real, restored, known = distorter.embed([face, found.restored, found.known])
    grey = distorter.embed([found.restored.point(lambda _: 128)])[0]
    for painted in (restored, known):
        assert ((real - painted) ** 2).sum() < ((real - grey) ** 2).sum()


def test_a_sealed_template_is_judged_by_a_plain_generator_for_its_recogniser(folder):
    def generator(name: str, model: str, recogniser: str) -> None:
        (folder / name).mkdir()
        record = {"class": model, "recogniser": recogniser, "data": {"name": "lfw"}}
        (folder / name / "record.json").write_text(json.dumps(record))

    thief.record.cache_clear()
    generator("aaa", "UNet", "first")
    generator("alone", "UNet", "second")
    generator("bbb", "Bottleneck", "first")
    assert thief.plain_generator("first") == "bbb" and thief.plain_generator("second") == "alone"
    generator(DEFAULT_FACES, "UNet", "first")
    assert thief.plain_generator("first") == DEFAULT_FACES
    with pytest.raises(UnknownName, match="for the recogniser 'third'"):
        thief.plain_generator("third")
    thief.record.cache_clear()
