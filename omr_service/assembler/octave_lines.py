"""Octave lines: a sign, the dashed line it starts, and the staff whose notes they move."""

from __future__ import annotations

import re
from dataclasses import replace

from omr_service.assembler.geometry import System, center, is_vertical
from omr_service.assembler.music import OctaveSign
from omr_service.symbols import Box, Glyph, Line, Text

TEXT = re.compile(r"\(?(8|15)(va|vb|ma|mb|)(?:\s?bassa|\s?alta)?\.?\)?$", re.IGNORECASE)


def find_octave_lines(glyphs: list[Glyph], texts: list[Text], lines: list[Line], system: System) -> list[OctaveSign]:
    """The octave lines of a system.

    A sign without a line counts only when it names itself fully ("8va"); a lone digit is a finger, a tuplet or a bar
    number.
    """
    space = system.space
    starts: list[tuple[Box, int, int, bool]] = []  # box, octaves, direction told (0 if not), certain without a line
    for glyph in glyphs:
        if glyph.name.startswith(("ottava", "quindicesima", "ventiduesima")):
            octaves = {"o": 1, "q": 2, "v": 3}[glyph.name[0]]
            direction = -1 if "Bassa" in glyph.name or glyph.name.endswith("Mb") else 0
            starts.append((glyph.box, octaves, direction or (1 if "Alta" in glyph.name else 0), True))
    for text in texts:
        match = TEXT.match(text.text.strip())
        if match:
            direction = {"va": 1, "ma": 1, "vb": -1, "mb": -1, "": 0}[match[2].lower()]
            if "bassa" in text.text.lower():
                direction = -1
            starts.append((text.box, 1 if match[1] == "8" else 2, direction, bool(match[2])))
    result: list[OctaveSign] = []
    dashes = [v for v in lines if not is_vertical(v) and v.thickness < 0.3 * space]
    for box, octaves, direction, certain in starts:
        end, hook = _line_after(box, dashes, lines, space)
        if end is None and not certain:
            continue
        x1 = end if end is not None else box.x1
        if direction == 0 and hook:
            direction = hook
        position, above = _staff(box, direction, system)
        if direction == 0:
            direction = 1 if above else -1
        y0, y1 = box.y0, box.y1
        result.append(OctaveSign(system.index, position, octaves * direction, box.x0, x1, Box(box.x0, y0, x1, y1)))
    return result


def of_next_system(
    sign: OctaveSign, others: list[OctaveSign], system: System, follower: System | None, first_x: float
) -> OctaveSign:
    """The sign, given to the next system where it is the rest of a line that this system's upper staff leaves open.

    Such a rest starts over the clef, before any note, and may stand nearer to the system above than to its own.
    """
    below = center(sign.box)[1] > system.staves[-1].tops[-1]
    if follower is None or not below or sign.x0 >= first_x:
        return sign
    for other in others:
        if other is not sign and other.staff == 0 and other.x1 > system.x1 - 4 * system.space:
            return replace(sign, system=follower.index, staff=0, octaves=other.octaves)
    return sign


def _line_after(box: Box, dashes: list[Line], lines: list[Line], space: float) -> tuple[float | None, int]:
    """Right end of the line that starts at a sign, and which way its hook points: 1 down, -1 up, 0 for none."""
    reach = box.x1
    level: float | None = None
    for v in sorted(dashes, key=lambda d: d.x0):
        y = (v.y0 + v.y1) / 2
        if not -0.5 * space <= v.x0 - reach <= 1.8 * space or abs(v.y1 - v.y0) > 0.2 * space:
            continue
        inside = box.y0 - 0.4 * space <= y <= box.y1 + 0.4 * space
        if (level is None and inside) or (level is not None and abs(y - level) < 0.2 * space):
            if level is None and not v.dashed and v.x1 - v.x0 > 2 * space:
                continue  # a solid line is no octave line, but its first dash may look like one
            reach, level = max(reach, v.x1), y
    if level is None:
        return None, 0
    for v in lines:
        if is_vertical(v) and abs((v.x0 + v.x1) / 2 - reach) < 0.4 * space and v.y1 - v.y0 < 2.5 * space:
            if abs(v.y0 - level) < 0.4 * space:
                return reach, 1
            if abs(v.y1 - level) < 0.4 * space:
                return reach, -1
    return reach, 0


def _staff(box: Box, direction: int, system: System) -> tuple[int, bool]:
    """Position of the staff a sign belongs to and whether it stands above it."""
    x, y = center(box)
    costs: list[tuple[float, int, bool]] = []
    for position, staff in enumerate(system.staves):
        over = staff.top(x) - y
        under = y - staff.bottom(x)
        if over > -staff.space and direction >= 0:
            costs.append((abs(over), position, True))
        if under > -staff.space and direction <= 0:
            # an unmarked 8 between two staves is likelier the lower one's 8va than the upper one's 8vb
            costs.append((abs(under) + (2.0 * staff.space if direction == 0 else 0.0), position, False))
    if not costs:
        nearest = min(range(len(system.staves)), key=lambda i: system.staves[i].distance(x, y))
        return nearest, y < system.staves[nearest].top(x)
    _, position, above = min(costs)
    return position, above
