"""The attackers: what they learn, who judges what they restore, what is written of it, and that no
picture of a data set is.
"""

import json
import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from ndcb.core.distances import ssim
from ndcb.core.tensors import quantise
from ndcb.core.terms import ALIGNMENTS, BY_BOX, BY_LANDMARKS, NotAvailable, UserError
from ndcb.faces.detectors import Detector
from ndcb.faces.samples import portrait
from ndcb.generators.bottleneck import Bottleneck, BottleneckConfig
from ndcb.generators.unet import UNet, UNetConfig
from ndcb.models import checkpoints
from ndcb.models.checkpoints import INVERTERS, Checkpoint
from ndcb.report.attacks import report_section
from ndcb.report.names import JUDGES, judge_key
from ndcb.results.goals import reached
from training import __main__ as command
from training import evaluation
from training.attacks import attack as attacking
from training.attacks import attackers, figures
from training.attacks.attackers import Attacker, AttackerTraining
from training.attacks.figures import Judge, accepted, judge, share
from training.data.alignment import realigned
from training.data.datasets import SIDES
from training.data.material import Material
from training.data.pictures import Pictures
from training.measure import judges as judging
from training.measure.record import mated_pairs
from training.presets import Schedule

VERSION = 1
"""Of the toys, for the cache."""
BRIEF = Schedule(steps=6, batch=2, lr=1e-2, cosine=True, save_every=100)
SMALL = AttackerTraining(BRIEF, UNetConfig(size=32, width=4, depth=1, fold=2))
SMALL_INVERTER = AttackerTraining(
    BRIEF, BottleneckConfig(directions=4, widths=(8, 4, 4, 4, 4), change=0.5)
)


@pytest.fixture(autouse=True)
def places(monkeypatch, tmp_path):
    monkeypatch.setenv("NDCB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(attackers, "RUNS", tmp_path / "runs")
    return tmp_path


# toys


class Negative(nn.Module):
    """A generator whose templates are the negatives."""

    reads = "picture"

    def forward(self, batch):
        return 1 - batch


class Coarse(nn.Module):
    """A recogniser: the colours of 4x4 blocks."""

    alignment = BY_BOX

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, batch):
        flat = nn.functional.adaptive_avg_pool2d(batch, 4).flatten(1) - 0.5
        return nn.functional.normalize(
            torch.cat([flat * self.weight, torch.full((len(flat), 1), 0.1)], 1), dim=1
        )


class Upright(Coarse):
    """The same for faces that are aligned by their landmarks."""

    alignment = BY_LANDMARKS


class Means:
    """A second recogniser: mean colours."""

    name, alignment = "dlib-means", BY_BOX

    @property
    def code(self) -> tuple[type, ...]:
        return (Means,)

    def embed(self, images: np.ndarray, what=None) -> np.ndarray:
        values = np.concatenate(
            [images.mean((1, 2)) / 255 - 0.5, np.full((len(images), 1), 0.05)], 1
        )
        return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)


def toy_pictures(people=12, each=2, side=32, seed=0, alignment=BY_BOX, **others) -> Pictures:
    """Every person a pattern of coloured blocks, every photo of it a little different; a third of
    the people in each part.
    """
    chance = np.random.default_rng(seed)
    patterns = chance.integers(0, 256, (people, 4, 4, 3)).repeat(each, 0)
    blocks = np.clip(patterns + chance.integers(-20, 21, patterns.shape), 0, 255).astype(np.uint8)
    images = blocks.repeat(side // 4, 1).repeat(side // 4, 2)
    numbers = np.arange(people).repeat(each)
    parts = np.array(["training", "development", "test"])[numbers % 3]
    labels = np.array([f"P{number:02d}" for number in numbers])
    return Pictures(
        "lfw",
        images,
        labels,
        parts,
        np.arange(len(images)).astype(str),
        np.ones(len(images), bool),
        alignment,
        others,
    )


def toy_material(
    pictures=None, model=None, sha256="0" * 64, recogniser="facenet-coarse"
) -> Material:
    return Material(
        Checkpoint("toy", model or Negative(), {"recogniser": recogniser, "sha256": sha256}),
        Coarse(),
        pictures or toy_pictures(),
    )


def known_attacker(call) -> Attacker:
    """An attacker that learned nothing and does `call`."""
    return Attacker(Calls(call), "known", 0.0)


class Calls(nn.Module):
    def __init__(self, call):
        super().__init__()
        self.weight, self.call = nn.Parameter(torch.zeros(1)), call

    def forward(self, read):
        return self.call(read)


# the loss


def test_the_quick_ssim_is_kornias():
    torch.manual_seed(0)
    a, b = torch.rand(3, 3, 40, 40), torch.rand(3, 3, 40, 40)
    for one, other in ((a, b), (a, a), (a, 0.9 * a + 0.05), (torch.zeros_like(a), a)):
        torch.testing.assert_close(
            attackers.quick_ssim(one, other), ssim(one, other), atol=1e-4, rtol=1e-3
        )


def test_the_loss_of_equal_pictures_is_nothing_and_of_others_by_hand():
    """Black against white: L1 is 1; means differ by 1 and nothing varies, so SSIM is c1 / (1 + c1)
    with c1 = 0.01^2.
    """

    class Constant(nn.Module):
        def __init__(self, level):
            super().__init__()
            self.level = nn.Parameter(torch.tensor(level))

        def forward(self, read):
            return torch.zeros_like(read) + self.level

    white = torch.ones(2, 3, 32, 32)
    for level, loss in ((1.0, 0), (0.0, 2 - 1e-4 / (1 + 1e-4))):
        model = Constant(level)
        found = attackers.training_step(
            SMALL, model, torch.optim.SGD(model.parameters(), 0.0), white, white, 0
        )
        assert found["loss"] == pytest.approx(loss, abs=1e-4) and found["l1"] == pytest.approx(
            1 - level
        )


# learning


@pytest.mark.parametrize("alignment", ALIGNMENTS)
def test_both_networks_paint_pictures_of_the_alignments_size(alignment):
    side = SIDES[alignment]
    u_net = UNet(attackers.restoration(alignment).model)
    decoder = Bottleneck(replace(attackers.inversion(alignment).model, embedding=8, directions=4))
    assert u_net(torch.rand(1, 3, side, side)).shape == (1, 3, side, side)
    assert decoder(torch.rand(1, 8)).shape == (1, 3, side, side)
    assert bool(decoder.config.change == 0.5) and decoder.config.size == side


def test_the_restorer_learns_what_the_generator_did():
    """Negatives are turned back: far nearer to the photos of people never seen than the templates
    are.
    """
    material = toy_material(toy_pictures(people=90))
    config = AttackerTraining(
        replace(BRIEF, steps=150, batch=8), UNetConfig(size=32, width=12, depth=1, fold=2)
    )
    attacker = attackers.train_restorer(material, config)
    real, template = material.pictures.batch(material.test), material.templates(material.test)
    made = attacker(template)
    assert torch.equal(made, quantise(made)) and made.shape == real.shape
    assert (made - real).abs().mean() < 0.4 * (template - real).abs().mean()
    assert ssim(made, real).mean() > 0.5 > ssim(template, real).mean()
    assert attacker.seconds > 0


def test_only_training_people_are_learned_from(monkeypatch):
    material, seen = toy_material(), []
    nothing = {"loss": 0.0, "l1": 0.0, "ssim": 0.0}
    monkeypatch.setattr(
        attackers,
        "training_step",
        lambda config, model, optimizer, read, real, step: seen.append((read, real)) or nothing,
    )
    attackers.train_restorer(material, replace(SMALL, schedule=replace(BRIEF, steps=30)))
    own = {
        picture.numpy().tobytes()
        for picture in material.pictures.batch(material.pictures.training_rows)
    }
    assert {picture.numpy().tobytes() for _, real in seen for picture in real} == own
    for read, real in seen:
        torch.testing.assert_close(read, quantise(1 - real))


def test_the_inverter_is_given_embeddings_from_mid_grey(monkeypatch):
    material, read = toy_material(toy_pictures(side=160)), []
    step = attackers.training_step
    monkeypatch.setattr(
        attackers, "training_step", lambda *arguments: read.append(arguments[3]) or step(*arguments)
    )
    attacker = attackers.train_inverter(material, SMALL_INVERTER)
    known = torch.from_numpy(material.real(material.pictures.training_rows))
    assert all((row - known).abs().sum(1).min() < 1e-6 for batch in read for row in batch)
    assert bool((attacker.model.carrier == 0.5).all()) and attacker.model.config.embedding == 49
    assert attacker(known[:2]).shape == (2, 3, 160, 160)


def test_the_inverter_is_trained_once_for_all_generators(monkeypatch):
    pictures = toy_pictures(side=160)
    first = attackers.train_inverter(toy_material(pictures), SMALL_INVERTER)
    restorer = attackers.train_restorer(toy_material(pictures), SMALL)
    monkeypatch.setattr(attackers, "training_step", None)  # would raise if it were called
    other = toy_material(pictures, sha256="1" * 64)
    again = attackers.train_inverter(other, SMALL_INVERTER)
    assert again.key == first.key and again.seconds == first.seconds
    assert attackers.train_restorer(toy_material(pictures), SMALL).key == restorer.key
    with pytest.raises(TypeError):  # a template's restorer belongs to its generator
        attackers.train_restorer(other, SMALL)
    with pytest.raises(TypeError):
        attackers.train_inverter(toy_material(toy_pictures(side=160, seed=1)), SMALL_INVERTER)


def test_a_stopped_attacker_goes_on_to_the_same_weights(monkeypatch, tmp_path):
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    whole = attackers.train_restorer(toy_material(), SMALL).model.state_dict()
    monkeypatch.setattr(attackers, "RUNS", tmp_path / "other")
    step, calls = attackers.training_step, []

    def stopping(*arguments):
        calls.append(arguments[-1])
        if len(calls) == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(*arguments)

    monkeypatch.setattr(attackers, "training_step", stopping)
    with pytest.raises(KeyboardInterrupt):
        attackers.train_restorer(toy_material(), SMALL)
    assert calls == [0, 1, 2]
    resumed = attackers.train_restorer(toy_material(), SMALL).model.state_dict()
    assert calls == [0, 1, 2, 3, 4, 5]
    assert all(torch.equal(resumed[name], value) for name, value in whole.items())
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers


# judging


def test_the_threshold_leaves_one_pair_in_a_thousand():
    """64 people with one photo make 2,016 pairs, of which two may lie under the threshold: it is
    the third smallest distance.
    """
    values = np.random.default_rng(0).normal(size=(64, 8))
    photos = (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)
    distances = sorted(((a - b) ** 2).sum() for i, a in enumerate(photos) for b in photos[i + 1 :])
    labels = np.array([f"P{number}" for number in range(64)])
    labels_with_a_pair = np.append(
        labels, "P0"
    )  # one genuine pair, of equal photos, is no impostor
    found = judge("facenet", None, np.vstack([photos, photos[:1]]), labels_with_a_pair)
    naive = sorted(distances + [((photos[0] - b) ** 2).sum() for b in photos[1:]])
    assert len(naive) == 2079 and found.threshold == pytest.approx(naive[2], abs=1e-5)


def turned(*degrees) -> np.ndarray:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)


def test_acceptance_by_hand():
    """Photos at 0 and 60 degrees (Ann), 90 and 130 (Bo), 180 (Cy), 270 and 300 (Di). Accepted under
    30 degrees: 2 - 2 cos 30.
    """
    labels = np.array(["Ann", "Ann", "Bo", "Bo", "Cy", "Di", "Di"])
    one = Judge(
        "facenet", None, turned(0, 60, 90, 130, 180, 270, 300), 2 - 2 * np.cos(np.radians(30))
    )
    assert mated_pairs(labels).tolist() == [[0, 1], [2, 3], [5, 6]]
    found = accepted(
        one, turned(115, 40, 151, 235), np.array([2, 0, 4, 5]), labels
    )  # of the first photos of Bo, Ann, Cy and Di
    assert found == {
        "same_photo": {"accepted": 2, "of": 4, "share": 0.5},  # 25, 40, 29 and 35 off
        "another_photo": {"accepted": 2, "of": 3, "share": pytest.approx(2 / 3)},
    }  # 15, 20 and 65 off
    found = accepted(one, turned(40), np.array([1]), labels)
    assert found["same_photo"]["share"] == 1 and found["another_photo"] == {
        "accepted": 0,
        "of": 0,
        "share": None,
    }
    assert share(np.array([], bool)) == {"accepted": 0, "of": 0, "share": None}


def test_a_perfect_thief_and_a_blind_one():
    material = toy_material()
    judges = figures.judges_of(material, [Means()])
    chosen = figures.chosen_of(material, 6)
    perfect = figures.figures(
        material, "restoration", known_attacker(lambda read: 1 - read), judges, chosen
    )
    assert perfect["ssim"] == pytest.approx(1) and perfect["psnr"] > 90
    for one in ("facenet", "dlib"):
        assert perfect[one]["same_photo"] == {"accepted": 6, "of": 6, "share": 1}
    blind = figures.figures(
        material,
        "restoration",
        replace(known_attacker(torch.zeros_like), key="blind"),
        judges,
        chosen,
    )
    assert blind["ssim"] < 0.1 and blind["facenet"]["same_photo"]["share"] < 0.5


def upright_material() -> Material:
    """Of faces aligned by their landmarks; in the other alignment the faces look different."""
    boxed = toy_pictures(side=160, seed=1).images
    pictures = toy_pictures(side=112, alignment=BY_LANDMARKS, **{BY_BOX: boxed})
    material = toy_material(pictures, recogniser="sface-upright")
    material.recogniser = Upright()
    return material


def test_a_judge_is_given_its_own_cut_of_photos_and_restored_pictures_moved_to_it():
    material, given = upright_material(), []

    class Seeing(Means):
        def embed(self, images, what=None):
            given.append(images)
            return super().embed(images)

    third = Seeing()
    third.name = "facenet-third"
    judges = figures.judges_of(material, [Means(), third])
    assert [one.name for one in judges] == ["sface", "dlib", "facenet"]
    np.testing.assert_array_equal(
        np.concatenate(given), material.pictures.aligned(BY_BOX)[material.test]
    )
    given.clear()

    chosen = figures.chosen_of(material, 5)
    attacker = known_attacker(lambda read: 1 - read)
    found = figures.figures(material, "restoration", attacker, judges, chosen)
    photos = material.pictures.images[np.sort(material.test[chosen])]
    np.testing.assert_array_equal(given[0], realigned(photos, BY_LANDMARKS, BY_BOX))
    assert list(found) == ["ssim", "psnr", "sface", "dlib", "facenet"]
    assert found["sface"]["same_photo"]["share"] == 1 and found["ssim"] == pytest.approx(1)


def test_the_other_judges_are_dlib_where_it_is_and_the_packages_other_recogniser(
    monkeypatch, capsys
):
    monkeypatch.setattr(judging, "Judge", lambda name: name)
    monkeypatch.setattr(judging, "load_second_recogniser", lambda: "dlib")
    assert judging.others_of("sface") == ["dlib", "facenet-casia-webface"]
    assert judging.others_of("facenet-vggface2")[0] == "dlib"
    monkeypatch.setattr(judging, "load_second_recogniser", no_dlib)
    assert judging.others_of("facenet-casia-webface") == ["sface"]
    assert capsys.readouterr().out == "Install dlib-bin first.\n"


def test_every_judge_has_a_name():
    names = (*judging.JUDGES, "facenet-vggface2", "dlib-resnet-v1")
    assert [JUDGES[judge_key(name)] for name in names] == ["FaceNet", "SFace", "FaceNet", "dlib"]


def test_each_thief_reads_what_it_has(monkeypatch):
    material, read = toy_material(), {}
    chosen = figures.chosen_of(material, 3)
    for name in figures.READS:

        def seen(batch, name=name):
            read[name] = batch
            return torch.zeros(len(batch), 3, 32, 32)

        figures.figures(material, name, known_attacker(seen), figures.judges_of(material), chosen)
    rows = np.sort(material.test[chosen])  # in the order of the cache
    real = material.pictures.batch(rows)
    torch.testing.assert_close(read["restoration"], quantise(1 - real))
    torch.testing.assert_close(
        read["embedding_inversion"], Coarse()(real).detach(), atol=1e-6, rtol=0
    )
    torch.testing.assert_close(
        read["template_inversion"], Coarse()(quantise(1 - real)).detach(), atol=1e-6, rtol=0
    )


def test_what_is_restored_is_kept_for_the_next_time():
    material, judges = toy_material(), figures.judges_of(toy_material())
    few, all_of_them = figures.chosen_of(material, 3), figures.chosen_of(material, 8)
    assert all_of_them[:3].tolist() == few.tolist() and sorted(all_of_them) == list(range(8))
    calls = []
    attacker = known_attacker(lambda read: calls.append(len(read)) or 1 - read)
    for chosen in (few, few, all_of_them):
        figures.figures(material, "restoration", attacker, judges, chosen)
    assert calls == [3, 5]
    other = toy_material(sha256="1" * 64)
    figures.figures(other, "restoration", attacker, judges, few)
    assert calls == [3, 5, 3]


def test_bare_embeddings_are_inverted_once_for_all_generators():
    calls, attacker = (
        [],
        known_attacker(lambda read: calls.append(len(read)) or torch.zeros(len(read), 3, 32, 32)),
    )
    for sha256 in ("0" * 64, "1" * 64):
        material = toy_material(sha256=sha256)
        figures.figures(
            material,
            "embedding_inversion",
            attacker,
            figures.judges_of(material),
            figures.chosen_of(material, 4),
        )
    assert calls == [4]


def test_without_dlib_its_figures_are_null():
    material = toy_material()
    found = figures.figures(
        material,
        "restoration",
        known_attacker(lambda read: read),
        figures.judges_of(material),
        np.arange(4),
    )
    assert found["dlib"] is None and found["facenet"]["same_photo"]["of"] == 4
    assert figures.chance(material, figures.judges_of(material), np.arange(4))["dlib"] is None


def test_chance_is_the_mean_training_face_in_everybodys_place():
    material = toy_material()
    pictures = material.pictures
    expected = pictures.images[pictures.training_rows].mean(0)
    face = figures.mean_face(pictures)
    np.testing.assert_allclose(face[0].permute(1, 2, 0).numpy() * 255, expected, atol=0.501)
    assert torch.equal(face, quantise(face))
    judges, chosen = figures.judges_of(material, [Means()]), figures.chosen_of(material, 8)
    found = figures.chance(material, judges, chosen)
    everybody = face.expand(8, -1, -1, -1)
    real = pictures.batch(material.test[chosen])
    assert found["ssim"] == pytest.approx(float(ssim(everybody, real).mean()), abs=1e-5)
    for one in judges:
        near = ((one.embed(face) - one.photos) ** 2).sum(1) < one.threshold
        assert found[one.name]["same_photo"]["accepted"] == near.sum()
        first, other = mated_pairs(material.labels).T
        assert found[one.name]["another_photo"] == share(near[other])


def test_faces_are_sought_in_templates_and_in_the_same_photos():
    """A stub that finds a face in whatever is bright on the whole: of negatives and photos it takes
    one or the other.
    """

    class Bright:
        sizes = []

        def find(self, pictures):
            self.sizes += [picture.size for picture in pictures]
            return [["face"] if np.asarray(picture).mean() > 127.5 else [] for picture in pictures]

    material = toy_material()
    found = figures.face_found(material, Bright(), count=5)
    bright = (
        material.pictures.images[material.test[figures.chosen_of(material, 5)]].mean((1, 2, 3))
        > 127.5
    )
    assert 0 < bright.mean() < 1, "another seed is needed"
    assert found == {
        "pictures": 5,
        "photo": pytest.approx(bright.mean()),
        "template": pytest.approx(1 - bright.mean()),
    }
    assert set(Bright.sizes) == {(32, 32)} and len(Bright.sizes) == 10


# what is written

OLD = {
    "checkpoint": "toy",
    "sha256": "a" * 64,
    "data": {"name": "lfw"},
    "verification": {"plain": {"eer": 0.25}},
    "image": {"mse": 0.125},
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(
        attacking.report,
        "report",
        lambda summary: f"attacked in {summary['attacks']['steps']} steps\n",
    )
    place = tmp_path / "toy" / "evaluation"
    place.mkdir(parents=True)
    (place / "summary.json").write_text(json.dumps(OLD))
    (place / "report.md").write_text("old\n")
    return place


def test_merging_keeps_the_other_keys(folder):
    attacking.merge(folder, "a" * 64, "toy", {"steps": 3})
    new = OLD | {"goals": reached(OLD)}
    assert json.loads((folder / "summary.json").read_text()) == new | {"attacks": {"steps": 3}}
    assert (folder / "report.md").read_text() == "attacked in 3 steps\n"
    attacking.merge(folder, "a" * 64, "toy", {"steps": 4})
    assert json.loads((folder / "summary.json").read_text()) == new | {"attacks": {"steps": 4}}
    assert {path.name for path in folder.iterdir()} == {"summary.json", "report.md"}


def test_merging_is_whole_or_not_at_all(folder, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        attacking.merge(folder, "a" * 64, "toy", {"steps": 3})
    assert (
        json.loads((folder / "summary.json").read_text()) == OLD
        and (folder / "report.md").read_text() == "old\n"
    )


def test_figures_are_not_merged_into_those_of_other_weights(folder):
    with pytest.raises(
        UserError, match="no evaluation of these weights yet; run: python -m training evaluate toy$"
    ):
        attacking.merge(folder, "b" * 64, "toy", {"steps": 3})
    assert json.loads((folder / "summary.json").read_text()) == OLD


def toy_checkpoint(folder, recogniser="facenet-coarse", side=160):
    """A generator of faces with random weights, evaluated as far as an attack needs it."""
    torch.manual_seed(0)
    record = {
        "preset": "toy",
        "training": {"limit": None},
        "data": {"name": "lfw"},
        "recogniser": recogniser,
        "threshold": 1.0,
    }
    checkpoints.save(folder, UNet(UNetConfig(size=side, width=4, depth=1, fold=2)), record)
    sha256 = json.loads((folder / "record.json").read_text())["sha256"]
    (folder / "evaluation").mkdir()
    head = {
        "checkpoint": folder.name,
        "sha256": sha256,
        "data": {"name": "lfw"},
        "device": "cpu",
        "versions": {},
        "commit": "c0ffee",
        "caches_were_empty": True,
    }
    (folder / "evaluation" / "summary.json").write_text(
        json.dumps(head | {"seconds": {"total": 60, "image": 9}, "image": {"mse": 0.125}})
    )
    return folder


@pytest.fixture
def toy(tmp_path, monkeypatch):
    monkeypatch.setattr(attacking, "load_pictures", lambda *_: toy_pictures(side=160))
    monkeypatch.setattr(attacking, "load_recogniser", lambda *_: Coarse())
    monkeypatch.setattr(attacking, "pick_device", lambda _: torch.device("cpu"))
    monkeypatch.setattr(
        attacking,
        "restoration",
        lambda alignment, schedule: replace(SMALL, schedule=replace(BRIEF, steps=schedule.steps)),
    )
    monkeypatch.setattr(
        attacking,
        "inversion",
        lambda alignment, schedule: replace(
            SMALL_INVERTER, schedule=replace(BRIEF, steps=schedule.steps)
        ),
    )
    monkeypatch.setattr(
        attacking.report, "report", lambda summary: report_section(summary["attacks"])
    )
    return toy_checkpoint(tmp_path / "toy")


def no_dlib(*_):
    raise NotAvailable("Install dlib-bin first.")


THIEVES = {"restoration", "template_inversion", "embedding_inversion", "chance"}
FIGURES = THIEVES | {
    "second_recogniser",
    "face_found",
    "steps",
    "batch",
    "seed",
    "pictures",
    "fmr",
    "thresholds",
    "device",
    "seconds",
    "commit",
    "versions",
}


def test_an_attack_from_end_to_end(toy, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(attacking, "others_of", lambda _: [])
    monkeypatch.setattr(attacking.field, "load_second_recogniser", no_dlib)
    assert (
        command.main(
            ["attack", str(toy), "--steps", "2", "--pictures", "5", "--data", str(tmp_path)]
        )
        == 0
    )
    assert capsys.readouterr().out.splitlines()[-1] == str(toy / "evaluation")
    summary = json.loads((toy / "evaluation" / "summary.json").read_text())
    found = summary["attacks"]
    assert summary["image"] == {"mse": 0.125} and set(found) == FIGURES
    assert (
        summary["goals"]["restored_above_embedding"]["measured"] is not None
        and summary["goals"]["ssim"]["measured"] is None
    )
    assert (found["steps"], found["pictures"], found["seed"]) == (2, 5, 0)
    for name in THIEVES:
        assert (
            set(found[name]) == {"ssim", "psnr", "facenet", "dlib"} and found[name]["dlib"] is None
        )
        assert found[name]["facenet"]["same_photo"]["of"] == 5 and -1 <= found[name]["ssim"] <= 1
    assert found["second_recogniser"] is None and found["thresholds"]["dlib"] is None
    assert found["face_found"]["pictures"] == 8 and set(found["seconds"]) == {
        "restoration",
        "embedding_inversion",
        "total",
    }
    text = (toy / "evaluation" / "report.md").read_text()
    assert text == report_section(found) and "not measured" in text


def test_no_picture_of_a_data_set_is_written(toy, tmp_path):
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr(attacking, "others_of", lambda _: [Means()])
    monkeypatch.setattr(attacking, "second_recogniser", lambda *_: None)
    attacking.attack(str(toy), tmp_path, steps=2, pictures=5)
    monkeypatch.undo()
    folder = toy / "evaluation" / "attacks"
    written = {
        path
        for path in toy.rglob("*")
        if path.is_file() and path.suffix not in (".json", ".md", ".safetensors")
    }
    assert written == {
        folder / f"{name}.png"
        for name in (
            "photo",
            "template",
            "restoration",
            "template_inversion",
            "embedding_inversion",
        )
    }
    face = Detector()(portrait())[0].image
    np.testing.assert_array_equal(np.asarray(Image.open(folder / "photo.png")), np.asarray(face))
    made = UNet(UNetConfig(width=4, depth=1, fold=2))
    made.load_state_dict(checkpoints.load(str(toy)).model.state_dict())
    expected = quantise(made(torch.from_numpy(np.array(face)).permute(2, 0, 1)[None] / 255))[
        0
    ].permute(1, 2, 0)
    np.testing.assert_allclose(
        np.asarray(Image.open(folder / "template.png")) / 255, expected, atol=1.01 / 255
    )
    assert len({path.read_bytes() for path in written}) == 5 and all(
        path.stat().st_size < 100_000 for path in written
    )
    found = json.loads((toy / "evaluation" / "summary.json").read_text())["attacks"]
    assert found["restoration"]["dlib"]["same_photo"]["of"] == 5 and found["thresholds"]["dlib"] > 0


def test_a_generator_for_upright_faces_is_attacked_from_end_to_end(
    toy, tmp_path, monkeypatch, capsys
):
    folder = toy_checkpoint(tmp_path / "upright", "sface-upright", 112)
    monkeypatch.setattr(attacking, "load_recogniser", lambda *_: Upright())
    monkeypatch.setattr(attacking, "load_pictures", lambda *_: upright_material().pictures)
    monkeypatch.setattr(attacking, "others_of", lambda name: [Means()] * (name == "sface-upright"))
    for name, config in (
        ("restoration", AttackerTraining(BRIEF, UNetConfig(size=112, width=4, depth=1, fold=2))),
        (
            "inversion",
            AttackerTraining(
                BRIEF, BottleneckConfig(directions=4, widths=(8, 4, 4, 4), change=0.5, start=7)
            ),
        ),
    ):
        monkeypatch.setattr(
            attacking, name, lambda alignment, _, own=config: {BY_LANDMARKS: own}[alignment]
        )
    attacking.attack(str(folder), tmp_path, steps=6, pictures=5)

    found = json.loads((folder / "evaluation" / "summary.json").read_text())["attacks"]
    assert list(found["thresholds"]) == list(found["chance"])[2:] == ["sface", "dlib"]
    assert found["restoration"]["sface"]["same_photo"]["of"] == 5
    text = (folder / "evaluation" / "report.md").read_text()
    assert "SFace: same photo" in text and "FaceNet" not in text
    attacks = folder / "evaluation" / "attacks"
    upright = Detector()(portrait())[0].upright
    np.testing.assert_array_equal(np.asarray(Image.open(attacks / "photo.png")), upright)
    sizes = {Image.open(path).size for path in attacks.iterdir()}
    assert sizes == {(112, 112)} and len(list(attacks.iterdir())) == 5


def test_an_inverter_is_saved_for_its_recogniser(toy, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(attacking, "others_of", lambda _: [])
    monkeypatch.setattr(attacking, "plain_generator", lambda _: str(toy))
    monkeypatch.setattr(checkpoints, "FOLDER", tmp_path)
    for recogniser, name in (
        ("facenet-casia-webface", "inverter"),
        ("facenet-coarse", "inverter-facenet-coarse"),
    ):
        arguments = ["inverter", "--recogniser", recogniser, "--steps", "2"]
        assert command.main([*arguments, "--data", str(tmp_path)]) == 0
        assert capsys.readouterr().out.splitlines()[-1] == str(tmp_path / name)
        record = checkpoints.record(name, INVERTERS)
        assert (record["recogniser"], record["steps"]) == (recogniser, 2)
        assert record["label"] == "Faces: inverter of bare embeddings by FaceNet"
        assert record["figures"]["facenet"]["same_photo"]["of"] == 8
        restored = checkpoints.load(name, INVERTERS).model(torch.zeros(1, 49))
        assert restored.shape == (1, 3, 160, 160)


@pytest.mark.parametrize(
    "recogniser, words",
    [
        ("digits-embedder", "trained on mnist; only generators of LFW's faces"),
        ("nobody", "unknown recogniser 'nobody'; there are: digits-embedder, facenet-"),
    ],
)
def test_no_inverter_is_made_for_what_sees_no_faces(recogniser, words, tmp_path, capsys):
    place = ["--checkpoint", str(tmp_path / "new"), "--data", str(tmp_path)]
    assert command.main(["inverter", "--recogniser", recogniser, *place]) == 1
    assert words in capsys.readouterr().err and not (tmp_path / "new").exists()


def test_what_makes_no_faces_is_refused(tmp_path, capsys):
    assert command.main(["attack", "digits", "--data", str(tmp_path)]) == 1
    said = capsys.readouterr().err.strip()
    assert (
        said
        == "checkpoint digits was trained on mnist; only generators of LFW's faces are attacked."
    )
    with pytest.raises(UserError, match="needed is one of: "):
        attacking.attack("digits-embedder", tmp_path)


def test_what_was_not_evaluated_is_refused_before_anything_is_trained(toy, tmp_path, monkeypatch):
    monkeypatch.setattr(attacking, "train_restorer", None)
    (toy / "evaluation" / "summary.json").unlink()
    with pytest.raises(UserError, match=f"run: python -m training evaluate {toy}$"):
        attacking.attack(str(toy), tmp_path)


def test_the_commands_steps_are_the_budget():
    job = command.AttackJob(())
    assert (job.steps, job.pictures) == (attackers.BUDGET.steps, attacking.PICTURES)


def test_dlibs_figures_of_these_weights_are_the_evaluations(toy, monkeypatch):
    evaluated = {"name": "dlib", "plain": {"eer": 0.01}, "template": {"eer": 0.4}}
    monkeypatch.setattr(
        attacking.field, "second_recogniser", lambda _: {"name": "dlib", "template": {"eer": 0.3}}
    )
    assert attacking.second_recogniser(None, toy / "evaluation")["template"]["eer"] == 0.3
    (toy / "evaluation" / "summary.json").write_text(json.dumps({"second_recogniser": evaluated}))
    assert attacking.second_recogniser(None, toy / "evaluation") == evaluated


@pytest.mark.parametrize("what", [(), ("image",)])
@pytest.mark.parametrize("same", [True, False])
def test_a_new_evaluation_keeps_the_attacks_of_the_same_weights(
    toy, tmp_path, monkeypatch, what, same
):
    path = toy / "evaluation" / "summary.json"
    old = (
        json.loads(path.read_text())
        | {"attacks": {"steps": 3}}
        | ({} if same else {"sha256": "b" * 64})
    )
    path.write_text(json.dumps(old))
    monkeypatch.setattr(evaluation, "load_pictures", lambda *_: toy_pictures(side=160))
    monkeypatch.setattr(evaluation, "load_recogniser", lambda *_: Coarse())
    monkeypatch.setattr(evaluation, "PARTS", {"image": lambda *_: {"mse": 0.5}})
    monkeypatch.setattr(evaluation.files, "arrays", lambda _: {})
    monkeypatch.setattr(evaluation.report, "write", lambda _: None)
    evaluation.evaluate(str(toy), tmp_path, what)
    new = json.loads(path.read_text())
    assert new["image"] == {"mse": 0.5} and new.get("attacks") == ({"steps": 3} if same else None)
    alone = bool(
        same and what
    )  # only a part is new: what made the rest, and how long all took, stays known
    assert (new["commit"] == "c0ffee", new["seconds"]["total"] == 60, "renewed" in new) == (
        alone,
        alone,
        alone,
    )


# in words


def attacks_of(**shares) -> dict:
    def judged(share):
        return {
            photo: {"accepted": round(1000 * share), "of": 1000, "share": share}
            for photo in ("same_photo", "another_photo")
        }

    known = {
        name: {
            "ssim": 0.25,
            "psnr": 12.0,
            "facenet": judged(shares.get(name, 0.01)),
            "dlib": judged(0.01),
        }
        for name in THIEVES
    }
    return known | {
        "steps": 800,
        "batch": 16,
        "pictures": 1000,
        "fmr": 1e-3,
        "thresholds": {"facenet": 0.7, "dlib": 0.2},
        "face_found": {"pictures": 500, "template": 0.5, "photo": 0.98},
        "second_recogniser": {
            "name": "dlib-resnet-v1",
            "template": {"eer": 0.4, "tar_at_fmr_1e-2": 0.02, "tar_at_fmr_1e-3": 0.01},
        },
    }


def test_the_report_says_how_far_over_the_floor_a_template_is():
    text = report_section(attacks_of(restoration=0.75, embedding_inversion=0.05))
    assert (
        "75.00% of 1,000" in text
        and "at most +70.0 points: restored from the template, judged by FaceNet" in text
    )
    assert "in 50.0% of the templates and in 98.0% of the same aligned photos" in text
    assert (
        "EER 40.00%, TAR 2.00% at FMR 1 % and 1.00% at FMR 0.1 %" in text
        and "0.700 (FaceNet)" in text
    )
    rows = [line.count("|") for line in text.splitlines() if line.startswith("|")]
    assert rows == [8] * 6 + [6] * 3
    text = report_section(
        attacks_of(restoration=0.02, template_inversion=0.04, embedding_inversion=0.05)
    )
    assert "at most +0.0 points" in text  # dlib accepts one in a hundred of all


def test_the_report_names_the_judges_who_were_there():
    attacks = attacks_of(restoration=0.75, embedding_inversion=0.05)
    for name in THIEVES:
        figures_of = attacks[name]
        attacks[name] = {
            "ssim": 0.25,
            "psnr": 12.0,
            "sface": figures_of["facenet"],
            "dlib": None,
            "facenet": figures_of["dlib"],
        }
    attacks["thresholds"] = {"sface": 1.2, "dlib": None, "facenet": 0.7}
    text = report_section(attacks)
    assert "judged by SFace" in text and "1.200 (SFace) and 0.700 (FaceNet)" in text
    header = text.splitlines()[0]
    assert header.index("SFace: same") < header.index("dlib: same") < header.index("FaceNet: same")


def test_the_report_says_what_was_not_measured():
    attacks = attacks_of() | {
        "second_recogniser": None,
        "thresholds": {"facenet": 0.7, "dlib": None},
    }
    for name in THIEVES:
        attacks[name] |= {"dlib": None}
    attacks["restoration"]["facenet"]["another_photo"] = {"accepted": 0, "of": 0, "share": None}
    text = report_section(attacks)
    assert text.count("not measured") == 9 and "no pairs" in text and "(dlib)" not in text
