"""The command line's input, output and words, where any of them may be closed or cut off."""

import codecs
import os
import re
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import fields
from pathlib import Path
from typing import BinaryIO

from ndcb.core.files import json_line
from ndcb.core.terms import BadPicture, UserError
from ndcb.core.text import decode_text

INPUT = Path("-")
"""The argument that stands for the standard input."""
READERS = ("photos", "photo", "pictures", "pairs", "card", "secret")
"""The arguments that may be `-`."""
LONGEST_LINE = 2**16

CLOSED = (
    "The output is closed, so nobody would read the answers; nothing was done. Send it to a file, "
    "or to /dev/null."
)
NO_ROOM = "The output cannot be written ({}). What was done before stays."
NO_INPUT = "The input is closed. Pipe a file into it, or name a file in place of -."
NOT_READ = "The input cannot be read ({})."
TERMINAL = "The input is a terminal. Pipe a file into it, or name a file in place of -."
TWICE = "Only one of a call's files can be -, the input. Name the others."
NO_MEMORY = "There is not enough memory for it. Make the picture smaller, or close other programs."
NOT_USABLE = "It cannot be read or written ({})."
FULL = re.compile("out of memory|allocate memory")
"""What torch's RuntimeErrors say where memory is short."""
FAULT = "This is a fault of the program. The error output says what it is."


class NoReader(Exception):
    """Whoever read the output has closed it."""


# output


def prepare() -> None:
    """Replace a closed error output by one that nobody reads. Raises UserError: no output."""
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    if sys.stdout is None:
        raise UserError(CLOSED)


def show(line: dict) -> None:
    """Print one JSON object on a line. Raises NoReader; UserError: it cannot be written."""
    with printing():
        print(json_line(line))


@contextmanager
def printing() -> Iterator[None]:
    """A block that prints; it is flushed. Raises NoReader; UserError: no room for its output."""
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        _let_go()
        raise NoReader from None
    except OSError as error:
        _let_go()
        raise UserError(NO_ROOM.format(error.strerror)) from None


def say(words: str) -> None:
    """Print a sentence on the error output, if there is one."""
    with suppress(OSError):
        print(words, file=sys.stderr, flush=True)


def _let_go() -> None:
    """Send the rest nowhere, so that Python's flush at the end does not fail again."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


# how far a call came, and what went wrong


class Progress:
    """How many of a call's photos or pairs are done."""

    def __init__(self):
        self.done = self.total = 0
        self.what = "photos"

    def over(self, items: Sequence, what: str = "photos") -> Iterator:
        """The items, one after the other; each is done when the next is asked for."""
        self.total, self.what = len(items), what
        for item in items:
            yield item
            self.done += 1

    def stopped(self) -> str:
        if not self.total:
            return "Stopped."
        return f"Stopped: {self.done} of {self.total} {self.what} are done."


def sentence(error: Exception) -> str:
    """What a line says about a photo's failure. A bug prints its traceback on the error output."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, MemoryError) or FULL.search(str(error)):
        return NO_MEMORY
    if isinstance(error, OSError) and error.strerror:
        return NOT_USABLE.format(error.strerror)
    with suppress(OSError):
        traceback.print_exception(error)
    return FAULT


# input


def check_input(command) -> None:
    """Raises UserError: two arguments would read it."""
    if len(_readers(command)) > 1:
        raise UserError(TWICE)


def input_is_taken(command) -> bool:
    """Is one of the call's arguments `-`?"""
    return bool(_readers(command))


def _readers(command) -> list[str]:
    """The arguments that are `-`, one as often as it holds it."""
    readers = []
    for field in fields(command):
        if field.name in READERS:
            value = getattr(command, field.name)
            values = value if isinstance(value, tuple) else (value,)
            readers += [field.name] * values.count(INPUT)
    return readers


def read_input(most: int) -> bytes:
    """At most so many bytes of the input. Raises UserError: it is closed, or a terminal."""
    with _input(TERMINAL) as stream:
        return stream.read(most)


def read_line() -> str:
    """The first line of the input, in any encoding that `decode_text` knows. Raises UserError.

    UTF-8's byte order mark stays: older versions took it for a part of a passphrase.
    """
    with _input() as stream:
        data = stream.readline(LONGEST_LINE)
        is_utf16 = b"\0" in data or data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        if is_utf16:
            data += stream.read(LONGEST_LINE)  # its end of a line has more bytes than one
    mark = "\ufeff" if data.startswith(codecs.BOM_UTF8) else ""
    return mark + re.split(r"[\r\n]", decode_text(data), maxsplit=1)[0]


@contextmanager
def _input(terminal: str = "") -> Iterator[BinaryIO]:
    """The standard input as bytes. terminal: the error where it is one. Raises UserError."""
    if sys.stdin is None:
        raise UserError(NO_INPUT)
    if terminal and sys.stdin.isatty():
        raise UserError(terminal)
    try:
        yield sys.stdin.buffer
    except OSError as error:
        raise UserError(NOT_READ.format(error.strerror)) from error


def readable(photo: Path):
    """A photo as `ndcb.faces.images` reads it: its path, or for `-` the bytes of the input.

    Raises BadPicture: the input cannot be read.
    """
    from ndcb.faces.opening import MAX_BYTES  # slow to import

    if photo != INPUT:
        return photo
    try:
        return read_input(MAX_BYTES + 1)
    except UserError as error:
        raise BadPicture(str(error)) from error


def in_utf8(text: str) -> str:
    """An argument in its own letters, also where the locale lacks them."""
    try:
        return text.encode("utf-8", "surrogateescape").decode()
    except UnicodeError:  # bytes of no letter
        return text
