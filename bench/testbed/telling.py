"""Prints what a source hides though nothing else on its page would tell it: accidentals, rests and notes."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Iterator
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
    for measure in tree.getroot().iter("measure"):
        _part_stems(measure)
        for rest in _untold_rests(measure):
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


def _part_stems(measure: ET.Element) -> None:
    """Leaves the stems of a staff to the engraver where those of two voices would lie on each other with other values:
    nobody could tell which is which."""
    stems: dict[tuple[str, int, str], set[tuple[str, str]]] = defaultdict(set)
    for onset, note in _timed(measure):
        if note.find("stem") is not None and note.find("grace") is None:
            where = note.findtext("staff", "1"), onset, note.findtext("stem", "")
            stems[where].add((note.findtext("voice", "1"), note.findtext("type", "") + "." * len(note.findall("dot"))))
    shared = {staff for (staff, _, _), met in stems.items() if len(dict(met)) > 1 and len({v for _, v in met}) > 1}
    for note in measure.iter("note"):
        stem = note.find("stem")
        if stem is not None and note.findtext("staff", "1") in shared:
            note.remove(stem)


def _timed(measure: ET.Element) -> Iterator[tuple[int, ET.Element]]:
    """The notes and rests of a measure with their onsets in its divisions."""
    now = before = 0
    for element in measure:
        length = int(element.findtext("duration", "0"))
        if element.tag in ("backup", "forward"):
            now += length if element.tag == "forward" else -length
        elif element.tag == "note":
            if element.find("chord") is None:
                before, now = now, now + length
            yield before, element


def _untold_rests(measure: ET.Element) -> list[ET.Element]:
    """Hidden rests after which their voice goes on where nothing else that is printed begins: only these would tell
    when it does."""
    voices: dict[tuple[str, str], list[tuple[int, ET.Element]]] = defaultdict(list)
    for onset, element in _timed(measure):
        if element.find("grace") is None:
            voices[element.findtext("staff", "1"), element.findtext("voice", "1")].append((onset, element))
    begun: dict[int, set[tuple[str, str]]] = defaultdict(set)
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
