"""A training's folder: its state to go on from, its loss curves, its grids of pictures.

Nothing of it is needed once there is a checkpoint. Also what all trainings have in common: which
pictures a step sees, the learning rate, and the step itself.
"""

import csv
import io
import json
import math
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from PIL import Image
from tqdm import tqdm

from ndcb.core.files import whole_file, write_whole
from ndcb.core.tensors import to_pictures
from ndcb.core.terms import UserError
from training.presets import Schedule


class Diverged(UserError):
    def __init__(self, step: int):
        super().__init__(
            f"The loss became NaN or infinite at step {step}. Lower the learning rate (--lr) and"
            " start anew."
        )


class Run:
    """Where a training stands. `history` has one row of numbers a step."""

    def __init__(self, folder: Path, config, writes: bool = True, until: int | None = None):
        """writes: False in the processes of a training that only compute.

        until: the step after which the run ends, if not the schedule's last.
        """
        self.folder = folder
        self.config = json.loads(json.dumps(asdict(config)))
        self.save_every = config.schedule.save_every
        self.last = config.schedule.steps if until is None else until
        self.history: list[dict] = []
        self.parts: dict = {}
        self.writes = writes
        self.stopped = False
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def step(self) -> int:
        return len(self.history)

    @property
    def done(self) -> bool:
        return self.step >= self.last

    @property
    def saves_now(self) -> bool:
        """True after every `save_every` steps, after the last one, and after a signal."""
        return self.step % self.save_every == 0 or self.step == self.last or self.stopped

    def steps(self, name: str) -> Iterator[int]:
        """The numbers of the steps left, with progress. The loop's body has to `log` each.

        Ctrl-C and SIGTERM end the loop after its step, which is saved; a second one ends it at
        once.
        """
        with (
            self._stopping_on_signals(),
            tqdm(
                total=self.last, initial=self.step, desc=name, unit="step", disable=not self.writes
            ) as bar,
        ):
            while not self.done and not self.stopped:
                yield self.step
                _, *numbers = self.history[-1].items()
                bar.set_postfix({key: f"{value:.3f}" for key, value in numbers}, refresh=False)
                bar.update()
        if not self.done:
            print(f"stopped at step {self.step}; the same command goes on from there")

    @contextmanager
    def _stopping_on_signals(self) -> Iterator[None]:
        """Within, the first signal sets `stopped`; afterwards signals do what they did before."""

        def stop(*_):
            if self.stopped:
                raise KeyboardInterrupt
            self.stopped = True

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def restore(self, **parts) -> None:
        """Load the state of an earlier try with the same config, if any, into these parts.

        `save` saves the same parts.
        """
        self.parts = parts
        path = self.folder / "state.pt"
        if not path.exists():
            return
        state = torch.load(path, map_location="cpu", weights_only=True)
        if state["config"] != self.config:
            raise UserError(
                f"{self.folder} holds a run with other settings. Delete it, or name another folder"
                " with --out."
            )
        for name, part in parts.items():
            part.load_state_dict(state[name])
        self.history = state["history"]

    def save(self) -> None:
        """Atomic: a kill at any moment leaves the old state or the new one."""
        if not self.writes:
            return
        state = {name: part.state_dict() for name, part in self.parts.items()}
        with whole_file(self.folder / "state.pt") as file:
            torch.save(state | {"config": self.config, "history": self.history}, file)
        self._write_log()
        self._draw_curves()

    def _write_log(self) -> None:
        text = io.StringIO(newline="")
        table = csv.DictWriter(text, self.history[-1])
        table.writeheader()
        table.writerows(self.history)
        write_whole(self.folder / "log.csv", text.getvalue())

    def log(self, **numbers: float) -> None:
        """One step's numbers. Raises Diverged where one is not finite."""
        if not all(math.isfinite(number) for number in numbers.values()):
            raise Diverged(self.step)
        self.history.append({"step": self.step, **numbers})

    def save_grid(self, *rows: torch.Tensor) -> None:
        """Rows of pictures (n, c, h, w), one above the other, as samples-<step>.png."""
        if not self.writes:
            return
        pictures = [to_pictures(row.cpu()) for row in rows]
        width, height = pictures[0][0].size
        grid = Image.new("RGB", (width * len(pictures[0]), height * len(pictures)))
        for y, row in enumerate(pictures):
            for x, picture in enumerate(row):
                grid.paste(picture, (x * width, y * height))
        with whole_file(self.folder / f"samples-{self.step:06d}.png") as file:
            grid.save(file, "PNG")

    def _draw_curves(self) -> None:
        from matplotlib.figure import Figure

        columns = [name for name in self.history[0] if name != "step"]
        figure = Figure(figsize=(8, 2.2 * len(columns)), layout="constrained")
        axes = figure.subplots(len(columns), 1, sharex=True, squeeze=False)[:, 0]
        steps = [row["step"] for row in self.history]
        for axis, name in zip(axes, columns, strict=True):
            axis.plot(steps, [row[name] for row in self.history], linewidth=0.8)
            axis.set_ylabel(name)
        axis.set_xlabel("step")
        with whole_file(self.folder / "curves.png") as file:
            figure.savefig(file, format="png", dpi=110)


def branch(state: Path, folder: Path, config) -> None:
    """Let a run with another config, in another folder, go on from a copy of this run's state."""
    run = Run(folder, config)
    known = torch.load(state, map_location="cpu", weights_only=True)
    with whole_file(folder / "state.pt") as file:
        torch.save(known | {"config": run.config}, file)


def set_learning_rate(optimizer: torch.optim.Optimizer, schedule: Schedule, step: int) -> None:
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(schedule, step)


def learning_rate(schedule: Schedule, step: int) -> float:
    if not schedule.cosine:
        return schedule.lr
    warm = max(1, schedule.steps // 20)
    if step < warm:
        return schedule.lr * (step + 1) / warm
    angle = math.pi * (step - warm) / max(1, schedule.steps - warm)
    return schedule.lr * 0.5 * (1 + math.cos(angle))


@lru_cache(maxsize=2)
def _permutation(count: int, seed: int, epoch: int) -> torch.Tensor:
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))


def batch_rows(count: int, schedule: Schedule, step: int) -> torch.Tensor:
    """Which of `count` pictures a step sees.

    Only the seed and the step decide, so that a resumed run sees the same ones.
    """
    positions = range(step * schedule.batch, (step + 1) * schedule.batch)
    epochs_and_places = [divmod(position, count) for position in positions]
    return torch.stack(
        [_permutation(count, schedule.seed, epoch)[place] for epoch, place in epochs_and_places]
    )


def batch_of(rows: np.ndarray, schedule: Schedule, step: int) -> np.ndarray:
    """Those of the rows that a step sees."""
    return rows[batch_rows(len(rows), schedule, step).numpy()]


def step_seed(schedule: Schedule, step: int) -> int:
    """The seed of what a step draws, so that a resumed run draws the same."""
    return schedule.seed * 1_000_003 + step


def own_part(accelerator: Accelerator, batch):
    """Those of a batch that this process works on."""
    return batch[accelerator.process_index :: accelerator.num_processes]


def take_step(
    accelerator: Accelerator,
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    loss: torch.Tensor,
) -> None:
    """Change the weights along the loss's gradient, which is clipped to length 1."""
    optimizer.zero_grad(set_to_none=True)
    accelerator.backward(loss)
    accelerator.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
