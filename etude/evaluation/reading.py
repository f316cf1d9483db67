"""A reading as evaluation sees it: bars of written notes and marks, whatever file or Score they come from."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

from etude.score.v1 import page_pb2

Spelling = tuple[str, int, int]
"""Step "A" to "G", alteration in semitones, octave (4 from middle C up)."""


class WrittenNote(NamedTuple):
    """One written note; notes of a tie are separate.

    Attributes:
        staff: Staff it is printed on, from 1 (the uppermost) through all parts.
        onset: Quarters from the start of its bar.
        midi: Sounding key, 60 for middle C.
        spelling: Its written pitch where it sounds.
        duration: Quarters; 0 for a grace note.
        grace: Whether it is a grace note.
        tie_start: Whether a tie to another note starts here.
    """

    staff: int
    onset: Fraction
    midi: int
    spelling: Spelling
    duration: Fraction
    grace: bool
    tie_start: bool


class Mark(NamedTuple):
    """One thing of the notation that is not a note.

    Attributes:
        kind: One of `etude.evaluation.marks.KINDS`.
        what: What it says; equal for marks that say the same.
        where: Where in its bar it stands, and where it ends; equal for marks at the same place.
    """

    kind: str
    what: Hashable
    where: Hashable


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar.

    Attributes:
        number: As printed; may be empty.
        notes: All its notes.
        marks: All its marks; a spanner is in the bar it starts in.
        region: Where it stands on the page; None where that is not known.
    """

    number: str
    notes: tuple[WrittenNote, ...]
    marks: tuple[Mark, ...] = ()
    region: page_pb2.PageRegion | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """A whole piece as somebody read it.

    Attributes:
        bars: Its bars, in order.
        kinds: Kinds of marks that the source can tell of; those of others are not compared.
        doubts: Number of places the reader itself holds doubtful.
        movements: Number of bars of each movement; empty where it is one.
        page_sizes: Width and height of pages in points, by number, where regions stand on pages.
    """

    bars: tuple[Bar, ...]
    kinds: frozenset[str] = frozenset()
    doubts: int = 0
    movements: tuple[int, ...] = ()
    page_sizes: Mapping[int, tuple[float, float]] = field(default_factory=dict)

    @property
    def note_count(self) -> int:
        """Notes in all bars."""
        return sum(len(bar.notes) for bar in self.bars)

    def place(self, position: int) -> tuple[int, int]:
        """Movement and position within it, both from 0, of a bar."""
        for movement, count in enumerate(self.movements):
            if position < count:
                return movement, position
            position -= count
        return 0, position


NOTHING = Reading(bars=())
"""The reading of somebody who could not read anything."""
