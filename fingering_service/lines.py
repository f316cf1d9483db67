"""What one hand plays, in time: keys gathered into slices.

A slice is a moment at which the hand strikes at least one key; it also lists the keys the hand is still holding, so
that a search over slices can keep a held key's finger. Grace notes are slices of their own before (or after) the
notes they belong to. Pitches are those of a right hand: left-hand lines are mirrored (see `keyboard`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from fingering_service.keyboard import mirrored

MAX_KEYS = 5
"""Keys one hand can hold or strike with a finger each."""

ONE_FINGER_SEMITONES = 2
"""Neighbouring keys at most this far apart can be struck together by one finger."""


_LET_GO_EARLY = Fraction(1, 5)
"""Share of the time since the slice before up to which silence is articulation. Performances, and what programs make of
notation, let keys go a little early; a written rest is longer."""

_LET_GO_LATE = Fraction(1, 4)
"""Share of a slice's time, or of a key's own if that is shorter, up to which a key from before is only let go late,
legato, and not held; what is held on a page lasts longer."""


@dataclass(frozen=True, slots=True)
class Strike:
    """One key struck by one hand.

    Attributes:
        notes: Indices, in the caller's list of notes, of all noteheads this strike sounds: unisons of two voices,
            and tied continuations.
        midi: MIDI key as played.
        onset: Quarter notes from the start.
        end: When the key may be let go, in quarter notes; ties are included. Equal to `onset` for grace notes.
        grace: True for grace notes.
        after: True for grace notes that follow their main note.
        order: Order among grace notes of one onset.
    """

    notes: tuple[int, ...]
    midi: int
    onset: Fraction
    end: Fraction
    grace: bool = False
    after: bool = False
    order: int = 0


@dataclass(frozen=True, slots=True)
class Slot:
    """A finger's place in a slice: one key, or two neighbouring keys that one finger has to cover.

    Attributes:
        strikes: Indices of the strikes in `Line.strikes`.
        pitch: Right-hand pitch (mirrored for the left hand).
        struck: True where it is struck in this slice, False where it is only held.
    """

    strikes: tuple[int, ...]
    pitch: int
    struck: bool


@dataclass(frozen=True, slots=True)
class Slice:
    """One moment of a line.

    Attributes:
        onset: Quarter notes from the start.
        slots: Places in ascending right-hand pitch, at most MAX_KEYS, at least one of them struck.
        ioi: Quarter notes since the previous slice; 0 for the first and within grace groups.
        gap: Quarter notes of silence of this hand before the slice; 0 when notes follow each other, but for their
            articulation, or overlap.
        rolled: True where the keys struck with it did not fit one grip and were broken over several slices.
    """

    onset: Fraction
    slots: tuple[Slot, ...]
    ioi: float
    gap: float
    rolled: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """All that one hand plays.

    Attributes:
        right: True for the right hand.
        strikes: Struck keys in order of time.
        slices: Moments in order of time.
    """

    right: bool
    strikes: tuple[Strike, ...]
    slices: tuple[Slice, ...]


def build_line(strikes: Iterable[Strike], *, right: bool, max_span: int) -> Line:
    """The line of one hand.

    Args:
        strikes: What the hand strikes, in any order. Two strikes of one key at one onset are made one.
        right: True for the right hand.
        max_span: Widest reach in semitones. Held keys beyond it count as let go (the pedal keeps them).
    """
    ordered = _without_unisons(sorted(strikes, key=_moment))
    slices: list[Slice] = []
    held: dict[int, int] = {}  # right-hand pitch -> strike index
    last_end = Fraction(0)
    position = 0
    while position < len(ordered):
        after = position
        while after < len(ordered) and _moment(ordered[after])[:3] == _moment(ordered[position])[:3]:
            after += 1
        onset = ordered[position].onset
        struck = {(s.midi if right else mirrored(s.midi)): i for i, s in enumerate(ordered[position:after], position)}
        lasts = max(ordered[i].end for i in struck.values()) - onset
        if after < len(ordered):
            lasts = min(lasts, ordered[after].onset - onset)
        held = {p: i for p, i in held.items() if p not in struck and _is_held(ordered[i], onset, lasts)}
        ioi = onset - slices[-1].onset if slices else Fraction(0)
        silence = onset - last_end if slices and onset > last_end else Fraction(0)
        gap = silence if silence > _LET_GO_EARLY * ioi else Fraction(0)
        groups = _grips(struck, ordered)
        for group in groups:
            held = _within_reach(held, group, max_span)
            slots = [*group, *(Slot((i,), p, False) for p, i in held.items())]
            ordered_slots = tuple(sorted(slots, key=lambda s: s.pitch))
            slices.append(Slice(onset, ordered_slots, float(ioi), float(gap), rolled=len(groups) > 1))
            ioi = gap = Fraction(0)
            if len(groups) > 1:
                held = {}
        if len(groups) == 1:
            held |= {p: i for p, i in struck.items() if ordered[i].end > onset}
        last_end = max([last_end, *(ordered[i].end for i in struck.values())])
        position = after
    return Line(right, tuple(ordered), tuple(slices))


def _is_held(strike: Strike, onset: Fraction, lasts: Fraction) -> bool:
    """Whether a key struck before `onset` is held while others are struck then, which last so long as a slice."""
    overlap = strike.end - onset
    return overlap > 0 and overlap > _LET_GO_LATE * min(lasts, strike.end - strike.onset)


def _moment(strike: Strike) -> tuple[Fraction, int, int, int]:
    phase = 1 if not strike.grace else 2 if strike.after else 0
    return strike.onset, phase, strike.order if strike.grace else 0, strike.midi


def _without_unisons(ordered: Sequence[Strike]) -> list[Strike]:
    kept: list[Strike] = []
    for strike in ordered:
        if kept and _moment(kept[-1]) == _moment(strike):
            last = kept[-1]
            kept[-1] = Strike(
                (*last.notes, *strike.notes),
                last.midi,
                last.onset,
                max(last.end, strike.end),
                last.grace,
                last.after,
                last.order,
            )
        else:
            kept.append(strike)
    return kept


def _grips(struck: dict[int, int], strikes: Sequence[Strike]) -> list[list[Slot]]:
    """The struck keys as slots of one grip, or of several where a hand cannot strike them together."""
    slots = [Slot((struck[p],), p, True) for p in sorted(struck)]
    while len(slots) > MAX_KEYS:
        pairs = [i for i in range(len(slots) - 1) if _one_finger(slots[i], slots[i + 1], strikes)]
        if not pairs:
            break
        i = pairs[0]  # towards the thumb, which covers two keys most easily
        slots[i : i + 2] = [Slot(slots[i].strikes + slots[i + 1].strikes, slots[i].pitch, True)]
    if len(slots) <= MAX_KEYS:
        return [slots]
    count = -(-len(slots) // MAX_KEYS)
    size = -(-len(slots) // count)
    return [slots[i : i + size] for i in range(0, len(slots), size)]


def _one_finger(low: Slot, high: Slot, strikes: Sequence[Strike]) -> bool:
    keys = [strikes[i].midi for i in (*low.strikes, *high.strikes)]
    return max(keys) - min(keys) <= ONE_FINGER_SEMITONES


def _within_reach(held: dict[int, int], group: Sequence[Slot], max_span: int) -> dict[int, int]:
    """The held keys that can stay down while `group` is struck: the farthest are let go first."""
    low, high = group[0].pitch, group[-1].pitch
    kept = dict(held)
    while kept:
        span = max(high, *kept) - min(low, *kept)
        if span <= max_span and len(kept) + len(group) <= MAX_KEYS:
            break
        del kept[max(kept, key=lambda p: (max(low - p, p - high), p))]
    return kept
