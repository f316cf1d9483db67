"""A page's dictionary: its size and rotation, its content and resources."""

from __future__ import annotations

from typing import Any

import pikepdf

from omr_service.pdf.geometry import Matrix
from omr_service.pdf.streams import decode

_US_LETTER = (0.0, 0.0, 612.0, 792.0)


def inherited(page: pikepdf.Dictionary, key: str) -> Any:
    """Returns a page attribute, looked up through the page tree."""
    node: Any = page
    for _ in range(32):
        if not isinstance(node, pikepdf.Dictionary):
            return None
        if key in node:
            return node[key]
        node = node.get("/Parent")
    return None


def _rectangle(value: Any) -> tuple[float, float, float, float] | None:
    if not isinstance(value, pikepdf.Array) or len(value) != 4:
        return None
    try:
        a, b, c, d = (float(item) for item in value)
    except (TypeError, ValueError):
        return None
    box = min(a, c), min(b, d), max(a, c), max(b, d)
    return box if box[2] > box[0] and box[3] > box[1] else None


def page_geometry(page: pikepdf.Dictionary, turn: int = 0) -> tuple[Matrix, float, float, int]:
    """Returns (default user space to page points, width, height, rotation) of a page as displayed.

    Args:
        page: The page's dictionary.
        turn: Degrees clockwise by which it is turned beyond what the file asks: 0, 90, 180 or 270.
    """
    media = _rectangle(inherited(page, "/MediaBox")) or _US_LETTER
    crop = _rectangle(inherited(page, "/CropBox"))
    x0, y0, x1, y1 = media
    if crop is not None:
        cut = max(x0, crop[0]), max(y0, crop[1]), min(x1, crop[2]), min(y1, crop[3])
        if cut[2] > cut[0] and cut[3] > cut[1]:
            x0, y0, x1, y1 = cut
    try:
        unit = float(page.get("/UserUnit", 1.0))
        rotation = (int(inherited(page, "/Rotate") or 0) + turn) % 360
    except (TypeError, ValueError):
        unit, rotation = 1.0, turn
    if not 0.01 <= unit <= 75_000:
        unit = 1.0
    w, h = (x1 - x0) * unit, (y1 - y0) * unit
    u = unit
    if rotation == 90:
        return (0.0, u, u, 0.0, -y0 * u, -x0 * u), h, w, 90
    if rotation == 180:
        return (-u, 0.0, 0.0, u, x1 * u, -y0 * u), w, h, 180
    if rotation == 270:
        return (0.0, -u, -u, 0.0, y1 * u, x1 * u), h, w, 270
    return (u, 0.0, 0.0, -u, -x0 * u, y1 * u), w, h, 0


def content_of(page: pikepdf.Dictionary) -> bytes:
    """Returns a page's content, its parts joined.

    Raises:
        StreamDecodeError, StreamTooLargeError: as `streams.decode`.
    """
    contents = page.get("/Contents")
    parts = list(contents) if isinstance(contents, pikepdf.Array) else [contents]
    return b"\n".join(decode(part) for part in parts if isinstance(part, pikepdf.Stream))
