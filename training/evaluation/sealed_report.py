"""summary.json of sealed templates -> report.md."""

from ndcb.report import sealed_tables
from ndcb.results.goals import SEALED_GOALS, side_by_side


def report(summary: dict) -> str:
    """The page as Markdown, from the figures alone; a part that was not measured is left out."""
    found = summary["sealed"]
    parts = ", ".join(f"{count:,} {part}" for part, count in summary["data"]["pictures"].items())
    return (
        "\n\n".join(
            [
                f"# Evaluation of `{summary['checkpoint']}`",
                (
                    f"Written by `python -m training evaluate {summary['checkpoint']}` in"
                    f" {sum(summary['seconds'].values()) / 60:.0f} minutes on {summary['device']},"
                    f" commit {summary['commit']}. Data: {parts} pictures; split:"
                    f" {summary['data']['split']}. All figures are of the test part, of templates"
                    f" as stored (8 bits), with {summary['recogniser']}; each picture's template"
                    " has a key of its own."
                ),
                "## Goals",
                side_by_side({"": summary["goals"]}, SEALED_GOALS),
                *(
                    f"## {title}\n\n{getattr(sealed_tables, key)(found[key])}"
                    for key, title in TITLES.items()
                    if "not_measured" not in found.get(key, {"not_measured": ""})
                ),
            ]
        )
        + "\n"
    )


TITLES = {
    "verification": "Verification",
    "lfw_folds": "LFW's ten folds",
    "security": "Renewed, replayed, stolen, reused",
    "linkability": "Linkability",
    "restoration": "Restoration without the key",
    "second_recogniser": "Another recogniser, template against photo",
    "image": "Pictures",
    "face_found": "Faces found",
    "polish": "Polish",
    "times": "Time",
}
"""Key of the figures, and of what shows them in `ndcb.report.sealed_tables`."""
