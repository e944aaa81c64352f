"""Child processes for tests: each is forked from a server that has imported torch and the project
already, which a fresh Python would need seconds for.
"""

import contextlib
import multiprocessing.forkserver
import os
import sys
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TextIO

from tests.conftest import ROOT

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["ndcb.vault.vault", "ndcb.models.pipeline", "training.__main__"])


@dataclass
class Child:
    """A running child. It is spoken to like a `subprocess.Popen`."""

    process: multiprocessing.Process
    stdin: TextIO
    stdout: TextIO

    def communicate(self, timeout: float) -> tuple[str, None]:
        """Wait until it is over, and give the rest of what it printed."""
        self.stdin.close()
        with self.stdout:
            said = self.stdout.read()
        self.wait(timeout)
        return said, None

    def wait(self, timeout: float) -> int:
        self.process.join(timeout)
        assert self.returncode is not None, "the child does not end"
        return self.returncode

    def poll(self) -> int | None:
        return self.returncode

    def kill(self) -> None:
        self.process.kill()

    @property
    def returncode(self) -> int | None:
        """Of one that was killed minus the signal's number."""
        return self.process.exitcode


def start(function, *arguments) -> Child:
    """Call a function of a module in a child. What it prints is its output, errors included."""
    stdin, given = os.pipe()
    said, stdout = os.pipe()
    ends = Connection(stdin, writable=False), Connection(stdout, readable=False)
    process = start_process(_call, *ends, function, arguments)
    for end in ends:
        end.close()
    return Child(process, open(given, "w"), open(said))


def start_process(function, *arguments) -> multiprocessing.Process:
    """Call a function of a module in a child, which has no other input and output than ours."""
    with contextlib.chdir(ROOT):  # where the server finds what it imports
        multiprocessing.forkserver.ensure_running()
    process = CONTEXT.Process(target=function, args=arguments)
    process.start()
    return process


def _call(stdin: Connection, stdout: Connection, function, arguments: tuple) -> None:
    for end, place in ((stdin, 0), (stdout, 1), (stdout, 2)):
        os.dup2(end.fileno(), place)
    sys.stdin = os.fdopen(0, closefd=False)  # the one that was there is closed
    function(*arguments)
