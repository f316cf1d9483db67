"""Last touches to the symbols of a page that need to see more than one of them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

from omr_service.pdf.staves import StaffLines
from omr_service.symbols import Box, Glyph, Line, Text

# Dynamics that fonts and writers spell letter by letter.
_LETTERS = {
    "dynamicPiano": "p",
    "dynamicForte": "f",
    "dynamicMezzo": "m",
    "dynamicNiente": "n",
    "dynamicRinforzando": "r",
    "dynamicSforzando": "s",
    "dynamicZ": "z",
}
_WORDS = {
    "pppp": "dynamicPPPP",
    "ppp": "dynamicPPP",
    "pp": "dynamicPP",
    "mp": "dynamicMP",
    "mf": "dynamicMF",
    "ff": "dynamicFF",
    "fff": "dynamicFFF",
    "ffff": "dynamicFFFF",
    "pf": "dynamicPF",
    "fp": "dynamicFortePiano",
    "fz": "dynamicForzando",
    "sf": "dynamicSforzando1",
    "sfp": "dynamicSforzandoPiano",
    "sfpp": "dynamicSforzandoPianissimo",
    "sfz": "dynamicSforzato",
    "sfzp": "dynamicSforzatoPiano",
    "sffz": "dynamicSforzatoFF",
    "rf": "dynamicRinforzando1",
    "rfz": "dynamicRinforzando2",
}
_SMALL = 0.8
# Symbols that mean no more when they are painted twice in place; two voices may each have a head, a rest, a dot there.
_ONCE = re.compile(r"accidental|timeSig|[gfc]Clef|brace|dynamic|artic|fermata|ornament|keyboardPedal")


def without_repeats(glyphs: list[Glyph]) -> list[Glyph]:
    """Returns the symbols without those painted again in place: some writers draw staves once for each voice."""
    out: list[Glyph] = []
    seen: set[tuple[str, int, int]] = set()
    for glyph in glyphs:
        if _ONCE.match(glyph.name):
            place = (glyph.name, round(glyph.x * 20), round(glyph.y * 20))
            if place in seen:
                continue
            seen.add(place)
        out.append(glyph)
    return out


def full_size(glyphs: list[Glyph]) -> float | None:
    """Returns the em size of full-size symbols: that of most noteheads and clefs; None on a page without any."""
    sizes = Counter(round(g.size, 1) for g in glyphs if g.name.startswith("notehead") or g.name.endswith("Clef"))
    return sizes.most_common(1)[0][0] if sizes else None


def tell_digits_apart(glyphs: list[Glyph], digits: list[Glyph]) -> list[Glyph]:
    """Returns digits of one-set fonts under their use: time signatures are full-size, smaller ones are fingerings.

    Args:
        glyphs: The other symbols of the page.
        digits: Digits, named "timeSig0".."timeSig9".
    """
    size = full_size(glyphs) or max((g.size for g in digits), default=0.0)
    out: list[Glyph] = []
    for digit in digits:
        if digit.size < _SMALL * size:
            digit = replace(digit, name="fingering" + digit.name[-1], y=digit.box.y1)
        out.append(digit)
    return out


def join_dynamics(glyphs: list[Glyph]) -> list[Glyph]:
    """Returns the symbols with dynamics spelled in letters (m, f) made one symbol each (mf)."""
    letters = sorted((g for g in glyphs if g.name in _LETTERS), key=lambda g: (round(g.y / max(g.size, 1.0) * 4), g.x))
    out = [g for g in glyphs if g.name not in _LETTERS]
    word: list[Glyph] = []
    for letter in letters:
        if word:
            last = word[-1]
            # Letters kern into each other, but do not begin at one place as marks of two voices do.
            gap = letter.box.x0 - last.box.x1
            kern = max(0.6 * (last.box.x1 - last.box.x0), 0.22 * last.size)
            if abs(letter.y - last.y) > 0.06 * last.size or not -kern < gap < 0.12 * last.size:
                out += _one_dynamic(word)
                word = []
        word.append(letter)
    return out + _one_dynamic(word)


def _one_dynamic(word: list[Glyph]) -> list[Glyph]:
    spelled = "".join(_LETTERS[g.name] for g in word)
    if len(word) < 2 or spelled not in _WORDS:
        return word
    boxes = [g.box for g in word]
    box = Box(min(b.x0 for b in boxes), min(b.y0 for b in boxes), max(b.x1 for b in boxes), max(b.y1 for b in boxes))
    return [replace(word[0], name=_WORDS[spelled], box=box, confidence=min(g.confidence for g in word))]


_RESTS = ("restWhole", "restHalf")


def settle_rests(glyphs: list[Glyph], staff_lines: StaffLines) -> list[Glyph]:
    """Returns the symbols with whole and half rests told apart by the staff line they hang from or lie on.

    Their outlines are the same bar; only rests that were matched by outline, and so have the other as an alternative,
    are looked at.
    """
    return [
        _rest(g.box, staff_lines, g.confidence)
        if g.name in _RESTS and any(name in _RESTS for name, _ in g.alternatives)
        else g
        for g in glyphs
    ]


def _rest(box: Box, staff_lines: StaffLines, confidence: float) -> Glyph:
    x = (box.x0 + box.x1) / 2
    hanging = abs(staff_lines.distance(x, box.y0))
    lying = abs(staff_lines.distance(x, box.y1))
    name, other = _RESTS if hanging <= lying else _RESTS[::-1]
    y = box.y0 if name == "restWhole" else box.y1
    sure = 0.95 if abs(hanging - lying) > 0.2 * staff_lines.space else 0.6
    return Glyph(name, box.x0, y, box, 4 * staff_lines.space, sure * confidence, ((other, (1 - sure) * confidence),))


def rests_among_bars(lines: list[Line], staff_lines: StaffLines) -> tuple[list[Line], list[Glyph]]:
    """Returns (the other lines, rests): a bar as big as a whole rest, level, and not on a stem, is one.

    Only for pages whose symbols are painted as paths.
    """
    space = staff_lines.space
    stems = [line for line in lines if abs(line.x1 - line.x0) < 0.1 * space and line.y1 - line.y0 > 1.5 * space]
    others: list[Line] = []
    rests: list[Glyph] = []
    for line in lines:
        length = line.x1 - line.x0
        if (
            0.85 * space <= length <= 1.7 * space
            and 0.33 * space <= line.thickness <= 0.75 * space
            and abs(line.y1 - line.y0) < 0.02 * space
        ):
            half = line.thickness / 2
            box = Box(line.x0, line.y0 - half, line.x1, line.y0 + half)
            reach = 0.15 * space
            touched = any(
                box.x0 - reach <= stem.x0 <= box.x1 + reach and stem.y0 <= box.y1 + reach and stem.y1 >= box.y0 - reach
                for stem in stems
            )
            if not touched:
                rests.append(_rest(box, staff_lines, 1.0))
                continue
        others.append(line)
    return others, rests


def name_octave_signs(glyphs: list[Glyph], lines: list[Line]) -> list[Glyph]:
    """Returns the symbols with a figure that a dashed line goes on from named as the sign of an octave line.

    Some fonts have one 8 for tuplets and for octave lines.
    """
    dashed = [line for line in lines if line.dashed and abs(line.y1 - line.y0) < 0.02 * (line.x1 - line.x0)]
    out: list[Glyph] = []
    for glyph in glyphs:
        sign = next((name for name, _ in glyph.alternatives if name.startswith(("ottava", "quindicesima"))), None)
        if sign is not None and not glyph.name.startswith(("ottava", "quindicesima")):
            box = glyph.box
            if any(box.x0 < d.x0 < box.x1 + glyph.size and box.y0 <= d.y0 <= box.y1 for d in dashed):
                glyph = replace(glyph, name=sign)
        out.append(glyph)
    return out


def set_wiggles_upright(glyphs: list[Glyph]) -> list[Glyph]:
    """Returns the symbols with links of wavy lines named by the way they run: some fonts have one for trills, and turn
    it for arpeggios.
    """
    out: list[Glyph] = []
    for glyph in glyphs:
        width, height = glyph.box.x1 - glyph.box.x0, glyph.box.y1 - glyph.box.y0
        if glyph.name == "wiggleTrill" and height > 1.5 * width:
            glyph = replace(glyph, name="wiggleArpeggiatoUp")
        elif glyph.name == "wiggleArpeggiatoUp" and width > 1.5 * height:
            glyph = replace(glyph, name="wiggleTrill")
        out.append(glyph)
    return out


_METRONOME_NOTES = {
    "noteheadBlack": "metNoteQuarterUp",
    "noteheadHalf": "metNoteHalfUp",
    "noteheadWhole": "metNoteWhole",
}


def name_metronome_notes(glyphs: list[Glyph], texts: list[Text]) -> list[Glyph]:
    """Returns the symbols with small notes on a line of text that equates them (a metronome mark) named as such.

    Writers that have no glyph for such a note compose it of a small notehead, a stem and flags.
    """
    size = full_size(glyphs)
    equations = [text for text in texts if "=" in text.text]
    if size is None or not equations:
        return glyphs
    out: list[Glyph] = []
    for glyph in glyphs:
        small = glyph.size < 0.9 * size
        if small and any(_stands_in(glyph, text) for text in equations):
            if glyph.name in _METRONOME_NOTES:
                out.append(replace(glyph, name=_METRONOME_NOTES[glyph.name]))
                continue
            if glyph.name == "augmentationDot":
                out.append(replace(glyph, name="metAugmentationDot"))
                continue
            if glyph.name in ("flag8thUp", "flag16thUp"):
                out.append(replace(glyph, name=f"metNote{glyph.name.removeprefix('flag')}"))
                continue
        out.append(glyph)
    return out


def _stands_in(glyph: Glyph, text: Text) -> bool:
    """Returns whether a symbol stands within a run of text or just before it."""
    before = 1.5 * glyph.size
    middle = (text.box.y0 + text.box.y1) / 2
    reach = max(text.size, glyph.size)
    return text.box.x0 - before <= glyph.box.x0 and glyph.box.x1 <= text.box.x1 and abs(glyph.y - middle) < reach


_CIRCLED = {str(n): chr(0x245F + n) for n in range(1, 10)}
_DIGIT = re.compile(r"(?:fingering|tuplet)(\d)$")


def circle_numbers(glyphs: list[Glyph], texts: list[Text], rings: list[Box]) -> tuple[list[Glyph], list[Text]]:
    """Returns (glyphs, texts) with each digit that a circle is drawn round as one text, a circled digit.

    Such numbers are those of strings or of rehearsal; they are neither fingers nor tuplets.
    """
    if not rings:
        return glyphs, texts
    left = [g for g in glyphs if not (_DIGIT.match(g.name) and any(_is_in(g.box, ring) for ring in rings))]
    out: list[Text] = []
    for text in texts:
        ring = next((r for r in rings if _is_in(text.box, r)), None)
        number = _CIRCLED.get(text.text.strip()) if ring is not None else None
        out.append(replace(text, text=number) if number is not None else text)
    for glyph in glyphs:
        digit = _DIGIT.match(glyph.name)
        ring = next((r for r in rings if _is_in(glyph.box, r)), None) if digit else None
        if digit and ring is not None:
            out.append(Text(_CIRCLED[digit[1]], ring.x0, ring.y1, ring, ring.y1 - ring.y0))
    return left, out


def _is_in(box: Box, ring: Box) -> bool:
    """Returns whether something stands in a circle that is not much larger."""
    x, y = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
    width, height = ring.x1 - ring.x0, ring.y1 - ring.y0
    centred = abs(x - (ring.x0 + ring.x1) / 2) < 0.25 * width and abs(y - (ring.y0 + ring.y1) / 2) < 0.3 * height
    return centred and box.x1 - box.x0 < 1.05 * width and height < 4 * (box.y1 - box.y0)
