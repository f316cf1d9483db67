"""Accidentals: which notehead each belongs to, and how far it reaches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from omr_service.assembler.geometry import Sorted, Staff
from omr_service.assembler.page.heads_stems import Head
from omr_service.symbols import Box, Glyph

ALTERS = {
    "accidentalSharp": 1,
    "accidentalFlat": -1,
    "accidentalNatural": 0,
    "accidentalDoubleSharp": 2,
    "accidentalDoubleFlat": -2,
    "accidentalNaturalSharp": 1,
    "accidentalNaturalFlat": -1,
    "accidentalSharpSharp": 2,
}
LETTERS = "CDEFGAB"
SHARP_ORDER = "FCGDAEB"
OWN_ROOM = 1.5
"""Free space between an accidental and its notehead, in staff spaces, beyond which it may belong to something else."""
FAR = 6.5
"""How far away it is at most, in staff spaces, what differs in height counted twice."""
OVER_STAFF = 6.0
"""How far over a staff, in its spaces, an editor's accidental for the note under it stands at most."""


@dataclass(frozen=True, slots=True)
class AccidentalSign:
    """An accidental at a notehead.

    Attributes:
        name: SMuFL name.
        parenthesized: True for a courtesy accidental in parentheses.
        confidence: 0 to 1.
    """

    name: str
    parenthesized: bool
    confidence: float


def accidental_glyphs(glyphs: list[Glyph]) -> list[Glyph]:
    """The accidentals among some glyphs, by x."""
    return sorted((g for g in glyphs if g.name in ALTERS), key=lambda g: g.x)


def attach_accidentals(
    accidentals: list[Glyph], glyphs: list[Glyph], heads: list[Head], rests: list[Box], staves: list[Staff]
) -> dict[int, AccidentalSign]:
    """By head index, the accidental printed before it, or by an editor over it.

    Args:
        accidentals: Accidentals that are not part of a key signature.
        glyphs: All glyphs (for parentheses and ornaments).
        heads: All heads.
        rests: Ink of all rests.
        staves: All staves.
    """
    order = Sorted(heads, key=lambda h: h.glyph.box.x0)
    parens = [g for g in glyphs if g.name == "accidentalParensLeft"]
    found: dict[int, tuple[float, AccidentalSign]] = {}
    for glyph in accidentals:
        size = glyph.size / 4 if glyph.size > 0 else 5.0
        best: tuple[float, Head] | None = None
        for head in order.between(glyph.box.x1 - 0.6 * size, glyph.box.x1 + 8 * size):
            space = staves[head.staff].space
            dy = abs(head.y - glyph.y) / space
            if dy > 0.4:
                continue
            cost = (head.glyph.box.x0 - glyph.box.x1) / space + 2 * dy
            if cost > FAR:
                break
            if best is None or cost < best[0]:
                best = (cost, head)
        if best is not None and _stands_over_something(glyph, best[1], accidentals, order, rests, staves):
            best = None
        if best is None:
            under = _head_under(glyph, glyphs, order, staves)
            if under is None:
                continue
            best = (FAR, under)
        cost, head = best
        wrapped = any(
            0 <= glyph.box.x0 - p.box.x0 < 1.2 * size * 2 and abs(p.y - glyph.y) < size for p in parens
        ) or glyph.name.endswith("Parens")
        sign = AccidentalSign(glyph.name, wrapped, glyph.confidence)
        if head.index not in found or cost < found[head.index][0]:
            found[head.index] = (cost, sign)
    return {i: sign for i, (_, sign) in found.items()}


def _stands_over_something(
    glyph: Glyph,
    head: Head,
    accidentals: list[Glyph],
    heads: Sorted[Head],
    rests: list[Box],
    staves: list[Staff],
) -> bool:
    """True for an accidental that is no accidental of `head`, for it is centred over or under a notehead or rest before
    it.

    An accidental may lean over the note before its own, but then its own is not far away, or other accidentals stand
    between.
    """
    start, middle = head.glyph.box.x0, (glyph.box.x0 + glyph.box.x1) / 2
    if start - glyph.box.x1 < OWN_ROOM * staves[head.staff].space:
        return False
    if any(glyph.box.x1 < (g.box.x0 + g.box.x1) / 2 < start for g in accidentals):
        return False
    space = staves[head.staff].space
    return any(
        h.staff == head.staff and h.glyph.box.x0 < middle < h.glyph.box.x1
        for h in heads.between(glyph.box.x0 - 2 * space, middle)
    ) or any(b.x0 < middle < b.x1 and abs(b.y0 + b.y1 - 2 * glyph.y) < 2 * OVER_STAFF * space for b in rests)


def _head_under(glyph: Glyph, glyphs: list[Glyph], heads: Sorted[Head], staves: list[Staff]) -> Head | None:
    """The note that an editor's accidental over the staff is for: the highest one that it is centred over, where no
    ornament stands between, whose own the accidental would be."""
    x, y = (glyph.box.x0 + glyph.box.x1) / 2, (glyph.box.y0 + glyph.box.y1) / 2
    under = [s for s in staves if s.x0 < x < s.x1 and glyph.box.y1 < s.top(x) < y + OVER_STAFF * s.space]
    if not under:
        return None
    staff = min(under, key=lambda s: s.top(x))
    near = heads.between(x - 2 * staff.space, x)
    own = [h for h in near if h.staff == staff.index and x < h.glyph.box.x1 and h.y > glyph.box.y1]
    ornamented = any(
        g.name.startswith("ornament")
        and abs(g.box.x0 + g.box.x1 - 2 * x) < 2 * OWN_ROOM * staff.space
        and abs(g.box.y0 + g.box.y1 - 2 * y) < 2 * OVER_STAFF * staff.space
        for g in glyphs
    )
    return None if ornamented else min(own, key=lambda h: h.y, default=None)


def key_alter(letter: str, fifths: int) -> int:
    """Alteration that a key signature gives to a letter."""
    if fifths > 0:
        return 1 if letter in SHARP_ORDER[:fifths] else 0
    return -1 if fifths < 0 and letter in SHARP_ORDER[::-1][:-fifths] else 0


class AccidentalState:
    """What alterations hold on one staff within a measure.

    An accidental holds for its letter and octave on its staff to the end of the measure, whichever voice it stands in;
    other octaves keep the key signature. The octave is the one that is written, for it is the line or space that an
    accidental stands on: where an octave line begins or ends, some engravers print it anew, but hardly any leaves out
    one that the place on the staff does not tell. A tie carries it over the barline for the tied note alone.
    """

    def __init__(self, fifths: int) -> None:
        """Starts a measure under a key signature."""
        self.fifths = fifths
        self.in_force: dict[tuple[str, int], int] = {}

    def alter(self, letter: str, octave: int, printed: str | None) -> int:
        """Alteration of a note, noting the accidental printed at it; `octave` is the one it is written in."""
        if printed is not None:
            self.in_force[letter, octave] = ALTERS[printed]
        return self.in_force.get((letter, octave), key_alter(letter, self.fifths))


def midi_of(letter: str, alter: int, octave: int) -> int:
    """MIDI key number of a spelled pitch."""
    semitones: Mapping[str, int] = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
    return 12 * (octave + 1) + semitones[letter] + alter
