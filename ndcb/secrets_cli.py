"""Where the command line takes the secrets of sealed templates from, and where it leaves a key card."""

import getpass
import os
import re
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

from .keys import BadKey, KeyCard, KeyCards, Passphrase, ServiceSecret
from .terms import UserError


def new_secret(command, seal: str | None):
    """For templates to be made; None for plain ones, and for a card: it is made with them. Raises UserError."""
    if seal == "passphrase":
        return _passphrase(twice=True)
    return _service_secret(command.secret) if seal == "service" else None


def known_secret(command, source: str):
    """For templates that are there. Raises UserError where it is not given."""
    if source == "passphrase":
        return _passphrase()
    return _service_secret(command.secret) if source == "service" else read_card(command.card)


def read_card(path: Path | None) -> KeyCards:
    """The card's file, or a picture of it. Raises BadKey; UserError: not given; BadPicture."""
    if path is None:
        raise UserError("This login needs its key card. Give the card's file, or a picture of it, with --card.")
    return KeyCards.open(_read(path, "The key card", "--card"))


@contextmanager
def card_files(path: Path | None, name: str, wanted: bool):
    """What writes a card, and the picture to print beside it, and says where. Both files are made before anything else is done, for
    their owner alone, and are deleted where there will be no card. Raises UserError: a file is there already, or cannot be written."""
    if not wanted:
        yield None
        return
    path = path or Path(re.sub(r"[^\w-]", "_", name) + ".card.json")
    files = {}
    try:
        for place in (path, path.with_suffix(".png")):
            files[place] = _new_file(place)
        yield lambda card: _write(card, path, files)
    finally:
        for place, number in files.items():
            os.close(number)
            if not place.stat().st_size:
                place.unlink()


def _new_file(path: Path) -> int:
    try:
        return os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        raise UserError("There is a file at the key card's place already. Name another place with --card.") from None
    except OSError as error:
        raise UserError(f"The key card cannot be written ({error.strerror}). Name another place with --card.") from error


def _write(card: KeyCard, path: Path, files: dict[Path, int]) -> dict:
    picture = path.with_suffix(".png")
    with suppress(OSError), os.fdopen(os.dup(files[picture]), "wb") as file:  # the card itself is enough
        card.picture().save(file, "PNG")
    try:
        os.write(files[path], card.text().encode() + b"\n")
    except OSError as error:
        raise UserError(f"The templates are stored, but their key card cannot be written ({error.strerror}). Free some space and renew "
                        "them.") from error
    return {"card": str(path), "card_picture": str(picture)}


def _passphrase(twice: bool = False) -> Passphrase:
    if not sys.stdin.isatty():
        return Passphrase(sys.stdin.readline().rstrip("\r\n"))
    found = Passphrase(getpass.getpass("Passphrase: "))
    if twice and getpass.getpass("Once more: ") != found.text:
        raise BadKey("The two passphrases differ. Nothing was changed; try once more.")
    return found


def _service_secret(path: Path | None) -> ServiceSecret:
    if path is None:
        raise UserError("This needs the service's secret. Name its file, of at least 32 random bytes, with --secret.")
    return ServiceSecret(_read(path, "The service's secret", "--secret"))


def _read(path: Path, what: str, option: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(2**24)
    except OSError as error:
        raise UserError(f"{what} cannot be read ({error.strerror}). Check the path of {option}.") from error
