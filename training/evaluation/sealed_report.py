"""summary.json of sealed templates -> report.md, and the table of README."""

from ndcb.goals import SEALED_GOALS, side_by_side
from ndcb.tables import table

SCORES = {"facenet": "FaceNet", "pixels": "pixels", "network": "a network trained to link"}
SIDES = {"templates": "two templates under different keys", "photo": "template and photo",
         "control_photo": "control: template and photo, one key for all"}


def report(summary: dict) -> str:
    """The page as Markdown, from the figures alone; a part that was not measured is left out."""
    found = summary["sealed"]
    parts = ", ".join(f"{count:,} {part}" for part, count in summary["data"]["pictures"].items())
    return "\n\n".join([
        f"# Evaluation of `{summary['checkpoint']}`",
        f"Written by `python -m training evaluate {summary['checkpoint']}` in {sum(summary['seconds'].values()) / 60:.0f} minutes on "
        f"{summary['device']}, commit {summary['commit']}. Data: {parts} pictures; split: {summary['data']['split']}. All figures are of the "
        f"test part, of templates as stored (8 bits), with {summary['recogniser']}; each picture's template has a key of its own.",
        "## Goals", side_by_side({"": summary["goals"]}, SEALED_GOALS),
        *(f"## {title}\n\n{section(found[key])}" for title, key, section in SECTIONS if key in found and "not_measured" not in found[key])]) + "\n"


def verification(found: dict) -> str:
    words = {"unprotected": "F(X) against F(X'), unprotected", "directions": "z(X) against z(X'): no template yet",
             "own_keys": "sealed, impostors with keys of their own", "stolen_key": "sealed, impostors with the victim's key"}
    rows = [[text, f"{found[key]['eer']:.2%}", f"{found[key]['fnmr_at_fmr_1e-2']:.2%}", f"{found[key]['fnmr_at_fmr_1e-3']:.2%}"]
            for key, text in words.items()]
    return table(["what is compared", "EER", "FNMR at FMR 1 %", "FNMR at FMR 0.1 %"], rows)


def folds(found: dict) -> str:
    low, high = (100 * edge for edge in found["drop"]["ci95"])
    return table(["", "accuracy"], [[name, f"{found[name]['accuracy']:.2%} ± {found[name]['stderr']:.2%}"] for name in ("unprotected", "sealed")]
                 ) + f"\n\nLost: {100 * found['drop']['mean']:.2f} points [{low:.2f}, {high:.2f}], {found['pairs']:,} pairs."


def security(found: dict) -> str:
    rows = [["old template, new key, another photo of the person", *_share(found["renewed"])],
            ["template in place of a photo, right key", *_share(found["replayed"])],
            ["**stolen key**: template opened with it, against another photo of the person", *_share(found["leaked"])],
            *([f"**one key for all**, {count} leaked pairs: other templates opened", *_share(one)] for count, one in found["one_key"].items())]
    return table(["", "accepted", "of", "share"], rows) + (
        f"\n\nAccepted: under the squared distance {found['threshold']:.3f}, where the FMR is {found['fmr']:.1%}.")


def _share(one: dict) -> list[str]:
    return [f"{one['accepted']:,}", f"{one['of']:,}", f"{one['share']:.2%}"]


def linkability(found: dict) -> str:
    rows = [[SIDES[side], SCORES[score], f"{one['d_sys']:.4f}", f"{one['null']['mean']:.4f} [{', '.join(f'{edge:.4f}' for edge in one['null']['ci95'])}]",
             "inside" if one["inside"] else "**above**", f"{one['mated']:,}"]
            for side, scores in found.items() for score, one in scores.items()]
    return table(["what is linked", "score", "D_sys", "by chance, 95 % range", "", "mated scores"], rows)


def restoration(found: dict) -> str:
    words = {"restoration": "restored from the template, without the key", "chance": "the mean training face"}
    rows = [[text, f"{found[key]['ssim']:.3f}", f"{found[key]['psnr']:.2f}",
             *(f"{found[key][judge]['same_photo']['share']:.2%}" if found[key][judge] else "not measured" for judge in ("facenet", "dlib"))]
            for key, text in words.items()]
    return table(["", "SSIM", "PSNR, dB", "FaceNet accepts", "dlib accepts"], rows)


def polish(found: dict) -> str:
    return table(["steps", "mean", "99th percentile", "milliseconds a template"], [
        [steps, f"{one['mean']:.4f}", f"{one['p99']:.4f}", f"{one['milliseconds']:.0f}"] for steps, one in found["steps"].items()])


def times(found: dict) -> str:
    check = found["verification"]
    return (f"On {found['cores']} cores, of an aligned face: enrolment {found['enrolment']['milliseconds']:.0f} ms; verification "
            f"{check['milliseconds']:.0f} ms, with a plain template {check['plain_milliseconds']:.0f} ms; a passphrase costs "
            f"{found['passphrase']['milliseconds']:.0f} ms more, on purpose.")


def second(found: dict) -> str:
    return table(["", "EER", "TAR at FMR 0.1 %"], [[name, f"{found[name]['eer']:.1%}", f"{found[name]['tar_at_fmr_1e-3']:.2%}"]
                                                   for name in ("plain", "template")])


def image(found: dict) -> str:
    return f"SSIM {found['ssim']:.3f}, PSNR {found['psnr']:.1f} dB between template and photo."


def faces(found: dict) -> str:
    return f"MTCNN finds a face in {found['template']:.1%} of {found['pictures']} templates, in {found['photo']:.1%} of the photos."


SECTIONS = [
    ("Verification", "verification", verification), ("LFW's ten folds", "lfw_folds", folds),
    ("Renewed, replayed, stolen, reused", "security", security), ("Linkability", "linkability", linkability),
    ("Restoration without the key", "restoration", restoration), ("Another recogniser, template against photo", "second_recogniser", second),
    ("Pictures", "image", image), ("Faces found", "face_found", faces), ("Polish", "polish", polish), ("Time", "times", times)]
