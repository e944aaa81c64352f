"""Five landmarks brought to their places, whatever the turn, the size and the place of the face."""

import numpy as np
import pytest
from PIL import Image

from ndcb.faces.alignment import PLACES, SIDE, by_landmarks
from ndcb.faces.detectors import Detector, already_aligned, centre_crop
from ndcb.faces.samples import portrait

DOTS = 3
"""Half the side of a marked landmark, in pixels of the aligned picture."""


def marked(turn: complex, shift: complex, size: int) -> tuple[Image.Image, np.ndarray]:
    """A black picture with a white disc at each landmark, and the landmarks."""
    places = PLACES[:, 0] + 1j * PLACES[:, 1]
    points = turn * places + shift
    y, x = np.mgrid[:size, :size]
    far = np.abs(x + 1j * y - points[:, None, None])
    white = (far <= DOTS * abs(turn)).any(0)
    pixels = np.repeat(np.uint8(white * 255)[..., None], 3, axis=2)
    return Image.fromarray(pixels), np.stack([points.real, points.imag], axis=1)


def centre_of_light(grey: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Of the light within a few pixels of a place: x, y."""
    y, x = np.mgrid[:SIDE, :SIDE]
    near = np.hypot(x - place[0], y - place[1]) < 2 * DOTS
    light = grey * near
    return np.array([(light * x).sum(), (light * y).sum()]) / light.sum()


@pytest.mark.parametrize("scale", [0.5, 1, 3, 12])
@pytest.mark.parametrize("degrees", [0, 35, -90, 180])
def test_landmarks_come_to_their_places(scale, degrees):
    turn = scale * np.exp(1j * np.radians(degrees))
    size = int(400 * max(scale, 1))
    shift = complex(size / 2, size / 2) - turn * complex(56, 72)
    picture, landmarks = marked(turn, shift, size)
    aligned = by_landmarks(picture, landmarks)
    assert aligned.size == (SIDE, SIDE) and aligned.mode == "RGB"

    grey = np.asarray(aligned.convert("L"), float)
    for place in PLACES:
        off = np.abs(centre_of_light(grey, place) - place).max()
        assert off < 0.35 / min(scale, 1)  # discs are drawn in whole pixels


def test_it_is_what_opencv_makes_of_the_same_transform():
    """The transform solved as four linear unknowns, the picture warped by OpenCV."""
    cv2 = pytest.importorskip("cv2")
    face = Detector()(portrait())[0]
    x, y = face.landmarks.T
    one, zero = np.ones(5), np.zeros(5)
    system = np.concatenate([np.stack([x, -y, one, zero], 1), np.stack([y, x, zero, one], 1)])
    (a, b, across, down), *_ = np.linalg.lstsq(system, PLACES.T.ravel(), rcond=None)
    matrix = np.array([(a, -b, across), (b, a, down)])
    expected = cv2.warpAffine(np.asarray(portrait()), matrix, (SIDE, SIDE))
    assert np.abs(np.asarray(face.upright, float) - expected).mean() < 1


@pytest.mark.parametrize("landmarks", [np.zeros((5, 2)), np.full((5, 2), 30.0), PLACES[:, ::-1]])
def test_landmarks_of_no_face_give_some_picture(landmarks):
    assert by_landmarks(Image.new("RGB", (60, 40), "red"), landmarks).size == (SIDE, SIDE)


def test_a_face_at_the_edge_is_black_outside():
    picture, landmarks = marked(1, complex(-60, -60), 60)
    aligned = np.asarray(by_landmarks(picture, landmarks))
    assert not aligned[:50, :50].any()


def test_what_was_not_detected_has_both_alignments():
    for face in (centre_crop(portrait()), already_aligned(portrait())):
        assert face.image.size == (160, 160) and face.upright.size == (SIDE, SIDE)
    small = portrait().resize((SIDE, SIDE))
    assert already_aligned(small).upright is small


def test_a_turned_photo_gives_the_same_face():
    upright = Detector()(portrait())[0].upright
    turned = Detector()(portrait().rotate(90, expand=True))[0].upright
    difference = np.abs(np.asarray(upright, float) - np.asarray(turned, float))
    assert difference.mean() < 12
