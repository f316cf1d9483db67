"""Which fonts are of music though their codes say otherwise, and which symbols their characters are.

Fonts from before SMuFL have their symbols on the codes of letters, and writers of subsets give out codes anew: what
such a font is, its outlines tell, and the code table of Sonata where it is kept.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from omr_service.pdf import sonata
from omr_service.pdf.fonts import Font
from omr_service.pdf.marks import CharMark
from omr_service.pdf.matcher import OutlineMatcher
from omr_service.pdf.outlines import Likeness, known_box, same_shape

# Music fonts from before SMuFL put their symbols on the codes of letters. The fonts of the widespread programs: of some
# there are two, one of which has signs that no table here knows.
_OF_PROGRAMS = re.compile(
    r"^(maestro|opus|sonata|petrucci|inkpen2|helsinki|reprise|norfolk|pori|engraver|jazz(font)?$|broadwaycopyist)",
    re.IGNORECASE,
)
_LEGACY = re.compile(
    rf"{_OF_PROGRAMS.pattern}|^(chaconne|figaro|toccata|november|partita|tamburo|vivace|ash|swing|anastasia|musix|mscore1"
    r"|xmusica|kousaku|rentaro|crescendo)",
    re.IGNORECASE,
)
# Fonts with SMuFL code points; where a file says their characters are others, it is the file that errs.
_SMUFL_FAMILY = re.compile(
    r"^(bravura|leland|petaluma|leipzig|gootville|gonville|mscore|musejazz|finale(?!lyrics)|sebastian|ekmelos|golden)",
    re.IGNORECASE,
)
_LEGACY_TEXT = re.compile(r"text|chords|script|roman|metronome|figured|perc|special(extra)?text", re.IGNORECASE)
# Fonts of these families for text have notes on the letters of Sonata, for tempo marks, and the letters of dynamics.
_SIGNS_IN_TEXT = re.compile(r"text|metronome|times", re.IGNORECASE)
_BY_LETTER_IN_TEXT = {
    "w": "metNoteWhole",
    "h": "metNoteHalfUp",
    "q": "metNoteQuarterUp",
    "e": "metNote8thUp",
    "x": "metNote16thUp",
    ".": "metAugmentationDot",
    "p": "dynamicPiano",
    "m": "dynamicMezzo",
    "f": "dynamicForte",
    "s": "dynamicSforzando",
    "z": "dynamicZ",
    "r": "dynamicRinforzando",
    "%": "segno",
    "\ufb01": "coda",
    "\u00f8": "coda",
}
# A font is one of music when this share of the characters a page shows in it are like known symbols.
_MUSIC_SHARE = 0.5
# ... and this share where its name says that it is one of a program, with signs that are not known here.
_NAMED_SHARE = 0.2
_NEAR = 0.4
# Letters and digits look like dynamics and meters: a font of music shows one of these too.
_CORE = re.compile(r"notehead(Black|Half)|accidental(Sharp|Flat|Natural)$|[gfc]Clef|flag|rest(Quarter|\d+th)|brace")
# What no letter looks like; of a font that says its characters are letters, some must be these.
_UNLIKE_LETTERS = re.compile(r"notehead(Black|Half)|accidentalNatural|[gfc]Clef|flag|rest(Quarter|\d+th)")
# The shares that must be like known symbols, and like symbols that look like no letter; of fonts of text, none of the
# latter do.
_LETTERS_NEAR, _LETTERS_TELLING = 0.4, 0.2
_FIRST_ASKED, _MOST_ASKED = 4, 12
# An outline so near a symbol is that symbol; so many others than the codes say are no accident.
_SURE, _LEAST_BELIED = 0.1, 3
# A symbol that the code table names may be this much less like than the likeliest one.
_TABLE_FAVOUR = 0.15
# The distance of a symbol that only the code table names.
_BY_TABLE = 0.2
_DOTS = ("augmentationDot", "articStaccatoAbove")


def is_legacy(font: Font) -> bool:
    """Returns whether a font is by its name one of music from before SMuFL."""
    return bool(_LEGACY.match(font.name)) and not _LEGACY_TEXT.search(font.name)


def sign_in_text(font: Font, code: int) -> str | None:
    """Returns what sign a character is of a music font's companion for text, or None where it is text."""
    if not _OF_PROGRAMS.match(font.name) or not _SIGNS_IN_TEXT.search(font.name):
        return None
    return _BY_LETTER_IN_TEXT.get(font.unicode(code) or "")


def is_text(font: Font, code: int) -> bool:
    """Returns whether a code stands for ordinary text by what its font says."""
    if is_legacy(font):
        return False
    if font.char_procs and not font.has_to_unicode:
        return False  # the names of Type 3 glyphs are any names
    text = font.unicode(code)
    if not text or text == "\ufffd":
        return False
    if _SMUFL_FAMILY.match(font.name) and (not text.isascii() or "text" not in font.name.lower()):
        return False
    return not any(0xE000 <= ord(char) <= 0xF8FF or (ord(char) < 32 and not char.isspace()) for char in text)


def with_wrong_unicode(marks: Iterable[CharMark]) -> set[int]:
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


def _match(font: Font, codes: Iterable[int], matcher: OutlineMatcher) -> dict[int, list[Likeness]]:
    """Returns what the outlines of codes are like; codes without an outline are left out."""
    found: dict[int, list[Likeness]] = {}
    for code in codes:
        shape = font.shape(code)
        if shape is not None and shape.polygons:
            found[code] = matcher.match(shape.ops, shape.points, shape.polygons, 1.0)
    return found


def draws_music(font: Font, used: Counter[int], matcher: OutlineMatcher) -> bool:
    """Returns whether a font that says its characters are letters draws symbols of music.

    Args:
        font: The font.
        used: How often a page shows each code.
        matcher: The document's.
    """
    asked = [code for code, _ in used.most_common(_MOST_ASKED)]
    # Noteheads are among what is shown most; letters need not all be looked at.
    found = _match(font, asked[:_FIRST_ASKED], matcher)
    if not any(likeness and _UNLIKE_LETTERS.match(likeness[0].name) for likeness in found.values()):
        return False
    found |= _match(font, asked[_FIRST_ASKED:], matcher)
    near = {c: likeness[0].name for c, likeness in found.items() if likeness and likeness[0].distance < _NEAR}
    telling = [code for code, name in near.items() if _UNLIKE_LETTERS.match(name)]
    # many of its characters, or few that the page shows over and over as it does heads
    many = len(telling) >= _LETTERS_TELLING * len(found)
    often = sum(used[code] for code in telling) >= _LETTERS_TELLING * sum(used[code] for code in found)
    return bool(telling) and len(near) >= _LETTERS_NEAR * len(found) and (many or often)


def belie_their_names(font: Font, names: Mapping[int, str], matcher: OutlineMatcher) -> bool:
    """Returns whether symbols of a font look like others than SMuFL has on their codes.

    The fonts of MuseScore 1 and 2 have codes of their own in the private range that SMuFL has given other symbols.

    Args:
        font: The font.
        names: What SMuFL has on codes that a page shows.
        matcher: The document's.
    """
    sure = {
        code: likeness[:3]
        for code, likeness in _match(font, names, matcher).items()
        if likeness and likeness[0].distance < _SURE
    }
    others = [code for code, likeness in sure.items() if not any(same_shape(o.name, names[code]) for o in likeness)]
    return len(others) >= _LEAST_BELIED and len(others) > 0.5 * len(sure)


@dataclass(frozen=True, slots=True)
class FontSymbols:
    """What the characters of a font are.

    Attributes:
        is_music: Whether the font is one of music.
        likenesses: By code, the symbols it may be, likeliest first; a code that is no known symbol is not in it.
    """

    is_music: bool
    likenesses: Mapping[int, list[Likeness]]


def symbols_of(font: Font, codes: set[int], matcher: OutlineMatcher, known_as_music: bool) -> FontSymbols:
    """Returns what symbols codes of a font are by their outlines, and by the table of Sonata where it is kept.

    Args:
        font: The font.
        codes: Those that a page shows.
        matcher: The document's.
        known_as_music: Whether more is known than the outlines tell.
    """
    found = _match(font, codes, matcher)
    by_table, agreed = _by_table(font, codes, found)
    if not found and is_legacy(font):
        # Named and not embedded.
        named = {code: likeness for code, name in by_table.items() if (likeness := _from_table(name))}
        return FontSymbols(bool(named), named)
    near = [likeness[0].name for likeness in found.values() if likeness and likeness[0].distance < _NEAR]
    of_program = is_legacy(font) and bool(_OF_PROGRAMS.match(font.name))
    named_one = of_program or bool(_SMUFL_FAMILY.match(font.name))
    is_music = known_as_music or (
        len(near) >= max(1.0, (_NAMED_SHARE if of_program else _MUSIC_SHARE) * len(found))
        and (named_one or any(_CORE.match(name) for name in near))
    )
    likenesses = {code: likeness for code, likeness in found.items() if likeness}
    said = sum(code in likenesses for code in by_table)
    if is_legacy(font) and agreed >= max(1.0 if is_music else 2.0, 0.3 * said):
        is_music = True
        likenesses |= {code: _from_table(name) for code, name in by_table.items() if code in found}
    elif is_music and agreed >= max(2.0, 0.6 * said):
        for code, name in by_table.items():
            if code in found:
                likenesses[code] = _favoured(likenesses[code], name) if code in likenesses else _from_table(name)
    return FontSymbols(is_music, {code: likeness for code, likeness in likenesses.items() if likeness})


def _by_table(font: Font, codes: set[int], found: Mapping[int, list[Likeness]]) -> tuple[dict[int, str], int]:
    """Returns (what the table of Sonata says of codes, how often the outlines agree).

    A file tells the table's code by the letter that one system or another has on it, or by its own code: what agrees
    best with the outlines is believed, and without any, what names most.

    Args:
        font: The font.
        codes: Those that a page shows.
        found: What their outlines are like; empty where the font is not embedded.
    """

    def letter(code: int) -> str:
        return font.unicode(code) or ""

    ways: list[Callable[[int], int | None]] = [
        lambda code: sonata.code_on_mac(letter(code)),
        lambda code: sonata.code_on_windows(letter(code)),
    ]
    if not font.composite:
        ways.append(lambda code: code)
    best: tuple[int, int] = (-1, -1)
    said: dict[int, str] = {}
    for way in ways:
        named = {code: name for code in codes if (at := way(code)) is not None and (name := sonata.name_of(at))}
        agreed = sum(any(o.name == name for o in found.get(code, [])[:3]) for code, name in named.items())
        if (agreed, len(named)) > best:
            best, said = (agreed, len(named)), named
    return said, best[0]


def _from_table(name: str) -> list[Likeness]:
    """Returns a symbol of the table as a likeness; fonts have one dot for staccato and for lengthening."""
    names = _DOTS if name in _DOTS else (name,)
    boxes = [(name, box) for name in names if (box := known_box(name)) is not None]
    return [Likeness(name, _BY_TABLE, 1.0 / len(boxes), box) for name, box in boxes]


def _favoured(likeness: list[Likeness], name: str) -> list[Likeness]:
    """Returns likenesses with the one of a name first, if it is nearly as like as the likeliest."""
    at = next((i for i, other in enumerate(likeness) if other.name == name), None)
    if at is None or at == 0 or likeness[at].distance > likeness[0].distance + _TABLE_FAVOUR:
        return likeness
    first = likeness[at]
    rest = likeness[:at] + likeness[at + 1 :]
    top = max(other.probability for other in likeness)
    raised = Likeness(first.name, first.distance, max(top, 0.5), first.box)
    return [raised, *(Likeness(o.name, o.distance, o.probability * (1 - raised.probability), o.box) for o in rest)]
