"""How well pictures of engraved pages are read: `python -m bench.omr_pictures [FOLDER ...] [--manner TEXT]`.

Each FOLDER holds engraved PDFs, each with its truth of the same stem; the default is `omr_engraved_dev` of the shared
data. Documents are painted and made into pictures in the manners of `bench.papers` (plain at several resolutions, worn,
copied, bound, photographed ...), and read by the scan reader. Documents of many pages cost much: `--pages` passes over
those that have more. With `--spread` each document is seen in some of the manners only, in turn. With --results the
table goes to `bench/results/NAME.md`.
"""

from __future__ import annotations

import argparse
import io
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pypdfium2 as pdfium
from PIL import Image

from bench.omr_engraved import RESULTS, shared_data
from bench.papers import MANNERS, Manner, Picture
from etude.evaluation.evaluate import Read, evaluate, read_truths
from etude.evaluation.files import Referee
from etude.evaluation.from_score import reading_of
from etude.evaluation.pairs import Pair, find_pairs
from etude.evaluation.reading import NOTHING
from etude.evaluation.reading import Reading as Notes
from etude.evaluation.table import aligned
from omr_service.files import open_file
from omr_service.pipeline import Source, write_scores
from omr_service.routing import read_page_of
from renderer_service.musicxml.document import musicxml_bytes


@dataclass(frozen=True)
class Reading:
    """A document as it was read from pictures: in which manner, how well (0 to 1), processor seconds."""

    name: str
    manner: str
    pages: int
    pages_read: int
    pitch: float
    onset: float
    full: float
    perfect: float
    seconds: float


def painted(pdf: Path, dpi: int = 300) -> list[Picture]:
    """The pages of a document, grey."""
    document = pdfium.PdfDocument(pdf)
    try:
        return [
            np.array(page.render(scale=dpi / 72, grayscale=True).to_numpy(), np.uint8).squeeze() for page in document
        ]
    finally:
        document.close()


def picture_file(pictures: Sequence[Picture], dpi: int = 300) -> bytes:
    """A TIFF of one picture a page; colours as a telephone's JPEG has them, grey without loss."""
    images = [Image.fromarray(p if p.ndim == 2 else cv2.cvtColor(p, cv2.COLOR_BGR2RGB)) for p in pictures]
    lossless = images[0].mode == "L"
    buffer = io.BytesIO()
    options = {"compression": "tiff_deflate"} if lossless else {"compression": "jpeg", "quality": 88}
    images[0].save(buffer, "TIFF", save_all=True, append_images=images[1:], dpi=(dpi, dpi), **options)
    return buffer.getvalue()


def made(pdf: Path, manner: Manner, seed: Sequence[int]) -> bytes:
    """The picture file of a document in a manner."""
    rng = np.random.default_rng(seed)
    return picture_file([manner.make(page, rng) for page in painted(pdf, manner.dpi)], manner.dpi)


def read(data: bytes, keep: Path | None) -> tuple[Read, int, int]:
    """What the pictures of a document hold, how many there are and how many could be read; its MusicXML kept if
    wanted."""
    with open_file(data) as file:
        outcomes = [read_page_of(file, n + 1) for n in range(len(file.page_sizes))]
    music = [outcome.music for outcome in outcomes if outcome.music is not None]
    if not music:
        return Read(NOTHING, "no page was read"), len(outcomes), 0
    placements = {o.entry().page_number: o.placement for o in outcomes if o.placement is not None}
    scores = write_scores(music, Source("pictures", "sha256:bench"), placements)
    for number, score in enumerate(scores if keep else [], 1):
        assert keep is not None
        name = keep.with_suffix(".musicxml" if number == 1 else f".mov{number}.musicxml")
        name.write_bytes(musicxml_bytes(score))
    return Read(reading_of(scores)), len(outcomes), len(music)


def measured(pair: Pair, truth: Notes, name: str, data: bytes, keep: Path | None) -> Reading:
    """The figures of one reading."""
    started = time.process_time()
    result, pages, pages_read = read(data, keep)
    seconds = time.process_time() - started
    comparison = evaluate(pair, truth, result).comparison
    pitch, onset, full = (comparison.figures[figure].f1 or 0.0 for figure in ("pitch", "onset", "full"))
    perfect = comparison.bars.perfect_share or 0.0
    return Reading(pair.name, name, pages, pages_read, pitch, onset, full, perfect, seconds)


def table(readings: Sequence[Reading]) -> str:
    """A line a manner, and a line a manner and engraver; means over documents, in percent."""
    rows = [["manner", "documents", "pages", "read", "pitch", "onset", "full", "bars perfect", "worst", "s/page"]]
    for manner in dict.fromkeys(r.manner for r in readings):
        rows.append(_row(manner, [r for r in readings if r.manner == manner]))
    for manner in dict.fromkeys(r.manner for r in readings):
        of_manner = [r for r in readings if r.manner == manner]
        engravers = sorted({r.name.split("-")[0] for r in of_manner})
        if len(engravers) > 1 and len(of_manner) >= 3 * len(engravers):
            for engraver in engravers:
                rows.append(_row(f"{manner}, {engraver}", [r for r in of_manner if r.name.split("-")[0] == engraver]))
    return aligned(rows)


def _row(name: str, readings: Sequence[Reading]) -> list[str]:
    figures = [
        100 * statistics.mean(values)
        for values in zip(*((r.pitch, r.onset, r.full, r.perfect) for r in readings), strict=True)
    ]
    pages = sum(r.pages for r in readings)
    return [
        name,
        str(len(readings)),
        str(pages),
        str(sum(r.pages_read for r in readings)),
        *(f"{figure:.1f}" for figure in figures),
        f"{100 * min(r.onset for r in readings):.1f}",
        f"{sum(r.seconds for r in readings) / pages:.2f}",
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", default=[str(shared_data() / "omr_engraved_dev")])
    parser.add_argument("--match", default="", help="only files whose name holds this")
    parser.add_argument("--every", type=int, default=1, help="only every n-th file")
    parser.add_argument("--pages", type=int, default=3, help="only files of at most so many pages")
    parser.add_argument("--manner", default="", help="only manners whose name begins with one of these, parted by ;")
    parser.add_argument("--spread", type=int, default=1, help="each document in every n-th manner only")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="keep the pictures and the MusicXML here")
    parser.add_argument("--results", help="name of the results to write")
    parser.add_argument("--referee", type=Path, default=shared_data().parent / "tools" / "omr_score.py")
    args = parser.parse_args()
    referee = Referee(args.referee) if args.referee.exists() else None
    pairs = [pair for pair in find_pairs(args.folders) if args.match in pair.name]
    pairs = [pair for pair in pairs if len(pdfium.PdfDocument(pair.pred)) <= args.pages][:: args.every]
    manners = {n: m for n, m in MANNERS.items() if n.startswith(tuple(args.manner.split(";")))}
    truths = read_truths(pairs, referee)
    if args.keep:
        args.keep.mkdir(parents=True, exist_ok=True)
    readings: list[Reading] = []
    for manner_number, (name, manner) in enumerate(manners.items()):
        for number, pair in enumerate(pairs):
            if (number - manner_number) % args.spread:
                continue
            data = made(pair.pred, manner, [args.seed, number])
            kept = args.keep / f"{pair.name}.{name.replace(', ', '-').replace(' ', '-')}.tif" if args.keep else None
            if kept:
                kept.write_bytes(data)
            readings.append(measured(pair, truths[pair], name, data, kept))
            made_of = readings[-1]
            print(
                f"{made_of.onset:6.1%} {made_of.pages_read}/{made_of.pages} {made_of.seconds / made_of.pages:.1f} s "
                f"{name}: {pair.name}",
                flush=True,
            )
    text = table(readings)
    print(text)
    if args.results:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{args.results}.md").write_text(f"```\n{text}\n```\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
