"""Sorts what a page paints into music symbols, text, lines and curves, by code, by name, and by outline."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from math import hypot

import numpy as np

from omr_service.pdf import musicfonts
from omr_service.pdf.compose import UNSURE, DrawnOutline
from omr_service.pdf.fonts import Font
from omr_service.pdf.geometry import image_of_box
from omr_service.pdf.marks import CharMark, PathMark
from omr_service.pdf.matcher import OutlineMatcher
from omr_service.pdf.names import NamedChar, SymbolNames
from omr_service.pdf.outlines import Likeness, placed
from omr_service.pdf.shapes import Shape
from omr_service.pdf.staves import StaffLines
from omr_service.pdf.texts import Char
from omr_service.symbols import Box, Glyph

# How sure a symbol is that only a code table names.
_UNSEEN = 0.9


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
    _music: dict[int, tuple[Font, bool, frozenset[int]]] = field(default_factory=dict)
    _misnamed: dict[int, tuple[Font, bool]] = field(default_factory=dict)

    def names_of(self, font: Font) -> SymbolNames:
        """Returns what names the characters of a font."""
        # A font's identity is safe as a key because its SymbolNames keeps it alive.
        if id(font) not in self._names:
            self._names[id(font)] = SymbolNames(font)
        return self._names[id(font)]

    def is_misnamed(self, marks: list[CharMark]) -> bool:
        """Returns whether symbols of one font look like others than its codes say; once found, it stays so."""
        font = marks[0].font
        if not self._misnamed.get(id(font), (font, False))[1] and not self.names_of(font).by_glyph_name:
            named = {mark.code: name.name for mark in marks if (name := self.names_of(font).of(mark.code))}
            misnamed = bool(named) and musicfonts.belie_their_names(font, named, self.matcher)
            self._misnamed[id(font)] = (font, misnamed)
            if misnamed:
                self._music[id(font)] = (font, True, frozenset())
        return self._misnamed.get(id(font), (font, False))[1]

    def belies_letters(self, marks: list[CharMark]) -> bool:
        """Returns whether characters of one font that are said to be letters are symbols of music by their outlines.

        A font once found to be one of music stays so; one that is not is looked at again when new codes are shown.
        """
        font = marks[0].font
        used = Counter(mark.code for mark in marks if musicfonts.is_text(font, mark.code))
        _, is_music, asked = self._music.get(id(font), (font, False, frozenset()))
        if not is_music and not used.keys() <= asked:
            is_music = musicfonts.draws_music(font, used, self.matcher)
            self._music[id(font)] = (font, is_music, asked | used.keys())
        return is_music

    def is_music(self, font: Font) -> bool:
        """Returns whether `belies_letters` was true of a font."""
        return self._music.get(id(font), (font, False, frozenset()))[1]


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


def _path_of(mark: CharMark, shape: Shape) -> PathMark:
    a, b, c, d, e, f = mark.matrix
    points = shape.points @ np.array([[a, b], [c, d]]) + np.array([e, f])
    return PathMark(shape.ops, points, True, False, 0.0, False, mark.matrix)


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
    by_font: dict[int, list[CharMark]] = defaultdict(list)
    for mark in marks:
        by_font[id(mark.font)].append(mark)
    misnamed = {key for key, group in by_font.items() if knowledge.is_misnamed(group)}
    unnamed: dict[int, list[CharMark]] = defaultdict(list)
    for mark in marks:
        if id(mark.font) not in misnamed and knowledge.names_of(mark.font).of(mark.code) is None:
            unnamed[id(mark.font)].append(mark)
    distrusted = musicfonts.with_wrong_unicode(marks) | misnamed
    distrusted |= {id(group[0].font) for group in unnamed.values() if knowledge.belies_letters(group)}
    unknown: dict[int, list[CharMark]] = defaultdict(list)
    for mark in marks:
        font = mark.font
        named = knowledge.names_of(font).of(mark.code) if id(font) not in misnamed else None
        if named is not None:
            (result.digits if named.digit else result.glyphs).append(_named_glyph(mark, named))
            if named.digit:
                result.digit_marks.append(mark)
        elif id(font) not in distrusted and musicfonts.is_text(font, mark.code):
            text = font.unicode(mark.code)
            sign = musicfonts.sign_in_text(font, mark.code)
            if sign is not None:
                result.glyphs.append(_named_glyph(mark, NamedChar(sign)))
            elif text:
                if text == ".":
                    _spell_number(mark, result)
                result.chars.append(Char(text, font, mark.matrix, mark.advance))
        else:
            unknown[id(font)].append(mark)
    for group in unknown.values():
        _sort_unnamed(group, knowledge, id(group[0].font) in distrusted, result)
    return result


def _sort_unnamed(marks: list[CharMark], knowledge: FontKnowledge, distrusted: bool, result: SortedChars) -> None:
    """Sorts characters of one font whose codes say nothing, by their outlines."""
    font = marks[0].font
    known_as_music = distrusted and knowledge.is_music(font)
    symbols = musicfonts.symbols_of(font, {mark.code for mark in marks}, knowledge.matcher, known_as_music)
    for mark in marks:
        likeness = symbols.likenesses.get(mark.code)
        if likeness and symbols.is_music:
            m = mark.matrix
            shape = font.shape(mark.code)
            if shape is None or not shape.polygons:
                result.glyphs.append(_glyph_at_origin(mark, likeness[0]))
            else:
                result.glyphs.append(placed(likeness, _ink(mark), hypot(m[2], m[3])))
            continue
        text = font.unicode(mark.code)
        if text and not symbols.is_music and not any(0xE000 <= ord(c) <= 0xF8FF or c == "\ufffd" for c in text):
            result.chars.append(Char(text, font, mark.matrix, mark.advance))
            continue
        shape = font.shape(mark.code)
        if shape is not None and shape.polygons:
            result.outlines.append(_path_of(mark, shape))


def _glyph_at_origin(mark: CharMark, symbol: Likeness) -> Glyph:
    """Returns the symbol of a character whose outline is not there, with the ink that it has in other fonts."""
    m = mark.matrix
    ink = Box(*image_of_box(m, *symbol.box))
    return Glyph(symbol.name, m[4], m[5], ink, hypot(m[2], m[3]), confidence=_UNSEEN)


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
        if glyph is None or glyph.confidence < UNSURE:
            link = matcher.turned(mark.ops, points, shape.polygons, em)
            if link is not None:
                likeness, glyph = [link], placed([link], ink)
        out.append(DrawnOutline(mark.ops, ink, glyph, likeness[0].distance if likeness else 1.0))
    return out
