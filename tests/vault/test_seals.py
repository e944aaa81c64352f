"""Sealed templates with toy models: enrolled, verified, renewed, revoked.

Also what the two databases hold, and what a thief of them can do.
"""

import logging
import sqlite3
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ndcb.core.terms import DEFAULT_SEALED, BadPicture, PoorPhoto, UserError
from ndcb.models import quality
from ndcb.vault import key_store
from ndcb.vault.key_card import KeyCards
from ndcb.vault.key_sources import BadKey, Passphrase, Scrypt, ServiceSecret
from ndcb.vault.key_store import KeyStore
from ndcb.vault.keys import rotation
from ndcb.vault.seals import Seal, new_card
from ndcb.vault.vault import Vault
from tests.vault.toys import NOBODY, ToyModels, photo, sealing, sealing_few, toy, weak_hash

WORDS = Passphrase("correct horse")
SERVICE = ServiceSecret(bytes(range(32)))


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(Scrypt, "hash", weak_hash)


def sealed_vault(place="sqlite://", store="sqlite://") -> Vault:
    return Vault(place, ToyModels(toy("toy"), sealing()), store, generator="toy")


@pytest.fixture(params=["memory", "files", "postgres"])
def vault(request, tmp_path):
    if request.param == "postgres":
        place = request.getfixturevalue("postgres")
        vault = sealed_vault(place, tmp_path / "keys.sqlite")
    else:
        vault = sealed_vault(
            *(
                (tmp_path / "vault.sqlite", tmp_path / "keys.sqlite")
                if request.param == "files"
                else ()
            )
        )
    yield vault
    vault.close()


@pytest.fixture
def here(tmp_path):
    return sealed_vault(tmp_path / "vault.sqlite", tmp_path / "keys.sqlite")


@pytest.mark.parametrize("secret", [WORDS, SERVICE, None])
def test_a_sealed_login_from_enrolment_to_revocation(vault, secret):
    entry, card = vault.enrol_sealed("Ann", [photo(1), photo(1, 1)], secret)
    assert (entry.name, entry.generator, entry.recogniser, entry.templates) == (
        "Ann",
        DEFAULT_SEALED,
        "colours",
        2,
    )
    assert (card is None) == (secret is not None)
    assert vault.source("ann") == (secret or card).source
    first = secret or card
    assert vault.verify_sealed("ANN", photo(1, 2), first) is True
    assert vault.verify_sealed("Ann", photo(2), first) is False
    assert [one.templates for one in vault.list()] == [2]
    assert vault.list()[0].damaged == ()

    entry, card = vault.renew("Ann", [photo(1, 3)], secret)
    assert entry.templates == 1
    assert vault.verify_sealed("Ann", photo(1, 2), secret or card)
    if card:
        assert card.version == 2
        assert card.enrolment == first.enrolment
        assert card.key != first.key
        with pytest.raises(
            BadKey, match="has version 1, and the template was renewed: it needs version 2"
        ):
            vault.verify_sealed("Ann", photo(1, 2), first)
    assert vault.revoke("Ann") == 1
    assert vault.list() == []
    assert count(vault.keys) == 0
    with pytest.raises(UserError, match="Nobody is enrolled"):
        vault.verify_sealed("Ann", photo(1), secret or card)


def test_of_several_cards_the_enrolments_own_counts(here):
    (_, first), (_, bobs) = (
        here.enrol_sealed("Ann", [photo(1)]),
        here.enrol_sealed("Bob", [photo(2)]),
    )
    assert here.verify_sealed("Ann", photo(1, 1), KeyCards((bobs, first)))
    assert here.verify_sealed("Bob", photo(2, 1), KeyCards((first, bobs)))
    assert not here.verify_sealed("Ann", photo(2, 1), KeyCards((bobs, first)))
    _, second = here.renew("Ann", [photo(1)])
    assert here.verify_sealed("Ann", photo(1, 1), KeyCards((first, bobs, second)))
    newer = replace(second, version=3)
    for cards, sentence in (
        ((bobs,), "^This key card belongs to another enrolment"),
        ((bobs, replace(bobs, version=2)), "^These 2 key cards belong to another"),
        ((bobs, first), "has version 1, and the template was renewed: it needs version 2"),
        (
            (first, newer),
            "has version 3, and the key store has version 2: it is older than the card",
        ),
    ):
        with pytest.raises(BadKey, match=sentence):
            here.verify_sealed("Ann", photo(1, 1), KeyCards(cards))


class OlderPassphrase(Passphrase):
    """As it was when a byte order mark belonged to it."""

    @property
    def normal(self) -> str:
        return self.text


def test_a_passphrase_with_a_byte_order_mark_locks_nobody_out(here):
    marked = Passphrase("\ufeff" + WORDS.text)
    here.enrol_sealed("Ann", [photo(1)], marked)
    here.enrol_sealed("Bob", [photo(2)], WORDS)
    for secret in (marked, WORDS):
        assert here.verify_sealed("Ann", photo(1, 1), secret)
        assert here.verify_sealed("Bob", photo(2, 1), secret)
    here.enrol_sealed("Cem", [photo(3)], OlderPassphrase(marked.text))
    assert here.verify_sealed("Cem", photo(3, 1), marked)
    assert not here.verify_sealed("Cem", photo(2, 1), marked)
    assert not here.verify_sealed("Cem", photo(3, 1), Passphrase("\ufeffanother phrase"))
    assert not here.verify_sealed("Cem", photo(3, 1), WORDS)  # as it was; it can be renewed


@pytest.mark.parametrize("later", [DEFAULT_SEALED, "few", "toy"])
@pytest.mark.parametrize("first", [DEFAULT_SEALED, "few"])
def test_a_template_is_opened_by_what_made_it_whatever_the_vault_makes_now(tmp_path, first, later):
    models = ToyModels(toy("toy"), sealing(), sealing_few())
    given = tmp_path / "vault.sqlite", models, tmp_path / "keys.sqlite"
    with closing(Vault(*given, generator="toy", sealed_generator=first)) as vault:
        vault.enrol_sealed("Ann", [photo(1), photo(1, 1)], WORDS)
    with closing(Vault(*given, generator="toy", sealed_generator=later)) as vault:
        assert vault.verify_sealed("Ann", photo(1, 2), WORDS) is True
        assert vault.verify_sealed("Ann", photo(2), WORDS) is False
        assert vault.verify_sealed("Ann", photo(1, 2), Passphrase("wrong horse")) is False


def count(store: KeyStore) -> int:
    with store.begin() as connection:
        return len(connection.execute(key_store.KEYS.select()).all())


def test_with_another_secret_nobody_gets_in(vault):
    vault.enrol_sealed("Ann", [photo(1)], WORDS)
    assert vault.verify_sealed("Ann", photo(1), Passphrase("correct  horse")) is False
    vault.enrol_sealed("Bob", [photo(1)], SERVICE)
    assert vault.verify_sealed("Bob", photo(1), ServiceSecret(bytes(32))) is False
    assert vault.verify_sealed("Bob", photo(1), ServiceSecret(bytes(32)), threshold=4.1) is True


def test_another_kind_of_secret_is_said(here):
    here.enrol_sealed("Ann", [photo(1)], WORDS)
    _, card = here.enrol_sealed("Bob", [photo(2)])
    _, other = here.enrol_sealed("Cem", [photo(3)])
    for name, secret, sentence in (
        ("Ann", SERVICE, "sealed with a passphrase, not with the service's secret"),
        ("Ann", card, "not with a key card"),
        ("Bob", WORDS, "sealed with a key card, not with a passphrase"),
        ("Bob", other, "belongs to another enrolment"),
    ):
        with pytest.raises(BadKey, match=sentence):
            here.verify_sealed(name, photo(1), secret)


def test_the_old_template_and_the_new_do_not_meet(here):
    """Templates of one photo and one passphrase are as far apart as strangers'.

    They are those of an enrolment, of its renewal, and of another name.
    """
    here.enrol_sealed("Ann", [photo(1)] * 5, WORDS)
    here.enrol_sealed("Bob", [photo(1)] * 5, WORDS)
    found = [stolen.picture for stolen in here.stolen()]
    here.renew("Ann", [photo(1)] * 5, WORDS)
    found += [stolen.picture for stolen in here.stolen() if stolen.name == "Ann"]
    directions = sealing().embed(found)
    cosines = (directions @ directions.T)[np.triu_indices(15, 1)]
    assert abs(cosines.mean()) < 0.05
    assert cosines.abs().max() < 0.6
    assert cosines.std() == pytest.approx(48**-0.5, abs=0.04)


def test_a_stolen_template_is_no_photo(here):
    here.enrol_sealed("Ann", [photo(1)], WORDS)
    assert not here.verify_sealed("Ann", here.stolen()[0].picture, WORDS)


@settings(max_examples=25, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.integers(0, 4), st.integers(0, 4))
def test_verification_commutes_with_the_rotation(key, one, other):
    """|R z(X') - z(T)| is |z(X') - z(X)|, the distance without a key, but for rounding.

    T has 8 bits; what they round off is |R z(X) - z(T)| at most.
    """
    distorter = sealing()
    turn = torch.from_numpy(rotation(key, 48)).float()
    probe, own = distorter.embed([photo(one, 1), photo(other)])
    template = distorter.distort(photo(other), turn @ own).template
    stored = distorter.embed([template])[0]
    plain, sealed, rounded_off = (
        (probe - own).norm(),
        (turn @ probe - stored).norm(),
        (turn @ own - stored).norm(),
    )
    assert float((sealed - plain).abs()) < float(rounded_off) + 1e-5
    assert float(rounded_off) < 0.1


# --- two stores


def test_neither_store_alone_says_who_or_how(tmp_path, here):
    _, card = here.enrol_sealed("Ann Example", [photo(1)])
    here.enrol_sealed("Bob", [photo(2)], WORDS)
    vault, store = ((tmp_path / name).read_bytes() for name in ("vault.sqlite", "keys.sqlite"))
    seals = here.keys.seals([row.sha256 for row in here.database.rows()])
    assert len(seals) == 2
    for seal, number in seals.values():
        assert seal.salt in store
        assert seal.salt not in vault
        assert seal.enrolment.encode() not in vault
        secret = card.key if seal.source == "card" else seal.secret(WORDS)
        key = seal.key(secret, number)
        assert not any(
            hidden in data
            for hidden in (key, secret, key.hex().encode(), b"correct horse")
            for data in (vault, store)
        )
    assert b"Ann Example" in vault
    assert b"Ann" not in store
    assert here.database.rows()[0].person.encode() not in store
    assert (tmp_path / "keys.sqlite").stat().st_mode & 0o777 == 0o600


def test_revoking_overwrites_the_salt(tmp_path, here):
    here.enrol_sealed("Ann", [photo(1), photo(1, 1)], WORDS)
    before = {
        seal.salt
        for seal, _ in here.keys.seals([row.sha256 for row in here.database.rows()]).values()
    }
    here.renew("Ann", [photo(1)], WORDS)
    after = {
        seal.salt
        for seal, _ in here.keys.seals([row.sha256 for row in here.database.rows()]).values()
    }
    data = (tmp_path / "keys.sqlite").read_bytes()
    assert len(before) == len(after) == 1
    assert not before & after
    assert before.pop() not in data
    assert (salt := after.pop()) in data
    here.revoke("Ann")
    assert salt not in (tmp_path / "keys.sqlite").read_bytes()


def test_a_lost_key_store_is_said_and_renewing_mends_it(tmp_path, here):
    here.enrol_sealed("Ann", [photo(1)], WORDS)
    here.close()
    lost = sealed_vault(tmp_path / "vault.sqlite", tmp_path / "new.sqlite")
    for action in (lambda: lost.source("Ann"), lambda: lost.verify_sealed("Ann", photo(1), WORDS)):
        with pytest.raises(
            UserError,
            match=(
                "The key store knows nothing of the template of 'Ann'. Name the key store that was"
                " used"
            ),
        ):
            action()
    lost.renew("Ann", [photo(1)], WORDS)
    assert lost.verify_sealed("Ann", photo(1, 1), WORDS)
    assert lost.revoke("Ann") == 1


def test_without_a_key_store_a_sealed_template_is_not_opened_but_can_be_revoked(tmp_path, here):
    here.enrol_sealed("Ann", [photo(1)], WORDS)
    here.enrol("Bob", [photo(2)])
    here.close()
    keyless = Vault(tmp_path / "vault.sqlite", here.models, generator="toy")
    for action in (
        lambda: keyless.enrol_sealed("Eve", [photo(3)], WORDS),
        lambda: keyless.verify_sealed("Ann", photo(1, 1), WORDS),
        lambda: keyless.renew("Bob", [photo(2)], WORDS),
        lambda: keyless.source("Ann"),
    ):
        with pytest.raises(UserError) as error:
            action()
        assert str(error.value) == "A sealed template needs the key store: open the vault with it."
    assert keyless.source("Bob") is None
    assert keyless.verify("Bob", photo(2, 1)).same
    assert keyless.identify(photo(2, 1))[0] == "Bob"
    assert len(keyless.list()) == 2
    assert keyless.destroy_keys("Ann") is False
    assert keyless.revoke("Ann") == 1
    assert count(here.keys) == 1
    keyless.close()


def test_keys_beside_templates_are_refused(tmp_path):
    for keys_place in (tmp_path / "v.db", f"sqlite:///{tmp_path}/x/../v.db"):
        with pytest.raises(UserError, match="must not lie beside the templates"):
            sealed_vault(tmp_path / "v.db", keys_place)


def test_a_vault_is_no_key_store(tmp_path, here):
    here.enrol_sealed("Ann", [photo(1)], WORDS)
    (tmp_path / "letter.txt").write_text("hello, this is a letter")
    with pytest.raises(UserError, match="This file is no key store"):
        sealed_vault(tmp_path / "other.sqlite", tmp_path / "letter.txt").enrol_sealed(
            "Bob", [photo(2)], WORDS
        )


def test_a_failed_enrolment_leaves_no_salt(here, monkeypatch):
    here.enrol_sealed("Ann", [photo(1)], WORDS)
    with pytest.raises(UserError, match="'ANN' is enrolled already"):
        here.enrol_sealed("ANN", [photo(1)], WORDS)
    with pytest.raises(UserError, match="Photo 2: No face"):
        here.enrol_sealed("Bob", [photo(1), NOBODY], WORDS)
    monkeypatch.setattr(
        here, "_free_name", lambda name: name
    )  # as if both had asked at the same moment
    with pytest.raises(UserError, match="is enrolled already"):
        here.enrol_sealed("Ann", [photo(1)], WORDS)
    assert count(here.keys) == 1
    assert here.verify_sealed("Ann", photo(1), WORDS)


def test_a_renewal_that_comes_second_changes_nothing(here, monkeypatch):
    here.enrol_sealed("Ann", [photo(1)], WORDS)
    stale = here.database.rows()
    here.renew("Ann", [photo(1)], WORDS)
    with (
        monkeypatch.context() as patch,
        pytest.raises(UserError, match="was changed at the same moment. Try once more"),
    ):
        patch.setattr(here, "_known_rows", lambda name: stale)
        here.renew("Ann", [photo(1)], WORDS)
    assert here.verify_sealed("Ann", photo(1), WORDS)
    assert count(here.keys) == 1


def test_a_renewal_that_cannot_be_written_leaves_no_salt(here, monkeypatch):
    def full(old, new):
        raise UserError("disk is full")

    here.enrol_sealed("Ann", [photo(1)], WORDS)
    with monkeypatch.context() as patch, pytest.raises(UserError, match="disk is full"):
        patch.setattr(here.database, "replace", full)
        here.renew("Ann", [photo(1)], WORDS)
    assert count(here.keys) == 1
    assert here.verify_sealed("Ann", photo(1), WORDS)


def test_a_failed_renewal_keeps_the_old_template(here):
    here.enrol_sealed("Ann", [photo(1)], WORDS)
    with pytest.raises(UserError, match="No face"):
        here.renew("Ann", [NOBODY], SERVICE)
    with pytest.raises(UserError, match="Nobody is enrolled as 'Bob'"):
        here.renew("Bob", [photo(1)], SERVICE)
    assert here.source("Ann") == "passphrase"
    assert here.verify_sealed("Ann", photo(1), WORDS)


# --- whose photos, and how good


def test_photos_of_two_people_are_refused_before_any_key(here):
    here.enrol_sealed("Ann", [photo(1)], WORDS)
    for act in (here.enrol_sealed, here.renew):
        name = "Bob" if act == here.enrol_sealed else "Ann"
        with pytest.raises(BadPicture, match="Photo 2 shows another person than photo [13]."):
            act(name, [photo(1), photo(2), photo(1, 1)], WORDS)
    assert count(here.keys) == 1
    assert here.verify_sealed("Ann", photo(1, 2), WORDS)


def test_poor_photos_are_neither_sealed_nor_let_in(tmp_path, here, monkeypatch):
    """The toy gate calls every photo of one person dark."""
    centre = sealing().recognise([photo(4)])
    monkeypatch.setattr(
        quality,
        "load_gate",
        lambda path: quality.Gate("colours", ("dark",), centre, torch.tensor([-0.8]), 0.0),
    )
    assert here.enrol_sealed("Ann", [photo(1)], WORDS)[0].quality == ("good",)
    for action in (
        lambda: here.enrol_sealed("Eve", [photo(4)], WORDS),
        lambda: here.renew("Ann", [photo(4)], WORDS),
        lambda: here.verify_sealed("Ann", photo(4), WORDS),
    ):
        with pytest.raises(PoorPhoto, match="The face is too dark. Turn on a light"):
            action()
    assert count(here.keys) == 1
    assert [one.name for one in here.list()] == ["Ann"]
    here.any_quality = True
    assert here.enrol_sealed("Eve", [photo(4)], WORDS)[0].quality == ("dark",)
    assert here.verify_sealed("Eve", photo(4, 1), WORDS)
    assert here.list()[1].quality == ("dark",)


# --- plain and sealed in one vault


def test_plain_templates_stay_what_they_are_beside_sealed_ones(here):
    here.enrol("Ann", [photo(1)])
    here.enrol_sealed("Bob", [photo(2)], WORDS)
    assert here.source("Ann") is None
    assert here.verify("Ann", photo(1, 1)).same
    with pytest.raises(
        UserError, match="Template 1 of 'Bob' cannot be compared: It is sealed. Give its key."
    ):
        here.verify("Bob", photo(2))
    with pytest.raises(UserError, match="The template of 'Ann' is plain"):
        here.verify_sealed("Ann", photo(1), WORDS)
    name, match = here.identify(photo(1, 2))
    assert name == "Ann"
    assert match.skipped == ("Template 1 of 'Bob' cannot be compared: It is sealed. Give its key.",)
    here.renew("Ann", [photo(1)], SERVICE)
    assert here.source("Ann") == "service"
    assert here.verify_sealed("Ann", photo(1, 1), SERVICE)


def test_a_sealed_generator_makes_no_plain_template():
    models = ToyModels(sealing())
    with pytest.raises(UserError, match="needs a key"):
        Vault("sqlite://", models, generator=DEFAULT_SEALED).enrol("Ann", [photo(1)])
    with pytest.raises(UserError, match="makes plain templates. Name one that seals"):
        Vault("sqlite://", ToyModels(toy("toy")), "sqlite://", sealed_generator="toy").enrol_sealed(
            "Ann", [photo(1)], WORDS
        )


def test_a_damaged_template_is_said(tmp_path, here):
    here.enrol_sealed("Ann", [photo(1)], WORDS)
    here.close()
    connection = sqlite3.connect(tmp_path / "vault.sqlite")
    with connection:
        connection.execute("UPDATE ndcb_templates SET png = x'00'")
    connection.close()
    with pytest.raises(UserError, match="Its picture is damaged"):
        here.verify_sealed("Ann", photo(1), WORDS)


def test_a_photo_of_another_size_is_said(here):
    here.enrol_sealed("Ann", [photo(1)], WORDS)
    with pytest.raises(UserError, match="needs a picture of 32x32"):
        here.verify_sealed("Ann", Image.new("RGB", (40, 40), "red"), WORDS)


def test_no_secret_is_printed():
    seal = Seal("e" * 32, 1, "card", b"salty salty salt")
    assert "salty" not in repr(seal)
    assert repr(new_card(seal, "Ann").key) not in repr(new_card(seal, "Ann"))


def test_no_log_and_no_error_holds_a_key_a_salt_or_a_direction(here, caplog):
    caplog.set_level(logging.DEBUG)
    logging.getLogger("sqlalchemy.engine").setLevel(logging.INFO)
    try:
        _, card = here.enrol_sealed("Eve", [photo(4)])
        here.verify_sealed("Eve", photo(4, 1), card)
        here.renew("Eve", [photo(4)], WORDS)
        with pytest.raises(BadKey) as error:
            here.verify_sealed("Eve", photo(4), card)
    finally:
        logging.getLogger("sqlalchemy.engine").setLevel(logging.NOTSET)
    [(seal, number)] = here.keys.seals([row.sha256 for row in here.database.rows()]).values()
    key = seal.key(seal.secret(WORDS), number)
    direction = sealing().embed([here.stolen()[0].picture])[0]
    secrets = [
        card.text(),
        card.text().split('"key": "')[1][:52],
        WORDS.text,
        "Eve",
        *(str(value)[:6] for value in direction.tolist()[:3]),
        *(
            form
            for value in (key, card.key, seal.salt)
            for form in (value.hex(), repr(value)[2:-1])
        ),
    ]
    assert "INSERT INTO ndcb_keys" in caplog.text
    assert "DELETE" in caplog.text
    assert not any(
        secret in text
        for secret in secrets
        for text in (caplog.text, str(error.value), repr(error.value))
    )
