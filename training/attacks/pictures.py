"""What attackers restore of the bundled portrait, as files for the page."""

from pathlib import Path

import torch

from ndcb.core.files import whole_file
from ndcb.core.tensors import to_pictures


def write_pictures(folder: Path, pictures: dict[str, torch.Tensor]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures.items():
        with whole_file(folder / f"{name}.png") as file:
            to_pictures(picture)[0].save(file, "PNG", optimize=True)
