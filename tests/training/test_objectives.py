"""The comparison of objectives: all start from one state, each goes its own way, and a judge that
none knows has the say.
"""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from ndcb.core.terms import BY_BOX, NotAvailable
from ndcb.generators.bottleneck import BottleneckConfig
from ndcb.results import studies
from training import presets
from training.loops import bottleneck
from training.measure import objectives
from training.publish import objectives as rows_of_readme

SMALL = replace(
    presets.faces_bottleneck(),
    schedule=presets.Schedule(steps=4, batch=4, lr=1e-2, save_every=4),
    uniformity_from=0.5,
    limit=16,
    model=BottleneckConfig(512, 8, (8, 4, 4, 4, 4), 0.12),
)


class Colours:
    """A judge that knows mean colours only."""

    name, alignment = "colours", BY_BOX

    @property
    def code(self) -> tuple[type, ...]:
        return (Colours,)

    def embed(self, images: np.ndarray) -> np.ndarray:
        means = images.mean(axis=(1, 2)) - 128.0
        return (means / np.linalg.norm(means, axis=1, keepdims=True)).astype(np.float32)


def test_of_everybody_with_several_pictures_the_first_few():
    labels = np.array(["Cy", "Ann", "Bo", "Bo", *6 * ["Ann"], "Bo"])
    assert objectives.rows_of_several(labels, np.arange(1, 11)).tolist() == [1, 4, 5, 6, 2, 3, 10]


def test_a_missing_judge_is_said_before_anything_is_trained(monkeypatch, tmp_path):
    def missing():
        raise NotAvailable("Install dlib-bin first.")

    monkeypatch.setattr(objectives, "load_second_recogniser", missing)
    with pytest.raises(NotAvailable, match="dlib-bin"):
        objectives.compare(tmp_path, tmp_path / "out", 1, 4, tmp_path / "objectives.json", SMALL)
    assert not list(tmp_path.iterdir())


def test_objectives_part_at_one_state_and_a_second_call_trains_nothing(
    monkeypatch, tmp_path, lfw_root
):
    monkeypatch.setattr(objectives, "load_second_recogniser", Colours)
    file = tmp_path / "objectives.json"

    def compare():
        return json.loads(objectives.compare(lfw_root, tmp_path, 2, 12, file, SMALL).read_text())

    found = compare()
    states = [tmp_path / str(number) / "state.pt" for number in range(len(objectives.OBJECTIVES))]
    histories = [torch.load(state, weights_only=True)["history"] for state in states]
    assert all(len(history) == 4 and history[:2] == histories[0][:2] for history in histories)
    losses = [
        [row["loss"] - row["embedding_distance"] for row in history[2:]] for history in histories
    ]
    assert losses[0] == pytest.approx([0, 0]) and all(min(loss) > 0 for loss in losses[1:])
    assert len({history[3]["embedding_distance"] for history in histories}) == len(histories)

    assert (found["from_step"], found["steps"], found["seed"]) == (2, 2, 0)
    for name, change in objectives.OBJECTIVES.items():
        one = found["objectives"][name]
        assert one.items() >= change.items() and one["pictures"] == 12
        assert one["plain"]["eer"] < 0.2 < one["template"]["eer"]  # untrained
        assert one["embedding_error"]["mean"] > 0.5
    words, table = rows_of_readme(studies.objectives(file))
    assert "2 steps from step 2" in words and table.count("\n") == 2 + len(objectives.OBJECTIVES)

    def never(*_):
        raise AssertionError("trained again")

    monkeypatch.setattr(bottleneck, "training_step", never)
    assert compare()["objectives"] == found["objectives"]
