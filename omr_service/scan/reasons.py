"""Why nothing was read from a picture, in a sentence for who sent it."""

from __future__ import annotations

import numpy as np

from omr_service.scan.images import PageImage
from omr_service.scan.ink import even_out, without_borders
from omr_service.scan.normal_page import normal_page
from omr_service.scan.tablature import is_tablature

_BLANK = 0.0005
"""Share of the page up to which ink is dust."""
_COARSE = 1000
"""Longer side, in pixels, of a picture of a page that is too coarse: 85 dpi of A4."""


def why_no_staves(image: PageImage, page_number: int) -> str:
    """Why a picture in which no staves were found may have none, and what can be done.

    Args:
        image: The picture.
        page_number: From 1.
    """
    rows, columns = image.grey.shape
    if float(np.percentile(image.grey, 99)) < 64:
        return f"Page {page_number} is black all over. Scan it again with its cover open or its light on."
    if float((without_borders(even_out(image.grey)) < 128).mean()) < _BLANK:
        return f"Page {page_number} is blank."
    if max(rows, columns) < _COARSE:
        return (
            f"No staves were found on page {page_number}, of which there are {columns} x {rows} pixels: scan it at 300 "
            "dpi, or photograph it from nearer by."
        )
    page = normal_page(image)
    if page is not None and is_tablature(page):
        return (
            f"Page {page_number} holds tablature, which cannot be read. If there are notes on staves of five lines "
            "over it, send them without the tablature."
        )
    return (
        f"No staves of five lines were found on page {page_number}: it seems to hold text, pictures, tablature or "
        "chant. If there are notes on it, scan it at 300 dpi or send a sharper picture."
    )


def why_no_notes(page_number: int) -> str:
    """Why a page with staves may have no notes."""
    return (
        f"Page {page_number} has staves, but no notes of piano music were found on them. Tablature, empty music paper "
        "and most handwriting cannot be read."
    )
