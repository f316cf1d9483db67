"""Reads a folder of engraved PDFs with truth and scores what was read, note by note.

    python bench/omr_engraved.py [FOLDER] [--match TEXT] [--keep DIR] [--results NAME]

FOLDER holds PDFs and, beside each, its truth with the same stem (.musicxml or .krn). The default is
`omr_engraved_dev` of the shared data (`ETUDE_SHARED_DATA`, default `../shared/data`); the referee is `omr_score.py` in
`tools` beside that folder. With --results the table goes to `bench/results/NAME.json` and `NAME.md`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from omr_service.pdf.document import open_document
from omr_service.pipeline import Source, read_page, write_scores
from renderer_service.musicxml.document import musicxml_bytes

FIGURES = ("pitch", "onset", "full", "spelling", "grace", "tie")
RESULTS = Path(__file__).resolve().parent / "results"


@dataclass(frozen=True)
class Timing:
    """Processor seconds of one document: reading and assembling its pages, joining them."""

    pages: int
    page_seconds: float
    join_seconds: float
    doubts: int


def shared_data() -> Path:
    return Path(os.environ.get("ETUDE_SHARED_DATA", Path(__file__).resolve().parents[1] / ".." / "shared" / "data"))


def truth_of(pdf: Path) -> Path | None:
    return next((t for t in (pdf.with_suffix(".musicxml"), pdf.with_suffix(".krn")) if t.exists()), None)


def read(pdf: Path, out: Path) -> Timing:
    """Reads one PDF and writes MusicXML."""
    started = time.process_time()
    with open_document(pdf.read_bytes()) as document:
        outcomes = [read_page(document, n + 1) for n in range(document.page_count)]
    paged = time.process_time()
    pages = [outcome.music for outcome in outcomes if outcome.music is not None]
    if not pages:
        raise ValueError("; ".join(outcome.entry().message for outcome in outcomes))
    scores = write_scores(pages, Source(pdf.name, "sha256:bench"))
    joined = time.process_time()
    out.write_bytes(musicxml_bytes(scores[0]))
    return Timing(len(outcomes), paged - started, joined - paged, sum(len(score.doubts) for score in scores))


def percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f}"


def table(pieces: list[dict[str, Any]], totals: dict[str, Any], timings: dict[str, Timing]) -> str:
    """The results as a Markdown table, the worst onset first."""
    lines = ["| piece | bars | perfect | " + " | ".join(FIGURES) + " | CPU s/page | doubts |"]
    lines.append("|---|---|---|" + "---|" * (len(FIGURES) + 2))
    for piece in sorted(pieces, key=lambda p: p["figures"]["onset"]["f1"] or 0.0):
        name = Path(piece["pred"]).stem
        timing = timings.get(name)
        seconds = f"{(timing.page_seconds + timing.join_seconds) / timing.pages:.2f}" if timing else "failed"
        cells = [percent(piece["figures"][f]["f1"]) for f in FIGURES]
        doubts = str(timing.doubts) if timing else "-"
        bars = piece["measures"]
        row = [name, str(bars["truth"]), percent(bars["perfect_share"]), *cells, seconds, doubts]
        lines.append("| " + " | ".join(row) + " |")
    for kind in ("macro", "micro"):
        cells = [percent(totals[kind]["figures"][f]["f1"]) for f in FIGURES]
        lines.append(
            f"| **{kind}** | | {percent(totals[kind]['measures']['perfect_share'])} | " + " | ".join(cells) + " | | |"
        )
    pages = sum(t.pages for t in timings.values())
    seconds_all = sum(t.page_seconds + t.join_seconds for t in timings.values())
    if pages:
        lines.append(f"\n{len(pieces)} pieces, {pages} pages, {seconds_all / pages:.2f} processor seconds per page.")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=shared_data() / "omr_engraved_dev")
    parser.add_argument("--match", default="", help="only PDFs whose name holds this")
    parser.add_argument("--keep", type=Path, help="keep the MusicXML here")
    parser.add_argument("--results", help="name of the results to write")
    parser.add_argument("--referee", type=Path, default=shared_data().parent / "tools" / "omr_score.py")
    args = parser.parse_args()
    pdfs = [p for p in sorted(args.folder.glob("*.pdf")) if args.match in p.name and truth_of(p)]
    if not pdfs:
        print(f"no PDF with truth in {args.folder}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as temporary:
        out = args.keep or Path(temporary)
        out.mkdir(parents=True, exist_ok=True)
        timings: dict[str, Timing] = {}
        for pdf in pdfs:
            target = out / f"{pdf.stem}.musicxml"
            target.unlink(missing_ok=True)
            try:
                timings[pdf.stem] = read(pdf, target)
            except Exception:  # a piece that fails counts as empty and the next one is read
                print(f"{pdf.name} failed:\n{traceback.format_exc()}", file=sys.stderr)
        pairs = Path(temporary) / "pairs.tsv"
        pairs.write_text("".join(f"{truth_of(p)}\t{out / p.stem}.musicxml\n" for p in pdfs), encoding="utf-8")
        command = [sys.executable, str(args.referee), "--pairs", str(pairs), "--json"]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        if answer.returncode:
            print(answer.stderr, file=sys.stderr)
            return answer.returncode
        result = json.loads(answer.stdout)
    text = table(result["pieces"], result, timings)
    print(text)
    if args.results:
        RESULTS.mkdir(exist_ok=True)
        for piece in result["pieces"]:
            piece["truth"], piece["pred"] = Path(piece["truth"]).name, Path(piece["pred"]).name
        data = {**result, "timings": {name: asdict(timing) for name, timing in timings.items()}}
        (RESULTS / f"{args.results}.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
        (RESULTS / f"{args.results}.md").write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
