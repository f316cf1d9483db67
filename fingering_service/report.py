"""Writes down in a Score what it takes to play it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from fractions import Fraction

from etude.notation.tempo import stated_tempos, tempo_changes
from etude.score.v1 import fingering_pb2, playability_pb2, score_pb2
from fingering_service.difficulty import Seconds, cost_per_second, percentile
from fingering_service.playability import Spot, demands_of
from fingering_service.profile import HandProfile
from fingering_service.writing import HandResult

_WHY = {
    playability_pb2.AWKWARD_KIND_UNREACHABLE: "out of reach: {amount:.0f} semitones between the keys struck and held",
    playability_pb2.AWKWARD_KIND_WIDE_SPAN: "a grip of {amount:.0f} semitones, wider than is comfortable",
    playability_pb2.AWKWARD_KIND_JUMP: "a quick jump of {amount:.0f} semitones",
    playability_pb2.AWKWARD_KIND_SAME_FINGER: "one finger takes two keys in a row",
    playability_pb2.AWKWARD_KIND_CROSSING: "a finger passes over another one that is not the thumb",
    playability_pb2.AWKWARD_KIND_REPETITION: "one finger repeats a key every {amount:.2f} seconds",
}


def write_playability(score: score_pb2.Score, hands: Sequence[HandResult], profile: HandProfile) -> None:
    """Sets `score.playability` from the fingerings of all hands."""
    seconds = clock(score)
    result = playability_pb2.Playability()
    spots: list[playability_pb2.AwkwardSpot] = []
    for hand in hands:
        which = fingering_pb2.HAND_RIGHT if hand.right else fingering_pb2.HAND_LEFT
        demands = demands_of(
            hand.line,
            hand.fingers[0],
            profile,
            seconds,
            unreachable=hand.unreachable,
            arpeggiated=hand.arpeggiated,
        )
        result.hands.add(
            hand=which,
            struck_keys=demands.struck_keys,
            widest_span_semitones=demands.widest_span,
            widest_jump_semitones=demands.widest_jump,
            strikes_per_second=round(demands.strikes_per_second, 2),
        )
        spots += [_message(hand, which, spot) for spot in demands.spots]
    result.spots.extend(sorted(spots, key=lambda s: (s.onset_ticks, s.hand, s.kind)))
    rate = cost_per_second([([m.onset for m in h.line.slices], h.effort) for h in hands], seconds)
    result.difficulty.cost_per_second = round(rate, 3)
    result.difficulty.percentile = round(percentile(rate), 1)
    result.difficulty.quarters_per_minute = tempo_changes(score)[0].quarters_per_minute
    result.difficulty.tempo_assumed = not stated_tempos(score)
    score.playability.CopyFrom(result)


def clock(score: score_pb2.Score) -> Seconds:
    """Seconds from the start, by quarter notes from the start, under the Score's tempos."""
    starts: list[Fraction] = []
    passed: list[float] = []
    speeds: list[float] = []
    for change in tempo_changes(score):
        at = Fraction(change.tick, score.divisions)
        passed.append(passed[-1] + float(at - starts[-1]) * 60 / speeds[-1] if starts else 0.0)
        starts.append(at)
        speeds.append(change.quarters_per_minute)

    def seconds(quarters: Fraction) -> float:
        i = max(0, bisect_right(starts, quarters) - 1)
        return passed[i] + float(quarters - starts[i]) * 60 / speeds[i]

    return seconds


def _message(hand: HandResult, which: fingering_pb2.Hand.ValueType, spot: Spot) -> playability_pb2.AwkwardSpot:
    slots = [slot for slot in hand.line.slices[spot.slice].slots if slot.struck]
    played = [hand.notes[i] for slot in slots for s in slot.strikes for i in hand.line.strikes[s].notes]
    return playability_pb2.AwkwardSpot(
        kind=spot.kind,
        hand=which,
        measure_index=played[0].event.measure_index,
        onset_ticks=played[0].onset,
        message=_WHY[spot.kind].format(amount=spot.amount),
        note_ids=[n.note_id for n in played],
    )
