"""The command as a user meets it: how soon it shows progress, how long a piece takes, how much memory it needs."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.figures import Figure, percentile


def annotate(pdf: Path, *, memory: bool = False) -> dict[str, Any]:
    """The account of one `etude annotate`, with the seconds until its first line of progress.

    Raises:
        RuntimeError: It failed.
    """
    with tempfile.TemporaryDirectory(prefix="etude-bench-") as out:
        command = [sys.executable, "-m", "etude.cli.main", "annotate", str(pdf), "-o", out]
        wrapped = [sys.executable, "-m", "bench.accounted", *(["--memory"] if memory else []), *command]
        run = subprocess.run(wrapped, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[1])
        account: dict[str, Any] = json.loads(run.stdout)
        files = len(list(Path(out).iterdir()))
    progress = [seconds for seconds, line in account["lines"] if line.startswith(f"{pdf.name}:")]
    if account["exit"] or not files or not progress:
        raise RuntimeError(f"etude annotate {pdf.name} failed: {account['lines']}")
    return account | {"first_progress_s": progress[0], "files": files}


def figures(pdf: Path, pages: int, runs: int) -> tuple[list[Figure], list[dict[str, Any]]]:
    """The command's figures on one document, and the account of each run."""
    timed = [annotate(pdf) for _ in range(runs)]
    weighed = annotate(pdf, memory=True)
    wall, cpu, first = (percentile([run[key] for run in timed], 0.5) for key in ("wall_s", "cpu_s", "first_progress_s"))
    of = f"etude annotate {pdf.name} ({pages} pages, all formats), own mesh, median of {runs} runs"
    made = [
        Figure(
            "start-up to first progress", first, "s", f"{of}; until the first line about the file on standard error"
        ),
        Figure("command line to files: wall", wall, "s", f"{of}; start of the process to its end", 10),
        Figure("command line to files: CPU", cpu, "s", f"{of}; user and system, all processes it starts"),
        Figure(
            "peak memory (PSS)",
            weighed["peak_pss_mb"],
            "MB",
            "a run of its own; PSS summed over all its processes, sampled every 50 ms",
            1200,
        ),
        Figure("peak memory (RSS)", weighed["peak_rss_mb"], "MB", "the same with RSS, which counts shared pages anew"),
    ]
    return made, [*timed, weighed]
