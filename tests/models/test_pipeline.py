"""Picture -> template -> distances, with the committed models; samples."""

import numpy as np
import pytest
import torch
from PIL import Image

from ndcb.core.tensors import to_tensor
from ndcb.core.terms import BadCheckpoint, BadPicture, NotAvailable, UnknownName, UserError
from ndcb.faces import samples
from ndcb.generators.unet import UNet, UNetConfig
from ndcb.models import checkpoints
from ndcb.models.pipeline import Models, pick_device
from tests import odd_files


def test_a_known_embedding_is_not_computed_again(models, astronaut, monkeypatch):
    """Another generator for the same face costs one pass of the recogniser, over the template
    alone.
    """
    distorter = models.distorter("faces")
    face = models.find(astronaut)[0].image
    embedding = distorter.embed([face])[0]
    sizes = []
    hook = distorter.recogniser.register_forward_pre_hook(
        lambda module, inputs: sizes.append(len(inputs[0]))
    )
    known, unknown = distorter.distort(face, embedding), distorter.distort(face)
    hook.remove()
    assert sizes == [1, 1, 1]
    assert known.embedding_distance == pytest.approx(unknown.embedding_distance, abs=1e-5)
    assert known.template.tobytes() == unknown.template.tobytes()


def test_a_large_photos_face_is_told_in_pixels_of_the_full_photo(models, astronaut):
    """Shrunk to 4096 px for the search, and turned."""
    small, large = (models.find(astronaut.resize((side, side)))[0] for side in (512, 5120))
    np.testing.assert_allclose(large.box, np.array(small.box) * 10, atol=60)
    np.testing.assert_allclose(large.landmarks, small.landmarks * 10, atol=60)
    turned = models.find(astronaut.resize((5120, 5120)).rotate(90))[0]
    assert turned.rotation == 270
    np.testing.assert_allclose(turned.box, large.box, atol=100)


@pytest.mark.slow
def test_odd_files(models, tmp_path, astronaut):
    for path in odd_files.write_all(astronaut, tmp_path, odd_files.WITH_FACES):
        found = models.find(path)
        assert len(found) == odd_files.WITH_FACES[path.name][1] and found[0].score > 0.9, path.name
    for path in odd_files.write_all(astronaut, tmp_path, odd_files.REFUSED):
        with pytest.raises(UserError, match=odd_files.REFUSED[path.name][1]) as refusal:
            models.find(path)
        assert path.name not in str(refusal.value), path.name


def test_what_is_seen_is_read_as_the_generator_compares_it(models, astronaut):
    """F(X) once for both kinds: a plain generator compares F(X), a sealed one z(F(X))."""
    face = models.find(astronaut)[0].image
    plain, sealed = models.distorter("faces-bottleneck"), models.distorter("faces-sealed")
    seen = plain.recognise([face])
    torch.testing.assert_close(sealed.recognise([face]), seen)
    torch.testing.assert_close(plain.to_compare(seen), seen)
    torch.testing.assert_close(plain.embed([face]), seen)
    z = sealed.generator.model.direction(seen)
    torch.testing.assert_close(sealed.to_compare(seen), z)
    torch.testing.assert_close(sealed.embed([face]), z)
    torch.testing.assert_close(sealed.recogniser(to_tensor([face])), z)


def test_the_distance_is_of_the_stored_picture(models, astronaut):
    distorter = models.distorter("faces")
    face = models.find(astronaut)[0].image
    result = distorter.distort(face)
    a, b = distorter.embed([face, result.template])
    assert result.embedding_distance == pytest.approx(float((a - b).square().sum()), abs=1e-5)
    assert result.distances["mse"] == pytest.approx(
        float((to_tensor([face]) - to_tensor([result.template])).square().mean()), abs=1e-6
    )


def test_digits_have_their_own_recogniser(models):
    result = models.distorter("digits").distort(samples.digits()[7])
    assert result.template.size == (28, 28) and result.template.mode == "L"
    assert result.alpha == 0.3 and result.distances["mse"] > 0.5 and result.decision.same


def test_the_embedder_knows_the_sample_digits(models):
    """A digit drawn by somebody else is nearer to MNIST's own kind than chance: 4 and 9 differ more
    than two 4s, say.
    """
    embedded = models.distorter("digits").embed(samples.digits())
    torch.testing.assert_close(embedded.norm(dim=1), torch.ones(10))
    distances = torch.cdist(embedded, embedded).square()
    assert float(distances[~torch.eye(10, dtype=bool)].mean()) > 0.5


def test_unknown_names_list_what_there_is(models):
    with pytest.raises(UnknownName, match="unknown checkpoint 'facez'; there are: .*digits.*faces"):
        models.distorter("facez")
    assert pick_device("cpu") == "cpu" and pick_device("auto") in ("cpu", "cuda", "mps")


def test_a_device_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="This machine has no cuda. Use --device auto"):
        pick_device("cuda")


def test_a_checkpoint_that_was_not_measured_is_refused(models, tmp_path):
    checkpoints.save(
        tmp_path / "new",
        UNet(UNetConfig(width=4, depth=1)),
        {"recogniser": "facenet-casia-webface"},
    )
    with pytest.raises(
        BadCheckpoint, match="has no threshold yet; run: python -m training measure"
    ):
        models.distorter(str(tmp_path / "new"))


def test_polish_brings_the_template_nearer_and_shows_its_cost(models, astronaut):
    distorter, face = models.distorter("faces"), models.find(astronaut)[0].image
    plain, polished = distorter.distort(face), distorter.distort(face, polish_steps=3)
    assert polished.embedding_distance < 0.9 * plain.embedding_distance
    assert "polish" not in plain.milliseconds and polished.milliseconds["polish"] > 0
    template, photo = distorter.embed([polished.template, face])
    assert distorter.decide(template, photo).squared_distance == pytest.approx(
        polished.embedding_distance, abs=1e-4
    )


def test_a_decision_at_an_operating_point(models, monkeypatch):
    distorter = models.distorter("digits")
    record = distorter.generator.record
    monkeypatch.setitem(record, "thresholds", {"1e-2": 1.25, "1e-3": 1.0, "1e-4": 0.75})
    one, other = torch.tensor([1.0, 0.0]), torch.tensor([0.5, 0.75**0.5])  # at distance 1
    decisions = [distorter.decide(one, other, fmr) for fmr in ("1%", "0.1%", "0.01%", None)]
    assert [decision.threshold for decision in decisions] == [1.25, 1.0, 0.75, 1.0]
    assert decisions[0].same and not decisions[2].same
    blank = Image.new("L", (28, 28))
    assert distorter.distort(blank).threshold == 1.0
    with pytest.raises(UserError, match="'2%' is no operating point"):
        distorter.decide(one, other, "2%")

    monkeypatch.delitem(record, "thresholds")
    assert distorter.decide(one, other).threshold == record["threshold"]
    with pytest.raises(NotAvailable, match="measured by an older program"):
        distorter.decide(one, other, "0.1%")


@pytest.mark.slow
def test_a_sealed_generator_makes_nothing_without_a_key():
    from ndcb.__main__ import main

    distorter = Models().distorter("faces-sealed")
    assert distorter.sealed and distorter.embed([Image.new("RGB", (160, 160), "grey")]).shape == (
        1,
        64,
    )
    for make in (distorter.distort, lambda picture: distorter.templates([picture])):
        with pytest.raises(UserError, match="needs a key. Enrol with a seal"):
            make(Image.new("RGB", (160, 160), "grey"))
    assert main(["compare", "a.png", "b.png", "--generator", "faces-sealed"]) == 2


@pytest.mark.parametrize("name, wants", [("sface-bottleneck", 112), ("faces-bottleneck", 160)])
def test_a_picture_of_another_size_is_told(models, name, wants):
    distorter, other = models.distorter(name), Image.new("RGB", (272 - wants,) * 2)
    for use in (distorter.embed, distorter.templates, lambda one: distorter.distort(*one)):
        with pytest.raises(BadPicture, match=f"recogniser wants {wants}x{wants}. Name another"):
            use([other])
