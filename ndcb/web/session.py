"""A visitor's vault: enrol, log in (1:1 and 1:N), revoke. Sealed templates:
`ndcb.web.sealed_session`; what a thief can do: `ndcb.attacks.thief`.

    photo -> crop, kept for the next login -> vault -> Login: whose template was nearest, and how
    far -> judged by any threshold

Every visitor has a vault in memory of their own, opened with a few demonstration templates in it.
The tab Login shows it.
"""

import os
from dataclasses import dataclass, field
from functools import cache, lru_cache

import numpy as np
from PIL import Image

from ndcb.core.terms import (
    DEFAULT_DIGITS,
    DEFAULT_FACES,
    BadPicture,
    Decision,
    Face,
    UnknownName,
    UserError,
)
from ndcb.faces import samples
from ndcb.faces.drawings import digit_from_drawing
from ndcb.faces.images import read_picture
from ndcb.models import checkpoints, examples, quality, records
from ndcb.models.pipeline import Models
from ndcb.results import thresholds
from ndcb.vault.names import clean_name
from ndcb.vault.sights import fitting
from ndcb.vault.vault import Entry, Stolen, Vault
from ndcb.web import private_files

CROPS = 8
"""Photos of a visitor whose crops are kept, so that the next login with one of them does not search
it again.
"""
PORTRAIT = "Eileen Collins"
SAMPLE_DIGITS = (3, 8)
NO_PHOTO = "Give a photo first: upload one, use the camera, or click a sample."
ONLY_WITH_A_KEY = (
    "A sealed template is only compared with its key: write a name, give its key, and log in."
)
OTHER_KIND = {
    "digit": "Enrolled under this name is a digit. Choose a generator for digits, or another name.",
    "face": (
        "Enrolled under this name is a face, in a plain template. Choose another generator for"
        " faces, or another name."
    ),
    "sealed": (
        "Enrolled under this name is a sealed template. Choose the sealed generator and give the"
        " key, or choose another name."
    ),
}


class Reader:
    """What a vault asks of `Models`, for photos that are (path, whether it shows a digit)."""

    def __init__(self, models: Models):
        self.models = models
        self.distorter = models.distorter
        self.crops: dict[tuple[str, bool], list[Face]] = {}

    def find(self, photo: tuple[str, bool]) -> list[Face]:
        """The faces as `Models.find` sorts them, or the digit. Raises BadPicture, NoFaceFound."""
        if photo not in self.crops:
            found = read_faces(self.models, *photo)
            for old in list(self.crops)[: max(0, len(self.crops) - CROPS + 1)]:
                del self.crops[old]
            self.crops[photo] = found
        return self.crops[photo]


@dataclass(frozen=True)
class Login:
    """A login. Another threshold judges it again without a model."""

    name: str
    """Whose template was nearest, as they wrote it."""
    squared_distance: float
    kind: str
    """`verify`, `identify`, `replay`, or `stored`: the sample's result, which comes with the
    checkpoint.
    """
    generator: str
    """The one whose threshold counts."""
    faces: int = 1
    """Found in the probe; the first counts."""
    skipped: int = 0
    """Templates that were not compared, because another kind of picture is in them."""
    sealed: int = 0
    """Templates that were not compared, because that takes their key."""
    revoked: bool = False
    """The template that was tried is not in the vault any more; a thief has a copy of it."""
    compared: tuple[tuple[str, int], ...] = ()
    """As in `Match`."""

    def decide(self, threshold: float) -> Decision:
        return Decision(self.squared_distance, threshold)


@dataclass(eq=False)
class Visit:
    """What is remembered for one visitor."""

    vault: Vault
    last: Login | None = None
    copy: Stolen | None = None
    """What the thief took; revoking does not bring it back."""
    shown: dict[tuple[str, bytes], str] = field(default_factory=dict)
    """(name, PNG) -> the file that shows this template."""


# a visit


def open_visit(models: Models) -> Visit:
    """A vault in memory with the demonstration templates in it."""
    visit = Visit(Vault("sqlite://", Reader(models), "sqlite://"))
    if rows := demonstration(models):
        visit.vault.database.add(rows)
    return visit


@lru_cache(maxsize=1)
def demonstration(models: Models) -> list[dict]:
    """The rows of a vault that nobody has used yet. They are made once: no visitor but the first
    waits for a generator.
    """
    vault = Vault("sqlite://", models)
    for name, picture, generator in people():
        vault.generator = generator
        vault.enrol(name, [Face(picture, None, how="aligned already")])
    rows = vault.database.pngs(vault.database.rows()).items()
    vault.close()
    return [
        {**{key: value for key, value in vars(row).items() if key != "id"}, "png": png}
        for row, png in rows
    ]


def people() -> list[tuple[str, Image.Image, str]]:
    """(name, aligned picture, generator) of everybody in that vault: pictures that may be
    shipped.
    """
    everybody = (
        [(PORTRAIT, examples.example(DEFAULT_FACES).original, DEFAULT_FACES)]
        if DEFAULT_FACES in checkpoints.names()
        else []
    )
    digits = SAMPLE_DIGITS if DEFAULT_DIGITS in checkpoints.names() else ()
    return everybody + [
        (f"digit {digit}", samples.digits()[digit], DEFAULT_DIGITS) for digit in digits
    ]


def close(visit: Visit | None) -> None:
    """Forget the templates, their keys, their embeddings and the crops, and delete every file that
    showed them.
    """
    if visit:
        visit.vault.close()
        visit.vault.models.crops.clear()
        visit.last = visit.copy = None
        private_files.delete(visit.shown.values())
        visit.shown.clear()


# what a visitor can do


def enrol(visit: Visit, name: str, paths: list[str | None], generator: str) -> Entry:
    """Store a template of each photo. Raises what `Vault.enrol` does; BadPicture: no photo."""
    visit.vault.generator = generator  # one vault, so that one list shows what a thief sees; the queue lets one call in at a time
    return visit.vault.enrol(name, photos_of(paths, generator))


def log_in(visit: Visit, name: str, path: str | None, generator: str) -> Login:
    """1:1: the photo against the templates of a name. Raises what `Vault.verify` does; UserError:
    the name was enrolled as the other kind of picture.
    """
    check_kind(visit, name, generator)
    found = find_faces(visit, path, generator)
    match = visit.vault.verify(
        name, found[0], thresholds.FARTHEST
    )  # only the distance counts here; the slider judges it
    return Login(clean_name(name), match.squared_distance, "verify", generator, len(found))


def identify(visit: Visit, path: str | None, generator: str) -> Login:
    """1:N: the photo against every plain template of its kind. Raises what `Vault.identify` does;
    UserError: a sealed generator.
    """
    if is_sealed(generator):
        raise UserError(ONLY_WITH_A_KEY)
    found = find_faces(visit, path, generator)
    name, match = visit.vault.identify(
        found[0], 2 * thresholds.FARTHEST
    )  # so the nearest always has a name
    sealed = sum(is_sealed(stolen.generator) for stolen in visit.vault.stolen())
    others = len(match.skipped) - sealed
    return Login(
        name,
        match.squared_distance,
        "identify",
        generator,
        len(found),
        others,
        sealed,
        compared=match.compared,
    )


def accepts(models: Models, reference: str | None, probe: str | None, generator: str) -> bool:
    """Is the probe's person the reference's? `reference`: file of a template as it was stored.

    Raises UserError and its children.
    """
    if generator not in checkpoints.names():  # nor a path
        raise UnknownName("generator", generator, checkpoints.names())
    distorter = models.distorter(generator)
    template = read_picture(reference)
    template = fitting(template.convert("L") if is_digit(generator) else template, distorter)
    face = read_faces(models, probe, is_digit(generator))[0]
    seen = distorter.recognise([template, face.image])
    quality.check(face, seen[1], distorter.generator.record["recogniser"])
    return distorter.decide(*distorter.to_compare(seen)).same


def check_kind(visit: Visit, name: str, generator: str) -> None:
    """A name that nobody has is the vault's to refuse. Raises UserError: it was enrolled as another
    kind than the generator makes.
    """
    kinds = kinds_of(visit, name)
    if kinds and kind_of(generator) not in kinds:
        raise UserError(OTHER_KIND[min(kinds)])


def kinds_of(visit: Visit, name: str) -> set[str]:
    """What is enrolled under the name: digit, face, sealed."""
    return {kind_of(row.generator) for row in visit.vault.database.rows(clean_name(name))}


# kinds


def kind_of(generator: str) -> str:
    """digit, face or sealed. Raises UnknownName."""
    return "sealed" if is_sealed(generator) else "digit" if is_digit(generator) else "face"


@cache
def is_digit(generator: str) -> bool:
    """Raises UnknownName."""
    return records.of_digits(thresholds.record(generator))


@cache
def is_sealed(generator: str) -> bool:
    """Raises UnknownName."""
    return thresholds.record(generator)["class"] in checkpoints.SEALED


def sealed_generators() -> list[str]:
    """Those that are there and have a login threshold."""
    return [
        name
        for name in checkpoints.names(checkpoints.SEALED)
        if "threshold" in thresholds.record(name)
    ]


# pictures


def photos_of(paths: list[str | None], generator: str) -> list[tuple[str, bool]]:
    """The photos that were given, as the `Reader` takes them. Raises BadPicture: none."""
    given = [path for path in paths if path]
    if not given:
        raise BadPicture(NO_PHOTO)
    return [(path, is_digit(generator)) for path in given]


def find_faces(visit: Visit, path: str | None, generator: str) -> list[Face]:
    """`read_faces`; a photo that was just searched is not searched again."""
    return visit.vault.models.find((path, is_digit(generator)))


def read_faces(models: Models, path: str | None, digit: bool) -> list[Face]:
    """A picture file -> its faces as `Models.find` sorts them, or the digit in it as 28x28 grey.

    Raises BadPicture, NoFaceFound.
    """
    if path is None:
        raise BadPicture(NO_PHOTO)
    return [Face(read_digit(read_picture(path)), None, how="drawn")] if digit else models.find(path)


def read_digit(picture: Image.Image) -> Image.Image:
    """A digit on a ground that is light or dark all around it -> 28x28 grey, white on black. Raises
    BadPicture: an empty picture.
    """
    grey = np.asarray(picture.convert("L"))
    edge = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    return digit_from_drawing(picture, "white" if np.median(edge) > 127 else "black")


@cache
def sample_pictures() -> list[tuple[Image.Image, str, str]]:
    """(picture, caption, generator): the portrait, and the digits in other hands than those of the
    demonstration vault.
    """
    from sklearn.datasets import load_digits

    grey = [
        Image.fromarray(np.uint8(image / 16 * 255)).resize((160, 160), Image.BICUBIC)
        for image in load_digits().images[10:20]
    ]
    digits = [(picture, f"a {number}", DEFAULT_DIGITS) for number, picture in enumerate(grey)]
    return [
        item
        for item in [(samples.portrait(), "portrait", DEFAULT_FACES), *digits]
        if item[2] in checkpoints.names()
    ]


# files that show the templates


def show_templates(visit: Visit) -> list[tuple[str, str]]:
    """(file, caption) of every template as it is stored, in the order of enrolment. Files of
    templates that were revoked are deleted.
    """
    found = visit.vault.stolen()
    alive = {(stolen.name, stolen.png) for stolen in found}
    gone = [key for key in visit.shown if key not in alive]
    private_files.delete(visit.shown.pop(key) for key in gone)
    for key in alive:
        if key not in visit.shown or not os.path.isfile(
            visit.shown[key]
        ):  # the clean-up may have been here
            visit.shown[key] = private_files.save(key[1], "template.png")
    return [(visit.shown[stolen.name, stolen.png], caption(stolen)) for stolen in found]


def caption(stolen: Stolen) -> str:
    return f"{stolen.name} (sealed)" if is_sealed(stolen.generator) else stolen.name
