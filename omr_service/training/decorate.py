"""Adds to a score what openly licensed scores hold too little of: marks, fingers, small notes, rare values and signs.

What comes out is no music; it is engraved only to be looked at. Everything random comes from one generator.
"""

from __future__ import annotations

import random
import xml.etree.ElementTree as ET
from collections.abc import Callable

ARTICULATIONS = ("staccato", "tenuto", "accent", "strong-accent", "staccatissimo", "staccato", "accent")
ORNAMENTS = ("trill-mark", "turn", "inverted-turn", "mordent", "inverted-mordent", "inverted-mordent")
DYNAMICS = ("p", "f", "pp", "ff", "mf", "mp", "sf", "sfz", "fz", "fp", "ppp", "fff", "rfz", "sfp", "rf")
ACCIDENTALS = (
    ("sharp", 1),
    ("flat", -1),
    ("natural", 0),
    ("double-sharp", 2),
    ("flat-flat", -2),
)
WORDS = ("cresc.", "dim.", "dolce", "legato", "poco rit.", "a tempo", "con fuoco", "sempre piu", "leggiero", "ten.")
VALUES = {"breve": 128, "whole": 64, "half": 32, "quarter": 16, "eighth": 8, "16th": 4, "32nd": 2, "64th": 1}
"""Note values in 64ths."""
ORDER = [
    "chord",
    "grace",
    "cue",
    "pitch",
    "unpitched",
    "rest",
    "duration",
    "tie",
    "voice",
    "type",
    "dot",
    "accidental",
    "time-modification",
    "stem",
    "notehead",
    "staff",
    "beam",
    "notations",
    "lyric",
]
"""Children of a note in the order of the schema, as far as they occur here."""


def decorate(tree: ET.ElementTree[ET.Element], rng: random.Random) -> None:
    """Adds marks to a MusicXML score in place, each kind as densely as chance has it for this piece."""
    dense = {
        kind: rng.choice((0.0, 0.02, 0.06, 0.2)) for kind in ("artic", "ornament", "accidental", "grace", "cluster")
    }
    dense["finger"] = rng.choice((0.0, 0.1, 0.3, 0.7))
    dense["measure"] = rng.choice((0.0, 0.3, 0.8))
    dense["arpeggio"] = rng.choice((0.0, 0.05, 0.2))
    dense["tremolo"] = rng.choice((0.0, 0.0, 0.05))
    dense["fermata"] = rng.choice((0.0, 0.01, 0.03))
    dense["zoo"] = rng.choice((0.0, 0.1, 0.25))
    dense["tuplet"] = rng.choice((0.0, 0.2, 0.5, 0.9))
    for part in tree.getroot().iter("part"):
        divisions = 1
        staves = 1
        for measure in list(part.findall("measure")):
            divisions = int(measure.findtext("attributes/divisions", str(divisions)))
            staves = int(measure.findtext("attributes/staves", str(staves)))
            for note in list(measure.findall("note")):
                _decorate_note(measure, note, dense, rng)
            if rng.random() < dense["tuplet"]:
                _add_tuplet(measure, rng)
            if rng.random() < dense["measure"]:
                _decorate_measure(measure, staves, rng)
            if rng.random() < dense["zoo"] and divisions % 16 == 0:
                part.insert(list(part).index(measure) + 1, zoo_measure(divisions, staves, rng))


def _decorate_note(measure: ET.Element, note: ET.Element, dense: dict[str, float], rng: random.Random) -> None:
    if note.find("grace") is not None or note.get("print-object") == "no":
        return
    if note.find("rest") is not None:
        if rng.random() < dense["fermata"]:
            ET.SubElement(_notations(note), "fermata", type="upright")
        return
    first = note.find("chord") is None
    if rng.random() < dense["finger"]:
        technical = _group(note, "technical")
        ET.SubElement(technical, "fingering").text = str(rng.choice((1, 2, 3, 4, 5)))
    if rng.random() < dense["accidental"]:
        name, alter = rng.choice(ACCIDENTALS)
        _set_accidental(note, name, alter)
    if first and rng.random() < dense["artic"]:
        for kind in {rng.choice(ARTICULATIONS) for _ in range(rng.choice((1, 1, 1, 2)))}:
            ET.SubElement(_group(note, "articulations"), kind)
    if first and rng.random() < dense["ornament"]:
        ET.SubElement(_group(note, "ornaments"), rng.choice(ORNAMENTS))
    if first and rng.random() < dense["tremolo"] and note.find("beam") is None:
        ET.SubElement(_group(note, "ornaments"), "tremolo", type="single").text = str(rng.choice((1, 2, 3)))
    if first and rng.random() < dense["fermata"]:
        ET.SubElement(_notations(note), "fermata", type=rng.choice(("upright", "inverted")))
    if rng.random() < dense["arpeggio"] and (first or note.find("notations/arpeggiate") is None):
        ET.SubElement(_notations(note), "arpeggiate")
    if first and rng.random() < dense["grace"]:
        _add_graces(measure, note, rng)
    if first and rng.random() < dense["cluster"] and note.findtext("type") != "breve":
        _add_chord_note(measure, note, rng)


def _notations(note: ET.Element) -> ET.Element:
    found = note.find("notations")
    return found if found is not None else insert_in_order(note, ET.Element("notations"))


def _group(note: ET.Element, name: str) -> ET.Element:
    notations = _notations(note)
    found = notations.find(name)
    return found if found is not None else ET.SubElement(notations, name)


def insert_in_order(note: ET.Element, child: ET.Element) -> ET.Element:
    """Puts a child of a note where the schema wants it; returns it."""
    rank = ORDER.index(child.tag)
    at = len(note)
    for i, other in enumerate(note):
        if other.tag in ORDER and ORDER.index(other.tag) > rank:
            at = i
            break
    note.insert(at, child)
    return child


def _set_accidental(note: ET.Element, name: str, alter: int) -> None:
    pitch = note.find("pitch")
    if pitch is None:
        return
    old = pitch.find("alter")
    if old is None:
        old = ET.Element("alter")
        pitch.insert(1, old)
    old.text = str(alter)
    mark = note.find("accidental")
    if mark is None:
        mark = insert_in_order(note, ET.Element("accidental"))
    mark.text = name


def _add_tuplet(measure: ET.Element, rng: random.Random) -> None:
    """Puts a number, and perhaps a bracket, over some notes of one voice and one value in a row."""
    runs: list[list[ET.Element]] = []
    for note in measure.findall("note"):
        if note.find("chord") is not None:
            continue
        odd = any(note.find(tag) is not None for tag in ("grace", "time-modification", "dot"))
        if odd or note.find("type") is None or note.get("print-object") == "no":
            runs.append([])
            continue
        last = runs[-1][-1] if runs and runs[-1] else None
        alike = last is not None and all(last.findtext(t) == note.findtext(t) for t in ("voice", "type", "staff"))
        if alike and len(runs[-1]) < 9:
            runs[-1].append(note)
        else:
            runs.append([note])
    runs = [run for run in runs if len(run) >= 3]
    if not runs:
        return
    run = rng.choice(runs)
    count = 3 if rng.random() < 0.6 else len(run)
    run = run[:count]
    number = {3: 3, 4: rng.choice((4, 6)), 8: rng.choice((8, 10, 11, 12))}.get(count, count)
    bracket = rng.choice(("yes", "no"))
    for i, note in enumerate(run):
        modification = ET.Element("time-modification")
        ET.SubElement(modification, "actual-notes").text = str(number)
        ET.SubElement(modification, "normal-notes").text = str({3: 2, 5: 4, 6: 4, 7: 4, 9: 8}.get(number, 8))
        insert_in_order(note, modification)
        if i in (0, len(run) - 1):
            kind = "stop" if i else "start"
            ET.SubElement(_notations(note), "tuplet", {"type": kind, "number": "1", "bracket": bracket})


def _pitch(rng: random.Random, low: int, high: int) -> ET.Element:
    pitch = ET.Element("pitch")
    ET.SubElement(pitch, "step").text = rng.choice("CDEFGAB")
    ET.SubElement(pitch, "octave").text = str(rng.randint(low, high))
    return pitch


def _moved(pitch: ET.Element, steps: int) -> ET.Element:
    """A pitch some steps higher."""
    letters = "CDEFGAB"
    number = int(pitch.findtext("octave", "4")) * 7 + letters.index(pitch.findtext("step", "C")) + steps
    moved = ET.Element("pitch")
    ET.SubElement(moved, "step").text = letters[number % 7]
    ET.SubElement(moved, "octave").text = str(max(1, min(7, number // 7)))
    return moved


def _add_graces(measure: ET.Element, note: ET.Element, rng: random.Random) -> None:
    pitch = note.find("pitch")
    if pitch is None:
        return
    count = rng.choice((1, 1, 1, 2, 3, 4))
    value = (
        rng.choice(("eighth", "eighth", "16th", "32nd", "quarter", "half"))
        if count == 1
        else rng.choice(("16th", "32nd"))
    )
    at = list(measure).index(note)
    stem = rng.choice(("up", "up", "down"))
    for number in range(count):
        grace = ET.Element("note")
        ET.SubElement(grace, "grace", {"slash": "yes"} if rng.random() < 0.4 and count == 1 else {})
        grace.append(_moved(pitch, rng.randint(-3, 3)))
        for tag in ("voice", "staff"):
            if note.find(tag) is not None and tag == "voice":
                ET.SubElement(grace, tag).text = note.findtext(tag)
        ET.SubElement(grace, "type").text = value
        if rng.random() < 0.3:
            name, alter = rng.choice(ACCIDENTALS[:3])
            _set_accidental(grace, name, alter)
        ET.SubElement(grace, "stem").text = stem
        if note.find("staff") is not None:
            ET.SubElement(grace, "staff").text = note.findtext("staff")
        if count > 1:
            beam = ET.Element("beam", number="1")
            beam.text = "begin" if number == 0 else "end" if number == count - 1 else "continue"
            insert_in_order(grace, beam)
        measure.insert(at + number, grace)


def _add_chord_note(measure: ET.Element, note: ET.Element, rng: random.Random) -> None:
    pitch = note.find("pitch")
    if pitch is None:
        return
    other = ET.Element("note")
    ET.SubElement(other, "chord")
    other.append(_moved(pitch, rng.choice((1, 1, 2, 3, 4, 7, -1, -2, -7))))
    for child in note:
        if child.tag in ("duration", "voice", "type", "dot", "time-modification", "stem", "staff"):
            copy = ET.SubElement(other, child.tag, child.attrib)
            copy.text = child.text
            copy.extend(list(child))
    measure.insert(list(measure).index(note) + 1, other)


def _direction(kind: ET.Element, staff: int, placement: str) -> ET.Element:
    direction = ET.Element("direction", placement=placement)
    ET.SubElement(direction, "direction-type").append(kind)
    ET.SubElement(direction, "staff").text = str(staff)
    return direction


def _decorate_measure(measure: ET.Element, staves: int, rng: random.Random) -> None:
    """Adds a dynamic, words, a wedge, a pedal, an octave line, a sign, or an ending to a measure."""
    notes = [i for i, child in enumerate(measure) if child.tag == "note" and child.find("chord") is None]
    if not notes:
        return
    staff = rng.randint(1, staves)
    start = rng.choice(notes)
    barline = measure.find("barline")
    end = len(measure) if barline is None else list(measure).index(barline)
    before: ET.Element
    after: ET.Element | None = None
    match rng.choice(("dynamic", "dynamic", "wedge", "wedge", "pedal", "pedal", "octave", "words", "sign", "ending")):
        case "dynamic":
            before = ET.Element("dynamics")
            ET.SubElement(before, rng.choice(DYNAMICS))
        case "wedge":
            before = ET.Element("wedge", type=rng.choice(("crescendo", "diminuendo")))
            after = ET.Element("wedge", type="stop")
        case "pedal":
            line = "yes" if rng.random() < 0.2 else "no"
            sign = "no" if line == "yes" else "yes"
            before = ET.Element("pedal", type="start", line=line, sign=sign)
            after = ET.Element("pedal", type="stop", line=line, sign=sign)
            staff = staves
        case "octave":
            kind = rng.choice(("down", "down", "up"))
            before = ET.Element("octave-shift", type=kind, size="8", number="1")
            after = ET.Element("octave-shift", type="stop", size="8", number="1")
        case "words":
            before = ET.Element("words", {"font-style": rng.choice(("italic", "normal"))})
            before.text = rng.choice(WORDS)
        case "sign":
            before = ET.Element(rng.choice(("segno", "coda")))
            staff = 1
        case _:
            _add_ending(measure, rng)
            return
    above = before.tag in ("segno", "coda") or (before.tag == "octave-shift" and before.get("type") == "down")
    placement = "above" if above or (before.tag == "words" and rng.random() < 0.5) else "below"
    if after is not None:
        measure.insert(end, _direction(after, staff, placement))
    measure.insert(start, _direction(before, staff, placement))


def _add_ending(measure: ET.Element, rng: random.Random) -> None:
    number = rng.choice(("1", "2"))
    left = ET.Element("barline", location="left")
    ET.SubElement(left, "ending", number=number, type="start")
    if rng.random() < 0.3:
        ET.SubElement(left, "repeat", direction="forward")
    measure.insert(0, left)
    for barline in measure.findall("barline"):
        if barline.get("location") == "right":
            measure.remove(barline)
    right = ET.SubElement(measure, "barline", location="right")
    style: Callable[[str], None] = lambda text: setattr(ET.SubElement(right, "bar-style"), "text", text)  # noqa: E731
    repeat = number == "1" or rng.random() < 0.3
    style("light-heavy" if repeat else "light-light")
    ET.SubElement(right, "ending", number=number, type="stop")
    if repeat:
        ET.SubElement(right, "repeat", direction="backward")


def zoo_measure(divisions: int, staves: int, rng: random.Random) -> ET.Element:
    """A measure of all note and rest values, clefs and a time signature that fits."""
    measure = ET.Element("measure", number="0", implicit="yes")
    attributes = ET.SubElement(measure, "attributes")
    beats, beat_type = rng.choice(
        ((6, 4), (7, 4), (3, 2), (4, 2), (9, 8), (12, 8), (5, 4), (4, 4), (2, 2), (15, 16), (10, 8))
    )
    total = 64 * beats // beat_type
    if rng.random() < 0.5:
        ET.SubElement(ET.SubElement(attributes, "key"), "fifths").text = str(rng.randint(-7, 7))
    symbol = {(4, 4): "common", (2, 2): "cut"}.get((beats, beat_type))
    time = ET.SubElement(attributes, "time", {"symbol": symbol} if symbol else {})
    ET.SubElement(time, "beats").text = str(beats)
    ET.SubElement(time, "beat-type").text = str(beat_type)
    for staff in range(1, staves + 1):
        clef = ET.SubElement(attributes, "clef", number=str(staff))
        sign, line = rng.choice((("G", 2), ("F", 4), ("G", 2), ("F", 4), ("C", 3), ("C", 4)))
        ET.SubElement(clef, "sign").text = sign
        ET.SubElement(clef, "line").text = str(line)
    for staff in range(1, staves + 1):
        left = total
        while left > 0:
            name = rng.choice([n for n, v in VALUES.items() if v <= left])
            value = VALUES[name]
            dotted = value > 1 and value * 3 // 2 <= left and rng.random() < 0.25
            length = value * 3 // 2 if dotted else value
            measure.append(_zoo_note(name, length * divisions // 16, dotted, staff, rng))
            left -= length
        if staff < staves:
            backup = ET.SubElement(measure, "backup")
            ET.SubElement(backup, "duration").text = str(total * divisions // 16)
    return measure


def _zoo_note(name: str, duration: int, dotted: bool, staff: int, rng: random.Random) -> ET.Element:
    note = ET.Element("note")
    if rng.random() < 0.5:
        ET.SubElement(note, "rest")
    else:
        note.append(_pitch(rng, 3, 5))
    ET.SubElement(note, "duration").text = str(duration)
    ET.SubElement(note, "voice").text = str(4 * staff - 3)
    ET.SubElement(note, "type").text = name
    if dotted:
        ET.SubElement(note, "dot")
    ET.SubElement(note, "staff").text = str(staff)
    return note
