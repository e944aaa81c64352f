"""Everything that is measured of sealed templates: python -m training evaluate faces-sealed. Test
people only.

Written to summary.json under `sealed`, in report.md and in README:
    direction_error        mean, median, p95, p99 of the squared distance between z(F(T)) and R_k
                           z(F(X))
    polish                 pictures, steps.{0, 1, 2, 5, 10}.{mean, median, p95, p99, milliseconds}
    verification           unprotected (F(X) against F(X')), directions (z against z, no template),
                           own_keys (an impostor has a key of
                           their own), stolen_key (an impostor has the victim's): eer,
                           threshold_at_eer, fnmr_at_fmr_1e-2, fnmr_at_fmr_1e-3,
                           genuine, impostor; at_login_threshold.{threshold, fmr, fnmr}: of
                           stolen_key
    lfw_folds              {unprotected, sealed}.{accuracy, stderr}, drop.{mean, ci95}
    security.threshold     at which accepted means accepted below: FMR 1e-3 of stolen_key
    security.renewed       accepted, of, share: old templates against ten new keys and another photo
                           of the person
    security.replayed      the same: templates given as photos, with the right key
    security.leaked        the same: R_k^-1 z(F(T)) by who has the key, against z of another photo
                           of the person: what a stolen key gives away
    linkability            {templates, photo, control_photo}.{facenet, pixels, network}.{d_sys,
                           null.{mean, ci95}, inside, mated, non_mated}:
                           between templates under different keys; between template and photo; the
                           latter where one key was used for all,
                           by the network alone, trained in the same way: that it finds what there
                           is to be found
    security.one_key       {64, 128, 512}: accepted, of, share: templates opened with the rotation
                           that a Procrustes fit finds from so many
                           leaked pairs of photo and template, where one key was used for all
    restoration.{restoration, chance}   as in `attacks`: photos restored from templates without the key; the mean training face
    face_found             pictures, template, photo: shares in which MTCNN finds a face
    image, second_recogniser   as of other generators: template against photo, without the key
    pictures               name -> file of what is shown of the bundled portrait, as in `attacks`;
                           another_key: the photo under another key
    times                  enrolment.{milliseconds}, verification.{milliseconds, plain_milliseconds,
                           ratio}, passphrase.milliseconds: of
                           an aligned face, on this machine's cores
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

from ndcb.attacks.inverter import load_inverter
from ndcb.core.distances import squared_euclidean
from ndcb.core.metrics import error_rates, fnmr_at_fmr, folds
from ndcb.core.terms import Face, NotAvailable
from ndcb.faces.detectors import Detector
from ndcb.faces.images import quantise, to_pictures, to_tensor
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
from training.evaluation.folds import accuracy_of, drop, official_pairs
from training.evaluation.linking import KEY_SETS, ONE_KEY, Linking
from training.measure.record import (
    image_figures,
    mated_pairs,
    scores,
    spread,
    squared_distances,
    verification,
)
from training.measure.second_recogniser import load_second_recogniser

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
    """The same error after so many steps of `ndcb.generators.polish`, and what they cost a template
    in batches of 16.
    """
    rows = np.random.default_rng(0).permutation(material.test)[:POLISHED]
    batches = list(
        zip(material.templates(rows).split(16), torch.from_numpy(material.targets(rows)).split(16))
    )
    return {
        "pictures": len(rows),
        "steps": {str(steps): _polished(material, batches, steps) for steps in POLISH_STEPS},
    }


def _polished(material: SealedMaterial, batches: list, steps: int) -> dict:
    started = time.perf_counter()
    made = [
        polish(templates.to(material.device), targets.to(material.device), material.directed, steps)
        for templates, targets in batches
    ]
    seconds = time.perf_counter() - started
    with torch.inference_mode():
        off = torch.cat(
            [
                squared_euclidean(material.directed(one).cpu(), targets)
                for one, (_, targets) in zip(made, batches)
            ]
        ).numpy()
    return spread(off) | {"milliseconds": 1000 * seconds / len(off)}


def verified(material: SealedMaterial) -> dict:
    """By what is compared; the genuine scores of the last two are the same."""
    real, z, opened, labels = (
        material.real_test,
        material.test_directions,
        material.test_opened,
        material.labels,
    )
    genuine, with_key = scores(opened, z, labels)
    foreign = turned(
        material.with_keys(KEY_SETS[1]).turns(material.test), z
    )  # a key of the impostor's own; the template's key is another
    _, without = scores(material.said(material.test), foreign, labels)
    login = material.checkpoint.record["threshold"]
    fmr, fnmr = error_rates(genuine, with_key, login)
    stolen = verification(genuine, with_key) | {
        "at_login_threshold": {"threshold": login, "fmr": float(fmr), "fnmr": float(fnmr)}
    }
    return {
        "unprotected": verification(*scores(real, real, labels)),
        "directions": verification(*scores(z, z, labels)),
        "own_keys": verification(genuine, without),
        "stolen_key": stolen,
    }


def lfw_folds(material: SealedMaterial, root: Path) -> dict:
    """Accuracy on LFW's 6,000 official pairs; each pair's first photo is sealed, and both sides
    have the key.
    """
    pairs = official_pairs(root)
    row = {name: number for number, name in enumerate(material.pictures.names)}
    if not {*pairs.first, *pairs.second} <= set(row):
        return {"not_measured": "not all pictures of the official pairs are there"}
    first, second = (
        np.array([row[name] for name in names]) for names in (pairs.first, pairs.second)
    )
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
    found = {
        name: accuracy_of([one[pairs.fold == fold].mean() for fold in range(10)])
        for name, one in correct.items()
    }
    lost = correct["unprotected"].astype(float) - correct["sealed"]
    return found | {
        "drop": drop(lost, np.stack([people[first], people[second]], 1)),
        "pairs": len(first),
    }


def threshold_at(material: SealedMaterial) -> float:
    return float(
        fnmr_at_fmr(*scores(material.test_opened, material.test_directions, material.labels), FMR)[
            1
        ]
    )


def renewed(material: SealedMaterial, threshold: float) -> dict:
    """Old templates, and ten new keys for each, with another photo of the person."""
    first, second = mated_pairs(material.labels).T
    old, probes = material.said(material.test[first]), material.test_directions[second]
    keys = [
        material.with_keys(ONE_KEY + 1 + number).turns(material.test[first])
        for number in range(RENEWALS)
    ]
    return share(
        np.concatenate([squared_distances(turned(key, probes), old) for key in keys]) < threshold
    )


def replayed(material: SealedMaterial, threshold: float) -> dict:
    """A template in place of a photo, with the right key: the key turns what it says once more."""
    said = material.said(material.test)
    return share(squared_distances(turned(material.turns(material.test), said), said) < threshold)


def leaked(material: SealedMaterial, threshold: float) -> dict:
    """Who has the key turns the template back, and has a direction that other services accept."""
    first, second = mated_pairs(material.labels).T
    return share(
        squared_distances(material.test_opened[first], material.test_directions[second]) < threshold
    )


def one_key(material: SealedMaterial, threshold: float) -> dict:
    """What a thief learns from leaked pairs of photo and template where one key was used for all,
    by Procrustes: how many of the other templates he opens then.
    """
    material = material.with_keys(ONE_KEY, one_key=True)
    said, z = material.said(material.test), material.test_directions
    order, counts = (
        np.random.default_rng(0).permutation(len(z)),
        [count for count in LEAKED if count < len(z)],
    )
    return {
        str(count): _opened_by_fit(said, z, order[:count], order[max(counts) :], threshold)
        for count in counts
    }


def _opened_by_fit(
    said: np.ndarray, z: np.ndarray, known: np.ndarray, others: np.ndarray, threshold: float
) -> dict:
    back, _ = orthogonal_procrustes(said[known], z[known])
    return share(squared_distances(said[others] @ back, z[others]) < threshold)


# restoring, and the time it takes


def restored(material: SealedMaterial) -> dict:
    """Photos from templates, by who has no key; the mean training face beside it."""
    try:
        second = load_second_recogniser()
    except NotAvailable as error:
        print(error)
        second = None
    judges, chosen = judges_of(material, second), chosen_of(material, RESTORED)
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
    return train_restorer(read_by_generator, restoration())


def shown(material: SealedMaterial, folder: Path) -> dict:
    """Pictures of the bundled portrait, as in `attacks`: name -> file. Its template under two keys,
    and what thieves make of one.
    """
    photo = to_tensor([Detector()(portrait())[0].image])
    with torch.inference_mode():
        z = material.directed(photo.to(material.device)).cpu().numpy()
        targets = [
            turned(material.with_keys(keys).turns(np.zeros(1, int)), z) for keys in KEY_SETS[:2]
        ]
        made = [
            quantise(material.generator(torch.from_numpy(one).to(material.device)))
            for one in targets
        ]
        inverted = quantise(load_inverter(material.device)(material.recogniser(made[0]))).cpu()
    pictures = {
        "photo": photo,
        "template": made[0],
        "another_key": made[1],
        "restoration": restorer(material)(made[0]),
        "template_inversion": inverted,
    }
    write_pictures(folder / "evaluation" / "attacks", pictures)
    return {name: f"attacks/{name}.png" for name in pictures}


def times(material: SealedMaterial, folder: Path) -> dict:
    """Medians, of an aligned face in vaults in memory: enrolment with a key of the service,
    verification of sealed and of plain templates in turn, and what a passphrase costs beside.
    """
    face = Face(
        to_pictures(material.pictures.batch(material.test[:1]))[0], None, how="aligned already"
    )
    secret = ServiceSecret(bytes(32))
    models = Models(material.device)
    with closing(Vault("sqlite://", models, "sqlite://", sealed_generator=f"{folder}/")) as vault:
        vault.enrol("plain", [face])
        vault.enrol_sealed("warm", [face], secret)
        enrolment = [
            _milliseconds(lambda: vault.enrol_sealed(f"sealed {number}", [face], secret))
            for number in range(REPEATS)
        ]
        both = [
            (
                _milliseconds(lambda: vault.verify_sealed("warm", face, secret)),
                _milliseconds(lambda: vault.verify("plain", face)),
            )
            for _ in range(REPEATS + 1)
        ][1:]
    slow = [
        _milliseconds(lambda: Passphrase("correct horse").secret(bytes(16), Scrypt()))
        for _ in range(3)
    ]
    sealed, plain = zip(*both)
    return {
        "cores": torch.get_num_threads(),
        "enrolment": {"milliseconds": median(enrolment)},
        "passphrase": {"milliseconds": median(slow)},
        "verification": {
            "milliseconds": median(sealed),
            "plain_milliseconds": median(plain),
            "ratio": median(one / other for one, other in both),
        },
    }


def _milliseconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - started)


# all of it


def security(material: SealedMaterial) -> dict:
    """What is accepted at the threshold of FMR 1e-3 that should not be, and what a key or its reuse
    gives away.
    """
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
