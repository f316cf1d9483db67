"""The MIDI file: a track for the conductor, and tracks for the hands."""

from __future__ import annotations

import io
import math
from fractions import Fraction

import mido

from etude.notation.tempo import tempo_changes
from etude.score.v1 import fingering_pb2, measure_pb2, score_pb2
from renderer_service.midi.expression import Dynamics, pedal_changes
from renderer_service.midi.performance import SoundingNote, sounding_notes, without_collisions

RESOLUTION = 480
"""Least ticks per quarter note of the file."""
HIGHEST_RESOLUTION = 32767
SHARP_KEYS = ("C", "G", "D", "A", "E", "B", "F#", "C#")
FLAT_KEYS = ("C", "F", "Bb", "Eb", "Ab", "Db", "Gb", "Cb")
SUSTAIN = 64
DRUMS = 9
"""The channel of General MIDI that is no piano."""

Timed = tuple[int, int, int, mido.Message]
"""Tick, order within the tick, a number to tell equals apart, message."""


def midi_bytes(score: score_pb2.Score, *, fallback_title: str = "") -> bytes:
    """Standard MIDI File (format 1) of a Score; the same Score gives the same bytes.

    The first track has title, meters, keys and speed. The keyboard part has one track (and channel) for each hand,
    or for each staff where nobody has decided on hands; another part has one track. Ties are joined, octave lines
    sound, dynamics become velocities, the pedal is controller 64. Repeats are not played out.
    """
    scale = _Scale(score.divisions)
    file = mido.MidiFile(type=1, ticks_per_beat=scale.resolution)
    file.tracks.append(_conductor(score, scale, fallback_title))
    notes = sounding_notes(score)
    channel = 0
    for part in score.parts:
        of_part = [note for note in notes if note.part_id == part.part_id]
        for name, of_track in _tracks(score, part, of_part):
            file.tracks.append(_track(score, part, name, of_track, channel, scale))
            channel = (channel + 1) % 16
            channel += channel == DRUMS
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


class _Scale:
    """Ticks of the Score to ticks of the file: exact unless the Score's own divisions are too fine for MIDI."""

    def __init__(self, divisions: int) -> None:
        multiple = divisions * max(1, math.ceil(RESOLUTION / divisions))
        self.resolution = multiple if multiple <= HIGHEST_RESOLUTION else HIGHEST_RESOLUTION // 480 * 480
        factor = Fraction(self.resolution, divisions)
        self._factor = factor.numerator if factor.denominator == 1 else factor

    def __call__(self, ticks: Fraction | int) -> int:
        return round(ticks * self._factor)


def _conductor(score: score_pb2.Score, scale: _Scale, fallback_title: str) -> mido.MidiTrack:
    metadata = score.metadata
    title = metadata.title or metadata.movement_title or fallback_title
    timed: list[Timed] = [(0, 0, 0, mido.MetaMessage("track_name", name=_latin(title)))]
    if metadata.composer:
        timed.append((0, 0, 1, mido.MetaMessage("text", text=_latin(metadata.composer))))
    previous = None
    for measure in score.measures:
        tick = scale(measure.onset_ticks)
        meter = measure.time_signature
        usable = meter.symbol != measure_pb2.TIME_SYMBOL_NONE and 0 < sum(meter.beats) < 256 and meter.beat_type > 0
        if usable and (previous is None or meter != previous.time_signature):
            message = mido.MetaMessage("time_signature", numerator=sum(meter.beats), denominator=meter.beat_type)
            timed.append((tick, 1, 0, message))
        key = _key(measure)
        if previous is None or key != _key(previous):
            timed.append((tick, 2, 0, mido.MetaMessage("key_signature", key=key)))
        previous = measure
    for change in tempo_changes(score):
        tempo = min(round(60_000_000 / change.quarters_per_minute), 2**24 - 1)
        timed.append((scale(change.tick), 3, 0, mido.MetaMessage("set_tempo", tempo=tempo)))
    return _written(timed, _end(score, scale))


def _key(measure: measure_pb2.Measure) -> str:
    """Key of the first staff, as mido names it."""
    fifths = measure.key_signatures[0].fifths if measure.key_signatures else 0
    fifths = min(max(fifths, -7), 7)
    return SHARP_KEYS[fifths] if fifths >= 0 else FLAT_KEYS[-fifths]


def _latin(text: str) -> str:
    """The text in the one-byte characters that MIDI texts are read as; others become "?"."""
    return text.encode("latin-1", "replace").decode("latin-1")


def _end(score: score_pb2.Score, scale: _Scale) -> int:
    last = score.measures[-1] if score.measures else None
    return scale(last.onset_ticks + last.length_ticks) if last else 0


def _tracks(
    score: score_pb2.Score, part: score_pb2.Part, notes: list[SoundingNote]
) -> list[tuple[str, list[SoundingNote]]]:
    """Names of a part's tracks with their notes."""
    if part.role == score_pb2.PART_ROLE_OTHER:
        return [(part.name or part.part_id, notes)]
    decided = any(
        note.hand != fingering_pb2.HAND_UNSPECIFIED
        for event in score.events
        if event.part_id == part.part_id
        for note in event.notes
    )
    if decided:
        return [
            (name, [note for note in notes if note.hand == hand])
            for name, hand in (("Right hand", fingering_pb2.HAND_RIGHT), ("Left hand", fingering_pb2.HAND_LEFT))
        ]
    return [
        (f"Staff {staff}", [note for note in notes if note.staff == staff])
        for staff in range(1, max(part.staff_count, 1) + 1)
    ]


def _track(
    score: score_pb2.Score,
    part: score_pb2.Part,
    name: str,
    notes: list[SoundingNote],
    channel: int,
    scale: _Scale,
) -> mido.MidiTrack:
    program = 0 if part.role != score_pb2.PART_ROLE_OTHER else 73  # a flute tells a second line from the piano
    timed: list[Timed] = [
        (0, 0, 0, mido.MetaMessage("track_name", name=_latin(name))),
        (0, 1, 0, mido.Message("program_change", channel=channel, program=program)),
    ]
    for tick, down in pedal_changes(score, part.part_id):
        message = mido.Message("control_change", channel=channel, control=SUSTAIN, value=127 if down else 0)
        timed.append((scale(tick), 5 if down else 4, 0, message))
    dynamics = {staff: Dynamics(score, part.part_id, staff) for staff in {note.staff for note in notes}}
    for note in without_collisions(notes):
        velocity = dynamics[note.staff].velocity(note.start, note.accented)
        start = scale(note.start)
        end = max(scale(note.end), start + 1)
        on = mido.Message("note_on", channel=channel, note=note.key, velocity=velocity)
        off = mido.Message("note_off", channel=channel, note=note.key, velocity=0)
        timed += [(start, 6, note.key, on), (end, 3, note.key, off)]
    return _written(timed, _end(score, scale))


def _written(timed: list[Timed], end: int) -> mido.MidiTrack:
    """A track of messages, which are given their times after the one before each."""
    track = mido.MidiTrack()
    now = 0
    for tick, _, _, message in sorted(timed, key=lambda entry: entry[:3]):
        message.time = tick - now
        track.append(message)
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=max(0, end - now)))
    return track
