"""`python -m omr_service.pdf FILE [PAGE]`: prints what the engraved reader finds on a page, as JSON lines."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path

from omr_service.pdf.reader import read_page_symbols


def main() -> int:
    """Prints one JSON object per symbol, its kind first; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m omr_service.pdf", description=__doc__)
    parser.add_argument("file", type=Path, help="a PDF")
    parser.add_argument("page", type=int, nargs="?", default=1, help="page number, from 1")
    arguments = parser.parse_args()
    page = read_page_symbols(arguments.file.read_bytes(), arguments.page)
    kinds = (
        ("glyph", page.glyphs),
        ("text", page.texts),
        ("line", page.lines),
        ("curve", page.curves),
        ("wiggle", page.wiggles),
    )
    print(json.dumps({"kind": "page", "width": page.width, "height": page.height, "rotation": page.rotation}))
    for kind, found in kinds:
        for symbol in found:
            values = dataclasses.asdict(symbol)
            print(json.dumps({"kind": kind} | _rounded(values), ensure_ascii=False))
    return 0


def _rounded(values: dict[str, object]) -> dict[str, object]:
    return {
        key: round(value, 3) if isinstance(value, float) else _rounded(value) if isinstance(value, dict) else value
        for key, value in values.items()
    }


if __name__ == "__main__":
    sys.exit(main())
