"""Printed tuplet numbers and the notes under them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from omr_service.assembler.doubts import cost_of
from omr_service.assembler.geometry import Sorted, System, center, is_vertical, y_at
from omr_service.assembler.music import Element, MeasureSigns, TupletSign
from omr_service.assembler.page.fingers import Style, style_of
from omr_service.symbols import Box, Glyph, Line, Text

NORMALS: dict[int, tuple[int, ...]] = {
    2: (3,),
    3: (2, 4),
    4: (3, 6),
    5: (4, 3, 6, 2, 8),
    6: (4, 8, 9),
    7: (4, 8, 6),
    8: (6, 12, 4),
    9: (8, 4, 6),
    10: (8, 4, 6),
    11: (8, 4, 6),
    12: (8, 4),
    13: (8, 12, 16),
    14: (8, 12),
    15: (8, 12),
}
"""What a tuplet number replaces, the usual first; the bar decides."""
TUPLET_GLYPH = re.compile(r"tuplet(\d)$")
CERTAIN = 0.5
"""Probability from which on a digit is that of a tuplet."""
HOOK, LONGEST = 2.0, 30.0
"""Spaces that the hook of a bracket is high, and a bracket long, at most."""
NUMBER_TEXT = re.compile(r"[\[(]?(\d{1,2})(?:\s*:\s*(\d{1,2}))?[\])]?$")


@dataclass(frozen=True, slots=True)
class _Number:
    number: int
    normal: int
    box: Box
    certain: bool  # nothing else looks like it (a tuplet glyph)
    space: float
    cost: float = 0.0
    finger: bool = False  # set as the page's fingers are: a tuplet's only in a bracket


def find_numbers(
    glyphs: list[Glyph], texts: list[Text], space: float, styles_of_fingers: Container[Style] = ()
) -> list[_Number]:
    """Numbers that can be tuplet numbers."""
    found: list[_Number] = []
    digits = sorted((g for g in map(_as_tuplet, glyphs) if g is not None), key=lambda g: g.x)
    used: set[int] = set()
    for i, glyph in enumerate(digits):
        if i in used:
            continue
        run = [glyph]
        for j in range(i + 1, len(digits)):
            if digits[j].box.x0 - run[-1].box.x1 > 0.8 * space:
                break
            if j not in used and abs(digits[j].box.y1 - glyph.box.y1) < 0.8 * space:
                run.append(digits[j])
                used.add(j)
        text = "".join(":" if g.name == "tupletColon" else g.name[-1] for g in run)
        match = NUMBER_TEXT.match(text)
        if match:
            box = Box(run[0].box.x0, min(g.box.y0 for g in run), run[-1].box.x1, max(g.box.y1 for g in run))
            chance = min(g.confidence for g in run)
            cost = 0.0 if chance >= CERTAIN else cost_of(1.0 - chance, chance)
            found.append(_Number(int(match[1]), int(match[2] or 0), box, chance >= CERTAIN, space, cost))
    for text_run in texts:
        match = NUMBER_TEXT.match(text_run.text.strip())
        if match and text_run.size < 4 * space:
            finger = style_of(text_run) in styles_of_fingers
            found.append(_Number(int(match[1]), int(match[2] or 0), text_run.box, False, space, finger=finger))
    return [n for n in found if n.number >= 2]


def _as_tuplet(glyph: Glyph) -> Glyph | None:
    """The glyph as a part of a tuplet number; None where it is none. A finger that may be a tuplet's digit is one that
    is not certain."""
    if TUPLET_GLYPH.match(glyph.name) or glyph.name == "tupletColon":
        return glyph
    if glyph.name.startswith("fingering"):
        name = f"tuplet{glyph.name[-1]}"
        chance = dict(glyph.alternatives).get(name, 0.0)
        return replace(glyph, name=name, confidence=chance) if chance > 0.0 else None
    return None


def find_tuplets(
    system: System,
    measures: tuple[MeasureSigns, ...],
    glyphs: list[Glyph],
    texts: list[Text],
    lines: list[Line],
    styles_of_fingers: Container[Style] = (),
) -> list[tuple[float, TupletSign]]:
    """The tuplets of a system whose number is printed, each with what speaks against it.

    Args:
        system: The system.
        measures: Its measures.
        glyphs, texts: Digits that may be its tuplets' numbers; those between two systems may be of either.
        lines: Lines in its band.
        styles_of_fingers: Styles in which the page sets its fingers.
    """
    space = system.space
    arms = Sorted(
        (
            v
            for v in lines
            if not is_vertical(v)
            and v.thickness < 0.28 * space
            and v.x1 - v.x0 > 0.3 * space
            and abs(v.y1 - v.y0) < 0.6 * (v.x1 - v.x0)
        ),
        key=lambda v: v.x1,
    )
    hooks = [v for v in lines if is_vertical(v) and 0.3 * space < abs(v.y1 - v.y0) < HOOK * space]
    result: list[tuple[float, TupletSign]] = []
    voices: dict[int, list[list[Element]]] = {}
    for number in find_numbers(glyphs, texts, space, styles_of_fingers):
        cx, cy = center(number.box)
        span = _bracket(number, arms) or _bracket_beside(number, arms, hooks)
        if span is None and number.finger:
            continue
        measure = next((m for m in measures if m.x0 <= cx < m.x1), None)
        if measure is None:
            continue
        if id(measure) not in voices:
            voices[id(measure)] = _voices(measure.elements, system)
        # a bracket may leave out what stands between its notes: a longer note of another voice
        among = voices[id(measure)] if span is None else [*voices[id(measure)], *_by_value(measure.elements)]
        options = _options(number, cx, cy, span, among)
        if span is None and not number.certain and number.number > 15:
            # a page has many a greater number
            options = [(cost, run) for cost, run in options if len(run) == number.number]
        if options:
            certain = number.certain or span is not None
            runs = tuple(tuple(e.index for e in run) for _, run in options)
            bracket = span is not None
            cost = 0.0 if bracket else number.cost
            sign = TupletSign(number.number, number.normal, runs, bracket, certain, number.box, cost)
            result.append((options[0][0], sign))
    return result


def _bracket(number: _Number, arms: Sorted[Line]) -> tuple[float, float] | None:
    """Horizontal extent of the bracket interrupted by a number."""
    cx, cy = center(number.box)
    space = number.space
    left = [v for v in arms.between(number.box.x0 - 1.6 * space, cx) if abs(y_at(v, cx) - cy) < 0.9 * space]
    right = [
        v
        for v in arms.between(cx, float("inf"))
        if cx <= v.x0 <= number.box.x1 + 1.6 * space and abs(y_at(v, cx) - cy) < 0.9 * space
    ]
    if left and right:
        return min(v.x0 for v in left), max(v.x1 for v in right)
    return None


def _bracket_beside(number: _Number, arms: Sorted[Line], hooks: Sequence[Line]) -> tuple[float, float] | None:
    """Horizontal extent of the unbroken bracket over or under whose middle a number stands; a hook tells it from other
    level lines."""
    cx, cy = center(number.box)
    space = number.space
    for line in arms.between(cx, cx + 0.5 * LONGEST * space):
        width = line.x1 - line.x0
        centred = abs((line.x0 + line.x1) / 2 - cx) < 0.1 * width + 0.3 * space
        away = abs(y_at(line, cx) - cy) / space
        if line.dashed or not (centred and 2.0 * space < width < LONGEST * space and 0.5 < away < 1.7):
            continue
        for x, y in ((line.x0, line.y0), (line.x1, line.y1)):
            if any(abs(h.x0 - x) < 0.5 * space and h.y0 - 0.4 * space < y < h.y1 + 0.4 * space for h in hooks):
                return line.x0, line.x1
    return None


def _unit(total: Fraction, number: int) -> bool:
    """True when `number` equal plain note values make up `total`."""
    unit = total / number
    top, bottom = unit.numerator, unit.denominator
    return top & (top - 1) == 0 and bottom & (bottom - 1) == 0 and Fraction(1, 64) <= unit <= 4


def _options(
    number: _Number,
    cx: float,
    cy: float,
    span: tuple[float, float] | None,
    voices: list[list[Element]],
) -> list[tuple[float, list[Element]]]:
    """Runs of elements a number may stand over, with costs, best first: it is centred over them and they add up."""
    space = number.space
    found: dict[tuple[int, ...], tuple[float, list[Element]]] = {}
    # what begins right of the number, or of where its bracket begins, is not under it
    limit = (cx if span is None else span[0]) + 8 * space
    for voice in voices:
        for start in range(len(voice)):
            if voice[start].x > limit:
                break
            total = Fraction(0)
            for end in range(start, min(len(voice), start + 2 * number.number)):
                total += voice[end].value
                last = voice[end]
                if end - start >= number.number and len({e.value for e in voice[start : end + 1]}) == 1:
                    break  # only of notes of several values there are more than the number says
                if span is None and abs((voice[start].x + last.x1) / 2 - cx) > 8 * space:
                    continue
                run = voice[start : end + 1]
                whole = len(run) > 1 and _unit(total, number.number)
                # under a bracket some members may be hidden rests or stand on the other staff
                if not whole and (span is None or total >= number.number):
                    continue
                cost = _cost(run, voice, start, end, cx, cy, span, space) + (0.0 if whole else 1.5)
                key = tuple(e.index for e in run)
                if cost < 6.0 and (key not in found or cost < found[key][0]):
                    found[key] = (cost, run)
    ranked = sorted(found.values(), key=lambda f: (f[0], f[1][0].index))
    return [(cost, run) for cost, run in ranked[:4] if cost < ranked[0][0] + 2.5]


def _voices(elements: tuple[Element, ...], system: System) -> list[list[Element]]:
    """Runs of elements that may be one voice: by staff, all of it, or by stem; and by beam."""
    plain = [e for e in elements if not e.small]
    result: list[list[Element]] = []
    for position in range(len(system.staves)):
        own = [e for e in plain if e.staff == position]
        if not own:
            continue
        ups = [e for e in own if e.is_rest or e.up is True or e.up is None]
        downs = [e for e in own if e.is_rest or e.up is False or e.up is None]
        high = [e for e in ups if not e.is_rest or e.rest_step > 3.5]
        low = [e for e in downs if not e.is_rest or e.rest_step < 4.5]
        # notes without stems may be of a third voice
        up, down = ([e for e in own if e.is_rest or e.up is way] for way in (True, False))
        result.append(own)
        for voice in (ups, downs, high, low, up, down):
            if 1 < len(voice) < len(own) and voice not in result:
                result.append(voice)
    groups: dict[int, list[Element]] = {}
    for element in elements:  # small notes, too: they may be played in time
        groups.setdefault(element.beam, []).append(element)
    for beam, group in groups.items():
        # notes of other voices may stand between those of a beam
        if beam < 0 or len(group) < 2:
            continue
        if not any(_is_part(group, voice) for voice in result):
            result.append(group)
        whole = _with_rests(group, plain)
        if len(whole) > len(group) and not any(_is_part(whole, voice) for voice in result):
            result.append(whole)
    return result


def _with_rests(group: list[Element], elements: list[Element]) -> list[Element]:
    """The notes of a beam and the rests between them: of rests in one column, which two voices have at a time, the
    upper voice has the upper one."""
    staves = {e.staff for e in group}
    rests = [e for e in elements if e.is_rest and e.staff in staves and group[0].x1 < e.x and e.x1 < group[-1].x]
    columns: list[list[Element]] = []
    for rest in rests:
        if columns and rest.x < columns[-1][0].x1:
            columns[-1].append(rest)
        else:
            columns.append([rest])
    own = [min(column, key=lambda e: e.tip if group[0].up else -e.tip) for column in columns]
    return sorted([*group, *own], key=lambda e: e.x)


def _by_value(elements: tuple[Element, ...]) -> list[list[Element]]:
    """Notes of one value on one staff."""
    groups: dict[tuple[int, int, int], list[Element]] = {}
    for element in elements:
        if element.notes and not element.small:
            groups.setdefault((element.staff, element.level, element.dots), []).append(element)
    return [group for group in groups.values() if len(group) > 1]


def _is_part(group: list[Element], voice: list[Element]) -> bool:
    """True when elements follow each other in a voice with nothing between them."""
    start = next((k for k, e in enumerate(voice) if e is group[0]), -1)
    return start >= 0 and voice[start : start + len(group)] == group


def _cost(
    run: list[Element],
    voice: list[Element],
    start: int,
    end: int,
    cx: float,
    cy: float,
    span: tuple[float, float] | None,
    space: float,
) -> float:
    first, last = run[0], run[-1]
    if any(b.x - a.x < 0.5 * space for a, b in itertools.pairwise(run)):
        return 99.0  # two of them sound together: not one voice
    if span is not None:
        cost = max(0.0, abs(first.x - span[0]) / space - 1.2) + max(0.0, abs(last.x1 - span[1]) / space - 2.0)
    else:
        off = min(abs((a + b) / 2 - cx) for a, b in ((first.x, last.x1), (first.x, last.x), (first.x1, last.x1)))
        cost = 2.0 * max(0.0, off / space - 0.25)
        # a bracketless number stands at a beam, or over notes without one
        if first.beam >= 0 and start > 0 and voice[start - 1].beam == first.beam:
            cost += 0.4
        if last.beam >= 0 and end + 1 < len(voice) and voice[end + 1].beam == last.beam:
            cost += 0.4
        if first.beam != last.beam or first.beam < 0:
            cost += 0.6
    beams = {e.beam for e in run if not e.is_rest}
    if len(beams) > 1:
        cost += 0.5
    if len({e.up for e in run if not e.is_rest}) > 1:
        cost += 0.3
    tips = [e.tip for e in run if not e.is_rest] or [e.tip for e in run]
    tops = [min(e.tip, e.box.y0) for e in run]
    bottoms = [max(e.tip, e.box.y1) for e in run]
    to_tips = min(abs(t - cy) for t in tips)
    to_ink = min(abs(min(tops) - cy), abs(max(bottoms) - cy))
    away = min(to_tips, to_ink + 0.8 * space) / space
    return cost + 0.25 * away + max(0.0, away - 5.0)
