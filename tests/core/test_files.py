"""Files that are written whole or not at all, and their names."""

import json
import os
import resource
import signal
import stat
import subprocess
import sys
import unicodedata
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndcb.core import files
from ndcb.core.files import (
    Stems,
    file_stem,
    json_line,
    path_of,
    sha256_of,
    utf8,
    whole_file,
    write_json,
    write_whole,
)
from tests.conftest import ROOT

ENDING = ".template.png"


@contextmanager
def largest_file(size: int):
    """No file can be written beyond this size: it stands in for a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_failed_write_leaves_the_older_file_and_nothing_else(tmp_path):
    write_whole(tmp_path / "a", "old")
    with largest_file(1000), pytest.raises(OSError, match="too large"):
        write_whole(tmp_path / "a", bytes(2000))
    with pytest.raises(KeyboardInterrupt), whole_file(tmp_path / "a") as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_a_failed_write_leaves_no_new_file(tmp_path):
    with largest_file(1000), pytest.raises(OSError):
        write_whole(tmp_path / "a", bytes(2000))
    assert list(tmp_path.iterdir()) == []


def test_a_kill_at_any_moment_leaves_the_old_file_or_the_new(tmp_path):
    write_whole(tmp_path / "a", "old")
    code = f"""
import os, signal
from ndcb.core.files import whole_file
with whole_file({str(tmp_path / "a")!r}) as file:
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT)
    assert done.returncode == -signal.SIGKILL
    assert (tmp_path / "a").read_text() == "old"


def test_what_is_there_is_kept_unless_told_otherwise(tmp_path):
    write_whole(tmp_path / "a", "old")
    with pytest.raises(FileExistsError):
        write_whole(tmp_path / "a", "new", overwrite=False)
    assert (tmp_path / "a").read_text() == "old"
    write_whole(tmp_path / "b", "new", overwrite=False)
    assert (tmp_path / "b").read_text() == "new" and len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("links", [True, False])
def test_of_two_who_write_at_once_the_first_stays(tmp_path, monkeypatch, links):
    if not links:
        monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError("no links here")))
    with pytest.raises(FileExistsError), whole_file(tmp_path / "a", overwrite=False) as file:
        file.write(b"second")
        (tmp_path / "a").write_text("first")
    assert (tmp_path / "a").read_text() == "first" and len(list(tmp_path.iterdir())) == 1


def test_a_file_system_without_links_gets_its_files(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError("no links here")))
    write_whole(tmp_path / "a", "new", overwrite=False)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_folders_and_devices_stay_what_they_are(tmp_path):
    (tmp_path / "folder").mkdir()
    for overwrite in (True, False):
        with pytest.raises(IsADirectoryError):
            write_whole(tmp_path / "folder", "new", overwrite)
        with pytest.raises(FileExistsError):
            write_whole(Path("/dev/null"), "new", overwrite)
    assert Path("/dev/null").is_char_device()


def test_a_write_protected_file_is_not_replaced(tmp_path, monkeypatch):
    write_whole(tmp_path / "a", "old")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # the test's user may be root
    with pytest.raises(PermissionError):
        write_whole(tmp_path / "a", "new")
    assert (tmp_path / "a").read_text() == "old"


def test_rights_and_links_are_kept(tmp_path):
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "a", "old")
        assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640
        (tmp_path / "a").chmod(0o604)
        (tmp_path / "link").symlink_to("a")
        write_whole(tmp_path / "link", "new")
    finally:
        os.umask(before)
    assert (tmp_path / "link").is_symlink() and (tmp_path / "a").read_text() == "new"
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o604


def test_an_error_is_not_hidden_by_the_clean_up(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "no" / "folder", "new")
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        write_whole(tmp_path / "file" / "a", "new")


def test_text_is_utf8_in_every_locale(tmp_path):
    write_whole(tmp_path / "a", "Zoë ☺")
    assert (tmp_path / "a").read_bytes() == "Zoë ☺".encode()


# JSON


def test_json_is_strict():
    numbers = {"a": float("nan"), "b": [float("inf"), (-float("inf"), 1.5)], "c": "Zo\u00eb"}
    assert json.loads(json_line(numbers)) == {"a": None, "b": [None, [None, 1.5]], "c": "Zoë"}
    assert json.loads(json_line({"caf\udce9.jpg": "\ud800"})) == {"caf\\xe9.jpg": "\\ud800"}


def test_a_value_that_is_no_json_leaves_the_older_file(tmp_path):
    write_json(tmp_path / "a.json", {"a": 1})
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"a": object()})
    assert (tmp_path / "a.json").read_text() == '{\n  "a": 1\n}\n'


@given(st.text(st.characters() | st.characters(categories=["Cs"])))
def test_any_text_becomes_utf8(text):
    utf8(text).encode()


def test_bytes_that_stand_for_letters_become_them():
    assert utf8(os.fsdecode("Zoë".encode())) == utf8("Zo\udcc3\udcab") == "Zoë"


# names


def names(*stems: str, faces: int = 3) -> list[str]:
    """What photos of these stems write, each with so many faces."""
    chosen = Stems(ENDING)
    found = []
    for stem in map(chosen.take, stems):
        numbers = ["", *(f".{number}" for number in range(1, faces + 1))]
        found += [f"{stem}{number}{ENDING}" for number in numbers]
    return found


@pytest.mark.parametrize(
    "stems, expected",
    [
        (["party", "party.1"], ["party", "party.1-2"]),
        (["party.1", "party"], ["party.1", "party-2"]),
        (["scan.1", "scan.2", "scan.3"], ["scan.1", "scan.2", "scan.3"]),
        (["a", "a", "a-2", "a"], ["a", "a-2", "a-2-2", "a-3"]),
        (["a-2", "a", "a"], ["a-2", "a", "a-3"]),
        (["Ann", "ann", "ANN"], ["Ann", "ann-2", "ANN-3"]),
        (["Zoe\u0308", "Zo\u00eb"], ["Zo\u00eb", "Zo\u00eb-2"]),
        (["", "../../etc", "caf\udce9", "a b"], ["photo", ".._.._etc", "caf_xe9", "a_b"]),
    ],
)
def test_stems(stems, expected):
    chosen = Stems(ENDING)
    assert [chosen.take(stem) for stem in stems] == expected


@given(st.lists(st.from_regex(r"[aA]{0,2}(-2)?(\.[12]){0,2}", fullmatch=True), max_size=12))
def test_no_two_photos_write_one_file(stems):
    written = [unicodedata.normalize("NFC", name.casefold()) for name in names(*stems)]
    assert len(set(written)) == len(written)


@given(st.text(max_size=300), st.integers(1, 3))
def test_every_name_fits(stem, copies):
    for name in names(*[stem] * copies):
        assert len(name.encode()) <= 255 and "/" not in name and "\0" not in name


@pytest.mark.parametrize("letter", ["x", "ë", "写", "\U0001d538"])
def test_long_stems_are_shortened_between_letters(letter):
    stem = file_stem(letter * 300, ENDING)
    assert set(stem) == {letter} and 240 - 3 <= len(stem.encode()) <= 242
    first, second = names(letter * 300, letter * 301, faces=0)
    assert first != second and second.endswith(f"-2{ENDING}")


def test_names_of_many_photos_cost_little(monkeypatch):
    """Of 3,000 photos of one name the last looks at one name more than the first."""
    looks = []
    folded = files._folded
    monkeypatch.setattr(files, "_folded", lambda stem: looks.append(stem) or folded(stem))
    stems = Stems(ENDING)
    assert len({stems.take("photo") for _ in range(3000)}) == 3000
    assert len(looks) < 10 * 3000


def test_paths_in_a_locale_without_the_letters(monkeypatch):
    monkeypatch.setattr(os, "fsencode", lambda text: text.encode("ascii"))
    monkeypatch.setattr(os, "fsdecode", lambda data: data.decode("ascii", "surrogateescape"))
    assert path_of("a.jpg") == "a.jpg"
    assert path_of("ë").encode("ascii", "surrogateescape") == "ë".encode()


def test_the_sha256_of_a_file(tmp_path):
    """FIPS 180-2's own example."""
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256_of(tmp_path / "a") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
