"""Writes a hand's fingering into a Score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from etude.notation.measures import measure_name
from etude.score.v1 import event_pb2, fingering_pb2, provenance_pb2, score_pb2
from etude.stage.v1 import fingering_service_pb2
from fingering_service.constraints import PINNED, PREDICTED, PRINTED, Wish
from fingering_service.essential import essential_slots
from fingering_service.lines import Line
from fingering_service.played import PlayedNote

_LEAST_PROBABILITY = 0.005
"""Alternatives less probable than this are not worth naming."""


@dataclass(frozen=True, slots=True)
class HandResult:
    """The fingering of one hand.

    Attributes:
        right: True for the right hand.
        notes: What the hand plays.
        line: The same as a line; its strikes name notes by index.
        fingers: For each whole fingering, best first, the fingers of each slice's slots.
        extra_costs: Cost of each above the best.
        probability: [T, K, 5] posterior of each finger on each slot.
        wishes: Printed and pinned fingers by strike.
        dropped: Strikes whose printed finger could not be kept.
        kept: Predicted fingers of an earlier run that were left alone, by strike.
        unreachable: Slices whose keys are beyond the hand's reach.
        arpeggiated: Slices whose keys the page says to break.
        effort: [T] ergonomic cost of each slice of the best fingering.
    """

    right: bool
    notes: Sequence[PlayedNote]
    line: Line
    fingers: list[list[tuple[int, ...]]]
    extra_costs: list[float]
    probability: NDArray[np.float64]
    wishes: Mapping[int, Wish]
    dropped: tuple[int, ...]
    kept: Mapping[int, int]
    unreachable: tuple[int, ...]
    arpeggiated: frozenset[int]
    effort: NDArray[np.float64]


def write_hand(hand: HandResult, result: fingering_service_pb2.AnnotateResult) -> None:
    """Writes hands, fingers, probabilities and alternatives of a hand into `result`."""
    which = fingering_pb2.HAND_RIGHT if hand.right else fingering_pb2.HAND_LEFT
    best = hand.fingers[0]
    essential = essential_slots(hand.line, best)
    later = _substitutions(hand.line, best)
    for t, moment in enumerate(hand.line.slices):
        for k, slot in enumerate(moment.slots):
            if not slot.struck:
                continue
            for number in slot.strikes:
                mark = _mark(hand, number, best[t][k], later.get(number, 0), hand.probability[t, k], essential[t][k])
                for played in (hand.notes[i] for i in hand.line.strikes[number].notes):
                    if played.auxiliary:
                        played.auxiliary.key.finger = mark.finger
                        played.auxiliary.key.probability = mark.probability
                    for head, note in enumerate(played.notes):
                        note.hand = which
                        _set(note, mark, continuation=head > 0)
    for fingers, cost in zip(hand.fingers[1:], hand.extra_costs[1:], strict=True):
        alternative = result.alternatives.add(hand=which, extra_cost=cost)
        for t, moment in enumerate(hand.line.slices):
            for k, slot in enumerate(moment.slots):
                if slot.struck and fingers[t][k] != best[t][k]:
                    for number in slot.strikes:
                        for i in hand.line.strikes[number].notes:
                            for note in hand.notes[i].notes:
                                alternative.fingers[note.note_id] = fingers[t][k]


def write_doubts(hand: HandResult, score: score_pb2.Score) -> None:
    """Tells where the hand cannot reach what is written and where a printed finger could not be kept."""
    name = "right" if hand.right else "left"
    for t in hand.unreachable:
        if t in hand.arpeggiated:
            continue
        played = [
            hand.notes[i]
            for slot in hand.line.slices[t].slots
            if slot.struck
            for number in slot.strikes
            for i in hand.line.strikes[number].notes
        ]
        if played and not hand.line.slices[t].rolled:
            slots = hand.line.slices[t].slots
            span = slots[-1].pitch - slots[0].pitch
            if all(slot.struck for slot in slots):
                told = f"span these {span} semitones at once; the fingers are for rolling the chord"
            else:
                told = (
                    f"strike this and go on holding keys {span} semitones away; "
                    "let them go, the pedal may keep their sound"
                )
            _doubt(score, provenance_pb2.DOUBT_KIND_UNREACHABLE, f"the {name} hand cannot {told}", played)
    rolled = [t for t, moment in enumerate(hand.line.slices) if moment.rolled and t not in hand.arpeggiated]
    for t in rolled:
        if t - 1 in rolled and hand.line.slices[t - 1].onset == hand.line.slices[t].onset:
            continue
        played = [
            hand.notes[i]
            for moment in hand.line.slices[t:]
            if moment.rolled and moment.onset == hand.line.slices[t].onset
            for slot in moment.slots
            if slot.struck
            for number in slot.strikes
            for i in hand.line.strikes[number].notes
        ]
        _doubt(
            score,
            provenance_pb2.DOUBT_KIND_UNREACHABLE,
            f"{len(played)} keys are too many for the {name} hand at once; the fingers are for rolling the chord",
            played,
        )
    for number in hand.dropped:
        played = [hand.notes[i] for i in hand.line.strikes[number].notes]
        _doubt(
            score,
            provenance_pb2.DOUBT_KIND_LOW_CONFIDENCE,
            f"no hand can play the printed finger {hand.wishes[number].finger} with the rest "
            "of its chord; it was probably misread and another one was chosen",
            played,
        )


def _doubt(
    score: score_pb2.Score, kind: provenance_pb2.DoubtKind.ValueType, message: str, played: Sequence[PlayedNote]
) -> None:
    measure = played[0].event.measure_index
    where = f"Measure {measure_name(score.measures, measure)}"
    doubt = score.doubts.add(kind=kind, message=f"{where}: {message}.", measure_index=measure)
    doubt.ids.extend(n.note_id for n in played)
    printed = [n.notes[0] for n in played if n.notes]
    if printed and printed[0].HasField("region"):
        doubt.region.CopyFrom(printed[0].region)


def _substitutions(line: Line, fingers: list[tuple[int, ...]]) -> dict[int, int]:
    """The finger that takes a held key over, by strike, where the search let one do so."""
    first: dict[int, int] = {}
    later: dict[int, int] = {}
    for moment, chosen in zip(line.slices, fingers, strict=True):
        for slot, finger in zip(moment.slots, chosen, strict=True):
            for number in slot.strikes:
                if slot.struck:
                    first[number] = finger
                elif finger != first.get(number, finger):
                    later.setdefault(number, finger)
    return later


def _mark(
    hand: HandResult, number: int, finger: int, later: int, probability: NDArray[np.float64], essential: bool
) -> fingering_pb2.Fingering:
    wish = hand.wishes.get(number) if number not in hand.dropped else None
    mark = fingering_pb2.Fingering(finger=finger, substitution=later)
    if wish is not None:
        mark.source = wish.source
        mark.substitution = wish.substitution or later
        mark.probability = 1.0
        mark.essential = True
        return mark
    mark.source = PREDICTED
    mark.probability = min(1.0, float(probability[finger - 1]))
    mark.essential = essential or bool(later)
    order = sorted(range(1, 6), key=lambda f: (-probability[f - 1], f))
    for other in order:
        if other != finger and probability[other - 1] >= _LEAST_PROBABILITY:
            mark.alternatives.add(finger=other, probability=min(1.0, float(probability[other - 1])))
    return mark


def _set(note: event_pb2.Note, mark: fingering_pb2.Fingering, *, continuation: bool) -> None:
    region = note.fingering.region if note.fingering.HasField("region") else None
    own = note.fingering.source if note.HasField("fingering") else 0
    copy = fingering_pb2.Fingering()
    copy.CopyFrom(mark)
    if region is not None and own in (PRINTED, PINNED) and mark.source in (PRINTED, PINNED):
        copy.region.CopyFrom(region)
    if continuation:
        # The page shows a tied key's finger where it is struck.
        copy.essential = own == PRINTED
    note.fingering.CopyFrom(copy)
