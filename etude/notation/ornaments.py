"""Which note an ornament's sign stands at."""

from __future__ import annotations

from etude.score.v1 import direction_pb2, event_pb2, spanner_pb2


def ornamented_note(direction: direction_pb2.Direction, event: event_pb2.Event) -> event_pb2.Note | None:
    """The note of `event` that `direction` names, else the chord's outer note on the sign's side; None for a rest."""
    if direction.note_id:
        return next((n for n in event.notes if n.note_id == direction.note_id), None)
    ordered = sorted(event.notes, key=lambda n: n.midi_pitch)
    if not ordered:
        return None
    return ordered[0] if direction.placement == spanner_pb2.PLACEMENT_BELOW else ordered[-1]
