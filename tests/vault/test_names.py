"""What a name may hold, which spellings are one name, and what older versions have stored."""

import hashlib
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndcb.core.terms import UserError
from ndcb.vault.names import LONGEST_NAME, clean_name, digests_of, person_of
from tests.vault.test_vault import change
from tests.vault.toys import photo, toy_vault

WRITTEN = {
    "Persian with ZWNJ": "علی‌رضا",
    "Sinhala with ZWJ": "ශ්‍රී ලාල්",
    "Arabic with a letter mark": "\u061cعلي",
    "Hebrew with a right-to-left mark": "דוד\u200f (David)",
    "left-to-right mark": "Ann\u200e",
    "no-break space": "Ann\u00a0Lee",
    "narrow no-break space": "Jean\u202fLuc",
    "ideographic space": "山田\u3000太郎",
    "joined emoji": "👩\u200d👩\u200d👧 Ann",
    "emoji with a skin and a variation": "🧑🏽\u200d❤️\u200d🧑🏿",
    "the flag of Scotland": "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "an emoji that this Python may not know": "\U0001fac8",
    "Mongolian with a vowel separator": "ᠮᠣᠩᠭᠣᠯ\u180eᠠ",
    "combining marks": "Q\u0323\u0301",
    "punctuation": "O'Brien-Smith, Jr. (née <b>)",
    "as long as can be": "x" * LONGEST_NAME,
}


@pytest.mark.parametrize("name", WRITTEN.values(), ids=WRITTEN)
def test_a_name_is_what_its_owner_writes(name):
    assert clean_name(name) == name
    vault = toy_vault("sqlite://")
    vault.enrol(name, [photo(1)])
    assert vault.list()[0].name == name
    assert vault.verify(name, photo(1, 1)).same
    assert vault.revoke(name) == 1
    vault.close()


@pytest.mark.parametrize(
    "given, kept",
    [
        ("  Ann   Lee ", "Ann Lee"),
        ("Zoe\u0301", "Zo\u00e9"),
        ("\u3000Ann\u00a0\n", "Ann"),
        ("\ufeffAnn", "Ann"),
        (" \ufeff Ann", "Ann"),
    ],
)
def test_what_is_around_a_name_is_left_out(given, kept):
    assert clean_name(given) == kept


REFUSED = {
    "nothing": ("", "1 to 64 printable characters; this one has 0"),
    "spaces": (" \u00a0\u3000", "this one has 0"),
    "too long": ("x" * 65, "this one has 65"),
    "end of line": ("a\nb", r"U\+000A \(a control character\)"),
    "tab": ("a\tb", r"U\+0009"),
    "zero": ("a\0b", r"U\+0000"),
    "escape": ("a\x1b[31mb", r"U\+001B"),
    "delete": ("a\x7fb", r"U\+007F"),
    "C1 control": ("a\x9bb", r"U\+009B"),
    "line separator": ("a\u2028b", r"U\+2028 \(LINE SEPARATOR\)"),
    "turned round": ("\u202eAnn", r"U\+202E \(RIGHT-TO-LEFT OVERRIDE\)"),
    "embedding": ("Ann\u202b(x", r"U\+202B \(RIGHT-TO-LEFT EMBEDDING\)"),
    "isolate": ("Ann\u2067", r"U\+2067 \(RIGHT-TO-LEFT ISOLATE\)"),
    "zero width space": ("a\u200bb", r"U\+200B \(ZERO WIDTH SPACE\)"),
    "byte order mark inside": ("a\ufeffb", r"U\+FEFF \(ZERO WIDTH NO-BREAK SPACE\)"),
    "half a character": ("\ud800", r"U\+D800 \(half a character\)"),
    "not a character": ("a\uffff", r"U\+FFFF \(not a character\)"),
    "private": ("\uf8ff", r"U\+F8FF \(a private character\)"),
    "hidden tags": ("Ann\U000e0041\U000e0042", r"U\+E0041 \(TAG LATIN CAPITAL LETTER A\)"),
    "joiners alone": (
        "\u200d\u200c\u200f",
        r"can be seen; here is only U\+200D \(ZERO WIDTH JOINER\)",
    ),
    "a filler alone": ("\u3164", r"can be seen; here is only U\+3164 \(HANGUL FILLER\)"),
    "a variation alone": ("\ufe0f", "can be seen"),
    "Braille's blank alone": ("\u2800 \u2800", "can be seen"),
}


@pytest.mark.parametrize("name, sentence", REFUSED.values(), ids=REFUSED)
def test_what_is_no_name_is_said_with_the_character(name, sentence):
    with pytest.raises(UserError, match=sentence) as error:
        clean_name(name)
    assert str(error.value).isprintable()
    assert str(error.value).endswith(".")


ALIKE = [
    ("Ann", "ANN"),
    ("Straße", "STRASSE"),
    ("Zoé", "ZOE\u0301"),
    ("1", "１"),
    ("Ann", "Ａｎｎ"),
    ("ﬁona", "Fiona"),
    ("Ann Lee", "Ann\u00a0Lee"),
    ("山田 太郎", "山田\u3000太郎"),
    ("علی‌رضا", "علیرضا"),
    ("Ann", "A\u200dn\u200en"),
    ("❤️", "❤"),
    ("ｶﾅ", "カナ"),
    ("Ann", "Ann\u2800"),
    ("\u1f80", "\u1f88"),
    ("ᾳ", "αι"),
    ("①", "1"),
    ("각", "각"),
]


@pytest.mark.parametrize("one, other", ALIKE)
def test_names_that_look_alike_are_one(one, other):
    assert person_of(clean_name(one)) == person_of(clean_name(other))


def test_names_that_differ_stay_apart():
    names = [
        "Jose",
        "José",
        "Ann Lee",
        "AnnLee",
        "Ann",
        "Аnn",
        "1",
        "l",
        "علی رضا",
        "علی‌رضا",
        "👩‍💻",
        "👨‍💻",
        WRITTEN["the flag of Scotland"],
        "🏴",
    ]
    assert len({person_of(clean_name(name)) for name in names}) == len(names)


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=LONGEST_NAME))
def test_case_and_form_never_make_another_name(name):
    try:
        name = clean_name(name)
    except UserError:
        return
    assert clean_name(name) == name
    forms = [unicodedata.normalize(form, name) for form in ("NFC", "NFD", "NFKC", "NFKD")]
    assert {person_of(form) for form in [*forms, forms[1].casefold()]} == {person_of(name)}


# --- vaults of older versions


def older_digest(name: str) -> str:
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())
    return hashlib.sha256(folded.encode()).hexdigest()


@pytest.mark.parametrize(
    "name", ["Ann", "Ann Lee", "Zoé", "Straße", "李小龍", "علي", "Дмитрий", "ΑΝΝΑ", "ﬃ"]
)
def test_the_digest_of_most_names_is_what_it_was(name):
    assert digests_of(name) == (older_digest(name), older_digest(name))


@pytest.fixture
def older(tmp_path):
    """A vault as an older version stored it, with names whose digest is another one today."""
    path = tmp_path / "vault.sqlite"
    renamed = {"one": "1", "two": "１", "circled": "②", "half": "ｶﾅ"}
    vault = toy_vault(path)
    for person, name in enumerate(renamed):
        vault.enrol(name, [photo(person)])
    vault.close()
    for before, name in renamed.items():
        change(
            path,
            "UPDATE ndcb_templates SET name = ?, person = ? WHERE name = ?",
            name,
            older_digest(name),
            before,
        )
    return path


def test_names_of_an_older_vault_are_found_in_every_spelling(older):
    vault = toy_vault(older)
    assert [one.damaged for one in vault.list()] == [()] * 4
    for name, person in [("②", 2), ("2", 2), ("２", 2), ("ｶﾅ", 3), ("カナ", 3)]:
        assert vault.verify(name, photo(person, 1)).same
        with pytest.raises(UserError, match="enrolled already"):
            vault.enrol(name, [photo(7)])
    assert vault.identify(photo(3, 1))[0] == "ｶﾅ"
    assert vault.revoke("カナ") == 1
    with pytest.raises(UserError, match="Nobody is enrolled"):
        vault.verify("ｶﾅ", photo(3, 1))
    assert vault.enrol("カナ", [photo(7)]).templates == 1


def test_two_names_of_an_older_vault_that_are_one_now_stay_two_logins(older):
    vault = toy_vault(older)
    assert vault.verify("1", photo(0, 1)).same
    assert not vault.verify("1", photo(1, 1)).same
    assert vault.verify("１", photo(1, 1)).same
    assert not vault.verify("１", photo(0, 1)).same
    assert vault.revoke("１") == 1
    assert vault.verify("1", photo(0, 1)).same
    assert vault.verify("１", photo(0, 1)).same  # one name from now on
    assert vault.revoke("１") == 1
