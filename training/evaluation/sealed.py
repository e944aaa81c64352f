"""Everything that is measured of sealed templates: python -m training evaluate faces-sealed.

All of it is of test people. It is written to summary.json under `sealed`, to report.md and to
docs/results.md:
    direction_error        {mean, median, p95, p99} of the squared distance between z(F(T)) and
                           R_k z(F(X))
    polish                 pictures, steps.{0, 1, 2, 5, 10}.{mean, median, p95, p99, milliseconds}
    verification           by what is compared:
                           unprotected (F(X) against F(X')), directions (z against z, no template),
                           own_keys (an impostor has a key of their own), stolen_key (an impostor
                           has the victim's). Each: eer, threshold_at_eer, fnmr_at_fmr_1e-2,
                           fnmr_at_fmr_1e-3, genuine, impostor; but for own_keys also eer_ci95 and
                           fnmr_at_fmr_{1e-2, 1e-3}_ci95; of stolen_key also
                           at_login_threshold.{threshold, fmr, fnmr}
    lfw_folds              {unprotected, sealed}.{accuracy, stderr}, drop.{mean, ci95}
    security               what is accepted that should not be, at `threshold`, where the FMR of
                           stolen_key is 1e-3; each is {accepted, of, share}:
        renewed            old templates against ten new keys and another photo of the person
        replayed           templates given as photos, with the right key
        leaked             R_k^-1 z(F(T)), which whoever has the key knows, against z of another
                           photo of the person: what a stolen key gives away
        one_key.{64, 128, 512}   templates opened with a rotation that a Procrustes fit finds from
                           so many leaked pairs of photo and template, where one key was used for
                           all
    identification, groups, zoo, curves   as of other generators (`training.evaluation`), in the
                           directions z. `plain` is z(X) against z(X'), no template yet; `template`
                           is the opened template, where every stranger has the key of its owner: in
                           a search the service holds all keys. Where a stranger has no key or
                           another one, the score is that of a random rotation: there is no search,
                           and no group, to be measured
    linkability            {templates, photo, control_photo}.{facenet or sface, pixels,
                           network}.{d_sys, null.{mean, ci95}, inside, mated, non_mated}. templates:
                           two under different keys. photo: a template and a photo. control_photo:
                           the same where one key was used for all, by the network alone. It was
                           trained in the same way, and shows that it finds what is to be found
    restoration.{restoration, chance}   as in `attacks`: photos restored from templates without the
                           key; the mean training face
    face_found             pictures, template, photo: shares in which MTCNN finds a face
    image, second_recogniser   as of other generators: template against photo, without the key
    pictures               name -> file of what is shown of the bundled portrait, as in `attacks`;
                           another_key: the template under another key
    times                  enrolment.{milliseconds}, verification.{milliseconds, plain_milliseconds,
                           ratio}, passphrase.milliseconds: of an aligned face, on this machine's
                           cores
"""

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from statistics import median
from types import SimpleNamespace

import numpy as np
import torch
from scipy.linalg import orthogonal_procrustes

from ndcb.attacks.restore import load_inverter, paint
from ndcb.core.distances import squared_euclidean
from ndcb.core.metrics import fnmr_at_fmr, folds
from ndcb.core.tensors import quantise, to_pictures, to_tensor
from ndcb.core.terms import Face
from ndcb.faces.detectors import Detector
from ndcb.faces.samples import portrait
from ndcb.generators.polish import polish
from ndcb.models.pipeline import Models
from ndcb.vault.key_sources import Passphrase, Scrypt, ServiceSecret
from ndcb.vault.vault import Vault
from training.attacks.attackers import Attacker, restoration, train_restorer
from training.attacks.figures import chance, chosen_of, face_found, figures, judges_of, share
from training.attacks.pictures import write_pictures
from training.data.sealed_material import SealedMaterial, turned
from training.evaluation import field
from training.evaluation.curves import curves
from training.evaluation.folds import NOT_ALL_PAIRS, accuracy_of, drop, official_pairs
from training.evaluation.group_table import read_groups
from training.evaluation.groups import groups
from training.evaluation.identification import identification
from training.evaluation.linking import KEY_SETS, ONE_KEY, Linking
from training.evaluation.zoo import zoo
from training.measure.judges import others_of
from training.measure.record import (
    image_figures,
    mated_pairs,
    scores,
    spread,
    squared_distances,
    verification,
)

POLISH_STEPS = (0, 1, 2, 5, 10)
POLISHED = 128
RENEWALS = 10
LEAKED = (64, 128, 512)
RESTORED = 1000
REPEATS = 15
FMR = 1e-3


def direction_error(material: SealedMaterial) -> dict:
    return spread(squared_distances(material.test_opened, material.test_directions))


def polished(material: SealedMaterial) -> dict:
    """The same error after so many steps of `ndcb.generators.polish`, and their time.

    The time is that of a template in batches of 16.
    """
    rows = np.random.default_rng(0).permutation(material.test)[:POLISHED]
    templates = material.templates(rows).split(16)
    targets = torch.from_numpy(material.targets(rows)).split(16)
    return {
        "pictures": len(rows),
        "steps": {
            str(steps): _polished(material, templates, targets, steps) for steps in POLISH_STEPS
        },
    }


def _polished(material: SealedMaterial, templates, targets, steps: int) -> dict:
    """templates, targets: the same batches of each."""
    device = material.device
    started = time.perf_counter()
    polished_batches = [
        polish(batch.to(device), target.to(device), material.directed, steps)
        for batch, target in zip(templates, targets, strict=True)
    ]
    seconds = time.perf_counter() - started

    with torch.inference_mode():
        errors = [
            squared_euclidean(material.directed(batch).cpu(), target)
            for batch, target in zip(polished_batches, targets, strict=True)
        ]
    errors = torch.cat(errors).numpy()
    return spread(errors) | {"milliseconds": 1000 * seconds / len(errors)}


def verified(material: SealedMaterial) -> dict:
    """Error rates by what is compared; the genuine scores of the last two are the same."""
    labels, real, z = material.labels, material.real_test, material.test_directions
    genuine, impostor_with_key = scores(material.test_opened, z, labels)

    # an impostor's own key is not the template's
    other_keys = material.with_keys(KEY_SETS[1]).turns(material.test)
    _, impostor_without = scores(material.said(material.test), turned(other_keys, z), labels)

    login = material.checkpoint.record["threshold"]
    at_login = field.at_threshold(genuine, impostor_with_key, login)
    found = {
        "unprotected": verification(*scores(real, real, labels)) | _banded(real, real, labels),
        "directions": verification(*scores(z, z, labels)) | _banded(z, z, labels),
        "own_keys": verification(genuine, impostor_without),
        "stolen_key": verification(genuine, impostor_with_key)
        | _banded(material.test_opened, z, labels),
    }
    found["stolen_key"]["at_login_threshold"] = at_login
    return found


def _banded(references: np.ndarray, probes: np.ndarray, labels: np.ndarray) -> dict:
    """The intervals of these rates. There is none of `own_keys`: its impostors are other pairs."""
    band = field.intervals(references, probes, labels)
    return {
        "eer_ci95": band["eer"],
        "fnmr_at_fmr_1e-2_ci95": band["1e-2"],
        "fnmr_at_fmr_1e-3_ci95": band["1e-3"],
    }


def lfw_folds(material: SealedMaterial, root: Path) -> dict:
    """Accuracy on LFW's 6,000 official pairs.

    Each pair's first photo is sealed, and both sides have the key.
    """
    pairs = official_pairs(root)
    if not pairs.are_in(material.pictures):
        return NOT_ALL_PAIRS
    first, second = pairs.rows(material.pictures)
    people = material.pictures.labels
    same = people[first] == people[second]
    compared = {
        "unprotected": (material.real(first), material.real(second)),
        "sealed": (material.opened(first), material.directions(second)),
    }
    correct = {
        name: folds(squared_distances(*sides), same, pairs.fold)[0]
        for name, sides in compared.items()
    }
    lost = correct["unprotected"].astype(float) - correct["sealed"]
    return {name: accuracy_of(right, pairs.fold) for name, right in correct.items()} | {
        "drop": drop(lost, np.stack([people[first], people[second]], 1)),
        "pairs": len(first),
    }


def threshold_at(material: SealedMaterial) -> float:
    genuine, impostor = scores(material.test_opened, material.test_directions, material.labels)
    return float(fnmr_at_fmr(genuine, impostor, FMR)[1])


def renewed(material: SealedMaterial, threshold: float) -> dict:
    """Old templates, against ten new keys each and another photo of the person."""
    first, second = mated_pairs(material.labels).T
    said, probes = material.said(material.test[first]), material.test_directions[second]
    distances = []
    for number in range(RENEWALS):
        new_keys = material.with_keys(ONE_KEY + 1 + number).turns(material.test[first])
        distances.append(squared_distances(turned(new_keys, probes), said))
    return share(np.concatenate(distances) < threshold)


def replayed(material: SealedMaterial, threshold: float) -> dict:
    """A template in place of a photo, with the right key, which turns its direction once more."""
    said = material.said(material.test)
    probes = turned(material.turns(material.test), said)
    return share(squared_distances(probes, said) < threshold)


def leaked(material: SealedMaterial, threshold: float) -> dict:
    """The direction that whoever has the key turns a template back to, given to other services."""
    first, second = mated_pairs(material.labels).T
    distances = squared_distances(material.test_opened[first], material.test_directions[second])
    return share(distances < threshold)


def one_key(material: SealedMaterial, threshold: float) -> dict:
    """Number of leaked pairs of photo and template -> how many other templates a thief opens.

    One key was used for all. The thief fits it to the pairs, by Procrustes.
    """
    material = material.with_keys(ONE_KEY, one_key=True)
    said, z = material.said(material.test), material.test_directions
    order = np.random.default_rng(0).permutation(len(z))
    counts = [count for count in LEAKED if count < len(z)]
    others = order[max(counts) :]
    return {
        str(count): _opened_by_fit(said, z, order[:count], others, threshold) for count in counts
    }


def _opened_by_fit(
    said: np.ndarray, z: np.ndarray, known: np.ndarray, others: np.ndarray, threshold: float
) -> dict:
    """known, others: rows of the leaked pairs, and of the templates that are to be opened."""
    back, _ = orthogonal_procrustes(said[known], z[known])
    return share(squared_distances(said[others] @ back, z[others]) < threshold)


# restoring, and the time it takes


def restored(material: SealedMaterial) -> dict:
    """Photos restored from templates without the key; the mean training face beside it."""
    judges = judges_of(material, others_of(material.recogniser_name))
    chosen = chosen_of(material, RESTORED)
    return {
        "restoration": figures(material, "restoration", restorer(material), judges, chosen),
        "chance": chance(material, judges, chosen),
    }


def restorer(material: SealedMaterial) -> Attacker:
    """It learns from the training people's templates, each with a key of its own."""
    read_by_generator = SimpleNamespace(
        checkpoint=material.checkpoint,
        recogniser=material.recogniser,
        pictures=material.pictures,
        device=material.device,
        real=material.targets,
    )
    return train_restorer(read_by_generator, restoration(material.pictures.alignment))


def shown(material: SealedMaterial, folder: Path) -> dict:
    """Name -> file of pictures of the bundled portrait, as in `attacks`.

    They are its template under two keys, and what thieves restore from the first one.
    """
    photo = to_tensor([Detector()(portrait())[0].aligned(material.pictures.alignment)])
    inverter = load_inverter(material.recogniser_name, material.device).model
    with torch.inference_mode():
        z = material.directed(photo.to(material.device)).cpu().numpy()
        template, another = (_template_of(material, z, keys) for keys in KEY_SETS[:2])
        inverted = paint(inverter, material.recogniser(template))
    pictures = {
        "photo": photo,
        "template": template,
        "another_key": another,
        "restoration": restorer(material)(template),
        "template_inversion": inverted,
    }
    write_pictures(folder / "evaluation" / "attacks", pictures)
    return {name: f"attacks/{name}.png" for name in pictures}


def _template_of(material: SealedMaterial, z: np.ndarray, keys: int) -> torch.Tensor:
    """Of one direction z, (1, d), under the first key of a set."""
    target = turned(material.with_keys(keys).turns(np.zeros(1, int)), z)
    return quantise(material.generator(torch.from_numpy(target).to(material.device)))


def times(material: SealedMaterial, folder: Path) -> dict:
    """Medians of milliseconds, of an aligned face in vaults in memory.

    Enrolment with a key of the service; verification of sealed and of plain templates, which take
    turns; and what a passphrase costs beside that.
    """
    picture = to_pictures(material.pictures.batch(material.test[:1]))[0]
    face = Face(picture, None, how="aligned already")
    secret = ServiceSecret(bytes(32))
    models = Models(material.device)
    with closing(Vault("sqlite://", models, "sqlite://", sealed_generator=f"{folder}/")) as vault:
        vault.enrol("plain", [face])
        vault.enrol_sealed("warm", [face], secret)
        enrolment = [
            _milliseconds(vault.enrol_sealed, f"sealed {number}", [face], secret)
            for number in range(REPEATS)
        ]
        pairs = [
            (
                _milliseconds(vault.verify_sealed, "warm", face, secret),
                _milliseconds(vault.verify, "plain", face),
            )
            for _ in range(REPEATS + 1)
        ]
    sealed, plain = zip(*pairs[1:], strict=True)  # a first call is slower
    passphrase = Passphrase("correct horse")
    slow = [_milliseconds(passphrase.secret, bytes(16), Scrypt()) for _ in range(3)]
    return {
        "cores": torch.get_num_threads(),
        "enrolment": {"milliseconds": median(enrolment)},
        "passphrase": {"milliseconds": median(slow)},
        "verification": {
            "milliseconds": median(sealed),
            "plain_milliseconds": median(plain),
            "ratio": median(one / other for one, other in zip(sealed, plain, strict=True)),
        },
    }


def _milliseconds(call: Callable, *arguments) -> float:
    started = time.perf_counter()
    call(*arguments)
    return 1000 * (time.perf_counter() - started)


# all of it


def security(material: SealedMaterial) -> dict:
    """What is accepted that should not be, at the threshold of FMR 1e-3."""
    threshold = threshold_at(material)
    return {
        "fmr": FMR,
        "threshold": threshold,
        "renewed": renewed(material, threshold),
        "replayed": replayed(material, threshold),
        "leaked": leaked(material, threshold),
        "one_key": one_key(material, threshold),
    }


def linkabilities(material: SealedMaterial) -> dict:
    linking = Linking(material)
    return {
        "templates": linking.of_templates(),
        "photo": linking.of_photos(),
        "control_photo": linking.control_photo(),
    }


PARTS = {
    "direction_error": lambda material, root, folder: direction_error(material),
    "polish": lambda material, root, folder: polished(material),
    "verification": lambda material, root, folder: verified(material),
    "curves": lambda material, root, folder: curves(material),
    "identification": lambda material, root, folder: identification(material),
    "groups": lambda material, root, folder: groups(material, read_groups(None, root)),
    "zoo": lambda material, root, folder: zoo(material),
    "lfw_folds": lambda material, root, folder: lfw_folds(material, root),
    "security": lambda material, root, folder: security(material),
    "image": lambda material, root, folder: image_figures(material),
    "second_recogniser": lambda material, root, folder: field.second_recogniser(material),
    "face_found": lambda material, root, folder: face_found(material, Detector()),
    "linkability": lambda material, root, folder: linkabilities(material),
    "restoration": lambda material, root, folder: restored(material),
    "pictures": lambda material, root, folder: shown(material, folder),
    "times": lambda material, root, folder: times(material, folder),
}
