"""The project's programs for tests of what a shell is told to do: `ndcb` and `python` start as
quickly as a shell's own commands, for each is forked from the server of children.py.
"""

import os
import runpy
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread

from tests import children

PROGRAMS = {"python": (), "ndcb": ("-m", "ndcb")}
"""Program -> the arguments of Python that come before its own."""
CLIENT = """#!{python} -IS
import os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    told = [os.getcwd(), *{before!r}, *sys.argv[1:]]
    socket.send_fds(server, ["\\0".join(told).encode()], [0, 1, 2])
    server.shutdown(socket.SHUT_WR)
    code = int(server.recv(9))
os._exit(code)
"""
MOST = 100_000
"""Bytes of a command."""


@contextmanager
def programs(folder: Path) -> Iterator[None]:
    """Write the programs into the folder, and answer them as long as the context lasts."""
    address = str(folder / "server")
    for name, before in PROGRAMS.items():
        program = folder / name
        program.write_text(CLIENT.format(python=sys.executable, address=address, before=before))
        program.chmod(0o755)

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen()
        answering = Thread(target=_answer, args=(server,))
        answering.start()
        yield
        server.shutdown(socket.SHUT_RDWR)
        answering.join()


def _answer(server: socket.socket) -> None:
    """Run one program after the other, until the server is shut."""
    with suppress(OSError):
        while True:
            caller, _ = server.accept()
            with caller:
                caller.sendall(str(_run(caller)).encode())


def _run(caller: socket.socket) -> int:
    """What the caller asks for, in a child with the caller's input and outputs; its exit code."""
    told, places, _, _ = socket.recv_fds(caller, MOST, 3)
    folder, *arguments = told.decode().split("\0")
    ends = [Connection(place) for place in places]

    process = children.start_process(_be, ends, folder, arguments)
    for end in ends:
        end.close()
    process.join()
    return process.exitcode % 256


def _be(ends: list[Connection], folder: str, arguments: list[str]) -> None:
    """Be the Python that is given these arguments."""
    for place, end in enumerate(ends):
        os.dup2(end.fileno(), place)
    sys.stdin = os.fdopen(0, closefd=False)  # the one that was there is closed
    os.chdir(folder)

    if arguments[0] == "-m":
        sys.argv = arguments[1:]
        sys.path.insert(0, folder)
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = arguments
        runpy.run_path(arguments[0], run_name="__main__")
