"""Where the digits go: close to their notes, off every ink, RH above and LH below as a teacher writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from etude.score.v1 import event_pb2
from renderer_service.annotation.ink import InkMap
from renderer_service.annotation.stacks import Box, DigitStack, PageStacks, StaffPlace
from renderer_service.fingers import ShownFinger

FONT_SPACES = 1.85
"""Font size in staff spaces. A digit is then 1.3 spaces high, like those of engravers."""
LEAST_POINTS, MOST_POINTS = 5.0, 14.0
"""Font sizes below and above which no digit goes, whatever the staff."""
DIGIT_WIDTH, HYPHEN_WIDTH, DIGIT_HEIGHT = 0.556, 0.333, 0.71
"""Measures of Helvetica Bold's digits, in ems."""
LINE_GAP = 0.12
"""Space between the digits of a stack, in ems."""
GAP = 0.35
"""Least space between a digit and its note, stem or staff, in staff spaces."""
CLEARANCE = 0.13
"""Least space between a digit and any ink, in staff spaces."""
SIZES = (1.0, 0.85, 0.7)
"""Sizes to try, from the one wanted."""
FARTHEST = 9.0
"""How far from its note a digit is looked for a place, in staff spaces."""
SIDESTEPS = np.arange(-9, 10) / 8
"""Shifts to the side that are tried, in staff spaces."""
GOOD_ENOUGH = 5.0
"""Cost up to which a larger size is preferred to a smaller one."""
LEADER = 4.5
"""Distance from its note, in staff spaces, from which on a digit gets a line that leads to it."""


@dataclass(frozen=True, slots=True)
class PlacedDigit:
    """A digit on the page.

    Attributes:
        note_id: Its note.
        finger: What is written.
        box: Around the written figures.
        size: Font size in points.
        leader: Ends of a thin line to the note, (x, y) beside the digit and (x, y) beside the head, or None.
    """

    note_id: str
    finger: ShownFinger
    box: Box
    size: float
    leader: tuple[tuple[float, float], tuple[float, float]] | None = None


@dataclass(frozen=True, slots=True)
class PlacedPage:
    """The digits of a page.

    Attributes:
        page_number: From 1.
        digits: All of them.
        crowded: Numbers of measures where a digit found no place free of ink.
    """

    page_number: int
    digits: tuple[PlacedDigit, ...]
    crowded: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Choice:
    cost: float
    x: float
    y: float
    scale: float
    inked: bool


def place_page(page: PageStacks, ink: InkMap) -> PlacedPage:
    """Places all stacks of a page; what is placed is ink for those that follow.

    Chords first: a column of digits has fewer places to go than a single one.
    """
    digits: list[PlacedDigit] = []
    crowded: list[str] = []
    for index in sorted(range(len(page.stacks)), key=lambda i: (-len(page.stacks[i].fingers), i)):
        stack = page.stacks[index]
        choice = _choose(stack, page.staves, ink)
        for digit in _digits(stack, choice):
            digits.append(digit)
            ink.mark(digit.box, CLEARANCE * stack.staff.space)
        if choice.inked and stack.measure not in crowded:
            crowded.append(stack.measure)
    return PlacedPage(page.page_number, tuple(digits), tuple(crowded))


def font_size(stack: DigitStack, scale: float) -> float:
    """Font size of a stack in points."""
    size = FONT_SPACES * stack.staff.space * stack.scale * scale
    return min(max(size, LEAST_POINTS), MOST_POINTS)


def figure_width(finger: ShownFinger) -> float:
    """Width of what is written, in ems."""
    return 2 * DIGIT_WIDTH + HYPHEN_WIDTH if finger.substitution else DIGIT_WIDTH


def _measure(stack: DigitStack, scale: float) -> tuple[float, float]:
    """Width and height of a stack in points."""
    size = font_size(stack, scale)
    count = len(stack.fingers)
    width = max(figure_width(finger) for finger in stack.fingers) * size
    return width, (count * DIGIT_HEIGHT + (count - 1) * LINE_GAP) * size


def _choose(stack: DigitStack, staves: Sequence[StaffPlace], ink: InkMap) -> _Choice:
    """The cheapest place in the largest size that has a good one, else the cheapest of all."""
    best: _Choice | None = None
    for scale in SIZES:
        for above in (stack.above, not stack.above):
            choice = _best_on_side(stack, staves, ink, scale, above)
            if choice is None:
                continue
            price = (choice.inked, choice.cost)
            if best is None or price < (best.inked, best.cost):
                best = choice
        if best is not None and not best.inked and best.cost <= GOOD_ENOUGH:
            break
    assert best is not None  # every side has candidates, inked ones at worst
    return best


def _best_on_side(
    stack: DigitStack, staves: Sequence[StaffPlace], ink: InkMap, scale: float, above: bool
) -> _Choice | None:
    """The cheapest place above or below the notes; one on ink only where there is no other."""
    space = stack.staff.space
    width, height = _measure(stack, scale)
    head = min(stack.heads, key=lambda box: box.y0) if above else max(stack.heads, key=lambda box: box.y1)
    near_head = head.y0 if above else head.y1
    tip = None
    if stack.stem == (event_pb2.STEM_DIRECTION_UP if above else event_pb2.STEM_DIRECTION_DOWN):
        tip = ink.stem_end(head, space, above)
    edge = stack.staff.box.y0 if above else stack.staff.box.y1
    outer = min if above else max
    base = outer(near_head, edge, near_head if tip is None else tip)
    sign = -1.0 if above else 1.0

    # rows: the stack's edge next to the note, from the head outwards; columns: steps to the side
    start = near_head + sign * GAP * space * 0.6
    stop = base + sign * FARTHEST * space
    count = max(2, int(abs(stop - start) * ink.per_y))
    near = np.linspace(start, stop, count)
    tops = near - height if above else near
    lefts = head.center_x + SIDESTEPS * space - width / 2

    covered = _covered(ink, tops, lefts, width, height, CLEARANCE * space)
    beyond = (near - base) * sign / space  # spaces outside the outermost of head, stem and staff
    reach = (near - near_head) * sign / space
    cost = np.abs(np.where(beyond >= 0, beyond - GAP, 0.0)) + 0.25 * reach
    inside_staff = (tops < stack.staff.box.y1) & (tops + height > stack.staff.box.y0)
    cost = cost + 3.0 * inside_staff
    if tip is not None:
        cost = cost + 2.5 * ((near - tip) * sign < 0)
    cost = cost + 6.0 * (above != stack.above)
    middle = tops + height / 2
    for other in staves:
        if other is not stack.staff and other.box.x0 <= head.center_x <= other.box.x1:
            inside = (tops < other.box.y1 + 0.3 * space) & (tops + height > other.box.y0 - 0.3 * space)
            to_other = np.maximum(0, np.maximum(other.box.y0 - middle, middle - other.box.y1))
            to_own = np.maximum(0, np.maximum(stack.staff.box.y0 - middle, middle - stack.staff.box.y1))
            cost = cost + 30.0 * inside + 2.0 * (to_other < to_own)
    cost = cost + np.where((tops < 2) | (tops + height > ink.height - 2), 1000.0, 0.0)
    sideways = 1.5 * SIDESTEPS**2 + 0.5 * np.abs(SIDESTEPS)
    total = cost[:, None] + sideways[None, :]
    off_page = (lefts < 2) | (lefts + width > ink.width - 2)
    total = total + np.where(off_page, 1000.0, 0.0)[None, :]
    free = covered == 0
    inked = not bool(free.any())
    ranked = total + 0.5 * covered if inked else np.where(free, total, np.inf)
    row, column = np.unravel_index(int(np.argmin(ranked)), ranked.shape)
    return _Choice(float(ranked[row, column]), float(lefts[column]), float(tops[row]), scale, inked)


def _covered(
    ink: InkMap, tops: np.ndarray, lefts: np.ndarray, width: float, height: float, margin: float
) -> np.ndarray:
    """Inked squares under a box with its margin, for each top (rows) and left (columns)."""
    rows = np.floor((tops - margin) * ink.per_y).astype(int)
    columns = np.floor((lefts - margin) * ink.per_x).astype(int)
    tall = max(1, int(np.ceil((height + 2 * margin) * ink.per_y)))
    wide = max(1, int(np.ceil((width + 2 * margin) * ink.per_x)))
    row0, column0 = int(rows.min()), int(columns.min())
    row1, column1 = int(rows.max()) + tall, int(columns.max()) + wide
    # the window may reach over the page's edges, where there is no ink (and no paper: that costs elsewhere)
    window = np.zeros((row1 - row0 + 1, column1 - column0 + 1), dtype=np.int32)
    r0, r1 = max(row0, 0), min(row1, ink.ink.shape[0])
    c0, c1 = max(column0, 0), min(column1, ink.ink.shape[1])
    if r1 > r0 and c1 > c0:
        window[r0 - row0 + 1 : r1 - row0 + 1, c0 - column0 + 1 : c1 - column0 + 1] = ink.ink[r0:r1, c0:c1]
    sums = window.cumsum(axis=0).cumsum(axis=1)
    top, left = (rows - row0)[:, None], (columns - column0)[None, :]
    inked: np.ndarray = (
        sums[top + tall, left + wide] - sums[top, left + wide] - sums[top + tall, left] + sums[top, left]
    )
    return inked


def _digits(stack: DigitStack, choice: _Choice) -> list[PlacedDigit]:
    """The stack's digits at the chosen place, with a leader line where that is far from the notes."""
    size = font_size(stack, choice.scale)
    center = choice.x + _measure(stack, choice.scale)[0] / 2
    placed = []
    top = choice.y
    for note_id, finger in zip(stack.note_ids, stack.fingers, strict=True):
        half = figure_width(finger) * size / 2
        box = Box(center - half, top, center + half, top + DIGIT_HEIGHT * size)
        placed.append(PlacedDigit(note_id, finger, box, size))
        top += (DIGIT_HEIGHT + LINE_GAP) * size
    space, staff = stack.staff.space, stack.staff.box
    above = choice.y < stack.heads[0].y0
    nearest = placed[-1] if above else placed[0]
    head = stack.heads[0] if above else stack.heads[-1]
    far = (
        (head.y0 - nearest.box.y1, staff.y0 - nearest.box.y1)
        if above
        else (nearest.box.y0 - head.y1, nearest.box.y0 - staff.y1)
    )
    if min(far) > LEADER * space:
        start = (nearest.box.center_x, nearest.box.y1 + 0.2 * space if above else nearest.box.y0 - 0.2 * space)
        end = (head.center_x, head.y0 - 0.4 * space if above else head.y1 + 0.4 * space)
        placed[placed.index(nearest)] = replace(nearest, leader=(start, end))
    return placed
