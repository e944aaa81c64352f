"""The vault's verbs on the command line: enrol, verify, identify, renew, revoke, list."""

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from ndcb.cli import console
from ndcb.cli import secrets as secrets_cli
from ndcb.cli.console import Progress
from ndcb.core.terms import DEFAULT_FACES, DEFAULT_SEALED, BadPicture, NoFaceFound, UserError

Name = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NAME")]
Photo = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="PHOTO")]
Photos = Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="PHOTO...")]
PHOTO_FAILED = (BadPicture, NoFaceFound, OSError, MemoryError)
"""Errors of a photo, not of the call."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    vault: str = "vault.sqlite"
    """The vault: a file's path, or a database's URL such as postgresql://user@host/database."""


@dataclass(frozen=True, kw_only=True)
class Modelled(Kept):
    generator: str = DEFAULT_FACES
    """Name of a checkpoint, or the path of its folder: it makes new templates. A stored template is
    compared by the generator that made it.
    """
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where the networks run; auto takes the first of cuda, mps and cpu that is there."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    any_quality: bool = False
    """Take photos that are too blurred, dark or otherwise poor to tell people apart. Their
    templates say so."""


@dataclass(frozen=True, kw_only=True)
class Matched(Judged, Modelled):
    threshold: float | None = None
    """Accept under this squared distance. Default: the one in the record of the template's
    generator."""


@dataclass(frozen=True, kw_only=True)
class KeyStored:
    keys: str = "keys.sqlite"
    """The key store of sealed templates: a file's path, or a database's URL. It lies apart from the
    vault."""


@dataclass(frozen=True, kw_only=True)
class Keyed(KeyStored):
    card: Path | None = None
    """The key card: its file or a picture of it. Where a card is made: the file to write, with a
    PNG to print beside it; default: NAME.card.json.
    """
    secret: Path | None = None
    """File with the service's secret, at least 32 random bytes."""


@dataclass(frozen=True, kw_only=True)
class Enrolling(Judged, Keyed):
    generator: str | None = None
    """Name of a checkpoint, or the path of its folder. Default: sface-bottleneck, and faces-sealed
    for sealed templates.
    """
    seal: Literal["passphrase", "card", "service"] | None = None
    """Seal the templates, each with a key of its own, from a passphrase (asked for, or the first
    line of the input), from a random secret on a key card, or from the service's secret.
    """
    polish: int = 0
    """Gradient steps on each template's pixels; they bring its embedding nearer to the photo's."""


@dataclass(frozen=True)
class Enrol(Enrolling, Modelled):
    """Store templates of one to five photos of a person under a name, all or none.

    Makes the vault if it is not there. A name that is enrolled is refused; revoke it first. "Ann"
    and "ANN" are one name. Prints one JSON object: name, time, generator, recogniser, templates
    (how many), quality (of each photo: good, or what is wrong with it, or unchecked), faces (how
    many were found in each photo); of sealed ones also seal, and card and card_picture where they
    were written. Photos that show two people are refused.

    Exit code: 0 stored; 1 a photo failed, and the line says why in "error"; 2 the name, the vault,
    a key or an option cannot be used.
    """

    name: Name
    """1 to 64 printable characters. Spellings are one name if they differ only in case, width,
    joiners or the kind of space."""
    photos: Photos
    """Picture files, each of the person's face; of a photo with several faces the largest
    counts.
    """


@dataclass(frozen=True)
class Renew(Enrolling, Modelled):
    """Replace all templates of a name by sealed ones under new keys, and destroy what belonged to
    the old keys.

    Takes the same kind of key as before unless --seal names another one. With --seal, plain
    templates become sealed ones. Prints what enrol prints.

    Exit code: 0 stored; 1 a photo failed, and the line says why in "error"; 2 the name, the vault,
    a key or an option cannot be used. Where it is not 0 the old templates stay.
    """

    name: Name
    """As it was enrolled."""
    photos: Photos
    """As for enrol."""


@dataclass(frozen=True)
class Verify(Keyed, Matched):
    """Is the face on the photo the person enrolled under the name? The nearest of the name's
    templates counts.

    Prints one JSON object: name, photo, faces (how many were found), accepted, squared_distance,
    threshold, and skipped where templates could not be compared. For sealed templates it leaves out
    all that tells a distance: name, photo, faces, accepted. A passphrase is asked for, or is the
    first line of the input.

    Exit code: 0 accepted; 1 refused, or the photo failed, and the line says why in "error"; 2 the
    name, the vault, a key or an option cannot be used.
    """

    name: Name
    """As it was enrolled."""
    photo: Photo
    """A picture file; of a photo with several faces the largest counts."""


@dataclass(frozen=True)
class Identify(Matched):
    """Who of all that are enrolled is on the photo?

    Prints one JSON object a photo: photo, faces (how many were found), name (null where even the
    nearest template is too far), accepted, squared_distance, threshold, false_name_chance, and
    skipped where templates could not be compared.

    The threshold is that of verify. Here each enrolled template is one more chance to be taken for
    somebody else. false_name_chance says how likely this vault gives a stranger a name: 1 - (1 -
    FMR)^n, with the false match rate (FMR) measured at the threshold, and n templates that were
    compared. They are taken for independent of each other, which makes the number rather too large.
    It is null where the rate was not measured. A lower --threshold makes it smaller.

    Exit code: 0 all accepted; 1 one was refused or failed, and its line says why in "error"; 2 the
    vault or an option cannot be used.
    """

    photos: Photos
    """Picture files; of a photo with several faces the largest counts."""


@dataclass(frozen=True)
class Revoke(KeyStored, Kept):
    """Delete all templates of a name, and what belongs to their keys.

    Prints one JSON object: name, revoked (how many); of sealed ones also keys: destroyed, or
    unknown where the key store knows none. Exit code: 0 deleted; 2 the name, the vault or the key
    store cannot be used.
    """

    name: Name
    """As it was enrolled."""


@dataclass(frozen=True)
class List(Modelled):
    """List the names that are enrolled, in alphabetical order.

    Prints one JSON object a name: name, time (UTC), generator, recogniser, templates (how many),
    quality (of each template's photo, as enrol prints it; those of older programs are unchecked),
    and damaged where some cannot be compared. Exit code: 0; 1 where a template is damaged; 2 the
    vault or an option cannot be used.
    """


class PhotoModels:
    """Models that read the photo `-` from the input. They remember how many faces a photo has."""

    def __init__(self, models):
        self.models = models
        self.faces: dict[str, int] = {}

    def __getattr__(self, name: str):
        return getattr(self.models, name)

    def find(self, photo, aligned: bool = False):
        faces = self.models.find(console.readable(photo), aligned)
        self.faces[str(photo)] = len(faces)
        return faces


def enrol(command: Enrol, progress: Progress) -> Iterator[dict]:
    """One dict."""
    yield _store(command, command.seal)


def renew(command: Renew, progress: Progress) -> Iterator[dict]:
    """One dict."""
    with _open(command) as vault:
        seal = command.seal or vault.source(command.name)
    if seal is None:
        raise UserError(
            f"The templates of {command.name!r} are plain: there is no key to renew. Seal them with"
            " --seal."
        )
    yield _store(command, seal)


def _store(command: Enrol | Renew, seal: str | None) -> dict:
    """Enrol or renew, and write the key card."""
    renewing = isinstance(command, Renew)
    with (
        _open(command) as vault,
        secrets_cli.card_files(command.card, command.name, seal == "card") as write,
    ):
        secret = secrets_cli.new_secret(command, seal)
        try:
            if seal is None:
                entry, card = vault.enrol(command.name, command.photos), None
            else:
                enrol_or_renew = vault.renew if renewing else vault.enrol_sealed
                entry, card = enrol_or_renew(command.name, command.photos, secret)
        except PHOTO_FAILED as error:
            return {"name": command.name, "error": console.sentence(error)}

        line = _without_empty(asdict(entry))
        line["faces"] = [vault.models.faces.get(str(photo)) for photo in command.photos]
        if seal:
            line["seal"] = seal
        return line | (write(card) if card else {})


def verify(command: Verify, progress: Progress) -> Iterator[dict]:
    """One dict."""
    with _open(command) as vault:
        name, photo, threshold = command.name, command.photo, command.threshold
        line = {"name": name, "photo": str(photo)}
        source = vault.source(name)
        secret = source and secrets_cli.known_secret(command, source)
        try:
            if source:
                answer = {"accepted": vault.verify_sealed(name, photo, secret, threshold)}
            else:
                answer = _decision(vault.verify(name, photo, threshold))
            yield line | _faces(vault, photo) | answer
        except PHOTO_FAILED as error:
            yield line | {"error": console.sentence(error)}


def identify(command: Identify, progress: Progress) -> Iterator[dict]:
    """One dict a photo."""
    if not command.photos:
        raise UserError("Name at least one photo.")
    with _open(command) as vault:
        for photo in progress.over(command.photos):
            yield {"photo": str(photo)} | _identified(vault, photo, command.threshold)


def _identified(vault, photo: Path, threshold: float | None) -> dict:
    """Raises UserError: the vault cannot be used."""
    try:
        name, match = vault.identify(photo, threshold)
        line = _faces(vault, photo) | {"name": name} | _decision(match)
        return line | _false_name_chance(match, threshold)
    except (BadPicture, NoFaceFound) as error:
        return {"error": str(error)}
    except UserError:
        raise
    except Exception as error:
        return {"error": console.sentence(error)}


def _faces(vault, photo: Path) -> dict[str, int]:
    """How many were found in a photo that was compared."""
    return {"faces": vault.models.faces.get(str(photo))}


def revoke(command: Revoke, progress: Progress) -> Iterator[dict]:
    """One dict."""
    from ndcb.models.checkpoints import SEALED, names
    from ndcb.models.pipeline import Models
    from ndcb.vault.names import clean_name
    from ndcb.vault.vault import Vault

    _check_is_there(command.vault)
    with closing(Vault(command.vault, Models(), _keys(command))) as vault:
        rows = vault.database.rows(clean_name(command.name))
        line = {}
        if any(row.generator in names(SEALED) for row in rows):
            line["keys"] = "destroyed" if vault.destroy_keys(command.name) else "unknown"
        yield {"name": command.name, "revoked": vault.revoke(command.name)} | line


def list_names(command: List, progress: Progress) -> Iterator[dict]:
    """One dict a name."""
    with _open(command) as vault:
        yield from (_without_empty(asdict(entry)) for entry in vault.list())


VERBS = {
    Enrol: enrol,
    Verify: verify,
    Identify: identify,
    Renew: renew,
    Revoke: revoke,
    List: list_names,
}


def _open(command: Modelled):
    """The vault, closed when its block ends. Raises UserError."""
    from ndcb.models.pipeline import Models, pick_device
    from ndcb.vault.vault import Vault

    if not isinstance(command, Enrol):
        _check_is_there(command.vault)
    models = PhotoModels(Models(pick_device(command.device)))
    sealing = isinstance(command, Renew) or getattr(command, "seal", None)
    generator = command.generator or (DEFAULT_SEALED if sealing else DEFAULT_FACES)
    if not isinstance(command, List):
        models.distorter(generator)  # a wrong name is told before anything else is done
    vault = Vault(
        command.vault,
        models,
        _keys(command),
        polish_steps=getattr(command, "polish", 0),
        any_quality=getattr(command, "any_quality", False),
        **{"sealed_generator" if sealing else "generator": generator},
    )
    return closing(vault)


def _keys(command: Kept) -> str | None:
    """Where the key store is; None where the verb needs none.

    One that is only read and is not there is an empty one in memory, so that no file is left.
    """
    place = getattr(command, "keys", None)
    is_there = place is None or "://" in place or os.path.exists(place)
    return place if is_there or isinstance(command, Enrolling) else "sqlite://"


def _check_is_there(place: str) -> None:
    """A path that is mistyped must not become an empty vault."""
    if "://" not in place and not os.path.exists(place):
        raise UserError(
            "There is no vault at this place yet. Enrol somebody first, or name its file with"
            " --vault."
        )


def _decision(match) -> dict:
    numbers = {
        "accepted": match.same,
        "squared_distance": round(match.squared_distance, 6),
        "threshold": match.threshold,
    }
    return _without_empty(numbers | {"skipped": match.skipped})


def _false_name_chance(match, threshold: float | None) -> dict:
    from ndcb.results.thresholds import false_name_chance

    try:
        return {"false_name_chance": round(false_name_chance(match.compared, threshold), 6)}
    except UserError:  # not measured
        return {"false_name_chance": None}


def _without_empty(line: dict) -> dict:
    return {name: value for name, value in line.items() if value != ()}
