"""The line-up: whose template is this? A quiz with one template and five faces.

    people -> one template, five faces -> an answer -> right or wrong, beside chance

Every function takes the models, aligned faces and a generator's name.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image

from ndcb.core.terms import Face, NoFaceFound, UserError
from ndcb.faces.lfw import unseen_people
from ndcb.models.pipeline import Models

FEWEST, MOST = 5, 20
"""Own photos for a line-up."""
CHOICES = 5
ENOUGH = 10
"""Answers from which on a share of right ones gets an interval."""
LFW, OWN = "LFW, another photo", "your own, same photo"
"""Where a line-up's faces come from, and whether its template is of the photo that is shown."""
NO_PEOPLE = "Press “Use LFW's people”, or give your own photos."
TRIES = 10
"""Line-ups of LFW that are drawn before giving up: in a few photos no face is found."""


@dataclass(frozen=True)
class Question:
    """A template and five faces, one of which shows the person."""

    generator: str
    template: Image.Image
    made_of: Image.Image
    """The face that the template was made of."""
    choices: tuple[Image.Image, ...]
    answer: int


@dataclass(frozen=True)
class Tally:
    """Answers so far."""

    right: int = 0
    tried: int = 0

    def with_answer(self, right: bool) -> "Tally":
        return Tally(self.right + right, self.tried + 1)

    def interval(self) -> tuple[float, float] | None:
        """95 % interval of the share of right answers (Wilson 1927); None while there are too
        few.
        """
        from scipy.stats import binomtest

        if self.tried < ENOUGH:
            return None
        return tuple(binomtest(self.right, self.tried).proportion_ci(method="wilson"))


@dataclass(frozen=True)
class Player:
    """What is remembered of one visitor's line-ups."""

    source: str = ""
    """LFW, OWN or nothing yet."""
    faces: tuple[Face, ...] = ()
    """The visitor's own."""
    question: Question | None = None
    answered: bool = False
    tallies: dict[tuple[str, str], Tally] = field(default_factory=dict)
    """(generator, source) -> the answers; mixed they would mean nothing."""
    files: tuple[str, ...] = ()
    """Every file the visitor's photos left."""

    @property
    def tally(self) -> Tally:
        """The answers to questions like this one."""
        return self.tallies.get((self.question.generator, self.source), Tally())


def ask(
    models: Models, generator: str, player: Player, root: Path, chooser: np.random.Generator
) -> Player:
    """The player with a new question.

    Raises UserError: no people yet; and what `question_from_lfw` and `question_from_faces` raise.
    """
    if not player.source:
        raise UserError(NO_PEOPLE)
    question = (
        question_from_lfw(models, generator, root, chooser)
        if player.source == LFW
        else question_from_faces(models, generator, player.faces, chooser)
    )
    return replace(player, question=question, answered=False)


def answer(player: Player, place: int) -> Player:
    """The player with this answer counted.

    Raises UserError: nothing is asked, or it was answered before.
    """
    if player.question is None:
        raise UserError(NO_PEOPLE)
    if player.answered:
        raise UserError("This one is answered. Press “Next template”.")
    tally = player.tally.with_answer(place == player.question.answer)
    return replace(
        player,
        answered=True,
        tallies=player.tallies | {(player.question.generator, player.source): tally},
    )


def question_from_lfw(
    models: Models, generator: str, root: Path, chooser: np.random.Generator
) -> Question:
    """Five people that no generator was trained on.

    The template is of another photo of one of them than the photo that is shown. Raises
    NotAvailable: LFW is not there; NoFaceFound: too few of its photos show a face.
    """
    for _ in range(TRIES):
        people = unseen_people(root, CHOICES, photos=2, seed=int(chooser.integers(2**32)))
        place = int(chooser.integers(CHOICES))
        files = [people[place][0], *[photos[1] for photos in people]]
        try:
            made_of, *faces = [_middle_face(models.find(file)) for file in files]
        except NoFaceFound:
            continue
        template = models.distorter(generator).templates([made_of])[0]
        return Question(generator, template, made_of.image, _pictures(faces), place)
    raise NoFaceFound(
        "No face was found in LFW's photos. Choose another generator, or use your own photos."
    )


def _middle_face(faces: list[Face]) -> Face:
    """LFW's person stands in the middle of its 250x250 pictures; others may be larger."""

    def off_the_middle(face: Face) -> float:
        left, top, right, bottom = face.box
        return abs(left + right - 250) + abs(top + bottom - 250)

    return min(faces, key=off_the_middle)


def _pictures(faces: Iterable[Face]) -> tuple[Image.Image, ...]:
    """What the screen shows of them."""
    return tuple(face.image for face in faces)


def question_from_faces(
    models: Models, generator: str, faces: tuple[Face, ...], chooser: np.random.Generator
) -> Question:
    """Five of these faces; the template is of the very photo that is shown.

    Raises UserError: too few or too many.
    """
    check_count(len(faces))
    chosen = [faces[row] for row in chooser.choice(len(faces), CHOICES, replace=False)]
    place = int(chooser.integers(CHOICES))
    template = models.distorter(generator).templates([chosen[place]])[0]
    return Question(generator, template, chosen[place].image, _pictures(chosen), place)


def check_count(count: int) -> None:
    """Raises UserError: too few or too many photos."""
    if not FEWEST <= count <= MOST:
        raise UserError(
            f"Give {FEWEST} to {MOST} photos, each of another person; these are {count}."
        )


def faces_of(models: Models, paths: list[str]) -> tuple[tuple[Face, ...], str]:
    """The first face of each photo, equal ones once, and what to say of those left out.

    Raises UserError: fewer than five are left.
    """
    check_count(len(paths))
    different_faces, refused = {}, 0
    for path in paths:
        try:
            face = models.find(path)[0]
            different_faces[face.image.tobytes()] = face
        except UserError:
            refused += 1

    left = len(different_faces)
    left_out = _left_out(refused, len(paths) - refused - left)
    if left < FEWEST:
        raise UserError(
            f"{left_out} {left} faces are left; {FEWEST} different ones are needed.".strip()
        )
    return tuple(different_faces.values()), left_out


def _left_out(refused: int, again: int) -> str:
    parts = [
        (refused, "in which no face was found or that could not be read"),
        (again, "given twice"),
    ]
    return " ".join(
        f"Left out: {count} {'photo' if count == 1 else 'photos'} {why}."
        for count, why in parts
        if count
    )


def score(tally: Tally) -> str:
    """The answers so far, beside chance."""
    if not tally.tried:
        return f"No answer yet. Guessing would be right in {1 / CHOICES:.0%}."
    text = (
        f"{tally.right} of {tally.tried} right, {tally.right / tally.tried:.0%}; guessing would be"
        f" right in {1 / CHOICES:.0%}."
    )
    edges = tally.interval()
    if edges is None:
        return f"{text} After {ENOUGH} answers an interval says what that means."
    return f"{text} 95 % interval: {edges[0]:.0%} to {edges[1]:.0%}. {_judged(edges)}"


def _judged(edges: tuple[float, float]) -> str:
    if edges[0] > 1 / CHOICES:
        return "You recognise people in these templates."
    if edges[1] < 1 / CHOICES:
        return "You are right less often than by guessing."
    return "So far this cannot be told from guessing."
