"""The tables of docs/quality.md: poor photos, mixed photos, and searches. Each takes a part of
`ndcb.results.studies.Quality`.
"""

from ndcb.report.cells import numbers_table
from ndcb.results.summaries import Figures

PARTS = {"development": "development people", "test": "test people"}
LOGINS = {"plain": "plain template", "sealed": "sealed template, right key"}
SHORT_LOGINS = {"plain": "plain template", "sealed": "sealed template"}
TEMPLATES = {"one_template": "1", "two_templates": "2"}


def untouched(parts: Figures) -> str:
    rows = [
        [
            PARTS[part],
            f"{counts['people']:,}",
            f"{counts['photos']:,}",
            f"{counts['refused']:.2%}",
        ]
        for part, counts in parts.items()
    ]
    return numbers_table(["untouched photos of", "people", "photos", "refused"], rows)


def changes(lines: Figures) -> str:
    """A row for each change of the photos; three columns for each login."""
    header = ["change", "face found", "refused by the gate"]
    header += [
        f"{login}: {column}"
        for login in LOGINS.values()
        for column in ("strangers accepted", "with the gate", "of those that pass")
    ]
    return numbers_table(header, [_change(name, line) for name, line in lines.items()])


def _change(name: str, line: Figures) -> list[str]:
    cells = [name, f"{line['found']:.0%}"]
    if "refused" not in line:
        return cells + [""] * 7
    return [
        *cells,
        f"{line['refused']:.1%}",
        *_strangers(line["plain"]),
        *_strangers(line["sealed"]),
    ]


def _strangers(shares: Figures) -> list[str]:
    passing = "" if shares["passing"] is None else f"{shares['passing']:.2%}"
    return [f"{shares['accepted']:.2%}", f"{shares['with_gate']:.2%}", passing]


def goal(reached: Figures) -> str:
    """The goal in a sentence, and how many times as many strangers each kind of change lets in."""
    kinds = {kind: times for kind, times in reached.items() if kind not in ("allowed", "met")}
    worst = ", ".join(f"{kind} {times:.1f}" for kind, times in kinds.items())
    verdict = "met" if reached["met"] else "**missed**"
    return (
        f"**Goal**: with the gate, poor photos let in at most {reached['allowed']:.0f} times as"
        f" many strangers as untouched ones: {verdict}. The most, in either kind of template:"
        f" {worst}."
    )


def alone(measures: Figures) -> str:
    """A row for each single measure, a column for each kind of change."""
    kinds = list(next(iter(measures.values())))
    rows = [[name, *_times(measures[name], kinds)] for name in measures]
    return numbers_table(["measure", *kinds], rows)


def _times(measure: Figures, kinds: list[str]) -> list[str]:
    return [f"{measure[kind]:.1f}" for kind in kinds]


def one_person(parts: Figures) -> str:
    """A row for each part, login and number of photos."""
    header = ["", "photos", "people", "refused", "missed: one stranger", "missed: half strangers"]
    rows = [
        [f"{PARTS[part]}, {SHORT_LOGINS[login]}", photos, *_enrolments(shares)]
        for part, logins in parts.items()
        for login, counts in logins.items()
        for photos, shares in counts.items()
    ]
    return numbers_table(header, rows)


def _enrolments(shares: Figures) -> list[str]:
    return [
        f"{shares['people']:,}",
        f"{shares['refused']:.1%}",
        f"{shares['missed']:.1%}",
        f"{shares['half_missed']:.1%}",
    ]


def searches(templates: Figures) -> str:
    """A row for each number of templates and of names."""
    rows = [
        [TEMPLATES[kind], names, f"{shares['named']:.1%}", f"{shares['predicted']:.1%}"]
        for kind, counts in templates.items()
        for names, shares in counts.items()
    ]
    header = ["templates of a name", "names", "strangers named", "predicted"]
    return numbers_table(header, rows)
