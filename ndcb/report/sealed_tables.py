"""An evaluation of sealed templates -> Markdown, for the page, the report and README. Figures come
from summary.json, key `sealed`.
"""

from ndcb.report.tables import numbers_table, table

SCORES = {"facenet": "FaceNet", "pixels": "pixels", "network": "a network trained to link"}
SIDES = {
    "templates": "two templates under different keys",
    "photo": "template and photo",
    "control_photo": "control: template and photo, one key for all",
}
JUDGES = {"facenet": "FaceNet", "dlib": "dlib"}


def finding(found: dict) -> str:
    """What the figures mean: without the key, with it, and where one key is used for all."""
    security, restored = found["security"], found["restoration"]
    linked = [one for side in ("templates", "photo") for one in found["linkability"][side].values()]
    above = sum(not one["inside"] for one in linked)
    judged = "; ".join(
        f"{name} takes {_same(restored['restoration'], one)} of the restored pictures for the"
        f" person, and {_same(restored['chance'], one)} of average faces"
        for one, name in JUDGES.items()
        if restored["restoration"][one]
    )
    few, opened = next(iter(security["one_key"].items()))
    return (
        f"**Without the key:** {judged}. Of {len(linked)} attempts to link, {above} came out above"
        f" the range of chance. Replayed with the right key, {security['replayed']['share']:.2%} of"
        f" the templates are accepted; after a renewal {security['renewed']['share']:.2%} of the"
        f" old ones (chance: {security['fmr']:.1%} of strangers). **With a stolen key** the"
        f" template is a leaked embedding: {security['leaked']['share']:.1%} of other photos of the"
        f" person match it. **With one key for all** it is broken by {few} leaked pairs of photo"
        f" and template: {opened['share']:.1%} of the others open then."
    )


def _same(judged: dict, judge: str) -> str:
    return f"{judged[judge]['same_photo']['share']:.1%}"


def verification(found: dict) -> str:
    words = {
        "unprotected": "F(X) against F(X'), unprotected",
        "directions": "z(X) against z(X'): no template yet",
        "own_keys": "sealed, impostors with keys of their own",
        "stolen_key": "sealed, impostors with the victim's key",
    }
    rows = [
        [
            text,
            f"{found[key]['eer']:.2%}",
            f"{found[key]['fnmr_at_fmr_1e-2']:.2%}",
            f"{found[key]['fnmr_at_fmr_1e-3']:.2%}",
        ]
        for key, text in words.items()
    ]
    return numbers_table(["what is compared", "EER", "FNMR at FMR 1 %", "FNMR at FMR 0.1 %"], rows)


def lfw_folds(found: dict) -> str:
    low, high = (100 * edge for edge in found["drop"]["ci95"])
    rows = [
        [name, f"{found[name]['accuracy']:.2%} ± {found[name]['stderr']:.2%}"]
        for name in ("unprotected", "sealed")
    ]
    return (
        table(["", "accuracy"], rows)
        + f"\n\nLost: {100 * found['drop']['mean']:.2f} points [{low:.2f}, {high:.2f}],"
        f" {found['pairs']:,} pairs."
    )


def security(found: dict) -> str:
    rows = [
        ["old template, new key, another photo of the person", *_share(found["renewed"])],
        ["template in place of a photo, right key", *_share(found["replayed"])],
        [
            "**stolen key**: template opened with it, against another photo of the person",
            *_share(found["leaked"]),
        ],
        *(
            [f"**one key for all**, {count} leaked pairs: other templates opened", *_share(one)]
            for count, one in found["one_key"].items()
        ),
    ]
    return (
        numbers_table(["", "accepted", "of", "share"], rows)
        + f"\n\nAccepted: under the squared distance {found['threshold']:.3f}, where the FMR is"
        f" {found['fmr']:.1%}."
    )


def _share(one: dict) -> list[str]:
    return [f"{one['accepted']:,}", f"{one['of']:,}", f"{one['share']:.2%}"]


def linkability(found: dict) -> str:
    rows = [
        [
            f"{SIDES[side]}: {SCORES[score]}",
            f"{one['d_sys']:.4f}",
            f"{one['null']['mean']:.4f}",
            ", ".join(f"{edge:.4f}" for edge in one["null"]["ci95"]),
            "no" if one["inside"] else "**yes**",
            f"{one['mated']:,}",
        ]
        for side, scores in found.items()
        for score, one in scores.items()
    ]
    return numbers_table(
        [
            "what is linked, by which score",
            "D_sys",
            "by chance",
            "95 % range",
            "above",
            "mated scores",
        ],
        rows,
    )


def restoration(found: dict) -> str:
    words = {
        "restoration": "restored from the template, without the key",
        "chance": "the mean training face",
    }
    rows = [
        [
            text,
            f"{found[key]['ssim']:.3f}",
            f"{found[key]['psnr']:.2f}",
            *(
                (
                    f"{found[key][judge]['same_photo']['share']:.2%}"
                    if found[key][judge]
                    else "not measured"
                )
                for judge in ("facenet", "dlib")
            ),
        ]
        for key, text in words.items()
    ]
    return numbers_table(["", "SSIM", "PSNR, dB", "FaceNet accepts", "dlib accepts"], rows)


def polish(found: dict) -> str:
    return numbers_table(
        ["steps", "mean", "99th percentile", "milliseconds a template"],
        [
            [steps, f"{one['mean']:.4f}", f"{one['p99']:.4f}", f"{one['milliseconds']:.0f}"]
            for steps, one in found["steps"].items()
        ],
    )


def times(found: dict) -> str:
    check = found["verification"]
    return (
        f"On {found['cores']} cores, of an aligned face: enrolment"
        f" {found['enrolment']['milliseconds']:.0f} ms; verification {check['milliseconds']:.0f}"
        f" ms, with a plain template {check['plain_milliseconds']:.0f} ms; a passphrase costs"
        f" {found['passphrase']['milliseconds']:.0f} ms more, on purpose."
    )


def second_recogniser(found: dict) -> str:
    return numbers_table(
        ["", "EER", "TAR at FMR 0.1 %"],
        [
            [name, f"{found[name]['eer']:.1%}", f"{found[name]['tar_at_fmr_1e-3']:.2%}"]
            for name in ("plain", "template")
        ],
    )


def image(found: dict) -> str:
    return f"SSIM {found['ssim']:.3f}, PSNR {found['psnr']:.1f} dB between template and photo."


def face_found(found: dict) -> str:
    return (
        f"MTCNN finds a face in {found['template']:.1%} of {found['pictures']} templates, in"
        f" {found['photo']:.1%} of the photos."
    )
