"""Measures the renderer: CPU seconds per 100 bars of every format, and the memory it takes.

    python bench/rendering.py [--bars N] [--runs N] [SCORE.bin PDF]

Without arguments it renders generated piano music (two voices, chords, 16ths, all notes fingered). Given a
serialized Score and the PDF it was read from, it renders those. Figures are printed and kept in
bench/results/rendering.json; the target is 2 s per 100 bars for all formats together.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # its pieces come from tests/, which is not installed; hence the late imports

from etude.score.v1 import score_pb2  # noqa: E402
from renderer_service.annotation import annotate_pdf  # noqa: E402
from renderer_service.engraving import engraved_pages, pdf_bytes  # noqa: E402
from renderer_service.midi import midi_bytes  # noqa: E402
from renderer_service.musicxml import musicxml_bytes  # noqa: E402
from renderer_service.steps import StepInput, check, warm_up  # noqa: E402
from tests.renderer.pages import printed  # noqa: E402
from tests.renderer.pieces import plain  # noqa: E402

RESULTS = ROOT / "bench" / "results"


def best(function: Callable[[], Any], runs: int) -> tuple[float, Any]:
    """The least of several times in CPU seconds (others may be at work on the machine), and the last result."""
    times, result = [], None
    for _ in range(runs):
        start = time.process_time()
        result = function()
        times.append(time.process_time() - start)
    return min(times), result


def measure(score: score_pb2.Score, pdf: bytes, runs: int) -> dict[str, Any]:
    """Seconds of every part of a rendering."""
    start = time.process_time()
    warm_up()
    seconds = {"warm_up": time.process_time() - start}
    task = StepInput((score.SerializeToString(),), 0, b"", frozenset(), 1, "")
    seconds["check"], _ = best(lambda: check(task), runs)
    seconds["musicxml"], _ = best(lambda: musicxml_bytes(score), runs)
    seconds["midi"], _ = best(lambda: midi_bytes(score), runs)
    # what was laid out before is known; only its first time counts
    seconds["svg"], pages = best(lambda: engraved_pages(score, 1), 1)
    # Typst remembers what it has compiled before; only its first time counts
    seconds["pdf"], _ = best(lambda: pdf_bytes(pages, "bench"), 1)
    seconds["annotated_pdf"], annotated = best(lambda: annotate_pdf(pdf, [score]), runs)
    bars = len(score.measures)
    total = sum(value for name, value in seconds.items() if name != "warm_up")
    return {
        "bars": bars,
        "notes": sum(len(event.notes) for event in score.events),
        "pages": len(score.pages),
        "digits": sum(len(page.digits) for page in annotated.pages),
        "digits_on_print": sum(len(page.crowded) for page in annotated.pages),
        "seconds": {name: round(value, 4) for name, value in seconds.items()},
        "seconds_per_100_bars": round(total * 100 / bars, 3),
        "annotated_seconds_per_page": round(seconds["annotated_pdf"] / max(1, len(score.pages)), 3),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def main() -> None:
    """Parses the arguments, measures, prints and keeps the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("score", nargs="?", type=Path, help="serialized Score with page regions")
    parser.add_argument("pdf", nargs="?", type=Path, help="the PDF it was read from")
    parser.add_argument("--bars", type=int, default=200)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    if arguments.score:
        if not arguments.pdf:
            parser.error("a Score needs the PDF it was read from")
        score, pdf = score_pb2.Score.FromString(arguments.score.read_bytes()), arguments.pdf.read_bytes()
    else:
        pdf, score = printed(plain(arguments.bars))
    figures = measure(score, pdf, arguments.runs)
    print(json.dumps(figures, indent=2))
    if not arguments.score:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "rendering.json").write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
