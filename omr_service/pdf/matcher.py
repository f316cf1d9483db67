"""Decides once for all copies of an outline in a document which symbol it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from omr_service.pdf.outlines import Likeness, likenesses
from omr_service.pdf.shapes import Points
from omr_service.pdf.turned import turned_link

T = TypeVar("T")
_SAME = 0.012
"""Outlines equal up to the rounding of coordinates, in parts of their size, are one."""
_MOST_KNOWN = 64
"""Outlines of the same segments that are remembered."""


@dataclass(slots=True)
class _Decisions(Generic[T]):
    """What was decided of outlines, by their segments."""

    _known: dict[bytes, list[tuple[Points, float, T]]] = field(default_factory=dict)

    def of(self, ops: bytes, points: Points, em: float | None, decide: Callable[[], T], nothing: T) -> T:
        low = points.min(axis=0)
        span = float((points.max(axis=0) - low).max())
        if span <= 0:
            return nothing
        normal = (points - low) / span
        size = span / em if em else span
        seen = self._known.setdefault(ops, [])
        for other, other_size, decision in seen:
            if abs(size / other_size - 1.0) < 0.03 and abs(normal - other).max() < _SAME:
                return decision
        decision = decide()
        if len(seen) < _MOST_KNOWN:
            seen.append((normal, size, decision))
        return decision


@dataclass(slots=True)
class OutlineMatcher:
    """Decides once for all copies of an outline in a document."""

    _symbols: _Decisions[list[Likeness]] = field(default_factory=_Decisions)
    _links: _Decisions[Likeness | None] = field(default_factory=_Decisions)

    def match(self, ops: bytes, points: Points, polygons: list[Points], em: float | None) -> list[Likeness]:
        """Returns `likenesses` of an outline.

        Args:
            ops: Its segments.
            points: Its points, y up.
            polygons: Its contours.
            em: As for `likenesses`.
        """
        return self._symbols.of(ops, points, em, lambda: likenesses(polygons, em), [])

    def turned(self, ops: bytes, points: Points, polygons: list[Points], em: float) -> Likeness | None:
        """Returns `turned_link` of an outline; the arguments are those of `match`."""
        return self._links.of(ops, points, em, lambda: turned_link(polygons, em), None)
