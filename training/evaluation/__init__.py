"""Everything that is measured of a generator: python -m training evaluate NAME [--what PART ...].

It is written to checkpoints/NAME/evaluation: summary.json, scores.npz and embeddings.npz (see
`files`), report.md and figures.png (see `report`). Rates, shares and accuracies are in [0, 1];
distances are squared Euclidean; `ci95` is [low, high]. The reference is in `plain` the photo, in
`template` the stored template; probes are photos. A part that cannot be measured is
{"not_measured": reason}.

summary.json:
    checkpoint, sha256, recogniser, device, versions, commit, data
    seconds                `total` of the last run of all parts, and those of each part
    caches_were_empty      true if that run embedded everything anew
    renewed                part -> commit, of the parts that --what measured again after that run
    paper.table3           a list: class, part, pictures, {mse, eq12}.{real_generated,
                           real_generated_others, real_real, generated_generated}
    paper.table4           {plain, template, plain_again}.{precision, recall, f1, tp, fn, fp, tn,
                           threshold}.{mean, ci95, draws95},
                           {drop, drop_in_reference_code}.{mean, ci95, draws95}, draws, logins
    paper.figure11         a list: classes, explained_variance
    paper.figure13         fmr, {plain, template, plain_again}.{mean, low, high}
    lfw_folds              {plain, template}.{accuracy, stderr, thresholds}, drop.{mean, ci95},
                           pairs,
                           centred.{plain, template}.{accuracy, stderr} (mean embedding subtracted,
                           as the weights' publisher did),
                           centred.plain_accuracy_needed, test_people.{pairs, plain.accuracy,
                           template.accuracy, drop}
    verification           {plain, template}.{eer, eer_ci95, threshold_at_eer, fnmr_at_fmr_1e-2,
                           fnmr_at_fmr_1e-3, fnmr_at_fmr_1e-4, fnmr_at_fmr_1e-2_ci95,
                           fnmr_at_fmr_1e-3_ci95, fnmr_at_fmr_1e-4_ci95, d_prime, genuine, impostor,
                           at_login_threshold.{threshold, fmr, fnmr, fmr_ci95, fnmr_ci95},
                           det.{fmr, fnmr, low, high}}
    curves                 pairs_a_person, people, genuine, impostor, threshold, {plain,
                           template}.{eer, eer_ci95, fnmr_at_fmr_1e-2, fnmr_at_fmr_1e-3,
                           fnmr_at_fmr_1e-4, fnmr_at_fmr_1e-2_ci95, fnmr_at_fmr_1e-3_ci95,
                           fnmr_at_fmr_1e-4_ci95, fmr, fmr_low, fmr_high, fnmr, fnmr_low, fnmr_high,
                           fnmr_five_pairs} (up to `pairs_a_person` genuine pairs, every person
                           counts equally; lists are of the rates at each `threshold`)
    identification         gallery, galleries, mated_probes, non_mated_probes, {plain,
                           template}.{{rank_1, rank_5, rank_10, fnir_at_fpir_1e-2,
                           fnir_at_fpir_3e-3}.{rate, ci95}, cmc.{rank, rate, low, high},
                           {at_login_threshold, at_search_threshold}.{threshold, {fpir,
                           fnir}.{rate, ci95}}} (see
                           `evaluation.identification`)
    groups                 remark, unknown_people, threshold, overall.{test_people, pictures,
                           failure_to_enrol.{failures, rate, ci95}, at.{level, threshold, {plain,
                           template}.{fmr, fnmr}.{rate, ci95}}, fmr}, of.{group, people,
                           training_people, development_people, test_people, pictures, comparisons,
                           genuine_people, failure_to_enrol.{failures, rate, ci95},
                           tar_at_own_fmr_1e-3.{plain, template}.{rate, ci95}, at.{level,
                           threshold, {plain, template}.{fmr_within, fmr_across, fnmr,
                           times_overall}.{rate, ci95}, wider.{fmr, fnmr}.{rate, ci95}},
                           fmr_within} (`of` and `at` are lists; `fmr` and `fmr_within` are those of
                           templates at each `threshold`; see `evaluation.groups`)
    zoo                    worst, threshold, {plain, template}.{{goats, lambs, wolves}.{people, of,
                           share_of_people, share_of_errors, ci95}, people.{genuine,
                           impostor_as_reference, impostor_as_probe}} (`people.*`: mean squared
                           distances of everyone with several pictures; see `evaluation.zoo`)
    embedding_error        mean, median, p95, p99, alpha, share_over_alpha
    image                  mse, l1, l2 (Eq. 12), dssim, sobel, combined, ssim, psnr (dB): means
    second_recogniser      name, {plain, template}.{eer, eer_ci95, tar_at_fmr_1e-2,
                           tar_at_fmr_1e-2_ci95, tar_at_fmr_1e-3, tar_at_fmr_1e-3_ci95}
    other_recogniser       name, {plain, template}.{eer, eer_ci95, tar_at_fmr_1e-2,
                           tar_at_fmr_1e-2_ci95, tar_at_fmr_1e-3, tar_at_fmr_1e-3_ci95} (of SFace
                           or FaceNet, whichever the generator was not made for)
    robustness             {jpeg_75, half_size, double_size}.{eer, eer_ci95, fnmr_at_fmr_1e-3,
                           fnmr_at_fmr_1e-3_ci95, embedding_error}
    failure_to_enrol       {all, test}.{pictures, failures, rate, ci95}
    failures               blank, contours_kept, only_colours_changed: Table 5's, each in [0, 1]
    polish                 pictures, steps.{0, 1, 2, 5}.{mean, median, p95, p99, milliseconds,
                           passes}: squared embedding distance after so many steps; the time they
                           take a template, also in forward passes of F in the same run
    attacks                written by python -m training attack:
                           {restoration, template_inversion, embedding_inversion, chance}.{ssim,
                           psnr (dB), {facenet, sface, dlib}.{same_photo, another_photo}.{accepted,
                           of, share}}: the thief has the template, F of it, the bare F(X), nothing
                           (the mean training face); the judges are the generator's own recogniser,
                           which comes first, dlib and the package's other recogniser, which older
                           summaries lack; null by dlib where it is not installed, a share is null
                           where there are no pairs;
                           fmr and thresholds.{facenet, sface, dlib} at which they judge;
                           second_recogniser (as above, or null);
                           face_found.{pictures, template, photo}: shares in which MTCNN finds a
                           face;
                           steps, batch, seed (of each attacker's training); pictures (test pictures
                           restored); device, commit, versions;
                           seconds.{restoration, embedding_inversion (their trainings), total}
    goals                  of generators of faces: name -> measured (or null), goal, met (or null);
                           `ndcb.results.goals` says which
    sealed                 of sealed generators, in place of all parts above: `evaluation.sealed`
                           says what
With --what, the other parts stay as they are if they are of the same weights. `attacks` stays in
any case if it is of them. Without --what, the older files stay until every part is measured.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from ndcb.core.files import write_whole
from ndcb.core.paths import cache_root
from ndcb.core.terms import UnknownName, UserError
from ndcb.models import checkpoints
from ndcb.models.pipeline import pick_device
from ndcb.models.recognisers import load_recogniser
from ndcb.results import goals
from training.data.material import Material
from training.data.pictures import load_pictures
from training.data.sealed_material import SealedMaterial
from training.evaluation import (
    curves,
    field,
    files,
    groups,
    identification,
    report,
    sealed,
    zoo,
)
from training.evaluation.folds import NOT_ALL_PAIRS, lfw_folds, official_pairs
from training.evaluation.group_table import Groups, read_groups
from training.evaluation.paper import paper
from training.measure.record import failure_figures, image_figures
from training.provenance import commit, versions


def _folds(material: Material, root: Path) -> dict:
    pairs = official_pairs(root)
    return lfw_folds(material, pairs) if pairs.are_in(material.pictures) else NOT_ALL_PAIRS


def _of_faces(measure: Callable[[Material, Path], dict]) -> Callable[[Material, Path], dict]:
    """The same part, not measured of digits."""

    def measured(material: Material, root: Path) -> dict:
        if material.pictures.data != "lfw":
            return {"not_measured": "for faces only"}
        return measure(material, root)

    return measured


PARTS: dict[str, Callable[[Material, Path], dict]] = {
    "image": lambda material, root: image_figures(material),
    "embedding_error": lambda material, root: field.embedding_error(material),
    "failures": lambda material, root: failure_figures(material),
    "failure_to_enrol": _of_faces(lambda material, root: field.failure_to_enrol(material)),
    "verification": lambda material, root: field.verification(material),
    "curves": _of_faces(lambda material, root: curves.curves(material)),
    "identification": _of_faces(lambda material, root: identification.identification(material)),
    "groups": _of_faces(lambda material, root: groups.groups(material, read_groups(None, root))),
    "zoo": _of_faces(lambda material, root: zoo.zoo(material)),
    "lfw_folds": _of_faces(_folds),
    "paper": lambda material, root: paper(material),
    "robustness": lambda material, root: field.robustness(material),
    "second_recogniser": _of_faces(lambda material, root: field.second_recogniser(material)),
    "other_recogniser": _of_faces(lambda material, root: field.other_recogniser(material)),
    "polish": _of_faces(lambda material, root: field.polished(material)),
}
KEPT = ("attacks",)
"""Keys that other commands write; they stay when all is measured anew."""


def evaluate(
    name: str, root: Path, what: tuple[str, ...] = (), group_file: Path | None = None
) -> Path:
    """Measure a checkpoint, by name or path, and write its evaluation; returns the folder.

    what: only these parts; default all. group_file: a table of people's groups in place of
    lfw_groups.csv beside the data. Embeddings are kept in the cache as they come, so a second
    run is fast and a stopped one goes on. Raises UserError.
    """
    device = pick_device("auto")
    checkpoint = checkpoints.load(name, checkpoints.GENERATORS + checkpoints.SEALED, device)
    record = checkpoint.record
    is_sealed = record["class"] in checkpoints.SEALED
    parts = sealed.PARTS if is_sealed else PARTS
    for part in set(what) - set(parts):
        raise UnknownName("part", part, parts)
    if "threshold" not in record:
        raise UserError(
            f"checkpoint {checkpoint.name} has no threshold yet; run: python -m training measure"
            f" {name}"
        )
    table = read_groups(group_file, root)
    recogniser = load_recogniser(record["recogniser"], device)
    data, limit = record["data"]["name"], record["training"]["limit"]
    pictures = load_pictures(data, root, limit, recogniser.alignment)
    folder = checkpoints.folder_of(name) / "evaluation"
    if is_sealed:
        material = SealedMaterial(checkpoint, recogniser, pictures)
        return _evaluate_sealed(material, root, folder, what, table)
    return _evaluate(Material(checkpoint, recogniser, pictures), root, folder, what, table)


def _evaluate(
    material: Material,
    root: Path,
    folder: Path,
    what: tuple[str, ...],
    table: Groups | None = None,
) -> Path:
    started, caches_were_empty = time.perf_counter(), not any(cache_root().rglob("*.npy"))
    chosen = [part for part in PARTS if part in what or not what]
    measures = {part: partial(PARTS[part], material, root) for part in chosen}
    if "groups" in measures and table:
        measures["groups"] = partial(
            _of_faces(lambda own, _: groups.groups(own, table)), material, root
        )
    found, seconds = _measured(material.checkpoint.name, measures)
    arrays = files.arrays(material)
    seconds |= {"total": time.perf_counter() - started}

    head = _head(material) | {"seconds": seconds, "caches_were_empty": caches_were_empty}
    old = _earlier(folder / "summary.json", head["sha256"])
    kept = old if what else {key: old[key] for key in KEPT if key in old}
    if what and old:  # what is said of the run of all parts stays
        head |= {key: old[key] for key in ("commit", "versions", "device", "caches_were_empty")}
        head["seconds"] = old["seconds"] | seconds | {"total": old["seconds"]["total"]}
        head["renewed"] = old.get("renewed", {}) | dict.fromkeys(chosen, commit())
    files.write(folder, with_goals(kept | rounded(head | found)), arrays)
    report.write(folder)
    return folder


def _evaluate_sealed(
    material: SealedMaterial,
    root: Path,
    folder: Path,
    what: tuple[str, ...],
    table: Groups | None = None,
) -> Path:
    """Write chosen parts as they come; all parts at once, when the last is done.

    Until then the cache keeps those that are done, and a stopped evaluation goes on from there.
    """
    head = _head(material)
    done = _earlier(folder / "summary.json", head["sha256"]) if what else _stopped(head)
    left = what or set(sealed.PARTS) - set(done.get("sealed", {}))

    for part in (part for part in sealed.PARTS if part in left):
        measure = partial(sealed.PARTS[part], material, root, folder.parent)
        if part == "groups" and table:
            measure = partial(groups.groups, material, table)
        found, seconds = _measured(material.checkpoint.name, {part: measure})
        done = head | {
            "seconds": done.get("seconds", {}) | rounded(seconds),
            "commits": done.get("commits", {}) | {part: head["commit"]},
            "sealed": done.get("sealed", {}) | rounded(found),
        }
        files.write(folder if what else _kept_for(head), with_goals(done), {})

    files.write(folder, with_goals(done), {})
    write_whole(folder / "report.md", report.report(with_goals(done)))
    if not what:
        shutil.rmtree(_kept_for(head))
    return folder


def _kept_for(head: dict) -> Path:
    """Where an unfinished evaluation of all parts is kept: a folder for each `head`."""
    key = hashlib.sha256(json.dumps(head, sort_keys=True).encode()).hexdigest()[:16]
    return cache_root() / "evaluations" / key


def _stopped(head: dict) -> dict:
    """What a stopped evaluation has measured, where the same committed code measured it."""
    path = _kept_for(head) / "summary.json"
    known = path.exists() and not head["commit"].endswith(("+changes", "unknown"))
    return json.loads(path.read_text()) if known else {}


def _head(material: Material) -> dict:
    record = material.checkpoint.record
    return {
        "checkpoint": material.checkpoint.name,
        "sha256": record["sha256"],
        "recogniser": record["recogniser"],
        "device": str(material.device),
        "versions": versions(),
        "commit": commit(),
        "data": material.pictures.description(),
    }


def _measured(name: str, parts: dict) -> tuple[dict, dict[str, float]]:
    """The figures of each part, and the seconds that it took."""
    found, seconds = {}, {}
    for number, (part, measure) in enumerate(parts.items(), 1):
        place = f"{number} of {len(parts)}, " if len(parts) > 1 else ""
        print(f"{name}: {place}{part}", flush=True)
        start = time.perf_counter()
        found[part] = measure()
        seconds[part] = time.perf_counter() - start
    return found, seconds


def with_goals(summary: dict) -> dict:
    """The summary with the goals that it reaches or misses, where there are any."""
    found = goals.reached(summary)
    return summary | ({"goals": rounded(found)} if found else {})


def _earlier(path: Path, sha256: str) -> dict:
    """The summary in this file, if it is of the same weights."""
    old = json.loads(path.read_text()) if path.exists() else {}
    return old if old.get("sha256") == sha256 else {}


def rounded(value):
    """Floats to six significant digits, which is more than any figure here means."""
    if isinstance(value, dict):
        return {key: rounded(part) for key, part in value.items()}
    if isinstance(value, list):
        return [rounded(part) for part in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value
