"""What is printed on a page already, as a map of small squares."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pypdfium2

from renderer_service.annotation.stacks import Box, StaffPlace

SQUARES_PER_SPACE = 8
"""Resolution: squares per staff space. A staff line is one square thick, a stem too."""
MOST_SQUARES = 3000
"""Longest side of a map, for pages with tiny staves."""
PAPER = 200
"""Grey from which on a square counts as paper; what is lighter than this is texture of a scan."""
DEFAULT_SPACE = 5.0


class InkMap:
    """Ink of a page that digits must not touch.

    The map is true where there is ink other than plain staff lines. A digit may stand on a staff line where it has
    to; where lines are is for the placing to know.
    """

    def __init__(self, dark: np.ndarray, width: float, height: float, staves: Sequence[StaffPlace]) -> None:
        """From dark squares of a page of the given size in points; plain staff lines are taken out of them."""
        self.ink = dark.copy()
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

    def mark(self, box: Box, margin: float = 0.0) -> None:
        """Makes a box count as ink."""
        self.ink[
            max(0, int((box.y0 - margin) * self.per_y)) : max(0, int(np.ceil((box.y1 + margin) * self.per_y))),
            max(0, int((box.x0 - margin) * self.per_x)) : max(0, int(np.ceil((box.x1 + margin) * self.per_x))),
        ] = True

    def stem_end(self, head: Box, space: float, up: bool) -> float | None:
        """Where the stem of a notehead ends (beams included), in points; None where no stem is found.

        A stem leaves the head at its right side upwards and at its left side downwards. It is followed square by
        square as long as there is ink.
        """
        x = head.x1 if up else head.x0
        columns = range(
            max(0, self.columns(x - 0.3 * space)), min(self.ink.shape[1], self.columns(x + 0.3 * space) + 1)
        )
        start = self.rows((head.y0 + head.y1) / 2 - (0.6 if up else -0.6) * space)
        best = 0
        for column in columns:
            line = self.ink[start::-1, column] if up else self.ink[start:, column]
            gap = np.flatnonzero(~line[:2000] & ~np.append(line[1:2000], False)[: len(line[:2000])])
            run = int(gap[0]) if len(gap) else len(line)
            best = max(best, run)
        length = best / self.per_y
        if length < 1.5 * space:
            return None
        return start / self.per_y - length if up else start / self.per_y + length


def ink_of_page(page: pypdfium2.PdfPage, width: float, height: float, staves: Sequence[StaffPlace]) -> InkMap:
    """The ink map of a PDF page as displayed, `width` by `height` points."""
    spaces = sorted(staff.space for staff in staves) or [DEFAULT_SPACE]
    per_point = SQUARES_PER_SPACE / spaces[len(spaces) // 2]
    shown_width, shown_height = page.get_size()
    per_point = min(per_point * width / shown_width, MOST_SQUARES / max(shown_width, shown_height))
    bitmap = page.render(scale=per_point, grayscale=True)
    grey = np.asarray(bitmap.to_numpy())
    grey = grey[:, :, 0] if grey.ndim == 3 else grey
    return InkMap(grey < PAPER, width, height, staves)
