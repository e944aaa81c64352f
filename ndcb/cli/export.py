"""The verb that gives the networks to other programs: export."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import tyro

from ndcb.cli.console import Progress
from ndcb.cli.pictures import make_folder
from ndcb.core.files import write_whole
from ndcb.core.terms import UserError

TAKEN = (
    "There is a file at the place of one of the exported files already. Replace it with"
    " --overwrite, or name another folder with --out."
)
NOT_WRITTEN = (
    "The exported files cannot be written ({}). Free some space or name another folder with --out."
)
NOT_EXPORTED = "The checkpoint cannot be exported ({}). Install the package onnxruntime anew."


@dataclass(frozen=True)
class Export:
    """Write a generator and its recogniser as ONNX files, for other programs.

    Writes generator.onnx, recogniser.onnx and README.md, which tells inputs, ranges, how faces are
    aligned, the threshold and the licences, and prints one JSON object a file: checkpoint, file,
    bytes. Each network is checked against torch first.
    """

    checkpoint: tyro.conf.Positional[str]
    """Name of a generator's checkpoint, or the path of its folder."""
    out: Path
    """Folder of the files; made if it is not there."""
    overwrite: bool = False
    """Replace files that are there."""


def export(command: Export, progress: Progress) -> Iterator[dict]:
    """One dict a file."""
    from ndcb.models.export import FILES  # slow to import

    paths = [command.out / name for name in FILES]
    if not command.overwrite and any(map(os.path.lexists, paths)):
        raise UserError(TAKEN)
    contents = _contents(command.checkpoint)
    make_folder(command.out)
    for path in paths:
        content = contents[path.name]
        _write(path, content, command.overwrite)
        yield {"checkpoint": command.checkpoint, "file": str(path), "bytes": len(content)}


def _contents(checkpoint: str) -> dict[str, bytes]:
    """Raises UserError."""
    from ndcb.models.export import export as exported
    from ndcb.models.onnx_graphs import GraphDiffers

    try:
        return exported(checkpoint)
    except (GraphDiffers, ImportError) as error:
        raise UserError(NOT_EXPORTED.format(error)) from error


def _write(path: Path, content: bytes, overwrite: bool) -> None:
    try:
        write_whole(path, content, overwrite)
    except FileExistsError as error:
        raise UserError(TAKEN) from error
    except OSError as error:
        raise UserError(NOT_WRITTEN.format(error.strerror)) from error


VERBS = {Export: export}
