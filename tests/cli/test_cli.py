"""python -m ndcb, as a person or a script calls it."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ndcb.__main__ import main
from ndcb.core.distances import image_distances
from ndcb.core.tensors import to_tensor
from ndcb.core.terms import DEFAULT_FACES
from ndcb.models import checkpoints
from ndcb.models.operating_points import OLD
from tests import odd_files
from tests.conftest import ROOT
from tests.core.test_files import largest_file


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
    assert (
        template.size == (112, 112)
        and template.mode == "RGB"
        and line["template"].endswith("astronaut.template.png")
    )
    assert list(line["distances"]) == ["l1", "mse", "l2", "dssim", "sobel", "combined"]
    assert (
        set(line["milliseconds"]) == {"detect", "generate", "embed", "compare"}
        and min(line["milliseconds"].values()) > 0
    )
    x0, y0, x1, y1 = line["face_box"]
    assert x0 < 220 < x1 and y0 < 110 < y1  # her nose
    from ndcb.models.pipeline import Models

    models = Models()
    face = models.find(photo)[0]
    again = image_distances(to_tensor([template]), to_tensor([face.upright]))
    assert {name: float(value) for name, value in again.items()} == pytest.approx(
        line["distances"], abs=1e-5
    )
    a, b = models.distorter(DEFAULT_FACES).embed([face, template])
    assert float((a - b).square().sum()) == pytest.approx(line["embedding_distance"], abs=1e-4)
    assert line["distances"]["dssim"] > 0.4


def test_compare_takes_photos_and_templates(capsys, tmp_path, photo):
    run(capsys, "distort", photo, "--out", tmp_path)
    template = tmp_path / "astronaut.template.png"
    code, [line], _ = run(capsys, "compare", template, photo)
    assert code == 0 and line["same"] is (line["squared_distance"] < line["threshold"]) is True
    assert (line["reference_is"], line["probe_is"], line["probe_faces"]) == ("template", "photo", 1)
    assert line["threshold"] == checkpoints.load(DEFAULT_FACES).record["threshold"]
    _, [equal], _ = run(capsys, "compare", photo, photo)
    assert equal["squared_distance"] == pytest.approx(0, abs=1e-6)


def test_compare_is_judged_at_the_rate_that_is_asked_for(capsys, tmp_path, models, monkeypatch):
    """A grey crop and itself are at distance 0, under any threshold but 0."""
    distorter = models.distorter(DEFAULT_FACES)
    record, (_, height, width) = distorter.generator.record, distorter.recogniser.image_shape
    monkeypatch.setattr("ndcb.models.pipeline.Models", lambda *_: models)
    Image.new("RGB", (width, height), "grey").save(tmp_path / "crop.png")
    pair = ("compare", tmp_path / "crop.png", tmp_path / "crop.png", "--aligned")

    monkeypatch.setitem(record, "thresholds", {"1e-2": 1.25, "1e-3": 1.0, "1e-4": 0.0})
    for option, limit, rate in (
        ((), 1.0, 1e-3),
        (("--fmr", "1%"), 1.25, 0.01),
        (("--fmr", "0.01%"), 0.0, 1e-4),
    ):
        _, [line], _ = run(capsys, *pair, *option)
        assert (line["threshold"], line["fmr"], line["same"]) == (limit, rate, limit > 0)

    monkeypatch.delitem(record, "thresholds")
    _, [line], _ = run(capsys, *pair)
    assert (line["threshold"], line["fmr"]) == (record["threshold"], None)
    code, [line], _ = run(capsys, *pair, "--fmr", "1%")
    assert (code, line["error"]) == (1, OLD)
    named = run(capsys, *pair, "--fmr", "1%", "--generator", DEFAULT_FACES)
    assert named == (2, [], f"{OLD}\n")


def test_compare_asks_the_generator_that_a_template_names(capsys, tmp_path, photo):
    """Whoever kept a FaceNet template compares it as before; a name that is no checkpoint's, or a
    path, counts for nothing.
    """
    run(capsys, "distort", photo, "--out", tmp_path, "--generator", "faces-bottleneck")
    template = tmp_path / "astronaut.template.png"
    for pair in ((template, photo), (photo, template)):
        code, [line], _ = run(capsys, "compare", *pair)
        assert (code, line["generator"], line["same"]) == (0, "faces-bottleneck", True)
        assert line["threshold"] == checkpoints.load("faces-bottleneck").record["threshold"]
    code, [line], _ = run(capsys, "compare", photo, photo)
    assert (code, line["generator"]) == (0, DEFAULT_FACES)
    code, [line], _ = run(capsys, "compare", template, photo, "--generator", DEFAULT_FACES)
    assert code == 1 and "160 pixels wide" in line["error"]


def test_pairs_from_a_csv_go_on_after_a_bad_one(capsys, tmp_path, photo):
    with open(tmp_path / "pairs.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerows(
            [
                ["reference", "probe"],
                [photo, photo],
                [photo, tmp_path / "missing.jpg"],
                [photo, photo],
            ]
        )
    code, lines, _ = run(capsys, "compare", "--pairs", tmp_path / "pairs.csv")
    assert code == 1 and [("error" in line) for line in lines] == [False, True, False]
    assert lines[1]["error"] == "There is no file at this place. Check the path."


def test_aligned_pictures_are_taken_as_they_are(capsys, tmp_path):
    Image.fromarray(np.full((160, 160, 3), 99, np.uint8)).save(tmp_path / "crop.png")
    code, [line], _ = run(capsys, "distort", tmp_path / "crop.png", "--out", tmp_path, "--aligned")
    assert code == 0 and line["face_box"] is None and line["face"] == "aligned already"


@pytest.mark.slow
def test_odd_files(capsys, tmp_path, astronaut):
    """Each gives its templates or its one sentence; none stops the others, none shows a
    traceback.
    """
    good = odd_files.write_all(astronaut, tmp_path, odd_files.WITH_FACES)
    bad = odd_files.write_all(astronaut, tmp_path, odd_files.REFUSED)
    code, lines, err = run(
        capsys,
        "distort",
        *good,
        *bad,
        tmp_path,
        tmp_path / "not_there.jpg",
        "--out",
        tmp_path / "out",
    )
    assert code == 1 and "Traceback" not in err
    by_photo = {}
    for line in lines:
        by_photo.setdefault(line["photo"], []).append(line)
    assert len(by_photo) == len(good) + len(bad) + 2 >= 25
    for path in good:
        found = by_photo[str(path)]
        assert len(found) == odd_files.WITH_FACES[path.name][1] and not any(
            "error" in line for line in found
        ), path.name
    for path in bad:
        [line] = by_photo[str(path)]
        assert odd_files.REFUSED[path.name][1] in line["error"], (path.name, line)
        assert path.name not in line["error"] and "\n" not in line["error"]
    assert len({line["template"] for line in lines if "template" in line}) == len(
        list((tmp_path / "out").glob("*.png"))
    )
    assert {
        line["rotation"]
        for name in ("turned_90.jpg", "turned_180.jpg")
        for line in by_photo[str(tmp_path / name)]
    } == {270, 180}
    two = by_photo[str(tmp_path / "two_faces.jpg")]
    assert [line["template"].rsplit("/")[-1] for line in two] == [
        "two_faces.1.template.png",
        "two_faces.2.template.png",
    ]


def test_wrong_names_are_answered_in_words(capsys, tmp_path, photo):
    code, lines, err = run(capsys, "distort", photo, "--out", tmp_path, "--generator", "facez")
    assert (
        (code, lines) == (2, [])
        and "unknown checkpoint 'facez'; there are: " in err
        and "faces" in err
    )
    code, _, err = run(capsys, "distort", photo, "--out", tmp_path, "--generator", "digits")
    assert code == 2 and "not made for faces" in err
    code, _, err = run(capsys, "compare", photo)
    assert code == 2 and "two pictures" in err
    (tmp_path / "wrong.csv").write_text("a,b\n1,2\n")
    code, _, err = run(capsys, "compare", "--pairs", tmp_path / "wrong.csv")
    assert code == 2 and "columns reference and probe" in err


def test_help_names_every_option():
    for command, options in (
        ("distort", ("--out", "--generator", "--device", "--aligned")),
        ("compare", ("--pairs", "--aligned")),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "ndcb", command, "--help"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0 and all(option in done.stdout for option in options)


@pytest.mark.slow
def test_templates_separate_test_people(capsys, tmp_path, lfw_root):
    """Templates of ten people nothing was trained on, against another photo of theirs and of the
    next person.
    """
    from ndcb.faces.lfw import in_test

    people = [
        folder
        for folder in sorted((lfw_root / "lfw_home" / "lfw_funneled").iterdir())
        if in_test(folder.name) and len(list(folder.iterdir())) > 3
    ][:10]
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
    assert (
        sum(line["same"] for line in lines[:10]) >= 8
        and sum(line["same"] for line in lines[10:]) <= 2
    )


# careless and hostile calls


@pytest.fixture
def here(tmp_path, monkeypatch, models, photo):
    """The current folder, with a portrait in it, and the models that are loaded already."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ndcb.models.pipeline.Models", lambda *_: models)
    return tmp_path


@pytest.fixture
def crop(here, astronaut, models) -> Path:
    """An aligned face, which no detector has to look at."""
    models.find(astronaut)[0].image.save(here / "crop.png")
    return Path("crop.png")


def distort(capsys, *arguments) -> tuple[int, list[dict], str]:
    return run(capsys, "distort", *arguments, "--aligned", "--out", "out")


def test_no_template_takes_the_place_of_another(capsys, here, astronaut, models):
    odd_files.write_all(astronaut, here, {"two_faces.jpg": odd_files.WITH_FACES["two_faces.jpg"]})
    Path("two_faces.jpg").rename("party.jpg")
    astronaut.save("party.1.jpg")
    astronaut.save("PARTY.jpg")
    code, lines, _ = run(
        capsys, "distort", "party.jpg", "party.1.jpg", "PARTY.jpg", "party.jpg", "--out", "out"
    )
    written = [Path(line["template"]).name for line in lines]
    assert code == 0 and written == [
        "party.1.template.png",
        "party.2.template.png",
        "party.1-2.template.png",
        "PARTY-2.template.png",
        "party-3.1.template.png",
        "party-3.2.template.png",
    ]
    assert sorted(path.name for path in Path("out").iterdir()) == sorted(written)


def test_what_is_there_is_replaced_on_demand_alone(capsys, here, crop):
    assert distort(capsys, crop)[0] == 0
    template = Path("out/crop.template.png")
    template.write_bytes(b"another person's")
    code, [line], err = distort(capsys, crop)
    assert (
        (code, err) == (1, "")
        and "Replace it with --overwrite" in line["error"]
        and "template" not in line
    )
    assert template.read_bytes() == b"another person's"
    assert distort(capsys, crop, "--overwrite")[0] == 0 and Image.open(template).size == (112, 112)
    assert [path.name for path in Path("out").iterdir()] == ["crop.template.png"]


def test_a_failed_write_keeps_the_older_template(capsys, here, crop):
    distort(capsys, crop)
    before = Path("out/crop.template.png").read_bytes()
    with largest_file(1000):
        code, lines, _ = distort(capsys, crop, crop, "--overwrite")
    assert (
        code == 1
        and len(lines) == 2
        and all("cannot be written (File too large)" in line["error"] for line in lines)
    )
    assert (
        Path("out/crop.template.png").read_bytes() == before
        and len(list(Path("out").iterdir())) == 1
    )


def test_one_bad_name_does_not_end_the_batch(capsys, here, crop):
    names = [
        "crop.png",
        "x" * 244 + ".png",
        "x" * 251 + ".png",
        "写" * 82 + ".png",
        os.fsdecode(b"caf\xe9.png"),
        ".png",
        "a\nb.png",
    ]
    for name in names[1:]:
        Path(name).write_bytes(crop.read_bytes())
    Path("out/crop.template.png").mkdir(parents=True)
    given = [*names, "x" * 300, "n" * 5000, "", "out"]
    code, lines, err = distort(capsys, *given, crop)
    assert (code, err) == (1, "") and len(lines) == len(given) + 1
    assert ["error" in line for line in lines] == [True, *[False] * 6, *[True] * 4, False]
    written = [Path(line["template"]).name for line in lines if "template" in line]
    assert len(set(written)) == 7 and max(len(name.encode()) for name in written) <= 255
    assert (
        written[2][0] == "写"
        and written[3] == "caf_xe9.template.png"
        and lines[4]["photo"] == "caf\\xe9.png"
    )
    code, [line], _ = distort(capsys, crop, "--overwrite")
    assert (
        code == 1
        and "cannot be written (Is a directory)" in line["error"]
        and Path("out/crop.template.png").is_dir()
    )


@pytest.mark.parametrize(
    "fault, sentence",
    [
        (MemoryError(), "not enough memory"),
        (OSError(5, "Input/output error"), "Input/output error"),
        (KeyError("bug"), "fault of the program"),
    ],
)
def test_any_failure_of_a_photo_is_its_lines(
    capsys, here, crop, models, monkeypatch, fault, sentence
):
    Path("bad.png").write_bytes(crop.read_bytes())
    find = models.find

    def failing(photo, aligned=False):
        if Path(photo).name == "bad.png":
            raise fault
        return find(photo, aligned)

    monkeypatch.setattr(models, "find", failing)
    code, lines, err = distort(capsys, *[crop] * 3, "bad.png", *[crop] * 3)
    assert code == 1 and ["error" in line for line in lines] == [False] * 3 + [True] + [False] * 3
    assert sentence in lines[3]["error"] and ("Traceback" in err) is isinstance(fault, KeyError)


def test_ctrl_c_says_how_far_it_came(capsys, here, crop, models, monkeypatch):
    answers = iter([models.find(crop, True)] * 2)

    def find(*_):
        if (answer := next(answers, None)) is None:
            raise KeyboardInterrupt
        return answer

    monkeypatch.setattr(models, "find", find)
    code, lines, err = distort(capsys, *[crop] * 5)
    assert (code, len(lines), err) == (130, 2, "Stopped: 2 of 5 photos are done.\n")
    monkeypatch.setattr("ndcb.models.pipeline.Models", lambda *_: find())
    assert distort(capsys, crop)[::2] == (130, "Stopped.\n")


def test_a_folder_that_cannot_be_made(capsys, here, crop):
    for place in (crop, crop / "below", "x" * 300):
        code, lines, err = run(capsys, "distort", crop, "--aligned", "--out", place)
        assert (code, lines, err.count("\n")) == (2, [], 1) and "cannot be made" in err
    for generator in ("", "x" * 300, "/" + "x" * 300, "no/such"):
        code, lines, err = run(capsys, "distort", crop, "--out", "out", "--generator", generator)
        assert (code, lines, err.count("\n")) == (2, [], 1) and "unknown checkpoint" in err


def test_a_photo_from_the_input(capsys, here, photo, monkeypatch):
    def given(data):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))

    given(photo.read_bytes())
    code, [line], _ = run(capsys, "distort", "-", "--out", "out")
    assert code == 0 and line["photo"] == "-" and line["template"] == "out/stdin.template.png"
    given(photo.read_bytes())
    code, [line], _ = run(capsys, "compare", "out/stdin.template.png", "-")
    assert (
        code == 0
        and line["same"]
        and (line["reference_is"], line["probe_is"]) == ("template", "photo")
    )
    given(f"probe;reference\r\n{photo};out/stdin.template.png\r\n".encode("utf-16"))
    code, [line], _ = run(capsys, "compare", "--pairs", "-")
    assert code == 0 and line["same"] and line["probe"] == str(photo)
    given(b"")
    assert "The file is empty" in run(capsys, "distort", "-", "--out", "out")[1][0]["error"]
    assert run(capsys, "compare", "-", "-")[::2] == (
        2,
        "Only one of a call's files can be -, the input. Name the others.\n",
    )
    monkeypatch.setattr("sys.stdin", None)
    assert "The input is closed" in run(capsys, "distort", "-", "--out", "out")[1][0]["error"]
    assert run(capsys, "compare", "--pairs", "-")[0] == 2


def test_tables_of_pairs(capsys, here, crop):
    name = os.fspath(crop)
    for text in (
        f"\ufeffreference,probe\r\n{name},{name}\r\n\r\n",
        f"Reference;Probe\r\n{name};{name}\r\n",
    ):
        Path("pairs.csv").write_text(text, encoding="utf-8", newline="")
        code, [line], _ = run(capsys, "compare", "--pairs", "pairs.csv", "--aligned")
        assert (
            code == 0
            and line["same"]
            and line["reference_is"] == "aligned"
            and line["reference"] == name
        )
    Path("pairs.csv").write_text(f"reference,probe\n{name}\n{name},{name}\n{name},-\n")
    code, lines, _ = run(capsys, "compare", "--pairs", "pairs.csv", "--aligned")
    assert code == 1 and lines[0] == {
        "reference": name,
        "probe": "",
        "error": "This row names no probe.",
    }
    assert (
        lines[1]["same"] and lines[2]["error"] == "There is no file at this place. Check the path."
    )
    for content, sentence in (
        (b"", "is empty"),
        (b"reference,probe\n", "has its header and no pair"),
        (bytes(100), "no text"),
    ):
        Path("pairs.csv").write_bytes(content)
        code, lines, err = run(capsys, "compare", "--pairs", "pairs.csv")
        assert (code, lines, err.count("\n")) == (2, [], 1) and sentence in err
    for place in ("none.csv", "."):
        code, lines, err = run(capsys, "compare", "--pairs", place)
        assert (code, lines, err.count("\n")) == (2, [], 1) and "Check the path of --pairs" in err


def test_templates_are_known_by_what_they_are(capsys, here, photo, astronaut):
    run(capsys, "distort", photo, "--out", "out")
    template = Path("out/astronaut.template.png").rename("holiday.png")
    Image.open(template).save("sent.jpg", quality=85)
    astronaut.save("photo.template.png")
    astronaut.resize((160, 160)).save("small.template.png")
    kinds = {
        "holiday.png": "template",
        "sent.jpg": "template",
        "photo.template.png": "photo",
        "small.template.png": "photo",
    }
    for name, kind in kinds.items():
        code, [line], _ = run(capsys, "compare", name, photo)
        assert code == 0 and line["reference_is"] == kind and line["same"], name
        assert line.get("reference_faces") == (1 if kind == "photo" else None)


def test_compare_says_how_many_faces_were_found(capsys, here, photo, astronaut):
    odd_files.write_all(astronaut, here, {"two_faces.jpg": odd_files.WITH_FACES["two_faces.jpg"]})
    code, [line], _ = run(capsys, "compare", "two_faces.jpg", photo)
    assert code == 0 and (line["reference_faces"], line["probe_faces"]) == (2, 1)


@pytest.fixture
def ctrl_c():
    """A shell lets what it starts in the background ignore Ctrl-C, and so would its children."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def python(*arguments, **options) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "ndcb", *map(str, arguments)], cwd=ROOT, text=True, **options
    )


def test_help_whose_reader_went_away():
    reading, writing = os.pipe()
    os.close(reading)
    with python("distort", "--help", stdout=writing, stderr=subprocess.PIPE) as process:
        os.close(writing)
        assert process.communicate(timeout=120) == (None, "") and process.returncode == 141


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["distort", "a.jpg", "--out", "out"]])
def test_a_closed_output_is_told(arguments):
    command = f'"$0" -m ndcb {" ".join(arguments)} >&-'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (
        2,
        "",
        1,
    ) and "The output is closed" in done.stderr
    assert not (ROOT / "out").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_output_is_told(tmp_path):
    with (
        open("/dev/full", "w") as full,
        python("--help", stdout=full, stderr=subprocess.PIPE) as process,
    ):
        assert process.communicate(timeout=120)[1].startswith(
            "The output cannot be written (No space left on device)."
        )
        assert process.returncode == 2


def test_without_an_error_output_nothing_else_is_on_the_output():
    command = '"$0" -m ndcb list --vault none.sqlite 2>&-'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable], cwd=ROOT, capture_output=True, timeout=120
    )
    assert (done.returncode, done.stdout) == (2, b"")


@pytest.mark.slow
def test_a_reader_that_went_away_and_ctrl_c(tmp_path, astronaut, ctrl_c):
    astronaut.save(tmp_path / "a.png")
    photos = [tmp_path / "a.png"] * 40
    with python(
        "distort", *photos, "--out", tmp_path / "1", stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert json.loads(process.stdout.readline())["photo"] == str(photos[0])
        process.stdout.close()
        assert process.stderr.read() == "" and process.wait(120) == 141
    with python(
        "distort", *photos, "--out", tmp_path / "2", stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    done = len(out.splitlines()) + 1
    assert (
        process.returncode == 130
        and err in [f"Stopped: {count} of 40 photos are done.\n" for count in (done - 1, done)]
        and done < 40
    )
    written = list((tmp_path / "2").iterdir())
    assert done <= len(written) <= done + 1 and all(
        path.name.endswith(".template.png") for path in written
    )


@pytest.mark.slow
def test_a_locale_without_letters(tmp_path, astronaut):
    """In which Python takes neither arguments nor files' names for UTF-8."""
    folder = tmp_path / "ë"
    folder.mkdir()
    astronaut.save(folder / "写.png")
    (folder / "pairs.csv").write_text(
        f"reference,probe\n{folder}/写.png,{folder}/写.png\n", encoding="utf-8"
    )
    locale = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for arguments in (
        ["distort", folder / "写.png", "--out", folder],
        ["compare", "--pairs", folder / "pairs.csv"],
    ):
        with python(
            *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=locale
        ) as process:
            out, err = process.communicate(timeout=300)
        [line] = map(json.loads, out.splitlines())
        assert (process.returncode, err) == (0, "") and str(folder) in line.get(
            "template", line.get("reference")
        )
    assert (folder / "写.template.png").exists()
