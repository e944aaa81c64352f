"""What a generator makes, by its name: templates of digits or of faces, plain or sealed."""

from functools import cache

from ndcb.models import checkpoints, records


@cache
def is_digit(generator: str) -> bool:
    """Raises UnknownName."""
    return records.of_digits(_record(generator))


@cache
def is_sealed(generator: str) -> bool:
    """Raises UnknownName."""
    return _record(generator)["class"] in checkpoints.SEALED


def kind_of(generator: str) -> str:
    """digit, face or sealed. Raises UnknownName."""
    if is_sealed(generator):
        return "sealed"
    return "digit" if is_digit(generator) else "face"


def sealed_generators() -> list[str]:
    """Those that are there and have a login threshold."""
    names = checkpoints.names(checkpoints.SEALED)
    return [name for name in names if "threshold" in _record(name)]


def _record(generator: str) -> dict:
    return checkpoints.record(generator, checkpoints.GENERATORS + checkpoints.SEALED)
