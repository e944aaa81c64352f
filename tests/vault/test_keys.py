"""Keys: their rotations are orthogonal, pinned and unrelated; a passphrase, a service and a card
give them back, or say why not.
"""

import hashlib
import hmac
import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ndcb.vault import keys
from ndcb.vault.keys import (
    KEY_BYTES,
    BadKey,
    KeyCard,
    KeyCards,
    Passphrase,
    Scrypt,
    ServiceSecret,
    gaussians,
    random_key,
    rotation,
    template_key,
)
from tests.conftest import ROOT

KEYS = st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES)
CARD = KeyCard("Ann Ó Briain", "4f0c", 2, bytes(range(32)))
OTHER = KeyCard("Bob", "99aa", 1, bytes(32))
MARK = "\ufeff"
PINNED_GAUSSIANS = [
    -0.8958728914999399,
    0.7001356485262761,
    -1.0227118333189413,
    0.24736293596400238,
]
PINNED_ROTATION = [
    -0.10804490388063037,
    0.03893751076876301,
    -0.040904313044366925,
    -0.10060656039630002,
]
PINNED_DIGEST = "7e8c960115f5b606"


def test_the_numbers_of_a_key_are_pinned():
    """Whatever machine and version: otherwise nobody would get in any more."""
    key = bytes(range(32))
    np.testing.assert_allclose(gaussians(key, 4), PINNED_GAUSSIANS, atol=1e-13)
    found = rotation(key, 64)
    np.testing.assert_allclose(found[[0, 0, 63, 31], [0, 63, 63, 7]], PINNED_ROTATION, atol=1e-12)
    assert (
        hashlib.sha256(np.round(found * 1e6).astype("<i4").tobytes()).hexdigest()[:16]
        == PINNED_DIGEST
    )


@settings(max_examples=30, deadline=None)
@given(KEYS)
def test_a_rotation_keeps_lengths_and_angles(key):
    found = rotation(key, 64)
    np.testing.assert_allclose(found @ found.T, np.eye(64), atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(KEYS, st.integers(0, 8 * KEY_BYTES - 1))
def test_one_bit_gives_an_unrelated_rotation(key, bit):
    """The cosines of unrelated rows have the standard deviation 1/8; eight rows would have to agree
    by chance.
    """
    other = bytearray(key)
    other[bit // 8] ^= 1 << bit % 8
    cosines = (rotation(key, 64) * rotation(bytes(other), 64)).sum(1)
    assert abs(cosines).max() < 0.8 and abs(cosines.mean()) < 0.1


@settings(max_examples=20, deadline=None)
@given(KEYS, st.integers(0, 2**31))
def test_distances_under_one_rotation_are_those_without(key, seed):
    a, b = np.random.default_rng(seed).normal(size=(2, 5, 64))
    turned = rotation(key, 64)
    np.testing.assert_allclose(
        ((a @ turned.T - b @ turned.T) ** 2).sum(1), ((a - b) ** 2).sum(1), rtol=1e-10
    )


def test_rotations_are_uniform():
    """Haar: of one fixed vector every direction is equally likely, and half of them are
    reflections.
    """
    found = np.stack([rotation(number.to_bytes(32, "little"), 3) for number in range(4000)])
    images = found[:, :, 0]
    assert np.abs(images.mean(0)).max() < 0.05
    np.testing.assert_allclose(images.T @ images / len(images), np.eye(3) / 3, atol=0.02)
    assert (np.linalg.det(found) > 0).mean() == pytest.approx(0.5, abs=0.03)


def test_gaussians_are_gaussian():
    found = gaussians(b"k" * 32, 100_001)
    assert found.shape == (100_001,) and np.isfinite(found).all()
    assert [found.mean(), found.var(), (found**3).mean(), (found**4).mean()] == pytest.approx(
        [0, 1, 0, 3], abs=0.1
    )


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(33)])
def test_a_key_of_another_length_is_refused(key):
    with pytest.raises(ValueError, match="32 bytes"):
        rotation(key, 4)


def test_random_keys_differ():
    assert len({random_key() for _ in range(100)}) == 100 and len(random_key()) == KEY_BYTES


def test_scrypt_is_rfc_7914s():
    """Its third test vector, as far as a key reaches, with the RFC's salt and passphrase."""
    expected = "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
    assert (
        Passphrase("pleaseletmein").secret(b"SodiumChloride", Scrypt(16384, 8, 1)).hex() == expected
    )


def test_a_passphrase_gives_one_secret_with_one_salt():
    def secret(text, salt=b"0123456789abcdef"):
        return Passphrase(text).secret(salt, Scrypt(2, 8, 1))

    assert secret("correct horse") == secret("correct horse") != secret("correct horsf")
    assert secret("correct horse", b"another salt 16b") != secret("correct horse")
    assert secret("garçon noir") == secret("garc\u0327on noir")


def test_a_byte_order_mark_does_not_belong_to_a_passphrase():
    salt, scrypt = b"0123456789abcdef", Scrypt(2, 8, 1)
    plain, marked = Passphrase("correct horse"), Passphrase(MARK + "correct horse")
    assert (
        marked.secret(salt, scrypt) == plain.secret(salt, scrypt) == marked.secrets(salt, scrypt)[0]
    )
    older = scrypt.hash((MARK + "correct horse").encode(), salt)
    assert marked.secrets(salt, scrypt)[1:] == [older] and plain.secrets(salt, scrypt) == [
        plain.secret(salt, scrypt)
    ]
    with pytest.raises(BadKey, match="at least 8"):
        Passphrase(MARK + "seven c")


def test_half_a_character_is_no_passphrase():
    with pytest.raises(BadKey, match="half a character"):
        Passphrase("correct \ud800 horse")


def test_short_secrets_are_refused_and_not_repeated():
    with pytest.raises(BadKey, match="at least 8") as error:
        Passphrase("swordfi")
    assert "swordfi" not in str(error.value) and "swordfish" not in repr(Passphrase("swordfish"))
    with pytest.raises(BadKey, match="too short") as error:
        ServiceSecret(b"secret")
    assert "secret'" not in str(error.value) and "kkkk" not in repr(ServiceSecret(b"k" * 32))


def test_template_keys_are_rfc_5869s_and_one_a_template():
    secret, salt = bytes(range(32)), b"s" * 16
    found = {
        template_key(secret, salt, enrolment, version, number)
        for enrolment in ("a", "b", 'a", 1', "")
        for version in (1, 2)
        for number in (1, 2)
    }
    assert len(found) == 16 and all(len(key) == KEY_BYTES for key in found)
    assert template_key(secret, b"t" * 16, "a", 1, 1) not in found
    extracted = hmac.digest(salt, secret, "sha256")  # RFC 5869 by hand: extract, expand once
    assert template_key(secret, salt, "a", 1, 2) == hmac.digest(
        extracted, b'["ndcb sealed template", "a", 1, 2]\x01', "sha256"
    )


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=40), st.text(max_size=20), st.integers(0, 10**6), KEYS)
def test_a_card_says_what_was_written(name, enrolment, version, key):
    card = KeyCard(name, enrolment, version, key)
    assert KeyCard.read(card.text()) == card and "\n" not in card.text()


def test_a_cards_picture_is_scanned_again_even_from_a_poor_photo():
    picture = CARD.picture()
    assert picture.mode == "L" and KeyCards.scan(picture).cards == (CARD,)
    photo = Image.new("RGB", (900, 1100), (90, 70, 60))
    photo.paste(picture.resize((620, round(620 * picture.height / picture.width))), (100, 150))
    photo = Image.fromarray(
        np.uint8(
            np.clip(
                np.asarray(photo.rotate(12, Image.BICUBIC)) * 0.7
                + np.random.default_rng(0).normal(25, 12, (1100, 900, 3)),
                0,
                255,
            )
        )
    )
    assert KeyCards.scan(photo).cards == (CARD,)
    assert (
        KeyCards.scan(KeyCard("N" * 200, "e" * 32, 1, bytes(32)).picture()).cards[0].name
        == "N" * 200
    )


def qr_code(text: str) -> Image.Image:
    code = keys.zxingcpp.create_barcode(text, keys.zxingcpp.BarcodeFormat.QRCode)
    return Image.fromarray(np.array(code.to_image(scale=4)))


def sheet(*pictures: Image.Image) -> Image.Image:
    """Side by side on white."""
    paper = Image.new(
        "L",
        (sum(one.width + 40 for one in pictures), max(one.height for one in pictures) + 40),
        255,
    )
    left = 20
    for one in pictures:
        paper.paste(one, (left, 20))
        left += one.width + 40
    return paper


def test_all_cards_on_a_sheet_are_read_and_other_codes_passed_over():
    found = KeyCards.scan(
        sheet(qr_code("https://example.org"), OTHER.picture(), qr_code("{}"), CARD.picture())
    )
    assert set(found.cards) == {CARD, OTHER}


def test_a_picture_without_a_card_is_said():
    with pytest.raises(BadKey, match="No key card is seen"):
        KeyCards.scan(Image.new("RGB", (50, 50)))
    with pytest.raises(BadKey, match="no key card, or it is damaged"):
        KeyCards.scan(sheet(qr_code("https://example.org"), qr_code("hello")))


PRETTY = json.dumps(json.loads(CARD.text()), indent=4)
FILES = {
    "as it was written": CARD.text().encode() + b"\n",
    "with a byte order mark": (MARK + CARD.text()).encode(),
    "UTF-16 with a mark": CARD.text().encode("utf-16"),
    "UTF-16, big end first": (MARK + CARD.text()).encode("utf-16-be"),
    "UTF-16 without a mark": CARD.text().encode("utf-16-le"),
    "UTF-32": CARD.text().encode("utf-32"),
    "laid out by an editor, CRLF": PRETTY.replace("\n", "\r\n").encode(),
    "after empty lines": b"\r\n\r\n" + CARD.text().encode(),
}


@pytest.mark.parametrize("data", FILES.values(), ids=FILES)
def test_a_cards_file_as_programs_save_it(data):
    assert KeyCards.open(data).cards == (CARD,)


def test_two_cards_in_one_file():
    text = f"{OTHER.text()}\n{CARD.text()}\n"
    assert KeyCards.open(text.encode()).cards == (OTHER, CARD)
    assert KeyCards.open(text.encode()[:-20]).cards == (OTHER,)


def test_a_cards_picture_in_a_file():
    file = io.BytesIO()
    CARD.picture().save(file, "PNG")
    assert KeyCards.open(file.getvalue()).cards == (CARD,)


@pytest.mark.parametrize(
    "data", [b"hello", "schöne Grüße".encode("utf-16"), b"[1]", b"{", b"name;key"]
)
def test_a_text_that_is_no_card_is_said(data):
    with pytest.raises(BadKey, match="no key card, or it is damaged"):
        KeyCards.open(data)


def ink(name: str) -> np.ndarray:
    """Where a card's title is printed."""
    return np.asarray(KeyCard(name, "e" * 32, 1, bytes(32)).picture().crop((0, 0, 400, 48))) < 128


BLANK_TO_WRITE_ON = ink("李小龍")


def test_a_name_that_the_font_lacks_is_left_to_the_pen():
    """A line to write on, and no boxes: the last rows alone differ from a card without a name."""
    added = BLANK_TO_WRITE_ON & ~ink("")
    assert added.sum(1).max() > 150 and (added.sum(1) > 0).sum() <= 3
    for name in ("علی‌رضا", "สมชาย", "👩🏽 Ann", "Ann 李", "ann\ud800"):
        np.testing.assert_array_equal(ink(name), BLANK_TO_WRITE_ON)


@pytest.mark.parametrize(
    "name",
    ["Ann", "Zoë Ó", "Дмитрий Ёлкин", "Ελένη", "Nguyễn Thị Ánh", "Անի", "გიორგი", "O'Brien-Smith"],
)
def test_european_names_are_printed(name):
    assert (ink(name) ^ BLANK_TO_WRITE_ON).sum() > 100
    np.testing.assert_array_equal(
        ink(name), ink(f"{name[0]}\u200d{name[1:]}\u200f")
    )  # what cannot be seen is left out


def test_a_wide_name_stays_on_the_card():
    title = np.asarray(KeyCard("W" * 64, "e" * 32, 1, bytes(32)).picture().crop((0, 0, 438, 48)))
    assert title[:, -20:].min() == 255


@pytest.mark.parametrize("home", ["/nonexistent", None])
def test_a_card_is_drawn_without_a_home_and_without_a_warning(home, tmp_path):
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("HOME", "MPLCONFIGDIR", "XDG_CACHE_HOME")
    }
    code = (
        "import sys; from ndcb.vault.keys import KeyCard, KeyCards; "
        "card = KeyCard('Ann', 'e' * 32, 1, bytes(32)); "
        "assert KeyCards.scan(card.picture()).cards == (card,); "
        "assert 'matplotlib' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=ROOT,
        env=environment | ({"HOME": home} if home else {}),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def damaged(**change) -> str:
    return json.dumps(json.loads(CARD.text()) | change)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "[]",
        "{}",
        "null",
        "[" * 100_000,
        CARD.text()[:-5],
        damaged(version=3),
        damaged(version="2"),
        damaged(name="Bob"),
        damaged(name=7),
        damaged(key="AAAA"),
        damaged(key=None),
        damaged(check=None),
        damaged(ndcb_key_card=2),
        damaged(key=json.loads(CARD.text())["key"].lower()),
    ],
)
def test_what_is_no_card_is_one_sentence_without_the_key(text):
    with pytest.raises(BadKey, match="no key card, or it is damaged") as error:
        KeyCard.read(text)
    assert "AAAQEAYE" not in str(error.value)


def test_a_card_does_not_print_its_key():
    assert "key" not in repr(CARD).replace("KeyCard", "") and "AAAQEAYE" not in repr(CARD)
