"""python -m ndcb: distort photos into templates, compare them, keep them in a vault and log in.

One JSON object a line. Bytes of a file's name that are not UTF-8 are written as \\xNN. A photo, a
table, a card or a secret may be `-`, the input. Ctrl-C ends a call with exit code 130, and the
error output says how far it came.
"""

import signal

if __name__ == "__main__":
    on_ctrl_c = signal.getsignal(signal.SIGINT)
    if on_ctrl_c is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # while modules load: an end, no traceback

import sys
from dataclasses import replace
from typing import Annotated, Union

import tyro

from ndcb.cli import console
from ndcb.cli import pictures as pictures_cli
from ndcb.cli import vault as vault_cli
from ndcb.cli.arguments import check_numbers, options_first
from ndcb.core.terms import UserError

VERBS = pictures_cli.VERBS | vault_cli.VERBS
NO_READER = 141
"""The exit code of what is told by its reader that it need not go on, as a shell gives it."""
STOPPED = 130


def main(arguments: list[str] | None = None) -> int:
    """Answer one call and give its exit code."""
    progress = console.Progress()
    try:
        return _answer(sys.argv[1:] if arguments is None else arguments, progress)
    except UserError as error:
        console.say(str(error))
        return 2
    except KeyboardInterrupt:
        console.say(progress.stopped())
        return STOPPED
    except console.NoReader:
        return NO_READER


def _answer(arguments: list[str], progress: console.Progress) -> int:
    console.prepare()
    command = _parse(arguments)
    failed = False
    for line in VERBS[type(command)](command, progress):
        console.show(line)
        failed |= "error" in line or "damaged" in line or line.get("accepted") is False
    return int(failed)


def _parse(arguments: list[str]):
    """Raises UserError, NoReader; SystemExit: the parser said what is wrong, or gave help."""
    names = {verb.__name__.lower(): verb for verb in VERBS}
    named = [Annotated[verb, tyro.conf.subcommand(name)] for name, verb in names.items()]
    arguments = options_first(arguments, names)
    with console.printing():
        command = tyro.cli(
            Union[tuple(named)], prog="python -m ndcb", description=__doc__, args=arguments
        )

    check_numbers(command)
    console.check_input(command)
    if hasattr(command, "name"):
        command = replace(command, name=console.in_utf8(command.name))
    return command


if __name__ == "__main__":
    signal.signal(signal.SIGINT, on_ctrl_c)
    sys.exit(main())
