"""The vault's verbs on the command line: enrol, verify, identify, renew, revoke, list."""

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from ndcb.cli import console
from ndcb.cli import secrets as secrets_cli
from ndcb.cli.console import Progress
from ndcb.cli.vault_options import (
    Enrol,
    Enrolling,
    Identify,
    Kept,
    List,
    Modelled,
    Renew,
    Revoke,
    Verify,
)
from ndcb.core.terms import DEFAULT_FACES, DEFAULT_SEALED, BadPicture, NoFaceFound, UserError

PHOTO_FAILED = (BadPicture, NoFaceFound, OSError, MemoryError)
"""Errors of a photo, not of the call."""


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
        return line | _false_name_chance(match)
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
        fmr=getattr(command, "fmr", None),
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
        "fmr": match.fmr,
    }
    return _without_empty(numbers | {"skipped": match.skipped})


def _false_name_chance(match) -> dict:
    from ndcb.results.thresholds import false_name_chance

    try:
        chance = false_name_chance(match.compared, dict(match.thresholds))
        return {"false_name_chance": round(chance, 6)}
    except UserError:  # not measured
        return {"false_name_chance": None}


def _without_empty(line: dict) -> dict:
    return {name: value for name, value in line.items() if value != ()}
