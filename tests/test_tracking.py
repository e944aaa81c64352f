"""Tracker and Film on a film made of the bundled portrait, which moves and grows on a ground of 640x480."""

import numpy as np
import pytest
from PIL import Image

from ndcb import tracking
from ndcb.detectors import Detector
from ndcb.pipeline import Models
from ndcb.terms import NoFaceFound
from ndcb.tracking import Film, Tracker, make_templates, overlap, smooth, squares_around

GROUND = (80, 90, 100)


@pytest.fixture(scope="module")
def detector():
    return Detector()


@pytest.fixture(scope="module")
def models():
    return Models()


@pytest.fixture(scope="module")
def frames(astronaut):
    """Forty frames: the portrait swings 60 px to each side, up and down, and grows by a third."""
    return [frame_at(astronaut, 100 + 60 * np.sin(step / 6), 40 * np.sin(step / 9), 400 + 130 * step / 40) for step in range(40)]


def frame_at(portrait, left: float, top: float, side: float) -> Image.Image:
    frame = Image.new("RGB", (640, 480), GROUND)
    frame.paste(portrait.resize((round(side), round(side)), Image.BILINEAR), (round(left), round(top)))
    return frame


BLANK = Image.new("RGB", (640, 480), GROUND)


def test_the_box_follows_a_full_detection(detector, frames):
    tracker = Tracker(detector, every=20)
    misses = []
    for frame in frames:
        face = tracker(frame)
        full = detector.find([frame])[0][0]
        misses.append(np.abs(np.array(face.box) - full.box).max())
        assert face.image.size == (160, 160) and face.score >= tracking.SURE
    travelled = np.abs(np.array(detector.find([frames[-1]])[0][0].box) - detector.find([frames[0]])[0][0].box).max()
    assert travelled > 50  # so that a tracker that stands still would fail
    assert np.median(misses) <= 5 and max(misses) <= 16, misses
    assert tracker.searches == 2


def test_a_resting_face_does_not_tremble(detector, astronaut):
    """The box of a picture with fresh noise in every frame stays within two pixels; a search each time trembles more."""
    noise = np.random.RandomState(0)
    still = np.asarray(frame_at(astronaut, 80, 0, 480), float)
    tracker = Tracker(detector)
    noisy = [Image.fromarray(np.uint8(np.clip(still + noise.normal(0, 8, still.shape), 0, 255))) for _ in range(20)]
    boxes = np.array([(tracker(frame), tracker.box)[1] for frame in noisy])
    assert tracker.searches == 1
    assert boxes[5:].std(0).max() < 1.5


def test_lost_and_found_again(detector, frames):
    tracker = Tracker(detector)
    tracker(frames[0])
    for _ in range(3):
        with pytest.raises(NoFaceFound):
            tracker(BLANK)
        assert tracker.box is None
    face = tracker(frames[30])
    assert overlap(np.array(face.box), np.array(detector.find([frames[30]])[0][0].box)) > 0.9
    searches = tracker.searches
    tracker(frames[31])
    assert tracker.searches == searches == 5  # one, three on the blank frames, one to find it again


def test_a_jump_is_a_new_search(detector, astronaut):
    left, right = frame_at(astronaut, -100, 0, 400), frame_at(astronaut, 300, 100, 400)
    tracker = Tracker(detector)
    tracker(left)
    face = tracker(right)
    assert tracker.searches == 2
    assert overlap(np.array(face.box), np.array(detector.find([right])[0][0].box)) > 0.9


def test_the_followed_face_stays_although_a_larger_one_comes(detector, astronaut):
    close = astronaut.crop((120, 0, 340, 220))
    alone = Image.new("RGB", (640, 480), GROUND)
    alone.paste(close.resize((200, 200)), (10, 100))
    both = alone.copy()
    both.paste(close.resize((380, 380)), (250, 50))
    tracker = Tracker(detector, every=1)  # a search each time
    first = tracker(alone)
    assert tracker(both).box == pytest.approx(first.box, abs=4)
    assert Tracker(detector)(both).box[0] > 250  # without a past it is the larger one


def test_a_large_frame_is_searched_small(detector, frames):
    big = frames[0].resize((1920, 1440))
    small = Tracker(detector)(frames[0])
    tracker = Tracker(detector)
    np.testing.assert_allclose(tracker(big).box, 3 * np.array(small.box), atol=15)
    np.testing.assert_allclose(tracker(big).box, 3 * np.array(small.box), atol=24)  # followed, in pixels of the frame
    assert tracker.searches == 1


def test_squares_by_hand():
    """A box of 60x100 about (50, 70): the first square is 100 wide, the second lies 12 to the left."""
    squares = squares_around(np.array([20, 20, 80, 120]))
    assert squares.shape == (7, 4)
    np.testing.assert_allclose(squares[0], [0, 20, 100, 120])
    np.testing.assert_allclose(squares[1], [-12, 20, 88, 120])


def test_a_large_step_is_taken_whole_and_a_small_one_damped():
    """Of a box of side 100 a step of 4 px and more is whole; one of 1 px is taken by 0.3 + 0.7 / 4."""
    box = np.array([0.0, 0, 80, 100])
    np.testing.assert_allclose(smooth(box, box + 4), box + 4)
    np.testing.assert_allclose(smooth(box, box + 1), box + 0.475)


def test_overlap_by_hand():
    a, b = np.array([0, 0, 10, 10]), np.array([5, 0, 15, 10])
    assert overlap(a, a) == 1 and overlap(a, b) == pytest.approx(1 / 3) and overlap(a, b + 20) == 0


def test_templates_are_those_of_distort(models, astronaut):
    faces = [astronaut.crop((120, 0, 280, 160)), astronaut.crop((140, 20, 300, 180))]
    distorter = models.distorter("faces")
    for made, face in zip(make_templates(distorter, faces), faces):
        difference = np.abs(np.asarray(made, int) - np.asarray(distorter.distort(face).template, int))
        assert difference.max() <= 1 and difference.mean() < 0.01  # a batch of two may round another way


def test_a_film_embeds_every_few_frames_and_counts(models, frames):
    film, distorter = Film(models.detector), models.distorter("faces")
    shots = [film(frame, distorter) for frame in frames[:11]]
    assert ["embed" in shot.milliseconds for shot in shots] == [step % tracking.EMBED_EVERY == 0 for step in range(11)]
    last = distorter.distort(shots[10].face.image)
    assert shots[10].decision.squared_distance == pytest.approx(last.embedding_distance, abs=1e-3)
    assert shots[0].rate == 0 and shots[10].rate > 0
    with pytest.raises(NoFaceFound):
        film(BLANK, distorter)
    assert "embed" in film(frames[11], distorter).milliseconds  # it may be somebody else now


def test_the_rate_by_hand(detector):
    """Frames each tenth of a second are ten a second; those over three seconds old no longer count."""
    film = Film(detector)
    rates = [film._rate(100 + step / 10) for step in range(5)]
    assert rates[0] == 0 and rates[1:] == pytest.approx([10] * 4)
    assert film._rate(103.3) == pytest.approx(2 / 3.0)  # 100.3, 100.4 and 103.3
