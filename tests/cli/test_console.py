"""The command line's input and output."""

import errno
import io
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from ndcb.cli import console
from ndcb.cli.console import INPUT, NoReader, Progress
from ndcb.core.terms import UserError


@dataclass
class Command:
    photos: tuple[Path, ...] = ()
    card: Path | None = None
    out: Path = Path("-")
    name: str = "-"


def give(monkeypatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


class Broken(io.StringIO):
    """An output whose reader went away, or which is full."""

    def __init__(self, error: OSError):
        super().__init__()
        self.error = error

    def write(self, text):
        raise self.error


def test_one_argument_may_be_the_input():
    console.check_input(Command((Path("a"), INPUT)))
    assert console.input_is_taken(Command((Path("a"), INPUT))) and not console.input_is_taken(
        Command()
    )
    for command in (Command((INPUT, INPUT)), Command((INPUT,), INPUT)):
        with pytest.raises(UserError, match="Only one of a call's files can be -"):
            console.check_input(command)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252"]
)
@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\r", "\nsecond line\n"])
def test_the_first_line_in_any_encoding(monkeypatch, encoding, end):
    give(monkeypatch, f"ein Paßwort{end}".encode(encoding))
    mark = "\ufeff" if encoding == "utf-8-sig" else ""
    assert console.read_line() == f"{mark}ein Paßwort"  # the passphrase leaves the mark out


@pytest.mark.parametrize("line", ["上Ċ上", "写真", ""])
def test_letters_that_hold_the_byte_of_a_line_feed(monkeypatch, line):
    give(monkeypatch, f"{line}\nb".encode("utf-16"))
    assert console.read_line() == line


def test_a_line_is_read_before_the_input_ends(monkeypatch):
    """So that another program can write it and wait for the answer."""
    reading, writing = os.pipe()
    with open(reading, encoding="utf-8") as stdin, open(writing, "wb") as other:
        monkeypatch.setattr(sys, "stdin", stdin)
        other.write(b"a passphrase\n")
        other.flush()
        assert console.read_line() == "a passphrase"


def test_an_input_that_cannot_be_read(monkeypatch):
    give(monkeypatch, b"\x00\x01\x02")
    with pytest.raises(UserError, match="no text that can be read"):
        console.read_line()
    monkeypatch.setattr(sys, "stdin", None)
    for read in (console.read_line, lambda: console.read_input(10)):
        with pytest.raises(UserError, match="The input is closed"):
            read()


def test_an_input_that_fails(monkeypatch):
    class Failing(io.RawIOBase):
        def readable(self):
            return True

        def readinto(self, _):
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(Failing())))
    for read in (console.read_line, lambda: console.read_input(10)):
        with pytest.raises(UserError, match="The input cannot be read .Input/output error"):
            read()


def test_a_terminal_is_not_read_as_a_file(monkeypatch):
    give(monkeypatch, b"x")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    with pytest.raises(UserError, match="The input is a terminal"):
        console.read_input(10)


def test_an_output_that_nobody_reads(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Broken(BrokenPipeError(errno.EPIPE, "Broken pipe")))
    with pytest.raises(NoReader):
        console.show({"a": 1})
    monkeypatch.setattr(sys, "stdout", Broken(OSError(errno.ENOSPC, "No space left on device")))
    with pytest.raises(UserError, match="cannot be written .No space left on device"):
        console.show({"a": 1})
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(UserError, match="The output is closed"):
        console.prepare()


def test_words_go_nowhere_where_there_is_no_error_output(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", None)
    console.prepare()
    console.say("not an answer")
    sys.stderr.close()
    monkeypatch.setattr(sys, "stderr", Broken(OSError(errno.ENOSPC, "No space left on device")))
    console.say("not an answer")
    assert capsys.readouterr().out == ""


def test_progress_counts_what_is_done():
    progress = Progress()
    assert progress.stopped() == "Stopped."
    items = progress.over("abc", "pairs")
    assert [next(items), next(items)] == [
        "a",
        "b",
    ] and progress.stopped() == "Stopped: 1 of 3 pairs are done."
    assert list(items) == ["c"] and progress.done == 3


@pytest.mark.parametrize(
    "error, words",
    [
        (UserError("Mend it."), "Mend it."),
        (MemoryError(), console.NO_MEMORY),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
            console.NO_MEMORY,
        ),
        (RuntimeError("CUDA out of memory."), console.NO_MEMORY),
        (
            OSError(errno.EIO, "Input/output error"),
            "It cannot be read or written (Input/output error).",
        ),
    ],
)
def test_what_a_line_says_of_a_failure(error, words, capsys):
    assert console.sentence(error) == words and capsys.readouterr().err == ""


def test_a_fault_of_the_program_keeps_its_traceback(capsys):
    try:
        {}["nothing"]
    except KeyError as error:
        assert console.sentence(error) == console.FAULT
    assert "Traceback" in (err := capsys.readouterr().err) and "KeyError: 'nothing'" in err


def test_names_in_a_locale_without_letters():
    assert console.in_utf8("Zo\udcc3\udcab") == console.in_utf8("Zoë") == "Zoë"
    assert console.in_utf8("Zo\udcff") == "Zo\udcff"
