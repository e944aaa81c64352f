"""What attackers restore of the bundled portrait, as files for the page."""

import os
from pathlib import Path

import torch

from ndcb.images import to_pictures


def write_pictures(folder: Path, pictures: dict[str, torch.Tensor]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures.items():
        to_pictures(picture)[0].save(folder / "new.png", optimize=True)
        os.replace(folder / "new.png", folder / f"{name}.png")
