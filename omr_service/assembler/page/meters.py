"""Time signatures: what their digits may say, and what the staves of a system agree on."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from omr_service.assembler.geometry import Barline, System, center
from omr_service.symbols import Box, Glyph

DIGIT = re.compile(r"(?:timeSig|fingering|tuplet)(\d)$")
UNSEEN = 0.02
"""Probability of a reading on a staff that does not show it: a digit may have been missed."""
ALTERNATIVE, PARENTHESIS = 3.0, 1.5
"""Spaces between a meter and another one for the same measures, and between that and its right parenthesis."""
_Readings = dict[tuple[tuple[int, ...], int, str], float]
"""Numerators, denominator and symbol, with how probable they are."""
_Digit = tuple[Glyph, dict[str, float]]
"""A sign and the digits it may be, with how probable each is; or a plus."""


@dataclass(frozen=True, slots=True)
class MeterSign:
    """A time signature.

    Attributes:
        x0, x1: Horizontal extent.
        beats: Numerators.
        beat_type: Denominator.
        symbol: "", "common" or "cut".
        others: Other readings of its digits, as numerators, denominator and how probable they are by their looks in
            parts of this one.
    """

    x0: float
    x1: float
    beats: tuple[int, ...]
    beat_type: int
    symbol: str
    others: tuple[tuple[tuple[int, ...], int, float], ...] = ()


def find_meters(glyphs: list[Glyph], system: System) -> list[MeterSign]:
    """Time signatures of a system, by x; one for all staves."""
    found: list[tuple[tuple[float, float], _Readings]] = []
    for position in system.keyboard:
        staff = system.staves[position]
        upper: list[_Digit] = []
        lower: list[_Digit] = []
        for glyph in glyphs:
            x, y = center(glyph.box)
            step = staff.step(x, y)
            letter = glyph.name in ("timeSigCommon", "timeSigCutCommon")
            if letter and abs(step - 4) < 1.5:
                cut = glyph.name == "timeSigCutCommon"
                reading = ((2,), 2, "cut") if cut else ((4,), 4, "common")
                found.append(((glyph.box.x0, glyph.box.x1), {reading: glyph.confidence}))
                continue
            # the letter stands in the middle of the staff: above or below it is a digit that resembles one
            digits = _digits(glyph)
            plus = glyph.name in ("timeSigPlus", "timeSigPlusSmall")
            if not plus and not (digits and (letter or DIGIT.match(glyph.name))):
                continue
            tall = (glyph.box.y1 - glyph.box.y0) / staff.space
            certain = plus or glyph.name.startswith("timeSig")
            if not 1.4 < tall < (5.0 if certain else 2.6) and not plus:
                continue
            texts = digits or {"+": glyph.confidence}
            # some faces have digits that are taller than half a staff
            reach = 1.0 if tall < 2.6 else 2.8
            if abs(step - 6) < reach and step > 4:
                upper.append((glyph, texts))
            elif abs(step - 2) < reach and step < 4:
                lower.append((glyph, texts))
        for row in _runs(lower, staff.space):
            x0, x1 = row[0][0].box.x0, row[-1][0].box.x1
            mid = (x0 + x1) / 2
            over = [
                r
                for r in _runs(upper, staff.space)
                if r[0][0].box.x0 - staff.space < mid < r[-1][0].box.x1 + staff.space
            ]
            if not over:
                continue
            extent = (min(x0, over[0][0][0].box.x0), max(x1, over[0][-1][0].box.x1))
            found.append((extent, _readings(over[0], row)))
    found.sort(key=lambda m: m[0])
    distinct: list[tuple[tuple[float, float], list[_Readings]]] = []
    for extent, readings in found:
        if distinct and extent[0] - distinct[-1][0][0] <= 1.5 * system.space:
            distinct[-1][1].append(readings)
        else:
            distinct.append((extent, [readings]))
    meters = [_meter(extent, readings) for extent, readings in distinct]
    return [meter for meter in meters if meter is not None]


def without_alternatives(meters: Sequence[MeterSign], system: System) -> tuple[list[MeterSign], System]:
    """The meters that count, and the system without the barlines that are none: a meter right after another one, mostly
    in parentheses, says how the same measures may be counted, too, and its parentheses may look like barlines."""
    space = system.space
    kept: list[MeterSign] = []
    edges: list[Barline] = []
    for meter in meters:
        if kept and meter.x0 - kept[-1].x1 < ALTERNATIVE * space:
            left = [b for b in system.barlines if kept[-1].x1 <= b.x <= meter.x0]
            right = [b for b in system.barlines if meter.x1 <= b.x < meter.x1 + PARENTHESIS * space]
            edges += [*left, *right] if left and right else []
        else:
            kept.append(meter)
    barlines = tuple(b for b in system.barlines if b not in edges)
    return kept, replace(system, barlines=barlines) if edges else system


def starts_of_measures(
    lefts: Sequence[float],
    events: Sequence[tuple[Box, bool]],
    meters: Sequence[MeterSign],
    accidentals: Sequence[Glyph],
    system: System,
) -> list[tuple[float, float]]:
    """From where to where the signatures of each measure stand: from its left edge to its first note or rest; but after
    grace notes that have come before its accidentals and its meter, as LilyPond sets them where only one staff begins
    with some. The small note of a metronome mark over the meter has the accidentals before it.

    Args:
        lefts: Left edges of measures, from left to right.
        events: Ink of the notes and rests of the system, from left to right, and whether they are small.
        meters: Its meters.
        accidentals: Its accidentals.
        system: The system.
    """
    spans: list[tuple[float, float]] = []
    for left, end in itertools.zip_longest(lefts, lefts[1:], fillvalue=math.inf):
        own = [e for e in events if left - 0.5 * system.space <= e[0].x0 < end]
        early = [box for box, _ in itertools.takewhile(lambda e: e[1], own)]
        full = own[len(early)][0].x0 if len(early) < len(own) else -math.inf
        late = last_at_start([m for m in meters if early and early[0].x1 <= m.x0 < full], full)
        after = max((box.x1 for box in early if late is not None and box.x0 < late.x0), default=math.inf)
        if late is not None and any(after <= sign.box.x0 < late.x0 for sign in accidentals):
            left = after
            own = [e for e in own if e[0].x0 >= late.x0]
        spans.append((left, own[0][0].x0 if own else next((b.x0 for b, _ in events if b.x0 >= left), system.x1)))
    return spans


def last_at_start(meters: Sequence[MeterSign], first: float) -> MeterSign | None:
    """The meter of a measure: the last one before its first full note or rest, or else the first."""
    before = [m for m in meters if m.x0 < first]
    return before[-1] if before else next(iter(meters), None)


def _digits(glyph: Glyph) -> dict[str, float]:
    """The digits a sign may be, with how probable each is; empty where it is none."""
    found: dict[str, float] = {}
    for name, probability in ((glyph.name, glyph.confidence), *glyph.alternatives):
        match = DIGIT.match(name)
        if match:
            found.setdefault(match[1], probability)
    return found


def _readings(upper: Sequence[_Digit], lower: Sequence[_Digit]) -> _Readings:
    """What two rows of digits may say, with how probable each is."""
    rows: list[dict[str, float]] = []
    for row in (upper, lower):
        texts = {"": 1.0}
        for _, digits in row:
            texts = {t + d: p * q for t, p in texts.items() for d, q in digits.items()}
        rows.append(texts)
    found: _Readings = {}
    for (top, p), (bottom, q) in itertools.product(rows[0].items(), rows[1].items()):
        beats = tuple(int(n) for n in top.split("+") if n)
        beat_type = int(bottom.replace("+", "") or 0)
        if beats and all(beats) and beat_type in (1, 2, 4, 8, 16, 32, 64):
            found[beats, beat_type, ""] = p * q
    return found


def _meter(extent: tuple[float, float], staves: Sequence[_Readings]) -> MeterSign | None:
    """The time signature that the staves' readings agree on best; None where there is none."""
    together: _Readings = {}
    for reading in {r for own in staves for r in own}:
        together[reading] = math.prod(own.get(reading, UNSEEN) for own in staves)
    if not together:
        return None
    order = sorted(together, key=lambda r: (-together[r], r))
    (beats, beat_type, symbol), most = order[0], together[order[0]]
    others = tuple((r[0], r[1], together[r] / most) for r in order[1:] if r[:2] != (beats, beat_type))
    return MeterSign(*extent, beats, beat_type, symbol, others)


def _runs(row: list[_Digit], space: float) -> list[list[_Digit]]:
    """Digits of one height that stand next to each other."""
    runs: list[list[_Digit]] = []
    for item in sorted(row, key=lambda r: r[0].x):
        if runs and item[0].box.x0 - runs[-1][-1][0].box.x1 < 0.8 * space:
            runs[-1].append(item)
        else:
            runs.append([item])
    return runs
