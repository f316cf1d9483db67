"""How well photographs of pages are read: `python -m bench.omr_photos [FOLDER] [--views N] [--every N]`.

FOLDER holds engraved PDFs, each with its truth of the same stem; the default is `omr_engraved_dev` of the shared data.
Every document is painted at 300 dpi and read flat, then each of its pages is photographed (`bench.photographs`) and
read again; onset F1 of the two stand side by side. Documents of many pages cost many photographs: `--pages` passes
over those that have more.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
import pypdfium2 as pdfium
from PIL import Image

from bench.omr_engraved import RESULTS, shared_data
from bench.photographs import Picture, View, photographed, random_view
from etude.evaluation.evaluate import Read, evaluate, read_truths
from etude.evaluation.files import Referee
from etude.evaluation.from_score import reading_of
from etude.evaluation.pairs import Pair, find_pairs
from etude.evaluation.reading import NOTHING
from etude.evaluation.reading import Reading as Notes
from omr_service.files import open_file
from omr_service.pipeline import Source, write_scores
from omr_service.routing import read_page_of

DPI = 300


@dataclass(frozen=True)
class Reading:
    """A document as it was read from pictures: what of, how well, how long."""

    name: str
    view: str
    pages: int
    pages_read: int
    onset: float
    pitch: float
    seconds: float


def painted(pdf: Path) -> list[Picture]:
    """The pages of a document, grey at 300 dpi."""
    document = pdfium.PdfDocument(pdf)
    try:
        return [
            np.array(page.render(scale=DPI / 72, grayscale=True).to_numpy(), np.uint8).squeeze() for page in document
        ]
    finally:
        document.close()


def picture_file(pictures: list[Picture]) -> bytes:
    """A TIFF of one picture a page; colours as a telephone's JPEG has them, grey without loss."""
    images = [Image.fromarray(p if p.ndim == 2 else cv2.cvtColor(p, cv2.COLOR_BGR2RGB)) for p in pictures]
    lossless = images[0].mode == "L"
    buffer = io.BytesIO()
    options = {"compression": "tiff_deflate"} if lossless else {"compression": "jpeg", "quality": 88}
    images[0].save(buffer, "TIFF", save_all=True, append_images=images[1:], dpi=(DPI, DPI), **options)
    return buffer.getvalue()


def read(data: bytes) -> tuple[Read, int, int]:
    """What the pictures of a document hold, how many there are and how many could be read."""
    with open_file(data) as file:
        outcomes = [read_page_of(file, n + 1) for n in range(len(file.page_sizes))]
    music = [outcome.music for outcome in outcomes if outcome.music is not None]
    if not music:
        return Read(NOTHING, "no page was read"), len(outcomes), 0
    placements = {o.entry().page_number: o.placement for o in outcomes if o.placement is not None}
    scores = write_scores(music, Source("pictures", "sha256:bench"), placements)
    return Read(reading_of(scores)), len(outcomes), len(music)


def measured(pair: Pair, truth: Notes, name: str, data: bytes) -> Reading:
    """The figures of one reading."""
    started = time.process_time()
    made, pages, pages_read = read(data)
    seconds = time.process_time() - started
    piece = evaluate(pair, truth, made)
    pitch, onset = (piece.comparison.figures[figure].f1 or 0.0 for figure in ("pitch", "onset"))
    return Reading(pair.name, name, pages, pages_read, onset, pitch, seconds)


def told(view: View) -> str:
    """A view in a few words."""
    return (
        f"tilt {view.tilt[0]:+.0f} {view.tilt[1]:+.0f}, turn {view.turn:+.1f}, curl {view.curl:.3f}, "
        f"light -{view.light:.0%}, shadow {view.shadow:.0%}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=shared_data() / "omr_engraved_dev")
    parser.add_argument("--match", default="", help="only files whose name holds this")
    parser.add_argument("--every", type=int, default=1, help="only every n-th file")
    parser.add_argument("--pages", type=int, default=3, help="only files of at most so many pages")
    parser.add_argument("--views", type=int, default=2, help="photographs of each page")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="keep the photographs here")
    parser.add_argument("--results", help="name of the results to write")
    parser.add_argument("--referee", type=Path, default=shared_data().parent / "tools" / "omr_score.py")
    args = parser.parse_args()
    referee = Referee(args.referee) if args.referee.exists() else None
    pairs = [pair for pair in find_pairs([str(args.folder)]) if args.match in pair.name]
    pairs = [pair for pair in pairs if len(pdfium.PdfDocument(pair.pred)) <= args.pages][:: args.every]
    truths = read_truths(pairs, referee)
    readings: list[Reading] = []
    for number, pair in enumerate(pairs):
        pages = painted(pair.pred)
        readings.append(measured(pair, truths[pair], "flat", picture_file(pages)))
        print(f"{readings[-1].onset:6.1%} {pair.name}: flat", flush=True)
        for view_number in range(args.views):
            rng = np.random.default_rng([args.seed, number, view_number])
            views = [random_view(rng) for _ in pages]
            data = picture_file([photographed(p, v, rng) for p, v in zip(pages, views, strict=True)])
            if args.keep:
                args.keep.mkdir(parents=True, exist_ok=True)
                (args.keep / f"{pair.name}.{view_number}.tif").write_bytes(data)
            name = "; ".join(map(told, views))
            readings.append(measured(pair, truths[pair], name, data))
            print(f"{readings[-1].onset:6.1%} {pair.name}: {name}", flush=True)
    flat = statistics.mean(r.onset for r in readings if r.view == "flat")
    seen = [r for r in readings if r.view != "flat"]
    onset = statistics.mean(r.onset for r in seen)
    summary = {
        "documents": len(pairs),
        "photographs": sum(r.pages for r in seen),
        "photographs_read": sum(r.pages_read for r in seen),
        "onset_flat": round(flat, 4),
        "onset_photographed": round(onset, 4),
        "pitch_photographed": round(statistics.mean(r.pitch for r in seen), 4),
        "seconds_per_photograph": round(sum(r.seconds for r in seen) / sum(r.pages for r in seen), 2),
    }
    print(json.dumps(summary, indent=1))
    if args.results:
        RESULTS.mkdir(exist_ok=True)
        data = {"summary": summary, "readings": [asdict(r) for r in readings]}
        (RESULTS / f"{args.results}.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
