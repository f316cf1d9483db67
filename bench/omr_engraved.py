"""How well engraved PDFs are read, and how quickly: `python -m bench.omr_engraved [FOLDER] [--results NAME]`.

FOLDER holds PDFs, each with its truth of the same stem (.musicxml or .krn). The default is `omr_engraved_dev` of the
shared data (`ETUDE_SHARED_DATA`, default `../shared/data`); **kern is read by the referee `omr_score.py` in `tools`
beside that folder. The figures are those of `etude eval omr`; what is added is processor time. With --results they go
to `bench/results/NAME.json` and `NAME.md`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from etude.evaluation.differences import worst_bars
from etude.evaluation.evaluate import Read, evaluate, read_truths
from etude.evaluation.files import Referee
from etude.evaluation.from_score import reading_of
from etude.evaluation.pairs import find_pairs
from etude.evaluation.piece import Piece, totals
from etude.evaluation.reading import NOTHING
from etude.evaluation.table import figures_text
from omr_service.pdf.document import open_document
from omr_service.pipeline import Source, read_page, write_scores
from renderer_service.musicxml.document import musicxml_bytes

RESULTS = Path(__file__).resolve().parent / "results"


@dataclass(frozen=True)
class Timing:
    """Processor seconds of one document: reading and assembling its pages, joining them."""

    pages: int
    page_seconds: float
    join_seconds: float


def shared_data() -> Path:
    return Path(os.environ.get("ETUDE_SHARED_DATA", Path(__file__).resolve().parents[1] / ".." / "shared" / "data"))


def read(pdf: Path, keep: Path | None) -> tuple[Read, Timing]:
    """What one PDF holds; its MusicXML is kept where that is wanted."""
    started = time.process_time()
    with open_document(pdf.read_bytes()) as document:
        outcomes = [read_page(document, n + 1) for n in range(document.page_count)]
    paged = time.process_time()
    pages = [outcome.music for outcome in outcomes if outcome.music is not None]
    if not pages:
        raise ValueError("; ".join(outcome.entry().message for outcome in outcomes))
    scores = write_scores(pages, Source(pdf.name, "sha256:bench"))
    timing = Timing(len(outcomes), paged - started, time.process_time() - paged)
    for number, score in enumerate(scores if keep else [], 1):
        assert keep is not None
        (keep / (f"{pdf.stem}.musicxml" if number == 1 else f"{pdf.stem}.mov{number}.musicxml")).write_bytes(
            musicxml_bytes(score)
        )
    return Read(reading_of(scores)), timing


def as_json(pieces: list[Piece], timings: dict[str, Timing]) -> dict[str, Any]:
    """All figures, without the folders of this machine."""
    listed = [
        {**piece.as_json(), "truth": piece.truth_path.name, "pred": f"{piece.pred_path.stem}.musicxml"}
        for piece in pieces
    ]
    return {"pieces": listed, **totals(pieces), "timings": {name: asdict(each) for name, each in timings.items()}}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=shared_data() / "omr_engraved_dev")
    parser.add_argument("--match", default="", help="only PDFs whose name holds this")
    parser.add_argument("--keep", type=Path, help="keep the MusicXML here")
    parser.add_argument("--results", help="name of the results to write")
    parser.add_argument("--referee", type=Path, default=shared_data().parent / "tools" / "omr_score.py")
    parser.add_argument("--worst", type=int, default=0, help="how many bars to show that were read worst")
    args = parser.parse_args()
    referee = Referee(args.referee) if args.referee.exists() else None
    pairs = [pair for pair in find_pairs([str(args.folder)]) if args.match in pair.name]
    truths = read_truths(pairs, referee)
    if args.keep:
        args.keep.mkdir(parents=True, exist_ok=True)
    pieces: list[Piece] = []
    timings: dict[str, Timing] = {}
    for pair in pairs:
        try:
            made, timings[pair.name] = read(pair.pred, args.keep)
        except Exception as error:  # a piece that fails counts as empty and the next one is read
            print(f"{pair.pred.name} failed:\n{traceback.format_exc()}", file=sys.stderr)
            made = Read(NOTHING, str(error))
        pieces.append(evaluate(pair, truths[pair], made))
    text = figures_text(pieces, totals(pieces), worst_bars(pieces, args.worst))
    pages = sum(timing.pages for timing in timings.values())
    seconds = sum(timing.page_seconds + timing.join_seconds for timing in timings.values())
    if pages:
        text += f"\n\n{len(pieces)} pieces, {pages} pages, {seconds / pages:.2f} processor seconds per page."
    print(text)
    if args.results:
        RESULTS.mkdir(exist_ok=True)
        data = json.dumps(as_json(pieces, timings), indent=1) + "\n"
        (RESULTS / f"{args.results}.json").write_text(data, encoding="utf-8")
        (RESULTS / f"{args.results}.md").write_text(f"```\n{text}\n```\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
