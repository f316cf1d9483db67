"""Where and on what figures are measured."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def surroundings() -> dict[str, str]:
    """Where and on what the figures are measured."""
    cpus = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in cpus if line.startswith("model name")), platform.machine())
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True).stdout
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit.strip() or "unknown",
        "machine": f"{len(os.sched_getaffinity(0))} cores, {model}",
        "load before (1, 5, 15 min)": ", ".join(f"{load:.2f}" for load in os.getloadavg()),
        "Python": platform.python_version(),
    }
