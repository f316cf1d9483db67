from __future__ import annotations

import cv2
import numpy as np
import pytest

from omr_service.scan.beams import find_beams
from omr_service.scan.curves import find_brackets, find_curves, find_hairpins
from omr_service.scan.strokes import find_barlines, find_levels, find_stems, joined
from omr_service.symbols import Line


def _page() -> np.ndarray:
    return np.full((200, 300), 255, np.uint8)


def _mask(drawn: np.ndarray) -> np.ndarray:
    """The mask of a line class that has all the ink of a page."""
    height, width = drawn.shape
    cells = (255 - drawn).reshape(height // 2, 2, width // 2, 2).max((1, 3))
    return np.where(cells > 60, 255, 0).astype(np.uint8)


def test_stems_side_by_side_and_over_a_gap_are_found_once_each():
    page = _page()
    page[40:75, 50:52] = 0
    page[90:125, 61:63] = 0
    page[90:125, 67:69] = 0
    page[100:104, 61:63] = 255
    stems = sorted(find_stems(_mask(page), page), key=lambda v: v.x0)
    assert [(round(v.x0), round(v.y0), round(v.y1)) for v in stems] == [(51, 40, 76), (62, 90, 126), (68, 90, 126)]


@pytest.mark.parametrize("slope", [0.0, 0.2, -0.35])
def test_the_beams_of_a_group_are_found_one_by_one(slope: float):
    page = _page()
    for top, left, right in ((80, 60, 160), (87.5, 60, 160), (95, 110, 160)):
        corners = [(left, top + slope * left), (right, top + slope * right)]
        corners += [(x, y + 5) for x, y in reversed(corners)]
        cv2.fillConvexPoly(page, np.array([[round(16 * x), round(16 * y)] for x, y in corners], np.int32), 0, 8, 4)
    beams = sorted(find_beams(_mask(page), page), key=lambda v: v.y0 - slope * v.x0)
    assert len(beams) == 3
    for beam, (top, left, right) in zip(beams, ((80, 60, 160), (87.5, 60, 160), (95, 110, 160)), strict=True):
        assert beam.x0 == pytest.approx(left, abs=3) and beam.x1 == pytest.approx(right, abs=3)
        assert beam.y0 == pytest.approx(top + 2.5 + slope * beam.x0, abs=1.3)
        assert 3 < beam.thickness < 8


@pytest.mark.parametrize(("thickness", "gap", "grey"), [(7, 2, 90), (7, 3, 60), (5, 2, 120)])
def test_thick_beams_close_together_are_as_many_as_there_are(thickness: int, gap: int, grey: int):
    """Old plates have thick beams, and the gaps between them half filled; a page with some clear gaps has others where
    the ink ran together."""
    page = _page()
    for count, left in ((2, 20), (3, 120), (4, 220)):
        for k in range(count):
            top = 60 + k * (thickness + gap)
            page[top : top + thickness, left : left + 60] = 0
            if k:
                page[top - gap : top, left : left + 60] = grey
    page[60 + thickness : 60 + thickness + gap, 20:76] = 255
    page[60 : 60 + 3 * thickness + 2 * gap, 150:170] = 0
    beams = find_beams(_mask(page), page)
    assert [sum(left - 5 < v.x0 < left + 55 for v in beams) for left in (20, 120, 220)] == [2, 3, 4]


def test_beams_that_are_light_inside_are_one_each():
    page = _page()
    for left, count in ((20, 1), (110, 1), (200, 2)):
        for k in range(count):
            top = 60 + 10 * k
            page[top : top + 7, left : left + 70] = 0
            page[top + 3, left + 10 : left + 60] = 170
    for top in (100, 130, 160):
        page[top : top + 7, 20:270] = 0
    beams = sorted((v for v in find_beams(_mask(page), page) if v.y0 < 90), key=lambda v: (v.x0, v.y0))
    assert [round(v.x0, -1) for v in beams] == [20, 110, 200, 200]
    assert [v.y0 for v in beams] == pytest.approx([63.5, 63.5, 63.5, 73.5], abs=1)


def test_a_thin_and_a_thick_barline_are_two_strokes():
    page = _page()
    page[20:160, 100:102] = 0
    page[20:160, 106:111] = 0
    thin, thick = sorted(find_barlines(_mask(page), page), key=lambda v: v.x0)
    assert (round(thin.x0), round(thick.x0, 1)) == (101, 108.5)
    assert thin.thickness < 3 < thick.thickness
    assert thin.y0 < 22 and thin.y1 > 158


def test_ledger_lines_over_each_other_are_two():
    page = _page()
    page[60:62, 100:118] = 0
    page[70:72, 100:118] = 0
    assert sorted(round(v.y0) for v in find_levels(_mask(page), page, least=8)) == [61, 71]


def test_a_slur_has_its_tips_and_its_middle():
    page = _page()
    x = np.linspace(50, 200, 151)
    y = 100 - 20 * np.sin((x - 50) / 150 * np.pi)
    cv2.polylines(page, [np.stack([x, y], 1).round().astype(np.int32)], False, 0, 2)
    (curve,) = find_curves(_mask(page), page)
    assert (curve.x0, curve.x1) == (pytest.approx(50, abs=3), pytest.approx(200, abs=4))
    assert (curve.y0, curve.y1) == (pytest.approx(100, abs=4), pytest.approx(100, abs=4))
    assert curve.mid_y == pytest.approx(80, abs=3)


@pytest.mark.parametrize("side", [1, -1], ids=["over", "under"])
def test_a_slur_and_a_tie_whose_tips_run_together_at_a_head_are_two_curves(side: int):
    page = _page()
    for x0, x1, height in ((50, 150, 20), (150, 180, 6)):
        x = np.linspace(x0, x1, x1 - x0 + 1)
        y = 100 - side * height * np.sin((x - x0) / (x1 - x0) * np.pi)
        cv2.polylines(page, [np.stack([x, y], 1).round().astype(np.int32)], False, 0, 2)
    curves = sorted(find_curves(_mask(page), page), key=lambda c: c.x0)
    assert [(c.x0, c.x1) for c in curves] == [pytest.approx(ends, abs=4) for ends in ((50, 150), (150, 180))]


def test_a_slur_that_swings_to_its_other_side_is_one():
    page = _page()
    x = np.linspace(50, 200, 151)
    y = 100 - 15 * np.sin((x - 50) / 150 * 2 * np.pi)
    cv2.polylines(page, [np.stack([x, y], 1).round().astype(np.int32)], False, 0, 2)
    (curve,) = find_curves(_mask(page), page)
    assert (curve.x0, curve.x1) == (pytest.approx(50, abs=3), pytest.approx(200, abs=4))


def test_the_arms_of_a_hairpin_meet():
    page = _page()
    cv2.line(page, (60, 100), (200, 90), 0, 2)
    cv2.line(page, (60, 100), (200, 110), 0, 2)
    upper, lower = sorted(find_hairpins(_mask(page), page), key=lambda v: v.y1)
    assert abs(upper.y0 - lower.y0) < 4
    assert lower.y1 - upper.y1 == pytest.approx(20, abs=4)


@pytest.mark.parametrize("gap", [0, 4])
def test_a_line_is_dashed_where_its_ink_is_though_its_mask_runs_through(gap: int):
    page = _page()
    page[60:62, 50:250] = 0
    mask = _mask(page)
    for left in range(56, 250, 10):
        page[60:62, left : left + gap] = 255
    (line,) = find_brackets(mask, page)
    assert line.dashed == (gap > 0)


@pytest.mark.parametrize(("seen", "ends"), [((50, 90), (50, 130)), ((90, 130), (50, 130)), ((50, 130), (50, 130))])
def test_a_bracket_is_as_long_as_its_ink_though_a_part_of_it_was_seen(seen, ends):
    page = _page()
    page[60:62, 50:130] = 0
    page[52:62, 50:52] = page[52:62, 128:130] = 0
    mask = np.zeros_like(_mask(page))
    mask[30:31, seen[0] // 2 : seen[1] // 2] = 255
    found = find_brackets(mask, page)
    (level,) = (v for v in found if v.x1 - v.x0 > 10)
    assert (level.x0, level.x1) == pytest.approx(ends, abs=2.5)
    hooks = [v for v in found if v is not level]
    assert [(round(v.y0), round(v.y1)) for v in hooks] == [(52, 62)] * (1 if seen != ends else 0)


def test_a_bracket_does_not_go_on_along_ink_that_is_much_longer():
    page = _page()
    page[60:62, 20:280] = 0
    mask = np.zeros_like(_mask(page))
    mask[30:31, 50:70] = 255
    (level,) = find_brackets(mask, page)
    assert (level.x0, level.x1) == pytest.approx((100, 140), abs=2.5)


def test_a_stem_stands_upright_whatever_stands_beside_one_of_its_ends():
    page = _page()
    page[70:110, 105:107] = 0
    page[60:84, 101:103] = 0  # the right stroke of a natural
    page[106:110, 90:107] = 0  # a beam
    mask = np.zeros((100, 150), np.uint8)
    mask[30:55, 50:54] = 255
    (stem,) = find_stems(mask, page)
    assert (stem.x0, stem.x1) == pytest.approx((106, 106), abs=0.4)


def test_strokes_of_one_stem_that_lie_over_each_other_are_one():
    page = _page()
    page[40:120, 100:102] = 0
    parts = [Line(101, 40, 101, 90, 1.5), Line(101.4, 60, 101.4, 120, 1.5), Line(101, 50, 101, 70, 1.5)]
    (stem,) = joined(parts, page)
    assert (stem.y0, stem.y1) == (40, 120)
