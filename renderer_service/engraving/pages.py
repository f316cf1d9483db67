"""Engraved pages of a Score, laid out without regard to which fingers it shows.

Laying a piece out is most of the work of engraving it, and what a digit says changes nothing about where it stands. So
the pages are laid out with the same digit everywhere, and the real ones are written in afterwards, with their colours.
The pages laid out last are kept: a correction, which changes a few digits of a long piece, only writes digits, and a
page without a changed digit is the same to the byte.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from etude.score.v1 import score_pb2
from renderer_service.engraving.svg import EngravingError, svg_pages
from renderer_service.fingers import LIKE_FINGER, Density, ShownFinger, with_like_fingers, written_fingers
from renderer_service.musicxml import musicxml_bytes
from renderer_service.musicxml.xml import Ids

#: A digit of a page: the id of its note, what stands between that and its text, and the text.
_DIGIT = re.compile(r'(?<=class="fing" data-startid="#)([^"]*)("><text (?:[^<]|<tspan)*>)([^<]+)')
#: Characters of all pages that are kept. A page has some 200,000.
_MOST_KEPT = 16 << 20


@dataclass(frozen=True, slots=True)
class LaidOutPage:
    """A page whose digits are still open.

    Attributes:
        notes: Id of the note of each digit, in the order of the page.
        texts: What stands before the first digit's colour, between that and its text, and so on up to the page's end.
    """

    notes: tuple[str, ...]
    texts: tuple[str, ...]

    def with_digits(self, fingers: Mapping[str, ShownFinger]) -> str:
        """The page with fingers, by the ids of their notes.

        Raises:
            KeyError: A note has none.
        """
        pieces = [self.texts[0]]
        for number, note_id in enumerate(self.notes):
            finger = fingers[note_id]
            paint = f'" fill="{finger.color}" color="{finger.color}' if finger.color else ""
            pieces += [paint, self.texts[2 * number + 1], finger.text, self.texts[2 * number + 2]]
        return "".join(pieces)


def engraved_pages(score: score_pb2.Score, density: Density, *, fallback_title: str = "") -> list[str]:
    """SVG documents of the pages with the fingers shown at a density; see `svg_pages`.

    A finger that its source does not print has a colour. The same Score gives the same pages, whatever was engraved
    before.

    Raises:
        EngravingError: Nothing could be engraved.
    """
    alike = with_like_fingers(score, density)
    fingers = written_fingers(score, density)
    ornaments = {note_id: len(finger.ornament) for note_id, finger in fingers.items() if finger.ornament}
    about = alike.SerializeToString(deterministic=True) + json.dumps([fallback_title, ornaments]).encode()
    pages = _LAID_OUT.of(hashlib.sha256(about).digest(), lambda: _laid_out(alike, fallback_title, ornaments))
    return [page.with_digits(fingers) for page in pages]


def _laid_out(score: score_pb2.Score, fallback_title: str, ornaments: Mapping[str, int]) -> tuple[LaidOutPage, ...]:
    """The pages; `ornaments` has how many digits stand at a note with an ornament, by its id."""
    ids = Ids()
    musicxml = musicxml_bytes(score, fallback_title=fallback_title, ids=ids)
    several = {
        written: str(LIKE_FINGER) * ornaments[note_id]
        for written, note_id in ids.source_of.items()
        if note_id in ornaments
    }
    return tuple(_opened(page, ids.source_of) for page in svg_pages(musicxml, several))


def _opened(page: str, note_of: Mapping[str, str]) -> LaidOutPage:
    notes: list[str] = []
    texts: list[str] = []
    done = 0
    for digit in _DIGIT.finditer(page):
        notes.append(note_of[digit[1]])
        texts += [page[done : digit.end(1)], digit[2]]
        done = digit.end()
    if len(notes) != page.count('class="fing"'):
        raise EngravingError("Verovio wrote a finger in a way that is not known, so there are no engraved pages.")
    return LaidOutPage(tuple(notes), (*texts, page[done:]))


class _LaidOut:
    """The pages this process laid out last."""

    def __init__(self, most_characters: int) -> None:
        self._left = most_characters
        self._pieces: OrderedDict[bytes, Sequence[LaidOutPage]] = OrderedDict()

    def of(self, digest: bytes, lay_out: Callable[[], Sequence[LaidOutPage]]) -> Sequence[LaidOutPage]:
        """The pages of what has that digest."""
        pages = self._pieces.get(digest)
        if pages is None:
            pages = self._pieces[digest] = lay_out()
            self._left -= _length(pages)
        self._pieces.move_to_end(digest)
        while self._left < 0:
            self._left += _length(self._pieces.popitem(last=False)[1])
        return pages


def _length(pages: Sequence[LaidOutPage]) -> int:
    return sum(len(text) for page in pages for text in page.texts)


_LAID_OUT = _LaidOut(_MOST_KEPT)
