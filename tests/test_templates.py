"""Files of templates, and how one is told from a photo."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from ndcb import checkpoints, samples
from ndcb.images import read_picture
from ndcb.lfw import in_test
from ndcb.templates import MARK, is_marked, kind_and_faces, save_template, template_png
from ndcb.terms import DEFAULT_FACES, NoFaceFound

GENERATORS = ("faces", "faces-bottleneck", "faces-concealing")


@pytest.fixture(scope="module")
def face(models, astronaut):
    return models.find(astronaut)[0].image


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
            kind, [found] = kind_and_faces(models, picture, "holiday.jpg")
            assert kind == "template" and found.image is picture, name


@pytest.mark.parametrize("name", ["holiday.template.png", "small.jpg"])
def test_photos_are_photos_whatever_their_name_and_size(models, astronaut, name):
    for side in (512, 160):
        kind, faces = kind_and_faces(models, astronaut.resize((side, side)), name)
        assert kind == "photo" and faces[0].how == "detected" and faces[0].image.size == (160, 160)


def test_a_mark_on_a_picture_of_another_size_is_none(models, astronaut):
    assert (
        kind_and_faces(models, read_picture(template_png(astronaut, "faces")), "a.png")[0]
        == "photo"
    )


def test_a_large_picture_without_a_face_is_no_template(models):
    with pytest.raises(NoFaceFound):
        kind_and_faces(models, Image.new("RGB", (161, 160), "grey"), "wall.template.png")


def test_the_stored_example_is_marked(models, monkeypatch, tmp_path):
    models.distorter(DEFAULT_FACES)
    monkeypatch.setattr(checkpoints, "FOLDER", tmp_path)
    (tmp_path / DEFAULT_FACES).mkdir()
    folder = samples.make_example(DEFAULT_FACES, models)
    assert sorted(path.name for path in folder.iterdir()) == sorted(samples.EXAMPLE)
    assert is_marked(read_picture(folder / "example.template.png"))
    assert samples.example(DEFAULT_FACES).decision.same


@pytest.mark.slow
def test_photos_and_templates_of_many_people(models, lfw_root):
    """Twenty people nothing was trained on: a photo cut tightly around the head, and templates sent as JPEG."""
    folders = sorted((lfw_root / "lfw_home" / "lfw_funneled").iterdir())
    people = [folder for folder in folders if folder.is_dir() and in_test(folder.name)][:20]
    photos = [Image.open(sorted(folder.iterdir())[0]).convert("RGB") for folder in people]
    heads = [photo.crop((50, 50, 200, 200)).resize((160, 160)) for photo in photos]
    assert sum(kind_and_faces(models, head, "head.png")[0] == "photo" for head in heads) >= 18

    faces = [models.find(photo)[0].image for photo in photos]
    for name, least in (("faces-bottleneck", 20), ("faces", 17)):
        sent = [
            saved(template, format="JPEG", quality=75)
            for template in models.distorter(name).templates(faces)
        ]
        assert (
            sum(kind_and_faces(models, picture, "sent.jpg")[0] == "template" for picture in sent)
            >= least
        )
