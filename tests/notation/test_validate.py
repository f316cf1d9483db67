"""validate() names every broken invariant by id and field."""

import math

import pytest

from etude.notation.validate import InvalidScoreError, check_valid, validate
from etude.score.v1 import event_pb2, fingering_pb2, measure_pb2, provenance_pb2, score_pb2, spanner_pb2
from tests.notation.samples import chord, two_bars

FAULTS = {
    "later version": (lambda s: setattr(s, "schema_version", "2.0.0"), "", "schema_version"),
    "no divisions": (lambda s: setattr(s, "divisions", 0), "", "divisions"),
    "no part": (lambda s: s.parts.pop(), "", "parts"),
    "part without staves": (lambda s: setattr(s.parts[0], "staff_count", 0), "P1", "parts[0].staff_count"),
    "no measures": (lambda s: s.ClearField("measures"), "", "measures"),
    "duplicate id": (lambda s: setattr(s.events[1], "event_id", "e1"), "e1", "events[1].event_id"),
    "id of another kind": (
        lambda s: setattr(s.events[2].notes[0], "note_id", "m1"),
        "m1",
        "events[2].notes[0].note_id",
    ),
    "missing id": (lambda s: setattr(s.events[2].notes[0], "note_id", ""), "", "events[2].notes[0].note_id"),
    "id that is no XML name": (lambda s: setattr(s.events[2], "event_id", "3 x"), "3 x", "events[2].event_id"),
    "gap between measures": (lambda s: setattr(s.measures[1], "onset_ticks", 5), "m2", "measures[1].onset_ticks"),
    "measure without length": (lambda s: setattr(s.measures[1], "length_ticks", 0), "m2", "measures[1].length_ticks"),
    "no meter": (lambda s: s.measures[0].ClearField("time_signature"), "m1", "measures[0].time_signature.beats"),
    "denominator 3": (
        lambda s: setattr(s.measures[0].time_signature, "beat_type", 3),
        "m1",
        "measures[0].time_signature.beat_type",
    ),
    "no key": (lambda s: s.measures[0].ClearField("key_signatures"), "m1", "measures[0].key_signatures"),
    "eight sharps": (
        lambda s: setattr(s.measures[0].key_signatures[0], "fifths", 8),
        "m1",
        "measures[0].key_signatures[0].fifths",
    ),
    "ending without number": (lambda s: s.measures[0].ending.SetInParent(), "m1", "measures[0].ending.numbers"),
    "clef without sign": (lambda s: setattr(s.clefs[0], "sign", 0), "c1", "clefs[0].sign"),
    "clef on line 6": (lambda s: setattr(s.clefs[0], "line", 6), "c1", "clefs[0].line"),
    "no clef at the start": (lambda s: s.clefs.pop(), "P1", "clefs"),
    "clef outside its measure": (lambda s: setattr(s.clefs[1], "onset_ticks", 6), "c2", "clefs[1].onset_ticks"),
    "unknown part": (lambda s: setattr(s.events[0], "part_id", "P9"), "e1", "events[0].part_id"),
    "unknown staff": (lambda s: setattr(s.events[3], "staff", 3), "e4", "events[3].staff"),
    "voice 0": (lambda s: setattr(s.events[3], "voice", 0), "e4", "events[3].voice"),
    "note on no staff": (lambda s: setattr(s.events[0].notes[0], "staff", 0), "e1.1", "events[0].notes[0].staff"),
    "neither notes nor rest": (lambda s: s.events[2].ClearField("notes"), "e3", "events[2].notes"),
    "notes and rest": (lambda s: s.events[2].rest.SetInParent(), "e3", "events[2].notes"),
    "chord without note value": (lambda s: setattr(s.events[2], "type", 0), "e3", "events[2].type"),
    "five dots": (lambda s: setattr(s.events[2], "dots", 5), "e3", "events[2].dots"),
    "tuplet 0:2": (lambda s: s.events[2].tuplet_ratios.add(normal=2), "e3", "events[2].tuplet_ratios[0]"),
    "no duration": (lambda s: setattr(s.events[2], "duration_ticks", 0), "e3", "events[2].duration_ticks"),
    "duration against note value": (
        lambda s: setattr(s.events[2], "duration_ticks", 3),
        "e3",
        "events[2].duration_ticks",
    ),
    "grace with duration": (lambda s: s.events[2].grace.SetInParent(), "e3", "events[2].duration_ticks"),
    "unknown measure": (lambda s: setattr(s.events[2], "measure_index", 7), "e3", "events[2].measure_index"),
    "onset outside the measure": (lambda s: setattr(s.events[2], "onset_ticks", 5), "e3", "events[2].onset_ticks"),
    "short whole-measure rest": (
        lambda s: setattr(s.events[3], "duration_ticks", 3),
        "e4",
        "events[3].duration_ticks",
    ),
    "typeless rest": (lambda s: setattr(s.events[3].rest, "whole_measure", False), "e4", "events[3].type"),
    "no step": (lambda s: setattr(s.events[2].notes[0].pitch, "step", 0), "e3.1", "events[2].notes[0].pitch"),
    "triple sharp": (lambda s: setattr(s.events[2].notes[0].pitch, "alter", 3), "e3.1", "events[2].notes[0].pitch"),
    "key 128": (lambda s: setattr(s.events[2].notes[0], "midi_pitch", 128), "e3.1", "events[2].notes[0].midi_pitch"),
    "key against pitch": (
        lambda s: setattr(s.events[2].notes[0], "midi_pitch", 66),
        "e3.1",
        "events[2].notes[0].midi_pitch",
    ),
    "octave line without effect": (
        lambda s: s.spanners.add(
            spanner_id="s9", part_id="P1", staff=1, start_ticks=2, end_ticks=4, octave_line={"octaves": 1}
        ),
        "e3.1",
        "events[2].notes[0].midi_pitch",
    ),
    "finger 6": (
        lambda s: s.events[2].notes[0].fingering.CopyFrom(fingering_pb2.Fingering(finger=6, source=1)),
        "e3.1",
        "events[2].notes[0].fingering.finger",
    ),
    "substitution by the same finger": (
        lambda s: s.events[2].notes[0].fingering.CopyFrom(fingering_pb2.Fingering(finger=3, substitution=3, source=1)),
        "e3.1",
        "events[2].notes[0].fingering.substitution",
    ),
    "finger from nowhere": (
        lambda s: s.events[2].notes[0].fingering.CopyFrom(fingering_pb2.Fingering(finger=3)),
        "e3.1",
        "events[2].notes[0].fingering.source",
    ),
    "probability 2": (
        lambda s: s.events[2].notes[0].fingering.CopyFrom(fingering_pb2.Fingering(finger=3, source=1, probability=2)),
        "e3.1",
        "events[2].notes[0].fingering.probability",
    ),
    "confidence nan": (lambda s: setattr(s.events[2], "confidence", math.nan), "e3", "events[2].confidence"),
    "chord upside down": (lambda s: s.events[1].notes.reverse(), "e2.1", "events[1].notes[1]"),
    "events out of order": (lambda s: s.events.reverse(), "e5", "events[1]"),
    "bar too short": (lambda s: s.events.pop(2), "m1", "measures[0]"),
    "bar too long": (
        lambda s: s.events[2].CopyFrom(chord("e3", "F4", 2, event_pb2.NOTE_TYPE_WHOLE)),
        "m1",
        "measures[0]",
    ),
    "overlap in a voice": (
        lambda s: s.events[0].CopyFrom(chord("e1", "C4", 0, event_pb2.NOTE_TYPE_HALF)),
        "e2",
        "measures[0]",
    ),
    "a voice on two staves": (lambda s: setattr(s.events[3], "voice", 1), "e4", "measures[0]"),
    "tie from nowhere": (
        lambda s: setattr(s.spanners[0], "start_note_id", "gone"),
        "s1",
        "spanners[0].start_note_id",
    ),
    "tie to nowhere": (lambda s: setattr(s.spanners[0], "end_note_id", "gone"), "s1", "spanners[0].end_note_id"),
    "tie to another key": (lambda s: setattr(s.spanners[0], "end_note_id", "e2.2"), "s1", "spanners[0].end_note_id"),
    "tie to itself": (lambda s: setattr(s.spanners[0], "end_note_id", "e1.1"), "s1", "spanners[0].end_note_id"),
    "l.v. to a note": (lambda s: setattr(s.spanners[0].tie, "laissez_vibrer", True), "s1", "spanners[0].end_note_id"),
    "two ties to one note": (
        lambda s: (
            s.spanners.add(
                spanner_id="s9", part_id="P1", staff=1, start_note_id="e1.1", end_note_id="e2.1", end_ticks=1
            ).tie.SetInParent()
            or s.spanners.add(
                spanner_id="s10",
                part_id="P1",
                staff=1,
                start_note_id="e3.1",
                end_note_id="e2.1",
                start_ticks=2,
                end_ticks=2,
            ).tie.SetInParent()
        ),
        "s10",
        "spanners[2].end_note_id",
    ),
    "spanner that is nothing": (lambda s: s.spanners[0].ClearField("tie"), "s1", "spanners[0].kind"),
    "spanner that ends before it starts": (
        lambda s: setattr(s.spanners[0], "end_ticks", -1),
        "s1",
        "spanners[0].end_ticks",
    ),
    "slur over an unknown event": (
        lambda s: s.spanners.insert(
            0, spanner_pb2.Spanner(spanner_id="s9", part_id="P1", staff=1, event_ids=["e1", "gone"], slur={})
        ),
        "s9",
        "spanners[0].event_ids[1]",
    ),
    "beam over one event": (
        lambda s: s.spanners.insert(
            0, spanner_pb2.Spanner(spanner_id="s9", part_id="P1", staff=1, event_ids=["e1"], beam_group={})
        ),
        "s9",
        "spanners[0].event_ids",
    ),
    "slur backwards": (
        lambda s: s.spanners.append(
            spanner_pb2.Spanner(
                spanner_id="s9", part_id="P1", staff=1, event_ids=["e3", "e1"], start_ticks=2, end_ticks=2, slur={}
            )
        ),
        "s9",
        "spanners[1].event_ids",
    ),
    "tuplet whose events do not carry it": (
        lambda s: s.spanners.insert(
            0,
            spanner_pb2.Spanner(
                spanner_id="s9",
                part_id="P1",
                staff=1,
                event_ids=["e1"],
                end_ticks=1,
                tuplet={"ratio": {"actual": 3, "normal": 2}},
            ),
        ),
        "s9",
        "spanners[0].event_ids",
    ),
    "octave line of 0": (
        lambda s: s.spanners.append(
            spanner_pb2.Spanner(spanner_id="s9", part_id="P1", staff=1, start_ticks=2, end_ticks=3, octave_line={})
        ),
        "s9",
        "spanners[1].octave_line.octaves",
    ),
    "spanners out of order": (
        lambda s: s.spanners.insert(
            0,
            spanner_pb2.Spanner(
                spanner_id="s9", part_id="P1", staff=1, start_ticks=2, end_ticks=3, hairpin={"kind": 1}
            ),
        ),
        "s1",
        "spanners[1]",
    ),
    "mark on an unknown event": (
        lambda s: setattr(s.directions[0], "event_id", "gone"),
        "d1",
        "directions[0].event_id",
    ),
    "mark outside its measure": (
        lambda s: setattr(s.directions[0], "onset_ticks", 9),
        "d1",
        "directions[0].onset_ticks",
    ),
    "articulation on nothing": (
        lambda s: s.directions[0].articulation.__setattr__("kind", 1),
        "d1",
        "directions[0].event_id",
    ),
    "chord symbol without a root": (
        lambda s: s.directions[0].harmony.__setattr__("text", "m7"),
        "d1",
        "directions[0].harmony.root_step",
    ),
    "mark that is nothing": (lambda s: s.directions[0].ClearField("dynamic"), "d1", "directions[0].kind"),
    "doubt about nothing": (
        lambda s: s.doubts.add(kind=provenance_pb2.DOUBT_KIND_ALIGNMENT, measure_index=1, ids=["gone"]),
        "gone",
        "doubts[0].ids[0]",
    ),
    "doubt without kind": (lambda s: s.doubts.add(), "", "doubts[0].kind"),
    "system beyond the end": (
        lambda s: s.pages.add(page_number=1).systems.add(first_measure_index=1, measure_count=2),
        "",
        "pages[0].systems[0].first_measure_index",
    ),
    "box on a page that is not there": (
        lambda s: s.pages.add(page_number=1) and setattr(s.events[0].region, "page_number", 2),
        "e1",
        "events[0].region",
    ),
    "box of negative width": (
        lambda s: s.events[0].region.MergeFrom(type(s.events[0].region)(page_number=1, width=-1)),
        "e1",
        "events[0].region",
    ),
}


def test_the_samples_are_valid():
    assert validate(two_bars()) == []
    check_valid(two_bars())


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_by_id_and_field(name):
    inject, thing, field = FAULTS[name]
    score = two_bars()
    inject(score)
    named = {(violation.id, violation.field) for violation in validate(score)}
    assert (thing, field) in named
    assert all(violation.message for violation in validate(score))


def test_a_doubtful_bar_need_not_add_up():
    score = two_bars()
    score.events.pop(2)
    assert validate(score)
    score.doubts.add(kind=provenance_pb2.DOUBT_KIND_MEASURE_LENGTH, measure_index=0, message="the bar is short")
    assert validate(score) == []


def test_a_short_measure_is_measured_by_its_own_length():
    score = two_bars()
    score.events.pop(2)
    score.measures[0].length_ticks = 2
    score.measures[0].implicit = True
    score.measures[1].onset_ticks = 2
    score.events[2].duration_ticks = 2
    for event in score.events:
        if event.measure_index == 1:
            event.onset_ticks = 2
    score.directions[0].onset_ticks = 2
    assert validate(score) == []


def test_invalid_scores_are_refused_with_all_their_faults():
    score = two_bars()
    for event in score.events:
        event.voice = 0
    with pytest.raises(InvalidScoreError, match=r"events\[0\]\.voice \(e1\).*and \d+ more") as caught:
        check_valid(score)
    assert caught.value.violations == tuple(validate(score))


def test_a_part_of_another_instrument_may_transpose():
    score = two_bars()
    score.parts[0].role = score_pb2.PART_ROLE_OTHER
    score.events[2].notes[0].midi_pitch -= 2
    assert validate(score) == []


def test_a_score_of_nothing_is_told_what_it_lacks():
    assert {violation.field for violation in validate(score_pb2.Score())} == {
        "schema_version",
        "divisions",
        "parts",
        "measures",
    }


def test_senza_misura_needs_no_numbers():
    score = two_bars()
    for measure in score.measures:
        measure.time_signature.CopyFrom(measure_pb2.TimeSignature(symbol=measure_pb2.TIME_SYMBOL_NONE))
    assert validate(score) == []
