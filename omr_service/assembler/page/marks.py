"""Marks that belong to a chord or rest: articulations, ornaments, fermatas, arpeggios."""

from __future__ import annotations

import re
from dataclasses import replace

from omr_service.assembler.geometry import Barline, Sorted, Staff, System, center
from omr_service.assembler.music import Element, MarkSign
from omr_service.assembler.page.rests_dots import is_repeat_dot
from omr_service.symbols import Box, Glyph

ATTACHED = re.compile(r"(artic|ornament|fermata)[A-Z]?")
UNDER = 1.0
"""Spaces that an ornament must be nearer to a chord over it than to one under it: they are mostly printed above."""
ARPEGGIO = re.compile(r"(wiggleArpeggiato|arpeggiato)")


def free_dots(glyphs: list[Glyph], used: frozenset[int], staves: list[Staff], barlines: list[Barline]) -> list[Glyph]:
    """Dots that neither lengthen a note nor stand at a repeat, as staccato dots.

    Where symbols are told by their outlines alone, all dots are one.

    Args:
        glyphs: All glyphs of the page.
        used: Positions among them of dots that lengthen a note or rest.
        staves: Staves of the page.
        barlines: Barlines of the page.
    """
    found: list[Glyph] = []
    repeats = [b for b in barlines if b.dots_left or b.dots_right]
    for position, glyph in enumerate(glyphs):
        if glyph.name != "augmentationDot" or position in used:
            continue
        x, y = center(glyph.box)
        staff = min(staves, key=lambda s: s.distance(x, y), default=None)
        if staff is not None and not is_repeat_dot(x, y, staff, repeats):
            found.append(replace(glyph, name="articStaccato"))
    return found


def find_marks(glyphs: list[Glyph], elements: list[Element], system: System) -> list[MarkSign]:
    """Articulations, ornaments and fermatas with the chord or rest each belongs to."""
    by_x = Sorted([e for e in elements if not e.small], key=lambda e: (e.x + e.x1) / 2)
    found: list[MarkSign] = []
    space = system.space
    for glyph in glyphs:
        match = ATTACHED.match(glyph.name)
        if not match:
            continue
        x, y = center(glyph.box)
        kind = {"artic": "articulation", "ornament": "ornament", "fermata": "fermata"}[match[1]]
        best: tuple[float, Element, bool] | None = None
        # a turn may stand between two notes; a fermata over a rest or a barline
        reach = {"articulation": 1.1, "ornament": 1.6, "fermata": 1.6}[kind] * space
        if glyph.name == "articStaccato":  # any dot, a full stop drawn as an outline among them
            reach = 0.5 * space
        for element in by_x.between(x - reach - space, x + reach):
            if element.is_rest and kind != "fermata":
                continue
            middle = (element.x + element.x1) / 2
            stem = element.x1 if element.up else element.x
            dx = min(abs(middle - x), abs(stem - x) + 0.2 * space if element.up is not None else 99 * space)
            if dx > reach:
                continue
            top, bottom = min(element.box.y0, element.tip), max(element.box.y1, element.tip)
            above = y < (element.box.y0 + element.box.y1) / 2
            if "Above" in glyph.name or "Below" in glyph.name:
                told = "Above" in glyph.name
                away = 0.0 if told == above else 2.0 * space
            else:
                away = UNDER * space if kind == "ornament" and not above else 0.0
            near = (
                min(abs(element.box.y0 - y), abs(top - y)) if above else min(abs(element.box.y1 - y), abs(bottom - y))
            )
            cost = dx + 0.7 * near + away
            limit = 2.5 if glyph.name == "articStaccato" else 9 if kind == "fermata" else 7
            if near < limit * space and (best is None or cost < best[0]):
                best = (cost, element, above)
        barline = _barline_at(x, y, system) if kind == "fermata" else None
        if barline is not None and (best is None or abs(x - barline.x) < abs((best[1].x + best[1].x1) / 2 - x)):
            over = y < system.staves[0].top(x)
            found.append(MarkSign(kind, glyph.name, system.index, -1, barline.x, barline.x, glyph.box, over))
        elif best is not None:
            _, element, above = best
            name = glyph.name + ("Above" if above else "Below") if glyph.name == "articStaccato" else glyph.name
            found.append(MarkSign(kind, name, system.index, element.staff, x, x, glyph.box, above, element.index))
        elif kind == "fermata":
            staff = min(range(len(system.staves)), key=lambda i: system.staves[i].distance(x, y))
            above = y < system.staves[staff].top(x)
            found.append(MarkSign(kind, glyph.name, system.index, staff, x, x, glyph.box, above))
    return found


def _barline_at(x: float, y: float, system: System) -> Barline | None:
    """The barline that a sign outside the staves is centred on."""
    if min(staff.distance(x, y) for staff in system.staves) <= 0:
        return None
    return next((b for b in system.barlines if abs(b.x - x) < 0.4 * system.space), None)


def find_arpeggios(glyphs: list[Glyph], wiggles: list[Box], elements: list[Element], system: System) -> list[MarkSign]:
    """Vertical wavy lines, each with the chords right of it that it stands beside."""
    space = system.space
    signs = [g for g in glyphs if ARPEGGIO.match(g.name)]
    # some turn the arrow of one way round for the other, and only its place tells
    arrows = [g.box for g in signs if g.name.endswith("Arrow")]
    boxes = [g.box for g in signs]
    boxes += [w for w in wiggles if w.y1 - w.y0 > 1.5 * (w.x1 - w.x0)]
    boxes.sort(key=lambda b: (round(b.x0 / (0.6 * space)), b.y0))
    columns: list[Box] = []
    for box in boxes:
        last = columns[-1] if columns else None
        if last is not None and abs(box.x0 - last.x0) < 0.6 * space and box.y0 - last.y1 < 0.8 * space:
            columns[-1] = Box(min(last.x0, box.x0), last.y0, max(last.x1, box.x1), max(last.y1, box.y1))
        else:
            columns.append(box)
    found: list[MarkSign] = []
    for number, box in enumerate(columns):
        own = next((b for b in arrows if abs(b.x0 - box.x0) < space and box.y0 <= center(b)[1] <= box.y1), None)
        arrow = "" if own is None else "up" if center(own)[1] < center(box)[1] else "down"
        right = [
            e
            for e in elements
            if e.notes
            and not e.small
            and box.x1 - 0.3 * space <= e.x <= box.x1 + 3.5 * space
            and any(box.y0 - 0.3 * space < center(n.box)[1] < box.y1 + 0.3 * space for n in e.notes)
        ]
        if right:
            nearest = min(e.x for e in right)
            for element in right:
                if element.x < nearest + 1.7 * space:
                    found.append(
                        MarkSign(
                            "arpeggio",
                            str(number),
                            system.index,
                            element.staff,
                            box.x0,
                            box.x1,
                            box,
                            False,
                            element.index,
                            detail=arrow,
                        )
                    )
    return found
