"""Alignment of the measures of two Scores: which measure of the one is which of the other."""

from __future__ import annotations

from collections import Counter
from difflib import SequenceMatcher
from fractions import Fraction

from etude.score.v1 import event_pb2, score_pb2

MeasurePair = tuple[int | None, int | None]

# Aligning two blocks of n and m measures takes n * m comparisons; beyond this they are paired in order.
_MAX_CELLS = 250_000


def align_measures(old: score_pb2.Score, new: score_pb2.Score) -> list[MeasurePair]:
    """Pairs of measure indices in order; None on one side for a measure the other Score does not have.

    Measures with the same music are matched first; what lies between them by the alignment of greatest similarity.
    """
    contents = _contents(old), _contents(new)
    keys = [[tuple(sorted(content.items())) for content in side] for side in contents]
    pairs: list[MeasurePair] = []
    matcher = SequenceMatcher(a=keys[0], b=keys[1], autojunk=False)
    for tag, a0, a1, b0, b1 in matcher.get_opcodes():
        if tag == "equal":
            pairs += zip(range(a0, a1), range(b0, b1), strict=True)
        else:
            pairs += _align_block(contents[0], contents[1], range(a0, a1), range(b0, b1))
    return pairs


Content = Counter[tuple[object, ...]]


def _contents(score: score_pb2.Score) -> list[Content]:
    """Of each measure, how often each (part, staff, onset in quarters, key, duration in quarters) occurs in it."""
    contents: list[Content] = [Counter() for _ in score.measures]
    for event in score.events:
        if not 0 <= event.measure_index < len(contents):
            continue
        start = score.measures[event.measure_index].onset_ticks
        onset = Fraction(event.onset_ticks - start, score.divisions)
        contents[event.measure_index].update(_things(event, onset, score.divisions))
    return contents


def _things(event: event_pb2.Event, onset: Fraction, divisions: int) -> list[tuple[object, ...]]:
    duration = Fraction(event.duration_ticks, divisions)
    if event.HasField("rest"):
        return [] if event.rest.hidden else [(event.part_id, event.staff, onset, -1, duration)]
    return [(event.part_id, note.staff, onset, note.midi_pitch, duration) for note in event.notes]


def _similarity(one: Content, other: Content) -> float:
    total = one.total() + other.total()
    return 2 * (one & other).total() / total if total else 1.0


def _align_block(one: list[Content], other: list[Content], rows: range, columns: range) -> list[MeasurePair]:
    if not rows or not columns:
        return [(row, None) for row in rows] + [(None, column) for column in columns]
    if len(rows) * len(columns) > _MAX_CELLS:
        shared = min(len(rows), len(columns))
        paired: list[MeasurePair] = list(zip(rows[:shared], columns[:shared], strict=True))
        return paired + [(row, None) for row in rows[shared:]] + [(None, column) for column in columns[shared:]]
    # best[i][j]: greatest similarity of the first i rows with the first j columns. Pairing unlike measures counts a
    # little, so that a measure whose notes all changed is "changed", not "removed and added".
    best = [[0.0] * (len(columns) + 1) for _ in range(len(rows) + 1)]
    choice = [[0] * (len(columns) + 1) for _ in range(len(rows) + 1)]
    for i, row in enumerate(rows, 1):
        for j, column in enumerate(columns, 1):
            paired_value = best[i - 1][j - 1] + 0.05 + _similarity(one[row], other[column])
            value, choice[i][j] = max((paired_value, 2), (best[i - 1][j], 1), (best[i][j - 1], 0))
            best[i][j] = value
    pairs: list[MeasurePair] = []
    i, j = len(rows), len(columns)
    while i or j:
        step = choice[i][j] if i and j else (1 if i else 0)
        i, j = i - (step > 0), j - (step != 1)
        pairs.append((rows[i] if step > 0 else None, columns[j] if step != 1 else None))
    return pairs[::-1]
