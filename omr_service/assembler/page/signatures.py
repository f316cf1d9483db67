"""Clefs and key signatures."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from omr_service.assembler.geometry import Staff, System, center
from omr_service.assembler.page.accidentals import ALTERS, LETTERS, SHARP_ORDER
from omr_service.assembler.page.heads_stems import Head
from omr_service.assembler.page.meters import DIGIT
from omr_service.symbols import Box, Glyph, Text

CLEF = re.compile(r"(g|f|c|unpitchedPercussion)Clef")
# letter and octave of the line a clef sits on, as a number of letters above C0
CLEF_PITCH = {"g": 4 * 7 + 4, "f": 3 * 7 + 3, "c": 4 * 7}
USUAL_LINE = {"g": 2, "f": 4, "c": 3}
BETWEEN = 0.45
"""A sign of a key signature up to half a half space and this much off its place still stands for that letter: where the
middle of a sign is differs from punch to punch."""
CERTAIN_ALONE = 2
"""Signs in a row from which on one staff tells a signature: a single one may be a note's accidental."""
CLOSE = 0.75
"""Room, in staff spaces, between an accidental and its note, or another one of the same chord, at most."""


@dataclass(frozen=True, slots=True)
class ClefSign:
    """A clef.

    Attributes:
        staff: Position of its staff in the system.
        x0, x1: Its ink.
        sign: "g", "f" or "c".
        line: Staff line it sits on, from 1.
        octave: Octaves it transposes.
        box: Its ink.
        confidence: 0 to 1.
    """

    staff: int
    x0: float
    x1: float
    sign: str
    line: int
    octave: int
    box: Box
    confidence: float = 1.0

    def diatonic(self, step: int) -> int:
        """Letters above C0 of a staff position."""
        return CLEF_PITCH[self.sign] + 7 * self.octave + step - 2 * (self.line - 1)

    def letter(self, step: int) -> str:
        """Letter name of a staff position."""
        return LETTERS[self.diatonic(step) % 7]


@dataclass(frozen=True, slots=True)
class KeySign:
    """A key signature that all staves of a system show at one place.

    Attributes:
        x0, x1: Horizontal extent.
        fifths: Number of sharps, or of flats negative.
        glyphs: The accidentals it is made of.
    """

    x0: float
    x1: float
    fifths: int
    glyphs: frozenset[Glyph]


def find_clefs(glyphs: list[Glyph], texts: list[Text], system: System, in_picture: bool = False) -> list[ClefSign]:
    """Clefs of a system, by x; those of a page that is a picture do not stand exactly where they were seen."""
    clefs: list[ClefSign] = []
    for glyph in glyphs:
        match = CLEF.match(glyph.name)
        if not match or match[1] not in CLEF_PITCH:
            continue
        x, _y = center(glyph.box)
        nearest = min(range(len(system.staves)), key=lambda i: system.staves[i].distance(x, glyph.y))
        staff = system.staves[nearest]
        if staff.distance(x, glyph.y) > 1.5:
            continue
        line = round(staff.step(x, glyph.y) / 2) + 1
        # a C clef moves, and what is drawn stands where it is meant to; of others, keyboard music has few
        if (in_picture and match[1] in "gf") or not 1 <= line <= 5:
            line = USUAL_LINE[match[1]]
        octave = _octave_in_name(glyph.name) or _octave_beside(glyph, glyphs, texts, staff.space, staff.x0)
        clefs.append(ClefSign(nearest, glyph.box.x0, glyph.box.x1, match[1], line, octave, glyph.box, glyph.confidence))
    return sorted(clefs, key=lambda c: (c.x0, c.staff))


def _octave_in_name(name: str) -> int:
    for mark, octaves in (("15mb", -2), ("15ma", 2), ("8vb", -1), ("8va", 1)):
        if mark in name:
            return octaves
    return 0


def _octave_beside(clef: Glyph, glyphs: list[Glyph], texts: list[Text], space: float, system_left: float) -> int:
    """Octaves told by a small 8 or 15 right above or below the clef."""
    marks = [(g.box, DIGIT.match(g.name)) for g in glyphs if DIGIT.match(g.name)]
    found = [(box, m[1], False) for box, m in marks if m and m[1] == "8"]
    found += [(g.box, g.name[4:], True) for g in glyphs if g.name in ("clef8", "clef15")]
    found += [(t.box, t.text.strip(), False) for t in texts if t.text.strip() in ("8", "15")]
    for box, text, certain in found:
        x, y = center(box)
        if not clef.box.x0 - space / 2 < x < clef.box.x1 + space / 2:
            continue
        octaves = 1 if text == "8" else 2
        if clef.box.y1 - space < y < clef.box.y1 + 2 * space:
            return -octaves
        # a number over the clef is the bar's as a rule: it counts only when it touches the clef and is centred on it
        middle = (clef.box.x0 + clef.box.x1) / 2
        touching = abs(x - middle) < 0.6 * space and abs(box.y1 - clef.box.y0) < 0.35 * space
        if certain and clef.box.y0 - 2 * space < y < clef.box.y0 + space:
            return octaves
        if touching and box.y1 - box.y0 < 1.3 * space and clef.x > system_left + 4 * space:
            return octaves
    return 0


def find_keys(
    accidentals: list[Glyph],
    clefs: list[ClefSign],
    heads: list[Head],
    spans: list[tuple[float, float]],
    system: System,
    inherited: dict[int, ClefSign],
    in_picture: bool = False,
) -> list[KeySign]:
    """Key signatures of a system.

    A row of accidentals is a key signature when it stands left of all notes of its measure, its letters are those of
    a key signature in their order, and all staves of the keyboard part agree that have signs or notes.

    Args:
        accidentals: Accidentals of the system, by x.
        clefs: Its clefs.
        heads: Heads of the system.
        spans: Where measures start, the system's start first, and where the first note or rest of each stands; the last
            may be the end of the system.
        system: The system.
        inherited: Clefs by staff position in force at the start of the system, where none is printed.
        in_picture: The page is a picture, of which signs may not have been seen.
    """
    keys: list[KeySign] = []
    # a staff that has nothing to play may be printed without a signature
    silent = {staff.index for staff in system.staves} - {head.staff for head in heads}
    for i, (left, first) in enumerate(spans):
        zone = [
            g for g in accidentals if left - 0.3 * system.space < g.box.x0 and g.box.x1 < first + 0.2 * system.space
        ]
        staff_of = {g: min(system.staves, key=lambda s: s.distance(g.x, g.y)) for g in zone}
        if i == 0 and all(_before_chord(g, zone, s, heads) for g, s in staff_of.items()):
            # a system that starts without a signature is in C major or A minor
            keys.append(KeySign(left, left, 0, frozenset()))
            continue
        if not zone:
            continue
        rows: list[tuple[int, list[Glyph]] | None] = []
        shown: list[tuple[list[Glyph], ClefSign, Staff]] = []
        for staff_position in system.keyboard:
            staff = system.staves[staff_position]
            own = [g for g in zone if -3.5 <= staff.step(g.x, g.y) <= 11.5]
            if len(system.staves) > 1:
                own = [g for g in own if min(system.staves, key=lambda s: abs(s.step(g.x, g.y) - 4)) is staff]
            if not own and staff.index in silent:
                continue
            before = [c for c in clefs if c.staff == staff_position and own and c.x0 < own[0].box.x0]
            clef = before[-1] if before else inherited.get(staff_position)
            if clef is None:
                # a staff whose clef is not known says nothing about the order of letters
                sign = "g" if staff_position == 0 else "f"
                clef = ClefSign(staff_position, 0, 0, sign, USUAL_LINE[sign], 0, system_box(staff))
            rows.append(_read_row(own, clef, staff, heads, strict=i > 0))
            shown.append((own, clef, staff))
        read = [r for r in rows if r is not None]
        if not read or len(read) != len(rows) or len({r[0] for r in read}) != 1:
            agreed = _agree(rows) or (_told_by_one(rows, shown, heads) if in_picture and i == 0 else None)
            if agreed is None:
                continue
            read = agreed
        members = [g for _, row in read for g in row]
        if keys and read[0][0] == 0 and not 0 < abs(keys[-1].fifths) <= max(len(row) for _, row in read):
            # naturals alone take back the whole key in force; fewer are those of a chord
            continue
        if members:
            x0, x1 = min(g.box.x0 for g in members), max(g.box.x1 for g in members)
            keys.append(KeySign(x0, x1, read[0][0], frozenset(members)))
    return keys


def system_box(staff: Staff) -> Box:
    """The box of a staff's lines."""
    return Box(staff.x0, staff.tops[0], staff.x1, staff.tops[-1])


def _agree(rows: list[tuple[int, list[Glyph]] | None]) -> list[tuple[int, list[Glyph]]] | None:
    """Rows of which one went on into a note's accidental, cut to what all staves show."""
    if any(r is None for r in rows) or len(rows) < 2:
        return None
    read = [r for r in rows if r is not None]
    signs = {(r[0] > 0) - (r[0] < 0) for r in read}
    if len(signs) != 1 or 0 in signs:
        return None
    least = min(abs(r[0]) for r in read)
    sign = signs.pop()
    result = []
    for _fifths, row in read:
        naturals = [g for g in row if g.name == "accidentalNatural"]
        kept = [g for g in row if g.name != "accidentalNatural"][:least]
        result.append((sign * least, naturals + kept))
    return result


def _told_by_one(
    rows: list[tuple[int, list[Glyph]] | None], shown: list[tuple[list[Glyph], ClefSign, Staff]], heads: list[Head]
) -> list[tuple[int, list[Glyph]]] | None:
    """The row of the staff that shows most of a signature, where the others do not begin like one and what they show
    are letters of its: their other signs were not seen.

    Args:
        rows: Of each staff, its row.
        shown: Of each staff, the accidentals before its first note, its clef, the staff.
        heads: Heads of the system.
    """
    most = max((row for row in rows if row is not None), key=lambda row: abs(row[0]), default=None)
    if most is None or abs(most[0]) < CERTAIN_ALONE:
        return None
    kind, order = ("accidentalSharp", SHARP_ORDER) if most[0] > 0 else ("accidentalFlat", SHARP_ORDER[::-1])
    letters = set(order[: abs(most[0])])
    told: list[tuple[int, list[Glyph]]] = []
    for row, (glyphs, clef, staff) in zip(rows, shown, strict=True):
        if row is not None and row[0] != most[0]:
            return None
        signs = [g for g in glyphs if not _before_head(g, staff, heads)]
        for glyph in signs if row is None else ():
            step = staff.step(glyph.x, glyph.y)
            places = {clef.letter(round(step + way)) for way in (-BETWEEN, 0.0, BETWEEN)}
            if glyph.name != kind or not places & letters:
                return None
        told.append(row or (most[0], signs))
    return told


def _read_row(
    glyphs: list[Glyph], clef: ClefSign, staff: Staff, heads: list[Head], strict: bool
) -> tuple[int, list[Glyph]] | None:
    """Fifths and glyphs of a key signature at the start of some accidentals; None if they do not begin like one."""
    naturals: list[Glyph] = []
    signs: list[Glyph] = []
    kind = ""
    previous: Glyph | None = None
    for glyph in glyphs:
        if previous is not None and glyph.box.x0 - previous.box.x1 > 1.5 * staff.space:
            break
        step = staff.step(glyph.x, glyph.y)
        letter = clef.letter(round(step))
        if strict and _before_chord(glyph, glyphs, staff, heads):
            break
        if _before_head(glyph, staff, heads):
            if strict or not _in_order(letter, glyph.name, signs, kind):
                break
        elif signs:
            # the order tells which of two letters a sign is that stands between their places
            near = (clef.letter(round(step + way)) for way in (-BETWEEN, BETWEEN))
            letter = next((own for own in near if _in_order(own, glyph.name, signs, kind)), letter)
        if glyph.name == "accidentalNatural" and not signs:
            naturals.append(glyph)
        elif _in_order(letter, glyph.name, signs, kind):
            kind = glyph.name
            signs.append(glyph)
        else:
            break
        previous = glyph
    unordered = [] if strict else _in_any_order(glyphs, clef, staff, heads)
    if len(unordered) > len(signs):
        return ALTERS[unordered[0].name] * len(unordered), unordered
    if signs:
        return ALTERS[kind] * len(signs), naturals + signs
    if naturals:
        # cancelled letters are those of a whole key or of its tail; some plates have them where the clef that begins
        # the line asks for them, though another one is in force
        usual = [replace(clef, sign=sign, line=USUAL_LINE[sign]) for sign in ("g", "f")]
        rows = [[c.letter(round(staff.step(g.x, g.y))) for g in naturals] for c in (clef, *usual)]
        if any(_is_run(letters, order) for letters in rows for order in (SHARP_ORDER, SHARP_ORDER[::-1])):
            return 0, naturals
    return None


def _before_chord(glyph: Glyph, glyphs: list[Glyph], staff: Staff, heads: list[Head]) -> bool:
    """True when a head at the accidental's height follows it, parted from it at most by other accidentals of its chord
    and by the head a second from it, beside which it stands."""
    end = glyph.box.x1
    for other in glyphs:
        if glyph.box.x0 <= other.box.x0 < end + CLOSE * staff.space:
            end = max(end, other.box.x1)
    ends = [glyph.box.x1, end]
    for head in heads:
        second = head.staff == staff.index and 0.3 * staff.space < abs(head.y - glyph.y) < 0.8 * staff.space
        if second and -0.5 * staff.space < head.glyph.box.x0 - end < CLOSE * staff.space:
            ends.append(head.glyph.box.x1)
    return any(_before_head(replace(glyph, box=replace(glyph.box, x1=x1)), staff, heads) for x1 in ends)


def _in_any_order(glyphs: list[Glyph], clef: ClefSign, staff: Staff, heads: list[Head]) -> list[Glyph]:
    """The sharps or flats that stand together at the start of a line where all of them are those of one key, in
    whatever order: old copies do not keep to that of fifths."""
    row: list[Glyph] = []
    for glyph in glyphs:
        apart = row and glyph.box.x0 - row[-1].box.x1 > 1.5 * staff.space
        if apart or glyph.name != glyphs[0].name or _before_head(glyph, staff, heads):
            break
        row.append(glyph)
    if not row or row[0].name not in ("accidentalSharp", "accidentalFlat"):
        return []
    order = SHARP_ORDER if row[0].name == "accidentalSharp" else SHARP_ORDER[::-1]
    letters = [clef.letter(round(staff.step(g.x, g.y))) for g in row]
    return row if sorted(letters) == sorted(order[: len(row)]) else []


def _is_run(letters: list[str], order: str) -> bool:
    return "".join(letters) in order


def _in_order(letter: str, name: str, signs: list[Glyph], kind: str) -> bool:
    if name not in ("accidentalSharp", "accidentalFlat") or (kind and name != kind) or len(signs) > 6:
        return False
    order = SHARP_ORDER if name == "accidentalSharp" else SHARP_ORDER[::-1]
    return letter == order[len(signs)]


def _before_head(glyph: Glyph, staff: Staff, heads: list[Head]) -> bool:
    """True when a head at the accidental's height follows it closely."""
    return any(
        h.staff == staff.index
        and abs(h.y - glyph.y) < 0.3 * staff.space
        and -0.5 * staff.space < h.glyph.box.x0 - glyph.box.x1 < CLOSE * staff.space
        for h in heads
    )
