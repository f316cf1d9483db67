"""Marks that hold from a moment on: dynamics, hairpins, pedal, tempo, words, navigation, endings."""

from __future__ import annotations

import re
from collections.abc import Sequence

from omr_service.assembler.geometry import System, center, is_vertical
from omr_service.assembler.music import MarkSign
from omr_service.symbols import Box, Glyph, Line, Text

DYNAMIC_LETTERS = {
    "Piano": "p", "Mezzo": "m", "Forte": "f", "Rinforzando": "r", "Sforzando": "s", "Z": "z", "Niente": "n",
    "PPPPPP": "pppppp", "PPPPP": "ppppp", "PPPP": "pppp", "PPP": "ppp", "PP": "pp", "MP": "mp", "MF": "mf",
    "PF": "pf", "FF": "ff", "FFF": "fff", "FFFF": "ffff", "FFFFF": "fffff", "FFFFFF": "ffffff",
    "FortePiano": "fp", "Forzando": "fz", "Sforzando1": "sf", "SforzandoPiano": "sfp", "SforzandoPianissimo": "sfpp",
    "Sforzato": "sfz", "SforzatoPiano": "sfzp", "SforzatoFF": "sffz", "Rinforzando1": "rf", "Rinforzando2": "rfz",
}  # fmt: skip
ENDING = re.compile(r"[1-9]\.?(?:\s?[,\-–]\s?[1-9]\.?)*$")
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


def _staff_of(box: Box, system: System) -> tuple[int, bool]:
    """Nearest staff and whether the box is above it; between the two staves of a piano, the upper one's underside."""
    x, y = center(box)
    position = min(range(len(system.staves)), key=lambda i: (round(system.staves[i].distance(x, y), 1), i))
    keyboard = system.keyboard
    if position in keyboard and keyboard.index(position) > 0 and y < system.staves[position].top(x):
        upper = keyboard[keyboard.index(position) - 1]
        if y > system.staves[upper].bottom(x):
            return upper, False
    return position, y < (system.staves[position].top(x) + system.staves[position].bottom(x)) / 2


def find_dynamics(glyphs: list[Glyph], system: System) -> list[MarkSign]:
    """Dynamic marks; letters set one by one are joined."""
    letters = sorted(
        (g for g in glyphs if g.name.startswith("dynamic") and g.name[7:] in DYNAMIC_LETTERS), key=lambda g: g.box.x0
    )
    found: list[MarkSign] = []
    used: set[int] = set()
    for i, glyph in enumerate(letters):
        if i in used:
            continue
        text, box = DYNAMIC_LETTERS[glyph.name[7:]], glyph.box
        for j in range(i + 1, len(letters)):
            other = letters[j]
            if (
                j not in used
                and abs(other.y - glyph.y) < 0.3 * system.space
                and other.box.x0 - box.x1 < 0.45 * system.space
            ):
                text += DYNAMIC_LETTERS[other.name[7:]]
                box = Box(box.x0, min(box.y0, other.box.y0), other.box.x1, max(box.y1, other.box.y1))
                used.add(j)
        staff, above = _staff_of(box, system)
        found.append(MarkSign("dynamic", text, system.index, staff, box.x0, box.x1, box, above))
    return found


def find_hairpins(lines: list[Line], system: System) -> list[MarkSign]:
    """Wedges: two thin slanted lines that meet at one end."""
    space = system.space
    arms = [
        v
        for v in lines
        if not is_vertical(v)
        and v.thickness < 0.3 * space
        and v.x1 - v.x0 > 1.5 * space
        and 0.1 * space < abs(v.y1 - v.y0) < 0.35 * (v.x1 - v.x0)
    ]
    found: list[MarkSign] = []
    used: set[int] = set()
    for i, a in enumerate(arms):
        for j in range(i + 1, len(arms)):
            b = arms[j]
            if i in used or j in used or abs(a.x0 - b.x0) > 0.6 * space or abs(a.x1 - b.x1) > 0.6 * space:
                continue
            left, right = abs(a.y0 - b.y0), abs(a.y1 - b.y1)
            if max(left, right) > 3 * space or max(left, right) < 0.5 * space:
                continue
            if min(left, right) > 0.75 * max(left, right) or (a.y1 - a.y0) * (b.y1 - b.y0) > 0:
                continue
            used.update((i, j))
            box = Box(min(a.x0, b.x0), min(a.y0, a.y1, b.y0, b.y1), max(a.x1, b.x1), max(a.y0, a.y1, b.y0, b.y1))
            staff, above = _staff_of(box, system)
            name = "crescendo" if left < right else "diminuendo"
            found.append(MarkSign("hairpin", name, system.index, staff, box.x0, box.x1, box, above))
    return found


def find_pedals(glyphs: list[Glyph], system: System) -> list[MarkSign]:
    """Pedal signs, "down" and "up"."""
    found: list[MarkSign] = []
    for glyph in glyphs:
        if glyph.name.startswith("keyboardPedal"):
            name = "up" if glyph.name.startswith("keyboardPedalUp") else "down"
            staff = system.keyboard[-1]
            found.append(MarkSign("pedal", name, system.index, staff, glyph.box.x0, glyph.box.x1, glyph.box, False))
    return found


def find_signs(glyphs: list[Glyph], system: System) -> list[MarkSign]:
    """Segno, coda, breath marks."""
    kinds = {"segno": "segno", "segnoSerpent1": "segno", "coda": "coda", "codaSquare": "coda"}
    found: list[MarkSign] = []
    for glyph in glyphs:
        kind = kinds.get(glyph.name)
        if glyph.name.startswith("breathMark"):
            kind = "breath"
        elif glyph.name.startswith("caesura"):
            kind = "caesura"
        if kind:
            staff, above = _staff_of(glyph.box, system)
            found.append(MarkSign(kind, glyph.name, system.index, staff, glyph.box.x0, glyph.box.x1, glyph.box, above))
    return found


def find_endings(texts: list[Text], lines: list[Line], system: System) -> list[MarkSign]:
    """First and second endings: a number at the left end of a bracket over the system; `name` is the number, with a
    "|" after it where the bracket has a hook at its right end."""
    space = system.space
    top = system.staves[0]
    found: list[MarkSign] = []
    for text in texts:
        if not ENDING.match(text.text.strip()) or text.box.y1 > top.top(text.x) - 0.2 * space:
            continue
        y0, y1 = text.box.y0 - 1.6 * space, text.box.y0 + 0.9 * space
        for v in lines:
            flat = abs(v.y1 - v.y0) < 0.1 * space and v.x1 - v.x0 > 4 * space and v.thickness < 0.35 * space
            if flat and y0 < v.y0 < y1 and -0.3 * space < text.box.x0 - v.x0 < 2.5 * space:
                hook = any(
                    is_vertical(h) and abs(h.x0 - v.x1) < 0.4 * space and abs(min(h.y0, h.y1) - v.y0) < 0.5 * space
                    for h in lines
                )
                box = Box(v.x0, v.y0, v.x1, text.box.y1)
                name = text.text.strip() + ("|" if hook else "")
                found.append(MarkSign("ending", name, system.index, -1, v.x0, v.x1, box, True))
                break
    return found


def is_ending_number(text: Text, endings: Sequence[MarkSign]) -> bool:
    """True for the number that stands at the left end of an ending's bracket, and so is no finger."""
    x, y = center(text.box)
    return any(
        text.text.strip() == ending.name.removesuffix("|")
        and ending.box.x0 <= x <= ending.box.x1
        and ending.box.y0 <= y <= ending.box.y1
        for ending in endings
    )


def find_words(texts: list[Text], glyphs: list[Glyph], system: System) -> list[MarkSign]:
    """Tempo marks, navigation and other words; titles and lyrics are not among `texts`."""
    space = system.space
    beats = [(g, m[1]) for g in glyphs if (m := METRONOME_NOTE.match(g.name))]
    dots = [g for g in glyphs if g.name == "metAugmentationDot"]
    found: list[MarkSign] = []
    metronomes: list[tuple[Box, str]] = []
    for glyph, value in beats:
        right = [
            t
            for t in texts
            if abs(t.y - glyph.y) < 1.5 * space
            and glyph.box.x1 - 0.5 * space < t.box.x1
            and t.x < glyph.box.x1 + 4 * space
            and (m := re.search(r"=\s*(?:c(?:a)?\.?\s*)?(\d{2,3})", t.text))
        ]
        if right:
            text = min(right, key=lambda t: abs(t.x - glyph.box.x1))
            if any(
                abs(box.y0 - glyph.box.y0) < 2 * space and abs(box.x0 - glyph.box.x0) < 9 * space
                for box, _ in metronomes
            ):
                continue  # the second of two notes in "half = quarter" and the like
            rate = re.search(r"=\s*(?:c(?:a)?\.?\s*)?(\d{2,3})", text.text)
            dotted = sum(
                glyph.box.x1 - 0.3 * space < d.box.x0 < glyph.box.x1 + space and abs(d.y - glyph.y) < space
                for d in dots
            )
            if rate:
                metronomes.append((glyph.box, f"{value} {dotted} {rate[1]}"))
    used: set[int] = set()
    for text in texts:
        words = text.text.strip()
        if not WORD.search(words) and not JUMP.search(words):
            continue
        staff, above = _staff_of(text.box, system)
        jump = JUMP.search(words)
        style = ("i" if text.italic else "") + ("b" if text.bold else "")
        over_all = text.box.y1 < system.staves[0].top(text.x)
        if jump:
            kind = str(jump.lastgroup)
            staff = -1
        elif (TEMPO.search(words) and (over_all or text.bold)) or (over_all and text.bold):
            kind = "tempo"
            staff = -1 if over_all else staff
        else:
            kind = "words"
        detail = ""
        for k, (box, metronome) in enumerate(metronomes):
            same_line = abs(center(box)[1] - center(text.box)[1]) < 2 * space
            if kind == "tempo" and same_line and k not in used and -2 * space < box.x0 - text.box.x0 < 60 * space:
                detail = metronome
                used.add(k)
                words = re.sub(r"\s*[(\[]?\s*[^\w\s]*\s*=\s*(?:c(?:a)?\.?\s*)?\d{2,3}\s*[)\]]?\s*$", "", words).rstrip(
                    "( ["
                )
                break
        found.append(
            MarkSign(
                kind, words, system.index, staff, text.box.x0, text.box.x1, text.box, above, detail=detail, style=style
            )
        )
    for k, (box, metronome) in enumerate(metronomes):
        if k not in used:
            found.append(MarkSign("tempo", "", system.index, -1, box.x0, box.x1, box, True, detail=metronome))
    return found
