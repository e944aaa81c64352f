"""The command `ndcb` that pip installs."""

import runpy


def run() -> None:
    """Do what `python -m ndcb` does, Ctrl-C while modules load included."""
    runpy.run_module("ndcb", run_name="__main__", alter_sys=True)
