"""The page's private folder: one gate that lets a visitor's files in, one broom that deletes them.

A path that comes from a browser is a claim, not a file. `admit` alone makes a file of it, and
`delete` alone deletes one. Names of folders are random, so that nobody guesses where another
visitor's file lies, and no two visitors share one.
"""

import atexit
import contextlib
import os
import secrets
import shutil
import stat
import tempfile
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from ndcb.core.terms import UserError

NOT_YOURS = "This file is not, or no longer, among those that you gave. Give it once more."

_lock = threading.Lock()
_own: set[Path] = set()
"""The page's own files: everybody may see them, nobody's request deletes them."""
_owners: dict[Path, str] = {}
"""Whose a visitor's file is: the first session that names it."""


class NotYours(UserError):
    """The sentence is the same whether or not a file is there: it tells nothing of other files."""

    def __init__(self):
        super().__init__(NOT_YOURS)


def private_folder() -> Path:
    """Make a folder of this process alone, Gradio's cache from now on.

    It is removed when the process ends.
    """
    folder = Path(tempfile.mkdtemp(prefix="ndcb-", dir=os.environ.get("GRADIO_TEMP_DIR"))).resolve()
    os.environ["GRADIO_TEMP_DIR"] = str(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def current_folder() -> Path:
    """The folder that Gradio uses now."""
    return Path(os.environ.get("GRADIO_TEMP_DIR") or private_folder()).resolve()


def files(folder: Path) -> set[Path]:
    """Every file in it. A folder that vanishes meanwhile is passed over; rglob would raise."""
    return {Path(place) / name for place, _, names in os.walk(folder) for name in names}


def set_own(folder: Path) -> set[Path]:
    """Make what lies in the folder now the page's own: it stays, and everybody may see it."""
    own = files(folder)
    with _lock:
        _own.update(own)
    return own


def admit(path: str, session: str | None = None) -> str:
    """A path that a browser sent -> the real path of a file that this visitor gave.

    session: who asks; None where that was checked already. Links are followed first. Raises
    NotYours: no plain file, not in a folder of the private folder, or another session's.
    """
    real = _real_file(path)
    if real is None:
        raise NotYours
    if session is not None and not _may_use(real, session):
        raise NotYours
    return str(real)


def _real_file(path: str) -> Path | None:
    try:
        real = Path(path).resolve(strict=True)
        is_plain = stat.S_ISREG(real.lstat().st_mode)
    except (OSError, ValueError, TypeError, RuntimeError):  # none there, no text, a ring of links
        return None
    return real if is_plain and current_folder() in real.parents[1:] else None


def _may_use(file: Path, session: str) -> bool:
    with _lock:
        return file in _own or _owners.setdefault(file, session) == session


def save(content: Image.Image | bytes, name: str) -> str:
    """Write a picture (as PNG) or bytes into a new folder of a random name; the file's path."""
    folder = current_folder() / secrets.token_hex(16)
    folder.mkdir(mode=0o700, parents=True)
    path = folder / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        content.save(path, "PNG")
    return str(path)


def save_beside(path: str, content: Image.Image, name: str) -> str:
    """Write what was made of a visitor's file beside it, as a JPEG; its path.

    It is deleted with the file.
    """
    beside = Path(path).with_name(name)
    content.save(beside, "JPEG", quality=95)
    return str(beside)


def delete(paths: Iterable[str | Path]) -> None:
    """Delete these files of visitors, each with its folder, in which is what was made of it.

    What is the page's own, is no plain file, or lies elsewhere stays; links are not followed.
    """
    for path in map(Path, paths):
        real = _real_file(path)
        if real is None or path.is_symlink():
            continue
        for file in real.parent.iterdir():
            _delete_file(file)
        _remove_if_empty(real.parent)


def _delete_file(file: Path) -> None:
    with _lock:
        if file in _own or not stat.S_ISREG(file.lstat().st_mode):
            return
        _owners.pop(file, None)
    file.unlink(missing_ok=True)


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):  # something else is in it, or somebody else removed it
        folder.rmdir()


def keep_sweeping(folder: Path, age: float, every: float) -> None:
    """Delete from now on what is written to the folder, `age` seconds after; the own files stay."""
    threading.Thread(target=_sweep_for_ever, args=(folder, age, every), daemon=True).start()


def _sweep_for_ever(folder: Path, age: float, every: float) -> None:
    while True:
        time.sleep(every)
        sweep(folder, age)


def sweep(folder: Path, age: float) -> None:
    """Delete what is older than `age` seconds.

    Also what lies in the folder itself: half an upload of somebody who left.
    """
    for path in files(folder):
        try:
            old = time.time() - path.lstat().st_ctime > age
        except FileNotFoundError:
            continue
        if old and path.parent == folder:
            path.unlink(missing_ok=True)
        elif old:
            delete([path])
    with _lock:
        gone = [path for path in _owners if folder in path.parents and not path.exists()]
        for path in gone:
            del _owners[path]
