"""Reads a folder of scans with truth and scores what was read, note by note.

    python bench/omr_scans.py [FOLDER] [--match TEXT] [--every N] [--reader auto|scan] [--keep DIR] [--results NAME]

FOLDER holds PDFs and, beside each, its truth with the same stem (.musicxml or .krn). The default is `omr_scans_dev` of
the shared data, as for `omr_engraved.py`. With `--reader scan` engraved PDFs are painted and read as pictures. With
--results the table goes to `bench/results/NAME.json` and `NAME.md`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import traceback
from dataclasses import asdict
from pathlib import Path

from bench.omr_engraved import RESULTS, Timing, shared_data, table, truth_of
from omr_service.files import open_file
from omr_service.pipeline import Source, write_scores
from omr_service.routing import Reader, read_page_of
from renderer_service.musicxml.document import musicxml_bytes


def read(pdf: Path, out: Path, reader: Reader) -> Timing:
    """Reads one file and writes MusicXML."""
    started = time.process_time()
    with open_file(pdf.read_bytes()) as file:
        outcomes = [read_page_of(file, n + 1, reader) for n in range(len(file.page_sizes))]
    paged = time.process_time()
    pages = [outcome.music for outcome in outcomes if outcome.music is not None]
    if not pages:
        raise ValueError("; ".join(outcome.entry().message for outcome in outcomes))
    placements = {o.entry().page_number: o.placement for o in outcomes if o.placement is not None}
    scores = write_scores(pages, Source(pdf.name, "sha256:bench"), placements)
    joined = time.process_time()
    out.write_bytes(musicxml_bytes(scores[0]))
    return Timing(len(outcomes), paged - started, joined - paged, sum(len(score.doubts) for score in scores))


def distribution(values: list[float]) -> str:
    """The values at the ends and the deciles between them."""
    ordered = sorted(values)
    at = [ordered[round(k / 10 * (len(ordered) - 1))] for k in range(11)]
    return "Onset F1 by decile of pieces, worst first: " + ", ".join(f"{100 * v:.1f}" for v in at) + "."


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=shared_data() / "omr_scans_dev")
    parser.add_argument("--match", default="", help="only files whose name holds this")
    parser.add_argument("--every", type=int, default=1, help="only every n-th file")
    parser.add_argument("--reader", type=Reader, default=Reader.AUTO, help="auto or scan")
    parser.add_argument("--keep", type=Path, help="keep the MusicXML here")
    parser.add_argument("--results", help="name of the results to write")
    parser.add_argument("--referee", type=Path, default=shared_data().parent / "tools" / "omr_score.py")
    args = parser.parse_args()
    files = [p for p in sorted(args.folder.glob("*.pdf")) if args.match in p.name and truth_of(p)][:: args.every]
    if not files:
        print(f"no PDF with truth in {args.folder}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as temporary:
        out = args.keep or Path(temporary)
        out.mkdir(parents=True, exist_ok=True)
        timings: dict[str, Timing] = {}
        for file in files:
            target = out / f"{file.stem}.musicxml"
            target.unlink(missing_ok=True)
            try:
                timings[file.stem] = read(file, target, args.reader)
            except Exception:  # a piece that fails counts as empty and the next one is read
                print(f"{file.name} failed:\n{traceback.format_exc()}", file=sys.stderr)
        pairs = Path(temporary) / "pairs.tsv"
        pairs.write_text("".join(f"{truth_of(p)}\t{out / p.stem}.musicxml\n" for p in files), encoding="utf-8")
        command = [sys.executable, str(args.referee), "--pairs", str(pairs), "--json"]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        if answer.returncode:
            print(answer.stderr, file=sys.stderr)
            return answer.returncode
        result = json.loads(answer.stdout)
    onsets = [piece["figures"]["onset"]["f1"] or 0.0 for piece in result["pieces"]]
    text = table(result["pieces"], result, timings) + "\n" + distribution(onsets)
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
