"""Objectives against transfer to other recognisers, side by side.

`faces-bottleneck` is trained without any up to the step at which its own begins. From there each
objective is trained alone, for as many steps. dlib's network, which no training sees, judges the
templates of development people; the test people have no say.
"""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from ndcb.core.files import write_json
from ndcb.core.tensors import quantise, to_pictures
from ndcb.generators.bottleneck import Bottleneck
from ndcb.models import checkpoints
from ndcb.models.recognisers import load_recogniser
from training.data.pictures import Pictures, embeddings, load_pictures
from training.evaluation.field import accepted
from training.loops.bottleneck import train_bottleneck
from training.measure.record import scores, spread, squared_distances
from training.measure.second_recogniser import load_second_recogniser
from training.presets import BottleneckTraining, faces_bottleneck
from training.provenance import provenance
from training.runs import branch

FILE = checkpoints.FOLDER / "objectives.json"
OBJECTIVES = {
    "the bounded carrier alone": {"uniformity": 0.0},
    "and blocks of 8x8 pixels alike": {"uniformity": 200.0, "uniformity_block": 8},
    "and blocks of 2x2 pixels alike": {"uniformity": 200.0, "uniformity_block": 2},
    "and single pixels alike": {"uniformity": 100.0, "uniformity_block": 1},
}
"""Name -> what it changes in the preset. Alike: the variance between people is penalised."""
PICTURES_A_PERSON = 4
BATCH = 32


def compare(
    root: Path,
    out: Path,
    steps: int,
    count: int,
    file: Path = FILE,
    preset: BottleneckTraining | None = None,
) -> Path:
    """Train every objective for `steps` steps, judge it on `count` pictures; returns the file.

    A run that was stopped goes on. Raises NotAvailable before any training where dlib is missing,
    KeyboardInterrupt after a stop by signal.
    """
    judge = load_second_recogniser()
    preset = preset or faces_bottleneck()
    pictures = load_pictures("lfw", root, preset.limit)
    recogniser = load_recogniser(preset.recogniser)
    begin = round(preset.uniformity_from * preset.schedule.steps)
    started = time.monotonic()
    common = replace(preset, preset="before", uniformity=0.0)
    _train(common, root, out / "before", begin)
    found = {}
    for number, (name, change) in enumerate(OBJECTIVES.items()):
        config, folder = replace(preset, preset=name, **change), out / str(number)
        if not _state(folder):
            branch(out / "before" / "state.pt", folder, config)
        _train(config, root, folder, begin + steps)
        found[name] = change | judged(config, _state(folder), pictures, recogniser, judge, count)
    about = provenance(preset, "cpu")
    for key in ("training", "steps", "label"):
        del about[key]
    about |= {"from_step": begin, "steps": steps, "seconds": time.monotonic() - started}
    write_json(file, about | {"objectives": found}, indent=1)
    return file


def _train(config: BottleneckTraining, root: Path, folder: Path, until: int) -> None:
    if _steps_done(folder) < until:
        train_bottleneck(config, root, folder, folder, until)
    if _steps_done(folder) < until:
        raise KeyboardInterrupt


def _steps_done(folder: Path) -> int:
    return len(_state(folder).get("history", ()))


def _state(folder: Path) -> dict:
    path = folder / "state.pt"
    return torch.load(path, map_location="cpu", weights_only=True) if path.exists() else {}


def judged(
    config: BottleneckTraining,
    state: dict,
    pictures: Pictures,
    recogniser: torch.nn.Module,
    judge,
    count: int,
) -> dict:
    """Embedding error, and rates by F and by the second recogniser.

    They are of development people with two pictures or more.
    """
    generator = Bottleneck(config.model).eval()
    generator.load_state_dict(state["generator"])
    rows = rows_of_several(pictures.labels, pictures.development_rows)[:count]
    real, labels = embeddings(pictures, config.recogniser, recogniser)[rows], pictures.labels[rows]
    with torch.inference_mode():
        batches = [quantise(generator(batch)) for batch in torch.from_numpy(real).split(BATCH)]
        shifted = torch.cat([recogniser(batch) for batch in batches]).numpy()
    files = [np.asarray(picture) for picture in to_pictures(torch.cat(batches))]
    templates = judge.embed(np.stack(files))
    photos = judge.embed(np.array(pictures.images[rows]))
    return {
        "pictures": len(rows),
        "embedding_error": spread(squared_distances(shifted, real)),
        "plain": accepted(*scores(real, real, labels)),
        "template": accepted(*scores(shifted, real, labels)),
        "second_recogniser": {
            "name": judge.name,
            "plain": accepted(*scores(photos, photos, labels)),
            "template": accepted(*scores(templates, photos, labels)),
        },
    }


def rows_of_several(labels: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The first few rows of everybody who has two pictures or more, person by person."""
    own = labels[rows]
    people, counts = np.unique(own, return_counts=True)
    return np.concatenate(
        [rows[own == person][:PICTURES_A_PERSON] for person in people[counts > 1]]
    )
