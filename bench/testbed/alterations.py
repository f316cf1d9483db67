"""Which notes of an engraved page are altered without a sign that tells it, by the rules every player goes by.

An accidental holds for its line or space of its staff until the barline; a note tied over a barline keeps its own; all
else is as the key signature has it. What is printed is taken from the engraver's own export: `<accidental>` of
MusicXML, `@accid` against `@accid.ges` of MEI.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby

Place = tuple[str, str, int]
"""A line or space: staff, step and octave as they are printed."""
FIFTHS = "FCGDAEB"
SIGNS = {"sharp": 1, "flat": -1, "natural": 0, "double-sharp": 2, "sharp-sharp": 2, "flat-flat": -2}
SIGNS |= {"natural-sharp": 1, "natural-flat": -1}
MEI = "{http://www.music-encoding.org/ns/mei}"
ID = "{http://www.w3.org/XML/1998/namespace}id"
MEI_SIGNS = {"s": 1, "f": -1, "n": 0, "x": 2, "ss": 2, "ff": -2, "ns": 1, "nf": -1}
BRACKETS = re.compile(r' symbol="\w+"')
LINE = re.compile(r"-L(\d+)")
"""The line of a **kern source in the name that Verovio gives what stands there."""


@dataclass(frozen=True)
class Note:
    """A printed note. Attributes:

    element: The note in its document.
    when: What orders it within its bar: notes of one column have the same.
    place: Where it stands.
    alter: Semitones by which it is altered.
    sign: The alteration that is printed beside it; None for no accidental.
    tied_from, tied_on: Whether a tie ends or begins at it.
    """

    element: ET.Element
    when: tuple[int, int]
    place: Place
    alter: int
    sign: int | None
    tied_from: bool
    tied_on: bool


@dataclass
class Bar:
    """A bar. Attributes:

    notes: Its notes.
    keys: Its key signatures: when, on which staff, alteration of each step.
    octaves: By octave lines, from when notes of which staff sound how many octaves higher than they are printed.
    """

    notes: list[Note] = field(default_factory=list)
    keys: list[tuple[tuple[int, int], str, dict[str, int]]] = field(default_factory=list)
    octaves: list[tuple[int, str, int]] = field(default_factory=list)

    def octaves_at(self, when: int, staff: str) -> int:
        """Octaves by which notes of a staff sound higher than they are printed, by MusicXML's octave lines."""
        return next((by for since, of, by in reversed(self.octaves) if of == staff and since <= when), 0)


def untold(bars: Iterable[Bar]) -> Iterator[Note]:
    """The notes whose alteration no player would guess."""
    signatures: dict[str, dict[str, int]] = {}
    tied: dict[Place, int] = {}
    for bar in bars:
        keys = sorted(bar.keys, key=lambda key: key[0])
        held: dict[Place, int] = {}
        kept: dict[Place, int] = {}
        for when, column in groupby(sorted(bar.notes, key=lambda note: note.when), key=lambda note: note.when):
            while keys and keys[0][0] <= when:
                _, staff, signature = keys.pop(0)
                if signatures.get(staff) != signature:
                    held = {place: alter for place, alter in held.items() if place[0] != staff}
                signatures[staff] = signature
            notes = list(column)
            held |= {note.place: note.sign for note in notes if note.sign is not None}
            for note in notes:
                told = held.get(note.place, signatures.get(note.place[0], {}).get(note.place[1], 0))
                kept_on = note.tied_from and note.sign is None and tied.get(note.place) == note.alter
                if note.sign is not None:
                    told = note.sign
                if told != note.alter and not kept_on:
                    yield note
                if note.tied_on:
                    kept[note.place] = note.alter
        for _, staff, signature in keys:
            signatures[staff] = signature
        tied = kept


def _fifths(count: int) -> dict[str, int]:
    return dict.fromkeys(FIFTHS[:count], 1) if count > 0 else dict.fromkeys(FIFTHS[count:] if count else "", -1)


def bars_of_musicxml(root: ET.Element) -> Iterator[Bar]:
    """The bars of the one part of a MusicXML document."""
    divisions = 1
    lasting: dict[str, int] = {}
    for measure in root.iter("measure"):
        bar, now, before, graces = Bar(octaves=[(-1, staff, by) for staff, by in lasting.items()]), 0, 0, 0
        for element in measure:
            length = round(int(element.findtext("duration", "0")) * 10080 / divisions)
            if element.tag == "attributes":
                divisions = int(element.findtext("divisions", str(divisions)))
                bar.keys += [((now, -1000), s, _key_of_musicxml(k)) for k in element.findall("key") for s in _staves(k)]
            elif element.tag in ("backup", "forward"):
                now += length if element.tag == "forward" else -length
            elif element.tag == "direction":
                shifts = element.iter("octave-shift")
                bar.octaves += [(now, element.findtext("staff", "1"), _octaves(shift)) for shift in shifts]
            elif element.tag == "note":
                if element.find("chord") is None:
                    before, now = now, now + length
                    graces = graces + 1 if element.find("grace") is not None else 0
                if element.find("pitch") is not None:
                    bar.notes.append(_note_of_musicxml(element, (before, graces - 100 if graces else 0)))
        bar.octaves.sort(key=lambda move: move[0])
        lasting = {staff: by for _, staff, by in bar.octaves}
        bar.notes = [_as_printed(note, bar) for note in bar.notes]
        yield bar


def _octaves(shift: ET.Element) -> int:
    """Octaves by which the notes after it sound higher than they are printed."""
    return {"down": 1, "up": -1}.get(shift.get("type", ""), 0) * (int(shift.get("size", "8")) // 7)


def _as_printed(note: Note, bar: Bar) -> Note:
    staff, step, octave = note.place
    return replace(note, place=(staff, step, octave - bar.octaves_at(note.when[0], staff)))


def _staves(key: ET.Element) -> list[str]:
    return [str(key.get("number"))] if key.get("number") else ["1", "2"]


def _key_of_musicxml(key: ET.Element) -> dict[str, int]:
    steps = zip(key.findall("key-step"), key.findall("key-alter"), strict=False)
    return {str(s.text): int(float(a.text or 0)) for s, a in steps} or _fifths(int(key.findtext("fifths", "0")))


def _note_of_musicxml(element: ET.Element, when: tuple[int, int]) -> Note:
    step, octave = element.findtext("pitch/step", ""), int(element.findtext("pitch/octave", "4"))
    accidental = element.find("accidental")
    printed = accidental is not None and accidental.get("print-object") != "no"
    ties = {tie.get("type") for tie in element.findall("tie")}
    return Note(
        element,
        when,
        (element.findtext("staff", "1"), step, octave),
        int(float(element.findtext("pitch/alter", "0"))),
        SIGNS.get(accidental.text or "") if printed and accidental is not None else None,
        "stop" in ties,
        "start" in ties,
    )


def parse_mei(text: str) -> ET.Element:
    """What Verovio exports, which may say twice how a group of staves is bracketed and then is no XML."""
    return ET.fromstring(BRACKETS.sub("", text))


def bars_of_mei(root: ET.Element) -> Iterator[Bar]:
    """The bars of what Verovio made of a **kern source: what stands in one line of it is one column."""
    ties = list(root.iter(f"{MEI}tie"))
    tied_from, tied_on = ({str(tie.get(end, ""))[1:] for tie in ties} for end in ("endid", "startid"))
    bar = Bar()
    for element in root.iter():
        if element.tag == f"{MEI}scoreDef":
            bar.keys += [((0, 0), s, _key_of_mei(k)) for k in element.findall(f"{MEI}keySig") for s in ("1", "2")]
        elif element.tag == f"{MEI}staffDef":
            bar.keys += [((0, 0), element.get("n", "1"), _key_of_mei(k)) for k in element.findall(f"{MEI}keySig")]
        elif element.tag == f"{MEI}measure":
            for staff in element.findall(f"{MEI}staff"):
                _fill_from_mei(bar, staff, tied_from, tied_on)
            yield bar
            bar = Bar()


def _key_of_mei(key: ET.Element) -> dict[str, int]:
    accidentals = key.findall(f"{MEI}keyAccid")
    if accidentals:
        return {a.get("pname", "").upper(): MEI_SIGNS.get(a.get("accid", ""), 0) for a in accidentals}
    found = re.fullmatch(r"(\d+)([sf])", key.get("sig", ""))
    return _fifths(int(found[1]) * MEI_SIGNS[found[2]]) if found else {}


def _fill_from_mei(bar: Bar, staff: ET.Element, tied_from: set[str], tied_on: set[str]) -> None:
    home = staff.get("n", "1")
    moved = {note: chord for chord in staff.iter(f"{MEI}chord") for note in chord if chord.get("staff")}
    for key in staff.iter(f"{MEI}keySig"):
        bar.keys.append(((_line(key), -1), home, _key_of_mei(key)))
    for note in staff.iter(f"{MEI}note"):
        inner = note.find(f"{MEI}accid")
        written, heard = ((a if a is not None else note).get(n) for a, n in ((inner, "accid"), (inner, "accid.ges")))
        own = note.get("staff") or (moved[note].get("staff") if note in moved else None) or home
        name = note.get(ID, "")
        bar.notes.append(
            Note(
                note,
                (_line(note), 0),
                (own, note.get("pname", "").upper(), int(note.get("oct", "4"))),
                MEI_SIGNS.get(written or heard or "n", 0),
                MEI_SIGNS.get(written) if written else None,
                name in tied_from,
                name in tied_on,
            )
        )


def _line(element: ET.Element) -> int:
    found = LINE.search(element.get(ID, ""))
    return int(found[1]) if found else 0
