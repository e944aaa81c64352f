"""Link: the thief asks the recogniser whether the stolen template and another picture are of one
person.

    stolen template, a picture found elsewhere -> the recogniser -> the same person?
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ndcb.attacks.thief import Theft, recogniser_of, tried
from ndcb.core.terms import Decision, UserError
from ndcb.models.kinds import is_digit, is_sealed
from ndcb.models.pipeline import Models, Picture
from ndcb.results import thresholds
from ndcb.vault.names import person_of
from ndcb.vault.sights import fitting
from ndcb.vault.templates import Stolen


@dataclass(frozen=True)
class Link:
    """What the recogniser says of a stolen template, by its threshold for plain photos."""

    name: str
    sealed: bool
    digit: bool
    photo: Decision
    """Against a photo that the thief found elsewhere."""
    stored: Decision | None
    """Against the nearest template that is stored for the name now; None: there is none for its
    recogniser.
    """
    same_file: bool
    """The stolen template is still stored as it is."""
    sealed_now: bool = False
    """What is stored for the name now is sealed."""
    judge: str = ""
    """The plain generator whose recogniser and threshold have decided."""


def link(
    models: Models,
    generator: str,
    photo: Picture,
    generators: Sequence[str],
    another: Picture | None = None,
) -> Theft:
    """A photo's template against templates by `generators`: of the same photo, and of `another`.

    Only generators that preserve the same recogniser's embedding are compared. Raises UnknownName;
    UserError: there is nothing to compare with.
    """
    distorter = models.distorter(generator)
    template = distorter.templates([photo])[0]

    others = {}
    for name in _alike(generator, generators):
        made = models.distorter(name).templates([photo, *([another] if another else [])])
        if name != generator:
            others[f"template of the same photo by {name}"] = made[0]
        if another:
            others[f"template of the second photo by {name}"] = made[1]
    if not others:
        raise UserError(
            "There is nothing to link this template to: give a second photo of the same person."
        )

    return Theft(
        generator, distorter.aligned(photo), template, tried(distorter, template, others), others
    )


def link_at(models: Models, database: Sequence[Stolen], stolen: Stolen, photo: Picture) -> Link:
    """A stolen template against a photo, and against the database's templates of its name now.

    Raises UserError: the photo has another size than the recogniser takes.
    """
    stored = [other for other in database if _comparable(other, stolen)]
    recogniser = recogniser_of(models, stolen.generator)
    against = {"photo": recogniser.aligned(photo)}
    against |= {f"template {number}": other.picture for number, other in enumerate(stored, 1)}
    for picture in (stolen.picture, *against.values()):
        fitting(picture, recogniser)

    of_photo, *of_stored = tried(recogniser, stolen.picture, against)

    decisions = [trial.decision for trial in of_stored]
    return Link(
        stolen.name,
        is_sealed(stolen.generator),
        is_digit(stolen.generator),
        of_photo.decision,
        min(decisions, key=lambda decision: decision.squared_distance, default=None),
        any(other.png == stolen.png for other in stored),
        any(is_sealed(other.generator) for other in stored),
        recogniser.generator.name,
    )


def _alike(generator: str, generators: Sequence[str]) -> list[str]:
    """Those of the same recogniser, the generator itself first."""
    wanted = thresholds.record(generator)["recogniser"]
    others = [
        name
        for name in generators
        if name != generator and thresholds.record(name).get("recogniser") == wanted
    ]
    return [generator, *others]


def _comparable(one: Stolen, other: Stolen) -> bool:
    """Of one name, and for one recogniser."""
    return person_of(one.name) == person_of(other.name) and one.recogniser == other.recogniser
