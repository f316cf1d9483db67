"""The scan reader's face: a picture of a page in, its symbols and the way back to the picture out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from omr_service.scan.detector import Detections, Detector
from omr_service.scan.glyphs import glyphs_of
from omr_service.scan.images import PageImage
from omr_service.scan.joining import page_symbols
from omr_service.scan.normal_page import NormalPage, normal_page
from omr_service.scan.placing import Placement
from omr_service.scan.staves import SPACE
from omr_service.symbols import PageSymbols

_CLEF_REACH = 8.0
_SURE = 0.4
_FEW = 0.4
"""Share of staves with a clef at their left end under which a page may lie upside down."""


@dataclass(frozen=True, slots=True)
class ScanPage:
    """A page as it was read.

    Attributes:
        symbols: What is on it, in points of the straightened page.
        placement: Where the straightened page lies on the page as displayed.
    """

    symbols: PageSymbols
    placement: Placement


def read_scan(image: PageImage, page_number: int, detector: Detector | None = None) -> ScanPage | None:
    """Returns the symbols of a picture of a page; None where it shows no staves.

    Args:
        image: The picture.
        page_number: From 1.
        detector: The detector; None for the one that is shipped.
    """
    detector = detector or Detector.load(threads=1)
    page = normal_page(image)
    if page is None:
        return None
    found = detector.detect(page.pixels)
    clefs = _clef_share(page, found)
    if clefs < _FEW:
        other = normal_page(image, (page.turned + 180) % 360)
        if other is not None:
            seen = detector.detect(other.pixels)
            if _clef_share(other, seen) > max(2 * clefs, _FEW):
                page, found = other, seen
    symbols = page_symbols(page, found, glyphs_of(found.points), page_number)
    without_pixels = replace(page, pixels=np.zeros((1, 1), np.uint8))
    return ScanPage(symbols, Placement(without_pixels, image.width, image.height))


def _clef_share(page: NormalPage, found: Detections) -> float:
    """Share of the staves that have a clef at their left end."""
    clefs = [p for p in found.points if p.name.endswith("Clef") and p.probability > _SURE]
    begun = sum(
        any(abs(p.y - staff.middle) < 3 * SPACE and -SPACE < p.x - staff.x0 < _CLEF_REACH * SPACE for p in clefs)
        for staff in page.staves
    )
    return begun / max(len(page.staves), 1)
