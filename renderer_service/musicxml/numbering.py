"""Numbers that tell overlapping spanners of one kind apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate

HIGHEST = 16
"""Greatest value of MusicXML's number-level."""


@dataclass(frozen=True, slots=True)
class Span:
    """Where a spanner runs, ends included.

    Attributes:
        key: What gets the number.
        document: First and last place in the order of writing.
        time: Start and end in ticks.
    """

    key: str
    document: tuple[int, int]
    time: tuple[int, int]

    def meets(self, other: Span) -> bool:
        """True when both are open somewhere at once, in the document or in time."""
        return _meet(self.document, other.document) or _meet(self.time, other.time)


def assign_numbers(spans: Iterable[Span]) -> dict[str, int]:
    """A number by key, so that spans that meet have different ones.

    Readers match a start and a stop by number, some walking the document, some the time; spans that meet in either
    are kept apart. Should more than sixteen meet, the number free soonest in the document is used again.
    """
    ordered = sorted(spans, key=lambda span: (span.document, span.time, span.key))
    # earliest start in time of all spans from here on: what ended before it never matters again
    horizon = list(accumulate((span.time[0] for span in reversed(ordered)), min))[::-1]
    numbers: dict[str, int] = {}
    taken: list[list[Span]] = [[] for _ in range(HIGHEST)]
    for span, earliest in zip(ordered, horizon, strict=True):
        for others in taken:
            others[:] = [o for o in others if o.document[1] >= span.document[0] or o.time[1] >= earliest]
        free = (index for index, others in enumerate(taken) if not any(span.meets(other) for other in others))
        index = next(free, None)
        if index is None:
            index = min(range(HIGHEST), key=lambda i: max(other.document[1] for other in taken[i]))
        taken[index].append(span)
        numbers[span.key] = index + 1
    return numbers


def _meet(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]
