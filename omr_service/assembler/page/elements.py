"""Elements (chords and rests with their values) put together from the signs of a page."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

from omr_service.assembler.geometry import center, union
from omr_service.assembler.music import Element, NoteSign
from omr_service.assembler.page.accidentals import AccidentalSign
from omr_service.assembler.page.beams_flags import Beaming
from omr_service.assembler.page.heads_stems import Chord, Head
from omr_service.assembler.page.rests_dots import Dots, RestSign
from omr_service.assembler.page.tremolos import Between
from omr_service.symbols import Glyph, Line

LEVELS = {"black": 0, "half": -1, "whole": -2, "breve": -3}
OF_BOTH = 0.3
"""What it costs to take the dot of a half note's head for that of the shorter note, too, that shares the head."""


@dataclass(frozen=True, slots=True)
class _Signs:
    """What the page has beside heads and stems to tell what a chord is.

    Attributes:
        heads: Heads of the page.
        beaming: Beams, flags and tremolos.
        beams: Beam groups by chord.
        dots: Augmentation dots.
        accidentals: Accidentals by head.
        slashed: Chords with a slashed stem.
        between: By chord, the strokes of a tremolo between two chords and the other one.
        place: By staff index on the page, its system and its position there.
    """

    heads: list[Head]
    beaming: Beaming
    beams: Mapping[int, int]
    dots: Dots
    accidentals: Mapping[int, AccidentalSign]
    slashed: Container[int]
    between: Mapping[int, tuple[int, int]]
    place: Mapping[int, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class _Value:
    """A note value as read.

    Attributes:
        level: 0 for a quarter, 1 for an eighth, -2 for a whole note and so on.
        dots: Augmentation dots.
        others: Other ways to read it, as level, dots and what that costs.
    """

    level: int
    dots: int
    others: tuple[tuple[int, int, float], ...]


def build_elements(
    heads: list[Head],
    chords: list[Chord],
    rests: list[RestSign],
    beaming: Beaming,
    dots: Dots,
    accidentals: dict[int, AccidentalSign],
    slashed: set[int],
    between: Sequence[Between],
    place: dict[int, tuple[int, int]],
) -> dict[int, list[Element]]:
    """By system index, the chords and rests of a page.

    Args:
        heads: Heads of the page.
        chords: Chords of the page.
        rests: Rests of the page.
        beaming: Beams, flags and tremolos.
        dots: Augmentation dots.
        accidentals: Accidentals by head.
        slashed: Chords with a slashed stem.
        between: Tremolos between two chords.
        place: By staff index on the page, its system and its position there.
    """
    partners = {c: (b.strokes, other) for b in between for c, other in ((b.first, b.last), (b.last, b.first))}
    beams = _beams_of(chords, heads, beaming)
    signs = _Signs(heads, beaming, beams, dots, accidentals, slashed, partners, place)
    phantoms = _phantoms(heads, chords, beaming)
    result: dict[int, list[Element]] = {}
    # chords keep their numbers, rests follow; what is split from a chord comes after all others
    extra = len(chords) + len(rests)
    for index, chord in enumerate(chords):
        if index in phantoms:
            continue
        first, *split = _voices_of([heads[h] for h in chord.heads], accidentals)
        elements = [_chord_element(index, chord, first, signs, shared=bool(split))]
        for own in split:
            elements.append(_chord_element(extra, chord, own, signs, shared=True))
            extra += 1
        result.setdefault(place[chord.staff][0], []).extend(elements)
    for index, rest in enumerate(rests, len(chords)):
        system, position = place[rest.staff]
        result.setdefault(system, []).append(_rest_element(index, rest, dots, position))
    for found in result.values():
        found.sort(key=lambda e: (e.x, e.staff))
    return result


def _chord_element(index: int, chord: Chord, own: list[Head], signs: _Signs, *, shared: bool) -> Element:
    """A chord, or with a share of its heads one of the two voices that are printed as one.

    Args:
        index: Its number on the page.
        chord: The chord.
        own: Its heads that are this element's.
        signs: What else the page has.
        shared: True where the chord's heads are two voices'.
    """
    system, position = signs.place[chord.staff]
    value = _value_of(chord, own, signs)
    split = index != chord.index
    strokes, partner = (0, -1) if split else signs.between.get(chord.index, (0, -1))
    box = union(h.glyph.box for h in own)
    has_stem = chord.stem is not None
    return Element(
        index,
        position,
        x=chord.x,
        x1=box.x1,
        notes=tuple(_note(h, signs) for h in own if signs.place[h.staff][0] == system),
        level=value.level,
        dots=value.dots,
        up=chord.up if has_stem else None,
        tip=chord.tip if has_stem else center(box)[1],
        beam=-1 if split else signs.beams.get(chord.index, -1),
        small=chord.small,
        slash=chord.index in signs.slashed,
        tremolo=signs.beaming.tremolos.get(chord.index, 0),
        rest_step=4.0,
        box=box,
        confidence=min(h.confidence for h in own),
        between=strokes,
        partner=partner,
        shared=shared,
        flagged=chord.index in signs.beaming.flagged,
        others=value.others,
    )


def _note(head: Head, signs: _Signs) -> NoteSign:
    """The note of a head."""
    position = signs.place[head.staff][1]
    accidental = signs.accidentals.get(head.index)
    return NoteSign(head.index, position, head.step, head.glyph.box, head.glyph.name, accidental, head.confidence)


def _value_of(chord: Chord, own: list[Head], signs: _Signs) -> _Value:
    """The value that heads, flags, beams and dots tell."""
    kind = max((h.kind for h in own), key=lambda k: LEVELS[k])
    dotted = signs.dots.chords.get(chord.index, 0)
    short = signs.beaming.levels.get(chord.index, 0)
    if kind == "half" and chord.index in signs.beams:
        # a beam with short notes tells the value of a half note's head too: another voice shares that head with it,
        # and its dot belongs to that one sooner
        return _Value(short, 0, ((short, dotted, OF_BOTH),) if dotted else ())
    undotted = signs.dots.chord_doubts.get(chord.index)
    if kind == "black":
        doubts = signs.beaming.doubts.get(chord.index, ())
        return _Value(short, dotted, _other_values(short, dotted, doubts, undotted))
    return _Value(LEVELS[kind], dotted, _other_values(LEVELS[kind], dotted, (), undotted))


def _rest_element(index: int, rest: RestSign, dots: Dots, position: int) -> Element:
    """A rest on the staff at a position of its system."""
    dotted = dots.rests.get(rest.index, 0)
    box = rest.glyph.box
    return Element(
        index,
        position,
        x=box.x0,
        x1=box.x1,
        notes=(),
        level=rest.level,
        dots=dotted,
        up=None,
        tip=center(box)[1],
        beam=-1,
        small=False,
        slash=False,
        tremolo=0,
        rest_step=rest.step,
        box=box,
        confidence=rest.glyph.confidence,
        others=_other_values(rest.level, dotted, rest.doubts, dots.rest_doubts.get(rest.index)),
    )


def _beams_of(chords: list[Chord], heads: list[Head], beaming: Beaming) -> dict[int, int]:
    """By chord, its beam group: a beam that joins nothing but long notes is a tremolo and no group."""
    short = {c.index for c in chords if any(heads[h].kind == "black" for h in c.heads)}
    return {
        c: g
        for g, members in enumerate(beaming.groups)
        if short.intersection(members)
        for c in members
        if c in short or not any(_beside(chords[c], chords[s], heads) for s in short.intersection(members))
    }


def _beside(one: Chord, other: Chord, heads: list[Head]) -> bool:
    """True for chords of one staff that stand next to each other because they collide: they sound together."""
    box = heads[one.heads[0]].glyph.box
    near = one.staff == other.staff and abs(one.x - other.x) < 1.6 * (box.x1 - box.x0)
    return near and any(abs(heads[a].step - heads[b].step) <= 1 for a in one.heads for b in other.heads)


def _phantoms(heads: list[Head], chords: list[Chord], beaming: Beaming) -> set[int]:
    """Chords of one head that is another voice's: where a half note and a short one are printed on each other, both
    stems touch both heads, and the stem with beams or flags is the short note's."""
    at_head: dict[int, list[Chord]] = {}
    on_stem: dict[Line, dict[str, Chord]] = {}
    for chord in chords:
        for h in chord.heads:
            at_head.setdefault(h, []).append(chord)
        if chord.stem is not None:
            on_stem.setdefault(chord.stem, {})[heads[chord.heads[0]].kind] = chord
    found: set[int] = set()
    for kinds in on_stem.values():
        half, black = kinds.get("half"), kinds.get("black")
        if half is None or black is None or len(half.heads) > 1 or beaming.levels.get(black.index, 0) == 0:
            continue
        under = heads[half.heads[0]]
        over = next((heads[h] for h in black.heads if _on_each_other(heads[h], under)), None)
        if over is None:
            continue
        others = [c for c in at_head[under.index] if c is not half and c.up != half.up]
        copies = [c for c in at_head[over.index] if c.heads == (over.index,) and c.up != black.up]
        if len(others) == len(copies) == 1 and others[0].stem == copies[0].stem:
            found |= {half.index, copies[0].index}
    return found | _of_quarters(heads, list(on_stem.values()), beaming)


def _of_quarters(heads: list[Head], on_stem: Sequence[Mapping[str, Chord]], beaming: Beaming) -> set[int]:
    """As `_phantoms`, where the short note is a quarter: no beam tells which stem is whose, unless other heads do, so
    that the shorter note is taken for the upper voice's."""
    pairs = [(kinds["half"], kinds["black"]) for kinds in on_stem if kinds.keys() >= {"half", "black"}]
    pairs = [(half, black) for half, black in pairs if beaming.levels.get(black.index, 0) == 0]
    found: set[int] = set()
    for half, black in pairs:
        for other_half, other_black in pairs:
            same = set(half.heads) & set(other_half.heads), set(black.heads) & set(other_black.heads)
            if not half.up or other_half.up or len(same[0]) != 1 or len(same[1]) != 1:
                continue
            if not _on_each_other(heads[min(same[0])], heads[min(same[1])]):
                continue
            if len(half.heads) == len(other_black.heads) == 1:
                found |= {half.index, other_black.index}
            elif len(black.heads) == len(other_half.heads) == 1:
                found |= {black.index, other_half.index}
    return found


def _on_each_other(one: Head, other: Head) -> bool:
    """True for two heads on one place."""
    width = one.glyph.box.x1 - one.glyph.box.x0
    near = abs(one.x - other.x) < 0.2 * width
    return near and (one.staff, one.step) == (other.staff, other.step)


def _other_values(
    level: int, dots: int, levels: Sequence[tuple[int, float]], undotted: float | None
) -> tuple[tuple[int, int, float], ...]:
    """Other ways to read a value: with other flags, with a dot less."""
    others = [(other, dots, cost) for other, cost in levels]
    if dots and undotted is not None:
        others.append((level, dots - 1, undotted))
    return tuple(others)


def _voices_of(heads: list[Head], accidentals: Container[int]) -> list[list[Head]]:
    """The heads of a chord by voice: of two at one place one belongs to another voice, whose stem lies on this one; two
    of one height on both sides of the stem are notes of one chord where an accidental tells them apart."""
    first: list[Head] = []
    second: list[Head] = []
    for head in heads:
        width = head.glyph.box.x1 - head.glyph.box.x0
        same = [h for h in first if (h.staff, h.step) == (head.staff, head.step)]
        apart = all(abs(h.x - head.x) > width / 2 for h in same)
        altered = any(h.index in accidentals for h in (head, *same))
        (second if same and not (apart and altered) else first).append(head)
    return [first, second] if second else [first]


def slashed_chords(chords: list[Chord], glyphs: list[Glyph], lines: list[Line]) -> set[int]:
    """Chords whose stem a slash crosses, by index."""
    found: set[int] = set()
    small = [c for c in chords if c.small and c.stem is not None]
    slants = [v for v in lines if 0.3 < abs(v.y1 - v.y0) / max(v.x1 - v.x0, 1e-6) < 3]
    for chord in small:
        assert chord.stem is not None
        x, length = chord.stem.x0, chord.stem.y1 - chord.stem.y0
        near_tip = (chord.tip - 0.7 * length, chord.tip + 0.7 * length)
        by_line = any(
            v.x0 < x < v.x1
            and v.thickness < 0.15 * length
            and v.x1 - v.x0 < length
            and near_tip[0] < (v.y0 + v.y1) / 2 < near_tip[1]
            for v in slants
        )
        by_glyph = any(
            g.name.startswith("graceNoteSlash")
            and g.box.x0 - length / 4 < x < g.box.x1 + length / 4
            and g.box.y0 - length / 4 < chord.tip < g.box.y1 + length / 2
            for g in glyphs
        )
        if by_line or by_glyph:
            found.add(chord.index)
    return found
