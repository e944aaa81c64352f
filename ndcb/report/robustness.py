"""What else can happen to a photo or its template: harm, another recogniser, polish, no face."""

from ndcb.report.cells import number, numbers_table, rate, table
from ndcb.report.names import ACCEPTED, REFERENCES
from ndcb.results.summaries import Evaluation, Figures

HARMS = {
    "jpeg_75": "JPEG, quality 75",
    "half_size": "half size and back",
    "double_size": "double size and back",
}
"""What is done to a stored template before it is matched."""
HARMS_HEADER = ["template", "EER", "FNMR at FMR 0.1 %", "squared embedding distance"]


# harmed templates


def harms_for_page(evaluation: Evaluation) -> str:
    """Without the first row where its figures were not measured."""
    known = not (evaluation.reason("verification") or evaluation.reason("embedding_error"))
    rows = [*([_as_stored(evaluation)] if known else []), *_harmed(evaluation)]
    return "What happened to the stored template before it was matched.\n\n" + numbers_table(
        HARMS_HEADER, rows
    )


def harms_for_report(evaluation: Evaluation) -> str:
    return table(HARMS_HEADER, [_as_stored(evaluation), *_harmed(evaluation)])


def _as_stored(evaluation: Evaluation) -> list[str]:
    template, error = evaluation.verification["template"], evaluation.embedding_error["mean"]
    return _harms_row("as stored", template | {"embedding_error": error})


def _harmed(evaluation: Evaluation) -> list[list[str]]:
    return [_harms_row(words, evaluation.robustness[harm]) for harm, words in HARMS.items()]


def _harms_row(words: str, rates: Figures) -> list[str]:
    return [
        words,
        rate(rates["eer"]),
        rate(rates["fnmr_at_fmr_1e-3"]),
        number(rates["embedding_error"]),
    ]


# a second recogniser


def second_recogniser_for_page(evaluation: Evaluation) -> str:
    return _judge_for_page(evaluation.second_recogniser, "no generator was")


def other_recogniser_for_page(evaluation: Evaluation) -> str:
    return _judge_for_page(evaluation.other_recogniser, "this generator was not")


def _judge_for_page(second: Figures, what: str) -> str:
    plain, template = second["plain"], second["template"]
    rows = [[words, rate(plain[key]), rate(template[key])] for words, key in ACCEPTED.items()]
    return (
        f"{second['name']}, which {what} trained against.\n\n"
        + numbers_table(["reference", "photo", "template"], rows)
        + "\n\nTAR: the share of genuine pairs accepted. Where this recogniser accepts a template,"
        " the template shows the face itself."
    )


def second_recogniser_for_report(evaluation: Evaluation) -> str:
    return _judge_for_report(evaluation.second_recogniser, "No generator was")


def other_recogniser_for_report(evaluation: Evaluation) -> str:
    return _judge_for_report(evaluation.other_recogniser, "This generator was not")


def _judge_for_report(second: Figures, what: str) -> str:
    rows = [[words, *_accepted(second[name])] for name, words in REFERENCES.items()]
    return (
        table([second["name"], *ACCEPTED], rows)
        + f"\n\n{what} trained against it: where it accepts a template, the template shows"
        " the face."
    )


def _accepted(rates: Figures) -> list[str]:
    return [rate(rates[key]) for key in ACCEPTED.values()]


# polish


def polish(evaluation: Evaluation) -> str:
    figures = evaluation.polish
    header = ["steps", "embedding distance, mean", "p95", "p99", "ms a template", "passes of F"]
    rows = [
        [
            steps,
            number(after["mean"]),
            number(after["p95"]),
            number(after["p99"]),
            f"{after['milliseconds']:.0f}",
            f"{after['passes']:.1f}",
        ]
        for steps, after in figures["steps"].items()
    ]
    return (
        numbers_table(header, rows)
        + f"\n\nGradient steps on the template's pixels at enrolment; {figures['pictures']} test"
        " pictures, in batches of 16."
    )


# failure to enrol


def failure_to_enrol_for_page(evaluation: Evaluation) -> str:
    rows = [
        [
            f"{part} pictures",
            f"{count['pictures']:,}",
            f"{count['failures']:,}",
            f"{count['rate']:.3%}",
        ]
        for part, count in evaluation.failure_to_enrol.items()
    ]
    return "How often the detector found no face.\n\n" + numbers_table(
        ["of", "pictures", "no face found", "rate"], rows
    )


def failure_to_enrol_for_report(evaluation: Evaluation) -> str:
    rows = [
        [f"{part}: {count['pictures']:,}", str(count["failures"]), f"{count['rate']:.3%}"]
        for part, count in evaluation.failure_to_enrol.items()
    ]
    return table(["pictures", "no face found", "rate"], rows)
