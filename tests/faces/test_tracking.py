"""The tracker on a film of the bundled portrait, which moves and grows on a ground of 640x480."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from ndcb.core.terms import NoFaceFound
from ndcb.faces import tracking
from ndcb.faces.boxes import overlap
from ndcb.faces.detectors import Detector, in_order
from ndcb.faces.tracking import Track, Tracker, smooth, squares_around

GROUND = (80, 90, 100)


@pytest.fixture(scope="module")
def detector():
    return Detector()


@pytest.fixture(scope="module")
def frames(astronaut):
    """Forty frames: the portrait swings 60 px to each side, up and down, and grows by a third."""
    return [
        frame_at(
            astronaut, 100 + 60 * np.sin(step / 6), 40 * np.sin(step / 9), 400 + 130 * step / 40
        )
        for step in range(40)
    ]


def frame_at(portrait, left: float, top: float, side: float) -> Image.Image:
    frame = Image.new("RGB", (640, 480), GROUND)
    frame.paste(
        portrait.resize((round(side), round(side)), Image.BILINEAR), (round(left), round(top))
    )
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
    travelled = np.abs(
        np.array(detector.find([frames[-1]])[0][0].box) - detector.find([frames[0]])[0][0].box
    ).max()
    assert travelled > 50  # so that a tracker that stands still would fail
    assert np.median(misses) <= 5 and max(misses) <= 16, misses
    assert tracker.searches == 2


def test_a_resting_face_does_not_tremble(detector, astronaut):
    """The box of a picture with fresh noise in every frame stays within two pixels; a search each
    time trembles more.
    """
    noise = np.random.RandomState(0)
    still = np.asarray(frame_at(astronaut, 80, 0, 480), float)
    tracker = Tracker(detector)
    noisy = [
        Image.fromarray(np.uint8(np.clip(still + noise.normal(0, 8, still.shape), 0, 255)))
        for _ in range(20)
    ]
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


def test_a_sure_face_is_followed_and_not_a_larger_patch(detector, astronaut, monkeypatch):
    [face] = detector.find([astronaut])[0]
    patch = replace(face, box=(300, 250, 500, 500), score=0.95)
    monkeypatch.setattr(detector, "find", lambda pictures: [in_order([patch, face])])
    assert Tracker(detector)(astronaut).box == face.box


def test_a_large_frame_is_searched_small(detector, frames):
    big = frames[0].resize((1920, 1440))
    small = Tracker(detector)(frames[0])
    tracker = Tracker(detector)
    np.testing.assert_allclose(tracker(big).box, 3 * np.array(small.box), atol=15)
    np.testing.assert_allclose(
        tracker(big).box, 3 * np.array(small.box), atol=24
    )  # followed, in pixels of the frame
    assert tracker.searches == 1


def test_squares_by_hand():
    """A box of 60x100 about (50, 70): the first square is 100 wide, the second lies 12 to the
    left.
    """
    squares = squares_around(np.array([20, 20, 80, 120]))
    assert squares.shape == (7, 4)
    np.testing.assert_allclose(squares[0], [0, 20, 100, 120])
    np.testing.assert_allclose(squares[1], [-12, 20, 88, 120])


def test_a_large_step_is_taken_whole_and_a_small_one_damped():
    """Of a box of side 100 a step of 4 px and more is whole; one of 1 px is taken by 0.3 + 0.7 /
    4.
    """
    box = np.array([0.0, 0, 80, 100])
    np.testing.assert_allclose(smooth(box, box + 4), box + 4)
    np.testing.assert_allclose(smooth(box, box + 1), box + 0.475)


def test_a_track_that_travels_is_followed_as_one_that_stays(detector, frames):
    """A new tracker for every frame, which knows only the track as JSON brings it, sees what one
    tracker sees.
    """
    one, track = Tracker(detector, every=5), {}
    for frame in frames[:8]:
        face = one(frame)
        other = Tracker(detector, every=5, track=Track.read(track))
        assert other(frame).image.tobytes() == face.image.tobytes()
        track = json.loads(json.dumps(vars(other.track)))
    assert (
        one.searches == 2 and track["age"] == 2
    )  # so that the seven other frames were followed by both


@pytest.mark.parametrize(
    "value",
    [
        None,
        "track",
        [],
        {},
        {"box": None, "age": 1},
        {"box": [1, 2, 3], "age": 1},
        {"box": [1, 2, 3, 4, 5], "age": 1},
        {"box": "abcd", "age": 1},
        {"box": [0, 0, float("nan"), 9], "age": 1},
        {"box": [0, 0, float("inf"), 9], "age": 1},
        {"box": [0, 0, 9, 9]},
        {"box": [0, 0, 10**400, 9], "age": 1},
        {"box": [0, 0, 9, 9], "age": float("inf")},
    ],
)
def test_what_is_no_track_is_no_face_known(value):
    assert Track.read(value) == Track()


@pytest.mark.parametrize(
    "box",
    [
        (0, 0, 1e9, 1e9),
        (-5000, -5000, 5600, 5400),
        (9000, 9000, 9200, 9200),
        (300, 300, 301, 301),
        (400, 400, 200, 200),
    ],
)
def test_a_box_that_cannot_be_is_a_search(detector, frames, box):
    """A browser could send any box; none makes a huge crop."""
    tracker = Tracker(detector, track=Track(box, 1))
    assert tracker(frames[0]).box == Tracker(detector)(frames[0]).box and tracker.searches == 1
