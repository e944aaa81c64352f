"""Searches, groups, the zoo and rates by threshold: by hand, and against naive loops."""

from types import SimpleNamespace

import numpy as np
import pytest

from ndcb.core.metrics import bootstrap_rates
from ndcb.core.terms import UserError
from ndcb.models.operating_points import operating_point
from ndcb.report import groups as group_tables
from ndcb.report import identification as tables
from training.evaluation import curves, groups, identification, zoo
from training.evaluation.compared import compared, operating_thresholds
from training.evaluation.group_table import UNVERIFIED, Groups, groups_of, read_groups
from training.measure.record import mated_pairs

PEOPLE, RECORD = 30, {"threshold": 0.8, "thresholds": {"1e-2": 1.0, "1e-3": 0.8, "1e-4": 0.6}}


def unit(values: np.ndarray) -> np.ndarray:
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def material():
    """Thirty people, the last ten of one picture; five are of the training part."""
    chooser = np.random.default_rng(0)
    shots = np.repeat([4, 1], [20, 10])
    labels = np.repeat([f"P{number:02d}" for number in range(PEOPLE)], shots)
    real = unit(np.repeat(chooser.normal(size=(PEOPLE, 8)), shots, 0) + 0.5 * noise(labels, 1))
    return material_of(labels, real, unit(real + 0.2 * noise(labels, 2)))


def noise(labels, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(len(labels), 8))


def material_of(labels, real, shifted, record=RECORD) -> SimpleNamespace:
    part = np.where(labels < "P05", "training", "test")
    detected = np.arange(len(labels)) % 7 > 0
    return SimpleNamespace(
        pictures=SimpleNamespace(labels=labels, part=part, detected=detected, data="lfw"),
        test=np.flatnonzero(part == "test"),
        real=lambda rows: real[rows],
        shifted=lambda rows: shifted[rows],
        checkpoint=SimpleNamespace(record=record),
    )


# thresholds, pairs


def test_the_operating_threshold_is_that_of_fmr_one_in_a_thousand():
    assert operating_point(RECORD).threshold == 0.8
    assert operating_thresholds({"threshold": 1.2}) == {"login": 1.2}
    finer = {"threshold": 0.8, "thresholds": RECORD["thresholds"] | {"5e-4": 0.7}}
    assert operating_thresholds(finer) == RECORD["thresholds"]


def test_false_matches_against_a_loop(material):
    side = compared(material, material.test)
    distances = side.distances("template")
    expected = np.zeros((len(side.names), len(side.names)))
    for i, one in enumerate(side.numbers):
        for j, other in enumerate(side.numbers):
            expected[one, other] += one != other and distances[i, j] < 1.0
    np.testing.assert_array_equal(side.false_matches(distances, 1.0), expected)
    assert expected.sum() > 0


# searches


def test_a_perfect_recogniser_finds_everybody(material):
    corners = np.eye(PEOPLE, dtype=np.float32)[
        np.unique(material.pictures.labels, return_inverse=True)[1]
    ]
    found = identification.identification(material_of(material.pictures.labels, corners, corners))
    assert (found["gallery"], found["mated_probes"], found["non_mated_probes"]) == (15, 45, 10)
    for name in ("plain", "template"):
        assert found[name]["rank_1"] == {"rate": 1, "ci95": [1, 1]}
        assert found[name]["fnir_at_fpir_1e-2"] == {"rate": 0, "ci95": [0, 0]}
        assert found[name]["at_login_threshold"]["fpir"]["rate"] == 0


def test_searches_against_a_loop(material):
    side = compared(material, material.test)
    distances = side.distances("template")
    found = identification.searches(side, distances)
    chooser, gallery = np.random.default_rng(0), []
    for number in np.flatnonzero(side.pictures > 1):
        gallery.append(np.flatnonzero(side.numbers == number))
    chosen = chooser.integers(0, [len(rows) for rows in gallery])
    enrolled = [rows[place] for rows, place in zip(gallery, chosen, strict=True)]
    ranks, nearest = [], []
    for probe in range(len(side.people)):
        scores = {side.numbers[row]: distances[row, probe] for row in enrolled}
        own = side.numbers[probe]
        if own not in scores:
            nearest.append(min(scores.values()))
        elif probe not in enrolled:
            ranks.append(sum(score <= scores[own] for score in scores.values()))
    np.testing.assert_array_equal(found.rank[: len(ranks)], ranks)
    np.testing.assert_allclose(found.nearest[: len(nearest)], nearest)
    assert len(found.rank) == identification.GALLERIES * len(ranks) and max(ranks) > 1


def test_an_open_search_by_hand():
    """Four people with one search each; the second is found behind another one."""
    found = identification.Searches(
        rank=np.array([1, 2, 1, 1]),
        mate=np.array([0.1, 0.2, 0.3, 0.9]),
        mated=np.arange(4),
        nearest=np.linspace(0.5, 1.5, 200),
        non_mated=np.arange(4, 204),
    )
    rates = identification.open_set(found, {"at_login_threshold": 0.2, "at_search_threshold": 0.95})
    assert rates["fnir_at_fpir_1e-2"]["rate"] == pytest.approx(0.5)  # two of 200 are under 0.51
    assert rates["at_login_threshold"]["fnir"]["rate"] == pytest.approx(0.75)
    assert rates["at_login_threshold"]["fpir"]["rate"] == 0
    assert rates["at_search_threshold"]["fnir"]["rate"] == pytest.approx(0.25)
    assert rates["at_search_threshold"]["fpir"]["rate"] == pytest.approx(0.45, abs=0.005)
    assert identification.closed_set(found, 4)["rank_1"]["rate"] == pytest.approx(0.75)


def test_without_strangers_there_is_no_search():
    labels = np.repeat(["P06", "P07"], 2)
    real = unit(noise(labels, 0))
    assert "not_measured" in identification.identification(material_of(labels, real, real))


# rates by threshold


def test_curves_against_a_loop(material):
    found = curves.curves(material)
    side = compared(material, material.test)
    distances = side.distances("template")
    strangers = distances[side.numbers[:, None] != side.numbers]
    place = list(found["threshold"]).index(0.9)
    expected = np.mean(strangers < 0.9)
    assert found["template"]["fmr"][place] == pytest.approx(expected, rel=0.01) and expected > 0
    refused = [
        np.mean(
            [distances[i, j] >= 0.3 for i, j in mated_pairs(side.people, 20) if own(side, i, k)]
        )
        for k in range(15)
    ]
    place = list(found["threshold"]).index(0.3)
    assert found["template"]["fnmr"][place] == pytest.approx(np.mean(refused), rel=0.01)
    assert found["genuine"] == 15 * 6 and found["impostor"] == len(strangers)
    for name in ("plain", "template"):
        low, high = found[name]["fnmr_at_fmr_1e-2_ci95"]
        assert low <= found[name]["fnmr_at_fmr_1e-2"] <= high


def own(side, row: int, person: int) -> bool:
    return side.numbers[row] == person


def test_the_lowest_impostor_scores_are_enough():
    chooser = np.random.default_rng(3)
    genuine, impostor = chooser.normal(0.5, 0.2, 60), chooser.normal(1.5, 0.3, 870)
    own_pairs = np.stack([np.arange(30).repeat(2)] * 2, 1)
    first, second = np.nonzero(~np.eye(30, dtype=bool))
    pairs = np.stack([first, second], 1)
    whole = bootstrap_rates(genuine, impostor, own_pairs, pairs, [0.01, 0.03])
    lowest = np.argsort(impostor)[:200]
    part = bootstrap_rates(
        genuine,
        impostor[lowest],
        own_pairs,
        pairs[lowest],
        [0.01, 0.03],
        impostor_total=lambda times: times.sum() ** 2 - (times**2).sum(),
    )
    np.testing.assert_allclose(part["fnmr"], whole["fnmr"])
    assert part["eer"] == pytest.approx(whole["eer"])
    assert part["estimate"]["eer"] == pytest.approx(whole["estimate"]["eer"])


def test_every_person_counts_equally():
    assert curves.equal_weights(np.array([0, 1, 1, 0, 0, 2])).tolist() == pytest.approx(
        [1 / 3, 1 / 2, 1 / 2, 1 / 3, 1 / 3, 1]
    )


# groups


def rows_of(found: dict, which: str) -> dict:
    [row] = [row for row in found["of"] if row["people"] == which]
    return row


def test_groups_against_a_loop(material):
    people = {f"P{number:02d}" for number in range(10)}
    found = groups.groups(material, Groups({"ours": people | {"Nobody"}}, UNVERIFIED))
    test, every = rows_of(found, "test"), rows_of(found, "all")
    assert (test["test_people"], test["training_people"]) == (5, 0)
    assert (every["test_people"], every["training_people"]) == (5, 5)
    assert found["unknown_people"] == 1 and found["overall"]["test_people"] == 25

    side = compared(material, np.arange(len(material.pictures.labels)))
    distances = side.distances("template")
    in_group, in_test = np.isin(side.people, sorted(people)), side.people >= "P05"
    strangers = side.people[:, None] != side.people

    def fmr(left, right) -> float:
        return np.mean(distances[strangers & left[:, None] & right] < 0.8)

    at = every["at"][1]
    assert at["level"] == "1e-3" and at["threshold"] == 0.8
    assert at["template"]["fmr_within"]["rate"] == pytest.approx(fmr(in_group, in_group))
    across = (fmr(in_group, in_test & ~in_group) + fmr(in_test & ~in_group, in_group)) / 2
    assert at["template"]["fmr_across"]["rate"] == pytest.approx(across)
    overall = found["overall"]["at"][1]["template"]["fmr"]
    assert overall["rate"] == pytest.approx(fmr(in_test, in_test)) and overall["rate"] > 0
    low, high = overall["ci95"]
    assert low < overall["rate"] < high

    place = int(np.argmin(np.abs(np.array(found["threshold"]) - 0.8)))
    assert every["fmr_within"][place] == pytest.approx(fmr(in_group, in_group), rel=1e-3)
    assert found["overall"]["fmr"][place] == pytest.approx(fmr(in_test, in_test), rel=1e-3)
    assert every["fmr_within"] == sorted(every["fmr_within"])

    plain, template = at["plain"]["fmr_within"]["rate"], at["template"]["fmr_within"]["rate"]
    gap = (template - overall["rate"]) - (plain - found["overall"]["at"][1]["plain"]["fmr"]["rate"])
    assert at["wider"]["fmr"]["rate"] == pytest.approx(gap)


def test_templates_that_are_the_photos_widen_no_gap(material):
    real = material.real(np.arange(len(material.pictures.labels)))
    same = material_of(material.pictures.labels, real, real)
    found = groups.groups(same, Groups({"ours": {"P00", "P05", "P06"}}, UNVERIFIED))
    for row in found["of"]:
        for at in row["at"]:
            assert at["wider"]["fmr"] == {"rate": 0, "ci95": [0, 0]}


def test_a_confused_group_is_seen(material):
    """Five people with one face: within the group everybody is let in."""
    rows = np.arange(len(material.pictures.labels))
    real = material.real(rows).copy()
    real[np.isin(material.pictures.labels, ["P05", "P06", "P07", "P08", "P09"])] = np.eye(8)[0]
    alike = material_of(material.pictures.labels, real, real)
    people = {"P05", "P06", "P07", "P08", "P09"}
    row = rows_of(groups.groups(alike, Groups({"alike": people}, UNVERIFIED)), "test")
    assert row["at"][0]["plain"]["fmr_within"] == {"rate": 1, "ci95": [1, 1]}
    assert row["at"][0]["plain"]["times_overall"]["rate"] > 5
    assert row["tar_at_own_fmr_1e-3"]["plain"]["rate"] is None  # 320 comparisons are too few


def test_tables_of_groups_say_what_they_are_of(material):
    found = groups.groups(material, Groups({"a|<b>": {"P00", "P05", "P06"}}, UNVERIFIED))
    text = group_tables.groups(found)
    assert "The groups: chosen by how names are spelt, unverified." in text
    assert "<b>" not in text and "a|" not in text
    assert "all (1 of them **trained on**)" in text and "P00" not in text


def test_no_table_and_nobody_in_it(material, tmp_path):
    assert read_groups(None, tmp_path) is None
    assert "lfw_groups.csv" in groups.groups(material, None)["not_measured"]
    assert "nobody" in groups.groups(material, Groups({"a": {"Nobody"}}, ""))["not_measured"]
    (tmp_path / "lfw_groups.csv").write_text("name,group\nAnn,a\n")
    assert read_groups(None, tmp_path) == Groups({"a": {"Ann"}}, UNVERIFIED)
    with pytest.raises(UserError, match="cannot be read .*--groups"):
        read_groups(tmp_path / "none.csv", tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_tables_as_spreadsheets_save_them(encoding):
    text = "sep=;\r\nGroup;note;NAME\r\nolder;;Zoë B\r\nolder;x;Cy_D\r\nyoung;;Cy_D\r\n"
    assert groups_of(text.encode(encoding)) == {"older": {"Zoë_B", "Cy_D"}, "young": {"Cy_D"}}


@pytest.mark.parametrize(
    "text, message",
    [
        ("name,group\nAnn,\n", "Row 1 .* lacks a name or a group"),
        ("name,group\nAnn,<script>\n", "a group that cannot be shown"),
        ("name,group\nAnn," + "a" * 41, "a group that cannot be shown"),
        ("name,group\nAnn,a,b\n", "In row 1 .*3 cells"),
        ("name,age\nAnn,3\n", "must name the columns name and group; it has: name,age"),
        ("", "The table of people is empty. Give it a header, name,group,"),
        ("name,group\n" + "".join(f"A,g{k}\n" for k in range(21)), "21 groups; at most 20"),
    ],
)
def test_a_table_that_cannot_be_used_says_why(text, message):
    with pytest.raises(UserError, match=message):
        groups_of(text.encode())


# the zoo


def test_goats_cause_the_errors_that_they_cause():
    badness = np.arange(80.0)
    errors = np.where(badness >= 78, 0.5, 0.0)
    found = zoo.animal(badness, errors)
    assert (found["people"], found["of"], found["share_of_errors"]) == (2, 80, 1)
    alike = zoo.animal(badness, np.ones(80))
    assert alike["share_of_errors"] == alike["share_of_people"] == 2 / 80
    assert zoo.animal(badness, np.zeros(80))["share_of_errors"] is None


def test_a_lamb_is_found(material):
    rows = np.arange(len(material.pictures.labels))
    real = material.real(rows)
    middle = unit(real[material.test].mean(0, keepdims=True))
    real = np.where(material.pictures.labels[:, None] == "P10", middle, real)
    found = zoo.zoo(material_of(material.pictures.labels, real, real, {"threshold": 0.9}))
    kept = found["plain"]["people"]
    assert np.argmin(kept["impostor_as_reference"]) == 5  # P10 is the sixth of the test people
    assert found["plain"]["lambs"]["of"] == 25 and found["plain"]["goats"]["of"] == 15
    assert len(kept["genuine"]) == 15 and kept["genuine"][5] == pytest.approx(0, abs=1e-3)


def test_every_table_is_rendered(material):
    searched, by_threshold = identification.identification(material), curves.curves(material)
    text = tables.identification(searched)
    assert "one template of each of 15 test people" in text and "10 people who are not" in text
    assert "Up to 20 genuine pairs of a person, 90 of 15 people" in tables.curves(by_threshold)
    assert "wolves: taken for others most, template" in tables.zoo(zoo.zoo(material))
    found = tables.with_interval({"rate": 0.012, "ci95": [0.01, 0.02]})
    assert found == "1.20% [1.00%, 2.00%]" and tables.with_interval(None) == "-"
