"""python -m ndcb enrol --seal, verify, renew, revoke."""

import io
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from ndcb.__main__ import main
from ndcb.core.terms import DEFAULT_FACES, DEFAULT_SEALED
from ndcb.models.operating_points import OLD
from ndcb.vault.key_card import KeyCard
from ndcb.vault.key_sources import Scrypt
from tests.conftest import ROOT
from tests.core.test_files import largest_file
from tests.vault.toys import NOBODY, ToyModels, measured, photo, sealing, toy, weak_hash


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The current folder, with photos of three people, a service's secret, and toy models in place
    of the real ones.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "ndcb.models.pipeline.Models", lambda *_: ToyModels(toy(DEFAULT_FACES), sealing())
    )
    monkeypatch.setattr(Scrypt, "hash", weak_hash)
    for person in range(3):
        for shot in range(3):
            photo(person, shot).save(f"p{person}-{shot}.png")
    NOBODY.save("wall.png")
    Path("service.secret").write_bytes(bytes(range(40)))
    return tmp_path


def run(capsys, monkeypatch, *arguments, typed: str | bytes = "") -> tuple[int, list[dict], str]:
    typed = typed.encode() if isinstance(typed, str) else typed
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(typed)))
    code = main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return code, [json.loads(line) for line in out.splitlines()], err


@pytest.fixture
def call(capsys, monkeypatch):
    return lambda *arguments, typed="": run(capsys, monkeypatch, *arguments, typed=typed)


def test_a_login_with_a_passphrase(call, here):
    code, [line], err = call(
        "enrol", "Ann", "p0-0.png", "p0-1.png", "--seal", "passphrase", typed="correct horse\n"
    )
    assert (code, err) == (0, "")
    assert line.pop("time").endswith("Z")
    assert line == {
        "name": "Ann",
        "generator": DEFAULT_SEALED,
        "recogniser": "colours",
        "templates": 2,
        "faces": [1, 1],
        "quality": ["unchecked", "unchecked"],
        "seal": "passphrase",
    }
    assert call("verify", "ann", "p0-2.png", typed="correct horse")[:2] == (
        0,
        [{"name": "ann", "photo": "p0-2.png", "faces": 1, "accepted": True}],
    )
    assert call("verify", "ann", "p0-2.png", typed="correct hors\n")[:2] == (
        1,
        [{"name": "ann", "photo": "p0-2.png", "faces": 1, "accepted": False}],
    )
    assert call("verify", "ann", "p1-0.png", typed="correct horse")[0] == 1
    assert call("list")[1][0]["name"] == "Ann"
    before = Path("vault.sqlite").read_bytes()
    code, [line], _ = call("renew", "Ann", "p0-0.png", typed="another phrase\n")
    assert code == 0
    assert line["templates"] == 1
    assert Path("vault.sqlite").read_bytes() != before
    assert call("verify", "Ann", "p0-2.png", typed="correct horse")[0] == 1
    assert call("verify", "Ann", "p0-2.png", typed="another phrase")[0] == 0
    assert call("revoke", "Ann")[:2] == (0, [{"name": "Ann", "revoked": 1, "keys": "destroyed"}])


def test_a_sealed_login_is_judged_at_the_rate_that_is_asked_for(call, here, monkeypatch):
    seal = sealing()
    models = ToyModels(toy(DEFAULT_FACES), seal)
    monkeypatch.setattr("ndcb.models.pipeline.Models", lambda *_: models)
    words = {"typed": "correct horse\n"}
    assert call("enrol", "Ann", "p0-0.png", "--seal", "passphrase", **words)[0] == 0
    code, _, err = call("verify", "Ann", "p0-1.png", "--fmr", "1%", **words)
    assert (code, err) == (2, f"{OLD}\n")

    measured(seal, at_1e_2=1.0, at_1e_3=1e-5, at_1e_4=0.0)
    accepted = {"name": "Ann", "photo": "p0-1.png", "faces": 1, "accepted": True}
    assert call("verify", "Ann", "p0-1.png", "--fmr", "1%", **words)[:2] == (0, [accepted])
    for option in ((), ("--fmr", "0.1%"), ("--fmr", "0.01%")):
        assert call("verify", "Ann", "p0-1.png", *option, **words)[0] == 1


def test_a_login_with_a_card(call, here):
    code, [line], _ = call("enrol", "Zoë Ó", "p0-0.png", "--seal", "card")
    assert code == 0
    assert line["card"] == "Zoë_Ó.card.json"
    assert line["card_picture"] == "Zoë_Ó.card.png"
    card = KeyCard.read(Path(line["card"]).read_text())
    assert card.name == "Zoë Ó"
    assert (
        Path(line["card"]).stat().st_mode & 0o777
        == Path(line["card_picture"]).stat().st_mode & 0o777
        == 0o600
    )
    for given in (line["card"], line["card_picture"]):
        assert call("verify", "Zoë Ó", "p0-1.png", "--card", given)[0] == 0
    assert call("verify", "Zoë Ó", "p1-1.png", "--card", line["card"])[0] == 1
    code, _, err = call("renew", "Zoë Ó", "p0-0.png")
    assert code == 2
    assert "There is a file at the place of the key card or of its picture already." in err
    code, [line], _ = call("renew", "Zoë Ó", "p0-0.png", "--card", "new.json")
    assert code == 0
    assert call("verify", "Zoë Ó", "p0-1.png", "--card", "new.png")[0] == 0
    code, lines, err = call("verify", "Zoë Ó", "p0-1.png", "--card", "Zoë_Ó.card.json")
    assert (code, lines) == (2, [])
    assert "version 1, and the template was renewed: it needs version 2" in err


def test_a_login_with_the_services_secret(call, here):
    assert (
        call(
            "enrol",
            "Ann",
            "p0-0.png",
            "--seal",
            "service",
            "--secret",
            "service.secret",
            "--keys",
            "k.db",
            "--vault",
            "v.db",
        )[0]
        == 0
    )
    options = ["--secret", "service.secret", "--keys", "k.db", "--vault", "v.db"]
    assert call("verify", "Ann", "p0-1.png", *options)[0] == 0
    assert call("renew", "Ann", "p0-1.png", *options)[1][0]["seal"] == "service"
    assert call("verify", "Ann", "p0-1.png", *options)[0] == 0
    assert sorted(path.name for path in here.iterdir() if path.suffix == ".db") == ["k.db", "v.db"]


def test_what_is_missing_is_said_and_nothing_is_stored(call, here):
    call("enrol", "Ann", "p0-0.png", "--seal", "card")
    call("enrol", "Bob", "p1-0.png", "--seal", "service", "--secret", "service.secret")
    call("enrol", "Cem", "p2-0.png")
    Path("short").write_bytes(b"short")
    Path("vault-copy").write_bytes(Path("vault.sqlite").read_bytes())
    before = {path.name for path in here.iterdir()}
    for arguments, sentence in (
        (["verify", "Ann", "p0-0.png"], "needs its key card"),
        (["verify", "Bob", "p1-0.png"], "needs the service's secret"),
        (
            ["verify", "Ann", "p0-0.png", "--card", "nowhere.json"],
            "The key card cannot be read (No such file",
        ),
        (
            ["verify", "Ann", "p0-0.png", "--card", "p0-0.png"],
            "No key card is seen in this picture",
        ),
        (["verify", "Ann", "p0-0.png", "--card", "service.secret"], "not a picture"),
        (["verify", "Bob", "p1-0.png", "--secret", "short"], "secret is too short"),
        (
            ["verify", "Ann", "p0-0.png", "--card", "Ann.card.json", "--keys", "none.sqlite"],
            "The key store knows nothing of the template",
        ),
        (
            ["verify", "Ann", "p0-0.png", "--card", "Ann.card.json", "--keys", "no/folder/k.db"],
            "The key store knows nothing of the template",
        ),
        (
            ["enrol", "Eve", "p0-0.png", "--seal", "card", "--keys", "no/folder/k.db"],
            "The key store's file cannot be opened. Check that its folder is there",
        ),
        (["enrol", "Eve", "p0-0.png", "--seal", "passphrase"], "passphrase is too short"),
        (["enrol", "Eve", "p0-0.png", "--seal", "service"], "needs the service's secret"),
        (
            ["enrol", "Eve", "p0-0.png", "--seal", "card", "--card", "no/folder/c.json"],
            "key card cannot be written",
        ),
        (
            ["enrol", "Eve", "p0-0.png", "--seal", "card", "--generator", DEFAULT_FACES],
            "makes plain templates",
        ),
        (
            ["enrol", "Eve", "p0-0.png", "--seal", "card", "--keys", "vault.sqlite"],
            "must not lie beside the templates",
        ),
        (
            ["enrol", "Ann", "p0-0.png", "--seal", "card", "--card", "e.json"],
            "'Ann' is enrolled already",
        ),
        (["renew", "Cem", "p2-0.png"], "are plain: there is no key to renew"),
        (["renew", "Eve", "p2-0.png"], "Nobody is enrolled"),
    ):
        code, lines, err = call(*arguments, typed="short")
        assert (code, lines, err.count("\n")) == (2, [], 1) and sentence in err, (arguments, err)
    assert {path.name for path in here.iterdir()} == before
    assert call("verify", "Cem", "p2-1.png")[0] == 0
    assert call("verify", "Ann", "p0-1.png", "--card", "Ann.card.json")[0] == 0


def test_a_photo_that_fails_leaves_neither_template_nor_card(call, here):
    code, [line], _ = call("enrol", "Ann", "wall.png", "--seal", "card")
    assert code == 1
    assert "No face found" in line["error"]
    assert not list(here.glob("*.card.*"))
    assert call("list")[1] == []


@pytest.mark.parametrize("place", ["none.sqlite", "no/folder/k.db"])
def test_revoking_without_the_key_store_says_so(call, here, place):
    call("enrol", "Ann", "p0-0.png", "--seal", "card")
    assert call("revoke", "Ann", "--keys", place)[1] == [
        {"name": "Ann", "revoked": 1, "keys": "unknown"}
    ]
    assert not Path(place).exists()


def test_plain_names_leave_no_key_store(call, here):
    call("enrol", "Ann", "p0-0.png")
    call("verify", "Ann", "p0-1.png")
    assert call("revoke", "Ann")[1] == [{"name": "Ann", "revoked": 1}]
    assert not Path("keys.sqlite").exists()


def test_two_passphrases_that_differ_are_told(call, here, monkeypatch):
    answers = iter(["correct horse", "correct hose", "correct horse", "correct horse"])
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(answers))
    monkeypatch.setattr(
        "ndcb.cli.secrets.sys", SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True))
    )
    code, lines, err = call("enrol", "Ann", "p0-0.png", "--seal", "passphrase")
    assert (code, lines) == (2, [])
    assert "The two passphrases differ" in err
    assert call("enrol", "Ann", "p0-0.png", "--seal", "passphrase")[0] == 0


@pytest.mark.slow
def test_with_the_real_models(call, tmp_path, astronaut, models, monkeypatch):
    """Each verb once as a process of its own, which says nothing but its line; the other calls in
    this one.
    """
    monkeypatch.setattr("ndcb.models.pipeline.Models", lambda *_: models)
    astronaut.save(tmp_path / "eileen.jpg", quality=95)
    astronaut.crop((60, 0, 400, 400)).save(tmp_path / "probe.webp", quality=80)
    Image.new("RGB", (300, 300), "grey").save(tmp_path / "wall.png")
    places = ["--vault", tmp_path / "v.db", "--keys", tmp_path / "k.db"]

    def alone(*arguments, typed="correct horse battery\n"):
        done = subprocess.run(
            [sys.executable, "-m", "ndcb", *map(str, arguments), *map(str, places)],
            input=typed,
            capture_output=True,
            text=True,
            cwd=ROOT,
            timeout=300,
        )
        assert done.stderr == "", done.stderr
        return done.returncode, json.loads(done.stdout)

    def verify(photo, typed):
        code, [line], _ = call("verify", "Eileen", tmp_path / photo, *places, typed=typed)
        return code, line

    code, line = alone("enrol", "Eileen", tmp_path / "eileen.jpg", "--seal", "passphrase")
    assert code == 0
    assert line["seal"] == "passphrase"
    assert alone("verify", "Eileen", tmp_path / "probe.webp") == (
        0,
        {"name": "Eileen", "photo": str(tmp_path / "probe.webp"), "faces": 1, "accepted": True},
    )
    assert verify("probe.webp", "a wrong passphrase\n")[1]["accepted"] is False
    assert "No face found" in verify("wall.png", "correct horse battery\n")[1]["error"]
    assert alone("renew", "Eileen", tmp_path / "eileen.jpg", typed="another passphrase\n")[0] == 0
    assert verify("probe.webp", "correct horse battery\n")[0] == 1
    assert verify("probe.webp", "another passphrase\n")[0] == 0
    assert alone("revoke", "Eileen")[1] == {"name": "Eileen", "revoked": 1, "keys": "destroyed"}


# secrets and cards as people have them


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_a_passphrase_from_any_file_opens_what_another_enrolled(call, here, encoding):
    call(
        "enrol",
        "Ann",
        "p0-0.png",
        "--seal",
        "passphrase",
        typed="Schlüssel blüht\r\n".encode(encoding),
    )
    for other in ("utf-8", encoding):
        assert call("verify", "Ann", "p0-1.png", typed="Schlüssel blüht".encode(other))[0] == 0
    assert call("verify", "Ann", "p0-1.png", typed="Schlussel bluht".encode(encoding))[0] == 1


def test_an_input_without_a_passphrase_is_told(call, here, monkeypatch):
    for typed, sentence in (
        (b"", "passphrase is too short"),
        (b"\x00\x01\x02\x03", "no text that can be read"),
    ):
        code, lines, err = call("enrol", "Ann", "p0-0.png", "--seal", "passphrase", typed=typed)
        assert (code, lines, err.count("\n")) == (2, [], 1)
        assert sentence in err
    monkeypatch.setattr("io.TextIOWrapper", lambda _: None)
    code, lines, err = call("enrol", "Ann", "p0-0.png", "--seal", "passphrase")
    assert (code, lines, err.count("\n")) == (2, [], 1)
    assert "The input is closed" in err


def test_nobody_types_a_passphrase(call, here, monkeypatch):
    def leave(_):
        raise EOFError

    monkeypatch.setattr("getpass.getpass", leave)
    monkeypatch.setattr(
        "ndcb.cli.secrets.sys", SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True))
    )
    code, lines, err = call("enrol", "Ann", "p0-0.png", "--seal", "passphrase")
    assert (code, lines) == (2, [])
    assert err == "No passphrase was given. Nothing was changed; try once more.\n"


def test_photos_cards_and_secrets_from_the_input(call, here):
    secret, face = Path("service.secret").read_bytes(), Path("p0-0.png").read_bytes()
    assert (
        call("enrol", "Ann", "p0-0.png", "--seal", "service", "--secret", "-", typed=secret)[0] == 0
    )
    assert call("verify", "Ann", "-", "--secret", "service.secret", typed=face)[1] == [
        {"name": "Ann", "photo": "-", "faces": 1, "accepted": True}
    ]
    assert call("verify", "Ann", "p0-1.png", "--secret", "-", typed=b"short")[0] == 2
    code, [line], _ = call(
        "enrol", "Bob", "p1-0.png", "-", "--seal", "card", typed=Path("p1-1.png").read_bytes()
    )
    assert code == 0
    assert line["templates"] == 2
    for given in (line["card"], line["card_picture"]):
        assert (
            call("verify", "Bob", "p1-2.png", "--card", "-", typed=Path(given).read_bytes())[0] == 0
        )


def test_the_input_is_one_thing(call, here):
    call("enrol", "Ann", "p0-0.png", "--seal", "passphrase", typed="correct horse")
    for arguments, sentence in (
        (["verify", "Ann", "-"], "the passphrase would come from it too"),
        (["enrol", "Bob", "-", "--seal", "passphrase"], "the passphrase would come from it too"),
        (["verify", "Ann", "-", "--card", "-"], "Only one of a call's files can be -"),
        (["enrol", "Bob", "-", "-"], "Only one of a call's files can be -"),
        (
            ["enrol", "Bob", "p1-0.png", "--seal", "card", "--card", "-"],
            "A key card needs a file of its own",
        ),
    ):
        code, lines, err = call(*arguments, typed="correct horse")
        assert (code, lines, err.count("\n")) == (2, [], 1) and sentence in err, (arguments, err)
    assert not list(here.glob("*.card.*"))
    assert len(call("list")[1]) == 1


def test_a_picture_that_is_named_as_card_gets_its_card_beside_it(call, here):
    code, [line], _ = call("enrol", "Ann", "p0-0.png", "--seal", "card", "--card", "x.PNG")
    assert code == 0
    assert (line["card"], line["card_picture"]) == ("x.json", "x.PNG")
    for given in ("x.json", "x.PNG"):
        assert call("verify", "Ann", "p0-1.png", "--card", given)[0] == 0


def test_places_where_no_card_can_be(call, here):
    (here / "folder").mkdir()
    before = {path.name for path in here.iterdir()}
    for place, sentence in (
        ("folder", "needs a file of its own"),
        ("", "needs a file of its own"),
        ("..", "needs a file of its own"),
        ("x" * 300, "File name too long"),
        ("p0-0.json", "or of its picture already"),
    ):
        code, lines, err = call("enrol", "Ann", "p0-0.png", "--seal", "card", "--card", place)
        assert (code, lines, err.count("\n")) == (2, [], 1) and sentence in err, err
    assert {path.name for path in here.iterdir()} - before <= {"vault.sqlite", "keys.sqlite"}
    assert call("list")[1] == []


def test_a_long_name_has_a_card_whose_name_fits(call, here):
    code, [line], _ = call("enrol", "𝔸" * 64, "p0-0.png", "--seal", "card")
    assert code == 0
    assert len(line["card"].encode()) <= 255
    assert Path(line["card_picture"]).exists()
    assert call("verify", "𝔸" * 64, "p0-1.png", "--card", line["card"])[0] == 0


def test_a_full_disk_is_told_before_anything_is_stored(call, here):
    """A limit on the size of files stands in for it."""
    with largest_file(1000):
        code, lines, err = call("enrol", "Ann", "p0-0.png", "--seal", "card")
    assert (code, lines) == (2, [])
    assert (
        err == "The key card cannot be written (File too large). Name another place with --card.\n"
    )
    assert not list(here.glob("*.card.*"))
    assert call("list")[1] == []


def test_a_card_whose_picture_does_not_fit_is_enough(call, here, monkeypatch):
    monkeypatch.setattr("ndcb.cli.secrets._png", lambda _: bytes(10**6))
    with largest_file(500_000):
        code, [line], _ = call("enrol", "Ann", "p0-0.png", "--seal", "card")
    assert code == 0
    assert "card_picture" not in line
    assert [path.name for path in here.glob("*.card.*")] == [line["card"]]
    assert call("verify", "Ann", "p0-1.png", "--card", line["card"])[0] == 0


def test_a_device_is_no_secret(call, here):
    code, lines, err = call(
        "enrol", "Ann", "p0-0.png", "--seal", "service", "--secret", "/dev/urandom"
    )
    assert (code, lines) == (2, [])
    assert "A device gives other bytes each time" in err
