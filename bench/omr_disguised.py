"""Whether reading depends on how a PDF tells its ink: `python -m bench.omr_disguised PDF... [--only NAME]`.

Each PDF is drawn anew in the manners of other programs (`disguise/manners.py`), and what is read of that is compared
with what is read of the PDF itself: 100 is the same. With --without FAMILY the reader does not know the outlines of
that family of music fonts, as it does not know those of Sibelius. With --results the figures go to
`bench/results/NAME.json`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.disguise.manners import MANNERS, MissingProgramError
from etude.evaluation.figures import compare
from etude.evaluation.from_score import reading_of
from etude.evaluation.reading import NOTHING, Reading
from omr_service.pdf import outlines
from omr_service.pdf.document import open_document
from omr_service.pipeline import Source, read_page, write_scores

RESULTS = Path(__file__).resolve().parent / "results"
_WHOLE_LIBRARY = outlines._library
SHOWN = ("pitch", "onset", "full", "grace", "tie")


def read(data: bytes) -> tuple[Reading, Counter[str], float]:
    """What a PDF holds, its symbols by name, and processor seconds."""
    started = time.process_time()
    with open_document(data) as document:
        names: Counter[str] = Counter()
        for number in range(1, document.page_count + 1):
            names.update(glyph.name for glyph in document.read_page(number).glyphs)
        outcomes = [read_page(document, number + 1) for number in range(document.page_count)]
    pages = [outcome.music for outcome in outcomes if outcome.music is not None]
    scores = write_scores(pages, Source("page.pdf", "sha256:bench")) if pages else []
    return (reading_of(scores) if scores else NOTHING), names, time.process_time() - started


def forget(family: str) -> None:
    """Makes the reader know only the outlines of the other families of music fonts; of all, for ""."""
    whole = _WHOLE_LIBRARY()
    path = Path(outlines.__file__).with_name("symbol_shapes.npz")
    with np.load(path) as data:
        keep = [index for index, name in enumerate(data["families"]) if str(name) != family]
    if family and len(keep) == len(whole.names):
        raise SystemExit(f"there is no family {family}")
    part = replace(
        whole,
        names=[whole.names[index] for index in keep],
        boxes=whole.boxes[keep],
        grids=whole.grids[keep],
        aspects=whole.aspects[keep],
        sizes=whole.sizes[keep],
        handicaps=whole.handicaps[keep],
    )
    outlines._library = lambda: part  # type: ignore[assignment]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pdfs", nargs="+", type=Path)
    parser.add_argument("--only", default="", help="only manners whose name holds this")
    parser.add_argument("--keep", type=Path, help="keep the PDFs here")
    parser.add_argument("--without", help="family of music fonts to forget: one of those of symbol_shapes.npz, or all")
    parser.add_argument("--results", help="name of the results to write")
    parser.add_argument("--symbols", action="store_true", help="list the symbols that are read otherwise")
    args = parser.parse_args()
    if args.keep:
        args.keep.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for pdf in args.pdfs:
        data = pdf.read_bytes()
        forget("")
        plain, plain_names, seconds = read(data)
        print(f"{pdf.name}: {plain.note_count} notes, {seconds:.2f} s")
        if args.without:
            forget(args.without)
        for name, make in MANNERS.items():
            if args.only not in name:
                continue
            try:
                made = make(data)
            except MissingProgramError as error:
                print(f"  {name:28} left out: {error}")
                continue
            if args.keep:
                (args.keep / f"{pdf.stem}.{name}.pdf").write_bytes(made)
            other, names, seconds = read(made)
            comparison = compare(plain, other)
            figures = {figure: comparison.figures[figure].f1 for figure in SHOWN}
            shown = " ".join(f"{figure} {100 * value:6.2f}" for figure, value in figures.items() if value is not None)
            print(f"  {name:28} {shown}  {seconds:.2f} s")
            if args.symbols:
                lost, found = plain_names - names, names - plain_names
                print(f"    lost {dict(lost)}\n    found {dict(found)}")
            rows.append({"pdf": pdf.stem, "manner": name, "seconds": seconds, **figures})
    for name in dict.fromkeys(row["manner"] for row in rows):
        of_name = [row for row in rows if row["manner"] == name]
        means = []
        for figure in SHOWN:
            values = [row[figure] for row in of_name if row[figure] is not None]
            means.append(f"{figure} {100 * sum(values) / len(values):6.2f}" if values else f"{figure}      -")
        print(f"{name:30} {'  '.join(means)}")
    if args.results:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{args.results}.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
