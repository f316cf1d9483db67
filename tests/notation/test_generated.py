"""Properties that hold of every valid Score."""

from hypothesis import given, settings
from hypothesis import strategies as st

from etude.notation.io import from_bytes, from_json, read_score, to_bytes, to_json
from etude.notation.time import normalize_divisions, rescale
from etude.notation.validate import validate
from tests.notation.strategies import scores


@given(scores())
def test_generated_scores_are_valid(score):
    assert validate(score) == []


@given(scores(), st.integers(2, 7))
def test_scaling_changes_nothing_but_the_ticks(score, factor):
    scaled = rescale(score, score.divisions * factor)
    assert validate(scaled) == []
    assert scaled.divisions == score.divisions * factor
    assert rescale(scaled, score.divisions) == score
    assert normalize_divisions(scaled) == score


@given(scores())
@settings(max_examples=50)
def test_bytes_come_back_as_the_same_score(score):
    assert from_json(to_json(score)) == score
    assert from_bytes(to_bytes(score)) == score
    assert read_score(to_json(score)) == read_score(to_bytes(score)) == score
    assert to_json(from_bytes(to_bytes(score))) == to_json(score)


def _break_id(score):
    score.events[-1].event_id = score.measures[0].measure_id
    return score.events[-1].event_id


def _break_onset(score):
    score.events[-1].onset_ticks += score.measures[-1].length_ticks
    return score.events[-1].event_id


def _break_length(score):
    score.measures[-1].length_ticks += 1
    return score.measures[-1].measure_id


def _break_staff(score):
    score.events[-1].staff = 3
    return score.events[-1].event_id


def _break_clef(score):
    score.clefs[0].line = 0
    return score.clefs[0].clef_id


def _break_pitch(score):
    for event in score.events:
        for note in event.notes:
            note.midi_pitch += 1
            return note.note_id
    return None


def _break_grace(score):
    for event in score.events:
        if event.HasField("grace"):
            event.duration_ticks = 1
            return event.event_id
    return None


def _break_reference(score):
    for spanner in score.spanners:
        if spanner.event_ids:
            spanner.event_ids[-1] = "nowhere"
            return spanner.spanner_id
    return None


FAULTS = [
    _break_id,
    _break_onset,
    _break_length,
    _break_staff,
    _break_clef,
    _break_pitch,
    _break_grace,
    _break_reference,
]


@given(scores(), st.sampled_from(FAULTS))
@settings(max_examples=200)
def test_a_fault_in_any_score_is_named(score, inject):
    broken = inject(score)
    if broken is not None:
        assert broken in {violation.id for violation in validate(score)}
