"""MusicXML opens in MuseScore 3 without a complaint (where it is installed)."""

from __future__ import annotations

import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from omr_service.pdf.document import open_document
from omr_service.pipeline import Source, read_page, write_scores
from renderer_service.musicxml import musicxml_bytes
from tests.renderer.pieces import everything, plain

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    *sorted((ROOT / "examples").glob("*.pdf")),
    *sorted((ROOT / "tests" / "omr" / "data" / "bed").glob("*-marks.pdf")),
]
PROGRESS = ("QStandardPaths: ", "convert <", "\tto <", "... success!", "qt.qpa", "addGraceChordsAfter ")
KNOWN = (
    # MuseScore 3.2 says so of every arpeggio without an arrow, <arpeggiate/>, and draws it; what it exports itself has
    # the same element, of which it says the same
    r"Error at line \d+ col \d+: unknown arpeggio type none",
    # of a hairpin or trill's line up to the end of the piece, of which its own export says the same; the line is there
    r"no segment for tick \d+ \(start search at \d+ \(measure \d+\)\)",
    # of MusicXML 3.1: notes left to ring
    r"Error at line \d+ col \d+: unknown tied type let-ring",
    # of a trill's line over one note, whose start and stop both stand at it, for it keeps the last of an element's
    # lines; its own export of such a line has the stop alone, of which it says the same
    r"Error at line \d+ col \d+: wavy-line number \d+ stop without start",
)

pytestmark = pytest.mark.skipif(shutil.which("musescore3") is None, reason="MuseScore 3 is not installed")


def opened(musicxml: bytes, folder: Path) -> tuple[ET.Element, list[str]]:
    """What MuseScore makes of a file, and what it says of it besides its progress."""
    (folder / "piece.musicxml").write_bytes(musicxml)
    done = subprocess.run(
        ["musescore3", "-o", str(folder / "piece.mscx"), str(folder / "piece.musicxml")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    assert done.returncode == 0, said
    return ET.parse(folder / "piece.mscx").getroot(), [line for line in said if not line.startswith(PROGRESS)]


@pytest.fixture(autouse=True)
def _no_screen(monkeypatch):
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")


@pytest.mark.parametrize("piece", [plain, everything])
def test_every_note_is_there(piece, tmp_path):
    score = piece()
    written, said = opened(musicxml_bytes(score), tmp_path)
    assert len(written.findall(".//Note")) == sum(len(e.notes) for e in score.events)
    if piece is plain:  # it does not know nested tuplets and what came after MusicXML 3.1
        assert said == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_it_has_nothing_to_say_of_what_is_read_from_pages(path, tmp_path):
    with open_document(path.read_bytes()) as document:
        outcomes = [read_page(document, n + 1) for n in range(document.page_count)]
    pages = [outcome.music for outcome in outcomes if outcome.music is not None]
    for score in write_scores(pages, Source(path.name, "sha256:0")):
        _, said = opened(musicxml_bytes(score), tmp_path)
        assert [line for line in said if not any(re.fullmatch(known, line.strip()) for known in KNOWN)] == []
