"""What is printed on a page already, as a map of small squares."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import ceil

import numpy as np
import pypdfium2

from renderer_service.annotation.stacks import Box, StaffPlace

SQUARES_PER_SPACE = 8
"""Resolution: squares per staff space. A staff line is one square thick, a stem too."""
MOST_SQUARES = 3000
"""Longest side of a map, for pages with tiny staves."""
PAPER = 0.78
"""Share of the paper's brightness from which on a square counts as paper; what is lighter is texture of a scan."""
LONGEST_STEM = 2000
"""Squares after which a stem is not followed any further."""
BLOCK = 4 * SQUARES_PER_SPACE
"""Side, in squares, of the blocks in each of which the paper's brightness is looked for."""
DEFAULT_SPACE = 5.0


class InkMap:
    """Ink of a page that digits must not touch.

    The map is true where there is ink other than plain staff lines. A digit may stand on a staff line where it has
    to; where lines are is for the placing to know.
    """

    def __init__(self, dark: np.ndarray, width: float, height: float, staves: Sequence[StaffPlace]) -> None:
        """From dark squares of a page of the given size in points; plain staff lines are taken out of them."""
        self.ink = dark.copy()
        self._marked = np.zeros_like(dark)
        self.width, self.height = width, height
        self.per_x: float = dark.shape[1] / width
        self.per_y: float = dark.shape[0] / height
        for staff in staves:
            self._clear_lines(dark, staff)

    def _clear_lines(self, dark: np.ndarray, staff: StaffPlace) -> None:
        """Takes out the staff's lines where nothing else touches them.

        The lines of a scan are not quite level, so each is looked for near its place: per column a run of dark
        squares no thicker than a line.
        """
        thickest = max(2, round(0.3 * staff.space * self.per_y))
        reach = max(2, round(0.3 * staff.space * self.per_y))
        left = max(0, int(staff.box.x0 * self.per_x) - 2)
        right = min(dark.shape[1], int(staff.box.x1 * self.per_x) + 3)
        spacing = (staff.box.y1 - staff.box.y0) / 4
        for line in range(5):
            row = round((staff.box.y0 + line * spacing) * self.per_y)
            top, bottom = max(0, row - reach - thickest), min(dark.shape[0], row + reach + thickest + 1)
            if bottom - top < 3 or right <= left:
                continue
            band = dark[top:bottom, left:right]
            thin = band.sum(axis=0) <= thickest
            # the dark squares of the band are one run that does not reach its edges: a line and nothing else
            edges = band[0] | band[-1]
            starts = (band[1:] & ~band[:-1]).sum(axis=0)
            plain = thin & ~edges & (starts <= 1)
            self.ink[top:bottom, left:right] &= ~(band & plain)

    def columns(self, x: float) -> int:
        """Column of a place in points."""
        return round(x * self.per_x)

    def rows(self, y: float) -> int:
        """Row of a place in points."""
        return round(y * self.per_y)

    def mark(self, box: Box) -> None:
        """Makes a box count as ink."""
        area = self._area(box, 0.0)
        self.ink[area] = True
        self._marked[area] = True

    def is_marked(self, box: Box, margin: float) -> bool:
        """True when something was marked in a box or within `margin` points around it."""
        return bool(self._marked[self._area(box, margin)].any())

    def _area(self, box: Box, margin: float) -> tuple[slice, slice]:
        top, left = (box.y0 - margin) * self.per_y, (box.x0 - margin) * self.per_x
        bottom, right = (box.y1 + margin) * self.per_y, (box.x1 + margin) * self.per_x
        return slice(max(0, int(top)), max(0, ceil(bottom))), slice(max(0, int(left)), max(0, ceil(right)))

    def crosses(self, start: tuple[float, float], end: tuple[float, float]) -> bool:
        """True when there is ink on the straight line between two points."""
        count = max(2, int(max(abs(end[0] - start[0]) * self.per_x, abs(end[1] - start[1]) * self.per_y)))
        columns = np.linspace(start[0] * self.per_x, end[0] * self.per_x, count).astype(int)
        rows = np.linspace(start[1] * self.per_y, end[1] * self.per_y, count).astype(int)
        columns, rows = columns.clip(0, self.ink.shape[1] - 1), rows.clip(0, self.ink.shape[0] - 1)
        return bool(self.ink[rows, columns].any())

    def stem_end(self, head: Box, space: float, up: bool) -> float | None:
        """Where the stem of a notehead ends (beams included), in points; None where no stem is found.

        A stem leaves the head at its right side upwards and at its left side downwards. It is followed square by
        square as long as there is ink.
        """
        x = head.x1 if up else head.x0
        columns = slice(max(0, self.columns(x - 0.3 * space)), self.columns(x + 0.3 * space) + 1)
        start = self.rows((head.y0 + head.y1) / 2 - (0.6 if up else -0.6) * space)
        line = self.ink[start::-1, columns] if up else self.ink[start:, columns]
        line = line[:LONGEST_STEM]
        if not line.size:
            return None
        gap = ~line
        gap[:-1] &= ~line[1:]  # a single blank square does not end a stem
        ends = np.where(gap.any(axis=0), gap.argmax(axis=0), len(line))
        best = int(ends.max())
        length = best / self.per_y
        if length < 1.5 * space:
            return None
        return start / self.per_y - length if up else start / self.per_y + length


class InkWindow:
    """Counts the ink under a box at many places at once."""

    def __init__(
        self, ink: InkMap, tops: np.ndarray, lefts: np.ndarray, width: float, height: float, most: float
    ) -> None:
        """For boxes of one size at every pair of top and left, in points, with a margin of at most `most`."""
        self._ink, self._tops, self._lefts, self._width, self._height = ink, tops, lefts, width, height
        self._row = int(np.floor((tops.min() - most) * ink.per_y))
        self._column = int(np.floor((lefts.min() - most) * ink.per_x))
        rows = ceil((tops.max() + height + most) * ink.per_y) + 2 - self._row
        columns = ceil((lefts.max() + width + most) * ink.per_x) + 2 - self._column
        # the window may reach over the page's edges, where there is no ink (nor paper, but that is for others to know)
        window = np.zeros((rows + 1, columns + 1), dtype=np.int32)
        r0, r1 = max(self._row, 0), min(self._row + rows, ink.ink.shape[0])
        c0, c1 = max(self._column, 0), min(self._column + columns, ink.ink.shape[1])
        if r1 > r0 and c1 > c0:
            inside = window[r0 - self._row + 1 : r1 - self._row + 1, c0 - self._column + 1 : c1 - self._column + 1]
            inside[:] = ink.ink[r0:r1, c0:c1]
        self._sums = window.cumsum(axis=0, dtype=np.int32).cumsum(axis=1, dtype=np.int32)

    def count(self, margin: float) -> np.ndarray:
        """Inked squares within the boxes and `margin` points around them: rows by top, columns by left."""
        ink, sums = self._ink, self._sums
        top = np.floor((self._tops - margin) * ink.per_y).astype(int) - self._row
        left = np.floor((self._lefts - margin) * ink.per_x).astype(int) - self._column
        bottom = top + ceil((self._height + 2 * margin) * ink.per_y)
        right = left + ceil((self._width + 2 * margin) * ink.per_x)
        at_top, at_bottom = sums[top], sums[bottom]
        counted: np.ndarray = at_bottom[:, right] - at_bottom[:, left] - at_top[:, right] + at_top[:, left]
        return counted


def ink_of_page(page: pypdfium2.PdfPage, width: float, height: float, staves: Sequence[StaffPlace]) -> InkMap:
    """The ink map of a PDF page as displayed, `width` by `height` points."""
    spaces = sorted(staff.space for staff in staves) or [DEFAULT_SPACE]
    per_point = SQUARES_PER_SPACE / spaces[len(spaces) // 2]
    shown_width, shown_height = page.get_size()
    per_point = min(per_point * width / shown_width, MOST_SQUARES / max(shown_width, shown_height))
    bitmap = page.render(scale=per_point, grayscale=True)
    grey = np.asarray(bitmap.to_numpy())
    grey = grey[:, :, 0] if grey.ndim == 3 else grey
    return InkMap(grey < PAPER * paper_of(grey), width, height, staves)


def _bright(band: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The brightness that nine in ten squares stay below, of each block of a band of rows between columns `edges`."""
    widths = np.diff(edges)
    level = np.empty(len(widths))
    for width in np.unique(widths):  # blocks of one size at once: asking for each takes longer than the answer
        (which,) = np.nonzero(widths == width)
        columns = edges[:-1][which, None] + np.arange(width)
        blocks = band[:, columns].transpose(1, 0, 2).reshape(len(which), -1)
        position = 0.9 * (blocks.shape[1] - 1)
        below, above = int(position), ceil(position)
        ranked = np.partition(blocks, (below, above), axis=1).astype(float)
        level[which] = ranked[:, below] + (ranked[:, above] - ranked[:, below]) * (position - below)
    return level


def _even(grey: np.ndarray, edges_y: np.ndarray, edges_x: np.ndarray) -> bool:
    """True when `_bright` is the greatest brightness of the page in all blocks: a page drawn on plain paper."""
    bright = np.add.reduceat(
        np.add.reduceat(grey == grey.max(), edges_y[:-1], axis=0, dtype=np.int32), edges_x[:-1], axis=1
    )
    squares = np.outer(np.diff(edges_y), np.diff(edges_x))
    return bool((bright >= squares - (0.9 * (squares - 1)).astype(int)).all())


def paper_of(grey: np.ndarray) -> np.ndarray:
    """How bright the paper is at each square: yellow paper and the shadows of a photograph are not white.

    The brightness that nine in ten squares of a block stay below, and that of its brightest neighbour where ink fills
    the block; between the middles of blocks it changes evenly.

    Args:
        grey: Brightness of each square, rows by columns, 0 black to 255 white.

    Returns:
        An array of the same shape, or of one square where the paper is everywhere as bright as its brightest.
    """
    rows, columns = (max(1, size // BLOCK) for size in grey.shape)
    edges_y, edges_x = (
        np.linspace(0, size, n + 1).astype(int) for size, n in zip(grey.shape, (rows, columns), strict=True)
    )
    if _even(grey, edges_y, edges_x):
        return np.full((1, 1), float(grey.max()))
    level = np.stack([_bright(grey[y0:y1], edges_x) for y0, y1 in pairwise(edges_y)])
    framed = np.pad(level, 1, mode="edge")
    level = np.maximum.reduce([framed[y : y + rows, x : x + columns] for y in range(3) for x in range(3)])
    across = np.array([np.interp(np.arange(grey.shape[1]), (edges_x[1:] + edges_x[:-1]) / 2, row) for row in level])
    middles = (edges_y[1:] + edges_y[:-1]) / 2
    position = np.clip(np.searchsorted(middles, np.arange(grey.shape[0])) - 1, 0, max(rows - 2, 0))
    if rows == 1:
        return np.broadcast_to(across, grey.shape)
    part = np.clip((np.arange(grey.shape[0]) - middles[position]) / (middles[position + 1] - middles[position]), 0, 1)
    even: np.ndarray = across[position] * (1 - part)[:, None] + across[position + 1] * part[:, None]
    return even
