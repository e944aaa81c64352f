"""A guard over a test run: files are written in temporary folders only, and nobody is called.

The tests' conftest sets it, and every Python that a test starts imports it at its start, for this
folder is then in PYTHONPATH. It sees what Python's audit events tell: what a library's own C code
opens is not among them. What was refused is also noted in a file, as most code that is offline
goes on without a word; the conftest fails the test in which something was noted.
"""

import ipaddress
import os
import sys
import tempfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

REPORT = "NDCB_TESTS_REFUSED"
"""Names the file in which each refusal is a line."""
ROOT = Path(__file__).resolve().parents[2]
KEPT_BY_TOOLS = (".pytest_cache", ".hypothesis", "ndcb/web")
"""Of the project's folders: what pytest, hypothesis and gradio keep there, all of it ignored."""
GRADIOS_SEED = os.path.join("gradio", "hash_seed.txt")
"""Gradio writes it beside its own modules when it is imported for the first time."""
DEVICES = ("/dev", "/proc")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
THIS_MACHINE = ("", "localhost", "0.0.0.0", "::")


class Refused(OSError):
    """A test tried to write outside its folders or to call another machine."""


def install() -> None:
    places = [tempfile.gettempdir(), *DEVICES, *(ROOT / name for name in KEPT_BY_TOOLS)]
    allowed = tuple(os.path.join(os.path.realpath(place), "") for place in places)
    allowed += (os.path.join(os.path.realpath(ROOT), "pytest-cache-files-"),)  # of a new cache

    def audit(event: str, arguments: tuple) -> None:
        check = CHECKS.get(event)
        if check:
            check(allowed, *arguments)

    sys.addaudithook(audit)


def _opened(allowed, path, mode, flags) -> None:
    if flags & WRITING:
        _changed(allowed, path)


def _changed(allowed, path, folder: int = -1) -> None:
    """folder: an open one, to which `path` is relative; -1: the working folder."""
    if isinstance(path, int):
        return
    path = os.fsdecode(path)
    if folder >= 0 and not os.path.isabs(path):
        try:
            path = os.path.join(os.readlink(f"/proc/self/fd/{folder}"), path)
        except OSError:  # a system that does not tell
            return
    if not _is_allowed(path, allowed):
        _refuse(f"writes to {path}")


def _moved(allowed, old, new, old_folder, new_folder) -> None:
    _changed(allowed, old, old_folder)
    _changed(allowed, new, new_folder)


def _is_allowed(path: str, allowed: tuple[str, ...]) -> bool:
    place, name = os.path.split(os.path.abspath(path))
    real = os.path.join(os.path.realpath(place), name)  # not of a link that is itself removed
    kept_by_tools = "__pycache__" in real or real.endswith(GRADIOS_SEED)
    return kept_by_tools or os.path.join(real, "").startswith(allowed)


def _database(allowed, path) -> None:
    path = os.fsdecode(path)
    if path.startswith("file:"):
        address = urlsplit(path)
        if "mode=ro" in address.query.split("&"):
            return
        path = unquote(address.path)
    if path not in ("", ":memory:"):
        _changed(allowed, path)


def _connected(allowed, socket, address) -> None:
    if isinstance(address, tuple):
        _looked_up(allowed, address[0])


def _looked_up(allowed, host, *_) -> None:
    host = os.fsdecode(host or "").split("%")[0]
    if host in THIS_MACHINE:
        return
    try:
        here = ipaddress.ip_address(host).is_loopback
    except ValueError:
        here = False
    if not here:
        _refuse(f"calls {host}")


def _refuse(what: str) -> None:
    sentence = f"a test {what}"
    report = os.open(os.environ[REPORT], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(report, f"{sentence}\n".encode("utf-8", "replace"))
    os.close(report)
    raise Refused(sentence)


CHECKS = {
    "open": _opened,
    "os.mkdir": lambda allowed, path, mode, folder: _changed(allowed, path, folder),
    "os.remove": _changed,
    "os.rmdir": _changed,
    "os.rename": _moved,
    "os.link": lambda allowed, old, new, _, folder: _changed(allowed, new, folder),
    "os.symlink": lambda allowed, target, path, folder: _changed(allowed, path, folder),
    "os.truncate": lambda allowed, path, length: _changed(allowed, path),
    "os.utime": lambda allowed, path, times, _, folder: _changed(allowed, path, folder),
    "os.chmod": lambda allowed, path, mode, folder: _changed(allowed, path, folder),
    "sqlite3.connect": _database,
    "socket.connect": _connected,
    "socket.sendto": _connected,
    "socket.getaddrinfo": _looked_up,
    "socket.gethostbyname": _looked_up,
}

if os.environ.get(REPORT):
    install()
