"""The command line's arguments: put into the order that the parser takes, and checked after it."""

import math
import os
from dataclasses import fields
from typing import Annotated, Literal

import tyro

from ndcb.core.terms import UserError
from ndcb.models.operating_points import DEFAULT, NAMED, OLD

BAD_POLISH = "--polish is a number of steps, 0 or more."
BAD_THRESHOLD = "--threshold is a squared distance, a number from 0 on."
TWO_LIMITS = "--threshold and --fmr both say where a login is judged. Give one of them."

FalseMatchRate = Annotated[
    Literal[*NAMED] | None,
    tyro.conf.arg(
        help=(
            "Accept under the threshold at which development people's templates have this false"
            f" match rate (FMR) against photos. Default: {DEFAULT}. The answer's fmr is the rate as"
            " a number; null with a threshold that has none. Some have no rates, only a threshold"
            f" at the equal error rate, and --fmr is refused: {OLD}."
        )
    ),
]
"""The option --fmr; None: the default."""


def options_first(arguments: list[str], verbs: dict[str, type]) -> list[str]:
    """Put a verb's options before its photos and names, which may stand anywhere among them.

    After `--` nothing is an option.
    """
    if not arguments or arguments[0] not in verbs:
        return list(arguments)
    verb, *rest = arguments
    flags = {field.name for field in fields(verbs[verb]) if field.type is bool} | {"help"}

    options, others = [], []
    while rest:
        argument = rest.pop(0)
        if argument == "--":
            others += rest
            break
        if not _is_option(argument):
            others.append(argument)
        elif _takes_value(argument, flags) and rest and not rest[0].startswith("--"):
            options.append(f"{argument}={rest.pop(0)}")
        else:
            options.append(argument)

    return [verb, *options, "--", *others] if others else [verb, *options]


def _is_option(argument: str) -> bool:
    """One hyphen may begin a file's name; two always begin an option."""
    if argument.startswith("--"):
        return True
    return len(argument) > 1 and argument[0] == "-" and not os.path.lexists(argument)


def _takes_value(argument: str, flags: set[str]) -> bool:
    name = argument.removeprefix("--").removeprefix("no-").replace("-", "_")
    return argument.startswith("--") and "=" not in argument and name not in flags


def check_options(command) -> None:
    """Raises UserError: a number that its option cannot have, or two options for one thing."""
    if getattr(command, "polish", 0) < 0:
        raise UserError(BAD_POLISH)
    threshold = getattr(command, "threshold", None)
    if threshold is not None and not 0 <= threshold < math.inf:
        raise UserError(BAD_THRESHOLD)
    if threshold is not None and command.fmr is not None:
        raise UserError(TWO_LIMITS)
