"""What a thief can do with templates: the words from the figures, replay and linking, and the
line-up's questions and score.
"""

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from ndcb.attacks import line_up as attacks
from ndcb.attacks.line_up import CHOICES, LFW, OWN, Player, Tally
from ndcb.core.terms import (
    DEFAULT_FACES,
    BadCheckpoint,
    Decision,
    Face,
    NoFaceFound,
    NotAvailable,
    UserError,
)
from ndcb.faces import lfw
from ndcb.faces.detectors import already_aligned
from ndcb.results import evaluations, thresholds

THIEVES = ("restoration", "template_inversion", "embedding_inversion", "chance")


def judged(same: float, another: float) -> dict:
    return {
        name: {"accepted": round(1000 * share), "of": 1000, "share": share}
        for name, share in (("same_photo", same), ("another_photo", another))
    }


def toy_figures(
    restoration=0.5, template_inversion=0.1, embedding_inversion=0.1, chance=0.001, second=0.5
) -> dict:
    """As training.attacks.attack writes them: what FaceNet accepts of the same photo; dlib half of
    it, of another photo half of that.
    """
    accepted = dict(zip(THIEVES, (restoration, template_inversion, embedding_inversion, chance)))
    sides = {
        name: {
            "ssim": 0.25 + place / 100,
            "psnr": 12.0 + place,
            "facenet": judged(share, share / 2),
            "dlib": judged(share / 2, share / 4),
        }
        for place, (name, share) in enumerate(accepted.items())
    }
    rates = {"eer": 0.04, "tar_at_fmr_1e-2": 0.9, "tar_at_fmr_1e-3": second}
    return {
        **sides,
        "fmr": 1e-3,
        "thresholds": {"facenet": 0.9, "dlib": 0.1},
        "pictures": 1000,
        "steps": 800,
        "batch": 16,
        "second_recogniser": {
            "name": "toy-resnet",
            "template": rates,
            "plain": rates | {"eer": 0.015},
        },
        "face_found": {"pictures": 500, "template": 0.25, "photo": 0.975},
    }


def without_judges(figures: dict, *names: str) -> dict:
    return {
        key: value | dict.fromkeys(names) if key in THIEVES else value
        for key, value in figures.items()
    }


def write_summary(folder, name: str, attacked: dict | None) -> None:
    place = folder / name / "evaluation"
    place.mkdir(parents=True)
    (place / "summary.json").write_text(
        json.dumps({} if attacked is None else {"attacks": attacked})
    )
    np.savez(place / "scores.npz", template_genuine=np.zeros(1))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(evaluations, "FOLDER", tmp_path)
    return tmp_path


# restoration


def test_what_was_not_measured_names_the_command(folder):
    write_summary(folder, "faces", None)
    write_summary(folder, "faces-b", toy_figures())
    (folder / "faces-b" / "evaluation" / "summary.json").write_text("{")
    with pytest.raises(UserError, match="run: python -m training attack faces$"):
        attacks.measured("faces")
    with pytest.raises(
        UserError, match="training evaluate faces-a, then python -m training attack faces-a$"
    ):
        attacks.measured("faces-a")
    with pytest.raises(BadCheckpoint, match="cannot be read"):
        attacks.measured("faces-b")


def test_pictures_that_are_there_in_the_order_of_the_page(folder):
    write_summary(folder, "faces", toy_figures())
    place = folder / "faces" / "evaluation" / "attacks"
    place.mkdir()
    for name in ("template_inversion", "photo", "other"):
        Image.new("RGB", (8, 8)).save(place / f"{name}.png")
    found = attacks.measured("faces")
    assert (
        list(found.pictures) == ["photo", "template_inversion"] and found.figures == toy_figures()
    )


def test_every_figure_is_in_the_table():
    assert attacks.figures_table(toy_figures()).splitlines()[2:] == [
        "| FaceNet, the same photo | 50.0% | 10.0% | 10.0% | 0.1% |",
        "| FaceNet, another photo | 25.0% | 5.0% | 5.0% | 0.1% |",
        "| dlib, the same photo | 25.0% | 5.0% | 5.0% | 0.1% |",
        "| dlib, another photo | 12.5% | 2.5% | 2.5% | 0.0% |",
        "| SSIM | 0.250 | 0.260 | 0.270 | 0.280 |",
        "| PSNR, dB | 12.0 | 13.0 | 14.0 | 15.0 |",
    ]
    beside = attacks.beside(toy_figures())
    assert (
        "they do not measure identity" in beside
        and "25.0% of the templates (97.5% of the photos)" in beside
    )
    assert (
        "toy-resnet" in beside
        and "EER 4.00%, TAR 50.00% at FMR 0.1 % (photos: 1.50% and 50.00%)" in beside
    )
    assert "1,000 photos" in attacks.how(toy_figures()) and "800 steps of 16" in attacks.how(
        toy_figures()
    )


def test_a_judge_who_was_not_there():
    figures = without_judges(toy_figures(), "dlib") | {"second_recogniser": None}
    assert "| dlib, another photo | - | - | - | - |" in attacks.figures_table(figures)
    assert "toy-resnet" not in attacks.beside(figures) and "toy-resnet" not in attacks.finding(
        figures
    )
    assert "No judge" in attacks.finding(without_judges(figures, "facenet"))
    nobody = toy_figures()
    for thief in THIEVES:
        nobody[thief]["facenet"]["another_photo"]["share"] = None
    assert "| FaceNet, another photo | - | - | - | - |" in attacks.figures_table(nobody)
    assert "given the same photo" in attacks.finding(nobody)


@pytest.mark.parametrize(
    "shares, parts",
    [
        (
            (0.5, 0.1, 0.1, 0.001),
            (
                (
                    "gives away more than its embedding would:** FaceNet, given the same photo,"
                    " takes 50.0%"
                ),
                "restored from the template ",
                "against 10.0% of those",
                "0.1% by chance",
            ),
        ),
        (
            (0.1, 0.9, 0.1, 0.001),
            ("gives away more", "takes 90.0% of the pictures restored from F(T)"),
        ),
        (
            (0.11, 0.1, 0.1, 0.001),
            (
                (
                    "no more than its embedding would (+1.0 points at most), and that is not"
                    " nothing:**"
                ),
                "takes 11.0%",
            ),
        ),
        (
            (0.001, 0.002, 0.1, 0.001),
            (
                "(-2.5 points at most), and these attackers got no face out of it:**",
                "0.1% of average faces",
            ),
        ),
        ((0.02, 0.02, 0.02, 0.01), ("(+0.0 points at most)", "no face out of it")),
    ],
)
def test_the_finding_follows_the_figures(shares, parts):
    text = attacks.finding(toy_figures(*shares))
    assert [part for part in parts if part not in text] == []


@pytest.mark.parametrize(
    "second, words",
    [
        (0.65, "shows the face itself: toy-resnet recognises 65.0%"),
        (0.01, "tells toy-resnet little"),
    ],
)
def test_the_finding_on_the_template_itself(second, words):
    assert words in attacks.finding(toy_figures(second=second))


# replay and linking, with toys


class ToyDistorter:
    """Its templates are negatives; an embedding is the mean colour, and a negative's is moved back
    up to `error`.
    """

    def __init__(self, threshold: float, error: float):
        self.threshold, self.error = threshold, error

    def templates(self, pictures):
        return [Image.fromarray(255 - np.asarray(picture)) for picture in pictures]

    def embed(self, pictures):
        means = [np.asarray(picture, float).mean() / 255 for picture in pictures]
        return np.array([mean if mean < 0.5 else 1 - mean + self.error for mean in means])

    def decide(self, reference, probe):
        return Decision(float((reference - probe) ** 2), self.threshold)


class ToyModels:
    """Generators by name, and photos by path."""

    def __init__(self, photos=None, **distorters):
        self.photos, self.distorters, self.found = photos or {}, distorters, []

    def distorter(self, name):
        return self.distorters.get(name) or ToyDistorter(1.0, 0.1)

    def find(self, path):
        self.found.append(path)
        face = self.photos[path]
        if face is None:
            raise NoFaceFound()
        return [face] if isinstance(face, Face) else face


def grey(level: int) -> Image.Image:
    return Image.new("RGB", (160, 160), (level,) * 3)


@pytest.mark.parametrize(
    "threshold, same", [(0.5, [True, True]), (0.005, [True, False]), (0.0, [False, False])]
)
def test_replay_is_what_the_threshold_says(threshold, same):
    theft = attacks.replay(ToyModels(faces=ToyDistorter(threshold, 0.1)), "faces", grey(51))
    assert [trial.decision.same for trial in theft.trials] == same
    assert [trial.decision.squared_distance for trial in theft.trials] == [0, pytest.approx(0.01)]
    assert (
        theft.template.getpixel((0, 0)) == (204,) * 3
        and theft.photo == grey(51)
        and not theft.others
    )


SECOND, SAME_B, SECOND_B = (
    f"template of the {photo} photo by {name}"
    for photo, name in (("second", "faces"), ("same", "faces-b"), ("second", "faces-b"))
)


@pytest.fixture
def records(monkeypatch):
    """Which recogniser each generator keeps."""
    kept = {"faces": "facenet", "faces-b": "facenet", "faces-c": "another"}
    monkeypatch.setattr(thresholds, "record", lambda name: {"recogniser": kept[name]})


def test_linking_other_generators_and_another_photo(records):
    models, names = (
        ToyModels(faces=ToyDistorter(0.05, 0.1), **{"faces-b": ToyDistorter(1, 0.3)}),
        ["faces", "faces-b", "faces-c"],
    )
    alone = attacks.link(models, "faces", grey(51), names)
    assert list(alone.others) == [SAME_B]
    theft = attacks.link(models, "faces", grey(51), names, grey(102))
    assert list(theft.others) == [SECOND, SAME_B, SECOND_B]
    found = {trial.against: trial.decision.squared_distance for trial in theft.trials}
    assert found == {SECOND: pytest.approx(0.04), SAME_B: 0, SECOND_B: pytest.approx(0.04)}
    assert [trial.decision.threshold for trial in theft.trials] == [
        0.05
    ] * 3  # the stolen template's generator's


def test_a_second_photo_of_a_stranger_is_not_linked(records):
    theft = attacks.link(
        ToyModels(faces=ToyDistorter(0.05, 0.1)), "faces", grey(10), ["faces"], grey(120)
    )
    assert [trial.decision.same for trial in theft.trials] == [False]


def test_nothing_to_link_to_is_said(records):
    with pytest.raises(UserError, match="give a second photo"):
        attacks.link(ToyModels(), "faces", grey(10), ["faces", "faces-c"])


def test_the_portraits_stolen_template_logs_in(models):
    """With the real model: the paper's construction makes it so."""
    from ndcb.models import examples

    theft = attacks.replay(models, DEFAULT_FACES, examples.example(DEFAULT_FACES).original)
    template, photo = (trial.decision for trial in theft.trials)
    assert template.squared_distance < 1e-6 and template.same and photo.same
    assert photo.squared_distance == pytest.approx(
        examples.example(DEFAULT_FACES).embedding_distance, abs=0.01
    )


# the line-up


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


def number_of(face: Image.Image) -> int:
    return face.getpixel((0, 0))[0]


def test_a_question_of_lfw_shows_another_photo_of_the_person(toy_lfw):
    root, photos = toy_lfw
    places = Counter()
    for seed in range(60):
        question = attacks.question_from_lfw(
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
    question = attacks.question_from_lfw(
        ToyModels(photos | {people[0][1]: None}), "faces", root, np.random.default_rng(0)
    )
    assert number_of(photos[people[0][1]][1].image) not in map(number_of, question.choices)
    with pytest.raises(NoFaceFound, match="LFW's photos"):
        attacks.question_from_lfw(
            ToyModels(dict.fromkeys(photos)), "faces", root, np.random.default_rng(0)
        )


def test_a_question_of_ones_own_is_of_the_same_photo():
    faces = tuple(map(grey, range(7)))
    for seed in range(10):
        question = attacks.question_from_faces(
            ToyModels(), "faces", faces, np.random.default_rng(seed)
        )
        assert (
            question.choices[question.answer] == question.made_of
            and len(set(map(number_of, question.choices))) == CHOICES
        )
    for few in (4, 21):
        with pytest.raises(UserError, match=f"5 to 20 photos.*these are {few}"):
            attacks.question_from_faces(
                ToyModels(), "faces", (grey(0),) * few, np.random.default_rng(0)
            )


def test_photos_that_cannot_be_used_are_left_out():
    photos = {str(number): already_aligned(grey(number)) for number in range(5)} | {
        "again": already_aligned(grey(1)),
        "no": None,
    }
    faces, said = attacks.faces_of(ToyModels(photos), list(photos))
    assert sorted(map(number_of, faces)) == [0, 1, 2, 3, 4]
    assert (
        said
        == "Left out: 1 photo in which no face was found or that could not be read. Left out: 1"
        " photo given twice."
    )
    assert attacks.faces_of(ToyModels(photos), list(photos)[:5])[1] == ""
    with pytest.raises(
        UserError,
        match="Left out: 1 photo given twice. 4 faces are left; 5 different ones are needed",
    ):
        attacks.faces_of(ToyModels(photos), ["0", "1", "2", "3", "again"])
    for paths in ([], ["0"] * 21):
        models = ToyModels(photos)
        with pytest.raises(UserError, match="Give 5 to 20 photos"):
            attacks.faces_of(models, paths)
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
    assert words in attacks.score(Tally(right, tried))


def test_the_score_in_words():
    assert "No answer yet" in attacks.score(Tally()) and "20%" in attacks.score(Tally())
    assert (
        attacks.score(Tally(4, 9)).startswith("4 of 9 right, 44%; guessing would be right in 20%.")
        and Tally(4, 9).interval() is None
    )
    assert "interval:" not in attacks.score(Tally(4, 9)) and "interval:" in attacks.score(
        Tally(4, 10)
    )


def test_answers_are_counted_once_and_apart():
    chooser, own = np.random.default_rng(0), tuple(map(grey, range(5)))
    player = Player(source=OWN, faces=own)
    for generator, offsets in (("faces", (0, 1, 0)), ("faces-b", (1,))):
        for offset in offsets:
            player = attacks.ask(ToyModels(), generator, player, None, chooser)
            player = attacks.answer(player, (player.question.answer + offset) % CHOICES)
            with pytest.raises(UserError, match="This one is answered"):
                attacks.answer(player, 0)
    assert player.tallies == {
        ("faces", OWN): Tally(2, 3),
        ("faces-b", OWN): Tally(0, 1),
    } and player.tally == Tally(0, 1)
    assert replace(player, source=LFW).tally == Tally()


def test_without_people_nothing_is_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(lfw, "_fetch", lambda root: (_ for _ in ()).throw(NotAvailable("offline")))
    for call in (
        lambda: attacks.ask(ToyModels(), "faces", Player(), tmp_path, None),
        lambda: attacks.answer(Player(), 0),
    ):
        with pytest.raises(UserError, match="Use LFW's people"):
            call()
    with pytest.raises(NotAvailable):
        attacks.ask(ToyModels(), "faces", Player(source=LFW), tmp_path, np.random.default_rng(0))


def test_a_real_line_up(models, lfw_root):
    question = attacks.question_from_lfw(models, "faces", lfw_root, np.random.default_rng(3))
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
