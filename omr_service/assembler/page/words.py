"""Words of a system: tempo and metronome marks, navigation, rehearsal marks, dynamics in words, other directions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from omr_service.assembler.geometry import System, center, is_horizontal, is_vertical
from omr_service.assembler.music import Element, MarkSign
from omr_service.assembler.page.dynamics_words import SPELLED, staff_of
from omr_service.symbols import Box, Glyph, Line, Text

JUMP = re.compile(
    r"(?P<da_capo>d\.\s?c\.|da capo)|(?P<dal_segno>d\.\s?s\.|dal segno)|(?P<to_coda>to coda|al coda$)"
    r"|(?P<fine>fine\.?$)",
    re.IGNORECASE,
)
TEMPO = re.compile(
    r"\b(allegr|andant|adagi|larg|lent|grave|vivac|vivo|prest|moderat|maestos|animat|tempo|tranquill|sostenut|"
    r"commod|comod|scherz|risolut|con (moto|brio|fuoco|spirito)|langsam|schnell|lebhaft|mäßig|massig|rasch|mit |sehr|"
    r"vite|lento|modéré|anim[ée]|giusto|mosso|marcia|valse|walzer|polacca|mazur)",
    re.IGNORECASE,
)
METRONOME_NOTE = re.compile(r"metNote(DoubleWhole|Whole|Half|Quarter|8th|16th|32nd)(Up|Down)?$")
WORD = re.compile(r"[^\W\d_]{2,}|\b[^\W\d_]\.\s?[^\W\d_]\b")
"""Two letters in a row, or an abbreviation like "m.d."."""
SIGN = re.compile(r"[^\W\d_]\.?$|[#♭♮♯⚠†‡×]$")
"""A letter that stands alone, or one of the signs that editors print."""
REHEARSAL = re.compile(r"[A-Z]{1,2}$|\d{1,3}$")
_CIRCLED = re.compile("[\u2460-\u2473]$")
"""A number in a circle: that of a string."""
_RATE = re.compile(r"=\s*(?:c(?:a)?\.?\s*)?(\d{2,3})")
_WRITTEN_NOTES = {
    "\N{MUSICAL SYMBOL WHOLE NOTE}": "Whole",
    "\N{MUSICAL SYMBOL HALF NOTE}": "Half",
    "\N{MUSICAL SYMBOL QUARTER NOTE}": "Quarter",
    "\N{MUSICAL SYMBOL EIGHTH NOTE}": "8th",
    "\N{QUARTER NOTE}": "Quarter",
    "\N{EIGHTH NOTE}": "8th",
}
_WRITTEN_RATE = re.compile(
    rf"\s*[(\[]?\s*([{''.join(_WRITTEN_NOTES)}])\s?(\.?)\s*=\s*(?:ca?\.?\s*)?(\d{{2,3}})\s*[)\]]?"
)
_EQUATION = re.compile(r"\s*[(\[]?\s*[^\w\s]*\s*=\s*(?:c(?:a)?\.?\s*)?\d{2,3}\s*[)\]]?\s*$")
_DYNAMICS = sorted(SPELLED, key=len, reverse=True)
_WITH_DYNAMIC = re.compile(
    rf"(?P<first>{'|'.join(_DYNAMICS)})\.?(?:\s+(?P<after>\S.*))?$|(?P<before>.*\S)\s+(?P<last>{'|'.join(_DYNAMICS)})$"
)
_LARGE = 2.7
_CENTRED = 0.5
"""Spaces by which the middle of words must be nearer to a note's than their left end to a note's, to be centered."""


@dataclass(frozen=True, slots=True)
class _Metronome:
    """A note that a text equates with a rate: where it is, and "note value, dots, rate"."""

    box: Box
    detail: str


def find_words(
    texts: list[Text],
    glyphs: list[Glyph],
    lines: list[Line],
    elements: Sequence[Element],
    system: System,
    upright_dynamics: bool = False,
) -> list[MarkSign]:
    """Tempo marks, navigation, rehearsal marks and other words.

    Args:
        texts: Texts of the system; titles and lyrics are not among them.
        glyphs, lines: Symbols and lines in its band.
        elements: Its chords and rests.
        system: The system.
        upright_dynamics: True where a dynamic in upright letters is one: some editions print them in the letters of
            their words, and none in those of a music font.
    """
    metronomes = _metronomes(texts, glyphs, system)
    left = list(metronomes)
    found: list[MarkSign] = []
    for text in texts:
        words = text.text.strip()
        written = _WRITTEN_RATE.search(words)
        if written:
            words = (words[: written.start()] + words[written.end() :]).strip()
        if _is_rehearsal(text, lines, system):
            staff, above = -1, True
            found.append(MarkSign("rehearsal", words, system.index, staff, text.box.x0, text.box.x1, text.box, above))
            continue
        if _CIRCLED.match(words):
            continue
        dynamic = words in SPELLED and (text.italic or upright_dynamics)
        spoken = WORD.search(words) or JUMP.search(words) or SIGN.match(words) or dynamic
        if not spoken and not written:
            continue
        mark = _mark(text, words, system)
        if written:
            detail = f"{_WRITTEN_NOTES[written[1]]} {len(written[2])} {written[3]}"
            mark = replace(mark, kind="tempo", detail=detail, staff=-1)
        elif mark.kind == "tempo":
            own = next((m for m in left if _is_of(m, text, system)), None)
            if own is not None:
                left.remove(own)
                mark = replace(mark, detail=own.detail, name=_EQUATION.sub("", words).rstrip("( ["))
        if mark.kind == "words" and (text.italic or dynamic):
            found += _dynamics_in(mark, elements, system.space)
        else:
            found.append(mark)
    for metronome in left:
        box = metronome.box
        found.append(MarkSign("tempo", "", system.index, -1, box.x0, box.x1, box, True, detail=metronome.detail))
    return found


def _mark(text: Text, words: str, system: System) -> MarkSign:
    """Words as a mark: a tempo mark over the system, navigation, or plain words."""
    staff, above = staff_of(text.box, system)
    jump = JUMP.search(words)
    style = ("i" if text.italic else "") + ("b" if text.bold else "")
    over_all = text.box.y1 < system.staves[0].top(text.x)
    if jump:
        kind, staff = str(jump.lastgroup), -1
    elif (TEMPO.search(words) and (over_all or text.bold)) or (over_all and text.bold):
        kind = "tempo"
        staff = -1 if over_all else staff
    else:
        kind = "words"
    return MarkSign(kind, words, system.index, staff, text.box.x0, text.box.x1, text.box, above, style=style)


def _dynamics_in(mark: MarkSign, elements: Sequence[Element], space: float) -> Iterable[MarkSign]:
    """Words that begin or end with a dynamic ("f con fuoco", "più p") as the dynamic and the rest.

    Some engravers center them as a whole at their note, as they do with other dynamics.
    """
    match = _WITH_DYNAMIC.match(mark.name)
    if match is None:
        return [mark]
    middle = (mark.x0 + mark.x1) / 2
    at_edge = min((abs(e.x - mark.x0) for e in elements), default=0.0)
    at_middle = min((abs((e.x + e.x1) / 2 - middle) for e in elements), default=0.0)
    if at_middle + _CENTRED * space < at_edge:
        mark = replace(mark, x0=middle, x1=middle)
    width = mark.x1 - mark.x0
    if match["first"]:
        split = mark.x0 + width * len(match["first"]) / len(mark.name)
        first = replace(mark, kind="dynamic", name=match["first"], x1=split, style="")
        rest = match["after"]
        return [first, replace(mark, name=rest, x0=split)] if rest else [first]
    split = mark.x1 - width * len(match["last"]) / len(mark.name)
    last = replace(mark, kind="dynamic", name=match["last"], x0=split, style="")
    return [replace(mark, name=match["before"], x1=split), last]


def _is_rehearsal(text: Text, lines: list[Line], system: System) -> bool:
    """Whether a text is a letter or number over the system in a frame, or a large bold letter there."""
    words = text.text.strip()
    if not REHEARSAL.match(words) or text.box.y1 > system.staves[0].top(text.x) + 0.5 * system.space:
        return False
    if text.bold and not words.isdigit() and text.size > _LARGE * system.space:
        return True
    box, reach = text.box, 1.6 * system.space
    sides = {"left": False, "right": False, "over": False, "under": False}
    for v in lines:
        x, y = (v.x0 + v.x1) / 2, (v.y0 + v.y1) / 2
        if is_vertical(v) and v.y1 - v.y0 < 6 * system.space and box.y0 - reach < y < box.y1 + reach:
            sides["left"] |= box.x0 - reach < x < box.x0 + 0.2 * system.space
            sides["right"] |= box.x1 - 0.2 * system.space < x < box.x1 + reach
        elif is_horizontal(v) and v.x1 - v.x0 < 8 * system.space and box.x0 - reach < x < box.x1 + reach:
            sides["over"] |= box.y0 - reach < y < (box.y0 + box.y1) / 2
            sides["under"] |= (box.y0 + box.y1) / 2 < y < box.y1 + reach
    return all(sides.values())


def _metronomes(texts: list[Text], glyphs: list[Glyph], system: System) -> list[_Metronome]:
    """Notes drawn as symbols with a rate beside them in a text."""
    space = system.space
    dots = [g for g in glyphs if g.name == "metAugmentationDot"]
    found: list[_Metronome] = []
    for glyph in glyphs:
        match = METRONOME_NOTE.match(glyph.name)
        if match is None:
            continue
        right = [
            t
            for t in texts
            if abs(t.y - glyph.y) < 1.5 * space
            and glyph.box.x1 - 0.5 * space < t.box.x1
            and t.x < glyph.box.x1 + 4 * space
            and _RATE.search(t.text)
        ]
        if not right or any(
            abs(m.box.y0 - glyph.box.y0) < 2 * space and abs(m.box.x0 - glyph.box.x0) < 9 * space for m in found
        ):
            continue  # no rate, or the second of two notes in "half = quarter" and the like
        rate = _RATE.search(min(right, key=lambda t: abs(t.x - glyph.box.x1)).text)
        dotted = sum(
            glyph.box.x1 - 0.3 * space < d.box.x0 < glyph.box.x1 + space and abs(d.y - glyph.y) < space for d in dots
        )
        if rate:
            found.append(_Metronome(glyph.box, f"{match[1]} {dotted} {rate[1]}"))
    return found


def _is_of(metronome: _Metronome, text: Text, system: System) -> bool:
    """Whether a metronome mark stands on the line of a tempo mark."""
    space = system.space
    same_line = abs(center(metronome.box)[1] - center(text.box)[1]) < 2 * space
    return same_line and -2 * space < metronome.box.x0 - text.box.x0 < 60 * space
