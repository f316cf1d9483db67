"""Where a teacher would write a finger down, and where the hand goes on by itself."""

from __future__ import annotations

from fingering_service.lines import Line, Slice

_LONG_SILENCE = 1.0
"""Quarter notes of silence after which the hand has to be told where to start."""


def essential_slots(line: Line, fingers: list[tuple[int, ...]]) -> list[tuple[bool, ...]]:
    """For each slot of each slice, True where its finger is worth writing down.

    That is: the first notes and those after a silence; the thumb passing under or a finger passing over; a finger
    other than the one the hand's position suggests; another finger on a repeated key; the outer notes of a chord where
    the hand has moved.

    Args:
        line: The hand's line.
        fingers: Finger of each slot of each slice (right-hand order).
    """
    result: list[tuple[bool, ...]] = []
    for t, moment in enumerate(line.slices):
        if t == 0 or moment.gap >= _LONG_SILENCE:
            marks = [slot.struck for slot in moment.slots]
        else:
            marks = _marks(line.slices[t - 1], fingers[t - 1], moment, fingers[t])
        if t and _same_chord(line.slices[t - 1], fingers[t - 1], moment, fingers[t]):
            marks = [False] * len(marks)
        result.append(tuple(_outer(moment, marks)))
    return result


def _marks(before: Slice, then: tuple[int, ...], moment: Slice, now: tuple[int, ...]) -> list[bool]:
    marks = []
    for slot, finger in zip(moment.slots, now, strict=True):
        if not slot.struck:
            marks.append(False)
            continue
        nearest = min(range(len(before.slots)), key=lambda i: abs(before.slots[i].pitch - slot.pitch))
        interval = slot.pitch - before.slots[nearest].pitch
        change = finger - then[nearest]
        if interval == 0:
            marks.append(change != 0)
        elif interval * change <= 0:
            marks.append(True)
        else:
            # Without a change of position a finger covers about one to two semitones and a half.
            marks.append(not abs(change) <= abs(interval) <= 2.5 * abs(change) + 0.5)
    return marks


def _same_chord(before: Slice, then: tuple[int, ...], moment: Slice, now: tuple[int, ...]) -> bool:
    return then == now and tuple(s.pitch for s in before.slots) == tuple(s.pitch for s in moment.slots)


def _outer(moment: Slice, marks: list[bool]) -> list[bool]:
    struck = [k for k, slot in enumerate(moment.slots) if slot.struck]
    if len(struck) > 2 and any(marks):
        return [k in (struck[0], struck[-1]) for k in range(len(marks))]
    return marks
