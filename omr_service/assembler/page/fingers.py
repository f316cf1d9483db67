"""Printed fingers: which digits of a page are fingers, and the note each belongs to.

Digits over each other are a stack. A stack stands over a chord, under one, or between two of them, as between the
staves of a piano: then its upper digits belong to the chord over it and its lower ones to the chord under it. It is
read as a whole, because a digit of a tall stack may be nearer to another chord than to its own.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from omr_service.assembler.geometry import Sorted, System, center, union
from omr_service.assembler.music import Element, MarkSign, NoteSign
from omr_service.symbols import Box, Glyph, Text

_GLYPH = re.compile(r"fingering([1-5])$")
_ONE = re.compile(r"([1-5])(?:\s?[-–—]\s?([1-5]))?")
_ROW = re.compile(rf"{_ONE.pattern}(?:\s?{_ONE.pattern})+$")
"""Fingers of neighbouring notes that came as one text."""
_DASH = re.compile(r"[-–—]$")
_DIGIT = re.compile(r"\d$")
_INK = 0.68
"""Height of a digit in ems."""
_PITCH = 2.3
"""Heights of a digit from one to the next in a stack, at most."""
_REACH = 1.5
"""Spaces by which a digit may stand beside the middle of its note or its stem."""
_OFF_STEM = 0.4
"""Spaces that a digit over or under a stem counts as beside its chord: most stand over or under the heads."""
_FAR = 9.0
"""Spaces between a chord and the nearest digit of its stack, at most."""
_BESIDE = 2.4
"""Spaces between a note and a digit left or right of it, at most."""

Style = tuple[str, int, bool, bool]


@dataclass(frozen=True, slots=True)
class _Digit:
    """A finger, or a finger and the one that takes its place, at some place; `height` is that of its ink."""

    box: Box
    name: str
    height: float

    @property
    def x(self) -> float:
        return center(self.box)[0]

    @property
    def y(self) -> float:
        return center(self.box)[1]


def style_of(text: Text) -> Style:
    """What texts of one kind have in common: font, size in quarter points, weight and slant."""
    return text.font, round(text.size * 4), text.bold, text.italic


def finger_styles(texts: Sequence[Text]) -> frozenset[Style]:
    """Styles of text in which fingers are set: 1 is a finger and no number of a tuplet, two to five may be both."""
    counts: dict[Style, dict[str, int]] = {}
    for text in texts:
        words = text.text.strip()
        if _DIGIT.match(words):
            own = counts.setdefault(style_of(text), {})
            own[words] = own.get(words, 0) + 1
    return frozenset(
        style
        for style, own in counts.items()
        if own.get("1", 0) >= 0.05 * sum(own.values()) and len(own.keys() & set("12345")) > 1
    )


def find_fingers(
    glyphs: Sequence[Glyph], texts: Sequence[Text], elements: Mapping[int, Sequence[Element]], systems: Sequence[System]
) -> list[MarkSign]:
    """The fingers of a page, each with its note.

    Args:
        glyphs: Glyphs of the page.
        texts: Texts of the page that may be fingers: no headings, lyrics or numbers of endings.
        elements: Chords and rests by system.
        systems: The systems.
    """
    if not systems:
        return []
    digits = _digits(glyphs, texts, systems[0].space)
    if not digits:
        return []
    finder = _Finder(elements, systems)
    for stack in _stacks(digits):
        finder.place(stack)
    return finder.marks()


def _digits(glyphs: Sequence[Glyph], texts: Sequence[Text], space: float) -> list[_Digit]:
    styles = finger_styles(texts)
    found: list[_Digit] = []
    for glyph in glyphs:
        match = _GLYPH.match(glyph.name)
        height = glyph.box.y1 - glyph.box.y0
        if match and height < 1.9 * space:
            found.append(_Digit(glyph.box, match[1], height))
    found = _substitutions(found, [t for t in texts if _DASH.match(t.text.strip())])
    for text in texts:
        words = text.text.strip()
        own = style_of(text) in styles
        if text.size > 3.2 * space or (not own and (text.italic or text.bold)):
            continue  # slanted or bold digits among which no 1 is are those of tuplets
        ink = _ink_of(text)
        if _ONE.fullmatch(words) or (own and _ROW.match(words)):
            width = (ink.x1 - ink.x0) / len(words)
            for one in _ONE.finditer(words):
                box = Box(ink.x0 + one.start() * width, ink.y0, ink.x0 + one.end() * width, ink.y1)
                found.append(_Digit(box, "-".join(filter(None, one.groups())), _INK * text.size))
    return found


def _substitutions(digits: Sequence[_Digit], dashes: Sequence[Text]) -> list[_Digit]:
    """Joins two digits with a dash between them: one finger that takes the place of another."""
    left = sorted(digits, key=lambda d: d.x)
    for dash in dashes:
        x, y = center(dash.box)
        near = [d for d in left if abs(d.y - y) < d.height and abs(d.x - x) < 1.6 * d.height]
        first = max((d for d in near if d.x < x), key=lambda d: d.x, default=None)
        second = min((d for d in near if d.x > x), key=lambda d: d.x, default=None)
        if first is not None and second is not None:
            left = [d for d in left if d is not first and d is not second]
            left.append(_Digit(union([first.box, second.box]), f"{first.name}-{second.name}", first.height))
    return left


def _ink_of(text: Text) -> Box:
    """The box of a text's digits: the one told may be that of the font's tallest and deepest letters."""
    if text.box.y1 - text.box.y0 <= text.size * (_INK + 0.1):
        return text.box
    return Box(text.box.x0, text.y - _INK * text.size, text.box.x1, text.y)


def _stacks(digits: Sequence[_Digit]) -> list[list[_Digit]]:
    """Digits over each other, from top to bottom."""
    stacks: list[list[_Digit]] = []
    for digit in sorted(digits, key=lambda d: d.y):
        best: list[_Digit] | None = None
        for stack in stacks:
            last = stack[-1]
            shared = min(last.box.x1, digit.box.x1) - max(last.box.x0, digit.box.x0)
            narrower = min(last.box.x1 - last.box.x0, digit.box.x1 - digit.box.x0)
            apart = digit.y - last.y
            height = max(last.height, digit.height)
            over = shared >= 0.5 * narrower and 0.6 * height < apart < _PITCH * height
            if over and (best is None or apart < digit.y - best[-1].y):
                best = stack
        if best is None:
            stacks.append([digit])
        else:
            best.append(digit)
    return stacks


@dataclass(frozen=True, slots=True)
class _Place:
    """Where some digits of a stack may belong: over a chord, under it, or beside one of its notes."""

    cost: float
    element: Element
    side: str  # "above", "below", "beside"
    note: NoteSign | None = None


class _Finder:
    """Gives the stacks of a page to its chords."""

    def __init__(self, elements: Mapping[int, Sequence[Element]], systems: Sequence[System]) -> None:
        self.systems = {system.index: system for system in systems}
        self.system_of = {e.index: number for number, own in elements.items() for e in own}
        chords = [e for own in elements.values() for e in own if e.notes and not e.copied]
        self.chords = Sorted(chords, key=lambda e: (e.x + e.x1) / 2)
        self.by_index = {e.index: e for e in chords}
        self.given: dict[tuple[int, str], list[_Digit]] = {}
        self.beside: list[tuple[Element, NoteSign, _Digit]] = []

    def place(self, stack: list[_Digit]) -> None:
        """Gives the digits of a stack to one chord, or to the one over it and the one under it."""
        best: tuple[float, list[tuple[_Place, list[_Digit]]]] | None = None
        near = self._near(stack)
        closest = min((b.y - a.y for a, b in itertools.pairwise(stack)), default=0.0)
        for k in range(len(stack) + 1):
            parts: list[tuple[_Place, list[_Digit]]] = []
            for side, digits in (("below", stack[:k]), ("above", stack[k:])):
                place = min(self._places(near, digits, side), key=lambda p: p.cost, default=None) if digits else None
                if digits and place is None:
                    break
                if place is not None:
                    parts.append((place, digits))
            else:
                cost = sum(place.cost for place, _ in parts)
                if len(parts) > 1:
                    cost += max(0.0, 0.5 - (stack[k].y - stack[k - 1].y - closest) / stack[k].height)
                if best is None or cost < best[0]:
                    best = cost, parts
        for place, digits in best[1] if best else []:
            if place.note is not None:
                self.beside.append((place.element, place.note, digits[0]))
            else:
                self.given.setdefault((place.element.index, place.side), []).extend(digits)

    def _near(self, stack: Sequence[_Digit]) -> list[Element]:
        space = max(system.space for system in self.systems.values())
        x = stack[0].x
        return list(self.chords.between(x - 4.5 * space, x + 4.5 * space))

    def _places(self, near: Sequence[Element], digits: Sequence[_Digit], side: str) -> list[_Place]:
        """Chords that have some digits on a side of theirs, or a note beside the only digit."""
        found: list[_Place] = []
        for element in near:
            space = self.systems[self.system_of[element.index]].space
            nearest = digits[0] if side == "below" else digits[-1]
            middle = (element.box.y0 + element.box.y1) / 2
            dx = self._beside_middle(element, nearest, side, space) / space
            if dx <= _REACH and (nearest.y > middle) == (side == "below"):
                edge = nearest.box.y0 if side == "below" else nearest.box.y1
                gap = self._gap(element, edge, side) / space
                if gap < _FAR:
                    cost = 2.0 * max(0.0, dx - 0.3) + 0.5 * gap + self._order(element, digits, side)
                    found.append(_Place(cost, element, side))
            if len(digits) == 1:
                found += self._beside(element, nearest, side, space)
        return found

    def _beside_middle(self, element: Element, digit: _Digit, side: str, space: float) -> float:
        """How far a digit is beside the middle of a chord's heads or, on its side, the stem."""
        found = [abs((n.box.x0 + n.box.x1) / 2 - digit.x) for n in element.notes]
        if element.up is not None and element.up == (side == "above"):
            stem = element.x1 if element.up else element.x
            found.append(abs(stem - digit.x) + _OFF_STEM * space)
        return min(found)

    def _gap(self, element: Element, edge: float, side: str) -> float:
        """Distance from a chord to a digit over or under it: from its heads, the tip of its stem or, for the only chord
        there, the edge of its staff, out of which digits are kept."""
        staff = self.systems[self.system_of[element.index]].staves[element.staff]
        down = side == "below"
        head = element.box.y1 if down else element.box.y0
        rim = staff.bottom(element.x) if down else staff.top(element.x)
        ends = [head, max(head, element.tip) if down else min(head, element.tip)]
        if (rim < edge if down else rim > edge) and not self._companions(element):
            ends.append(rim)
        return min(max(0.0, edge - end if down else end - edge) for end in ends)

    def _order(self, element: Element, digits: Sequence[_Digit], side: str) -> float:
        """What speaks against a chord: more digits than notes, fingers out of order, the side of another voice."""
        taken = sum(len(self.given.get((element.index, s), ())) for s in ("above", "below"))
        room = len(element.notes) - taken
        others = self._companions(element)
        room_of_all = room + sum(len(e.notes) for e in others)
        surplus = max(0, len(digits) - max(room, 0))
        beyond = max(0, len(digits) - max(room_of_all, 0))
        cost = 0.7 * (surplus - beyond) + 3.0 * beyond
        firsts = [int(d.name[0]) for d in digits]
        rising = sum(a < b for a, b in itertools.pairwise(firsts))
        falling = sum(a > b for a, b in itertools.pairwise(firsts))
        cost += 0.8 * (len(firsts) - 1 - max(rising, falling))
        cost += 0.4 * (rising if self._is_right(element) else falling)
        if others and element.up is not None and element.up != (side == "above"):
            cost += 0.4
        return cost

    def _is_right(self, element: Element) -> bool:
        """Whether a chord is on the right hand's staff."""
        return element.staff == self.systems[self.system_of[element.index]].keyboard[0]

    def _companions(self, element: Element) -> list[Element]:
        """Other chords of its staff that begin with it."""
        space = self.systems[self.system_of[element.index]].space
        middle = (element.x + element.x1) / 2
        return [
            e
            for e in self.chords.between(middle - 1.4 * space, middle + 1.4 * space)
            if e is not element
            and e.staff == element.staff
            and self.system_of[e.index] == self.system_of[element.index]
            and e.small == element.small
        ]

    def _beside(self, element: Element, digit: _Digit, side: str, space: float) -> list[_Place]:
        """Notes of a chord that a digit stands left or right of."""
        found: list[_Place] = []
        for note in element.notes:
            dy = abs(center(note.box)[1] - digit.y) / space
            gap = max(note.box.x0 - digit.box.x1, digit.box.x0 - note.box.x1) / space
            if dy < 0.8 and -0.2 < gap < _BESIDE:
                right = digit.box.x0 > note.box.x0
                found.append(_Place(0.6 + dy + 0.6 * gap + (1.0 if right else 0.0), element, side, note))
        return found

    def marks(self) -> list[MarkSign]:
        """The fingers by note."""
        found = [self._mark(element, note, digit, True) for element, note, digit in self.beside]
        taken = {(m.element, m.head) for m in found}
        for index in dict.fromkeys(index for index, _ in self.given):
            element = self.by_index[index]
            right = self._is_right(element)
            over = _in_order(self.given.get((index, "above"), []), right)
            under = _in_order(self.given.get((index, "below"), []), right)
            notes = self._free_notes(element, len(over) + len(under), taken)
            over, under = _share(over, under, len(notes))
            chosen = _notes_of([note for _, note in notes], over, under, right)
            for place, digit in chosen:
                owner, note = notes[place]
                found.append(self._mark(owner, note, digit, digit in over))
                taken.add((owner.index, note.head))
        return found

    def _free_notes(self, element: Element, count: int, taken: set[tuple[int, int]]) -> list[tuple[Element, NoteSign]]:
        """The notes of a chord that bear no finger yet, highest first; where there are fewer than digits, those of the
        other voices' chords in its column, too."""
        chords = [element]
        for other in self._companions(element):
            if sum(len(e.notes) for e in chords) >= count:
                break
            if not any((other.index, side) in self.given for side in ("above", "below")):
                chords.append(other)
        notes = [(e, n) for e in chords for n in e.notes if (e.index, n.head) not in taken]
        return sorted(notes, key=lambda pair: pair[1].box.y0)

    def _mark(self, element: Element, note: NoteSign, digit: _Digit, above: bool) -> MarkSign:
        system, box = self.system_of[element.index], digit.box
        return MarkSign("finger", digit.name, system, note.staff, box.x0, box.x1, box, above, element.index, note.head)


def _in_order(digits: Sequence[_Digit], right: bool) -> list[_Digit]:
    """The digits of one side of a chord in the order of its notes, highest first: from top to bottom; those that moved
    aside onto the line of another one by their fingers, which rise from the thumb with the hand.

    Args:
        digits: Digits over a chord, or under it.
        right: Whether it is the right hand's staff.
    """
    ordered = sorted(digits, key=lambda d: d.y)
    if all(b.y - a.y >= 0.5 * a.height for a, b in itertools.pairwise(ordered)):
        return ordered
    return sorted(ordered, key=lambda d: int(d.name[0]), reverse=right)


def _notes_of(
    notes: Sequence[NoteSign], over: Sequence[_Digit], under: Sequence[_Digit], right: bool
) -> list[tuple[int, _Digit]]:
    """The digits of a chord with the positions of their notes: from the outside in, unless no hand can do that.

    A chord may bear fewer digits than it has notes, and some engravers print a lone one over the chord whatever note
    it is for: 1 over a chord of the right hand is its lowest note's.

    Args:
        notes: The chord's notes, highest first.
        over, under: Digits over and under it, from top to bottom; no more than it has notes.
        right: Whether it is the right hand's staff.
    """
    digits = [*over, *under]
    usual = [*range(len(over)), *range(len(notes) - len(under), len(notes))]

    def fits(places: Sequence[int]) -> bool:
        for place, digit in zip(places, digits, strict=True):
            finger = int(digit.name[0])
            inside = len(notes) - place if right else place + 1
            if not inside <= finger <= 5 - len(notes) + inside:
                return False
        return True

    choices = sorted(
        itertools.combinations(range(len(notes)), len(digits)),
        key=lambda places: sum(abs(a - b) for a, b in zip(places, usual, strict=True)),
    )
    chosen = next((places for places in choices if fits(places)), usual) if len(notes) <= 5 else usual
    return list(zip(chosen, digits, strict=True))


def _share(over: list[_Digit], under: list[_Digit], notes: int) -> tuple[list[_Digit], list[_Digit]]:
    """The digits over and under a chord without those for which it has no notes, the farthest from it."""
    while len(over) + len(under) > notes:
        if len(under) >= len(over):
            under = under[:-1]
        else:
            over = over[1:]
    return over, under
