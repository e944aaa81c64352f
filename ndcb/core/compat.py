"""Makes torchvision importable beside a CPU-only torch.

facenet-pytorch imports torchvision, whose wheel on the package index is built for CUDA. Beside a
CPU-only torch its compiled operators do not load and `import torchvision` stops with "operator
torchvision::nms does not exist". When, and only when, that happens, `torchvision::nms` is defined
here. (`qnms` is its twin for quantised tensors.)
"""

import logging
import sys

import numpy as np
import torch

log = logging.getLogger(__name__)


def nms(boxes: torch.Tensor, scores: torch.Tensor, iou_threshold: float) -> torch.Tensor:
    """Greedy non-maximum suppression: the indices that are kept, best score first.

    boxes: (n, 4) as x0, y0, x1, y1; scores: (n,).
    """
    order = scores.argsort(descending=True, stable=True)
    x0, y0, x1, y1 = boxes[order].cpu().numpy().T  # NumPy: many small steps, slow in torch
    area = (x1 - x0) * (y1 - y0)
    waiting = np.arange(len(order))
    kept = []
    while len(waiting):
        best, rest = waiting[0], waiting[1:]
        kept.append(best)
        width = np.minimum(x1[best], x1[rest]) - np.maximum(x0[best], x0[rest])
        height = np.minimum(y1[best], y1[rest]) - np.maximum(y0[best], y0[rest])
        overlap = width.clip(0) * height.clip(0)
        waiting = rest[overlap <= iou_threshold * (area[best] + area[rest] - overlap)]
    return order[torch.as_tensor(np.array(kept, dtype=np.int64), device=order.device)]


_library = None  # torch drops the definitions when this object dies


def import_torchvision() -> bool:
    """Import torchvision. True: its NMS had to be defined here."""
    global _library
    try:
        import torchvision  # noqa: F401

        return False
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    _library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        _library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _library.impl(name, nms, "CompositeExplicitAutograd")
    import torchvision.extension

    torchvision.extension._has_ops = lambda: True  # its guard asks for the compiled ones
    log.info(
        "torchvision's compiled operators do not fit this torch; its NMS runs in NumPy instead"
    )
    return True


replaced_nms = import_torchvision()
