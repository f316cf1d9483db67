"""Which fingers of a Score are shown, and how: the one answer for every output format."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from etude.notation.ornaments import ornamented_note
from etude.score.v1 import direction_pb2, event_pb2, fingering_pb2, score_pb2
from etude.stage.v1 import fingering_service_pb2

Density: TypeAlias = "fingering_service_pb2.FingeringDensity.ValueType"

PREDICTED_COLOR = "#0B3D91"
"""Dark blue: clearly not the engraver's black, and still dark when printed without colour."""
PINNED_COLOR = "#9E1B32"
"""Dark red, for the fingers a person has set."""

LIKE_FINGER = 5
"""The finger that stands for any other where only its place matters: its digit is the tallest of the five."""


@dataclass(frozen=True, slots=True)
class ShownFinger:
    """A finger to write at a note.

    Attributes:
        finger: 1 to 5.
        substitution: 1 to 5, or 0 for none.
        source: Where it comes from.
        hand: Who plays the note; where nobody has decided it, the staff tells.
        ornament: The fingers that play the note's ornament, one after another; () for none.
    """

    finger: int
    substitution: int
    source: fingering_pb2.FingeringSource.ValueType
    hand: fingering_pb2.Hand.ValueType
    ornament: tuple[int, ...] = ()

    @property
    def text(self) -> str:
        """The finger as it is written: "4", "4-5" for a substitution, "232" for an ornament."""
        if self.ornament:
            return "".join(map(str, self.ornament))
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


_TRILL, _TURN = (0, 1), (1, 0, -1, 0)
_PLAYED = {
    direction_pb2.ORNAMENT_KIND_TRILL: _TRILL,
    direction_pb2.ORNAMENT_KIND_INVERTED_MORDENT: (0, 1, 0),
    direction_pb2.ORNAMENT_KIND_MORDENT: (0, -1, 0),
    direction_pb2.ORNAMENT_KIND_TURN: _TURN,
    direction_pb2.ORNAMENT_KIND_DELAYED_TURN: (0, 1, 0, -1, 0),
    direction_pb2.ORNAMENT_KIND_INVERTED_TURN: (-1, 0, 1, 0),
}
"""The keys of an ornament in the order editions finger them: 0 its note, 1 the neighbour above it, -1 the one below.

Of a sign without a kind of its own the neighbours tell whether it is one like a trill or one like a turn.
"""


def ornament_fingers(score: score_pb2.Score) -> dict[str, tuple[int, ...]]:
    """The fingers that play each ornament, by the id of its note; of those all of whose keys have one."""
    events = {event.event_id: event for event in score.events}
    found = {}
    for direction in score.directions:
        if direction.WhichOneof("kind") != "ornament" or direction.event_id not in events:
            continue
        note = ornamented_note(direction, events[direction.event_id])
        if note is None:
            continue
        keys = direction.ornament.auxiliaries
        finger_of = {(k.midi_pitch > note.midi_pitch) - (k.midi_pitch < note.midi_pitch): k.finger for k in keys}
        fingers = {0: note.fingering.finger} | finger_of
        ways = _PLAYED.get(direction.ornament.kind) or (_TURN if len(finger_of) > 1 else _TRILL)
        played = tuple(fingers.get(way, 0) for way in ways)
        if all(played):
            found[note.note_id] = played
    return found


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


def written_fingers(score: score_pb2.Score, density: Density) -> dict[str, ShownFinger]:
    """The finger to write at each note that shows one, by the id of the note, with those that play its ornament; a
    finger that the source prints stays as it is printed."""
    ornaments = ornament_fingers(score)
    written = {}
    for note, shown in shown_fingers(score, density):
        printed = shown.source == fingering_pb2.FINGERING_SOURCE_PRINTED
        written[note.note_id] = replace(shown, ornament=() if printed else ornaments.get(note.note_id, ()))
    return written


def without_fingers(score: score_pb2.Score) -> score_pb2.Score:
    """A copy of a Score with the fingers that are printed in it, and no others."""
    copy = score_pb2.Score()
    copy.CopyFrom(score)
    for event in copy.events:
        for note in event.notes:
            if note.fingering.source != fingering_pb2.FINGERING_SOURCE_PRINTED:
                note.ClearField("fingering")
    return copy


def with_like_fingers(score: score_pb2.Score, density: Density) -> score_pb2.Score:
    """A copy of a Score in which all fingers that are shown are alike: the same for whatever fingers those are.

    What a correction changes beside them (probabilities, alternatives, doubts, provenance) is left out. All fingers of
    the copy are shown at any density.
    """
    copy = score_pb2.Score()
    copy.CopyFrom(score)
    for field in ("provenance", "doubts", "playability"):
        copy.ClearField(field)
    for direction in copy.directions:
        for key in direction.ornament.auxiliaries if direction.WhichOneof("kind") == "ornament" else ():
            key.ClearField("finger")
    continuations = tie_continuations(score)
    for event in copy.events:
        for note in event.notes:
            shown = shown_finger(note, density, continuations)
            note.ClearField("fingering")
            if shown is not None:
                note.fingering.finger = LIKE_FINGER
                note.fingering.substitution = LIKE_FINGER if shown.substitution else 0
                note.fingering.source = fingering_pb2.FINGERING_SOURCE_PRINTED
    return copy
