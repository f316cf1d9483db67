"""What it takes to play a fingered line: how wide, how far, how quick, and where it is awkward."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fractions import Fraction

from etude.score.v1 import playability_pb2
from fingering_service.difficulty import WINDOW_QUARTERS, Seconds
from fingering_service.lines import Line, Slice, Slot
from fingering_service.profile import HandProfile

JUMP_SEMITONES = 12
"""A move of the hand by more than this is a jump."""
JUMP_SECONDS = 0.75
"""With more time than this a jump is none."""
FREE_SECONDS = 0.25
"""Silence in which a finger leaves one key and finds another."""
REPETITION_SECONDS = 0.14
"""One finger repeats a key about seven times a second and no more often."""
_FINGER_SEMITONES = 1.8
"""Distance of neighbouring fingers of a hand at rest."""
_MAX_COMFORTABLE = 4


@dataclass(frozen=True, slots=True)
class Spot:
    """An awkward place: why, which slice of the line, and by how many semitones or seconds."""

    kind: playability_pb2.AwkwardKind.ValueType
    slice: int
    amount: float


@dataclass(frozen=True, slots=True)
class Demands:
    """What a line asks of a hand.

    Attributes:
        struck_keys: Keys it strikes.
        widest_span: Semitones between keys struck together and not rolled.
        widest_jump: Semitones the hand moves between two slices in a row.
        strikes_per_second: Most slices per second within four quarter notes.
        spots: Awkward places in the order of the music.
    """

    struck_keys: int
    widest_span: int
    widest_jump: int
    strikes_per_second: float
    spots: tuple[Spot, ...]


def demands_of(
    line: Line,
    fingers: Sequence[tuple[int, ...]],
    profile: HandProfile,
    seconds: Seconds,
    *,
    unreachable: Collection[int] = (),
    arpeggiated: Collection[int] = (),
) -> Demands:
    """What a fingered line asks of a hand.

    Args:
        line: The line.
        fingers: Finger of each slot of each slice, in right-hand order.
        profile: The hand.
        seconds: The speed.
        unreachable: Slices beyond the hand's reach.
        arpeggiated: Slices whose keys the page says to break.
    """
    slices = line.slices
    times = [seconds(moment.onset) for moment in slices]
    rolled = {*unreachable, *arpeggiated, *(t for t, moment in enumerate(slices) if moment.rolled)}
    comfortable = profile.spans()[:, :, _MAX_COMFORTABLE]
    spots: list[Spot] = []
    widest_span = widest_jump = 0
    for t, moment in enumerate(slices):
        struck = [(slot, finger) for slot, finger in zip(moment.slots, fingers[t], strict=True) if slot.struck]
        span = struck[-1][0].pitch - struck[0][0].pitch
        if t in rolled:
            if t not in arpeggiated and not (
                moment.rolled and t and slices[t - 1].rolled and slices[t - 1].onset == moment.onset
            ):
                reach = moment.slots[-1].pitch - moment.slots[0].pitch
                spots.append(Spot(playability_pb2.AWKWARD_KIND_UNREACHABLE, t, reach))
        else:
            widest_span = max(widest_span, span)
            over = span - comfortable[struck[0][1] - 1, struck[-1][1] - 1] if len(struck) > 1 else 0.0
            if over > 0:
                spots.append(Spot(playability_pb2.AWKWARD_KIND_WIDE_SPAN, t, span))
        if t and t not in rolled and t - 1 not in rolled:
            time = times[t] - times[t - 1]
            move = _move(slices[t - 1], fingers[t - 1], moment, fingers[t])
            widest_jump = max(widest_jump, round(move))
            free = moment.gap > 0 and seconds(moment.onset) - seconds(moment.onset - _exact(moment.gap)) >= FREE_SECONDS
            if move > JUMP_SEMITONES and time < JUMP_SECONDS:
                spots.append(Spot(playability_pb2.AWKWARD_KIND_JUMP, t, move))
            elif not free:
                found = _awkward_step(slices[t - 1], fingers[t - 1], moment, fingers[t], time)
                if found is not None:
                    spots.append(Spot(found, t, time))
    return Demands(
        struck_keys=sum(len(slot.strikes) for moment in slices for slot in moment.slots if slot.struck),
        widest_span=widest_span,
        widest_jump=widest_jump,
        strikes_per_second=_greatest_rate(slices, times, seconds),
        spots=tuple(spots),
    )


def _exact(quarters: float) -> Fraction:
    return Fraction(quarters).limit_denominator(10_000)


def _move(before: Slice, then: tuple[int, ...], moment: Slice, now: tuple[int, ...]) -> float:
    """Semitones by which the hand, as its fingers lie, is elsewhere than a slice before."""

    def place(slots: Sequence[Slot], fingers: tuple[int, ...]) -> float:
        at = [s.pitch - _FINGER_SEMITONES * (f - 1) for s, f in zip(slots, fingers, strict=True) if s.struck]
        return sum(at) / len(at)

    return abs(place(moment.slots, now) - place(before.slots, then))


def _awkward_step(
    before: Slice, then: tuple[int, ...], moment: Slice, now: tuple[int, ...], time: float
) -> playability_pb2.AwkwardKind.ValueType | None:
    """What is awkward about going from one single key to another with no silence between; None if nothing is."""
    old = [(s, f) for s, f in zip(before.slots, then, strict=True) if s.struck]
    new = [(s, f) for s, f in zip(moment.slots, now, strict=True) if s.struck]
    if len(old) != 1 or len(new) != 1:
        return None
    interval, first, second = new[0][0].pitch - old[0][0].pitch, old[0][1], new[0][1]
    if interval == 0:
        quick = first == second and 0 < time < REPETITION_SECONDS
        return playability_pb2.AWKWARD_KIND_REPETITION if quick else None
    if first == second:
        return playability_pb2.AWKWARD_KIND_SAME_FINGER
    if min(first, second) > 1 and (interval > 0) != (second > first):
        return playability_pb2.AWKWARD_KIND_CROSSING
    return None


def _greatest_rate(slices: Sequence[Slice], times: Sequence[float], seconds: Seconds) -> float:
    best, first = 0.0, 0
    moments = [t for t in range(len(slices)) if t == 0 or slices[t].onset > slices[t - 1].onset]
    for last, t in enumerate(moments):
        while slices[moments[first]].onset <= slices[t].onset - WINDOW_QUARTERS:
            first += 1
        start = max(Fraction(0), slices[t].onset - WINDOW_QUARTERS)
        length = times[t] - seconds(start)
        if length > 0 and start > 0:
            best = max(best, (last - first + 1) / length)
    return best or (len(moments) / max(times[-1], 1.0) if moments else 0.0)
