"""Which figure each goal reads, on which side it is met, and what is said of one not measured."""

import pytest

from ndcb.report.goals import side_by_side
from ndcb.results import goals


def share(value: float | None) -> dict:
    return {"same_photo": {"share": value}, "another_photo": {"share": None}}


def attacks(restored: float, floor: float, dlib: tuple[float, float] | None = None) -> dict:
    pairs = {
        "restoration": (restored, dlib and dlib[0]),
        "embedding_inversion": (floor, dlib and dlib[1]),
    }
    return {
        thief: {"facenet": share(one), "dlib": share(other) if dlib else None}
        for thief, (one, other) in pairs.items()
    }


def summary(**changes) -> dict:
    return {
        "data": {"name": "lfw"},
        "embedding_error": {"mean": 0.1, "p99": 0.25001},
        "image": {"ssim": 0.15, "psnr": 10.9},
        "verification": {"plain": {"eer": 0.01}, "template": {"eer": 0.016}},
        "lfw_folds": {"drop": {"mean": -0.001}},
        "second_recogniser": {"template": {"eer": 0.4, "tar_at_fmr_1e-3": 0.02}},
        "attacks": attacks(0.30, 0.29),
    } | changes


def test_each_goal_by_hand():
    found = goals.reached(summary())
    assert {name: one["met"] for name, one in found.items()} == {
        "embedding_distance_mean": True,
        "embedding_distance_p99": False,
        "eer_above_plain": False,
        "lfw_folds_drop": True,
        "ssim": True,
        "psnr": True,
        "second_recogniser_eer": True,
        "second_recogniser_tar": False,
        "restored_above_embedding": True,
    }
    assert found["eer_above_plain"]["measured"] == pytest.approx(0.006) and found["psnr"] == {
        "measured": 10.9,
        "goal": 11,
        "met": True,
    }
    assert goals.reached(summary(data={"name": "mnist"})) is None


def test_the_worst_judge_counts_and_a_missing_one_does_not():
    assert goals.restored_above_floor(attacks(0.30, 0.29)) == (
        pytest.approx(0.01),
        "restoration",
        "facenet",
        "same_photo",
    )
    assert goals.restored_above_floor(attacks(0.30, 0.29, (0.5, 0.1))) == (
        pytest.approx(0.4),
        "restoration",
        "dlib",
        "same_photo",
    )
    nobody = {
        thief: {"facenet": share(None), "dlib": None}
        for thief in ("restoration", "embedding_inversion")
    }
    assert goals.restored_above_floor(nobody) is None


def test_the_generators_own_recogniser_judges():
    mine = {
        thief: {"ssim": 0.4, "psnr": 13.0, "sface": share(value), "dlib": None}
        for thief, value in (("restoration", 0.3), ("embedding_inversion", 0.1))
    }
    worst = goals.restored_above_floor(mine)
    assert worst == (pytest.approx(0.2), "restoration", "sface", "same_photo")


def test_what_was_not_measured_is_neither_met_nor_missed():
    found = goals.reached(
        summary(attacks={}, second_recogniser={"not_measured": "dlib is not installed"})
    )
    missing = {"measured": None, "goal": 0.4, "met": None}
    assert (
        found["second_recogniser_eer"] == missing
        and found["restored_above_embedding"]["met"] is None
    )
    text = side_by_side({"`a`": goals.reached(summary()), "`b`": found, "`c`": {}})
    assert (
        text.count("not measured") == 3 + len(goals.GOALS)
        and "| goal, on test people | `a` | `b` | `c` |" in text
    )


def test_a_table_says_met_or_missed_in_the_goals_own_unit():
    text = side_by_side({"`a`": goals.reached(summary())})
    assert (
        "mean: at most 0.100 | 0.100, met |" in text and "at least 40.00% | 40.00%, met |" in text
    )
    assert (
        "EER above that of plain photos: at most 0.50% | 0.60%, **missed** |" in text
        and "-0.10%, met" in text
    )
