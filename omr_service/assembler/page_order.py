"""Pages that were scanned or bound in the wrong order: a piece does not go on after its end."""

from __future__ import annotations

from collections.abc import Sequence

from omr_service.assembler.geometry import Barline
from omr_service.assembler.music import MeasureSigns, PageMusic


def in_order(pages: Sequence[PageMusic]) -> list[PageMusic]:
    """The pages of a document in the order in which they are played, as far as their barlines tell.

    Where one page ends with a final barline, the next goes on without a meter or key of its own, and the last page
    breaks off, the one with the final barline is the last. A repeat sign counts as a final barline where heavy
    barlines come after it: otherwise the first half of a piece may just end with its page.

    Args:
        pages: The document's pages, in its order.
    """
    bars = [[measure for system in page.systems for measure in system.measures] for page in pages]
    played = [k for k, own in enumerate(bars) if own]
    closed = [k for k in played if _is_heavy(bars[k][-1].right)]
    if len(closed) != 1 or closed[0] in (played[0], played[-1]):
        return list(pages)
    end = closed[0]
    after = [bars[k] for k in played if k > end]
    if _begins(bars[end], after[0][0]) or after[-1][-1].right is None:
        return list(pages)
    mark = bars[end][-1].right
    if mark is not None and mark.dots_left and not any(_is_heavy(bar.right) for own in after for bar in own):
        return list(pages)
    return [page for k, page in enumerate(pages) if k != end] + [pages[end]]


def _is_heavy(mark: Barline | None) -> bool:
    return mark is not None and "H" in mark.strokes


def _begins(before: Sequence[MeasureSigns], first: MeasureSigns) -> bool:
    """True where a measure has a meter, or another key than what stands before it."""
    keys = [bar.key.fifths for bar in before if bar.key is not None]
    return first.meter is not None or bool(first.key is not None and keys and first.key.fifths != keys[-1])
