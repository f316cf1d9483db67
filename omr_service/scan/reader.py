"""The scan reader's face: a picture of a page in, its symbols and the way back to the picture out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from omr_service.scan.bar_repeats import find_bar_repeats, without_bar_repeats
from omr_service.scan.detector import Detections, Detector
from omr_service.scan.dots import parted_dots
from omr_service.scan.glyphs import glyphs_of
from omr_service.scan.images import PageImage
from omr_service.scan.joining import page_symbols
from omr_service.scan.normal_page import NormalPage, NormalStaff, normal_page
from omr_service.scan.octave_dashes import told_by_dashes
from omr_service.scan.placing import Placement
from omr_service.scan.small_staves import small_staves
from omr_service.scan.staff_evidence import SPACE
from omr_service.scan.tablature import is_tablature
from omr_service.scan.vocabulary import MASK_STRIDE
from omr_service.symbols import PageSymbols

_AROUND = (16.0, 8.0, 16.0, 5.0)
"""Staff spaces over, left of, under and right of the staves of a page that are looked at: what is further off (titles,
footnotes, the table) is not music."""
_CLEF_REACH = 8.0
_SURE = 0.4
_CLEF_LINES = {"gClef": 1, "fClef": -1}
"""The line, counted from the middle one down, that a clef stands on."""
_NEAR = 0.35
"""Staff spaces by which a clef is found off its line at most."""
_MOST_OFF = 2
"""Lines by which a staff is found off its place at most."""
_FEW = 0.4
"""Share of staves with a clef at their left end under which a page may lie upside down."""
_LINES, _SEEN = 0.5, 127
"""Share of its lines that the detector sees (255 is certain) on a staff at least: rows of text stand evenly, too."""
_FIVE = (-2, -1, 0, 1, 2)
_MISSING = 0.2
"""Share of an outer line up to which there is none."""


@dataclass(frozen=True, slots=True)
class ScanPage:
    """A page as it was read.

    Attributes:
        symbols: What is on it, in points of the straightened page.
        placement: Where the straightened page lies on the page set upright.
    """

    symbols: PageSymbols
    placement: Placement


def read_scan(image: PageImage, page_number: int, detector: Detector | None = None) -> ScanPage | None:
    """Returns the symbols of a picture of a page; None where it shows no staves of music.

    Args:
        image: The picture.
        page_number: From 1.
        detector: The detector; None for the one that is shipped.
    """
    detector = detector or Detector.load(threads=1)
    page = normal_page(image)
    if page is None:
        return None
    found = detector.detect(page.pixels, _around(page))
    clefs = _clef_share(page, found)
    if clefs < _FEW:
        other = normal_page(image, (page.turned + 180) % 360)
        if other is not None:
            seen = detector.detect(other.pixels, _around(other))
            if _clef_share(other, seen) > max(2 * clefs, _FEW):
                page, found = other, seen
    begun = _begun_by_clefs(page, found)
    if is_tablature(replace(page, staves=tuple(s for s, clef in zip(page.staves, begun, strict=True) if not clef))):
        return None
    if _is_chant(page, found):
        return None
    staves = tuple(_told_by_clefs(s, found) for s in page.staves if _line_share(s, found, _FIVE) > _LINES)
    few = 2 * len(staves) < len(page.staves)
    page = replace(page, staves=staves)
    if not staves or (few and not _clef_share(page, found)):
        return None
    page = replace(page, staves=tuple(sorted((*staves, *small_staves(page, found)), key=lambda s: (s.middle, s.x0))))
    repeats = find_bar_repeats(page, found.points)
    points = parted_dots(without_bar_repeats(found.points, repeats), page.pixels)
    points = told_by_dashes(points, page.pixels)
    found = replace(found, points=tuple(points))
    symbols = page_symbols(page, found, [*glyphs_of(found.points), *repeats], page_number)
    without_pixels = replace(page, pixels=np.zeros((1, 1), np.uint8))
    size = (image.height, image.width) if page.turned % 180 else (image.width, image.height)
    return ScanPage(symbols, Placement(without_pixels, *size, (image.rotation + page.turned) % 360))


def _around(page: NormalPage) -> tuple[int, int, int, int]:
    """The part of a page, in pixels, that holds its music (top, left, bottom, right)."""
    middles = [staff.middle for staff in page.staves]
    sides = (
        min(middles) - _AROUND[0] * SPACE,
        min(staff.x0 for staff in page.staves) - _AROUND[1] * SPACE,
        max(middles) + _AROUND[2] * SPACE,
        max(staff.x1 for staff in page.staves) + _AROUND[3] * SPACE,
    )
    top, left, bottom, right = (round(side) for side in sides)
    return top, left, bottom, right


def _is_chant(page: NormalPage, found: Detections) -> bool:
    """True where staves have four lines and no clef of ours; on a faded page an outer line may be lost here and there,
    but not most of them, and not the clefs as well."""
    four = [min(_line_share(staff, found, (line,)) for line in (-2, 2)) < _MISSING for staff in page.staves]
    return 2 * sum(four) > len(four) and _clef_share(page, found) < _FEW / 2


def _told_by_clefs(staff: NormalStaff, found: Detections) -> NormalStaff:
    """The staff where its clefs say that it is: where an outer line is not to be seen at all, four lines and the empty
    space beyond them look like a staff a space off as well; and three lines with the two of a long hairpin look like a
    staff two spaces off.

    Lines that are seen stay lines: a clef may stand on another line than the usual one. A staff that was followed off
    its place may have been found from behind its clef on: it begins before that.
    """
    clefs = [
        p
        for p in found.points
        if p.name in _CLEF_LINES
        and p.probability > _SURE
        and staff.x0 - _CLEF_REACH * SPACE < p.x < staff.x1
        and abs(p.y - staff.middle) < 3 * SPACE
    ]
    offs = [p.y - staff.middle - _CLEF_LINES[p.name] * SPACE for p in clefs]
    step = round(float(np.median(offs)) / SPACE) if offs else 0
    if not 1 <= abs(step) <= _MOST_OFF or any(abs(off - step * SPACE) > _NEAR * SPACE for off in offs):
        return staff
    given_up = _FIVE[:step] if step > 0 else _FIVE[step:]
    if any(_line_share(staff, found, (line,)) > _LINES for line in given_up):
        return staff
    begin = min(staff.x0, *(p.x - p.width / 2 for p in clefs))
    return replace(staff, middle=staff.middle + step * SPACE, x0=begin)


def _line_share(staff: NormalStaff, found: Detections, lines: tuple[int, ...]) -> float:
    """Share of some of a staff's lines, counted from its middle line down, that the detector takes for staff lines."""
    mask = found.mask("staffLine")
    rows = [round((staff.middle + k * staff.space) / MASK_STRIDE) for k in lines]
    across = slice(max(0, int(staff.x0 / MASK_STRIDE)), max(1, int(staff.x1 / MASK_STRIDE)))
    bands = [mask[max(0, row - 1) : row + 2, across].max(0) for row in rows if 0 < row < mask.shape[0]]
    return float(np.mean([(band > _SEEN).mean() for band in bands])) if bands else 0.0


def _clef_share(page: NormalPage, found: Detections) -> float:
    """Share of the staves that have a clef at their left end."""
    return sum(_begun_by_clefs(page, found)) / max(len(page.staves), 1)


def _begun_by_clefs(page: NormalPage, found: Detections) -> list[bool]:
    """For each staff, whether it has a clef at its left end."""
    clefs = [p for p in found.points if p.name.endswith("Clef") and p.probability > _SURE]
    return [
        any(abs(p.y - staff.middle) < 3 * SPACE and -SPACE < p.x - staff.x0 < _CLEF_REACH * SPACE for p in clefs)
        for staff in page.staves
    ]
