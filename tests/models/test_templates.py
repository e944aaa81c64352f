"""Files of templates, and how one is told from a photo."""

import io
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from ndcb.core.terms import DEFAULT_DIGITS, DEFAULT_FACES, DEFAULT_SEALED, NoFaceFound
from ndcb.faces.images import read_picture
from ndcb.faces.lfw import in_test
from ndcb.models import checkpoints, examples
from ndcb.models.templates import (
    MARK,
    is_marked,
    kind_and_faces,
    marked_generator,
    save_template,
    template_png,
)
from training.__main__ import main

GENERATORS = ("sface-bottleneck", "faces", "faces-bottleneck", "faces-concealing")


@pytest.fixture(scope="module")
def face(models, astronaut):
    return models.find(astronaut)[0]


@pytest.fixture(scope="module")
def templates(models, face) -> dict[str, Image.Image]:
    """Of the portrait, by the generators that are there."""
    names = [name for name in GENERATORS if name in checkpoints.names()]
    return {name: models.distorter(name).templates([face])[0] for name in names}


def saved(picture: Image.Image, **options) -> Image.Image:
    """As it comes back from a file of another program."""
    file = io.BytesIO()
    picture.save(file, **options)
    return read_picture(file.getvalue())


def test_the_mark_changes_no_pixel_and_survives_reading(templates, tmp_path):
    for name, template in templates.items():
        save_template(template, tmp_path / f"{name}.png", name)
        for found in (
            read_picture(tmp_path / f"{name}.png"),
            read_picture(template_png(template, name)),
        ):
            np.testing.assert_array_equal(np.asarray(found), np.asarray(template))
            assert is_marked(found) and json.loads(found.info[MARK]) == {
                "version": 1,
                "generator": name,
            }
    assert not is_marked(saved(template, format="JPEG")) and not is_marked(template)


@pytest.mark.parametrize(
    "mark, found",
    [
        ('{"version": 1, "generator": "faces"}', "faces"),
        ('{"generator": "faces-sealed"}', None),
        ('{"generator": "../faces"}', None),
        ('{"generator": ["faces"]}', None),
        ('{"version": 1}', None),
        ("[1]", None),
        ("null", None),
        ("{", None),
        ("[" * 100_000, None),
    ],
)
def test_the_mark_names_a_committed_generator_or_none(mark, found):
    picture = Image.new("RGB", (160, 160))
    assert marked_generator(picture) is None
    picture.info[MARK] = mark
    assert marked_generator(picture) == found


def test_one_picture_is_always_the_same_file(templates):
    for name, template in templates.items():
        assert template_png(template, name) == template_png(template.copy(), name)


def test_templates_are_known_whatever_their_name(models, templates):
    for name, template in templates.items():
        marked = read_picture(template_png(template, name))
        for picture in (
            marked,
            saved(template, format="JPEG", quality=80),
            saved(template, format="PNG"),
        ):
            kind, [found] = kind_and_faces(models, models.distorter(name), picture, "holiday.jpg")
            assert kind == "template" and found.image is picture, name


@pytest.mark.parametrize("name", ["holiday.template.png", "small.jpg"])
def test_photos_are_photos_whatever_their_name_and_size(models, astronaut, name):
    for side in (512, 160):
        kind, faces = kind_and_faces(
            models, models.distorter("faces-bottleneck"), astronaut.resize((side, side)), name
        )
        assert kind == "photo" and faces[0].how == "detected" and faces[0].image.size == (160, 160)


def test_a_mark_on_a_picture_of_another_size_is_none(models, astronaut):
    assert (
        kind_and_faces(
            models,
            models.distorter(DEFAULT_FACES),
            read_picture(template_png(astronaut, "faces")),
            "a.png",
        )[0]
        == "photo"
    )


def test_a_large_picture_without_a_face_is_no_template(models):
    with pytest.raises(NoFaceFound):
        kind_and_faces(
            models,
            models.distorter("faces-bottleneck"),
            Image.new("RGB", (161, 160), "grey"),
            "wall.template.png",
        )


@pytest.fixture
def copied(monkeypatch, tmp_path):
    """Checkpoints in a folder of this test, without examples; the page's example as it is
    committed.
    """
    committed = examples.example(DEFAULT_FACES)
    for name in (DEFAULT_FACES, DEFAULT_DIGITS, DEFAULT_SEALED, "digits-embedder"):
        (tmp_path / name).mkdir()
        for file in ("record.json", "weights.safetensors"):
            shutil.copy(checkpoints.FOLDER / name / file, tmp_path / name)
    monkeypatch.setattr(checkpoints, "FOLDER", tmp_path)
    return committed


def test_the_command_renews_the_stored_example(copied, capsys):
    assert main(["example"]) == 0
    folder = checkpoints.FOLDER / DEFAULT_FACES
    assert capsys.readouterr().out == f"{folder}\n"
    assert {*examples.EXAMPLE} <= {path.name for path in folder.iterdir()}
    assert is_marked(read_picture(folder / "example.template.png"))

    example = examples.example(DEFAULT_FACES)
    assert example.decision.same
    assert example.original.tobytes() == copied.original.tobytes()
    made, before = (np.asarray(one.template, int) for one in (example, copied))
    assert abs(made - before).max() <= 2
    assert example.embedding_distance == pytest.approx(copied.embedding_distance, abs=1e-3)


@pytest.mark.parametrize(
    "name, said",
    [
        (DEFAULT_DIGITS, "Generator 'digits' distorts digits. Name one of faces"),
        (DEFAULT_SEALED, "Generator 'sface-sealed' needs a key"),
        ("nobody", "unknown checkpoint 'nobody'"),
    ],
)
def test_what_has_no_example_is_said(copied, capsys, name, said):
    assert main(["example", name]) == 1
    assert said in capsys.readouterr().err
    assert not (checkpoints.FOLDER / name / "example.json").exists()


@pytest.mark.slow
def test_photos_and_templates_of_many_people(models, lfw_root):
    """Twenty people nothing was trained on: a photo cut tightly around the head, and templates sent
    as JPEG.
    """
    folders = sorted((lfw_root / "lfw_home" / "lfw_funneled").iterdir())
    people = [folder for folder in folders if folder.is_dir() and in_test(folder.name)][:20]
    photos = [Image.open(sorted(folder.iterdir())[0]).convert("RGB") for folder in people]
    heads = [photo.crop((50, 50, 200, 200)).resize((160, 160)) for photo in photos]
    faces = [models.find(photo)[0] for photo in photos]

    def kinds(name: str, pictures: list[Image.Image], file: str) -> list[str]:
        distorter = models.distorter(name)
        return [kind_and_faces(models, distorter, picture, file)[0] for picture in pictures]

    assert kinds("faces-bottleneck", heads, "head.png").count("photo") >= 18
    for name, least in (("sface-bottleneck", 20), ("faces-bottleneck", 20), ("faces", 17)):
        sent = [
            saved(template, format="JPEG", quality=75)
            for template in models.distorter(name).templates(faces)
        ]
        assert kinds(name, sent, "sent.jpg").count("template") >= least
