"""What `bench/fingering.py scores` says of chords beyond a hand's reach."""

from __future__ import annotations

from fractions import Fraction

from bench.fingering import fingered_by_the_service, meeting_thumbs, two_hands_could_strike, wide_chords
from fingering_service.models.ergonomic import Ergonomic
from fingering_service.training.tables import Table, TableNote


def struck(*chords):
    """A table of chords, a quarter each: of "R" and "L" and their keys."""
    notes = [
        TableNote(Fraction(beat), Fraction(1), key, "C4", hand, 1 if hand == "R" else 2, "1", "1", "", False, False)
        for beat, chord in enumerate(chords)
        for hand, keys in chord.items()
        for key in keys
    ]
    return Table({}, tuple(notes))


def test_what_two_hands_can_strike():
    assert two_hands_could_strike([60, 64, 67])
    assert two_hands_could_strike([40, 55, 70, 85])
    assert not two_hands_could_strike([40, 56, 72]), "three keys of which no two are within one reach"
    assert not two_hands_could_strike(list(range(60, 71))), "eleven keys are too many for ten fingers"


def test_chords_beyond_reach_are_told_apart():
    # one that the other hand can share, two that no two hands reach, one that is narrow
    written = struck({"R": [60, 64, 79]}, {"R": [60, 79], "L": [30, 50]}, {"R": [60, 67]})
    played, fingers, beyond = fingered_by_the_service(written, Ergonomic())
    found = wide_chords(written, played, beyond)
    assert all(1 <= finger <= 5 for finger in fingers)
    assert found["as_written"] == 3
    assert found["as_played"] == 1, "the left hand leaves 50 to the right one, which is out of reach anyway"
    assert found["as_played_within_a_large_hand_s_17"] == 0
    assert found["two_hands_could_strike"] == found["not_wide_as_written"] == found["without_a_doubt_that_says_so"] == 0


def test_what_the_service_should_have_done_is_found_out():
    shared = struck({"R": [60, 64, 79]})
    left_alone = wide_chords(shared, shared, [])
    assert left_alone["two_hands_could_strike"] == left_alone["without_a_doubt_that_says_so"] == 1
    moved = struck({"R": [60, 64], "L": [79]})
    assert wide_chords(moved, struck({"R": [60, 64, 79]}), [])["not_wide_as_written"] == 1


def test_a_key_of_two_noteheads_counts_once_and_thumbs_that_meet_are_counted():
    doubled = struck({"L": [40, 55, 60], "R": [60, 77]})
    assert wide_chords(doubled, doubled, [])["as_written"] == 2
    assert wide_chords(doubled, doubled, [])["as_written_each_key_once"] == 1, "60 is left to the hand named first"
    written, played = struck({"L": [48, 52, 55]}), struck({"L": [48, 52], "R": [55]})
    assert meeting_thumbs(written, played, [2, 1, 1]) == 1
    assert meeting_thumbs(written, played, [3, 2, 1]) == 0
    assert meeting_thumbs(written, played, [2, 1, 2]) == 0
    beside = struck({"L": [48, 52, 54]})
    assert meeting_thumbs(beside, struck({"L": [48, 52], "R": [54]}), [2, 1, 1]) == 0, "one thumb could take both"
