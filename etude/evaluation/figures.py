"""Figures of a reading against the truth: notes by what must match, bars wholly right, marks by kind.

Definitions of the figures over notes (each counts matches within aligned bars; notes of other bars are missed or
spurious; all but `grace` leave grace notes out):

    pitch     staff and key, anywhere in the bar
    onset     staff, key and onset in the bar: the main figure
    full      staff, key, onset and written duration
    spelling  staff, step, alteration and octave, anywhere in the bar
    grace     grace notes: staff, key and onset
    tie       notes that start a tie: staff, key and onset

The hand-agnostic figures leave the staff out. A bar is perfect when its notes are the same by `full`; it is wholly
right when its grace notes and all its marks are the same, too. Macro is the mean over pieces where a figure is defined,
micro is made of summed counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from etude.evaluation.alignment import align_bars
from etude.evaluation.reading import Bar, Mark, Reading, WrittenNote

Key = Callable[[WrittenNote], Hashable]

FIGURES: Mapping[str, tuple[Key, Callable[[WrittenNote], bool]]] = {
    "pitch": (lambda n: n.midi, lambda n: not n.grace),
    "onset": (lambda n: (n.midi, n.onset), lambda n: not n.grace),
    "full": (lambda n: (n.midi, n.onset, n.duration), lambda n: not n.grace),
    "spelling": (lambda n: n.spelling, lambda n: not n.grace),
    "grace": (lambda n: (n.midi, n.onset), lambda n: n.grace),
    "tie": (lambda n: (n.midi, n.onset), lambda n: n.tie_start and not n.grace),
}
"""By figure: what must match besides the staff, and which notes take part."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many things matched, how many there are in truth, how many were read."""

    matched: int = 0
    truth: int = 0
    pred: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.matched + other.matched, self.truth + other.truth, self.pred + other.pred)

    @property
    def precision(self) -> float | None:
        """Share of what was read that is true; None without anything on either side."""
        return self.matched / self.pred if self.pred else 0.0 if self.truth else None

    @property
    def recall(self) -> float | None:
        """Share of the truth that was read; None without truth."""
        return self.matched / self.truth if self.truth else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of both; None without anything on either side."""
        return 2 * self.matched / (self.truth + self.pred) if self.truth + self.pred else None


@dataclass(frozen=True, slots=True)
class KindCounts:
    """Marks of one kind: those with the same `what` and `where`, and those with the same `what` in the same bar."""

    placed: Counts = Counts()
    in_bar: Counts = Counts()

    def __add__(self, other: KindCounts) -> KindCounts:
        return KindCounts(self.placed + other.placed, self.in_bar + other.in_bar)


@dataclass(frozen=True, slots=True)
class BarCounts:
    """Bars: in truth, read, aligned, perfect, and wholly right (None where the truth does not tell of marks)."""

    truth: int
    pred: int
    aligned: int
    perfect: int
    wholly_right: int | None

    @property
    def perfect_share(self) -> float:
        """Share of the truth's bars that are perfect."""
        return self.perfect / self.truth if self.truth else 0.0

    @property
    def wholly_right_share(self) -> float | None:
        """Share of the truth's bars that are wholly right."""
        return None if self.wholly_right is None or not self.truth else self.wholly_right / self.truth


@dataclass(frozen=True, slots=True)
class Comparison:
    """A reading compared with the truth.

    Attributes:
        pairs: Positions of aligned bars in truth and reading.
        bars: Bars, counted.
        figures: By figure.
        hand_agnostic: By figure, the staff left out.
        kinds: By kind of mark that both sides can tell of.
    """

    pairs: tuple[tuple[int, int], ...]
    bars: BarCounts
    figures: Mapping[str, Counts]
    hand_agnostic: Mapping[str, Counts]
    kinds: Mapping[str, KindCounts]


def compare(truth: Reading, pred: Reading) -> Comparison:
    """The figures of a reading; a reading without bars misses everything."""
    pairs = align_bars(truth.bars, pred.bars)
    aligned = [(truth.bars[i], pred.bars[j]) for i, j in pairs]
    # a reading of nothing can be asked for every kind the truth tells of
    kinds = sorted(truth.kinds & pred.kinds if pred.bars else truth.kinds)
    bars = BarCounts(
        truth=len(truth.bars),
        pred=len(pred.bars),
        aligned=len(pairs),
        perfect=sum(_same_notes(t, p) for t, p in aligned),
        wholly_right=sum(_same(t, p, kinds) for t, p in aligned) if kinds else None,
    )
    return Comparison(
        pairs=tuple(pairs),
        bars=bars,
        figures={name: _note_counts(truth, pred, aligned, name, with_staff=True) for name in FIGURES},
        hand_agnostic={name: _note_counts(truth, pred, aligned, name, with_staff=False) for name in FIGURES},
        kinds={kind: _kind_counts(truth, pred, aligned, kind) for kind in kinds},
    )


def note_keys(bar: Bar, figure: str, *, with_staff: bool = True) -> Counter[Hashable]:
    """What a bar has to match by a figure, and how often."""
    key, takes_part = FIGURES[figure]
    return Counter((key(n), n.staff if with_staff else 0) for n in bar.notes if takes_part(n))


def _note_counts(
    truth: Reading, pred: Reading, aligned: Sequence[tuple[Bar, Bar]], figure: str, *, with_staff: bool
) -> Counts:
    def keys(bar: Bar) -> Counter[Hashable]:
        return note_keys(bar, figure, with_staff=with_staff)

    return _counts(truth, pred, aligned, keys)


def _counts(
    truth: Reading, pred: Reading, aligned: Sequence[tuple[Bar, Bar]], keys: Callable[[Bar], Counter[Hashable]]
) -> Counts:
    return Counts(
        matched=sum((keys(t) & keys(p)).total() for t, p in aligned),
        truth=sum(keys(bar).total() for bar in truth.bars),
        pred=sum(keys(bar).total() for bar in pred.bars),
    )


def _kind_counts(truth: Reading, pred: Reading, aligned: Sequence[tuple[Bar, Bar]], kind: str) -> KindCounts:
    def placed(bar: Bar) -> Counter[Hashable]:
        return Counter(mark for mark in bar.marks if mark.kind == kind)

    def in_bar(bar: Bar) -> Counter[Hashable]:
        return Counter(mark.what for mark in bar.marks if mark.kind == kind)

    return KindCounts(_counts(truth, pred, aligned, placed), _counts(truth, pred, aligned, in_bar))


def _same_notes(truth: Bar, pred: Bar) -> bool:
    return note_keys(truth, "full") == note_keys(pred, "full")


def _same(truth: Bar, pred: Bar, kinds: Iterable[str]) -> bool:
    """Whether notes, grace notes and marks are the same."""
    wanted = frozenset(kinds)
    return (
        _same_notes(truth, pred)
        and note_keys(truth, "grace") == note_keys(pred, "grace")
        and _marks(truth, wanted) == _marks(pred, wanted)
    )


def _marks(bar: Bar, kinds: frozenset[str]) -> Counter[Mark]:
    return Counter(mark for mark in bar.marks if mark.kind in kinds)
