"""What the detector should answer on an engraved page: points and masks, from what the engraved reader knows exactly.

Coordinates are pixels of the normalised page, on which the staff space is `STAFF_SPACE` pixels.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omr_service.assembler.page.heads_stems import SMALL
from omr_service.assembler.page.staves import find_staves
from omr_service.assembler.page.steps import PageDraft
from omr_service.pdf.refine import full_size
from omr_service.pipeline import PAGE_STEPS
from omr_service.scan.vocabulary import INDEX, STAFF_SPACE, point_class
from omr_service.symbols import Box, PageSymbols, Text
from omr_service.training.canvas import Canvas
from omr_service.training.strokes import draw_boxes, draw_lines

_LETTER = {
    "p": ("dynamicPiano", 1.3),
    "m": ("dynamicMezzo", 1.6),
    "f": ("dynamicForte", 1.1),
    "s": ("dynamicSforzando", 0.75),
    "z": ("dynamicZ", 0.75),
    "r": ("dynamicRinforzando", 0.85),
}
"""Point class of a letter of a dynamic and its usual width in staff spaces."""
_WORDS = {
    "dynamicFortePiano": "fp",
    "dynamicForzando": "fz",
    "dynamicSforzando1": "sf",
    "dynamicSforzandoPiano": "sfp",
    "dynamicSforzandoPianissimo": "sfpp",
    "dynamicSforzato": "sfz",
    "dynamicSforzatoPiano": "sfzp",
    "dynamicSforzatoFF": "sffz",
    "dynamicRinforzando1": "rf",
    "dynamicRinforzando2": "rfz",
}
_SPELLED = re.compile(r"dynamic([PMF]+)$")
_COMBINED = {"Accent": "articAccent", "Staccato": "articStaccato", "Tenuto": "articTenuto", "Marcato": "articMarcato"}
_BY_ORIGIN = re.compile(r"notehead|rest|accidental[A-Z][a-z]+(?!Left|Right)|[gfc]Clef|timeSig")
"""Classes whose point is at the height of the SMuFL origin; that of the others is the middle of their ink."""


@dataclass(frozen=True, slots=True)
class PageLabels:
    """What is on a page.

    Attributes:
        points: float32 array (n, 5): class, x, y of the point, width and height of the ink.
        masks: uint16 array (height, width): bit i is set where line class i has ink, bit `UNKNOWN` where nobody knows
            what the ink is.
    """

    points: NDArray[np.float32]
    masks: NDArray[np.uint16]


def point_of(name: str, box: Box, y: float) -> tuple[float, float]:
    """Returns where the point of a symbol is: the middle of its ink, for classes of the staff at its origin's height.

    Args:
        name: SMuFL name.
        box: Its ink.
        y: Height of its SMuFL origin.
    """
    middle = (box.y0 + box.y1) / 2
    return (box.x0 + box.x1) / 2, y if _BY_ORIGIN.match(name) and box.y0 <= y <= box.y1 else middle


def page_scale(symbols: PageSymbols) -> float | None:
    """Returns how many pixels of a normalised page a page point has, None for a page without staves."""
    spaces = sorted(s.space for s in find_staves(symbols.lines, symbols.width, symbols.height))
    return STAFF_SPACE / spaces[len(spaces) // 2] if spaces else None


def label_page(symbols: PageSymbols, page: NDArray[np.uint8], scale: float) -> PageLabels:
    """Returns the labels of an engraved page.

    Args:
        symbols: What the engraved reader found on it; it has staves.
        page: Its pixels at a whole multiple of the normal resolution.
        scale: As `page_scale`.
    """
    draft = PageDraft(symbols)
    for _, step in PAGE_STEPS:
        step(draft)
    oversampling = max(1, round(page.shape[0] / (symbols.height * scale)))
    height, width = page.shape[0] // oversampling, page.shape[1] // oversampling
    fingers = {m.box for m in draft.marks if m.kind == "finger"}
    numbers = {t.box for signs in draft.signs for t in signs.tuplets}
    points = [*_glyph_points(draft), *_digit_points(symbols.texts, fingers, numbers), *_slash_points(draft)]
    rows = [(INDEX[name], x * scale, y * scale, w * scale, h * scale) for name, x, y, w, h in points]
    masks = Canvas(height, width, scale)
    draw_lines(masks, draft)
    digits = fingers | numbers
    words = [t for t in symbols.texts if t.box not in digits]
    draw_boxes(masks, symbols, [t for t in words if not _is_doubtful(t, draft)])
    for text in symbols.texts:
        if _is_doubtful(text, draft) if text.box not in digits else not list(_places(text)):
            masks.box(text.box, "unknown")
    for curve in symbols.curves:
        masks.curve(curve, page, oversampling)
    return PageLabels(np.array(rows, np.float32).reshape(-1, 5), masks.bits)


def _is_doubtful(text: Text, draft: PageDraft) -> bool:
    """True for digits among the notes that may be a finger, a tuplet number or neither."""
    if not re.fullmatch(r"[\d ]+", text.text.strip()):
        return False
    x = (text.box.x0 + text.box.x1) / 2
    return any(s.x0 + 6 * s.space < x < s.x1 and s.staves[0].distance(x, text.y) < 40 for s in draft.systems)


Point = tuple[str, float, float, float, float]


def _glyph_points(draft: PageDraft) -> Iterable[Point]:
    symbols = draft.symbols
    em = full_size(symbols.glyphs) or 4 * draft.space
    repeat = _repeat_dots(draft)
    for number, glyph in enumerate(symbols.glyphs):
        box = glyph.box
        w, h = box.x1 - box.x0, box.y1 - box.y0
        letters = _letters(glyph.name)
        if letters:
            yield from _spread(letters, box)
            continue
        name = glyph.name
        if number in repeat:
            name = "repeatDot"
        elif number in draft.dots.used:
            name = "augmentationDot"
        parts = _parts(name)
        if parts:
            each = h / len(parts)
            for i, part in enumerate(parts):
                yield part, (box.x0 + box.x1) / 2, box.y0 + (i + 0.5) * each, w, each
            continue
        if name == "repeatDots":
            for y in (box.y0 + w / 2, box.y1 - w / 2):
                yield "repeatDot", (box.x0 + box.x1) / 2, y, w, w
            continue
        found = point_class(name, glyph.size < SMALL * em)
        if found is not None:
            x, y = point_of(name, box, glyph.y)
            yield found, x, y, w, h


def _letters(name: str) -> str:
    """The letters of a dynamic of more than one letter; "" for any other glyph."""
    if name in _WORDS:
        return _WORDS[name]
    match = _SPELLED.match(name)
    return match[1].lower() if match and len(match[1]) > 1 else ""


def _spread(letters: str, box: Box) -> Iterable[Point]:
    """Letters side by side in the box of their word."""
    unit = (box.x1 - box.x0) / sum(_LETTER[c][1] for c in letters)
    x = box.x0
    for letter in letters:
        name, width = _LETTER[letter]
        yield name, x + width * unit / 2, (box.y0 + box.y1) / 2, width * unit, box.y1 - box.y0
        x += width * unit


def _parts(name: str) -> list[str]:
    """The single articulations of a combined glyph from top to bottom; none for any other glyph."""
    match = re.match(r"artic([A-Z]\w+?)(Above|Below)$", name)
    kinds = re.findall("|".join(_COMBINED), match[1]) if match else []
    if match is None or len(kinds) < 2:
        return []
    kinds.sort(key=["Marcato", "Accent", "Tenuto", "Staccato"].index)
    named = [_COMBINED[k] + (match[2] if k == "Marcato" else "") for k in kinds]
    return named if match[2] == "Above" else named[::-1]


def _repeat_dots(draft: PageDraft) -> set[int]:
    """Positions in the list of glyphs of the dots at barlines."""
    bars = [(b, s) for s in draft.systems for b in s.barlines if b.dots_left or b.dots_right]
    found: set[int] = set()
    for number, glyph in enumerate(draft.symbols.glyphs):
        if glyph.name not in ("augmentationDot", "articStaccatoAbove", "articStaccatoBelow", "repeatDot"):
            continue
        x, y = (glyph.box.x0 + glyph.box.x1) / 2, (glyph.box.y0 + glyph.box.y1) / 2
        for bar, system in bars:
            near = bar.x0 - 1.4 * system.space < x < bar.x1 + 1.4 * system.space
            if near and any(min(abs(s.step(x, y) - 3), abs(s.step(x, y) - 5)) < 0.4 for s in system.staves):
                found.add(number)
    return found


def _digit_points(texts: Iterable[Text], fingers: set[Box], numbers: set[Box]) -> Iterable[Point]:
    """Fingers and tuplet numbers that are set as text."""
    for text in texts:
        kind = "fingering" if text.box in fingers else "tuplet" if text.box in numbers else ""
        for digit, x in _places(text) if kind else ():
            if f"{kind}{digit}" in INDEX:
                yield f"{kind}{digit}", x, text.y - 0.34 * text.size, 0.5 * text.size, 0.68 * text.size


def _places(text: Text) -> Iterable[tuple[str, float]]:
    """The digits of a text with their middles; nothing where those cannot be told."""
    digits = text.text.split()
    if not all(d.isdecimal() for d in digits) or len(digits) not in (1, 2) or (len(digits) == 2 and len(text.text) > 3):
        return
    if len(digits) == 2:  # two numbers side by side, joined to one text
        half = 0.25 * text.size
        yield digits[0], text.box.x0 + half
        yield digits[1], text.box.x1 - half
        return
    each = (text.box.x1 - text.box.x0) / len(digits[0])
    for i, digit in enumerate(digits[0]):
        yield digit, text.box.x0 + (i + 0.5) * each


def _slash_points(draft: PageDraft) -> Iterable[Point]:
    """Strokes through the stems of grace notes."""
    stems = [c.stem for c in draft.chords if c.small and c.stem is not None]
    for line in draft.symbols.lines:
        w, h = line.x1 - line.x0, abs(line.y1 - line.y0)
        if not (0.3 * w < h < 3 * w and w < 3 * draft.space and line.thickness < 0.3 * draft.space):
            continue
        x, y = (line.x0 + line.x1) / 2, (line.y0 + line.y1) / 2
        if any(line.x0 < s.x0 < line.x1 and s.y0 - draft.space < y < s.y1 + draft.space for s in stems):
            yield "graceNoteSlash", x, y, w, h
