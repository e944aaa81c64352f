"""The tables of docs/quality.md: poor photos, mixed photos, and searches. Each takes
`ndcb.results.studies.Quality` of every recogniser, or a part of one.
"""

from collections.abc import Iterable, Sequence

from ndcb.models.operating_points import FALSE_NAMES
from ndcb.report.cells import numbers_table
from ndcb.results.studies import Quality
from ndcb.results.summaries import Figures

PARTS = {"development": "development people", "test": "test people"}
LOGINS = {"plain": "plain template", "sealed": "sealed template, right key"}
SHORT_LOGINS = {"plain": "plain template", "sealed": "sealed template"}
TEMPLATES = {"one_template": "1", "two_templates": "2"}


def untouched(studies: Sequence[Quality]) -> str:
    """A row for each recogniser and part."""
    rows = [
        [
            f"`{study.recogniser}`",
            PARTS[part],
            f"{counts['people']:,}",
            f"{counts['photos']:,}",
            f"{counts['refused']:.2%}",
        ]
        for study in studies
        for part, counts in study.untouched.items()
    ]
    return numbers_table(["gate of", "untouched photos of", "people", "photos", "refused"], rows)


def strangers(studies: Sequence[Quality]) -> str:
    """A row for each recogniser and login: what untouched photos let in."""
    rows = [
        [f"`{study.generators[login]['name']}`", *_pairs(counts, study.people)]
        for study in studies
        for login, counts in study.strangers.items()
    ]
    header = ["templates of", "people", "pairs", "accepted", "share", "expected of the changed"]
    return numbers_table(header, rows)


def _pairs(counts: Figures, changed: int) -> list[str]:
    """changed: number of people whose photos are made poor."""
    return [
        f"{counts['people']:,}",
        f"{counts['people'] * (counts['people'] - 1):,}",
        f"{counts['matches']:,}",
        f"{counts['accepted']:.3%}",
        f"{counts['accepted'] * changed * (changed - 1):.0f}",
    ]


def changes(lines: Figures, logins: Iterable[str]) -> str:
    """A row for each change of the photos; three columns for each login."""
    header = ["change", "face found", "refused by the gate"]
    header += [
        f"{LOGINS[login]}: {column}"
        for login in logins
        for column in ("strangers accepted", "with the gate", "of those that pass")
    ]
    rows = [_change(name, line, logins) for name, line in lines.items()]
    return numbers_table(header, rows)


def _change(name: str, line: Figures, logins: Iterable[str]) -> list[str]:
    cells = [name, f"{line['found']:.0%}"]
    if "refused" not in line:
        return cells + [""] * (1 + 3 * len(list(logins)))
    cells.append(f"{line['refused']:.1%}")
    for login in logins:
        cells += _strangers(line[login])
    return cells


def _strangers(shares: Figures) -> list[str]:
    passing = "" if shares["passing"] is None else f"{shares['passing']:.2%}"
    return [f"{shares['accepted']:.2%}", f"{shares['with_gate']:.2%}", passing]


def goal(reached: Figures) -> str:
    """The goal in a sentence: whether it is met, and how sure that is."""
    verdict = "met" if reached["met"] else "**missed**"
    allowed, kinds = reached["allowed"], reached["kinds"].values()
    over = sum(worst["high"] > allowed for worst in kinds)
    return (
        f"**Goal**: with the gate, poor photos let in at most {allowed:.0f} times as many strangers"
        f" as untouched ones: {verdict}. The worst change of each kind, in either sort of template;"
        f" the interval reaches over {allowed:.0f} in {over} of {len(kinds)}:"
    )


def worst(kinds: Figures) -> str:
    """A row for each kind of change: what it lets in, in units of untouched photos."""
    rows = [
        [
            line["change"],
            SHORT_LOGINS[line["login"]],
            f"{line['matches']:,}",
            f"{line['times']:.1f}",
            f"{line['low']:.1f} to {line['high']:.1f}",
        ]
        for line in kinds.values()
    ]
    return numbers_table(["worst change", "login", "accepted", "times", "95 %"], rows)


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
        [TEMPLATES[kind], names, *_search(shares)]
        for kind, counts in templates.items()
        for names, shares in counts.items()
    ]
    header = ["templates of a name", "names", "FMR of a comparison", "strangers named"]
    return numbers_table([*header, "predicted", "named at the threshold of 1:1"], rows)


def search_goal(templates: Figures) -> str:
    """Whether every search names few enough strangers, and how many the worst one names."""
    most = max(shares["named"] for counts in templates.values() for shares in counts.values())
    verdict = "met" if most <= FALSE_NAMES else "**missed**"
    return (
        f"**Goal**: a search names at most {100 * FALSE_NAMES:g} % of strangers: {verdict}. The"
        f" most: {100 * most:.2f} %."
    )


def _search(shares: Figures) -> list[str]:
    fmr = "" if shares["fmr"] is None else f"{100 * shares['fmr']:g} %"
    rates = shares["named"], shares["predicted"], shares["named_at_one_to_one"]
    return [fmr, *(f"{rate:.1%}" for rate in rates)]
