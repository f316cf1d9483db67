"""Which fingers of a Score are shown, and how: the one answer for every output format."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from etude.score.v1 import event_pb2, fingering_pb2, score_pb2
from etude.stage.v1 import fingering_service_pb2

Density: TypeAlias = "fingering_service_pb2.FingeringDensity.ValueType"

PREDICTED_COLOR = "#0B3D91"
"""Dark blue: clearly not the engraver's black, and still dark when printed without colour."""
PINNED_COLOR = "#9E1B32"
"""Dark red, for the fingers a person has set."""


@dataclass(frozen=True, slots=True)
class ShownFinger:
    """A finger to write at a note.

    Attributes:
        finger: 1 to 5.
        substitution: 1 to 5, or 0 for none.
        source: Where it comes from.
        hand: Who plays the note; where nobody has decided it, the staff tells.
    """

    finger: int
    substitution: int
    source: fingering_pb2.FingeringSource.ValueType
    hand: fingering_pb2.Hand.ValueType

    @property
    def text(self) -> str:
        """The finger as it is written: "4", or "4-5" for a substitution."""
        return f"{self.finger}-{self.substitution}" if self.substitution else str(self.finger)

    @property
    def color(self) -> str:
        """Colour as #RRGGBB; empty for a finger that the source prints itself."""
        if self.source == fingering_pb2.FINGERING_SOURCE_PREDICTED:
            return PREDICTED_COLOR
        return PINNED_COLOR if self.source == fingering_pb2.FINGERING_SOURCE_PINNED else ""


def hand_of(note: event_pb2.Note) -> fingering_pb2.Hand.ValueType:
    """Who plays the note: its hand, or the hand of its staff where no hand has been decided."""
    if note.hand != fingering_pb2.HAND_UNSPECIFIED:
        return note.hand
    return fingering_pb2.HAND_RIGHT if note.staff <= 1 else fingering_pb2.HAND_LEFT


def tie_continuations(score: score_pb2.Score) -> frozenset[str]:
    """Ids of the notes that are held over from a tied note before them and not struck."""
    return frozenset(
        spanner.end_note_id
        for spanner in score.spanners
        if spanner.WhichOneof("kind") == "tie" and spanner.start_note_id and spanner.end_note_id
    )


def shown_finger(note: event_pb2.Note, density: Density, continuations: frozenset[str]) -> ShownFinger | None:
    """The finger to write at a note, or None.

    Printed and pinned fingers are always shown. A predicted one is shown where its key is struck (not where a tie
    holds it, unless the finger changes there), and with ESSENTIAL density only where a teacher would write it.
    """
    fingering = note.fingering
    if not 1 <= fingering.finger <= 5:
        return None
    if fingering.source == fingering_pb2.FINGERING_SOURCE_PREDICTED:
        if note.note_id in continuations and not fingering.substitution:
            return None
        if density == fingering_service_pb2.FINGERING_DENSITY_ESSENTIAL and not fingering.essential:
            return None
    substitution = fingering.substitution if 1 <= fingering.substitution <= 5 else 0
    return ShownFinger(fingering.finger, substitution, fingering.source, hand_of(note))


def shown_fingers(score: score_pb2.Score, density: Density) -> Iterator[tuple[event_pb2.Note, ShownFinger]]:
    """All notes of a Score that show a finger, in the order of the Score."""
    continuations = tie_continuations(score)
    for event in score.events:
        for note in event.notes:
            finger = shown_finger(note, density, continuations)
            if finger is not None:
                yield note, finger


def without_fingers(score: score_pb2.Score) -> score_pb2.Score:
    """A copy of a Score with the fingers that are printed in it, and no others."""
    copy = score_pb2.Score()
    copy.CopyFrom(score)
    for event in copy.events:
        for note in event.notes:
            if note.fingering.source != fingering_pb2.FINGERING_SOURCE_PRINTED:
                note.ClearField("fingering")
    return copy
