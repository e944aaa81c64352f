"""A network that learns to link: are these two pictures of one person?

It is trained on pairs of the training people.
"""

import hashlib
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from tqdm import tqdm

from training.presets import Schedule
from training.runs import batch_of, set_learning_rate

BUDGET = Schedule(steps=600, batch=64, lr=1e-3, cosine=True)
"""38,400 pairs are shown."""
TEMPERATURE = 0.1


class Tower(nn.Sequential):
    """Normalised pictures (n, 3, 160, 160) -> (n, 64), of length 1.

    Pixels are folded, not blurred, so that the finest detail is seen too.
    """

    def __init__(self, width: int = 32):
        widths = (12, width, 2 * width, 4 * width, 4 * width)
        layers = []
        for inputs, outputs in pairwise(widths):
            layers += [
                nn.Conv2d(inputs, outputs, 3, 2, 1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.LeakyReLU(0.1, inplace=True),
            ]
        super().__init__(
            nn.PixelUnshuffle(2),
            *layers,
            nn.AdaptiveAvgPool2d(4),
            nn.Flatten(),
            nn.Linear(16 * widths[-1], 64),
        )

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return F.normalize(super().forward(pictures.to(memory_format=torch.channels_last)))


class Linker(nn.Module):
    """Two towers, one a side; or one for both sides where both see templates."""

    def __init__(self, first: torch.Tensor, second: torch.Tensor, alike: bool):
        """first, second: samples of what each side sees, (n, 3, 160, 160), uint8.

        Pictures are normalised by their mean and spread. alike: both sides share a tower.
        """
        super().__init__()
        self.first = Tower()
        self.second = self.first if alike else Tower()
        for name, sample in (("a", first), ("b", second)):
            real = sample.float() / 255
            self.register_buffer(f"mean_{name}", real.mean(0))
            self.register_buffer(f"spread_{name}", (real - real.mean(0)).std() + 1e-6)

    def see_first(self, pictures: torch.Tensor) -> torch.Tensor:
        """(n, 3, 160, 160), uint8 -> (n, 64)."""
        return self.first((pictures.float() / 255 - self.mean_a) / self.spread_a)

    def see_second(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.second((pictures.float() / 255 - self.mean_b) / self.spread_b)


def train_linker(
    first: torch.Tensor,
    second: torch.Tensor,
    pairs: np.ndarray,
    alike: bool,
    name: str,
    schedule: Schedule = BUDGET,
) -> Linker:
    """Learn from pairs of pictures of one person, by cross-entropy of their cosines.

    first, second: pictures (n, 3, 160, 160), uint8; pairs: (k, 2), rows of both; alike: both sides
    are templates. In a batch, each of the first is to find its second among all, and the other way
    round (van den Oord et al. 2018).
    """
    torch.manual_seed(int(hashlib.sha256(name.encode()).hexdigest()[:8], 16))
    linker = Linker(first[:1000], second[:1000], alike).train()
    optimizer = torch.optim.Adam(linker.parameters(), lr=schedule.lr)
    for step in tqdm(range(schedule.steps), desc=name, unit="step"):
        set_learning_rate(optimizer, schedule, step)

        ours, theirs = torch.from_numpy(batch_of(pairs, schedule, step)).T
        seen_first, seen_second = linker.see_first(first[ours]), linker.see_second(second[theirs])
        cosines = seen_first @ seen_second.T / TEMPERATURE
        own = torch.arange(len(ours))
        loss = (F.cross_entropy(cosines, own) + F.cross_entropy(cosines.T, own)) / 2

        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    return linker.eval()


@torch.inference_mode()
def seen(
    see: Callable[[torch.Tensor], torch.Tensor], pictures: torch.Tensor, batch: int = 256
) -> torch.Tensor:
    """(n, 64): what `Linker.see_first` or `see_second` gives of pictures, in batches."""
    return torch.cat([see(piece) for piece in pictures.split(batch)])
