"""The order of arguments, for the parser."""

from dataclasses import dataclass

import pytest

from ndcb.__main__ import VERBS, _parse
from ndcb.cli.arguments import options_first
from ndcb.core.terms import UserError
from ndcb.models.operating_points import NAMED


@dataclass
class Verb:
    photos: tuple[str, ...]
    vault: str = ""
    any_way: bool = False


@pytest.mark.parametrize(
    "given, ordered",
    [
        ("verb a b", "verb -- a b"),
        ("verb a --vault v b", "verb --vault=v -- a b"),
        ("verb --vault=v a --any-way b", "verb --vault=v --any-way -- a b"),
        ("verb a --no-any-way b --any_way c", "verb --no-any-way --any_way -- a b c"),
        ("verb a --vault -v - b", "verb --vault=-v -- a - b"),
        ("verb a --vault --any-way", "verb --vault --any-way -- a"),
        ("verb a -- --vault -b", "verb -- a --vault -b"),
        ("verb a -h", "verb -h -- a"),
        ("verb a --help b", "verb --help -- a b"),
        ("verb a --vault", "verb --vault -- a"),
        ("verb", "verb"),
        ("--help", "--help"),
        ("other a --vault v b", "other a --vault v b"),
        ("", ""),
    ],
)
def test_options_come_first(given, ordered):
    assert options_first(given.split(), {"verb": Verb}) == ordered.split()


def test_a_file_whose_name_begins_with_a_hyphen(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-b.jpg").touch()
    given = ["verb", "-b.jpg", "-c.jpg", "--any-way"]
    assert options_first(given, {"verb": Verb}) == ["verb", "-c.jpg", "--any-way", "--", "-b.jpg"]


@pytest.mark.parametrize(
    "arguments, option",
    [
        (["distort", "a.jpg", "--out", "o", "--polish", "-1"], "--polish"),
        (["renew", "Ann", "a.jpg", "--polish=-1"], "--polish"),
        (["verify", "Ann", "a.jpg", "--threshold", "nan"], "--threshold"),
        (["identify", "a.jpg", "--threshold", "-0.1"], "--threshold"),
    ],
)
def test_numbers_that_an_option_cannot_have(arguments, option):
    with pytest.raises(UserError, match=option):
        _parse(arguments)


@pytest.mark.parametrize("fmr", [*NAMED, None])
def test_rates_are_given_by_name(fmr):
    option = ["--fmr", fmr] if fmr else []
    for verb in (["verify", "Ann", "a.jpg"], ["identify", "a.jpg"], ["compare", "a.jpg", "b.jpg"]):
        assert _parse([*verb, *option]).fmr == fmr


def test_a_login_has_one_limit():
    for verb in (["verify", "Ann", "a.jpg"], ["identify", "a.jpg"]):
        with pytest.raises(UserError, match="--threshold and --fmr both say"):
            _parse([*verb, "--threshold", "0", "--fmr", "0.1%"])


@pytest.mark.parametrize("verb", ["distort", "compare", "enrol", "renew", "verify", "identify"])
def test_photos_may_be_followed_by_options_and_more_photos(verb):
    names = {"enrol": ["Ann"], "renew": ["Ann"], "verify": ["Ann"]}.get(verb, [])
    photos = ["a.jpg"] if verb == "verify" else ["a.jpg", "b.jpg"]
    out = ["--out", "o"] if verb == "distort" else []
    straight = _parse([verb, *names, *photos, "--generator", "g", "--device", "cpu", *out])
    mixed = _parse(
        [verb, *out, *names, "--device=cpu", *photos[:1], "--generator", "g", *photos[1:]]
    )
    assert mixed == straight and mixed.generator == "g" and type(mixed) in VERBS


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["distort"],
        ["enrol", "Ann", "a.jpg", "-vault", "v"],
        ["enrol", "Ann", "a.jpg", "--vualt", "v"],
        ["revoke", "Ann", "Bob"],
        ["verify", "Ann", "a.jpg", "b.jpg"],
        ["list", "--generator"],
        ["identify", "a.jpg", "--threshold", "low"],
        ["verify", "Ann", "a.jpg", "--fmr", "5%"],
        ["compare", "a.jpg", "b.jpg", "--fmr", "0.001"],
        ["nonsense"],
    ],
)
def test_what_cannot_be_parsed_is_answered_by_the_parser(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        _parse(arguments)
    out, err = capsys.readouterr()
    assert ended.value.code == 2 and out == "" and "Traceback" not in err
