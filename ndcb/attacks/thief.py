"""What a thief of a visitor's database can do with a template: replay it, link it, restore a face
from it. All of it is tried live.

    stolen template -> given as a login photo -> accepted or refused
    stolen template, a photo found elsewhere -> the recogniser -> the same person?
    stolen template -> the recogniser -> the inverter -> a face

The thief has the database, and the recogniser as anybody has it; the keys are the service's and the
person's. A distance that is told here is between pictures the thief has, never the vault's own.
"""

from dataclasses import dataclass
from functools import cache

import torch
from PIL import Image
from torch import nn

from ndcb.attacks.inverter import load_inverter
from ndcb.core.tensors import to_pictures
from ndcb.core.terms import DEFAULT_FACES, Decision, Face, UserError
from ndcb.models.pipeline import Distorter
from ndcb.results.thresholds import FARTHEST
from ndcb.vault.names import person_of
from ndcb.vault.sights import fitting
from ndcb.vault.vault import Stolen
from ndcb.web.sealed_session import Given, SealedLogin
from ndcb.web.session import Login, Visit, find_faces, is_digit, is_sealed, sealed_generators

NOTHING = "The vault is empty, so there is nothing to steal. Enrol a person first."
OPENED_ANEW = "The vault was opened anew. Click a template of it."
FACES_ONLY = "The thief's network paints faces only. Click the template of a face first."


@dataclass(frozen=True)
class Link:
    """What the recogniser says of the stolen template, by its threshold for plain photos."""

    name: str
    sealed: bool
    digit: bool
    photo: Decision
    """Against a photo that the thief found elsewhere."""
    stored: Decision | None
    """Against the nearest template that is stored for the name now; None: there is none of its
    kind.
    """
    same_file: bool
    """The stolen template is still stored as it is."""
    sealed_now: bool = False
    """What is stored for the name now is sealed."""


@dataclass(frozen=True)
class Restoration:
    """What the inverter paints."""

    name: str
    sealed: bool
    template: Image.Image
    restored: Image.Image
    """From F(T)."""
    known: Image.Image | None = None
    """From F of the photo that was given: the most there is to get."""


def steal(visit: Visit, index: int) -> Stolen:
    """The thief takes a copy of a template. Raises UserError: what was shown is of an older
    vault.
    """
    found = visit.vault.stolen()
    if type(index) is not int or not 0 <= index < len(found):
        raise UserError(OPENED_ANEW)
    visit.copy = found[index]
    return visit.copy


def replay(visit: Visit, given: Given = Given()) -> Login | SealedLogin:
    """Give the stolen template in place of a photo, live. `given`: for a sealed template, the key
    that the server would use.

    Raises what `Vault.verify` and `Vault.verify_sealed` do; UserError: nothing is stolen yet,
    no key was given.
    """
    copy = loot(visit)
    probe = Face(copy.picture, None, how="aligned already")
    revoked = all(stolen.png != copy.png for stolen in visit.vault.stolen())
    if visit.vault.source(copy.name) is None:
        match = visit.vault.verify(copy.name, probe, FARTHEST)
        return Login(copy.name, match.squared_distance, "replay", copy.generator, revoked=revoked)
    secret = given.known()
    return SealedLogin(
        copy.name,
        visit.vault.verify_sealed(copy.name, probe, secret),
        "replay",
        secret.source,
        revoked=revoked,
    )


def link(visit: Visit, path: str | None) -> Link:
    """Is the photo the person of the stolen template, and is the template that is stored now?
    Raises BadPicture: no photo; NoFaceFound; UserError: nothing is stolen yet.
    """
    copy = loot(visit)
    eyes = recogniser_of(visit, copy)
    photo = find_faces(visit, path, copy.generator)[0].image
    stored = [
        other
        for other in visit.vault.stolen()
        if person_of(other.name) == person_of(copy.name)
        and is_digit(other.generator) == is_digit(copy.generator)
    ]
    own, *others = eyes.embed(
        [
            fitting(picture, eyes)
            for picture in (copy.picture, photo, *(other.picture for other in stored))
        ]
    )
    found, *nearest = [eyes.decide(own, other) for other in others]
    return Link(
        copy.name,
        is_sealed(copy.generator),
        is_digit(copy.generator),
        found,
        min(nearest, key=lambda decision: decision.squared_distance, default=None),
        any(other.png == copy.png for other in stored),
        any(is_sealed(other.generator) for other in stored),
    )


def restore(visit: Visit, path: str | None) -> Restoration:
    """A face painted from the stolen template, and one from the photo where it has a face. Raises
    UserError: nothing is stolen yet, the template is a digit's.
    """
    copy = loot(visit)
    if is_digit(copy.generator):
        raise UserError(FACES_ONLY)
    eyes = recogniser_of(visit, copy)
    painted = _paint(eyes, _cleaned(visit, eyes.embed([copy.picture])))
    known = [_paint(eyes, eyes.embed([face])) for face in _face_on(visit, path, copy.generator)]
    return Restoration(copy.name, is_sealed(copy.generator), copy.picture, painted, *known)


def loot(visit: Visit) -> Stolen:
    """The template that the thief has; where none was chosen yet, the first one is. Raises
    UserError: the vault is empty.
    """
    visit.copy = visit.copy or next(iter(visit.vault.stolen()), None)
    if visit.copy is None:
        raise UserError(NOTHING)
    return visit.copy


def recogniser_of(visit: Visit, copy: Stolen) -> Distorter:
    """The plain recogniser of a template's kind, and its threshold: what anybody has."""
    return visit.vault.models.distorter(
        DEFAULT_FACES if is_sealed(copy.generator) else copy.generator
    )


def _face_on(visit: Visit, path: str | None, generator: str) -> list[Image.Image]:
    try:
        return [find_faces(visit, path, generator)[0].image] if path else []
    except UserError:  # the template alone can be restored as well
        return []


def _cleaned(visit: Visit, embedding: torch.Tensor) -> torch.Tensor:
    """F(T) without what it has in directions in which people do not differ: the inverter never saw
    that, and paints no face of it. The sealed generator's z knows those directions; they are no
    secret.
    """
    if not sealed_generators():
        return embedding
    model = visit.vault.models.distorter(sealed_generators()[0]).generator.model
    return model.embedding(model.direction(embedding))


@torch.inference_mode()
def _paint(eyes: Distorter, embedding: torch.Tensor) -> Image.Image:
    """(1, m) -> what the inverter makes of it."""
    return to_pictures(_inverter(str(eyes.device))(embedding.to(eyes.device)).cpu())[0]


@cache
def _inverter(device: str) -> nn.Module:
    """Read once."""
    return load_inverter(device)
