"""report.md: a plain or a sealed evaluation as one page, the paper's numbers beside ours."""

from collections.abc import Callable

from ndcb.report import attacks, folds, mock_login, pictures, robustness, sealed, verification
from ndcb.report.goals import side_by_side
from ndcb.results.goals import SEALED_GOALS
from ndcb.results.summaries import Evaluation, SealedEvaluation

SECTIONS = [
    ("Verification", ("verification",), verification.for_report),
    ("LFW's ten folds", ("lfw_folds",), folds.for_report),
    ("Pictures and embeddings", ("image", "embedding_error", "failures"), pictures.for_report),
    ("A second recogniser", ("second_recogniser",), robustness.second_recogniser_for_report),
    ("Robustness", ("robustness", "verification", "embedding_error"), robustness.harms_for_report),
    ("Failure to enrol", ("failure_to_enrol",), robustness.failure_to_enrol_for_report),
    ("The paper's Table 4: the mock login", ("paper",), mock_login.table4_for_report),
    ("The paper's Table 3: picture distances", ("paper",), pictures.table3_for_report),
    ("The paper's Table 6: EER", ("verification",), verification.table6_for_report),
]
"""Title, the parts that the section needs, and evaluation -> Markdown."""


def _goals(evaluation: Evaluation) -> str:
    return side_by_side({"measured": evaluation.goals})


def _attacks(evaluation: Evaluation) -> str:
    return attacks.report_section(evaluation.attacks)


WHERE_MEASURED = [
    ("Goals", "goals", _goals),
    ("Another recogniser", "other_recogniser", robustness.other_recogniser_for_report),
    ("Polish", "polish", robustness.polish),
    ("Attacks", "attacks", _attacks),
]
"""Sections that only generators of faces have: title, part, evaluation -> Markdown."""
SEALED_SECTIONS = {
    "verification": ("Verification", sealed.verification),
    "lfw_folds": ("LFW's ten folds", sealed.lfw_folds),
    "security": ("Renewed, replayed, stolen, reused", sealed.security),
    "linkability": ("Linkability", sealed.linkability),
    "restoration": ("Restoration without the key", sealed.restoration),
    "second_recogniser": ("Another recogniser, template against photo", sealed.second_recogniser),
    "image": ("Pictures", sealed.image),
    "face_found": ("Faces found", sealed.face_found),
    "polish": ("Polish", sealed.polish),
    "times": ("Time", sealed.times),
}
"""Part -> title, and the part's figures -> Markdown."""


def report(evaluation: Evaluation | SealedEvaluation) -> str:
    """The page as Markdown, from the figures alone."""
    if isinstance(evaluation, SealedEvaluation):
        blocks = _sealed_blocks(evaluation)
    else:
        blocks = _plain_blocks(evaluation)
    return "\n\n".join([f"# Evaluation of `{evaluation.name}`", *blocks]) + "\n"


def _plain_blocks(evaluation: Evaluation) -> list[str]:
    """A part that was not measured says why, but for those of faces only."""
    data = evaluation.data
    caches = " from empty caches" if evaluation.caches_were_empty else ""
    head = (
        f"Written by `python -m training evaluate {evaluation.name}` in"
        f" {evaluation.minutes:.1f} minutes on {evaluation.device}{caches}, commit"
        f" {evaluation.commit}. Data: {data.name}, {data.counted()} pictures; split: {data.split}."
        " All figures are of the test part, of templates as stored (8 bits), with"
        f" {evaluation.recogniser}, squared Euclidean distances, and plain photos as probes."
    )
    figures = "![DET, ROC of the mock login, score distributions, embeddings](figures.png)"
    blocks = [head, figures, *(_section(evaluation, *section) for section in SECTIONS)]
    for title, part, text in WHERE_MEASURED:
        if evaluation[part] and evaluation.reason(part) is None:
            blocks.append(f"## {title}\n\n{text(evaluation)}")
    return blocks


def _section(
    evaluation: Evaluation, title: str, needs: tuple[str, ...], text: Callable[[Evaluation], str]
) -> str:
    reason = next(filter(None, map(evaluation.reason, needs)), None)
    return f"## {title}\n\n{f'Not measured: {reason}' if reason else text(evaluation)}"


def _sealed_blocks(evaluation: SealedEvaluation) -> list[str]:
    """A part that was not measured is left out."""
    data, parts = evaluation.data, evaluation.sealed
    head = (
        f"Written by `python -m training evaluate {evaluation.name}` in"
        f" {evaluation.minutes:.0f} minutes on {evaluation.device}, commit {evaluation.commit}."
        f" Data: {data.counted()} pictures; split: {data.split}. All figures are of the test part,"
        f" of templates as stored (8 bits), with {evaluation.recogniser}; each picture's template"
        " has a key of its own."
    )
    return [
        head,
        "## Goals",
        side_by_side({"": evaluation.goals}, SEALED_GOALS),
        *(
            f"## {title}\n\n{text(parts[part])}"
            for part, (title, text) in SEALED_SECTIONS.items()
            if parts.reason(part) is None
        ),
    ]
