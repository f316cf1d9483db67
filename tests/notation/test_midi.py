"""MIDI in: grid, hands, voices, spelling, and how damaged files are refused."""

import io
import random
from fractions import Fraction

import mido
import pytest
from hypothesis import HealthCheck, given, settings

from etude.notation.midi import MidiError, read_midi
from etude.notation.midi.file import MidiMusic, MidiNote
from etude.notation.midi.hands import split_hands
from etude.notation.midi.reader import estimate_fifths
from etude.notation.pitch import name_of
from etude.notation.validate import validate
from etude.score.v1 import event_pb2, measure_pb2
from renderer_service.midi import midi_bytes
from tests.notation.strategies import scores

RESOLUTION = 480


def midi(*tracks, meter=(4, 4), key=None, bpm=None, jitter=0):
    """A MIDI file; each track a list of (start, length, key) in quarters."""
    chance = random.Random(7)
    file = mido.MidiFile(ticks_per_beat=RESOLUTION)
    head = mido.MidiTrack([mido.MetaMessage("time_signature", numerator=meter[0], denominator=meter[1])])
    if key:
        head.append(mido.MetaMessage("key_signature", key=key))
    if bpm:
        head.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(bpm)))
    file.tracks.append(head)
    for notes in tracks:
        events = []
        for start, length, number in notes:
            on = max(0, round(start * RESOLUTION) + chance.randint(-jitter, jitter))
            off = max(on + 1, round((start + length) * RESOLUTION) + chance.randint(-jitter, jitter))
            events += [(on, 1, number), (off, 0, number)]
        track, now = mido.MidiTrack(), 0
        for when, on, number in sorted(events):
            track.append(mido.Message("note_on" if on else "note_off", note=number, velocity=64 * on, time=when - now))
            now = when
        file.tracks.append(track)
    data = io.BytesIO()
    file.save(file=data)
    return data.getvalue()


def read(*tracks, **options):
    score = read_midi(midi(*tracks, **options))
    assert validate(score) == []
    return score


def written(score, staff=1):
    """Type, dots and pitches of the events of a staff."""
    return [
        (
            event_pb2.NoteType.Name(event.type).removeprefix("NOTE_TYPE_").lower(),
            event.dots,
            len(event.tuplet_ratios),
            " ".join(name_of(note.pitch) for note in event.notes),
        )
        for event in score.events
        if event.staff == staff and not event.rest.whole_measure
    ]


BASS = [(4 * bar, 4, 48) for bar in range(4)]


def test_plain_notes():
    score = read([(0, 1, 72), (1, 0.5, 74), (1.5, 0.5, 76), (2, 2, 77)], BASS[:1], bpm=90)
    assert written(score) == [
        ("quarter", 0, 0, "C5"),
        ("eighth", 0, 0, "D5"),
        ("eighth", 0, 0, "E5"),
        ("half", 0, 0, "F5"),
    ]
    assert written(score, 2) == [("whole", 0, 0, "C3")]
    assert score.directions[0].tempo.beats_per_minute == 90
    assert [len(s.event_ids) for s in score.spanners if s.WhichOneof("kind") == "beam_group"] == [2]


def test_played_notes_fall_on_the_grid():
    sharp = [(i / 2, 0.4, 72 + i) for i in range(8)]
    assert written(read(sharp, BASS[:1], jitter=12)) == written(read(sharp, BASS[:1]))


@pytest.mark.parametrize(("parts", "ratio"), [(3, (3, 2)), (5, (5, 4)), (6, (6, 4)), (7, (7, 4))])
def test_tuplets(parts, ratio):
    score = read([(Fraction(i, parts), Fraction(1, parts), 72 + i) for i in range(parts)] + [(1, 3, 80)], BASS[:1])
    (tuplet,) = [spanner.tuplet for spanner in score.spanners if spanner.WhichOneof("kind") == "tuplet"]
    assert (tuplet.ratio.actual, tuplet.ratio.normal) == ratio


def test_quarter_triplets_span_two_beats():
    score = read([(Fraction(2 * i, 3), Fraction(2, 3), 72 + i) for i in range(3)] + [(2, 2, 80)], BASS[:1])
    assert [value[:3] for value in written(score)] == [("quarter", 0, 1)] * 3 + [("half", 0, 0)]


def test_two_in_a_compound_beat_are_dotted():
    score = read([(0, 0.75, 72), (0.75, 0.75, 74), (1.5, 1.5, 76)], [(0, 3, 48)], meter=(6, 8))
    assert [value[:3] for value in written(score)] == [("eighth", 1, 0)] * 2 + [("quarter", 1, 0)]


def test_notes_are_tied_over_barlines_and_beats():
    score = read([(0, 2.5, 72), (2.5, 2.5, 74), (5, 3, 76)], BASS[:2])
    assert [value[:2] for value in written(score)] == [
        ("half", 0),
        ("eighth", 0),
        ("eighth", 0),
        ("quarter", 0),
        ("quarter", 0),
        ("quarter", 0),
        ("half", 0),
    ]
    ties = [spanner for spanner in score.spanners if spanner.WhichOneof("kind") == "tie"]
    assert len(ties) == 4
    assert not any(note.HasField("accidental") for event in score.events for note in event.notes)


def test_a_held_note_is_a_second_voice():
    score = read([(0, 4, 72), (0, 1, 64), (1, 1, 65), (2, 1, 67), (3, 1, 65)], BASS[:1])
    assert {event.voice for event in score.events if event.staff == 1} == {1, 2}
    assert ("whole", 0, 0, "C5") in written(score)


def test_accidentals_are_printed_where_they_are_needed():
    score = read([(0, 1, 66), (1, 1, 66), (2, 1, 65), (3, 1, 78), (4, 4, 66)], BASS[:2], key="C")
    kinds = [event.notes[0].accidental.kind for event in score.events if event.staff == 1]
    sharp, natural = 1, 3
    assert kinds == [sharp, 0, natural, sharp, sharp]


def test_key_and_meter_are_the_files():
    score = read([(0, 3, 75)], [(0, 3, 51)], meter=(3, 4), key="Cm")
    measure = score.measures[0]
    assert list(measure.time_signature.beats) == [3]
    assert (measure.key_signatures[0].fifths, measure.key_signatures[0].mode) == (-3, measure_pb2.KEY_MODE_MINOR)
    assert written(score)[0][3] == "Eb5"


def test_a_missing_key_is_estimated():
    def notes(keys):
        return [MidiNote(Fraction(i), Fraction(i + 1), key, 0) for i, key in enumerate(keys)]

    assert estimate_fifths(notes([60, 62, 64, 65, 67, 69, 71])) == 0
    assert estimate_fifths(notes([62, 64, 66, 67, 69, 71, 73])) == 2
    assert estimate_fifths(notes([63, 65, 67, 68, 70, 72, 74])) == -3


def test_one_track_is_split_between_the_hands():
    melody = [(i / 2, 0.5, 72 + [0, 2, 4, 5, 7, 5, 4, 2][i % 8]) for i in range(32)]
    chords = [(i, 1, key) for i in range(16) for key in (43 + i % 3, 50, 55)]
    notes = sorted(
        (MidiNote(Fraction(start), Fraction(start + length), key, 0) for start, length, key in melody + chords),
        key=lambda note: (note.start, note.key),
    )
    music = MidiMusic(tuple(notes), ("",), (), (), (), "")
    assert all((staff == 1) == (note.key >= 60) for note, staff in zip(notes, split_hands(music), strict=True))


@given(scores(marks=False))
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_any_score_played_gives_a_valid_score(score):
    keys = {note.midi_pitch for event in score.events for note in event.notes if not event.HasField("grace")}
    if not keys:
        return
    back = read_midi(midi_bytes(score))
    assert validate(back) == []
    assert {note.midi_pitch for event in back.events for note in event.notes} >= keys


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no Standard MIDI File"),
        (b"RIFF....", "no Standard MIDI File"),
        (midi(BASS)[:40], "damaged|no notes"),
        (b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk\0\0\1\0", "damaged: it ends within its music"),
        (midi([]), "no notes"),
        (midi(BASS).replace(b"\x01\xe0MTrk", b"\xe7\x28MTrk", 1), "time code"),
    ],
)
def test_damaged_files_are_refused_with_a_reason(data, message):
    with pytest.raises(MidiError, match=message):
        read_midi(data)


def test_a_note_that_is_never_let_go_ends_with_its_track():
    file = mido.MidiFile(ticks_per_beat=RESOLUTION)
    file.tracks.append(
        mido.MidiTrack(
            [
                mido.Message("note_on", note=60, velocity=64),
                mido.Message("note_on", note=64, velocity=64),
                mido.Message("note_off", note=64, time=960),
                mido.MetaMessage("end_of_track", time=960),
            ]
        )
    )
    data = io.BytesIO()
    file.save(file=data)
    score = read_midi(data.getvalue())
    assert validate(score) == []
    assert {note.midi_pitch for event in score.events for note in event.notes} == {60, 64}
