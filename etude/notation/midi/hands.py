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
_SPAN_COST = 2.0
_WIDTH_COST = 0.06
_TRAVEL_COST = 0.05
_HOME_COST = 0.02
_HOMES = (52.0, 72.0)
"""Where the hands (left, right) lie when nothing else says so, as MIDI keys."""
_CROSS_COST = 4.0
_BEAM = 24
"""Paths kept at every chord."""


@dataclass(frozen=True, slots=True)
class _Path:
    """One way to have played up to here.

    Attributes:
        cost: Of all chords so far.
        centres: Where the hands (left, right) are, as MIDI keys.
        held: Notes (end, key) each hand may still hold.
        lefts: How many notes the last chord gave to the left.
        before: The path without it.
    """

    cost: float
    centres: tuple[float, float]
    held: tuple[tuple[tuple[Fraction, int], ...], tuple[tuple[Fraction, int], ...]]
    lefts: int
    before: _Path | None


def split_hands(music: MidiMusic) -> list[int]:
    """The staff of each note: 1 for the right hand, 2 for the left.

    Two tracks are two hands, the higher one the right. Anything else is split chord by chord: a chord gives its
    lowest notes to the left hand; how many is found by a beam search over the piece, at the least cost of span (beyond
    an octave, held notes included), of travel from where the hand was, and of distance from where it is at home.
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
    paths = [_Path(0.0, _HOMES, ((), ()), 0, None)]
    for chord in chords:
        candidates = [_extend(path, chord, lefts) for path in paths for lefts in range(len(chord) + 1)]
        candidates.sort(key=lambda path: path.cost)
        paths = candidates[:_BEAM]
    path: _Path | None = paths[0]
    staves: dict[int, int] = {}
    for chord in reversed(chords):
        assert path is not None  # one step of the path per chord
        for place, note in enumerate(chord):
            staves[id(note)] = 2 if place < path.lefts else 1
        path = path.before
    return [staves[id(note)] for note in notes]


def _extend(path: _Path, chord: Sequence[MidiNote], lefts: int) -> _Path:
    """The path with one more chord, whose `lefts` lowest notes the left hand takes."""
    now = chord[0].start + _TOGETHER
    cost = path.cost
    centres = list(path.centres)
    held: list[tuple[tuple[Fraction, int], ...]] = []
    for hand, part in enumerate((chord[:lefts], chord[lefts:])):
        still = tuple(item for item in path.held[hand] if item[0] > now)
        if part:
            keys = [note.key for note in part] + [key for _, key in still]
            span = max(keys) - min(keys)
            centre = (part[0].key + part[-1].key) / 2
            cost += _SPAN_COST * max(0, span - _COMFORTABLE) + _WIDTH_COST * span
            cost += _TRAVEL_COST * min(abs(centre - path.centres[hand]), 24.0)
            cost += _HOME_COST * abs(centre - _HOMES[hand])
            centres[hand] = centre
        held.append(still + tuple((note.end, note.key) for note in part))
    if centres[0] > centres[1]:
        cost += _CROSS_COST
    return _Path(cost, (centres[0], centres[1]), (held[0], held[1]), lefts, path)
