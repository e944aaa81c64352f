"""The bundled portrait in every position: one upright, aligned face; other pictures: none, with
advice.
"""

import io

import numpy as np
import pytest
import skimage.data
from PIL import Image

from ndcb.core.terms import Face, NoFaceFound, UserError
from ndcb.faces.detectors import Detector, already_aligned, centre_crop, enlarged, in_order
from ndcb.faces.images import read_picture

EYES = (207, 101), (247, 103)
"""Of the 512x512 portrait, by eye."""
CLOSE_UP = (120, 0, 340, 220)


@pytest.fixture(scope="module")
def detector():
    return Detector()


@pytest.fixture(scope="module")
def close_up(astronaut):
    return astronaut.crop(CLOSE_UP)


def contains(box, point) -> bool:
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]


def difference(a: Image.Image, b: Image.Image) -> float:
    """Mean difference of two pictures in 8-bit levels."""
    return float(np.abs(np.asarray(a, float) - np.asarray(b, float)).mean())


def test_one_face_of_the_portrait(detector, astronaut):
    faces = detector(astronaut)
    assert len(faces) == 1
    face = faces[0]
    assert isinstance(face, Face) and (face.image.size, face.image.mode) == ((160, 160), "RGB")
    assert face.how == "detected" and face.rotation == 0 and 0.9 < face.score <= 1
    assert all(contains(face.box, eye) for eye in EYES)
    assert 60 < face.box[2] - face.box[0] < 130 and 80 < face.box[3] - face.box[1] < 150
    assert face.landmarks.shape == (5, 2) and all(
        contains(face.box, point) for point in face.landmarks
    )
    np.testing.assert_allclose(face.landmarks[:2], EYES, atol=8)
    nose, mouth = face.landmarks[2], face.landmarks[3:]
    assert (face.landmarks[:2, 1] < nose[1]).all() and (mouth[:, 1] > nose[1]).all()


def test_the_crop_is_the_box_with_its_margin(detector, astronaut):
    """32 of the 160 pixels lie around the box, half on each side; so the box fills the middle
    128.
    """
    face = detector(astronaut)[0]
    x0, y0, x1, y1 = face.box
    wide, high = (x1 - x0) / 128 * 16, (y1 - y0) / 128 * 16
    expected = astronaut.resize(
        (160, 160), Image.BILINEAR, box=(x0 - wide, y0 - high, x1 + wide, y1 + high)
    )
    unlike = difference(face.image, astronaut.resize((160, 160), Image.BILINEAR, box=face.box))
    assert difference(face.image, expected) < min(
        8, unlike / 4
    )  # whole pixels of the photo, so not equal


def sharpness(picture: Image.Image) -> float:
    """Mean step from pixel to pixel."""
    pixels = np.asarray(picture.convert("L"), float)
    return float(np.abs(np.diff(pixels)).mean() + np.abs(np.diff(pixels, axis=0)).mean())


@pytest.mark.parametrize("turned", [90, 180, 270])
@pytest.mark.parametrize("framing", ["photo", "close-up"])
def test_sideways_photos_come_out_upright(detector, astronaut, close_up, framing, turned):
    """Turned counter-clockwise by `turned`, a photo must be turned on by the rest of the circle."""
    upright = {"photo": astronaut, "close-up": close_up}[framing]
    faces = detector(upright.rotate(turned, expand=True))
    assert len(faces) == 1 and faces[0].rotation == 360 - turned
    assert difference(faces[0].image, detector(upright)[0].image) < 2
    assert difference(faces[0].image, detector(upright)[0].image.rotate(turned)) > 20


def test_two_faces_largest_first(detector, close_up):
    canvas = Image.new("RGB", (480, 260), (128, 128, 128))
    canvas.paste(close_up.resize((110, 110)), (10, 10))
    canvas.paste(close_up, (240, 20))
    large, small = detector(canvas)
    assert large.box[0] > 240 and small.box[2] < 120
    assert (large.box[2] - large.box[0]) / (small.box[2] - small.box[0]) == pytest.approx(
        2, rel=0.2
    )
    assert difference(large.image, small.image) < 15


def test_a_large_photo_is_searched_small_and_cropped_at_full_size(detector, close_up):
    """Boxes and landmarks are in pixels of the photo, not of the copy of 1280 px that was
    searched.
    """
    face, small = (
        detector(close_up.resize((side, side), Image.BICUBIC))[0] for side in (1760, 220)
    )
    np.testing.assert_allclose(face.box, np.array(small.box) * 8, atol=48)
    np.testing.assert_allclose(face.landmarks, small.landmarks * 8, atol=48)
    assert difference(face.image, small.image) < 0.5 * difference(
        face.image, small.image.rotate(180)
    )


def test_the_crop_of_a_large_photo_keeps_its_detail(detector, close_up):
    """A face of some 170 px on a photo of 2600: shrunk to 1280 first, its crop would be soft."""
    photo = Image.new("RGB", (2600, 700), (128, 128, 128))
    photo.paste(close_up.resize((330, 330), Image.LANCZOS), (100, 100))
    face = detector(photo)[0]
    x0, y0, x1, y1 = face.box
    box = (x0 - (x1 - x0) / 8, y0 - (y1 - y0) / 8, x1 + (x1 - x0) / 8, y1 + (y1 - y0) / 8)
    full = photo.resize((160, 160), Image.BILINEAR, box=box)
    soft = photo.resize((1280, 345), Image.BILINEAR).resize(
        (160, 160), Image.BILINEAR, box=[side * 1280 / 2600 for side in box]
    )
    assert sharpness(face.image) == pytest.approx(sharpness(full), rel=0.1)
    assert sharpness(soft) < 0.8 * sharpness(full)


def face(score: float, side: int, rotation: int = 0) -> Face:
    return Face(
        Image.new("RGB", (160, 160)),
        (10, 20, 10 + side, 20 + side),
        np.full((5, 2), 15.0),
        score,
        rotation,
    )


def test_the_order_of_faces():
    """Sure ones, likely ones, the rest; each by size."""
    patch, likely, sure, large = face(0.749, 300), face(0.95, 200), face(0.992, 50), face(0.99, 100)
    assert in_order([patch, sure, likely, large]) == [large, sure, likely, patch]
    assert in_order([patch, likely]) == [likely, patch] and in_order([]) == []


def patchy(detector, monkeypatch, *faces):
    """The detector of a picture in which these are found."""
    monkeypatch.setattr(detector, "find", lambda pictures, rotation=0: [in_order(faces)])
    return detector(Image.new("RGB", (50, 50)))


def test_patches_beside_a_sure_face_are_left_out_and_others_stay(monkeypatch):
    patch, likely, sure = face(0.749, 300), face(0.95, 200), face(0.995, 50)
    assert patchy(Detector(), monkeypatch, patch, likely, sure) == [sure, likely]
    assert patchy(Detector(), monkeypatch, patch, likely) == [likely, patch]
    assert patchy(Detector(), monkeypatch, patch) == [patch]


def test_of_a_tilted_portrait_the_face_is_taken_and_not_the_larger_patch(detector, astronaut):
    tilted = astronaut.rotate(60, Image.BICUBIC, expand=True, fillcolor=(120, 120, 120))
    found, patch = detector.find([tilted])[0]
    assert (
        contains(found.box, (210, 285))
        and contains(found.box, (235, 320))
        and found.score > 0.9 > patch.score
    )  # by eye
    assert patch.box[2] - patch.box[0] > 2 * (found.box[2] - found.box[0])
    assert all(
        face.score > 0.99 for face in detector(tilted)
    )  # turned by 90 degrees more it is sure, and the patch is gone


def test_a_face_of_a_shrunk_picture_in_pixels_of_the_full_one():
    small = face(0.99, 30)
    large = enlarged(small, (2, 3))
    assert (
        large.box == (20, 60, 80, 150)
        and large.landmarks.tolist() == [[30, 45]] * 5
        and large.image is small.image
    )
    assert enlarged(face(0.99, 30, 90), (2, 3)).box == (30, 40, 120, 100)
    aligned = already_aligned(Image.new("RGB", (160, 160)))
    assert enlarged(aligned, (2, 2)) is aligned and enlarged(small, (1, 1)) is small


NO_FACE = {
    "noise": lambda: np.random.RandomState(0).randint(0, 256, (200, 200, 3), dtype=np.uint8),
    "flat grey": lambda: np.full((200, 200, 3), 128, np.uint8),
    "a cup of coffee": lambda: skimage.data.coffee()[::2, ::3],
    "a cat": lambda: skimage.data.chelsea()[::2, ::2],
    "20x4000": lambda: np.full((4000, 20, 3), 128, np.uint8),
    "4000x20": lambda: np.full((20, 4000, 3), 128, np.uint8),
}


@pytest.mark.parametrize("name", NO_FACE)
def test_no_face_is_an_error_with_advice(detector, name):
    with pytest.raises(NoFaceFound, match="No face found. Use a photo from the front") as caught:
        detector(Image.fromarray(np.ascontiguousarray(NO_FACE[name]())))
    assert isinstance(caught.value, UserError)


def test_a_face_on_a_long_strip(detector, close_up):
    strip = Image.new("RGB", (3000, 220), (128, 128, 128))
    strip.paste(close_up, (2000, 0))
    face = detector(strip)[0]
    assert all(contains(face.box, (x - CLOSE_UP[0] + 2000, y - CLOSE_UP[1])) for x, y in EYES)


def test_a_grey_picture_through_read_picture(detector, close_up):
    file = io.BytesIO()
    close_up.convert("L").save(file, "PNG")
    face = detector(read_picture(file.getvalue()))[0]
    pixels = np.asarray(face.image)
    assert pixels.shape == (160, 160, 3) and (pixels == pixels[..., :1]).all() and face.score > 0.9


def test_a_batch_answers_picture_by_picture(detector, close_up):
    blank = Image.new("RGB", close_up.size, (128, 128, 128))
    none, found = detector.find([blank, close_up])
    assert none == [] and len(found) == 1
    np.testing.assert_allclose(found[0].box, detector(close_up)[0].box, atol=1)


def test_a_centre_crop_says_so():
    """Of 100x50 with a white middle of 30x30, the middle 0.6 * 50 = 30 pixels are all white."""
    pixels = np.zeros((50, 100, 3), np.uint8)
    pixels[10:40, 35:65] = 255
    face = centre_crop(Image.fromarray(pixels))
    assert (
        face.how == "centre crop"
        and face.box is None
        and face.landmarks is None
        and face.score is None
    )
    assert face.image.size == (160, 160) and np.asarray(face.image)[4:-4, 4:-4].min() == 255
    assert np.asarray(centre_crop(Image.fromarray(pixels), 0.9).image)[:, 0].max() == 0


def test_an_aligned_picture_stays_as_it_is(close_up):
    picture = close_up.resize((160, 160))
    face = already_aligned(picture)
    assert face.how == "aligned already" and face.box is None
    np.testing.assert_array_equal(np.asarray(face.image), np.asarray(picture))
    assert already_aligned(close_up).image.size == (160, 160)
