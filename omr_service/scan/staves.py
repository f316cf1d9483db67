"""Finds staves in a picture by the ink of their five lines together, and follows them over bends and gaps.

No single line has to be whole: at every place the evidence is that of five thin dark lines at even distances, and a
staff is the way across the page that gathers most of it (dynamic programming). A line broken at one place, noteheads
over another, or a page that bends towards the spine cost evidence and not the staff.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omr_service.scan.ink import Grey
from omr_service.scan.staff_bends import bent_alike
from omr_service.scan.staff_evidence import SPACE, STEP, Floats, columns_of, comb, thin_lines, without_beams
from omr_service.scan.staff_fit import LEAST_COLUMNS, TracedStaff, fitted_staff

SPACES = (0.7, 0.8, 0.9, 1.0, 1.1, 1.2)
"""Staff spaces looked for, in parts of the usual one: a photograph has its far end smaller, an ossia is."""
_DECAY = 0.965
_BEND_COST = 0.02
_ENOUGH = 0.16
"""Evidence from which on a column counts for a staff rather than against it."""
_LEAST_EVIDENCE = 0.24
_FAINT = 0.65
"""Part of that evidence that is enough for a staff beside which another one begins and ends with it."""
_ALIKE = 4.0
"""Staff spaces up to which staves begin or end together."""
_CLEAR = 0.6
"""Evidence, at the best place of most columns, that the above are meant for; pale lines are seen as if they had it."""
_MOST_GAIN = 2.5
_APART = 5.4
"""Distance of the middle lines of two staves over each other, in staff spaces, at least."""
_LEAP, _LEAP_COLUMNS = 0.7, 5
"""A way leaps where it goes so many staff spaces up or down from so many columns before a place to as many behind."""
_AS_WELL = 0.75
"""Part of its evidence that a way keeps at least when it is moved by a space."""
_EXAMPLE = 0.4
"""Part of the usual length up to which a staff without a partner is an example in a footnote."""
_INDENTED_EXAMPLE = 0.7
"""The same for one that is indented at both ends: several examples beside each other."""
_INDENT = 8.0
_WITH_GAPS = 0.75
"""Share of its length up to which lines are seen between the ends of one that is indented at either end: examples
beside each other as well."""


def gutter_of(grey: Grey) -> float | None:
    """Returns where across the picture a gutter without any staff parts two pages, near its middle; None where staves
    run through."""
    columns = columns_of(thin_lines(grey))
    count = columns.shape[1]
    seen = np.clip(comb(columns, SPACE) - _LEAST_EVIDENCE, 0.0, 1.0).sum(0)
    free = seen < 0.1 * float(np.percentile(seen, 70))
    best: tuple[int, float] | None = None
    x = int(0.38 * count)
    while x < int(0.62 * count):
        end = x
        while end < count and free[end]:
            end += 1
        if end - x >= 3 and (best is None or end - x > best[0]):
            best = (end - x, (x + end) / 2 * STEP)
        x = max(end, x) + 1
    return None if best is None else best[1]


def find_staves(grey: Grey) -> list[TracedStaff]:
    """Returns the staves of a picture whose usual staff space is `SPACE` pixels and whose lines are level but for
    bends, top to bottom."""
    ridge = thin_lines(grey)
    columns = columns_of(without_beams(ridge, grey))
    if columns.shape[1] < LEAST_COLUMNS:
        return []
    combs = np.stack([comb(columns, SPACE * part) for part in SPACES])
    gain = _gain(combs.max(0))
    if gain > 1:
        ridge, combs = np.clip(ridge * gain, 0.0, 1.0), np.clip(combs * gain, -1.0, 1.0)
    widths = combs.argmax(0)
    whole = combs.max(0)
    evidence = whole.copy()
    found: list[TracedStaff] = []
    for _ in range(3):
        fresh = [s for s in _pass(evidence, widths, ridge) if not any(_crowds(s, other) for other in found)]
        if not fresh:
            break
        for staff in fresh:
            _erase(evidence, staff)
        found += fresh
    found = _with_faint(found, whole, widths, ridge)
    found = bent_alike(found, whole, ridge)
    return sorted(_without_examples(found, whole), key=lambda s: float(s.middle.mean()))


def _with_faint(found: list[TracedStaff], whole: Floats, widths: NDArray[np.intp], ridge: Floats) -> list[TracedStaff]:
    """The staves found and those that are seen less well, whole or in part, where another begins and ends as they do.

    A staff is printed as faint or as rough, in the middle of a page or at the end of a line, as the plate, the scanner
    or the copier happened to leave it, and begins and ends with its neighbours all the same.
    """
    rest = whole.copy()
    left, right = _usual_ends(found)

    def is_usual(staff: TracedStaff) -> bool:
        return max(abs(staff.x0 - left), abs(staff.x1 - right)) < _ALIKE * SPACE

    for staff in found:
        if is_usual(staff) and any(_paired(staff, other) for other in found if other is not staff):
            _erase(rest, staff)
    faints = _pass(rest, widths, ridge, _FAINT)
    for faint in faints:
        parts = [s for s in found if _crowds(faint, s)]
        others = [s for s in found if not _crowds(faint, s)]
        longer = all(s.x1 - s.x0 < faint.x1 - faint.x0 - _ALIKE * SPACE for s in parts)
        # where a part of it was found a staff is there: it may be as long as another faint one, too, or as most are
        like = [*others, *(f for f in faints if f is not faint)] if parts else others
        if longer and ((parts and is_usual(faint)) or any(_paired(faint, other) for other in like)):
            found = [*others, faint]
    return found


def _gain(evidence: Floats) -> float:
    """By how much the lines of a picture are to be strengthened: those of photographs, of brown paper and of grainy
    reprints are pale. A staff crosses most of the columns of a page of music."""
    return float(np.clip(_CLEAR / max(float(np.median(evidence.max(0))), 1e-6), 1.0, _MOST_GAIN))


def _without_examples(staves: list[TracedStaff], evidence: Floats) -> list[TracedStaff]:
    """The staves without short ones that stand alone among long ones: examples in footnotes, and chance.

    Args:
        staves: The staves.
        evidence: Evidence of staves by row and column of `STEP` pixels.
    """
    if len(staves) < 4:
        return staves
    left, right = _usual_ends(staves)

    def whole(staff: TracedStaff) -> bool:
        less, more = sorted((staff.x0 - left, right - staff.x1))
        if more > _INDENT * SPACE and _seen_share(staff, evidence) < _WITH_GAPS:
            return False
        indented = less > _INDENT * SPACE
        return staff.x1 - staff.x0 > (_INDENTED_EXAMPLE if indented else _EXAMPLE) * (right - left)

    return [s for s in staves if whole(s) or any(_paired(s, t) for t in staves if t is not s)]


def _seen_share(staff: TracedStaff, evidence: Floats) -> float:
    """Share of its length over which the lines of a staff are seen."""
    columns = np.arange(int(staff.x0 / STEP), min(int(staff.x1 / STEP), evidence.shape[1]))
    middle = np.rint(np.interp((columns + 0.5) * STEP, staff.xs, staff.middle)).astype(int)
    near = [evidence[np.clip(middle + off, 0, len(evidence) - 1), columns] for off in (-1, 0, 1)]
    return float((np.max(near, axis=0) > _ENOUGH).mean())


def _usual_ends(staves: list[TracedStaff]) -> tuple[float, float]:
    """Where the staves of a page begin and end, most of them."""
    if not staves:
        return 0.0, 0.0
    return float(np.median([s.x0 for s in staves])), float(np.median([s.x1 for s in staves]))


def _paired(staff: TracedStaff, other: TracedStaff) -> bool:
    """True when two staves begin and end together, one not far below the other."""
    ends = max(abs(staff.x0 - other.x0), abs(staff.x1 - other.x1))
    return ends < _ALIKE * SPACE and abs(float(staff.middle.mean()) - float(other.middle.mean())) < 20 * SPACE


def _pass(evidence: Floats, widths: NDArray[np.intp], ridge: Floats, share: float = 1.0) -> list[TracedStaff]:
    """The staves seen in some evidence, no two over each other; a share of what is usual is enough."""
    enough, least = share * _ENOUGH, share * _LEAST_EVIDENCE
    gathered, left = _gather(evidence)
    mirrored, right = _gather(np.ascontiguousarray(evidence[:, ::-1]))
    through = gathered + mirrored[:, ::-1] - evidence
    peak = through.max(1)
    column = through.argmax(1)
    free = np.ones(len(peak), bool)
    found: list[TracedStaff] = []
    reach = int(_APART * SPACE)
    for y in np.argsort(-peak):
        if peak[y] < 6 * enough:
            break
        if not free[y]:
            continue
        free[max(0, y - 6) : y + 7] = False
        rows = _way((int(y), int(column[y])), left, right)
        along = evidence[rows, np.arange(len(rows))]
        first, last = _best_run(along - enough)
        if last - first < LEAST_COLUMNS or float(along[first:last].mean()) < least:
            continue
        near = _without_slips(rows[first:last], evidence[:, first:last])
        middle = int(np.median(near))
        free[max(0, middle - reach) : middle + reach + 1] = False
        usual = SPACES[int(np.bincount(widths[near, np.arange(first, last)], minlength=len(SPACES)).argmax())]
        staff = fitted_staff(near, first, SPACE * usual, ridge, float(along[first:last].mean()))
        if staff is not None and not any(_crowds(staff, other) for other in found):
            found.append(staff)
    return found


def _without_slips(rows: NDArray[np.intp], evidence: Floats) -> NDArray[np.intp]:
    """A way without the leaps of a whole space that it makes where beams or ledger lines stand like a sixth line.

    Paper bends, it does not leap. Of a way that does, some parts stand a space off: those that may be moved to where
    the others lead, the lines being seen there nearly as well.

    Args:
        rows: Rows of the way.
        evidence: Rows by the columns of the way.
    """
    count = len(rows)
    index = np.arange(count)
    ahead = rows[np.minimum(index + _LEAP_COLUMNS, count - 1)] - rows[np.maximum(index - _LEAP_COLUMNS, 0)]
    calm = np.abs(ahead) < _LEAP * SPACE
    edges = np.flatnonzero(np.diff(np.concatenate([[0], calm.astype(np.int8), [0]])))
    parts = [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= 2 * _LEAP_COLUMNS]
    if len(parts) < 2:
        return rows
    share, moved = max((_led_by(base, parts, rows, evidence) for base in range(len(parts))), key=lambda m: m[0])
    if share < _AS_WELL:
        return rows
    kept = np.concatenate([np.arange(a, b) for a, b in parts])
    result: NDArray[np.intp] = np.rint(np.interp(index, kept, moved[kept])).astype(np.intp)
    return result


def _led_by(
    base: int, parts: list[tuple[int, int]], rows: NDArray[np.intp], evidence: Floats
) -> tuple[float, NDArray[np.intp]]:
    """A way with its parts moved by whole spaces to where one of them leads, and the least share of its evidence that
    a part keeps there."""
    moved, least = rows.copy(), 1.0
    for order, beside in ((range(base - 1, -1, -1), 1), (range(base + 1, len(parts)), -1)):
        for i in order:
            (a, b), (c, d) = parts[i], parts[i + beside]
            gap = moved[c] - rows[b - 1] if beside == 1 else moved[d - 1] - rows[a]
            off = round(round(float(gap) / SPACE) * SPACE)
            if off:
                moved[a:b] = np.clip(rows[a:b] + off, 0, len(evidence) - 1)
                across = np.arange(a, b)
                seen = float(evidence[rows[a:b], across].mean())
                least = min(least, float(evidence[moved[a:b], across].mean()) / max(seen, 1e-6))
    return least, moved


def _crowds(staff: TracedStaff, other: TracedStaff) -> bool:
    """True when two staves stand closer over each other than staves can."""
    inside = (staff.xs >= other.x0) & (staff.xs <= other.x1)
    distance = np.abs(np.interp(staff.xs[inside], other.xs, other.middle) - staff.middle[inside])
    return bool(inside.any() and distance.min() < _APART * SPACE)


def _erase(evidence: Floats, staff: TracedStaff) -> None:
    """Takes a staff, and what is on it, out of the evidence."""
    height, count = evidence.shape
    xs = (np.arange(count) + 0.5) * STEP
    inside = np.flatnonzero((xs >= staff.x0 - 2 * SPACE) & (xs <= staff.x1 + 2 * SPACE))
    middle = np.interp(xs[inside], staff.xs, staff.middle)
    reach = _APART * SPACE
    top, bottom = max(0, int(middle.min(initial=height) - reach)), max(0, int(middle.max(initial=0.0) + reach) + 2)
    rows = np.arange(top, min(height, bottom))[:, None]
    part = evidence[top:bottom, inside]
    evidence[top:bottom, inside] = np.where(np.abs(rows - middle[None, :]) < reach, -0.05, part)


def _gather(evidence: Floats) -> tuple[Floats, NDArray[np.int8]]:
    """Returns the evidence gathered on the best way from the left to each place, what is far counting less, and the
    row, relative to the place, that the way comes from."""
    height, count = evidence.shape
    columns = np.ascontiguousarray(evidence.T)
    gathered = np.empty_like(columns)
    came = np.zeros((count, height), np.int8)
    gathered[0] = columns[0]
    bent = np.full(height + 2, -1e3, columns.dtype)
    for x in range(1, count):
        straight = gathered[x - 1]
        np.subtract(straight, _BEND_COST, out=bent[1:-1])
        up, down = bent[:-2], bent[2:]
        best = np.maximum(straight, up)
        came[x] = np.where(down > best, 1, -(up > straight).astype(np.int8))
        np.maximum(best, down, out=best)
        gathered[x] = columns[x] + _DECAY * best
    return np.ascontiguousarray(gathered.T), np.ascontiguousarray(came.T)


def _way(seed: tuple[int, int], left: NDArray[np.int8], right: NDArray[np.int8]) -> NDArray[np.intp]:
    """Rows of the best way through a place, for all columns."""
    height, count = left.shape
    rows = np.zeros(count, np.intp)
    y, x = seed
    rows[x] = y
    for column in range(x, 0, -1):
        rows[column - 1] = min(max(rows[column] + left[rows[column], column], 0), height - 1)
    for column in range(x, count - 1):
        mirrored = count - 1 - column
        rows[column + 1] = min(max(rows[column] + right[rows[column], mirrored], 0), height - 1)
    return rows


def _best_run(gain: Floats) -> tuple[int, int]:
    """The stretch with the greatest sum, as (first, last + 1)."""
    best, best_run, total, start = 0.0, (0, 0), 0.0, 0
    for i, value in enumerate(gain):
        if total <= 0:
            total, start = 0.0, i
        total += float(value)
        if total > best:
            best, best_run = total, (start, i + 1)
    return best_run
