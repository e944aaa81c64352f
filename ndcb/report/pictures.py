"""How far a template is from its picture: distances, embedding error, failures, and the paper's
Table 3.
"""

from ndcb.report import plots
from ndcb.report.cells import details, number, numbers_table, table
from ndcb.report.names import DISTANCES, FAILURES
from ndcb.results.published import TABLE_3
from ndcb.results.summaries import Evaluation, Figures

KINDS = tuple(plots.KINDS)
"""The distances of Table 3: picture and template, two pictures, two templates."""


# distances, embedding error and failures


def distances_for_page(evaluation: Evaluation) -> str:
    image = evaluation.image
    rows = [
        [f"{words} ({source})", number(image[key], 5 if key == "l2" else 3)]
        for key, (words, source) in DISTANCES.items()
    ]
    rows += [["SSIM", number(image["ssim"])], ["PSNR", f"{image['psnr']:.1f} dB"]]
    return "Between a picture and its own template, means over the test part.\n\n" + numbers_table(
        ["distance", "value"], rows
    )


def embedding_error_for_page(evaluation: Evaluation) -> str:
    error = evaluation.embedding_error
    rows = [
        ["mean", number(error["mean"])],
        ["median", number(error["median"])],
        ["95th percentile", number(error["p95"])],
        ["99th percentile", number(error["p99"])],
        [f"share over the margin {error['alpha']:g}", f"{error['share_over_alpha']:.1%}"],
    ]
    return "How far a template's embedding lies from its picture's (Eq. 1).\n\n" + numbers_table(
        ["squared embedding distance", "value"], rows
    )


def failures_for_page(evaluation: Evaluation) -> str:
    rows = [[words, number(evaluation.failures[key], 2)] for key, words in FAILURES.items()]
    return (
        "The failures the paper shows in its Table 5, as numbers: 0 is free of the failure, 1 is"
        " all of it.\n\n" + numbers_table(["failure", "value"], rows)
    )


def for_report(evaluation: Evaluation) -> str:
    """All three, a row each."""
    return "\n\n".join(
        [
            _distances_row(evaluation.image),
            _embedding_error_row(evaluation.embedding_error),
            _failures_row(evaluation.failures),
            "(0 is free of the failure, 1 is all of it.)",
        ]
    )


def _distances_row(image: Figures) -> str:
    row = [
        number(image["mse"]),
        number(image["l1"]),
        number(image["l2"], 5),
        number(image["ssim"]),
        f"{image['psnr']:.1f} dB",
    ]
    return table(["MSE", "L1", "Eq. 12", "SSIM", "PSNR"], [row])


def _embedding_error_row(error: Figures) -> str:
    header = [
        "squared embedding distance: mean",
        "median",
        "95th percentile",
        "99th percentile",
        "share over alpha",
    ]
    row = [number(error[key]) for key in ("mean", "median", "p95", "p99")]
    row.append(f"{error['share_over_alpha']:.1%} over {error['alpha']:g}")
    return table(header, [row])


def _failures_row(failures: Figures) -> str:
    first, *others = FAILURES.values()
    return table([f"Table 5: {first}", *others], [[number(failures[key], 2) for key in FAILURES]])


# the paper's Table 3


def table3_for_page(evaluation: Evaluation) -> str:
    """Mean squared errors beside the paper's; Eq. 12 is folded below."""
    rows, printed = evaluation.paper["table3"], TABLE_3[evaluation.data.name]
    errors = [[_class_name(row), *_beside(row["mse"], printed.get(row["class"]))] for row in rows]
    eq12 = [[_class_name(row), *_eq12(row)] for row in rows]
    header = ["class", "picture - its template", "two pictures", "two templates"]
    seen = (
        " Classes in *italics* were in the generator's training part."
        if any(row["part"] != "test" for row in rows)
        else ""
    )
    words = f"Mean squared errors: ours / the paper's. In the plot filled and open circles.{seen}"
    folded = details("The same as Eq. 12 is printed", numbers_table(header, eq12))
    return "\n\n".join([words, numbers_table(header, errors), folded])


def table3_for_report(evaluation: Evaluation) -> str:
    printed = TABLE_3[evaluation.data.name]
    names = ("real-gen", "real-real", "gen-gen")
    eq12_names = [f"{name}, Eq. 12" for name in names]
    rows = [_table3_row(row, printed.get(row["class"], ())) for row in evaluation.paper["table3"]]
    return (
        table(["class", "part", *names, "the paper", *eq12_names], rows)
        + "\n\nMean squared errors, then Eq. 12 as printed. Real-gen: a picture and its own"
        " template."
    )


def _table3_row(row: Figures, printed: tuple[float, ...]) -> list[str]:
    errors = [number(row["mse"][kind]) for kind in KINDS]
    papers = " / ".join(map(number, printed))
    return [row["class"].replace("_", " "), row["part"], *errors, papers, *_eq12(row)]


def _class_name(row: Figures) -> str:
    """In italics where the generator was trained on the class."""
    name = row["class"].replace("_", " ")
    return name if row["part"] == "test" else f"*{name}*"


def _eq12(row: Figures) -> list[str]:
    return [number(row["eq12"][kind], 5) for kind in KINDS]


def _beside(errors: Figures, printed: tuple[float, ...] | None) -> list[str]:
    """Our errors of a class, each with the paper's where it prints that class."""
    ours = [number(errors[kind]) for kind in KINDS]
    if not printed:
        return ours
    return [f"{error} / {theirs:.3f}" for error, theirs in zip(ours, printed, strict=True)]
