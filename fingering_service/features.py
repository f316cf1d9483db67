"""What a learned model looks at: for every slice small whole numbers that say which row of each table applies.

All features are relative (intervals, colours of keys, roles within a chord) and seen from a right hand, so that one set
of tables serves both hands and all octaves. The tables hold one number per finger, pair or triple of fingers; see
`rows` for how rows become costs of states and steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from fingering_service.figures import FRAME_KEYS, FRAME_LIMITS, FRAME_SLICES, RUN, key_counts, runs
from fingering_service.handed import SCALE_SIZES, TWINS, handed_rows
from fingering_service.intervals import COARSE, STEPS, WIDE, Ints, coarse
from fingering_service.lattice import Lattice
from fingering_service.legato import LINE_SIZES, UNARY_LINE, line_rows
from fingering_service.lines import MAX_KEYS

PAIRS: tuple[tuple[int, int], ...] = tuple(combinations(range(MAX_KEYS), 2))
"""Pairs of slots of a slice, lower slot first."""

_GRIP = 17
_REACH = 6
_REACHES = np.array([1, 3, 5, 8, 12])
_HORIZON = 5
"""Slices a range looks ahead or back."""
_GAPS = np.array([0.01, 1.0])
_TIMES = np.array([0.2, 0.45, 1.1])
_RUNS = 2 * RUN - 1
_WAYS = np.array([-2, 0, 1, 3])
"""Semitones a chord's outer key moves by: a jump or a step down, none, a step or a jump up."""
_NEAR = 13

SIZES = {
    "unary_role": 4 * 2,
    "unary_key": 2 * 12,
    "unary_next": 3 * COARSE * COARSE,
    "unary_before": 3 * COARSE * COARSE,
    "unary_range": 3 * _REACH * _REACH,
    "unary_past": 3 * _REACH * _REACH,
    **{f"unary_{side}{limit}": 3 * FRAME_KEYS**2 for limit in FRAME_LIMITS for side in ("ahead", "back", "frame")},
    "unary_run": 3 * 3 * _RUNS * _RUNS,
    "unary_colours": 3 * 9 * 32,
    "unary_time": 3 * 4 * 4,
    "unary_chord": 2 * 4 * _NEAR,
    "unary_inner": _NEAR * _NEAR,
    "unary_line": UNARY_LINE,
    "grip_span": 3 * _GRIP,
    "grip_colour": 3 * _GRIP * 4,
    "grip_move": _GRIP * 25,
    "step_span": 7 * STEPS,
    "step_colour": 3 * STEPS * 4,
    "step_gap": 2 * 3 * COARSE,
    "step_time": 2 * 4 * COARSE,
    "step_next": 3 * COARSE * COARSE,
    "step_range": 3 * COARSE * _REACH * _REACH,
    "step_run": 3 * COARSE * _RUNS,
    "step_keys": 3 * COARSE * 16,
    "step_frame": 3 * COARSE * 16,
    "turn_path": 3 * COARSE * COARSE,
    "turn_span": 3 * STEPS,
    "turn_gap": 3 * 3 * COARSE,
    "turn_colour": 3 * 8,
    **LINE_SIZES,
    **SCALE_SIZES,
}
SIZES |= {name: 2 * SIZES[shared] for name, shared in TWINS.items()}
"""Rows of each table."""

FIGURES = {
    *(f"unary_{side}{limit}" for limit in FRAME_LIMITS for side in ("ahead", "back", "frame")),
    *("unary_run", "unary_colours", "unary_time", "step_run", "step_keys", "step_frame"),
    *("unary_chord", "unary_inner", "grip_move"),
}
"""Tables of runs, frames, colours of keys ahead, and chords' shapes; see `_figures` and `_chords`."""

WIDTHS = {name: {"unary": 5, "grip": 25, "step": 25, "turn": 125, "line": 25}[name.split("_")[0]] for name in SIZES}
WIDTHS |= {"turn_span": 25, "turn_gap": 25}
"""Numbers in a row of each table: per finger, per pair of fingers (earlier or lower first), or per triple."""


@dataclass(frozen=True, slots=True)
class Features:
    """Rows of the tables that apply to a lattice of T slices; -1 where none does.

    Attributes:
        rows: By table: [T, 5] for unary tables (per slot), [T, 10] for grip tables (per pair of slots, see PAIRS),
            [T, 2] for step and turn tables (lowest struck keys; highest ones where a chord takes part) and for line
            tables (lowest and highest keys of all).
    """

    rows: dict[str, Ints]


def features_of(lattice: Lattice) -> Features:
    """The features of a lattice."""
    rows: dict[str, Ints] = {}
    rows |= _unary(lattice)
    rows |= _outlook(lattice)
    rows |= _figures(lattice)
    rows |= _chords(lattice)
    rows |= _grips(lattice)
    rows |= _steps(lattice)
    rows |= _turns(lattice)
    rows |= _lines(lattice)
    rows |= handed_rows(lattice, rows, SIZES)
    return Features(rows)


def single(lattice: Lattice) -> NDArray[np.bool_]:
    """[T] True where one key is struck."""
    return np.asarray(lattice.low == lattice.high)


def _ranges(now: Ints, *, ahead: bool) -> Ints:
    """[T, 2] how far the music goes above and below each outer key within the horizon, as one of 36 classes."""
    count = len(now)
    top, bottom = now.copy(), now.copy()
    for lag in range(1, _HORIZON + 1):
        if lag >= count:
            break
        if ahead:
            np.maximum(top[:-lag], now[lag:], out=top[:-lag])
            np.minimum(bottom[:-lag], now[lag:], out=bottom[:-lag])
        else:
            np.maximum(top[lag:], now[:-lag], out=top[lag:])
            np.minimum(bottom[lag:], now[:-lag], out=bottom[lag:])
    above = np.searchsorted(_REACHES, top - now, side="right")
    below = np.searchsorted(_REACHES, now - bottom, side="right")
    return above * _REACH + below


def _outlook(lattice: Lattice) -> dict[str, Ints]:
    """Tables that look beyond the next slice: where the music goes and where it comes from."""
    now, before, chordal = _outer(lattice, 1)
    count = len(now)
    after = np.roll(now, -1, axis=0)
    later = np.roll(now, -2, axis=0)
    earlier = np.roll(now, 2, axis=0)
    role = np.where(single(lattice), 0, 1)[:, None] + np.array([0, 1]) * ~single(lattice)[:, None]
    ahead, back = _ranges(now, ahead=True), _ranges(now, ahead=False)
    at = np.arange(count)[:, None]
    next_two = np.where(at < count - 2, (role * COARSE + coarse(after - now)) * COARSE + coarse(later - now), -1)
    last_two = np.where(at >= 2, (role * COARSE + coarse(before - now)) * COARSE + coarse(earlier - now), -1)
    in_range = role * _REACH * _REACH + ahead
    in_past = role * _REACH * _REACH + back
    result = {}
    for name, values in (
        ("unary_next", next_two),
        ("unary_before", last_two),
        ("unary_range", in_range),
        ("unary_past", in_past),
    ):
        slots = np.full((count, MAX_KEYS), -1, dtype=np.int64)
        slots[np.arange(count), lattice.low] = values[:, 0]
        chords = np.flatnonzero(~single(lattice))
        slots[chords, lattice.high[chords]] = values[chords, 1]
        result[name] = slots
    voice = np.where(chordal[:, None], np.array([1, 2]), 0)
    use = np.stack([np.ones_like(chordal), chordal], axis=1)
    use[0] = False
    step = coarse(now - before)
    further = coarse(after - now)
    result["step_next"] = np.where(use & (at < count - 1), (voice * COARSE + step) * COARSE + further, -1)
    result["step_range"] = np.where(use, (voice * COARSE + step) * _REACH * _REACH + ahead, -1)
    return result


def _at_outer(lattice: Lattice, values: Ints) -> Ints:
    """[T, 5] rows of a unary table from [T, 2] for the lowest and, in chords, the highest struck slot."""
    slots = np.full((len(lattice), MAX_KEYS), -1, dtype=np.int64)
    chords = np.flatnonzero(~single(lattice))
    slots[np.arange(len(lattice)), lattice.low] = values[:, 0]
    slots[chords, lattice.high[chords]] = values[chords, 1]
    return slots


def _figures(lattice: Lattice) -> dict[str, Ints]:
    """Tables of runs, of the keys' colours before and after, of frames and of time."""
    now, before, chordal = _outer(lattice, 1)
    count = len(now)
    at = np.arange(count)
    chord = ~single(lattice)[:, None]
    role = np.where(chord, np.array([1, 2]), 0)
    voice = np.where(chordal[:, None], np.array([1, 2]), 0)
    use = np.stack([np.ones_like(chordal), chordal], axis=1)
    use[0] = False
    result: dict[str, Ints] = {}
    most = FRAME_KEYS - 1
    sides = {
        "ahead": range(1, FRAME_SLICES + 1),
        "back": range(-1, -FRAME_SLICES - 1, -1),
        "frame": [lag for n in range(1, FRAME_SLICES + 1) for lag in (n, -n)],
    }
    for limit in FRAME_LIMITS:
        for side, lags in sides.items():
            keys = np.minimum(key_counts(now, limit, lags), most)
            rows = (role * FRAME_KEYS + keys[:, :, 0]) * FRAME_KEYS + keys[:, :, 1]
            result[f"unary_{side}{limit}"] = _at_outer(lattice, rows)
            if side == "ahead" and limit == FRAME_LIMITS[-1]:
                ahead = np.minimum(keys, 3)
    onward, onward_kind = runs(now, ahead=True)
    back, back_kind = runs(now, ahead=False)
    kind = np.maximum(onward_kind, back_kind)
    run = ((role * 3 + kind) * _RUNS + onward + RUN - 1) * _RUNS + back + RUN - 1
    result["unary_run"] = _at_outer(lattice, run)
    black = _black(now)

    def shifted(values: Ints, lag: int) -> Ints:
        there = at + lag
        inside = (there >= 0) & (there < count)
        return np.where(inside[:, None], values[np.clip(there, 0, count - 1)], 0)

    colours = sum(shifted(black, lag) << (lag + 2) for lag in range(-2, 3))
    ways = (np.sign(onward) + 1) * 3 + np.sign(back) + 1
    result["unary_colours"] = _at_outer(lattice, (role * 9 + ways) * 32 + colours)
    time = np.searchsorted(_TIMES, lattice.ioi, side="right")
    following = np.append(time[1:], 3)
    result["unary_time"] = _at_outer(lattice, (role * 4 + time[:, None]) * 4 + following[:, None])
    step = voice * COARSE + coarse(now - before)
    result["step_run"] = np.where(use, step * _RUNS + onward + RUN - 1, -1)
    keys_on = (shifted(black, -1) * 2 + black) * 4 + shifted(black, 1) * 2 + shifted(black, 2)
    result["step_keys"] = np.where(use, step * 16 + keys_on, -1)
    result["step_frame"] = np.where(use, (step * 4 + ahead[:, :, 0]) * 4 + ahead[:, :, 1], -1)
    return result


def _chords(lattice: Lattice) -> dict[str, Ints]:
    """Tables of a chord's shape and of where its outer keys go."""
    count = len(lattice)
    at = np.arange(count)
    keys = lattice.present.sum(axis=1)
    slots = np.arange(MAX_KEYS)[None, :]
    below = np.full((count, MAX_KEYS), 0, dtype=np.int64)
    above = below.copy()
    below[:, 1:] = np.clip(lattice.pitch[:, 1:] - lattice.pitch[:, :-1], 0, _NEAR - 1)
    above[:, :-1] = np.clip(lattice.pitch[:, 1:] - lattice.pitch[:, :-1], 0, _NEAR - 1)
    several = lattice.struck & (keys > 1)[:, None]
    first, last = slots == 0, slots == (keys - 1)[:, None]
    size = np.clip(keys - 2, 0, 3)[:, None]
    outer = np.where(first, size * _NEAR + above, (4 + size) * _NEAR + below)
    inner = below * _NEAR + above
    now, before, _ = _outer(lattice, 1)
    ways = np.searchsorted(_WAYS, now - before, side="right")
    ways[0] = 2
    span = np.clip(now[:, 1] - now[:, 0], 0, _GRIP - 1)
    move = (span * 5 + ways[:, 0]) * 5 + ways[:, 1]
    pairs = np.full((count, len(PAIRS)), -1, dtype=np.int64)
    for number, (low, high) in enumerate(PAIRS):
        here = (lattice.low == low) & (lattice.high == high)
        pairs[:, number] = np.where(here, move, -1)
    pairs[at == 0] = -1
    return {
        "unary_chord": np.where(several & (first | last), outer, -1),
        "unary_inner": np.where(several & ~(first | last), inner, -1),
        "grip_move": pairs,
    }


def _lines(lattice: Lattice) -> dict[str, Ints]:
    """Tables of the outer lines, see `legato`."""
    rows, unary = line_rows(lattice)
    at = np.arange(len(lattice))
    slots = np.full((len(lattice), MAX_KEYS), -1, dtype=np.int64)
    for slot, row in unary:
        slots[at, slot] = np.maximum(slots[at, slot], row)
    return {**rows, "unary_line": slots}


def _unary(lattice: Lattice) -> dict[str, Ints]:
    slots = np.arange(MAX_KEYS)[None, :]
    low, high = lattice.low[:, None], lattice.high[:, None]
    role = np.where(low == high, 0, np.where(slots == low, 1, np.where(slots == high, 2, 3)))
    return {
        "unary_role": np.where(lattice.struck, role * 2 + lattice.black, -1),
        "unary_key": np.where(lattice.struck, (low != high) * 12 + lattice.pitch % 12, -1),
    }


def _grips(lattice: Lattice) -> dict[str, Ints]:
    count = len(lattice)
    span = np.full((count, len(PAIRS)), -1, dtype=np.int64)
    colour = span.copy()
    for number, (low, high) in enumerate(PAIRS):
        both = lattice.present[:, low] & lattice.present[:, high]
        new = lattice.struck[:, low].astype(np.int64) + lattice.struck[:, high]
        kind = np.where(new == 2, int(high > low + 1), 2)
        interval = np.clip(lattice.pitch[:, high] - lattice.pitch[:, low], 0, _GRIP - 1)
        colours = lattice.black[:, low] * 2 + lattice.black[:, high]
        use = both & (new > 0)
        span[:, number] = np.where(use, kind * _GRIP + interval, -1)
        colour[:, number] = np.where(use, (kind * _GRIP + interval) * 4 + colours, -1)
    return {"grip_span": span, "grip_colour": colour}


def _outer(lattice: Lattice, lag: int) -> tuple[Ints, Ints, NDArray[np.bool_]]:
    """[T, 2] pitch of the lowest and highest struck key and of those `lag` slices before; [T] True for chords."""
    at = np.arange(len(lattice))
    now = np.stack([lattice.pitch[at, lattice.low], lattice.pitch[at, lattice.high]], axis=1)
    then = np.roll(now, lag, axis=0)
    chord = ~single(lattice)
    either = chord.copy()
    for step in range(1, lag + 1):
        either |= np.roll(chord, step)
    return now, then, either


def _black(pitch: Ints) -> Ints:
    return np.isin(pitch % 12, (1, 3, 6, 8, 10)).astype(np.int64)


def _steps(lattice: Lattice) -> dict[str, Ints]:
    now, then, chordal = _outer(lattice, 1)
    chord = ~single(lattice)
    before = np.roll(chord, 1)
    kind = np.where(~chordal, 0, np.where(~before, 1, np.where(chord, 3, 2)))[:, None] + np.array([0, 3])
    kind[~chordal, 0] = 0
    interval = now - then
    fine = np.clip(interval, -WIDE, WIDE) + WIDE
    rough = coarse(interval)
    role = np.where(chordal[:, None], np.array([1, 2]), 0)
    colours = _black(then) * 2 + _black(now)
    gap = np.searchsorted(_GAPS, lattice.gap, side="right")[:, None]
    time = np.searchsorted(_TIMES, lattice.ioi, side="right")[:, None]
    use = np.stack([np.ones_like(chordal), chordal], axis=1)
    use[0] = False
    some = np.minimum(role, 1)
    return {
        "step_span": np.where(use, kind * STEPS + fine, -1),
        "step_colour": np.where(use, (role * STEPS + fine) * 4 + colours, -1),
        "step_gap": np.where(use, (some * 3 + gap) * COARSE + rough, -1),
        "step_time": np.where(use, (some * 4 + time) * COARSE + rough, -1),
    }


def _turns(lattice: Lattice) -> dict[str, Ints]:
    now, then, chordal = _outer(lattice, 2)
    middle = np.roll(now, 1, axis=0)
    role = np.where(chordal[:, None], np.array([1, 2]), 0)
    first, second, whole = coarse(middle - then), coarse(now - middle), now - then
    fine = np.clip(whole, -WIDE, WIDE) + WIDE
    gaps = np.searchsorted(_GAPS, np.maximum(lattice.gap, np.roll(lattice.gap, 1)), side="right")[:, None]
    colours = _black(then) * 4 + _black(middle) * 2 + _black(now)
    use = np.stack([np.ones_like(chordal), chordal], axis=1)
    use[:2] = False
    return {
        "turn_path": np.where(use, (role * COARSE + first) * COARSE + second, -1),
        "turn_span": np.where(use, role * STEPS + fine, -1),
        "turn_gap": np.where(use, (role * 3 + gaps) * COARSE + coarse(whole), -1),
        "turn_colour": np.where(use, role * 8 + colours, -1),
    }
