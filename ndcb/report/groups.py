"""Groups of people: FMR within and across, FNMR, failure to enrol; what the template changes."""

from html import escape

from ndcb.report.cells import number, table
from ndcb.report.identification import with_interval
from ndcb.report.names import REFERENCES
from ndcb.results.summaries import Figures

LEVELS = {
    "1e-2": "FMR 1 % of development people",
    "1e-3": "FMR 0.1 % of development people",
    "1e-4": "FMR 0.01 % of development people",
    "login": "the login threshold",
}
RATES = {"FMR within": "fmr_within", "FMR across": "fmr_across", "FNMR": "fnmr"}


def groups(figures: Figures) -> str:
    """A table of who they are, and one of rates a threshold."""
    levels = [at["level"] for at in figures["overall"]["at"]]
    tables = [_rates_at(figures, place, level) for place, level in enumerate(levels)]
    return "\n\n".join([_remark(figures), _who(figures), *tables, NOTES])


NOTES = (
    "Within: both of the group. Across: one of the group, the other a test person outside it. Gap"
    " wider: by how many points the group's FMR, or FNMR, is further above the overall one with"
    " templates than with photos. In brackets: 95 % intervals, people drawn. A dash: too few"
    " comparisons."
)


def _remark(figures: Figures) -> str:
    unknown = figures["unknown_people"]
    missing = f" {unknown:,} of the table are not in the data." if unknown else ""
    return f"**The groups: {figures['remark']}.**{missing}"


def called(row: Figures) -> str:
    """Group and which of its people. A table may come from anybody: nothing in it is markup."""
    name = escape(row["group"]).replace("|", "&#124;")
    if row["people"] == "test":
        return f"{name}, test people"
    trained = row["training_people"]
    return f"{name}, all ({trained:,} of them **trained on**)" if trained else f"{name}, all"


def _who(figures: Figures) -> str:
    overall = figures["overall"]
    rows = [
        [
            "all test people",
            f"{overall['test_people']:,}",
            f"{overall['pictures']:,}",
            with_interval(overall["failure_to_enrol"]),
            "",
            "",
        ]
    ]
    rows += [_who_row(row) for row in figures["of"]]
    tars = [f"TAR at its own FMR 0.1 %, {words}" for words in REFERENCES.values()]
    return table(["people", "number", "pictures", "no face found", *tars], rows)


def _who_row(row: Figures) -> list[str]:
    people = sum(row[f"{part}_people"] for part in ("training", "development", "test"))
    return [
        called(row),
        f"{people:,}",
        f"{row['pictures']:,}",
        with_interval(row["failure_to_enrol"]),
        *(with_interval(row["tar_at_own_fmr_1e-3"][name]) for name in REFERENCES),
    ]


def _rates_at(figures: Figures, place: int, level: str) -> str:
    overall = figures["overall"]["at"][place]
    header = ["people, reference", *RATES, "times the overall FMR", "gap wider: FMR", "FNMR"]
    rows = [
        [
            f"all test people, {words}",
            with_interval(overall[name]["fmr"]),
            "",
            with_interval(overall[name]["fnmr"]),
            "",
            "",
            "",
        ]
        for name, words in REFERENCES.items()
    ]
    rows += [
        _rates_row(f"{called(row)}, {words}", row["at"][place], name)
        for row in figures["of"]
        for name, words in REFERENCES.items()
    ]
    title = (
        f"At {LEVELS.get(level, 'a threshold')}, squared distance {number(overall['threshold'])}:"
    )
    return f"{title}\n\n{table(header, rows)}"


def _rates_row(words: str, at: Figures, name: str) -> list[str]:
    side = at[name]
    wider = ["", ""]
    if name == "template":
        wider = [_points(at["wider"][kind]) for kind in ("fmr", "fnmr")]
    return [
        words,
        *(with_interval(side[key]) for key in RATES.values()),
        _times(side["times_overall"]),
        *wider,
    ]


def _points(figure: Figures) -> str:
    if figure["rate"] is None:
        return "-"
    low, high = (100 * edge for edge in figure["ci95"])
    return f"{100 * figure['rate']:.2f} points [{low:.2f}, {high:.2f}]"


def _times(figure: Figures) -> str:
    if figure["rate"] is None:
        return "-"
    low, high = figure["ci95"]
    return f"{figure['rate']:.1f} [{low:.1f}, {high:.1f}]"
