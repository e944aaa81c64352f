"""python -m ndcb, as a person or a script calls it."""

import csv
import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from ndcb import checkpoints
from ndcb.__main__ import main
from ndcb.distances import image_distances
from ndcb.images import to_tensor
from ndcb.terms import DEFAULT_FACES

from . import odd_files
from .conftest import ROOT


def run(capsys, *arguments) -> tuple[int, list[dict], str]:
    code = main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return code, [json.loads(line) for line in out.splitlines()], err


@pytest.fixture
def photo(tmp_path, astronaut):
    path = tmp_path / "astronaut.jpg"
    astronaut.save(path, quality=95)
    return path


def test_distort_writes_a_lossless_template_and_true_numbers(capsys, tmp_path, photo):
    code, [line], _ = run(capsys, "distort", photo, "--out", tmp_path / "out", "--device", "cpu")
    assert code == 0
    template = Image.open(tmp_path / "out" / "astronaut.template.png")
    assert template.size == (160, 160) and template.mode == "RGB" and line["template"].endswith("astronaut.template.png")
    assert list(line["distances"]) == ["l1", "mse", "l2", "dssim", "sobel", "combined"]
    assert set(line["milliseconds"]) == {"detect", "generate", "embed", "compare"} and min(line["milliseconds"].values()) > 0
    x0, y0, x1, y1 = line["face_box"]
    assert x0 < 220 < x1 and y0 < 110 < y1  # her nose
    from ndcb.pipeline import Models

    models = Models()
    face = models.find(photo)[0].image
    again = image_distances(to_tensor([template]), to_tensor([face]))
    assert {name: float(value) for name, value in again.items()} == pytest.approx(line["distances"], abs=1e-5)
    a, b = models.distorter(DEFAULT_FACES).embed([face, template])
    assert float((a - b).square().sum()) == pytest.approx(line["embedding_distance"], abs=1e-4)
    assert line["distances"]["dssim"] > 0.4


def test_compare_takes_photos_and_templates(capsys, tmp_path, photo):
    run(capsys, "distort", photo, "--out", tmp_path)
    template = tmp_path / "astronaut.template.png"
    code, [line], _ = run(capsys, "compare", template, photo)
    assert code == 0 and line["same"] is (line["squared_distance"] < line["threshold"]) is True
    assert line["threshold"] == checkpoints.load(DEFAULT_FACES).record["threshold"]
    _, [equal], _ = run(capsys, "compare", photo, photo)
    assert equal["squared_distance"] == pytest.approx(0, abs=1e-6)


def test_pairs_from_a_csv_go_on_after_a_bad_one(capsys, tmp_path, photo):
    with open(tmp_path / "pairs.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerows([["reference", "probe"], [photo, photo], [photo, tmp_path / "missing.jpg"], [photo, photo]])
    code, lines, _ = run(capsys, "compare", "--pairs", tmp_path / "pairs.csv")
    assert code == 1 and [("error" in line) for line in lines] == [False, True, False]
    assert lines[1]["error"] == "There is no file at this place. Check the path."


def test_aligned_pictures_are_taken_as_they_are(capsys, tmp_path):
    Image.fromarray(np.full((160, 160, 3), 99, np.uint8)).save(tmp_path / "crop.png")
    code, [line], _ = run(capsys, "distort", tmp_path / "crop.png", "--out", tmp_path, "--aligned")
    assert code == 0 and line["face_box"] is None and line["face"] == "aligned already"


@pytest.mark.slow
def test_odd_files(capsys, tmp_path, astronaut):
    """Each gives its templates or its one sentence; none stops the others, none shows a traceback."""
    good = odd_files.write_all(astronaut, tmp_path, odd_files.WITH_FACES)
    bad = odd_files.write_all(astronaut, tmp_path, odd_files.REFUSED)
    code, lines, err = run(capsys, "distort", *good, *bad, tmp_path, tmp_path / "not_there.jpg", "--out", tmp_path / "out")
    assert code == 1 and "Traceback" not in err
    by_photo = {}
    for line in lines:
        by_photo.setdefault(line["photo"], []).append(line)
    assert len(by_photo) == len(good) + len(bad) + 2 >= 25
    for path in good:
        found = by_photo[str(path)]
        assert len(found) == odd_files.WITH_FACES[path.name][1] and not any("error" in line for line in found), path.name
    for path in bad:
        [line] = by_photo[str(path)]
        assert odd_files.REFUSED[path.name][1] in line["error"], (path.name, line)
        assert path.name not in line["error"] and "\n" not in line["error"]
    assert len({line["template"] for line in lines if "template" in line}) == len(list((tmp_path / "out").glob("*.png")))
    assert {line["rotation"] for name in ("turned_90.jpg", "turned_180.jpg") for line in by_photo[str(tmp_path / name)]} == {270, 180}
    two = by_photo[str(tmp_path / "two_faces.jpg")]
    assert [line["template"].rsplit("/")[-1] for line in two] == ["two_faces.1.template.png", "two_faces.2.template.png"]


def test_wrong_names_are_answered_in_words(capsys, tmp_path, photo):
    code, lines, err = run(capsys, "distort", photo, "--out", tmp_path, "--generator", "facez")
    assert (code, lines) == (2, []) and "unknown checkpoint 'facez'; there are: " in err and "faces" in err
    code, _, err = run(capsys, "distort", photo, "--out", tmp_path, "--generator", "digits")
    assert code == 2 and "not made for faces" in err
    code, _, err = run(capsys, "compare", photo)
    assert code == 2 and "two pictures" in err
    (tmp_path / "wrong.csv").write_text("a,b\n1,2\n")
    code, _, err = run(capsys, "compare", "--pairs", tmp_path / "wrong.csv")
    assert code == 2 and "columns reference and probe" in err


def test_help_names_every_option():
    for command, options in (("distort", ("--out", "--generator", "--device", "--aligned")), ("compare", ("--pairs", "--aligned"))):
        done = subprocess.run([sys.executable, "-m", "ndcb", command, "--help"], cwd=ROOT, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0 and all(option in done.stdout for option in options)


@pytest.mark.slow
def test_templates_separate_test_people(capsys, tmp_path, lfw_root):
    """Templates of ten people nothing was trained on, against another photo of theirs and of the next person."""
    from ndcb.lfw import in_test

    people = [folder for folder in sorted((lfw_root / "lfw_home" / "lfw_funneled").iterdir())
              if in_test(folder.name) and len(list(folder.iterdir())) > 3][:10]
    photos = [sorted(folder.iterdir())[:2] for folder in people]
    code, lines, _ = run(capsys, "distort", *(first for first, _ in photos), "--out", tmp_path)
    templates = {line["photo"]: line["template"] for line in lines if "template" in line}
    assert len(templates) == 10
    pairs = [(templates[str(first)], second) for first, second in photos]
    strangers = [(templates[str(photos[n][0])], photos[(n + 1) % 10][1]) for n in range(10)]
    with open(tmp_path / "pairs.csv", "w", newline="") as file:
        csv.writer(file).writerows([("reference", "probe"), *pairs, *strangers])
    _, lines, _ = run(capsys, "compare", "--pairs", tmp_path / "pairs.csv")
    distance = [line["squared_distance"] for line in lines]
    assert np.mean(distance[:10]) + 0.4 < np.mean(distance[10:])
    assert sum(line["same"] for line in lines[:10]) >= 8 and sum(line["same"] for line in lines[10:]) <= 2
