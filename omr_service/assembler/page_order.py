"""Pages scanned or bound in the wrong order: their numbers tell, or that a piece does not go on after its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from omr_service.assembler.geometry import Barline
from omr_service.assembler.music import MeasureSigns, PageMusic

FINGERS = 5
"""Numbers up to this may be those of fingers."""
IN_STEP = 3
"""So many pages have to have numbers that go down in step before a file is read backwards."""


def in_order(pages: Sequence[PageMusic]) -> list[PageMusic]:
    """The pages of a document in the order in which they are played, as far as their numbers or barlines tell.

    Printed numbers that run through decide. Without those: where one page ends with a final barline, the next goes on
    without a meter or key of its own, and the last page breaks off, the one with the final barline is the last. A
    repeat sign counts as a final barline where heavy barlines come after it: otherwise the first half of a piece may
    just end with its page.

    Args:
        pages: The document's pages, in its order.
    """
    bars = [[measure for system in page.systems for measure in system.measures] for page in pages]
    numbers = [page.numbers for page in pages]
    numbered = by_numbers(numbers)
    if numbered is not None:
        return [pages[k] for k in _with_its_ends(numbered, numbers, bars)]
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


def by_numbers(numbers: Sequence[Collection[int]]) -> list[int] | None:
    """The pages in the order of their numbers; None where these do not run through.

    Every page has to have its number, or of four and more all but one; as they are given stay pages that can be so.
    That a file runs backwards three numbers in step tell.

    Args:
        numbers: The numbers in the margins of each page.
    """
    count = len(numbers)
    need = count - 1 if count > 3 else count
    orders: dict[int, set[tuple[int, ...]]] = {}
    for first in {n - k for own in numbers for n in own for k in range(count)}:
        if count > 1 and sum(first + k in own for k, own in enumerate(numbers)) >= need:
            return list(range(count))
        places: dict[int, int] = {}
        for page, own in enumerate(numbers):
            fitting = [n - first for n in own if 0 <= n - first < count]
            if len(fitting) == 1 and fitting[0] not in places:
                places[fitting[0]] = page
        # fingers over the staves are numbers, too: few pages in another order have to have clear ones
        if count < 2 or len(places) < need or (count <= 3 and first < 10):
            continue
        left = [page for page in range(count) if page not in places.values()]
        free = [k for k in range(count) if k not in places]
        order = tuple(places[k] if k in places else left[free.index(k)] for k in range(count))
        # a page without a number may be before the others or after them: then the first page is the one given first
        if order[0] == 0 or not {0, count - 1}.intersection(free):
            orders.setdefault(len(places), set()).add(order)
    best = orders[max(orders)] if orders else set()
    if len(best) == 1:
        return list(best.pop())
    return list(range(count))[::-1] if _run_backwards(numbers) else None


def _run_backwards(numbers: Sequence[Collection[int]]) -> bool:
    """True where some pages have numbers that go down by one a page, and fewer have numbers that go up so.

    What may be a finger over the staves does not count.
    """
    clear = [(k, n) for k, own in enumerate(numbers) for n in own if n > FINGERS]
    down, up = (max(Counter(n + step * k for k, n in clear).values(), default=0) for step in (1, -1))
    return down >= IN_STEP and down > up


def _with_its_ends(
    order: Sequence[int], numbers: Sequence[Collection[int]], bars: Sequence[Sequence[MeasureSigns]]
) -> list[int]:
    """An order that is the file's backwards with the ends of the piece where the file has them: pages in between may
    run backwards while the first, which alone prints a meter at its start, is in its place, and the last, which alone
    ends with a final barline. A page with a number is where that tells.

    Args:
        order: The pages in the order of their numbers.
        numbers: The numbers in the margins of each page.
        bars: The measures of each page.
    """
    last = len(order) - 1
    inner = list(order)
    if inner != list(range(last, -1, -1)) or not bars[0] or not bars[last]:
        return inner
    told = [any(n > FINGERS for n in numbers[k]) for k in (0, last)]
    if not told[0] and bars[0][0].meter is not None and bars[last][0].meter is None:
        inner = [0, *(k for k in inner if k != 0)]
    if not told[1] and _is_heavy(bars[last][-1].right) and not _is_heavy(bars[0][-1].right):
        inner = [*(k for k in inner if k != last), last]
    return inner


def _is_heavy(mark: Barline | None) -> bool:
    return mark is not None and "H" in mark.strokes


def _begins(before: Sequence[MeasureSigns], first: MeasureSigns) -> bool:
    """True where a measure has a meter, or another key than what stands before it."""
    keys = [bar.key.fifths for bar in before if bar.key is not None]
    return first.meter is not None or bool(first.key is not None and keys and first.key.fifths != keys[-1])
