"""The time an octave line holds, from the notes it is drawn over; everything else about it follows from that range."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from omr_service.assembler.music import OctaveSign

SLACK = 0.3
"""How far, in staff spaces, the middle of a head may stand outside a line that moves it."""
SIGN = (0.25, 2.0)
"""Spaces from the left end of a sign to the middle of the head it stands over. One further left is not moved where
there is one so far in: engravers let the sign begin at the head, or somewhat before it."""
GRACE = 0.25
"""Weight of a grace note, of which there may be several to one note."""


@dataclass(frozen=True, slots=True)
class StaffNote:
    """A note on the staff of an octave line: where it is printed and when it sounds.

    Attributes:
        x: Middle of its head.
        onset, duration: Ticks; the duration of a grace note is 0.
    """

    x: float
    onset: int
    duration: int


def range_of(
    sign: OctaveSign, notes: Sequence[StaffNote], rests: Sequence[StaffNote], space: float
) -> tuple[int, int] | None:
    """The ticks from which and up to which, exclusively, a line holds; None where it is over no note.

    A Score says by onset which notes a line moves, and notes of one onset may stand on both sides of its end (grace
    notes have the onset of the note they lean on). The range is the run of onsets with the most notes under the line
    over those that are not; it ends with its last note, or where the next note outside begins. Rests under it that
    follow or go before are part of it.

    Args:
        sign: The line.
        notes: All notes of its staff in its system.
        rests: All rests there.
        space: Staff space, in the units of the page.
    """
    left, right = sign.x0 - SLACK * space, sign.x1 + SLACK * space
    inner, outer = (sign.x0 + reach * space for reach in SIGN)
    if any(inner < note.x < outer for note in notes):
        left = inner
    gains: dict[int, float] = {}
    for note in notes:
        weight = 1.0 if note.duration > 0 else GRACE
        under = left <= note.x <= right
        gains[note.onset] = gains.get(note.onset, 0.0) + (weight if under else -weight)
    best, total = 0.0, 0.0
    run: list[int] = []
    held: list[int] = []
    for onset in sorted(gains):
        if total <= 0.0:
            total, run = 0.0, []
        total, run = total + gains[onset], [*run, onset]
        if total > best:
            best, held = total, run
    if not held:
        return None
    after = min((onset for onset in gains if onset > held[-1]), default=None)
    start, end = held[0], max(n.onset + n.duration for n in notes if held[0] <= n.onset <= held[-1])
    if end <= held[-1]:
        end = held[-1] + 1 if after is None else after
    elif after is not None:
        end = min(end, after)
    covered = sorted((r for r in rests if left <= r.x <= sign.x1), key=lambda r: r.onset)
    for rest in reversed(covered):
        if rest.onset + rest.duration == start and not any(rest.onset <= onset < start for onset in gains):
            start = rest.onset
    for rest in covered:
        if rest.onset == end and (after is None or rest.onset + rest.duration <= after):
            end = rest.onset + rest.duration
    return start, end
