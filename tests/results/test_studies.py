"""quality/*.json, objectives.json and benchmark.json as they are read."""

import pytest

from ndcb.core.terms import BadCheckpoint
from ndcb.results import evaluations, studies

STUDIES = {
    "quality": "quality/facenet-casia-webface.json",
    "objectives": "objectives.json",
    "benchmark": "benchmark.json",
}
"""What is read -> a file of it in checkpoints."""


def read(name: str) -> list:
    if name == "quality":
        return studies.qualities()
    return [getattr(studies, name)()]


@pytest.mark.parametrize("name", STUDIES)
def test_the_committed_study_is_read(name):
    for study in read(name):
        assert all(figures is not None for figures in vars(study).values())


def test_figures_are_the_files():
    names = {study.recogniser for study in studies.qualities()}
    assert names == {"facenet-casia-webface", "sface"}
    assert all(study.untouched["test"]["refused"] < 0.01 for study in studies.qualities())
    assert studies.objectives().steps == 100
    assert studies.benchmark().goals["page_memory_under_4_gb"]["goal"] == 4000


@pytest.mark.parametrize("name", STUDIES)
@pytest.mark.parametrize("content", [None, "{", "[]", "3", '{"device": "cpu"}'])
def test_a_damaged_study_is_one_sentence(tmp_path, monkeypatch, name, content):
    monkeypatch.setattr(evaluations, "FOLDER", tmp_path)
    file = tmp_path / STUDIES[name]
    file.parent.mkdir(exist_ok=True)
    if content is not None:
        file.write_text(content)
    with pytest.raises(BadCheckpoint, match=f"cannot be read; run: python -m training {name}$"):
        read(name)
