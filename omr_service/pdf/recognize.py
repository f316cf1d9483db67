"""Sorts what a page paints into music symbols, text, lines and curves, by code, by name, and by outline."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from math import hypot

import numpy as np

from omr_service.pdf.compose import DrawnOutline
from omr_service.pdf.fonts import Font
from omr_service.pdf.geometry import image_of_box
from omr_service.pdf.marks import CharMark, PathMark
from omr_service.pdf.names import NamedChar, SymbolNames
from omr_service.pdf.outlines import Likeness, OutlineMatcher, placed
from omr_service.pdf.shapes import Shape
from omr_service.pdf.staves import StaffLines
from omr_service.pdf.texts import Char
from omr_service.symbols import Box, Glyph

# Music fonts from before SMuFL put their symbols on the codes of letters.
_LEGACY = re.compile(
    r"^(maestro|opus|sonata|petrucci|inkpen2|helsinki|reprise|engraver|jazz(font)?$|broadwaycopyist|chaconne|figaro"
    r"|toccata|november|partita|tamburo|vivace|ash|swing|anastasia|musix|mscore1|xmusica)",
    re.IGNORECASE,
)
# Fonts with SMuFL code points; where a file says their characters are others, it is the file that errs.
_SMUFL_FAMILY = re.compile(
    r"^(bravura|leland|petaluma|leipzig|gootville|gonville|mscore|musejazz|finale|sebastian|ekmelos|golden)",
    re.IGNORECASE,
)
_LEGACY_TEXT = re.compile(r"text|chords|script|roman|metronome|figured|perc|special(extra)?text", re.IGNORECASE)
# A font is one of music when this share of the characters a page shows in it are like known symbols.
_MUSIC_SHARE = 0.5
_NEAR = 0.4
# Letters and digits look like dynamics and meters: a font of music shows one of these too.
_CORE = re.compile(r"notehead(Black|Half)|accidental(Sharp|Flat|Natural)$|[gfc]Clef|flag|rest(Quarter|\d+th)|brace")


@dataclass(slots=True)
class FontKnowledge:
    """What is known of a document's fonts and outlines, shared by its pages.

    Attributes:
        loaded: Fonts by object number.
        matcher: Decides what an outline is.
    """

    loaded: dict[tuple[int, int], Font] = field(default_factory=dict)
    matcher: OutlineMatcher = field(default_factory=OutlineMatcher)
    _names: dict[int, SymbolNames] = field(default_factory=dict)

    def names_of(self, font: Font) -> SymbolNames:
        """Returns what names the characters of a font."""
        # A font's identity is safe as a key because its SymbolNames keeps it alive.
        if id(font) not in self._names:
            self._names[id(font)] = SymbolNames(font)
        return self._names[id(font)]


@dataclass(slots=True)
class SortedChars:
    """The shown characters of a page.

    Attributes:
        glyphs: Music symbols.
        digits: Digits of fonts that have one set for all uses, named "timeSig0".."timeSig9".
        digit_marks: The characters that `digits` are.
        chars: Ordinary text.
        outlines: Characters that are neither by their code nor by their outline, as painted paths.
    """

    glyphs: list[Glyph] = field(default_factory=list)
    digits: list[Glyph] = field(default_factory=list)
    digit_marks: list[CharMark] = field(default_factory=list)
    chars: list[Char] = field(default_factory=list)
    outlines: list[PathMark] = field(default_factory=list)


def _ink(mark: CharMark) -> Box:
    shape = mark.font.shape(mark.code)
    box = shape.box if shape is not None else None
    if box is None:
        box = (0.0, mark.font.descent, mark.advance, mark.font.ascent)
    return Box(*image_of_box(mark.matrix, *box))


def _named_glyph(mark: CharMark, named: NamedChar) -> Glyph:
    m = mark.matrix
    ink = _ink(mark)
    x, y = m[4], m[5]
    if not named.anchored:
        x, y = ink.x0, _height_of_origin(named.name, ink)
    return Glyph(name=named.name, x=x, y=y, box=ink, size=hypot(m[2], m[3]) * named.scale)


def _height_of_origin(name: str, ink: Box) -> float:
    """Returns where SMuFL has the origin of a symbol: digits at their middle, marks on the side next to the note."""
    if name.startswith("timeSig"):
        return (ink.y0 + ink.y1) / 2
    return ink.y0 if name.endswith("Below") else ink.y1


def _is_text(font: Font, code: int, distrusted: bool) -> bool:
    """Returns whether a code stands for ordinary text."""
    if distrusted or (_LEGACY.match(font.name) and not _LEGACY_TEXT.search(font.name)):
        return False
    if font.char_procs and not font.has_to_unicode:
        return False  # the names of Type 3 glyphs are any names
    text = font.unicode(code)
    if not text or text == "\ufffd":
        return False
    if _SMUFL_FAMILY.match(font.name) and (not text.isascii() or "text" not in font.name.lower()):
        return False
    return not any(0xE000 <= ord(char) <= 0xF8FF or (ord(char) < 32 and not char.isspace()) for char in text)


def _fonts_with_wrong_unicode(marks: list[CharMark]) -> set[int]:
    """Returns the ids of fonts in which several codes are said to be the same letter.

    Some writers cut SMuFL code points to their high byte.
    """
    codes: dict[int, dict[int, str]] = defaultdict(dict)
    for mark in marks:
        known = codes[id(mark.font)]
        if mark.code not in known:
            known[mark.code] = mark.font.unicode(mark.code) or ""
    out: set[int] = set()
    for font, texts in codes.items():
        letters = [text for text in texts.values() if text.strip() and text != "\ufffd"]
        if len(letters) >= 4 and len(set(letters)) <= 0.7 * len(letters):
            out.add(font)
    return out


def _path_of(mark: CharMark, shape: Shape) -> PathMark:
    a, b, c, d, e, f = mark.matrix
    points = shape.points @ np.array([[a, b], [c, d]]) + np.array([e, f])
    return PathMark(shape.ops, points, True, False, 0.0, False, mark.matrix)


def _match_font(font: Font, marks: list[CharMark], matcher: OutlineMatcher, result: SortedChars) -> None:
    """Sorts characters whose codes say nothing by their outlines."""
    found: dict[int, list[Likeness]] = {}
    for code in {mark.code for mark in marks}:
        shape = font.shape(code)
        if shape is not None and shape.polygons:
            found[code] = matcher.match(shape.ops, shape.points, shape.polygons, 1.0)
    near = [likeness[0].name for likeness in found.values() if likeness and likeness[0].distance < _NEAR]
    is_music = len(near) >= max(1.0, _MUSIC_SHARE * len(found)) and (
        bool(_SMUFL_FAMILY.match(font.name)) or any(_CORE.match(name) for name in near)
    )
    for mark in marks:
        likeness = found.get(mark.code)
        if likeness and is_music:
            m = mark.matrix
            result.glyphs.append(placed(likeness, _ink(mark), hypot(m[2], m[3])))
            continue
        text = font.unicode(mark.code)
        if text and not is_music and not any(0xE000 <= ord(char) <= 0xF8FF or char == "\ufffd" for char in text):
            result.chars.append(Char(text, font, mark.matrix, mark.advance))
            continue
        shape = font.shape(mark.code)
        if shape is not None and shape.polygons:
            result.outlines.append(_path_of(mark, shape))


def _spell_number(full_stop: CharMark, result: SortedChars) -> None:
    """Makes the digits just before a full stop text: "1." above a bar numbers an ending and is no fingering."""
    spelled: list[Char] = []
    x, y = full_stop.matrix[4], full_stop.matrix[5]
    while result.digit_marks:
        mark = result.digit_marks[-1]
        m = mark.matrix
        em = hypot(m[0], m[1])
        end_x, end_y = m[4] + mark.advance * m[0], m[5] + mark.advance * m[1]
        if mark.font is not full_stop.font or abs(end_x - x) > 0.15 * em or abs(end_y - y) > 0.05 * em:
            break
        x, y = m[4], m[5]
        spelled.append(Char(result.digits.pop().name[-1], mark.font, m, mark.advance))
        result.digit_marks.pop()
    result.chars += reversed(spelled)


def sort_characters(marks: list[CharMark], knowledge: FontKnowledge) -> SortedChars:
    """Returns the shown characters of a page sorted into symbols, text and outlines."""
    result = SortedChars()
    unknown: dict[int, list[CharMark]] = defaultdict(list)
    distrusted = _fonts_with_wrong_unicode(marks)
    for mark in marks:
        font = mark.font
        named = knowledge.names_of(font).of(mark.code)
        if named is not None:
            (result.digits if named.digit else result.glyphs).append(_named_glyph(mark, named))
            if named.digit:
                result.digit_marks.append(mark)
        elif _is_text(font, mark.code, id(font) in distrusted):
            text = font.unicode(mark.code)
            if text:
                if text == ".":
                    _spell_number(mark, result)
                result.chars.append(Char(text, font, mark.matrix, mark.advance))
        else:
            unknown[id(font)].append(mark)
    for group in unknown.values():
        _match_font(group[0].font, group, knowledge.matcher, result)
    return result


def match_outlines(marks: list[PathMark], staff_lines: StaffLines, matcher: OutlineMatcher) -> list[DrawnOutline]:
    """Returns filled paths of a symbol's size with the music symbols they are like.

    Args:
        marks: Filled paths in page points.
        staff_lines: Those of the page: symbols are sized by them.
        matcher: The document's.
    """
    em = 4 * staff_lines.space
    out: list[DrawnOutline] = []
    for mark in marks:
        low, high = mark.points.min(axis=0), mark.points.max(axis=0)
        width, height = (high - low).tolist()
        if not (0.05 * em < max(width, height) < 4 * em and min(width, height) > 0.01 * em):
            continue
        points = mark.points * np.array([1.0, -1.0])
        shape = Shape(mark.ops, points)
        if not shape.polygons or shape.box is None:
            continue
        x0, y0, x1, y1 = shape.box
        ink = Box(x0, -y1, x1, -y0)
        likeness = matcher.match(mark.ops, points, shape.polygons, em)
        glyph = placed(likeness, ink) if likeness else None
        out.append(DrawnOutline(mark.ops, ink, glyph, likeness[0].distance if likeness else 1.0))
    return out
