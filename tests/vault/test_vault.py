"""The vault on a file, in memory and on a PostgreSQL server; mostly with toy models."""

import hashlib
import io
import logging
import os
import random
import re
import resource
import shutil
import sqlite3
import stat
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from sqlalchemy import event

from ndcb.core.terms import DEFAULT_FACES, BadPicture, Face, NoFaceFound, PoorPhoto, UserError
from ndcb.models import quality
from ndcb.vault.enrolment import TemplateMaker
from ndcb.vault.names import clean_name, person_of
from ndcb.vault.rows import Row
from ndcb.vault.templates import Embeddings
from ndcb.vault.vault import Vault
from tests import children
from tests.vault.toys import NOBODY, SIDE, THRESHOLD, ToyModels, photo, toy, toy_vault


@pytest.fixture(params=["file", "memory", "postgres"])
def place(request, tmp_path):
    if request.param == "postgres":
        return request.getfixturevalue("postgres")
    return "sqlite://" if request.param == "memory" else tmp_path / "vault.sqlite"


@pytest.fixture(params=["file", "postgres"])
def shared_place(request, tmp_path):
    """A place that several vaults can open."""
    return (
        request.getfixturevalue("postgres")
        if request.param == "postgres"
        else tmp_path / "vault.sqlite"
    )


@pytest.fixture
def file(tmp_path):
    """A vault file with ann (three templates), bob and cem."""
    path = tmp_path / "vault.sqlite"
    vault = toy_vault(path)
    vault.enrol("Ann", [photo(1, shot) for shot in range(3)])
    vault.enrol("Bob", [photo(2)])
    vault.enrol("Cem", [photo(3)])
    vault.close()
    return path


def change(path, statement: str, *values) -> None:
    """SQL behind the vault's back."""
    connection = sqlite3.connect(path)
    with connection:
        assert connection.execute(statement, values).rowcount > 0
    connection.close()


def in_words(error) -> bool:
    """One or two sentences for a person: no SQL, no path, no address, no class name."""
    text = str(error.value)
    return (
        len(text) < 400
        and text.endswith(".")
        and "\n" not in text
        and not re.search(
            r"SELECT|INSERT|CREATE|sqlite3\.|psycopg|sqlalchemy|Error|Traceback|/tmp|secret|ndcb_",
            text,
        )
    )


def test_the_toy_people_differ():
    distorter = toy()
    embedded = distorter.embed([photo(person, shot) for person in range(12) for shot in range(3)])
    distances = torch.cdist(embedded, embedded).square().reshape(12, 3, 12, 3).amax(dim=(1, 3))
    genuine, impostor = distances.diag().max(), distances[~torch.eye(12, dtype=bool)].min()
    assert float(genuine) < THRESHOLD / 5
    assert float(impostor) > THRESHOLD * 1.5


def test_enrol_verify_identify_revoke(place):
    vault = toy_vault(place)
    entry = vault.enrol("Ann", [photo(1), photo(1, 1)])
    assert (entry.name, entry.templates, entry.generator, entry.recogniser) == (
        "Ann",
        2,
        "toy",
        "contrast",
    )
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", entry.time)
    vault.enrol("Bob", [photo(2)])
    genuine, impostor = vault.verify("Ann", photo(1, 7)), vault.verify("Ann", photo(2, 7))
    assert genuine.same
    assert not impostor.same
    assert genuine.threshold == THRESHOLD
    assert genuine.skipped == ()
    assert vault.identify(photo(2, 7))[0] == "Bob"
    assert vault.identify(photo(1, 9))[0] == "Ann"
    name, match = vault.identify(photo(5))
    assert name is None
    assert not match.same
    assert [(one.name, one.templates, one.damaged) for one in vault.list()] == [
        ("Ann", 2, ()),
        ("Bob", 1, ()),
    ]
    assert vault.revoke("Ann") == 2
    assert vault.identify(photo(1))[0] is None
    assert [one.name for one in vault.list()] == ["Bob"]
    with pytest.raises(UserError, match="Nobody is enrolled as 'Ann'"):
        vault.verify("Ann", photo(1))
    vault.enrol("Ann", [photo(4)])
    assert vault.verify("Ann", photo(4, 1)).same
    assert not vault.verify("Ann", photo(1)).same
    vault.close()


def test_distances_are_those_of_the_nearest_stored_template(place):
    vault = toy_vault(place)
    vault.enrol("Ann", [photo(1), photo(1, 1), photo(1, 2)])
    distorter = toy()
    probe = distorter.embed([photo(1, 5)])[0]
    stored = distorter.embed([row.picture for row in vault.stolen()])
    by_hand = [
        sum((a - b) ** 2 for a, b in zip(template, probe.tolist(), strict=True))
        for template in stored.tolist()
    ]
    for _ in range(2):  # computed, then remembered
        assert vault.verify("Ann", photo(1, 5)).squared_distance == pytest.approx(
            min(by_hand), abs=1e-6
        )
        assert vault.identify(photo(1, 5))[1].squared_distance == pytest.approx(
            min(by_hand), abs=1e-6
        )
    vault.close()


def test_the_threshold_of_the_caller_wins(place):
    vault = toy_vault(place)
    vault.enrol("Ann", [photo(1)])
    assert vault.verify("Ann", photo(2), threshold=4.1).same
    assert vault.identify(photo(2), threshold=4.1)[0] == "Ann"
    assert not vault.verify("Ann", photo(1, 1), threshold=0).same
    assert vault.identify(photo(1, 1), threshold=0)[0] is None
    vault.close()


def test_what_is_stored_is_the_template_bit_by_bit(place):
    vault = toy_vault(place)
    vault.enrol("Ann", [photo(1), photo(1, 1)])
    stolen = vault.stolen()
    assert [one.name for one in stolen] == ["Ann", "Ann"]
    assert "png" not in repr(stolen[0])
    for one, shot in zip(stolen, (0, 1), strict=True):
        assert np.array_equal(np.asarray(one.picture), 255 - np.asarray(photo(1, shot)))
        assert one.picture.format == "PNG"
        assert not one.picture.info
    vault.close()


def test_a_face_that_was_found_already_is_taken_as_it_is(place):
    vault = toy_vault(place)
    vault.models.find = None
    vault.enrol("Ann", [Face(photo(1), None)])
    assert vault.verify("Ann", Face(photo(1, 1), None)).same
    vault.close()


def test_all_photos_or_none(place):
    vault = toy_vault(place)
    with pytest.raises(NoFaceFound, match="Photo 3: No face found"):
        vault.enrol("Ann", [photo(1), photo(1, 1), NOBODY, photo(1, 2)])
    with pytest.raises(NoFaceFound, match="^No face found"):
        vault.enrol("Ann", [NOBODY])
    for photos in ([], [photo(1)] * 6):
        with pytest.raises(UserError, match=f"one to 5 photos .* here are {len(photos)}"):
            vault.enrol("Ann", photos)
    assert vault.list() == []
    assert vault.stolen() == []
    with pytest.raises(UserError, match="Nobody is enrolled yet"):
        vault.identify(photo(1))
    vault.enrol("Ann", [photo(1, shot) for shot in range(5)])
    assert len(vault.stolen()) == 5
    vault.close()


def test_a_template_that_would_not_let_its_owner_in_is_refused(place):
    vault = toy_vault(place, toy(threshold=0))
    with pytest.raises(BadPicture, match="would not be recognised"):
        vault.enrol("Ann", [photo(1)])
    assert vault.list() == []
    vault.close()


# --- whose photos, and how good


@pytest.mark.parametrize(
    "people, sentence",
    [
        (
            (1, 2),
            (
                "Photos 1 and 2 do not show one person. Give photos of one person; of a photo with"
                " several faces"
            ),
        ),
        ((1, 1, 2), "Photo 3 shows another person than photo "),
        ((2, 1, 1), "Photo 1 shows another person than photo "),
        ((2, 1, 1, 1, 3), "Photos 1 and 5 show another person than photo "),
        ((1, 2, 2, 2), "Photo 1 shows another person than photo "),
    ],
)
def test_photos_of_two_people_are_refused(place, people, sentence):
    vault = toy_vault(place)
    with pytest.raises(BadPicture) as error:
        vault.enrol("Ann", [photo(person, shot) for shot, person in enumerate(people)])
    assert str(error.value).startswith(sentence)
    assert in_words(error)
    assert vault.list() == []
    vault.close()


POOR = 9
"""A person whose toy photos the toy gate refuses."""


@pytest.fixture
def toy_gate(monkeypatch):
    """It knows the toy recogniser, and one person, whose every photo it calls blurred."""
    centre = toy().embed([photo(POOR)])
    gate = quality.Gate("contrast", ("blurred",), centre, torch.tensor([-0.8]), 0.0)
    monkeypatch.setattr(quality, "load_gate", lambda path: gate)


def test_poor_photos_are_neither_enrolled_nor_let_in(place, toy_gate):
    vault = toy_vault(place)
    with pytest.raises(PoorPhoto, match="^The face is too blurred. Hold the camera still") as error:
        vault.enrol("Ann", [photo(POOR)])
    assert in_words(error)
    with pytest.raises(PoorPhoto, match="^Photo 2: The face is too blurred."):
        vault.enrol("Ann", [photo(1), photo(POOR)])
    assert vault.list() == []
    assert vault.enrol("Ann", [photo(1), photo(1, 1)]).quality == ("good", "good")
    for action in (lambda: vault.verify("Ann", photo(POOR)), lambda: vault.identify(photo(POOR))):
        with pytest.raises(PoorPhoto, match="too blurred"):
            action()
    assert vault.verify("Ann", photo(1, 2)).same
    vault.close()


def test_who_insists_enrols_a_poor_photo_and_the_row_says_so(place, toy_gate):
    models = ToyModels()
    vault = Vault(place, models, generator="toy", any_quality=True)
    assert vault.enrol("Ann", [photo(POOR), photo(POOR, 1)]).quality == ("blurred", "blurred")
    assert vault.enrol(
        "Bob", [photo(1), Face(photo(1, 1), None, how="aligned already")]
    ).quality == ("good", "unchecked")
    assert vault.verify("Ann", photo(POOR, 2)).same
    assert vault.identify(photo(POOR, 2))[0] == "Ann"
    strict = vault if place == "sqlite://" else toy_vault(place)
    assert [one.quality for one in strict.list()] == [("blurred", "blurred"), ("good", "unchecked")]
    said = [one.picture.info for one in strict.stolen()]
    assert said == [{quality.NOTE: "blurred"}] * 2 + [{quality.NOTE: "good"}, {}]
    vault.close()
    strict.close()


def test_templates_of_an_older_program_are_unchecked(file):
    """So is a template without a note. One that cannot be read, or has an odd note, is unknown."""
    vault = toy_vault(file)
    assert {one.quality for one in vault.list()} == {("unchecked",) * 3, ("unchecked",)}
    picture, info = io.BytesIO(), PngInfo()
    info.add_text(quality.NOTE, "<b>splendid</b>")
    photo(2).save(picture, "PNG", pnginfo=info)
    change(
        file,
        "UPDATE ndcb_templates SET png = ?, sha256 = ? WHERE name = 'Bob'",
        picture.getvalue(),
        hashlib.sha256(picture.getvalue()).hexdigest(),
    )
    change(file, "UPDATE ndcb_templates SET png = x'00' WHERE name = 'Cem'")
    assert [one.quality for one in vault.list()[1:]] == [("unknown",), ("unknown",)]


def test_the_gate_costs_no_pass_of_the_recogniser(toy_gate):
    distorter = toy()
    vault = toy_vault("sqlite://", distorter)
    vault.enrol("Ann", [photo(1)])
    assert distorter.recogniser.pictures == 2  # F(X) and F(T)
    vault.verify("Ann", photo(1, 1))
    vault.verify("Ann", photo(1, 2))
    assert distorter.recogniser.pictures == 2 + 1 + 1  # F(T) is kept


def test_a_search_says_what_it_was_compared_with(shared_place):
    old, new = toy("old", "left"), toy("new", "right")
    both = Vault(shared_place, ToyModels(old, new), generator="old")
    both.enrol("Ann", [photo(1), photo(1, 1)])
    both.enrol("Bob", [photo(2)])
    both.generator = "new"
    both.enrol("Cem", [photo(3)])
    assert both.identify(photo(1, 2))[1].compared == (("new", 1), ("old", 3))
    assert toy_vault(shared_place, new).identify(photo(1, 2))[1].compared == (("new", 1),)
    assert both.verify("Ann", photo(1, 2)).compared == (("old", 2),)
    both.close()


def test_an_enrolled_name_is_not_given_away(place):
    vault = toy_vault(place)
    vault.enrol("Ann", [photo(1)])
    for again in ("Ann", "ANN", " ann "):
        with pytest.raises(
            UserError, match="enrolled already. Revoke that name first, or choose another"
        ):
            vault.enrol(again, [photo(2)])
    assert not vault.verify("Ann", photo(2)).same
    assert len(vault.stolen()) == 1
    vault.close()


@pytest.mark.parametrize(
    "given, stored, also",
    [
        ("  Ann   Lee ", "Ann Lee", "ann lee"),
        ("Zoe\u0301", "Zo\u00e9", "ZO\u00c9"),
        ("Straße", "Straße", "STRASSE"),
        ("李小龍", "李小龍", "李小龍"),
        ("x" * 64, "x" * 64, "X" * 64),
        ("<b>Ann</b>", "<b>Ann</b>", "<B>ann</B>"),
        ("'; DROP TABLE t; --", "'; DROP TABLE t; --", "'; drop table T; --"),
        ("👩🏽", "👩🏽", "👩🏽"),
        ("%", "%", "%"),
        ("\u1f80", "\u1f80", "\u1f88"),
        ("ﬃ", "ﬃ", "FFI"),
    ],
)
def test_names_are_kept_and_compared_as_people_mean_them(place, given, stored, also):
    vault = toy_vault(place)
    vault.enrol(given, [photo(1)])
    assert vault.list()[0].name == stored == vault.identify(photo(1))[0]
    assert vault.verify(also, photo(1)).same
    with pytest.raises(UserError):
        vault.verify("_", photo(1))
    assert vault.revoke(also) == 1
    vault.close()


@pytest.mark.parametrize("name", ["", "x" * 65, "a\nb", "\u202eAnn", "\ud800", "\u3164"])
def test_names_that_are_none(place, name):
    vault = toy_vault(place)
    for action in (
        lambda: vault.enrol(name, [photo(1)]),
        lambda: vault.verify(name, photo(1)),
        lambda: vault.revoke(name),
    ):
        with pytest.raises(UserError, match="^A name (has|cannot|needs)"):
            action()
    vault.close()


class AgainstADict(RuleBasedStateMachine):
    """Any sequence of calls does what a dict would."""

    names = st.sampled_from(["Ann", "ann", " ANN", "Bob", "bob ", "Zoé", "zoe\u0301"])
    people = st.integers(0, 4)

    def __init__(self):
        super().__init__()
        self.vault = toy_vault("sqlite://")
        self.model: dict[str, tuple[str, list[int]]] = {}

    @rule(name=names, people=st.lists(people, min_size=1, max_size=3), blank=st.booleans())
    def enrol(self, name, people, blank):
        photos = [photo(person, 10 + number) for number, person in enumerate(people)] + [
            NOBODY
        ] * blank
        if person_of(clean_name(name)) in self.model or blank or len(set(people)) > 1:
            with pytest.raises(UserError):
                self.vault.enrol(name, photos)
        else:
            assert self.vault.enrol(name, photos).templates == len(people)
            self.model[person_of(clean_name(name))] = clean_name(name), people

    @rule(name=names, person=people, shot=st.integers(0, 3))
    def verify(self, name, person, shot):
        _, people = self.model.get(person_of(clean_name(name)), (None, None))
        if people is None:
            with pytest.raises(UserError, match="Nobody"):
                self.vault.verify(name, photo(person, shot))
        else:
            assert self.vault.verify(name, photo(person, shot)).same is (person in people)

    @rule(person=people, shot=st.integers(0, 3))
    def identify(self, person, shot):
        if self.model:
            owners = {name for name, people in self.model.values() if person in people}
            found, match = self.vault.identify(photo(person, shot))
            assert found in owners if owners else found is None and not match.same

    @rule(name=names)
    def revoke(self, name):
        known = self.model.pop(person_of(clean_name(name)), None)
        if known:
            assert self.vault.revoke(name) == len(known[1])
        else:
            with pytest.raises(UserError, match="Nobody"):
                self.vault.revoke(name)

    @invariant()
    def the_list_is_the_model(self):
        assert sorted((one.name, one.templates) for one in self.vault.list()) == sorted(
            (name, len(p)) for name, p in self.model.values()
        )

    def teardown(self):
        self.vault.close()


TestAgainstADict = AgainstADict.TestCase
TestAgainstADict.settings = settings(
    max_examples=30, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)


def test_templates_are_embedded_once(tmp_path):
    distorter = toy()
    vault = toy_vault(tmp_path / "vault.sqlite", distorter)
    for person in range(40):  # more than one chunk
        vault.enrol(str(person), [photo(person)])
    counts = []
    for _ in range(2):
        distorter.recogniser.pictures = 0
        assert vault.identify(photo(33, 1))[0] == "33"
        counts.append(distorter.recogniser.pictures)
    assert counts == [1, 1]
    vault.revoke("33")
    assert vault.identify(photo(33, 1))[0] is None
    assert len(vault._embeddings._kept) == 39
    vault.enrol("33", [photo(34)])
    assert not vault.verify("33", photo(33)).same  # a new row, not the old embedding


def test_the_memory_of_embeddings_is_bounded():
    kept = Embeddings(3)
    rows = [Row(n, "p", 1, "n", "s", "g", "r", "t") for n in range(6)]
    for row in rows:
        kept.add({row: torch.full((2,), float(row.id))})
    found = {row.id: kept.get(row) for row in rows if kept.get(row) is not None}
    assert len(found) == 3
    assert {0, 1} <= set(found)
    assert all(float(value[0]) == id for id, value in found.items())
    kept.keep_only(rows[1:])
    assert kept.get(rows[0]) is None
    assert kept.get(rows[1]) is not None


def test_two_recognisers_in_one_vault_are_never_compared(shared_place):
    """The recogniser `right` turns every embedding round, so a distance across both is wrong."""
    old, new = toy("old", "left", 1), toy("new", "right", -1, threshold=0.3)
    toy_vault(shared_place, old).enrol("Ann", [photo(1)])
    both = Vault(shared_place, ToyModels(old, new), generator="new")
    both.enrol("Bob", [photo(2)])
    assert both.verify("Ann", photo(1, 1)).threshold == THRESHOLD
    assert both.verify("Ann", photo(1, 1)).same
    assert [both.identify(photo(person, 3))[0] for person in (1, 2, 3)] == ["Ann", "Bob", None]
    assert [(one.name, one.generator, one.recogniser) for one in both.list()] == [
        ("Ann", "old", "left"),
        ("Bob", "new", "right"),
    ]
    alone = toy_vault(shared_place, new)
    name, match = alone.identify(photo(2, 3))
    assert name == "Bob"
    assert match.skipped == (
        "Template 1 of 'Ann' cannot be compared: unknown checkpoint 'old'; there are: new",
    )
    with pytest.raises(
        UserError, match="Template 1 of 'Ann' cannot be compared: unknown checkpoint 'old'"
    ):
        alone.verify("Ann", photo(1))
    changed = toy_vault(shared_place, toy("old", "right", -1))
    with pytest.raises(
        UserError,
        match=(
            "made for the recogniser 'left', and generator 'old' has 'right' now. Revoke the name"
        ),
    ):
        changed.verify("Ann", photo(1))
    assert [len(one.damaged) for one in changed.list()] == [1, 1]


def test_a_generator_for_another_kind_of_picture(tmp_path):
    digits = toy("digits", "digits")
    digits.recogniser.image_shape = (1, 28, 28)
    vault = Vault(tmp_path / "vault.sqlite", ToyModels(toy(), digits), generator="digits")
    with pytest.raises(
        UserError, match="'digits' needs a picture of 28x28 pixels L; this one has 32x32 RGB"
    ):
        vault.enrol("Ann", [photo(1)])
    assert vault.list() == []


BAD_SIZE = io.BytesIO()
Image.new("RGB", (SIDE, SIDE + 1)).save(BAD_SIZE, "PNG")
BAD_SIZE = BAD_SIZE.getvalue()
DAMAGE = {
    "text instead of a picture": (
        "UPDATE ndcb_templates SET png = 'garbage' WHERE name = 'Bob'",
        (),
        "Its picture is damaged",
    ),
    "no picture": (
        "UPDATE ndcb_templates SET png = ? WHERE name = 'Bob'",
        (b"",),
        "Its picture is damaged",
    ),
    "cut off": (
        "UPDATE ndcb_templates SET png = substr(png, 1, 300) WHERE name = 'Bob'",
        (),
        "Its picture is damaged",
    ),
    "no PNG": (
        "UPDATE ndcb_templates SET png = ?, sha256 = ? WHERE name = 'Bob'",
        (b"GIF89a", hashlib.sha256(b"GIF89a").hexdigest()),
        "Its picture is damaged",
    ),
    "wrong size": (
        "UPDATE ndcb_templates SET png = ?, sha256 = ? WHERE name = 'Bob'",
        (BAD_SIZE, hashlib.sha256(BAD_SIZE).hexdigest()),
        "32x32 pixels RGB; this one has 32x33 RGB",
    ),
    "unknown generator": (
        "UPDATE ndcb_templates SET generator = 'lost' WHERE name = 'Bob'",
        (),
        "unknown checkpoint 'lost'",
    ),
    "a path": (
        "UPDATE ndcb_templates SET generator = '/etc/toy' WHERE name = 'Bob'",
        (),
        "unknown checkpoint '/etc/toy'",
    ),
    "a number": (
        "UPDATE ndcb_templates SET generator = ? WHERE name = 'Bob'",
        (b"\xff\xfe",),
        "unknown checkpoint",
    ),
    "another recogniser": (
        "UPDATE ndcb_templates SET recogniser = 'x' WHERE name = 'Bob'",
        (),
        "made for the recogniser 'x'",
    ),
    "a name that is no UTF-8": (
        "UPDATE ndcb_templates SET name = CAST(x'ff426f62' AS TEXT) WHERE name = 'Bob'",
        (),
        "name is damaged",
    ),
    "another name": (
        "UPDATE ndcb_templates SET name = 'Eve' WHERE name = 'Bob'",
        (),
        "name is damaged",
    ),
    "another digest of the name": (
        "UPDATE ndcb_templates SET person = 'x' WHERE name = 'Bob'",
        (),
        "name is damaged",
    ),
}


@pytest.mark.parametrize("statement, values, reason", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_row_is_named_and_harms_nobody_else(file, statement, values, reason):
    change(file, statement, *values)
    vault = toy_vault(file)
    assert vault.verify("Ann", photo(1, 5)).same
    assert vault.identify(photo(3, 5))[0] == "Cem"
    name, match = vault.identify(photo(2, 5))
    assert name is None
    assert len(match.skipped) == 1
    assert reason in match.skipped[0]
    damaged = [one for one in vault.list() if one.damaged]
    assert len(vault.list()) == 3
    assert len(damaged) == 1
    assert reason in damaged[0].damaged[0]
    assert damaged[0].name in damaged[0].damaged[0]
    with pytest.raises(
        UserError,
        match="Nobody" if "person" in statement else "Template 1 of .* cannot be compared",
    ):
        vault.verify("Bob", photo(2))
    assert len(vault.stolen()) == 5
    assert vault.revoke(damaged[0].name) == 1
    assert [one.name for one in vault.list()] == ["Ann", "Cem"]


def test_one_damaged_template_of_three_is_skipped_and_said(file):
    change(file, "UPDATE ndcb_templates SET png = x'00' WHERE name = 'Ann' AND number = 2")
    change(file, "UPDATE ndcb_templates SET time = 'yesterday' WHERE name = 'Ann'")
    vault = toy_vault(file)
    match = vault.verify("Ann", photo(1, 5))
    assert match.same
    assert len(match.skipped) == 1
    assert match.skipped[0].startswith("Template 2 of 'Ann' cannot be compared: Its picture")
    assert vault.list()[0].templates == 3
    assert len(vault.list()[0].damaged) == 1
    with pytest.raises(UserError, match="damaged"):
        [one.picture for one in vault.stolen()]


@pytest.mark.parametrize("seed", range(25))
def test_a_file_damaged_anywhere_is_answered_in_words(file, seed):
    """Bytes turned to noise at random: a right answer or a sentence, nothing else."""
    chance = random.Random(seed)
    data = bytearray(file.read_bytes())
    for _ in range(chance.choice([1, 5, 40])):
        start = chance.randrange(len(data))
        data[start : start + 64] = chance.randbytes(min(64, len(data) - start))
    file.write_bytes(data)
    vault = toy_vault(file)
    answers = [
        result_of(action)
        for action in (
            lambda: vault.verify("Ann", photo(2)).same,
            lambda: vault.identify(photo(2, 2))[0],
            vault.list,
            vault.stolen,
            lambda: vault.enrol("Eve", [photo(4)]),
            lambda: vault.revoke("Cem"),
        )
    ]
    assert answers[0] is not True
    assert answers[1] not in ("Ann", "Cem", "Eve")
    assert not any("sqlite" in str(answer).lower() for answer in answers if isinstance(answer, str))


@pytest.mark.parametrize(
    "content",
    [b"this is a letter, not a database. " * 200, b"SQLite format 3\0" + bytes(200), b"hello"],
)
def test_a_file_that_is_no_database(tmp_path, content):
    path = tmp_path / "letter.txt"
    path.write_bytes(content)
    for action in (
        lambda vault: vault.list(),
        lambda vault: vault.enrol("Ann", [photo(1)]),
        lambda vault: vault.verify("Ann", photo(1)),
        lambda vault: vault.revoke("Ann"),
    ):
        with pytest.raises(UserError) as error:
            action(toy_vault(path))
        assert in_words(error)
        assert "letter.txt" not in str(error.value)
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "nonsense://x",
        "http://example.org/vault",
        "sqlite://host/file",
        "postgresql://u:secret@h:port/x",
        "postgres://u:secret@h:port/x",
        "sqlite+aiosqlite:///x",
        "mysql+nodriver://u:secret@h/x",
        "://",
    ],
)
def test_an_address_that_is_none(bad):
    with pytest.raises(UserError, match="address cannot be used") as error:
        toy_vault(bad)
    assert in_words(error)


@pytest.mark.parametrize(
    "bad, sentence",
    [
        ("sqlite:///x.sqlite?timeout=blue", "address cannot be used"),
        ("{tmp}/no/such/folder/vault.sqlite", "cannot be opened"),
        ("{tmp}", "cannot be opened"),
        ("postgresql://u:secret@127.0.0.1:1/x", "does not answer"),
        ("{tmp}/a\0b", "address cannot be used"),
        ("postgresql://u:secret@/x?host={tmp}", "does not answer"),
        ("postgresql://u:secret@127.0.0.1:99999999/x", "does not answer"),
    ],
)
def test_a_place_that_cannot_be_opened(tmp_path, monkeypatch, bad, sentence):
    monkeypatch.chdir(tmp_path)
    pytest.importorskip("psycopg")
    with pytest.raises(UserError, match=sentence) as error:
        toy_vault(bad.format(tmp=tmp_path)).list()
    assert "secret" not in str(error.value)
    assert str(tmp_path) not in str(error.value)


def test_a_server_says_no(postgres):
    for bad in (
        postgres.replace("/postgres?", "/nowhere?"),
        postgres.replace("ndcb@", "eve:secret@"),
    ):
        with pytest.raises(UserError, match="does not answer or refuses") as error:
            toy_vault(bad).list()
        assert in_words(error)


def test_a_server_that_lets_nobody_write(postgres):
    vault = toy_vault(postgres)
    vault.enrol("Ann", [photo(1)])
    read_only = toy_vault(f"{postgres}&options=-cdefault_transaction_read_only%3Don")
    assert read_only.verify("Ann", photo(1, 1)).same
    with pytest.raises(UserError, match="cannot be written") as error:
        read_only.enrol("Bob", [photo(2)])
    assert in_words(error)
    assert [one.name for one in vault.list()] == ["Ann"]
    vault.close()
    read_only.close()


def test_a_server_that_was_started_again_is_found_again(postgres):
    vault = toy_vault(postgres)
    vault.enrol("Ann", [photo(1)])
    with vault.database.begin() as connection:
        own = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
    killer = toy_vault(postgres)
    with killer.database.begin() as connection:
        connection.exec_driver_sql(f"SELECT pg_terminate_backend({own})")
    assert vault.verify("Ann", photo(1, 1)).same
    vault.close()
    killer.close()


def test_another_version_is_refused(shared_place):
    vault = toy_vault(shared_place)
    vault.enrol("Ann", [photo(1)])
    with vault.database.begin() as connection:
        connection.exec_driver_sql("UPDATE ndcb_vault SET version = 7")
    vault.close()
    for action in (
        lambda v: v.list(),
        lambda v: v.enrol("Bob", [photo(2)]),
        lambda v: v.revoke("Ann"),
    ):
        with pytest.raises(UserError, match="has version 7; this program needs version 1") as error:
            action(toy_vault(shared_place))
        assert in_words(error)


def test_a_database_of_another_program(tmp_path, file):
    path = tmp_path / "other.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE ndcb_vault (colour TEXT)")
    connection.close()
    with pytest.raises(UserError, match="cannot be used as a vault") as error:
        toy_vault(path).list()
    assert in_words(error)
    change(file, "DELETE FROM ndcb_vault")
    with pytest.raises(UserError, match="has version None"):
        toy_vault(file).list()


def test_a_new_file_is_for_its_owner_alone(file):
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_two_vaults_in_memory_do_not_meet():
    one, two = toy_vault("sqlite://"), toy_vault("sqlite://")
    one.enrol("Ann", [photo(1)])
    assert two.list() == []
    one.close()
    assert one.list() == []


# --- several writers, and writers that die


class Meeting(ToyModels):
    """Lets nobody go on with an enrolment before all have found the name free."""

    def __init__(self, number: int):
        super().__init__()
        self.barrier = threading.Barrier(number)

    def find(self, source, aligned=False):
        self.barrier.wait(300)
        return super().find(source)


def result_of(action):
    try:
        return action()
    except UserError as error:
        return str(error)


@pytest.mark.parametrize("shared", [False, True], ids=["a vault each", "one vault"])
def test_of_threads_that_enrol_one_name_one_wins(place, shared):
    models = Meeting(6)
    vaults = (
        [Vault(place, models, generator="toy")] * 6
        if shared or place == "sqlite://"
        else [Vault(place, models, generator="toy") for _ in range(6)]
    )

    def enrol(n):
        return result_of(
            lambda: vaults[n].enrol(["Ann", "ANN"][n % 2], [Face(photo(n), None), photo(n)])
        )

    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(enrol, range(6)))
    winners = [n for n, result in enumerate(results) if not isinstance(result, str)]
    assert len(winners) == 1
    assert all("enrolled already" in result for result in results if isinstance(result, str))
    assert vaults[0].list()[0].templates == 2
    assert vaults[0].verify("ann", Face(photo(winners[0], 3), None)).same
    for vault in vaults:
        vault.close()


def test_threads_do_everything_at_once(place):
    """Eight threads use names of their own, at first without any tables."""
    shared = toy_vault(place)
    vaults = [shared if place == "sqlite://" or n % 2 else toy_vault(place) for n in range(8)]

    def live(n):
        for turn in range(4):
            vaults[n].enrol(f"n{n}-{turn}", [photo(n), photo(n, 1)])
            assert vaults[n].verify(f"n{n}-{turn}", photo(n, 5)).same
            assert vaults[n].identify(photo(n, 6))[0].startswith(f"n{n}-")
            vaults[n].list()
            if turn < 3:
                vaults[n].revoke(f"n{n}-{turn}")
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(live, range(8)))
    assert [(one.name, one.templates, one.damaged) for one in shared.list()] == [
        (f"n{n}-3", 2, ()) for n in range(8)
    ]
    for vault in vaults:
        vault.close()


class Waiting(ToyModels):
    """For a child process: says when it is in the middle, and goes on when it is told to."""

    def find(self, source, aligned=False):
        print("ready", flush=True)
        sys.stdin.readline()
        return super().find(source)


def child_enrols(place: str, number: int) -> None:
    waiting = Vault(place, Waiting(), generator="toy")
    result = result_of(lambda: f"won {waiting.enrol('Ann', [photo(number)]).templates}")
    print(result, flush=True)
    vault = toy_vault(place)
    for turn in range(12):
        vault.enrol(f"{number}-{turn}", [photo(number), photo(number, 1)])
        vault.verify(f"{number}-{turn}", photo(number, 2))
        if turn % 2:
            vault.revoke(f"{number}-{turn}")


def child_dies_inside(place: str) -> None:
    """Half a megabyte is written, and everything stops before the commit.

    There is next to no cache, so that SQLite must touch its file.
    """
    vault = toy_vault(place)
    vault.list()
    engine, make = vault.database.engine, TemplateMaker.png
    TemplateMaker.png = lambda *arguments: make(*arguments) + os.urandom(100_000)
    if engine.dialect.name == "sqlite":
        event.listen(
            engine, "checkout", lambda connection, *_: connection.execute("PRAGMA cache_size = 1")
        )

    @event.listens_for(engine, "after_cursor_execute")
    def stop(connection, cursor, statement, *_):
        if statement.startswith("INSERT"):
            print("inside", flush=True)
            sys.stdin.read()

    vault.enrol("Eve", [photo(4, shot) for shot in range(5)])


def child_has_no_room(place: str) -> None:
    """A limit on the size of files stands in for a full disk."""
    vault = toy_vault(place)
    size = os.path.getsize(place)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    print(result_of(lambda: vault.enrol("Eve", [photo(4, shot) for shot in range(5)])))
    print(vault.verify("Ann", photo(1, 4)).same, [one.name for one in vault.list()])
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print(result_of(lambda: vault.enrol("Eve", [photo(4)]).templates))


def child_may_only_read(place: str) -> None:
    if os.geteuid() == 0:
        os.setegid(65534)
        os.seteuid(65534)
    vault = toy_vault(place)
    print(
        vault.verify("Ann", photo(1, 4)).same,
        vault.identify(photo(2, 4))[0],
        [one.name for one in vault.list()],
    )
    print(result_of(lambda: vault.enrol("Eve", [photo(4)])))
    print(result_of(lambda: vault.revoke("Ann")))
    print(
        result_of(lambda: toy_vault(Path(place).with_name("new.sqlite")).enrol("Eve", [photo(4)]))
    )


def start(function: str, *arguments) -> children.Child:
    return children.start(globals()[function], *arguments)


def test_two_processes_write_one_vault(shared_place):
    children = [start("child_enrols", str(shared_place), number) for number in (1, 2)]
    assert [child.stdout.readline() for child in children] == ["ready\n"] * 2
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    said = sorted(child.communicate(timeout=400)[0].strip() for child in children)
    assert said == [
        "'Ann' is enrolled already. Revoke that name first, or choose another one.",
        "won 1",
    ]
    assert [child.returncode for child in children] == [0, 0]
    vault = toy_vault(shared_place)
    names = {(one.name, one.templates) for one in vault.list()}
    assert names == {("Ann", 1)} | {
        (f"{number}-{turn}", 2) for number in (1, 2) for turn in range(0, 12, 2)
    }
    assert not any(one.damaged for one in vault.list())
    vault.close()


def test_an_enrolment_that_is_killed_leaves_nothing(shared_place):
    vault = toy_vault(shared_place)
    vault.enrol("Ann", [photo(1)])
    before = os.path.getsize(shared_place) if isinstance(shared_place, Path) else 0
    child = start("child_dies_inside", str(shared_place))
    assert child.stdout.readline() == "inside\n"
    if isinstance(shared_place, Path):  # it is half written, and only the journal knows
        assert os.path.getsize(shared_place) > before + 200_000
        assert Path(f"{shared_place}-journal").exists()
    child.kill()
    child.wait(300)
    assert vault.verify("Ann", photo(1, 1)).same
    assert vault.identify(photo(4))[0] is None
    assert [one.name for one in vault.list()] == ["Ann"]
    assert len(vault.stolen()) == 1
    assert vault.enrol("Eve", [photo(4)]).templates == 1
    vault.close()


def test_a_full_disk_loses_nothing(file):
    said = start("child_has_no_room", str(file)).communicate(timeout=400)[0].splitlines()
    assert "nothing was changed. Check the disk and its free space" in said[0]
    assert said[1:] == ["True ['Ann', 'Bob', 'Cem']", "1"]


def test_a_full_database_loses_nothing(file):
    vault = toy_vault(file)
    event.listen(
        vault.database.engine,
        "connect",
        lambda connection, _: connection.execute("PRAGMA max_page_count = 1"),
    )
    with pytest.raises(
        UserError, match="disk is full; nothing was changed. Free some space"
    ) as error:
        vault.enrol("Eve", [photo(4, shot) for shot in range(5)])
    assert in_words(error)
    assert len(vault.list()) == 3
    assert vault.revoke("Ann") == 3
    assert vault.enrol("Eve", [photo(4)]).templates == 1


def test_what_may_only_be_read_can_still_be_matched(file):
    folder = Path(tempfile.mkdtemp())
    shutil.copy(file, folder / "vault.sqlite")
    (folder / "vault.sqlite").chmod(0o444)
    folder.chmod(0o555)
    try:
        said = (
            start("child_may_only_read", str(folder / "vault.sqlite"))
            .communicate(timeout=400)[0]
            .splitlines()
        )
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)
    assert said[0] == "True Bob ['Ann', 'Bob', 'Cem']"
    assert all("cannot be written; nothing was changed" in line for line in said[1:3])
    assert "cannot be opened. Check that its folder is there" in said[3]


def test_a_vault_that_somebody_holds_is_in_use(file, monkeypatch):
    monkeypatch.setattr("ndcb.vault.engines.WAIT_SECONDS", 0.2)
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    vault = toy_vault(file)
    assert vault.verify("Ann", photo(1, 1)).same
    with pytest.raises(UserError, match="in use by another program. Try once more"):
        vault.enrol("Eve", [photo(4)])
    holder.execute("ROLLBACK")
    assert vault.enrol("Eve", [photo(4)]).templates == 1


# --- what a thief and a log see


def share_in(data: bytes, raw: bytes, length: int = 16) -> float:
    """The share of the pieces of `data` that occur in `raw`.

    SQLite cuts what is long into pages, hence pieces. Those of an even area, which occur
    everywhere, are left out.
    """
    pieces = [data[start : start + length] for start in range(0, len(data) - length + 1, length)]
    telling = [piece for piece in pieces if len(set(piece)) > length / 2]
    assert len(telling) > 10
    return sum(piece in raw for piece in telling) / len(telling)


@pytest.mark.slow
def test_neither_photo_nor_embedding_is_in_the_file(tmp_path, astronaut, models):
    """With the real models, the file holds bytes of the template, none of the photo or F(X)."""
    models.distorter(DEFAULT_FACES)
    path = tmp_path / "vault.sqlite"
    vault = Vault(path, models)
    original = tmp_path / "portrait.png"
    astronaut.save(original)
    vault.enrol("Eileen", [original])
    match = vault.verify("EILEEN", astronaut.resize((400, 400)))
    assert match.same
    assert match.threshold == models.distorter(DEFAULT_FACES).generator.record["threshold"]
    assert vault.identify(astronaut)[0] == "Eileen"
    assert not vault.verify(
        "Eileen", Face(Image.new("RGB", (112, 112), "grey"), None, how="aligned already")
    ).same

    raw = path.read_bytes()
    face = models.find(astronaut)[0].upright
    embedding = models.distorter(DEFAULT_FACES).embed([face])[0].numpy()
    [stolen] = vault.stolen()
    own = models.distorter(DEFAULT_FACES).embed([stolen.picture])[0].numpy()
    face_png = io.BytesIO()
    face.save(face_png, "PNG")
    pngs = vault.database.pngs(vault.database.rows())
    [kept] = vault.database.kept([*pngs]).values()
    assert share_in(kept.embedding, raw) > 0.9
    half = torch.from_numpy(own - np.frombuffer(kept.embedding, "<f2")).norm()
    assert float(half) < 5e-4  # F(T) is there, which follows from T
    secrets = {
        "photo": original.read_bytes()[60:],
        "pixels": astronaut.tobytes(),
        "face": face_png.getvalue()[60:],
        "face's pixels": face.tobytes(),
    }
    for kind in ("<f2", "<f4", "<f8", ">f2", ">f4", ">f8"):
        secrets[f"F(X) as {kind}"] = embedding.astype(kind).tobytes()
    assert {name: share_in(secret, raw) for name, secret in secrets.items()} == dict.fromkeys(
        secrets, 0
    )
    assert share_in(stolen.png, raw) > 0.95
    assert share_in(secrets["F(X) as <f4"], raw + secrets["F(X) as <f4"]) == 1
    expected = models.distorter(DEFAULT_FACES).distort(face).template
    assert np.array_equal(np.asarray(stolen.picture), np.asarray(expected))
    assert stolen.picture.size == (112, 112)

    vault.revoke("Eileen")
    vault.close()
    raw = path.read_bytes()
    assert share_in(stolen.png, raw) == 0
    assert share_in(kept.embedding, raw) == 0
    assert b"Eileen" not in raw
    assert [left.name for left in tmp_path.iterdir() if left != original] == ["vault.sqlite"]


def test_no_log_holds_a_score_a_name_or_a_picture(file, caplog):
    caplog.set_level(logging.DEBUG)
    logging.getLogger("sqlalchemy.engine").setLevel(logging.INFO)
    try:
        vault = toy_vault(file)
        vault.enrol("Eve", [photo(4)])
        match = vault.verify("Ann", photo(1, 5))
        vault.identify(photo(2, 5))
    finally:
        logging.getLogger("sqlalchemy.engine").setLevel(logging.NOTSET)
    assert "INSERT" in caplog.text
    assert str(match.squared_distance)[:6] not in caplog.text
    assert "Eve" not in caplog.text
    assert "PNG" not in caplog.text
    assert not any(record.name.startswith("ndcb") for record in caplog.records)


def test_an_error_keeps_its_values_to_itself(file):
    """Even the cause that a log would show has neither name nor picture."""
    vault = toy_vault(file)
    event.listen(
        vault.database.engine,
        "connect",
        lambda connection, _: connection.execute("PRAGMA query_only = ON"),
    )
    with pytest.raises(UserError, match="cannot be written") as error:
        vault.enrol("Eve", [photo(4)])
    assert "Eve" not in str(error.value.__cause__)
    assert "PNG" not in str(error.value.__cause__)
