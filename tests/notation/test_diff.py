"""The diff says what differs, in musical words, and nothing when nothing does."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etude.notation.diff import ChangeKind, diff, format_diff
from etude.notation.time import rescale
from etude.score.v1 import event_pb2, fingering_pb2, measure_pb2, score_pb2
from tests.notation.samples import two_bars
from tests.notation.strategies import scores


@given(scores())
@settings(max_examples=50)
def test_a_score_does_not_differ_from_itself(score):
    assert diff(score, score) == []
    assert diff(score, rescale(score, score.divisions * 3)) == []


@given(scores(), st.data())
@settings(max_examples=50)
def test_a_lost_note_is_named(score, data):
    chords = [event for event in score.events if len(event.notes) > 1]
    if not chords:
        return
    other = score_pb2.Score()
    other.CopyFrom(score)
    position = data.draw(st.integers(0, len(chords) - 1))
    event = next(event for event in other.events if event.event_id == chords[position].event_id)
    gone = event.notes.pop()
    assert any(change.kind is ChangeKind.REMOVED and "note" in change.text for change in diff(score, other)), gone
    assert any(change.kind is ChangeKind.ADDED and "note" in change.text for change in diff(other, score)), gone


def changed(edit):
    score = two_bars()
    edit(score)
    return format_diff(diff(two_bars(), score))


def test_ids_boxes_and_confidence_are_not_compared():
    def edit(score):
        score.events[2].event_id = "other"
        score.events[2].confidence = 0.5
        score.events[2].notes[0].note_id = "other-note"
        score.events[2].notes[0].region.x = 12

    assert changed(edit) == ""


@pytest.mark.parametrize(
    ("edit", "text"),
    [
        (
            lambda s: s.events[0].notes[0].fingering.CopyFrom(fingering_pb2.Fingering(finger=3, source=1)),
            "measure 1\n  ~ staff 1, voice 1, beat 1, C4: finger none -> 3 (printed)\n",
        ),
        (
            lambda s: (
                s.events[0].notes[0].accidental.SetInParent() or setattr(s.events[0].notes[0].accidental, "kind", 3)
            ),
            "measure 1\n  ~ staff 1, voice 1, beat 1, C4: accidental none -> natural\n",
        ),
        (
            lambda s: setattr(s.events[1], "type", event_pb2.NOTE_TYPE_HALF),
            "measure 1\n  ~ staff 1, voice 1, beat 2: note value quarter -> half\n",
        ),
        (lambda s: s.spanners.pop(0), "measure 1\n  - tie C4 from beat 1 to beat 2\n"),
        (lambda s: s.events[1].notes.pop(), "measure 1\n  - staff 1, voice 1, beat 2: note E4\n"),
        (
            lambda s: setattr(s.measures[1].right_barline, "style", measure_pb2.BARLINE_STYLE_DOTTED),
            "measure 2\n  ~ right barline regular -> dotted\n",
        ),
        (lambda s: setattr(s.metadata, "title", "Other"), "~ title '' -> 'Other'\n"),
        (
            lambda s: setattr(s.measures[1].key_signatures[0], "fifths", -2),
            "measure 2\n  ~ key no sharps or flats -> 2 flats\n",
        ),
        (
            lambda s: setattr(s.events[0], "voice", 2),
            "measure 1\n  ~ staff 1, voice 1, beat 1: voice 1 -> 2\n",
        ),
        (
            lambda s: s.directions[0].dynamic.__setattr__("text", "f"),
            "measure 2\n  - dynamic ('p') below at staff 1 at beat 1\n  + dynamic ('f') below at staff 1 at beat 1\n",
        ),
    ],
)
def test_changes_are_told_in_musical_words(edit, text):
    assert changed(edit) == text


def test_an_added_measure_does_not_make_the_others_differ():
    long = two_bars()
    short = score_pb2.Score()
    short.CopyFrom(long)
    del short.measures[0]
    kept = [event for event in long.events if event.measure_index == 1]
    del short.events[:]
    for event in kept:
        added = short.events.add()
        added.CopyFrom(event)
        added.measure_index, added.onset_ticks = 0, event.onset_ticks - 4
    short.measures[0].onset_ticks = 0
    for thing in short.directions:
        thing.measure_index, thing.onset_ticks = 0, thing.onset_ticks - 4
    del short.spanners[:]
    changes = diff(long, short)
    assert [(change.kind, change.text) for change in changes if "clef" not in change.text] == [
        (ChangeKind.REMOVED, "the whole measure (4 notes)")
    ]
