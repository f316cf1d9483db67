"""A measure's rhythm as it leaves the solver: times, voices and tuplets of its elements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from omr_service.assembler.music import Element
from omr_service.assembler.rhythm.bar_model import BarSolution, Item, Placed, Reading
from omr_service.assembler.rhythm.voices import number_voices


@dataclass(frozen=True, slots=True)
class Timing:
    """Where an element sounds.

    Attributes:
        onset: Quarters from the start of the measure.
        duration: Quarters.
        voice: From 1, within the staff.
        home: Position of the staff its voice belongs to.
        ratios: Tuplet ratios (actual, normal), outermost first.
        whole_bar: True for a rest that stands for the whole measure.
        level: Note value taken.
        dots: Dots taken.
    """

    onset: Fraction
    duration: Fraction
    voice: int
    home: int
    ratios: tuple[tuple[int, int], ...]
    whole_bar: bool
    level: int
    dots: int


@dataclass(frozen=True, slots=True)
class MeasureTiming:
    """A measure's rhythm.

    Attributes:
        length: Quarters.
        timings: By element number on the page; grace notes are not in it.
        fits: True when all voices fill the measure.
        expected: True when the length is that of the meter.
        cost: Cost of the solution.
        unmarked: Runs of elements in a tuplet whose number is not printed, with (actual, normal).
        runs: For each printed tuplet number, which of its runs it stands over; -1 for none.
        dropped: Elements, by number on the page, that are taken for something else than a chord or rest.
        doubled: Chords whose notes are those of another one, with that one: both by number on the page.
    """

    length: Fraction
    timings: dict[int, Timing]
    fits: bool
    expected: bool
    cost: float
    unmarked: tuple[tuple[tuple[int, ...], tuple[int, int]], ...]
    runs: tuple[int, ...] = ()
    dropped: tuple[int, ...] = ()
    doubled: tuple[tuple[int, int], ...] = ()


Ratios = tuple[tuple[int, int], ...]
"""Tuplet ratios (actual, normal), outermost first."""


def measure_timing(
    timed: Sequence[Element],
    small: dict[int, tuple[Element, ...]],
    marks: dict[int, Ratios],
    items: Sequence[Item],
    solution: BarSolution,
    runs: tuple[int, ...],
    dropped: tuple[int, ...] = (),
) -> MeasureTiming:
    """The rhythm that a solution means.

    Args:
        timed: Elements that were placed.
        small: For an element that stands for a run, the run.
        marks: By element, the ratios of printed tuplets.
        items: The elements as the solver saw them.
        solution: Where it put them.
        runs: For each printed tuplet number, which of its runs it stands over.
        dropped: Elements that were left out.
    """
    voices = number_voices(solution.placed, items)
    timings: dict[int, Timing] = {}
    by_chain: dict[int, list[int]] = {}
    unmarked: list[tuple[tuple[int, ...], tuple[int, int]]] = []
    for k, (element, placed) in enumerate(zip(timed, solution.placed, strict=True)):
        reading = items[k].readings[placed.reading]
        home, voice = voices[placed.voice]
        if element.index in small:
            run = small[element.index]
            spread = _spread(run, placed, voice, home)
            timings.update(spread)
            ratios = spread[element.index].ratios
            if ratios:
                unmarked.append((tuple(e.index for e in run), ratios[0]))
            continue
        by_chain.setdefault(placed.voice, []).append(k)
        own = list(marks.get(element.index, ()))
        if reading.ratio != 1:
            own.append((reading.ratio.denominator, reading.ratio.numerator))
        level, dots = _written(element, reading, own)
        timings[element.index] = Timing(
            placed.onset, placed.duration, voice, home, tuple(own), reading.duration == 0, level, dots
        )
    unmarked += _unmarked(timed, solution.placed, items, by_chain)
    # what does not fit is kept as read: the measure lasts as long as its longest voice
    longest = max(t.onset + t.duration for t in timings.values())
    return MeasureTiming(
        max(solution.length, longest),
        timings,
        solution.fits,
        solution.expected and longest <= solution.length,
        solution.cost,
        tuple(unmarked),
        runs,
        dropped,
    )


def _spread(run: Sequence[Element], placed: Placed, voice: int, home: int) -> dict[int, Timing]:
    """The notes of a run, sharing the time that was found for it."""
    total = sum((e.value for e in run), Fraction(0))
    ratio = placed.duration / total
    # of seventeen in the time of eight, 17:8; of sixteen in that of eight, 16:8
    times = len(run) // ratio.denominator if len(run) % ratio.denominator == 0 else 1
    ratios = ((times * ratio.denominator, times * ratio.numerator),) if ratio != 1 else ()
    result: dict[int, Timing] = {}
    onset = placed.onset
    for element in run:
        duration = element.value * ratio
        result[element.index] = Timing(onset, duration, voice, home, ratios, False, element.level, element.dots)
        onset += duration
    return result


def _written(element: Element, reading: Reading, ratios: list[tuple[int, int]]) -> tuple[int, int]:
    """Level and dots of the reading taken: those printed unless it says otherwise."""
    if reading.duration == 0:
        return element.level, element.dots
    value = reading.duration
    for actual, normal in ratios:
        value *= Fraction(actual, normal)
    if value == element.value:
        return element.level, element.dots
    for dots in range(3):
        plain = value / (2 - Fraction(1, 2**dots))
        if plain.numerator == 1 and plain.denominator & (plain.denominator - 1) == 0:
            return plain.denominator.bit_length() - 1, dots
        if plain.denominator == 1 and plain.numerator & (plain.numerator - 1) == 0:
            return 1 - plain.numerator.bit_length(), dots
    return element.level, element.dots


def _unmarked(
    timed: Sequence[Element], placed: Sequence[Placed], items: Sequence[Item], by_chain: dict[int, list[int]]
) -> list[tuple[tuple[int, ...], tuple[int, int]]]:
    """Runs of a voice read as tuplets without a number, each as long as the ratio makes whole."""
    result: list[tuple[tuple[int, ...], tuple[int, int]]] = []
    for members in by_chain.values():
        members.sort(key=lambda k: placed[k].onset)
        run: list[int] = []
        total = Fraction(0)
        for k in members:
            ratio = items[k].readings[placed[k].reading].ratio
            if ratio == 1:
                run, total = [], Fraction(0)
                continue
            if run and items[run[-1]].readings[placed[run[-1]].reading].ratio != ratio:
                run, total = [], Fraction(0)
            run.append(k)
            total += timed[k].value
            units = total / min(timed[j].value for j in run)
            if len(run) > 1 and units.denominator == 1 and units % ratio.denominator == 0:
                result.append((tuple(timed[j].index for j in run), (ratio.denominator, ratio.numerator)))
                run, total = [], Fraction(0)
    return result
