"""Where the command line takes secrets of sealed templates from, and where it leaves key cards."""

import getpass
import io
import os
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

from ndcb.cli import console
from ndcb.core.files import file_stem, path_of
from ndcb.core.terms import UserError
from ndcb.vault.key_card import KeyCard, KeyCards
from ndcb.vault.key_sources import BadKey, Passphrase, ServiceSecret

CARD, PICTURE = ".card.json", ".png"
LARGEST = 2**24
"""Bytes that are read of a card or a secret."""
ROOM = 2**12
"""Bytes that a card's file takes at most."""

TAKEN = (
    "There is a file at the place of the key card or of its picture already. Name another place "
    "with --card."
)
NO_FILE = (
    "A key card needs a file of its own. Name one that is not there yet, such as card.json, with "
    "--card."
)
UNWRITABLE = "The key card cannot be written ({}). Name another place with --card."
CARD_LOST = (
    "The templates are stored, but their key card cannot be written ({}). Free some space and "
    "renew them."
)
TWO_FROM_INPUT = (
    "The input is a file already, and the passphrase would come from it too. Name the file in "
    "place of -."
)
DEVICE = "The service's secret must be a file that stays. A device gives other bytes each time."


def new_secret(command, seal: str | None):
    """The secret of templates to be made. Raises UserError.

    None for plain ones, and for a key card: that is made with them.
    """
    if seal == "passphrase":
        return _passphrase(command, twice=True)
    return _service_secret(command.secret) if seal == "service" else None


def known_secret(command, source: str):
    """The secret of stored templates. Raises UserError where it is not given."""
    if source == "passphrase":
        return _passphrase(command)
    return _service_secret(command.secret) if source == "service" else read_card(command.card)


def read_card(path: Path | None) -> KeyCards:
    """The card's file, or a picture of it. Raises BadKey; UserError: not given; BadPicture."""
    if path is None:
        raise UserError(
            "This login needs its key card. Give the card's file, or a picture of it, with --card."
        )
    return KeyCards.open(_read(path, "The key card", "--card"))


@contextmanager
def card_files(path: Path | None, name: str, wanted: bool):
    """Yields what writes a card with the picture to print beside it, and says where.

    Both files are made before anything else is done, for their owner alone. They are deleted where
    no card is written in the end. Raises UserError: a file is there already, or cannot be written.
    """
    if not wanted:
        yield None
        return
    files: dict[Path, int] = {}
    written: list[Path] = []
    try:
        for place in _card_places(path, name):
            files[place] = _new_file(place)
        yield lambda card: _write(card, files, written)
    finally:
        for place, number in files.items():
            os.close(number)
            if place not in written:
                place.unlink(missing_ok=True)


def _card_places(path: Path | None, name: str) -> tuple[Path, Path]:
    """The card and its picture. Where a picture is named, the card is NAME.json beside it.

    Raises UserError: the input, or a folder.
    """
    if path is None:
        path = Path(path_of(file_stem(name.replace(".", "_"), CARD) + CARD))
    if path == console.INPUT or not path.name or os.path.isdir(path):
        raise UserError(NO_FILE)
    is_picture = path.suffix.lower() == PICTURE
    return (path.with_suffix(".json"), path) if is_picture else (path, path.with_suffix(PICTURE))


def _new_file(path: Path) -> int:
    """A file of blanks: so the disk is known to have room for the card before templates are
    stored."""
    try:
        number = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        raise UserError(TAKEN) from None
    except OSError as error:
        raise _unwritable(error) from error
    try:
        _fill(number, b" " * ROOM)
    except OSError as error:
        os.close(number)
        path.unlink()
        raise _unwritable(error) from error
    return number


def _unwritable(error: OSError) -> UserError:
    return UserError(UNWRITABLE.format(error.strerror))


def _write(card: KeyCard, files: dict[Path, int], written: list[Path]) -> dict:
    """Raises UserError: the card's file cannot be written. A picture that cannot be written is left
    out: the card alone is enough."""
    (path, number), (picture, picture_number) = files.items()
    try:
        _fill(number, card.text().encode() + b"\n")
    except OSError as error:
        raise UserError(CARD_LOST.format(error.strerror)) from error
    written.append(path)
    with suppress(OSError):
        _fill(picture_number, _png(card))
        written.append(picture)
    return {"card": str(path)} | ({"card_picture": str(picture)} if picture in written else {})


def _fill(number: int, content: bytes) -> None:
    """Replace what an open file holds."""
    with os.fdopen(os.dup(number), "wb") as file:
        file.seek(0)
        file.write(content)
        file.truncate()
        file.flush()
        os.fsync(number)


def _png(card: KeyCard) -> bytes:
    file = io.BytesIO()
    card.picture().save(file, "PNG")
    return file.getvalue()


def _passphrase(command, twice: bool = False) -> Passphrase:
    if sys.stdin is None or not sys.stdin.isatty():
        if console.input_is_taken(command):
            raise UserError(TWO_FROM_INPUT)
        return Passphrase(console.read_line())
    passphrase = Passphrase(_asked("Passphrase: "))
    if twice and _asked("Once more: ") != passphrase.text:
        raise BadKey("The two passphrases differ. Nothing was changed; try once more.")
    return passphrase


def _asked(question: str) -> str:
    try:
        return getpass.getpass(question)
    except EOFError:
        raise BadKey("No passphrase was given. Nothing was changed; try once more.") from None


def _service_secret(path: Path | None) -> ServiceSecret:
    if path is None:
        raise UserError(
            "This needs the service's secret. Name its file, of at least 32 random bytes, with"
            " --secret."
        )
    with suppress(OSError):  # that is told when it is read
        if path.is_char_device():
            raise UserError(DEVICE)
    return ServiceSecret(_read(path, "The service's secret", "--secret"))


def _read(path: Path, what: str, option: str) -> bytes:
    if path == console.INPUT:
        return console.read_input(LARGEST)
    try:
        with open(path, "rb") as file:
            return file.read(LARGEST)
    except OSError as error:
        raise UserError(
            f"{what} cannot be read ({error.strerror}). Check the path of {option}."
        ) from error
