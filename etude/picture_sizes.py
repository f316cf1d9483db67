"""How large the page is that a picture shows: one rule for who reads pictures and for who writes on them."""

from __future__ import annotations

A4_LONG_SIDE = 842.0
"""In points."""
_LEAST_DPI = 72
_MOST_DPI = 2400


def size_in_points(columns: int, rows: int, dpi: tuple[float, float] | None) -> tuple[float, float]:
    """Width and height of a picture's page in points: by its resolution where that is believable, else as long as A4.

    >>> size_in_points(2480, 3508, (300.0, 300.0)), size_in_points(3000, 4000, (72.0, 72.0))
    ((595.2, 841.92), (631.5, 842.0))
    """
    across, down = (float(value) for value in dpi) if dpi else (0.0, 0.0)
    if min(across, down) > _LEAST_DPI and max(across, down) < _MOST_DPI:
        return columns * 72 / across, rows * 72 / down
    scale = A4_LONG_SIDE / max(columns, rows)
    return columns * scale, rows * scale
