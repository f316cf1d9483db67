"""Upright strokes followed along the ink where the detector saw them in part or not at all."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from omr_service.scan.detector import Point
from omr_service.scan.glyphs import LEAST
from omr_service.scan.ink import PAPER, Grey
from omr_service.scan.staff_evidence import SPACE
from omr_service.symbols import Line

_INK = 150
"""Grey value below which a pixel is ink."""
_WIDEST = 5
"""Pixels across up to which ink is an upright stroke; more is a notehead, a beam or a level line."""
_BROADER = 2
"""Pixels by which a thick stroke is broader in places than on the average."""
_GAP = 3
"""Rows without a stroke, for a staff line that it crosses or a place where it is broken, over which it goes on."""
_BESIDE = 0.25 * SPACE
_SHORTEST = 1.8 * SPACE
_SHORTEST_SMALL = 1.2 * SPACE
_LONGEST = 8 * SPACE
_TO_BEAM = 2.0 * SPACE
_MET = 0.5 * SPACE
_GROUP = 1.2 * SPACE
_PARALLEL = 0.06
_FAINT = 200
_SOME = 0.4
"""Share of the rows between a stem and a beam that have ink, however faint, at least."""
_AT_EDGE = 0.35 * SPACE
_TOUCHING = 0.8 * SPACE, 1.6 * SPACE
"""Distances of the middles of two heads over each other that touch or nearly do."""
_INSIDE = 0.3 * SPACE
"""Distance from a head's middle up to which its own ink is where a stem would be."""
_HALF = 0.5
_TALLEST = 0.75
"""Part of an accidental's height by which it reaches over or under its point at most: a flat stands on its own."""
_STEMMED = frozenset({"noteheadBlack", "noteheadHalf", "noteheadBlackSmall", "noteheadHalfSmall"})


def extended(line: Line, page: Grey, reach: float) -> Line:
    """An upright line made longer at both ends as far as a stroke leads on, of its own width where it is a thick one.

    Args:
        line: Its upper end first, in pixels.
        page: The normal page.
        reach: How far at most, in pixels.
    """
    lean = (line.x1 - line.x0) / max(line.y1 - line.y0, 1.0)
    widest = _WIDEST if line.thickness <= _WIDEST else round(line.thickness) + _BROADER
    up = _followed(page, line.x0, line.y0 - 1, -1, -lean, reach, widest)
    down = _followed(page, line.x1, line.y1, 1, lean, reach, widest)
    if not up and not down:
        return line
    return replace(line, x0=line.x0 - lean * up, y0=line.y0 - up, x1=line.x1 + lean * down, y1=line.y1 + down)


def stems_of_heads(heads: Sequence[Point], stems: Sequence[Line], page: Grey) -> list[Line]:
    """Stems of noteheads that no stem touches: upward ones at the right of a head, downward ones at its left.

    Args:
        heads: The detector's points; others than noteheads are passed over.
        stems: The stems that were found.
        page: The normal page.
    """
    order = sorted(stems, key=_middle)
    places = [_middle(stem) for stem in order]
    found: list[Line] = []
    for head in heads:
        if head.name not in _STEMMED or head.probability < LEAST:
            continue
        left, right = head.x - head.width / 2, head.x + head.width / 2
        near = order[bisect.bisect(places, left - 0.3 * SPACE) : bisect.bisect(places, right + 0.3 * SPACE)]
        if any(stem.y0 - 0.62 * SPACE <= head.y <= stem.y1 + 0.62 * SPACE for stem in near):
            continue
        traced = [_traced(page, head, right - 1.5, -1), _traced(page, head, left + 1.5, 1)]
        longest = max(traced, key=lambda v: v.y1 - v.y0)
        least = _SHORTEST_SMALL if head.name.endswith("Small") else _SHORTEST
        if least <= longest.y1 - longest.y0 < _LONGEST:
            found.append(longest)
    return found


def without_accidentals(stems: Sequence[Line], points: Sequence[Point]) -> list[Line]:
    """The stems without those that are a stroke of an accidental.

    Args:
        stems: Upright lines, in pixels.
        points: The detector's points.
    """
    signs = sorted((p for p in points if p.name.startswith("accidental") and p.probability >= LEAST), key=lambda p: p.x)
    across = [sign.x for sign in signs]
    kept: list[Line] = []
    for stem in stems:
        x = _middle(stem)
        near = signs[bisect.bisect(across, x - SPACE) : bisect.bisect(across, x + SPACE)]
        if not any(
            abs(sign.x - x) < sign.width / 2 + 1
            and stem.y0 > sign.y - _TALLEST * sign.height
            and stem.y1 < sign.y + _TALLEST * sign.height
            for sign in near
        ):
            kept.append(stem)
    return kept


def ended_at_heads(stems: Sequence[Line], heads: Sequence[Point], page: Grey) -> list[Line]:
    """The stems, those made shorter that run on into a head that touches theirs and has a stem of its own.

    Where two voices stand a third apart, their heads touch, and what looks like the end of the stem of the one lies on
    the head of the other. A stem that both share has ink between the heads, and one that does not has none.

    Args:
        stems: Upright lines, in pixels.
        heads: The detector's points; others than noteheads are passed over.
        page: The normal page.
    """
    result = list(stems)
    order = sorted(range(len(result)), key=lambda i: _middle(result[i]))
    places = [_middle(result[i]) for i in order]
    stemmed = sorted((h for h in heads if h.name in _STEMMED and h.probability >= LEAST), key=lambda h: h.x)
    across = [h.x for h in stemmed]
    for head in stemmed:
        sides = []
        for right in (False, True):
            edge = _edge(head, right)
            near = order[bisect.bisect(places, edge - _AT_EDGE) : bisect.bisect(places, edge + _AT_EDGE)]
            sides.append([i for i in near if _reaches(result[i], head.y)])
        if not all(sides):
            continue
        neighbours = stemmed[bisect.bisect(across, head.x - 0.5 * SPACE) : bisect.bisect(across, head.x + 0.5 * SPACE)]
        for right, own in zip((False, True), sides, strict=True):
            # an upward stem stands at the right of its heads, and its other heads are over this one
            way = -1 if right else 1
            over = [h for h in neighbours if _TOUCHING[0] < way * (h.y - head.y) < _TOUCHING[1]]
            for i, other in ((i, h) for i in own for h in over if _reaches(result[i], h.y)):
                stem = result[i]
                if _lightest(page, stem, head.y, other.y) < _HALF * _ink_of(page, stem):
                    result[i] = _cut(stem, other.y, way)
                    break
            else:
                continue
            break
    return result


def _edge(head: Point, right: bool) -> float:
    return head.x + (head.width if right else -head.width) / 2


def _reaches(stem: Line, y: float) -> bool:
    """True for a stem that goes by a height, or ends near it."""
    return stem.y0 - 0.62 * SPACE <= y <= stem.y1 + 0.62 * SPACE


def _column(page: Grey, stem: Line, top: float, bottom: float) -> NDArray[np.uint8]:
    """The darkest value, in each row between two heights, where a stem is or would be."""
    x = int(_middle(stem))
    window = page[max(0, int(np.ceil(top))) : max(0, int(bottom)) + 1, max(0, x - 1) : x + 2]
    return np.asarray(window.min(1) if window.size else np.zeros(0, np.uint8))


def _lightest(page: Grey, stem: Line, y0: float, y1: float) -> float:
    """Darkness, 0 to 1, of the lightest place of a stem between two heads."""
    top, bottom = min(y0, y1) + _INSIDE, max(y0, y1) - _INSIDE
    column = _column(page, stem, top, bottom)
    return 1.0 - float(column.max()) / PAPER if column.size else 1.0


def _ink_of(page: Grey, stem: Line) -> float:
    """Usual darkness of a stem, 0 to 1."""
    column = _column(page, stem, stem.y0, stem.y1)
    return 1.0 - float(np.median(column)) / PAPER if column.size else 1.0


def _cut(stem: Line, y: float, way: int) -> Line:
    """A stem that begins at a height and goes up (-1) or down (1) from there."""
    return replace(stem, y1=max(y, stem.y0 + 1)) if way < 0 else replace(stem, y0=min(y, stem.y1 - 1))


def led_to_beams(stems: Sequence[Line], beams: Sequence[Line], page: Grey) -> list[Line]:
    """The stems, those made longer that end short of a beam over or under them and have some ink on the way to it.

    Args:
        stems: Upright lines, in pixels.
        beams: The beams.
        page: The normal page.
    """
    order = sorted(beams, key=lambda b: b.x0)
    starts = [b.x0 for b in order]
    widest = max((b.x1 - b.x0 for b in beams), default=0.0)
    return [
        _led(stem, order[bisect.bisect(starts, stem.x0 - widest) : bisect.bisect(starts, stem.x0 + SPACE)], page)
        for stem in stems
    ]


def _led(stem: Line, beams: Sequence[Line], page: Grey) -> Line:
    """A stem made longer as far as the nearest beam that is not far from one of its ends, and to those beside that."""
    x = _middle(stem)
    heights = [(_at(beam, x), _rise(beam)) for beam in beams if beam.x0 + _BESIDE < x < beam.x1 - _BESIDE]
    own = [(_at(beam, x), _rise(beam)) for beam in beams if beam.x0 - _BESIDE < x < beam.x1 + _BESIDE]
    met = [height for height in own if stem.y0 - _MET < height[0] < stem.y1 + _MET]
    if not met:
        gaps = [(max(stem.y0 - y, y - stem.y1), (y, rise)) for y, rise in heights]
        near = [(gap, height) for gap, height in gaps if gap < _TO_BEAM and _inked(page, x, stem, height[0])]
        if not near:
            return stem
        met = [min(near)[1]]
        stem = replace(stem, y0=min(stem.y0, met[0][0]), y1=max(stem.y1, met[0][0]))
    for y, rise in sorted(heights, key=lambda h: min(abs(h[0] - m[0]) for m in met)):
        # the beams of a group are parallel and stand one beside the other
        beside = any(abs(y - other) < _GROUP and abs(rise - slope) < _PARALLEL for other, slope in met)
        if beside and (y, rise) not in met and _inked(page, x, stem, y):
            met.append((y, rise))
            stem = replace(stem, y0=min(stem.y0, y), y1=max(stem.y1, y))
    return stem


def _at(beam: Line, x: float) -> float:
    return beam.y0 + _rise(beam) * (x - beam.x0)


def _rise(beam: Line) -> float:
    return (beam.y1 - beam.y0) / max(beam.x1 - beam.x0, 1.0)


def _inked(page: Grey, x: float, stem: Line, y: float) -> bool:
    """True where there is some ink, however faint, between a stem's end and a height beyond it."""
    top, bottom = (y, stem.y0) if y < stem.y0 else (stem.y1, y)
    window = page[int(top) : int(bottom) + 1, max(0, int(x) - 2) : int(x) + 3]
    return bool(window.size) and float((window.min(1) < _FAINT).mean()) >= _SOME


def _middle(line: Line) -> float:
    return (line.x0 + line.x1) / 2


def _traced(page: Grey, head: Point, x: float, way: int) -> Line:
    """The longest stroke up (-1) or down (1) from beside the middle of a head; of no length where there is none."""
    start = head.y + way * 0.2 * SPACE
    best, at = 0.0, x
    for place in (x, x - _BESIDE, x + _BESIDE, x - 2 * _BESIDE, x + 2 * _BESIDE):
        # the head itself is wide: the stroke is looked for from where the head ends
        for skipped in (0.0, 0.3 * SPACE, 0.5 * SPACE):
            length = _followed(page, place, start + way * skipped, way, 0.0, _LONGEST)
            if length and length + skipped > best:
                best, at = length + skipped, place
    end = start + way * best
    return Line(at, min(start, end), at, max(start, end), 1.5)


def _followed(page: Grey, x: float, y: float, way: int, lean: float, reach: float, widest: int = _WIDEST) -> float:
    """Rows over which a stroke leads on from a row (included), up or down.

    Args:
        page: The normal page.
        x, y: Where it is looked for first.
        way: -1 for up, 1 for down.
        lean: Pixels to the right per row.
        reach: Most rows.
        widest: Pixels across up to which ink is a stroke.
    """
    height, width = page.shape
    row, at, led, missed = int(y), x, 0, 0
    for step in range(int(reach)):
        now = row + way * step
        at += lean if step else 0.0
        column = int(at)
        if not 0 <= now < height or not 0 <= column < width or missed > _GAP:
            break
        middle = _stroke_at(page, now, column, widest)
        if middle is None:
            missed += 1
            continue
        at += float(np.clip(middle - at, -0.5, 0.5))
        led, missed = step + 1, 0
    return float(led)


def _stroke_at(page: Grey, row: int, column: int, widest: int) -> float | None:
    """Middle of the narrow run of ink at a place of a row; None where there is no ink or much."""
    left = max(0, column - widest - 1)
    dark = page[row, left : column + widest + 2] < _INK
    centre = column - left
    near = [i for i in (centre, centre - 1, centre + 1) if 0 <= i < len(dark) and dark[i]]
    if not near:
        return None
    first = last = near[0]
    while first > 0 and dark[first - 1]:
        first -= 1
    while last + 1 < len(dark) and dark[last + 1]:
        last += 1
    return left + (first + last + 1) / 2 if last - first < widest else None
