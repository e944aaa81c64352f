"""The guard over a test run: what it refuses, here and in a child, and that it is noted."""

import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ndcb.core.paths import cache_root, data_root
from tests.conftest import ROOT
from tests.hermetic import sitecustomize as guard


@pytest.fixture
def refused():
    """The refusals that this test caused on purpose."""
    report = Path(os.environ[guard.REPORT])
    yield lambda: report.read_text().splitlines() if report.exists() else []
    report.unlink(missing_ok=True)


def rename(path: Path) -> None:
    new = Path(os.environ["HOME"]) / "renamed"
    new.touch()
    new.rename(path)


WRITES = {
    "open": lambda path: path.write_text(""),
    "os.mkdir": lambda path: path.mkdir(),
    "os.remove": lambda path: path.unlink(),
    "os.rename": rename,
    "os.symlink": lambda path: path.symlink_to("/etc"),
    "sqlite3.connect": sqlite3.connect,
    "sqlite3.connect by address": lambda path: sqlite3.connect(f"file:{path}?mode=rwc", uri=True),
}


@pytest.mark.parametrize("name", WRITES)
def test_nothing_is_written_outside_the_temporary_folders(refused, name):
    path = ROOT / "nothing.txt"
    with pytest.raises(guard.Refused, match=f"a test writes to {path}"):
        WRITES[name](path)
    assert refused() == [f"a test writes to {path}"] and not path.exists()


def test_a_link_out_of_a_temporary_folder_is_followed(refused, tmp_path):
    (tmp_path / "link").symlink_to(ROOT)
    with pytest.raises(guard.Refused):
        (tmp_path / "link" / "nothing.txt").write_text("")
    assert len(refused()) == 1


CALLS = {
    "address": lambda: socket.create_connection(("192.0.2.1", 80), 1),
    "address of version 6": lambda: socket.create_connection(("2001:db8::1", 80), 1),
    "name": lambda: socket.getaddrinfo("example.org", 80),
    "datagram": lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"", ("192.0.2.1", 53)),
}


@pytest.mark.parametrize("name", CALLS)
def test_no_other_machine_is_called(refused, name):
    with pytest.raises(guard.Refused, match="a test calls "):
        CALLS[name]()
    assert len(refused()) == 1


def test_a_child_is_guarded_too_and_what_it_swallows_is_noted(refused):
    code = f"""
import contextlib, socket
with contextlib.suppress(OSError):
    socket.create_connection(("example.org", 80))
with contextlib.suppress(OSError):
    open({str(ROOT / "nothing.txt")!r}, "w")
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
    assert refused() == ["a test calls example.org", f"a test writes to {ROOT / 'nothing.txt'}"]


def test_what_tests_need_is_allowed(refused, tmp_path):
    (tmp_path / "file.txt").write_text("")
    (tmp_path / "file.txt").unlink()
    tempfile.TemporaryFile().close()  # on Linux it has no name of its own
    with pytest.raises(sqlite3.OperationalError):  # there is none, and it was only to be read
        sqlite3.connect(f"file:{ROOT / 'nothing.sqlite'}?mode=ro", uri=True)
    (ROOT / "README.md").read_text()
    with socket.create_server(("127.0.0.1", 0)) as server:
        for host in ("127.0.0.1", "localhost"):
            socket.create_connection((host, server.getsockname()[1])).close()
    assert refused() == []


def test_the_users_folders_are_out_of_sight(monkeypatch):
    home = Path(os.environ["HOME"])
    assert home.name.startswith("ndcb-tests-") and Path.home() == home
    assert cache_root().is_relative_to(home)
    monkeypatch.delenv("NDCB_CACHE")
    monkeypatch.delenv("NDCB_DATA")
    assert cache_root().is_relative_to(home) and data_root().is_relative_to(home)
