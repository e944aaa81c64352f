"""python -m ndcb export: the files compute what torch computes, and the README's words are true."""

import os
import re
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from ndcb.core.tensors import to_tensor
from ndcb.faces import samples
from ndcb.models.acceleration import in_torch
from ndcb.models.examples import portrait_face
from ndcb.models.export_readme import readme
from ndcb.models.pipeline import Distorter
from tests.cli.test_cli import run
from tests.core.test_files import largest_file

NAMES = ["generator.onnx", "recogniser.onnx", "README.md"]


def test_digits_are_exported_and_read_again(capsys, tmp_path, models):
    """Other programs' calls: onnx checks the files, onnxruntime runs them."""
    code, lines, err = run(capsys, "export", "digits", "--out", tmp_path / "new" / "out")
    assert code == 0 and err == ""
    paths = [tmp_path / "new" / "out" / name for name in NAMES]
    assert [line["file"] for line in lines] == list(map(str, paths))
    assert [line["bytes"] for line in lines] == [path.stat().st_size for path in paths]
    for path in paths[:2]:
        onnx.checker.check_model(str(path), full_check=True)

    distorter = models.distorter("digits")
    digits = to_tensor(samples.digits()[:4])
    of_torch = {
        "generator.onnx": in_torch(distorter.generator.model),
        "recogniser.onnx": in_torch(distorter.recogniser),
    }
    for path in paths[:2]:
        session = onnxruntime.InferenceSession(path)
        given = {"input": digits.numpy()}
        with torch.no_grad():
            expected = of_torch[path.name](digits)
        torch.testing.assert_close(
            torch.from_numpy(session.run(None, given)[0]), expected, atol=1e-5, rtol=0
        )
        assert str(expected.shape[1]) in str(session.get_outputs()[0].shape)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Name of a generator -> the folder of its files."""
    from ndcb.__main__ import main

    folders = {}

    def folder_of(name: str):
        if name not in folders:
            folders[name] = tmp_path_factory.mktemp(name)
            assert main(["export", name, "--out", str(folders[name])]) == 0
        return folders[name]

    return folder_of


@pytest.mark.parametrize("name", ["digits", "faces-bottleneck", "faces-sealed", "sface-bottleneck"])
def test_the_readmes_example_works_without_the_project(exported, models, name, tmp_path):
    """In a process that cannot import ndcb or torch: genuine is accepted, an impostor is not."""
    folder, distorter = exported(name), models.distorter(name)
    genuine, impostor, size = pictures(name, distorter)
    np.savez(tmp_path / "given.npz", genuine=genuine, impostor=impostor, rotation=rotation(size))
    (example,) = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
    key = ", rotation" if name == "faces-sealed" else ""
    script = f"""
import sys
sys.modules["torch"] = sys.modules["ndcb"] = None
{example}
given = np.load({str(tmp_path / "given.npz")!r})
genuine, impostor, rotation = (given[name] for name in ("genuine", "impostor", "rotation"))
templates = templates_of(genuine{key})
assert templates.shape == genuine.shape and templates.dtype == np.uint8
assert np.abs(templates.astype(int) - genuine).mean() > 10
print(same(templates, genuine{key}), same(templates, impostor{key}))
np.save({str(tmp_path / "templates.npy")!r}, templates)
"""
    answer = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, env=os.environ
    )
    assert answer.stdout == "[ True] [False]\n", answer.stderr
    templates = torch.from_numpy(np.load(tmp_path / "templates.npy"))
    own = in_torch(distorter.generator.model)
    with torch.no_grad():
        read = torch.from_numpy(genuine).float() / 255
        if distorter.generator.model.reads != "picture":
            read = distorter.recogniser(read)
        if distorter.sealed:
            read = read @ torch.from_numpy(rotation(size)).float().T
        levels = (own(read) * 255 - templates).abs().max()
    assert levels <= 0.51


def pictures(name: str, distorter: Distorter) -> tuple[np.ndarray, np.ndarray, int]:
    """A picture of one, another of somebody else's, and the number of directions."""
    if name == "digits":
        zero, one = (np.array(samples.digits()[digit])[None, None] for digit in (0, 1))
        return zero, one, 1
    face = np.array(distorter.aligned(portrait_face())).transpose(2, 0, 1)[None]
    nobody = np.random.default_rng(0).integers(0, 256, face.shape, dtype=np.uint8)
    return face, nobody, 64


def rotation(size: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(1).normal(size=(size, size)))[0]


def test_a_sealed_generators_recogniser_gives_directions(exported, models):
    session = onnxruntime.InferenceSession(exported("faces-sealed") / "recogniser.onnx")
    face = portrait_face()
    given = {"input": to_tensor([face.image]).numpy()}
    expected = models.distorter("faces-sealed").embed([face])
    torch.testing.assert_close(
        torch.from_numpy(session.run(None, given)[0]), expected, atol=1e-5, rtol=0
    )


@pytest.mark.parametrize(
    "name, words",
    [
        ("digits", ["(n, 1, 28, 28)", "(n, 10)", "MNIST", "CC BY-SA 3.0"]),
        ("faces-bottleneck", ["(n, 3, 160, 160)", "embeddings (n, 512)", "12.5%", "research"]),
        ("faces-sealed", ["directions (n, 64)", "rotation", "20180408-102900"]),
    ],
)
def test_the_readme_tells_shapes_alignment_threshold_and_licences(models, name, words):
    distorter = models.distorter(name)
    text = readme(distorter)
    threshold = str(distorter.generator.record["threshold"])
    for word in [*words, threshold, distorter.generator.record["sha256"], "## Licences"]:
        assert word in text, word


def test_the_readme_tells_every_threshold_with_its_rate(models, monkeypatch):
    distorter = models.distorter("digits")
    record = distorter.generator.record
    monkeypatch.setitem(record, "thresholds", {"1e-2": 1.25, "1e-3": 1.125, "1e-4": 0.75})
    text = readme(distorter)
    for row in ("| 1.25 | 1% |", "| 1.125 | 0.1%, the default |", "| 0.75 | 0.01% |"):
        assert row in text
    assert "return squared_distances < 1.125\n" in text

    monkeypatch.delitem(record, "thresholds")
    older = readme(distorter)
    assert f"**{record['threshold']}**, the login threshold" in older and "| FMR |" not in older
    assert f"return squared_distances < {record['threshold']}\n" in older


def test_sface_is_aligned_by_landmarks_and_has_a_licence(models):
    text = readme(models.distorter("sface-bottleneck"))
    assert "(38.2946, 51.6963)" in text and "(n, 3, 112, 112)" in text and "(n, 128)" in text
    assert "Apache-2.0" in text and "20180408" not in text


def test_files_that_are_there_stay_unless_asked(capsys, tmp_path):
    (tmp_path / "README.md").write_text("mine")
    code, lines, err = run(capsys, "export", "digits", "--out", tmp_path)
    assert (code, lines) == (2, []) and "--overwrite" in err
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]
    assert (tmp_path / "README.md").read_text() == "mine"
    code, lines, _ = run(capsys, "export", "digits", "--out", tmp_path, "--overwrite")
    assert code == 0 and sorted(path.name for path in tmp_path.iterdir()) == sorted(NAMES)
    assert (tmp_path / "README.md").read_text().startswith("# ")


@pytest.mark.parametrize(
    "name, words",
    [("nobodys", "unknown checkpoint 'nobodys'"), ("digits-embedder", "DigitEmbedder")],
)
def test_what_is_no_generator_is_refused(capsys, tmp_path, name, words):
    code, lines, err = run(capsys, "export", name, "--out", tmp_path / "out")
    assert (code, lines) == (2, []) and words in err and "Traceback" not in err
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_made_is_told(capsys, tmp_path):
    (tmp_path / "file").write_text("")
    code, lines, err = run(capsys, "export", "digits", "--out", tmp_path / "file" / "out")
    assert (code, lines) == (2, []) and "--out" in err and "Traceback" not in err


def test_no_room_is_told(capsys, tmp_path):
    with largest_file(1000):
        code, lines, err = run(capsys, "export", "digits", "--out", tmp_path / "out")
    assert (code, lines) == (2, []) and "Free some space" in err
    assert list((tmp_path / "out").iterdir()) == []


def test_without_onnxruntime_it_says_what_to_install(capsys, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    code, lines, err = run(capsys, "export", "digits", "--out", tmp_path / "out")
    assert (code, lines) == (2, []) and "onnxruntime" in err and "Traceback" not in err
