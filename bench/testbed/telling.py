"""Prints what a source hides though nothing else on its page would tell it: accidentals, rests and notes."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import defaultdict
from fractions import Fraction
from pathlib import Path

from alterations import ID, Note, bars_of_mei, bars_of_musicxml, untold

NAMES = {2: "double-sharp", 1: "sharp", 0: "natural", -1: "flat", -2: "flat-flat"}
KERN_SIGNS = {2: "##", 1: "#", 0: "n", -1: "-", -2: "--"}
KERN_PITCH = re.compile(r"([a-g]+|[A-G]+)(#+|-+|n)?[xXyY]*")
HIDDEN_NOTE = re.compile(r"[^r]*\d[^r]*[a-gA-G][^r]*yy")
PLACE = re.compile(r"-L(\d+)F(\d+)(?:S(\d+))?$")
"""Line, column and place within its chord of a note of a **kern source, in the name that Verovio gives it."""


def tell_in_musicxml(path: Path) -> None:
    """Prints all notes of a MusicXML file, and the accidentals and rests that nothing else would tell."""
    tree = ET.parse(path)
    for element in tree.getroot().iter("note"):
        if element.find("rest") is None:
            element.attrib.pop("print-object", None)
    for note in list(untold(bars_of_musicxml(tree.getroot()))):
        _print_accidental(note)
    divisions = 1
    for measure in tree.getroot().iter("measure"):
        divisions = int(measure.findtext("attributes/divisions", str(divisions)))
        for rest in _untold_rests(measure, divisions):
            del rest.attrib["print-object"]
    tree.write(path, encoding="utf-8", xml_declaration=True)


def _print_accidental(note: Note) -> None:
    for hidden in note.element.findall("accidental"):
        note.element.remove(hidden)
    accidental = ET.Element("accidental")
    accidental.text = NAMES[note.alter]
    # the schema's order: the accidental follows the dots, or else the type
    before = [child.tag in ("pitch", "duration", "tie", "voice", "type", "dot") for child in note.element]
    note.element.insert(len(before) - before[::-1].index(True), accidental)


def _untold_rests(measure: ET.Element, divisions: int) -> list[ET.Element]:
    """Hidden rests after which their voice goes on where nothing else that is printed begins: only these would tell
    when it does."""
    now = before = Fraction(0)
    voices: dict[tuple[str, str], list[tuple[Fraction, ET.Element]]] = defaultdict(list)
    for element in measure:
        length = Fraction(int(element.findtext("duration", "0")), divisions)
        if element.tag in ("backup", "forward"):
            now += length if element.tag == "forward" else -length
        elif element.tag == "note":
            if element.find("chord") is None:
                before, now = now, now + length
            if element.find("grace") is None:
                voices[element.findtext("staff", "1"), element.findtext("voice", "1")].append((before, element))
    begun: dict[Fraction, set[tuple[str, str]]] = defaultdict(set)
    for voice, elements in voices.items():
        for onset, element in elements:
            if not _hidden(element):
                begun[onset].add(voice)
    found: list[ET.Element] = []
    for voice, elements in voices.items():
        gap: list[ET.Element] = []
        for onset, element in sorted(elements, key=lambda each: each[0]):
            if _hidden(element):
                gap.append(element)
                continue
            found += gap if begun[onset] == {voice} else []
            gap = []
    return found


def _hidden(element: ET.Element) -> bool:
    return element.get("print-object") == "no" and element.find("rest") is not None


def tell_in_kern(kern: str, mei: ET.Element) -> str:
    """A **kern source with every note printed, and the accidentals without which what Verovio makes of it would not be
    told.

    Args:
        kern: The source.
        mei: What Verovio makes of it.
    """
    lines = [line.split("\t") for line in kern.splitlines()]
    for note in untold(bars_of_mei(mei)):
        found = PLACE.search(note.element.get(ID, ""))
        if found is not None:
            line, column, place = int(found[1]) - 1, int(found[2]) - 1, int(found[3] or 1) - 1
            heads = lines[line][column].split(" ")
            sign = KERN_SIGNS[note.alter]
            heads[place] = KERN_PITCH.sub(lambda m, sign=sign: f"{m[1]}{sign}X", heads[place], count=1)
            lines[line][column] = " ".join(heads)
    return "\n".join("\t".join(line) for line in lines)


def without_hidden_notes(token: str) -> str:
    """A token of **kern of which every note is printed."""
    return " ".join(head.replace("yy", "") if HIDDEN_NOTE.match(head) else head for head in token.split(" "))
