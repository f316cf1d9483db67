"""Symbols that are painted as paths and are told by where they stand rather than by their outline alone."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, replace

from omr_service.pdf.marks import PathMark
from omr_service.pdf.staves import StaffLines
from omr_service.symbols import Box, Curve, Glyph

# A brace joins at least two staves; one half of it, where two paths make it, is as high as one staff with its gap.
_LEAST_BRACE = 6.0
_LEAST_HALF = 3.0
# The two arms of a whole brace lie this far apart at least, taken as one crescent.
_LEAST_BRACE_THICKNESS = 0.6
_WIDEST_BRACE = 4.0
_WIGGLE_LINKS = 2
UNSURE = 0.6
"""Confidence below which an outline may be something else than the symbol it is like."""
_MOST_CHAINS = 400
_AT_ARROW = 0.45
"""Spaces by which an arrow reaches over the end of its line, at most."""
_CORE = re.compile(r"notehead(Black|Half)|accidental(Sharp|Flat|Natural)$|[gf]Clef$|flag|rest(Quarter|8th|16th)$")
_LETTERLIKE = re.compile(
    r"timeSig|tuplet|fingering|dynamic(Piano|Mezzo|Forte|Rinforzando|Sforzando|Z)$|breathMarkComma|noteheadWhole"
    r"|restDoubleWhole|accidental(DoubleSharp|Parens)|augmentationDot|articStacc|articMarcato|articTenuto|ottava"
)
_LEAST_CORE = 3
_SPREAD = 0.15
# Within this distance an outline is that of a known font itself.
_EXACT = 0.08
_LEAST_LETTERS = 4
_SAME_SIZE = 0.12


@dataclass(frozen=True, slots=True)
class DrawnOutline:
    """A filled path, and the symbol it is like.

    Attributes:
        ops: Its segments.
        ink: Its box in page points.
        glyph: The symbol; None when it is like none.
        distance: How unlike the symbol the outline is, as `outlines.Likeness`.
    """

    ops: bytes
    ink: Box
    glyph: Glyph | None
    distance: float


def _bounds(mark: PathMark) -> Box:
    (x0, y0), (x1, y1) = mark.points.min(axis=0).tolist(), mark.points.max(axis=0).tolist()
    return Box(x0, y0, x1, y1)


def _union(boxes: list[Box]) -> Box:
    return Box(min(b.x0 for b in boxes), min(b.y0 for b in boxes), max(b.x1 for b in boxes), max(b.y1 for b in boxes))


def _brace(ink: Box, space: float) -> Glyph:
    return Glyph("brace", ink.x0, ink.y1, ink, 4 * space, 0.95)


def _stands_left_of_staves(ink: Box, staff_lines: StaffLines) -> bool:
    """Returns whether an upright shape ends just left of where staff lines beside it begin."""
    starts = [x0 for y, x0, x1 in staff_lines.lines if ink.y0 - staff_lines.space <= y <= ink.y1 + staff_lines.space]
    return bool(starts) and min(starts) - 3 * staff_lines.space <= ink.x1 <= min(starts) + 0.6 * staff_lines.space


def take_braces(
    outlines: list[PathMark], curves: list[Curve], staff_lines: StaffLines
) -> tuple[list[Glyph], list[PathMark], list[Curve]]:
    """Returns (braces, the other outlines, the other curves).

    A brace is one tall narrow outline left of the staves, or two such curves whose tips meet.
    """
    space = staff_lines.space
    braces: list[Glyph] = []
    other_outlines: list[PathMark] = []
    for mark in outlines:
        ink = _bounds(mark)
        tall = ink.y1 - ink.y0 >= _LEAST_BRACE * space and ink.x1 - ink.x0 <= _WIDEST_BRACE * space
        if tall and len(mark.points) > 12 and _stands_left_of_staves(ink, staff_lines):
            braces.append(_brace(ink, space))
        else:
            other_outlines.append(mark)
    upright = [
        curve
        for curve in curves
        if curve.box.y1 - curve.box.y0 >= max(_LEAST_HALF * space, 3 * abs(curve.x1 - curve.x0))
        and _stands_left_of_staves(curve.box, staff_lines)
    ]
    whole = [curve for curve in upright if curve.thickness > _LEAST_BRACE_THICKNESS * space]
    braces += [_brace(curve.box, space) for curve in whole]
    taken = {id(curve) for curve in whole}
    upright = sorted((curve for curve in upright if id(curve) not in taken), key=lambda curve: curve.box.y0)
    for index, upper in enumerate(upright):
        for lower in upright[index + 1 :]:
            meets = abs(lower.box.y0 - upper.box.y1) < 0.3 * space and abs(lower.box.x0 - upper.box.x0) < 0.3 * space
            if meets and id(upper) not in taken and id(lower) not in taken:
                taken |= {id(upper), id(lower)}
                braces.append(_brace(_union([upper.box, lower.box]), space))
    return braces, other_outlines, [curve for curve in curves if id(curve) not in taken]


def without_words(drawn: list[DrawnOutline], staff_lines: StaffLines) -> list[DrawnOutline]:
    """Returns the outlines without what is like a symbol by chance: letters of words that are drawn as outlines too.

    On a page whose noteheads, clefs and accidentals are those of a known font its other symbols are so as well, and
    what is merely like one is a letter. In fonts that are not known, letters are told by standing in words; digits of
    meters that stand between staff lines are none.

    Args:
        drawn: Filled paths with what they were matched to.
        staff_lines: Those of the page.
    """
    nearest: dict[str, float] = {}  # one for each symbol: of a font that is not known, the heads may be the same
    for outline in drawn:
        if outline.glyph is not None and _CORE.match(outline.glyph.name):
            name = outline.glyph.name
            nearest[name] = min(outline.distance, nearest.get(name, 1.0))
    core = sorted(nearest.values())
    middle = core[len(core) // 2] if len(core) >= _LEAST_CORE else 1.0
    limit = middle + _SPREAD if middle < _EXACT else 1.0
    space = staff_lines.space
    pairs = _repeat_dots(drawn, staff_lines)
    near = [replace(o, glyph=None) if _is_unlikely(o, limit, staff_lines) and id(o) not in pairs else o for o in drawn]
    words: set[int] = set()
    ordered = sorted((o for o in near if o.ink.y1 - o.ink.y0 < 3 * space), key=lambda o: o.ink.x0)
    chains: list[list[DrawnOutline]] = []
    for outline in ordered:
        chains = [chain for chain in chains if outline.ink.x0 - chain[-1].ink.x1 < space or _ended(chain, words)]
        for chain in chains:
            last = chain[-1].ink
            gap = outline.ink.x0 - last.x1
            if abs(outline.ink.y1 - last.y1) < 0.4 * space and -0.5 * space < gap < 0.7 * space:
                chain.append(outline)
                break
        else:
            chains.append([outline])
    for chain in chains:
        _ended(chain, words)
    return [
        replace(o, glyph=None) if id(o) in words and o.distance > _EXACT and not _told_by_place(o, staff_lines) else o
        for o in near
    ]


def _is_unlikely(outline: DrawnOutline, limit: float, staff_lines: StaffLines) -> bool:
    """Returns whether an outline is like a symbol by less than the page's others, and nothing else speaks for it."""
    glyph = outline.glyph
    if glyph is None or outline.distance <= limit or _CORE.match(glyph.name):
        return False
    # Letters of dynamics are larger than those of words.
    full_size = glyph.name.startswith("dynamic") and abs(glyph.size / (4 * staff_lines.space) - 1) < _SAME_SIZE
    return not full_size and not _told_by_place(outline, staff_lines)


def _told_by_place(outline: DrawnOutline, staff_lines: StaffLines) -> bool:
    """Returns whether an outline is like a digit of a meter and fills the two spaces between staff lines."""
    ink, space = outline.ink, staff_lines.space
    if outline.glyph is None or not outline.glyph.name.startswith("timeSig"):
        return False
    x = (ink.x0 + ink.x1) / 2
    fills = abs(ink.y1 - ink.y0 - 2 * space) <= 0.5 * space
    return fills and all(abs(staff_lines.distance(x, y)) < 0.25 * space for y in (ink.y0, ink.y1))


def _repeat_dots(drawn: list[DrawnOutline], staff_lines: StaffLines) -> set[int]:
    """Returns the outlines (by id) like dots that stand over each other in two spaces of a staff, as those of a
    repetition do: fonts draw them otherwise than other dots."""
    space = staff_lines.space
    dots = [
        o
        for o in drawn
        if o.glyph is not None
        and (o.glyph.name == "augmentationDot" or o.glyph.name.startswith("articStaccato"))
        and 0.35 < abs(staff_lines.distance((o.ink.x0 + o.ink.x1) / 2, (o.ink.y0 + o.ink.y1) / 2)) / space < 0.65
    ]
    dots.sort(key=lambda o: o.ink.x0)
    found: set[int] = set()
    for index, one in enumerate(dots):
        for other in dots[index + 1 :]:
            if other.ink.x0 - one.ink.x0 > 0.1 * space:
                break
            if one.ops == other.ops and abs(abs(one.ink.y0 - other.ink.y0) - space) < 0.1 * space:
                found |= {id(one), id(other)}
    return found


def _ended(chain: list[DrawnOutline], words: set[int]) -> bool:
    """Enters a finished chain of outlines among the words if it is one; returns False."""
    letters = sum(1 for o in chain if o.glyph is None or _LETTERLIKE.match(o.glyph.name))
    if len(chain) >= _LEAST_LETTERS and letters >= 0.8 * len(chain):
        words |= {id(o) for o in chain}
    return False


def join_wiggles(drawn: list[DrawnOutline], staff_lines: StaffLines) -> tuple[list[Box], list[Glyph]]:
    """Returns (wavy lines, the symbols among the other outlines, arrows at the ends of upright lines among them).

    A wavy line is a row or column of like outlines that join end to end, and are like no other symbol for sure: the
    heads of a chord join too.

    Args:
        drawn: Filled paths with what they were matched to.
        staff_lines: Those of the page.
    """
    space = staff_lines.space
    groups: dict[bytes, list[DrawnOutline]] = defaultdict(list)
    for outline in drawn:
        glyph, ink = outline.glyph, outline.ink
        wavy = glyph is None or glyph.name.startswith("wiggle") or glyph.confidence < UNSURE
        if wavy and max(ink.x1 - ink.x0, ink.y1 - ink.y0) < 2.5 * space:
            groups[outline.ops].append(outline)
    wiggles: list[Box] = []
    taken: set[int] = set()
    arrows: list[Glyph] = []
    unnamed = [o for o in drawn if o.glyph is None or o.glyph.confidence < UNSURE]
    for group in groups.values():
        for upright in (False, True):
            for chain in _chains([o for o in group if id(o) not in taken], space, upright):
                wiggles.append(_union([outline.ink for outline in chain]))
                taken |= {id(outline) for outline in chain}
                if upright:
                    arrows += _arrow(wiggles[-1], [o for o in unnamed if o.ops != chain[0].ops], space)
        for outline in group:  # a short arpeggio is one link and its arrow
            if id(outline) not in taken and outline.glyph is not None and outline.glyph.name == "wiggleArpeggiatoUp":
                arrows += _arrow(outline.ink, [o for o in unnamed if o.ops != outline.ops], space)
    return wiggles, [o.glyph for o in drawn if o.glyph is not None and id(o) not in taken] + arrows


def _arrow(line: Box, others: list[DrawnOutline], space: float) -> list[Glyph]:
    """Returns the arrow that an upright wavy line ends in: an outline wider than the line that touches it."""
    for outline in others:
        ink = outline.ink
        over, under = abs(ink.y1 - line.y0) < _AT_ARROW * space, abs(ink.y0 - line.y1) < _AT_ARROW * space
        middle = abs(ink.x0 + ink.x1 - line.x0 - line.x1) < 0.4 * space
        wider = line.x1 - line.x0 < ink.x1 - ink.x0 < 1.5 * space
        if (over or under) and middle and wider and ink.y1 - ink.y0 < 2.5 * space:
            name = "wiggleArpeggiatoUpArrow" if over else "wiggleArpeggiatoDownArrow"
            return [Glyph(name, ink.x0, ink.y1, ink, 4 * space)]
    return []


def _chains(group: list[DrawnOutline], space: float, upright: bool) -> list[list[DrawnOutline]]:
    """Returns the rows (or columns, if `upright`) of outlines that join end to end at an even pace."""

    def place(outline: DrawnOutline) -> tuple[float, float]:
        ink = outline.ink
        return (ink.x0, ink.y0) if upright else (ink.y0, ink.x0)

    chains: list[list[DrawnOutline]] = []
    for outline in sorted(group, key=lambda o: place(o)[1]):
        for chain in chains:
            if _continues(chain, outline, space, upright):
                chain.append(outline)
                break
        else:
            chains.append([outline])
        if len(chains) > _MOST_CHAINS:
            return []
    return [chain for chain in chains if len(chain) >= _WIGGLE_LINKS]


def _continues(chain: list[DrawnOutline], outline: DrawnOutline, space: float, upright: bool) -> bool:
    """Returns whether a link touches the last of a chain, at the same pace as the links before."""
    a, b = chain[-1].ink, outline.ink
    step, off = (b.y0 - a.y0, b.x0 - a.x0) if upright else (b.x0 - a.x0, b.y0 - a.y0)
    size = b.y1 - b.y0 if upright else b.x1 - b.x0
    other_size = a.y1 - a.y0 if upright else a.x1 - a.x0
    if abs(off) > 0.05 * space or abs(size - other_size) > 0.03 * size or not 0.3 * size < step < 1.04 * size:
        return False
    if len(chain) == 1:
        return True
    before = chain[-2].ink
    pace = a.y0 - before.y0 if upright else a.x0 - before.x0
    return abs(step - pace) < 0.35 * size
