"""Write the lists of packages from pyproject.toml: python tools/requirements.py [--lock]

requirements.txt: the page and the command `ndcb`, for a Space or a plain pip.
requirements-evaluation.txt: the second recogniser.
requirements.lock, only with --lock: the page, training and tests in the exact versions that are
installed where this runs. Run it there only after the whole test suite has passed.
"""

import sys
import tomllib
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from ndcb.core.files import write_whole  # noqa: E402

LOCKED_EXTRAS = ("train", "test")
OF_TORCH = ("nvidia-", "cuda-", "triton")
"""How the names of packages begin that torch needs on some systems only, and pins itself."""
WRITTEN = "# Written from pyproject.toml by tools/requirements.py: "
PAGE = "the page and the command `ndcb`."
EVALUATION = """a second recogniser for
# `python -m training evaluate`. Its weights are public domain (CC0), dlib has the Boost licence."""
LOCK = """the page, training and tests,
# in the versions that the tests passed with on Linux. What torch needs besides, pip finds."""


def declared(*extras: str) -> list[str]:
    """The requirements of the project itself, or of these extras, as pyproject.toml has them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    if not extras:
        return project["dependencies"]
    optional = project["optional-dependencies"]
    return [requirement for extra in extras for requirement in optional[extra]]


def lists() -> dict[str, str]:
    """File -> its text, of the files that follow from pyproject.toml alone."""
    return {
        "requirements.txt": _text(PAGE, declared()),
        "requirements-evaluation.txt": _text(EVALUATION, declared("evaluate")),
    }


def lock() -> str:
    """The lock's text. Raises PackageNotFoundError: a declared package is not installed here."""
    versions = installed([*declared(), *declared(*LOCKED_EXTRAS)])
    return _text(LOCK, [f"{name}=={versions[name]}" for name in sorted(versions)])


def installed(requirements: list[str]) -> dict[str, str]:
    """Name -> version of these packages and of all that they need, as installed here."""
    versions, waiting = {}, [(Requirement(line), "") for line in requirements]
    seen = set()
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        if name.startswith(OF_TORCH):
            continue
        wanted = {(name, own) for own in ("", *requirement.extras)} - seen
        seen |= wanted
        if not wanted:
            continue
        package = distribution(name)
        versions[name] = Version(package.version).public
        needed = [Requirement(line) for line in package.requires or ()]
        waiting += [(one, own) for _, own in wanted for one in needed]
    return versions


def _text(purpose: str, requirements: list[str]) -> str:
    return "\n".join([WRITTEN + purpose, *requirements, ""])


def main() -> None:
    files = lists() | ({"requirements.lock": lock()} if "--lock" in sys.argv[1:] else {})
    for name, text in files.items():
        write_whole(ROOT / name, text)
        print(name)


if __name__ == "__main__":
    main()
