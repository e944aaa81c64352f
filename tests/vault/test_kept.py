"""F(T) kept beside its template: a restart embeds nothing anew, and damage lets nobody in."""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from sqlalchemy import text

from ndcb.core.distances import squared_euclidean
from ndcb.models.acceleration import Accelerated
from ndcb.vault import gallery as galleries
from ndcb.vault import rows as vault_rows
from ndcb.vault.gallery import Part, Rest
from ndcb.vault.kept import SHIFT, are_sound, error_of, keep, unpacked, weights_of
from ndcb.vault.key_sources import Passphrase
from ndcb.vault.rows import EMBEDDINGS, what_made
from ndcb.vault.vault import Vault
from tests.vault.test_vault import result_of
from tests.vault.toys import ToyModels, photo, sealing, toy, toy_vault, weak_hash

PEOPLE = (1, 2, 3)


@pytest.fixture(params=["file", "postgres"])
def place(request, tmp_path):
    if request.param == "postgres":
        return request.getfixturevalue("postgres")
    return tmp_path / "vault.sqlite"


@pytest.fixture
def filled(place):
    """A vault of three people, closed again."""
    vault = toy_vault(place)
    for person in PEOPLE:
        vault.enrol(f"p{person}", [photo(person)])
    vault.close()
    return place


def reopened(place):
    """The vault after a restart, and the recogniser that counts its pictures."""
    distorter = toy()
    return toy_vault(place, distorter), distorter.recogniser


def change(place, statement: str, values: dict | None = None) -> None:
    """SQL behind the vault's back."""
    vault = toy_vault(place)
    with vault.database.engine.begin() as connection:
        connection.execute(text(statement), values or {})
    vault.close()


def forget(place, where: str = "1 = 1") -> None:
    change(place, f"DELETE FROM ndcb_embeddings WHERE {where}")


def kept_count(place) -> int:
    vault = toy_vault(place)
    count = len(vault.database.kept(vault.database.rows()))
    vault.close()
    return count


def unit(*shape: int) -> torch.Tensor:
    numbers = torch.randn(*shape, generator=torch.Generator().manual_seed(0))
    return torch.nn.functional.normalize(numbers, dim=-1)


# --- half precision


def test_half_precision_moves_a_distance_by_no_more_than_is_said():
    embeddings, probe = unit(5000, 512), unit(5001, 512)[-1]
    halves = unpacked([keep(1, ("s", "g", "r", "w"), one)["embedding"] for one in embeddings])
    assert float((halves.float() - embeddings).norm(dim=1).max()) < SHIFT
    near = torch.nn.functional.normalize(embeddings + 0.03 * probe, dim=1)
    for probes in (probe, near):
        exact, kept = (squared_euclidean(some, probes) for some in (embeddings, halves.float()))
        assert bool(((exact - kept).abs() <= error_of(kept)).all())


def test_what_a_sound_embedding_is():
    rows = torch.stack([unit(8), unit(8) * 1.01, torch.full((8,), math.nan), torch.zeros(8)])
    assert are_sound(rows).tolist() == [True, False, False, False]


def test_the_weights_digest_tells_recognisers_apart():
    assert weights_of(toy(sign=1)) == weights_of(toy(sign=1)) != weights_of(toy(sign=-1))


def test_distances_by_products_are_those_of_the_equation():
    halves = unit(5000, 48).half()
    lengths = halves.float().square().sum(1)
    part = Part("g", "r", "w", np.arange(5000), halves, lengths)
    probe = unit(5001, 48)[-1]
    expected = squared_euclidean(halves.float(), probe)
    torch.testing.assert_close(part.squared_distances(probe), expected, atol=2e-6, rtol=0)


# --- a restart


def test_a_restart_embeds_nothing_anew(filled):
    vault, recogniser = reopened(filled)
    assert vault.identify(photo(2, 1))[0] == "p2"
    assert vault.verify("p3", photo(3, 1)).same
    assert recogniser.pictures == 2  # the probes
    assert [vault.identify(photo(person, 1))[0] for person in (1, 3, 7)] == ["p1", "p3", None]
    assert recogniser.pictures == 5
    vault.close()


def test_decisions_are_those_without_kept_embeddings(filled):
    probes = [photo(person, shot) for person in range(6) for shot in range(4)]
    with_kept, _ = reopened(filled)
    kept = [with_kept.identify(probe) for probe in probes]
    with_kept.close()
    forget(filled)
    without, recogniser = reopened(filled)
    for probe, (name, match) in zip(probes, kept, strict=True):
        expected, exact = without.identify(probe)
        assert (name, match.compared) == (expected, exact.compared)
        error = error_of(exact.squared_distance)
        assert abs(match.squared_distance - exact.squared_distance) <= error
    assert recogniser.pictures == len(probes) + len(PEOPLE)
    without.close()


@pytest.mark.parametrize("above", [True, False])
def test_at_the_threshold_the_template_itself_decides(filled, above):
    forget(filled)
    exact, _ = reopened(filled)
    squared_distance = exact.verify("p2", photo(2, 1)).squared_distance
    exact.close()
    rewritten, _ = reopened(filled)
    rewritten.enrol("p9", [photo(9)])  # which keeps the others' embeddings anew
    rewritten.close()
    limit = squared_distance + (2e-6 if above else -2e-6)
    vault, recogniser = reopened(filled)
    assert (vault.identify(photo(2, 1), limit)[0] == "p2") is above
    assert recogniser.pictures == 2
    assert vault.verify("p2", photo(2, 1), limit).same is above
    vault.close()


def test_what_somebody_else_changes_is_seen(filled):
    vault, _ = reopened(filled)
    other, _ = reopened(filled)
    assert vault.identify(photo(8))[0] is None
    other.enrol("p8", [photo(8)])
    assert vault.identify(photo(8, 1))[0] == "p8"
    other.revoke("p8")
    name, match = vault.identify(photo(8, 1))
    assert (name, match.compared) == (None, (("toy", 3),))
    assert kept_count(filled) == 3
    vault.close()
    other.close()


def test_chunks_and_a_gallery_that_is_not_kept(filled, monkeypatch):
    monkeypatch.setattr(vault_rows, "MOST_KEPT", 2)
    monkeypatch.setattr(galleries, "MOST_BYTES", 100)
    vault, recogniser = reopened(filled)
    for person in PEOPLE:
        assert vault.identify(photo(person, 2))[0] == f"p{person}"
    assert recogniser.pictures == len(PEOPLE)
    assert vault._gallery._read_then == []
    parts = [*vault._gallery.parts()]
    assert [len(part.ids) for part in parts] == [2, 1, 0]
    assert isinstance(parts[-1], Rest)
    vault.close()


# --- vaults of older versions


@pytest.fixture
def older(filled):
    """As an older version left it: without the table."""
    change(filled, "DROP TABLE ndcb_embeddings")
    return filled


def test_an_older_vault_is_read_as_it_was_and_reading_does_not_alter_it(older):
    vault, recogniser = reopened(older)
    assert vault.identify(photo(2, 1))[0] == "p2"
    assert vault.verify("p3", photo(3, 1)).same
    assert recogniser.pictures == 3 + 2
    assert [entry.name for entry in vault.list()] == ["p1", "p2", "p3"]
    assert vault.revoke("p1") == 1
    assert not vault.database.has(EMBEDDINGS)
    vault.close()


def test_an_enrolment_upgrades_an_older_vault(older):
    vault, _ = reopened(older)
    vault.enrol("p4", [photo(4)])
    vault.close()
    assert kept_count(older) == 4
    again, recogniser = reopened(older)
    for person in (*PEOPLE, 4):
        assert again.identify(photo(person, 1))[0] == f"p{person}"
    assert recogniser.pictures == 4
    again.close()


def test_programs_that_upgrade_at_once(older):
    vaults = [toy_vault(older) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        enrolled = [*pool.map(lambda n: vaults[n].enrol(f"n{n}", [photo(10 + n)]), range(4))]
    assert [entry.templates for entry in enrolled] == [1] * 4
    assert vaults[0].identify(photo(12, 1))[0] == "n2"
    for vault in vaults:
        vault.close()
    assert kept_count(older) == 7


# --- damage, and who may write the database


WRONG = {
    "too short": "X'00'",
    "empty": "X''",
    "of another length": "X'" + "003c" + "0000" * 9 + "'",
    "not a number": "X'" + "007e" * 48 + "'",
    "not of unit length": "X'" + "003c" * 48 + "'",
    "text": "'garbage'",
}


@pytest.mark.parametrize("value", WRONG.values(), ids=WRONG)
def test_a_damaged_embedding_is_embedded_anew(filled, value):
    on_server = "postgresql" in str(filled)
    written = value.replace("X'", r"'\\x") if on_server else value
    change(filled, f"UPDATE ndcb_embeddings SET embedding = {written} WHERE template = 2")
    vault, recogniser = reopened(filled)
    assert vault.identify(photo(2, 1))[0] == "p2"
    assert recogniser.pictures == 2
    assert vault.identify(photo(3, 1))[0] == "p3"
    vault.close()


def forged(place, template: int, embedding: torch.Tensor, numbers: int = 48) -> None:
    """A row whose digest is right: whoever writes the database can compute it."""
    vault, distorter = toy_vault(place), toy()
    [row] = vault.database.rows_of([template])
    forget(place, f"template = {template}")
    of = (*what_made(row), weights_of(distorter))
    vault.database.keep([keep(template, of, embedding)])
    vault.close()


@pytest.mark.parametrize(
    "embedding",
    [unit(10), torch.full((48,), math.nan), torch.ones(48), torch.zeros(48)],
    ids=["length", "nan", "long", "zero"],
)
def test_a_forged_embedding_that_is_none_is_not_taken(filled, embedding):
    forged(filled, 2, embedding)
    vault, _ = reopened(filled)
    assert vault.identify(photo(2, 1))[0] == "p2"
    assert vault.verify("p2", photo(2, 1)).same
    assert not vault.verify("p2", photo(1, 1)).same
    vault.close()


def test_another_templates_embedding_lets_nobody_in(filled):
    """Eve copies the whole row of her own embedding to Ann's template."""
    columns = "sha256, generator, recogniser, weights, embedding, digest"
    forget(filled, "template = 1")
    change(
        filled,
        f"INSERT INTO ndcb_embeddings (template, {columns})"
        f" SELECT 1, {columns} FROM ndcb_embeddings WHERE template = 3",
    )
    change(filled, "DELETE FROM ndcb_templates WHERE id = 3")
    vault, recogniser = reopened(filled)
    assert vault.identify(photo(3, 1))[0] is None
    assert not vault.verify("p1", photo(3, 1)).same
    assert recogniser.pictures == 3  # one template anew
    assert vault.verify("p1", photo(1, 1)).same
    vault.close()


def test_embeddings_of_other_weights_are_not_compared(filled):
    vault = toy_vault(filled, toy(sign=-1))
    assert vault.identify(photo(2, 1))[0] == "p2"
    assert vault.verify("p3", photo(3, 1)).same
    vault.close()


def test_a_stolen_key_does_not_open_a_seal_by_a_forged_embedding(tmp_path, monkeypatch):
    """Whoever has the secret could write where the own face would be: the template decides."""
    monkeypatch.setattr("ndcb.vault.key_sources.Scrypt.hash", weak_hash)
    words = Passphrase("five words of a long sentence")
    distorter = sealing()

    def vault_here():
        places = tmp_path / "vault.sqlite", tmp_path / "keys.sqlite"
        return Vault(places[0], ToyModels(toy(), distorter), places[1], generator="toy")

    vault = vault_here()
    vault.enrol_sealed("Ann", [photo(1)], words)
    [row] = vault.database.rows()
    [(seal, number)] = vault.keys.seals([row.sha256]).values()
    turn = seal.turns(seal.secret(words), distorter)(number)
    eve = turn @ distorter.embed([photo(2)])[0]
    with vault.database.begin() as connection:
        connection.execute(EMBEDDINGS.delete())
    vault.database.keep([keep(row.id, (*what_made(row), weights_of(distorter)), eve)])
    assert vault.database.kept([row])[row].fits((*what_made(row), weights_of(distorter)), 48)
    vault.close()
    vault = vault_here()
    assert not vault.verify_sealed("Ann", photo(2), words)
    vault.close()


def test_a_revoked_templates_embedding_goes_with_it(filled):
    vault, _ = reopened(filled)
    assert vault.revoke("p2") == 1
    assert "Nobody is enrolled as 'p2'" in result_of(lambda: vault.verify("p2", photo(2)))
    with vault.database.begin() as connection:
        left = connection.execute(EMBEDDINGS.select()).all()
    assert [row.template for row in left] == [1, 3]
    vault.close()


def test_embeddings_are_kept_whatever_computes_them():
    """torch or ONNX Runtime: what one of them stored, the other reads."""
    plain, fast = toy(), toy()
    fast.recogniser = Accelerated(fast.recogniser)
    assert weights_of(plain) == weights_of(fast)
    other = toy(sign=-1)
    assert weights_of(other) != weights_of(plain)
