"""What a summary.json holds: a dataclass for a plain evaluation and one for a sealed one.

A part is a table of figures: a mapping as `python -m training evaluate` wrote it. Its keys are
described in `training.evaluation` and `training.evaluation.sealed`. Rates, shares and accuracies
are in [0, 1], distances are squared Euclidean, `ci95` is [low, high].
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from ndcb.core.terms import BadCheckpoint

Figures = Mapping[str, Any]
"""A part's figures, or {"not_measured": the reason}."""
NOT_RUN: Figures = {"not_measured": "this part was not run"}
SIMILARITIES = ("ssim", "psnr")
"""Figures of restored pictures that are no judge's."""


@dataclass(frozen=True)
class Data:
    """The pictures that an evaluation used."""

    name: str = "unknown"
    """lfw or mnist."""
    split: str = "unknown"
    """How people or digits were parted, in words."""
    pictures: Mapping[str, int] = field(default_factory=dict)
    """Part (training, development, test) -> how many pictures it has."""

    def counted(self) -> str:
        """The sizes of the parts in words: `9,804 training, 1,074 development, 2,355 test`."""
        return ", ".join(f"{count:,} {part}" for part, count in self.pictures.items())


class Parts:
    """What an evaluation holds: by attribute, or by name where a table chooses it."""

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)

    def reason(self, *path: str) -> str | None:
        """Why the part at this path has no figures; None where it has them."""
        part, *below = path
        figures = self[part]
        for key in below:
            if "not_measured" in figures:
                break
            figures = figures.get(key, NOT_RUN)
        return figures.get("not_measured") if isinstance(figures, Mapping) else None


@dataclass(frozen=True)
class PlainParts(Parts):
    """The measured parts of a generator that needs no key."""

    image: Figures
    """Mean distances between a picture and its template; SSIM; PSNR in dB."""
    embedding_error: Figures
    """Squared distance between the embeddings of a picture and its template, and the margin."""
    failures: Figures
    """The three failures of the paper's Table 5, each in [0, 1]."""
    failure_to_enrol: Figures
    """How often the detector found no face: of all pictures, and of the test part."""
    verification: Figures
    """Error rates with the photo (`plain`) and with the template as reference."""
    curves: Figures
    """FMR(t) and FNMR(t), and error rates of up to 20 genuine pairs a person."""
    identification: Figures
    """Searches: CMC of the closed set, FNIR at an FPIR of the open one."""
    groups: Figures
    """Error rates within groups of people and across them."""
    zoo: Figures
    """Who causes the errors: goats, lambs and wolves."""
    lfw_folds: Figures
    """Accuracy on LFW's ten official folds, and what the template costs of it."""
    paper: Figures
    """The paper's Tables 3 and 4 and Figures 11 and 13, measured anew."""
    robustness: Figures
    """Error rates after a change of the stored template: compressed or resized."""
    second_recogniser: Figures
    """Rates of a recogniser that no generator was trained against."""
    other_recogniser: Figures
    """Rates of the package's recogniser that this generator was not trained against."""
    polish: Figures
    """Embedding error and time after gradient steps on the template's pixels."""
    attacks: Figures
    """What `python -m training attack` restored from templates and bare embeddings."""


@dataclass(frozen=True)
class SealedParts(Parts):
    """The measured parts of a generator whose templates need a key."""

    direction_error: Figures
    """Squared distance between z(F(T)) and the rotated z(F(X))."""
    verification: Figures
    """Error rates unprotected, with own keys, and with a stolen key."""
    curves: Figures
    """FMR(t) and FNMR(t), and error rates of up to 20 genuine pairs a person."""
    identification: Figures
    """Searches: CMC of the closed set, FNIR at an FPIR of the open one."""
    groups: Figures
    """Error rates within groups of people and across them."""
    zoo: Figures
    """Who causes the errors: goats, lambs and wolves."""
    lfw_folds: Figures
    """Accuracy on LFW's ten official folds, unprotected and sealed."""
    security: Figures
    """Accepted after a renewal, by replay, with a stolen key, and with one key for all."""
    linkability: Figures
    """Side -> score -> D_sys beside its null distribution, without the key."""
    restoration: Figures
    """Pictures restored from templates without the key, beside the mean face."""
    second_recogniser: Figures
    """Rates of a recogniser that no generator was trained against."""
    image: Figures
    """Mean distances between a picture and its template; SSIM; PSNR in dB."""
    face_found: Figures
    """Shares of templates and photos in which MTCNN finds a face."""
    polish: Figures
    """Direction error and time after gradient steps on the template's pixels."""
    times: Figures
    """Milliseconds of an enrolment, a verification and a passphrase."""


@dataclass(frozen=True)
class Head(Parts):
    """What is known of any evaluation before its figures."""

    name: str
    """The checkpoint that was measured."""
    recogniser: str
    """The recogniser that all figures are of, unless they say otherwise."""
    device: str
    """Where it was computed: cpu, cuda or mps."""
    commit: str
    """The commit that measured it."""
    data: Data
    """The pictures that it used."""
    seconds: Mapping[str, float]
    """Part -> how long it took; `total` where all parts ran in one go."""
    caches_were_empty: bool
    """Whether every picture was embedded anew."""
    goals: Mapping[str, dict]
    """Name of a goal -> measured, goal, met; empty where there are none."""

    @property
    def minutes(self) -> float:
        """How long all parts took."""
        return self.seconds.get("total", sum(self.seconds.values())) / 60


@dataclass(frozen=True)
class Evaluation(PlainParts, Head):
    """A generator that needs no key."""

    scores: Mapping[str, np.ndarray] = field(default_factory=dict)
    """{plain, template}_{genuine, impostor}: squared distances to plain probes, (n,) float32,
    sorted; empty where only summary.json was read.
    """


@dataclass(frozen=True)
class SealedEvaluation(Head):
    """A generator whose templates need a key."""

    sealed: SealedParts
    """All its figures."""


def parsed(
    summary: object, name: str | None = None, scores: Mapping[str, np.ndarray] | None = None
) -> Evaluation | SealedEvaluation:
    """The content of a summary.json, whole or with parts missing, as a dataclass.

    name: the checkpoint's, where the file's own word is not to be taken. Raises BadCheckpoint: a
    part is no JSON object.
    """
    name = name or (isinstance(summary, dict) and summary.get("checkpoint")) or "unknown"
    sealed = _objects(name, summary, ["sealed"]).get("sealed")
    head = _head(name, summary)
    if sealed is not None:
        return SealedEvaluation(**head, sealed=SealedParts(**_parts(name, sealed, SealedParts)))
    return Evaluation(**head, **_parts(name, summary, PlainParts), scores=scores or {})


def judges(restored: Figures) -> list[str]:
    """Who judged the pictures that one thief restored, in the order of the summary.

    The generator's own recogniser comes first. Those who were not there are listed too.
    """
    return [key for key in restored if key not in SIMILARITIES]


def unreadable(name: str) -> BadCheckpoint:
    return BadCheckpoint(
        f"the evaluation of {name} cannot be read; run: python -m training evaluate {name}"
    )


def _head(name: str, summary: dict) -> dict:
    objects = _objects(name, summary, ["data", "seconds", "goals"])
    data = objects.get("data", {})
    known = {key.name: data[key.name] for key in fields(Data) if key.name in data}
    return {
        "name": name,
        **{key: summary.get(key, "unknown") for key in ("recogniser", "device", "commit")},
        "data": Data(**known | _objects(name, known, ["pictures"])),
        "seconds": objects.get("seconds", {}),
        "caches_were_empty": summary.get("caches_were_empty", False),
        "goals": objects.get("goals", {}),
    }


def _parts(name: str, summary: dict, kind: type[Parts]) -> dict[str, Figures]:
    """Every part of this kind; those that the summary lacks were not run."""
    names = [part.name for part in fields(kind)]
    return dict.fromkeys(names, NOT_RUN) | _objects(name, summary, names)


def _objects(name: str, summary: object, keys: list[str]) -> dict[str, dict]:
    """Those of the keys that are there. Raises BadCheckpoint where one holds no JSON object."""
    if not isinstance(summary, dict):
        raise unreadable(name)
    objects = {key: summary[key] for key in keys if key in summary}
    if not all(isinstance(value, dict) for value in objects.values()):
        raise unreadable(name)
    return objects
