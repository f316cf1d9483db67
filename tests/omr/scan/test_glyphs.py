"""What the whole page tells of the points the detector saw."""

from __future__ import annotations

from omr_service.scan.detector import Point
from omr_service.scan.glyphs import glyphs_of


def digit(name: str, x: float, other: str, chance: float) -> Point:
    return Point(name, x, 50.0, 6.0, 10.0, 1.0 - chance, ((other, chance),))


def names(points: list[Point]) -> list[str]:
    return [glyph.name for glyph in glyphs_of(points)]


def test_the_same_finger_all_over_a_page_is_the_number_of_tuplets() -> None:
    threes = [digit("fingering3", x, "tuplet3", 0.2) for x in (100.0, 200.0, 300.0)]
    assert names(threes) == ["tuplet3"] * 3
    (first, *_) = glyphs_of(threes)
    assert first.confidence == 0.8
    assert first.alternatives == (("fingering3", 0.2),)


def test_a_page_with_several_fingers_keeps_them() -> None:
    digits = [digit("fingering3", 100.0, "tuplet3", 0.2), digit("fingering1", 200.0, "fingering4", 0.2)]
    assert names(digits) == ["fingering3", "fingering1"]


def test_digits_that_look_like_no_tuplet_are_fingers() -> None:
    threes = [digit("fingering3", x, "fingering2", 0.2) for x in (100.0, 200.0)]
    assert names(threes) == ["fingering3"] * 2


def test_a_single_digit_is_what_the_detector_says() -> None:
    assert names([digit("fingering3", 100.0, "tuplet3", 0.2)]) == ["fingering3"]
