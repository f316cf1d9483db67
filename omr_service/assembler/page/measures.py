"""Elements (chords and rests) put together from their signs, and the measures they stand in."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import replace

from omr_service.assembler.geometry import Barline, System, center, union
from omr_service.assembler.music import Element, MeasureSigns, NoteSign
from omr_service.assembler.page.accidentals import AccidentalSign
from omr_service.assembler.page.beams_flags import Beaming
from omr_service.assembler.page.heads_stems import Chord, Head
from omr_service.assembler.page.meters import MeterSign
from omr_service.assembler.page.rests_dots import Dots, RestSign
from omr_service.assembler.page.signatures import ClefSign, KeySign
from omr_service.assembler.page.tremolos import Between
from omr_service.symbols import Glyph, Line

LEVELS = {"black": 0, "half": -1, "whole": -2, "breve": -3}
OF_BOTH = 0.3
"""What it costs to take the dot of a half note's head for that of the shorter note, too, that shares the head."""
CADENZA = 3
"""Small notes alone on a staff from which on they are its own."""


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
    tremolo_of = {c: (b.strokes, other) for b in between for c, other in ((b.first, b.last), (b.last, b.first))}
    short = {c.index for c in chords if any(heads[h].kind == "black" for h in c.heads)}
    # a beam that joins nothing but long notes is a tremolo
    beam_of = {
        c: g
        for g, members in enumerate(beaming.groups)
        if short.intersection(members)
        for c in members
        if c in short or not any(_beside(chords[c], chords[s], heads) for s in short.intersection(members))
    }
    phantoms = _phantoms(heads, chords, beaming)
    result: dict[int, list[Element]] = {}
    index = 0
    extra = len(chords) + len(rests)  # chords keep their numbers; what is split from one comes after all others
    for chord in chords:
        if chord.index in phantoms:
            index += 1
            continue
        system, position = place[chord.staff]
        parts = _voices_of([heads[h] for h in chord.heads], accidentals)
        for own in parts:
            notes = tuple(
                NoteSign(
                    h.index,
                    place[h.staff][1],
                    h.step,
                    h.glyph.box,
                    h.glyph.name,
                    accidentals.get(h.index),
                    h.confidence,
                )
                for h in own
                if place[h.staff][0] == system
            )
            kind = max((h.kind for h in own), key=lambda k: LEVELS[k])
            level = LEVELS[kind]
            dotted = dots.chords.get(chord.index, 0)
            others = _other_values(
                level if kind != "black" else beaming.levels.get(chord.index, 0),
                dotted,
                beaming.doubts.get(chord.index, ()) if kind == "black" else (),
                dots.chord_doubts.get(chord.index),
            )
            if kind == "black":
                level = beaming.levels.get(chord.index, 0)
            elif kind == "half" and chord.index in beam_of:
                # a beam with short notes tells the value of a half note's head too: another voice shares that head
                # with it, and its dot belongs to that one sooner
                level = beaming.levels.get(chord.index, 0)
                others = ((level, dotted, OF_BOTH),) if dotted else ()
                dotted = 0
            strokes, partner = tremolo_of.get(chord.index, (0, -1)) if own is parts[0] else (0, -1)
            box = union(h.glyph.box for h in own)
            element = Element(
                index if own is parts[0] else extra,
                position,
                chord.x,
                box.x1,
                notes,
                level,
                dotted,
                chord.up if chord.stem is not None else None,
                chord.tip if chord.stem is not None else center(box)[1],
                beam_of.get(chord.index, -1) if own is parts[0] else -1,
                chord.small,
                chord.index in slashed,
                beaming.tremolos.get(chord.index, 0),
                4.0,
                box,
                min(h.confidence for h in own),
                between=strokes,
                partner=partner,
                shared=len(parts) > 1,
                flagged=chord.index in beaming.flagged,
                others=others,
            )
            result.setdefault(system, []).append(element)
            extra += own is not parts[0]
        index += 1
    for rest in rests:
        system, position = place[rest.staff]
        box = rest.glyph.box
        element = Element(
            index,
            position,
            box.x0,
            box.x1,
            (),
            rest.level,
            dots.rests.get(rest.index, 0),
            None,
            center(box)[1],
            -1,
            False,
            False,
            0,
            rest.step,
            box,
            rest.glyph.confidence,
            others=_other_values(
                rest.level, dots.rests.get(rest.index, 0), rest.doubts, dots.rest_doubts.get(rest.index)
            ),
        )
        result.setdefault(system, []).append(element)
        index += 1
    for elements in result.values():
        elements.sort(key=lambda e: (e.x, e.staff))
    return result


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


def measure_edges(
    system: System, content_right: float, content: Sequence[float]
) -> list[tuple[float, float, Barline | None, Barline | None]]:
    """From where to where the measures of a system go, and the barlines at their edges.

    Args:
        system: The system with its barlines.
        content_right: Middle of its rightmost note or rest.
        content: Left ends of its notes and rests.
    """
    edges: list[tuple[float, float, Barline | None, Barline | None]] = []
    left: Barline | None = None
    x = system.x0
    for mark in system.barlines:
        at_start = not edges and left is None and not any(x < mark.x0 for x in content)
        if at_start and "H" in mark.strokes and mark.dots_right and not mark.dots_left:
            left = mark
            continue
        edges.append((x, mark.x, left, mark))
        left, x = mark, mark.x
    if content_right > x:
        edges.append((x, system.x1, left, None))
    return edges


def _cues_in_time(elements: tuple[Element, ...]) -> tuple[Element, ...]:
    """The elements with small notes taken for full ones on staves that have nothing else: grace notes lean on
    something, so these are the staff's own (a cadenza in small print), but where a slash says what they are."""
    full = {e.staff for e in elements if not e.small} | {n.staff for e in elements if not e.small for n in e.notes}
    slashed = {e.staff for e in elements if e.slash}
    alone = [e for e in elements if e.small and e.staff not in full | slashed]
    if len(alone) < CADENZA:
        return elements
    return tuple(replace(e, small=False) if e.small and e.staff not in full | slashed else e for e in elements)


def build_measures(
    system: System,
    elements: list[Element],
    clefs: list[ClefSign],
    keys: list[KeySign],
    meters: list[MeterSign],
) -> tuple[MeasureSigns, ...]:
    """The measures of a system with what stands in them."""
    right = max(((e.x + e.x1) / 2 for e in elements), default=system.x0)
    edges = measure_edges(system, right, [e.x for e in elements])
    measures: list[MeasureSigns] = []
    for i, (x0, x1, left, end) in enumerate(edges):
        last = i == len(edges) - 1
        own = tuple(e for e in elements if (x0 <= (e.x + e.x1) / 2 < x1) or (i == 0 and (e.x + e.x1) / 2 < x0))
        limit = system.x1 + 10 * system.space if last and end is None else x1
        start = -1.0 if i == 0 else x0
        own = _cues_in_time(own)
        own_clefs = tuple(c for c in clefs if start <= c.x0 < limit)
        key = next((k for k in keys if start <= k.x0 < limit), None)
        meter = next((m for m in meters if start <= m.x0 < limit), None)
        if left is not None and i == 0:
            start = -1.0
        measures.append(MeasureSigns(x0, x1, own, own_clefs, key, meter, left, end))
    return tuple(measures)
