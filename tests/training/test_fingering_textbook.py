"""The exercises the model is trained on beside the corpus."""

from __future__ import annotations

import pytest

from fingering_service.keyboard import is_black
from fingering_service.training.textbook import (
    GROUP,
    MAJOR_THUMBS,
    MINOR_THUMBS,
    OCTAVES,
    exercises,
    textbook_windows,
)
from fingering_service.training.textbook_chords import arpeggio

SCALE_NOTES, UP = 29, 15


def scales() -> dict[tuple[str, int, str], str]:
    """Fingers on the way up, by hand, tonic and mode; "-" for an open one."""
    found = {}
    for table in exercises():
        notes = table.notes
        if table.header["title"] == "scale" and len(notes) == SCALE_NOTES:
            mode = "major" if notes[2].midi - notes[0].midi == 4 else "minor"
            fingers = "".join(n.finger or "-" for n in notes[:UP])
            found[notes[0].hand, notes[0].midi % 12, mode] = fingers
    return found


@pytest.mark.parametrize(
    ("hand", "tonic", "mode", "fingers"),
    [
        ("R", 0, "major", "123123412312345"),
        ("L", 0, "major", "543213214321321"),
        ("R", 5, "major", "123412312341234"),
        ("L", 11, "major", "432143213214321"),
        ("R", 10, "major", "-12312341231234"),
        ("R", 1, "major", "231234123123412"),
        ("R", 6, "major", "234123123412312"),
        ("L", 8, "major", "32143213214321-"),
        ("R", 1, "minor", "--1231234123123"),
        ("L", 3, "minor", "2143213214321--"),
    ],
)
def test_scales_are_fingered_as_in_every_method(hand, tonic, mode, fingers):
    assert scales()[hand, tonic, mode] == fingers


def test_every_key_has_a_major_and_a_minor_scale_in_both_hands():
    assert len(scales()) == 48
    assert len(MAJOR_THUMBS) == len(MINOR_THUMBS) == 12


def test_the_scales_of_a_key_are_a_group_with_all_lengths_in_both_hands():
    groups: dict[str, list[bool]] = {}
    for window in textbook_windows():
        groups.setdefault(window.group, []).append(window.right)
    assert len(groups) == 24 + 1
    for group, hands in groups.items():
        if group != GROUP:
            assert hands.count(True) == hands.count(False) >= len(OCTAVES)


def test_no_thumb_of_a_scale_falls_on_a_black_key_and_no_two_fingers_on_one_chord():
    for table in exercises():
        chords: dict[object, list[str]] = {}
        for note in table.notes:
            on_black = note.finger == "1" and is_black(note.midi)
            assert not (on_black and table.header["title"] == "scale"), (note.midi, note.hand)
            if note.finger:
                chords.setdefault(note.onset, []).append(note.finger)
        assert all(len(set(c)) == len(c) for c in chords.values())


def test_the_hand_can_play_all_of_them():
    windows = textbook_windows()
    assert sum(w.dropped for w in windows) == 0
    assert sum(int((w.labels > 0).sum()) for w in windows) > 10_000


@pytest.mark.parametrize(
    ("tonic", "third", "right", "left"),
    [
        (60, 4, "1231235", "5421421"),  # C major
        (62, 4, "1231235", "5321321"),  # D major
        (61, 4, "2124124", "2142142"),  # D flat major
        (70, 4, "2124124", "3213213"),  # B flat major
        (70, 3, "2312312", "3213213"),  # B flat minor
        (66, 3, "2124124", "2142142"),  # F sharp minor
        (66, 4, "1231235", "5321321"),  # F sharp major
    ],
)
def test_arpeggios_are_fingered_as_in_every_method(tonic, third, right, left):
    for hand, fingers in ((True, right), (False, left)):
        assert "".join(str(finger) for _, finger in arpeggio(tonic, third, right=hand)) == fingers


@pytest.mark.parametrize("tonic", range(12))
@pytest.mark.parametrize("third", [3, 4])
@pytest.mark.parametrize("right", [True, False])
def test_the_thumb_of_an_arpeggio_takes_a_white_key_where_there_is_one(tonic, third, right):
    played = arpeggio(60 + tonic, third, right=right)
    if any(not is_black(key) for key, _ in played):
        assert all(not is_black(key) for key, finger in played if finger == 1)
