"""Where the digits go: close to their notes, off every ink, RH above and LH below as a teacher writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from etude.score.v1 import event_pb2
from renderer_service.annotation.ink import InkMap, InkWindow
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
SIZES = (1.0, 0.85, 0.7)
"""Sizes to try, from the one wanted."""
GOOD_ENOUGH = 5.0
"""Cost up to which a larger size is preferred to a smaller one."""

# Distances, in staff spaces.
GAP = 0.35
"""Best distance between a digit and the outermost of its note, stem and staff."""
CLEARANCE = 0.13
"""Least space between a digit and any ink."""
AIR = 0.45
"""Space around a digit that had better be free of ink."""
FARTHEST = 9.0
"""How far outside of note, stem and staff a place is looked for."""
SIDESTEPS = np.arange(-9, 10) / 8
"""Shifts to the side that are tried."""
LEADER = 3.5
"""Distance from note, stem and staff from which on a digit gets a line that leads there."""

# Costs. One unit is what a staff space of distance costs.
REACH = 0.25
"""Of each staff space between digit and notehead."""
SIDESTEP, SIDESTEP_SQUARED = 0.5, 1.5
"""Of a shift to the side and of its square."""
SIDEWAYS = SIDESTEP_SQUARED * SIDESTEPS**2 + SIDESTEP * np.abs(SIDESTEPS)
IN_STAFF = 4.5
"""Of standing between the lines of the note's staff."""
BESIDE_STEM = 3.0
"""Of standing between the note and the end of its stem."""
OTHER_SIDE = 8.0
"""Of standing on the side that belongs to the other hand or voice."""
NEAR_OTHER_STAFF, NEARER_TO_OTHER_STAFF = 3.0, 1.5
"""Of standing nearer to another staff than to its own notes, and of each staff space by which it is nearer."""
IN_OTHER_STAFF = 30.0
"""Of standing in another staff."""
CROWDED, MOST_CROWDED = 4.0, 1.5
"""Of a square staff space of ink in the air around a digit, and how much it can cost in all."""
ON_INK = 0.5
"""Of each inked square that is covered, where nothing else is left."""
OFF_PAGE = 1000.0
"""Of reaching over the page's edge."""


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
    """A place for a stack.

    Attributes:
        cost: What it costs.
        box: The place.
        scale: Its size.
        above: True above the notes.
        base: Outermost of head, stem and staff on that side.
        inked: True when it covers ink.
    """

    cost: float
    box: Box
    scale: float
    above: bool
    base: float
    inked: bool


@dataclass(frozen=True, slots=True)
class _Side:
    """What bounds the places above or below the notes, in points.

    Attributes:
        above: True above the notes.
        center_x: Middle of the outermost head on that side.
        near_head: Its edge on that side.
        tip: End of the stem where it goes to that side, else None.
        base: Outermost of head, stem and staff.
    """

    above: bool
    center_x: float
    near_head: float
    tip: float | None
    base: float


def place_page(page: PageStacks, ink: InkMap) -> PlacedPage:
    """Places all stacks of a page; what is placed is ink for those that follow.

    Those that have a good place come first: where a page is tight, a digit that has to evade anyhow does not take the
    place next to another one's note.
    """
    digits: list[PlacedDigit] = []
    crowded: list[str] = []
    alone = [_choose(stack, page.staves, ink) for stack in page.stacks]
    for index in sorted(range(len(page.stacks)), key=lambda i: (alone[i].cost, i)):
        stack, choice = page.stacks[index], alone[index]
        if ink.is_marked(choice.box, AIR * stack.staff.space):
            choice = _choose(stack, page.staves, ink)
        for digit in _digits(stack, choice, ink):
            digits.append(digit)
            ink.mark(digit.box)
        if choice.inked and stack.measure not in crowded:
            crowded.append(stack.measure)
    return PlacedPage(page.page_number, tuple(digits), tuple(crowded))


def font_size(stack: DigitStack, scale: float) -> float:
    """Font size of a stack in points."""
    size = FONT_SPACES * stack.staff.space * stack.scale * scale
    return min(max(size, LEAST_POINTS), MOST_POINTS)


def figure_width(finger: ShownFinger) -> float:
    """Width of what is written, in ems."""
    hyphens = finger.text.count("-")
    return (len(finger.text) - hyphens) * DIGIT_WIDTH + hyphens * HYPHEN_WIDTH


def _stack_size(stack: DigitStack, scale: float) -> tuple[float, float]:
    """Width and height of a stack in points."""
    size = font_size(stack, scale)
    count = len(stack.fingers)
    width = max(figure_width(finger) for finger in stack.fingers) * size
    return width, (count * DIGIT_HEIGHT + (count - 1) * LINE_GAP) * size


def _choose(stack: DigitStack, staves: Sequence[StaffPlace], ink: InkMap) -> _Choice:
    """The cheapest place in the largest size that has a good one, else the cheapest of all."""
    own = _side(stack, ink, stack.above)
    other: _Side | None = None
    best: _Choice | None = None
    for scale in SIZES:
        choice = _best_on_side(stack, staves, ink, scale, own)
        if best is None or (choice.inked, choice.cost) < (best.inked, best.cost):
            best = choice
        if best.inked or best.cost > OTHER_SIDE:
            other = other or _side(stack, ink, not stack.above)
            choice = _best_on_side(stack, staves, ink, scale, other)
            if (choice.inked, choice.cost) < (best.inked, best.cost):
                best = choice
        if not best.inked and best.cost <= GOOD_ENOUGH:
            break
    assert best is not None  # the first size has a candidate on the wanted side, inked at worst
    return best


def _side(stack: DigitStack, ink: InkMap, above: bool) -> _Side:
    """What bounds the places above or below the notes."""
    head = min(stack.heads, key=lambda box: box.y0) if above else max(stack.heads, key=lambda box: box.y1)
    near_head = head.y0 if above else head.y1
    tip = None
    if stack.stem == (event_pb2.STEM_DIRECTION_UP if above else event_pb2.STEM_DIRECTION_DOWN):
        tip = ink.stem_end(head, stack.staff.space, above)
    staff_edge = stack.staff.box.y0 if above else stack.staff.box.y1
    edges = (near_head, staff_edge, near_head if tip is None else tip)
    return _Side(above, head.center_x, near_head, tip, min(edges) if above else max(edges))


def _best_on_side(stack: DigitStack, staves: Sequence[StaffPlace], ink: InkMap, scale: float, side: _Side) -> _Choice:
    """The cheapest place above or below the notes; one on ink only where there is no other."""
    space = stack.staff.space
    width, height = _stack_size(stack, scale)
    above, near_head, base = side.above, side.near_head, side.base
    outwards = -1.0 if above else 1.0

    # `near` is the edge of the stack that is next to the note: from the head outwards, a row of the map at a time
    start, stop = near_head + outwards * GAP * space * 0.6, base + outwards * FARTHEST * space
    near = np.linspace(start, stop, max(2, int(abs(stop - start) * ink.per_y)))
    tops = near - height if above else near
    lefts = side.center_x + SIDESTEPS * space - width / 2

    beyond = (near - base) * outwards / space
    cost = np.where(beyond >= 0, np.abs(beyond - GAP), 0.0) + REACH * (near - near_head) * outwards / space
    cost += IN_STAFF * ((tops < stack.staff.box.y1) & (tops + height > stack.staff.box.y0))
    if side.tip is not None:
        cost += BESIDE_STEM * ((near - side.tip) * outwards < 0)
    cost += OTHER_SIDE * (above != stack.above)
    cost += _cost_of_other_staves(stack, staves, tops, height, base, side.center_x)
    cost += OFF_PAGE * ((tops < 2) | (tops + height > ink.height - 2))
    sideways = SIDEWAYS + OFF_PAGE * ((lefts < 2) | (lefts + width > ink.width - 2))

    window = InkWindow(ink, tops, lefts, width, height, AIR * space)
    covered = window.count(CLEARANCE * space)
    crowding = window.count(AIR * space) / (space * ink.per_x) ** 2
    total = cost[:, None] + sideways[None, :] + np.minimum(MOST_CROWDED, CROWDED * crowding)
    free = covered == 0
    inked = not bool(free.any())
    ranked = total + ON_INK * covered if inked else np.where(free, total, np.inf)
    row, column = np.unravel_index(int(np.argmin(ranked)), ranked.shape)
    x, y = float(lefts[column]), float(tops[row])
    return _Choice(float(ranked[row, column]), Box(x, y, x + width, y + height), scale, above, base, inked)


def _cost_of_other_staves(
    stack: DigitStack, staves: Sequence[StaffPlace], tops: np.ndarray, height: float, base: float, x: float
) -> np.ndarray:
    """What it costs to come near another staff, for each top."""
    space = stack.staff.space
    cost = np.zeros(len(tops))
    middles = tops + height / 2
    to_own = np.minimum(np.abs(middles - base), _distance(middles, stack.staff.box))
    highest, lowest = tops.min() - FARTHEST * space, tops.max() + height + FARTHEST * space
    for other in staves:
        if other is stack.staff or other.box.y1 < highest or other.box.y0 > lowest:
            continue
        if other.box.x0 <= x <= other.box.x1:
            cost += IN_OTHER_STAFF * (
                (tops < other.box.y1 + 0.3 * space) & (tops + height > other.box.y0 - 0.3 * space)
            )
            nearer = (to_own - _distance(middles, other.box)) / space
            cost += np.where(nearer > 0, NEAR_OTHER_STAFF + NEARER_TO_OTHER_STAFF * nearer, 0.0)
    return cost


def _distance(y: np.ndarray, box: Box) -> np.ndarray:
    """Vertical distance from a box, 0 inside."""
    distance: np.ndarray = np.maximum(0.0, np.maximum(box.y0 - y, y - box.y1))
    return distance


def _digits(stack: DigitStack, choice: _Choice, ink: InkMap) -> list[PlacedDigit]:
    """The stack's digits at the chosen place, with a leader line where that is far from the notes."""
    size = font_size(stack, choice.scale)
    center, top = choice.box.center_x, choice.box.y0
    placed = []
    for note_id, finger in zip(stack.note_ids, stack.fingers, strict=True):
        half = figure_width(finger) * size / 2
        box = Box(center - half, top, center + half, top + DIGIT_HEIGHT * size)
        placed.append(PlacedDigit(note_id, finger, box, size))
        top += (DIGIT_HEIGHT + LINE_GAP) * size
    space, above = stack.staff.space, choice.above
    nearest = placed[-1] if above else placed[0]
    head = stack.heads[0] if above else stack.heads[-1]
    gap = choice.base - nearest.box.y1 if above else nearest.box.y0 - choice.base
    if gap > LEADER * space:
        towards = 0.3 * space if above else -0.3 * space
        start = (nearest.box.center_x, (nearest.box.y1 if above else nearest.box.y0) + towards)
        end = (head.center_x, choice.base - towards)
        if not ink.crosses(start, end):  # a line through print confuses more than it helps
            placed[placed.index(nearest)] = replace(nearest, leader=(start, end))
    return placed
