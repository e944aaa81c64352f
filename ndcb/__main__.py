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
from functools import reduce
from operator import or_
from typing import Annotated

import tyro

from ndcb.cli import console
from ndcb.cli import export as export_cli
from ndcb.cli import pictures as pictures_cli
from ndcb.cli import vault as vault_cli
from ndcb.cli.arguments import check_options, options_first
from ndcb.core.terms import UserError

VERBS = pictures_cli.VERBS | vault_cli.VERBS | export_cli.VERBS
FAILED, REFUSED = 1, 2
"""Exit codes: a photo or a pair failed or was not accepted; the call cannot be carried out."""
STOPPED, NO_READER = 130, 141
"""Exit codes as a shell gives them: after Ctrl-C, and where nobody reads the output any more."""


def main(arguments: list[str] | None = None) -> int:
    """Answer one call and give its exit code."""
    progress = console.Progress()
    try:
        return _answer(sys.argv[1:] if arguments is None else arguments, progress)
    except UserError as error:
        console.say(str(error))
        return REFUSED
    except KeyboardInterrupt:
        console.say(progress.stopped())
        return STOPPED
    except console.NoReader:
        return NO_READER


def _answer(arguments: list[str], progress: console.Progress) -> int:
    console.prepare()
    command = _parse(arguments)
    carry_out = VERBS[type(command)]
    exit_code = 0
    for line in carry_out(command, progress):
        console.show(line)
        if _tells_failure(line):
            exit_code = FAILED
    return exit_code


def _tells_failure(line: dict) -> bool:
    return "error" in line or "damaged" in line or line.get("accepted") is False


def _parse(arguments: list[str]):
    """The verb with its arguments.

    Raises UserError, NoReader; SystemExit: the parser said what is wrong, or gave help.
    """
    verbs = {verb.__name__.lower(): verb for verb in VERBS}
    subcommands = [Annotated[verb, tyro.conf.subcommand(name)] for name, verb in verbs.items()]
    with console.printing():
        command = tyro.cli(
            reduce(or_, subcommands),
            prog="python -m ndcb",
            description=__doc__,
            args=options_first(arguments, verbs),
        )

    check_options(command)
    console.check_input(command)
    if hasattr(command, "name"):
        command = replace(command, name=console.in_utf8(command.name))
    return command


if __name__ == "__main__":
    signal.signal(signal.SIGINT, on_ctrl_c)
    sys.exit(main())
