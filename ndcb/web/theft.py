"""A visitor's vault in a thief's hands: `ndcb.attacks` tried live on one of its templates."""

from ndcb.attacks.link import Link, link_at
from ndcb.attacks.replay import replay_at
from ndcb.attacks.restore import Restoration
from ndcb.attacks.restore import restore as restore_face
from ndcb.core.terms import Face, UserError
from ndcb.vault.templates import Stolen
from ndcb.web.given_key import NO_KEY, Given
from ndcb.web.session import Login, SealedLogin, Visit, find_faces, generator_of

NOTHING = "The vault is empty, so there is nothing to steal. Enrol a person first."
OPENED_ANEW = "The vault was opened anew. Click a template of it."


def steal(visit: Visit, index: int) -> Stolen:
    """The thief takes a copy of a template.

    Raises UserError: what was shown is of an older vault.
    """
    templates = visit.vault.stolen()
    if type(index) is not int or not 0 <= index < len(templates):
        raise UserError(OPENED_ANEW)
    visit.stolen = templates[index]
    return visit.stolen


def loot(visit: Visit) -> Stolen:
    """The template that the thief has; where none was chosen yet, the first one is.

    Raises UserError: the vault is empty.
    """
    visit.stolen = visit.stolen or next(iter(visit.vault.stolen()), None)
    if visit.stolen is None:
        raise UserError(NOTHING)
    return visit.stolen


def replay(visit: Visit, given: Given = NO_KEY, fmr: str | None = None) -> Login | SealedLogin:
    """Give the stolen template in place of a photo.

    given: for a sealed template, the key that the server would use. fmr: as in `session.log_in`.
    Raises what `replay_at` does; UserError: nothing to steal, no key was given.
    """
    stolen = loot(visit)
    if visit.vault.source(stolen.name) is None:
        tried = replay_at(visit.vault, stolen)
        distance = tried.squared_distance
        made_by = generator_of(visit, stolen.name)
        return Login(stolen.name, distance, "replay", made_by, revoked=tried.revoked)
    secret = given.known()
    visit.vault.fmr = fmr
    tried = replay_at(visit.vault, stolen, secret)
    return SealedLogin(stolen.name, tried.accepted, "replay", secret.source, revoked=tried.revoked)


def link(visit: Visit, path: str | None) -> Link:
    """Is the photo the person of the stolen template, and is the template that is stored now?

    Raises BadPicture: no photo; NoFaceFound; UserError: nothing to steal.
    """
    stolen = loot(visit)
    photo = find_faces(visit, path, stolen.generator)[0]
    return link_at(visit.vault.models, visit.vault.stolen(), stolen, photo)


def restore(visit: Visit, path: str | None) -> Restoration:
    """A face painted from the stolen template, and one from the photo where it shows a face.

    Raises UserError: nothing to steal, the template is a digit's.
    """
    stolen = loot(visit)
    return restore_face(visit.vault.models, stolen, _face_on(visit, path, stolen.generator))


def _face_on(visit: Visit, path: str | None, generator: str) -> Face | None:
    try:
        return find_faces(visit, path, generator)[0] if path else None
    except UserError:  # the template alone can be restored as well
        return None
