"""Frozen networks in ONNX Runtime on the CPU: the same numbers in less time.

torch stays for training, for gradients and for every other device.
"""

import logging
import os
import threading

import torch
from torch import nn

from ndcb.models.onnx_graphs import cached_session, compute
from ndcb.recognisers.sface import SFace

NOT_FASTER = (SFace,)
"""Networks that torch computes in less time. ONNX Runtime keeps a PReLU apart from its convolution,
and lays out each map anew for it; `python -m training benchmark` measures both.
"""
FALL_BACK = "%s stays in torch, as ONNX Runtime cannot be used for it: %s"
log = logging.getLogger(__name__)


def is_on() -> bool:
    """False where the environment variable NDCB_ONNX is 0."""
    return os.environ.get("NDCB_ONNX") != "0"


def accelerated(network: nn.Module, device: str | torch.device = "cpu") -> nn.Module:
    """A frozen network on this device -> one that gives the same, on the CPU in less time.

    Where nothing is gained, it is the network itself.
    """
    is_slower = torch.device(device).type != "cpu" or isinstance(network, NOT_FASTER)
    if is_slower or not is_on():
        return network
    return Accelerated(network)


def in_torch(network: nn.Module) -> nn.Module:
    """The network that `accelerated` was given."""
    return network.in_torch if isinstance(network, Accelerated) else network


class Accelerated(nn.Module):
    """A frozen network with all its attributes, computed by ONNX Runtime, to 1e-5 the same.

    torch computes where gradients are enabled, where the input is on another device, and where
    ONNX Runtime fails. The first call opens the graph, or makes it, which takes seconds once. The
    weights must not change after it.
    """

    def __init__(self, network: nn.Module):
        super().__init__()
        self.in_torch = network
        self.sessions = Sessions(network)
        self.eval()

    def __getattr__(self, name: str):
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("in_torch"), name)

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        if torch.is_grad_enabled() or given.device.type != "cpu":
            return self.in_torch(given)
        answer = self.sessions.compute(given)
        return self.in_torch(given) if answer is None else answer


class Sessions:
    """A network's sessions: one for each number of threads that its callers have torch use.

    A page has two such numbers at most: `ndcb.models.live` follows films on one thread.
    """

    def __init__(self, network: nn.Module):
        self._network = network
        self._opened: dict[int, object | None] = {}
        self._lock = threading.Lock()

    def compute(self, given: torch.Tensor) -> torch.Tensor | None:
        """What ONNX Runtime gives. None: it fails, and the log has a line of it."""
        session = self._session(torch.get_num_threads())
        if session is None:
            return None
        try:
            return compute(session, given)
        except Exception as error:
            self._tell(error)
            return None

    def _session(self, threads: int):
        with self._lock:
            if threads not in self._opened:
                self._opened[threads] = self._open(threads)
            return self._opened[threads]

    def _open(self, threads: int):
        try:
            return cached_session(self._network, threads)
        except Exception as error:
            self._tell(error)
            return None

    def _tell(self, error: Exception) -> None:
        """The text of an OSError would name a folder of the user's."""
        reason = error.strerror if isinstance(error, OSError) else str(error).partition("\n")[0]
        log.warning(FALL_BACK, type(self._network).__name__, f"{type(error).__name__}: {reason}")
