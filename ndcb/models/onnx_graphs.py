"""A frozen network -> its ONNX graph, checked against torch, and a session that computes it.

What is exported: the input `input`, float32, (n, ...) for any n; the output `output`.
"""

import io
import sys
import warnings
from hashlib import sha256
from pathlib import Path

import torch
from torch import nn

from ndcb.core.files import write_whole
from ndcb.core.paths import cache_root
from ndcb.recognisers.converted import weights_sha256

VERSION = 1
"""Raise it when this module exports other graphs: those in the cache are named by it."""
INPUT, OUTPUT = "input", "output"
OPSET = 17
TOLERANCE = 1e-5
"""By how much a number of the graph's may differ from torch's."""
BATCHES = (1, 3)
"""Sizes of the batches with which a new graph is checked."""


class GraphDiffers(Exception):
    """A graph does not give what torch gives."""


def cached_session(network: nn.Module, threads: int):
    """An onnxruntime.InferenceSession of the network: from the cache, else exported into it.

    A graph from the cache is checked with one input, a new one as `exported` does. Raises
    Exception, of many kinds: a package is missing, the export or the check fails, no room.
    """
    path = graph_file(network)
    if path.exists():
        try:
            session = open_session(path.read_bytes(), threads)
            check(session, network, BATCHES[:1])
            return session
        except Exception:  # damaged: it is exported anew, which raises what cannot be mended
            pass

    graph = exported(network)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, graph)
    return open_session(graph, threads)


def graph_file(network: nn.Module) -> Path:
    """Where the cache keeps the graph: named by all that decides what the graph computes."""
    kind = type(network)
    of_module = getattr(sys.modules[kind.__module__], "VERSION", None)
    config = getattr(network, "config", None)
    made_of = (VERSION, of_module, kind.__name__, config, weights_sha256(network))
    digest = sha256(repr(made_of).encode()).hexdigest()
    return cache_root() / "onnx" / f"{kind.__name__.lower()}-{VERSION}-{digest[:16]}.onnx"


def exported(network: nn.Module) -> bytes:
    """The network as an ONNX file that gives what torch gives, to `TOLERANCE`.

    Raises GraphDiffers; what torch.onnx and onnxruntime raise.
    """
    file = io.BytesIO()
    with torch.inference_mode(False), torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the tracer: sizes that do not depend on the input
        torch.onnx.export(
            network,
            (sample_inputs(network, 2),),
            file,
            dynamo=False,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_axes={INPUT: {0: "n"}, OUTPUT: {0: "n"}},
        )
    graph = file.getvalue()
    check(open_session(graph, threads=1), network, BATCHES)
    return graph


def open_session(graph: bytes, threads: int):
    """An onnxruntime.InferenceSession on the CPU. Several threads may call its `run` at once."""
    import onnxruntime  # not needed where every network stays in torch

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # its threads would keep the cores busy for a while after each call
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def compute(session, given: torch.Tensor) -> torch.Tensor:
    """What the graph gives for an input on the CPU."""
    (answer,) = session.run([OUTPUT], {INPUT: given.detach().contiguous().numpy()})
    return torch.from_numpy(answer)


def check(session, network: nn.Module, batches: tuple[int, ...]) -> None:
    """Compare the graph with the network on batches of these sizes. Raises GraphDiffers."""
    for batch in batches:
        given = sample_inputs(network, batch)
        with torch.inference_mode():
            expected = network(given)
        answer = compute(session, given)
        if answer.shape != expected.shape:
            raise GraphDiffers(f"its shape is {tuple(answer.shape)}, not {tuple(expected.shape)}")
        difference = float((answer - expected).abs().max())
        if not difference <= TOLERANCE:  # NaN is not either
            raise GraphDiffers(f"it differs from torch by {difference:.2g}")


def input_shape(network: nn.Module) -> tuple[int, ...]:
    """Of one input, without the batch: a picture's, an embedding's or a direction's."""
    reads = getattr(network, "reads", "picture")
    if reads == "picture":
        return network.image_shape
    return (network.config.directions if reads == "direction" else network.config.embedding,)


def sample_inputs(network: nn.Module, batch: int) -> torch.Tensor:
    """Random inputs, always the same: pictures in [0, 1], or vectors of length 1."""
    chance = torch.Generator().manual_seed(batch)
    shape = input_shape(network)
    if len(shape) == 1:
        return nn.functional.normalize(torch.randn(batch, *shape, generator=chance))
    return torch.rand(batch, *shape, generator=chance)
