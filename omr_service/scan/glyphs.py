"""From what the detector saw to `Glyph`s as the assembler takes them, still in pixels of the normalised page."""

from __future__ import annotations

import bisect
import math
import re
from collections.abc import Sequence
from dataclasses import replace

from omr_service.pdf.refine import join_dynamics
from omr_service.scan.detector import Point
from omr_service.scan.vocabulary import STAFF_SPACE, glyph_of
from omr_service.symbols import Box, Glyph

LEAST = 0.35
"""Least probability of a glyph."""
EM = 4.0 * STAFF_SPACE
SMALL_EM = 0.68 * EM
"""Em size given to small glyphs; engravers make grace notes and clef changes 60 to 80 % of the full size."""
_TWO_SIZES = frozenset({"noteheadBlack", "noteheadHalf"})
_FEW_HEADS = 12
_BETWEEN, _SPREAD = 0.82, 0.03
"""Size of a head, as a part of the usual one, that may be a small or a full one's, and what is one step off it."""
_FINGERS = frozenset(f"fingering{finger}" for finger in range(1, 6))
_MANY_FINGERS = 24
"""Fingers of a page from which on they tell how large its fingers are."""
_SURE = 0.6
_LARGER = 1.18
"""Size of a digit, in parts of that of the page's fingers, from which on it may be a tuplet's."""
_AS_LARGE = 2.0
"""What being as large as they are says for a digit being a finger, as a logarithm of odds."""
_UNSEEN = 0.02
"""Probability of a class that the detector did not name."""
_ORIGIN_BELOW_TOP = {
    # height of the SMuFL origin as a share of the ink's height, counted from its top, for those found at their origin
    "accidentalFlat": 0.71,
    "accidentalDoubleFlat": 0.71,
    "gClef": 0.62,
    "fClef": 0.29,
    "restDoubleWhole": 1.0,
    "restWhole": 0.05,
    "restHalf": 0.95,
    "rest8th": 0.41,
    "rest16th": 0.26,
    "rest32nd": 0.46,
    "rest64th": 0.36,
}
_AT_ORIGIN = re.compile(r"rest|accidental[A-Z][a-z]*(?!.*Parens)|[gfc]Clef")
_SIDED = ("articStaccato", "articTenuto", "articAccent")
_NAMES = {"graceNoteSlash": "graceNoteSlashStemUp"}


def glyphs_of(points: Sequence[Point], least: float = LEAST) -> list[Glyph]:
    """Returns glyphs, in pixels, of the points that are probable enough.

    Articulations are named after the side of the nearest notehead they stand on, letters of a dynamic are joined, a
    lone kind of digit is that of tuplets, and what is as large as the fingers of a page full of them is one.

    Args:
        points: As `Detections.points`.
        least: Least probability.
    """
    points = sized_digits(told_digits(sized_heads(points), least))
    heads = sorted((p.x, p.y) for p in points if p.name.startswith("notehead") and p.probability >= least)
    return join_dynamics([_glyph(p, heads) for p in points if p.probability >= least])


def sized_heads(points: Sequence[Point]) -> list[Point]:
    """The points, noteheads being full or small by what they measure beside the page's usual one.

    Which of the two a head is, its surroundings tell the detector less well than its own ink tells; what it says counts
    where the measure is between. The probabilities of the two classes, which are those of one head, are added.
    """
    sizes = sorted(_size(p) for p in points if p.name == "noteheadBlack" and p.probability >= LEAST)
    if len(sizes) < _FEW_HEADS:
        return list(points)
    usual = sizes[len(sizes) // 2]
    return [_sized(p, _size(p) / usual) if glyph_of(p.name)[0] in _TWO_SIZES else p for p in points]


def told_digits(points: Sequence[Point], least: float = LEAST) -> list[Point]:
    """The points, digits being tuplets' where the page as a whole tells so.

    An editor who fingers a page writes several fingers. Where the detector saw the same one again and again, and each
    looks somewhat like the number of a tuplet, they are numbers of tuplets: one digit by itself it cannot tell apart.

    Args:
        points: As `Detections.points`.
        least: Least probability of a digit that counts.
    """
    fingers = [p for p in points if p.name in _FINGERS and p.probability >= least]
    if len(fingers) < 2 or len({p.name for p in fingers}) > 1:
        return list(points)
    tuplet = f"tuplet{fingers[0].name[-1]}"
    if not all(dict(p.alternatives).get(tuplet, 0.0) >= _UNSEEN for p in fingers):
        return list(points)
    told = set(map(id, fingers))
    return [_renamed(p, tuplet) if id(p) in told else p for p in points]


def sized_digits(points: Sequence[Point]) -> list[Point]:
    """The points, numbers of tuplets that the detector is not sure of and that are as large as the fingers of a page
    which an editor fingered throughout being fingers: those of tuplets are larger beside them, and slanted.

    Args:
        points: As `Detections.points`.
    """
    sizes = sorted(_size(p) for p in points if p.name in _FINGERS - {"fingering1"} and p.probability >= _SURE)
    if len(sizes) < _MANY_FINGERS:
        return list(points)
    largest = _LARGER * sizes[len(sizes) // 2]
    return [_as_finger(p) if p.name.startswith("tuplet") and _size(p) < largest else p for p in points]


def _as_finger(point: Point) -> Point:
    """A digit of a tuplet as the finger that it may be as well; itself where that is too improbable."""
    fingers = [(probability, name) for name, probability in point.alternatives if name in _FINGERS]
    if not fingers:
        return point
    probability, name = max(fingers)
    return _renamed(point, name) if math.log(point.probability / probability) < _AS_LARGE else point


def _renamed(point: Point, name: str) -> Point:
    """A point that is what its alternative `name` says; the probabilities of the two change places."""
    others = tuple(
        (point.name, probability) if other == name else (other, probability)
        for other, probability in point.alternatives
    )
    return replace(point, name=name, alternatives=others)


def _size(point: Point) -> float:
    return math.sqrt(point.width * point.height)


def _sized(point: Point, ratio: float) -> Point:
    """A notehead of which the size, beside the usual one, is known."""
    plain = glyph_of(point.name)[0]
    known = {point.name: point.probability, **dict(point.alternatives)}
    full, small = known.get(plain, 0.0), known.get(f"{plain}Small", 0.0)
    odds = math.log((small + _UNSEEN) / (full + _UNSEEN)) + (_BETWEEN - ratio) / _SPREAD
    name = f"{plain}Small" if odds > 0 else plain
    others = tuple((n, p) for n, p in point.alternatives if n not in (plain, f"{plain}Small"))
    return replace(point, name=name, probability=min(1.0, full + small), alternatives=others)


def _glyph(point: Point, heads: list[tuple[float, float]]) -> Glyph:
    plain, small = glyph_of(point.name)
    box = _box(point, plain)
    x, y = _origin(plain, box, point.y)
    alternatives = tuple((_named(other, point, heads), p) for other, p in point.alternatives)
    name = _named(point.name, point, heads)
    return Glyph(name, x, y, box, SMALL_EM if small else EM, point.probability, alternatives)


def _box(point: Point, plain: str) -> Box:
    """The ink of a point: around it, or hanging on its origin."""
    top = point.y - point.height / 2
    if _AT_ORIGIN.match(plain):
        top = point.y - _ORIGIN_BELOW_TOP.get(plain, 0.5) * point.height
    return Box(point.x - point.width / 2, top, point.x + point.width / 2, top + point.height)


def _origin(plain: str, box: Box, y: float) -> tuple[float, float]:
    """The SMuFL origin: at the left edge, and for flags at the stem's end."""
    if plain.startswith("flag"):
        return box.x0, box.y0 if plain.endswith("Up") else box.y1
    return box.x0, y


def _named(name: str, point: Point, heads: list[tuple[float, float]]) -> str:
    """The SMuFL name of a class at a place."""
    plain, _ = glyph_of(name)
    if plain in _SIDED:
        return plain + ("Above" if _is_above(point, heads) else "Below")
    return _NAMES.get(plain, plain)


def _is_above(point: Point, heads: list[tuple[float, float]]) -> bool:
    """True where the nearest notehead, by its column first, is below a point."""
    reach = 1.2 * STAFF_SPACE
    first = bisect.bisect_left(heads, (point.x - reach, float("-inf")))
    last = bisect.bisect_right(heads, (point.x + reach, float("inf")))
    near = heads[first:last]
    if not near:
        return True
    _, y = min(near, key=lambda h: abs(h[1] - point.y) + 0.3 * abs(h[0] - point.x))
    return y > point.y
