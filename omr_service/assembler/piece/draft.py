"""A piece while it is put together: its measures with what is in force, and what the steps find in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from omr_service.assembler.music import CurveSign, MeasureSigns, PageMusic, SystemSigns, TupletSign
from omr_service.assembler.page.meters import MeterSign
from omr_service.assembler.page.signatures import ClefSign
from omr_service.assembler.rhythm.timing import MeasureTiming

Key = tuple[int, int]
"""An element or head: page number and number on the page."""
Place = tuple[str, int]
"""A staff: part id and staff number within the part."""
KEYBOARD = "P1"


@dataclass(frozen=True, slots=True)
class PitchReading:
    """The pitch of a note as written: letter, alteration, octave."""

    letter: str
    alter: int
    octave: int


@dataclass(slots=True)
class JoinedMeasure:
    """A measure of the piece.

    Attributes:
        page: Its page.
        system: Its system.
        signs: What stands in it.
        tuplets: Tuplets in it.
        first_in_system, first_in_page: Where it stands.
        meter: Meter in force.
        meter_printed: True where a meter is printed in it.
        fifths: Key in force.
        key_printed: True where the key changes; at the start, where it has sharps or flats.
        timing: Its rhythm, once solved.
        onset: Quarters from the start of the piece.
    """

    page: PageMusic
    system: SystemSigns
    signs: MeasureSigns
    tuplets: tuple[TupletSign, ...]
    first_in_system: bool
    first_in_page: bool
    meter: MeterSign | None = None
    meter_printed: bool = False
    fifths: int = 0
    key_printed: bool = False
    timing: MeasureTiming | None = None
    onset: Fraction = Fraction(0)

    @property
    def rhythm(self) -> MeasureTiming:
        """Its rhythm."""
        assert self.timing is not None
        return self.timing

    def key(self, number: int) -> Key:
        """The key of an element or head of its page."""
        return self.page.page_number, number


@dataclass(frozen=True, slots=True)
class ClefChange:
    """A clef that takes effect: where, when (measure and quarters into it), and what was printed."""

    place: Place
    measure: int
    onset: Fraction
    sign: ClefSign
    page: int


@dataclass(frozen=True, slots=True)
class TieReading:
    """A tie between two notes; one of them is None where the other end was not found."""

    start: Key | None
    end: Key | None
    curve: tuple[int, CurveSign]


@dataclass(frozen=True, slots=True)
class SlurReading:
    """A slur from one element to another, with the curves (page number, curve) it is drawn with."""

    start: Key
    end: Key
    curves: tuple[tuple[int, CurveSign], ...]


@dataclass(frozen=True, slots=True)
class Question:
    """Which rhythm a measure has: everything the answer depends on, given the page.

    Attributes:
        page: Number of its page.
        element: Number of its first element on the page; -1 for a measure without any.
        count: How many elements it has: some may have been found to be something else.
        expected: Length to be expected, in quarters.
        irregular_is_usual: True where a shorter measure is no surprise.
        recent: Ratios of tuplets in the measures before.
        compound: True where beats may be dotted.
        in_triplets: True in a passage whose beams of three are triplets without a number.
    """

    page: int
    element: int
    count: int
    expected: Fraction | None
    irregular_is_usual: bool
    recent: frozenset[Fraction]
    compound: bool
    in_triplets: bool = False


Rhythms = Mapping[Question, MeasureTiming]
"""Rhythms that were worked out."""


@dataclass(slots=True)
class ScoreDraft:
    """A piece while it is put together; each step fills in what it finds.

    `known` holds rhythms that were worked out elsewhere, `answers` all that were needed; of `other_parts` the last
    `parts_below` are printed under the keyboard part, as an organ's pedal is.
    """

    pages: list[PageMusic]
    known: Rhythms = field(default_factory=dict)
    answers: dict[Question, MeasureTiming] = field(default_factory=dict)
    measures: list[JoinedMeasure] = field(default_factory=list)
    clefs: list[ClefChange] = field(default_factory=list)
    pitches: dict[Key, PitchReading] = field(default_factory=dict)
    ties: list[TieReading] = field(default_factory=list)
    slurs: list[SlurReading] = field(default_factory=list)
    open_slurs: list[tuple[int, CurveSign]] = field(default_factory=list)
    ringing: list[tuple[int, CurveSign]] = field(default_factory=list)
    other_parts: int = 0
    parts_below: int = 0
    keyboard_staves: int = 2

    def place(self, measure: JoinedMeasure, position: int) -> Place:
        """Part and staff of a staff position of a measure's system."""
        system = measure.system.system
        if position in system.keyboard:
            return KEYBOARD, system.keyboard.index(position) + 1
        return f"P{system.others.index(position) + 2}", 1
