"""How far an attacker gets with test people: how like the photo its picture is, and how often a
recogniser takes it for the person.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from ndcb.core.distances import mse, ssim
from ndcb.core.metrics import fnmr_at_fmr
from ndcb.core.tensors import quantise, to_pictures
from ndcb.faces.detectors import Detector
from ndcb.generators import make_templates
from training.attacks.attackers import Attacker
from training.data.material import Material
from training.data.pictures import Pictures, kept_rows
from training.measure.record import mated_pairs, scores, squared_distances
from training.measure.second_recogniser import SecondRecogniser

VERSION = 1
"""Raise it when this module gives other numbers: caches of measurements hold what it gave."""
FMR = 1e-3
"""A judge's threshold is where it takes so many pairs of photos of two test people for one."""
JUDGES = ("facenet", "dlib")
READS = {
    "restoration": lambda material, rows: material.templates(rows),
    "template_inversion": lambda material, rows: torch.from_numpy(material.shifted(rows)),
    "embedding_inversion": lambda material, rows: torch.from_numpy(material.real(rows)),
}
"""What each thief has: the stored template; F(T) of it, for who has the recogniser too; F(X), as if
embeddings were stored bare.
"""
FACES_SOUGHT = 500
DETECTED_AT_ONCE = 16


@dataclass(frozen=True)
class Judge:
    """A recogniser that decides whether a picture shows the person."""

    name: str
    """`facenet` or `dlib`."""
    embed: Callable[[torch.Tensor], np.ndarray]
    """Pictures (n, 3, 160, 160) in [0, 1] -> unit embeddings (n, m)."""
    photos: np.ndarray
    """Embeddings of the photos of the whole test part."""
    threshold: float
    """A squared distance; accepted is what lies under it."""


def judge(name: str, embed: Callable, photos: np.ndarray, labels: np.ndarray) -> Judge:
    return Judge(name, embed, photos, fnmr_at_fmr(*scores(photos, photos, labels), FMR)[1])


def judges_of(material: Material, second=None) -> list[Judge]:
    """FaceNet, and `second` where it is there."""
    with_facenet = torch.inference_mode()(
        lambda batch: material.recogniser(batch.to(material.device)).cpu().numpy()
    )
    found = [judge("facenet", with_facenet, material.real_test, material.labels)]
    if second is not None:
        photos = material.second(second, material.test, template=False)
        found.append(
            judge("dlib", lambda batch: second.embed(_bytes(batch)), photos, material.labels)
        )
    return found


def chosen_of(material: Material, count: int) -> np.ndarray:
    """Which `count` of the test part are attacked, as places in it: the first of a fixed shuffle,
    so more hold fewer.
    """
    return np.random.default_rng(0).permutation(len(material.test))[:count]


def figures(
    material: Material, name: str, attacker: Attacker, judges: list[Judge], chosen: np.ndarray
) -> dict:
    """Of one of READS: ssim, psnr (dB), and by each judge what is accepted (see `accepted`); None
    by a judge who is not there.
    """
    return summed_up(
        restored(material, name, attacker, judges, material.test[chosen]),
        judges,
        chosen,
        material.labels,
    )


def chance(material: Material, judges: list[Judge], chosen: np.ndarray) -> dict:
    """The same of the mean training face in everybody's place: what is accepted of a picture that
    knows nothing.
    """
    face, rows = mean_face(material.pictures), material.test[chosen]
    alike = [
        likeness(face.expand(len(piece), -1, -1, -1), material.pictures.batch(piece))
        for piece in np.array_split(rows, -(-len(rows) // material.pictures.batch_size))
    ]
    seen = [np.repeat(one.embed(face), len(rows), axis=0) for one in judges]
    return summed_up(
        np.concatenate([np.concatenate(alike), *seen], axis=1), judges, chosen, material.labels
    )


def restored(
    material: Material, name: str, attacker: Attacker, judges: list[Judge], rows: np.ndarray
) -> np.ndarray:
    """(len(rows), 2 + m + ...): SSIM and PSNR of what is restored, then its embedding by each
    judge. Kept, as they come, in the cache.
    """

    def compute(chunk: np.ndarray) -> np.ndarray:
        made = attacker(READS[name](material, chunk))
        return np.concatenate(
            [likeness(made, material.pictures.batch(chunk)), *(one.embed(made) for one in judges)],
            axis=1,
        )

    attacked = "" if name == "embedding_inversion" else material.checkpoint.record["sha256"][:12]
    key = "-".join(
        [material.pictures.key, name, attacked, attacker.key, *(one.name for one in judges)]
    )
    code = [
        restored,
        type(material.checkpoint.model),
        make_templates,
        type(material.recogniser),
        SecondRecogniser,
    ]
    what = f"{name} of {material.checkpoint.name}"
    return kept_rows(
        key, code, len(material.pictures.images), rows, compute, what, material.pictures.batch_size
    )


def summed_up(
    table: np.ndarray, judges: list[Judge], chosen: np.ndarray, labels: np.ndarray
) -> dict:
    ends = 2 + np.cumsum([0, *(one.photos.shape[1] for one in judges)])
    found = {
        name: float(table[:, column].mean(dtype=np.float64))
        for column, name in enumerate(("ssim", "psnr"))
    }
    for one, start, end in zip(judges, ends, ends[1:]):
        found[one.name] = accepted(one, table[:, start:end], chosen, labels)
    return {**found, **{name: found.get(name) for name in JUDGES}}


def accepted(judge: Judge, seen: np.ndarray, chosen: np.ndarray, labels: np.ndarray) -> dict:
    """How many of the pictures restored of `chosen`, whose embeddings are `seen`, are taken for the
    person.

    same_photo: against the photo that was attacked. another_photo: against another one of the
    person, in the mated pairs (i, j) that the evaluation has too, as far as i was attacked.
    """
    place = np.full(len(labels), -1)
    place[chosen] = np.arange(len(chosen))
    first, other = mated_pairs(labels).T
    first, other = first[place[first] >= 0], other[place[first] >= 0]
    distances = {
        "same_photo": squared_distances(seen, judge.photos[chosen]),
        "another_photo": squared_distances(seen[place[first]], judge.photos[other]),
    }
    return {name: share(values < judge.threshold) for name, values in distances.items()}


def share(values: np.ndarray) -> dict:
    """share is None of nothing."""
    return {
        "accepted": int(values.sum()),
        "of": len(values),
        "share": float(values.mean()) if len(values) else None,
    }


def likeness(made: torch.Tensor, real: torch.Tensor) -> np.ndarray:
    """(n, 2): SSIM, and PSNR in dB."""
    return torch.stack(
        [ssim(made, real), -10 * mse(made, real).clamp(min=1e-10).log10()], 1
    ).numpy()


def mean_face(pictures: Pictures) -> torch.Tensor:
    """(1, c, h, w): of the training people, as its 8-bit file holds it."""
    rows = pictures.training_rows
    pieces = np.array_split(rows, -(-len(rows) // pictures.batch_size))
    return quantise(
        sum(pictures.batch(piece).sum(0, dtype=torch.float64) for piece in pieces) / len(rows)
    )[None].float()


def face_found(material: Material, detector: Detector, count: int = FACES_SOUGHT) -> dict:
    """In how many templates, and in how many of the same aligned photos, MTCNN finds a face, at
    whatever confidence.

    It is shown them as they are, 160x160 without a border: what the box of a first search left
    around the face is around it here.
    """
    rows = material.test[chosen_of(material, count)]
    photos = [
        len(found) > 0
        for found in _searched(detector, lambda piece: material.pictures.batch(piece), rows)
    ]
    templates = [len(found) > 0 for found in _searched(detector, material.templates, rows)]
    return {
        "pictures": len(rows),
        "template": float(np.mean(templates)),
        "photo": float(np.mean(photos)),
    }


def _searched(detector: Detector, batch_of: Callable[[np.ndarray], torch.Tensor], rows: np.ndarray):
    for start in range(0, len(rows), DETECTED_AT_ONCE):
        yield from detector.find(to_pictures(batch_of(rows[start : start + DETECTED_AT_ONCE])))


def _bytes(batch: torch.Tensor) -> np.ndarray:
    return np.stack([np.asarray(picture) for picture in to_pictures(batch)])
