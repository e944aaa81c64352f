"""Replay: the thief gives the stolen template as the login photo.

stolen template -> probe of a login -> accepted or refused
"""

from dataclasses import dataclass

from ndcb.attacks.thief import Theft, tried
from ndcb.core.terms import Face
from ndcb.models.pipeline import Models, Picture
from ndcb.results.thresholds import FARTHEST
from ndcb.vault.seals import Secret
from ndcb.vault.templates import Stolen
from ndcb.vault.vault import Vault

STORES_TEMPLATE, STORES_PHOTO = "a login that stores this template", "a login that stores the photo"


@dataclass(frozen=True)
class Replay:
    """A login at a vault with a template that was stolen from it."""

    revoked: bool
    """The template is not in the vault any more; the thief's copy was tried."""
    squared_distance: float | None = None
    """To the nearest plain template of the name. Any threshold judges it."""
    accepted: bool | None = None
    """By the sealed templates of the name, which tell no distance."""


def replay(models: Models, generator: str, photo: Picture) -> Theft:
    """A photo's template at two logins: one stores the template, one the photo itself.

    Raises UnknownName.
    """
    distorter = models.distorter(generator)
    template = distorter.templates([photo])[0]
    aligned = distorter.aligned(photo)
    stored = {STORES_TEMPLATE: template, STORES_PHOTO: aligned}
    return Theft(generator, aligned, template, tried(distorter, template, stored))


def replay_at(vault: Vault, stolen: Stolen, secret: Secret | None = None) -> Replay:
    """The stolen template in place of a photo of its name, at the vault itself.

    secret: of a sealed template, the key that the server would use. Raises what `Vault.verify` and
    `Vault.verify_sealed` do.
    """
    probe = Face(stolen.picture, None, how="aligned already")
    revoked = all(stored.png != stolen.png for stored in vault.stolen())
    if secret is None:
        match = vault.verify(stolen.name, probe, FARTHEST)
        return Replay(revoked, squared_distance=match.squared_distance)
    return Replay(revoked, accepted=vault.verify_sealed(stolen.name, probe, secret))
