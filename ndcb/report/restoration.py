"""What attackers restored from a generator's templates -> the words and tables of the tab Attacks.

The figures are those of `python -m training attack NAME`, in checkpoints/NAME/evaluation.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ndcb.core.terms import UserError
from ndcb.report.cells import number, numbers_table, rate
from ndcb.report.names import JUDGES
from ndcb.results import evaluations
from ndcb.results.summaries import Figures, judges

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
ATTACKERS = ("restoration", "template_inversion")
"""Those who have the template."""
AGAINST = {"same_photo": "the same photo", "another_photo": "another photo"}
FLOOR = "embedding_inversion"
"""Every method that keeps the embedding leaks what the bare embedding does."""
CLEAR = 0.02
"""A smaller difference of two shares is called none; the project's goal allows two points over the
bare embedding.
"""
SHOWN = 0.01
"""dlib, which no generator was trained against, may recognise so many templates at FMR 0.1 % before
it is called a leak.
"""


@dataclass(frozen=True)
class Measured:
    """What attackers restored from one generator's templates."""

    name: str
    figures: Figures
    """The key `attacks` of summary.json."""
    pictures: dict[str, Path]
    """Of the bundled portrait: keys of PICTURES -> file, those that are there."""


@dataclass(frozen=True)
class Compared:
    """One attacker, judged once: shares of restored pictures that are taken for the person."""

    thief: str
    judge: str
    against: str
    share: float
    floor: float
    """Of pictures restored from the bare embedding."""
    chance: float
    """Of average faces."""

    def words(self) -> str:
        return (
            f"{JUDGES[self.judge]}, given {AGAINST[self.against]}, takes {self.share:.1%} of the"
            f" pictures restored from {THIEVES[self.thief]} for the person"
        )


def measured(name: str) -> Measured:
    """Raises UserError: damaged files; nothing was measured yet, with the command that does."""
    if name not in evaluations.names():
        raise UserError(
            f"No attack on its templates was measured yet; run: python -m training evaluate {name},"
            f" then python -m training attack {name}"
        )
    evaluation = evaluations.read(name)
    if evaluation.reason("attacks"):
        raise UserError(
            f"No attack on its templates was measured yet; run: python -m training attack {name}"
        )
    return Measured(name, evaluation.attacks, pictures_of(name, PICTURES))


def pictures_of(name: str, keys: Iterable[str]) -> dict[str, Path]:
    """Key -> file of what is shown of the bundled portrait, those that are there."""
    folder = evaluations.FOLDER / name / "evaluation" / "attacks"
    files = {key: folder / f"{key}.png" for key in keys}
    return {key: file for key, file in files.items() if file.is_file()}


def figures_table(figures: Figures) -> str:
    """Markdown: a column for what the thief has; rows for every judge and photo, SSIM, PSNR."""
    judged = itertools.product(judges(figures[FLOOR]), AGAINST)
    rows = [_judged_row(figures, judge, against) for judge, against in judged]
    rows.append(["SSIM", *[number(figures[thief]["ssim"]) for thief in THIEVES]])
    rows.append(["PSNR, dB", *[number(figures[thief]["psnr"], 1) for thief in THIEVES]])
    return numbers_table(["restored from", *THIEVES.values()], rows)


def _judged_row(figures: Figures, judge: str, against: str) -> list[str]:
    shares = [share(figures[thief][judge], against) for thief in THIEVES]
    cells = ["-" if value is None else f"{value:.1%}" for value in shares]
    return [f"{JUDGES[judge]}, {AGAINST[against]}", *cells]


def share(judged: Figures | None, against: str) -> float | None:
    """None where the judge was not there (`judged` is None), or where there were no pairs."""
    return judged[against]["share"] if judged else None


def beside(figures: Figures) -> str:
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


def how(figures: Figures) -> str:
    return (
        "A share says how often the restored picture is taken for the person, at the threshold"
        f" where {figures['fmr']:.1%} of the pairs of strangers' photos are."
        f" {figures['pictures']:,} photos were attacked, of people that neither generator nor"
        f" attacker was trained on; every attacker learned in {figures['steps']:,} steps of"
        f" {figures['batch']} pictures. F(X) is the photo's embedding, F(T) the template's. The"
        " average face says what is accepted by chance."
    )


def finding(figures: Figures) -> str:
    """What the figures mean, in a sentence on restoration and one on the template itself."""
    compared = _compared(figures)
    if not compared:
        return "No judge was there to say whom the restored pictures show."
    return f"{_restored(compared)} {_itself(figures['second_recogniser'])}".strip()


def _compared(figures: Figures) -> list[Compared]:
    """Every attacker by every judge who was there, against every photo."""
    return [
        Compared(
            thief,
            judge,
            against,
            share(figures[thief][judge], against),
            share(figures[FLOOR][judge], against),
            share(figures["chance"][judge], against),
        )
        for thief, judge, against in itertools.product(ATTACKERS, judges(figures[FLOOR]), AGAINST)
        if share(figures[thief][judge], against) is not None
    ]


def _restored(compared: list[Compared]) -> str:
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


def _itself(second: Figures | None) -> str:
    if not second:
        return ""
    name, recognised = second["name"], second["template"]["tar_at_fmr_1e-3"]
    if recognised > SHOWN:
        return (
            f"The template shows the face itself: {name} recognises {recognised:.1%} of the"
            " templates as they are, at FMR 0.1 %."
        )
    return (
        f"As it is, the template tells {name} little: it recognises {recognised:.1%}, at FMR 0.1 %."
    )
