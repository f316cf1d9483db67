"""A staff of which outer lines are not seen where it was found is moved to where its clefs say."""

from __future__ import annotations

import numpy as np
import pytest

from omr_service.scan.detector import Detections, Point
from omr_service.scan.normal_page import NormalStaff
from omr_service.scan.reader import _told_by_clefs
from omr_service.scan.staff_evidence import SPACE
from omr_service.scan.vocabulary import LINES, MASK_STRIDE

TRUE = 100.0


def _found(seen: tuple[int, ...], *clefs: tuple[str, float, float]) -> Detections:
    """Lines of a staff at `TRUE` that are seen, and clefs with their probability and line, from the middle one down."""
    masks = np.zeros((len(LINES), 100, 400), np.uint8)
    for line in seen:
        masks[LINES.index("staffLine"), round((TRUE + line * SPACE) / MASK_STRIDE), 20:380] = 255
    points = [Point(n, 60.0 + 9 * i, TRUE + at * SPACE, 25, 60, p) for i, (n, p, at) in enumerate(clefs)]
    return Detections(tuple(points), masks)


def _staff(middle: float) -> NormalStaff:
    return NormalStaff(40.0, 760.0, middle, 0.4)


@pytest.mark.parametrize(
    ("seen", "clef", "off"),
    [
        ((-1, 0, 1, 2), ("fClef", 0.9, -1), 1),
        ((-2, -1, 0, 1), ("gClef", 0.9, 1), -1),
        ((-2, -1, 0, 1, 2), ("gClef", 0.9, 1), 2),  # its lines under the staff are a long hairpin's
        ((-2, -1, 0, 1, 2), ("fClef", 0.9, -1), -2),
    ],
)
def test_a_staff_is_where_its_clef_says_when_an_outer_line_is_missing(seen, clef, off):
    assert _told_by_clefs(_staff(TRUE + off * SPACE), _found(seen, clef)).middle == TRUE


@pytest.mark.parametrize(
    ("seen", "clefs"),
    [
        ((-2, -1, 0, 1, 2), (("gClef", 0.9, 2),)),  # on another line of a whole staff
        ((-2, 0, 1), (("gClef", 0.9, 3),)),  # of the two lines given up one is seen
        ((-2, -1, 0, 1), (("gClef", 0.3, 2),)),  # not sure
        ((-2, -1, 0, 1), (("gClef", 0.9, 2), ("fClef", 0.9, -1))),  # at odds
        ((-2, -1, 0, 1), (("cClef", 0.9, 1),)),  # stands anywhere
        ((-2, -1, 0, 1), ()),
    ],
)
def test_else_it_stays_where_its_lines_are(seen, clefs):
    assert _told_by_clefs(_staff(TRUE), _found(seen, *clefs)).middle == TRUE


def test_a_staff_off_its_place_that_was_found_from_behind_its_clef_on_begins_before_it():
    found = _found((-2, -1, 0, 1), ("gClef", 0.9, 1))
    late = NormalStaff(100.0, 760.0, TRUE - SPACE, 0.4)
    told = _told_by_clefs(late, found)
    assert (told.middle, told.x0) == (TRUE, 60.0 - 25 / 2)
