"""Write the measured tables of README.md and docs/results.md: python -m training.publish

They come from the summary.json of every evaluation in checkpoints/, and from benchmark.json and
objectives.json there.
"""

from collections.abc import Callable
from pathlib import Path

from ndcb.core import paths
from ndcb.core.files import write_whole
from ndcb.core.terms import DEFAULT_FACES
from ndcb.models import checkpoints
from ndcb.report import groups, identification
from ndcb.report import sealed as sealed_tables
from ndcb.report.cells import table
from ndcb.report.goals import side_by_side
from ndcb.results import evaluations, studies
from ndcb.results.goals import SEALED_GOALS
from ndcb.results.studies import Objectives
from ndcb.results.summaries import Evaluation, Figures, Parts, SealedEvaluation
from training.benchmark import tables

README = paths.readme()
RESULTS = README.parent / "docs" / "results.md"
REPORTS = "../checkpoints"
"""Where the checkpoints lie as seen from docs/results.md."""
RATIOS = (
    "Ratios: of a stage's time to FaceNet's own forward pass of as many faces; of a training step's"
    " rate to FaceNet's forward and backward pass alone (for digits, to the digits-embedder's); of"
    " a start to FaceNet's forward pass of 64 faces. `generate, bottleneck` is the decoder alone;"
    " the photo's own embedding, which it reads, is one `embed` more."
)
BEGIN, END = "<!-- measured: written by python -m training.publish -->", "<!-- /measured -->"
TEMPLATES = {
    "sface-bottleneck": "T = D(F(X)): a pattern, changed a little; shows no face",
    "sface-sealed": "T = D(R z(X)), R from a secret key: a pattern; shows no face",
    "faces-bottleneck": "as `sface-bottleneck`, for FaceNet, the paper's recogniser",
    "faces": "T = G(X), the paper's U-Net: the face, recoloured",
    "faces-concealing": "T = G(X), trained against recolouring: the face under a dither",
    "faces-sealed": "as `sface-sealed`, for FaceNet",
    "digits": "T = G(X), the paper's U-Net for digits",
}
"""Generator -> how it makes a template and what is to be seen in it: README's rows."""


def measured() -> str:
    """All tables of docs/results.md: every evaluated generator, the recognisers, speed."""
    summaries = plain_summaries()
    faces = {
        name: summaries[name]
        for name in sorted(summaries, key=lambda name: name != DEFAULT_FACES)
        if summaries[name].data.name == "lfw"
    }
    return "\n\n".join(
        [
            generators(summaries),
            recognisers(),
            "**Concealment**: the generators of faces against this project's goals",
            side_by_side({f"`{name}`": one.goals for name, one in faces.items()}),
            *objectives(studies.objectives()),
            *sealed_templates(),
            "**Faces as the field measures them**",
            field(faces),
            *people(faces),
            "**The mock login of the paper's Table 4**",
            mock_login(summaries),
            "**The paper's Table 5**: its three failures, from 0 (free of it) to 1",
            failures(summaries),
            "**Speed.** " + RATIOS,
            tables.table(vars(studies.benchmark())),
            *durations(faces),
        ]
    )


def people(faces: dict) -> list[str]:
    """Searches, groups and the zoo, of the default generator; all others have them in report.md."""
    sealed = {name: one.sealed for name, one in evaluations.sealed().items()}
    parts = {DEFAULT_FACES: faces[DEFAULT_FACES]} if DEFAULT_FACES in faces else {}
    return [
        text
        for name, one in (parts | sealed).items()
        for title, part, tables in (
            ("A search among all enrolled", "identification", identification.identification),
            ("Groups of people", "groups", groups.groups),
            ("Who causes the errors", "zoo", identification.zoo),
        )
        for text in (
            f"**{title}**: [`{name}`]({REPORTS}/{name}/evaluation/report.md)",
            _part(one, part, tables if name in parts else sealed_tables.with_key(tables)),
        )
    ]


def _part(parts: Parts, part: str, tables: Callable[[Figures], str]) -> str:
    reason = parts.reason(part)
    return f"Not measured: {reason.rstrip('.')}." if reason else tables(parts[part])


def plain_summaries() -> dict[str, Evaluation]:
    """Generator that needs no key -> its evaluation; only those that are evaluated."""
    folders = {name: checkpoints.FOLDER / name / "evaluation" for name in checkpoints.names()}
    return {
        name: evaluations.read_folder(folder)
        for name, folder in folders.items()
        if (folder / "summary.json").exists()
    }


def overview() -> str:
    """README's table: a row a generator, each with its figures on test people or digits."""
    plain, sealed = plain_summaries(), evaluations.sealed()
    rows = []
    for name in TEMPLATES:
        if name in plain:
            rows.append(_overview_row(name, plain[name]))
        elif name in sealed:
            rows.append(_sealed_row(name, sealed[name]))
    header = [
        "generator",
        "template T of a photo X",
        "EER of logins: photos stored, templates stored",
        "SSIM of T and X",
        "EER of another recogniser",
        "can be revoked",
    ]
    return table(header, rows)


def _overview_row(name: str, summary: Evaluation) -> list[str]:
    rates = summary.verification
    return [
        f"`{name}`",
        TEMPLATES[name],
        f"{rates['plain']['eer']:.2%}, {rates['template']['eer']:.2%}",
        f"{summary.image['ssim']:.2f}",
        _other_eer(summary.second_recogniser),
        "no",
    ]


def _sealed_row(name: str, summary: SealedEvaluation) -> list[str]:
    """The impostors of the second rate have keys of their own; of the third, the victim's."""
    sealed = summary.sealed
    rates = sealed.verification
    return [
        f"`{name}`",
        TEMPLATES[name],
        f"{rates['unprotected']['eer']:.2%}, {rates['own_keys']['eer']:.2%}"
        f" (with a stolen key {rates['stolen_key']['eer']:.2%})",
        f"{sealed.image['ssim']:.2f}",
        _other_eer(sealed.second_recogniser),
        "yes, with its key",
    ]


def _other_eer(second: dict) -> str:
    return "not measured" if "not_measured" in second else f"{second['template']['eer']:.2%}"


def durations(faces: dict) -> list[str]:
    return [
        f"`python -m training evaluate {name}` took {one.minutes:.0f} minutes on"
        f" {one.device}{' from empty caches' if one.caches_were_empty else ''}."
        for name, one in faces.items()
    ]


def objectives(compared: Objectives) -> list[str]:
    """What each objective against transfer does to another recogniser, and what it costs."""
    first = next(iter(compared.objectives.values()))
    other = f"another recogniser ({first['second_recogniser']['name']})"
    header = [
        "objective",
        "squared embedding distance",
        "EER",
        f"EER, {other}",
        f"TAR at FMR 0.1 %, {other}",
    ]
    plain = _rates(first["plain"], first["second_recogniser"]["plain"])
    rows = [["no template: plain photos", "", *plain]]
    for name, one in compared.objectives.items():
        rates = _rates(one["template"], one["second_recogniser"]["template"])
        rows.append([name, f"{one['embedding_error']['mean']:.3f}", *rates])
    return [
        (
            f"**Objectives against transfer**, each trained for {compared.steps} steps from step"
            f" {compared.from_step} of `{compared.preset}` on, and judged on"
            f" {first['pictures']} pictures of development people (`python -m training objectives`)"
        ),
        table(header, rows),
    ]


def _rates(own: dict, other: dict) -> list[str]:
    return [f"{own['eer']:.2%}", f"{other['eer']:.1%}", f"{other['tar_at_fmr_1e-3']:.1%}"]


def sealed_templates() -> list[str]:
    """Of the sealed generators that are evaluated: the goals, and what a thief gets."""
    return [
        text
        for name, one in evaluations.sealed().items()
        for text in (
            (
                f"**Sealed templates**: [`{name}`]({REPORTS}/{name}/evaluation/report.md), each"
                " test picture under a key of its own"
            ),
            side_by_side({f"`{name}`": one.goals}, SEALED_GOALS),
            sealed_tables.verification(one.sealed.verification),
            sealed_tables.security(one.sealed.security),
            sealed_tables.linkability(one.sealed.linkability),
            sealed_tables.restoration(one.sealed.restoration),
            sealed_tables.times(one.sealed.times),
        )
    ]


def generators(summaries: dict) -> str:
    header = [
        "checkpoint",
        "MSE",
        "L1",
        "SSIM",
        "squared embedding distance: mean, 95th percentile",
        "EER plain",
        "EER template, 95 % interval",
        "login threshold",
    ]
    return table(header, [_generator_row(name, one) for name, one in summaries.items()])


def _generator_row(name: str, summary: Evaluation) -> list[str]:
    image, error = summary.image, summary.embedding_error
    plain, template = (summary.verification[key] for key in ("plain", "template"))
    interval = ", ".join(f"{edge:.2%}" for edge in template["eer_ci95"])
    return [
        f"[`{name}`]({REPORTS}/{name}/evaluation/report.md)",
        f"{image['mse']:.3f}",
        f"{image['l1']:.3f}",
        f"{image['ssim']:.2f}",
        f"{error['mean']:.3f}, {error['p95']:.3f}",
        f"{plain['eer']:.2%}",
        f"{template['eer']:.2%} [{interval}]",
        f"{template['at_login_threshold']['threshold']:.3f}",
    ]


def recognisers() -> str:
    rows = []
    for name in checkpoints.names(checkpoints.RECOGNISERS):
        figures = checkpoints.load(name, checkpoints.RECOGNISERS).record["figures"]
        rows.append([f"`{name}`", f"{figures['plain']['eer']:.2%}"])
    return table(["recogniser", "EER on all test pairs"], rows)


def field(faces: dict) -> str:
    """A row a measure, plain and template, for each generator of faces."""
    rows = []
    for name, summary in faces.items():
        measures = [
            *_folds_rows(summary.lfw_folds),
            *_rates_rows(summary.verification),
            *_robustness_rows(summary.robustness),
            *_other_rows(summary.second_recogniser),
        ]
        rows += [[f"`{name}`", *measure] for measure in measures]
    return table(["checkpoint", "", "plain photo", "template"], rows)


def _folds_rows(folds: dict) -> list[list[str]]:
    drop = folds["drop"]
    interval = ", ".join(f"{edge * 100:.2f}" for edge in drop["ci95"])
    return [
        ["LFW's ten folds, accuracy", *_accuracies(folds)],
        ["their drop in points, 95 % interval", "", f"{drop['mean'] * 100:.2f} [{interval}]"],
        [
            "the same folds, mean embedding subtracted (published: 99.05 %)",
            *_accuracies(folds["centred"]),
        ],
    ]


def _accuracies(folds: dict) -> list[str]:
    both = [folds[key] for key in ("plain", "template")]
    return [f"{one['accuracy']:.2%} ± {one['stderr']:.2%}" for one in both]


def _rates_rows(rates: dict) -> list[list[str]]:
    rows = []
    for level, words in (("1e-2", "1 %"), ("1e-3", "0.1 %")):
        missed = [rates[key][f"fnmr_at_fmr_{level}"] for key in ("plain", "template")]
        rows.append([f"FNMR at FMR {words}", *(f"{rate:.2%}" for rate in missed)])
    return rows


def _robustness_rows(robustness: dict) -> list[list[str]]:
    changes = {
        "jpeg_75": "EER after JPEG, quality 75",
        "half_size": "EER after half size and back",
        "double_size": "EER after double size and back",
    }
    return [[words, "", f"{robustness[key]['eer']:.2%}"] for key, words in changes.items()]


def _other_rows(other: dict) -> list[list[str]]:
    if "not_measured" in other:
        return [["a second recogniser", "not measured", "not measured"]]
    rows = []
    for level, words in (("eer", "EER"), ("tar_at_fmr_1e-3", "TAR at FMR 0.1 %")):
        rates = [other[key][level] for key in ("plain", "template")]
        title = f"{words}, another recogniser ({other['name']})"
        rows.append([title, *(f"{rate:.2%}" for rate in rates)])
    return rows


def mock_login(summaries: dict) -> str:
    header = [
        "checkpoint",
        "F1, photo enrolled",
        "F1, template enrolled",
        "F1, another photo (the paper's code)",
        "lost to the template, points",
    ]
    return table(header, [_login_row(name, one) for name, one in summaries.items()])


def _login_row(name: str, summary: Evaluation) -> list[str]:
    table4 = summary.paper["table4"]
    scores = [table4[key]["f1"]["mean"] for key in ("plain", "template", "plain_again")]
    mean, low, high = (100 * value for value in (table4["drop"]["mean"], *table4["drop"]["ci95"]))
    return [
        f"`{name}`",
        *(f"{score:.2%}" for score in scores),
        f"{mean:.2f} [{low:.2f}, {high:.2f}]",
    ]


def failures(summaries: dict) -> str:
    keys = ("blank", "contours_kept", "only_colours_changed")
    rows = []
    for name, summary in summaries.items():
        shares = [summary.failures[key] for key in keys]
        rows.append([f"`{name}`", *(f"{share:.2f}" for share in shares)])
    return table(["checkpoint", "blank output", "contours kept", "only colours changed"], rows)


def with_tables(text: str, tables: str) -> str:
    """The text with these tables between its marks."""
    head, rest = text.split(BEGIN)
    return f"{head}{BEGIN}\n{tables}\n{END}{rest.split(END)[1]}"


def pages() -> dict[Path, str]:
    """Page -> its text with the tables as the figures are now."""
    tables = {README: overview(), RESULTS: measured()}
    return {page: with_tables(page.read_text("utf-8"), tables[page]) for page in tables}


if __name__ == "__main__":
    for page, text in pages().items():
        write_whole(page, text)
