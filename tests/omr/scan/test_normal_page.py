from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from omr_service.scan.ink import even_out, line_metrics, without_borders, without_specks
from omr_service.scan.normal_page import NormalPage, normal_page
from omr_service.scan.paper import corners_of, straight_view, without_table
from omr_service.scan.staff_evidence import SPACE
from tests.omr.scan.drawn import bent, browned, image, photographed, screened, shaded, staves_page, turned


def _straight(page: NormalPage) -> float:
    """The greatest distance, in pixels, of a staff line seen in the normal page from where it should be."""
    dark = 255.0 - page.pixels
    worst = 0.0
    for staff in page.staves:
        for expected in staff.lines:
            rows = np.arange(round(expected) - 3, round(expected) + 3)
            window = dark[rows, int(staff.x0) + 20 : int(staff.x1) - 20]
            sums = window.sum(0)
            # only where the line stands free: noteheads and stems have more ink
            free = (sums > 80) & (sums < 800) & (window[0] < 30) & (window[-1] < 30)
            middles = (window * (rows + 0.5)[:, None]).sum(0)[free] / sums[free]
            worst = max(worst, float(np.percentile(np.abs(middles - expected), 90)))
    return worst


@pytest.mark.parametrize(
    ("name", "page", "count"),
    [
        ("plain", staves_page(), 8),
        ("broken lines", staves_page(broken=0.45), 8),
        ("skewed", turned(staves_page(), 3.0), 8),
        ("bent at the spine", bent(staves_page(), 45.0), 8),
        ("photographed", photographed(staves_page()), 8),
        ("photographed, half in shadow", shaded(photographed(staves_page())), 8),
        ("photographed from too near", shaded(photographed(staves_page()))[180:, 60:1900].copy(), 8),
        ("in dots of ink", screened(staves_page()), 8),
        ("brown", browned(staves_page()), 8),
        ("half the resolution", cv2.resize(staves_page(), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), 8),
        ("pale", (255 - (255 - staves_page()) // 6).astype(np.uint8), 8),
        ("white on black", (255 - staves_page()).astype(np.uint8), 8),
        ("coarse", cv2.resize(staves_page(), None, fx=0.28, fy=0.28, interpolation=cv2.INTER_AREA), 8),
        ("on its side", np.rot90(staves_page()).copy(), 8),
        ("spread", np.concatenate([staves_page(count=6), staves_page(count=8, seed=1)], axis=1), 14),
    ],
)
def test_staves_of_any_page_are_found_and_straightened(name: str, page: NDArray[np.uint8], count: int) -> None:
    normal = normal_page(image(page))
    assert normal is not None, name
    assert len(normal.staves) == count
    assert _straight(normal) < (1.2 if "photographed" in name else 0.5)


def test_a_beam_along_a_staff_is_not_taken_for_its_sixth_line() -> None:
    page = staves_page()
    # where a sixth line would be, as dark as the others and from a quarter of the staff on
    y = round(200 + 2200 / 8 + 5 * 18)
    page[y - 1 : y + 4, 600:1850] = 0
    normal = normal_page(image(page))
    assert normal is not None
    assert len(normal.staves) == 8
    assert _straight(normal) < 1.2
    first, second = normal.staves[:2]
    assert second.middle - first.middle == pytest.approx(2200 / 8 * SPACE / 18, abs=1.0)


@pytest.mark.parametrize(("grey", "x0"), [(180, 150), (190, 1000)])
def test_a_staff_that_is_printed_faint_is_found_to_its_end(grey: int, x0: int) -> None:
    page = staves_page()
    for k in range(5):
        y = round(200 + 2 * 2200 / 8 + 18 * k)
        page[y : y + 3, x0:1850] = np.maximum(page[y : y + 3, x0:1850], grey)
    normal = normal_page(image(page))
    assert normal is not None
    assert len(normal.staves) == 8
    assert normal.staves[2].x1 == pytest.approx(normal.staves[3].x1, abs=3 * SPACE)


@pytest.mark.parametrize("faint", [(2,), (2, 3), (6, 7)])
def test_staves_whose_ends_are_faint_end_with_the_others(faint: tuple[int, ...]) -> None:
    page = staves_page()
    for staff in faint:
        y = round(200 + staff * 2200 / 8)
        page[y - 20 : y + 95, 1500:1850] = np.maximum(page[y - 20 : y + 95, 1500:1850], 185)
    normal = normal_page(image(page))
    assert normal is not None
    assert len(normal.staves) == 8
    assert [s.x1 for s in normal.staves] == pytest.approx([normal.staves[0].x1] * 8, abs=3 * SPACE)


@pytest.mark.parametrize("x0", [150, 1000])
def test_a_staff_that_is_meant_to_be_smaller_stays_smaller(x0: int) -> None:
    page = staves_page()
    for k in range(5):
        y = round(620 + 0.7 * 18 * k)
        page[y : y + 2, x0:1850] = 0
    normal = normal_page(image(page))
    assert normal is not None
    assert [round(staff.size, 1) for staff in normal.staves] == [1.0, 1.0, 0.7, *[1.0] * 6]
    assert _straight(normal) < 1.2


@pytest.mark.parametrize("examples", [((560, 950), (980, 1440)), ((700, 950), (1140, 1400), (1630, 1850))])
def test_examples_in_a_footnote_are_no_staff(examples: tuple[tuple[int, int], ...]) -> None:
    page = staves_page()
    for k in range(5):
        y = 2400 + 18 * k
        for x0, x1 in examples:
            page[y : y + 3, x0:x1] = 0
    normal = normal_page(image(page))
    assert normal is not None
    assert len(normal.staves) == 8


@pytest.mark.parametrize("degrees", [0, 2])
def test_the_grid_leads_back_to_the_page(degrees: int) -> None:
    drawn = staves_page(left=150, count=8)
    normal = normal_page(image(turned(drawn, degrees)))
    assert normal is not None
    staff = normal.staves[2]
    x, y = normal.place(staff.x0, staff.middle - 2 * SPACE)
    back = cv2.getRotationMatrix2D((1000, 1300), degrees, 1.0) @ np.array([150, 200 + 2 * 2200 / 8 + 1.5, 1])
    assert x == pytest.approx(back[0] * 0.24, abs=1.2)
    assert y == pytest.approx(back[1] * 0.24, abs=0.4)


def test_a_page_on_its_side_leads_back_to_where_it_lay() -> None:
    drawn = staves_page()
    normal = normal_page(image(np.rot90(drawn).copy()))
    assert normal is not None
    assert normal.turned == 90
    # np.rot90 turned it anticlockwise: set upright, it is as it was drawn
    x, y = normal.place(normal.staves[0].x0, normal.staves[0].middle)
    assert x == pytest.approx(150 * 0.24, abs=1.2)
    assert y == pytest.approx((200 + 2 * 18 + 1.5) * 0.24, abs=0.6)


@pytest.mark.parametrize("quarters", [0, 1])
def test_a_sheet_photographed_from_an_angle_leads_back_to_the_photograph(quarters: int) -> None:
    seen = photographed(staves_page(left=150))
    normal = normal_page(image(np.rot90(seen, quarters).copy()))
    assert normal is not None
    x, y = normal.place(normal.staves[0].x0, normal.staves[0].middle)
    corners = np.array([[0, 0], [2000, 0], [0, 2600], [2000, 2600]], np.float32)
    shown = np.array([[180, 156], [1800, 78], [40, 2470], [1960, 2522]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, shown)
    back = matrix @ np.array([150, 200 + 2 * 18 + 1.5, 1])
    assert x == pytest.approx(back[0] / back[2] * 0.24, abs=1.5)
    assert y == pytest.approx(back[1] / back[2] * 0.24, abs=1.0)


def test_a_sheet_is_looked_at_from_above_only_where_it_was_seen_from_an_angle() -> None:
    corners = corners_of(photographed(staves_page()))
    assert corners is not None
    assert straight_view(corners) is not None
    assert corners_of(staves_page()) is None
    scanned = np.full((3000, 2400), 30, np.uint8)
    scanned[200:2800, 200:2200] = staves_page()
    corners = corners_of(scanned)
    assert corners is None or straight_view(corners) is None


def test_a_dark_table_goes_white_whatever_its_grain_and_another_sheet_on_it_stays() -> None:
    grain = cv2.resize(np.random.default_rng(1).normal(0, 1, (425, 20)), (2600, 3400), interpolation=cv2.INTER_CUBIC)
    seen = np.clip(14 + 9 * grain, 0, 255).astype(np.uint8)
    seen[700:2650, 200:1700] = (staves_page(width=1500, height=1950, space=13.0, left=110) * 0.8).astype(np.uint8)
    seen[900:2000, 1900:2500] = 190
    corners = corners_of(seen)
    assert corners is not None
    clean = even_out(seen)
    alone = without_table(clean, seen, corners)
    assert (clean[50:600] < 128).mean() > 0.2
    assert (alone[50:600] == 255).all()
    assert (alone[720:2630, 220:1680] == clean[720:2630, 220:1680]).all()
    assert (alone[920:1980, 1920:2480] == clean[920:1980, 1920:2480]).all()


@pytest.mark.parametrize("page", [np.full((2000, 1500), 255, np.uint8), np.full((2000, 1500), 130, np.uint8)])
def test_a_blank_page_has_no_staves(page: NDArray[np.uint8]) -> None:
    assert normal_page(image(page)) is None


def test_the_space_of_the_lines_is_measured() -> None:
    (metrics,) = line_metrics(staves_page(space=23.0))
    assert metrics.space == pytest.approx(23.0, abs=0.3)
    assert metrics.thickness == pytest.approx(3.0, abs=0.5)


def test_uneven_light_is_evened_and_the_table_around_the_page_goes_white() -> None:
    seen = photographed(staves_page())
    clean = without_borders(even_out(seen))
    assert float(np.median(clean[5])) > 240
    # paper in the deepest shadow is as white as in the light
    assert float(np.percentile(clean[1200:1400, 300:1700], 60)) > 235


@pytest.mark.parametrize(("specks", "left"), [(30, 30), (1500, 0)], ids=["few", "strewn"])
def test_a_page_strewn_with_specks_loses_them_and_no_dots(specks: int, left: int) -> None:
    page = np.full((600, 800), 255, np.uint8)
    places = [(x, y) for y in range(10, 590, 12) for x in range(10, 790, 12)]
    rng = np.random.default_rng(1)
    for at in rng.permutation(len(places))[:specks]:
        x, y = places[at]
        page[y : y + 3, x : x + 2] = 0
    dots = np.zeros_like(page)
    for x in range(14, 780, 40):
        page[292:302, x - 6 : x + 10] = 255
        dots[295:299, x : x + 4] = 1
    page[dots > 0] = 0
    clean = without_specks(page, SPACE)
    count, _ = cv2.connectedComponents((clean == 0).astype(np.uint8))
    assert np.all(clean[dots > 0] == 0)
    assert (count - 1 > left) if left else (count - 1 == 20)
