"""How well scans are read, and how quickly: `python -m bench.omr_scans [FOLDER] [--every N] [--results NAME]`.

FOLDER holds PDFs or pictures, each with its truth of the same stem (.musicxml or .krn); of a document of several pieces
or movements the second's truth is STEM.mov2.musicxml, and so on. The default is `omr_scans_dev` of the shared data, as
for `bench.omr_engraved`, whose figures these are too. With `--reader scan` engraved PDFs are painted and read as
pictures.

Beside those figures it tells the pages with the greatest share of wrong notes, and, where truths say where the lines of
the edition end, how many of its systems and staves were read.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
from pathlib import Path

from bench.omr_engraved import RESULTS, Timing, as_json, shared_data
from bench.scan_pages import worst_pages_text
from bench.scan_systems import FoundSystem, SystemsRead, found_systems, printed_systems, systems_read, systems_text
from etude.evaluation.differences import worst_bars
from etude.evaluation.evaluate import Read, evaluate, read_truths
from etude.evaluation.files import Referee, is_kern
from etude.evaluation.from_score import reading_of
from etude.evaluation.pairs import find_pairs, movement_path
from etude.evaluation.piece import Piece, totals
from etude.evaluation.reading import NOTHING
from etude.evaluation.table import figures_text
from omr_service.files import open_file
from omr_service.pipeline import Source, write_scores
from omr_service.routing import Reader, read_page_of
from renderer_service.musicxml.document import musicxml_bytes


def read(path: Path, reader: Reader, keep: Path | None) -> tuple[Read, tuple[FoundSystem, ...], Timing]:
    """What one file holds, by bars and by systems; its MusicXML is kept where that is wanted."""
    started = time.process_time()
    with open_file(path.read_bytes()) as file:
        outcomes = [read_page_of(file, n + 1, reader) for n in range(len(file.page_sizes))]
    paged = time.process_time()
    pages = [outcome.music for outcome in outcomes if outcome.music is not None]
    if not pages:
        raise ValueError("; ".join(outcome.entry().message for outcome in outcomes))
    placements = {o.entry().page_number: o.placement for o in outcomes if o.placement is not None}
    scores = write_scores(pages, Source(path.name, "sha256:bench"), placements)
    timing = Timing(len(outcomes), paged - started, time.process_time() - paged)
    for number, score in enumerate(scores if keep else [], 1):
        assert keep is not None
        (keep / (f"{path.stem}.musicxml" if number == 1 else f"{path.stem}.mov{number}.musicxml")).write_bytes(
            musicxml_bytes(score)
        )
    return Read(reading_of(scores)), found_systems(scores), timing


def systems_of(piece: Piece, found: tuple[FoundSystem, ...]) -> SystemsRead | None:
    """The systems of a piece that were read; None where its truth does not tell where lines end."""
    printed: list[range] = []
    for movement in range(max(1, len(piece.truth.movements))):
        truth = movement_path(piece.truth_path, movement).read_bytes()
        systems = printed_systems(truth.decode("utf-8", errors="replace")) if is_kern(truth) else ()
        if not systems:
            return None
        before = printed[-1].stop if printed else 0
        printed += [range(before + each.start, before + each.stop) for each in systems]
    return systems_read(piece, printed, found)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=shared_data() / "omr_scans_dev")
    parser.add_argument("--match", default="", help="only files whose name holds this")
    parser.add_argument("--every", type=int, default=1, help="only every n-th file")
    parser.add_argument("--reader", type=Reader, default=Reader.AUTO, help="auto or scan")
    parser.add_argument("--keep", type=Path, help="keep the MusicXML here")
    parser.add_argument("--results", help="name of the results to write")
    parser.add_argument("--referee", type=Path, default=shared_data().parent / "tools" / "omr_score.py")
    parser.add_argument("--worst", type=int, default=0, help="how many bars to show that were read worst")
    parser.add_argument("--worst-pages", type=int, default=20, help="how many pages to show that were read worst")
    args = parser.parse_args()
    referee = Referee(args.referee) if args.referee.exists() else None
    pairs = [pair for pair in find_pairs([str(args.folder)]) if args.match in pair.name][:: args.every]
    truths = read_truths(pairs, referee)
    if args.keep:
        args.keep.mkdir(parents=True, exist_ok=True)
    pieces: list[Piece] = []
    systems: list[SystemsRead] = []
    timings: dict[str, Timing] = {}
    for pair in pairs:
        found: tuple[FoundSystem, ...] = ()
        try:
            made, found, timings[pair.name] = read(pair.pred, args.reader, args.keep)
        except Exception as error:  # a piece that fails counts as empty and the next one is read
            print(f"{pair.pred.name} failed:\n{traceback.format_exc()}", file=sys.stderr)
            made = Read(NOTHING, str(error))
        pieces.append(evaluate(pair, truths[pair], made))
        told = systems_of(pieces[-1], found)
        systems += [told] if told else []
    text = figures_text(pieces, totals(pieces), worst_bars(pieces, args.worst))
    pages = sum(timing.pages for timing in timings.values())
    seconds = sum(timing.page_seconds + timing.join_seconds for timing in timings.values())
    if pages:
        text += f"\n\n{len(pieces)} pieces, {pages} pages, {seconds / pages:.2f} processor seconds per page."
    more = (worst_pages_text(pieces, args.worst_pages), systems_text(systems))
    text = "\n\n".join(part for part in (text, *more) if part)
    print(text)
    if args.results:
        RESULTS.mkdir(exist_ok=True)
        data = json.dumps(as_json(pieces, timings), indent=1) + "\n"
        (RESULTS / f"{args.results}.json").write_text(data, encoding="utf-8")
        (RESULTS / f"{args.results}.md").write_text(f"```\n{text}\n```\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
