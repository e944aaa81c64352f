"""A thief in a visitor's vault, with the real models: steal, replay, link, restore."""

import pytest

from ndcb.core.terms import DEFAULT_FACES, DEFAULT_SEALED
from ndcb.results import thresholds
from ndcb.web import session, theft
from ndcb.web.given_key import Given
from tests.web.test_session import names, refusal


def test_a_stolen_template_logs_in_and_outlives_revoking(visit, photos):
    assert theft.steal(visit, 0).name == "Eileen Collins"
    assert theft.replay(visit).squared_distance == pytest.approx(0, abs=1e-5)
    visit.vault.revoke("Eileen Collins")
    assert "Nobody is enrolled" in str(refusal(theft.replay, visit))
    session.enrol(visit, "Eileen Collins", [photos["mirrored"]], DEFAULT_FACES)
    again = theft.replay(visit)
    assert (
        0.01 < again.squared_distance < thresholds.login_threshold(DEFAULT_FACES) and again.revoked
    )
    assert "opened anew" in str(refusal(theft.steal, visit, 99))


def test_a_plain_template_stays_a_photo_after_sealing(visit, photos, the_same_keys):
    """The one that was stolen before logs in, as the photo does, where its owner's key is given; a
    sealed one does not.
    """
    theft.steal(visit, 0)
    given = Given("passphrase", "correct horse")
    session.renew(visit, "Eileen Collins", [photos["portrait"]], DEFAULT_SEALED, given)
    assert session.log_in(
        visit, "Eileen Collins", photos["mirrored"], DEFAULT_SEALED, given
    ).accepted
    again = theft.replay(visit, given)
    assert again.accepted and again.revoked
    assert (
        theft.link(visit, photos["mirrored"]).photo.same
        and theft.link(visit, photos["mirrored"]).sealed_now
    )
    theft.steal(visit, names(visit).index("Eileen Collins"))
    assert not theft.replay(visit, given).accepted


def test_nothing_to_steal(visit):
    for name in set(names(visit)):
        visit.vault.revoke(name)
    assert "empty" in str(refusal(theft.replay, visit))


def test_a_face_is_restored_from_the_template_of_a_face(visit, photos):
    alone = theft.restore(visit, None)
    assert (alone.name, alone.sealed, alone.known) == ("Eileen Collins", False, None)
    assert alone.template.tobytes() == visit.stolen.picture.tobytes()
    beside = theft.restore(visit, photos["mirrored"])
    assert beside.restored.tobytes() == alone.restored.tobytes()
    assert beside.known.size == alone.restored.size == alone.template.size
    assert theft.restore(visit, photos["nothing"]).known is None
    theft.steal(visit, 1)
    assert "paints faces only" in str(refusal(theft.restore, visit, photos["3"]))


@pytest.mark.parametrize("generator, side", [("faces-bottleneck", 160), ("sface-bottleneck", 112)])
def test_the_story_of_a_theft_works_for_each_recogniser(visit, photos, generator, side):
    session.enrol(visit, "Zoe", [photos["portrait"]], generator)
    stolen = theft.steal(visit, names(visit).index("Zoe"))
    assert stolen.generator == generator
    assert theft.link(visit, photos["mirrored"]).photo.same
    assert theft.replay(visit).squared_distance == pytest.approx(0, abs=1e-5)
    restored = theft.restore(visit, photos["mirrored"])
    sizes = {picture.size for picture in (restored.template, restored.restored, restored.known)}
    assert sizes == {(side, side)}


def test_a_template_is_linked_to_those_for_its_recogniser_alone(visit, photos):
    """A name that was revoked and enrolled by a generator for another recogniser."""
    session.enrol(visit, "Zoe", [photos["portrait"]], "faces-bottleneck")
    theft.steal(visit, names(visit).index("Zoe"))
    link = theft.link(visit, photos["mirrored"])
    assert link.same_file and link.stored.squared_distance == pytest.approx(0, abs=1e-5)

    visit.vault.revoke("Zoe")
    session.enrol(visit, "Zoe", [photos["portrait"]], "sface-bottleneck")
    again = theft.link(visit, photos["mirrored"])
    assert again.photo == link.photo and again.stored is None
