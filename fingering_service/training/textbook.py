"""Exercises every pianist learns: scales, the chromatic scale, five-finger figures and octaves on white keys; those on
chords, in all keys, are in `textbook_chords`.

Their fingerings stand in every method since Czerny's and are nobody's property. Editions rarely print them, because
everybody knows them, so a corpus of editions alone teaches the exceptions. They are made here as fully fingered tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from fingering_service.training.corpus import Piece, Window, windows_of
from fingering_service.training.tables import Table, TableNote
from fingering_service.training.textbook_chords import WHITE, Exercise, chord_exercises

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

_WHOLE_GROUPS = (1, 6)
"""Tonics of the major scales that every method begins, in the right hand, with the first finger of a whole group.

D flat begins with 2-3, G flat with 2-3-4, as the same keys are played an octave higher. From other black tonics methods
begin with a finger less or more.
"""

OCTAVES = (1, 2, 3, 4)
"""Octaves a scale goes up and down again. Scales are what every pianist practises most."""

GROUP = "textbook"


def textbook_windows() -> list[Window]:
    """The exercises as windows to train on. The scales of each key are a group of works, and so is all the rest."""
    return [window for table in exercises() for window in windows_of(_piece(table), table)]


def _piece(table: Table) -> Piece:
    name = f"{GROUP}: {table.header['key']}" if table.header["key"] else GROUP
    return Piece(name=name, group=name, split="train", composer="", labels=0, notes=0, licence="Apache-2.0")


def exercises() -> Iterator[Table]:
    """All exercises, each as a table of one hand, with its kind for a title and, for scales, its key."""
    for right in (True, False):
        base = 48 if right else 36
        for key, exercise in _scales(base, right):
            yield _table(exercise, right, "scale", key)
        for exercise in _chromatic_scales(base, right):
            yield _table(exercise, right, "chromatic scale")
        for root in WHITE:
            for exercise in _on_white_keys(base + root, right):
                yield _table(exercise, right, "white keys")
        for exercise in chord_exercises(base if right else base + 12, right=right):
            yield _table(exercise, right, "chord")


def _scales(base: int, right: bool) -> Iterator[tuple[str, Exercise]]:
    for mode, thumbs, pattern in (("major", MAJOR_THUMBS, _MAJOR), ("minor", MINOR_THUMBS, _HARMONIC_MINOR)):
        for tonic, of_hands in thumbs.items():
            for octaves in OCTAVES:
                up = _scale(base + tonic, pattern, of_hands[0 if right else 1], right, octaves)
                if right and mode == "major" and tonic in _WHOLE_GROUPS:
                    up = _with_whole_group(up)
                yield f"{tonic} {mode}", ([[n] for n in up + up[-2::-1]], Fraction(1, 4))


def _chromatic_scales(base: int, right: bool) -> Iterator[Exercise]:
    for start in (0, 5):
        for octaves in OCTAVES:
            keys = range(base + start, base + start + 12 * octaves + 1)
            chromatic = [(m, chromatic_finger(m, right)) for m in keys]
            yield [[n] for n in chromatic + chromatic[-2::-1]], Fraction(1, 4)


def _scale(
    tonic: int, pattern: Sequence[int], thumbs: tuple[int, int], right: bool, octaves: int
) -> list[tuple[int, int]]:
    """Some octaves upwards. Fingers follow from where the thumbs fall; ends away from a thumb are left open."""
    keys = [tonic + 12 * octave + step for octave in range(octaves) for step in pattern]
    keys.append(tonic + 12 * octaves)
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


def _with_whole_group(up: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The keys before the first thumb with the fingers that lead up to it from the tonic, which takes the second."""
    return [(key, finger or index + 2) for index, (key, finger) in enumerate(up)]


def chromatic_finger(midi: int, right: bool) -> int:
    """1 on white keys and 3 on black ones; of two white neighbours the one away from the thumb's side takes 2."""
    pitch = midi % 12
    if pitch not in WHITE:
        return 3
    return 2 if pitch in ((0, 5) if right else (4, 11)) else 1


def _on_white_keys(root: int, right: bool) -> Iterator[Exercise]:
    """Octaves, and figures on the five white keys from `root`."""
    index = WHITE.index(root % 12)
    octave = root - root % 12
    degree = [octave + 12 * ((index + i) // 7) + WHITE[(index + i) % 7] for i in range(8)]
    octaves = [[(k, 1 if right else 5), (k + 12, 5 if right else 1)] for k in degree]
    yield [*octaves, *octaves[-2::-1]], Fraction(1, 2)
    five = list(zip(degree[:5], (1, 2, 3, 4, 5) if right else (5, 4, 3, 2, 1), strict=True))
    yield [[five[i]] for i in (0, 1, 2, 3, 4, 3, 2, 1, 0, 2, 1, 3, 2, 4, 3, 1, 0, 2, 4, 2, 0)], Fraction(1, 4)
    yield [[five[i], five[i + 2]] for i in (0, 1, 2, 1, 0, 2, 1, 2, 0)], Fraction(1, 2)


def _table(exercise: Exercise, right: bool, title: str, key: str = "") -> Table:
    sequence, unit = exercise
    hand, staff = ("R", 1) if right else ("L", 2)
    notes = [
        TableNote(i * unit, unit, midi, "", hand, staff, "1", "1", str(finger) if finger else "", False, False)
        for i, chord in enumerate(sequence)
        for midi, finger in chord
    ]
    return Table({"title": title, "key": key}, tuple(notes))
