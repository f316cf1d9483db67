"""MIDI, read back note by note."""

from __future__ import annotations

import io
from fractions import Fraction

import mido
from hypothesis import HealthCheck, given, settings

from etude.score.v1 import direction_pb2, event_pb2, fingering_pb2, score_pb2, spanner_pb2
from renderer_service.midi import midi_bytes
from tests.notation.strategies import scores
from tests.renderer.pieces import everything, plain
from tests.support.score_builder import ScoreBuilder


def read(score):
    """The file, and per track its notes as (start, end, key, velocity) in quarters."""
    file = mido.MidiFile(file=io.BytesIO(midi_bytes(score)))
    tracks = {}
    for track in file.tracks:
        now, open_notes, notes = 0, {}, []
        for message in track:
            now += message.time
            if message.type == "note_on" and message.velocity:
                assert message.note not in open_notes
                open_notes[message.note] = (now, message.velocity)
            elif message.type == "note_off":
                start, velocity = open_notes.pop(message.note)
                quarter = file.ticks_per_beat
                notes.append((Fraction(start, quarter), Fraction(now, quarter), message.note, velocity))
        assert not open_notes
        tracks[track.name] = sorted(notes)
    return file, tracks


def keys_and_times(notes):
    return [note[:3] for note in notes]


def of_type(track, kind):
    now, found = 0, []
    for message in track:
        now += message.time
        if message.type == kind:
            found.append((now, message))
    return found


def simple(*voices, divisions=12):
    b = ScoreBuilder(divisions=divisions)
    b.measure()
    for staff, voice, text in voices:
        b.voice(staff, voice, text)
    return b


def test_the_same_score_gives_the_same_bytes():
    assert midi_bytes(everything()) == midi_bytes(everything())


def test_notes_come_back_where_they_are():
    _, tracks = read(simple((1, 1, "c5/4. d5/8 e5+g5/2"), (2, 2, "c3/1")).score())
    f = Fraction
    assert keys_and_times(tracks["Staff 1"]) == [
        (0, f(3, 2), 72),
        (f(3, 2), 2, 74),
        (2, 4, 76),
        (2, 4, 79),
    ]
    assert keys_and_times(tracks["Staff 2"]) == [(0, 4, 48)]


def test_tracks_are_hands_once_hands_are_decided():
    b = simple((1, 1, "c4+e5/1"), (2, 2, "c3/1"))
    lower, upper = b.raw.events[0].notes
    lower.hand, upper.hand = fingering_pb2.HAND_LEFT, fingering_pb2.HAND_RIGHT
    _, tracks = read(b.score())
    assert [n[2] for n in tracks["Left hand"]] == [48, 60] and [n[2] for n in tracks["Right hand"]] == [76]


def test_ties_are_joined_over_barlines():
    b = ScoreBuilder()
    b.measure()
    (first,) = b.voice(1, 1, "c5/1")
    b.voice(2, 2, "R")
    b.measure()
    second, third, _ = b.voice(1, 1, "c5/2 c5/4 d5/4")
    b.voice(2, 2, "R")
    b.tie(first.notes[0], second.notes[0])
    b.tie(second.notes[0], third.notes[0])
    assert keys_and_times(read(b.score())[1]["Staff 1"]) == [(0, 7, 72), (7, 8, 74)]


def test_graces_take_a_little_time_before_their_note_or_from_its_end():
    b = simple((1, 1, "c5/2 d5/16G e5/2"), (2, 2, "c3/2 d3/2 e3/16a"))
    _, tracks = read(b.score())
    f = Fraction
    assert keys_and_times(tracks["Staff 1"]) == [(0, 2, 72), (f(15, 8), 2, 74), (2, 4, 76)]
    assert keys_and_times(tracks["Staff 2"]) == [(0, 2, 48), (2, f(31, 8), 50), (f(31, 8), 4, 52)]


def test_a_grace_at_the_very_start_takes_from_its_note():
    _, tracks = read(simple((1, 1, "d5/16G c5/1"), (2, 2, "R")).score())
    assert keys_and_times(tracks["Staff 1"]) == [(0, Fraction(1, 8), 74), (Fraction(1, 8), 4, 72)]


def test_octave_lines_sound():
    b = simple((1, 1, "c5/1"), (2, 2, "R"))
    b.raw.events[0].notes[0].midi_pitch += 12
    assert read(b.score())[1]["Staff 1"][0][2] == 84


def test_one_key_struck_by_two_voices_is_struck_once_and_let_go_before_it_is_struck_again():
    b = simple((1, 1, "c5/2 c5/2"), (1, 2, "c5/1"), (2, 3, "R"))
    assert keys_and_times(read(b.score())[1]["Staff 1"]) == [(0, 2, 72), (2, 4, 72)]


def test_dynamics_hairpins_and_accents_are_velocities():
    b = simple((1, 1, "c5/4 c5/4 c5/4 c5/4"), (2, 2, "c3/4 c3/4 c3/4 c3/4"))
    b.direction(0, 1, dynamic=direction_pb2.Dynamic(text="p"))
    b.direction(24, 1, dynamic=direction_pb2.Dynamic(text="f"))
    b.direction(36, 2, dynamic=direction_pb2.Dynamic(text="pp"))
    b.spanner(start_ticks=0, end_ticks=24, staff=1, hairpin=spanner_pb2.Hairpin(kind=1))
    b.direction(36, 1, event=b.raw.events[3], articulation=direction_pb2.Articulation(kind=4))
    _, tracks = read(b.score())
    upper, lower = ([n[3] for n in tracks[name]] for name in ("Staff 1", "Staff 2"))
    soft, rising, loud, accented = upper
    assert soft < rising < loud and lower[:3] == upper[:3]  # a mark between the staves is meant for both
    assert lower[3] < soft  # unless one has its own
    assert accented > lower[3]


def test_staccato_is_short():
    b = simple((1, 1, "c5/2 d5/2"), (2, 2, "R"))
    b.direction(0, 1, event=b.raw.events[0], articulation=direction_pb2.Articulation(kind=1))
    assert keys_and_times(read(b.score())[1]["Staff 1"]) == [(0, 1, 72), (2, 4, 74)]


def test_pedal_is_controller_64_on_both_hands():
    b = simple((1, 1, "c5/1"), (2, 2, "c3/1"))
    b.spanner(start_ticks=0, end_ticks=48, staff=2, pedal=spanner_pb2.Pedal(change_ticks=[24]))
    file, _ = read(b.score())
    for track in file.tracks[1:]:
        quarter = file.ticks_per_beat
        changes = [(now / quarter, m.value) for now, m in of_type(track, "control_change")]
        assert changes == [(0, 127), (2, 0), (2, 127), (4, 0)]


def test_conductor_has_meter_key_and_speed():
    file, _ = read(everything())
    conductor = file.tracks[0]
    assert conductor.name == "Everything & more"
    quarter = file.ticks_per_beat
    meters = [(now / quarter, m.numerator, m.denominator) for now, m in of_type(conductor, "time_signature")]
    assert meters == [(0, 4, 4), (5, 3, 4), (8, 5, 8), (10.5, 2, 2)]
    assert [(now / quarter, m.key) for now, m in of_type(conductor, "key_signature")] == [(0, "D"), (5, "F")]
    speeds = [(now / quarter, round(mido.tempo2bpm(m.tempo))) for now, m in of_type(conductor, "set_tempo")]
    assert speeds == [(0, 100), (1, 144)]


def test_tempo_words_have_a_speed():
    file, _ = read(plain(1))
    assert [round(mido.tempo2bpm(m.tempo)) for _, m in of_type(file.tracks[0], "set_tempo")] == [76]


def test_a_fermata_or_a_whole_rest_does_not_disturb_the_length():
    file, _ = read(simple((1, 1, "R"), (2, 2, "R")).score())
    assert [sum(m.time for m in track) for track in file.tracks] == [4 * file.ticks_per_beat] * 3


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(scores())
def test_every_valid_score_sounds_with_every_struck_key(score: score_pb2.Score):
    _, tracks = read(score)
    tied = {s.end_note_id for s in score.spanners if s.WhichOneof("kind") == "tie" and s.start_note_id}
    struck = {
        (Fraction(e.onset_ticks, score.divisions), n.midi_pitch)
        for e in score.events
        if not e.HasField("grace") and not _has_grace(score, e)
        for n in e.notes
        if n.note_id not in tied
    }
    heard = {(note[0], note[2]) for notes in tracks.values() for note in notes}
    assert struck <= heard


def _has_grace(score: score_pb2.Score, event: event_pb2.Event) -> bool:
    """A grace may take the start of its note."""
    return any(
        g.HasField("grace") and (g.onset_ticks, g.staff, g.voice) == (event.onset_ticks, event.staff, event.voice)
        for g in score.events
    )
