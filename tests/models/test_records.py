"""What a checkpoint is stands in its record, and its name does not matter."""

import json
import shutil

import pytest

from ndcb.core.terms import DEFAULT_FACES, DEFAULT_SEALED, BadCheckpoint
from ndcb.models import checkpoints, kinds, records
from ndcb.models.pipeline import Models
from ndcb.results import evaluations, thresholds
from ndcb.web import choices, words
from ndcb.web.tabs import embedding
from training import presets
from training.provenance import provenance

EVERY = (
    checkpoints.GENERATORS + checkpoints.SEALED + checkpoints.INVERTERS + checkpoints.RECOGNISERS
)
COMMITTED = {
    "digits": ("digit", "unet", "Digits: alpha 0.3, the paper's choice"),
    "digits-alpha-0": ("digit", "unet", "Digits: alpha 0"),
    "digits-alpha-0.1": ("digit", "unet", "Digits: alpha 0.1"),
    "digits-alpha-0.2": ("digit", "unet", "Digits: alpha 0.2"),
    "digits-alpha-0.4": ("digit", "unet", "Digits: alpha 0.4"),
    "digits-alpha-0.8": ("digit", "unet", "Digits: alpha 0.8"),
    "digits-embedder": ("digit", "embedder", "Digits: recogniser"),
    "faces": ("face", "unet", "Faces: the paper's U-Net, T = G(X)"),
    "faces-bottleneck": ("embedding", "bottleneck", "Faces: bottleneck, T = D(F(X))"),
    "faces-concealing": ("face", "unet", "Faces: the paper's U-Net, trained against recolouring"),
    "faces-sealed": ("direction", "sealed", "Faces: sealed with a key, T = D(R z(X))"),
    "inverter": ("embedding", "inverter", "Faces: inverter of bare embeddings"),
    "sface-sealed": ("direction", "sealed", "Faces: sealed with a key, for SFace"),
    "inverter-sface": ("embedding", "inverter", "Faces: inverter of bare embeddings by SFace"),
    "sface-bottleneck": ("embedding", "bottleneck", "Faces: bottleneck for SFace, T = D(F(X))"),
}


@pytest.mark.parametrize("name", COMMITTED)
def test_committed_records_say_what_they_are(name):
    record = records.read(checkpoints.FOLDER / name)
    assert (record["kind"], record["family"], record["label"]) == COMMITTED[name]
    assert record.get("series") == ("alpha" if "-alpha-" in name else None)


def test_every_committed_checkpoint_is_listed():
    assert checkpoints.names(EVERY) == sorted(COMMITTED)


@pytest.mark.parametrize("name", COMMITTED)
def test_an_older_record_is_told_by_its_class_and_data(name):
    record = records.read(checkpoints.FOLDER / name)
    older = {key: value for key, value in record.items() if key not in ("kind", "family", "label")}
    found = records.described(older, "mine")
    assert found == record | {"label": "mine"}
    assert records.described(record, "other") == record


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_a_damaged_record_is_said_and_has_its_name_for_a_label(tmp_path, monkeypatch, text):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "record.json").write_text(text)
    monkeypatch.setattr(checkpoints, "FOLDER", tmp_path)
    with pytest.raises(BadCheckpoint, match="checkpoint mine: its record.json"):
        records.read(tmp_path / "mine")
    assert words.generator_label("mine") == "mine"


@pytest.mark.parametrize("name", presets.PRESETS)
def test_a_training_writes_the_label_of_its_preset(name):
    about = provenance(presets.PRESETS[name], "cpu")
    assert "label" not in about["training"] and "series" not in about["training"]
    if name in COMMITTED:
        assert about["label"] == COMMITTED[name][2]
        assert about.get("series") == ("alpha" if "-alpha-" in name else None)


@pytest.fixture
def renamed(monkeypatch, tmp_path):
    """Committed checkpoints as a user calls them, as an older version wrote their records."""
    names = {
        "zoe": "faces",
        "digitsofmyface": "faces-bottleneck",
        "my-keys": DEFAULT_SEALED,
        "faces-of-mnist": "digits",
        "digits-embedder": "digits-embedder",
    }
    for name, of in names.items():
        shutil.copytree(checkpoints.FOLDER / of, tmp_path / name)
        record = records.read(tmp_path / name)
        for key in ("kind", "family", "label"):
            del record[key]
        (tmp_path / name / "record.json").write_text(json.dumps(record))
    monkeypatch.setattr(checkpoints, "FOLDER", tmp_path)
    monkeypatch.setattr(evaluations, "FOLDER", tmp_path)
    caches = (thresholds.record, thresholds._scores, kinds.is_digit, kinds.is_sealed)
    for one in caches:
        one.cache_clear()
    yield tmp_path
    for one in caches:
        one.cache_clear()


def test_a_checkpoint_of_any_name_is_offered_where_it_belongs(renamed):
    assert choices.generators("faces") == [("zoe", "zoe"), ("digitsofmyface", "digitsofmyface")]
    assert choices.generators("digits") == [("faces-of-mnist", "faces-of-mnist")]
    assert kinds.sealed_generators() == ["my-keys"]
    assert [kinds.kind_of(name) for name in ("zoe", "faces-of-mnist", "my-keys")] == [
        "face",
        "digit",
        "sealed",
    ]
    assert evaluations.names() == ["zoe", "digitsofmyface", "faces-of-mnist"]
    assert {*embedding.measured(embedding.PEOPLE)} == {"zoe", "digitsofmyface"}
    assert {*embedding.measured(embedding.DIGITS)} == {"faces-of-mnist"}
    assert choices.known_generator("digitsofmyface") == "digitsofmyface"


def test_two_of_one_label_are_told_apart_by_their_names(renamed):
    for name in ("zoe", "digitsofmyface"):
        checkpoints.update_record(renamed / name, label="Faces: mine")
    assert choices.generators("faces") == [
        ("Faces: mine (zoe)", "zoe"),
        ("Faces: mine (digitsofmyface)", "digitsofmyface"),
    ]


def test_a_record_that_is_measured_again_stays_as_it_was_told(renamed):
    checkpoints.update_record(renamed / "zoe", threshold=1.0)
    assert "label" not in records.read(renamed / "zoe")


def test_a_checkpoint_of_any_name_distorts(renamed, models, astronaut):
    face = models.find(astronaut)[0].image
    assert Models().distorter("zoe").distort(face).decision.same
    assert DEFAULT_FACES not in checkpoints.names()
