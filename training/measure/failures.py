"""Table 5's three failures of a generator, each as a number.

With them, training can say when a failure sets in. Real pictures and templates are batches
(n, c, h, w) in [0, 1]; n must be at least 2.
"""

import torch
from torch.nn import functional as F

from ndcb.core.distances import sobel_map

LIMITS = {"blank": 0.9, "contours_kept": 0.35, "only_colours_changed": 0.8}
"""Above these a failure is reported.

They lie between two unrelated pictures (0.1 for the contours of two faces, 0.3 for their colours)
and templates on which the face is plainly seen (0.45 for contours, 0.9 for colours).
"""
WORDS = {
    "blank": "the templates hardly depend on the picture (blank output)",
    "contours_kept": "the templates keep the contours of the picture",
    "only_colours_changed": "the templates are the picture in other colours",
}


def failures(templates: torch.Tensor, real: torch.Tensor) -> dict[str, float]:
    """Each in [0, 1]; 0 is free of it."""
    return {
        "blank": blank(templates, real),
        "contours_kept": contours_kept(templates, real),
        "only_colours_changed": only_colours_changed(templates, real),
    }


def blank(templates: torch.Tensor, real: torch.Tensor) -> float:
    """1 minus the ratio of the templates' spread over the batch to the pictures' spread."""
    spread = templates.std(dim=0).mean() / real.std(dim=0).mean().clamp(min=1e-6)
    return float((1 - spread).clamp(0, 1))


def contours_kept(templates: torch.Tensor, real: torch.Tensor) -> float:
    """Mean correlation of both edge maps; negative ones count as 0.

    An edge map is the root of Eq. 16, summed over the channels. Both pictures are shrunk first, at
    least by half and to about 40 pixels: that keeps a face's contours, not a generator's fine
    pattern.
    """
    a, b = (sobel_map(_coarse(batch)).sum(dim=1).sqrt().flatten(1) for batch in (templates, real))
    return float(_correlation(a, b).clamp(min=0).mean())


def only_colours_changed(templates: torch.Tensor, real: torch.Tensor) -> float:
    """Mean share of the template's variance that the picture's colours explain.

    The fit is a quadratic function of the picture's colour at the same pixel. Both are shrunk
    first, at least by half and to about 40 pixels: a recolouring survives that, and a fine pattern
    does not hide it.
    """
    colours = _coarse(real).flatten(2).mT  # (n, pixels, c)
    target = _coarse(templates).flatten(2).mT.double()
    channels = range(colours.shape[2])
    products = [
        colours[..., i : i + 1] * colours[..., j : j + 1] for i in channels for j in channels[i:]
    ]
    terms = torch.cat([torch.ones_like(colours[..., :1]), colours, *products], dim=2).double()
    ridge = 1e-6 * torch.eye(terms.shape[2], dtype=torch.float64, device=terms.device)
    fit = terms @ torch.linalg.solve(terms.mT @ terms + ridge, terms.mT @ target)

    residual = (target - fit).square().sum(dim=(1, 2))
    total = (target - target.mean(dim=1, keepdim=True)).square().sum(dim=(1, 2))
    share = 1 - residual / total.clamp(min=1e-9)
    return float(share.clamp(0, 1).mean())


def _coarse(batch: torch.Tensor) -> torch.Tensor:
    return F.avg_pool2d(batch, max(2, batch.shape[3] // 40))


def warnings(numbers: dict[str, float]) -> list[str]:
    return [
        f"{WORDS[name]}: {name} = {value:.2f}, over {LIMITS[name]}"
        for name, value in numbers.items()
        if value > LIMITS[name]
    ]


def _correlation(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    a, b = a - a.mean(dim=1, keepdim=True), b - b.mean(dim=1, keepdim=True)
    return (a * b).sum(dim=1) / (a.norm(dim=1) * b.norm(dim=1)).clamp(min=1e-9)
