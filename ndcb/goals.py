"""What a generator of faces should reach, and what it reached: the figures of an evaluation beside this project's goals for concealment.

`evaluate` and `attack` keep them in summary.json under `goals`; README and the page show the generators side by side.
"""

from collections.abc import Callable
from dataclasses import dataclass

from .tables import table


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
        return f"{self.words}: {'at most' if self.most else 'at least'} {self.form.format(self.limit)}"


def _more_errors(summary: dict) -> float:
    return summary["verification"]["template"]["eer"] - summary["verification"]["plain"]["eer"]


def restored_above_floor(attacks: dict, thieves: tuple[str, ...] = ("restoration",)) -> tuple[float, str, str, str] | None:
    """By how much the share of pictures restored from the template and taken for the person is above that of pictures restored from
    the bare F(X), at the worst: (share, thief, judge, against). None: no judge was there, or no pairs."""
    floor = attacks["embedding_inversion"]
    return max(((attacks[thief][judge][photo]["share"] - floor[judge][photo]["share"], thief, judge, photo)
                for thief in thieves for judge in ("facenet", "dlib") if attacks[thief][judge]
                for photo, one in attacks[thief][judge].items() if one["share"] is not None), default=None)


def _restored(summary: dict) -> float | None:
    worst = restored_above_floor(summary["attacks"])
    return worst and worst[0]


PERCENT = "{:.2%}"
GOALS = {
    "embedding_distance_mean": Goal("squared embedding distance of the stored template, mean", lambda s: s["embedding_error"]["mean"], 0.1),
    "embedding_distance_p99": Goal("its 99th percentile", lambda s: s["embedding_error"]["p99"], 0.25),
    "eer_above_plain": Goal("EER above that of plain photos", _more_errors, 0.005, PERCENT),
    "lfw_folds_drop": Goal("accuracy lost on LFW's ten folds", lambda s: s["lfw_folds"]["drop"]["mean"], 0.005, PERCENT),
    "ssim": Goal("SSIM of template and photo", lambda s: s["image"]["ssim"], 0.15),
    "psnr": Goal("PSNR of template and photo, dB", lambda s: s["image"]["psnr"], 11, "{:.1f}"),
    "second_recogniser_eer": Goal("EER of a recogniser that had no part in the training, template against photo",
                                  lambda s: s["second_recogniser"]["template"]["eer"], 0.4, PERCENT, most=False),
    "second_recogniser_tar": Goal("its TAR at FMR 0.1 %", lambda s: s["second_recogniser"]["template"]["tar_at_fmr_1e-3"], 0.01, PERCENT),
    "restored_above_embedding": Goal("restored photos accepted, above those restored from the bare embedding", _restored, 0.02, PERCENT),
}


def reached(summary: dict) -> dict | None:
    """Name -> {measured, goal, met} of a generator of faces; None of others."""
    return {name: goal.reached(summary) for name, goal in GOALS.items()} if summary["data"]["name"] == "lfw" else None


def side_by_side(found: dict[str, dict]) -> str:
    """Markdown from column -> what `reached` found: a goal a row."""
    rows = [[goal.title(), *(_cell(goal, one.get(name)) for one in found.values())] for name, goal in GOALS.items()]
    return table(["goal, on test people", *found], rows)


def _cell(goal: Goal, one: dict | None) -> str:
    if one is None or one["met"] is None:
        return "not measured"
    return f"{goal.form.format(one['measured'])}, {'met' if one['met'] else '**missed**'}"
