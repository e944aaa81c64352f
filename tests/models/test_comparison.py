"""Two faces and their templates: the four pairs by hand, and a stored example with itself."""

import pytest
import torch
from PIL import Image

from ndcb.core.terms import DEFAULT_FACES, Decision
from ndcb.models import examples
from ndcb.models.comparison import PAIRS, compare_faces, with_itself

FACE = Image.new("RGB", (160, 160), "white")


def test_the_four_pairs_by_hand():
    """Photo A at 0, photo B at 1, template A at 3, template B at 7 on a line: every pair has a
    squared distance of its own.
    """
    batches = []

    class Toy:
        def aligned(self, face):
            return face

        def templates(self, pictures):
            return pictures

        def embed(self, pictures):
            batches.append(len(pictures))
            return torch.tensor([[0.0], [1], [3], [7]])

        def decide(self, reference, probe, fmr):
            limit = {None: 3.0, "1%": 5.0}[fmr]
            return Decision(float((reference - probe).square().sum()), limit)

    result = compare_faces(Toy(), FACE, FACE)
    assert batches == [4] and result.threshold == 3
    looser = compare_faces(Toy(), FACE, FACE, "1%")
    assert [name for name in PAIRS if looser.decisions[name].same] == [
        "plain_plain",
        "template_plain",
    ]
    assert {name: decision.squared_distance for name, decision in result.decisions.items()} == {
        "plain_plain": 1,
        "template_plain": 4,
        "plain_template": 49,
        "template_template": 16,
    }


def test_a_stored_example_with_itself_is_what_the_models_give(models):
    example = examples.example(DEFAULT_FACES)
    stored = with_itself(example)
    made = compare_faces(models.distorter(DEFAULT_FACES), example.original, example.original)
    for name in PAIRS:
        assert stored.decisions[name].squared_distance == pytest.approx(
            made.decisions[name].squared_distance, abs=0.02
        ), name
    assert stored.threshold == made.threshold
