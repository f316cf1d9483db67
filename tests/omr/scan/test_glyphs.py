"""What the whole page tells of the points the detector saw."""

from __future__ import annotations

import pytest

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


@pytest.mark.parametrize(
    ("fingers", "size", "chance", "expected"),
    [
        (30, 1.0, 0.6, "fingering5"),
        (30, 1.3, 0.6, "tuplet6"),  # larger than a finger
        (30, 1.0, 0.95, "tuplet6"),  # the detector is sure
        (10, 1.0, 0.6, "tuplet6"),  # no page that is fingered throughout
    ],
)
def test_a_doubtful_digit_as_large_as_the_fingers_of_a_page_full_of_them_is_one(
    fingers: int, size: float, chance: float, expected: str
) -> None:
    page = [digit(f"fingering{2 + n % 4}", 20.0 * n, "tuplet7", 0.1) for n in range(fingers)]
    doubtful = Point("tuplet6", 900.0, 80.0, 6.0 * size, 10.0 * size, chance, (("fingering5", 1.0 - chance),))
    assert names([*page, doubtful])[-1] == expected
