"""The gate through which a visitor's files come in, and the broom that deletes them."""

import os
import time
from pathlib import Path

import pytest
from PIL import Image

from ndcb.web import private_files
from ndcb.web.private_files import NOT_YOURS, NotYours, admit, delete, save, set_own, sweep


@pytest.fixture
def foreign(tmp_path) -> Path:
    """A picture of somebody else on the same machine."""
    path = tmp_path / "foreign.png"
    Image.new("RGB", (30, 30), "red").save(path)
    return path


def test_a_file_that_was_given_is_admitted(private_folder):
    given = save(b"photo", "photo.png")
    assert admit(given) == given == os.path.realpath(given)
    assert Path(given).read_bytes() == b"photo" and private_folder in Path(given).parents


def paths_to(foreign: Path, folder: Path) -> list:
    """Whatever a hostile browser would try."""
    given = save(b"photo", "photo.png")
    link, link_to_folder = Path(given).with_name("link.png"), Path(given).with_name("folder")
    link.symlink_to(foreign)
    link_to_folder.symlink_to(foreign.parent)
    ring = Path(given).with_name("ring")
    ring.symlink_to(ring)
    loose = folder / "loose.png"
    loose.write_bytes(b"half an upload")
    fifo = Path(given).with_name("pipe")
    os.mkfifo(fifo)
    return [
        str(foreign),
        f"{Path(given).parent}/../../{foreign.name}",
        str(link),
        f"{link_to_folder}/{foreign.name}",
        str(ring),
        str(fifo),
        str(Path(given).parent),
        str(folder),
        str(loose),
        f"file://{given}",
        "https://example.org/x.png",
        "",
        ".",
        "\0",
        "x" * 5000,
        str(foreign.with_name("nowhere")),
        None,
        7,
        ["a"],
        {"path": given},
        "/dev/zero",
        "/proc/self/environ",
    ]


def test_everything_else_is_refused_with_one_sentence(private_folder, foreign):
    for path in paths_to(foreign, private_folder):
        with pytest.raises(NotYours) as refusal:
            admit(path)
        assert str(refusal.value) == NOT_YOURS


def test_nothing_else_is_deleted(private_folder, foreign):
    hostile = [path for path in paths_to(foreign, private_folder) if isinstance(path, str)]
    before = private_files.files(private_folder.parent)
    delete(hostile)
    assert private_files.files(private_folder.parent) == before and foreign.exists()


def test_a_file_is_the_first_sessions_who_names_it(private_folder):
    given = save(b"photo", "photo.png")
    assert admit(given, "ann") == admit(given, "ann") == admit(given)
    with pytest.raises(NotYours):
        admit(given, "bob")


def test_the_pages_own_files_are_for_all_and_stay(private_folder):
    own = save(b"sample", "sample.png")
    assert set_own(private_folder) == {Path(own)}
    assert admit(own, "ann") == admit(own, "bob") == own
    delete([own])
    sweep(private_folder, age=-1)
    assert Path(own).exists()


def test_what_is_deleted_takes_along_what_was_made_of_it(private_folder):
    given, other = save(b"photo", "photo.heic"), save(b"another", "photo.png")
    shown = private_files.save_beside(given, Image.new("RGB", (8, 8)), "preview.jpg")
    assert admit(shown) == shown
    delete([given, given])
    assert not Path(given).parent.exists() and Path(other).exists()


def test_the_sweep_takes_what_is_old(private_folder, foreign):
    old, link = save(b"photo", "photo.png"), None
    half = private_folder / "half-an-upload"
    half.write_bytes(b"x")
    link = Path(save(b"x", "x")).with_name("link")
    link.symlink_to(foreign)
    admit(old, "ann")
    time.sleep(0.05)
    sweep(private_folder, age=60)
    assert Path(old).exists() and half.exists()
    sweep(private_folder, age=0.01)
    assert not Path(old).exists() and not half.exists() and foreign.exists()
    assert Path(old) not in private_files._owners


def test_equal_pictures_never_share_a_file(private_folder):
    picture = Image.new("RGB", (8, 8))
    assert save(picture, "face.png") != save(picture, "face.png")
