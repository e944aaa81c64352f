"""Networks in ONNX Runtime give what torch gives, and torch stays where it is needed."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import onnxruntime
import pytest
import torch
from torch import nn

from ndcb.faces import samples
from ndcb.generators.bottleneck import Bottleneck, BottleneckConfig
from ndcb.generators.inverter import Inverter
from ndcb.generators.sealed import Directions
from ndcb.generators.unet import UNet, UNetConfig
from ndcb.models import acceleration, checkpoints, onnx_graphs
from ndcb.models.acceleration import Accelerated, accelerated, in_torch
from ndcb.models.pipeline import Models
from ndcb.models.recognisers import load_recogniser
from ndcb.recognisers.digits import DigitEmbedder, DigitEmbedderConfig

SMALL = BottleneckConfig(embedding=8, directions=4, widths=(4, 3), start=2)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty one; ONNX Runtime is on."""
    monkeypatch.setenv("NDCB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("NDCB_ONNX", raising=False)
    return tmp_path / "cache" / "onnx"


def network() -> Bottleneck:
    torch.manual_seed(0)
    return Bottleneck(SMALL).eval().requires_grad_(False)


def no_torch(accelerated_network: Accelerated, monkeypatch) -> None:
    """From here on, only ONNX Runtime can answer."""
    monkeypatch.setattr(accelerated_network.in_torch, "forward", lambda given: 1 / 0)


@pytest.mark.parametrize(
    "network",
    [
        Bottleneck(SMALL),
        UNet(UNetConfig(size=16, width=2, depth=2, fold=2)),
        DigitEmbedder(DigitEmbedderConfig(width=2)),
    ],
    ids=lambda network: type(network).__name__,
)
@pytest.mark.parametrize("batch", [1, 2, 5])
def test_it_gives_what_torch_gives(cache, monkeypatch, network, batch):
    network = network.eval().to(memory_format=torch.channels_last)
    given = onnx_graphs.sample_inputs(network, batch + 10)[:batch]
    with torch.inference_mode():
        expected = network(given)
    fast = accelerated(network)
    with torch.inference_mode():
        fast(given)
        no_torch(fast, monkeypatch)
        torch.testing.assert_close(fast(given), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "name",
    ["faces-bottleneck", "faces-sealed", "faces", "digits", "facenet-casia-webface", "sface"],
)
def test_so_do_the_committed_networks(models, monkeypatch, name):
    monkeypatch.delenv("NDCB_ONNX", raising=False)
    is_generator = name in checkpoints.names(checkpoints.GENERATORS + checkpoints.SEALED)
    if is_generator:
        fast = models.distorter(name).generator.model
    else:
        fast = Accelerated(load_recogniser(name))
    given = onnx_graphs.sample_inputs(fast, 12)[:2]
    with torch.no_grad():
        expected = in_torch(fast)(given)
        fast(given)
        no_torch(fast, monkeypatch)
        torch.testing.assert_close(fast(given), expected, atol=1e-5, rtol=0)


def test_the_pipeline_runs_in_it(models, astronaut):
    """Also below a sealed generator's recogniser."""
    for name in ("faces-bottleneck", "faces-sealed"):
        distorter = models.distorter(name)
        recogniser = distorter.recogniser
        if isinstance(recogniser, Directions):
            recogniser = recogniser.recogniser
        assert isinstance(recogniser, Accelerated)
        assert isinstance(distorter.generator.model, Accelerated)
    face = models.find(astronaut)[0]
    distorter = models.distorter("faces-bottleneck")
    in_both = [distorter.embed([face]), in_torch(distorter.recogniser)(distorter._batch([face]))]
    torch.testing.assert_close(*in_both, atol=1e-5, rtol=0)


def test_it_can_be_turned_off(monkeypatch):
    monkeypatch.setenv("NDCB_ONNX", "0")
    digits = Models().distorter("digits")
    assert not isinstance(digits.recogniser, Accelerated)
    assert not isinstance(digits.generator.model, Accelerated)
    digits.distort(samples.digits()[3])


def test_sface_stays_in_torch():
    """Where it is not slower."""
    sface = load_recogniser("sface")
    assert accelerated(sface) is sface


def test_other_devices_stay_in_torch():
    torch_network = network()
    assert accelerated(torch_network, "cuda") is torch_network is in_torch(torch_network)


def test_it_has_the_attributes_of_the_network():
    torch_network = network()
    fast = accelerated(torch_network)
    assert in_torch(fast) is torch_network
    assert (fast.reads, fast.config, fast.image_shape) == ("embedding", SMALL, (3, 8, 8))
    assert next(fast.parameters()).device.type == "cpu" and not fast.training
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        fast.nothing_of_the_kind  # noqa: B018


def test_gradients_come_from_torch(cache):
    fast, given = accelerated(network()), torch.ones(2, 8, requires_grad=True)
    (slope,) = torch.autograd.grad(fast(given).sum(), given)
    (expected,) = torch.autograd.grad(fast.in_torch(given).sum(), given)
    torch.testing.assert_close(slope, expected)
    assert slope.abs().max() > 0 and not cache.exists()


def test_the_cache_is_read_by_later_ones(cache, monkeypatch):
    given = torch.ones(1, 8)
    with torch.no_grad():
        first = accelerated(network())(given)
        monkeypatch.setattr(torch.onnx, "export", lambda *given, **how: 1 / 0)
        later = accelerated(network())
        torch.testing.assert_close(later(given), first)
        no_torch(later, monkeypatch)
        torch.testing.assert_close(later(given), first)
    assert len(list(cache.iterdir())) == 1


def test_what_the_network_computes_decides_the_file(cache):
    """Weights, config and class: of two networks that differ in one, none gets the other's."""
    torch_network = network()
    other_weights = network()
    other_weights.mean += 1
    other_change = Bottleneck(BottleneckConfig(8, 4, (4, 3), 0.5, 2))
    other_class = Inverter(SMALL)
    for other in (other_change, other_class):
        other.load_state_dict(torch_network.state_dict())
    different = (torch_network, other_weights, other_change, other_class)
    assert len(set(map(onnx_graphs.graph_file, different))) == 4
    assert onnx_graphs.graph_file(network()) == onnx_graphs.graph_file(torch_network)


@pytest.mark.parametrize("damage", [lambda graph: graph[:99], lambda graph: b""])
def test_a_damaged_file_is_made_anew(cache, monkeypatch, damage):
    with torch.no_grad():
        accelerated(network())(torch.ones(1, 8))
        (path,) = cache.iterdir()
        whole = path.read_bytes()
        path.write_bytes(damage(whole))
        fast = accelerated(network())
        fast(torch.ones(1, 8))
    assert onnxruntime.InferenceSession(path.read_bytes()).get_inputs()[0].name == "input"


def test_a_file_of_another_network_is_made_anew(cache):
    """Whole, but it does not give what torch gives."""
    other = network()
    other.mean += 1
    path = onnx_graphs.graph_file(network())
    path.parent.mkdir(parents=True)
    path.write_bytes(onnx_graphs.exported(other))
    with torch.no_grad():
        given = torch.ones(1, 8)
        torch.testing.assert_close(accelerated(network())(given), network()(given))


def fail(*given, **how):
    raise RuntimeError("nothing is exported\nand the rest of a long story")


def full(*given, **how):
    raise OSError(28, "No space left on device", "/home/ann/secret")


@pytest.mark.parametrize(
    "place, name, failure, reason",
    [
        (torch.onnx, "export", fail, "RuntimeError: nothing is exported"),
        (onnx_graphs, "write_whole", full, "OSError: No space left on device"),
        (onnx_graphs, "compute", lambda *given: torch.zeros(1, 3, 8, 8), "GraphDiffers: "),
    ],
)
def test_torch_answers_where_it_fails(cache, monkeypatch, caplog, place, name, failure, reason):
    """The log has one line, however often the network is asked."""
    monkeypatch.setattr(place, name, failure)
    fast, given = accelerated(network()), torch.ones(1, 8)
    with caplog.at_level(logging.WARNING), torch.no_grad():
        for _ in range(2):
            torch.testing.assert_close(fast(given), network()(given))
    (line,) = caplog.messages
    assert line.startswith(
        f"Bottleneck stays in torch, as ONNX Runtime cannot be used for it: {reason}"
    )
    assert "\n" not in line and "/home" not in line


def test_torch_answers_where_the_package_is_missing(cache, monkeypatch, caplog):
    import sys

    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    given = torch.ones(1, 8)
    with torch.no_grad():
        torch.testing.assert_close(accelerated(network())(given), network()(given))
    assert "onnxruntime" in caplog.text


def test_a_wrong_input_is_torchs_to_refuse(cache):
    fast = accelerated(network())
    with torch.no_grad():
        fast(torch.ones(1, 8))
        with pytest.raises(RuntimeError, match="size"):
            fast(torch.ones(1, 9))


def test_threads_share_it(cache):
    """Eight callers at once: one export, and each gets its own answer."""
    fast, together = accelerated(network()), threading.Barrier(8)
    inputs = [torch.full((1, 8), float(number)) for number in range(8)]

    def answer(given: torch.Tensor) -> torch.Tensor:
        together.wait()
        with torch.inference_mode():
            return fast(given)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(answer, inputs))
    with torch.no_grad():
        torch.testing.assert_close(torch.cat(answers), network()(torch.cat(inputs)))


def test_a_caller_on_one_thread_has_a_session_on_one(cache, monkeypatch):
    """As the worker of films has; the others' session keeps its number."""
    asked = []
    opened = acceleration.cached_session
    monkeypatch.setattr(
        acceleration,
        "cached_session",
        lambda network, threads: asked.append(threads) or opened(network, threads),
    )
    fast = accelerated(network())
    for threads in (2, 1, 2, 1):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        with torch.no_grad():
            fast(torch.ones(1, 8))
    assert asked == [2, 1]


def test_nothing_but_networks_is_wrapped():
    """An attribute of the wrapper's own does not hide the network's."""

    class Named(nn.Module):
        sessions_of_mine = 3

    assert accelerated(Named()).sessions_of_mine == 3
