"""Exercises on chords in all keys: chords, broken chords, Alberti basses, arpeggios, five-finger figures, octaves.

The fingers are those of every method: a position of a triad has one grip whatever its keys are, an arpeggio has its
thumbs on white keys. Where methods disagree, an exercise is left out. The running figures over six keys are the first
seven of Ch.-L. Hanon, Le pianiste virtuose (1873).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from fingering_service.keyboard import is_black

Chord = Sequence[tuple[int, int]]
"""Keys struck together: (MIDI key, finger), 0 for a finger that methods disagree about."""
Exercise = tuple[Sequence[Chord], Fraction]
"""What is played, and how many quarter notes each chord of it takes."""

WHITE = (0, 2, 4, 5, 7, 9, 11)

_MAJOR_THIRD, _MINOR_THIRD, _FIFTH, _OCTAVE = 4, 3, 7, 12

_CLOSE = {True: ((1, 3, 5), (1, 2, 5), (1, 3, 5)), False: ((5, 3, 1), (5, 3, 1), (5, 2, 1))}
"""Grips of three keys by hand (right or left) and position, from below."""

_SIX_KEYS = (
    ((0, 2, 3, 4, 5, 4, 3, 2), (1, 2, 3, 4, 5, 4, 3, 2)),
    ((0, 2, 5, 4, 3, 4, 3, 2), (1, 2, 5, 4, 3, 4, 3, 2)),
    ((0, 2, 5, 4, 3, 2, 3, 4), (1, 2, 5, 4, 3, 2, 3, 4)),
    ((0, 1, 0, 2, 5, 4, 3, 2), (1, 2, 1, 2, 5, 4, 3, 2)),
    ((0, 5, 4, 5, 3, 4, 2, 3), (1, 5, 4, 5, 3, 4, 2, 3)),
    ((0, 5, 4, 5, 3, 5, 2, 5), (1, 5, 4, 5, 3, 5, 2, 5)),
    ((0, 2, 1, 3, 2, 4, 3, 2), (1, 3, 2, 4, 3, 5, 4, 3)),
)
"""Steps on the white keys, and the right hand's fingers."""

_SEQUENCE = 8
"""Degrees a figure of `_SIX_KEYS` moves up."""


def chord_exercises(base: int, *, right: bool) -> Iterator[Exercise]:
    """All of one hand.

    Args:
        base: MIDI key of a C; the exercises lie around it.
        right: True for the right hand.
    """
    for root in range(_OCTAVE):
        for third in (_MAJOR_THIRD, _MINOR_THIRD):
            tonic = base + root - (_OCTAVE if root > _OCTAVE // 2 else 0)
            yield from _on_triad(tonic, third, right=right)
    yield from _octaves(base, right=right)
    yield from _six_key_figures(base, right=right)
    for root in WHITE:
        keys = [base + root + step + _OCTAVE * octave for octave in (0, 1) for step in (0, 4, 7, 10)]
        fingers = (1, 2, 3, 4, 1, 2, 3, 4, 5) if right else (5, 4, 3, 2, 1, 4, 3, 2, 1)
        yield _there_and_back([[n] for n in zip([*keys, base + root + 2 * _OCTAVE], fingers, strict=True)]), _SIXTEENTH


_SIXTEENTH, _EIGHTH, _QUARTER = Fraction(1, 4), Fraction(1, 2), Fraction(1)


def _there_and_back(chords: Sequence[Chord]) -> list[Chord]:
    return [*chords, *chords[-2::-1]]


def _on_triad(tonic: int, third: int, *, right: bool) -> Iterator[Exercise]:
    """Everything on one triad: its positions as chords and broken, an arpeggio, five-finger figures on its tonic."""
    triad = [tonic, tonic + third, tonic + _FIFTH]
    positions = [triad, [*triad[1:], tonic + _OCTAVE], [triad[2], tonic + _OCTAVE, triad[1] + _OCTAVE]]
    close = [list(zip(keys, grip, strict=True)) for keys, grip in zip(positions, _CLOSE[right], strict=True)]
    full = [
        list(zip([*keys, keys[0] + _OCTAVE], grip, strict=True))
        for keys, grip in zip(positions, _four_key_grips(triad[1], right=right), strict=True)
    ]
    yield _there_and_back(close), _QUARTER
    yield _there_and_back(full), _QUARTER
    yield [[chord[i]] for chord in full for i in (0, 1, 2, 3, 2, 1)], _SIXTEENTH
    yield [[chord[i]] for chord in close for i in (0, 1, 2, 1)], _SIXTEENTH
    yield [[chord[i]] for chord in close for i in (0, 2, 1, 2)], _EIGHTH
    if not right:
        for chord in close:
            yield [[chord[i]] for i in (0, 2, 1, 2)] * 3, _EIGHTH
    yield _there_and_back([[n] for n in arpeggio(tonic, third, right=right)]), _SIXTEENTH
    steps = (0, 2, third, 5, _FIFTH)
    five = [(tonic + s, f if right else 6 - f) for s, f in zip(steps, (1, 2, 3, 4, 5), strict=True)]
    order = (0, 1, 2, 3, 4, 3, 2, 1, 0, 2, 1, 3, 2, 4, 3, 1, 0, 2, 4, 2, 0)
    yield [[five[i]] for i in order], _SIXTEENTH
    yield [[five[i], five[i + 2]] for i in (0, 1, 2, 1, 0, 2, 1, 2, 0)], _EIGHTH


def _four_key_grips(middle: int, *, right: bool) -> tuple[tuple[int, ...], ...]:
    """Grips of a triad with its octave by position, from below; `middle` is the triad's third."""
    if right:
        return (1, 2, 3, 5), (1, 2, 4, 5), (1, 2, 4, 5)
    return (5, 3, 2, 1) if is_black(middle) else (5, 4, 2, 1), (5, 4, 2, 1), (5, 3, 2, 1)


def arpeggio(tonic: int, third: int, *, right: bool) -> list[tuple[int, int]]:
    """Two octaves of a triad upwards: MIDI keys and fingers.

    From a white tonic, or where all keys are black, the thumb takes the tonic; else the lowest white key above it.
    """
    keys = [tonic + step + _OCTAVE * octave for octave in (0, 1) for step in (0, third, _FIFTH)] + [tonic + 2 * _OCTAVE]
    black = [is_black(k) for k in keys[:3]]
    if not black[0] or all(black):
        wide = third == _MAJOR_THIRD and black[1]
        fingers = [1, 2, 3, 1, 2, 3, 5] if right else [5, 3, 2, 1, 3, 2, 1] if wide else [5, 4, 2, 1, 4, 2, 1]
    elif not black[1]:
        apart = third == _MAJOR_THIRD and not black[2]  # B flat major alone
        fingers = [2, 1, 2, 4, 1, 2, 4] if right else [3, 2, 1, 3, 2, 1, 3] if apart else [2, 1, 4, 2, 1, 4, 2]
    else:
        fingers = [2, 3, 1, 2, 3, 1, 2] if right else [3, 2, 1, 3, 2, 1, 3]
    return list(zip(keys, fingers, strict=True))


def _octaves(base: int, *, right: bool) -> Iterator[Exercise]:
    """Chromatic octaves, with the fourth finger on black keys."""
    chords = []
    for key in range(base, base + _OCTAVE + 1):
        outer = 4 if is_black(key) else 5
        chords.append([(key, 1 if right else outer), (key + _OCTAVE, outer if right else 1)])
    yield _there_and_back(chords), _EIGHTH


def _six_key_figures(base: int, *, right: bool) -> Iterator[Exercise]:
    degrees = [base + _OCTAVE * (i // len(WHITE)) + WHITE[i % len(WHITE)] for i in range(2 * _SEQUENCE)]
    for steps, fingers in _SIX_KEYS:
        yield (
            [
                [(degrees[start + step], finger if right else 6 - finger)]
                for start in range(_SEQUENCE)
                for step, finger in zip(steps, fingers, strict=True)
            ],
            _SIXTEENTH,
        )
