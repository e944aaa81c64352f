"""Searches among all enrolled: CMC, and FNIR at an FPIR. Also FMR(t), FNMR(t), and the zoo.

Each function takes one part of an evaluation, plain or sealed.
"""

from ndcb.report.cells import interval, number, rate, table
from ndcb.report.names import REFERENCES
from ndcb.results.summaries import Figures

RANKS = {"rank 1": "rank_1", "rank 5": "rank_5", "rank 10": "rank_10"}
FNIRS = {
    "FNIR at FPIR 1 %": "fnir_at_fpir_1e-2",
    "FNIR at FPIR 0.3 %": "fnir_at_fpir_3e-3",
}
POINTS = {
    "at_login_threshold": "at the login threshold",
    "at_search_threshold": "at the threshold of a search among so many",
}
FNMRS = {
    "FNMR at FMR 1 %": "fnmr_at_fmr_1e-2",
    "FNMR at FMR 0.1 %": "fnmr_at_fmr_1e-3",
    "FNMR at FMR 0.01 %": "fnmr_at_fmr_1e-4",
}
ANIMALS = {
    "goats": "goats: hardest to match",
    "lambs": "lambs: easiest to be taken for",
    "wolves": "wolves: taken for others most",
}


def with_interval(figure: Figures | None) -> str:
    """`1.20% [0.80%, 1.50%]`; a dash where nothing could be measured."""
    if not figure or figure["rate"] is None:
        return "-"
    band = f" {interval(figure['ci95'])}" if figure["ci95"] else ""
    return f"{rate(figure['rate'])}{band}"


def identification(figures: Figures) -> str:
    sides = [figures[name] for name in REFERENCES]
    named = RANKS | FNIRS
    rows = [
        [words, *(with_interval(side.get(key)) for side in sides)] for words, key in named.items()
    ]
    rows += [
        [f"{kind.upper()} {words}", *(with_interval(side[point][kind]) for side in sides)]
        for point, words in POINTS.items()
        for kind in ("fpir", "fnir")
        if all(point in side for side in sides)
    ]
    return f"{table(['a search', *REFERENCES.values()], rows)}\n\n{_searched(figures)}"


def _searched(figures: Figures) -> str:
    return (
        f"Gallery: one template of each of {figures['gallery']:,} test people;"
        f" {figures['mated_probes']:,} other photos of them are searched for, and"
        f" {figures['non_mated_probes']:,} people who are not in it. {figures['galleries']} choices"
        " of the enrolled pictures (seeds from 0) are taken together; every person counts equally."
        " Missed (FNIR): not the nearest, or not under the threshold. In brackets: 95 % intervals,"
        " people drawn, galleries as they are."
    )


def curves(figures: Figures) -> str:
    sides = [figures[name] for name in REFERENCES]
    rows = [
        [words, *(f"{rate(side[key])} {interval(side[f'{key}_ci95'])}" for side in sides)]
        for words, key in ({"EER": "eer"} | FNMRS).items()
    ]
    words = (
        f"Up to {figures['pairs_a_person']} genuine pairs of a person, {figures['genuine']:,} of"
        f" {figures['people']:,} people, every person counts equally; {figures['impostor']:,}"
        " impostor comparisons. In brackets: 95 % intervals, people drawn."
    )
    return "\n\n".join([table(["", *REFERENCES.values()], rows), words, _thresholds_table(figures)])


def _thresholds_table(figures: Figures) -> str:
    """FMR and FNMR where one of them is neither 0 nor 1, at every fourth threshold."""
    header = ["threshold"]
    header += [f"{kind}, {words}" for words in REFERENCES.values() for kind in ("FMR", "FNMR")]
    rows = []
    for place, threshold in enumerate(figures["threshold"]):
        rates = [figures[name][kind][place] for name in REFERENCES for kind in ("fmr", "fnmr")]
        if place % 4 == 0 and any(0 < one < 1 for one in rates):
            rows.append([number(threshold, 2), *(f"{100 * one:.3g}%" for one in rates)])
    return table(header, rows)


def zoo(figures: Figures) -> str:
    rows = [
        [f"{words}, {reference}", *_animal(figures[name][animal])]
        for animal, words in ANIMALS.items()
        for name, reference in REFERENCES.items()
    ]
    return table(["", "people", "share of the people", "share of the errors"], rows) + (
        f"\n\nThe worst {figures['worst']:.1%} of people by their mean distances (Doddington et al."
        f" 1998). Errors at the threshold {number(figures['threshold'])}: false non-matches of"
        " goats, false matches of lambs as references and of wolves as probes; every person counts"
        " equally. In brackets: 95 % intervals, people drawn."
    )


def _animal(found: Figures) -> list[str]:
    share = with_interval({"rate": found["share_of_errors"], "ci95": found["ci95"]})
    return [f"{found['people']:,} of {found['of']:,}", rate(found["share_of_people"]), share]
