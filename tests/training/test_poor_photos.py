"""Photos made poor on purpose, and what is measured of a face: by numbers known by hand."""

import numpy as np
import pytest
from PIL import Image

from ndcb.core.terms import Face
from training.quality import poor_photos, seen_photos
from training.quality.poor_photos import CHANGES, HARMLESS, TAUGHT, UNTOUCHED


@pytest.fixture(scope="module")
def photo(astronaut) -> Image.Image:
    return astronaut.resize((125, 125))


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_gives_a_photo_and_always_the_same(photo, change):
    before = photo.tobytes()
    changed = CHANGES[change](photo)
    times = int(change.split()[1]) if change.startswith("small") else 1
    assert changed.mode == "RGB" and changed.size == (round(125 / times),) * 2
    assert CHANGES[change](photo).tobytes() == changed.tobytes() and photo.tobytes() == before
    assert (changed.tobytes() == before) == (change == UNTOUCHED)


def test_the_gate_is_taught_by_changes_that_are_judged():
    assert {*TAUGHT, *HARMLESS} <= set(CHANGES) and not set(TAUGHT) & set(HARMLESS)
    assert poor_photos.kind_of("moved 21 at 45") == "moved"


def test_levels_by_hand():
    photo = Image.new("RGB", (20, 20), (200, 100, 50))
    assert poor_photos.brightened(photo, 0.1).getpixel((3, 3)) == (20, 10, 5)
    assert poor_photos.brightened(photo, 2).getpixel((3, 3)) == (255, 200, 100)
    assert poor_photos.paled(photo, 0.5).getpixel((3, 3)) == (164, 114, 89)


def test_a_movement_smears_along_its_direction():
    """A white point becomes a line of so many pixels, to the right or upright."""
    photo = Image.new("RGB", (41, 41))
    photo.putpixel((20, 20), (255, 255, 255))
    for degrees, across in ((0, 0), (90, 1)):
        lit = np.asarray(poor_photos.moved(photo, 7, degrees))[..., 0] > 0
        assert lit.any(across).sum() == 7 and lit.any(1 - across).sum() == 1


def test_noise_is_as_strong_as_it_is_said_to_be_and_differs_between_photos():
    grey = Image.new("RGB", (100, 100), (128, 128, 128))
    lighter = Image.new("RGB", (100, 100), (129, 129, 129))
    noise = [
        np.asarray(poor_photos.grainy(one, 10), dtype=float) - level
        for one, level in ((grey, 128), (lighter, 129))
    ]
    assert noise[0].std() == pytest.approx(10, rel=0.05) and abs(noise[0].mean()) < 0.5
    assert abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 0.05


def test_what_is_measured_of_a_face():
    half = np.zeros((160, 160, 3), np.uint8)
    half[:, 80:] = 200
    found = seen_photos.measured(Face(Image.fromarray(half), (10, 10, 60, 90)))
    assert found["size"] == 50 and found["brightness"] == found["contrast"] == 100
    blurred = poor_photos.blurred(Image.fromarray(half), 4)
    assert seen_photos.measured(Face(blurred, None))["sharpness"] < found["sharpness"] / 4
    darker = seen_photos.measured(Face(poor_photos.brightened(Image.fromarray(half), 0.5), None))
    assert darker["contrast"] == 50 and darker["size"] == 0
    assert darker["sharpness"] == pytest.approx(found["sharpness"], rel=0.05)
