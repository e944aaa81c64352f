"""The vault's verbs on the command line: enrol, verify, identify, revoke, list."""

import os
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from .terms import DEFAULT_FACES, BadPicture, NoFaceFound, UserError

Name = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NAME")]
Photo = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="PHOTO")]
Photos = Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="PHOTO...")]


@dataclass(frozen=True, kw_only=True)
class Kept:
    vault: str = "vault.sqlite"
    """The vault: a file's path, or a database's URL such as postgresql://user@host/database."""


@dataclass(frozen=True, kw_only=True)
class Modelled(Kept):
    generator: str = DEFAULT_FACES
    """Name of a checkpoint, or the path of its folder: it makes new templates. Stored ones are compared by what made them."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where the networks run; auto takes the first that is there of cuda, mps, cpu."""


@dataclass(frozen=True, kw_only=True)
class Matched(Modelled):
    threshold: float | None = None
    """Accept under this squared distance; else the record of the template's generator says."""


@dataclass(frozen=True)
class Enrol(Modelled):
    """Store templates of one to five photos of a person under a name: all of them or, if one fails, none.

    Makes the vault if it is not there. A name that is enrolled is refused; revoke it first. "Ann" and "ANN" are one name. Prints one
    JSON object: name, time, generator, recogniser, templates (how many). Exit code: 0 stored; 1 a photo failed, and the line says
    why in "error"; 2 the name, the vault or an option cannot be used.
    """

    name: Name
    """1 to 64 printable characters."""
    photos: Photos
    """Picture files, each of the person's face; of a photo with several faces the largest counts."""
    polish: int = 0
    """Gradient steps on each template's pixels that bring its embedding nearer to the photo's."""


@dataclass(frozen=True)
class Verify(Matched):
    """Is the face on the photo the person enrolled under the name? The nearest of the name's templates counts.

    Prints one JSON object: name, photo, accepted, squared_distance, threshold, and skipped where templates could not be compared.
    Exit code: 0 accepted; 1 refused, or the photo failed, and the line says why in "error"; 2 the name, the vault or an option
    cannot be used.
    """

    name: Name
    """As it was enrolled."""
    photo: Photo
    """A picture file; of a photo with several faces the largest counts."""


@dataclass(frozen=True)
class Identify(Matched):
    """Who of all that are enrolled is on the photo?

    Prints one JSON object a photo: photo, name (null where even the nearest template is too far), accepted, squared_distance,
    threshold, and skipped where templates could not be compared. Exit code: 0 all accepted; 1 one was refused or failed, and its line
    says why in "error"; 2 the vault or an option cannot be used.
    """

    photos: Photos
    """Picture files; of a photo with several faces the largest counts."""


@dataclass(frozen=True)
class Revoke(Kept):
    """Delete all templates of a name.

    Prints one JSON object: name, revoked (how many). Exit code: 0 deleted; 2 the name or the vault cannot be used.
    """

    name: Name
    """As it was enrolled."""


@dataclass(frozen=True)
class List(Modelled):
    """List the names that are enrolled, in alphabetical order.

    Prints one JSON object a name: name, time (UTC), generator, recogniser, templates (how many), and damaged where some cannot be
    compared. Exit code: 0; 1 where a template is damaged; 2 the vault or an option cannot be used.
    """


def enrol(command: Enrol):
    """One dict."""
    with _open(command) as vault:
        try:
            yield _without_empty(asdict(vault.enrol(command.name, command.photos)))
        except (BadPicture, NoFaceFound) as error:
            yield {"name": command.name, "error": str(error)}


def verify(command: Verify):
    """One dict."""
    with _open(command) as vault:
        line = {"name": command.name, "photo": str(command.photo)}
        try:
            yield line | _decision(vault.verify(command.name, command.photo, command.threshold))
        except (BadPicture, NoFaceFound) as error:
            yield line | {"error": str(error)}


def identify(command: Identify):
    """One dict a photo."""
    if not command.photos:
        raise UserError("Name at least one photo.")
    with _open(command) as vault:
        for photo in command.photos:
            try:
                name, match = vault.identify(photo, command.threshold)
                yield {"photo": str(photo), "name": name} | _decision(match)
            except (BadPicture, NoFaceFound) as error:
                yield {"photo": str(photo), "error": str(error)}


def revoke(command: Revoke):
    """One dict."""
    from .pipeline import Models
    from .vault import Vault

    _check_is_there(command.vault)
    with closing(Vault(command.vault, Models())) as vault:
        yield {"name": command.name, "revoked": vault.revoke(command.name)}


def list_names(command: List):
    """One dict a name."""
    with _open(command) as vault:
        yield from (_without_empty(asdict(entry)) for entry in vault.list())


VERBS = {Enrol: enrol, Verify: verify, Identify: identify, Revoke: revoke, List: list_names}


def _open(command: Modelled):
    from .pipeline import Models, pick_device
    from .vault import Vault

    if not isinstance(command, Enrol):
        _check_is_there(command.vault)
    models = Models(pick_device(command.device))
    if not isinstance(command, List):
        models.distorter(command.generator)  # a wrong name is told before anything else is done
    return closing(Vault(command.vault, models, command.generator, getattr(command, "polish", 0)))


def _check_is_there(place: str) -> None:
    """A path that is mistyped must not become an empty vault."""
    if "://" not in place and not os.path.exists(place):
        raise UserError("There is no vault at this place yet. Enrol somebody first, or name its file with --vault.")


def _decision(match) -> dict:
    numbers = {"accepted": match.same, "squared_distance": round(match.squared_distance, 6), "threshold": match.threshold}
    return _without_empty(numbers | {"skipped": match.skipped})


def _without_empty(line: dict) -> dict:
    return {name: value for name, value in line.items() if value != ()}
