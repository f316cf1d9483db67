"""Exercises every pianist learns: scales, arpeggios, the chromatic scale, chords, five-finger figures, Alberti basses.

Their fingerings stand in every method since Czerny's and are nobody's property. Editions rarely print them, because
everybody knows them, so a corpus of editions alone teaches the exceptions. They are made here as fully fingered tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from fingering_service.training.corpus import Piece, Window, windows_of
from fingering_service.training.tables import Table, TableNote

Chord = Sequence[tuple[int, int]]
"""Keys struck together: (MIDI key, finger), 0 for a finger that methods disagree about."""

_MAJOR = (0, 2, 4, 5, 7, 9, 11)
_HARMONIC_MINOR = (0, 2, 3, 5, 7, 8, 11)

MAJOR_THUMBS = {
    0: ((0, 5), (0, 7)), 7: ((7, 0), (7, 2)), 2: ((2, 7), (2, 9)), 9: ((9, 2), (9, 4)), 4: ((4, 9), (4, 11)),
    11: ((11, 4), (4, 11)), 5: ((5, 0), (5, 0)), 10: ((0, 5), (2, 9)), 3: ((5, 0), (7, 2)), 8: ((0, 5), (0, 7)),
    1: ((5, 0), (5, 0)), 6: ((11, 5), (11, 5)),
}  # fmt: skip
"""Pitch classes on which the thumbs of the right and of the left hand fall in a major scale, by that of its tonic."""

MINOR_THUMBS = {
    9: ((9, 2), (9, 4)), 4: ((4, 9), (4, 11)), 2: ((2, 7), (2, 9)), 7: ((7, 0), (7, 2)), 0: ((0, 5), (0, 7)),
    11: ((11, 4), (4, 11)), 5: ((5, 0), (5, 0)), 10: ((0, 5), (0, 5)), 3: ((5, 11), (5, 11)), 6: ((9, 2), (11, 5)),
    1: ((4, 9), (4, 0)), 8: ((11, 4), (11, 7)),
}  # fmt: skip
"""The same for harmonic minor scales."""

_WHITE = (0, 2, 4, 5, 7, 9, 11)


GROUP = "textbook"


def textbook_windows() -> list[Window]:
    """The exercises as windows to train on, all of one group."""
    piece = Piece(name=GROUP, group=GROUP, split="train", composer="", labels=0, notes=0, licence="Apache-2.0")
    return [window for table in exercises() for window in windows_of(piece, table)]


def exercises() -> Iterator[Table]:
    """All exercises, each as a table of one hand."""
    for right in (True, False):
        for sequence, unit in _sequences(right):
            yield _table(sequence, unit, right)


def _sequences(right: bool) -> Iterator[tuple[Sequence[Chord], Fraction]]:
    base = 60 if right else 36
    for thumbs, pattern in ((MAJOR_THUMBS, _MAJOR), (MINOR_THUMBS, _HARMONIC_MINOR)):
        for tonic, of_hands in thumbs.items():
            up = _scale(base + tonic, pattern, of_hands[0 if right else 1], right)
            yield [[n] for n in up + up[-2::-1]], Fraction(1, 4)
    for start in (0, 5):
        chromatic = [(m, chromatic_finger(m, right)) for m in range(base + start, base + start + 25)]
        yield [[n] for n in chromatic + chromatic[-2::-1]], Fraction(1, 4)
    for root in _WHITE:
        yield from _triads(base + root, right)


def _scale(tonic: int, pattern: Sequence[int], thumbs: tuple[int, int], right: bool) -> list[tuple[int, int]]:
    """Two octaves upwards. Fingers follow from where the thumbs fall; ends away from a thumb are left open."""
    keys = [tonic + 12 * octave + step for octave in (0, 1) for step in pattern] + [tonic + 24]
    ordered = keys if right else keys[::-1]  # from the thumb's side outwards
    fingers: list[int] = []
    for key in ordered:
        if key % 12 in thumbs:
            fingers.append(1)
        else:
            fingers.append(fingers[-1] + 1 if fingers and fingers[-1] else 0)
    if fingers[-1] == 1:  # the last key needs no thumb: the hand goes no further
        fingers[-1] = fingers[-2] + 1
    found = list(zip(ordered, fingers, strict=True))
    return found if right else found[::-1]


def chromatic_finger(midi: int, right: bool) -> int:
    """1 on white keys and 3 on black ones; of two white neighbours the one away from the thumb's side takes 2."""
    pitch = midi % 12
    if pitch not in _WHITE:
        return 3
    return 2 if pitch in ((0, 5) if right else (4, 11)) else 1


def _triads(root: int, right: bool) -> Iterator[tuple[Sequence[Chord], Fraction]]:
    """Arpeggio, chords and figures on the white keys of C major from `root`."""
    index = _WHITE.index(root % 12)
    octave = root - root % 12
    degree = [octave + 12 * ((index + i) // 7) + _WHITE[(index + i) % 7] for i in range(15)]
    first, third, fifth = degree[0], degree[2], degree[4]
    if fifth - first != 7:  # the diminished triad on the leading note is left out
        return
    triad = [first, third, fifth]
    arpeggio = [*triad, *(k + 12 for k in triad), first + 24]
    fingers = [1, 2, 3, 1, 2, 3, 5] if right else [5, 4, 2, 1, 4, 2, 1]
    up = list(zip(arpeggio, fingers, strict=True))
    yield [[n] for n in up + up[-2::-1]], Fraction(1, 4)
    inversions = [triad, [third, fifth, first + 12], [fifth, first + 12, third + 12]]
    close = ([1, 3, 5], [1, 2, 5], [1, 3, 5]) if right else ([5, 3, 1], [5, 3, 1], [5, 2, 1])
    chords = [list(zip(keys, grip, strict=True)) for keys, grip in zip(inversions, close, strict=True)]
    yield [*chords, *chords[-2::-1]], Fraction(1)
    full = ([1, 2, 3, 5], [1, 2, 4, 5], [1, 2, 4, 5]) if right else ([5, 4, 2, 1], [5, 4, 2, 1], [5, 3, 2, 1])
    wide = [list(zip([*keys, keys[0] + 12], grip, strict=True)) for keys, grip in zip(inversions, full, strict=True)]
    yield [*wide, *wide[-2::-1]], Fraction(1)
    broken = [[chord[i]] for chord in wide for i in (0, 1, 2, 3, 2, 1)]
    yield [*broken, [wide[-1][0]]], Fraction(1, 4)
    octaves = [[(k, 1 if right else 5), (k + 12, 5 if right else 1)] for k in degree[:8]]
    yield [*octaves, *octaves[-2::-1]], Fraction(1, 2)
    five = list(zip(degree[:5], (1, 2, 3, 4, 5) if right else (5, 4, 3, 2, 1), strict=True))
    yield [[five[i]] for i in (0, 1, 2, 3, 4, 3, 2, 1, 0, 2, 1, 3, 2, 4, 3, 1, 0, 2, 4, 2, 0)], Fraction(1, 4)
    thirds = [[five[i], five[i + 2]] for i in (0, 1, 2, 1, 0, 2, 1, 2, 0)]
    yield thirds, Fraction(1, 2)
    if not right:
        alberti = [[chords[0][i]] for i in (0, 2, 1, 2)]
        yield alberti * 4, Fraction(1, 2)


def _table(sequence: Sequence[Chord], unit: Fraction, right: bool) -> Table:
    hand, staff = ("R", 1) if right else ("L", 2)
    notes = [
        TableNote(i * unit, unit, midi, "", hand, staff, "1", "1", str(finger) if finger else "", False, False)
        for i, chord in enumerate(sequence)
        for midi, finger in chord
    ]
    return Table({"title": "exercise"}, tuple(notes))
