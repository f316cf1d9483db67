"""MIDI in, Score out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

from etude.notation.accidentals import print_accidentals
from etude.notation.hidden_rests import fill_with_hidden_rests
from etude.notation.io import SCHEMA_VERSION
from etude.notation.midi.file import MidiMusic, MidiNote, parse_midi
from etude.notation.midi.grid import Bar, bars_of, snap, windows_of
from etude.notation.midi.hands import split_hands
from etude.notation.midi.spelling import Piece, spell_bar
from etude.notation.midi.voices import Chord, voices_of
from etude.notation.ordering import sort_score
from etude.notation.pitch import midi_of, spell
from etude.notation.time import QUARTERS_OF_TYPE, least_divisions, to_ticks
from etude.score.v1 import (
    direction_pb2,
    event_pb2,
    measure_pb2,
    provenance_pb2,
    score_pb2,
    spanner_pb2,
)

PART_ID = "P1"
_OFF_GRID = Fraction(1, 8)
_TEMPO_CHANGE = 0.05


def read_midi(data: bytes) -> score_pb2.Score:
    """The Score of a Standard MIDI File: one piano part of two staves, quantised, the hands apart, spelled by key.

    The file's beats are believed: a performance that was recorded without a click comes out as it lies on them.
    Onsets are put on the division of each beat (halves, triplets, quintuplets, ...) that costs least; see
    `etude.notation.midi.grid`. Meter, key and tempo are the file's; a missing key is estimated. Velocities and pedal
    are not kept. Provenance and `score_id` are left to the caller.

    Raises:
        MidiError: no MIDI file, damaged, or without notes.
    """
    music = parse_midi(data)
    return _Notator(music).score()


_OpenTies = dict[tuple[int, int, Fraction], tuple[event_pb2.Note, Fraction]]
"""Notes that go on, by staff, key and the time at which they do, with their own start."""


def estimate_fifths(notes: Sequence[MidiNote]) -> int:
    """The key signature that leaves the fewest notes (by their length) outside its scale; the plainest of equals."""
    weights: Counter[int] = Counter()
    for note in notes:
        weights[note.key % 12] += int((note.end - note.start) * 100)

    def outside(fifths: int) -> int:
        # on the line of fifths a major scale is seven neighbours, from the one below its tonic
        scale = {7 * (fifths + place) % 12 for place in range(-1, 6)}
        return sum(weight for pitch_class, weight in weights.items() if pitch_class not in scale)

    return min(range(-6, 7), key=lambda fifths: (outside(fifths), abs(fifths), fifths))


class _Notator:
    """The Score in the making; times in quarters until `score`."""

    def __init__(self, music: MidiMusic) -> None:
        self.music = music
        self.bars = bars_of(music)
        staves = split_hands(music)
        self.hands = {
            staff: [note for note, of in zip(music.notes, staves, strict=True) if of == staff] for staff in (1, 2)
        }
        self.windows = {
            staff: windows_of(self.bars, sorted(note.start for note in notes)) for staff, notes in self.hands.items()
        }
        self.pieces: list[tuple[int, int, int, list[Piece]]] = []
        self.message = score_pb2.Score(schema_version=SCHEMA_VERSION)

    def score(self) -> score_pb2.Score:
        """The finished Score."""
        for staff, notes in self.hands.items():
            if notes:
                self._spell_staff(staff, voices_of(notes, self.windows[staff]))
        times = [time for *_, pieces in self.pieces for piece in pieces for time in (piece.start, piece.end)]
        self.message.divisions = least_divisions([*times, *(bar.length for bar in self.bars)])
        self.message.metadata.title = self.music.title
        self.message.parts.add(part_id=PART_ID, name="Piano", role=score_pb2.PART_ROLE_KEYBOARD, staff_count=2)
        self._add_measures()
        self._add_clefs()
        self._add_events()
        self._add_tempos()
        sort_score(self.message)
        self._number()
        fill_with_hidden_rests(self.message)
        print_accidentals(self.message)
        self._add_doubts()
        return self.message

    def _ticks(self, quarters: Fraction) -> int:
        return to_ticks(quarters, self.message.divisions)

    def _spell_staff(self, staff: int, voices: list[list[Chord]]) -> None:
        cursors = [0] * len(voices)
        windows = self.windows[staff]
        first = 0
        for index, bar in enumerate(self.bars):
            end = bar.start + bar.length
            last = first
            while last < len(windows) and windows[last].start < end:
                last += 1
            voice = 0
            for number, chords in enumerate(voices):
                while cursors[number] < len(chords) and chords[cursors[number]].end <= bar.start:
                    cursors[number] += 1
                sounding = []
                place = cursors[number]
                while place < len(chords) and chords[place].start < end:
                    sounding.append(chords[place])
                    place += 1
                if sounding:
                    voice += 1
                    pieces = spell_bar(bar, windows[first:last], sounding)
                    self.pieces.append((index, staff, voice, pieces))
            first = last

    def _add_measures(self) -> None:
        keys = list(self.music.keys)
        if not keys or keys[0][0] > 0:
            keys.insert(0, (Fraction(0), estimate_fifths(self.music.notes), False))
        named = bool(self.music.keys)
        previous: tuple[measure_pb2.TimeSignature, int] | None = None
        for index, bar in enumerate(self.bars):
            _, fifths, minor = [key for key in keys if key[0] <= bar.start][-1]
            meter = measure_pb2.TimeSignature(beats=[bar.beats], beat_type=bar.beat_type)
            mode = measure_pb2.KEY_MODE_UNSPECIFIED
            if named:
                mode = measure_pb2.KEY_MODE_MINOR if minor else measure_pb2.KEY_MODE_MAJOR
            self.message.measures.add(
                measure_id=f"m{index + 1}",
                number=str(index + 1),
                onset_ticks=self._ticks(bar.start),
                length_ticks=self._ticks(bar.length),
                time_signature=meter,
                time_signature_printed=previous is None or previous[0] != meter,
                key_signatures=[measure_pb2.KeySignature(fifths=fifths, mode=mode)],
                key_signature_printed=fifths != 0 if previous is None else previous[1] != fifths,
                confidence=1.0,
            )
            previous = (meter, fifths)
        final = measure_pb2.Barline(style=measure_pb2.BARLINE_STYLE_LIGHT_HEAVY)
        self.message.measures[-1].right_barline.CopyFrom(final)

    def _add_clefs(self) -> None:
        for staff, notes in self.hands.items():
            mean = sum(note.key for note in notes) / len(notes) if notes else 71 if staff == 1 else 50
            treble = mean >= 57 if staff == 1 else mean > 64
            self.message.clefs.add(
                clef_id=f"clef{staff}",
                part_id=PART_ID,
                staff=staff,
                sign=measure_pb2.CLEF_SIGN_G if treble else measure_pb2.CLEF_SIGN_F,
                line=2 if treble else 4,
                confidence=1.0,
            )

    def _add_events(self) -> None:
        filled = {(index, staff) for index, staff, *_ in self.pieces}
        together = Counter((index, staff) for index, staff, *_ in self.pieces)
        for index, bar in enumerate(self.bars):
            for staff in (1, 2):
                if (index, staff) not in filled:
                    self._rest_bar(index, bar, staff)
        open_ties: _OpenTies = {}
        for index, staff, voice, pieces in sorted(self.pieces, key=lambda item: item[:3]):
            divided = together[index, staff] > 1
            stem = event_pb2.STEM_DIRECTION_UNSPECIFIED
            if divided:
                stem = event_pb2.STEM_DIRECTION_UP if voice == 1 else event_pb2.STEM_DIRECTION_DOWN
            events = [self._event(index, staff, voice, piece, stem, open_ties) for piece in pieces]
            self._add_tuplets(staff, pieces, events)
            self._add_beams(index, staff, pieces, events)

    def _rest_bar(self, index: int, bar: Bar, staff: int) -> None:
        self.message.events.add(
            event_id=f"r{index + 1}-{staff}",
            part_id=PART_ID,
            measure_index=index,
            staff=staff,
            voice=_voice(staff, 1),
            onset_ticks=self._ticks(bar.start),
            duration_ticks=self._ticks(bar.length),
            rest=event_pb2.Rest(whole_measure=True),
            confidence=1.0,
        )

    def _event(
        self,
        index: int,
        staff: int,
        voice: int,
        piece: Piece,
        stem: event_pb2.StemDirection.ValueType,
        open_ties: _OpenTies,
    ) -> event_pb2.Event:
        message = self.message.events.add(
            event_id=f"e{len(self.message.events) + 1}",
            part_id=PART_ID,
            measure_index=index,
            staff=staff,
            voice=_voice(staff, voice),
            onset_ticks=self._ticks(piece.start),
            duration_ticks=self._ticks(piece.end - piece.start),
            type=piece.type,
            dots=piece.dots,
            tuplet_ratios=_ratios(piece.ratio),
            confidence=1.0,
        )
        if not piece.keys:
            message.rest.hidden = voice > 1
            return message
        message.stem = stem
        key = self.message.measures[index].key_signatures[0]
        centre = key.fifths + (key.mode == measure_pb2.KEY_MODE_MINOR)
        for midi in piece.keys:
            pitch = spell(midi, centre)
            note = message.notes.add(
                note_id=f"{message.event_id}.{len(message.notes) + 1}",
                pitch=pitch,
                midi_pitch=midi_of(pitch),
                staff=staff,
                confidence=1.0,
            )
            before = open_ties.pop((staff, midi, piece.start), None)
            if before is not None:
                note.pitch.CopyFrom(before[0].pitch)
                self._add_tie(staff, before, note, piece)
            if piece.tied:
                open_ties[staff, midi, piece.end] = (note, piece.start)
        return message

    def _add_tie(
        self, staff: int, first: tuple[event_pb2.Note, Fraction], second: event_pb2.Note, piece: Piece
    ) -> None:
        self.message.spanners.add(
            part_id=PART_ID,
            staff=staff,
            start_note_id=first[0].note_id,
            end_note_id=second.note_id,
            start_ticks=self._ticks(first[1]),
            end_ticks=self._ticks(piece.start),
            tie=spanner_pb2.Tie(),
            confidence=1.0,
        )

    def _add_tuplets(self, staff: int, pieces: list[Piece], events: list[event_pb2.Event]) -> None:
        groups: dict[Fraction, list[int]] = {}
        for place, piece in enumerate(pieces):
            if piece.ratio != (1, 1):
                groups.setdefault(piece.group, []).append(place)
        for places in groups.values():
            ratio = pieces[places[0]].ratio
            length = pieces[places[-1]].end - pieces[places[0]].start
            unit = next((t for t, q in QUARTERS_OF_TYPE.items() if q == length / ratio[1]), 0)
            beamed = all(pieces[p].keys and QUARTERS_OF_TYPE[pieces[p].type] < 1 for p in places)
            self.message.spanners.add(
                part_id=PART_ID,
                staff=staff,
                event_ids=[events[place].event_id for place in places],
                start_ticks=self._ticks(pieces[places[0]].start),
                end_ticks=self._ticks(pieces[places[-1]].end),
                tuplet=spanner_pb2.Tuplet(
                    ratio=event_pb2.TupletRatio(actual=ratio[0], normal=ratio[1]),
                    normal_type=event_pb2.NoteType.ValueType(unit),
                    number_printed=True,
                    bracket_printed=not beamed,
                ),
                confidence=1.0,
            )

    def _add_beams(self, index: int, staff: int, pieces: list[Piece], events: list[event_pb2.Event]) -> None:
        """Beams over the flagged notes of each beat."""
        bar = self.bars[index]
        runs: list[list[int]] = []
        beat_of_last: Fraction | None = None
        for place, piece in enumerate(pieces):
            beat = (piece.start - bar.start) // bar.beat
            flagged = bool(piece.keys) and QUARTERS_OF_TYPE[piece.type] < 1
            if flagged and runs and runs[-1] and runs[-1][-1] == place - 1 and beat == beat_of_last:
                runs[-1].append(place)
            elif flagged:
                runs.append([place])
            beat_of_last = Fraction(beat)
        for run in runs:
            if len(run) > 1:
                self.message.spanners.add(
                    part_id=PART_ID,
                    staff=staff,
                    event_ids=[events[place].event_id for place in run],
                    start_ticks=self._ticks(pieces[run[0]].start),
                    end_ticks=self._ticks(pieces[run[-1]].end),
                    beam_group=spanner_pb2.BeamGroup(),
                    confidence=1.0,
                )

    def _add_tempos(self) -> None:
        """Metronome marks at the starts of bars, where the tempo really changes."""
        last = 0.0
        for index, bar in enumerate(self.bars):
            changes = [tempo for when, tempo in self.music.tempos if when <= bar.start]
            if not changes or abs(changes[-1] - last) <= _TEMPO_CHANGE * last:
                continue
            last = changes[-1]
            self.message.directions.add(
                part_id=PART_ID,
                measure_index=index,
                onset_ticks=self._ticks(bar.start),
                placement=spanner_pb2.PLACEMENT_ABOVE,
                tempo=direction_pb2.Tempo(beat_type=event_pb2.NOTE_TYPE_QUARTER, beats_per_minute=max(1, round(last))),
                confidence=1.0,
            )

    def _number(self) -> None:
        for number, spanner in enumerate(self.message.spanners, 1):
            spanner.spanner_id = f"s{number}"
        for number, direction in enumerate(self.message.directions, 1):
            direction.direction_id = f"d{number}"

    def _add_doubts(self) -> None:
        """Names the bars whose notes lie far from where they are written."""
        off: Counter[int] = Counter()
        for staff, notes in self.hands.items():
            for note in notes:
                place = snap(note.start, self.windows[staff])
                if abs(place - note.start) > _OFF_GRID:
                    off[self._bar_at(place)] += 1
        for index, number in sorted(off.items()):
            self.message.doubts.add(
                kind=provenance_pb2.DOUBT_KIND_LOW_CONFIDENCE,
                measure_index=index,
                message=f"Measure {index + 1}: {number} note{'s' * (number > 1)} played far off the beat's grid.",
            )

    def _bar_at(self, when: Fraction) -> int:
        return max(index for index, bar in enumerate(self.bars) if bar.start <= when)


def _voice(staff: int, number: int) -> int:
    """Voices 1 to 4 are the upper staff's, 5 to 8 the lower's."""
    return number + 4 * (staff - 1)


def _ratios(ratio: tuple[int, int]) -> list[event_pb2.TupletRatio]:
    return [] if ratio == (1, 1) else [event_pb2.TupletRatio(actual=ratio[0], normal=ratio[1])]
