"""Logins and searches at an operating point: thresholds on both sides of a known distance."""

import sqlite3
from contextlib import closing

import pytest
import torch
from PIL import Image

from ndcb.core.distances import squared_euclidean
from ndcb.core.terms import BadPicture, NotAvailable, UserError
from ndcb.models.operating_points import OLD
from ndcb.vault.key_sources import Passphrase, Scrypt
from ndcb.vault.vault import Vault
from tests.vault.toys import ToyModels, measured, photo, sealing, toy, weak_hash

PROBE = Image.blend(photo(1, 5), photo(99), 0.25)
"""Person 1, not well seen."""
WORDS = Passphrase("correct horse")
NEAR = 0.002
"""More than half precision may change a distance of the toys' logins."""


def by_rate(near: float, distorter=None):
    """A toy that lets `PROBE` in at 1 % and 0.1 %, and not at any smaller rate."""
    return measured(
        distorter or toy(),
        at_1e_2=near + 2 * NEAR,
        at_1e_3=near + NEAR,
        at_5e_4=near - NEAR,
        at_1e_4=near - 2 * NEAR,
    )


def loosest_only(near: float, distorter=None):
    """A toy that lets `PROBE` in at 1 % alone."""
    return measured(
        distorter or toy(), at_1e_2=near + NEAR, at_1e_3=near - NEAR, at_1e_4=near - 2 * NEAR
    )


@pytest.fixture(scope="module")
def near() -> float:
    """The squared distance of `PROBE` to the template of `photo(1)`."""
    distorter = toy()
    template = distorter.templates([photo(1)])[0]
    found = float(squared_euclidean(*distorter.embed([template, PROBE])))
    assert found > 3 * NEAR
    return found


@pytest.fixture
def place(tmp_path):
    return tmp_path / "vault.sqlite"


@pytest.fixture(params=["kept", "anew", "some anew"])
def forget(request, place):
    """Takes the kept embeddings of a closed vault away, or some, or none."""
    which = {"kept": "1 = 0", "anew": "1 = 1", "some anew": "template % 2 = 1"}[request.param]

    def do() -> None:
        with closing(sqlite3.connect(place)) as connection, connection:
            connection.execute(f"DELETE FROM ndcb_embeddings WHERE {which}")

    return do


def opened(place, *distorters, **options) -> Vault:
    first = distorters[0].generator.name
    return Vault(
        place, ToyModels(*distorters), place.with_name("keys.sqlite"), generator=first, **options
    )


def fill(place, templates: dict[int, int], generator: str = "toy") -> None:
    """Enrol people: each one's number, and how many templates. Person 1 is of `PROBE`."""
    vault = opened(place, toy(generator))
    for person, count in templates.items():
        vault.enrol(f"p{person}", [photo(person, shot) for shot in range(count)])
    vault.close()


# --- 1:1


@pytest.mark.parametrize(
    "fmr, accepted, rate", [("1%", True, 0.01), ("0.1%", False, 1e-3), ("0.01%", False, 1e-4)]
)
def test_the_vaults_operating_point_judges_a_login(place, near, forget, fmr, accepted, rate):
    fill(place, {1: 1, 2: 1})
    forget()
    match = opened(place, loosest_only(near), fmr=fmr).verify("p1", PROBE)
    assert (match.same, match.fmr) == (accepted, rate)
    assert match.compared == (("toy", 1),) and match.thresholds == (("toy", match.threshold),)


def test_the_default_is_a_tenth_of_a_percent(place, near):
    fill(place, {1: 1})
    by_default = opened(place, loosest_only(near)).verify("p1", PROBE)
    assert by_default == opened(place, loosest_only(near), fmr="0.1%").verify("p1", PROBE)


def test_an_own_threshold_counts_in_place_of_the_operating_point(place, near):
    fill(place, {1: 1})
    vault = opened(place, loosest_only(near), fmr="1%")
    for limit in (near - NEAR, near + NEAR):
        for match in (vault.verify("p1", PROBE, limit), vault.identify(PROBE, limit)[1]):
            assert match.same is (limit > near) and (match.threshold, match.fmr) == (limit, None)
            assert match.thresholds == (("toy", limit),)


# --- 1:N


def test_a_template_is_named_among_few_and_not_among_many(place, near, forget):
    """1 % / 10 is 0.1 %; from the eleventh on the next smaller level counts."""
    fill(place, {1: 1, 2: 5, 3: 4})
    forget()
    vault = opened(place, by_rate(near))
    name, match = vault.identify(PROBE)
    assert (name, match.fmr, match.compared) == ("p1", 1e-3, (("toy", 10),))
    vault.close()

    fill(place, {11: 1})
    forget()
    vault = opened(place, by_rate(near))
    name, match = vault.identify(PROBE)
    assert (name, match.fmr, match.compared) == (None, 5e-4, (("toy", 11),))
    assert match.threshold == pytest.approx(near - NEAR)
    assert vault.verify("p1", PROBE).same
    vault.revoke("p11")
    assert vault.identify(PROBE)[0] == "p1"


def test_a_search_is_no_looser_than_a_login(place, near, forget):
    fill(place, {1: 1})
    forget()
    found = [opened(place, by_rate(near), fmr=fmr).identify(PROBE) for fmr in ("1%", "0.01%")]
    assert [(name, match.fmr) for name, match in found] == [("p1", 0.01), (None, 1e-4)]


def test_templates_of_all_generators_share_the_chance(place, near, forget):
    fill(place, {1: 1, 2: 5})
    fill(place, {7: 5}, "other")
    forget()
    other = measured(toy("other"), at_1e_2=0.4, at_1e_3=0.3, at_5e_4=0.2, at_1e_4=0.1)
    both = opened(place, by_rate(near), other)
    name, match = both.identify(PROBE)
    assert (name, match.compared) == (None, (("other", 5), ("toy", 6)))
    assert dict(match.thresholds) == {"other": 0.2, "toy": pytest.approx(near - NEAR)}

    alone = opened(place, by_rate(near))  # it has no model for the others
    name, match = alone.identify(PROBE)
    assert (name, match.fmr, len(match.skipped)) == ("p1", 1e-3, 5)


def test_sealed_templates_are_no_chance_of_a_search(place, near, forget, monkeypatch):
    monkeypatch.setattr(Scrypt, "hash", weak_hash)
    fill(place, {1: 1, 2: 5, 3: 4})
    vault = opened(place, toy(), sealing())
    for person in (20, 21):
        vault.enrol_sealed(f"p{person}", [photo(person)], WORDS)
    vault.close()
    forget()
    name, match = opened(place, by_rate(near), sealing()).identify(PROBE)
    assert (name, match.fmr, len(match.skipped)) == ("p1", 1e-3, 2)


# --- sealed


@pytest.fixture
def sealed(place, monkeypatch):
    """A vault with a sealed template of person 1, and its distance to `PROBE`."""
    monkeypatch.setattr(Scrypt, "hash", weak_hash)
    vault = opened(place, toy(), sealing())
    vault.enrol_sealed("p1", [photo(1)], WORDS)
    low, high = 0.0, 4.0
    while high - low > NEAR / 4:
        middle = (low + high) / 2
        if vault.verify_sealed("p1", PROBE, WORDS, middle):
            high = middle
        else:
            low = middle
    vault.close()
    return high


def test_the_operating_point_judges_a_sealed_login(place, sealed, forget):
    forget()

    def accepted(fmr: str | None) -> bool:
        vault = opened(place, toy(), loosest_only(sealed, sealing()), fmr=fmr)
        return vault.verify_sealed("p1", PROBE, WORDS)

    assert [accepted(fmr) for fmr in ("1%", "0.1%", "0.01%", None)] == [True, False, False, False]
    strict = opened(place, toy(), loosest_only(sealed, sealing()), fmr="0.01%")
    assert strict.verify_sealed("p1", PROBE, WORDS, sealed + NEAR) is True


# --- an older record, a wrong name


def test_an_older_record_has_its_threshold_alone(place, near, forget):
    fill(place, {1: 1, 2: 5, 3: 5})
    forget()
    vault = opened(place, toy(threshold=near + NEAR))
    for match in (vault.verify("p1", PROBE), vault.identify(PROBE)[1]):
        assert match.same and (match.threshold, match.fmr) == (near + NEAR, None)
    vault.close()

    named = opened(place, toy(threshold=near + NEAR), fmr="1%")
    for ask in (lambda: named.verify("p1", PROBE), lambda: named.identify(PROBE)):
        with pytest.raises(UserError) as error:
            ask()
        assert OLD in str(error.value)
    assert named.verify("p1", PROBE, near + NEAR).same


def test_a_sealed_generators_older_record(place, sealed):
    assert opened(place, toy(), sealing()).verify_sealed("p1", PROBE, WORDS)
    with pytest.raises(NotAvailable, match="measured by an older program"):
        opened(place, toy(), sealing(), fmr="0.1%").verify_sealed("p1", PROBE, WORDS)


def test_templates_of_an_older_record_are_left_out_beside_others(place, near, forget):
    fill(place, {1: 1})
    fill(place, {2: 2}, "old")
    forget()
    vault = opened(place, by_rate(near), toy("old"), fmr="0.1%")
    name, match = vault.identify(PROBE)
    assert (name, match.compared) == ("p1", (("toy", 1),))
    assert len(match.skipped) == 2 and all(OLD in sentence for sentence in match.skipped)
    vault.close()

    name, match = opened(place, by_rate(near), toy("old")).identify(photo(2, 5))
    assert (name, match.fmr, match.compared) == ("p2", None, (("old", 2), ("toy", 1)))


def test_an_unknown_name_is_refused_before_anything_is_opened(place):
    with pytest.raises(UserError, match="'5%' is no operating point. Choose one of: 1%, 0.1%, "):
        opened(place, toy(), fmr="5%")
    assert not place.exists()


# --- enrolment


def test_photos_of_one_enrolment_are_compared_at_the_loosest_point(place):
    shots = [photo(1), PROBE]
    apart = float(squared_euclidean(*toy().embed(shots)))
    strict = measured(toy(), at_1e_2=apart - NEAR, at_1e_3=apart - NEAR, at_1e_4=NEAR)
    with pytest.raises(BadPicture, match="Photos 1 and 2 do not show one person"):
        opened(place, strict, fmr="1%").enrol("Ann", shots)

    loose = measured(toy(), at_1e_2=apart + NEAR, at_1e_3=apart - NEAR, at_1e_4=NEAR)
    assert opened(place, loose, fmr="0.01%").enrol("Ann", shots).templates == 2
    with pytest.raises(BadPicture, match="do not show one person"):
        opened(place, toy(threshold=apart - NEAR)).enrol("Bob", shots)
    assert opened(place, toy(threshold=apart + NEAR)).enrol("Bob", shots).templates == 2


def test_a_new_template_must_be_recognised_at_the_default_point(place):
    nobody = measured(toy(), at_1e_2=1.0, at_1e_3=0.0, at_1e_4=0.0)
    with pytest.raises(BadPicture, match="would not be recognised"):
        opened(place, nobody, fmr="1%").enrol("Ann", [photo(1)])
    enough = measured(toy(), at_1e_2=1.0, at_1e_3=1.0, at_1e_4=0.0)
    assert opened(place, enough, fmr="0.01%").enrol("Ann", [photo(1)]).templates == 1


def test_half_precision_stays_under_what_the_tests_allow(near):
    from ndcb.vault.kept import error_of

    assert error_of(torch.tensor(near + NEAR)) < NEAR / 2
