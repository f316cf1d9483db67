"""Written values: the chords and rests of a voice in one bar as notes, dots, tuplets and ties."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from etude.notation.midi.grid import Bar, Window
from etude.notation.midi.voices import Chord
from etude.notation.time import QUARTERS_OF_TYPE, spell_duration, written_quarters
from etude.score.v1 import event_pb2


@dataclass(frozen=True, slots=True)
class Piece:
    """One written chord or rest.

    Attributes:
        start: In quarters from the start of the piece.
        end: Likewise.
        keys: MIDI keys; empty for a rest.
        type: Note value.
        dots: Its dots.
        ratio: Tuplet it is in, (1, 1) for none.
        group: Start of the tuplet it is in.
        tied: True when the same keys go on in the next piece.
    """

    start: Fraction
    end: Fraction
    keys: tuple[int, ...]
    type: event_pb2.NoteType.ValueType
    dots: int
    ratio: tuple[int, int]
    group: Fraction
    tied: bool


@dataclass(frozen=True, slots=True)
class _Segment:
    """A chord or rest, or the part of one that lies in the bar; `goes_on` when it lasts beyond."""

    start: Fraction
    end: Fraction
    keys: tuple[int, ...]
    goes_on: bool


def spell_bar(bar: Bar, windows: Sequence[Window], chords: Sequence[Chord]) -> list[Piece]:
    """The pieces that fill a bar with the chords of one voice and rests between them.

    Args:
        bar: The bar.
        windows: Its windows, in order.
        chords: Chords of the voice that sound in it, in order.
    """
    segments = list(_segments(bar, chords))
    edges = {edge for segment in segments for edge in (segment.start, segment.end)}
    pieces: list[Piece] = []
    plain: list[Window] = []
    for window in windows:
        if _is_plain(bar, window, edges):
            plain.append(window)
            continue
        pieces += _plain_pieces(bar, plain, segments)
        plain = []
        pieces += _tuplet_pieces(window, segments, edges)
    pieces += _plain_pieces(bar, plain, segments)
    return pieces


def _segments(bar: Bar, chords: Sequence[Chord]) -> Iterator[_Segment]:
    reached, bar_end = bar.start, bar.start + bar.length
    for chord in chords:
        start, end = max(chord.start, bar.start), min(chord.end, bar_end)
        if start > reached:
            yield _Segment(reached, start, (), False)
        yield _Segment(start, end, chord.keys, chord.end > bar_end)
        reached = end
    if reached < bar_end:
        yield _Segment(reached, bar_end, (), False)


def _is_plain(bar: Bar, window: Window, edges: set[Fraction]) -> bool:
    """True when the edges in a window are reached by halving notes, dots aside."""
    finest = Fraction(1, 64)
    return all(
        ((edge - bar.start) / finest).denominator == 1
        for edge in edges
        if window.start < edge < window.start + window.length
    ) and _is_power_of_two(window.length.denominator)


def _is_power_of_two(number: int) -> bool:
    return number & (number - 1) == 0


def _within(segments: Sequence[_Segment], start: Fraction, end: Fraction) -> Iterator[_Segment]:
    for segment in segments:
        low, high = max(segment.start, start), min(segment.end, end)
        if low < high:
            yield _Segment(low, high, segment.keys, segment.goes_on or high < segment.end)


def _tuplet_pieces(window: Window, segments: Sequence[_Segment], edges: set[Fraction]) -> list[Piece]:
    """A window as one tuplet, in the coarsest division that its edges allow."""
    inside = [edge - window.start for edge in edges if window.start < edge < window.start + window.length]
    parts = min(
        (
            p
            for p in range(1, window.parts + 1)
            if window.parts % p == 0 and all((edge * p / window.length).denominator == 1 for edge in inside)
        ),
        default=window.parts,
    )
    normal = _normal(window, parts)
    unit = window.length / normal
    pieces: list[Piece] = []
    for segment in _within(segments, window.start, window.start + window.length):
        count = (segment.end - segment.start) * parts / window.length
        values = spell_duration(count * unit, max_dots=1)
        position = segment.start
        for number, (note_type, dots) in enumerate(values):
            length = written_quarters(note_type, dots) * normal / parts
            tied = bool(segment.keys) and (segment.goes_on or number < len(values) - 1)
            ratio = (parts, normal)
            pieces.append(Piece(position, position + length, segment.keys, note_type, dots, ratio, window.start, tied))
            position += length
    return pieces


def _normal(window: Window, parts: int) -> int:
    """How many of the unit a tuplet stands for: the power of two below, or three (six, ...) to a dotted beat."""
    if _is_power_of_two(window.length.numerator):
        return 1 << (parts.bit_length() - 1)
    return 3 * (1 << max(0, (parts // 4).bit_length() - 1))


def _plain_pieces(bar: Bar, windows: Sequence[Window], segments: Sequence[_Segment]) -> list[Piece]:
    if not windows:
        return []
    pieces: list[Piece] = []
    for segment in _within(segments, windows[0].start, windows[-1].start + windows[-1].length):
        parts = list(_split(bar, segment.start - bar.start, segment.end - bar.start))
        for number, (start, end, note_type, dots) in enumerate(parts):
            tied = bool(segment.keys) and (segment.goes_on or number < len(parts) - 1)
            pieces.append(
                Piece(bar.start + start, bar.start + end, segment.keys, note_type, dots, (1, 1), bar.start, tied)
            )
    return pieces


Value = tuple[Fraction, Fraction, event_pb2.NoteType.ValueType, int]


def _split(bar: Bar, start: Fraction, end: Fraction) -> Iterator[Value]:
    """Values from `start` to `end` of a bar that show its beats: split at the strongest beat inside until each part is
    one value that starts where such values do.
    """
    value = _single(end - start)
    if value is not None and _sits_well(bar, start, end):
        yield start, end, *value
        return
    cut = _strongest_inside(bar, start, end)
    if cut is None:
        position = start
        for note_type, dots in spell_duration(end - start, max_dots=1):
            length = written_quarters(note_type, dots)
            yield position, position + length, note_type, dots
            position += length
        return
    yield from _split(bar, start, cut)
    yield from _split(bar, cut, end)


def _single(length: Fraction) -> tuple[event_pb2.NoteType.ValueType, int] | None:
    for note_type, base in QUARTERS_OF_TYPE.items():
        for dots in (0, 1):
            if base * (2 - Fraction(1, 2**dots)) == length:
                return note_type, dots
    return None


def _sits_well(bar: Bar, start: Fraction, end: Fraction) -> bool:
    """True where a value of that length is usual: on a multiple of itself, or off the beat within two beats."""
    length = end - start
    if start == 0 and end == bar.length:
        return True
    if bar.compound:
        crosses = start // bar.beat != (end - Fraction(1, 1024)) // bar.beat
        return start % bar.beat == 0 and length % bar.beat == 0 if crosses else True
    base = Fraction(1)
    while base > length:
        base /= 2
    while base * 2 <= length:
        base *= 2
    if start % base == 0:
        return True
    syncopated = length == base and start % (base / 2) == 0 and length <= 2 * bar.beat
    middle = bar.length / 2
    return syncopated and not (bar.beats % 4 == 0 and start < middle < end and length >= bar.beat * 2)


def _strongest_inside(bar: Bar, start: Fraction, end: Fraction) -> Fraction | None:
    """The strongest metrical place strictly between two places: the middle, then beats, then their halves."""
    levels: list[Fraction] = []
    if bar.beats % 4 == 0 or (bar.compound and bar.beats % 12 == 0):
        levels.append(bar.length / 2)
    levels.append(bar.beat)
    step = bar.beat / 3 if bar.compound else bar.beat / 2
    while step >= Fraction(1, 32):
        levels.append(step)
        step /= 2
    for level in levels:
        cut = (start // level + 1) * level
        if cut < end:
            return cut
    return None
