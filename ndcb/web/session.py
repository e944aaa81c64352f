"""A visitor's vault: enrol, log in (1:1 and 1:N), renew, revoke.

    photo -> crop, kept for the next login -> vault -> Login: whose template was nearest, and how
    far -> judged at any operating point or threshold (`ndcb.web.judging`)
    photo + what was given for a key -> vault -> SealedLogin: accepted or refused, no distance

Every visitor has a vault in memory of their own, opened with a few demonstration templates in it.
The tab Login shows it; what a thief can do with it: `ndcb.web.theft`.
"""

import os
from dataclasses import dataclass, field

from ndcb.core.terms import BadPicture, Decision, Face, UnknownName, UserError
from ndcb.faces.images import read_picture
from ndcb.models import checkpoints, quality
from ndcb.models.kinds import is_digit, is_sealed, kind_of
from ndcb.models.operating_points import OperatingPoint
from ndcb.models.pipeline import Models
from ndcb.results import thresholds
from ndcb.vault.entries import Entry
from ndcb.vault.key_card import KeyCard
from ndcb.vault.names import clean_name
from ndcb.vault.sights import fitting
from ndcb.vault.templates import Stolen
from ndcb.vault.vault import Vault
from ndcb.web import private_files
from ndcb.web.demonstration import demonstration
from ndcb.web.given_key import NO_KEY, Given
from ndcb.web.judging import Choice
from ndcb.web.reader import NO_PHOTO, Reader, read_faces

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


@dataclass(frozen=True)
class Enrolment:
    """New templates of a name."""

    entry: Entry
    card: KeyCard | None = None
    """The key card that was made with them."""
    faces: int = 1
    """The most that were found in one of the photos; the largest counts."""
    sealed: bool = False
    renewed: bool = False
    """They stand in the place of older ones."""
    was_plain: bool = False
    """The older ones had no key."""


@dataclass(frozen=True)
class Login:
    """A login by a plain template. Another choice judges it again without a model."""

    name: str
    """Whose template was nearest, as they wrote it."""
    squared_distance: float
    kind: str
    """`verify`, `identify`, `replay`, or `stored`: the sample's result, which comes with the
    checkpoint.
    """
    generator: str
    """What made the template; its threshold counts."""
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

    def points(self, choice: Choice) -> dict[str, OperatingPoint]:
        """Where templates of each generator are judged, that of the nearest one among them."""
        generators = [self.generator, *(generator for generator, _ in self.compared)]
        searched = sum(count for _, count in self.compared) if self.kind == "identify" else None
        return {generator: choice.point(generator, searched) for generator in generators}


@dataclass(frozen=True)
class SealedLogin:
    """A login by a sealed template: yes or no."""

    name: str
    """Whose template was tried, as they wrote it."""
    accepted: bool
    kind: str
    """`verify` or `replay`."""
    source: str
    """Where the key came from: passphrase or card."""
    faces: int = 1
    """Found in the probe; the first counts."""
    revoked: bool = False
    """As in `Login`."""


@dataclass(eq=False)
class Visit:
    """What is remembered for one visitor."""

    vault: Vault
    last: Login | None = None
    stolen: Stolen | None = None
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


def close(visit: Visit | None) -> None:
    """Forget the templates, their keys, their embeddings and the crops.

    Every file that showed a template is deleted.
    """
    if visit:
        visit.vault.close()
        visit.vault.models.crops.clear()
        visit.last = visit.stolen = None
        private_files.delete(visit.shown.values())
        visit.shown.clear()


# what a visitor can do


def enrol(
    visit: Visit, name: str, paths: list[str | None], generator: str, given: Given = NO_KEY
) -> Enrolment:
    """Store a template of each photo; a sealed one where the generator seals.

    One vault has them all, so that one list shows what a thief sees; the queue lets one call in at
    a time. Raises what `Vault.enrol` and `Vault.enrol_sealed` do; BadPicture: no photo.
    """
    photos = photos_of(paths, generator)
    sealed, card = is_sealed(generator), None
    if sealed:
        visit.vault.sealed_generator = generator
        entry, card = visit.vault.enrol_sealed(name, photos, given.new())
    else:
        visit.vault.generator = generator
        entry = visit.vault.enrol(name, photos)
    return Enrolment(entry, card, _most_faces(visit, photos), sealed)


def renew(
    visit: Visit, name: str, paths: list[str | None], generator: str, given: Given
) -> Enrolment:
    """Put sealed templates under new keys in the place of all that a face's name has.

    Raises what `Vault.renew` does; BadPicture: no photo; UserError: the name is a digit's.
    """
    kinds = kinds_of(visit, name)
    if "digit" in kinds:
        raise UserError(OTHER_KIND["digit"])
    photos = photos_of(paths, generator)
    visit.vault.sealed_generator = generator
    entry, card = visit.vault.renew(name, photos, given.new())
    faces = _most_faces(visit, photos)
    return Enrolment(entry, card, faces, sealed=True, renewed=True, was_plain="face" in kinds)


def log_in(
    visit: Visit,
    name: str,
    path: str | None,
    generator: str,
    given: Given = NO_KEY,
    fmr: str | None = None,
) -> Login | SealedLogin:
    """1:1: the photo against the templates of a name, sealed ones where the generator seals.

    fmr: the operating point that a sealed template is judged at, as in `Vault`. Raises what
    `Vault.verify` and `Vault.verify_sealed` do; UserError: no key was given, or the name was
    enrolled as another kind.
    """
    check_kind(visit, name, generator)
    faces = find_faces(visit, path, generator)
    if is_sealed(generator):
        secret = given.known()
        visit.vault.fmr = fmr
        accepted = visit.vault.verify_sealed(name, faces[0], secret)
        return SealedLogin(clean_name(name), accepted, "verify", secret.source, len(faces))
    # only the distance counts here; the visitor's choice judges it
    match = visit.vault.verify(name, faces[0], thresholds.FARTHEST)
    made_by = generator_of(visit, name)
    return Login(clean_name(name), match.squared_distance, "verify", made_by, len(faces))


def identify(visit: Visit, path: str | None, generator: str, fmr: str | None = None) -> Login:
    """1:N: the photo against every plain template of its kind.

    fmr: the operating point that decides which template is nearest (`Vault.identify`); where none
    is near enough there, it is the one at the smallest distance. Raises what `Vault.identify` does;
    UserError: a sealed generator.
    """
    if is_sealed(generator):
        raise UserError(ONLY_WITH_A_KEY)
    faces = find_faces(visit, path, generator)
    visit.vault.fmr = fmr
    name, match = visit.vault.identify(faces[0])
    if name is None:  # a looser choice may still accept somebody; so far everybody has a name
        name, match = visit.vault.identify(faces[0], 2 * thresholds.FARTHEST)
    sealed = sum(is_sealed(stolen.generator) for stolen in visit.vault.stolen())
    return Login(
        name,
        match.squared_distance,
        "identify",
        generator_of(visit, name),
        len(faces),
        skipped=len(match.skipped) - sealed,
        sealed=sealed,
        compared=match.compared,
    )


def accepts(
    models: Models,
    reference: str | None,
    probe: str | None,
    generator: str,
    fmr: str | None = None,
) -> bool:
    """Is the probe's person the reference's? `reference`: file of a template as it was stored.

    fmr: the operating point, as in `Distorter.decide`. Raises UserError and its children.
    """
    if generator not in checkpoints.names():  # nor a path
        raise UnknownName("generator", generator, checkpoints.names())
    distorter = models.distorter(generator)
    template = read_picture(reference)
    template = fitting(template.convert("L") if is_digit(generator) else template, distorter)
    face = read_faces(models, probe, is_digit(generator))[0]
    seen = distorter.recognise([template, face])
    quality.check(face, seen[1], distorter.generator.record["recogniser"])
    return distorter.decide(*distorter.to_compare(seen), fmr).same


def check_kind(visit: Visit, name: str, generator: str) -> None:
    """Raises UserError: the name was enrolled as another kind than the generator makes.

    A name that nobody has is the vault's to refuse.
    """
    kinds = kinds_of(visit, name)
    if kinds and kind_of(generator) not in kinds:
        raise UserError(OTHER_KIND[min(kinds)])


def generator_of(visit: Visit, name: str) -> str:
    """What made the plain templates of a name that is enrolled: all of them at once."""
    return visit.vault.database.rows(clean_name(name))[0].generator


def kinds_of(visit: Visit, name: str) -> set[str]:
    """What is enrolled under the name: digit, face, sealed."""
    return {kind_of(row.generator) for row in visit.vault.database.rows(clean_name(name))}


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


def _most_faces(visit: Visit, photos: list[tuple[str, bool]]) -> int:
    return max(len(visit.vault.models.find(photo)) for photo in photos)


# files that show the templates


def show_templates(visit: Visit) -> list[tuple[str, str]]:
    """(file, caption) of every template as it is stored, in the order of enrolment.

    Files of templates that were revoked are deleted.
    """
    templates = visit.vault.stolen()
    alive = {(stolen.name, stolen.png) for stolen in templates}
    gone = [key for key in visit.shown if key not in alive]
    private_files.delete(visit.shown.pop(key) for key in gone)
    for key in alive:
        # the clean-up may have deleted it
        if key not in visit.shown or not os.path.isfile(visit.shown[key]):
            visit.shown[key] = private_files.save(key[1], "template.png")
    return [(visit.shown[stolen.name, stolen.png], caption(stolen)) for stolen in templates]


def caption(stolen: Stolen) -> str:
    return f"{stolen.name} (sealed)" if is_sealed(stolen.generator) else stolen.name
