"""The marks of a Score: everything of its notation that is not a note, bar by bar, in a form that can be compared.

`where` counts quarters from the start of the bar; the end of a spanner is told as bars after its first and quarters in
that one. Dynamics, hairpins, pedals, tempo and words stand between staves or over the system: their staff is not told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction

from etude.evaluation.reading import Mark
from etude.notation.chord_symbols import root_text, suffix_of
from etude.notation.index import ScoreIndex
from etude.score.v1 import direction_pb2, event_pb2, fingering_pb2, measure_pb2, pitch_pb2, spanner_pb2

KINDS: Mapping[str, str] = {
    "ties": "key; staff, onset of both notes",
    "l.v. ties": "key; staff, onset",
    "tuplets": "ratio; staff, onset, length",
    "slurs": "staff, onset of first and last note",
    "articulations": "kind; staff, onset",
    "ornaments": "kind; staff, onset",
    "trill lines": "staff, onset",
    "arpeggios": "direction; staff, onset",
    "glissandi": "straight or wavy; staff, onset of both notes",
    "tremolos": "strokes; staff, onset",
    "fermatas": "staff, onset",
    "fingerings": "key, finger, substitution; staff, onset; printed ones only",
    "dynamics": "text; onset",
    "hairpins": "direction; onset, end",
    "octave lines": "octaves; staff, onset, end",
    "pedals": "onset, end",
    "tempo": "metronome mark; onset",
    "words": "text without case and spaces; onset",
    "accidentals": "printed sign; staff, key, onset",
    "beams": "number of notes; staff, onset of first and last",
    "clefs": "sign, line, octave; staff, onset; changes and the first",
    "keys": "alterations; staff; changes and the first",
    "meters": "beats, symbol; changes and the first",
    "repeats": "direction",
    "endings": "numbers; start or stop",
    "jumps": "kind (segno, coda, D.C. and so on)",
    "rehearsal marks": "text",
    "chord symbols": "root, kind, bass; onset",
}
"""Kinds of marks: what is compared of each."""

_SIGN = re.compile(r"(?:p{1,6}|m[pf]|f{1,6}|pf|fp|s?ffz?|sfz?p{0,2}|fz|rfz?|n)\.?$")
_NOTES = {
    "\ueca2": event_pb2.NOTE_TYPE_WHOLE,
    "\ueca3": event_pb2.NOTE_TYPE_HALF,
    "\ueca5": event_pb2.NOTE_TYPE_QUARTER,
    "\ueca7": event_pb2.NOTE_TYPE_EIGHTH,
    "\u2669": event_pb2.NOTE_TYPE_QUARTER,
    "\u266a": event_pb2.NOTE_TYPE_EIGHTH,
}
_EQUATION = re.compile(r"[(\[]?\s*([\ueca2-\ueca7\u2669\u266a]?\uecb7*)\s*=\s*(?:ca?\.?\s*)?(\d{2,3})\.?\s*[)\]]?")


def marks_by_measure(index: ScoreIndex, first_staff: Mapping[str, int]) -> list[list[Mark]]:
    """The marks that start in each measure of a Score.

    Args:
        index: The Score.
        first_staff: By part, the number of staves above its first.
    """
    return _Marks(index, first_staff).collect()


class _Marks:
    """The marks of one Score in the making."""

    def __init__(self, index: ScoreIndex, first_staff: Mapping[str, int]) -> None:
        self.index = index
        self.score = index.score
        self.first_staff = first_staff
        self.found: list[list[Mark]] = [[] for _ in self.score.measures]

    def collect(self) -> list[list[Mark]]:
        """All marks by measure."""
        for event in self.score.events:
            if 0 <= event.measure_index < len(self.found):
                self.found[event.measure_index] += self._of_event(event)
        for spanner in self.score.spanners:
            start = self._start_measure(spanner)
            if 0 <= start < len(self.found):
                self.found[start] += self._of_spanner(spanner, start)
        for direction in self.score.directions:
            if 0 <= direction.measure_index < len(self.found):
                self.found[direction.measure_index] += self._of_direction(direction)
        for clef in self.score.clefs:
            self._add_clef(clef)
        self._measure_marks()
        return self.found

    def _staff(self, part_id: str, staff: int) -> int:
        return self.first_staff.get(part_id, 0) + staff

    def _printed_staff(self, event: event_pb2.Event) -> int:
        """Where it is printed: which staff a voice that crosses belongs to is not on the page."""
        return self._staff(event.part_id, event.notes[0].staff if event.notes else event.staff)

    def _place(self, measure: int, ticks: int) -> Fraction:
        return Fraction(ticks - self.score.measures[measure].onset_ticks, self.score.divisions)

    def _end(self, start: int, ticks: int) -> tuple[int, Fraction]:
        """Bars after the first and quarters in that one; the end of a bar is the start of the next."""
        measure = self.index.measure_at(ticks)
        return measure - start, self._place(measure, ticks)

    def _event_place(self, start: int, event: event_pb2.Event) -> tuple[int, Fraction, int]:
        """Bars after the first, quarters in that one, 0 or the number of the grace note."""
        grace = event.grace.order + 1 if event.HasField("grace") else 0
        return event.measure_index - start, self._place(event.measure_index, event.onset_ticks), grace

    # what events carry

    def _of_event(self, event: event_pb2.Event) -> Iterator[Mark]:
        place = self._event_place(event.measure_index, event)[1:]
        staff = self._printed_staff(event)
        if event.tremolo_strokes:
            yield Mark("tremolos", event.tremolo_strokes, (staff, *place))
        if event.arpeggio:
            yield Mark("arpeggios", event.arpeggio, (staff, *place))
        for note in event.notes:
            where = (self._staff(event.part_id, note.staff), *place)
            if note.accidental.kind != pitch_pb2.ACCIDENTAL_KIND_UNSPECIFIED:
                yield Mark("accidentals", (note.accidental.kind, note.midi_pitch), where)
            fingering = note.fingering
            if fingering.finger and fingering.source == fingering_pb2.FINGERING_SOURCE_PRINTED:
                yield Mark("fingerings", (note.midi_pitch, fingering.finger, fingering.substitution), where)

    # spanners

    def _start_measure(self, spanner: spanner_pb2.Spanner) -> int:
        first = self.index.events.get(spanner.event_ids[0]) if spanner.event_ids else None
        note = self.index.notes.get(spanner.start_note_id)
        first = note.event if note else first
        return first.measure_index if first else self.index.measure_at(spanner.start_ticks)

    def _of_spanner(self, spanner: spanner_pb2.Spanner, start: int) -> Iterator[Mark]:
        kind = spanner.WhichOneof("kind")
        if kind == "tie":
            yield from self._tie(spanner, start)
        elif kind in ("hairpin", "octave_line", "pedal"):
            yield self._line(spanner, start)
        elif kind == "trill_line":
            staff = self._staff(spanner.part_id, spanner.staff)
            yield Mark("trill lines", "trill", (staff, self._place(start, spanner.start_ticks)))
        elif kind in ("slur", "tuplet", "beam_group", "glissando", "tremolo_between", "arpeggio_across"):
            found = [self.index.events.get(event_id) for event_id in spanner.event_ids]
            events = [event for event in found if event is not None]
            if events:
                yield from self._over_events(spanner, start, events)

    def _tie(self, spanner: spanner_pb2.Spanner, start: int) -> Iterator[Mark]:
        first, last = self.index.notes.get(spanner.start_note_id), self.index.notes.get(spanner.end_note_id)
        if first is None:
            return
        staff = self._staff(first.event.part_id, first.note.staff)
        if spanner.tie.laissez_vibrer:
            yield Mark("l.v. ties", first.note.midi_pitch, (staff, self._event_place(start, first.event)))
            return
        end = self._event_place(start, last.event) if last else None
        where = (staff, self._event_place(start, first.event), end)
        yield Mark("ties", first.note.midi_pitch, where)

    def _line(self, spanner: spanner_pb2.Spanner, start: int) -> Mark:
        begin, end = self._place(start, spanner.start_ticks), self._end(start, spanner.end_ticks)
        if spanner.WhichOneof("kind") == "hairpin":
            return Mark("hairpins", spanner.hairpin.kind, (begin, end))
        if spanner.WhichOneof("kind") == "pedal":
            return Mark("pedals", "pedal", (begin, end))
        staff = self._staff(spanner.part_id, spanner.staff)
        return Mark("octave lines", spanner.octave_line.octaves, (staff, begin, end))

    def _over_events(self, spanner: spanner_pb2.Spanner, start: int, events: list[event_pb2.Event]) -> Iterator[Mark]:
        first, last = events[0], events[-1]
        staff = self._printed_staff(first)
        ends = self._event_place(start, first), self._event_place(start, last)
        kind = spanner.WhichOneof("kind")
        if kind == "slur":
            yield Mark("slurs", "slur", (staff, *ends))
        elif kind == "tuplet":
            length = Fraction(spanner.end_ticks - spanner.start_ticks, self.score.divisions)
            yield Mark("tuplets", (spanner.tuplet.ratio.actual, spanner.tuplet.ratio.normal), (staff, ends[0], length))
        elif kind == "beam_group":
            yield Mark("beams", len(spanner.event_ids), (staff, *ends))
        elif kind == "tremolo_between":
            yield Mark("tremolos", ("between", spanner.tremolo_between.strokes), (staff, ends[0][1:]))
        elif kind == "glissando":
            yield Mark("glissandi", spanner.glissando.wavy, (staff, *ends))
        else:
            # what each of the chords says itself is told already
            for event in (e for e in events if not e.arpeggio):
                where = (self._printed_staff(event), *self._event_place(start, event)[1:])
                yield Mark("arpeggios", spanner.arpeggio_across.arpeggio, where)

    # directions

    def _of_direction(self, direction: direction_pb2.Direction) -> Iterator[Mark]:
        onset = self._place(direction.measure_index, direction.onset_ticks)
        event = self.index.events.get(direction.event_id)
        grace = event.grace.order + 1 if event is not None and event.HasField("grace") else 0
        staff = self._printed_staff(event) if event is not None else self._staff(direction.part_id, direction.staff)
        on_event = (staff, onset, grace)
        kind = direction.WhichOneof("kind")
        if kind == "articulation":
            yield Mark("articulations", direction.articulation.kind, on_event)
        elif kind == "ornament":
            yield Mark("ornaments", direction.ornament.kind, on_event)
        elif kind == "fermata":
            yield Mark("fermatas", "fermata", (staff, onset))
        elif kind == "dynamic":
            yield from _dynamic(direction.dynamic.text, onset)
        elif kind == "tempo":
            tempo = direction.tempo
            if tempo.beats_per_minute:
                yield Mark("tempo", (tempo.beat_type, tempo.beat_dots, tempo.beats_per_minute), onset)
            yield from _words(tempo.text, onset)
        elif kind == "words":
            yield from _words(direction.words.text, onset)
        elif kind == "jump":
            yield Mark("jumps", direction.jump.kind, None)
        elif kind == "rehearsal_mark":
            yield Mark("rehearsal marks", direction.rehearsal_mark.text, None)
        elif kind == "harmony":
            yield Mark("chord symbols", _chord_symbol(direction.harmony), onset)

    # what measures carry

    def _add_clef(self, clef: measure_pb2.Clef) -> None:
        # A clef printed before a barline may be told at the end of its bar or at the start of the next.
        measure = self.index.measure_at(clef.onset_ticks)
        where = (self._staff(clef.part_id, clef.staff), self._place(measure, clef.onset_ticks))
        self.found[measure].append(Mark("clefs", (clef.sign, clef.line, clef.octave_change), where))

    def _measure_marks(self) -> None:
        meter: object = None
        keys: dict[int, int] = {}
        for position, measure in enumerate(self.score.measures):
            marks = self.found[position]
            signature = measure.time_signature
            what: object = (tuple(signature.beats), signature.beat_type, signature.symbol)
            if signature.symbol == measure_pb2.TIME_SYMBOL_NONE:
                what = "none"  # what is not printed nobody can read
            if what != meter:
                marks.append(Mark("meters", what, None))
                meter = what
            for part in self.score.parts:
                for staff in range(1, part.staff_count + 1):
                    number = self._staff(part.part_id, staff)
                    fifths = self.index.key_at(position, part.part_id, staff).fifths
                    if keys.get(number) != fifths:
                        marks.append(Mark("keys", fifths, number))
                        keys[number] = fifths
            for barline in (measure.left_barline, measure.right_barline):
                if barline.repeat:
                    marks.append(Mark("repeats", barline.repeat, None))
            marks += _endings(measure.ending)


def _endings(ending: measure_pb2.Ending) -> list[Mark]:
    numbers = tuple(ending.numbers)
    return [
        Mark("endings", numbers, name) for name, holds in (("start", ending.starts), ("stop", ending.stops)) if holds
    ]


def _chord_symbol(harmony: direction_pb2.Harmony) -> str:
    """What a chord symbol says, however it is printed."""
    root, bass = root_text(harmony.root_step, harmony.root_alter), root_text(harmony.bass_step, harmony.bass_alter)
    over = f" over {bass}" if harmony.bass_step else ""
    return f"{root} {harmony.kind or suffix_of(harmony.text)}{over}"


def _dynamic(text: str, onset: Fraction) -> Iterator[Mark]:
    """A dynamic, and the words that some programs write as part of it ("f con fuoco")."""
    signs = [part.rstrip(".") for part in text.split() if _SIGN.match(part)]
    if not signs:
        yield Mark("dynamics", text, onset)
        return
    yield from (Mark("dynamics", sign, onset) for sign in signs)
    yield from _words(" ".join(part for part in text.split() if not _SIGN.match(part)), onset)


def _words(text: str, onset: Fraction) -> Iterator[Mark]:
    """Words, and the metronome mark that some programs write as part of them ("Allegro (♩ = 120)")."""
    equation = _EQUATION.search(text)
    if equation:
        value = _NOTES.get(equation[1][:1])
        if value:
            yield Mark("tempo", (value, len(equation[1]) - 1, float(equation[2])), onset)
        text = text[: equation.start()] + text[equation.end() :]
    # Notes of music fonts within words, and the brackets left around them.
    plain = _plain("".join(char for char in text if not "\ue000" <= char <= "\uf8ff")).replace("()", "")
    if plain:
        yield Mark("words", plain, onset)


def _plain(text: str) -> str:
    return "".join(text.split()).casefold()
