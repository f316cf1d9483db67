"""Engraves MusicXML with Verovio in many faces, sizes and thicknesses, as PDFs that the engraved reader labels."""

from __future__ import annotations

import io
import random
import re
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omr_service.training.decorate import decorate

FACES = ("Bravura", "Gootville", "Leipzig", "Leland", "Petaluma")
TEXT_FACES = (
    "Libertinus Serif",
    "New Computer Modern",
    "C059",
    "P052",
    "Nimbus Roman",
    "Liberation Serif",
    "DejaVu Serif",
)
"""Text faces, of which those that are on the machine are used; Typst carries the first two."""
_WEB_FONTS = re.compile(r"<style[^>]*>@font-face.*?</style>", re.DOTALL)
_FAMILY = re.compile(r'font-family="Times[^"]*"')


def options(rng: random.Random) -> dict[str, Any]:
    """Layout options of Verovio as chance has them: face, size, thickness of every kind of line, spacing."""
    return {
        "font": rng.choice(FACES),
        "unit": rng.choice((6.5, 7.0, 7.5, 8.0, 9.0)),
        "scale": 100,
        "pageWidth": 2100,
        "pageHeight": rng.choice((2970, 2700)),
        "mmOutput": True,
        "breaks": "auto",
        "header": rng.choice(("auto", "none")),
        "footer": "none",
        "staffLineWidth": rng.uniform(0.10, 0.22),
        "stemWidth": rng.uniform(0.14, 0.28),
        "barLineWidth": rng.uniform(0.2, 0.4),
        "ledgerLineThickness": rng.uniform(0.18, 0.34),
        "ledgerLineExtension": rng.uniform(0.4, 0.7),
        "slurMidpointThickness": rng.uniform(0.4, 0.8),
        "tieMidpointThickness": rng.uniform(0.35, 0.7),
        "hairpinThickness": rng.uniform(0.12, 0.28),
        "fingeringScale": rng.uniform(0.6, 0.9),
        "graceFactor": rng.uniform(0.6, 0.8),
        "spacingLinear": rng.uniform(0.18, 0.35),
        "spacingNonLinear": rng.uniform(0.5, 0.65),
        "spacingStaff": rng.choice((8, 10, 12)),
        "spacingSystem": rng.choice((4, 8, 12)),
        "justifyVertically": rng.random() < 0.4,
        "octaveLineThickness": rng.uniform(0.15, 0.3),
        "octaveNoSpanningParentheses": True,
        "thickBarlineThickness": rng.uniform(0.8, 1.2),
    }


def pdf_of_svgs(svgs: Sequence[str], width: float, height: float, family: str = TEXT_FACES[0]) -> bytes:
    """A PDF with one SVG page per page, all vectors.

    Args:
        svgs: The pages.
        width, height: Page size in millimetres.
        family: Text face.
    """
    import typst

    source = [f"#set page(width: {width}mm, height: {height}mm, margin: 0pt)"]
    source += [f'#page(image("page-{n}.svg", width: 100%, height: 100%))' for n in range(1, len(svgs) + 1)]
    files: Any = {"main.typ": "\n".join(source).encode()}
    for number, svg in enumerate(svgs, 1):
        plain = _FAMILY.sub(f'font-family="{family}"', _WEB_FONTS.sub("", svg))
        files[f"page-{number}.svg"] = plain.encode()
    return bytes(typst.compile(files, format="pdf"))


def decorated(source: Path, rng: random.Random) -> bytes:
    """A MusicXML file with marks added; see `decorate`.

    Raises:
        ET.ParseError: It is no XML.
    """
    tree = ET.parse(source)
    decorate(tree, rng)
    buffer = io.BytesIO()
    tree.write(buffer, encoding="utf-8", xml_declaration=True)
    return buffer.getvalue()


def pdf_of_musicxml(musicxml: bytes, rng: random.Random, pages: int) -> bytes:
    """A PDF of some pages of a score by Verovio, laid out as chance has it.

    Args:
        musicxml: The score.
        rng: Chooses.
        pages: Greatest number of pages; those in a row from somewhere.

    Raises:
        ValueError: Verovio cannot load it.
    """
    import verovio

    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    chosen = options(rng)
    toolkit.setOptions(chosen)
    if not toolkit.loadData(musicxml.decode()):
        raise ValueError("Verovio cannot load the score.")
    count = toolkit.getPageCount()
    first = rng.randint(1, max(1, count - pages + 1))
    svgs = [toolkit.renderToSVG(n) for n in range(first, min(count, first + pages - 1) + 1)]
    return pdf_of_svgs(svgs, chosen["pageWidth"] / 10, chosen["pageHeight"] / 10, rng.choice(TEXT_FACES))


def kern_to_musicxml(python: str, source: Path, target: Path) -> None:
    """Converts Humdrum `**kern` to MusicXML with converter21, which lives in an environment of its own.

    Args:
        python: The interpreter of an environment with converter21 (`bench/testbed/requirements.txt`).
        source: The `**kern` file.
        target: The MusicXML file to write.

    Raises:
        subprocess.SubprocessError: It cannot be converted, or not in two minutes.
    """
    code = (
        "import sys, converter21, music21; converter21.register();"
        "music21.converter.parse(sys.argv[1]).write('musicxml', sys.argv[2])"
    )
    subprocess.run([python, "-c", code, str(source), str(target)], check=True, capture_output=True, timeout=120)
