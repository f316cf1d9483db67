"""What becomes of difficult files: `python -m bench.omr_difficult [--match TEXT] [--keep FOLDER]`.

The cases of `bench.difficult_pages`, made from an engraved PDF (default: the waltz of `examples/`), each read in a
process of its own; some show the music of other ensembles (`bench.ensembles`). What the engraved reader reads of the
PDF is the truth. A line tells onset F1 where there is music to be read, what the reader says of each page, processor
seconds and peak memory.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.difficult_pages import CASES, Case, Source
from bench.ensembles import engraved
from bench.omr_engraved import RESULTS
from bench.omr_pictures import painted
from etude.evaluation.figures import compare
from etude.evaluation.from_score import reading_of
from etude.evaluation.reading import Reading
from etude.mesh.errors import EtudeError
from etude.score.v1 import score_pb2
from omr_service import pipeline
from omr_service.files import open_file
from omr_service.routing import Reader, read_page_of

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "chopin-waltz-op64-no1.pdf"


@dataclass(frozen=True)
class Outcome:
    """What became of a file: onset F1 (None where nothing could be expected or was read), words, cost."""

    case: str
    onset: float | None
    told: str
    seconds: float
    peak_mb: float


def read(data: bytes, reader: Reader = Reader.AUTO, pages: int | None = None) -> tuple[list[score_pb2.Score], str]:
    """The Scores of a file and what the reader says of its pages.

    Raises:
        EtudeError: The file is refused.
    """
    with open_file(data) as file:
        count = len(file.page_sizes)
        outcomes = [read_page_of(file, n + 1, reader) for n in range(min(count, pages or count))]
    entries = [outcome.entry() for outcome in outcomes]
    told = " | ".join(entry.message or f"read, {entry.rotation} degrees" for entry in entries)
    music = [outcome.music for outcome in outcomes if outcome.music is not None]
    if not music:
        raise pipeline.nothing_read(outcomes)
    placements = {o.entry().page_number: o.placement for o in outcomes if o.placement is not None}
    return pipeline.write_scores(music, pipeline.Source("case", "sha256:bench"), placements), told


def _outcome(name: str, data: bytes, truth: Reading | None) -> Outcome:
    started = time.process_time()
    onset: float | None = None
    try:
        scores, told = read(data)
        if truth is not None:
            onset = compare(truth, reading_of(scores)).figures["onset"].f1
    except EtudeError as error:
        told = f"{error.reason}: {error.message}"
    return Outcome(name, onset, told, time.process_time() - started, _peak_mb())


def _peak_mb() -> float:
    """Most memory this process ever had; ru_maxrss would count that of the process it was forked from."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pdf", type=Path, default=EXAMPLE, help="what the cases are made of")
    parser.add_argument("--match", default="", help="only cases whose name holds this")
    parser.add_argument("--keep", type=Path, help="keep the files here")
    parser.add_argument("--make-only", action="store_true", help="make the files and read none")
    parser.add_argument("--results", help="name of the results to write")
    args = parser.parse_args()
    source = Source(args.pdf.read_bytes(), tuple(painted(args.pdf)[:2]))
    truths = [None, *(reading_of(read(source.pdf, Reader.ENGRAVED, n)[0]) for n in (1, 2))]
    cases: dict[str, Case] = {name: case for name, case in CASES.items() if args.match in name}
    outcomes: list[Outcome] = []
    for name, case in cases.items():
        data = case.make(source)
        if args.keep:
            args.keep.mkdir(parents=True, exist_ok=True)
            (args.keep / f"{name}{case.suffix}").write_bytes(data)
        if args.make_only:
            continue
        truth = truths[case.holds]
        if case.ensemble:
            truth = reading_of(read(engraved(case.ensemble), Reader.ENGRAVED, 1)[0])
        # a process of its own: peak memory never falls
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            outcomes.append(pool.apply(_outcome, (name, data, truth)))
        made = outcomes[-1]
        onset = "     -" if made.onset is None else f"{made.onset:6.1%}"
        print(f"{onset} {made.seconds:5.1f} s {made.peak_mb:5.0f} MB {name}: {made.told}", flush=True)
    if args.results:
        RESULTS.mkdir(exist_ok=True)
        data_json = json.dumps([asdict(outcome) for outcome in outcomes], indent=1) + "\n"
        (RESULTS / f"{args.results}.json").write_text(data_json, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
