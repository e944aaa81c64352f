"""Files: written whole or not at all, their SHA-256, and the names that they get."""

import errno
import hashlib
import json
import math
import os
import re
import secrets
import shutil
import unicodedata
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

LONGEST_NAME = 255
"""Bytes of a file's name, on nearly every file system."""


# whole or not at all


@contextmanager
def whole_file(path: str | os.PathLike, overwrite: bool = True) -> Iterator[BinaryIO]:
    """A file, open for bytes, that takes the place of `path` when the block ends.

    Until then it lies in the same folder under another name. If the block raises, the new file is
    deleted, and `path` is as before. Raises OSError; IsADirectoryError: a folder is there;
    FileExistsError: a device is there, or anything is and `overwrite` is False.
    """
    path = Path(path)
    if overwrite:
        path = Path(os.path.realpath(path))  # through a link, as open() writes
    _check_place(path, overwrite)
    new = path.with_name(f".ndcb-{secrets.token_hex(8)}.new")
    try:
        with open(new, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _take_place(new, path, overwrite)
    finally:
        with suppress(OSError):
            new.unlink(missing_ok=True)


def write_whole(path: str | os.PathLike, content: bytes | str, overwrite: bool = True) -> None:
    """Write a file as `whole_file` does; text in UTF-8."""
    with whole_file(path, overwrite) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def write_json(path: str | os.PathLike, value, indent: int = 2) -> None:
    """Write a JSON file as `whole_file` does."""
    write_whole(path, json.dumps(value, indent=indent) + "\n")


def json_line(value) -> str:
    """A value -> one line of strict JSON, without lone surrogates; NaN and infinity are null.

    Bytes of a file's name that are no UTF-8 are written as \\xNN.
    """
    return json.dumps(_strict(value), allow_nan=False)


def sha256_of(path: str | os.PathLike) -> str:
    """The SHA-256 of a file's bytes, in hex digits. Raises OSError."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_place(path: Path, overwrite: bool) -> None:
    """Raises OSError: what is at `path` must not be replaced."""
    if not os.path.lexists(path):
        return
    if path.is_dir():
        code = errno.EISDIR
    elif not overwrite or not path.is_file():  # a device must not become a file
        code = errno.EEXIST
    elif not os.access(path, os.W_OK):  # a rename would not ask
        code = errno.EACCES
    else:
        return
    raise OSError(code, os.strerror(code))


def _take_place(new: Path, path: Path, overwrite: bool) -> None:
    if overwrite:
        if path.exists():
            shutil.copymode(path, new)
        os.replace(new, path)
        return
    try:
        os.link(new, path)  # unlike a rename it fails if another program was quicker
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        _check_place(path, overwrite)
        os.replace(new, path)


def _strict(value):
    if isinstance(value, dict):
        return {_strict(key): _strict(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_strict(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return utf8(value) if isinstance(value, str) else value


# names


def utf8(text: str) -> str:
    """Text without lone surrogates: their bytes are read as UTF-8, or written as \\xNN."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # other surrogates than those that stand for bytes
        return text.encode("utf-8", "backslashreplace").decode()


def path_of(text: str) -> str:
    """A path as the system takes it, also where its locale lacks the letters."""
    try:
        os.fsencode(text)
        return text
    except UnicodeEncodeError:
        return os.fsdecode(text.encode())


def file_stem(text: str, ending: str) -> str:
    """Text -> a file's stem: letters, digits, dots and hyphens, short enough for the ending."""
    text = re.sub(r"[^\w.-]", "_", unicodedata.normalize("NFC", utf8(text)))
    room = LONGEST_NAME - len(ending.encode())
    return text.encode()[:room].decode(errors="ignore") or "photo"


class Stems:
    """Stems for the photos of one call, so that no two photos write the same file.

    A photo writes STEM + ending, or STEM.1 + ending, STEM.2 + ending and so on. A stem that could
    give the name of another photo's file gets -2, -3 and so on.
    """

    MOST_FACES = ".99999"

    def __init__(self, ending: str):
        self.ending = self.MOST_FACES + ending
        self._taken: set[str] = set()
        self._numbered: set[str] = set()
        self._tries: Counter[str] = Counter()

    def take(self, text: str) -> str:
        """A stem for a photo of this name."""
        first = stem = file_stem(text, self.ending)
        while self._is_taken(stem):
            self._tries[first] += 1
            suffix = f"-{self._tries[first] + 1}"
            stem = file_stem(text, suffix + self.ending) + suffix
        self._taken.add(_folded(stem))
        self._numbered.add(_unnumbered(stem))
        return stem

    def _is_taken(self, stem: str) -> bool:
        return (
            not self._taken.isdisjoint((_folded(stem), _unnumbered(stem)))
            or _folded(stem) in self._numbered
        )


def _folded(stem: str) -> str:
    """Equal for stems that are one name where case and Unicode's forms do not count."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", stem).casefold())


def _unnumbered(stem: str) -> str:
    """The stem of a photo with several faces of which one file could have this stem."""
    return re.sub(r"\.\d+$", "", _folded(stem))
