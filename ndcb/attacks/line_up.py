"""What a thief of the database can do with a template: restore the photo, log in, link it to
another, or tell whose it is.

How well photos are restored is read from checkpoints/*/evaluation, where `python -m training attack
NAME` puts it. Replay, linking and the line-up run when somebody asks for them; each takes the
models, aligned faces and a generator's name.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image

from ndcb.core.terms import Decision, Face, NoFaceFound, UserError
from ndcb.faces.lfw import unseen_people
from ndcb.models.pipeline import Distorter, Models
from ndcb.report.cells import number, numbers_table, rate
from ndcb.results import evaluations, thresholds

PICTURES = {
    "photo": "photo",
    "template": "template: what is stored",
    "restoration": "restored from the template",
    "template_inversion": "restored from F(T)",
    "embedding_inversion": "restored from F(X)",
}
"""Files in evaluation/attacks -> captions, in the order of the page."""
THIEVES = {
    "restoration": "the template",
    "template_inversion": "F(T)",
    "embedding_inversion": "F(X), stored bare",
    "chance": "nothing: the average face",
}
"""Key of the figures -> what the thief has."""
JUDGES = {"facenet": "FaceNet", "dlib": "dlib"}
AGAINST = {"same_photo": "the same photo", "another_photo": "another photo"}
FLOOR = "embedding_inversion"
"""Every method that keeps the embedding leaks what the bare embedding does."""
CLEAR = 0.02
"""A difference of two shares that is called one; the project's goal allows two points over the bare
embedding.
"""
SHOWN = 0.01
"""dlib, which no generator was trained against, may recognise so many templates at FMR 0.1 % before
it is called a leak.
"""

STORES_TEMPLATE, STORES_PHOTO = "a login that stores this template", "a login that stores the photo"
FEWEST, MOST = 5, 20
"""Own photos for a line-up."""
CHOICES = 5
ENOUGH = 10
"""Answers from which on a share of right ones gets an interval."""
LFW, OWN = "LFW, another photo", "your own, same photo"
"""Where the faces of a line-up come from, and if the template was made of the photo that is
shown.
"""
NO_PEOPLE = "Press “Use LFW's people”, or give your own photos."
TRIES = 10
"""Line-ups of LFW that are drawn before giving up: in a few photos no face is found."""


# restoration: what was measured


@dataclass(frozen=True)
class Measured:
    """What attackers restored from one generator's templates."""

    name: str
    figures: dict
    """The key `attacks` of summary.json."""
    pictures: dict[str, Path]
    """Of the bundled portrait: keys of PICTURES -> file, those that are there."""


def measured(name: str) -> Measured:
    """Raises UserError: nothing was measured yet, with the command that does, or the files are
    damaged.
    """
    if name not in evaluations.names():
        raise UserError(
            f"No attack on its templates was measured yet; run: python -m training evaluate {name},"
            f" then python -m training attack {name}"
        )
    one = evaluations.read(name)
    if one.reason("attacks"):
        raise UserError(
            f"No attack on its templates was measured yet; run: python -m training attack {name}"
        )
    folder = evaluations.FOLDER / name / "evaluation" / "attacks"
    return Measured(
        name,
        one.attacks,
        {key: folder / f"{key}.png" for key in PICTURES if (folder / f"{key}.png").is_file()},
    )


def figures_table(figures: dict) -> str:
    """Markdown: a column for what the thief has, a row for every judge and photo, then SSIM and
    PSNR.
    """
    rows = [
        [f"{judge}, {photo}", *(_accepted(figures[thief][one], against) for thief in THIEVES)]
        for one, judge in JUDGES.items()
        for against, photo in AGAINST.items()
    ]
    rows += [
        ["SSIM", *(number(figures[thief]["ssim"]) for thief in THIEVES)],
        ["PSNR, dB", *(number(figures[thief]["psnr"], 1) for thief in THIEVES)],
    ]
    return numbers_table(["restored from", *THIEVES.values()], rows)


def _accepted(judged: dict | None, against: str) -> str:
    """`judged` is None where the judge was not there, its share where there were no pairs."""
    return "-" if share(judged, against) is None else f"{share(judged, against):.1%}"


def share(judged: dict | None, against: str) -> float | None:
    return judged[against]["share"] if judged else None


def beside(figures: dict) -> str:
    """What is no attacker's: the template itself before dlib and MTCNN."""
    found, second = figures["face_found"], figures["second_recogniser"]
    lines = ["SSIM and PSNR compare pixels; they do not measure identity."]
    if second:
        lines.append(
            f"{second['name']}, which had no part in the training, is shown the template itself:"
            f" EER {rate(second['template']['eer'])}, TAR"
            f" {rate(second['template']['tar_at_fmr_1e-3'])} at FMR 0.1 % (photos:"
            f" {rate(second['plain']['eer'])} and {rate(second['plain']['tar_at_fmr_1e-3'])})."
        )
    lines.append(
        f"MTCNN finds a face in {found['template']:.1%} of the templates ({found['photo']:.1%} of"
        " the photos)."
    )
    return " ".join(lines)


def how(figures: dict) -> str:
    return (
        "A share says how often the restored picture is taken for the person, at the threshold"
        f" where {figures['fmr']:.1%} of the pairs of strangers' photos are."
        f" {figures['pictures']:,} photos were attacked, of people that neither generator nor"
        f" attacker was trained on; every attacker learned in {figures['steps']:,} steps of"
        f" {figures['batch']} pictures. F(X) is the photo's embedding, F(T) the template's. The"
        " average face says what is accepted by chance."
    )


def finding(figures: dict) -> str:
    """What the figures mean, in a sentence on restoration and one on the template itself."""
    compared = [
        _Compared(
            thief,
            one,
            against,
            *(share(figures[key][one], against) for key in (thief, FLOOR, "chance")),
        )
        for thief in ("restoration", "template_inversion")
        for one in JUDGES
        for against in AGAINST
        if share(figures[thief][one], against) is not None
    ]
    if not compared:
        return "No judge was there to say whom the restored pictures show."
    return f"{_restored(compared)} {_itself(figures['second_recogniser'])}".strip()


@dataclass(frozen=True)
class _Compared:
    """One of the attackers, judged once: shares of restored pictures taken for the person."""

    thief: str
    judge: str
    against: str
    share: float
    floor: float
    chance: float

    def words(self) -> str:
        return (
            f"{JUDGES[self.judge]}, given {AGAINST[self.against]}, takes {self.share:.1%} of the"
            f" pictures restored from {THIEVES[self.thief]} for the person"
        )


def _restored(compared: list[_Compared]) -> str:
    worst = max(compared, key=lambda one: one.share - one.floor)
    if worst.share - worst.floor > CLEAR:
        return (
            f"**The template gives away more than its embedding would:** {worst.words()}, against"
            f" {worst.floor:.1%} of those restored from the bare embedding and {worst.chance:.1%}"
            " by chance."
        )
    best = max(compared, key=lambda one: one.share - one.chance)
    bound = (
        "The template gives away no more than its embedding would"
        f" ({100 * (worst.share - worst.floor):+.1f} points at most)"
    )
    if best.share - best.chance > CLEAR:
        return (
            f"**{bound}, and that is not nothing:** {best.words()}, against {best.chance:.1%} by"
            " chance."
        )
    return (
        f"**{bound}, and these attackers got no face out of it:** {best.words()}, and"
        f" {best.chance:.1%} of average faces."
    )


def _itself(second: dict | None) -> str:
    if not second:
        return ""
    found = second["template"]["tar_at_fmr_1e-3"]
    if found > SHOWN:
        return (
            f"The template shows the face itself: {second['name']} recognises {found:.1%} of the"
            " templates as they are, at FMR 0.1 %."
        )
    return (
        f"As it is, the template tells {second['name']} little: it recognises {found:.1%}, at FMR"
        " 0.1 %."
    )


# replay and linking, live


@dataclass(frozen=True)
class Trial:
    """The stolen template given as the probe."""

    against: str
    """What it is compared with."""
    decision: Decision


@dataclass(frozen=True)
class Theft:
    """A photo's template in a thief's hands, and what the thief tried."""

    generator: str
    photo: Image.Image
    template: Image.Image
    trials: tuple[Trial, ...]
    others: dict[str, Image.Image] = field(default_factory=dict)
    """What it was to be linked to: name -> picture."""


def replay(models: Models, generator: str, photo: Image.Image) -> Theft:
    """The stolen template as a login photo, where the template is stored and where the photo itself
    is. Raises UnknownName.
    """
    distorter = models.distorter(generator)
    template = distorter.templates([photo])[0]
    return Theft(
        generator,
        photo,
        template,
        _tried(distorter, template, {STORES_TEMPLATE: template, STORES_PHOTO: photo}),
    )


def link(
    models: Models,
    generator: str,
    photo: Image.Image,
    generators: list[str],
    another: Image.Image | None = None,
) -> Theft:
    """The stolen template against the templates of `generators`, of the same photo and of `another`
    where there is one.

    Only generators that preserve the same recogniser's embedding are compared. Raises UnknownName,
    UserError: nothing to compare with.
    """
    distorter = models.distorter(generator)
    template, others = distorter.templates([photo])[0], {}
    for name in _alike(generator, generators):
        made = models.distorter(name).templates([photo, *([another] if another else [])])
        others |= {f"template of the same photo by {name}": made[0]} if name != generator else {}
        others |= {f"template of the second photo by {name}": made[1]} if another else {}
    if not others:
        raise UserError(
            "There is nothing to link this template to: give a second photo of the same person."
        )
    return Theft(generator, photo, template, _tried(distorter, template, others), others)


def _alike(generator: str, generators: list[str]) -> list[str]:
    """Those of the same recogniser, the generator itself first."""
    wanted = thresholds.record(generator)["recogniser"]
    others = [
        name
        for name in generators
        if name != generator and thresholds.record(name).get("recogniser") == wanted
    ]
    return [generator, *others]


def _tried(
    distorter: Distorter, stolen: Image.Image, against: dict[str, Image.Image]
) -> tuple[Trial, ...]:
    """Everything is embedded in one batch, as it is when a login compares stored pictures."""
    probe, *references = distorter.embed([stolen, *against.values()])
    return tuple(
        Trial(what, distorter.decide(reference, probe))
        for what, reference in zip(against, references)
    )


# the line-up: whose template is this?


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

        return (
            tuple(binomtest(self.right, self.tried).proportion_ci(method="wilson"))
            if self.tried >= ENOUGH
            else None
        )


@dataclass(frozen=True)
class Player:
    """What is remembered of one visitor's line-ups."""

    source: str = ""
    """LFW, OWN or nothing yet."""
    faces: tuple[Image.Image, ...] = ()
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
    """The player with a new question. Raises UserError: no people yet; and what `question_from_...`
    raises.
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
    """The player with this answer counted. Raises UserError: nothing is asked, or it was answered
    before.
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
    """Five people that no generator was trained on; the template is of another photo of one of them
    than the photo shown.

    Raises NotAvailable: LFW is not there; NoFaceFound: too few of its photos show a face.
    """
    for _ in range(TRIES):
        people = unseen_people(root, CHOICES, photos=2, seed=int(chooser.integers(2**32)))
        place = int(chooser.integers(CHOICES))
        try:
            made_of, *faces = (
                _middle_face(models.find(file))
                for file in (people[place][0], *(files[1] for files in people))
            )
        except NoFaceFound:
            continue
        return Question(
            generator,
            models.distorter(generator).templates([made_of])[0],
            made_of,
            tuple(faces),
            place,
        )
    raise NoFaceFound(
        "No face was found in LFW's photos. Choose another generator, or use your own photos."
    )


def _middle_face(faces: list[Face]) -> Image.Image:
    """LFW's person stands in the middle of its 250x250 pictures; others may be larger."""
    return min(
        faces,
        key=lambda face: (
            abs(face.box[0] + face.box[2] - 250) + abs(face.box[1] + face.box[3] - 250)
        ),
    ).image


def question_from_faces(
    models: Models, generator: str, faces: tuple[Image.Image, ...], chooser: np.random.Generator
) -> Question:
    """Five of these faces; the template is of the very photo that is shown. Raises UserError: too
    few.
    """
    check_count(len(faces))
    chosen = tuple(faces[row] for row in chooser.choice(len(faces), CHOICES, replace=False))
    place = int(chooser.integers(CHOICES))
    return Question(
        generator,
        models.distorter(generator).templates([chosen[place]])[0],
        chosen[place],
        chosen,
        place,
    )


def check_count(count: int) -> None:
    """Raises UserError."""
    if not FEWEST <= count <= MOST:
        raise UserError(
            f"Give {FEWEST} to {MOST} photos, each of another person; these are {count}."
        )


def faces_of(models: Models, paths: list[str]) -> tuple[tuple[Image.Image, ...], str]:
    """The first face of each photo, equal ones once, and what to say of those left out.

    Raises UserError: fewer than five are left.
    """
    check_count(len(paths))
    found, refused = {}, 0
    for path in paths:
        try:
            face = models.find(path)[0].image
            found[face.tobytes()] = face
        except UserError:
            refused += 1
    left_out = _left_out(refused, len(paths) - refused - len(found))
    if len(found) < FEWEST:
        raise UserError(
            f"{left_out} {len(found)} faces are left; {FEWEST} different ones are needed.".strip()
        )
    return tuple(found.values()), left_out


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
