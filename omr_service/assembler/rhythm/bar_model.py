"""What the bar solver is given and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read an item's value.

    Attributes:
        duration: Quarters; 0 stands for the whole bar.
        cost: What it costs to read it so; 0 for what is printed.
        ratio: Tuplet ratio (normal/actual) that this reading supposes without its being printed; 1 for none.
    """

    duration: Fraction
    cost: float = 0.0
    ratio: Fraction = Fraction(1)


@dataclass(frozen=True, slots=True)
class Item:
    """A chord or rest of a bar.

    Attributes:
        staff: Position of its staff in the system.
        x: Left edge in staff spaces.
        readings: Ways to read its value, cheapest first.
        stem: 1 for a stem up, -1 for a stem down, 0 for none.
        is_rest: True for a rest.
        beam: Number of its beam group; -1 for none.
        height: Position of its middle in half spaces above the bottom line of its staff.
        onset: Quarters from the start of the bar where that is known; None where the bar has to tell.
    """

    staff: int
    x: float
    readings: tuple[Reading, ...]
    stem: int = 0
    is_rest: bool = False
    beam: int = -1
    height: float = 4.0
    onset: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """Where an item was put.

    Attributes:
        onset: Quarters from the start of the bar.
        duration: Quarters.
        voice: Number of its voice in the bar, from 0, over all staves; voices that follow one another in time may
            still be one.
        reading: Index of the reading taken.
    """

    onset: Fraction
    duration: Fraction
    voice: int
    reading: int


@dataclass(frozen=True, slots=True)
class BarSolution:
    """The cheapest way through a bar.

    Attributes:
        length: Quarters.
        placed: One per item, in the order given.
        cost: 0 when nothing is odd.
        fits: True when every voice fills the bar.
        expected: True when the length is the one expected.
    """

    length: Fraction
    placed: tuple[Placed, ...]
    cost: float
    fits: bool
    expected: bool


@dataclass(frozen=True, slots=True)
class Costs:
    """What odd things cost."""

    stop_early: float = 0.9  # a voice ends within the bar and nothing follows
    stop_early_only: float = 1.0  # more, when it was the staff's only voice
    pause: float = 0.5  # of that, what it costs when the voice goes on later
    pause_only: float = 0.6  # more, when it was the staff's only voice
    pause_in_beam: float = 1.0  # more, between notes of a beam
    resume: float = 0.2  # more, when it goes on
    pause_again: float = 0.05  # what either costs in a voice that has paused within a beam before
    start_late: float = 0.7  # a voice begins within the bar
    gap: float = 0.4  # something begins when nothing ends: a rest is hidden
    stem_changes: float = 0.12  # stems of one voice point both ways
    broken_beam: float = 3.0  # a beam's members in different voices
    other_staff: float = 2.0  # a voice moves to another staff without a beam
    overfull: float = 3.5  # a voice outlasts the bar
    irregular: float = 3.5  # the bar is shorter than the meter says
    longer: float = 3.5  # it is longer than that
    extra_voice: float = 0.25  # per voice beyond the second on a staff
    within_beam: float = 0.4  # of a tuplet without a number and a beam one begins or ends within the other; the more
    # the greater its number
    uneven: float = 0.3  # more, where it ends within the beam and its notes differ
    open_tuplet: float = 3.0  # a tuplet without a number that is not filled

    def of_length(self, length: Fraction | int, expected: Fraction | int | None) -> float:
        """What it costs that a bar is so long."""
        if not expected or length == expected:
            return 0.0
        return self.irregular if length < expected else self.longer


USUAL = Costs()
"""The costs in a measure of which nothing is known."""
