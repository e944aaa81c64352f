"""Files kept beside the figures: with them, anyone can compute and plot figures without the data.

scores.npz: plain_genuine, plain_impostor, template_genuine, template_impostor: squared distances,
float16, sorted. It holds all genuine scores, and at most 200,000 impostor scores, a fixed random
choice.
embeddings.npz is of the test classes with the most pictures: `real` and `distorted` (n, m),
float16; `labels` (n,); `thumbnails`, the bytes of a WebP sheet of the *templates* in the same
order, `columns` in a row, each `side` pixels square.
"""

import io
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ndcb.core.files import whole_file, write_json
from ndcb.core.tensors import to_pictures
from training.data.material import Material
from training.evaluation.paper import most_photographed
from training.measure.record import scores

IMPOSTORS = 200_000
CLASSES, FACES_A_PERSON = 12, 24
DIGITS_A_CLASS, DIGITS_A_CLASS_IN_SERIES = 200, 30
SIDE, COLUMNS = 48, 24
WEBP_QUALITY = 70


def arrays(material: Material) -> dict[str, dict[str, np.ndarray]]:
    """File name -> its arrays."""
    return {"scores.npz": score_arrays(material), "embeddings.npz": embedding_arrays(material)}


def score_arrays(material: Material) -> dict[str, np.ndarray]:
    kept = {}
    for name, references in (("plain", material.real_test), ("template", material.shifted_test)):
        genuine, impostor = scores(references, material.real_test, material.labels)
        count = min(IMPOSTORS, len(impostor))
        chosen = np.random.default_rng(0).choice(len(impostor), count, replace=False)
        kept[f"{name}_genuine"] = np.sort(genuine).astype(np.float16)
        kept[f"{name}_impostor"] = np.sort(impostor[chosen]).astype(np.float16)
    return kept


def embedding_arrays(material: Material) -> dict[str, np.ndarray]:
    rows = shown_rows(material)
    return {
        "real": material.real_test[rows].astype(np.float16),
        "distorted": material.shifted_test[rows].astype(np.float16),
        "labels": material.labels[rows].astype(str),
        "thumbnails": sheet(material.templates(material.test[rows])),
        "columns": np.array(COLUMNS),
        "side": np.array(min(SIDE, material.pictures.images.shape[1])),
    }


def shown_rows(material: Material) -> np.ndarray:
    """Rows of the test part, class by class."""
    if material.pictures.data == "lfw":
        classes, each = most_photographed(material.labels, CLASSES), FACES_A_PERSON
    else:
        in_series = "series" in material.checkpoint.record
        classes = np.unique(material.labels)
        each = DIGITS_A_CLASS_IN_SERIES if in_series else DIGITS_A_CLASS
    return np.concatenate([np.flatnonzero(material.labels == label)[:each] for label in classes])


def sheet(templates: torch.Tensor) -> np.ndarray:
    """(n, c, h, w) -> the bytes of one WebP picture, (k,), uint8."""
    pictures = to_pictures(templates)
    side = min(SIDE, pictures[0].width)
    rows = -(-len(pictures) // COLUMNS)
    whole = Image.new("RGB", (COLUMNS * side, rows * side))
    for number, picture in enumerate(pictures):
        row, column = divmod(number, COLUMNS)
        thumbnail = picture.resize((side, side), Image.LANCZOS)
        whole.paste(thumbnail, (column * side, row * side))
    file = io.BytesIO()
    whole.save(file, "WEBP", quality=WEBP_QUALITY, method=6)
    return np.frombuffer(file.getvalue(), np.uint8)


def write(folder: Path, summary: dict, files: dict[str, dict[str, np.ndarray]]) -> None:
    """Each file whole or not at all; summary.json comes last."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, kept in files.items():
        with whole_file(folder / name) as file:
            np.savez_compressed(file, **kept)
    write_json(folder / "summary.json", summary, indent=1)
