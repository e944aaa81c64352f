"""Templates of one alignment, moved to where a judge of the other one expects them."""

import numpy as np
import pytest
from PIL import Image

from ndcb.core.terms import BY_BOX, BY_LANDMARKS
from ndcb.models.examples import portrait_face
from training.data.alignment import CUTS, realigned
from training.measure.judges import Judge, judge_of

SIDES = {BY_BOX: 160, BY_LANDMARKS: 112}


@pytest.mark.parametrize("alignment, wanted", [(BY_BOX, BY_LANDMARKS), (BY_LANDMARKS, BY_BOX)])
def test_a_picture_comes_to_where_the_other_alignment_has_it(alignment, wanted):
    """A white spot: its place is computed by hand from the cut."""
    side, x, y = SIDES[alignment], 60, 50
    picture = np.zeros((1, side, side, 3), np.uint8)
    picture[:, y - 4 : y + 5, x - 4 : x + 5] = 255
    moved = realigned(picture, alignment, wanted)[0, ..., 0].astype(float)
    assert moved.shape == (SIDES[wanted],) * 2

    left, top, right, bottom = CUTS[wanted]
    across, down = SIDES[wanted] / (right - left), SIDES[wanted] / (bottom - top)
    expected = (x + 0.5 - left) * across - 0.5, (y + 0.5 - top) * down - 0.5
    rows, columns = np.mgrid[: SIDES[wanted], : SIDES[wanted]]
    found = (moved * columns).sum() / moved.sum(), (moved * rows).sum() / moved.sum()
    assert found == pytest.approx(expected, abs=0.3)


def test_there_and_back_is_the_same_picture():
    smooth = Image.linear_gradient("L").resize((112, 112)).convert("RGB")
    pictures = np.asarray(smooth)[None]
    back = realigned(realigned(pictures, BY_LANDMARKS, BY_BOX), BY_BOX, BY_LANDMARKS)
    assert np.abs(back[0].astype(int) - pictures[0])[5:-5, 5:-5].max() <= 3


def test_a_picture_in_the_right_alignment_stays_as_it_is():
    pictures = np.zeros((2, 160, 160, 3), np.uint8)
    assert realigned(pictures, BY_BOX, BY_BOX) is pictures


def test_beyond_the_edge_the_outermost_pixels_are_repeated():
    moved = realigned(np.full((1, 112, 112, 3), 90, np.uint8), BY_LANDMARKS, BY_BOX)
    assert (moved == 90).all()


@pytest.mark.parametrize(
    "recogniser, other", [("facenet-casia-webface", "sface"), ("sface", "facenet-casia-webface")]
)
def test_the_judge_had_no_part_in_the_training(recogniser, other):
    judge = judge_of(recogniser)
    assert judge.name == other and judge.network.name == other


def test_a_judge_knows_a_moved_face_again():
    """The portrait, cut for FaceNet and moved to SFace's cut, is the same person to SFace."""
    face, judge = portrait_face(), Judge("sface")
    moved = realigned(np.asarray(face.image)[None], BY_BOX, BY_LANDMARKS)
    mirrored = moved[:, :, ::-1]
    own, there, back = judge.embed(
        np.concatenate([np.asarray(face.upright)[None], moved, mirrored])
    )
    assert np.square(own - there).sum() < 0.8 and np.square(there - back).sum() < 0.8
    noise = np.random.default_rng(0).integers(0, 255, (1, 112, 112, 3), np.uint8)
    assert np.square(judge.embed(noise)[0] - own).sum() > 1.2
