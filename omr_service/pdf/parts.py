"""Symbols that a page paints part by part, each a path of its own: a sharp as two strokes and two bars, a rest as its
dot and its stem. SCORE, and what is placed on pages from it, writes all its symbols so.

The parts of a symbol are painted one after the other and touch. Which runs of parts are symbols is decided along the
painting order: what explains all of them at the least cost.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import pairwise
from math import hypot

import numpy as np

from omr_service.pdf.compose import DrawnOutline
from omr_service.pdf.marks import PathMark
from omr_service.pdf.matcher import OutlineMatcher
from omr_service.pdf.outlines import Likeness, placed
from omr_service.pdf.shapes import Points, Shape, signed_area
from omr_service.pdf.staves import StaffLines
from omr_service.symbols import Box

_WHOLE = re.compile(
    r"[gfc]Clef|accidental|rest(Quarter|\d)|flag|fermata|ornament|timeSig(Common|CutCommon)$|caesura|segno|coda"
)
"""Symbols that are made of parts; heads, dots and digits are each one path."""
_SINGLE = re.compile(r"notehead|augmentationDot|articStacc|timeSig\d|tuplet\d|fingering\d")
_MOST_PARTS = 8
_LINES = re.compile(rb"(ml){2,8}")
"""Straight strokes, as many as the symbols of a key signature have side by side at most."""
_GAP = 0.35
"""Staff spaces between a part and those before it, at most: the dots of an F clef stand off."""
_BESIDE = 0.6
"""The same between the two strokes of a sharp, which its bars join after them."""
_TALLEST, _WIDEST, _LEAST = 10.0, 4.5, 0.4
"""Staff spaces that a symbol of parts is high and wide at most, and either way at least."""
_LONGEST_STROKE = 3.6
"""Staff spaces of the longest straight stroke in a symbol; a longer one is a stem."""
_MOST_TRIED, _LONGEST_RUN = 3_000, 64
"""Parts of a page that are looked at, and of a run, at most; those of music have some 1,000, in runs of a dozen."""
_FARTHEST = 0.43
"""Distance from the symbols of known fonts up to which parts together are one."""
_MOST_CHORDS = 120
"""Chords of a part whose stroke is looked at, at most: the edge of what is drawn more finely does not count."""
_SYMBOL, _UNKNOWN, _STROKE = 0.1, 0.3, 0.05
"""What it costs that something is a symbol, beside how unlike it is; a filled path by itself; a straight stroke."""
_SURE = 0.2
"""Distance up to which a path by itself is a head, a dot or a digit; heads are no part of anything."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A painted path of a symbol's size: a fill with the stroke of its edge, or a stroke.

    Attributes:
        marks: Its paths, by their number on the page.
        mark: The first of them.
        width: Of the stroke; 0 for a fill alone.
        low, high: Corners of its box.
    """

    marks: tuple[int, ...]
    mark: PathMark
    width: float
    low: Points
    high: Points

    @property
    def straight(self) -> bool:
        """True for one straight stroke."""
        return not self.mark.filled and self.mark.ops == b"ml"


def symbols_in_parts(
    paths: list[PathMark], staff_lines: StaffLines, matcher: OutlineMatcher
) -> tuple[list[DrawnOutline], list[PathMark]]:
    """Returns (the symbols painted in several parts, the paths that are no part of one).

    Args:
        paths: All painted paths of a page, in painting order, in page points.
        staff_lines: Those of the page.
        matcher: The document's.
    """
    found: list[DrawnOutline] = []
    taken: set[int] = set()
    tried = 0
    for run in _runs(paths, staff_lines.space):
        tried += len(run)
        if tried > _MOST_TRIED:
            break
        for parts, likeness in _explained(run, 4 * staff_lines.space, matcher):
            ink = _ink(parts)
            ops = b"".join(part.mark.ops for part in parts)
            found.append(DrawnOutline(ops, ink, placed(likeness, ink), likeness[0].distance))
            taken.update(index for part in parts for index in part.marks)
    return found, [path for index, path in enumerate(paths) if index not in taken]


def _runs(paths: list[PathMark], space: float) -> list[list[_Part]]:
    """Returns the parts that are painted after each other and touch what was painted last."""
    runs: list[list[_Part]] = []
    last: _Part | None = None
    for index, path in enumerate(paths):
        low, high = path.points.min(axis=0), path.points.max(axis=0)
        if (high - low).max() > _TALLEST * space:
            last = None
            continue
        in_place = (
            last is not None
            and last.mark.filled != path.filled
            and max(abs(last.low - low).max(), abs(last.high - high).max()) < 0.02 * space
        )
        if last is not None and in_place:
            fill, stroke = (path, last.mark) if path.filled else (last.mark, path)
            last = runs[-1][-1] = _Part((*last.marks, index), fill, stroke.width, low, high)
            continue
        part = _Part((index,), path, path.width if path.stroked else 0.0, low, high)
        before = runs[-1][-_MOST_PARTS:] if last is not None else []
        gaps = [np.maximum(low - other.high, other.low - high).max() / space for other in before]
        side_by_side = last is not None and last.straight and part.straight and gaps[-1] < _BESIDE
        if side_by_side or any(gap < _GAP for gap in gaps):
            runs[-1].append(part)
        else:
            runs.append([part])
        last = part
    apart = [[stroke for part in run for stroke in _strokes(part)] for run in runs]
    return [run for run in apart if 1 < len(run) <= _LONGEST_RUN]


def _strokes(part: _Part) -> list[_Part]:
    """Returns the straight strokes of a part of nothing else: the last of one symbol and the first of the next may be
    one path."""
    if part.mark.filled or not _LINES.fullmatch(part.mark.ops):
        return [part]
    ends = [part.mark.points[k : k + 2] for k in range(0, len(part.mark.points), 2)]
    return [
        replace(part, mark=replace(part.mark, ops=b"ml", points=own), low=own.min(axis=0), high=own.max(axis=0))
        for own in ends
    ]


def _explained(run: list[_Part], em: float, matcher: OutlineMatcher) -> list[tuple[list[_Part], list[Likeness]]]:
    """Returns the symbols of several parts in a run, with what they are like, so that all of it costs the least."""
    alone = [_alone(part, em, matcher) for part in run]
    heads = [likeness is not None and likeness.name.startswith("notehead") for likeness in alone]
    costs = [0.0]
    steps: list[tuple[int, list[Likeness]]] = [(0, [])]
    for end in range(1, len(run) + 1):
        single = alone[end - 1]
        if run[end - 1].straight:
            best = costs[end - 1] + _STROKE
        else:
            best = costs[end - 1] + (single.distance + _SYMBOL if single else _UNKNOWN)
        step: tuple[int, list[Likeness]] = (end - 1, [])
        for start in range(end - 2, max(-1, end - 1 - _MOST_PARTS), -1):
            if heads[start] or heads[end - 1]:
                break
            likeness = _together(run[start:end], em, matcher)
            if likeness and costs[start] + likeness[0].distance + _SYMBOL < best:
                best, step = costs[start] + likeness[0].distance + _SYMBOL, (start, likeness)
        costs.append(best)
        steps.append(step)
    found: list[tuple[list[_Part], list[Likeness]]] = []
    end = len(run)
    while end:
        start, likeness = steps[end]
        if likeness:
            found.append((run[start:end], likeness))
        end = start
    return found[::-1]


def _alone(part: _Part, em: float, matcher: OutlineMatcher) -> Likeness | None:
    """Returns the head, dot or digit that a part surely is by itself; None for any other."""
    if not part.mark.filled:
        return None
    points = part.mark.points * np.array([1.0, -1.0])
    likeness = matcher.match(part.mark.ops, points, Shape(part.mark.ops, points).polygons, em)
    sure = likeness and likeness[0].distance <= _SURE and _SINGLE.match(likeness[0].name)
    return likeness[0] if sure else None


def _together(parts: list[_Part], em: float, matcher: OutlineMatcher) -> list[Likeness]:
    """Returns what symbols of several parts these are like, likeliest first; empty when they are like none."""
    space = em / 4
    ink = _ink(parts)
    width, height = ink.x1 - ink.x0, ink.y1 - ink.y0
    if not (_LEAST * space < width < _WIDEST * space and _LEAST * space < height < _TALLEST * space):
        return []
    strokes = [part for part in parts if part.straight]
    if len(strokes) == len(parts) or any((p.high - p.low).max() > _LONGEST_STROKE * space for p in strokes):
        return []
    polygons = [polygon for part in parts for polygon in _inked(part)]
    ops = b"".join(part.mark.ops for part in parts)
    points = np.concatenate([part.mark.points for part in parts]) * np.array([1.0, -1.0])
    likeness = matcher.match(ops, points, polygons, em)
    near = likeness and likeness[0].distance <= _FARTHEST
    return likeness if near and _WHOLE.match(likeness[0].name) else []


def _ink(parts: list[_Part]) -> Box:
    half = [part.width / 2 for part in parts]
    x0, y0 = np.min([part.low - w for part, w in zip(parts, half, strict=True)], axis=0).tolist()
    x1, y1 = np.max([part.high + w for part, w in zip(parts, half, strict=True)], axis=0).tolist()
    return Box(x0, y0, x1, y1)


def _inked(part: _Part) -> list[Points]:
    """Returns contours of what a part covers, y up, all with their inside on one side, so that none cuts another."""
    contours = [polygon * np.array([1.0, -1.0]) for polygon in Shape(part.mark.ops, part.mark.points).polygons]
    out: list[Points] = []
    if part.mark.filled:
        way = sum(signed_area(contour) for contour in contours) >= 0
        out += contours if way else [contour[::-1] for contour in contours]
    if part.width and sum(len(contour) for contour in contours) <= _MOST_CHORDS:
        for contour in contours:
            closed = part.mark.filled or part.mark.ops.endswith(b"h")
            out += _stroked(np.concatenate((contour, contour[:1])) if closed else contour, part.width / 2)
    return out


def _stroked(line: Points, half: float) -> list[Points]:
    """Returns rectangles over the chords of a line, shape (n, 2), that reach so far to each side."""
    out: list[Points] = []
    for a, b in pairwise(line):
        length = hypot(*(b - a))
        if length > 0:
            along = (b - a) / length * half
            across = np.array([-along[1], along[0]])
            out.append(np.array((a - along - across, b + along - across, b + along + across, a - along + across)))
    return out
