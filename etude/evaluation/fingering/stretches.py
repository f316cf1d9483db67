"""Where a fingering and the annotators part: stretches of one hand, to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from etude.evaluation.fingering.figures import match
from etude.evaluation.fingering.notes import StruckNote, keys_struck

BETWEEN = 3
"""Notes that may lie between two differing ones of a stretch; as many are shown before and after it."""
LONGEST = 24
"""Places between the first and the last differing note of a stretch, at most: a longer one is several."""


@dataclass(frozen=True, slots=True)
class ComparedNote:
    """A note of the truth with its fingers.

    Attributes:
        note: The note.
        truths: The finger each annotator wrote, "" for none.
        finger: The finger it was given, "" for none.
    """

    note: StruckNote
    truths: tuple[str, ...]
    finger: str

    @property
    def differs(self) -> bool:
        """Whether somebody wrote a finger and nobody this one; of a substitution the first finger counts."""
        written = {truth[:1] for truth in self.truths if truth}
        return bool(written) and self.finger[:1] not in written


@dataclass(frozen=True, slots=True)
class Stretch:
    """Notes of one hand, one after another, among them some on which a fingering differs from all annotators.

    Attributes:
        piece: Name of the piece.
        hand: "R" or "L".
        notes: The notes, some before and after the differing ones included.
    """

    piece: str
    hand: str
    notes: tuple[ComparedNote, ...]

    @property
    def differing(self) -> int:
        """How many notes differ."""
        return sum(note.differs for note in self.notes)

    @property
    def onset(self) -> Fraction:
        """When the first differing note is struck."""
        return next(note.note.onset for note in self.notes if note.differs)


def compared_notes(truths: Sequence[Sequence[StruckNote]], prediction: Sequence[StruckNote]) -> list[ComparedNote]:
    """The keys struck in the first truth with the fingers of all, by onset."""
    base = keys_struck(truths[0])
    columns = [[note.finger for note in base]]
    columns += [[note.finger if note else "" for note in match(base, keys_struck(other))] for other in truths[1:]]
    given = [note.finger if note else "" for note in match(base, keys_struck(prediction))]
    rows = zip(base, zip(*columns, strict=True), given, strict=True)
    return [ComparedNote(note, fingers, finger) for note, fingers, finger in rows]


def stretches_of(piece: str, notes: Sequence[ComparedNote]) -> list[Stretch]:
    """The stretches of a piece, in its order, the right hand's first."""
    found = []
    for hand in "RL":
        line = sorted((n for n in notes if n.note.hand == hand), key=lambda n: (n.note.onset, n.note.midi))
        for first, last in _runs([i for i, note in enumerate(line) if note.differs]):
            found.append(Stretch(piece, hand, tuple(line[max(0, first - BETWEEN) : last + BETWEEN + 1])))
    return found


def worst_stretches(stretches: Sequence[Stretch], number: int) -> list[Stretch]:
    """Those in which most notes differ, the worst first."""
    return sorted(stretches, key=lambda stretch: -stretch.differing)[:number]


def _runs(places: Sequence[int]) -> list[tuple[int, int]]:
    """First and last of places that lie close together.

    >>> _runs([1, 2, 5, 40])
    [(1, 5), (40, 40)]
    """
    runs: list[tuple[int, int]] = []
    for place in places:
        if runs and place - runs[-1][1] <= BETWEEN + 1 and place - runs[-1][0] < LONGEST:
            runs[-1] = (runs[-1][0], place)
        else:
            runs.append((place, place))
    return runs
