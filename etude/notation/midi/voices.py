"""Chords and voices of one hand, of quantised notes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from etude.notation.midi.file import MidiNote
from etude.notation.midi.grid import Window, snap

MAX_VOICES = 2
_LEGATO = Fraction(1, 2)
"""A note held for at least this part of the time to the next one is written up to it."""
_LONG = Fraction(2)
"""Quarters beyond which a gap is a rest whatever was held before it."""


@dataclass(frozen=True, slots=True)
class Chord:
    """Keys struck and left together; times in quarters."""

    start: Fraction
    end: Fraction
    keys: tuple[int, ...]


def voices_of(notes: Sequence[MidiNote], windows: Sequence[Window]) -> list[list[Chord]]:
    """The voices of one hand, each a list of chords that do not overlap, upper voice first.

    Notes that start together and last about equally long are a chord. What is held while others move is a second
    voice; where two do not suffice, the longest-held notes are cut short.
    """
    chords = _chords(notes, windows)
    voices: list[list[Chord]] = [[] for _ in range(MAX_VOICES)]
    for chord in chords:
        free = [voice for voice in voices if not voice or voice[-1].end <= chord.start]
        if free:
            free[0].append(chord)
            continue
        # cut what started longest ago
        voice = min(voices, key=lambda voice: (voice[-1].start, voice[-1].end))
        if voice[-1].start < chord.start:
            voice[-1] = Chord(voice[-1].start, chord.start, voice[-1].keys)
            voice.append(chord)
        else:
            last = voice[-1]
            voice[-1] = Chord(last.start, last.end, tuple(sorted({*last.keys, *chord.keys})))
    return [voice for voice in voices if voice]


def _chords(notes: Sequence[MidiNote], windows: Sequence[Window]) -> list[Chord]:
    onsets = sorted({snap(note.start, windows) for note in notes})
    following = dict(pairwise(onsets))
    groups: dict[tuple[Fraction, Fraction], set[int]] = defaultdict(set)
    for note in notes:
        start = snap(note.start, windows)
        groups[start, _end(note, start, following.get(start), windows)].add(note.key)
    chords = [Chord(start, end, tuple(sorted(keys))) for (start, end), keys in groups.items()]
    # the upper voice takes the higher chord of two that start together
    return sorted(chords, key=lambda chord: (chord.start, -chord.keys[-1], chord.end))


def _end(note: MidiNote, start: Fraction, following: Fraction | None, windows: Sequence[Window]) -> Fraction:
    """Where a note ends on paper: at the next note of the hand if it is held nearly so long, else where it was left."""
    end = snap(note.end, windows)
    if following is not None:
        gap = following - start
        held = note.end - note.start
        if gap <= _LONG and _LEGATO * gap <= held <= gap * Fraction(5, 4):
            return following
        if following > end and following - end < Fraction(1, 8):
            return following
    if end <= start:
        window = next((w for w in windows if w.start <= start < w.start + w.length), windows[-1])
        end = min(start + window.unit, following) if following is not None else start + window.unit
    return end
