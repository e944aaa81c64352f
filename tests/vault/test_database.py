"""Reading the vault or the key store changes nothing; tables are made where nothing else is."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import pytest

from ndcb.core.terms import UserError
from ndcb.vault.engines import make_engine
from ndcb.vault.key_store import KeyStore
from ndcb.vault.seals import new_seal
from tests import children
from tests.vault.test_vault import in_words, result_of
from tests.vault.toys import photo, toy_vault

READING = {
    "list": lambda vault: vault.list(),
    "verify": lambda vault: vault.verify("Ann", photo(1)),
    "identify": lambda vault: vault.identify(photo(1)),
    "revoke": lambda vault: vault.revoke("Ann"),
    "stolen": lambda vault: vault.stolen(),
}


def enrol(vault):
    return vault.enrol("Ann", [photo(1)])


def snapshot(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def tables(path) -> set[str]:
    connection = sqlite3.connect(path)
    found = {
        name
        for (name,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        )
    }
    connection.close()
    return found


def other_program(path: Path, mode: str = "delete", killed: bool = False) -> None:
    """A database of somebody's notes.

    killed: its program dies, and only the log or the journal knows its last change.
    """
    statements = f"""
import os, sqlite3
connection = sqlite3.connect({str(path)!r}, isolation_level=None)
connection.execute("PRAGMA journal_mode = {mode}")
connection.execute("PRAGMA cache_size = 1")
connection.execute("CREATE TABLE notes (text TEXT)")
connection.execute("CREATE VIEW long_notes AS SELECT * FROM notes WHERE length(text) > 9")
if {killed}:
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO notes VALUES (?)", [("x" * 5000,)] * 50)
    connection.execute("COMMIT" if {mode == "wal"} else "SELECT 1")
    os.kill(os.getpid(), {int(signal.SIGKILL)})
connection.close()
"""
    subprocess.run([sys.executable, "-c", statements], timeout=60)


def key_store(path) -> None:
    store = KeyStore(path)
    store.add(new_seal("card"), ["a" * 64])
    store.close()


FOREIGN = {
    "another program's": lambda path: other_program(path),
    "another program's, with a log": lambda path: other_program(path, "wal"),
    "another program's, killed over its log": lambda path: other_program(path, "wal", killed=True),
    "another program's, killed over its journal": lambda path: other_program(path, killed=True),
    "the key store": key_store,
}


@pytest.mark.parametrize("make", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("action", [*READING.values(), enrol], ids=[*READING, "enrol"])
def test_another_database_is_no_vault_and_stays_as_it_is(tmp_path, make, action):
    make(tmp_path / "other.sqlite")
    before = snapshot(tmp_path)
    with pytest.raises(UserError, match="This file is no vault. Name another one.") as error:
        action(toy_vault(tmp_path / "other.sqlite"))
    assert in_words(error)
    assert snapshot(tmp_path) == before


def test_what_the_killed_programs_left_is_there(tmp_path):
    """So that the test above cannot pass because nothing was left open."""
    for mode, ending in (("wal", "-wal"), ("delete", "-journal")):
        other_program(tmp_path / mode, mode, killed=True)
        assert os.path.getsize(tmp_path / f"{mode}{ending}") > 1000


@pytest.mark.parametrize(
    "make",
    [other_program, lambda path: toy_vault(path).enrol("Ann", [photo(1)])],
    ids=["another program's", "the vault"],
)
def test_another_database_is_no_key_store(tmp_path, make):
    path = tmp_path / "other.sqlite"
    make(path)
    before = snapshot(tmp_path)
    for action in (
        lambda store: store.seals(["a"]),
        lambda store: store.add(new_seal("card"), ["a" * 64]),
        lambda store: store.destroy("a"),
        lambda store: store.forget(["a"]),
    ):
        with pytest.raises(UserError, match="This file is no key store. Name another one."):
            action(KeyStore(path))
    assert snapshot(tmp_path) == before


def test_reading_what_is_absent_or_empty_is_an_empty_vault_and_makes_nothing(tmp_path):
    (tmp_path / "empty.sqlite").touch()
    before = snapshot(tmp_path)
    for place in (
        tmp_path / "none.sqlite",
        tmp_path / "empty.sqlite",
        f"sqlite:///{tmp_path}/none.sqlite?timeout=5",
        f"sqlite:///file:{tmp_path}/none%20at%20all.sqlite?uri=true",
    ):
        vault = toy_vault(place)
        assert vault.list() == []
        assert vault.stolen() == []
        refused = [
            result_of(partial(READING[verb], vault)) for verb in ("verify", "identify", "revoke")
        ]
        assert [sentence.split(". ")[0] for sentence in refused] == [
            "Nobody is enrolled as 'Ann'",
            "Nobody is enrolled yet",
            "Nobody is enrolled as 'Ann'",
        ]
        assert snapshot(tmp_path) == before
    store = KeyStore(tmp_path / "keys.sqlite")
    assert store.seals(["a"]) == {}
    store.destroy("a")
    store.forget(["a"])
    assert snapshot(tmp_path) == before


def test_enrolling_makes_the_tables_where_nothing_is(tmp_path):
    (tmp_path / "empty.sqlite").touch()
    for place in (
        tmp_path / "none.sqlite",
        tmp_path / "empty.sqlite",
        "sqlite://",
        f"sqlite:///file:{tmp_path}/a%20b.sqlite?uri=true",
    ):
        vault = toy_vault(place)
        assert enrol(vault).templates == 1
        assert vault.verify("Ann", photo(1, 1)).same
        vault.close()
    assert {path.name for path in tmp_path.iterdir()} == {
        "none.sqlite",
        "empty.sqlite",
        "a b.sqlite",
    }


def test_a_refused_enrolment_makes_no_file(tmp_path):
    vault = toy_vault(tmp_path / "vault.sqlite")
    with pytest.raises(UserError):
        vault.enrol("Ann", [])
    assert list(tmp_path.iterdir()) == []


def test_empty_tables_that_an_older_version_left_in_another_database_do_not_make_it_a_vault(
    tmp_path,
):
    vault = toy_vault(tmp_path / "vault.sqlite")
    enrol(vault)
    vault.revoke("Ann")
    vault.close()
    connection = sqlite3.connect(tmp_path / "vault.sqlite")
    connection.execute("CREATE TABLE notes (text TEXT)")
    connection.close()
    for action in (READING["list"], enrol):
        with pytest.raises(UserError, match="This file is no vault"):
            action(toy_vault(tmp_path / "vault.sqlite"))


def test_a_key_store_in_which_an_older_version_left_its_tables_still_opens(tmp_path):
    enrol(toy_vault(tmp_path / "vault.sqlite"))
    made = (
        sqlite3.connect(tmp_path / "vault.sqlite")
        .execute("SELECT sql FROM sqlite_master WHERE name LIKE 'ndcb%'")
        .fetchall()
    )
    key_store(tmp_path / "keys.sqlite")
    connection = sqlite3.connect(tmp_path / "keys.sqlite")
    with connection:
        for (statement,) in made:
            connection.execute(statement)
    connection.close()
    assert {"ndcb_keys", "ndcb_templates"} <= tables(tmp_path / "keys.sqlite")
    assert len(KeyStore(tmp_path / "keys.sqlite").seals(["a" * 64])) == 1
    with pytest.raises(UserError, match="This file is no vault"):
        enrol(toy_vault(tmp_path / "keys.sqlite"))


@pytest.mark.parametrize("place", ["pipe", "/dev/null", "/dev/zero", "."])
@pytest.mark.parametrize("action", [READING["list"], enrol], ids=["list", "enrol"])
def test_what_is_no_file_is_no_vault(tmp_path, monkeypatch, place, action):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    with pytest.raises(UserError, match="cannot be opened") as error:
        action(toy_vault(place))
    assert in_words(error)


def child_enrols_and_is_killed(place: str) -> None:
    vault = toy_vault(place)
    vault.enrol("Ann", [photo(1)])
    with vault.database.begin() as connection:
        connection.exec_driver_sql("PRAGMA cache_size = 1")
        connection.exec_driver_sql("CREATE TABLE filler (x)")
        for _ in range(50):
            connection.exec_driver_sql("INSERT INTO filler VALUES (randomblob(5000))")
        os.kill(os.getpid(), signal.SIGKILL)


def child_lists(place: str) -> None:
    if os.geteuid() == 0:
        os.setegid(65534)
        os.seteuid(65534)
    print(result_of(lambda: [one.name for one in toy_vault(place).list()]))


def run_child(function, place: Path) -> str:
    return children.start(function, str(place)).communicate(timeout=400)[0].strip()


def test_a_change_left_half_done_where_nothing_may_be_written():
    folder = Path(tempfile.mkdtemp())  # not pytest's, into which another user may not look
    path = folder / "vault.sqlite"
    run_child(child_enrols_and_is_killed, path)
    assert os.path.getsize(f"{path}-journal") > 1000
    for file in folder.iterdir():
        file.chmod(0o444)
    folder.chmod(0o555)
    try:
        said = run_child(child_lists, path)
        folder.chmod(0o755)
        path.chmod(0o644)
        assert said.startswith("The vault's file was left in the middle of a change")
        assert said.endswith(".")
        assert [one.name for one in toy_vault(path).list()] == [
            "Ann"
        ]  # where it may be written it is mended
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


# --- a server


def test_reading_a_server_makes_no_tables(postgres):
    vault = toy_vault(postgres)
    assert vault.list() == []
    assert "Nobody is enrolled" in result_of(lambda: READING["verify"](vault))
    with vault.database.engine.connect() as connection:
        assert (
            connection.exec_driver_sql(
                "SELECT count(*) FROM pg_tables WHERE tablename LIKE 'ndcb%%'"
            ).scalar()
            == 0
        )
    assert enrol(vault).templates == 1
    vault.close()


def test_a_server_is_shared_with_other_programs_but_not_with_the_keys(postgres):
    vault = toy_vault(postgres)
    with vault.database.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE notes (text TEXT)")
    try:
        assert vault.list() == []
        assert enrol(vault).templates == 1
        store = KeyStore(postgres)
        with pytest.raises(UserError, match="cannot be used as a key store") as error:
            store.add(new_seal("card"), ["a" * 64])
        assert in_words(error)
        store.close()
    finally:
        with vault.database.engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE notes")
        vault.close()


def test_postgres_is_postgresql():
    assert (
        make_engine("postgres://ann:secret@host/x", "vault").url
        == make_engine("postgresql://ann:secret@host/x", "vault").url
    )
    assert make_engine("postgres://host/x", "vault").url.drivername == "postgresql+psycopg"
