"""Where the project's files lie: checkpoints and README, the data sets, the cache."""

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
"""The folder `ndcb`: in a checkout of the repository, or where pip installed it."""


def checkpoints_folder() -> Path:
    """The trained models: `checkpoints/` of the repository; installed, inside the package."""
    return _shipped("checkpoints")


def readme() -> Path:
    """README.md: of the repository; installed, inside the package."""
    return _shipped("README.md")


def data_root(root: str | None = None) -> Path:
    """The folder that holds lfw_home/ and MNIST/: `root`, else NDCB_DATA, else ~/.cache/ndcb/data.

    root: what was given with `--data`.
    """
    return Path(root or os.environ.get("NDCB_DATA") or Path.home() / ".cache" / "ndcb" / "data")


def cache_root() -> Path:
    """NDCB_CACHE, else ~/.cache/ndcb: what is computed once from the data, and may be deleted."""
    return Path(os.environ.get("NDCB_CACHE") or Path.home() / ".cache" / "ndcb")


def _shipped(name: str) -> Path:
    inside = PACKAGE / name  # the wheel puts it there (pyproject.toml, force-include)
    return inside if inside.exists() else PACKAGE.parent / name
