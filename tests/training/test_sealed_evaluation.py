"""What is measured of sealed templates: with toys whose answers are known, and as it is
committed.
"""

import json
from collections import Counter
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from ndcb.core.tensors import to_tensor
from ndcb.models import checkpoints
from ndcb.models.checkpoints import Checkpoint
from ndcb.results import goals
from tests.vault.toys import SIDE, Colours, Squares, photo
from training import evaluation
from training.attacks.linkers import BUDGET, seen, train_linker
from training.data.pictures import Pictures
from training.data.sealed_material import SealedMaterial
from training.evaluation import linking, report, sealed
from training.measure.record import measure_sealed, scores, squared_distances

VERSION = 1
"""Of the toys, for the cache."""
PEOPLE, SHOTS = 30, 4
COMMITTED = checkpoints.FOLDER / "faces-sealed" / "evaluation"


class Toy(Squares):
    """A sealed generator that knows all directions of its recogniser."""

    image_shape = (3, SIDE, SIDE)

    def direction(self, embedding):
        return F.normalize(embedding)


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("NDCB_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def material():
    """The first ten people are of the training part, the next two of development."""
    images = np.stack(
        [np.asarray(photo(person, shot)) for person in range(PEOPLE) for shot in range(SHOTS)]
    )
    labels = np.array([f"person {person}" for person in range(PEOPLE) for _ in range(SHOTS)])
    part = np.repeat(["training"] * 10 + ["development"] * 2 + ["test"] * (PEOPLE - 12), SHOTS)
    pictures = Pictures(
        "lfw", images, labels, part, np.arange(len(labels)).astype(str), np.ones(len(labels), bool)
    )
    record = {
        "recogniser": "colours",
        "sha256": "0" * 64,
        "threshold": 0.5,
        "training": {"alpha": 0.1},
    }
    return SealedMaterial(Checkpoint("toy", Toy().eval(), record), Colours().eval(), pictures)


# material


def test_who_has_the_key_sees_what_the_photo_says(material):
    rows = material.test[:20]
    real = (
        material.recogniser(to_tensor([photo(12 + row // SHOTS, row % SHOTS) for row in range(20)]))
        .detach()
        .numpy()
    )
    np.testing.assert_allclose(material.directions(rows), real, atol=1e-5)
    assert squared_distances(material.opened(rows), real).max() < 0.02
    turned = np.stack([turn @ one for turn, one in zip(material.turns(rows), real, strict=False)])
    np.testing.assert_allclose(material.targets(rows), turned, atol=1e-5)
    assert squared_distances(material.said(rows), turned).max() < 0.02


def test_every_picture_and_set_has_a_key_of_its_own_and_the_same_again(material):
    rows = material.test[:5]
    one, again, other = (
        material.turns(rows),
        material.with_keys(0).turns(rows),
        material.with_keys(1).turns(rows),
    )
    assert np.array_equal(one, again)
    every = np.concatenate([one, other]).reshape(10, -1)
    cosines = every @ every.T / 48
    assert np.abs(cosines - np.eye(10)).max() < 0.2
    shared = material.with_keys(7, one_key=True).turns(rows)
    assert np.array_equal(shared[0], shared[4]) and not np.array_equal(shared[0], one[0])


def test_sets_do_not_share_a_cache(material):
    rows = material.test[:3]
    assert not np.allclose(material.said(rows), material.with_keys(1).said(rows), atol=0.1)
    assert not np.allclose(
        material.with_keys(1).said(rows), material.with_keys(1, one_key=True).said(rows), atol=0.1
    )


def test_the_thresholds_are_of_development_people(material):
    figures, points = measure_sealed(material)
    development, threshold = material.development, points["1e-3"]
    genuine, impostor = scores(
        material.opened(development),
        material.directions(development),
        material.pictures.labels[development],
    )
    assert (
        genuine.max() < threshold <= impostor.min() + 1e-6
        and figures["test_pictures"] == 18 * SHOTS
    )
    assert figures["direction_distance"]["mean"] < 0.02


# figures


def test_a_stolen_key_leaves_the_plain_accuracy_and_none_is_better(material):
    found = sealed.verified(material)
    assert found["stolen_key"]["eer"] == pytest.approx(found["directions"]["eer"], abs=0.01)
    assert found["own_keys"]["genuine"] == found["stolen_key"]["genuine"] == 18 * 5
    assert found["stolen_key"]["at_login_threshold"]["threshold"] == 0.5


def test_what_a_thief_gets(material):
    threshold = sealed.threshold_at(material)
    assert (
        sealed.renewed(material, 0.6)["accepted"] == 0
        and sealed.renewed(material, 0.6)["of"] == 18 * 5 * sealed.RENEWALS
    )
    assert sealed.renewed(material, 4.1)["share"] == 1.0
    assert sealed.replayed(material, 0.6)["accepted"] == 0
    assert sealed.leaked(material, threshold)["share"] > 0.95


def test_one_key_for_all_falls_to_a_few_pairs(material, monkeypatch):
    monkeypatch.setattr(sealed, "LEAKED", (5, 48))
    found = sealed.one_key(material, 0.3)
    assert (
        found["48"]["share"] > 0.9 > 0.5 > found["5"]["share"]
        and found["48"]["of"] == 18 * SHOTS - 48
    )


def test_polish_brings_the_direction_nearer(material, monkeypatch):
    monkeypatch.setattr(sealed, "POLISHED", 16)
    steps = sealed.polished(material)["steps"]
    assert steps["10"]["mean"] <= steps["0"]["mean"] and steps["0"]["mean"] < 0.02


# linkability


def test_foreign_pairs_hold_the_same_pictures_as_often():
    labels = np.array(list("aaaabbbbccddeffg"))
    own = linking.mated(labels)
    found = linking.foreign(*own.T, labels, np.random.default_rng(0))
    assert (
        np.array_equal(np.sort(found), np.sort(own[:, 1]))
        and not (labels[found] == labels[own[:, 0]]).any()
    )
    with pytest.raises(ValueError, match="too few people"):
        linking.foreign(*own.T, np.array(["a"] * 16), np.random.default_rng(0))


def test_a_link_is_seen_and_none_is_not():
    chance = np.random.default_rng(0)
    alike = linking.linked(np.concatenate([chance.normal(0, 1, 3000), chance.normal(0, 1, 3000)]))
    apart = linking.linked(np.concatenate([chance.normal(0.3, 1, 3000), chance.normal(0, 1, 3000)]))
    assert (
        alike["inside"]
        and not apart["inside"]
        and apart["d_sys"] > alike["null"]["ci95"][1]
        and alike["mated"] == 3000
    )


def test_templates_are_linked_under_one_key_and_not_under_two(material):
    found = linking.Linking(material)
    assert {tuple(row) for row in np.unique(found.pairs[:, [0, 2]], axis=0)} == {
        (a, b) for a in range(4) for b in range(a)
    }
    found_scores = {
        "pixels": linking.linked(linking._pixels(found.templates, found.templates, found.pairs)),
        "directions": linking.linked(
            linking._between(
                [one.said(found.rows) for one in found.sets],
                [one.said(found.rows) for one in found.sets],
                found.pairs,
            )
        ),
    }
    assert all(one["d_sys"] < 1.2 * one["null"]["ci95"][1] for one in found_scores.values())
    one = material.with_keys(9, one_key=True)
    pairs = linking._mated_and_not([(0, 0)], material.labels)
    assert (
        linking.linked(linking._between([one.said(found.rows)], [one.said(found.rows)], pairs))[
            "d_sys"
        ]
        > 0.9
    )


@pytest.mark.parametrize("alike", [True, False])
def test_the_network_learns_what_can_be_linked(alike):
    """Both sides show one hidden pattern with noise, one of them as its negative."""
    torch.manual_seed(0)
    hidden = torch.rand(400, 3, 4, 4).repeat_interleave(8, 2).repeat_interleave(8, 3)
    first, second = ((hidden + 0.2 * torch.randn_like(hidden)).clamp(0, 1) for _ in range(2))
    first, second = (255 * first).byte(), (255 * (second if alike else 1 - second)).byte()
    pairs = np.stack([np.arange(300)] * 2, 1)
    linker = train_linker(first, second, pairs, alike, "toy", replace(BUDGET, steps=60, batch=32))
    cosines = seen(linker.see_first, first[300:]) @ seen(linker.see_second, second[300:]).T
    assert (cosines.argmax(1) == torch.arange(100)).float().mean() > 0.5


def test_pixels_of_pairs_are_compared_by_hand():
    first, second = torch.randint(0, 256, (2, 3, 3, SIDE, SIDE), dtype=torch.uint8)
    pairs = np.array([[0, 2, 0, 1], [0, 0, 0, 0]])
    expected = [
        float((first[a].double() - second[b].double()).square().mean()) for a, b in ((2, 1), (0, 0))
    ]
    np.testing.assert_allclose(
        linking._pixels([first], [second], pairs, batch=1), expected, rtol=1e-5
    )


# the command, and what is committed


def test_parts_are_written_as_they_come_and_the_others_stay(material, tmp_path, monkeypatch):
    monkeypatch.setattr(
        sealed,
        "PARTS",
        {"direction_error": sealed.PARTS["direction_error"], "security": sealed.PARTS["security"]},
    )
    folder = tmp_path / "toy" / "evaluation"
    evaluation._evaluate_sealed(material, tmp_path, folder, ("direction_error",))
    first = json.loads((folder / "summary.json").read_text())
    assert (
        set(first["sealed"]) == {"direction_error"}
        and first["goals"]["direction_error"]["met"] is True
    )
    assert first["goals"]["replayed"] == {"measured": None, "goal": 0.001, "met": None}
    evaluation._evaluate_sealed(material, tmp_path, folder, ("security",))
    both = json.loads((folder / "summary.json").read_text())
    assert (
        set(both["sealed"]) == {"direction_error", "security"}
        and both["goals"]["replayed"]["met"] is not None
    )
    assert both["sealed"]["direction_error"] == first["sealed"]["direction_error"] and set(
        both["seconds"]
    ) == set(both["commits"])
    assert "old template, new key" in (folder / "report.md").read_text()


@pytest.fixture
def counted(monkeypatch):
    """Three parts that count how often they are measured; `stop` names one that is stopped."""
    counted = Counter()

    def part(name):
        def measure(material, root, folder):
            counted[name] += 1
            if name == counted.stop:
                raise KeyboardInterrupt
            return {"figure": counted[name]}

        return measure

    counted.stop = None
    monkeypatch.setattr(sealed, "PARTS", {name: part(name) for name in "abc"})
    monkeypatch.setattr(report, "report", json.dumps)
    return counted


def test_a_stopped_evaluation_leaves_the_older_one_and_goes_on(
    material, tmp_path, monkeypatch, counted
):
    monkeypatch.setattr(evaluation, "commit", lambda: "1" * 40)
    folder = tmp_path / "toy" / "evaluation"
    evaluate = partial(evaluation._evaluate_sealed, material, tmp_path, folder, ())
    evaluate()
    whole = {path.name: path.read_bytes() for path in folder.iterdir()}

    counted.stop = "c"
    with pytest.raises(KeyboardInterrupt):
        evaluate()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == whole
    assert counted == {"a": 2, "b": 2, "c": 2}

    counted.stop = None
    evaluate()
    assert counted == {"a": 2, "b": 2, "c": 3}
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["sealed"] == {"a": {"figure": 2}, "b": {"figure": 2}, "c": {"figure": 3}}
    assert set(summary["commits"]) == set(summary["seconds"]) == set("abc")

    evaluate()
    assert counted == {"a": 3, "b": 3, "c": 4}, "all is measured anew after one that was done"


@pytest.mark.parametrize("changed", ["2" * 40, "1" * 40 + "+changes"])
def test_what_other_code_has_measured_is_measured_anew(
    material, tmp_path, monkeypatch, counted, changed
):
    folder = tmp_path / "toy" / "evaluation"
    counted.stop = "b"
    monkeypatch.setattr(evaluation, "commit", lambda: changed.replace("2", "1"))
    with pytest.raises(KeyboardInterrupt):
        evaluation._evaluate_sealed(material, tmp_path, folder, ())
    assert not folder.exists()
    counted.stop = None
    monkeypatch.setattr(evaluation, "commit", lambda: changed)
    evaluation._evaluate_sealed(material, tmp_path, folder, ())
    assert counted == {"a": 2, "b": 2, "c": 1}


def test_the_committed_evaluation_is_whole_and_of_these_weights():
    summary = json.loads((COMMITTED / "summary.json").read_text())
    assert set(summary["sealed"]) == set(sealed.PARTS) == set(summary["commits"])
    assert summary["sha256"] == checkpoints.record("faces-sealed", checkpoints.SEALED)["sha256"]
    assert summary["goals"] == evaluation.rounded(goals.reached(summary))
    assert (COMMITTED / "report.md").read_text() == report.report(summary)
    assert all(
        one["mated"] >= 10_000
        for side in ("templates", "photo")
        for one in summary["sealed"]["linkability"][side].values()
    )
