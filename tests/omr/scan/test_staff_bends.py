from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from omr_service.scan.ink import resized
from omr_service.scan.staff_bends import bent_alike
from omr_service.scan.staff_evidence import SPACE, columns_of, comb, thin_lines
from omr_service.scan.staff_fit import TracedStaff
from omr_service.scan.staves import find_staves
from tests.omr.scan.drawn import bent, staves_page

PAGE = resized(staves_page(space=20.0), SPACE / 20)
BOOK = resized(bent(staves_page(space=20.0), 45.0), SPACE / 20)


def _again(grey: np.ndarray, staves: list[TracedStaff]) -> list[TracedStaff]:
    ridge = thin_lines(grey)
    return bent_alike(staves, comb(columns_of(ridge), SPACE), ridge)


@pytest.mark.parametrize("page", [PAGE, BOOK])
@pytest.mark.parametrize("slipped", [0, 3, 7])
def test_a_staff_that_leaves_its_lines_is_brought_back_to_where_its_neighbours_lead(page, slipped):
    staves = find_staves(page)
    right = staves[slipped]
    away = SPACE * np.clip((right.xs - 300) / 200, 0, 1)
    wrong = [s if s is not right else replace(s, middle=(s.middle + away).astype(np.float32)) for s in staves]
    found = _again(page, wrong)[slipped]
    assert np.abs(found.middle - np.interp(found.xs, right.xs, right.middle)).max() < 1.0
    assert found.x0 == pytest.approx(right.x0, abs=4)
    assert found.x1 == pytest.approx(right.x1, abs=4)


def test_staves_that_bend_alike_or_stand_alone_are_left_as_they_are():
    staves = find_staves(BOOK)
    assert _again(BOOK, staves) == staves
    assert _again(BOOK, staves[:3]) == staves[:3]


def test_a_staff_bends_by_itself_where_its_lines_do():
    page = PAGE.copy()
    page[: len(page) // 8 + 40] = bent(page, 20.0)[: len(page) // 8 + 40]
    staves = find_staves(page)
    assert np.ptp(staves[0].middle) > 8
    assert _again(page, staves)[0] is staves[0]
