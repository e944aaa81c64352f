"""What a checkpoint is, as its record.json says; read without torch and without the weights."""

import json
from pathlib import Path

from ndcb.core.terms import BadCheckpoint

FAMILIES = {
    "UNet": "unet",
    "Bottleneck": "bottleneck",
    "Sealed": "sealed",
    "Inverter": "inverter",
    "DigitEmbedder": "embedder",
}
"""Class -> family."""
READS = {"Bottleneck": "embedding", "Inverter": "embedding", "Sealed": "direction"}
"""Class -> kind, for models whose input is no picture."""


def read(folder: Path) -> dict:
    """The record as it is stored. Raises BadCheckpoint."""
    try:
        record = json.loads((folder / "record.json").read_text())
    except (OSError, ValueError) as error:
        raise BadCheckpoint(f"checkpoint {folder.name}: its record.json cannot be read") from error
    if not isinstance(record, dict):
        raise BadCheckpoint(f"checkpoint {folder.name}: its record.json must hold one object")
    return record


def described(record: dict, name: str) -> dict:
    """The record with its kind, family and label, which records of older trainings lack.

    kind: the model's input: face, digit, embedding or direction. label: its name for people.
    """
    derived = {
        "kind": _kind(record),
        "family": FAMILIES.get(record.get("class")),
        "label": name,
    }
    missing = {field: value for field, value in derived.items() if field not in record}
    return record | missing


def of_digits(record: dict) -> bool:
    """Is it a model of digits? Every other is of faces."""
    return record["kind"] == "digit"


def _kind(record: dict) -> str:
    data = record.get("data")
    of_mnist = isinstance(data, dict) and data.get("name") == "mnist"
    return READS.get(record.get("class"), "digit" if of_mnist else "face")
