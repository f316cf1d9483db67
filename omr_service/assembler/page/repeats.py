"""Signs that repeat what stands before them: a whole bar, two bars, or the beats of the same bar.

On the page such a sign is read as a rest, which gives it its place in time; once the bars are solved it is replaced by
copies of what it repeats, so that everything that comes later sees the notes that are to be played.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from omr_service.assembler.geometry import Staff, System, center
from omr_service.assembler.music import Element, NoteSign
from omr_service.assembler.page.measures import measure_edges
from omr_service.assembler.piece.draft import JoinedMeasure, ScoreDraft
from omr_service.assembler.rhythm.timing import Timing
from omr_service.symbols import Box, Glyph, Line

SLASH = "repeatBarSlash"
SIGNS = {"repeat1Bar": 1, "repeat2Bars": 2, SLASH: 1}
WHOLE = -2
VALUES = {
    (1 if level >= 0 else 2**-level) * Fraction(1, 2 ** max(level, 0)) * (2 - Fraction(1, 2**dots)): (level, dots)
    for dots in (2, 1, 0)
    for level in range(-2, 5)
}
"""Lengths in quarters that one note value has, with level and dots."""


def slashes(lines: Iterable[Line], system: System) -> list[Glyph]:
    """Slashes that are drawn through the middle of a staff: they repeat a beat. Strokes over each other are not.

    Args:
        lines: Lines of the system.
        system: The system.
    """
    space = system.space
    strokes: list[Box] = []
    for v in sorted(lines, key=lambda v: min(v.x0, v.x1)):
        dx, dy = v.x1 - v.x0, v.y1 - v.y0
        rising = dx * dy < 0 and 0.4 < abs(dy / dx) < 2.5
        if rising and v.thickness > 0.25 * space and 1.2 * space < abs(dy) < 2.6 * space:
            strokes.append(Box(min(v.x0, v.x1), min(v.y0, v.y1), max(v.x0, v.x1), max(v.y0, v.y1)))
    found: list[Glyph] = []
    for box in strokes:
        x, y = center(box)
        in_the_middle = any(abs(staff.step(x, y) - 4) < 0.7 for staff in system.staves)
        if in_the_middle and not any(_over_each_other(box, other, space) for other in strokes):
            found.append(Glyph(SLASH, box.x0, y, box, 4 * space))
    return found


def _over_each_other(one: Box, other: Box, space: float) -> bool:
    """True for two strokes at one place, one right over the other."""
    aside = max(abs(one.x0 - other.x0), abs(one.x1 - other.x1))
    return aside < 0.2 * space and 0.3 * space < abs(one.y0 - other.y0) < 1.5 * space


def _together(signs: Sequence[Glyph], space: float) -> list[Glyph]:
    """Repeat signs from left to right, with slashes close together as one: two repeat a beat of shorter notes."""
    found: list[Glyph] = []
    for sign in signs:
        box, last = sign.box, found[-1] if found else None
        slash = last is not None and last.name == sign.name == SLASH
        if last is not None and slash and box.x0 - last.box.x1 < 0.5 * space and abs(last.box.y0 - box.y0) < space:
            found[-1] = replace(last, box=Box(last.box.x0, last.box.y0, box.x1, box.y1))
        else:
            found.append(sign)
    return found


def find_repeats(system: System, glyphs: Iterable[Glyph], elements: Sequence[Element], first: int) -> list[Element]:
    """The repeat signs of a system, as rests that say how many bars they repeat.

    A sign alone on its staff in a bar is a rest of a whole bar; one after notes lasts as long as those. The sign for
    two bars stands on the barline between two empty ones; elsewhere it repeats beats as the others do.

    Args:
        system: The system with its barlines.
        glyphs: Its glyphs, `slashes` among them.
        elements: Its chords and rests.
        first: Number on the page for the first of the rests.
    """
    signs = _together(sorted((g for g in glyphs if g.name in SIGNS), key=lambda g: g.x), system.space)
    if not signs:
        return []
    right = max([(e.x + e.x1) / 2 for e in elements] + [center(g.box)[0] for g in signs])
    bars = [(x0, x1) for x0, x1, _, _ in measure_edges(system, right, [e.x for e in elements])]
    found: list[Element] = []
    for sign in signs:
        x, y = center(sign.box)
        position = min(range(len(system.staves)), key=lambda i: system.staves[i].distance(x, y))
        if not 2 <= system.staves[position].step(x, y) <= 6:
            continue
        over = _empty_bars(sign, position, bars, elements, system.space)
        if over:
            found += [_rest(first + len(found) + n, position, sign, b, WHOLE, 0, 2) for n, b in enumerate(over)]
            continue
        bar = next((b for b in bars if b[0] <= x < b[1]), None)
        if bar is None:
            continue
        own = [e for e in [*elements, *found] if e.staff == position and bar[0] <= (e.x + e.x1) / 2 < bar[1]]
        since = max((e.x for e in own if e.repeat and e.x < x), default=bar[0])
        before = [e for e in own if since <= e.x < x and not e.repeat and not e.small]
        if not own and _is_first_of_many(sign, signs, bar, system.staves[position]):
            # as long as the beats that were repeated before
            beats = [(e.level, e.dots) for e in found if e.staff == position and e.level > WHOLE]
            found.append(_rest(first + len(found), position, sign, bar, *(beats[-1] if beats else (0, 0))))
        elif not own:
            found.append(_rest(first + len(found), position, sign, bar, WHOLE, 0))
        elif not before and any(e.repeat and e.x < x for e in own):
            last = max((e for e in own if e.repeat and e.x < x), key=lambda e: e.x)
            found.append(_rest(first + len(found), position, sign, bar, last.level, last.dots))
        elif (value := VALUES.get(_length(before, system.space))) is not None:
            found.append(_rest(first + len(found), position, sign, bar, *value))
    return found


def _is_first_of_many(sign: Glyph, signs: Sequence[Glyph], bar: tuple[float, float], staff: Staff) -> bool:
    """True for a slash that others follow in its bar: each repeats a beat, the first one the last before the bar."""
    others = [g for g in signs if g.name == SLASH and bar[0] <= g.x < bar[1] and 2 <= staff.step(*center(g.box)) <= 6]
    return sign.name == SLASH and len(others) > 1


def _empty_bars(
    sign: Glyph, position: int, bars: Sequence[tuple[float, float]], elements: Sequence[Element], space: float
) -> list[tuple[float, float]]:
    """The two bars without notes of its staff that a sign for two bars stands between; empty for any other sign."""
    x = center(sign.box)[0]
    for left, right in itertools.pairwise(bars):
        on_barline = SIGNS[sign.name] == 2 and abs(left[1] - x) < 1.5 * space
        if on_barline and not any(e.staff == position and left[0] <= (e.x + e.x1) / 2 < right[1] for e in elements):
            return [left, right]
    return []


def _length(elements: Sequence[Element], space: float) -> Fraction:
    """Written length of some elements that follow each other, the shortest of each column."""
    total, last = Fraction(0), None
    columns: list[Fraction] = []
    for element in sorted(elements, key=lambda e: e.x):
        if last is not None and element.x - last < 0.8 * space:
            columns[-1] = min(columns[-1], element.value)
        else:
            columns.append(element.value)
            last = element.x
    return sum(columns, total)


def _rest(
    index: int, staff: int, sign: Glyph, bar: tuple[float, float], level: int, dots: int, bars: int = 1
) -> Element:
    x0, x1 = sign.box.x0, sign.box.x1
    if bars > 1:
        x0 = (bar[0] + bar[1]) / 2
        x1 = x0 + 1
    y = center(sign.box)[1]
    return Element(
        index, staff, x0, x1, (), level, dots, None, y, -1, False, False, 0, 4.0, sign.box, sign.confidence, repeat=bars
    )


@dataclass(slots=True)
class _Numbers:
    """The next free numbers of a page."""

    element: int
    head: int
    beam: int


def step_repeats(draft: ScoreDraft) -> None:
    """Puts in the place of repeat signs what they repeat, with the times it has there."""
    if not any(e.repeat for m in draft.measures for e in m.signs.elements):
        return
    numbers: dict[int, _Numbers] = {}
    for page in draft.pages:
        own = [e for s in page.systems for m in s.measures for e in m.elements]
        heads = [n.head for e in own for n in e.notes]
        numbers[page.page_number] = _Numbers(
            max((e.index for e in own), default=-1) + 1,
            max(heads, default=-1) + 1,
            max((e.beam for e in own), default=-1) + 1,
        )
    onset = Fraction(0)
    for i, measure in enumerate(draft.measures):
        for sign in [e for e in measure.signs.elements if e.repeat]:
            _replace(draft, i, sign, numbers[measure.page.page_number])
        measure.onset = onset
        onset += measure.rhythm.length


def _replace(draft: ScoreDraft, index: int, sign: Element, numbers: _Numbers) -> None:
    """Puts copies in the place of one sign; a sign with nothing to repeat stays the rest it is."""
    measure = draft.measures[index]
    timing = measure.rhythm.timings.get(sign.index)
    if timing is None:
        return
    whole = sign.level == WHOLE
    source, start = measure, timing.onset - timing.duration
    if whole:
        if index < sign.repeat:
            return
        source, start = draft.measures[index - sign.repeat], Fraction(0)
    elif start < 0:
        if not index:
            return
        source = draft.measures[index - 1]
        start += source.rhythm.length
    place = draft.place(measure, sign.staff)
    timings = source.rhythm.timings
    originals = [
        e
        for e in source.signs.elements
        if draft.place(source, e.staff) == place
        and not e.repeat
        and (
            whole
            or (e.index in timings and start <= timings[e.index].onset < start + timing.duration)
            or (e.index not in timings and source is measure and e.x < sign.x)
        )
    ]
    if not originals or any(c.x0 > originals[0].x for c in source.signs.clefs if c.staff == originals[0].staff):
        return
    if whole and all(e.repeat or e.staff != sign.staff for e in measure.signs.elements):
        others = [e for e in measure.signs.elements if not e.repeat]
        if not others:
            measure.timing = replace(measure.rhythm, length=source.rhythm.length)
    shift = Fraction(0) if whole else timing.onset - start
    span = (sign.x, sign.x1) if not whole else (_content_start(measure), measure.signs.x1)
    copies, new = _copies(originals, source, sign, span, numbers)
    kept = tuple(e for e in measure.signs.elements if e is not sign)
    measure.signs = replace(measure.signs, elements=tuple(sorted([*kept, *copies], key=lambda e: (e.x, e.staff))))
    moved = {
        new[i]: replace(t, onset=t.onset + shift, home=sign.staff if t.home not in _positions(measure) else t.home)
        for i, t in timings.items()
        if i in new
    }
    own = {i: t for i, t in measure.rhythm.timings.items() if i != sign.index}
    _copy_tuplets(measure, source, new, {**own, **moved})


def _positions(measure: JoinedMeasure) -> range:
    return range(len(measure.system.system.staves))


def _content_start(measure: JoinedMeasure) -> float:
    """Where the notes of a measure may begin: right of its clefs, key and meter."""
    signs = measure.signs
    edges = [c.x1 for c in signs.clefs if c.x0 < (signs.x0 + signs.x1) / 2]
    edges += [s.x1 for s in (signs.key, signs.meter) if s is not None]
    return max([signs.x0, *edges])


def _copies(
    originals: Sequence[Element],
    source: JoinedMeasure,
    sign: Element,
    span: tuple[float, float],
    numbers: _Numbers,
) -> tuple[list[Element], dict[int, int]]:
    """Copies spread over a stretch of the page, with fresh numbers; and the new number of each original."""
    left, right = originals[0].x, max(source.signs.x1, max(e.x1 for e in originals))
    scale = (span[1] - span[0]) / max(right - left, 1e-6)

    def at(x: float) -> float:
        return span[0] + (x - left) * scale

    def moved(box: Box) -> Box:
        return Box(at(box.x0), box.y0, at(box.x0) + box.x1 - box.x0, box.y1)

    copies: list[Element] = []
    new = {e.index: numbers.element + k for k, e in enumerate(originals)}
    numbers.element += len(originals)
    beams: dict[int, int] = {-1: -1}
    for element in originals:
        if element.beam not in beams:
            beams[element.beam] = numbers.beam
            numbers.beam += 1
        notes: list[NoteSign] = []
        for note in element.notes:
            notes.append(replace(note, head=numbers.head, box=moved(note.box)))
            numbers.head += 1
        copies.append(
            replace(
                element,
                index=new[element.index],
                x=at(element.x),
                x1=at(element.x) + element.x1 - element.x,
                notes=tuple(notes),
                box=moved(element.box),
                beam=beams[element.beam],
                confidence=min(element.confidence, sign.confidence),
                copied=True,
                partner=new.get(element.partner, -1),
                between=element.between if element.partner in new else 0,
            )
        )
    return copies, new


def _copy_tuplets(
    measure: JoinedMeasure, source: JoinedMeasure, new: dict[int, int], timings: dict[int, Timing]
) -> None:
    """Gives a measure its timings and the tuplets of what was copied."""
    rhythm, told = measure.rhythm, source.rhythm
    tuplets, runs = list(measure.tuplets), list(rhythm.runs)
    for tuplet, run in zip(source.tuplets, told.runs, strict=False):
        if run >= 0 and all(i in new for i in tuplet.options[run]):
            tuplets.append(replace(tuplet, options=(tuple(new[i] for i in tuplet.options[run]),)))
            runs.append(0)
    unmarked = [
        (tuple(new[i] for i in members), pair) for members, pair in told.unmarked if all(i in new for i in members)
    ]
    measure.tuplets = tuple(tuplets)
    measure.timing = replace(rhythm, timings=timings, runs=tuple(runs), unmarked=(*rhythm.unmarked, *unmarked))
