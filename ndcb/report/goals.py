"""Goals and what was reached of them, as a table."""

from collections.abc import Mapping

from ndcb.report.cells import table
from ndcb.results.goals import GOALS, Goal


def side_by_side(columns: Mapping[str, Mapping[str, dict]], goals: dict[str, Goal] = GOALS) -> str:
    """Markdown, a goal a row. columns: title -> what `ndcb.results.goals.reached` found."""
    rows = [[goal.title(), *_cells(goal, name, columns)] for name, goal in goals.items()]
    return table(["goal, on test people", *columns], rows)


def _cells(goal: Goal, name: str, columns: Mapping[str, Mapping[str, dict]]) -> list[str]:
    return [_cell(goal, reached.get(name)) for reached in columns.values()]


def _cell(goal: Goal, reached: dict | None) -> str:
    if reached is None or reached["met"] is None:
        return "not measured"
    verdict = "met" if reached["met"] else "**missed**"
    return f"{goal.form.format(reached['measured'])}, {verdict}"
