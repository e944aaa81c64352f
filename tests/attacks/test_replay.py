"""A stolen template given as a login photo, with toys and with the real models."""

import pytest

from ndcb.attacks.replay import replay
from ndcb.core.terms import DEFAULT_FACES
from ndcb.models import examples
from tests.attacks.toys import ToyDistorter, ToyModels, grey


@pytest.mark.parametrize(
    "threshold, same", [(0.5, [True, True]), (0.005, [True, False]), (0.0, [False, False])]
)
def test_replay_is_what_the_threshold_says(threshold, same):
    theft = replay(ToyModels(faces=ToyDistorter(threshold, 0.1)), "faces", grey(51))
    assert [trial.decision.same for trial in theft.trials] == same
    assert [trial.decision.squared_distance for trial in theft.trials] == [0, pytest.approx(0.01)]
    assert (
        theft.template.getpixel((0, 0)) == (204,) * 3
        and theft.photo == grey(51)
        and not theft.others
    )


def test_the_portraits_stolen_template_logs_in(models):
    """With the real model: the paper's construction makes it so."""
    theft = replay(models, DEFAULT_FACES, examples.example(DEFAULT_FACES).original)
    template, photo = (trial.decision for trial in theft.trials)
    assert template.squared_distance < 1e-6 and template.same and photo.same
    assert photo.squared_distance == pytest.approx(
        examples.example(DEFAULT_FACES).embedding_distance, abs=0.01
    )
