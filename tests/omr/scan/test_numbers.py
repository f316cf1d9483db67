"""Numbers in the margins of a page."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from omr_service.scan.normal_page import normal_page
from omr_service.scan.numbers import margin_numbers, picture_of, read_signs
from tests.omr.scan.drawn import image, staves_page, turned


def written(page: NDArray[np.uint8], *words: tuple[str, int, int]) -> NDArray[np.uint8]:
    """A page with words, each with the place of its upper left corner."""
    picture = Image.fromarray(page)
    for text, x, y in words:
        ImageDraw.Draw(picture).text((x, y), text, fill=0, font=ImageFont.load_default(42))
    return np.asarray(picture).astype(np.uint8)


def numbers_of(page: NDArray[np.uint8]) -> tuple[int, ...]:
    normal = normal_page(image(page))
    assert normal is not None
    return margin_numbers(normal)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((("205", 1760, 60),), (205,)),
        ((("38", 160, 60),), (38,)),
        ((("4", 985, 2500),), (4,)),
        ((("(137) 9", 1700, 60), ("4", 600, 70), ("5", 760, 70)), (137, 9)),
        ((("Allegro", 160, 60),), ()),
        ((("4", 600, 90),), ()),
        ((), ()),
    ],
    ids=["at the right", "at the left", "at the foot", "two beside fingers", "a word", "a finger", "none"],
)
def test_numbers_at_the_corners_and_in_the_middle_are_read(words, expected):
    assert numbers_of(written(staves_page(), *words)) == expected


def test_a_number_is_read_on_a_page_that_lies_askew():
    assert numbers_of(turned(written(staves_page(), ("186", 1700, 70)), 2.0)) == (186,)


def test_the_likeliest_of_eleven_is_told_for_each_sign():
    signs = []
    for text in ("7", "8", "W"):
        page = written(np.full((120, 120), 255, np.uint8), (text, 30, 30)) < 128
        rows, columns = np.flatnonzero(page.any(1)), np.flatnonzero(page.any(0))
        signs.append(page[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.uint8))
    probabilities = read_signs(signs)
    assert probabilities.argmax(1).tolist() == [7, 8, 10]
    assert probabilities.sum(1) == pytest.approx([1, 1, 1], abs=1e-4)
    assert read_signs([]).shape == (0, 11)
    assert picture_of(signs[0]).shape == (24, 24)
