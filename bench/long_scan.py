"""Whether a long scan runs through with steady memory, progress and cost: `python -m bench.long_scan [--pages 12,60]`.

Scans of so many pages are made of the engraved PDFs of `examples/`, each page painted at 300 dpi and worn anew
(`bench.papers`), black and white. `etude annotate` reads them with a mesh of its own. What is told: processor seconds a
page of all its processes, and over the reading of each fifth of the pages the greatest sum of PSS (sampled every
second) and how many pages were reported one by one. With --results the table goes to `bench/results/NAME.md`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.difficult_pages import group4, pdf_of
from bench.omr_engraved import RESULTS
from bench.omr_pictures import painted
from bench.papers import worn
from etude.evaluation.table import aligned

ROOT = Path(__file__).resolve().parents[1]
DPI = 300
FIFTHS = 5
_READING = re.compile(r"reading page (\d+) of (\d+)")


@dataclass(frozen=True)
class Run:
    """A scan that was annotated.

    Attributes:
        pages: Its pages.
        cpu_s: Processor seconds of all its processes.
        wall_s: Seconds from start to end.
        reported: Seconds after the start at which each page's first line of progress came.
        memory: Seconds after the start, and the sum of PSS over all processes then in MB.
    """

    pages: int
    cpu_s: float
    wall_s: float
    reported: tuple[float, ...]
    memory: tuple[tuple[float, float], ...]


def scan_of(count: int) -> bytes:
    """A PDF of black and white pictures of pages, no two alike."""
    pages = [page for pdf in sorted((ROOT / "examples").glob("*.pdf")) for page in painted(pdf, DPI)]
    pictures = []
    for number, page in enumerate(itertools.islice(itertools.cycle(pages), count)):
        seen = worn(page, np.random.default_rng(number))
        pictures.append((group4(seen), "/CCITTFaxDecode", seen.shape[1], seen.shape[0], "/DeviceGray", 1))
    return pdf_of(pictures, DPI)


def annotated(scan: Path, pages: int) -> Run:
    """Runs `etude annotate` on a scan and accounts for it.

    Raises:
        RuntimeError: It failed.
    """
    with tempfile.TemporaryDirectory(prefix="etude-bench-") as out:
        command = [sys.executable, "-m", "etude.cli.main", "annotate", str(scan), "-o", out]
        wrapped = [sys.executable, "-m", "bench.accounted", "--memory=1", *command]
        account = json.loads(subprocess.run(wrapped, check=True, capture_output=True, text=True, cwd=ROOT).stdout)
    if account["exit"]:
        raise RuntimeError(f"etude annotate failed: {account['lines']}")
    first: dict[str, float] = {}
    for at, line in account["lines"]:
        if found := _READING.search(line):
            first.setdefault(found[1], at)
    reported = tuple(first.values())
    return Run(pages, account["cpu_s"], account["wall_s"], reported, tuple(map(tuple, account["pss_mb"])))


def table(runs: Sequence[Run]) -> str:
    """A line a run and part of it."""
    rows = [["pages", "part", "pages reported", "wall s", "greatest PSS MB", "CPU s, all", "CPU s a page"]]
    for run in runs:
        edges = [0.0, *(run.reported[round(k * len(run.reported) / FIFTHS) - 1] for k in range(1, FIFTHS + 1))]
        spans = [(f"{k + 1} of {FIFTHS}", edges[k], edges[k + 1]) for k in range(FIFTHS)]
        for name, begin, end in [*spans, ("after", edges[-1], run.wall_s)]:
            most = max((pss for at, pss in run.memory if begin <= at <= end), default=0.0)
            reported = sum(begin < at <= end for at in run.reported)
            rows.append([str(run.pages), name, str(reported), f"{end - begin:.0f}", f"{most:.0f}", "", ""])
        most = max(pss for _, pss in run.memory)
        cpu = [f"{run.cpu_s:.0f}", f"{run.cpu_s / run.pages:.2f}"]
        rows.append([str(run.pages), "all", str(len(run.reported)), f"{run.wall_s:.0f}", f"{most:.0f}", *cpu])
    return aligned(rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", default="12,60", help="how long the scans are, parted by commas")
    parser.add_argument("--results", help="name of the results to write")
    args = parser.parse_args()
    runs: list[Run] = []
    with tempfile.TemporaryDirectory(prefix="etude-bench-") as folder:
        for pages in map(int, args.pages.split(",")):
            scan = Path(folder) / f"scan-{pages}.pdf"
            scan.write_bytes(scan_of(pages))
            runs.append(annotated(scan, pages))
            print(table(runs[-1:]), flush=True)
    if args.results:
        (RESULTS / f"{args.results}.md").write_text(f"```\n{table(runs)}\n```\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
