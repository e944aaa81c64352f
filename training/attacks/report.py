"""The section Attacks of report.md, from the figures alone."""

from ndcb.report.restoration import JUDGES
from ndcb.report.tables import number, rate, table
from ndcb.results.goals import restored_above_floor

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


def report_section(attacks: dict) -> str:
    """What `training.attacks.attack` measured -> Markdown without a heading; its pictures are
    looked for in the folder `attacks`.
    """
    header = [
        "the thief has",
        "SSIM",
        "PSNR",
        *(f"{judge}: {photo}" for judge in JUDGES.values() for photo in AGAINST.values()),
    ]
    rows = [
        [
            words,
            number(attacks[key]["ssim"]),
            f"{attacks[key]['psnr']:.1f} dB",
            *(_share(attacks[key][judge], photo) for judge in JUDGES for photo in AGAINST),
        ]
        for key, words in THIEVES.items()
    ]
    return "\n\n".join(
        [
            table(header, rows),
            _judged(attacks),
            _against_the_floor(attacks),
            _found(attacks["face_found"]),
            _second(attacks["second_recogniser"]),
            _pictures(),
        ]
    )


def _share(judged: dict | None, photo: str) -> str:
    if judged is None:
        return "not measured"
    one = judged[photo]
    return "no pairs" if one["share"] is None else f"{rate(one['share'])} of {one['of']:,}"


def _judged(attacks: dict) -> str:
    edges = " and ".join(
        f"{number(value)} ({JUDGES[name]})"
        for name, value in attacks["thresholds"].items()
        if value is not None
    )
    return (
        "How often the restored picture is taken for the person, at the threshold where"
        f" {attacks['fmr']:.1%} of the pairs of photos of two people are: squared distances"
        f" {edges}. {attacks['pictures']:,} test pictures. Each attacker learned from the training"
        f" people in {attacks['steps']:,} steps of {attacks['batch']} pictures with the loss L1 +"
        " (1 - SSIM). The mean training face says what the judges accept by chance."
    )


def _against_the_floor(attacks: dict) -> str:
    """The goal of every method that keeps the embedding: not to leak more than the embedding
    does.
    """
    worst = restored_above_floor(attacks, ("restoration", "template_inversion"))
    if worst is None:
        return "No attack could be compared with bare embeddings."
    points, thief, judge, photo = worst
    return (
        f"Against bare embeddings, the template gives the thief at most {100 * points:+.1f} points:"
        f" {PICTURES[thief]}, judged by {JUDGES[judge]} against"
        f" {'the same' if photo == 'same_photo' else 'another'} photo."
    )


def _found(found: dict) -> str:
    return (
        f"MTCNN finds a face in {found['template']:.1%} of the templates and in"
        f" {found['photo']:.1%} of the same aligned photos ({found['pictures']:,} test pictures, as"
        " they are)."
    )


def _second(second: dict | None) -> str:
    if second is None:
        return "The second recogniser was not measured."
    found = second["template"]
    return (
        f"{second['name']} on the template itself, against photos: EER {rate(found['eer'])}, TAR"
        f" {rate(found['tar_at_fmr_1e-2'])} at FMR 1 % and {rate(found['tar_at_fmr_1e-3'])} at FMR"
        " 0.1 %."
    )


def _pictures() -> str:
    """The bundled portrait, which is in the public domain; no picture of a data set is shown."""
    return table(
        list(PICTURES.values()),
        [[f"![{words}](attacks/{name}.png)" for name, words in PICTURES.items()]],
    )
