"""quality.json, objectives.json and benchmark.json as they are read."""

import pytest

from ndcb.core.terms import BadCheckpoint
from ndcb.results import evaluations, studies

STUDIES = ("quality", "objectives", "benchmark")


@pytest.mark.parametrize("name", STUDIES)
def test_the_committed_study_is_read(name):
    study = getattr(studies, name)()
    assert all(figures is not None for figures in vars(study).values())


def test_figures_are_the_files():
    assert studies.quality().untouched["test"]["refused"] < 0.01
    assert studies.objectives().steps == 100
    assert studies.benchmark().goals["page_memory_under_4_gb"]["goal"] == 4000


@pytest.mark.parametrize("name", STUDIES)
@pytest.mark.parametrize("content", [None, "{", "[]", "3", '{"device": "cpu"}'])
def test_a_damaged_study_is_one_sentence(tmp_path, monkeypatch, name, content):
    monkeypatch.setattr(evaluations, "FOLDER", tmp_path)
    if content is not None:
        (tmp_path / f"{name}.json").write_text(content)
    with pytest.raises(BadCheckpoint, match=f"cannot be read; run: python -m training {name}$"):
        getattr(studies, name)()
