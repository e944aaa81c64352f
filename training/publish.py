"""Writes README.md's measured tables from the summary.json of every evaluation, benchmark.json and
objectives.json in checkpoints: python -m training.publish
"""

import json

from ndcb.core.files import write_whole
from ndcb.core.terms import DEFAULT_FACES
from ndcb.models import checkpoints
from ndcb.report import sealed as sealed_tables
from ndcb.report.cells import table
from ndcb.report.goals import side_by_side
from ndcb.results import evaluations
from ndcb.results.goals import SEALED_GOALS
from training.benchmark import tables

README = checkpoints.FOLDER.parent / "README.md"
RATIOS = (
    "Ratios: of a stage's time to FaceNet's own forward pass of as many faces; of a training step's"
    " rate to FaceNet's forward and backward pass alone (for digits, to the digits-embedder's); of"
    " a start to FaceNet's forward pass of 64 faces. `generate, bottleneck` is the decoder alone;"
    " the photo's own embedding, which it reads, is one `embed` more."
)
BEGIN, END = "<!-- measured: written by python -m training.publish -->", "<!-- /measured -->"


def measured() -> str:
    """Every committed generator that is evaluated; what is measured of faces only; the recognisers;
    speed.
    """
    found = {
        name: summary
        for name in checkpoints.names()
        if (summary := _read(checkpoints.FOLDER / name / "evaluation" / "summary.json"))
    }
    faces = {
        name: found[name]
        for name in sorted(found, key=lambda name: name != DEFAULT_FACES)
        if found[name]["data"]["name"] == "lfw"
    }
    speed, compared = (
        _read(checkpoints.FOLDER / f"{name}.json") for name in ("benchmark", "objectives")
    )
    return "\n\n".join(
        [
            generators(found),
            recognisers(),
            "**Concealment**: the generators of faces against this project's goals",
            side_by_side({f"`{name}`": one["goals"] for name, one in faces.items()}),
            *(objectives(compared) if compared else []),
            *sealed_templates(),
            "**Faces as the field measures them**",
            field(faces),
            "**The mock login of the paper's Table 4**",
            mock_login(found),
            "**The paper's Table 5**: its three failures, from 0 (free of it) to 1",
            failures(found),
            "**Speed.** " + RATIOS,
            tables.table(speed) if speed else "Not measured.",
            *durations(faces),
        ]
    )


def durations(faces: dict) -> list[str]:
    return [
        f"`python -m training evaluate {name}` took {one['seconds']['total'] / 60:.0f} minutes on"
        f" {one['device']}{' from empty caches' if one['caches_were_empty'] else ''}."
        for name, one in faces.items()
    ]


def objectives(compared: dict) -> list[str]:
    """What each objective against transfer does to another recogniser, and what it costs."""
    first = next(iter(compared["objectives"].values()))
    other = f"another recogniser ({first['second_recogniser']['name']})"
    header = [
        "objective",
        "squared embedding distance",
        "EER",
        f"EER, {other}",
        f"TAR at FMR 0.1 %, {other}",
    ]
    rates = lambda own, other: [
        f"{own['eer']:.2%}",
        f"{other['eer']:.1%}",
        f"{other['tar_at_fmr_1e-3']:.1%}",
    ]  # noqa: E731
    rows = [
        [
            "no template: plain photos",
            "",
            *rates(first["plain"], first["second_recogniser"]["plain"]),
        ]
    ]
    rows += [
        [
            name,
            f"{one['embedding_error']['mean']:.3f}",
            *rates(one["template"], one["second_recogniser"]["template"]),
        ]
        for name, one in compared["objectives"].items()
    ]
    return [
        (
            f"**Objectives against transfer**, each trained for {compared['steps']} steps from step"
            f" {compared['from_step']} of `{compared['preset']}` on, and judged on"
            f" {first['pictures']} pictures of development people (`python -m training objectives`)"
        ),
        table(header, rows),
    ]


def sealed_templates() -> list[str]:
    """Of the sealed generators that are evaluated: the goals, and what a thief gets."""
    return [
        text
        for name, one in evaluations.sealed().items()
        for text in (
            (
                f"**Sealed templates**: [`{name}`](checkpoints/{name}/evaluation/report.md), each"
                " test picture under a key of its own"
            ),
            side_by_side({f"`{name}`": one["goals"]}, SEALED_GOALS),
            sealed_tables.verification(one["sealed"]["verification"]),
            sealed_tables.security(one["sealed"]["security"]),
            sealed_tables.linkability(one["sealed"]["linkability"]),
            sealed_tables.restoration(one["sealed"]["restoration"]),
            sealed_tables.times(one["sealed"]["times"]),
        )
    ]


def generators(found: dict) -> str:
    rows = []
    for name, one in found.items():
        image, error, plain, template = (
            one["image"],
            one["embedding_error"],
            one["verification"]["plain"],
            one["verification"]["template"],
        )
        rows.append(
            [
                f"[`{name}`](checkpoints/{name}/evaluation/report.md)",
                f"{image['mse']:.3f}",
                f"{image['l1']:.3f}",
                f"{image['ssim']:.2f}",
                f"{error['mean']:.3f}, {error['p95']:.3f}",
                f"{plain['eer']:.2%}",
                (
                    f"{template['eer']:.2%}"
                    f" [{', '.join(f'{edge:.2%}' for edge in template['eer_ci95'])}]"
                ),
                f"{template['at_login_threshold']['threshold']:.3f}",
            ]
        )
    return table(
        [
            "checkpoint",
            "MSE",
            "L1",
            "SSIM",
            "squared embedding distance: mean, 95th percentile",
            "EER plain",
            "EER template, 95 % interval",
            "login threshold",
        ],
        rows,
    )


def recognisers() -> str:
    rows = []
    for name in checkpoints.names(checkpoints.RECOGNISERS):
        figures = checkpoints.load(name, checkpoints.RECOGNISERS).record["figures"]
        rows.append([f"`{name}`", f"{figures['plain']['eer']:.2%}"])
    return table(["recogniser", "EER on all test pairs"], rows)


def field(faces: dict) -> str:
    """A row a measure, plain and template, for each generator of faces."""
    rows = []
    for name, one in faces.items():
        folds, rates, other, robust = (
            one[key] for key in ("lfw_folds", "verification", "second_recogniser", "robustness")
        )
        lost = (
            f"{folds['drop']['mean'] * 100:.2f}"
            f" [{', '.join(f'{edge * 100:.2f}' for edge in folds['drop']['ci95'])}]"
        )
        accuracy = lambda of: (
            f"{of[key]['accuracy']:.2%} ± {of[key]['stderr']:.2%}" for key in ("plain", "template")
        )  # noqa: E731
        pairs = [
            ["LFW's ten folds, accuracy", *accuracy(folds)],
            ["their drop in points, 95 % interval", "", lost],
            [
                "the same folds, mean embedding subtracted (published: 99.05 %)",
                *accuracy(folds["centred"]),
            ],
            *(
                [
                    f"FNMR at FMR {words}",
                    *(f"{rates[key][f'fnmr_at_fmr_{level}']:.2%}" for key in ("plain", "template")),
                ]
                for level, words in (("1e-2", "1 %"), ("1e-3", "0.1 %"))
            ),
            *(
                [words, "", f"{robust[key]['eer']:.2%}"]
                for key, words in (
                    ("jpeg_75", "EER after JPEG, quality 75"),
                    ("half_size", "EER after half size and back"),
                    ("double_size", "EER after double size and back"),
                )
            ),
        ]
        if "not_measured" in other:
            pairs.append(["a second recogniser", "not measured", "not measured"])
        else:
            pairs += [
                [
                    f"{words}, another recogniser ({other['name']})",
                    *(f"{other[key][level]:.2%}" for key in ("plain", "template")),
                ]
                for level, words in (("eer", "EER"), ("tar_at_fmr_1e-3", "TAR at FMR 0.1 %"))
            ]
        rows += [[f"`{name}`", *pair] for pair in pairs]
    return table(["checkpoint", "", "plain photo", "template"], rows)


def mock_login(found: dict) -> str:
    keys = ("plain", "template", "plain_again")
    header = [
        "checkpoint",
        "F1, photo enrolled",
        "F1, template enrolled",
        "F1, another photo (the paper's code)",
        "lost to the template, points",
    ]
    return table(
        header,
        [
            [
                f"`{name}`",
                *(f"{one['paper']['table4'][key]['f1']['mean']:.2%}" for key in keys),
                "{:.2f} [{:.2f}, {:.2f}]".format(
                    *(100 * value for value in (lost["mean"], *lost["ci95"]))
                ),
            ]
            for name, one in found.items()
            for lost in [one["paper"]["table4"]["drop"]]
        ],
    )


def failures(found: dict) -> str:
    keys = ("blank", "contours_kept", "only_colours_changed")
    return table(
        ["checkpoint", "blank output", "contours kept", "only colours changed"],
        [
            [f"`{name}`", *(f"{one['failures'][key]:.2f}" for key in keys)]
            for name, one in found.items()
        ],
    )


def _read(path) -> dict | None:
    return json.loads(path.read_text()) if path.exists() else None


def with_tables(text: str) -> str:
    """The README's text with the tables as the figures are now."""
    head, rest = text.split(BEGIN)
    return f"{head}{BEGIN}\n{measured()}\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    write_whole(README, with_tables(README.read_text("utf-8")))
