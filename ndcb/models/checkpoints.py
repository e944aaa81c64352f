"""A folder for each model: its weights and its record.

`weights.safetensors` holds half precision; `record.json` tells what made the model and what was
measured of it.
"""

import hashlib
import os
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as save_bytes
from torch import nn

from ndcb.core.files import sha256_of, write_json, write_whole
from ndcb.core.terms import BadCheckpoint, UnknownName
from ndcb.generators.bottleneck import Bottleneck, BottleneckConfig
from ndcb.generators.inverter import Inverter
from ndcb.generators.sealed import Sealed, SealedConfig
from ndcb.generators.unet import UNet, UNetConfig
from ndcb.models import records
from ndcb.recognisers.digits import DigitEmbedder, DigitEmbedderConfig

FOLDER = Path(__file__).resolve().parents[2] / "checkpoints"
CLASSES = {
    "UNet": (UNet, UNetConfig),
    "Bottleneck": (Bottleneck, BottleneckConfig),
    "Sealed": (Sealed, SealedConfig),
    "Inverter": (Inverter, BottleneckConfig),
    "DigitEmbedder": (DigitEmbedder, DigitEmbedderConfig),
}
GENERATORS = ("UNet", "Bottleneck")
SEALED = ("Sealed",)
"""Generators that need a key."""
INVERTERS = ("Inverter",)
"""Attackers' networks: they turn templates or embeddings back into faces."""
RECOGNISERS = ("DigitEmbedder",)


@dataclass(frozen=True)
class Checkpoint:
    """A model ready to use, and its record."""

    name: str
    model: nn.Module
    record: dict
    """class, config, kind, family, label (`ndcb.models.records`), preset, training, data, seed,
    steps, device, commit, versions, sha256, figures.

    A generator's also holds the name of its `recogniser` and the login `threshold`, a squared
    distance.
    """


def save(folder: Path, model: nn.Module, record: dict) -> None:
    """Write both files. Class, config, sha256, kind, family and label are added to the record.

    Raises BadCheckpoint: a weight is NaN or infinite in half precision.
    """
    state = model.state_dict().items()
    weights = {name: value.detach().cpu().half().contiguous() for name, value in state}
    _check_finite(weights, "the model to save")

    content = save_bytes(weights)
    of_model = {
        "class": type(model).__name__,
        "config": asdict(model.config),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "weights.safetensors", content)
    write_json(folder / "record.json", records.described(of_model | record, folder.name))


def record(name: str, classes: tuple[str, ...] = GENERATORS) -> dict:
    """The record of a committed checkpoint, by its name alone; the weights are not read.

    Raises UnknownName, BadCheckpoint.
    """
    if name not in names(classes):
        raise UnknownName("checkpoint", name, names(classes))
    return _read_record(FOLDER / name)


def update_record(folder: Path, **fields) -> None:
    """Replace fields of a stored record, such as its figures."""
    write_json(folder / "record.json", records.read(folder) | fields)


def names(classes: tuple[str, ...] = GENERATORS) -> list[str]:
    """The checkpoints of these classes, sorted; the page offers them in this order."""
    return list(every_record(classes))


def every_record(classes: tuple[str, ...] = GENERATORS) -> dict[str, dict]:
    """Name -> record of the checkpoints of these classes, sorted. Damaged ones are left out."""
    described = {}
    for path in FOLDER.glob("*/record.json"):
        with suppress(BadCheckpoint):
            record = _read_record(path.parent)
            if record.get("class") in classes:
                described[path.parent.name] = record
    return dict(sorted(described.items()))


def folder_of(name: str | Path) -> Path:
    """A name -> its folder here; a path stays what it is."""
    return Path(name) if isinstance(name, Path) or "/" in name else FOLDER / name


def load(
    name: str | Path, classes: tuple[str, ...] = GENERATORS, device: str | torch.device = "cpu"
) -> Checkpoint:
    """A checkpoint by its name, or by the path of its folder.

    Raises UnknownName, or BadCheckpoint: another class than asked for, a file that is missing,
    changed or does not fit, NaN.
    """
    folder = folder_of(name)
    if not os.path.isfile(folder / "record.json"):  # unlike Path's, it takes any name
        raise UnknownName("checkpoint", str(name), names(classes))
    record = _read_record(folder)
    if record.get("class") not in classes:
        raise BadCheckpoint(
            f"checkpoint {folder.name} holds a {record.get('class')}; needed is one of:"
            f" {', '.join(classes)}"
        )

    weights = _read_weights(folder, record)
    model = _build(folder.name, record)
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        reason = " ".join(str(error).split(":", 1)[-1].split())[:200]
        raise BadCheckpoint(
            f"checkpoint {folder.name}: its weights do not fit its class: {reason}"
        ) from error

    model.eval().requires_grad_(False)
    return Checkpoint(folder.name, model.to(device, memory_format=torch.channels_last), record)


def _build(name: str, record: dict) -> nn.Module:
    """A model as the record tells, with random weights. Raises BadCheckpoint."""
    model_class, config_class = CLASSES[record["class"]]
    known = {field.name for field in fields(config_class)}
    config = record.get("config")
    if not isinstance(config, dict) or set(config) - known:
        raise BadCheckpoint(
            f"checkpoint {name}: its config must hold {', '.join(sorted(known))}; found is {config}"
        )
    values = {
        key: tuple(value) if isinstance(value, list) else value for key, value in config.items()
    }
    try:
        return model_class(config_class(**values))
    except (TypeError, ValueError, RuntimeError) as error:
        raise BadCheckpoint(f"checkpoint {name}: its config does not work: {error}") from error


def _read_record(folder: Path) -> dict:
    return records.described(records.read(folder), folder.name)


def _read_weights(folder: Path, record: dict) -> dict[str, torch.Tensor]:
    path = folder / "weights.safetensors"
    if not path.is_file():
        raise BadCheckpoint(f"checkpoint {folder.name} has no weights.safetensors")
    if sha256_of(path) != record.get("sha256"):
        raise BadCheckpoint(
            f"checkpoint {folder.name}: weights.safetensors was changed after its record was"
            " written"
        )
    try:
        weights = load_file(path)
    except SafetensorError as error:
        raise BadCheckpoint(
            f"checkpoint {folder.name}: weights.safetensors cannot be read"
        ) from error
    _check_finite(weights, f"checkpoint {folder.name}")
    return weights


def _check_finite(weights: dict[str, torch.Tensor], what: str) -> None:
    for name, value in weights.items():
        if not torch.isfinite(value).all():
            raise BadCheckpoint(f"{what}: {name} holds NaN or infinity")
