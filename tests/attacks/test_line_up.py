"""The line-up: its questions, the answers that are counted, and the score in words."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from ndcb.attacks import line_up
from ndcb.attacks.line_up import CHOICES, LFW, OWN, Player, Tally
from ndcb.core.terms import Face, NoFaceFound, NotAvailable, UserError
from ndcb.faces import lfw
from ndcb.faces.detectors import already_aligned
from tests.attacks.toys import ToyModels, grey


@pytest.fixture
def toy_lfw(tmp_path):
    """120 people with two photos each; a face's red says whose it is, its green which photo.
    Another face is beside it.
    """
    photos = {}
    for person in range(120):
        for photo in range(2):
            file = (
                tmp_path
                / "lfw_home"
                / "lfw_funneled"
                / f"Person_{person}"
                / f"Person_{person}_{photo:04d}.jpg"
            )
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
            photos[file] = [
                Face(grey(255), (0, 0, 200, 200)),
                Face(Image.new("RGB", (160, 160), (person, photo, 0)), (90, 90, 160, 160)),
            ]
    return tmp_path, photos


def number_of(face: Image.Image | Face) -> int:
    picture = face.image if isinstance(face, Face) else face
    return picture.getpixel((0, 0))[0]


def test_a_question_of_lfw_shows_another_photo_of_the_person(toy_lfw):
    root, photos = toy_lfw
    places = Counter()
    for seed in range(60):
        question = line_up.question_from_lfw(
            ToyModels(photos), "faces", root, np.random.default_rng(seed)
        )
        people, person = list(map(number_of, question.choices)), number_of(question.made_of)
        assert len(set(people)) == CHOICES and all(lfw.in_test(f"Person_{one}") for one in people)
        assert [place for place, one in enumerate(people) if one == person] == [question.answer]
        assert (
            question.choices[question.answer].getpixel((0, 0))[1]
            != question.made_of.getpixel((0, 0))[1]
        )
        assert number_of(question.template) == 255 - person
        places[question.answer] += 1
    assert set(places) == set(range(CHOICES))


def test_a_photo_without_a_face_is_passed_over(toy_lfw):
    root, photos = toy_lfw
    people = lfw.unseen_people(
        root, CHOICES, photos=2, seed=int(np.random.default_rng(0).integers(2**32))
    )
    question = line_up.question_from_lfw(
        ToyModels(photos | {people[0][1]: None}), "faces", root, np.random.default_rng(0)
    )
    assert number_of(photos[people[0][1]][1].image) not in map(number_of, question.choices)
    with pytest.raises(NoFaceFound, match="LFW's photos"):
        line_up.question_from_lfw(
            ToyModels(dict.fromkeys(photos)), "faces", root, np.random.default_rng(0)
        )


def test_a_question_of_ones_own_is_of_the_same_photo():
    faces = tuple(Face(grey(level), None) for level in range(7))
    for seed in range(10):
        question = line_up.question_from_faces(
            ToyModels(), "faces", faces, np.random.default_rng(seed)
        )
        assert (
            question.choices[question.answer] == question.made_of
            and len(set(map(number_of, question.choices))) == CHOICES
        )
    for few in (4, 21):
        with pytest.raises(UserError, match=f"5 to 20 photos.*these are {few}"):
            line_up.question_from_faces(
                ToyModels(), "faces", (Face(grey(0), None),) * few, np.random.default_rng(0)
            )


def test_photos_that_cannot_be_used_are_left_out():
    photos = {str(number): already_aligned(grey(number)) for number in range(5)} | {
        "again": already_aligned(grey(1)),
        "no": None,
    }
    faces, said = line_up.faces_of(ToyModels(photos), list(photos))
    assert sorted(map(number_of, faces)) == [0, 1, 2, 3, 4]
    assert (
        said
        == "Left out: 1 photo in which no face was found or that could not be read. Left out: 1"
        " photo given twice."
    )
    assert line_up.faces_of(ToyModels(photos), list(photos)[:5])[1] == ""
    with pytest.raises(
        UserError,
        match="Left out: 1 photo given twice. 4 faces are left; 5 different ones are needed",
    ):
        line_up.faces_of(ToyModels(photos), ["0", "1", "2", "3", "again"])
    for paths in ([], ["0"] * 21):
        models = ToyModels(photos)
        with pytest.raises(UserError, match="Give 5 to 20 photos"):
            line_up.faces_of(models, paths)
        assert not models.found  # nobody waits for 21 searches


def wilson(right: int, tried: int) -> list[float]:
    """The formula of Wilson 1927, as Brown, Cai, DasGupta 2001 print it."""
    z, share = 1.959964, right / tried
    middle = (share + z**2 / (2 * tried)) / (1 + z**2 / tried)
    half = z / (1 + z**2 / tried) * np.sqrt(share * (1 - share) / tried + z**2 / (4 * tried**2))
    return [middle - half, middle + half]


@pytest.mark.parametrize(
    "right, tried, words",
    [
        (3, 10, "11% to 60%. So far this cannot be told"),
        (9, 10, "You recognise people"),
        (0, 40, "less often than by guessing"),
        (20, 20, "You recognise people"),
    ],
)
def test_the_interval_is_wilsons(right, tried, words):
    assert Tally(right, tried).interval() == pytest.approx(wilson(right, tried), abs=1e-6)
    assert words in line_up.score(Tally(right, tried))


def test_the_score_in_words():
    assert "No answer yet" in line_up.score(Tally()) and "20%" in line_up.score(Tally())
    assert (
        line_up.score(Tally(4, 9)).startswith("4 of 9 right, 44%; guessing would be right in 20%.")
        and Tally(4, 9).interval() is None
    )
    assert "interval:" not in line_up.score(Tally(4, 9)) and "interval:" in line_up.score(
        Tally(4, 10)
    )


def test_answers_are_counted_once_and_apart():
    chooser, own = np.random.default_rng(0), tuple(Face(grey(level), None) for level in range(5))
    player = Player(source=OWN, faces=own)
    for generator, offsets in (("faces", (0, 1, 0)), ("faces-b", (1,))):
        for offset in offsets:
            player = line_up.ask(ToyModels(), generator, player, None, chooser)
            player = line_up.answer(player, (player.question.answer + offset) % CHOICES)
            with pytest.raises(UserError, match="This one is answered"):
                line_up.answer(player, 0)
    assert player.tallies == {
        ("faces", OWN): Tally(2, 3),
        ("faces-b", OWN): Tally(0, 1),
    } and player.tally == Tally(0, 1)
    assert replace(player, source=LFW).tally == Tally()


def test_without_people_nothing_is_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(lfw, "_fetch", lambda root: (_ for _ in ()).throw(NotAvailable("offline")))
    for call in (
        lambda: line_up.ask(ToyModels(), "faces", Player(), tmp_path, None),
        lambda: line_up.answer(Player(), 0),
    ):
        with pytest.raises(UserError, match="Use LFW's people"):
            call()
    with pytest.raises(NotAvailable):
        line_up.ask(ToyModels(), "faces", Player(source=LFW), tmp_path, np.random.default_rng(0))


def test_a_real_line_up(models, lfw_root):
    question = line_up.question_from_lfw(models, "faces", lfw_root, np.random.default_rng(3))
    assert {face.size for face in (question.template, question.made_of, *question.choices)} == {
        (160, 160)
    }
    distances = [
        models.distorter("faces")
        .decide(*models.distorter("faces").embed([question.template, face]))
        .squared_distance
        for face in question.choices
    ]
    assert int(np.argmin(distances)) == question.answer  # the recogniser plays it well
