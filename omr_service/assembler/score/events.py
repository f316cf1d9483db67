"""Writes the events of a joined piece into its Score: chords, rests and grace notes, with the notes in them."""

from __future__ import annotations

from etude.score.v1 import event_pb2, pitch_pb2, score_pb2
from omr_service.assembler.music import Element, NoteSign
from omr_service.assembler.piece.draft import KEYBOARD, JoinedMeasure, Key, ScoreDraft
from omr_service.assembler.piece.grace_notes import grace_target
from omr_service.assembler.score.places import region, ticks

NOTE_TYPES = {
    -4: event_pb2.NOTE_TYPE_LONG,
    -3: event_pb2.NOTE_TYPE_BREVE,
    -2: event_pb2.NOTE_TYPE_WHOLE,
    -1: event_pb2.NOTE_TYPE_HALF,
    0: event_pb2.NOTE_TYPE_QUARTER,
    1: event_pb2.NOTE_TYPE_EIGHTH,
    2: event_pb2.NOTE_TYPE_16TH,
    3: event_pb2.NOTE_TYPE_32ND,
    4: event_pb2.NOTE_TYPE_64TH,
    5: event_pb2.NOTE_TYPE_128TH,
    6: event_pb2.NOTE_TYPE_256TH,
}
STEPS = {letter: pitch_pb2.Step.Value(f"STEP_{letter}") for letter in "CDEFGAB"}
ACCIDENTALS = {
    "accidentalSharp": pitch_pb2.ACCIDENTAL_KIND_SHARP,
    "accidentalFlat": pitch_pb2.ACCIDENTAL_KIND_FLAT,
    "accidentalNatural": pitch_pb2.ACCIDENTAL_KIND_NATURAL,
    "accidentalDoubleSharp": pitch_pb2.ACCIDENTAL_KIND_DOUBLE_SHARP,
    "accidentalDoubleFlat": pitch_pb2.ACCIDENTAL_KIND_DOUBLE_FLAT,
    "accidentalNaturalSharp": pitch_pb2.ACCIDENTAL_KIND_NATURAL_SHARP,
    "accidentalNaturalFlat": pitch_pb2.ACCIDENTAL_KIND_NATURAL_FLAT,
    "accidentalSharpSharp": pitch_pb2.ACCIDENTAL_KIND_DOUBLE_SHARP,
}
STEMS = {
    None: event_pb2.STEM_DIRECTION_UNSPECIFIED,
    True: event_pb2.STEM_DIRECTION_UP,
    False: event_pb2.STEM_DIRECTION_DOWN,
}


class EventWriter:
    """Writes events, measure by measure.

    Attributes:
        events: What was written, by page number and element.
    """

    def __init__(self, draft: ScoreDraft, score: score_pb2.Score) -> None:
        """Prepares for writing `draft` into `score`, whose divisions are set."""
        self.draft, self.score = draft, score
        self.events: dict[Key, event_pb2.Event] = {}

    def write(self, index: int, joined: JoinedMeasure) -> None:
        """Writes the events of the measure at an index."""
        order: dict[tuple[int, int, bool], int] = {}
        for element in joined.signs.elements:
            timing = joined.rhythm.timings.get(element.index)
            event = event_pb2.Event(measure_index=index, confidence=element.confidence)
            if timing is not None:
                part, staff = self.draft.place(joined, timing.home)
                event.part_id, event.staff = part, staff
                event.voice = self._voice(part, staff, timing.voice)
                event.onset_ticks = ticks(self.score, joined.onset + timing.onset)
                event.duration_ticks = ticks(self.score, timing.duration)
                if timing.duration <= 0:
                    continue
                if not timing.whole_bar:
                    event.type = NOTE_TYPES[min(timing.level, 6)]
                    event.dots = timing.dots
                for actual, normal in timing.ratios:
                    event.tuplet_ratios.add(actual=actual, normal=normal)
            else:
                self._grace(event, joined, element, order)
            event.stem = STEMS[element.up]
            event.tremolo_strokes = element.tremolo
            if not element.copied:
                event.region.CopyFrom(region(joined.page.page_number, element.box))
            if element.is_rest:
                event.rest.whole_measure = timing is not None and timing.whole_bar
            for note in element.notes:
                self._note(event, joined, note, element.copied)
            self.events[joined.key(element.index)] = self._add(event)

    def _add(self, event: event_pb2.Event) -> event_pb2.Event:
        """Appends an event; the id is provisional."""
        added = self.score.events.add()
        added.CopyFrom(event)
        added.event_id = f"e{len(self.score.events)}"
        return added

    def _grace(
        self, event: event_pb2.Event, joined: JoinedMeasure, element: Element, order: dict[tuple[int, int, bool], int]
    ) -> None:
        target, after = grace_target(joined, element)
        event.type = NOTE_TYPES[max(min(element.level, 6), -2)]
        event.dots = element.dots
        event.grace.slash = element.slash
        event.grace.after = after
        if target is None:
            event.part_id, event.staff = self.draft.place(joined, element.staff)
            event.voice = self._voice(event.part_id, event.staff, 1)
            event.onset_ticks = ticks(self.score, joined.onset)
            target_index = -1
        else:
            timing = joined.rhythm.timings[target.index]
            event.part_id, event.staff = self.draft.place(joined, timing.home)
            event.voice = self._voice(event.part_id, event.staff, timing.voice)
            event.onset_ticks = ticks(self.score, joined.onset + timing.onset)
            target_index = target.index
        key = (target_index, event.voice, after)
        event.grace.order = order.get(key, 0)
        order[key] = event.grace.order + 1

    def _voice(self, part: str, staff: int, voice: int) -> int:
        """Number of a voice within its part: four to a staff, more than that above those of all staves."""
        if part != KEYBOARD:
            return voice
        block, within = divmod(voice - 1, 4)
        return 4 * self.draft.keyboard_staves * block + 4 * (staff - 1) + within + 1

    def _note(self, event: event_pb2.Event, joined: JoinedMeasure, sign: NoteSign, copied: bool) -> None:
        key = joined.key(sign.head)
        pitch = self.draft.pitches[key]
        note = event.notes.add()
        note.pitch.step = STEPS[pitch.letter]
        note.pitch.alter = pitch.alter
        note.pitch.octave = pitch.octave
        if sign.accidental is not None:
            note.accidental.kind = ACCIDENTALS[sign.accidental.name]
            note.accidental.parenthesized = sign.accidental.parenthesized
        note.staff = self.draft.place(joined, sign.staff)[1]
        if "Diamond" in sign.name:
            note.notehead = event_pb2.NOTEHEAD_DIAMOND
        elif sign.name.startswith("noteheadX"):
            note.notehead = event_pb2.NOTEHEAD_X
        elif "Slash" in sign.name:
            note.notehead = event_pb2.NOTEHEAD_SLASH
        elif "Triangle" in sign.name:
            note.notehead = event_pb2.NOTEHEAD_TRIANGLE
        if not copied:
            note.region.CopyFrom(region(joined.page.page_number, sign.box))
        note.confidence = sign.confidence
        # provisional id, unique for a head that two voices share
        note.note_id = f"{joined.page.page_number}/{sign.head}/{len(self.score.events)}"
