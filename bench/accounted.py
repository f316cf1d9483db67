"""Runs a command and accounts for all of its processes: `python -m bench.accounted [--memory[=SECONDS]] COMMAND...`.

Prints JSON: exit status, wall seconds, seconds until each line of standard error, CPU seconds of all processes it
started (also those that outlive the command), and with --memory the greatest sums of PSS and RSS seen at one time, and
the sum of PSS over the seconds.
PSS counts a page shared by several processes once, divided among them; summed over the processes it is what the command
takes. Summed RSS counts shared pages as often as they are shared. Both are sampled every 50 ms, or as many seconds:
shorter peaks are lost.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
INTERVAL_S = 0.05


def descendants(parents: Mapping[int, int], root: int) -> set[int]:
    """A process and all below it, from the parent of each process."""
    found = {root}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def parents_now() -> dict[int, int]:
    """The parent of each process of the machine."""
    parents = {}
    for directory in Path("/proc").iterdir():
        if directory.name.isdigit():
            try:
                # the name of the program stands in brackets and may hold anything, brackets too
                fields = (directory / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has ended meanwhile
            parents[int(directory.name)] = int(fields[1])
    return parents


def memory_kb(smaps_rollup: Iterable[str]) -> tuple[int, int]:
    """PSS and RSS in KiB, from the lines of /proc/PID/smaps_rollup."""
    values = {line.split(":")[0]: int(line.split()[1]) for line in smaps_rollup if line.startswith(("Pss:", "Rss:"))}
    return values.get("Pss", 0), values.get("Rss", 0)


def tree_memory_kb(root: int) -> tuple[int, int]:
    """Sums of PSS and RSS in KiB over a process and all below it."""
    pss = rss = 0
    for pid in descendants(parents_now(), root):
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended meanwhile
        one = memory_kb(lines)
        pss, rss = pss + one[0], rss + one[1]
    return pss, rss


def account(command: list[str], *, memory: bool, interval_s: float = INTERVAL_S) -> dict[str, object]:
    """Runs a command to its end and gives its account; see the module."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    peak = (0, 0)
    course: list[tuple[float, float]] = []
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    lines: list[tuple[float, str]] = []
    assert process.stderr is not None
    reader = threading.Thread(
        target=lambda stream: lines.extend((time.perf_counter() - started, line.rstrip()) for line in stream),
        args=(process.stderr,),
    )
    reader.start()
    while memory and process.poll() is None:
        now = tree_memory_kb(process.pid)
        peak = max(peak[0], now[0]), max(peak[1], now[1])
        course.append((time.perf_counter() - started, now[0] / 1024))
        time.sleep(interval_s)
    code = process.wait()
    wall = time.perf_counter() - started
    while True:  # what was left behind is ours now
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            break
    reader.join()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    account: dict[str, object] = {
        "exit": code,
        "wall_s": wall,
        "cpu_s": used.ru_utime + used.ru_stime,
        "lines": lines,
    }
    if not memory:
        return account
    return account | {"peak_pss_mb": peak[0] / 1024, "peak_rss_mb": peak[1] / 1024, "pss_mb": course}


if __name__ == "__main__":
    option, _, seconds = sys.argv[1].partition("=")
    with_memory = option == "--memory"
    interval = float(seconds) if with_memory and seconds else INTERVAL_S
    print(json.dumps(account(sys.argv[1 + with_memory :], memory=with_memory, interval_s=interval)))
