"""What a generator of faces should reach, and what it reached: the figures of an evaluation beside
this project's goals for concealment.

`evaluate` and `attack` keep them in summary.json under `goals`; README and the page show the
generators side by side.
"""

from collections.abc import Callable
from dataclasses import dataclass

from ndcb.report.tables import table


@dataclass(frozen=True)
class Goal:
    """A figure and the limit it should keep."""

    words: str
    of: Callable[[dict], float | None]
    """Summary -> the figure; None or KeyError where it was not measured."""
    limit: float
    form: str = "{:.3f}"
    most: bool = True
    """The limit is the most that is allowed, else the least."""

    def reached(self, summary: dict) -> dict:
        """measured (None: it was not), goal, met (None too)."""
        try:
            found = self.of(summary)
        except KeyError:  # an evaluation of a part, or one without the second recogniser
            found = None
        met = None if found is None else found <= self.limit if self.most else found >= self.limit
        return {"measured": found, "goal": self.limit, "met": met}

    def title(self) -> str:
        return (
            f"{self.words}: {'at most' if self.most else 'at least'} {self.form.format(self.limit)}"
        )


def _more_errors(summary: dict) -> float:
    return summary["verification"]["template"]["eer"] - summary["verification"]["plain"]["eer"]


def restored_above_floor(
    attacks: dict, thieves: tuple[str, ...] = ("restoration",)
) -> tuple[float, str, str, str] | None:
    """By how much the share of pictures restored from the template and taken for the person is
    above that of pictures restored from the bare F(X), at the worst: (share, thief, judge,
    against). None: no judge was there, or no pairs.
    """
    floor = attacks["embedding_inversion"]
    return max(
        (
            (
                attacks[thief][judge][photo]["share"] - floor[judge][photo]["share"],
                thief,
                judge,
                photo,
            )
            for thief in thieves
            for judge in ("facenet", "dlib")
            if attacks[thief][judge]
            for photo, one in attacks[thief][judge].items()
            if one["share"] is not None
        ),
        default=None,
    )


def _restored(summary: dict) -> float | None:
    worst = restored_above_floor(summary["attacks"])
    return worst and worst[0]


PERCENT = "{:.2%}"
GOALS = {
    "embedding_distance_mean": Goal(
        "squared embedding distance of the stored template, mean",
        lambda s: s["embedding_error"]["mean"],
        0.1,
    ),
    "embedding_distance_p99": Goal(
        "its 99th percentile", lambda s: s["embedding_error"]["p99"], 0.25
    ),
    "eer_above_plain": Goal("EER above that of plain photos", _more_errors, 0.005, PERCENT),
    "lfw_folds_drop": Goal(
        "accuracy lost on LFW's ten folds", lambda s: s["lfw_folds"]["drop"]["mean"], 0.005, PERCENT
    ),
    "ssim": Goal("SSIM of template and photo", lambda s: s["image"]["ssim"], 0.15),
    "psnr": Goal("PSNR of template and photo, dB", lambda s: s["image"]["psnr"], 11, "{:.1f}"),
    "second_recogniser_eer": Goal(
        "EER of a recogniser that had no part in the training, template against photo",
        lambda s: s["second_recogniser"]["template"]["eer"],
        0.4,
        PERCENT,
        most=False,
    ),
    "second_recogniser_tar": Goal(
        "its TAR at FMR 0.1 %",
        lambda s: s["second_recogniser"]["template"]["tar_at_fmr_1e-3"],
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


def _eer_above(summary: dict, what: str) -> float:
    found = summary["sealed"]["verification"]
    return found[what]["eer"] - found["unprotected"]["eer"]


def _security(summary: dict, what: str) -> float:
    """The share that is accepted, above the FMR of the threshold."""
    return summary["sealed"]["security"][what]["share"] - summary["sealed"]["security"]["fmr"]


def _linked(summary: dict, what: str) -> float:
    """By how much D_sys is above the 95 % range of its permuted null, at the worst of the
    scores.
    """
    return max(
        one["d_sys"] - one["null"]["ci95"][1]
        for one in summary["sealed"]["linkability"][what].values()
    )


POLISHED = "10"
"""Steps of the polish that the goal is about."""
SEALED_GOALS = {
    "direction_error": Goal(
        "squared error of z(T), mean, without polish",
        lambda s: s["sealed"]["direction_error"]["mean"],
        0.1,
    ),
    "direction_error_polished": Goal(
        f"the same after {POLISHED} steps of polish",
        lambda s: s["sealed"]["polish"]["steps"][POLISHED]["mean"],
        0.02,
    ),
    "eer_right_key": Goal(
        "EER above that of the unprotected recogniser, impostors with keys of their own",
        lambda s: _eer_above(s, "own_keys"),
        0.007,
        PERCENT,
    ),
    "eer_stolen_key": Goal(
        "the same, impostors with the victim's key",
        lambda s: _eer_above(s, "stolen_key"),
        0.007,
        PERCENT,
    ),
    "linked_templates": Goal(
        "D_sys above its null's 95 % range, key unknown: two templates, worst of three scores",
        lambda s: _linked(s, "templates"),
        0.0,
        "{:.4f}",
    ),
    "linked_photo": Goal(
        "the same, template and photo", lambda s: _linked(s, "photo"), 0.0, "{:.4f}"
    ),
    "old_template": Goal(
        "old templates accepted with a new key, above the FMR of 0.1 %",
        lambda s: _security(s, "renewed"),
        0.001,
        PERCENT,
    ),
    "replayed": Goal(
        "replayed templates accepted, above the FMR of 0.1 %",
        lambda s: _security(s, "replayed"),
        0.001,
        PERCENT,
    ),
    "enrolment": Goal(
        "time of an enrolment, without polish, s",
        lambda s: s["sealed"]["times"]["enrolment"]["milliseconds"] / 1000,
        0.3,
        "{:.2f}",
    ),
    "verification": Goal(
        "time of a verification, in those with a plain template",
        lambda s: s["sealed"]["times"]["verification"]["ratio"],
        1.1,
        "{:.2f}",
    ),
}


def goals_of(summary: dict) -> dict[str, Goal]:
    return SEALED_GOALS if "sealed" in summary else GOALS


def reached(summary: dict) -> dict | None:
    """Name -> {measured, goal, met} of a generator of faces; None of others."""
    return (
        {name: goal.reached(summary) for name, goal in goals_of(summary).items()}
        if summary["data"]["name"] == "lfw"
        else None
    )


def side_by_side(found: dict[str, dict], goals: dict[str, Goal] = GOALS) -> str:
    """Markdown from column -> what `reached` found: a goal a row."""
    rows = [
        [goal.title(), *(_cell(goal, one.get(name)) for one in found.values())]
        for name, goal in goals.items()
    ]
    return table(["goal, on test people", *found], rows)


def _cell(goal: Goal, one: dict | None) -> str:
    if one is None or one["met"] is None:
        return "not measured"
    return f"{goal.form.format(one['measured'])}, {'met' if one['met'] else '**missed**'}"
