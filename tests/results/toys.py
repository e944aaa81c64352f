"""An evaluation with numbers that are easy to find again."""

import json

import numpy as np

PAIRED = {"mean": 0.02, "ci95": [0.01, 0.03]}


def spread(value: float) -> dict:
    return {
        "mean": value,
        "ci95": [0.9 * value, 1.1 * value],
        "draws95": [0.8 * value, 1.2 * value],
    }


def rates(eer: float) -> dict:
    curve = {
        "fmr": [1e-3, 1e-2, 0.1],
        "fnmr": [4 * eer, 2 * eer, eer / 2],
        "low": [3 * eer, eer, eer / 4],
        "high": [5 * eer, 3 * eer, eer],
    }
    return {
        "eer": eer,
        "eer_ci95": [0.8 * eer, 1.3 * eer],
        "threshold_at_eer": 1.25,
        "fnmr_at_fmr_1e-2": 2 * eer,
        "fnmr_at_fmr_1e-3": 4 * eer,
        "d_prime": 4.321,
        "genuine": 900,
        "impostor": 12345,
        "det": curve,
        "at_login_threshold": {"threshold": 1.3125, "fmr": 0.0123, "fnmr": 0.0456},
    }


def login(f1: float) -> dict:
    numbers = {
        "precision": f1,
        "recall": f1,
        "f1": f1,
        "tp": 1100,
        "fn": 100,
        "fp": 80,
        "tn": 1120,
        "threshold": 1.2,
    }
    return {key: spread(value) for key, value in numbers.items()}


def table3_row(name: str, part: str) -> dict:
    return {
        "class": name,
        "part": part,
        "pictures": 3,
        "mse": {
            "real_generated": 0.345,
            "real_generated_others": 0.4,
            "real_real": 0.067,
            "generated_generated": None,
        },
        "eq12": {
            "real_generated": 0.00211,
            "real_generated_others": 0.003,
            "real_real": 0.00123,
            "generated_generated": None,
        },
    }


def figure(rate: float) -> dict:
    return {"rate": rate, "ci95": [0.9 * rate, 1.1 * rate]}


def toy_search(rank_1: float) -> dict:
    curve = {"rank": [1, 2, 5], "rate": [rank_1, 0.98, 1.0], "low": [0.9] * 3, "high": [1.0] * 3}
    return {
        **{f"rank_{rank}": figure(rank_1) for rank in (1, 5, 10)},
        "cmc": curve,
        "fnir_at_fpir_1e-2": figure(0.11),
        "fnir_at_fpir_3e-3": figure(0.22),
        "at_login_threshold": {"threshold": 1.3, "fpir": figure(0.33), "fnir": figure(0.044)},
    }


def toy_curves(eer: float) -> dict:
    levels = {"1e-2": 2 * eer, "1e-3": 4 * eer, "1e-4": 8 * eer}
    named = {f"fnmr_at_fmr_{level}": value for level, value in levels.items()}
    lists = {"fmr": [0.0, 0.01, 1.0], "fnmr": [1.0, 0.02, 0.0], "fnmr_five_pairs": [1.0, 0.03, 0.0]}
    return {
        "eer": eer,
        "eer_ci95": [0.8 * eer, 1.2 * eer],
        **named,
        **{f"{key}_ci95": [0.8 * value, 1.2 * value] for key, value in named.items()},
        **lists,
        **{f"{kind}_{side}": lists[kind] for kind in ("fmr", "fnmr") for side in ("low", "high")},
    }


def toy_group(people: str, trained: int) -> dict:
    side = {
        "fmr_within": figure(0.367),
        "fmr_across": figure(0.021),
        "fnmr": figure(0.012),
        "times_overall": {"rate": 20.4, "ci95": [15.1, 26.2]},
    }
    wider = {"fmr": {"rate": 0.0123, "ci95": [-0.01, 0.03]}, "fnmr": figure(0.0)}
    return {
        "group": "toys",
        "people": people,
        "training_people": trained,
        "development_people": 1,
        "test_people": 3,
        "pictures": 12,
        "comparisons": 120,
        "genuine_people": 3,
        "failure_to_enrol": {"failures": 1, **figure(1 / 12)},
        "tar_at_own_fmr_1e-3": {"plain": figure(0.817), "template": {"rate": None, "ci95": None}},
        "at": [
            {"level": "1e-3", "threshold": 0.998, "plain": side, "template": side, "wider": wider}
        ],
    }


def toy_groups() -> dict:
    side = {"fmr": figure(0.018), "fnmr": figure(0.009)}
    return {
        "remark": "chosen by how names are spelt, unverified",
        "unknown_people": 2,
        "overall": {
            "test_people": 30,
            "pictures": 90,
            "failure_to_enrol": {"failures": 1, **figure(1 / 90)},
            "at": [{"level": "1e-3", "threshold": 0.998, "plain": side, "template": side}],
        },
        "of": [toy_group("test", 0), toy_group("all", 8)],
    }


def toy_zoo() -> dict:
    animal = {
        "people": 2,
        "of": 60,
        "share_of_people": 2 / 60,
        "share_of_errors": 0.42,
        "ci95": [0.3, 0.5],
    }
    lists = {"genuine": [0.5], "impostor_as_reference": [1.9], "impostor_as_probe": [1.9]}
    side = {"goats": animal, "lambs": animal, "wolves": animal, "people": lists}
    return {"worst": 0.025, "threshold": 0.998, "plain": side, "template": side}


def toy_summary() -> dict:
    """A summary.json of faces as training/evaluation writes it, with numbers that are easy to find
    again.
    """
    folds, changed = (
        {"accuracy": 0.98, "stderr": 0.0015},
        {"eer": 0.031, "fnmr_at_fmr_1e-3": 0.21, "embedding_error": 0.3},
    )
    curve = {
        "mean": [0.5, 0.8, 0.95, 1.0],
        "low": [0.4, 0.7, 0.9, 1.0],
        "high": [0.6, 0.9, 1.0, 1.0],
    }
    return {
        "checkpoint": "faces",
        "recogniser": "facenet",
        "device": "cpu",
        "seconds": {"total": 120.0},
        "data": {"name": "lfw", "split": "by people", "pictures": {"training": 70, "test": 30}},
        "verification": {"plain": rates(0.01), "template": rates(0.02)},
        "embedding_error": {
            "mean": 0.25,
            "median": 0.24,
            "p95": 0.4,
            "p99": 0.5,
            "alpha": 0.2,
            "share_over_alpha": 0.625,
        },
        "image": {
            "mse": 0.35,
            "l1": 0.53,
            "l2": 0.002,
            "dssim": 0.37,
            "sobel": 0.05,
            "combined": 0.29,
            "ssim": 0.27,
            "psnr": 4.6,
        },
        "failures": {"blank": 0.86, "contours_kept": 0.45, "only_colours_changed": 0.39},
        "robustness": {"jpeg_75": changed, "half_size": changed, "double_size": changed},
        "second_recogniser": {
            "name": "toy-resnet",
            "plain": {"eer": 0.01, "tar_at_fmr_1e-2": 0.99, "tar_at_fmr_1e-3": 0.97},
            "template": {"eer": 0.05, "tar_at_fmr_1e-2": 0.8, "tar_at_fmr_1e-3": 0.6543},
        },
        "failure_to_enrol": {
            "all": {"pictures": 100, "failures": 2, "rate": 0.02},
            "test": {"pictures": 30, "failures": 1, "rate": 1 / 30},
        },
        "curves": {
            "pairs_a_person": 20,
            "people": 15,
            "genuine": 90,
            "impostor": 4321,
            "threshold": [0.0, 1.0, 2.0],
            "plain": toy_curves(0.011),
            "template": toy_curves(0.013),
        },
        "identification": {
            "gallery": 335,
            "galleries": 10,
            "mated_probes": 1205,
            "non_mated_probes": 815,
            "plain": toy_search(0.97),
            "template": toy_search(0.95),
        },
        "groups": toy_groups(),
        "zoo": toy_zoo(),
        "lfw_folds": {
            "plain": folds | {"thresholds": [1.1] * 10},
            "template": folds | {"accuracy": 0.96, "thresholds": [1.2] * 10},
            "drop": PAIRED,
            "pairs": 6000,
            "centred": {"plain": folds, "template": folds, "plain_accuracy_needed": 0.989},
            "test_people": {
                "pairs": 1200,
                "plain": {"accuracy": 0.97},
                "template": {"accuracy": 0.94},
                "drop": PAIRED,
            },
        },
        "paper": {
            "table3": [table3_row("Nobody_Known", "test"), table3_row("Tony_Blair", "training")],
            "figure11": [],
            "table4": {
                "plain": login(0.95),
                "template": login(0.93),
                "plain_again": login(0.94),
                "drop": PAIRED,
                "drop_in_reference_code": PAIRED,
                "draws": 100,
                "logins": 2400,
            },
            "figure13": {
                "fmr": [0.0, 0.001, 0.1, 1.0],
                "plain": curve,
                "template": curve,
                "plain_again": curve,
            },
        },
    }


def toy_scores() -> dict:
    genuine, impostor = (
        np.linspace(0.2, 1, 50, dtype=np.float32),
        np.linspace(1, 2.6, 80, dtype=np.float32),
    )
    return {
        f"{name}_{kind}": values
        for name in ("plain", "template")
        for kind, values in (("genuine", genuine), ("impostor", impostor))
    }


def write(folder, name: str, record: dict | None = None, **changed) -> None:
    """An evaluation of these figures under checkpoints/name."""
    place = folder / name / "evaluation"
    place.mkdir(parents=True)
    data = "mnist" if name.startswith("digits") else "lfw"
    (folder / name / "record.json").write_text(
        json.dumps({"data": {"name": data}} | (record or {}))
    )
    summary = toy_summary() | {"checkpoint": name} | changed
    (place / "summary.json").write_text(
        json.dumps({key: part for key, part in summary.items() if part is not None})
    )
    np.savez_compressed(
        place / "scores.npz",
        **{key: values.astype(np.float16) for key, values in toy_scores().items()},
    )


def series_member(folder, alpha: float) -> None:
    shift = toy_summary()["embedding_error"] | {"alpha": alpha, "mean": alpha / 2}
    write(folder, f"digits-with-{alpha:g}", {"series": "alpha"}, embedding_error=shift)
