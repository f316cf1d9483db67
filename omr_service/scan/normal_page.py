"""The normal page: upright, its staves straight and level, its staff space ten pixels; and the way back."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from omr_service.scan.images import PageImage
from omr_service.scan.ink import PAPER, Grey, as_grey, even_out, line_metrics, resized, without_borders, without_specks
from omr_service.scan.paper import corners_of, seen_straight, straight_view, without_table
from omr_service.scan.staff_evidence import SPACE, Floats, columns_of, skew_of, thin_lines
from omr_service.scan.staff_fit import TracedStaff, size_of, usual_space
from omr_service.scan.staves import find_staves, gutter_of

GRID = 8
"""Pixels of a normal page between the nodes of its grid."""
MOST_NORMAL_PIXELS = 16_000_000
"""A normal page is not made larger than this: what asks for more has no music in it."""
_CLEAR = 1.25
_SPREAD_SIDES = 1.15
_MARGIN = 3.0
_DARK = 128
"""Brightness in the middle of a page under which it may be white on black."""
_SMALL = 1600
"""Longer side, in pixels, of a picture that may show more when it is looked at larger."""
_LEAST_SPACE = 4.2
"""Staff space, in pixels of the picture as it came, under which heads and lines run into each other."""


@dataclass(frozen=True, slots=True)
class NormalStaff:
    """A staff of a normal page; its lines are level and ten pixels apart, or less where it is meant to be smaller.

    Attributes:
        x0, x1: Left and right end in pixels.
        middle: Height of its middle line in pixels.
        evidence: How well its lines are seen, 0 to 1.
        size: Its staff space in parts of `SPACE`.
    """

    x0: float
    x1: float
    middle: float
    evidence: float
    size: float = 1.0

    @property
    def space(self) -> float:
        """Distance between its lines in pixels."""
        return self.size * SPACE

    @property
    def lines(self) -> tuple[float, ...]:
        """Heights of its five lines in pixels, top to bottom."""
        return tuple(self.middle + k * self.space for k in (-2, -1, 0, 1, 2))


@dataclass(frozen=True, slots=True)
class NormalPage:
    """A page brought to a fixed staff space.

    Attributes:
        pixels: Brightness, 0 black to 255 white; the staff space is `SPACE`.
        staves: Its staves, top to bottom.
        grid: Where on the page set upright every `GRID`-th pixel comes from: rows, columns, (x, y) in points.
        points_per_pixel: Points of the page in a pixel, on the average.
        turned: Degrees, clockwise, that the page had to be turned by to stand upright.
    """

    pixels: Grey
    staves: tuple[NormalStaff, ...]
    grid: Floats
    points_per_pixel: float
    turned: int = 0

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Where on the page set upright, in points, a pixel of the normal page is."""
        rows, columns, _ = self.grid.shape
        across, down = x / GRID, y / GRID
        i = min(max(int(down), 0), rows - 2)
        j = min(max(int(across), 0), columns - 2)
        u, v = across - j, down - i
        at = (1 - v) * ((1 - u) * self.grid[i, j] + u * self.grid[i, j + 1])
        at = at + v * ((1 - u) * self.grid[i + 1, j] + u * self.grid[i + 1, j + 1])
        return float(at[0]), float(at[1])


@dataclass(frozen=True, slots=True)
class _Work:
    """A page at the staff space the staves are looked for at, its lines level.

    Attributes:
        grey: The picture.
        back: From its pixels to those of the page's own picture, as a 3 x 3 matrix.
    """

    grey: Grey
    back: Floats


def normal_page(image: PageImage, turned: int = 0) -> NormalPage | None:
    """Returns a page straightened; None where it has no staves.

    A page that lies on its side is turned, one photographed from an angle is seen from above; a spread of two pages
    becomes one page, the left above the right. Where no staves are seen, a dark page is taken for white on black, and a
    small picture is looked at larger.

    Args:
        image: The page.
        turned: Degrees, clockwise, to turn the page by first.
    """
    page = _normal_page(image, turned)
    if page is None and float(np.median(image.grey)) < _DARK:
        image = replace(image, grey=as_grey(PAPER - image.grey))
        page = _normal_page(image, turned)
    if page is None and max(image.grey.shape) < _SMALL:
        page = _normal_page(replace(image, grey=resized(image.grey, 2.0)), turned)
        if page is not None and SPACE * page.points_per_pixel / image.points_per_pixel[0] < _LEAST_SPACE:
            return None
    return page


def _normal_page(image: PageImage, turned: int) -> NormalPage | None:
    clean = without_borders(even_out(image.grey))
    corners = corners_of(image.grey)
    if corners is not None:
        sheet, view = without_table(clean, image.grey, corners), straight_view(corners)
        if view is None:
            page = _normal_page_of(image, sheet, np.eye(3), turned)
        else:
            page = _normal_page_of(image, seen_straight(sheet, view), np.linalg.inv(view), turned)
        if page is not None:
            return page
    return _normal_page_of(image, clean, np.eye(3), turned)


def _normal_page_of(image: PageImage, clean: Grey, to_picture: Floats, turned: int) -> NormalPage | None:
    """The normal page of a cleaned picture, of which a matrix says where its pixels lie on the picture as it came."""
    for quarter in (0, 90) if turned == 0 else (turned,):
        grey = _turned(clean, quarter)
        found = _staves_of(grey)
        if found is not None:
            work, staves = found
            to_points = _upright_points(image, quarter) @ _conjugated(to_picture, image.grey.shape, quarter)
            sides = _sides(work, staves)
            pages = [_straightened(grey, work, side, span, to_points) for side, span in sides]
            page = _stacked(pages)
            return replace(page, pixels=without_specks(page.pixels, SPACE), turned=quarter)
    return None


def _turned(grey: Grey, degrees: int) -> Grey:
    return np.ascontiguousarray(np.rot90(grey, k=-(degrees // 90)))


def _upright_points(image: PageImage, degrees: int) -> Floats:
    """From the pixels of a turned picture to points of the page set upright."""
    across, down = image.points_per_pixel
    if degrees % 180:
        across, down = down, across
    return np.diag([across, down, 1.0])


def _conjugated(matrix: Floats, shape: tuple[int, ...], degrees: int) -> Floats:
    """What a map between pictures is between the same pictures turned."""
    turn = _turn(shape, degrees)
    result: Floats = turn @ matrix @ np.linalg.inv(turn)
    return result


def _turn(shape: tuple[int, ...], degrees: int) -> Floats:
    """From the pixels of a picture of this shape to those of the picture turned clockwise."""
    rows, columns = shape[:2]
    turns = {
        0: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
        90: [[0.0, -1.0, rows], [1.0, 0.0, 0.0]],
        180: [[-1.0, 0.0, columns], [0.0, -1.0, rows]],
        270: [[0.0, 1.0, 0.0], [-1.0, 0.0, columns]],
    }
    return np.array([*turns[degrees], [0.0, 0.0, 1.0]])


def _staves_of(grey: Grey) -> tuple[_Work, list[TracedStaff]] | None:
    """The staves of an upright picture; None where there are none."""
    for metrics in line_metrics(grey):
        factor = SPACE / metrics.space
        if grey.size * factor * factor <= MOST_NORMAL_PIXELS:
            found = _staves_spaced(grey, factor)
            if found is not None:
                return found
    return None


def _staves_spaced(grey: Grey, factor: float) -> tuple[_Work, list[TracedStaff]] | None:
    """The staves of an upright picture whose staff space, made larger by a factor, is `SPACE`."""
    small = resized(grey, factor)
    slope, clear = skew_of(columns_of(thin_lines(small)))
    if clear < _CLEAR:
        return None
    work = _levelled(small, slope, np.diag([grey.shape[1] / small.shape[1], grey.shape[0] / small.shape[0], 1.0]))
    staves = find_staves(work.grey)
    upright = _upright(work, staves)
    if upright is not None:
        work = upright
        staves = find_staves(work.grey)
    return (work, staves) if staves else None


def _levelled(small: Grey, slope: float, scale: Floats) -> _Work:
    """A picture turned so that its lines are level, with the corners that sticks out kept."""
    height, width = small.shape
    angle = np.arctan(slope)
    turn = np.eye(3)
    turn[:2] = cv2.getRotationMatrix2D((width / 2, height / 2), float(np.degrees(angle)), 1.0)
    corners = turn @ np.array([[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1]], float)
    low = np.floor(corners[:2].min(1))
    turn[:2, 2] -= low
    size = np.ceil(corners[:2].max(1) - low).astype(int)
    grey = cv2.warpAffine(small, turn[:2], (int(size[0]), int(size[1])), flags=cv2.INTER_LINEAR, borderValue=PAPER)
    return _Work(as_grey(grey), scale @ np.linalg.inv(turn))


def _upright(work: _Work, staves: list[TracedStaff]) -> _Work | None:
    """A photograph taken from an angle with the perspective taken out, told by the ends of the staves; None where the
    ends stand upright as they are, or tell nothing."""
    if len(staves) < 4:
        return None
    heights = np.array([float(s.middle.mean()) for s in staves])
    if heights.max() - heights.min() < 30 * SPACE:
        return None
    left = _edge(heights, np.array([s.x0 for s in staves]))
    right = _edge(heights, np.array([s.x1 for s in staves]))
    if left is None or right is None or max(abs(left[0]), abs(right[0]), abs(left[0] - right[0])) < 0.008:
        return None
    top, bottom = staves[int(heights.argmin())], staves[int(heights.argmax())]
    corners = []
    for staff in (top, bottom):
        for slope, start in (left, right):
            y = float(staff.middle.mean())
            for _ in range(3):
                x = slope * y + start
                y = staff.at(x)[0]
            corners.append((x, y))
    source = np.array(corners, np.float32)
    width = (source[1, 0] - source[0, 0] + source[3, 0] - source[2, 0]) / 2
    height = (source[2, 1] + source[3, 1] - source[0, 1] - source[1, 1]) / 2
    x0, y0 = (source[0, 0] + source[2, 0]) / 2, (source[0, 1] + source[1, 1]) / 2
    target = np.array(
        [[x0, y0], [x0 + width, y0], [x0, y0 + height], [x0 + width, y0 + height]],
        np.float32,
    )
    matrix = cv2.getPerspectiveTransform(source, target).astype(np.float64)
    rows, columns = work.grey.shape
    grey = cv2.warpPerspective(work.grey, matrix, (columns, rows), flags=cv2.INTER_LINEAR, borderValue=PAPER)
    return _Work(as_grey(grey), work.back @ np.linalg.inv(matrix))


def _edge(heights: Floats, ends: Floats) -> tuple[float, float] | None:
    """Slope and start of the line x(y) that most staves end at; None where fewer than two thirds do."""
    best: tuple[int, float, float] | None = None
    for i in range(len(ends)):
        for j in range(i + 1, len(ends)):
            if abs(heights[j] - heights[i]) < 10 * SPACE:
                continue
            slope = (ends[j] - ends[i]) / (heights[j] - heights[i])
            if abs(slope) > 0.35:
                continue
            start = ends[i] - slope * heights[i]
            near = np.abs(ends - slope * heights - start) < 0.6 * SPACE
            if best is None or near.sum() > best[0]:
                fit = np.polyfit(heights[near], ends[near], 1)
                best = (int(near.sum()), float(fit[0]), float(fit[1]))
    if best is None or best[0] < max(3, 2 * len(ends) / 3):
        return None
    return best[1], best[2]


def _sides(work: _Work, staves: list[TracedStaff]) -> list[tuple[list[TracedStaff], tuple[float, float]]]:
    """The pages of a picture, left to right: staves of each and the span across that is its own.

    A picture that is wider than high has two pages where its staves leave a gutter free near its middle.
    """
    height, width = work.grey.shape
    cut = gutter_of(work.grey) if width > _SPREAD_SIDES * height and len(staves) > 1 else None
    if cut is not None:
        left = find_staves(work.grey[:, : int(cut)])
        right = [s.moved(int(cut)) for s in find_staves(work.grey[:, int(cut) :])]
        if left and right:
            return [(left, (0.0, cut)), (right, (cut, float(width)))]
    return [(staves, (0.0, float(width)))]


def _rows(staves: list[TracedStaff], xs: Floats) -> list[tuple[Floats, Floats]]:
    """Middle line and space of each row of staves at some places; staves beside each other are one row."""
    rows: list[list[TracedStaff]] = []
    for staff in sorted(staves, key=lambda s: float(s.middle.mean())):
        if rows and abs(float(rows[-1][-1].middle.mean()) - float(staff.middle.mean())) < 4 * SPACE:
            rows[-1].append(staff)
        else:
            rows.append([staff])
    result = []
    for row in rows:
        row.sort(key=lambda s: s.x0)
        at = np.concatenate([s.xs for s in row])
        order = np.argsort(at, kind="stable")
        middle = np.concatenate([s.middle for s in row])[order]
        space = np.concatenate([s.space for s in row])[order]
        result.append((np.interp(xs, at[order], middle), np.interp(xs, at[order], space)))
    return result


def _straightened(
    grey: Grey,
    work: _Work,
    staves: list[TracedStaff],
    span: tuple[float, float],
    to_points: Floats,
) -> NormalPage:
    """The part of a picture between two places across, bent so that its staves are straight and level."""
    height = work.grey.shape[0]
    usual = usual_space(staves)
    scale = SPACE / usual
    columns = int(np.ceil((span[1] - span[0]) * scale / GRID)) + 1
    rows = int(np.ceil(height * scale / GRID)) + 1
    xs = span[0] + np.arange(columns) * GRID / scale
    lines = _rows(staves, xs)
    targets = [float(middle.mean()) * scale for middle, _ in lines]
    sizes = [size_of(float(space.mean()), usual) for _, space in lines]
    down = np.zeros((rows, columns))
    nodes = np.arange(rows) * float(GRID)
    reach = [_MARGIN] * len(lines)
    for i in range(len(lines) - 1):
        free = (targets[i + 1] - targets[i]) / SPACE / 2 - 0.2
        reach[i], reach[i + 1] = min(reach[i], free), min(reach[i + 1], free)
    for j in range(columns):
        at: list[float] = []
        y: list[float] = []
        for (middle, space), target, size, margin in zip(lines, targets, sizes, reach, strict=True):
            at += [target - margin * size * SPACE, target + margin * size * SPACE]
            y += [middle[j] - margin * space[j], middle[j] + margin * space[j]]
        at = [at[0] - 1e5, *at, at[-1] + 1e5]
        y = [y[0] - 1e5 / scale, *y, y[-1] + 1e5 / scale]
        down[:, j] = np.interp(nodes, at, y)
    points = np.stack([np.broadcast_to(xs[None, :], down.shape), down, np.ones_like(down)])
    source = np.einsum("ij,jrc->irc", work.back, points)
    source = source[:2] / source[2]
    pixels = _sampled(grey, source, usual * float(np.sqrt(abs(np.linalg.det(work.back[:2, :2])))))
    placed = np.einsum("ij,jrc->irc", to_points, np.concatenate([source, np.ones((1, rows, columns))]))
    placed = placed[:2] / placed[2]
    found = []
    for staff in staves:
        # the row a staff is in is the one nearest to it
        k = min(range(len(lines)), key=lambda i: abs(targets[i] - float(staff.middle.mean()) * scale))
        x0, x1 = (staff.x0 - span[0]) * scale, (staff.x1 - span[0]) * scale
        found.append(NormalStaff(x0, x1, targets[k], staff.evidence, sizes[k]))
    step = np.linalg.norm(placed[:, :, -1] - placed[:, :, 0], axis=0).mean() / ((columns - 1) * GRID)
    grid = np.ascontiguousarray(np.moveaxis(placed, 0, -1)).astype(np.float32)
    return NormalPage(pixels, tuple(sorted(found, key=lambda s: (s.middle, s.x0))), grid, float(step))


def _sampled(grey: Grey, source: Floats, space: float) -> Grey:
    """The picture as the grid of pixels it comes from says.

    Sampled at twice the size and brought down, so that thin lines keep their weight.

    Args:
        grey: The picture.
        source: Its pixels at the nodes of the grid: (x, y) by rows by columns.
        space: Staff space of the picture in its own pixels.
    """
    shrink = min(1.0, 2.2 * SPACE / space)
    small = grey if shrink == 1.0 else resized(grey, shrink)
    ratio = np.array([small.shape[1] / grey.shape[1], small.shape[0] / grey.shape[0]])
    # places count from the edge of the picture, OpenCV's from the middle of its first pixel
    maps = [_between(source[k] * ratio[k] - 0.5, 2 * GRID) for k in (0, 1)]
    large = cv2.remap(small, maps[0], maps[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=PAPER)
    return resized(as_grey(large), 0.5)


def _between(nodes: Floats, step: int) -> NDArray[np.float32]:
    """What lies between the nodes of a grid, at the middles of pixels of which so many lie from node to node."""
    rows, columns = nodes.shape
    # OpenCV takes nodes for the middles of pixels: half a step to either side lies beyond the first and the last
    large = cv2.resize(nodes.astype(np.float32), (columns * step, rows * step), interpolation=cv2.INTER_LINEAR)
    half = step // 2
    return np.asarray(large[half : half + (rows - 1) * step, half : half + (columns - 1) * step], np.float32)


def _stacked(pages: list[NormalPage]) -> NormalPage:
    """Pages one under the other as one."""
    if len(pages) == 1:
        return pages[0]
    columns = max(p.grid.shape[1] for p in pages)
    pixels, grids, staves = [], [], []
    top = 0.0
    for page in pages:
        missing = columns - page.grid.shape[1]
        step = page.grid[:, -1:] - page.grid[:, -2:-1]
        more = page.grid[:, -1:] + step * np.arange(1, missing + 1, dtype=np.float32)[None, :, None]
        grid = np.concatenate([page.grid, more], axis=1)
        # one row of nodes for the rows of pixels between the last of this page and the first of the next
        grids.append(grid if page is pages[-1] else grid[:-1])
        white = np.full((page.pixels.shape[0], missing * GRID), PAPER, np.uint8)
        pixels.append(np.concatenate([page.pixels, white], axis=1))
        staves += [replace(s, middle=s.middle + top) for s in page.staves]
        top += page.pixels.shape[0]
    scale = float(np.mean([p.points_per_pixel for p in pages]))
    return NormalPage(np.concatenate(pixels), tuple(staves), np.concatenate(grids), scale)
