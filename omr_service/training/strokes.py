"""Draws the lines, curves and words of an engraved page as masks, each in its class."""

from __future__ import annotations

from collections.abc import Iterable

from omr_service.assembler.geometry import is_horizontal, is_vertical
from omr_service.assembler.page.steps import PageDraft
from omr_service.symbols import Box, Glyph, Line, PageSymbols, Text
from omr_service.training.canvas import Canvas

Stem = tuple[float, float, float]
"""x, top and bottom of a stem."""


def draw_lines(masks: Canvas, draft: PageDraft) -> None:
    """Draws staff lines, ledger lines, stems, beams, barlines, hairpins and brackets."""
    space = draft.space
    stems = {(c.stem.x0, c.stem.y0, c.stem.y1) for c in draft.chords if c.stem is not None}
    wedges = [m.box for m in draft.marks if m.kind == "hairpin"]
    thin = [v.thickness for v in draft.symbols.lines if is_horizontal(v) and v.x1 - v.x0 > 3 * space]
    usual = sorted(t for t in thin if t < 0.3 * space)
    thickness = usual[len(usual) // 2] if usual else 0.12 * space
    for staff in draft.staves:
        for top in staff.tops:
            end = top + staff.slope * (staff.x1 - staff.x0)
            masks.line(Line(staff.x0, top, staff.x1, end, thickness), "staffLine")
    for line in draft.symbols.lines:
        kind = _kind(line, draft, stems, wedges)
        if kind:
            masks.line(line, kind)


def _kind(line: Line, draft: PageDraft, stems: set[Stem], wedges: list[Box]) -> str:
    """The line class of a line, "" for a staff line and for what has none."""
    space = draft.space
    if is_vertical(line):
        return _vertical_kind(line, draft, stems)
    if 0.28 * space < line.thickness < 1.1 * space and line.x1 - line.x0 > 0.4 * space:
        return "beam"
    x, y = (line.x0 + line.x1) / 2, (line.y0 + line.y1) / 2
    for box in wedges:
        inside = box.x0 - 0.1 * space <= line.x0 and line.x1 <= box.x1 + 0.1 * space
        if inside and box.y0 - 0.1 * space <= y <= box.y1 + 0.1 * space:
            return "hairpin"
    if not draft.staves:
        return ""
    near = min(draft.staves, key=lambda s: (s.distance(x, y), abs(y - (s.tops[0] + s.tops[-1]) / 2)))
    if is_horizontal(line):
        for staff in draft.staves:
            if staff.distance(x, y) == 0 or abs(staff.distance(x, y)) < 0.1:
                step = staff.step(x, y)
                if abs(step / 2 - round(step / 2)) < 0.1 and staff.x0 - space < x < staff.x1 + space:
                    return ""
        if line.x1 - line.x0 < 8 * space and _is_ledger(line, draft):
            return "ledgerLine"
    if line.x1 - line.x0 > 0.25 * space and near.distance(x, y) < 12:
        slant = abs(line.y1 - line.y0) / (line.x1 - line.x0)
        return "bracket" if slant < 0.3 else ""
    return ""


def _is_ledger(line: Line, draft: PageDraft) -> bool:
    """True where a line carries a notehead on or beyond it."""
    x, y, space = (line.x0 + line.x1) / 2, (line.y0 + line.y1) / 2, draft.space
    for head in draft.heads:
        if not line.x0 - 0.3 * space < head.x < line.x1 + 0.3 * space:
            continue
        staff = draft.staves[head.staff]
        step = staff.step(x, y)
        if abs(step / 2 - round(step / 2)) > 0.15:
            continue
        if (9 < step <= head.step + 0.5) or (-1 > step >= head.step - 0.5):
            return True
    return False


def _vertical_kind(line: Line, draft: PageDraft, stems: set[Stem]) -> str:
    space = draft.space
    top, bottom = min(line.y0, line.y1), max(line.y0, line.y1)
    x = (line.x0 + line.x1) / 2
    if (line.x0, top, bottom) in stems or (line.x0, line.y0, line.y1) in stems:
        return "stem"
    for system in draft.systems:
        if not system.staves[0].tops[0] - space < (top + bottom) / 2 < system.staves[-1].tops[-1] + space:
            continue
        if x < system.x0 - 0.25 * space and bottom - top > 3 * space:
            return "brace"
        for bar in system.barlines:
            if (
                bar.x0 - 0.1 * space <= x <= bar.x1 + 0.1 * space
                and bar.top - space < top
                and bottom < bar.bottom + space
            ):
                return "barline"
        if abs(x - system.x0) < 0.25 * space and bottom - top > 3 * space:
            return "barline"
    if bottom - top < 3 * space and line.thickness < 0.4 * space:
        return "bracket"
    return "stem" if line.thickness < 0.3 * space and bottom - top < 12 * space else ""


def draw_boxes(masks: Canvas, symbols: PageSymbols, texts: Iterable[Text]) -> None:
    """Draws wiggles, braces and words as their boxes."""
    for box in symbols.wiggles:
        masks.box(box, "wiggle")
    for glyph in symbols.glyphs:
        kind = _box_kind(glyph)
        if kind:
            masks.box(glyph.box, kind)
    for text in texts:
        masks.box(text.box, "text")


def _box_kind(glyph: Glyph) -> str:
    if glyph.name.startswith("wiggle"):
        return "wiggle"
    if glyph.name.startswith(("brace", "bracket")):
        return "brace"
    return "text" if glyph.name.startswith("met") else ""
