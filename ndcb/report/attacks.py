"""What attacks on templates restored, as report.md's section Attacks."""

from ndcb.report.cells import number, rate, table
from ndcb.report.names import JUDGES
from ndcb.results.goals import restored_above_floor
from ndcb.results.summaries import Figures, judges

THIEVES = {
    "restoration": "the template",
    "template_inversion": "the template, and F",
    "embedding_inversion": "F(X), stored bare",
    "chance": "nothing: the mean training face",
}
"""Key -> what the thief has."""
PICTURES = {
    "photo": "photo",
    "template": "template",
    "restoration": "restored from the template",
    "template_inversion": "restored from F(T)",
    "embedding_inversion": "restored from F(X)",
}
"""File -> caption, in the order of the page."""
AGAINST = {"same_photo": "same photo", "another_photo": "another photo"}
"""Key -> what the restored picture is compared with."""


def report_section(attacks: Figures) -> str:
    """What `training.attacks.attack` measured -> Markdown without a heading; its pictures are
    looked for in the folder `attacks`.
    """
    return "\n\n".join(
        [
            _restored(attacks),
            _judged(attacks),
            _against_the_floor(attacks),
            _face_found(attacks["face_found"]),
            _second_recogniser(attacks["second_recogniser"]),
            _pictures(),
        ]
    )


def _restored(attacks: Figures) -> str:
    """A row for each thief."""
    names = [JUDGES[judge] for judge in judges(attacks["restoration"])]
    judged = [f"{name}: {photo}" for name in names for photo in AGAINST.values()]
    rows = [[words, *_restored_cells(attacks[thief])] for thief, words in THIEVES.items()]
    return table(["the thief has", "SSIM", "PSNR", *judged], rows)


def _restored_cells(restored: Figures) -> list[str]:
    shares = [_share(restored[judge], photo) for judge in judges(restored) for photo in AGAINST]
    return [number(restored["ssim"]), f"{restored['psnr']:.1f} dB", *shares]


def _share(judged: Figures | None, photo: str) -> str:
    if judged is None:
        return "not measured"
    accepted = judged[photo]
    if accepted["share"] is None:
        return "no pairs"
    return f"{rate(accepted['share'])} of {accepted['of']:,}"


def _judged(attacks: Figures) -> str:
    *others, last = (
        f"{number(threshold)} ({JUDGES[judge]})"
        for judge, threshold in attacks["thresholds"].items()
        if threshold is not None
    )
    thresholds = f"{', '.join(others)} and {last}" if others else last
    return (
        "How often the restored picture is taken for the person, at the threshold where"
        f" {attacks['fmr']:.1%} of the pairs of photos of two people are: squared distances"
        f" {thresholds}. {attacks['pictures']:,} test pictures. Each attacker learned from the"
        f" training people in {attacks['steps']:,} steps of {attacks['batch']} pictures with the"
        " loss L1 + (1 - SSIM). The mean training face says what the judges accept by chance."
    )


def _against_the_floor(attacks: Figures) -> str:
    """The goal of every method that keeps the embedding: not to leak more than the embedding
    does.
    """
    worst = restored_above_floor(attacks, ("restoration", "template_inversion"))
    if worst is None:
        return "No attack could be compared with bare embeddings."
    photo = "the same" if worst.photo == "same_photo" else "another"
    return (
        "Against bare embeddings, the template gives the thief at most"
        f" {100 * worst.share:+.1f} points: {PICTURES[worst.thief]}, judged by"
        f" {JUDGES[worst.judge]} against {photo} photo."
    )


def _face_found(found: Figures) -> str:
    return (
        f"MTCNN finds a face in {found['template']:.1%} of the templates and in"
        f" {found['photo']:.1%} of the same aligned photos ({found['pictures']:,} test pictures, as"
        " they are)."
    )


def _second_recogniser(second: Figures | None) -> str:
    if second is None:
        return "The second recogniser was not measured."
    rates = second["template"]
    return (
        f"{second['name']} on the template itself, against photos: EER {rate(rates['eer'])}, TAR"
        f" {rate(rates['tar_at_fmr_1e-2'])} at FMR 1 % and {rate(rates['tar_at_fmr_1e-3'])} at FMR"
        " 0.1 %."
    )


def _pictures() -> str:
    """The bundled portrait, which is in the public domain; no picture of a data set is shown."""
    shown = [f"![{caption}](attacks/{name}.png)" for name, caption in PICTURES.items()]
    return table(list(PICTURES.values()), [shown])
