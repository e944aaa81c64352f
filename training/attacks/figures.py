"""How far an attacker gets with test people.

Two questions are asked of each restored picture: how similar is it to the photo, and does a
recogniser take it for the person?
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
from ndcb.report.names import judge_key
from training.attacks.attackers import Attacker
from training.data.alignment import realigned
from training.data.material import Material
from training.data.pictures import Pictures, kept_rows
from training.measure.record import mated_pairs, scores, squared_distances

VERSION = 1
"""Raise it when this module gives other numbers: caches of measurements hold what it gave."""
FMR = 1e-3
"""At a judge's threshold, this share of the pairs of photos of two test people is accepted."""
SECOND = "dlib"
"""The judge that may not be installed."""
READS = {
    "restoration": lambda material, rows: material.templates(rows),
    "template_inversion": lambda material, rows: torch.from_numpy(material.shifted(rows)),
    "embedding_inversion": lambda material, rows: torch.from_numpy(material.real(rows)),
}
"""What each thief has.

The stored template; F(T), if the thief has the recogniser too; F(X), if embeddings were stored.
"""
FACES_SOUGHT = 500
DETECTED_AT_ONCE = 16


@dataclass(frozen=True)
class Judge:
    """A recogniser that decides whether a picture shows the person."""

    name: str
    """A key of `ndcb.report.names.JUDGES`."""
    embed: Callable[[torch.Tensor], np.ndarray]
    """Pictures (n, 3, side, side) in [0, 1], aligned as what is attacked -> unit embeddings."""
    photos: np.ndarray
    """Embeddings of the photos of the whole test part."""
    threshold: float
    """A squared distance; what lies under it is accepted."""
    code: tuple[Callable, ...] = ()
    """What computes the embeddings, for the cache."""


def judge(
    recogniser: str, embed: Callable, photos: np.ndarray, labels: np.ndarray, *code: Callable
) -> Judge:
    genuine, impostor = scores(photos, photos, labels)
    threshold = fnmr_at_fmr(genuine, impostor, FMR)[1]
    return Judge(judge_key(recogniser), embed, photos, threshold, code)


def judges_of(material: Material, others=()) -> list[Judge]:
    """The generator's own recogniser, and the others (`training.measure.judges`)."""

    @torch.inference_mode()
    def embed(batch: torch.Tensor) -> np.ndarray:
        return material.recogniser(batch.to(material.device)).cpu().numpy()

    name, code = material.recogniser_name, type(material.recogniser)
    own = judge(name, embed, material.real_test, material.labels, code)
    return [own, *(_other(material, other) for other in others)]


def _other(material: Material, other) -> Judge:
    """It is shown restored pictures where its own cut of the photo would lie."""
    alignment = material.pictures.alignment
    moved = () if other.alignment == alignment else (realigned,)

    def embed(batch: torch.Tensor) -> np.ndarray:
        return other.embed(realigned(_bytes(batch), alignment, other.alignment))

    photos = material.second(other, material.test, template=False)
    return judge(other.name, embed, photos, material.labels, *other.code, *moved)


def chosen_of(material: Material, count: int) -> np.ndarray:
    """Which `count` of the test part are attacked, as places in it.

    They are the first of a fixed shuffle, so a larger choice holds a smaller one.
    """
    return np.random.default_rng(0).permutation(len(material.test))[:count]


def figures(
    material: Material, name: str, attacker: Attacker, judges: list[Judge], chosen: np.ndarray
) -> dict:
    """Of one of READS: mean ssim and psnr (dB), and what each judge accepts; see `accepted`.

    It is None for a judge who is not there.
    """
    table = restored(material, name, attacker, judges, material.test[chosen])
    return summed_up(table, judges, chosen, material.labels)


def chance(material: Material, judges: list[Judge], chosen: np.ndarray) -> dict:
    """The same of the mean training face, which knows nothing of the person."""
    pictures, rows = material.pictures, material.test[chosen]
    face = mean_face(pictures)
    similarities = [
        similarity(face.expand(len(piece), -1, -1, -1), pictures.batch(piece))
        for piece in np.array_split(rows, -(-len(rows) // pictures.batch_size))
    ]
    embeddings = [np.repeat(judge.embed(face), len(rows), axis=0) for judge in judges]
    table = np.concatenate([np.concatenate(similarities), *embeddings], axis=1)
    return summed_up(table, judges, chosen, material.labels)


def restored(
    material: Material, name: str, attacker: Attacker, judges: list[Judge], rows: np.ndarray
) -> np.ndarray:
    """A row for each restored picture: SSIM, PSNR, and its embedding by each judge.

    (len(rows), 2 + m + ...). They are kept in the cache as they come.
    """
    checkpoint, pictures = material.checkpoint, material.pictures

    def compute(chunk: np.ndarray) -> np.ndarray:
        made = attacker(READS[name](material, chunk))
        embeddings = [judge.embed(made) for judge in judges]
        return np.concatenate([similarity(made, pictures.batch(chunk)), *embeddings], axis=1)

    attacked = "" if name == "embedding_inversion" else checkpoint.record["sha256"][:12]
    key = "-".join([pictures.key, name, attacked, attacker.key, *(one.name for one in judges)])
    code = [restored, type(checkpoint.model), make_templates]
    code += [part for judge in judges for part in judge.code]
    what = f"{name} of {checkpoint.name}"
    return kept_rows(key, code, len(pictures.images), rows, compute, what, pictures.batch_size)


def summed_up(
    table: np.ndarray, judges: list[Judge], chosen: np.ndarray, labels: np.ndarray
) -> dict:
    """table: rows as `restored` gives them, of the pictures `chosen`."""
    ssims, psnrs = table[:, 0], table[:, 1]
    found = {
        "ssim": float(ssims.mean(dtype=np.float64)),
        "psnr": float(psnrs.mean(dtype=np.float64)),
        **dict.fromkeys(keys(judges)),
    }
    start = 2
    for judge in judges:
        end = start + judge.photos.shape[1]
        found[judge.name] = accepted(judge, table[:, start:end], chosen, labels)
        start = end
    return found


def keys(judges: list[Judge]) -> list[str]:
    """Of the figures: the own recogniser, dlib whether it is there or not, and the others."""
    own, *others = (judge.name for judge in judges)
    return [own, SECOND, *(name for name in others if name != SECOND)]


def accepted(judge: Judge, seen: np.ndarray, chosen: np.ndarray, labels: np.ndarray) -> dict:
    """How many of the restored pictures are taken for the person.

    seen: their embeddings; chosen: the photos that they were restored of. same_photo: against that
    photo. another_photo: against another one of the person, in the mated pairs (i, j) of the
    evaluation whose photo i was attacked.
    """
    place = np.full(len(labels), -1)
    place[chosen] = np.arange(len(chosen))
    pairs = mated_pairs(labels)
    attacked, other = pairs[place[pairs[:, 0]] >= 0].T
    same = squared_distances(seen, judge.photos[chosen])
    another = squared_distances(seen[place[attacked]], judge.photos[other])
    return {
        "same_photo": share(same < judge.threshold),
        "another_photo": share(another < judge.threshold),
    }


def share(accepted: np.ndarray) -> dict:
    """accepted: (n,), bool. The share is None of nothing."""
    return {
        "accepted": int(accepted.sum()),
        "of": len(accepted),
        "share": float(accepted.mean()) if len(accepted) else None,
    }


def similarity(made: torch.Tensor, real: torch.Tensor) -> np.ndarray:
    """(n, 2): SSIM, and PSNR in dB."""
    psnr = -10 * mse(made, real).clamp(min=1e-10).log10()
    return torch.stack([ssim(made, real), psnr], 1).numpy()


def mean_face(pictures: Pictures) -> torch.Tensor:
    """(1, c, h, w): the mean picture of the training people, rounded to 8 bits."""
    rows = pictures.training_rows
    pieces = np.array_split(rows, -(-len(rows) // pictures.batch_size))
    total = sum(pictures.batch(piece).sum(0, dtype=torch.float64) for piece in pieces)
    return quantise(total / len(rows))[None].float()


def face_found(material: Material, detector: Detector, count: int = FACES_SOUGHT) -> dict:
    """Shares of templates and of the same aligned photos in which MTCNN finds a face.

    Any confidence counts. It is shown them as they are, without a border.
    """
    rows = material.test[chosen_of(material, count)]
    return {
        "pictures": len(rows),
        "template": _share_with_face(detector, material.templates, rows),
        "photo": _share_with_face(detector, material.pictures.batch, rows),
    }


def _share_with_face(
    detector: Detector, batch_of: Callable[[np.ndarray], torch.Tensor], rows: np.ndarray
) -> float:
    faces = []
    for start in range(0, len(rows), DETECTED_AT_ONCE):
        faces += detector.find(to_pictures(batch_of(rows[start : start + DETECTED_AT_ONCE])))
    return float(np.mean([len(own) > 0 for own in faces]))


def _bytes(batch: torch.Tensor) -> np.ndarray:
    return np.stack([np.asarray(picture) for picture in to_pictures(batch)])
