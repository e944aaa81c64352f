"""The machine, the code and the libraries that the figures depend on."""

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import torch

from ndcb.models.pipeline import pick_device
from training.provenance import commit, versions


def about() -> dict:
    """What the figures depend on: the machine, the code and the libraries."""
    device = pick_device("auto")
    machine = {
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "device": device,
        "gpu": torch.cuda.get_device_name() if device == "cuda" else None,
    }
    return {
        "device": machine,
        "commit": commit(),
        "versions": {"python": platform.python_version()} | versions(),
    }


def cpu_name() -> str:
    """As the system tells it; where it does not, the architecture."""
    if sys.platform == "darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()
    info = Path("/proc/cpuinfo")
    text = info.read_text() if info.exists() else ""
    model = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return model[1] if model else platform.machine()
