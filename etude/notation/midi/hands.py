"""Which hand plays which note of a MIDI file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from etude.notation.midi.file import MidiMusic, MidiNote

_TOGETHER = Fraction(1, 16)
"""Notes that start within this many quarters of each other are struck as one chord."""
_COMFORTABLE = 12
"""Semitones a hand spans without strain."""
_SPAN_COST = 4.0
_TRAVEL_COST = 0.12
_HOME_COST = 0.05
_HOMES = (52.0, 70.0)
"""Where the hands (left, right) lie when nothing else says so, as MIDI keys."""
_CROSS_COST = 1.5
_LONELY_COST = 0.6


@dataclass(frozen=True, slots=True)
class _Path:
    """The best way to have played up to here: cost, where the hands are, and what its last chord gave to the left."""

    cost: float
    centres: tuple[float, float]
    lefts: int
    before: _Path | None


def split_hands(music: MidiMusic) -> list[int]:
    """The staff of each note: 1 for the right hand, 2 for the left.

    Two tracks are two hands, the higher one the right. Anything else is split chord by chord: a chord gives its
    lowest notes to the left hand, how many is found by dynamic programming over the piece, at the least cost of
    span (beyond an octave), of travel from where the hand was, and of distance from where it is at home.
    """
    tracks = sorted({note.track for note in music.notes})
    if len(tracks) == 2 and not _overlap(music, tracks):
        means = {track: _mean([note.key for note in music.notes if note.track == track]) for track in tracks}
        right = max(tracks, key=lambda track: (means[track], -track))
        return [1 if note.track == right else 2 for note in music.notes]
    return _split_chords(music.notes)


def _mean(keys: Sequence[int]) -> float:
    return sum(keys) / len(keys)


def _overlap(music: MidiMusic, tracks: Sequence[int]) -> bool:
    """True when two tracks are no pair of hands: one of them spans chords no hand can."""
    for track in tracks:
        chords = _chords([note for note in music.notes if note.track == track])
        wide = sum(chord[-1].key - chord[0].key > 16 for chord in chords)
        if wide > 0.1 * len(chords):
            return True
    return False


def _chords(notes: Sequence[MidiNote]) -> list[list[MidiNote]]:
    """Notes struck together, lowest first, in order of time."""
    chords: list[list[MidiNote]] = []
    for note in notes:
        if chords and note.start - chords[-1][0].start <= _TOGETHER:
            chords[-1].append(note)
        else:
            chords.append([note])
    return [sorted(chord, key=lambda note: note.key) for chord in chords]


def _split_chords(notes: Sequence[MidiNote]) -> list[int]:
    chords = _chords(notes)
    paths = [_Path(0.0, _HOMES, 0, None)]
    for chord in chords:
        keys = [note.key for note in chord]
        following: list[_Path] = []
        for lowest in range(len(keys) + 1):
            best = min((_extend(path, keys, lowest) for path in paths), key=lambda path: path.cost)
            following.append(best)
        paths = following
    path: _Path | None = min(paths, key=lambda path: path.cost)
    staves: dict[int, int] = {}
    for chord in reversed(chords):
        assert path is not None  # one step of the path per chord
        for place, note in enumerate(chord):
            staves[id(note)] = 2 if place < path.lefts else 1
        path = path.before
    return [staves[id(note)] for note in notes]


def _extend(path: _Path, keys: list[int], lowest: int) -> _Path:
    """The path with one more chord, whose `lowest` lowest notes the left hand takes."""
    cost = path.cost
    centres = list(path.centres)
    for hand, part in enumerate((keys[:lowest], keys[lowest:])):
        if not part:
            continue
        centre = (part[0] + part[-1]) / 2
        over = max(0, part[-1] - part[0] - _COMFORTABLE)
        cost += _SPAN_COST * over
        cost += _TRAVEL_COST * min(abs(centre - path.centres[hand]), 24.0)
        cost += _HOME_COST * abs(centre - _HOMES[hand])
        centres[hand] = centre
    if centres[0] > centres[1]:
        cost += _CROSS_COST
    if len(keys) > 2 and lowest in (0, len(keys)) and keys[-1] - keys[0] > 7:
        cost += _LONELY_COST
    return _Path(cost, (centres[0], centres[1]), lowest, path)
