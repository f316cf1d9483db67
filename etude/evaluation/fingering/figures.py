"""Figures of fingering.

    gen                  share of labelled notes with the annotator's finger, mean over annotators (M_gen)
    single, chord, grace, R, L   the same for a part of the notes; a chord is two keys of one hand at once
    high, soft, rec      M_high, M_soft, M_rec of Nakamura, Saito and Yoshii (2020), for several annotators
    cover                share of all struck notes that got a finger
    imposs               share of chords fingered on two keys or more that no hand can play

Notes are matched by onset and key alone. Fingers are compared by the first of a substitution. A labelled note without a
predicted finger counts as wrong.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from typing import Any

from etude.evaluation.fingering.notes import StruckNote, keys_struck

TOLERANCE = Fraction(1, 50)
"""How far apart onsets of the same note may be, in quarters (PIG: seconds)."""
MAX_SPAN = 15
"""Widest chord of one hand in semitones that counts as possible."""
ONE_FINGER_SPAN = 2
"""Semitones between neighbouring keys that one finger can cover."""
PARTS = ("single", "chord", "grace", "R", "L")
RATES = ("gen", *PARTS)
PATHS = ("high", "soft", "rec")


@dataclass(frozen=True, slots=True)
class PieceFigures:
    """The figures of one piece.

    Attributes:
        notes: Struck notes of the truth.
        annotators: How many annotators there are.
        right: By rate, labelled notes with the annotator's finger, mean over annotators.
        labels: By rate, labelled notes, mean over annotators.
        rates: By rate, from 0 to 1; None without such labels.
        paths: high, soft and rec.
        unmatched: Notes of the truth that the prediction does not have.
        covered: Notes that got a finger.
        chords: Chords fingered on two keys or more.
        faults: Of these, how many are impossible by the same finger, crossing, stretch.
    """

    notes: int
    annotators: int
    right: Mapping[str, float]
    labels: Mapping[str, float]
    rates: Mapping[str, float | None]
    paths: Mapping[str, float]
    unmatched: int
    covered: int
    chords: int
    faults: Mapping[str, int] = field(default_factory=dict)

    @property
    def cover(self) -> float | None:
        """Share of notes that got a finger."""
        return self.covered / self.notes if self.notes else None

    @property
    def imposs(self) -> float | None:
        """Share of fingered chords that no hand can play."""
        return sum(self.faults.values()) / self.chords if self.chords else None

    def values(self) -> dict[str, float | None]:
        """All rates by name, from 0 to 1."""
        return {**self.rates, **self.paths, "cover": self.cover, "imposs": self.imposs}

    def as_json(self) -> dict[str, Any]:
        """All figures for programs."""
        counts = {"notes": self.notes, "annotators": self.annotators, "labels": self.labels["gen"]}
        return {**counts, "unmatched": self.unmatched, "chords": self.chords, **self.faults, **self.values()}


def figures_of(truths: Sequence[Sequence[StruckNote]], prediction: Sequence[StruckNote]) -> PieceFigures:
    """The figures of a fingering.

    Args:
        truths: The notes as each annotator fingered them, at least one; the first one's notes are the piece.
        prediction: The notes as they were fingered.
    """
    annotators = [keys_struck(truth) for truth in truths]
    base = annotators[0]
    columns = [[note.finger for note in base]]
    for other in annotators[1:]:
        columns.append([note.finger if note else "" for note in match(base, other)])
    labels = [[finger[:1] for finger in column] for column in columns]
    found = match(base, keys_struck(prediction))
    predicted = [note.finger if note else "" for note in found]
    right, count, rates = _rates(base, labels, [finger[:1] for finger in predicted])
    chords, faults = impossible_grips(base, predicted)
    return PieceFigures(
        notes=len(base),
        annotators=len(truths),
        right=right,
        labels=count,
        rates=rates,
        paths=_paths(base, labels, [finger[:1] for finger in predicted]),
        unmatched=sum(note is None for note in found),
        covered=sum(map(bool, predicted)),
        chords=chords,
        faults=faults,
    )


def match(truth: Sequence[StruckNote], other: Sequence[StruckNote]) -> list[StruckNote | None]:
    """For each note of the truth the free note of `other` on its key that is nearest in time, within `TOLERANCE`.

    Graces go to graces and other notes to other notes first, then to whatever is left.
    """
    by_key: dict[int, list[StruckNote]] = defaultdict(list)
    for note in other:
        by_key[note.midi].append(note)
    times = {key: [note.onset for note in notes] for key, notes in by_key.items()}
    found: list[StruckNote | None] = [None] * len(truth)
    used: set[tuple[int, int]] = set()
    for alike in (True, False):
        for position, note in enumerate(truth):
            candidates = by_key.get(note.midi)
            if found[position] is not None or not candidates:
                continue
            best: int | None = None
            place = bisect_left(times[note.midi], note.onset - TOLERANCE)
            while place < len(candidates) and candidates[place].onset <= note.onset + TOLERANCE:
                free = (note.midi, place) not in used and (candidates[place].grace == note.grace or not alike)
                if free and (best is None or _apart(candidates[place], note) < _apart(candidates[best], note)):
                    best = place
                place += 1
            if best is not None:
                found[position] = candidates[best]
                used.add((note.midi, best))
    return found


def _apart(one: StruckNote, other: StruckNote) -> Fraction:
    return abs(one.onset - other.onset)


def _kinds(notes: Sequence[StruckNote]) -> list[str]:
    """Of each note, whether it is single, of a chord, or a grace note."""
    keys: dict[tuple[Fraction, str], set[int]] = defaultdict(set)
    for note in notes:
        if not note.grace:
            keys[note.onset, note.hand].add(note.midi)
    return ["grace" if n.grace else "chord" if len(keys[n.onset, n.hand]) > 1 else "single" for n in notes]


def _rates(
    base: Sequence[StruckNote], labels: Sequence[Sequence[str]], predicted: Sequence[str]
) -> tuple[dict[str, float], dict[str, float], dict[str, float | None]]:
    """Right labels, labels, and their rates, each the mean over annotators."""
    kinds = _kinds(base)
    counts: dict[str, list[tuple[int, int]]] = {name: [] for name in RATES}
    for row in labels:
        right: dict[str, int] = defaultdict(int)
        total: dict[str, int] = defaultdict(int)
        for note, kind, label, finger in zip(base, kinds, row, predicted, strict=True):
            for name in ("gen", kind, note.hand) if label else ():
                total[name] += 1
                right[name] += label == finger
        for name in RATES:
            counts[name].append((right[name], total[name]))
    rates = {name: _mean([r / t for r, t in pairs if t]) for name, pairs in counts.items()}
    return (
        {name: sum(r for r, _ in pairs) / len(pairs) for name, pairs in counts.items()},
        {name: sum(t for _, t in pairs) / len(pairs) for name, pairs in counts.items()},
        rates,
    )


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


# ---- several annotators


def _paths(base: Sequence[StruckNote], labels: Sequence[Sequence[str]], predicted: Sequence[str]) -> dict[str, float]:
    """M_high, M_soft and M_rec over the notes that somebody labelled.

    One follows an annotator along each hand: always the same one (high), another at any note (soft), or another at a
    cost of one note, and only after a note that both finger alike (rec).
    """
    total = 0
    costs = dict.fromkeys(PATHS, 0)
    for hand in "RL":
        places = [i for i, note in enumerate(base) if note.hand == hand and any(row[i] for row in labels)]
        rows = [[row[i] for i in places] for row in labels]
        wrong = [[not row[k] or row[k] != predicted[i] for k, i in enumerate(places)] for row in rows]
        total += len(places)
        costs["high"] += _least_cost(wrong, lambda k, a, b: None)
        costs["soft"] += _least_cost(wrong, lambda k, a, b: 0)
        agreed = [[[one == other for other in column] for one in column] for column in zip(*rows, strict=True)]
        costs["rec"] += _least_cost(wrong, partial(_after_agreement, agreed))
    return {name: 1 - cost / total if total else 0.0 for name, cost in costs.items()}


def _after_agreement(agreed: Sequence[Sequence[Sequence[bool]]], k: int, a: int, b: int) -> int | None:
    """Cost 1 of following annotator b instead of a from note k on, after a note that both finger alike."""
    return 1 if agreed[k - 1][a][b] else None


def _least_cost(wrong: Sequence[Sequence[bool]], switch: Callable[[int, int, int], int | None]) -> int:
    """Least number of wrong notes and costs of switches.

    Args:
        wrong: By annotator, whether each predicted finger is not theirs.
        switch: Cost of following annotator b instead of a from note k on; None where that is not allowed.
    """
    length = len(wrong[0]) if wrong else 0
    best = [0] * len(wrong)
    for k in range(length):
        if k:
            best = [min(_step(best[a], switch(k, a, b), a == b) for a in range(len(wrong))) for b in range(len(wrong))]
        best = [cost + row[k] for cost, row in zip(best, wrong, strict=True)]
    return min(best, default=0)


_NEVER = 10**9


def _step(cost: int, switch: int | None, same: bool) -> int:
    return cost if same else cost + (_NEVER if switch is None else switch)


# ---- grips


def impossible_grips(notes: Sequence[StruckNote], fingers: Sequence[str]) -> tuple[int, dict[str, int]]:
    """Chords fingered on two keys or more, and how many of them no hand can play, by why."""
    grips: dict[tuple[Fraction, str], dict[int, int]] = defaultdict(dict)
    for note, finger in zip(notes, fingers, strict=True):
        if finger and not note.grace:
            # the left hand mirrored: from low to high fingers rise in both
            value = int(finger[0]) if note.hand == "R" else 6 - int(finger[0])
            grips[note.onset, note.hand].setdefault(note.midi, value)
    faults = {"same_finger": 0, "crossing": 0, "stretch": 0}
    chords = 0
    for grip in grips.values():
        if len(grip) > 1:
            chords += 1
            fault = _fault(sorted(grip.items()))
            if fault:
                faults[fault] += 1
    return chords, faults


def _fault(grip: Sequence[tuple[int, int]]) -> str:
    if grip[-1][0] - grip[0][0] > MAX_SPAN:
        return "stretch"
    for place, (low, finger) in enumerate(grip):
        for high, upper in grip[place + 1 :]:
            if finger == upper and high - low > ONE_FINGER_SPAN:
                return "same_finger"
            if finger > upper:
                return "crossing"
    return ""


# ---- all pieces


def totals(pieces: Sequence[PieceFigures]) -> dict[str, Any]:
    """Figures over all pieces: "macro", means where defined; "micro", of summed counts; "counts"."""
    names = (*RATES, *PATHS, "cover", "imposs")
    values = [piece.values() for piece in pieces]
    macro = {name: _mean([v for each in values if (v := each[name]) is not None]) for name in names}
    micro = {name: _ratio(sum(p.right[name] for p in pieces), sum(p.labels[name] for p in pieces)) for name in RATES}
    micro["cover"] = _ratio(sum(p.covered for p in pieces), sum(p.notes for p in pieces))
    faulty = sum(sum(p.faults.values()) for p in pieces)
    micro["imposs"] = _ratio(faulty, sum(p.chords for p in pieces))
    counts: dict[str, float] = {
        "notes": sum(p.notes for p in pieces),
        "labels": sum(p.labels["gen"] for p in pieces),
        "unmatched": sum(p.unmatched for p in pieces),
        "chords": sum(p.chords for p in pieces),
    }
    counts |= {name: sum(p.faults.get(name, 0) for p in pieces) for name in ("same_finger", "crossing", "stretch")}
    return {"macro": macro, "micro": micro, "counts": counts}


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None
