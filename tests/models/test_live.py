"""A film's frames distorted: what a shot holds, and the line in which frames wait."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from ndcb.core.terms import NoFaceFound
from ndcb.faces.tracking import Tracker
from ndcb.models.live import Full, Line, shoot
from tests.faces.test_tracking import BLANK, frame_at


@pytest.fixture(scope="module")
def frame(astronaut):
    return frame_at(astronaut, 100, 0, 400)


def test_a_shot_is_what_distort_gives(models, frame):
    distorter = models.distorter("faces")
    shot = shoot(frame, Tracker(models.detector), distorter, decide=True)
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


def test_a_shot_embeds_only_when_asked(models, frame):
    shot = shoot(frame, Tracker(models.detector), models.distorter("faces"), decide=False)
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
