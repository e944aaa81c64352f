"""Projections: numbers against scikit-learn and naive loops, thumbnails against the pictures they
were cut from.
"""

import io
import json
import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.decomposition import PCA

from ndcb.core.terms import UserError
from ndcb.models import checkpoints
from ndcb.report import projection
from tests.conftest import ROOT
from training.evaluation import files

NAMES = ("Ann", "Bob", "Cy", "Dee", "Eve", "Flo", "Gus", "Hal", "Ida", "Jo", "Kim", "Lu")
EACH = 7


def unit(array):
    return array / np.linalg.norm(array, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def templates():
    """One flat colour a picture, so that a lossy sheet still tells them apart."""
    colours = np.random.default_rng(1).integers(0, 256, (len(NAMES) * EACH, 3)) / 255
    return torch.tensor(colours, dtype=torch.float32)[:, :, None, None].expand(-1, 3, 160, 160)


@pytest.fixture(scope="module")
def stored(tmp_path_factory, templates):
    """An embeddings.npz as the evaluation writes it: 12 classes of 7 pictures, 16 dimensions; its
    path and its arrays.
    """
    random = np.random.default_rng(0)
    real = unit(
        np.repeat(random.normal(size=(len(NAMES), 16)), EACH, 0)
        + random.normal(size=(len(NAMES) * EACH, 16)) / 3
    )
    arrays = {
        "real": real.astype(np.float16),
        "distorted": unit(real + random.normal(size=real.shape) / 9).astype(np.float16),
        "labels": np.repeat(NAMES, EACH),
        "thumbnails": files.sheet(templates),
        "columns": np.array(files.COLUMNS),
        "side": np.array(files.SIDE),
    }
    folder = tmp_path_factory.mktemp("evaluation")
    files.write(folder, {}, {"embeddings.npz": arrays})
    return folder / "embeddings.npz", arrays


@pytest.fixture(scope="module")
def loaded(stored):
    return projection.load(stored[0])


@pytest.fixture(scope="module")
def chosen(loaded):
    return projection.choose(loaded, ["Eve", "Bob", "Cy"], 5)


def points(figure, name: str) -> np.ndarray:
    """Coordinates of a trace, (n, d)."""
    [trace] = [trace for trace in json.loads(figure.to_json())["data"] if trace["name"] == name]
    return np.array([trace[letter] for letter in "xyz" if letter in trace], dtype=float).T


def test_choose_takes_the_first_of_each_class(stored, chosen):
    rows = [*range(7, 12), *range(14, 19), *range(28, 33)]
    assert chosen.cells.tolist() == rows and chosen.classes == ["Bob", "Cy", "Eve"]
    assert np.array_equal(chosen.real, stored[1]["real"][rows].astype(float))
    assert np.array_equal(chosen.distorted, stored[1]["distorted"][rows].astype(float))


@pytest.mark.parametrize("count", [0, 1, 2, 11, 12])
def test_too_few_and_too_many_classes_are_refused(loaded, count):
    with pytest.raises(UserError, match=f"^Choose 3 to 10 people; {count} (is|are) chosen now.$"):
        projection.choose(loaded, list(NAMES[:count]), 5, "people")


@pytest.mark.parametrize("count", range(3, 11))
def test_three_to_ten_classes_are_shown(loaded, count):
    assert projection.choose(loaded, list(NAMES[:count]), 5).classes == list(NAMES[:count])


def test_an_unknown_class_is_refused(loaded):
    with pytest.raises(UserError, match="Choose among the people on the list"):
        projection.choose(loaded, ["Ann", "Bob", "<b>Mallory</b>"], 5, "people")


@pytest.mark.parametrize("dimensions", [2, 3])
def test_the_figure_shows_what_scikit_learn_projects(chosen, dimensions):
    figure = projection.figure(chosen, dimensions)
    axes = PCA(3, svd_solver="full").fit(chosen.real)
    for name in chosen.classes:
        real = axes.transform(chosen.real[chosen.labels == name])[:, :dimensions]
        distorted = axes.transform(chosen.distorted[chosen.labels == name])[:, :dimensions]
        assert np.abs(points(figure, name) - real).max() < 1e-4
        assert np.abs(points(figure, f"{name}, templates") - distorted).max() < 1e-4
        lines = points(figure, f"{name}, pairs")
        assert (
            np.abs(lines[0::3] - real).max() < 1e-4 and np.abs(lines[1::3] - distorted).max() < 1e-4
        )
        assert np.isnan(lines[2::3]).all()


def test_explained_variance_by_hand():
    """Variances 9, 4 and 1 along three axes, and nothing else: the parts are 9/14, 4/14 and
    1/14.
    """
    steps = np.array(
        [[3, 0, 0], [-3, 0, 0], [0, 2, 0], [0, -2, 0], [0, 0, 1], [0, 0, -1]], dtype=float
    )
    names = ("a", "b", "c")
    toy = projection.Embeddings(
        steps, steps + [0, 0, 0.5], np.repeat(names, 2), np.arange(6), b"", 24, 48, names
    )
    layout = projection.figure(toy).layout.scene
    assert [layout[axis].title.text for axis in ("xaxis", "yaxis", "zaxis")] == [
        "PC 1 (64.3 %)",
        "PC 2 (28.6 %)",
        "PC 3 (7.1 %)",
    ]
    assert projection.figure(toy, 2).layout.xaxis.title.text == "PC 1 (64.3 %)"
    assert np.abs(np.abs(points(projection.figure(toy), "a")[:, 0]) - 3).max() < 1e-6
    assert [row.mean for row in projection.table(toy)] == [0.25] * 3


def test_the_axes_do_not_depend_on_the_templates(chosen):
    moved = projection.replace(chosen, distorted=-chosen.distorted)
    for name in chosen.classes:
        assert np.array_equal(
            points(projection.figure(chosen), name), points(projection.figure(moved), name)
        )


def test_hovers_tell_the_true_distance_and_the_cell(chosen):
    told = {trace.name: trace.customdata for trace in projection.figure(chosen).data}
    for name in chosen.classes:
        rows = np.flatnonzero(chosen.labels == name)
        true = [np.linalg.norm(chosen.real[row] - chosen.distorted[row]) ** 2 for row in rows]
        for trace in (name, f"{name}, templates"):
            cells, distances = np.array(told[trace], dtype=float).T
            assert cells.tolist() == chosen.cells[rows].tolist()
            assert np.abs(distances - true).max() < 1e-4


def test_table_against_a_naive_loop(chosen):
    for row in projection.table(chosen):
        inside = [k for k, label in enumerate(chosen.labels) if label == row.name]
        shifts = [math.dist(chosen.real[k], chosen.distorted[k]) ** 2 for k in inside]
        nearest = min(
            (math.dist(chosen.distorted[k], chosen.real[j]) ** 2, chosen.labels[j])
            for k in inside
            for j in range(len(chosen.labels))
            if j not in inside
        )
        assert (row.pictures, row.nearest, row.cell) == (5, nearest[1], chosen.cells[inside[0]])
        assert abs(row.mean - sum(shifts) / 5) < 1e-9 and abs(row.largest - max(shifts)) < 1e-9
        assert abs(row.nearest_distance - nearest[0]) < 1e-9


def test_the_visitors_own_pair_is_projected_too(chosen):
    own = projection.Own(chosen.real[0], chosen.distorted[6])
    figure = projection.figure(chosen, 3, own)
    assert np.abs(points(figure, "yours")[0] - points(figure, "Bob")[0]).max() < 1e-4
    assert (
        np.abs(points(figure, "yours, templates")[0] - points(figure, "Cy, templates")[1]).max()
        < 1e-4
    )
    [trace] = [trace for trace in figure.data if trace.name == "yours"]
    assert trace.customdata[0][0] == projection.OWN_CELL
    assert abs(trace.customdata[0][1] - math.dist(own.real, own.distorted) ** 2) < 1e-4
    assert "yours" not in [trace.name for trace in projection.figure(chosen).data]
    name, distance = projection.nearest_class(chosen, chosen.real[12])
    assert name == "Eve" and abs(distance) < 1e-9


def test_cell_k_of_the_sheet_is_picture_k(loaded, templates):
    sheet = Image.open(io.BytesIO(loaded.sheet)).convert("RGB")
    for cell in range(len(templates)):
        left, top = projection.corner(cell, loaded.columns, loaded.side)
        crop = np.asarray(sheet.crop((left, top, left + loaded.side, top + loaded.side)))
        gaps = np.abs(templates[:, :, 0, 0].numpy() * 255 - crop[8:-8, 8:-8].mean((0, 1))).sum(1)
        assert gaps.argmin() == cell


@pytest.mark.slow
def test_committed_thumbnails_belong_to_their_embeddings():
    """A digit's thumbnail has the template's full size: embedded again it lies nearest to its own
    row of nearly all.
    """
    from ndcb.core.tensors import to_tensor
    from ndcb.models.recognisers import load_recogniser

    path = checkpoints.FOLDER / "digits" / "evaluation" / "embeddings.npz"
    if not path.is_file():
        pytest.skip("The evaluation of the digits is not there")
    kept = projection.choose(projection.load(path), list("01234"), 10)
    sheet = Image.open(io.BytesIO(kept.sheet)).convert("L")
    corners = [projection.corner(cell, kept.columns, kept.side) for cell in kept.cells]
    crops = [sheet.crop((left, top, left + kept.side, top + kept.side)) for left, top in corners]
    with torch.inference_mode():
        found = load_recogniser("digits-embedder", "cpu")(to_tensor(crops)).numpy()
    nearest = np.square(found[:, None] - kept.distorted).sum(2).argmin(1)
    assert (nearest == np.arange(len(nearest))).mean() > 0.8


def test_colours_stay_with_their_class(loaded):
    few, many = (
        projection.choose(loaded, ["Bob", "Eve", "Lu"], 5),
        projection.choose(loaded, list(NAMES[1:11]), 5),
    )
    assert projection.colour(few, "Eve") == projection.colour(many, "Eve")
    assert len({projection.colour(many, name) for name in many.classes}) == 10


def test_projection_needs_no_torch():
    check = "import sys, ndcb.report.projection; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], cwd=ROOT).returncode == 0
