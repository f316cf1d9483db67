"""The keys that ornaments add to their notes, so that they get fingers and leave room for each other.

An auxiliary is a neighbour of its note in the key signature, or what the accidental at the sign says. It is struck
right after its note, which is still held then: in one grip both have different fingers, in the order of their keys. How
often and in which order the keys of an ornament sound makes no difference to that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from etude.notation.index import ScoreIndex
from etude.notation.keys import key_for_staff
from etude.notation.ornaments import ornamented_note
from etude.notation.pitch import diatonic, from_diatonic, key_pitch, midi_of
from etude.score.v1 import direction_pb2
from fingering_service.played import Auxiliary, PlayedNote

_UPPER, _LOWER = 1, -1
_KINDS = {
    direction_pb2.ORNAMENT_KIND_TRILL: (_UPPER,),
    direction_pb2.ORNAMENT_KIND_INVERTED_MORDENT: (_UPPER,),
    direction_pb2.ORNAMENT_KIND_MORDENT: (_LOWER,),
    direction_pb2.ORNAMENT_KIND_TURN: (_UPPER, _LOWER),
    direction_pb2.ORNAMENT_KIND_DELAYED_TURN: (_UPPER, _LOWER),
    direction_pb2.ORNAMENT_KIND_INVERTED_TURN: (_UPPER, _LOWER),
}
_GLYPHS = {
    "ornamentTremblement": (_UPPER,),
    "ornamentShake3": (_UPPER,),
    "ornamentTurnUp": (_UPPER, _LOWER),
    "ornamentTurnUpS": (_UPPER, _LOWER),
    "ornamentTurnInverted": (_UPPER, _LOWER),
    "ornamentHaydn": (_UPPER, _LOWER),
}
"""Of ornaments without a kind of their own; others add nothing."""

_BEFORE_GRACES = -10
"""Order of auxiliaries among what follows their note: before a written-out termination."""


def auxiliary_keys(index: ScoreIndex, notes: Sequence[PlayedNote]) -> list[PlayedNote]:
    """The keys that ornaments add to `notes`; where their fingers are to be written is made anew in the Score."""
    by_id = {n.notes[0].note_id: n for n in notes}
    found: list[PlayedNote] = []
    for direction in index.score.directions:
        if direction.WhichOneof("kind") != "ornament" or direction.event_id not in index.events:
            continue
        main = ornamented_note(direction, index.events[direction.event_id])
        if main is not None and main.note_id in by_id:
            found += _auxiliaries(index, direction, by_id[main.note_id])
    return found


def _auxiliaries(index: ScoreIndex, direction: direction_pb2.Direction, main: PlayedNote) -> Iterator[PlayedNote]:
    ornament = direction.ornament
    earlier = {key.midi_pitch: key.finger for key in ornament.auxiliaries}
    del ornament.auxiliaries[:]
    ways = _KINDS.get(ornament.kind) or _GLYPHS.get(ornament.glyph, ())
    for order, way in enumerate(ways):
        midi = _neighbour(index, ornament, main, way)
        if not 0 <= midi <= 127:
            continue
        key = ornament.auxiliaries.add(midi_pitch=midi)
        yield PlayedNote(
            notes=(),
            event=main.event,
            midi=midi,
            onset=main.onset,
            end=main.onset,
            grace=True,
            after=True,
            order=_BEFORE_GRACES + order,
            auxiliary=Auxiliary(key, main.notes[0], earlier.get(midi, 0)),
        )


def _neighbour(index: ScoreIndex, ornament: direction_pb2.Ornament, main: PlayedNote, way: int) -> int:
    """MIDI key of the neighbour above or below."""
    written = main.notes[0].pitch
    number = diatonic(written) + way
    measure = index.score.measures[main.event.measure_index]
    fifths = key_for_staff(measure.key_signatures, main.event.part_id, main.event.staff).fifths
    pitch = key_pitch(number, fifths)
    if way == _UPPER and ornament.accidental_above_printed:
        pitch = from_diatonic(number, ornament.accidental_above)
    elif way == _LOWER and ornament.accidental_below_printed:
        pitch = from_diatonic(number, ornament.accidental_below)
    return main.midi + midi_of(pitch) - midi_of(written)
