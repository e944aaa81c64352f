"""Key cards: read again from a file, a picture or a poor photo of it, or refused in words."""

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

from ndcb.vault import key_card
from ndcb.vault.key_card import KeyCard, KeyCards
from ndcb.vault.key_sources import BadKey
from ndcb.vault.keys import KEY_BYTES
from tests.conftest import ROOT

KEYS = st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES)
CARD = KeyCard("Ann Ó Briain", "4f0c", 2, bytes(range(32)))
OTHER = KeyCard("Bob", "99aa", 1, bytes(32))
MARK = "\ufeff"


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=40), st.text(max_size=20), st.integers(0, 10**6), KEYS)
def test_a_card_says_what_was_written(name, enrolment, version, key):
    card = KeyCard(name, enrolment, version, key)
    assert KeyCard.read(card.text()) == card
    assert "\n" not in card.text()


def test_a_cards_picture_is_scanned_again_even_from_a_poor_photo():
    picture = CARD.picture()
    assert picture.mode == "L"
    assert KeyCards.scan(picture).cards == (CARD,)
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
    code = key_card.zxingcpp.create_barcode(text, key_card.zxingcpp.BarcodeFormat.QRCode)
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
    assert added.sum(1).max() > 150
    assert (added.sum(1) > 0).sum() <= 3
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
        "import sys; from ndcb.vault.key_card import KeyCard, KeyCards; "
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
    assert "key" not in repr(CARD).replace("KeyCard", "")
    assert "AAAQEAYE" not in repr(CARD)
