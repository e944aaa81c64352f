"""What was restored from templates, in words and in a table, from figures that are known."""

import json

import numpy as np
import pytest
from PIL import Image

from ndcb.core.terms import BadCheckpoint, UserError
from ndcb.report import restoration
from ndcb.results import evaluations

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
    accepted = dict(
        zip(THIEVES, (restoration, template_inversion, embedding_inversion, chance), strict=True)
    )
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


def for_sface(figures: dict) -> dict:
    """The same of a generator for SFace: it judges in FaceNet's place, and FaceNet is not asked."""
    renamed = {"facenet": "sface"}
    return {
        key: {renamed.get(name, name): judged for name, judged in value.items()}
        if key in (*THIEVES, "thresholds")
        else value
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


def test_what_was_not_measured_names_the_command(folder):
    write_summary(folder, "faces", None)
    write_summary(folder, "faces-b", toy_figures())
    (folder / "faces-b" / "evaluation" / "summary.json").write_text("{")
    with pytest.raises(UserError, match="run: python -m training attack faces$"):
        restoration.measured("faces")
    with pytest.raises(
        UserError, match="training evaluate faces-a, then python -m training attack faces-a$"
    ):
        restoration.measured("faces-a")
    with pytest.raises(BadCheckpoint, match="cannot be read"):
        restoration.measured("faces-b")


def test_pictures_that_are_there_in_the_order_of_the_page(folder):
    write_summary(folder, "faces", toy_figures())
    place = folder / "faces" / "evaluation" / "attacks"
    place.mkdir()
    for name in ("template_inversion", "photo", "other"):
        Image.new("RGB", (8, 8)).save(place / f"{name}.png")
    found = restoration.measured("faces")
    assert (
        list(found.pictures) == ["photo", "template_inversion"] and found.figures == toy_figures()
    )


def test_every_figure_is_in_the_table():
    assert restoration.figures_table(toy_figures()).splitlines()[2:] == [
        "| FaceNet, the same photo | 50.0% | 10.0% | 10.0% | 0.1% |",
        "| FaceNet, another photo | 25.0% | 5.0% | 5.0% | 0.1% |",
        "| dlib, the same photo | 25.0% | 5.0% | 5.0% | 0.1% |",
        "| dlib, another photo | 12.5% | 2.5% | 2.5% | 0.0% |",
        "| SSIM | 0.250 | 0.260 | 0.270 | 0.280 |",
        "| PSNR, dB | 12.0 | 13.0 | 14.0 | 15.0 |",
    ]
    beside = restoration.beside(toy_figures())
    assert (
        "they do not measure identity" in beside
        and "25.0% of the templates (97.5% of the photos)" in beside
    )
    assert (
        "toy-resnet" in beside
        and "EER 4.00%, TAR 50.00% at FMR 0.1 % (photos: 1.50% and 50.00%)" in beside
    )
    assert "1,000 photos" in restoration.how(
        toy_figures()
    ) and "800 steps of 16" in restoration.how(toy_figures())


def test_a_judge_who_was_not_there():
    figures = without_judges(toy_figures(), "dlib") | {"second_recogniser": None}
    assert "| dlib, another photo | - | - | - | - |" in restoration.figures_table(figures)
    assert "toy-resnet" not in restoration.beside(
        figures
    ) and "toy-resnet" not in restoration.finding(figures)
    assert "No judge" in restoration.finding(without_judges(figures, "facenet"))
    nobody = toy_figures()
    for thief in THIEVES:
        nobody[thief]["facenet"]["another_photo"]["share"] = None
    assert "| FaceNet, another photo | - | - | - | - |" in restoration.figures_table(nobody)
    assert "given the same photo" in restoration.finding(nobody)


def test_a_generator_is_judged_by_its_own_recogniser():
    figures = for_sface(toy_figures())
    table = restoration.figures_table(figures)
    assert "| SFace, the same photo | 50.0% | 10.0% | 10.0% | 0.1% |" in table
    assert "its embedding would:** SFace, given the same photo" in restoration.finding(figures)
    texts = [table, *(words(figures) for words in (restoration.finding, restoration.how))]
    assert "FaceNet" not in " ".join([*texts, restoration.beside(figures)])


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
    text = restoration.finding(toy_figures(*shares))
    assert [part for part in parts if part not in text] == []


@pytest.mark.parametrize(
    "second, words",
    [
        (0.65, "shows the face itself: toy-resnet recognises 65.0%"),
        (0.01, "tells toy-resnet little"),
    ],
)
def test_the_finding_on_the_template_itself(second, words):
    assert words in restoration.finding(toy_figures(second=second))
