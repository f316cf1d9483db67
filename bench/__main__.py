"""Measures the mesh and writes bench/results/mesh.json and mesh.md: `python -m bench [--quick] [--only PART]`.

Parts: stages, overhead, command. README.md beside this file says what each measures.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import command, overhead, stages
from bench.figures import Figure, report
from bench.surroundings import ROOT, surroundings
from etude.mesh.errors import EtudeError

EXAMPLES = sorted((ROOT / "examples").glob("*.pdf"))
DATA = Path(os.environ.get("ETUDE_SHARED_DATA", ROOT.parent / "shared" / "data"))


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is measured.

    Attributes:
        examples: Documents for the stages.
        document: Document for the command.
        pages: Its number of pages.
        every: One of so many documents of the shared data is measured as well; 0 for none.
        jobs: Jobs through the orchestrator.
        runs: Timed runs of the command.
    """

    examples: Sequence[Path]
    document: Path
    pages: int
    every: int
    jobs: int
    runs: int


def full() -> Extent:
    """What the figures are made with."""
    return Extent(EXAMPLES, ROOT / "examples" / "chopin-etude-op25-no2.pdf", 4, 4, 60, 3)


def quick() -> Extent:
    """Enough to see that every part runs."""
    short = ROOT / "examples" / "chopin-prelude-op28-no4.pdf"
    return Extent([short], short, 1, 0, 3, 1)


def measure_stages(extent: Extent) -> tuple[list[Figure], Any]:
    """The stages, on the examples and on documents of the shared data."""
    stages.ready()
    folder = DATA / "omr_engraved_dev"
    others = sorted(folder.glob("*.pdf"))[:: extent.every] if extent.every else []
    if extent.every and not others:
        print(f"no documents in {folder}; set ETUDE_SHARED_DATA to measure them too", file=sys.stderr)
    made: list[Figure] = []
    details: list[dict[str, object]] = []
    failed: list[str] = []
    for of, documents in (("examples/", extent.examples), (f"every {extent.every}th of {folder.name}", others)):
        measured = []
        for pdf in documents:
            try:
                measured.append(stages.measure(pdf))
            except (EtudeError, ValueError) as error:
                failed.append(f"{pdf.name}: {error}")
        made += stages.figures(measured, of) if measured else []
        details += [document.as_json() for document in measured]
    how = "read, fingered and rendered; those that failed are in none of the figures above"
    made.append(Figure("documents that failed", len(failed), "documents", "; ".join([how, *failed]), 0))
    return made, details


def measure_overhead(extent: Extent) -> tuple[list[Figure], Any]:
    """What orchestrator and gateway add."""
    return asyncio.run(overhead.measure(extent.jobs)), None


def measure_command(extent: Extent) -> tuple[list[Figure], Any]:
    """The command as a user meets it."""
    return command.figures(extent.document, extent.pages, extent.runs)


PARTS: dict[str, tuple[str, Callable[[Extent], tuple[list[Figure], Any]]]] = {
    "command": ("The command", measure_command),
    "overhead": ("What the mesh adds", measure_overhead),
    "stages": ("The stages", measure_stages),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, prints and keeps the figures; gives the exit status, which says nothing about targets."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only see that everything runs; the figures mean little")
    parser.add_argument("--only", choices=PARTS, action="append", help="only this part; may be given again")
    parser.add_argument(
        "--output", type=Path, help="directory for results [bench/results; with --quick or --only, none]"
    )
    options = parser.parse_args(arguments)
    extent = quick() if options.quick else full()
    where = surroundings()
    parts: dict[str, list[Figure]] = {}
    details: dict[str, Any] = {}
    for name, (title, measure) in PARTS.items():
        if name in (options.only or PARTS):
            parts[title], details[name] = measure(extent)
    text = report(where, parts)
    print(text)
    directory = options.output
    if directory is None:
        if options.quick or options.only:
            return 0
        directory = ROOT / "bench/results"
    directory.mkdir(parents=True, exist_ok=True)
    content = {
        "surroundings": where,
        "parts": {title: [figure.as_json() for figure in figures] for title, figures in parts.items()},
        "details": details,
    }
    (directory / "mesh.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (directory / "mesh.md").write_text(text, encoding="utf-8")
    print(f"written to {directory}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
