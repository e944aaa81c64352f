"""The quality gate: with weights known by hand, as it is committed, and fitted anew."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from ndcb.core.terms import BadCheckpoint, Face, NoFaceFound, PoorPhoto
from ndcb.faces import lfw
from ndcb.faces.images import read_picture
from ndcb.models import checkpoints, quality
from ndcb.models.operating_points import operating_point
from ndcb.models.quality import GOOD, SENTENCES, UNCHECKED, Gate, load_gate, read_gate
from ndcb.models.recognisers import load_recogniser
from ndcb.results import studies
from ndcb.vault.enrolment import ONE_PERSON
from ndcb.vault.vault import Vault
from training.quality import fitting, judging, seen_photos, strangers
from training.quality import gate as training
from training.quality import report as quality_report
from training.quality.poor_photos import CHANGES, TAUGHT, UNTOUCHED, blurred, brightened

GATE = Gate(
    "toy", ("blurred", "dark"), torch.tensor([[2.0, 0], [0, 3]]), torch.tensor([-1.0, -1]), 0.5
)
COMMITTED = tuple(training.GENERATORS)
"""The recognisers whose gates are committed."""


def figures(recogniser: str) -> dict:
    """What the committed file of a recogniser's gate holds."""
    return json.loads((checkpoints.FOLDER / quality.FOLDER / f"{recogniser}.json").read_text())


@pytest.mark.parametrize(
    "embedding, said",
    [((0.7, 0.0), GOOD), ((0.8, 0.0), "blurred"), ((0.8, 0.9), "dark"), ((0.75, 0.5), GOOD)],
)
def test_the_largest_score_over_the_limit_decides(embedding, said):
    """2 * 0.75 - 1 is the limit itself, which is not over it."""
    assert GATE.verdict(torch.tensor(embedding)) == said


def test_scores_counted_by_hand():
    scores = GATE.scores(torch.tensor([[1.0, 0], [0, 1]]))
    torch.testing.assert_close(scores, torch.tensor([[1.0, -1], [-1, 2]]))


@pytest.fixture
def toy_gate(tmp_path, monkeypatch):
    """The gate above in a file in the checkpoints' place; what it holds can be changed."""
    monkeypatch.setattr(checkpoints, "FOLDER", tmp_path)
    (tmp_path / quality.FOLDER).mkdir()
    kept = {
        "recogniser": "toy",
        "kinds": list(GATE.kinds),
        "weights": GATE.weights.tolist(),
        "offsets": GATE.offsets.tolist(),
        "limit": GATE.limit,
    }

    def write(name: str = "toy", **changed) -> None:
        file = tmp_path / quality.FOLDER / f"{name}.json"
        file.write_text(json.dumps({"gate": kept | changed}))
        read_gate.cache_clear()

    write()
    yield write
    read_gate.cache_clear()


def face(how: str = "detected") -> Face:
    return Face(Image.new("RGB", (160, 160)), None, how=how)


def test_each_recogniser_has_its_own_gate(toy_gate):
    """The other's gate calls good what the first calls blurred."""
    poor = torch.tensor([1.0, 0])
    toy_gate("other", recogniser="other", limit=2.0)
    assert quality.gated() == ["other", "toy"]
    assert quality.verdict(face(), poor, "toy") == "blurred"
    assert quality.verdict(face(), poor, "other") == GOOD
    toy_gate("other", limit=2.0)  # the file of one name with the gate of another
    with pytest.raises(BadCheckpoint, match="cannot be read"):
        quality.verdict(face(), poor, "other")


@pytest.mark.parametrize(
    "name",
    ["../elsewhere", "{folder}/elsewhere", "quality/toy", "toy.json", "toy/", "TOY", "", ".", "..",
     "*", "to?", "toy\0", "x" * 5000, "../quality/toy", None, 3, ["toy"], {"toy": 1}],
    ids=lambda name: repr(name)[:20],
)  # fmt: skip
def test_a_name_from_a_record_leads_into_no_other_file(toy_gate, tmp_path, monkeypatch, name):
    """A gate that refuses every photo lies beside the folder; nobody reaches it."""
    toy_gate("../elsewhere", limit=-9.0)
    name = name.format(folder=tmp_path) if isinstance(name, str) else name
    read = []
    monkeypatch.setattr(quality, "read_gate", read.append)
    assert quality.verdict(face(), torch.tensor([1.0, 0]), name) == UNCHECKED
    assert quality.file_of(name) is None and read == []


def test_only_photos_and_only_the_recogniser_it_knows(toy_gate):
    poor = torch.tensor([1.0, 0])
    assert quality.verdict(face(), poor, "toy") == "blurred"
    assert quality.verdict(face("centre crop"), poor, "toy") == "blurred"
    assert quality.verdict(face(), -poor, "toy") == GOOD == quality.check(face(), -poor, "toy")
    for unasked in ((face(), "another"), (face("aligned already"), "toy"), (face("drawn"), "toy")):
        assert quality.check(unasked[0], poor, unasked[1]) == UNCHECKED
    with pytest.raises(PoorPhoto, match="too blurred. Hold the camera still"):
        quality.check(face(), poor, "toy")


@pytest.mark.parametrize(
    "changed",
    [
        {"kinds": ["blurred"]},
        {"kinds": ["blurred", "ugly"]},
        {"offsets": [1.0]},
        {"weights": [[1.0, float("nan")], [0, 1]]},
        {"weights": "none"},
        {"limit": None},
        {"limit": float("nan")},
        {"offsets": [0.0, float("inf")]},
    ],
    ids=str,
)
def test_a_damaged_file_lets_no_photo_pass(toy_gate, changed):
    toy_gate(**changed)
    with pytest.raises(BadCheckpoint, match="python -m training quality"):
        quality.verdict(face(), torch.zeros(2), "toy")
    assert quality.verdict(face("drawn"), torch.zeros(2), "toy") == UNCHECKED


def test_a_missing_file_lets_no_photo_pass(toy_gate, tmp_path):
    (tmp_path / quality.FOLDER / "toy.json").unlink()
    with pytest.raises(BadCheckpoint, match="cannot be read. Bring back"):
        quality.verdict(face(), torch.zeros(2), "toy")


def test_each_sentence_says_what_is_wrong_and_what_to_do():
    assert set(TAUGHT.values()) == set(SENTENCES)
    for sentence in SENTENCES.values():
        assert sentence.startswith("The face is ") or sentence.startswith("The face has ")
        assert sentence.count(".") == 2 and len(sentence) < 120


# as it is committed


def test_every_committed_gate_is_of_a_recogniser_that_is_there():
    assert quality.gated() == sorted(COMMITTED)
    assert [study.recogniser for study in studies.qualities()] == sorted(COMMITTED)


MISSED = {
    "facenet-casia-webface": {"grey", "grainy"},
    "sface": {"blurred", "moved", "compressed", "enlarged"},
}
"""Recogniser -> kinds of change in which its gate misses the goal, as docs/quality.md tells."""


@pytest.mark.parametrize("recogniser", COMMITTED)
def test_what_the_committed_gates_reach(recogniser):
    """Of the figures that were measured: good photos refused, and what poor ones let in."""
    found = figures(recogniser)
    assert all(found["untouched"][part]["refused"] <= 0.01 for part in ("development", "test"))
    assert set(found["changes"]) == set(CHANGES) and found["people"] >= 200
    goal = judging.goal(found["changes"], found["strangers"])
    missed = {kind for kind, worst in goal["kinds"].items() if worst["times"] > judging.ALLOWED}
    assert missed == MISSED[recogniser] and goal["met"] == found["goal"]["met"] == (not missed)


@pytest.mark.parametrize("recogniser", COMMITTED)
def test_the_committed_gate_fits_its_recogniser(recogniser):
    gate = load_gate(recogniser)
    assert gate.recogniser == recogniser and gate.kinds == tuple(TAUGHT.values())
    assert gate.weights.shape == (len(TAUGHT), load_recogniser(recogniser).dimensions)


@pytest.mark.parametrize("recogniser", COMMITTED)
def test_the_figures_are_of_the_committed_generators(recogniser):
    """They name the weights and thresholds that they were measured with, of both logins."""
    every = checkpoints.GENERATORS + checkpoints.SEALED
    generators = figures(recogniser)["generators"]
    names = [name for name in training.GENERATORS[recogniser] if name in checkpoints.names(every)]
    assert [made["name"] for made in generators.values()] == names, (
        "stale; run: python -m training quality"
    )
    for made in generators.values():
        record = checkpoints.record(made["name"], every)
        assert record["recogniser"] == recogniser and record["sha256"] == made["sha256"]
        limits = operating_point(record), operating_point(record, ONE_PERSON)
        measured_at = made["threshold"], made["enrolment"]
        assert measured_at == pytest.approx([limit.threshold for limit in limits], rel=1e-5)


def test_the_page_says_what_was_measured():
    assert quality_report.PAGE.read_text() == quality_report.report(studies.qualities()), (
        "stale; run: python -m training.quality.report"
    )


PORTRAITS = {
    "as it is": (lambda portrait: portrait, GOOD),
    "mirrored": (lambda portrait: portrait.transpose(Image.Transpose.FLIP_LEFT_RIGHT), GOOD),
    "turned and shrunk": (lambda portrait: portrait.rotate(8).resize((300, 300)), GOOD),
    "grey": (lambda portrait: portrait.convert("L"), GOOD),
    "a little blurred": (lambda portrait: blurred(portrait, 1), GOOD),
    "small": (lambda portrait: portrait.resize((120, 120)), GOOD),
    "blurred": (lambda portrait: blurred(portrait, 5), "blurred"),
    "moved": (CHANGES["moved 15 at 20"], "blurred"),
    "dark": (lambda portrait: brightened(portrait, 0.1), "dark"),
    "compressed": (CHANGES["compressed 2"], "compressed"),
    "grainy": (CHANGES["grainy 50"], "grainy"),
}


SEEN_OTHERWISE = {("sface-bottleneck", "small"): "blurred", ("sface-bottleneck", "dark"): GOOD}
"""Where SFace's gate differs: a face of 20 pixels is too little for it, and a dark one it still
tells from others (docs/quality.md: dark photos let in at most twice as many strangers).
"""


@pytest.mark.parametrize("generator", [plain for plain, _ in training.GENERATORS.values()])
@pytest.mark.parametrize("name", PORTRAITS)
def test_the_bundled_portrait(models, astronaut, generator, name):
    change, said = PORTRAITS[name]
    found = models.find(change(astronaut))[0]
    distorter = models.distorter(generator)
    seen = distorter.recognise([found.aligned(distorter.recogniser.alignment)])[0]
    said = SEEN_OTHERWISE.get((generator, name), said)
    assert quality.verdict(found, seen, distorter.generator.record["recogniser"]) == said


SPOILT = {
    "faces-bottleneck": ("blurred 5", "dark 0.1"),
    "sface-bottleneck": ("grainy 50", "moved 21 at 90"),
}
"""Generator -> changes of which its recogniser's gate lets hardly a photo pass."""


@pytest.mark.slow
@pytest.mark.parametrize("generator", SPOILT)
def test_strangers_with_poor_photos_are_neither_enrolled_nor_let_in(models, lfw_root, generator):
    """Sixteen people nothing was trained on: untouched, and made poor in two ways."""
    photos = [only for [only] in lfw.unseen_people(lfw_root, 16)]
    vault = Vault("sqlite://", models, generator=generator)
    changes = [CHANGES[change] for change in SPOILT[generator]]
    enrolled = 0
    for number, photo in enumerate(photos):
        picture = read_picture(photo)
        for change in changes:
            with pytest.raises((PoorPhoto, NoFaceFound)):
                vault.enrol(str(number), [change(picture)])
        enrolled += vault.enrol(str(number), [picture]).quality == (GOOD,)
    with pytest.raises(PoorPhoto):
        vault.verify("0", changes[0](read_picture(photos[0])))
    with pytest.raises(PoorPhoto):
        vault.identify(changes[0](read_picture(photos[1])))
    assert enrolled == len(photos)
    vault.close()


# fitted anew


def test_the_discriminant_tells_kinds_apart():
    """Three clouds: good photos in the corner of a right angle, a kind of poor ones at each end."""
    chooser = np.random.default_rng(0)
    good, blur, dark = (
        np.float32(chooser.normal(centre, 0.3, (200, 2))) for centre in ((0, 0), (3, 0), (0, 3))
    )
    gate = fitting.discriminant(good, {"blurred 4": blur, "dark 0.12": dark}, "toy")
    assert gate.kinds == ("blurred", "dark")
    said = replace(gate, limit=0.0)
    assert [
        said.verdict(torch.tensor(place)) for place in ((0.0, 0.0), (3.0, 0.0), (0.0, 3.0))
    ] == [
        GOOD,
        "blurred",
        "dark",
    ]
    scores = gate.scores(torch.tensor([[1.5, 0.0], [0.0, 1.5]]))
    assert (
        abs(float(scores[0, 0])) < 3 and abs(float(scores[1, 1])) < 3
    )  # half way: either is as likely


def test_rates_counted_by_hand():
    """Four people who all look alike. The third is refused, of the fourth no face is found."""
    same = np.float32([[1, 0], [1, 0], [1, 0], [1, 0]])
    found = np.array([True, True, True, False])
    passes = np.array([True, True, False, True])
    compared = strangers.Compared(same, same)
    rates = judging.rates(compared, 0.5, found, passes)
    assert (rates["accepted"], rates["passing"]) == (1.0, None)
    assert rates["with_gate"] == pytest.approx(2 / 6) and rates["matches"] == 2
    assert rates["low"] < 2 / 6 < rates["high"] <= 1
    apart = strangers.Compared(same, np.float32([[1, 0], [0, 1], [0, 1], [1, 0]]))
    assert judging.rates(apart, 0.5, found, np.ones(4, bool))["accepted"] == pytest.approx(2 / 6)


def test_an_interval_of_people_not_of_pairs():
    """Each of 40 people is matched by all others or by nobody. Draws of people vary as much as
    their number says, and more than as many independent pairs would.
    """
    count = 40
    pairs = judging.pairs_among(np.ones(count, bool))
    matches = pairs & (np.arange(count) < 10)[:, None]
    low, high = judging.interval(matches, pairs)
    deviation = (0.25 * 0.75 / count) ** 0.5
    assert (low, high) == pytest.approx((0.25 - 2 * deviation, 0.25 + 2 * deviation), abs=0.03)
    assert judging.interval(pairs, pairs) == (1, 1)
    assert judging.interval(pairs & False, pairs) == (0, 0)


def test_the_worst_change_of_a_kind_counts():
    def rate(with_gate: float) -> dict:
        return {"with_gate": with_gate, "low": 0.0, "high": 2 * with_gate, "matches": 7}

    def line(plain: float, sealed: float) -> dict:
        return {"plain": rate(plain), "sealed": rate(sealed)}

    base = {"plain": {"people": 101, "matches": 202}, "sealed": {"people": 101, "matches": 101}}
    changes = {UNTOUCHED: line(1, 1), "dark 0.5": line(0.02, 0.04), "dark 0.1": line(0.05, 0)}
    changes |= {"grey": line(0.04, 0.01), "blurred 8": {"found": 0.0}}
    found = judging.goal(changes, base)
    assert found["allowed"] == 3 and not found["met"] and set(found["kinds"]) == {"dark", "grey"}
    dark, grey = found["kinds"]["dark"], found["kinds"]["grey"]
    assert (dark["change"], dark["login"], dark["matches"]) == ("dark 0.5", "sealed", 7)
    assert (dark["times"], dark["low"], dark["high"]) == pytest.approx((4, 0, 8))
    assert (grey["login"], grey["times"]) == ("plain", pytest.approx(2))
    assert judging.unit_of({"people": 11, "matches": 0}) == 1 / 110
    only_plain = judging.goal(changes, {"plain": base["plain"]})
    assert only_plain["met"] and only_plain["kinds"]["dark"]["change"] == "dark 0.1"


def test_the_file_holds_the_gate_to_the_last_digit(tmp_path):
    weights = fitting.as_stored(np.random.default_rng(0).normal(0, 100, (2, 5)))
    offsets = fitting.as_stored(np.array([-12.3456789, 0.001234567]))
    gate = Gate("toy", ("dark", "pale"), weights, offsets, 1.5)
    path = tmp_path / "quality.json"
    path.write_text(training.as_text({"people": 3, "changes": {"a": [1]}}, gate))
    read = read_gate(path)
    assert json.loads(path.read_text())["people"] == 3 and read.kinds == gate.kinds
    torch.testing.assert_close(read.weights, weights, rtol=0, atol=0)
    torch.testing.assert_close(read.offsets, offsets, rtol=0, atol=1e-6)


@pytest.fixture
def few(monkeypatch, tmp_path):
    """Three changes, few people and draws, an empty cache."""
    changes = {change: CHANGES[change] for change in (UNTOUCHED, "blurred 4", "dark 0.12")}
    monkeypatch.setenv("NDCB_CACHE", str(tmp_path))
    for module in (training, judging):
        monkeypatch.setattr(module, "CHANGES", changes)
    monkeypatch.setattr(fitting, "TAUGHT", {"blurred 4": "blurred", "dark 0.12": "dark"})
    monkeypatch.setattr(fitting, "HARMLESS", (UNTOUCHED,))
    monkeypatch.setattr(training, "MOST_PHOTOS", 3)
    monkeypatch.setattr(judging, "FEWEST", 5)
    for name, value in {"NAMES": (1, 5), "STRANGERS": 8, "DRAWS": 20, "SETS": 30}.items():
        monkeypatch.setattr(strangers, name, value)


@pytest.mark.slow
def test_gates_are_fitted_and_judged(monkeypatch, few, tmp_path, lfw_root):
    """On a few people: poor photos are kept out; the detector looks at each photo once for both
    recognisers, and at none in a second call.
    """
    looked = []
    look = seen_photos.Photos._look

    def counted(photos, change: str, rows: np.ndarray) -> np.ndarray:
        looked.append(len(rows))
        return look(photos, change, rows)

    monkeypatch.setattr(seen_photos.Photos, "_look", counted)

    def measure() -> dict[str, dict]:
        folder = training.measure(lfw_root, 16, tmp_path / "quality", limit=24)
        return {file.stem: json.loads(file.read_text()) for file in folder.iterdir()}

    found = measure()
    assert set(found) == set(COMMITTED)
    assert sum(looked) == 2 * 72 + 2 * (24 + 16)  # untouched; development's and test's changes
    for recogniser, figures in found.items():
        check_few(recogniser, figures, read_gate(tmp_path / "quality" / f"{recogniser}.json"))
    assert "| blurred 4 |" in quality_report.report(studies.qualities(tmp_path / "quality"))

    looked.clear()
    assert measure() == found and looked == []


def check_few(recogniser: str, found: dict, gate: Gate) -> None:
    """What the fixture `few` has to give of a recogniser."""
    assert gate.kinds == ("blurred", "dark")
    assert gate.weights.shape == (2, load_recogniser(recogniser).dimensions)
    assert found["untouched"]["development"] == {"people": 24, "photos": 72, "refused": 0.0}
    assert found["changes"][UNTOUCHED]["refused"] < 0.15
    for change in ("blurred 4", "dark 0.12"):
        line = found["changes"][change]
        assert line["refused"] > 0.6
        for login in found["generators"]:
            accepted = line[login]["accepted"]
            assert line[login]["with_gate"] < max(accepted / 2, 1e-9)
    assert set(found["identification"]["one_template"]) == {"1", "5"}
    for part in ("development", "test"):
        sets = found["one_person"][part]["plain"]["3"]
        assert sets["refused"] < 0.2 and sets["missed"] < 0.2


@pytest.mark.slow
def test_a_recogniser_without_a_sealed_generator_has_plain_figures(
    monkeypatch, few, tmp_path, lfw_root
):
    monkeypatch.setattr(training, "GENERATORS", {"sface": ("sface-bottleneck", "none")})
    folder = training.measure(lfw_root, 8, tmp_path / "quality", 12, ("sface",))
    [study] = studies.qualities(folder)
    assert list(study.generators) == list(study.strangers) == ["plain"]
    assert "sealed" not in study.changes["blurred 4"] and set(study.one_person["test"]) == {"plain"}
    page = quality_report.report([study])
    assert "plain template" in page and "sealed template" not in page
