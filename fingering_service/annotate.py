"""The pipeline: a Score in, the same Score with a hand and a finger on every note out.

The steps, in order: gather what each player strikes; give every note a hand; add the keys of ornaments; lay the notes
of each hand out as a line of slices; list the grips each slice allows under the constraints; price them with a model;
search the best fingering of the whole line, its probabilities and its runners-up; write them into the Score.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from etude.mesh.errors import EtudeError
from etude.notation.index import ScoreIndex
from etude.notation.measures import measure_name
from etude.score.v1 import score_pb2
from etude.stage.v1 import fingering_service_pb2
from fingering_service.constraints import (
    ImpossiblePinsError,
    Wish,
    check_pins,
    constrained_lattice,
    standing_wishes,
)
from fingering_service.correction import kept_fingers
from fingering_service.decode import decode
from fingering_service.ergonomics import path_costs
from fingering_service.handing import give_hands, hands_of_staves
from fingering_service.lattice import Lattice
from fingering_service.lines import Line, Strike, build_line
from fingering_service.models import FingeringModel
from fingering_service.ornaments import auxiliary_keys
from fingering_service.played import PlayedNote, arpeggiated_events, keyboard_parts, played_notes
from fingering_service.profile import HandProfile
from fingering_service.report import write_playability
from fingering_service.search import Path
from fingering_service.sharing import add_shared, shared_fingers
from fingering_service.writing import HandResult, write_doubts, write_hand

Report = Callable[[float, str], None]
"""Takes the part done, 0 to 1, and a sentence for people."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to finger a Score.

    Attributes:
        profile: The player's hand.
        pins: Fingers that must hold.
        alternative_count: How many whole fingerings of each hand are wanted beside the best.
        keep_predicted: Leaves predicted fingers of an earlier run alone where no pin affects them.
    """

    profile: HandProfile = field(default_factory=HandProfile)
    pins: Sequence[fingering_service_pb2.PinnedFingering] = ()
    alternative_count: int = 0
    keep_predicted: bool = False


def annotate(
    score: score_pb2.Score, model: FingeringModel, options: Options, report: Report | None = None
) -> fingering_service_pb2.AnnotateResult:
    """Fingers a valid Score; `score` itself is not changed.

    Raises:
        EtudeError: NO_MUSIC where there is nothing to finger, INVALID_CONSTRAINT, IMPOSSIBLE_CONSTRAINT.
    """
    tell = report or _silent
    result = fingering_service_pb2.AnnotateResult()
    result.score.CopyFrom(score)
    index = ScoreIndex(result.score)
    pins = check_pins(index, options.pins)
    players = keyboard_parts(result.score)
    if not players:
        raise EtudeError("NO_MUSIC", "the Score has no keyboard part to finger: every part is another instrument's")
    wishes = standing_wishes(index) | pins
    work: list[tuple[bool, list[PlayedNote]]] = []
    shared: dict[str, frozenset[int]] = {}
    for part_ids in players:
        notes = played_notes(index, part_ids)
        hands = give_hands(index, part_ids, notes, wishes, options.profile, keep_predicted=options.keep_predicted)
        shared |= shared_fingers(notes, hands_of_staves(index, part_ids, notes), hands, options.profile)
        for right in (True, False):
            mine = [n for n, h in zip(notes, hands, strict=True) if h == ("R" if right else "L")]
            if mine:
                work.append((right, [*mine, *auxiliary_keys(index, mine)]))
    tell(0.1, "every note has a hand")
    fingered: list[HandResult] = []
    for number, (right, mine) in enumerate(work):
        hand = finger_hand(mine, right, index, model, options, wishes, pins, shared)
        write_hand(hand, result)
        write_doubts(hand, result.score)
        fingered.append(hand)
        tell(0.1 + 0.9 * (number + 1) / len(work), f"{'right' if right else 'left'} hand fingered")
    write_playability(result.score, fingered, options.profile)
    return result


def finger_hand(
    notes: Sequence[PlayedNote],
    right: bool,
    index: ScoreIndex,
    model: FingeringModel,
    options: Options,
    wishes: dict[str, Wish],
    pins: dict[str, Wish],
    shared: dict[str, frozenset[int]],
) -> HandResult:
    """The fingering of one hand's notes.

    Raises:
        EtudeError: IMPOSSIBLE_CONSTRAINT.
    """
    divisions = index.score.divisions
    line = build_line(
        (
            Strike((i,), n.midi, Fraction(n.onset, divisions), Fraction(n.end, divisions), n.grace, n.after, n.order)
            for i, n in enumerate(notes)
        ),
        right=right,
        max_span=options.profile.max_span,
    )
    asked = _by_strike(line, notes, wishes)
    kept = kept_fingers(line, notes, pins, asked) if options.keep_predicted else {}
    try:
        constrained = constrained_lattice(line, options.profile, asked, kept)
    except ImpossiblePinsError as error:
        raise _impossible(error, line, notes, index) from error
    lattice = constrained.lattice
    costs = model.costs(lattice, options.profile)
    add_shared(lattice, line, notes, shared, costs)
    decoded = decode(lattice, costs, model.temperature, model.coherence, options.alternative_count + 1)
    return HandResult(
        right=right,
        notes=notes,
        line=line,
        fingers=[_fingers(lattice, path) for path in decoded.paths],
        extra_costs=[path.cost - decoded.paths[0].cost for path in decoded.paths],
        probability=model.calibration.told(decoded.probability),
        wishes=asked,
        dropped=constrained.dropped,
        kept={i: f for i, f in kept.items() if i not in asked},
        unreachable=lattice.unreachable,
        arpeggiated=_arpeggiated(line, notes, index),
        effort=path_costs(lattice, decoded.paths[0].states, options.profile),
    )


def _by_strike(line: Line, notes: Sequence[PlayedNote], wishes: dict[str, Wish]) -> dict[int, Wish]:
    """Wishes by strike: of several noteheads of one key a pinned one counts first, then the earliest."""
    asked: dict[int, Wish] = {}
    for number, strike in enumerate(line.strikes):
        found = [wishes[n.note_id] for i in strike.notes for n in notes[i].notes if n.note_id in wishes]
        if found:
            asked[number] = max(found, key=lambda w: w.source)
    return asked


def _arpeggiated(line: Line, notes: Sequence[PlayedNote], index: ScoreIndex) -> frozenset[int]:
    """Slices all of whose struck keys the page says to break."""
    signed = arpeggiated_events(index)
    return frozenset(
        t
        for t, moment in enumerate(line.slices)
        if all(
            notes[i].event.event_id in signed
            for slot in moment.slots
            if slot.struck
            for number in slot.strikes
            for i in line.strikes[number].notes
        )
    )


def _fingers(lattice: Lattice, path: Path) -> list[tuple[int, ...]]:
    chosen = lattice.fingers[np.arange(len(lattice)), path.states]
    counts = lattice.present.sum(axis=1)
    return [tuple(row[:count]) for row, count in zip(chosen.tolist(), counts.tolist(), strict=True)]


def _impossible(error: ImpossiblePinsError, line: Line, notes: Sequence[PlayedNote], index: ScoreIndex) -> EtudeError:
    played = [notes[i] for s in error.strikes for i in line.strikes[s].notes]
    measure = measure_name(index.score.measures, played[0].event.measure_index) if played else "?"
    ids = [n.note_id for n in played]
    return EtudeError(
        "IMPOSSIBLE_CONSTRAINT",
        f"no hand can play the fingers pinned on notes {', '.join(ids)} (measure {measure}) together; "
        "change or remove one of them",
        violations=[(i, "pinned to a finger that excludes another one of the same chord") for i in ids],
    )


def _silent(_fraction: float, _message: str) -> None:
    return None
