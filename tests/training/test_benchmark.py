"""The benchmark: its ratio on a fake clock, a tiny run of everything, its table. No test asserts
how long something takes.
"""

import json
import math
from contextlib import contextmanager
from functools import partial

import numpy as np
import pytest
import torch

from ndcb.core.terms import UserError
from ndcb.models import checkpoints
from ndcb.models.pipeline import Models
from training.benchmark import (
    benchmark,
    crowd,
    page,
    served,
    stages,
    start_up,
    tables,
    timing,
    training_steps,
)
from training.presets import PRESETS

TINY = {
    "repeats": 1,
    "stages": (),
    "presets": ("digits-embedder-paper", "digits", "faces", "faces-bottleneck"),
    "starts": ("help",),
}
APP = """
import http.server, os
address = "127.0.0.1", int(os.environ["GRADIO_SERVER_PORT"])
http.server.HTTPServer(address, http.server.SimpleHTTPRequestHandler).serve_forever()
"""


class Clock:
    """Stands still but for the work done, which takes longer the more else the machine has to
    do.
    """

    def __init__(self, loads):
        self.now = 0.0
        self.loads = iter(loads)

    def __call__(self) -> float:
        return self.now

    def work(self, seconds: float) -> None:
        self.now += seconds * next(self.loads)


def toy_pass(batch: int, device: str):
    """In place of FaceNet's."""
    return timing.timed(lambda: torch.ones(200, 200) @ torch.ones(200, 200))


CROWD = {
    "visitors": 2,
    "milliseconds": {"median": 1000, "min": 900, "max": 1100},
    "repeats": 1,
    "per_second": 2,
    "reference_milliseconds": 500,
    "rate_ratio": 0.5,
    "endpoints": ["distort"],
    "events": 3,
    "memory_mb": 1234.5,
    "commit": "c",
}


@contextmanager
def in_this_process():
    """Small and without children: batches are of 1 and 3 pictures, the reference of stages and
    starts is a matrix product, and the page is not served.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(benchmark, "in_child", lambda function, *arguments: function(*arguments))
        for module in (stages, start_up):
            patch.setattr(module, "facenet_pass", toy_pass)
        patch.setattr(benchmark, "measure_page", lambda visitors, repeats: CROWD)
        # it would last for all tests after this one
        patch.setattr(training_steps, "keep_freed_memory", lambda: True)
        for module in (benchmark, start_up):
            patch.setattr(module, "BATCHES", (1, 3))
        patch.setattr(training_steps, "MOST_FACES", 1)
        yield patch


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """(what a tiny run returned, its file)."""
    path = tmp_path_factory.mktemp("benchmark") / "new folder" / "benchmark.json"
    with in_this_process():
        return benchmark.benchmark(path, **TINY), path


def numbers(figures) -> list[float]:
    """All numbers in a JSON value."""
    if isinstance(figures, dict):
        return [number for value in figures.values() for number in numbers(value)]
    return [figures] if isinstance(figures, (int, float)) and not isinstance(figures, bool) else []


def test_load_cancels_in_the_ratio():
    """The call takes 0.3 s and the reference 0.6 s of an idle machine; load comes and goes between
    the pairs.
    """
    clock = Clock([7, 7, 1, 1, 10, 10, 2, 2])
    measured, reference = (
        timing.timed(partial(clock.work, seconds), clock) for seconds in (0.3, 0.6)
    )
    pairs = timing.alternate(measured, reference, repeats=3)
    assert pairs == [pytest.approx(pair) for pair in ((300, 600), (3000, 6000), (600, 1200))]
    found = timing.summary(pairs)
    assert found["ratio"] == pytest.approx(0.5) and found["repeats"] == 3
    assert found["milliseconds"] == pytest.approx({"median": 600, "min": 300, "max": 3000})
    assert found["reference_milliseconds"] == pytest.approx(1200)


def test_the_ratio_is_the_median_of_the_pairs_own():
    assert timing.median_ratio([(1, 2), (30, 10), (1, 1)]) == 1


def test_a_tiny_run_has_every_key(tiny):
    figures, path = tiny
    assert json.loads(path.read_text()) == figures and [
        file.name for file in path.parent.iterdir()
    ] == ["benchmark.json"]
    assert list(figures) == [
        "device",
        "commit",
        "versions",
        "stages",
        "training",
        "start_up",
        "page",
        "goals",
    ]
    assert set(figures["device"]) == {"cpu", "cores", "torch_threads", "device", "gpu"}
    assert {"python", "torch"} <= set(figures["versions"])
    assert list(figures["stages"]) == [
        "detect",
        "generate",
        "embed",
        "compare",
        "generate, bottleneck",
        "generate digits",
        "embed digits",
        "embed, SFace",
        "embed, ONNX Runtime",
        "embed, SFace, ONNX Runtime",
        "generate, bottleneck, ONNX Runtime",
    ]
    for entry in figures["stages"].values():
        assert list(entry) == ["1", "3"]
        for found in entry.values():
            assert set(found) == {
                "device",
                "milliseconds",
                "reference_milliseconds",
                "ratio",
                "repeats",
                "memory_mb",
            }
    assert {
        name: (entry["batch"], entry["reference"]) for name, entry in figures["training"].items()
    } == {
        "digits-embedder-paper": (64, "digits-embedder"),
        "digits": (64, "digits-embedder"),
        "faces": (1, "facenet-casia-webface"),
        "faces-bottleneck": (1, "facenet-casia-webface"),
    }
    for entry in figures["training"].values():
        assert set(entry) == {
            "batch",
            "per_second",
            "milliseconds_per_step",
            "repeats",
            "reference",
            "reference_milliseconds",
            "rate_ratio",
        }
    assert set(figures["start_up"]["help"]) == {
        "milliseconds",
        "reference_milliseconds",
        "ratio",
        "repeats",
    }
    assert {name: goal["goal"] for name, goal in figures["goals"].items()} == {
        "generate_at_most_half_of_facenet": 0.5,
        "bottleneck_at_most_facenet": 1,
        "training_step_at_least_0.6": 0.6,
        "page_memory_under_4_gb": 4000,
    }


def test_a_tiny_runs_numbers_fit_together(tiny):
    """With one pair of calls a measurement, the ratio of the medians is the median ratio."""
    figures, _ = tiny
    assert all(math.isfinite(number) and number >= 0 for number in numbers(figures))
    assert all(
        number > 0
        for name in ("training", "start_up", "goals")
        for number in numbers(figures[name])
    )
    for found in [
        *(entry["3"] for entry in figures["stages"].values()),
        figures["start_up"]["help"],
    ]:
        assert found["repeats"] == 1 and min(found["milliseconds"].values()) > 0
        assert found["ratio"] == pytest.approx(
            found["milliseconds"]["median"] / found["reference_milliseconds"]
        )
    for entry in figures["training"].values():
        step = entry["milliseconds_per_step"]["median"]
        assert entry["rate_ratio"] == pytest.approx(entry["reference_milliseconds"] / step)
        assert entry["per_second"] == pytest.approx(entry["batch"] / step * 1000)
    slower = max(found["ratio"] for found in figures["stages"]["generate"].values())
    goal = figures["goals"]["generate_at_most_half_of_facenet"]
    assert goal["measured"] == slower and goal["met"] == (slower <= 0.5)


def test_the_detector_finds_its_face_in_every_photo():
    """A photo without a face would be searched faster."""
    found = stages.load_detect("cpu")(stages.photos(9, "cpu"))
    assert [len(chunk) for chunk in found] == [8, 1] and all(
        len(faces) >= 1 for chunk in found for faces in chunk
    )
    assert stages.photos(1, "cpu")[0].size == (640, 480)


def written(milliseconds: float, ratio: float, memory: float = 0) -> dict:
    return {"milliseconds": {"median": milliseconds}, "ratio": ratio, "memory_mb": memory}


def test_table_holds_every_stage_preset_and_start():
    """Without any measuring: 64 faces of 640 ms are 10 ms a face."""
    figures = {
        "device": {"cpu": "Chip", "cores": 2, "torch_threads": 2, "device": "cpu", "gpu": None},
        "versions": {"torch": "2"},
        "stages": {
            name: {"1": written(12.345, 0.5, 3), "64": written(640, 0.00001, 4)}
            for name in stages.STAGES
        },
        "training": {
            name: {"batch": 16, "per_second": 1234.5, "rate_ratio": 0.61} for name in PRESETS
        },
        "start_up": {name: written(8000, 5.5) for name in start_up.STARTS},
        "page": CROWD,
    }
    figures["goals"] = benchmark.goals(figures)
    lines = tables.table(figures).splitlines()
    assert lines[0] == "Measured on: Chip, 2 cores, torch 2 on cpu (2 threads)."
    assert all(f"| {name} | 12.3 (0.5) | 10 (<0.001) | 3, 4 |" in lines for name in stages.STAGES)
    assert all(f"| `{name}` | 16 | 1230 | 0.61 |" in lines for name in PRESETS)
    assert sum(line.endswith("| 8 | 5.5 |") for line in lines) == len(start_up.STARTS)
    assert "| 2 visitors distort a photo at once: templates a second | 2 |" in lines
    assert "| ratio to the same calls made directly, in one process | 0.5 |" in lines
    assert lines[-1].endswith(
        "1 endpoints were called and 3 events of its tabs caused | 1234 MB (goal: under 4000;"
        " met) |"
    )
    assert (
        tables.table({name: part for name, part in figures.items() if name != "page"}).splitlines()
        == lines[:-6]
    )


def test_table_of_a_tiny_run(tiny):
    assert all(f"\n| {name} |" in tables.table(tiny[0]) for name in stages.STAGES)


def test_a_stage_that_fails_leaves_the_old_file(tmp_path):
    def fail(device):
        raise RuntimeError("no such model")

    out = tmp_path / "benchmark.json"
    out.write_text("old")
    with in_this_process() as patch, pytest.raises(RuntimeError, match="no such model"):
        patch.setitem(stages.STAGES, "compare", stages.Stage(stages.embeddings, fail))
        benchmark.benchmark(out, **TINY | {"stages": ("embed digits", "compare")})
    assert out.read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_a_part_measured_alone_is_added_to_the_file(tiny, tmp_path):
    out = tmp_path / "benchmark.json"
    out.write_text(json.dumps({name: part for name, part in tiny[0].items() if name != "page"}))
    with in_this_process() as patch:
        patch.setattr(
            benchmark,
            "measure_page",
            lambda visitors, repeats: CROWD | {"visitors": visitors, "memory_mb": 5000},
        )
        found = benchmark.benchmark(out, what=("page",))
    assert json.loads(out.read_text()) == found and list(found) == list(tiny[0])
    assert (
        found["page"]["visitors"] == benchmark.VISITORS and found["training"] == tiny[0]["training"]
    )
    assert found["goals"] == tiny[0]["goals"] | {
        "page_memory_under_4_gb": {"measured": 5000, "goal": 4000, "met": False}
    }


def test_nothing_is_added_to_another_machines_file(tiny, tmp_path):
    out = tmp_path / "benchmark.json"
    out.write_text(json.dumps(tiny[0] | {"device": tiny[0]["device"] | {"cpu": "Another"}}))
    before = out.read_text()
    with in_this_process(), pytest.raises(UserError, match="another machine"):
        benchmark.benchmark(out, what=("page",))
    with pytest.raises(
        UserError,
        match="unknown part of the benchmark 'pages'; there are: page, stages, start_up, training",
    ):
        benchmark.benchmark(out, what=("pages",))
    assert out.read_text() == before


def test_a_start_of_a_minute_misses_the_goal():
    figures = {"start_up": {"page": {"milliseconds": {"median": 60_000}}}}
    assert benchmark.goals(figures) == {
        "page_starts_in_under_60_s": {"measured": 60, "goal": 60, "met": False}
    }


def test_the_page_is_timed_to_its_first_answer_and_stopped(monkeypatch, tmp_path):
    (tmp_path / "app.py").write_text(APP)
    monkeypatch.setattr(served, "ROOT", tmp_path)
    port = served.free_port()
    monkeypatch.setattr(served, "free_port", lambda: port)
    assert not served.answers(port)
    assert start_up.start_page() > 0
    assert not served.answers(port)


def test_a_page_that_does_not_start_is_reported(monkeypatch, tmp_path):
    (tmp_path / "app.py").write_text("raise SystemExit('there is no Gradio')")
    monkeypatch.setattr(served, "ROOT", tmp_path)
    with pytest.raises(RuntimeError, match="there is no Gradio"):
        start_up.start_page()


@pytest.mark.slow
def test_a_child_tells_its_errors_and_counts_its_own_memory():
    with pytest.raises(UserError, match="unknown checkpoint 'nothing'"):
        timing.in_child(checkpoints.load, "nothing")
    held = np.ones(10**8)  # 0.8 GB, which the system's own count would add to the child's
    assert 50 < timing.in_child(stages.memory_mb, "cpu", True) < held.nbytes / 1e6


@pytest.mark.slow
def test_memory_of_a_stage_is_its_own():
    """Comparing takes next to none; FaceNet, the reference, would add 100 MB."""
    found = timing.in_child(stages.measure_stage, "compare", 1, 1)
    assert 0 <= found["memory_mb"] < 50 and found["repeats"] == stages.SINGLES
    assert (
        found["milliseconds"]["min"]
        <= found["milliseconds"]["median"]
        <= found["milliseconds"]["max"]
    )


@pytest.mark.slow
def test_the_page_is_measured_with_everything_it_has():
    """Two visitors; memory holds at least what the models and their libraries take."""
    found = crowd.measure_page(2, 1)
    assert set(found) == set(CROWD) and found["visitors"] == 2 and found["repeats"] == 1
    assert found["per_second"] == pytest.approx(2000 / found["milliseconds"]["median"])
    assert found["rate_ratio"] == pytest.approx(
        found["reference_milliseconds"] / found["milliseconds"]["median"]
    )
    assert found["endpoints"] == ["distort", "compare", "login"] and found["events"] > 40
    assert 400 < found["memory_mb"] < 4000


@pytest.mark.slow
def test_every_visitors_template_is_another(tmp_path):
    photos = page.photographs(benchmark.VISITORS, tmp_path)
    templates = [np.asarray(template, float) for template in crowd.directly(Models(), photos)]
    assert (
        min((a != b).mean() for n, a in enumerate(templates) for b in templates[:n]) > 0.2
    )  # in finest detail, by design
