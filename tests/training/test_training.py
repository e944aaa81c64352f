"""The training package: splits, batches, schedules, and the smoke preset with a kill in the
middle.
"""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from ndcb.models import checkpoints
from ndcb.recognisers.digits import DigitEmbedder, DigitEmbedderConfig
from tests import children
from tests.conftest import ROOT
from training import presets
from training.__main__ import main
from training.loops.embedder import every_triplet, one_triplet_each
from training.loops.generator import as_stored, pi_at
from training.measure import record as measure
from training.runs import Diverged, Run, batch_rows, learning_rate


def test_batches_visit_every_picture_once_an_epoch():
    schedule = presets.Schedule(steps=10, batch=7, seed=3)
    seen = torch.cat([batch_rows(35, schedule, step) for step in range(10)])
    for epoch in (seen[:35], seen[35:]):
        assert sorted(epoch.tolist()) == list(range(35))
    assert not torch.equal(seen[:35], seen[35:])
    assert torch.equal(batch_rows(35, schedule, 6), batch_rows(35, schedule, 6))


def test_learning_rate_rises_then_falls_to_zero():
    schedule = presets.Schedule(steps=100, lr=1.0, cosine=True)
    rates = [learning_rate(schedule, step) for step in range(101)]
    assert (
        rates[0] == pytest.approx(0.2)
        and rates[4] == pytest.approx(1)
        and rates[100] == pytest.approx(0, abs=1e-9)
    )
    assert rates[4:] == sorted(rates[4:], reverse=True)
    assert {learning_rate(replace(schedule, cosine=False), step) for step in range(100)} == {1.0}


def test_pi_falls_from_one_to_its_value():
    config = replace(presets.faces(), schedule=presets.Schedule(steps=100), pi_ramp=0.5, pi_emb=0.1)
    assert [pi_at(config, step) for step in (0, 25, 50, 99)] == pytest.approx([1, 0.55, 0.1, 0.1])
    assert pi_at(presets.faces_paper(), 0) == 0.1


def test_as_stored_rounds_forward_and_passes_the_gradient():
    x = torch.rand(2, 3, 4, 4, requires_grad=True)
    y = as_stored(x)
    torch.testing.assert_close(y * 255, (x * 255).round(), atol=1e-4, rtol=0)
    y.sum().backward()
    torch.testing.assert_close(x.grad, torch.ones_like(x))


def test_every_triplet_equals_a_naive_loop():
    torch.manual_seed(0)
    e, c = (
        torch.nn.functional.normalize(torch.randn(9, 4), dim=1),
        torch.tensor([0, 0, 0, 1, 1, 1, 2, 2, 3]),
    )
    losses = [
        float(((e[a] - e[p]) ** 2).sum() - ((e[a] - e[n]) ** 2).sum() + 0.2)
        for a in range(9)
        for p in range(9)
        for n in range(9)
        if a != p and c[a] == c[p] and c[a] != c[n]
    ]
    active = [loss for loss in losses if loss > 0]
    assert float(every_triplet(e, c, 0.2)) == pytest.approx(sum(active) / len(active), rel=1e-4)


def test_one_triplet_each_takes_the_only_choice():
    e = torch.tensor([[1.0, 0], [0, 1], [-1, 0]])
    c = torch.tensor([0, 0, 1])  # anchors 0 and 1; distances: 0-1: 2, 0-2: 4, 1-2: 2
    assert float(one_triplet_each(e, c, 0.2)) == pytest.approx((0 + 0.2) / 2)


def test_scores_equal_a_double_loop():
    chooser = np.random.default_rng(0)
    references, probes = (
        x / np.linalg.norm(x, axis=1, keepdims=True) for x in chooser.normal(size=(2, 12, 5))
    )
    labels = np.array([0, 0, 1, 1, 1, 2, 2, 2, 2, 3, 4, 4])
    genuine, impostor = measure.scores(references, probes, labels)
    naive = {True: [], False: []}
    for i in range(12):
        for j in range(i + 1, 12):
            naive[bool(labels[i] == labels[j])].append(((references[i] - probes[j]) ** 2).sum())
    np.testing.assert_allclose(np.sort(genuine), np.sort(naive[True]))
    np.testing.assert_allclose(np.sort(impostor), np.sort(naive[False]))


def test_thresholds_keep_their_false_match_rate():
    """Each two people are compared both ways: (i, j) and (j, i) differ where one is a template."""
    chooser = np.random.default_rng(0)
    references, probes = (
        rows / np.linalg.norm(rows, axis=1, keepdims=True)
        for rows in (chooser.normal(size=(60, 6)), chooser.normal(size=(60, 6)))
    )
    labels = np.repeat([f"P{number:02d}" for number in range(30)], 2)
    distances = 2 - 2 * references @ probes.T
    impostor = distances[labels[:, None] != labels]
    found = measure.thresholds_of(references, probes, labels)
    assert list(found) == ["1e-2", "5e-3", "1e-3", "1e-4"]  # of 3,480: ten matches, or a name
    for level in ("1e-2", "5e-3", "1e-3"):
        assert np.mean(impostor < found[level] - 1e-9) <= float(level)
        assert np.mean(impostor < found[level] + 1e-9) > float(level)  # no larger one keeps it
    assert found["1e-4"] == pytest.approx(impostor.min())


def test_mated_pairs_are_few_and_of_one_person():
    people = np.array(["a"] * 20 + ["b"] * 3 + ["c"])
    pairs = measure.mated_pairs(people)
    assert len(pairs) == 5 + 3 and all(people[i] == people[j] and i < j for i, j in pairs)
    assert np.array_equal(pairs, measure.mated_pairs(people))


def test_nan_stops_with_advice(tmp_path):
    run = Run(tmp_path, presets.faces())
    with pytest.raises(Diverged, match="step 0.*--lr"):
        run.log(loss=float("nan"))


def test_a_checkpoint_stays_until_the_new_one_is_measured(tmp_path, monkeypatch):
    def measured(folder, *_):
        checkpoints.update_record(folder, threshold=0.5)

    def stopped(*_):
        raise KeyboardInterrupt

    folder, model = tmp_path / "digits", DigitEmbedder(DigitEmbedderConfig(4))
    monkeypatch.setattr(measure, "measure", measured)
    measure.save_measured(folder, model, {"preset": "digits"}, None)
    whole = {path.name: path.read_bytes() for path in folder.iterdir()}
    record = json.loads(whole["record.json"])
    assert (record["preset"], record["threshold"], len(whole)) == ("digits", 0.5, 2)
    checkpoints.load(folder, checkpoints.RECOGNISERS)

    monkeypatch.setattr(measure, "measure", stopped)
    with pytest.raises(KeyboardInterrupt):
        measure.save_measured(folder, model, {"preset": "other"}, None)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == whole


def train_smoke(out, cache) -> None:
    """What a child does."""
    os.environ["NDCB_CACHE"] = str(cache)
    assert main(["smoke", "--out", str(out)]) == 0


@pytest.mark.slow
def test_smoke_survives_a_kill_with_the_same_result(tmp_path, lfw_root, mnist_root):
    """Everything, ten steps each; once unbroken, once killed as soon as a first state is there,
    then started again.
    """
    cache = tmp_path / "cache"
    whole = subprocess.run(
        [sys.executable, "-m", "training", "smoke", "--out", tmp_path / "whole"],
        cwd=ROOT,
        env=os.environ | {"NDCB_CACHE": str(cache)},
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert whole.returncode == 0, whole.stdout + whole.stderr
    for preset in ("smoke-digits", "smoke-faces"):
        broken = children.start(train_smoke, tmp_path / "broken", cache)
        state = tmp_path / "broken" / preset / "state.pt"
        while not state.exists() and broken.poll() is None:
            time.sleep(0.01)
        broken.kill()
        assert state.exists() and broken.wait(60) == -signal.SIGKILL
    resumed = children.start(train_smoke, tmp_path / "broken", cache)
    said, _ = resumed.communicate(timeout=400)
    assert resumed.returncode == 0, said
    for config in presets.smoke():
        folders = [tmp_path / name / config.preset for name in ("whole", "broken")]
        records = [
            json.loads((folder / "checkpoint" / "record.json").read_text()) for folder in folders
        ]
        assert records[0]["sha256"] == records[1]["sha256"], config.preset
        assert records[0]["figures"] == records[1]["figures"]
        assert records[0]["steps"] == 10 and records[0]["seed"] == 0
        assert (folders[1] / "curves.png").stat().st_size > 1000
        assert len((folders[1] / "log.csv").read_text().splitlines()) == 11
    picture = checkpoints.load(tmp_path / "whole" / "smoke-faces" / "checkpoint")
    assert (
        picture.record["recogniser"] == "facenet-casia-webface"
        and 0 < picture.record["threshold"] < 4
    )


@pytest.mark.parametrize("name", [*presets.PRESETS, "smoke", "evaluate", "measure"])
def test_every_preset_and_command_tells_its_options(name, capsys):
    """Two options of one name would stop the parser before anything is trained."""
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert "--data" in capsys.readouterr().out
