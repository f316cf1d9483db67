"""Where a reading and the truth disagree, bar by bar."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from etude.evaluation.piece import Piece
from etude.evaluation.reading import Bar, Mark, WrittenNote

MOST_OF_ONE_PIECE = 3
"""Most bars of one piece among the worst, so that one that failed does not fill the list; more where the pieces are so
few that the list would not be filled."""


@dataclass(frozen=True, slots=True)
class BarDifference:
    """A bar that was not read as it is.

    Attributes:
        piece: The piece.
        truth: Position of the bar in the truth; None for one that was read where there is none.
        pred: Position of its partner in the reading; None where it has none.
        missed: Notes of the truth that were not read.
        spurious: Notes read that are not there.
        missed_marks: Marks of the truth that were not read, of kinds both sides tell of.
        spurious_marks: Marks read that are not there.
    """

    piece: Piece
    truth: int | None
    pred: int | None
    missed: tuple[WrittenNote, ...]
    spurious: tuple[WrittenNote, ...]
    missed_marks: tuple[Mark, ...]
    spurious_marks: tuple[Mark, ...]

    @property
    def cost(self) -> tuple[int, int]:
        """Notes that are wrong, then marks: the more, the worse."""
        return len(self.missed) + len(self.spurious), len(self.missed_marks) + len(self.spurious_marks)

    @property
    def name(self) -> str:
        """The bar as people call it: by the printed number, and by its place where that is another."""
        if self.truth is not None:
            return f"bar {_number(self.piece.truth.bars, self.truth)}"
        before = [i for i, j in self.piece.comparison.pairs if self.pred is not None and j < self.pred]
        where = f"after bar {_number(self.piece.truth.bars, before[-1])}" if before else "at the start"
        return f"an extra bar {where}"


def differences(piece: Piece) -> list[BarDifference]:
    """All bars of a piece in which a note or mark is wrong, in the order of the truth; extra ones at the end."""
    partner = dict(piece.comparison.pairs)
    kinds = frozenset(piece.comparison.kinds)
    found = [_difference(piece, i, partner.get(i), kinds) for i in range(len(piece.truth.bars))]
    taken = set(partner.values())
    found += [_difference(piece, None, j, kinds) for j in range(len(piece.pred.bars)) if j not in taken]
    return [each for each in found if any(each.cost)]


def worst_bars(pieces: Sequence[Piece], count: int) -> list[BarDifference]:
    """The bars with the most wrong notes, the worst first, few of one piece (`MOST_OF_ONE_PIECE`)."""
    worst: list[BarDifference] = []
    most = max(MOST_OF_ONE_PIECE, -(-count // max(1, len(pieces))))
    for piece in pieces:
        worst += sorted(differences(piece), key=lambda each: each.cost, reverse=True)[:most]
    return sorted(worst, key=lambda each: each.cost, reverse=True)[:count]


def _difference(piece: Piece, i: int | None, j: int | None, kinds: frozenset[str]) -> BarDifference:
    truth = piece.truth.bars[i] if i is not None else None
    pred = piece.pred.bars[j] if j is not None else None
    marks = _marks(truth, kinds), _marks(pred, kinds)
    return BarDifference(
        piece,
        i,
        j,
        missed=_only_in(truth, pred),
        spurious=_only_in(pred, truth),
        missed_marks=tuple((marks[0] - marks[1]).elements()),
        spurious_marks=tuple((marks[1] - marks[0]).elements()),
    )


def _only_in(one: Bar | None, other: Bar | None) -> tuple[WrittenNote, ...]:
    """Notes of a bar that another lacks, by what the figure `full` compares, grace notes too."""
    left = Counter(_key(note) for note in other.notes) if other else Counter()
    alone: list[WrittenNote] = []
    for note in one.notes if one else ():
        if left[_key(note)]:
            left[_key(note)] -= 1
        else:
            alone.append(note)
    return tuple(alone)


def _key(note: WrittenNote) -> Hashable:
    return note.staff, note.onset, note.midi, note.duration, note.grace


def _marks(bar: Bar | None, kinds: frozenset[str]) -> Counter[Mark]:
    return Counter(mark for mark in bar.marks if mark.kind in kinds) if bar else Counter()


def _number(bars: Sequence[Bar], position: int) -> str:
    printed = bars[position].number
    return printed if printed == str(position + 1) else f"{printed or 'without number'} (no. {position + 1})"
