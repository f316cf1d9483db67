"""The notes a pianist plays, gathered from a Score."""

from __future__ import annotations

from dataclasses import dataclass

from etude.notation.index import ScoreIndex
from etude.score.v1 import direction_pb2, event_pb2, fingering_pb2, score_pb2


@dataclass(frozen=True, slots=True)
class Auxiliary:
    """A key that an ornament adds.

    Attributes:
        key: Where its finger is written.
        main: The note the ornament stands at.
        before: Its finger in an earlier run; 0 for none.
    """

    key: direction_pb2.AuxiliaryKey
    main: event_pb2.Note
    before: int


@dataclass(frozen=True, slots=True)
class PlayedNote:
    """A key struck by a player, with the noteheads that stand for it.

    Attributes:
        notes: The notes of the Score: the one where the key is struck, then its tied continuations; none for a key
            that an ornament adds.
        event: The chord of the first of them.
        midi: Sounding MIDI key.
        onset: Ticks from the start of the Score.
        end: Tick at which the key may be let go.
        grace: True for a grace note.
        after: True for a grace note after its main note.
        order: Order among the grace notes of its voice at one onset.
        auxiliary: Set for a key that an ornament adds.
    """

    notes: tuple[event_pb2.Note, ...]
    event: event_pb2.Event
    midi: int
    onset: int
    end: int
    grace: bool
    after: bool
    order: int
    auxiliary: Auxiliary | None = None

    @property
    def note_id(self) -> str:
        """Id of the note where the key is struck, or at which the ornament stands that adds it."""
        return self.auxiliary.main.note_id if self.auxiliary else self.notes[0].note_id

    @property
    def predicted(self) -> int:
        """Its finger as predicted in an earlier run; 0 for none."""
        if self.auxiliary:
            return self.auxiliary.before
        mark = self.notes[0].fingering
        return mark.finger if mark.source == fingering_pb2.FINGERING_SOURCE_PREDICTED else 0


def keyboard_parts(score: score_pb2.Score) -> list[list[str]]:
    """Ids of the parts each player plays: one part, or two of one staff each that together make a piano.

    Parts that do not say what they are count as keyboard parts where none says so.
    """
    named = [p for p in score.parts if p.role == score_pb2.PART_ROLE_KEYBOARD]
    parts = named or [p for p in score.parts if p.role == score_pb2.PART_ROLE_UNSPECIFIED]
    if len(parts) == 2 and all(p.staff_count == 1 for p in parts):
        return [[p.part_id for p in parts]]
    return [[p.part_id] for p in parts]


def played_notes(index: ScoreIndex, part_ids: list[str]) -> list[PlayedNote]:
    """What one player strikes, in the Score's order; tied continuations are part of the note they prolong."""
    played = []
    for event in index.score.events:
        if event.part_id not in part_ids:
            continue
        grace = event.HasField("grace")
        for note in event.notes:
            if index.previous_tied(note.note_id) is not None:
                continue
            chain = index.tie_chain(note.note_id)
            # A tied grace note sounds on as the note it is tied to, and is struck at its own place.
            end = max(item.event.onset_ticks + item.event.duration_ticks for item in chain)
            played.append(
                PlayedNote(
                    notes=tuple(item.note for item in chain),
                    event=event,
                    midi=note.midi_pitch,
                    onset=event.onset_ticks,
                    end=event.onset_ticks if grace and len(chain) == 1 else end,
                    grace=grace,
                    after=grace and event.grace.after,
                    order=event.grace.order if grace else 0,
                )
            )
    return played


def arpeggiated_events(index: ScoreIndex) -> frozenset[str]:
    """Ids of the chords that an arpeggio sign breaks, on one staff or across several."""
    broken = (event_pb2.ARPEGGIO_PLAIN, event_pb2.ARPEGGIO_UP, event_pb2.ARPEGGIO_DOWN)
    alone = {event.event_id for event in index.score.events if event.arpeggio in broken}
    across = {
        event_id
        for spanner in index.score.spanners
        if spanner.WhichOneof("kind") == "arpeggio_across"
        for event_id in spanner.event_ids
    }
    return frozenset(alone | across)


def written_hand(index: ScoreIndex, part_ids: list[str], played: PlayedNote) -> fingering_pb2.Hand.ValueType:
    """The hand the page suggests: the upper staff is the right hand's; unspecified on a single staff."""
    if len(part_ids) == 2:
        upper = played.event.part_id == part_ids[0]
    else:
        if index.parts[played.event.part_id].staff_count == 1:
            return fingering_pb2.HAND_UNSPECIFIED
        upper = played.event.staff == 1
    return fingering_pb2.HAND_RIGHT if upper else fingering_pb2.HAND_LEFT
