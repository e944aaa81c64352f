"""Tracker and shots on a film made of the bundled portrait, which moves and grows on a ground of
640x480.
"""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from ndcb.core.terms import NoFaceFound
from ndcb.faces import tracking
from ndcb.faces.detectors import Detector, in_order
from ndcb.faces.tracking import Full, Line, Track, Tracker, overlap, shoot, smooth, squares_around

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


def test_overlap_by_hand():
    a, b = np.array([0, 0, 10, 10]), np.array([5, 0, 15, 10])
    assert overlap(a, a) == 1 and overlap(a, b) == pytest.approx(1 / 3) and overlap(a, b + 20) == 0


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


def test_a_shot_is_what_distort_gives(models, frames):
    distorter = models.distorter("faces")
    shot = shoot(frames[0], Tracker(models.detector), distorter, decide=True)
    whole = distorter.distort(shot.face.image)
    difference = np.abs(np.asarray(shot.template, int) - np.asarray(whole.template, int))
    assert (
        difference.max() <= 1 and difference.mean() < 0.01
    )  # a batch of two may round another way
    assert shot.decision.squared_distance == pytest.approx(whole.embedding_distance, abs=1e-3)
    assert shot.decision.threshold == whole.threshold and set(shot.milliseconds) == {
        "follow",
        "generate",
        "embed",
    }


def test_a_shot_embeds_only_when_asked(models, frames):
    shot = shoot(frames[0], Tracker(models.detector), models.distorter("faces"), decide=False)
    assert shot.decision is None and set(shot.milliseconds) == {"follow", "generate"}
    with pytest.raises(NoFaceFound):
        shoot(BLANK, Tracker(models.detector), models.distorter("faces"), decide=True)


def test_the_line_works_on_one_core_and_leaves_the_others_theirs():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        line = Line(2)
        assert line(torch.get_num_threads)[1] == 1
        assert (
            torch.get_num_threads() == 3
            and ThreadPoolExecutor(1).submit(torch.get_num_threads).result() == 3
        )
        assert line(torch.get_num_threads)[1] == 1
    finally:
        torch.set_num_threads(before)


def test_first_come_first_served_one_at_a_time():
    """Three frames that came while the worker was held: they are done in their order, and the wait
    of each is told.
    """
    line, held, done, waits = Line(4), threading.Event(), [], []
    threads = [threading.Thread(target=lambda: line(held.wait, 30))]
    threads += [
        threading.Thread(target=lambda number=number: waits.append(line(done.append, number)[0]))
        for number in range(3)
    ]
    for number, thread in enumerate(threads):
        thread.start()
        while line.places._value != 3 - number or line.worker._work_queue.qsize() != number:
            pass  # until it stands in the line
    with pytest.raises(Full):
        line(done.append, "no place")
    assert done == []
    held.set()
    for thread in threads:
        thread.join()
    assert done == [0, 1, 2] and all(wait > 0 for wait in waits)


def test_a_frame_that_fails_gives_its_place_back():
    line = Line(1)
    for _ in range(2):
        with pytest.raises(NoFaceFound):
            line(fail)
    assert line(lambda: "done")[1] == "done"


def fail():
    raise NoFaceFound()
