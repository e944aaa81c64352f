"""Time until the page and the command line answer."""

import subprocess
import sys
import time

from ndcb.models.pipeline import pick_device
from training.benchmark.served import ROOT, served
from training.benchmark.stages import BATCHES
from training.benchmark.timing import alternate, facenet_pass, summary, timed

MOST_STARTS = 5
"""A start takes seconds, so it is repeated at most so often."""


def start_page() -> float:
    """Milliseconds from a fresh process to the page's first answer."""
    start = time.perf_counter()
    with served():
        return (time.perf_counter() - start) * 1000


def print_help() -> None:
    command = [sys.executable, "-m", "ndcb", "--help"]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


STARTS = {"page": start_page, "help": timed(print_help)}


def measure_start(name: str, repeats: int) -> dict:
    """A start, beside FaceNet's forward pass of the largest batch."""
    reference = facenet_pass(max(BATCHES), pick_device("auto"))
    return summary(alternate(STARTS[name], reference, min(repeats, MOST_STARTS)))
