"""Which bar of a reading is which bar of the truth: the monotone alignment of greatest similarity.

The similarity of two bars is the number of notes that match in pitch, plus those that match in pitch and onset, plus
those that match in staff, pitch and onset, plus grace notes that match in pitch and onset, plus 1 for bars whose notes
are the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

from etude.evaluation.reading import Bar


def align_bars(truth: Sequence[Bar], pred: Sequence[Bar]) -> list[tuple[int, int]]:
    """Pairs of positions of bars that are each other, rising on both sides; bars without a partner are left out.

    Takes len(truth) * len(pred) comparisons of bit sets. Among alignments of equal similarity the one is taken that
    pairs the earliest bars.
    """
    bits: dict[Hashable, int] = {}
    rows = [_bit_set(bar, bits) for bar in truth]
    columns = [_bit_set(bar, bits) for bar in pred]
    return rising_pairs([(row & column).bit_count() for column in columns] for row in rows)


def rising_pairs(likeness: Iterable[Sequence[int]]) -> list[tuple[int, int]]:
    """Pairs (row, column), rising on both sides, whose likeness has the greatest sum; none that are unlike each other.

    Args:
        likeness: Of each row to each column, 0 or more; rows are taken one at a time.
    """
    # best[i][j]: greatest sum of the first i rows with the first j columns
    best: list[list[int]] = []
    for row in likeness:
        above = best[-1] if best else [0] * (len(row) + 1)
        best = best or [above]
        line = [0]
        for j, value in enumerate(row):
            line.append(max(line[j], above[j + 1], above[j] + value))
        best.append(line)
    pairs: list[tuple[int, int]] = []
    i, j = max(0, len(best) - 1), len(best[0]) - 1 if best else 0
    while i and j:
        if best[i][j] == best[i - 1][j]:
            i -= 1
        elif best[i][j] == best[i][j - 1]:
            j -= 1
        else:
            i, j = i - 1, j - 1
            pairs.append((i, j))
    return pairs[::-1]


def _bit_set(bar: Bar, bits: dict[Hashable, int]) -> int:
    """What similarity counts in a bar, a bit for each thing: the bits two bars share are their similarity.

    Args:
        bar: The bar.
        bits: The bit of each thing seen so far; grows.
    """
    things: Counter[Hashable] = Counter()
    whole: Counter[Hashable] = Counter()
    for note in bar.notes:
        if note.grace:
            things["grace", note.midi, note.onset] += 1
        else:
            things["pitch", note.midi] += 1
            things["onset", note.midi, note.onset] += 1
            things["staff", note.staff, note.midi, note.onset] += 1
            whole[note.staff, note.midi, note.onset, note.duration] += 1
    copies = [(thing, copy) for thing, count in things.items() for copy in range(count)]
    same: Hashable = ("same", frozenset(whole.items()))
    return sum(1 << bits.setdefault(thing, len(bits)) for thing in [*copies, same])
