"""Joins what was found on a normal page, in pixels, to `PageSymbols` in points of the straightened page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from omr_service.scan.beams import find_beams
from omr_service.scan.broken_curves import mended
from omr_service.scan.curves import find_boxes, find_brackets, find_curves, find_hairpins
from omr_service.scan.detector import Detections, Point
from omr_service.scan.glyphs import LEAST
from omr_service.scan.hand_brackets import without_hand_brackets
from omr_service.scan.normal_page import NormalPage, NormalStaff
from omr_service.scan.numbers import margin_numbers
from omr_service.scan.octave_dashes import octave_lines_of, with_octave_lines
from omr_service.scan.staff_evidence import SPACE
from omr_service.scan.strokes import find_barlines, find_levels, find_stems, joined
from omr_service.scan.thick_lines import without_thick_lines
from omr_service.scan.tracing import ended_at_heads, extended, led_to_beams, stems_of_heads, without_accidentals
from omr_service.symbols import Box, Curve, Glyph, Line, PageSymbols

_STAFF_LINE = 0.13 * SPACE
_ON_LINE = 0.25 * SPACE
"""Distance up to which a level stroke lies on the height of a staff line."""
_BEYOND = 0.25 * SPACE
"""How far a ledger line reaches beyond its head at least; engravers give it 0.3 to 0.5 spaces."""
_THROUGH = 0.3
"""Part of a head's height, up and down from its middle, within which a line goes through it."""
_SNAP = 0.9 * SPACE
_STEM_REACH = 3 * SPACE
_BAR_REACH = 30 * SPACE
_SAME_STROKE = 0.3 * SPACE
"""Distance up to which two upright lines are one stroke, and a head stands at one."""


def staff_lines(staves: Sequence[NormalStaff]) -> list[Line]:
    """The five lines of each staff."""
    return [Line(staff.x0, y, staff.x1, y, _STAFF_LINE * staff.size) for staff in staves for y in staff.lines]


def lines_of(found: Detections, page: NormalPage) -> list[Line]:
    """All lines and beams of a page, in pixels."""
    pixels = page.pixels
    bars = [extended(bar, pixels, _BAR_REACH) for bar in find_barlines(found.mask("barline"), pixels)]
    stems = [extended(stem, pixels, _STEM_REACH) for stem in find_stems(found.mask("stem"), pixels)]
    stems = without_accidentals(joined(stems, pixels), found.points)
    beams = without_thick_lines(find_beams(found.mask("beam"), pixels), pixels, page.staves)
    stems += stems_of_heads(found.points, stems, pixels)
    bars = without_hand_brackets(without_stems(bars, stems, found.points, page.staves), pixels, page.staves)
    return [
        *staff_lines(page.staves),
        *led_to_beams(ended_at_heads(stems, found.points, pixels), beams, pixels),
        *beams,
        *(_snapped(bar, page.staves) for bar in bars),
        *ledger_lines(find_levels(found.mask("ledgerLine"), pixels, least=0.8 * SPACE), found.points, page.staves),
        *find_hairpins(found.mask("hairpin"), pixels),
        *with_octave_lines(find_brackets(found.mask("bracket"), pixels), octave_lines_of(found.points, pixels)),
    ]


def without_stems(
    bars: Sequence[Line], stems: Sequence[Line], points: Sequence[Point], staves: Sequence[NormalStaff]
) -> list[Line]:
    """The barlines without those that are part of a stem: to the detector the middle of a long one between two staves
    is a barline at times, but a head stands beside it and it goes on beyond.

    Args:
        bars: Barlines, in pixels.
        stems: Stems, in pixels.
        points: The detector's points; others than noteheads are passed over.
        staves: The staves; what reaches over all lines of one is a barline, whatever stands beside it.
    """
    heads = [p for p in points if p.name.startswith("notehead") and p.probability >= LEAST]

    def is_stem(bar: Line) -> bool:
        x = (bar.x0 + bar.x1) / 2
        if any(s.x0 <= x <= s.x1 and bar.y0 < s.lines[1] and s.lines[3] < bar.y1 for s in staves):
            return False
        longer = [
            stem
            for stem in stems
            if abs((stem.x0 + stem.x1) / 2 - x) < _SAME_STROKE
            and stem.y0 - _SAME_STROKE < bar.y0
            and bar.y1 < stem.y1 + _SAME_STROKE
            and stem.y1 - stem.y0 > bar.y1 - bar.y0 + SPACE
        ]
        return any(
            abs(abs(head.x - x) - head.width / 2) < _SAME_STROKE and stem.y0 - SPACE < head.y < stem.y1 + SPACE
            for stem in longer
            for head in heads
        )

    return [bar for bar in bars if not is_stem(bar)]


def ledger_lines(levels: Sequence[Line], points: Sequence[Point], staves: Sequence[NormalStaff]) -> list[Line]:
    """The level strokes that are ledger lines.

    A ledger line reaches beyond its head, to the left and to the right. What ends with the head it lies in is that
    head's own ink: heads of old plates stand high over the line below them, where the detector expects the next one.

    Args:
        levels: Level strokes, in pixels.
        points: The detector's points; others than noteheads are passed over.
        staves: The staves.
    """
    heads = [p for p in points if p.name.startswith("notehead") and p.probability >= LEAST]
    return [v for v in off_staff_lines(levels, staves) if not any(_within(v, head) for head in heads)]


def _within(level: Line, head: Point) -> bool:
    if abs(level.y0 - head.y) > _THROUGH * head.height:
        return False
    left, right = head.x - head.width / 2, head.x + head.width / 2
    return left - _BEYOND < level.x0 and level.x1 < right + _BEYOND


def off_staff_lines(levels: Sequence[Line], staves: Sequence[NormalStaff]) -> list[Line]:
    """Level strokes without those that go on with a staff line beyond its end: a staff of which the end was not found
    has no ledger lines there, and with one its lines were not of one length."""
    return [level for level in levels if not any(_goes_on(level, staff) for staff in staves)]


def _goes_on(level: Line, staff: NormalStaff) -> bool:
    inside = staff.x0 < level.x0 and level.x1 < staff.x1
    return not inside and min(abs(level.y0 - y) for y in staff.lines) < _ON_LINE


def _snapped(bar: Line, staves: Sequence[NormalStaff]) -> Line:
    """A barline that ends near the outer line of a staff, ending there: scans round its ends off or let them run on."""
    y0, y1 = bar.y0, bar.y1
    for staff in staves:
        if not staff.x0 - 2 * SPACE <= bar.x0 <= staff.x1 + 2 * SPACE:
            continue
        top, bottom = staff.lines[0], staff.lines[-1]
        if abs(y0 - top) < _SNAP:
            y0 = top
        if abs(y1 - bottom) < _SNAP:
            y1 = bottom
    return replace(bar, y0=y0, y1=y1)


def page_symbols(
    page: NormalPage, found: Detections, glyphs: Sequence[Glyph], page_number: int, image_share: float = 1.0
) -> PageSymbols:
    """The symbols of a page, in points of the straightened page.

    Args:
        page: The page.
        found: What the detector found on it.
        glyphs: The glyphs made of the detector's points, in pixels.
        page_number: From 1.
        image_share: Share of the page that pictures cover.
    """
    k = page.points_per_pixel
    height, width = page.pixels.shape
    braces = [
        Glyph("brace", box.x0, box.y1, box, 4 * SPACE, 0.9)
        for box in find_boxes(found.mask("brace"), least=5 * SPACE, gap=2)
    ]
    return PageSymbols(
        page_number=page_number,
        width=width * k,
        height=height * k,
        glyphs=[_scaled_glyph(g, k) for g in [*glyphs, *braces]],
        lines=[_scaled_line(v, k) for v in lines_of(found, page)],
        curves=[_scaled_curve(c, k) for c in mended(find_curves(found.mask("curve"), page.pixels), page.pixels)],
        wiggles=[_scaled_box(b, k) for b in find_boxes(found.mask("wiggle"), least=1.2 * SPACE)],
        image_share=image_share,
        numbers=margin_numbers(page),
    )


def _scaled_box(box: Box, k: float) -> Box:
    return Box(box.x0 * k, box.y0 * k, box.x1 * k, box.y1 * k)


def _scaled_line(line: Line, k: float) -> Line:
    return Line(line.x0 * k, line.y0 * k, line.x1 * k, line.y1 * k, line.thickness * k, line.dashed)


def _scaled_curve(curve: Curve, k: float) -> Curve:
    box = _scaled_box(curve.box, k)
    return Curve(curve.x0 * k, curve.y0 * k, curve.x1 * k, curve.y1 * k, curve.mid_y * k, curve.thickness * k, box)


def _scaled_glyph(glyph: Glyph, k: float) -> Glyph:
    return replace(glyph, x=glyph.x * k, y=glyph.y * k, box=_scaled_box(glyph.box, k), size=glyph.size * k)
