"""Tables of sealed templates, for the page, the reports and the docs. Each takes one part of an
evaluation, a mapping (`ndcb.results.summaries.SealedParts`).
"""

from collections.abc import Callable

from ndcb.report.cells import number, numbers_table, plain_points, rate, rate_of, table
from ndcb.report.names import JUDGES
from ndcb.results.summaries import Figures, SealedParts, judges

SCORES = JUDGES | {"pixels": "pixels", "network": "a network trained to link"}
"""Who tries to link -> its name."""
SIDES = {
    "templates": "two templates under different keys",
    "photo": "template and photo",
    "control_photo": "control: template and photo, one key for all",
}
"""What is linked -> its name."""
COMPARED = {
    "unprotected": "F(X) against F(X'), unprotected",
    "directions": "z(X) against z(X'): no template yet",
    "own_keys": "sealed, impostors with keys of their own",
    "stolen_key": "sealed, impostors with the victim's key",
}
"""What is verified -> its name."""
TRIED = {
    "renewed": "old template, new key, another photo of the person",
    "replayed": "template in place of a photo, right key",
    "leaked": "**stolen key**: template opened with it, against another photo of the person",
}
"""What a thief tries with one template -> its name."""
RESTORED = {
    "restoration": "restored from the template, without the key",
    "chance": "the mean training face",
}
"""How a picture came about -> its name."""


def finding(parts: SealedParts) -> str:
    """What the figures mean: without the key, with it, and where one key is used for all."""
    security, linkability = parts.security, parts.linkability
    linked = [*linkability["templates"].values(), *linkability["photo"].values()]
    above = sum(not score["inside"] for score in linked)
    few, opened = next(iter(security["one_key"].items()))
    return (
        f"**Without the key:** {_judged(parts.restoration)}. Of {len(linked)} attempts to link,"
        f" {above} came out above the range of chance. Replayed with the right key,"
        f" {security['replayed']['share']:.2%} of the templates are accepted; after a renewal"
        f" {security['renewed']['share']:.2%} of the old ones (chance: {security['fmr']:.1%} of"
        " strangers). **With a stolen key** the template is a leaked embedding:"
        f" {security['leaked']['share']:.1%} of other photos of the person match it. **With one key"
        f" for all** it is broken by {few} leaked pairs of photo and template:"
        f" {opened['share']:.1%} of the others open then."
    )


def _judged(restoration: Figures) -> str:
    restored, chance = restoration["restoration"], restoration["chance"]
    return "; ".join(
        f"{JUDGES[judge]} takes {_same(restored[judge])} of the restored pictures for the person,"
        f" and {_same(chance[judge])} of average faces"
        for judge in judges(restored)
        if restored[judge]
    )


def _same(judged: Figures, form: str = ".1%") -> str:
    """The share of pictures that are taken for the person of the photo they came from."""
    return format(judged["same_photo"]["share"], form)


KEYS = (
    "Distances are of directions z. A plain photo is one without a template yet; every stranger has"
    " the key of the template's owner. Without that key a stranger's score is that of a random"
    " rotation, whoever it is: not measured here."
)


def with_key(tables: Callable[[Figures], str]) -> Callable[[Figures], str]:
    """The same tables of sealed templates, and what the strangers have."""
    return lambda figures: f"{KEYS}\n\n{tables(figures)}"


def verification(figures: Figures) -> str:
    rows = [[words, *_rates(figures[name])] for name, words in COMPARED.items()]
    return numbers_table(["what is compared", "EER", "FNMR at FMR 1 %", "FNMR at FMR 0.1 %"], rows)


def _rates(side: Figures) -> list[str]:
    return [rate_of(side, key) for key in ("eer", "fnmr_at_fmr_1e-2", "fnmr_at_fmr_1e-3")]


def lfw_folds(figures: Figures) -> str:
    rows = [
        [name, f"{rate(figures[name]['accuracy'])} ± {rate(figures[name]['stderr'])}"]
        for name in ("unprotected", "sealed")
    ]
    lost = plain_points(figures["drop"], " points")
    return f"{table(['', 'accuracy'], rows)}\n\nLost: {lost}, {figures['pairs']:,} pairs."


def security(figures: Figures) -> str:
    rows = [[words, *_share(figures[name])] for name, words in TRIED.items()]
    rows += [
        [f"**one key for all**, {count} leaked pairs: other templates opened", *_share(opened)]
        for count, opened in figures["one_key"].items()
    ]
    return (
        numbers_table(["", "accepted", "of", "share"], rows)
        + f"\n\nAccepted: under the squared distance {number(figures['threshold'])}, where the FMR"
        f" is {figures['fmr']:.1%}."
    )


def _share(accepted: Figures) -> list[str]:
    return [f"{accepted['accepted']:,}", f"{accepted['of']:,}", rate(accepted["share"])]


def linkability(figures: Figures) -> str:
    header = [
        "what is linked, by which score",
        "D_sys",
        "by chance",
        "95 % range",
        "above",
        "mated scores",
    ]
    rows = [
        _linked_row(f"{SIDES[side]}: {SCORES[score]}", linked)
        for side, scores in figures.items()
        for score, linked in scores.items()
    ]
    return numbers_table(header, rows)


def _linked_row(words: str, linked: Figures) -> list[str]:
    low, high = linked["null"]["ci95"]
    return [
        words,
        number(linked["d_sys"], 4),
        number(linked["null"]["mean"], 4),
        f"{low:.4f}, {high:.4f}",
        "no" if linked["inside"] else "**yes**",
        f"{linked['mated']:,}",
    ]


def restoration(figures: Figures) -> str:
    rows = [[words, *_restored_cells(figures[name])] for name, words in RESTORED.items()]
    accepts = [f"{JUDGES[judge]} accepts" for judge in judges(figures["restoration"])]
    return numbers_table(["", "SSIM", "PSNR, dB", *accepts], rows)


def _restored_cells(restored: Figures) -> list[str]:
    judged = [
        _same(restored[judge], ".2%") if restored[judge] else "not measured"
        for judge in judges(restored)
    ]
    return [number(restored["ssim"]), number(restored["psnr"], 2), *judged]


def polish(figures: Figures) -> str:
    rows = [
        [
            steps,
            number(after["mean"], 4),
            number(after["p99"], 4),
            f"{after['milliseconds']:.0f}",
        ]
        for steps, after in figures["steps"].items()
    ]
    return numbers_table(["steps", "mean", "99th percentile", "milliseconds a template"], rows)


def times(figures: Figures) -> str:
    check = figures["verification"]
    return (
        f"On {figures['cores']} cores, of an aligned face: enrolment"
        f" {figures['enrolment']['milliseconds']:.0f} ms; verification"
        f" {check['milliseconds']:.0f} ms, with a plain template"
        f" {check['plain_milliseconds']:.0f} ms; a passphrase costs"
        f" {figures['passphrase']['milliseconds']:.0f} ms more, on purpose."
    )


def second_recogniser(figures: Figures) -> str:
    rows = [
        [name, f"{figures[name]['eer']:.1%}", rate(figures[name]["tar_at_fmr_1e-3"])]
        for name in ("plain", "template")
    ]
    return numbers_table(["", "EER", "TAR at FMR 0.1 %"], rows)


def image(figures: Figures) -> str:
    return f"SSIM {figures['ssim']:.3f}, PSNR {figures['psnr']:.1f} dB between template and photo."


def face_found(figures: Figures) -> str:
    return (
        f"MTCNN finds a face in {figures['template']:.1%} of {figures['pictures']} templates, in"
        f" {figures['photo']:.1%} of the photos."
    )
