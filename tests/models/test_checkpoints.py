"""Save, load, equal output; and everything that a folder must be refused for, in words."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from ndcb.core.files import sha256_of
from ndcb.core.terms import BadCheckpoint, UnknownName, UserError
from ndcb.generators.unet import UNet, UNetConfig
from ndcb.models import checkpoints
from ndcb.models.recognisers import load_recogniser
from ndcb.recognisers.digits import DigitEmbedder, DigitEmbedderConfig


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    monkeypatch.setattr(checkpoints, "FOLDER", tmp_path / "checkpoints")
    return tmp_path / "checkpoints"


@pytest.fixture
def tiny(folder):
    """A folder with one generator in it, and the model as it was before."""
    torch.manual_seed(0)
    model = UNet(UNetConfig(1, 8, 2, 1))
    checkpoints.save(folder / "tiny", model, {"preset": "smoke", "threshold": 1.1})
    return folder / "tiny", model


def edit_record(path, **changes) -> None:
    record = json.loads((path / "record.json").read_text()) | changes
    (path / "record.json").write_text(json.dumps(record))


def edit_weights(path, edit) -> None:
    """Change the weights and make the record fit them."""
    weights = load_file(path / "weights.safetensors")
    edit(weights)
    save_file(weights, path / "weights.safetensors")
    edit_record(path, sha256=sha256_of(path / "weights.safetensors"))


def assert_refused(words: str, name="tiny", **options) -> None:
    with pytest.raises(BadCheckpoint, match=words) as caught:
        checkpoints.load(name, **options)
    assert isinstance(caught.value, UserError) and "\n" not in str(caught.value)


@pytest.mark.parametrize("channels_last", [False, True])
def test_save_and_load_give_equal_output(folder, channels_last):
    torch.manual_seed(1)
    model = UNet(UNetConfig(3, 16, 4, 2, 2))
    if channels_last:
        model = model.to(memory_format=torch.channels_last)
    checkpoints.save(folder / "a", model, {"preset": "faces"})
    loaded = checkpoints.load("a")
    assert (
        loaded.name == "a"
        and loaded.record["preset"] == "faces"
        and loaded.record["class"] == "UNet"
    )
    assert loaded.model.config == model.config
    assert not loaded.model.training and not any(p.requires_grad for p in loaded.model.parameters())
    picture = torch.rand(2, 3, 16, 16)
    torch.testing.assert_close(loaded.model(picture), model(picture), atol=5e-3, rtol=0)
    torch.testing.assert_close(
        loaded.model(picture), model.half().float()(picture), atol=1e-5, rtol=0
    )


def test_weights_are_stored_in_half_precision_and_hashed(tiny):
    path, model = tiny
    count = sum(p.numel() for p in model.parameters())
    assert 2 * count < (path / "weights.safetensors").stat().st_size < 2 * count + 4000
    assert len(json.loads((path / "record.json").read_text())["sha256"]) == 64


def test_a_folder_is_found_by_its_path_too(tiny):
    path, _ = tiny
    for name in (path, str(path)):
        assert checkpoints.load(name).name == "tiny"


def test_embedders_and_generators_are_kept_apart(tiny, folder):
    checkpoints.save(folder / "eye", DigitEmbedder(DigitEmbedderConfig(4)), {})
    checkpoints.save(folder / "a-second", UNet(UNetConfig(1, 8, 2, 1)), {})
    assert checkpoints.names() == ["a-second", "tiny"]
    assert checkpoints.names(checkpoints.RECOGNISERS) == ["eye"]
    assert_refused("eye holds a DigitEmbedder; needed is one of: UNet", "eye")
    assert_refused(
        "tiny holds a UNet; needed is one of: DigitEmbedder", classes=checkpoints.RECOGNISERS
    )
    digits = torch.rand(3, 1, 28, 28)
    torch.testing.assert_close(load_recogniser("eye")(digits).norm(dim=1), torch.ones(3))


def test_unknown_names_list_what_is_there(tiny):
    with pytest.raises(UnknownName, match="unknown checkpoint 'facez'; there are: tiny$"):
        checkpoints.load("facez")
    shutil.rmtree(tiny[0])
    with pytest.raises(UnknownName, match="there are: none$"):
        checkpoints.load("tiny")


def test_a_class_that_nobody_knows(tiny):
    edit_record(tiny[0], **{"class": "Diffusion"})
    assert_refused("holds a Diffusion; needed is one of: UNet")


def test_a_changed_weights_file(tiny):
    data = bytearray((tiny[0] / "weights.safetensors").read_bytes())
    data[-1] ^= 1
    (tiny[0] / "weights.safetensors").write_bytes(data)
    assert_refused("weights.safetensors was changed after its record was written")


def test_a_record_without_its_hash(tiny):
    edit_record(tiny[0], sha256=None)
    assert_refused("changed")


def test_weights_that_are_no_safetensors_file(tiny):
    (tiny[0] / "weights.safetensors").write_bytes(b"not tensors at all")
    edit_record(tiny[0], sha256=sha256_of(tiny[0] / "weights.safetensors"))
    assert_refused("tiny: weights.safetensors cannot be read")


def test_missing_weights(tiny):
    (tiny[0] / "weights.safetensors").unlink()
    assert_refused("tiny has no weights.safetensors")


@pytest.mark.parametrize(
    "poison", [float("nan"), float("inf"), 1e6], ids=["NaN", "infinity", "beyond half precision"]
)
def test_nan_is_refused_at_save(folder, poison):
    model = UNet(UNetConfig(1, 8, 2, 1))
    with torch.no_grad():
        model.out.bias[0] = poison
    with pytest.raises(BadCheckpoint, match="out.bias holds NaN or infinity"):
        checkpoints.save(folder / "bad", model, {})
    assert not (folder / "bad").exists()


def test_nan_is_refused_at_load(tiny):
    edit_weights(tiny[0], lambda weights: weights["out.bias"].fill_(float("nan")))
    assert_refused("tiny: out.bias holds NaN or infinity")


def test_missing_and_unexpected_keys(tiny):
    edit_weights(tiny[0], lambda weights: weights.pop("out.bias"))
    assert_refused("weights do not fit its class: Missing.*out.bias")
    edit_weights(
        tiny[0],
        lambda weights: weights.update(
            {"out.bias": torch.zeros(1).half(), "extra": torch.zeros(1)}
        ),
    )
    assert_refused("weights do not fit its class: Unexpected.*extra")


def test_weights_of_another_size(tiny):
    edit_weights(tiny[0], lambda weights: weights.update({"out.bias": torch.zeros(7).half()}))
    assert_refused("weights do not fit its class: .*out.bias")


@pytest.mark.parametrize(
    "text, words",
    [
        ("{", "record.json cannot be read"),
        ("", "record.json cannot be read"),
        ("\xff", "record.json cannot be read"),
        ("[1]", "record.json must hold one object"),
        ("{}", "holds a None"),
    ],
    ids=["cut off", "empty", "not UTF-8", "a list", "an empty object"],
)
def test_broken_records(tiny, text, words):
    (tiny[0] / "record.json").write_bytes(text.encode("latin-1"))
    assert_refused(words)


@pytest.mark.parametrize(
    "config",
    [None, [], {"colour": 3}, {"width": "wide"}, {"size": 7}, {"depth": -1}, {"width": -4}],
    ids=str,
)
def test_configs_that_do_not_work(tiny, config):
    edit_record(tiny[0], config=config)
    assert_refused("tiny: its config|weights do not fit")


def test_a_broken_neighbour_does_not_hide_the_others(tiny, folder):
    """One damaged folder must not make every other checkpoint unusable."""
    (folder / "broken").mkdir()
    (folder / "broken" / "record.json").write_text("{")
    assert checkpoints.names() == ["tiny"]
    with pytest.raises(UnknownName, match="there are: tiny"):
        checkpoints.load("facez")
