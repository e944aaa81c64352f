"""The page, served in a process of its own."""

import http.client
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import psutil

from ndcb.models import checkpoints

ROOT = checkpoints.FOLDER.parent
START_LIMIT = 300
"""Seconds after which a page that has not answered is given up."""


@contextmanager
def served():
    """Serve `python app.py`, and yield (address, process) once it answers.

    Raises RuntimeError with what it printed where no answer comes.
    """
    port = free_port()
    environment = os.environ | {"GRADIO_SERVER_NAME": "127.0.0.1", "GRADIO_SERVER_PORT": str(port)}
    with tempfile.TemporaryFile("w+") as log:
        limit = time.monotonic() + START_LIMIT
        process = subprocess.Popen(
            [sys.executable, "app.py"],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            while not answers(port):
                if process.poll() is not None or time.monotonic() > limit:
                    log.seek(0)
                    raise RuntimeError(f"the page did not start; it printed: {log.read()[-2000:]}")
                time.sleep(0.02)
            yield f"http://127.0.0.1:{port}", process
        finally:
            stop(process)


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def stop(process: subprocess.Popen) -> None:
    """Terminate it, so that it removes its temporary folder; kill it if it does not end."""
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def peak_memory_mb(process: int) -> float:
    """The most that the process and its children ever held, in MB of 10**6 bytes.

    It is the sum of each one's most. Elsewhere than on Linux it is what they hold now.
    """
    parent = psutil.Process(process)
    return sum(map(_peak, [parent, *parent.children(recursive=True)])) / 1e6


def _peak(process: psutil.Process) -> int:
    if sys.platform != "linux":
        return process.memory_info().rss
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024
