"""What a generator of faces should reach for concealment, and what it reached.

`evaluate` and `attack` keep them in summary.json under `goals`; `ndcb.report.goals` shows the
generators side by side.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from ndcb.results.summaries import Evaluation, Figures, SealedEvaluation, judges, parsed


@dataclass(frozen=True)
class Goal:
    """A figure and the limit it should keep."""

    words: str
    """What the figure is."""
    of: Callable[[Evaluation | SealedEvaluation], float | None]
    """Evaluation -> the figure; None or KeyError where it was not measured."""
    limit: float
    """The most that is allowed, or the least."""
    form: str = "{:.3f}"
    """How the figure and its limit are written."""
    most: bool = True
    """The limit is the most that is allowed, else the least."""

    def reached(self, evaluation: Evaluation | SealedEvaluation) -> dict:
        """measured (None: it was not), goal, met (None too)."""
        try:
            figure = self.of(evaluation)
        except KeyError:  # an evaluation of a part, or one without the second recogniser
            figure = None
        if figure is None:
            met = None
        else:
            met = figure <= self.limit if self.most else figure >= self.limit
        return {"measured": figure, "goal": self.limit, "met": met}

    def title(self) -> str:
        side = "at most" if self.most else "at least"
        return f"{self.words}: {side} {self.form.format(self.limit)}"


def _eer_above_plain(evaluation: Evaluation) -> float:
    rates = evaluation.verification
    return rates["template"]["eer"] - rates["plain"]["eer"]


class AboveFloor(NamedTuple):
    """By how much a thief of templates does better than a thief of bare embeddings."""

    share: float
    """Share of restored pictures taken for the person, less that restored from bare F(X)."""
    thief: str
    """The attack: restoration or template_inversion."""
    judge: str
    """Who takes it for the person: facenet, sface or dlib."""
    photo: str
    """What it is compared with: same_photo or another_photo."""


def restored_above_floor(
    attacks: Figures, thieves: tuple[str, ...] = ("restoration",)
) -> AboveFloor | None:
    """The worst case of these thieves. None: no judge was there, or no pairs."""
    floor = attacks["embedding_inversion"]
    compared = [
        AboveFloor(judged["share"] - floor[judge][photo]["share"], thief, judge, photo)
        for thief in thieves
        for judge in judges(floor)
        for photo, judged in (attacks[thief][judge] or {}).items()
        if judged["share"] is not None
    ]
    return max(compared, default=None)


def _restored(evaluation: Evaluation) -> float | None:
    worst = restored_above_floor(evaluation.attacks)
    return worst and worst.share


PERCENT = "{:.2%}"
GOALS = {
    "embedding_distance_mean": Goal(
        "squared embedding distance of the stored template, mean",
        lambda e: e.embedding_error["mean"],
        0.1,
    ),
    "embedding_distance_p99": Goal("its 99th percentile", lambda e: e.embedding_error["p99"], 0.25),
    "eer_above_plain": Goal("EER above that of plain photos", _eer_above_plain, 0.005, PERCENT),
    "lfw_folds_drop": Goal(
        "accuracy lost on LFW's ten folds", lambda e: e.lfw_folds["drop"]["mean"], 0.005, PERCENT
    ),
    "ssim": Goal("SSIM of template and photo", lambda e: e.image["ssim"], 0.15),
    "psnr": Goal("PSNR of template and photo, dB", lambda e: e.image["psnr"], 11, "{:.1f}"),
    "second_recogniser_eer": Goal(
        "EER of a recogniser that had no part in the training, template against photo",
        lambda e: e.second_recogniser["template"]["eer"],
        0.4,
        PERCENT,
        most=False,
    ),
    "second_recogniser_tar": Goal(
        "its TAR at FMR 0.1 %",
        lambda e: e.second_recogniser["template"]["tar_at_fmr_1e-3"],
        0.01,
        PERCENT,
    ),
    "restored_above_embedding": Goal(
        "restored photos accepted, above those restored from the bare embedding",
        _restored,
        0.02,
        PERCENT,
    ),
}


def _eer_above(evaluation: SealedEvaluation, what: str) -> float:
    rates = evaluation.sealed.verification
    return rates[what]["eer"] - rates["unprotected"]["eer"]


def _accepted_above_fmr(evaluation: SealedEvaluation, what: str) -> float:
    """The share that is accepted, above the FMR of the threshold."""
    security = evaluation.sealed.security
    return security[what]["share"] - security["fmr"]


def _linked(evaluation: SealedEvaluation, what: str) -> float:
    """By how much D_sys is above the 95 % range of its permuted null, at the worst of the
    scores.
    """
    scores = evaluation.sealed.linkability[what].values()
    return max(score["d_sys"] - score["null"]["ci95"][1] for score in scores)


POLISHED = "10"
"""Steps of the polish that the goal is about."""
SEALED_GOALS = {
    "direction_error": Goal(
        "squared error of z(T), mean, without polish",
        lambda e: e.sealed.direction_error["mean"],
        0.1,
    ),
    "direction_error_polished": Goal(
        f"the same after {POLISHED} steps of polish",
        lambda e: e.sealed.polish["steps"][POLISHED]["mean"],
        0.02,
    ),
    "eer_right_key": Goal(
        "EER above that of the unprotected recogniser, impostors with keys of their own",
        lambda e: _eer_above(e, "own_keys"),
        0.007,
        PERCENT,
    ),
    "eer_stolen_key": Goal(
        "the same, impostors with the victim's key",
        lambda e: _eer_above(e, "stolen_key"),
        0.007,
        PERCENT,
    ),
    "linked_templates": Goal(
        "D_sys above its null's 95 % range, key unknown: two templates, worst of three scores",
        lambda e: _linked(e, "templates"),
        0.0,
        "{:.4f}",
    ),
    "linked_photo": Goal(
        "the same, template and photo", lambda e: _linked(e, "photo"), 0.0, "{:.4f}"
    ),
    "old_template": Goal(
        "old templates accepted with a new key, above the FMR of 0.1 %",
        lambda e: _accepted_above_fmr(e, "renewed"),
        0.001,
        PERCENT,
    ),
    "replayed": Goal(
        "replayed templates accepted, above the FMR of 0.1 %",
        lambda e: _accepted_above_fmr(e, "replayed"),
        0.001,
        PERCENT,
    ),
    "enrolment": Goal(
        "time of an enrolment, without polish, s",
        lambda e: e.sealed.times["enrolment"]["milliseconds"] / 1000,
        0.3,
        "{:.2f}",
    ),
    "verification": Goal(
        "time of a verification, in those with a plain template",
        lambda e: e.sealed.times["verification"]["ratio"],
        1.1,
        "{:.2f}",
    ),
}


def reached(summary: dict) -> dict | None:
    """Name -> {measured, goal, met} of a generator of faces; None of others. summary: the content
    of its summary.json, so far as it is measured.
    """
    evaluation = parsed(summary)
    if evaluation.data.name != "lfw":
        return None
    goals = SEALED_GOALS if isinstance(evaluation, SealedEvaluation) else GOALS
    return {name: goal.reached(evaluation) for name, goal in goals.items()}
