"""Pages that nobody could read back to their truth, by what the engraver's own export and the PDF tell."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from fractions import Fraction
from pathlib import Path

from alterations import LINE, MEI, Note, bars_of_mei, bars_of_musicxml, untold
from extents import beyond_the_page

WRITTEN = {"long": 16, "breve": 8, "whole": 4, "half": 2, "quarter": 1} | {
    name: Fraction(1, 2 ** (k + 1)) for k, name in enumerate(["eighth", "16th", "32nd", "64th", "128th", "256th"])
}
"""Quarters of a note without dots, by its MusicXML type."""


def contradicts_itself(root: ET.Element) -> bool:
    """True for a truth that gives a note or rest another length than it is written with: such a source was not
    engraved as it sounds (its bars do not add up), and nobody could read it back."""
    divisions = 1
    for element in root.iter():
        if element.tag == "divisions":
            divisions = int(element.text or 1)
        name = element.findtext("type") if element.tag == "note" and element.find("grace") is None else None
        rest = element.find("rest")
        if name not in WRITTEN or (rest is not None and rest.get("measure") == "yes"):
            continue
        value = WRITTEN[name] * (2 - Fraction(1, 2 ** len(element.findall("dot"))))
        tuplet = element.find("time-modification")
        if tuplet is not None:
            value *= Fraction(int(tuplet.findtext("normal-notes", "1")), int(tuplet.findtext("actual-notes", "1")))
        if abs(Fraction(int(element.findtext("duration", "0")), divisions) - value) > Fraction(1, divisions):
            return True
    return False


SHORTEST = Fraction(1, 16)
"""Quarters of a 64th note: less time than this passes in no voice."""
VOICES_OF_A_STAFF = 4
"""MuseScore numbers the voices of the second staff from 5."""


def has_slivers(root: ET.Element) -> bool:
    """True where a voice waits for less than any note lasts: what MuseScore makes of lengths that do not add up."""
    divisions = 1
    for element in root.iter():
        if element.tag == "divisions":
            divisions = int(element.text or 1)
        elif element.tag == "forward" and 0 < Fraction(int(element.findtext("duration", "0")), divisions) < SHORTEST:
            return True
    return False


def crosses_under_octave_lines(root: ET.Element) -> bool:
    """True where MuseScore prints a note on the other staff than its own and one of these has an octave line there: it
    places the note by the line of its own staff, and a player reads it by that of the other."""
    return any(
        bar.octaves_at(note.when[0], note.place[0]) != bar.octaves_at(note.when[0], _own_staff(note))
        for bar in bars_of_musicxml(root)
        for note in bar.notes
    )


def _own_staff(note: Note) -> str:
    return str((int(note.element.findtext("voice", "1")) - 1) // VOICES_OF_A_STAFF + 1)


def strays_from_octave_lines(mei: ET.Element) -> bool:
    """True where Verovio prints a note under an octave line as it sounds, or one that is under none otherwise: it goes
    by the voice that the line was written for, and a player by the staff over which it stands."""
    lines = [
        (_line_of(line, "startid"), _line_of(line, "endid"), line.get("staff", ""), _shift(line))
        for line in mei.iter(f"{MEI}octave")
    ]
    for bar in bars_of_mei(mei):
        for note in bar.notes:
            over = [by for first, last, staff, by in lines if staff == note.place[0] and first <= note.when[0] <= last]
            printed = int(note.element.get("oct", "4"))
            if int(note.element.get("oct.ges", str(printed))) - printed != (over[0] if over else 0):
                return True
    return False


def _line_of(element: ET.Element, end: str) -> int:
    found = LINE.search(element.get(end, ""))
    return int(found[1]) if found else 0


def _shift(line: ET.Element) -> int:
    return int(line.get("dis", "8")) // 7 * (1 if line.get("dis.place") == "above" else -1)


def why_unreadable(pdf: Path, truth: Path, engraver: str) -> str:
    """Why nobody could read a page back to its truth; empty where nothing tells against it."""
    if truth.suffix == ".musicxml":
        root = ET.parse(truth).getroot()
        if contradicts_itself(root):
            return "its truth gives notes another length than they are written with"
        if next(untold(bars_of_musicxml(root)), None):
            return "a note of its truth is altered otherwise than its page tells"
        if has_slivers(root):
            return "its truth has voices that wait for less than any note lasts"
        if engraver.startswith("musescore") and crosses_under_octave_lines(root):
            return "a note on the other staff than its own has an octave line that holds for one of them"
    return "music goes on beyond the page" if beyond_the_page(pdf) else ""
