"""Score -> MusicXML -> Score keeps the music and its notation."""

from hypothesis import HealthCheck, given, settings

from etude.notation.diff import diff, format_diff
from etude.notation.musicxml import read_musicxml
from etude.notation.validate import validate
from renderer_service.musicxml import musicxml_bytes
from tests.notation.strategies import scores


@given(scores())
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_any_score_comes_back_from_musicxml(score):
    back = read_musicxml(musicxml_bytes(score))
    assert validate(back) == []
    assert format_diff(diff(score, back)) == ""
    notes = [note.note_id for event in score.events for note in event.notes]
    assert [note.note_id for event in back.events for note in event.notes] == notes
    assert back.divisions == score.divisions
