"""Everything that is measured of a generator: by hand, against naive loops, from end to end, and as
it is committed.
"""

import importlib
import io
import json
import math
import re
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from ndcb.core.distances import IMAGE_DISTANCES
from ndcb.core.metrics import equal_error_rate
from ndcb.core.tensors import quantise, to_pictures, to_tensor
from ndcb.core.terms import BY_BOX, NotAvailable, UnknownName, UserError
from ndcb.models import checkpoints
from ndcb.models.checkpoints import Checkpoint
from ndcb.models.recognisers import load_recogniser
from ndcb.report import document
from ndcb.results import goals
from ndcb.results.summaries import parsed
from training import __main__ as command
from training import evaluation
from training.data.material import CHANGES, Material, double_size, half_size, jpeg_75
from training.data.pictures import Pictures, embeddings, kept_rows, load_pictures
from training.evaluation import field, files, folds, report
from training.measure import record as measure
from training.measure.record import mated_pairs, measure_generator

paper = importlib.import_module(
    "training.evaluation.paper"
)  # the package has a function of this name too
MEGABYTE = 10**6
VERSION = 1
"""Of the toys, for the cache."""
POINTS = 0.002
"""0.2 percentage points, the most that the kept scores may move the EER."""


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("NDCB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


# toys


class Inverted(nn.Module):
    """A generator whose templates are the negatives."""

    reads = "picture"

    def forward(self, batch):
        return 1 - batch


class Dark(nn.Module):
    """A generator for which the template of one picture is not as far from another as the other way
    round.
    """

    reads = "picture"

    def forward(self, batch):
        return 0.4 * batch


class OneColour(nn.Module):
    """A generator whose templates know nothing of the picture."""

    reads = "picture"

    def forward(self, batch):
        return torch.full_like(batch, 0.4)


class Pixels(nn.Module):
    """A recogniser: all pixels and a one, scaled to length one."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, batch):
        flat = batch.flatten(1) * self.weight
        return nn.functional.normalize(torch.cat([flat, torch.ones(len(flat), 1)], 1), dim=1)


def pictures_of(labels, data="mnist", side=12, channels=1, seed=0, **changes) -> Pictures:
    """Random pictures, all of the test part."""
    labels, chooser = np.array(labels), np.random.default_rng(seed)
    images = chooser.integers(0, 256, (len(labels), side, side, channels), dtype=np.uint8)
    return replace(
        Pictures(
            data,
            images,
            labels,
            np.full(len(labels), "test", "<U11"),
            np.arange(len(labels)).astype(str),
            np.ones(len(labels), bool),
        ),
        **changes,
    )


def material_of(pictures: Pictures, model=None, name="toy") -> Material:
    record = {
        "recogniser": "pixels",
        "sha256": "0" * 64,
        "threshold": 1.0,
        "training": {"alpha": 0.3},
    }
    return Material(Checkpoint(name, model or Inverted(), record), Pixels(), pictures)


def known(labels, real, shifted=None, **more) -> SimpleNamespace:
    """What `field` and `paper` read of a material, from embeddings made by hand."""
    record = {"threshold": 1.0, "training": {"alpha": 0.3}}
    return SimpleNamespace(
        labels=np.array(labels),
        real_test=real,
        shifted_test=real if shifted is None else shifted,
        checkpoint=SimpleNamespace(record=record, name="toy"),
        **more,
    )


def units(count: int, width: int = 16, seed: int = 0) -> np.ndarray:
    values = np.random.default_rng(seed).normal(size=(count, width))
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)


def one_hot(labels) -> np.ndarray:
    """Every class its own corner: equal pictures at distance 0, others at 2."""
    numbers = np.unique(labels, return_inverse=True)[1]
    return np.eye(numbers.max() + 1, dtype=np.float32)[numbers]


def squared(a, b) -> float:
    return float(sum((float(x) - float(y)) ** 2 for x, y in zip(a, b, strict=False)))


# kept_rows


class Squares:
    """`compute` of kept_rows; remembers its calls, and raises when its `left` rows are used up."""

    def __init__(self, left=None):
        self.calls, self.left = [], left

    def __call__(self, rows):
        if self.left is not None and len(self.rows) + len(rows) > self.left:
            raise KeyboardInterrupt
        self.calls.append(rows.tolist())
        return np.stack([rows, rows**2], 1).astype(np.float32)

    @property
    def rows(self) -> list[int]:
        return [row for call in self.calls for row in call]


def keep(compute, rows, name="squares", total=40, batch=7):
    values = kept_rows(name, [Squares], total, np.array(rows), compute, "squaring", batch)
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, np.stack([rows, np.array(rows) ** 2], 1))
    return values


def test_every_row_is_computed_once():
    compute = Squares()
    keep(compute, range(40))
    assert sorted(compute.rows) == list(range(40))


def test_batches_are_no_larger_than_asked_for():
    compute = Squares()
    keep(compute, range(40))
    assert max(len(call) for call in compute.calls) == 7


def test_rows_are_kept_over_a_new_call():
    keep(Squares(), range(10))
    again = Squares()
    keep(again, [3, 9])
    assert again.calls == []
    keep(again, range(5, 15))
    assert sorted(again.rows) == [10, 11, 12, 13, 14]


def test_a_stopped_run_goes_on_where_it_was():
    broken, resumed = Squares(left=20), Squares()
    with pytest.raises(KeyboardInterrupt):
        keep(broken, range(40))
    keep(resumed, range(40))
    assert 0 < len(set(broken.rows)) < 40
    assert not set(broken.rows) & set(resumed.rows)
    assert sorted({*broken.rows, *resumed.rows}) == list(range(40))


def test_stopped_before_the_first_batch_leaves_nothing_behind():
    with pytest.raises(KeyboardInterrupt):
        keep(Squares(left=0), range(5))
    keep(Squares(), range(5))


def test_rows_may_be_unordered_and_repeated():
    compute = Squares()
    keep(compute, [30, 2, 30, 17, 2, 2])
    assert set(compute.rows) == {2, 17, 30}
    keep(compute, [17, 30, 5, 17])
    assert set(compute.rows) == {2, 5, 17, 30}


def test_another_name_computes_anew():
    keep(Squares(), range(6))
    other = Squares()
    keep(other, range(6), name="squares-of-other-code")
    assert set(other.rows) == set(range(6))


# Material


def test_material_embeds_stored_templates_once(monkeypatch):
    pictures = pictures_of([0, 0, 1, 1, 2])
    rows = np.array([4, 1, 1])
    material = material_of(pictures, Dark())
    expected = quantise(0.4 * pictures.batch(rows))
    assert not torch.allclose(expected, 0.4 * pictures.batch(rows), atol=1e-3)
    torch.testing.assert_close(material.templates(rows), expected)
    np.testing.assert_allclose(material.shifted(rows), Pixels()(expected).detach(), atol=1e-6)
    np.testing.assert_allclose(
        material.real(rows), Pixels()(pictures.batch(rows)).detach(), atol=1e-6
    )
    np.testing.assert_array_equal(material.real_test, embeddings(pictures, "pixels", Pixels()))
    kept = material.shifted_test
    other = material_of(pictures, Dark())
    monkeypatch.setattr(other.checkpoint.model, "forward", None)  # what is kept needs no generator
    np.testing.assert_array_equal(other.shifted_test, kept)


def test_other_weights_of_a_generator_are_measured_anew():
    pictures = pictures_of([0, 0, 1])
    material, other = material_of(pictures), material_of(pictures, OneColour())
    other.checkpoint.record["sha256"] = "1" * 64
    assert not np.allclose(material.shifted_test, other.shifted_test)


@pytest.mark.parametrize("change", CHANGES)
def test_changed_templates_are_embedded_as_changed(change):
    pictures = pictures_of([0, 1, 1], channels=3)
    material = material_of(pictures)
    changed = to_tensor(
        [CHANGES[change](picture) for picture in to_pictures(material.templates(material.test))]
    )
    np.testing.assert_allclose(
        material.shifted(material.test, change), Pixels()(changed).detach(), atol=1e-6
    )
    assert not np.allclose(
        material.shifted(material.test, change), material.shifted_test, atol=1e-3
    )


def test_distances_are_those_of_the_stored_template():
    pictures = pictures_of([0, 1, 1])
    found = material_of(pictures).distances(np.array([2, 0]))
    made, real = quantise(1 - pictures.batch([2, 0])), pictures.batch([2, 0])
    assert list(found) == [*IMAGE_DISTANCES, "ssim", "psnr"]
    for name, distance in IMAGE_DISTANCES.items():
        np.testing.assert_allclose(found[name], distance(made, real), rtol=1e-5)
    np.testing.assert_allclose(found["dssim"], (1 - found["ssim"]) / 2, atol=1e-6)
    np.testing.assert_allclose(
        found["psnr"], [10 * math.log10(1 / value) for value in found["mse"]], rtol=1e-5
    )


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("change", CHANGES)
def test_changes_keep_size_and_mode_and_leave_flat_grey_alone(change, mode):
    noise = Image.fromarray(
        np.random.default_rng(0).integers(0, 256, (28, 28, 3), dtype=np.uint8)
    ).convert(mode)
    changed = CHANGES[change](noise)
    assert changed.size == noise.size and changed.mode == mode
    assert not np.array_equal(np.asarray(changed), np.asarray(noise))
    for level in (0, 77, 128, 255):
        flat = Image.new("L", (28, 28), level).convert(mode)
        np.testing.assert_array_equal(np.asarray(CHANGES[change](flat)), np.asarray(flat))


def test_changes_do_what_their_names_say():
    assert set(CHANGES.values()) == {jpeg_75, half_size, double_size}
    fine = Image.fromarray(
        np.indices((28, 28)).sum(0).astype(np.uint8) % 2 * 255
    )  # of every second pixel nothing survives half the size
    assert (
        np.ptp(np.asarray(half_size(fine))[4:-4, 4:-4].astype(int))
        < 40
        < np.ptp(np.asarray(double_size(fine)).astype(int))
    )
    for change, side in ((half_size, 14), (double_size, 56)):
        expected = fine.resize((side, side), Image.BICUBIC).resize((28, 28), Image.BICUBIC)
        np.testing.assert_array_equal(np.asarray(change(fine)), np.asarray(expected))
    file = io.BytesIO()
    fine.save(file, "JPEG", quality=75)
    np.testing.assert_array_equal(np.asarray(jpeg_75(fine)), np.asarray(Image.open(file)))


# LFW's ten folds


def test_official_pairs_by_hand(tmp_path):
    (tmp_path / "lfw_home").mkdir()
    (tmp_path / "lfw_home" / "pairs.txt").write_text(
        "2\t1\nAnn_Bo\t1\t12\nAnn_Bo\t3\tCy\t1000\nDi\t2\t4\nDi\t1\tEd_F_Gee\t20\n"
    )
    pairs = folds.official_pairs(tmp_path)
    assert pairs.first.tolist() == ["Ann_Bo_0001", "Ann_Bo_0003", "Di_0002", "Di_0001"]
    assert pairs.second.tolist() == ["Ann_Bo_0012", "Cy_1000", "Di_0004", "Ed_F_Gee_0020"]
    assert pairs.fold.tolist() == [0, 0, 1, 1]


def test_official_pairs_are_lfws(lfw_root):
    pairs = folds.official_pairs(lfw_root)
    person = [
        np.array([name.rsplit("_", 1)[0] for name in names])
        for names in (pairs.first, pairs.second)
    ]
    genuine = person[0] == person[1]
    assert genuine.reshape(10, 2, 300)[:, 0].all() and not genuine.reshape(10, 2, 300)[:, 1].any()
    assert np.array_equal(pairs.fold, np.repeat(np.arange(10), 600))
    people = [
        {*person[0][pairs.fold == fold], *person[1][pairs.fold == fold]} for fold in range(10)
    ]
    assert len(set.union(*people)) == sum(map(len, people)), "a person is in two folds"
    for names, own in zip((pairs.first, pairs.second), person, strict=False):
        missing = [
            name
            for name, who in zip(names, own, strict=False)
            if not (lfw_root / "lfw_home" / "lfw_funneled" / who / f"{name}.jpg").exists()
        ]
        assert missing == []


FOLD_PEOPLE = 16


def toy_folds(shifted):
    """Ten folds of 16 people with two photos each: 16 genuine and 16 impostor pairs, these with the
    fold's first person. Every fourth person is of the test part.
    """
    people = np.repeat([f"P{number:03d}" for number in range(10 * FOLD_PEOPLE)], 2)
    names = np.array([f"{person}_{1 + k % 2:04d}" for k, person in enumerate(people)])
    part = np.where(np.repeat(np.arange(10 * FOLD_PEOPLE) % 4 == 0, 2), "test", "training")
    first, second, fold = [], [], []
    for number in range(10 * FOLD_PEOPLE):
        start = number // FOLD_PEOPLE * FOLD_PEOPLE
        other = start if number > start else start + 1
        for probe in (number, other):
            first.append(names[2 * number])
            second.append(names[2 * probe + 1])
            fold.append(number // FOLD_PEOPLE)
    asked = {"real": [], "shifted": []}

    def answer(kind, values):
        return lambda rows: asked[kind].extend(names[rows]) or values[rows]

    material = SimpleNamespace(
        pictures=SimpleNamespace(names=names, labels=people, part=part),
        asked=asked,
        real=answer("real", one_hot(people)),
        shifted=answer("shifted", shifted),
    )
    return material, folds.OfficialPairs(np.array(first), np.array(second), np.array(fold))


def test_a_perfect_recogniser_has_accuracy_one_and_no_drop():
    material, pairs = toy_folds(one_hot(np.repeat(np.arange(10 * FOLD_PEOPLE), 2)))
    found = folds.lfw_folds(material, pairs)
    for name in ("plain", "template"):
        assert found[name]["accuracy"] == 1 and found[name]["stderr"] == 0
        assert found[name]["thresholds"] == pytest.approx([1] * 10)  # halfway between 0 and 2
        assert found["test_people"][name]["accuracy"] == 1
        assert found["centred"][name] == {"accuracy": 1, "stderr": 0}
    assert found["drop"] == found["test_people"]["drop"] == {"mean": 0, "ci95": [0, 0]}
    assert_documented("lfw_folds", found)
    assert found["pairs"] == 20 * FOLD_PEOPLE and found["centred"]["plain_accuracy_needed"] == 0.989


def test_templates_that_are_noise_lose_half():
    material, pairs = toy_folds(units(20 * FOLD_PEOPLE, 10 * FOLD_PEOPLE))
    found = folds.lfw_folds(material, pairs)
    assert found["plain"]["accuracy"] == 1
    assert found["template"]["accuracy"] == pytest.approx(0.5, abs=0.08)
    for one in (found, found["test_people"]):
        assert one["drop"]["mean"] == pytest.approx(
            one["plain"]["accuracy"] - one["template"]["accuracy"]
        )
        low, high = one["drop"]["ci95"]
        assert low < one["drop"]["mean"] < high and low < 0.5 < high
    assert np.ptp(found["test_people"]["drop"]["ci95"]) > np.ptp(
        found["drop"]["ci95"]
    )  # fewer people, wider


def test_only_first_photos_are_distorted_and_only_they_make_test_people():
    material, pairs = toy_folds(units(20 * FOLD_PEOPLE, 10 * FOLD_PEOPLE))
    found = folds.lfw_folds(material, pairs)
    assert set(material.asked["shifted"]) == set(pairs.first)
    assert set(material.asked["real"]) == {*pairs.first, *pairs.second}
    test = {
        person
        for person, part in zip(material.pictures.labels, material.pictures.part, strict=False)
        if part == "test"
    }
    by_first = sum(name.rsplit("_", 1)[0] in test for name in pairs.first)
    by_either = sum(
        bool({a.rsplit("_", 1)[0], b.rsplit("_", 1)[0]} & test)
        for a, b in zip(pairs.first, pairs.second, strict=False)
    )
    assert found["test_people"]["pairs"] == by_first < by_either


def test_people_whose_templates_fail_are_the_only_drop_of_test_people():
    """Templates of the training people are perfect, of test people another person's: only the
    latter lose.
    """
    right = one_hot(np.repeat(np.arange(10 * FOLD_PEOPLE), 2))
    wrong = np.where(
        np.repeat(np.arange(10 * FOLD_PEOPLE) % 4 == 0, 2)[:, None],
        np.roll(right, 2, axis=0),
        right,
    )
    found = folds.lfw_folds(*toy_folds(wrong))
    # of a test person the genuine pair is lost; its impostor pair is not with the person whose
    # corner it got
    assert found["test_people"]["drop"]["mean"] == pytest.approx(0.5)
    assert found["drop"]["mean"] == pytest.approx(0.125)


def test_centred_folds_against_a_naive_loop():
    """Embeddings far from the origin, which are told apart once their mean is subtracted."""
    people = np.arange(60)
    same, fold = np.tile([True, False], 30), np.repeat(np.arange(10), 6)
    first = one_hot(people) + 20
    second = first[np.where(same, people, (people + 1) % 60)] + 0.35 * units(60, 60)
    correct = []
    for one in range(10):
        mean = np.mean(
            [
                embedding
                for side in (first, second)
                for embedding, number in zip(side, fold, strict=False)
                if number != one
            ],
            axis=0,
        )
        scores = []
        for a, b in zip(first - mean, second - mean, strict=False):
            scores.append(squared(a / np.linalg.norm(a), b / np.linalg.norm(b)))
        scores = np.array(scores)
        best = max(
            [-1, *scores],
            key=lambda edge: np.mean((scores <= edge)[fold != one] == same[fold != one]),
        )
        correct.append(np.mean((scores <= best)[fold == one] == same[fold == one]))
    found = folds.centred_folds(first, second, same, fold)
    assert (
        found["accuracy"] == pytest.approx(np.mean(correct), abs=0.02) and found["accuracy"] > 0.9
    )
    assert found["stderr"] == pytest.approx(np.std(correct, ddof=1) / math.sqrt(10), abs=0.01)


# the paper's tables


def assert_table3_row(row, pictures, rows):
    real = pictures.images[rows].reshape(len(rows), -1) / 255
    made = np.round(0.4 * pictures.images[rows].reshape(len(rows), -1)) / 255
    every = range(len(rows))
    sets = {
        "real_generated": [(real[i], made[i]) for i in every],
        "real_generated_others": [(real[i], made[j]) for i in every for j in every if i != j],
        "real_real": [(real[i], real[j]) for i in every for j in every if i < j],
        "generated_generated": [(made[i], made[j]) for i in every for j in every if i < j],
    }
    for name, pairs in sets.items():
        if not pairs:
            assert row["mse"][name] is None and row["eq12"][name] is None
            continue
        sums = [squared(a, b) for a, b in pairs]
        assert row["mse"][name] == pytest.approx(
            np.mean([value / real.shape[1] for value in sums]), rel=1e-4
        )
        assert row["eq12"][name] == pytest.approx(
            np.mean([math.sqrt(value) / real.shape[1] for value in sums]), rel=1e-4
        )
    assert row["pictures"] == len(rows)


def test_table3_against_a_double_loop():
    labels = np.array([3, 1, 1, 3, 1, 7, 3, 3])
    pictures = pictures_of(labels, side=5)
    table = paper.table3(material_of(pictures, Dark()))
    assert [(row["class"], row["part"]) for row in table] == [
        ("1", "test"),
        ("3", "test"),
        ("7", "test"),
    ]
    for row in table:
        assert_table3_row(row, pictures, np.flatnonzero(labels == int(row["class"])))


def test_table3_of_digits_takes_test_pictures_only():
    labels = np.array([1, 1, 1, 1, 2, 2])
    pictures = pictures_of(
        labels, part=np.array(["training", "test", "test", "test", "development", "test"])
    )
    table = paper.table3(material_of(pictures, Dark()))
    assert [(row["class"], row["pictures"]) for row in table] == [("1", 3), ("2", 1)]
    assert_table3_row(table[0], pictures, [1, 2, 3])


def test_table3_of_faces_has_the_papers_people_too():
    labels = np.array(["Zed"] * 3 + ["George_W_Bush"] * 4 + ["Amy"] * 2)
    pictures = pictures_of(
        labels, "lfw", 5, 3, part=np.array(["test"] * 3 + ["training"] * 4 + ["test"] * 2)
    )
    table = paper.table3(material_of(pictures, Dark()))
    assert [(row["class"], row["part"], row["pictures"]) for row in table] == [
        ("Zed", "test", 3),
        ("Amy", "test", 2),
        ("George_W_Bush", "training", 4),
    ]
    for row in table:
        assert_table3_row(row, pictures, np.flatnonzero(labels == row["class"]))


def test_most_photographed():
    labels = np.array(["c", "b", "a", "b", "a", "c", "d", "c"])
    assert paper.most_photographed(labels, 2) == ["c", "a"]  # a and b have equally many; by name
    assert paper.most_photographed(labels, 9) == ["c", "a", "b", "d"]
    assert paper.most_photographed(np.array([5, 2, 5]), 1) == [5]


PERSONS = np.repeat(np.arange(9), [12, 10, 15, 9, 11, 30, 10, 13, 500])
"""Class 3 has nine pictures, too few to be drawn; class 8 has by far the most."""


def numbered_draw(seed):
    """login_draw over embeddings that are the pictures' row numbers, of templates 10,000 more: what
    was compared with what.
    """
    seen, nearest = [], paper._nearest

    def watched(probes, references):
        seen.append((probes[:, 0].astype(int), references[:, 0].astype(int)))
        return nearest(probes, references)

    rows = np.arange(len(PERSONS), dtype=np.float64)[:, None]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paper, "_nearest", watched)
        draw = paper.login_draw(known(PERSONS, rows, rows + 10_000), seed)
    assert len(seen) == 2 * len(draw)
    return {
        name: {
            "genuine": seen[2 * k][0],
            "impostor": seen[2 * k + 1][0],
            "references": seen[2 * k][1],
            "scores": scores,
        }
        for k, (name, scores) in enumerate(draw.items())
    }


@pytest.mark.parametrize("seed", range(8))
def test_login_draw_is_the_papers_protocol(seed):
    draw = numbered_draw(seed)
    assert list(draw) == ["plain", "template", "plain_again"]
    plain, template, again = draw.values()
    enrolled, classes = plain["references"], set(PERSONS[plain["references"]])
    strangers = set(PERSONS[plain["impostor"]])
    assert (
        len(classes) == 3
        and len(strangers) == 3
        and not classes & strangers
        and 3 not in classes | strangers
    )
    assert set(PERSONS[plain["genuine"]]) == classes
    assert np.array_equal(template["references"], enrolled + 10_000)
    assert np.array_equal(PERSONS[again["references"]], PERSONS[enrolled])
    for one in draw.values():
        assert len(one["genuine"]) == len(one["impostor"]) == 1200
        assert np.array_equal(one["genuine"], plain["genuine"]) and np.array_equal(
            one["impostor"], plain["impostor"]
        )
        for kind, scores in zip(("genuine", "impostor"), one["scores"], strict=False):
            naive = [
                min((probe - reference) ** 2 for reference in one["references"])
                for probe in one[kind]
            ]
            np.testing.assert_allclose(scores, naive)
    logins = {*plain["genuine"], *plain["impostor"]}
    assert not logins & {*enrolled, *again["references"]}
    assert not set(enrolled) & set(again["references"])
    assert max(again["references"]) < 10_000, "plain_again is undistorted"


def test_logins_are_all_different_where_there_are_enough():
    pool = np.arange(1500)
    assert len(set(paper._logins(pool, np.random.default_rng(0)))) == 1200
    assert len(paper._logins(pool[:50], np.random.default_rng(0))) == 1200


def test_login_draw_is_fixed_by_its_seed():
    one, same, other = (numbered_draw(seed) for seed in (5, 5, 6))
    for kind in ("genuine", "impostor", "references"):
        assert np.array_equal(one["plain"][kind], same["plain"][kind])
    assert not np.array_equal(one["plain"]["genuine"], other["plain"]["genuine"])


def test_nearest_against_a_naive_loop():
    probes, references = units(20, 5), units(3, 5, seed=1)
    naive = [min(squared(probe, reference) for reference in references) for probe in probes]
    np.testing.assert_allclose(paper._nearest(probes, references), naive, rtol=1e-5)


def toy_draws(shifted=None, count=6):
    material = known(PERSONS, one_hot(PERSONS), shifted)
    return [paper.login_draw(material, seed) for seed in range(count)]


def test_table4_of_separable_draws_is_perfect():
    table = paper.table4(toy_draws())
    for name in ("plain", "template", "plain_again"):
        for key, value in {
            "precision": 1,
            "recall": 1,
            "f1": 1,
            "tp": 1200,
            "fn": 0,
            "fp": 0,
            "tn": 1200,
        }.items():
            assert table[name][key] == {
                "mean": value,
                "ci95": [value, value],
                "draws95": [value, value],
            }
        assert 0 < table[name]["threshold"]["mean"] <= 2
    nothing = {"mean": 0, "ci95": [0, 0], "draws95": [0, 0]}
    assert table["drop"] == table["drop_in_reference_code"] == nothing
    assert (table["draws"], table["logins"]) == (6, 2400)


def test_table4_of_noise_drops_for_templates_only():
    """With the templates' scores saying nothing, the best F1 is that of letting everybody in:
    2/3.
    """
    table = paper.table4(toy_draws(np.zeros((len(PERSONS), 9), np.float32)))
    assert table["template"]["f1"]["mean"] == pytest.approx(2 / 3) and table["template"][
        "precision"
    ]["mean"] == pytest.approx(0.5)
    assert table["template"]["recall"]["mean"] == 1
    assert (
        table["drop"]["mean"] == pytest.approx(1 / 3)
        and table["drop_in_reference_code"]["mean"] == 0
    )


def test_intervals_of_draws_by_hand():
    found = paper.summary_of([1.0, 2.0, 3.0, 4.0])
    error = math.sqrt((1.5**2 + 0.5**2) * 2 / 3) / 2
    assert found["mean"] == 2.5
    assert found["ci95"] == pytest.approx([2.5 - 1.96 * error, 2.5 + 1.96 * error])
    assert found["draws95"] == pytest.approx([1.075, 3.925])


def test_figure13_rises_to_one():
    noisy = one_hot(PERSONS) + 1.5 * units(len(PERSONS), 9)
    curves = paper.figure13(toy_draws(noisy.astype(np.float32)))
    assert (
        curves["fmr"][0] == 0
        and curves["fmr"][-1] == 1
        and curves["fmr"] == sorted(set(curves["fmr"]))
    )
    for name in ("plain", "template", "plain_again"):
        for key in ("mean", "low", "high"):
            values = np.array(curves[name][key])
            assert (
                len(values) == len(curves["fmr"])
                and (np.diff(values) >= 0).all()
                and values[-1] == 1
                and values[0] >= 0
            )
        low, mean, high = (np.array(curves[name][key]) for key in ("low", "mean", "high"))
        assert (low <= mean).all() and (mean <= high).all()
    assert curves["plain"]["mean"] == [1] * len(curves["fmr"]) > curves["template"]["mean"]


def test_figure11_shows_three_batches_of_three_classes():
    labels = np.repeat(np.arange(10), np.arange(20, 10, -1))
    batches = paper.figure11(known(labels, units(len(labels))))
    assert [batch["classes"] for batch in batches] == [
        ["0", "1", "2"],
        ["3", "4", "5"],
        ["6", "7", "8"],
    ]
    for batch in batches:
        assert len(batch["explained_variance"]) == 3 and 0 < sum(batch["explained_variance"]) < 1
    flat = paper.figure11(known(labels, np.pad(units(len(labels), 3), ((0, 0), (0, 5)))))
    assert sum(flat[0]["explained_variance"]) == pytest.approx(1, abs=1e-5)


# the field's measures


def naive_pairs(labels, same) -> set:
    return {
        (i, j)
        for i in range(len(labels))
        for j in range(i + 1, len(labels))
        if (labels[i] == labels[j]) == same
    }


@pytest.mark.parametrize("same", [True, False])
def test_pairs_of_few_pictures_are_all(same):
    labels = np.random.default_rng(0).integers(0, 4, 30)
    found = field.pairs_of(labels, same)
    assert len(found) == len(naive_pairs(labels, same)) and {
        tuple(pair) for pair in found
    } == naive_pairs(labels, same)


def test_pairs_of_people_are_those_of_the_scores():
    people = np.array(["a"] * 9 + ["b"] * 3 + ["c"])
    assert np.array_equal(field.pairs_of(people, True), mated_pairs(people))
    assert {tuple(pair) for pair in field.pairs_of(people, False)} == naive_pairs(people, False)


@pytest.mark.parametrize("same", [True, False])
def test_pairs_of_many_pictures_are_a_fixed_choice(monkeypatch, same):
    monkeypatch.setattr(field, "ALL_PAIRS", 1000)
    monkeypatch.setattr(field, "BAND_PAIRS", 300)
    labels = np.random.default_rng(0).integers(0, 4, 60)
    found = field.pairs_of(labels, same)
    assert len(found) == 300 and {tuple(pair) for pair in found} <= naive_pairs(labels, same)
    assert np.array_equal(found, field.pairs_of(labels, same))
    assert not np.array_equal(found, field.pairs_of(labels, same, seed=1))


def assert_verification(one, genuine, impostor):
    assert (one["genuine"], one["impostor"]) == (genuine, impostor)
    assert one["eer_ci95"][0] <= one["eer"] <= one["eer_ci95"][1]
    for level in ("1e-2", "1e-3", "1e-4"):
        low, high = one[f"fnmr_at_fmr_{level}_ci95"]
        assert 0 <= low <= high <= 1
    curve = one["det"]
    assert len(curve["fmr"]) == len(curve["fnmr"]) == len(curve["low"]) == len(curve["high"]) > 0
    assert (
        min(curve["fmr"]) >= 10 / impostor
        and max(curve["fmr"]) < 1
        and curve["fmr"] == sorted(curve["fmr"])
    )
    assert curve["fnmr"] == sorted(curve["fnmr"], reverse=True)
    assert all(low <= high for low, high in zip(curve["low"], curve["high"], strict=False))


def test_verification_of_a_perfect_and_of_a_useless_template():
    labels = np.repeat(np.arange(5), 12)
    found = field.verification(known(labels, one_hot(labels), units(60, 5)))
    assert (
        found["plain"]["eer"] == 0
        and found["plain"]["eer_ci95"] == [0, 0]
        and found["plain"]["fnmr_at_fmr_1e-3"] == 0
    )
    assert found["plain"]["at_login_threshold"] == {
        "threshold": 1.0,
        "fmr": 0,
        "fnmr": 0,
        "fmr_ci95": [0, 0],
        "fnmr_ci95": [0, 0],
    }
    assert (
        found["template"]["eer"] == pytest.approx(0.5, abs=0.1)
        and abs(found["template"]["d_prime"]) < 0.3
    )
    for one in found.values():
        assert_verification(one, 5 * 66, 60 * 59 // 2 - 5 * 66)


def test_verification_against_naive_loops():
    labels, real, shifted = np.repeat(np.arange(4), 10), units(40, 6), units(40, 6, seed=1)
    real, shifted = (units_near(values, labels) for values in (real, shifted))
    found = field.verification(known(labels, real, shifted))["template"]
    scores = {
        same: np.array([squared(shifted[i], real[j]) for i, j in sorted(naive_pairs(labels, same))])
        for same in (True, False)
    }
    thresholds = np.concatenate([*scores.values(), [5]])
    rates = [(np.mean(scores[False] < one), np.mean(scores[True] >= one)) for one in thresholds]
    fmr, fnmr = min(rates, key=lambda rate: abs(rate[0] - rate[1]))
    assert found["eer"] == pytest.approx((fmr + fnmr) / 2, abs=0.01)
    assert found["fnmr_at_fmr_1e-2"] == pytest.approx(
        min(fnmr for fmr, fnmr in rates if fmr <= 0.01), abs=0.01
    )
    login = found["at_login_threshold"]
    assert login["fmr"] == pytest.approx(np.mean(scores[False] < 1), abs=0.003)
    assert login["fnmr"] == pytest.approx(np.mean(scores[True] >= 1), abs=0.01)
    spread = math.sqrt((np.var(scores[True]) + np.var(scores[False])) / 2)
    assert found["d_prime"] == pytest.approx(
        (scores[False].mean() - scores[True].mean()) / spread, rel=1e-3
    )
    assert_verification(found, len(scores[True]), len(scores[False]))


def units_near(noise: np.ndarray, labels) -> np.ndarray:
    """Unit embeddings about a corner of their class."""
    values = np.pad(one_hot(labels), ((0, 0), (0, noise.shape[1] - labels.max() - 1))) + 0.7 * noise
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("kind", ["digits", "people"])
def test_permuted_labels_have_half_within_the_band(kind):
    """Of ten permutations at most two may fall out of a 95 % interval."""
    labels = np.repeat(np.arange(15), 4) if kind == "people" else np.repeat(np.arange(6), 10)
    real = units_near(units(60, 16), labels)
    inside = []
    for seed in range(10):
        permuted = np.random.default_rng(seed).permutation(labels)
        given = (
            np.array([f"person {number}" for number in permuted]) if kind == "people" else permuted
        )
        material, pairs = (
            known(given, real),
            {same: field.pairs_of(given, same) for same in (True, False)},
        )
        low, high = field._verification(real, real, material, *pairs.values())["eer_ci95"]
        inside.append(low <= 0.5 <= high)
    assert sum(inside) >= 8


def test_embedding_error_by_hand():
    real = np.zeros((101, 2), np.float32)
    shifted = np.stack([np.sqrt(np.arange(101) / 100), np.zeros(101)], 1).astype(np.float32)
    found = field.embedding_error(known(np.zeros(101, int), real, shifted))
    expected = {
        "mean": 0.5,
        "median": 0.5,
        "p95": 0.95,
        "p99": 0.99,
        "alpha": 0.3,
        "share_over_alpha": 70 / 101,
    }
    assert found == pytest.approx(expected, abs=1e-5)


def test_failure_to_enrol_counts_what_was_not_detected():
    pictures = SimpleNamespace(
        detected=np.array([True, False, True, True, False, False, True, True]),
        labels=np.array(["a", "a", "b", "c", "d", "d", "e", "f"]),
    )
    found = field.failure_to_enrol(SimpleNamespace(pictures=pictures, test=np.array([0, 1, 2, 7])))
    intervals = [found[part].pop("ci95") for part in ("all", "test")]
    assert found == {
        "all": {"pictures": 8, "failures": 3, "rate": 0.375},
        "test": {"pictures": 4, "failures": 1, "rate": 0.25},
    }
    for (low, high), part in zip(intervals, found.values(), strict=True):
        assert 0 <= low < part["rate"] < high <= 1


def test_robustness_of_templates_that_no_change_touches():
    """All templates alike: nothing is recognised, before and after."""
    found = field.robustness(material_of(pictures_of(np.repeat(np.arange(4), 6)), OneColour()))
    assert set(found) == set(CHANGES)
    for one in found.values():
        assert one["eer"] == pytest.approx(0.5, abs=0.2)
        assert one["embedding_error"] == pytest.approx(
            found["jpeg_75"]["embedding_error"], rel=1e-3
        )


class Means:
    """A second recogniser: mean colours and their squares."""

    name, alignment = "means", BY_BOX

    @property
    def code(self) -> tuple[type, ...]:
        return (Means,)

    def embed(self, images: np.ndarray) -> np.ndarray:
        assert images.dtype == np.uint8 and images.ndim == 4 and images.shape[3] in (1, 3)
        means = images.reshape(len(images), -1, images.shape[3]).mean(1) / 255
        values = np.concatenate([means - 0.5, means**2, np.full((len(images), 1), 0.01)], 1)
        return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)


class Same(nn.Module):
    """A generator that distorts nothing."""

    reads = "picture"

    def forward(self, batch):
        return batch


def test_polish_is_measured_on_the_same_pictures_whatever_the_steps():
    """Of templates that are dark, each step brings F(T) nearer to F(X); the unpolished ones are the
    stored ones.
    """
    material = material_of(pictures_of(np.arange(40), "lfw", 8, 3), Dark())
    found = field.polished(material)
    assert found["pictures"] == 40 and list(found["steps"]) == ["0", "1", "2", "5"]
    means = [one["mean"] for one in found["steps"].values()]
    assert means == sorted(means, reverse=True) and means[-1] < 0.5 * means[0]
    assert means[0] == pytest.approx(
        field.squared_distances(material.shifted_test, material.real_test).mean(), rel=1e-4
    )
    assert all(one["milliseconds"] > 0 for one in found["steps"].values())


def test_a_second_recogniser_that_is_not_there(monkeypatch):
    def missing():
        raise NotAvailable("Install dlib-bin first.")

    monkeypatch.setattr(field, "load_second_recogniser", missing)
    assert field.second_recogniser(material_of(pictures_of([0, 0, 1]))) == {
        "not_measured": "Install dlib-bin first."
    }


def test_a_second_recogniser_sees_photos_and_templates(monkeypatch):
    monkeypatch.setattr(field, "load_second_recogniser", Means)
    labels = np.repeat(np.arange(6), 5)
    colours = np.random.default_rng(3).integers(30, 220, (6, 3))[labels]
    images = np.broadcast_to(colours[:, None, None], (30, 8, 8, 3)).astype(np.uint8)
    people = np.array([f"person {label}" for label in labels])
    pictures = replace(pictures_of(people, "lfw", 8, 3), images=images)
    undistorted = field.second_recogniser(material_of(pictures, Same()))
    assert undistorted["name"] == "means" and undistorted["plain"] == undistorted["template"]
    rates = {"eer": 0, "tar_at_fmr_1e-2": 1, "tar_at_fmr_1e-3": 1}
    assert {key: undistorted["plain"][key] for key in rates} == pytest.approx(rates)
    for key, value in rates.items():
        assert undistorted["plain"][f"{key}_ci95"] == pytest.approx([value, value])
    hidden = material_of(pictures, OneColour())
    hidden.checkpoint.record["sha256"] = "1" * 64
    found = field.second_recogniser(hidden)
    assert found["plain"] == undistorted["plain"] and found["template"]["eer"] > 0.2
    for one in np.hstack(list(found["template"].values())):
        assert 0 <= one <= 1


@pytest.mark.parametrize(
    "module, use",
    [
        (
            "tests.training.test_evaluation",
            lambda one, other: one.second(other, one.test, template=False),
        ),
        ("training.data.material", lambda one, _: one.shifted(one.test, "jpeg_75")),
        ("ndcb.generators.unet", lambda one, _: one.shifted(one.test)),
        ("ndcb.generators", lambda one, _: one.shifted(one.test)),
        ("ndcb.core.distances", lambda one, _: one.distances(one.test)),
    ],
)
def test_what_another_version_computed_is_computed_again(monkeypatch, cache, module, use):
    generator = checkpoints.UNet(checkpoints.UNetConfig(3, 12, 4, 1))
    material = material_of(pictures_of([0, 0, 1], "lfw", 12, 3), generator)
    use(material, Means())
    before = {path.name for path in cache.rglob("*.npy")}
    use(Material(material.checkpoint, material.recogniser, material.pictures), Means())
    assert {path.name for path in cache.rglob("*.npy")} == before
    monkeypatch.setattr(importlib.import_module(module), "VERSION", 2)
    use(Material(material.checkpoint, material.recogniser, material.pictures), Means())
    assert {path.name for path in cache.rglob("*.npy")} - before, "older results would be given"


# what is kept


def test_scores_keep_all_genuine_and_the_eer(monkeypatch):
    labels = np.repeat(np.arange(8), 25)
    real = units_near(units(200, 16), labels)
    material = known(labels, real, units_near(units(200, 16, seed=1), labels))
    monkeypatch.setattr(files, "IMPOSTORS", 16_000)
    kept, whole = files.score_arrays(material), field.verification(material)
    assert set(kept) == {
        f"{name}_{kind}" for name in ("plain", "template") for kind in ("genuine", "impostor")
    }
    for name in ("plain", "template"):
        genuine, impostor = (kept[f"{name}_{kind}"] for kind in ("genuine", "impostor"))
        assert (
            len(genuine) == whole[name]["genuine"] == 8 * 300
            and len(impostor) == 16_000 < whole[name]["impostor"]
        )
        for values in (genuine, impostor):
            assert (
                values.dtype == np.float16
                and (np.diff(values.astype(float)) >= 0).all()
                and values[0] >= 0
                and values[-1] <= 4
            )
        references = {"plain": material.real_test, "template": material.shifted_test}[name]
        every = measure.scores(references, material.real_test, material.labels)
        np.testing.assert_allclose(genuine, np.sort(every[0]), rtol=1e-3)
        assert impostor.mean(dtype=np.float64) == pytest.approx(every[1].mean(), abs=0.005), (
            "a choice of all impostor scores"
        )
        assert eer_of(kept, name) == pytest.approx(whole[name]["eer"], abs=POINTS)
        assert 0.005 < whole[name]["eer"] < 0.3
    for key, values in files.score_arrays(material).items():
        np.testing.assert_array_equal(values, kept[key])


def eer_of(kept, name: str) -> float:
    return equal_error_rate(
        *(kept[f"{name}_{kind}"].astype(np.float32) for kind in ("genuine", "impostor"))
    )[0]


def tiles(thumbnails: np.ndarray, columns: int, side: int, count: int) -> np.ndarray:
    """(count, side, side, 3)."""
    sheet = Image.open(io.BytesIO(thumbnails.tobytes()))
    assert sheet.format == "WEBP" and sheet.size == (columns * side, -(-count // columns) * side)
    pixels = np.asarray(sheet.convert("RGB"))
    places = [(number // columns * side, number % columns * side) for number in range(count)]
    return np.stack([pixels[top : top + side, left : left + side] for top, left in places])


@pytest.mark.parametrize("size, channels, side", [(160, 3, 48), (28, 1, 28)])
def test_thumbnails_stand_in_their_places(size, channels, side):
    colours = np.random.default_rng(0).integers(0, 256, (55, channels)).astype(np.float32) / 255
    templates = torch.from_numpy(
        np.ascontiguousarray(np.broadcast_to(colours[:, :, None, None], (55, channels, size, size)))
    )
    found = tiles(files.sheet(templates), files.COLUMNS, side, 55)
    middle = found[:, side // 4 : -side // 4, side // 4 : -side // 4].mean((1, 2)) / 255
    assert np.abs(middle - colours).max() < 0.06


def test_shown_rows_are_class_by_class(monkeypatch):
    monkeypatch.setattr(files, "FACES_A_PERSON", 4)
    monkeypatch.setattr(files, "CLASSES", 2)
    people = np.array(["a", "b", "c", "b", "c", "b", "c", "b", "b", "c"])
    assert files.shown_rows(material_of(pictures_of(people, "lfw"))).tolist() == [
        1,
        3,
        5,
        7,
        2,
        4,
        6,
        9,
    ]
    digits = pictures_of([7, 2, 7, 2, 2, 7, 7])
    material = material_of(digits)
    monkeypatch.setattr(files, "DIGITS_A_CLASS", 2)
    assert files.shown_rows(material).tolist() == [1, 3, 0, 2]
    monkeypatch.setattr(files, "DIGITS_A_CLASS_IN_SERIES", 1)
    material.checkpoint.record["series"] = "alpha"
    assert files.shown_rows(material).tolist() == [1, 0]


def test_embeddings_hold_templates_and_nothing_of_the_originals():
    """Of a generator that shows nothing the sheet is the same whatever the pictures are, and one
    colour.
    """
    labels = np.repeat(np.arange(3), 10)
    kept = [
        files.embedding_arrays(material_of(pictures_of(labels, side=28, seed=seed), OneColour()))
        for seed in (0, 1)
    ]
    assert set(kept[0]) == {"real", "distorted", "labels", "thumbnails", "columns", "side"}
    assert not np.array_equal(kept[0]["real"], kept[1]["real"])
    np.testing.assert_array_equal(kept[0]["thumbnails"], kept[1]["thumbnails"])
    assert_embeddings(kept[0], 785)
    assert np.ptp(tiles(kept[0]["thumbnails"], 24, 28, 30)[:, 7:-7, 7:-7]) <= 8
    assert kept[0]["labels"].tolist() == labels.astype(str).tolist()


def assert_embeddings(kept, width: int):
    count, side = len(kept["labels"]), int(kept["side"])
    assert kept["real"].shape == kept["distorted"].shape == (count, width)
    assert (
        kept["real"].dtype == kept["distorted"].dtype == np.float16
        and kept["labels"].dtype.kind == "U"
    )
    for name in ("real", "distorted"):
        np.testing.assert_allclose(
            np.linalg.norm(kept[name].astype(np.float32), axis=1), 1, atol=0.01
        )
    assert (
        kept["thumbnails"].dtype == np.uint8
        and len(tiles(kept["thumbnails"], int(kept["columns"]), side, count)) == count
    )
    changes = (kept["labels"][1:] != kept["labels"][:-1]).sum()
    assert changes == len(set(kept["labels"])) - 1, "class by class"


def test_embeddings_show_each_pictures_own_template():
    """Pictures of one grey each, so that the inverse is too."""
    images = np.broadcast_to(
        np.arange(0, 240, 8, dtype=np.uint8)[:, None, None, None], (30, 28, 28, 1)
    )
    material = material_of(replace(pictures_of(np.arange(30) % 3, side=28), images=images))
    kept, rows = files.embedding_arrays(material), files.shown_rows(material)
    np.testing.assert_array_equal(kept["real"], material.real_test[rows].astype(np.float16))
    np.testing.assert_array_equal(kept["distorted"], material.shifted_test[rows].astype(np.float16))
    seen = tiles(kept["thumbnails"], 24, 28, 30)[:, 7:-7, 7:-7].mean((1, 2, 3))
    np.testing.assert_allclose(seen, 255 - images[rows, 0, 0, 0].astype(float), atol=12)


def test_files_are_whole_or_as_they_were(tmp_path, monkeypatch):
    files.write(tmp_path / "new", {"a": 1}, {"scores.npz": {"x": np.arange(3)}})
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "scores.npz",
        "summary.json",
    ]
    before = (tmp_path / "new" / "scores.npz").read_bytes()

    def half(file, **_):
        file.write(b"PK")
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez_compressed", half)
    with pytest.raises(OSError):
        files.write(tmp_path / "new", {"a": 2}, {"scores.npz": {"x": np.arange(4)}})
    assert (tmp_path / "new" / "scores.npz").read_bytes() == before
    assert json.loads((tmp_path / "new" / "summary.json").read_text()) == {"a": 1}


# what the docstring says summary.json holds


def documented() -> dict[str, set[str]]:
    """Top-level key -> every dotted path below it that the module's docstring names."""
    lines = re.findall(
        r"^    (?=\S)(\S.*(?:\n {8,}\S.*)*)", evaluation.__doc__.split("summary.json:\n")[1], re.M
    )
    found = {}
    for line in lines:
        name, words = (
            re.match(r"([a-z_.0-9]+)  +(.*)", " ".join(line.split("\n")), re.S).groups()
            if "  " in line
            else ("", line)
        )
        words = re.sub(r"\([^)]*\)|^a list:", "", " ".join(words.split()))
        words = re.sub(r"(?<=[a-z_0-9}]) *: .*", "", words)
        key, _, below = name.partition(".")
        if key in evaluation.PARTS:
            found.setdefault(key, set()).update(
                f"{below}.{path}".lstrip(".") for path in braces(words)
            )
    return found


def braces(text: str) -> set[str]:
    """ "a.{b, c}, d" -> {"a.b", "a.c", "d"}."""
    found = set()
    for item in split(text, ","):
        paths = {""}
        for piece in split(item, "."):
            inner = braces(piece[1:-1]) if piece.startswith("{") else {piece}
            paths = {f"{path}.{one}".lstrip(".") for path in paths for one in inner}
        found |= paths
    return found


def split(text: str, mark: str) -> list[str]:
    """At the marks outside of braces."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter == "{") - (letter == "}")
        parts[-1:] = [parts[-1], ""] if letter == mark and not depth else [parts[-1] + letter]
    return [part.strip() for part in parts if part.strip()]


def paths_of(value) -> set[str]:
    """Every dotted path of a summary's part down to its numbers, words and lists of them; all items
    of a list of objects are one.
    """
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return set.union(*map(paths_of, value))
    if isinstance(value, dict):
        return {f"{key}.{path}".rstrip(".") for key, one in value.items() for path in paths_of(one)}
    return {""}


def under(path: str, place: str) -> bool:
    return path == place or path.startswith(place + ".")


def assert_complete(summary: dict, unmeasured=()):
    """Every documented key is there and no other, in every part."""
    assert {
        "checkpoint",
        "sha256",
        "recogniser",
        "device",
        "versions",
        "commit",
        "data",
        "seconds",
        "caches_were_empty",
    } <= set(summary)
    assert set(documented()) == set(evaluation.PARTS) <= set(summary)
    assert set(summary["seconds"]) == {"total", *evaluation.PARTS}
    for part in evaluation.PARTS:
        if part in unmeasured:
            assert set(summary[part]) == {"not_measured"} and isinstance(
                summary[part]["not_measured"], str
            )
        else:
            assert_documented(part, summary[part])


def assert_documented(part: str, value: dict):
    found, expected = paths_of(value), documented()[part]
    assert [path for path in expected if not any(under(one, path) for one in found)] == [], (
        f"{part} lacks these"
    )
    assert [path for path in found if not any(under(path, one) for one in expected)] == [], (
        f"{part} holds these, which are not documented"
    )


RATES = {
    "eer",
    "eer_ci95",
    "fnmr_at_fmr_1e-2",
    "fnmr_at_fmr_1e-3",
    "tar_at_fmr_1e-2",
    "tar_at_fmr_1e-3",
    "fmr",
    "fnmr",
    "low",
    "high",
    "accuracy",
    "rate",
    "share_over_alpha",
    "precision",
    "recall",
    "f1",
    "explained_variance",
    "blank",
    "contours_kept",
    "only_colours_changed",
    "l1",
    "mse",
    "dssim",
}
SIGNED = {"drop", "drop_in_reference_code", "d_prime", "ssim", "psnr", "ci95"}


def assert_in_range(value, key="", signed=False):
    signed = signed or key in SIGNED
    if isinstance(value, dict):
        for name, one in value.items():
            keep_key = key in RATES and name in ("mean", "draws95", "real_generated", "real_real")
            assert_in_range(one, key if keep_key else name, signed)
    elif isinstance(value, list):
        for one in value:
            assert_in_range(one, key, signed)
    elif isinstance(value, float | int):
        assert math.isfinite(value), key
        assert signed or value >= 0, f"{key} {value}"
        assert key not in RATES or value <= 1 + 1e-6, f"{key} {value}"


def test_the_docstring_is_understood():
    """So that the tests below cannot pass because nothing was found."""
    found = documented()
    assert {
        "table3.mse.real_generated_others",
        "table4.plain_again.tn.draws95",
        "figure11.classes",
    } <= found["paper"]
    assert {"figure13.template.low", "table4.drop.ci95", "table4.logins"} <= found["paper"]
    assert {"plain.det.high", "template.at_login_threshold.fnmr", "plain.eer_ci95"} <= found[
        "verification"
    ]
    assert {"test_people.template.accuracy", "drop.ci95", "pairs"} <= found["lfw_folds"]
    assert (
        "psnr" in found["image"]
        and "only_colours_changed" in found["failures"]
        and "test.rate" in found["failure_to_enrol"]
    )


def test_the_help_names_every_part():
    text = Path(command.__file__).read_text().split('"""Only these parts: ')[1]
    listed = text.split('"""')[0].strip().removesuffix(".")
    assert set(" ".join(listed.split()).split(", ")) == set(evaluation.PARTS)


# end to end


def copy_of(name: str, folder: Path, limit: int) -> Path:
    """A committed checkpoint with so few pictures that it is measured in seconds."""
    shutil.copytree(
        checkpoints.FOLDER / name, folder, ignore=shutil.ignore_patterns("evaluation", "example*")
    )
    training = checkpoints.load(folder).record["training"]
    checkpoints.update_record(folder, training=training | {"limit": limit})
    return folder


def measured(folder: Path) -> tuple[Path, dict]:
    return folder, json.loads((folder / "evaluation" / "summary.json").read_text())


def evaluate_a_copy(name: str, limit: int, root: Path, place: Path) -> Path:
    folder = copy_of(name, place / name, limit)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NDCB_CACHE", str(place / "cache"))
        assert evaluation.evaluate(str(folder), root) == folder / "evaluation"
    return folder


@pytest.fixture(scope="module")
def evaluated_once(mnist_root, tmp_path_factory) -> Path:
    return evaluate_a_copy("digits", 300, mnist_root, tmp_path_factory.mktemp("digits"))


@pytest.fixture
def digits(evaluated_once, tmp_path, monkeypatch) -> Path:
    """A copy of the evaluated checkpoint, which a test may change, beside what its evaluation left
    in the cache.
    """
    shutil.copytree(evaluated_once.parent, tmp_path / "evaluated")
    monkeypatch.setenv("NDCB_CACHE", str(tmp_path / "evaluated" / "cache"))
    return tmp_path / "evaluated" / "digits"


def assert_same_as_measure(folder: Path, root: Path, summary: dict):
    checkpoint = checkpoints.load(folder)
    record = checkpoint.record
    pictures = load_pictures(record["data"]["name"], root, record["training"]["limit"])
    figures, _ = measure_generator(
        Material(checkpoint, load_recogniser(record["recogniser"]), pictures)
    )
    for name in ("plain", "template"):
        found = {key: summary["verification"][name][key] for key in figures[name]}
        assert found == evaluation.rounded(figures[name])
    assert summary["image"] == evaluation.rounded({key: figures[key] for key in summary["image"]})
    assert summary["failures"] == evaluation.rounded(figures["failures"])
    shift = figures["embedding_distance"]
    assert {key: summary["embedding_error"][key] for key in shift} == evaluation.rounded(shift)
    assert summary["sha256"] == record["sha256"] and summary["data"] == pictures.description()


def assert_written(folder: Path, summary: dict, width: int):
    place = folder / "evaluation"
    assert {path.name for path in place.iterdir()} == {
        "summary.json",
        "scores.npz",
        "embeddings.npz",
        "report.md",
        "figures.png",
    }
    scores, kept = (dict(np.load(place / name)) for name in ("scores.npz", "embeddings.npz"))
    assert len(scores["template_genuine"]) == summary["verification"]["template"]["genuine"]
    for name in ("plain", "template"):
        assert eer_of(scores, name) == pytest.approx(
            summary["verification"][name]["eer"], abs=POINTS
        )
    assert_embeddings(kept, width)
    text = (place / "report.md").read_text()
    assert text == report.report(summary)
    assert re.findall("^## (.*)$", text, re.M) == [
        *(title for title, *_ in document.SECTIONS),
        *(
            title
            for title, key, _ in document.WHERE_MEASURED
            if "not_measured" not in summary.get(key, {"not_measured": ""})
        ),
    ]
    with Image.open(place / "figures.png") as picture:
        picture.load()
        assert min(picture.size) > 500 and len(picture.getcolors(10**6)) > 10


def test_digits_from_end_to_end(digits, mnist_root):
    folder, summary = measured(digits)
    assert_complete(
        summary,
        unmeasured=(
            "lfw_folds",
            "second_recogniser",
            "other_recogniser",
            "failure_to_enrol",
            "polish",
            "curves",
            "identification",
            "groups",
            "zoo",
        ),
    )
    assert_in_range({part: summary[part] for part in evaluation.PARTS})
    assert summary["data"]["pictures"] == {"training": 300, "development": 300, "test": 300}
    assert (
        summary["checkpoint"] == "digits"
        and summary["recogniser"] == "digits-embedder"
        and summary["caches_were_empty"] is True
    )
    assert [row["class"] for row in summary["paper"]["table3"]] == list("0123456789")
    assert summary["paper"]["table4"]["draws"] == 100
    assert_same_as_measure(folder, mnist_root, summary)
    assert_written(folder, summary, 10)


def test_a_second_evaluation_finds_the_same(digits, mnist_root):
    """From what is kept in the cache."""
    _, before = measured(digits)
    evaluation.evaluate(str(digits), mnist_root)
    _, after = measured(digits)
    assert after["caches_were_empty"] is False
    assert {part: after[part] for part in evaluation.PARTS} == {
        part: before[part] for part in evaluation.PARTS
    }


def test_one_part_is_renewed_and_the_others_are_left(digits, mnist_root):
    path = digits / "evaluation" / "summary.json"
    old = json.loads(path.read_text())
    marks = {
        "image": {"mse": -1},
        "remarks": {"of": [1, None]},
        "failure_to_enrol": {"not_measured": "x"},
    }
    path.write_text(json.dumps(old | marks))
    assert evaluation.evaluate(str(digits), mnist_root, ("image",)) == digits / "evaluation"
    new = json.loads(path.read_text())
    assert new["image"] == old["image"]
    assert all(new[key] == marks[key] for key in ("remarks", "failure_to_enrol"))
    untouched = set(evaluation.PARTS) - {"image", "failure_to_enrol"}
    assert {part: new[part] for part in untouched} == {part: old[part] for part in untouched}


def test_figures_of_other_weights_are_not_left_under_the_new_hash(digits, mnist_root):
    """After a new training --what must not mix both models in one summary: refuse it, or drop what
    is old.
    """
    path = digits / "evaluation" / "summary.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"sha256": "0" * 64}))
    try:
        evaluation.evaluate(str(digits), mnist_root, ("failures",))
    except UserError:
        return
    assert "verification" not in json.loads(path.read_text())


@pytest.mark.parametrize("part", evaluation.PARTS)
def test_one_part_alone_can_be_reported(digits, part):
    """As after --what PART of a checkpoint without an evaluation."""
    _, summary = measured(digits)
    alone = {
        key: value for key, value in summary.items() if key == part or key not in evaluation.PARTS
    }
    text = report.report(alone)
    assert text.count("## ") == len(document.SECTIONS) and "this part was not run" in text


def test_a_picture_is_drawn_of_what_there_is(digits, tmp_path):
    report.draw(
        parsed({}),
        *(np.load(digits / "evaluation" / name) for name in ("scores.npz", "embeddings.npz")),
        tmp_path / "figures.png",
    )
    assert Image.open(tmp_path / "figures.png").size[0] > 500


def test_a_part_that_raises_leaves_everything_as_it_was(digits, mnist_root, monkeypatch):
    before = {path.name: path.read_bytes() for path in (digits / "evaluation").iterdir()}

    def broken(material, root):
        raise ZeroDivisionError

    monkeypatch.setitem(evaluation.PARTS, "failures", broken)
    for what in ((), ("image", "failures")):
        with pytest.raises(ZeroDivisionError):
            evaluation.evaluate(str(digits), mnist_root, what)
        assert {
            path.name: path.read_bytes() for path in (digits / "evaluation").iterdir()
        } == before


def test_unknown_parts_and_checkpoints_are_refused(tmp_path):
    with pytest.raises(
        UnknownName, match="unknown part 'images'; there are: .*image, .*verification"
    ):
        evaluation.evaluate("digits", tmp_path, ("image", "images"))
    with pytest.raises(UnknownName, match="unknown checkpoint 'digitz'"):
        evaluation.evaluate("digitz", tmp_path)


def test_a_checkpoint_without_a_threshold_is_told_what_to_run(tmp_path):
    folder = copy_of("digits", tmp_path / "digits", 300)
    record = json.loads((folder / "record.json").read_text())
    del record["threshold"]
    (folder / "record.json").write_text(json.dumps(record))
    with pytest.raises(UserError, match=f"python -m training measure {re.escape(str(folder))}$"):
        evaluation.evaluate(str(folder), tmp_path)
    assert not (folder / "evaluation").exists()


def test_the_command_line(digits, mnist_root, capsys):
    assert (
        command.main(
            ["evaluate", str(digits), "--what", "image", "failures", "--data", str(mnist_root)]
        )
        == 0
    )
    assert capsys.readouterr().out.splitlines() == [
        "digits: 1 of 2, image",
        "digits: 2 of 2, failures",
        str(digits / "evaluation"),
    ]
    assert command.main(["evaluate", "digitz", "--data", str(mnist_root)]) == 1
    assert "unknown checkpoint 'digitz'" in capsys.readouterr().err


def test_rounded_keeps_six_digits_and_everything_else():
    given = {
        "a": [0.123456789, {"b": 123456789.0}],
        "c": 7,
        "d": "0.123456789",
        "e": None,
        "f": np.float64(1 / 3),
    }
    assert evaluation.rounded(given) == {
        "a": [0.123457, {"b": 123457000.0}],
        "c": 7,
        "d": "0.123456789",
        "e": None,
        "f": 0.333333,
    }


@pytest.mark.slow
def test_faces_from_end_to_end(lfw_root, tmp_path, monkeypatch):
    try:
        field.load_second_recogniser()
    except NotAvailable:
        monkeypatch.setattr(field, "load_second_recogniser", Means)
    folder, summary = measured(evaluate_a_copy("faces", 24, lfw_root, tmp_path))
    monkeypatch.setenv("NDCB_CACHE", str(tmp_path / "cache"))
    maybe = ("lfw_folds", "paper", "identification", "groups")
    few = [part for part in maybe if "not_measured" in summary[part]]
    assert "lfw_folds" in few  # of 72 pictures no official pair can be made
    assert "identification" in few  # all of these people have a second picture
    assert_complete(summary, unmeasured=few)
    assert_in_range({part: summary[part] for part in evaluation.PARTS})
    assert summary["data"]["pictures"] == {"training": 24, "development": 24, "test": 24}
    assert (
        summary["failure_to_enrol"]["all"]["pictures"] == 72
        and summary["failure_to_enrol"]["test"]["pictures"] == 24
    )
    assert summary["second_recogniser"]["name"]
    assert_same_as_measure(folder, lfw_root, summary)
    assert_written(folder, summary, 512)


# what is committed


@pytest.mark.parametrize("name", checkpoints.names())
def test_committed_evaluations(name):
    place = checkpoints.FOLDER / name / "evaluation"
    assert (place / "summary.json").exists(), f"run: python -m training evaluate {name}"
    summary = json.loads((place / "summary.json").read_text())
    record = json.loads((place.parent / "record.json").read_text())
    assert summary["sha256"] == record["sha256"], (
        f"measured with other weights; run: python -m training evaluate {name}"
    )
    assert summary["checkpoint"] == name and summary["data"] == record["data"]
    assert set(evaluation.PARTS) <= set(summary)
    assert (
        sum((place / file).stat().st_size for file in ("scores.npz", "embeddings.npz"))
        <= (0.3 if "-alpha-" in name else 3) * MEGABYTE
    )
    scores = np.load(place / "scores.npz")
    for reference in ("plain", "template"):
        assert len(scores[f"{reference}_genuine"]) == summary["verification"][reference]["genuine"]
        assert eer_of(scores, reference) == pytest.approx(
            summary["verification"][reference]["eer"], abs=POINTS
        )
    assert summary.get("goals") == evaluation.rounded(goals.reached(summary)), "the goals are stale"
    assert (place / "report.md").read_text() == report.report(summary), "report.md is stale"
    pictures = {
        path.name
        for path in place.rglob("*")
        if path.suffix not in (".npz", ".json", ".md") and path.is_file()
    }
    names = ("photo", "template", "restoration", "template_inversion", "embedding_inversion")
    assert pictures == {"figures.png"} | {f"{one}.png" for one in names if "attacks" in summary}
