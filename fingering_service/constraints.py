"""Fingers that must hold: pinned by a user, printed on the page, or kept from an earlier run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from etude.mesh.errors import EtudeError
from etude.notation.index import ScoreIndex
from etude.score.v1 import fingering_pb2
from etude.stage.v1 import fingering_service_pb2
from fingering_service.lattice import InfeasibleError, Lattice, build_lattice
from fingering_service.lines import Line
from fingering_service.profile import HandProfile

PRINTED = fingering_pb2.FINGERING_SOURCE_PRINTED
PREDICTED = fingering_pb2.FINGERING_SOURCE_PREDICTED
PINNED = fingering_pb2.FINGERING_SOURCE_PINNED


@dataclass(frozen=True, slots=True)
class Wish:
    """A finger asked for on a note.

    Attributes:
        finger: 1-5.
        substitution: Finger that takes over, 1-5; 0 for none.
        source: Who asks.
        hand: Hand asked for by a user; unspecified for none.
    """

    finger: int
    substitution: int
    source: fingering_pb2.FingeringSource.ValueType
    hand: fingering_pb2.Hand.ValueType = fingering_pb2.HAND_UNSPECIFIED


def check_pins(index: ScoreIndex, pins: Iterable[fingering_service_pb2.PinnedFingering]) -> dict[str, Wish]:
    """The pins by note id.

    Raises:
        EtudeError: INVALID_CONSTRAINT, naming every pin that is not one.
    """
    wishes: dict[str, Wish] = {}
    wrong: list[tuple[str, str]] = []
    for number, pin in enumerate(pins):
        field = f"pins[{number}]"
        if pin.note_id not in index.notes:
            wrong.append((f"{field}.note_id", f"there is no note {pin.note_id!r} in the Score"))
        if not 1 <= pin.finger <= 5:
            wrong.append((f"{field}.finger", f"a hand has fingers 1 to 5, not {pin.finger}"))
        if not 0 <= pin.substitution <= 5 or pin.substitution == pin.finger:
            wrong.append((f"{field}.substitution", f"{pin.substitution} cannot take the key over from {pin.finger}"))
        wish = Wish(pin.finger, pin.substitution, PINNED, pin.hand)
        if wishes.setdefault(pin.note_id, wish) != wish:
            wrong.append((f"{field}.note_id", f"note {pin.note_id} is pinned twice, to different fingers"))
    if wrong:
        raise EtudeError(
            "INVALID_CONSTRAINT",
            f"{len(wrong)} of the pinned fingers make no sense: {wrong[0][1]}",
            violations=wrong,
        )
    return wishes


def standing_wishes(index: ScoreIndex) -> dict[str, Wish]:
    """Fingers printed or pinned in the Score itself, by note id."""
    wishes = {}
    for note_id, (note, _) in index.notes.items():
        mark = note.fingering
        if note.HasField("fingering") and mark.source in (PRINTED, PINNED) and 1 <= mark.finger <= 5:
            wishes[note_id] = Wish(mark.finger, mark.substitution, mark.source)
    return wishes


@dataclass(frozen=True, slots=True)
class Constrained:
    """A lattice under constraints.

    Attributes:
        lattice: The lattice.
        dropped: Strikes whose printed finger had to be given up, because no hand can play it with its chord.
    """

    lattice: Lattice
    dropped: tuple[int, ...]


def constrained_lattice(
    line: Line, profile: HandProfile, wishes: Mapping[int, Wish], kept: Mapping[int, int]
) -> Constrained:
    """The lattice of a line in which wishes hold.

    Args:
        line: The line.
        profile: The hand.
        wishes: Printed and pinned fingers by strike.
        kept: Fingers to be left as they are, by strike; given up where they are in the way of a wish.

    Raises:
        ImpossiblePinsError: The pinned fingers of a chord exclude each other.
    """
    fingers = {i: w.finger for i, w in wishes.items()} | {i: f for i, f in kept.items() if i not in wishes}
    dropped: list[int] = []
    while True:
        try:
            allowed = {i: frozenset((f,)) for i, f in fingers.items()}
            return Constrained(build_lattice(line, profile, allowed), tuple(dropped))
        except InfeasibleError as error:
            removed = _least_in_the_way(line, profile, error.strikes, fingers, wishes, kept)
            if removed is None:
                pinned = [i for i in error.strikes if i in wishes and wishes[i].source == PINNED]
                raise ImpossiblePinsError(tuple(pinned)) from error
            for strike in removed:
                del fingers[strike]
                if strike in wishes:
                    dropped.append(strike)


class ImpossiblePinsError(Exception):
    """Pinned fingers of one chord exclude each other; `strikes` are the indices of the pinned strikes."""

    def __init__(self, strikes: tuple[int, ...]) -> None:
        super().__init__(f"no hand can play the pinned fingers of strikes {strikes} together")
        self.strikes = strikes


def _least_in_the_way(
    line: Line,
    profile: HandProfile,
    strikes: Sequence[int],
    fingers: Mapping[int, int],
    wishes: Mapping[int, Wish],
    kept: Mapping[int, int],
) -> tuple[int, ...] | None:
    """The fewest constraints of one slice to give up, kept fingers before printed ones; None if pins alone clash."""
    moment = next(m for m in line.slices if any(s.struck and strikes[0] in s.strikes for s in m.slots))
    single = Line(line.right, line.strikes, (moment,))
    soft = [i for i in strikes if i in kept and i not in wishes]
    printed = [i for i in strikes if i in wishes and wishes[i].source != PINNED]
    candidates = [
        (sum(10 if i in printed else 1 for i in removed), removed)
        for size in range(1, len(strikes) + 1)
        for removed in combinations([*soft, *printed], size)
    ]
    for _, removed in sorted(candidates):
        allowed = {i: frozenset((fingers[i],)) for i in strikes if i in fingers and i not in removed}
        if _feasible(single, profile, allowed):
            return removed
    return None


def _feasible(single: Line, profile: HandProfile, allowed: Mapping[int, frozenset[int]]) -> bool:
    try:
        build_lattice(single, profile, allowed)
    except InfeasibleError:
        return False
    return True
