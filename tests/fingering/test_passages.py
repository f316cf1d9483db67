"""The passages fingered by hand that a bench compares models with."""

from __future__ import annotations

import pytest

from bench.fingering_passages import PASSAGES, rates, read_passages, shown
from fingering_service.keyboard import is_black
from fingering_service.models import Registry


@pytest.fixture(scope="module")
def passages():
    return list(read_passages(PASSAGES.read_text(encoding="utf-8")))


def test_a_line_is_read_with_its_lengths_chords_and_open_fingers():
    (passage,) = read_passages("# words\n= chords: two\nL 1/2 c#3:2 r,3 bb2+d3:5+0,2")
    assert (passage.kind, passage.title) == ("chords", "two")
    notes = [(float(n.onset), float(n.duration), n.midi, n.hand, n.finger) for n in passage.table.notes]
    assert notes == [(0.0, 0.5, 49, "L", "2"), (2.0, 1.0, 46, "L", "5"), (2.0, 1.0, 50, "L", "")]


def test_what_is_no_key_is_named():
    with pytest.raises(ValueError, match="h4"):
        list(read_passages("R 1 h4:1"))


def test_fingers_of_every_chord_are_in_the_order_of_its_keys(passages):
    for passage in passages:
        chords: dict[object, list[tuple[int, int]]] = {}
        for note in passage.table.notes:
            if note.finger:
                chords.setdefault(note.onset, []).append((note.midi, int(note.finger)))
        for chord in chords.values():
            fingers = [finger for _, finger in sorted(chord)]
            rising = passage.table.notes[0].hand == "R"
            assert fingers == sorted(set(fingers), reverse=not rising), (passage.title, chord)


def test_scales_have_no_thumb_on_a_black_key(passages):
    scales = [p for p in passages if p.kind in ("scale", "chromatic")]
    assert scales
    assert not [n for p in scales for n in p.table.notes if n.finger == "1" and is_black(n.midi)]


def test_the_default_model_is_nearer_to_a_teacher_than_the_others(passages):
    shares = {}
    for model in Registry.load().models:
        right, notes = rates(model, passages)["all"]
        shares[model.name] = right / notes
    assert shares["crf"] > shares["ergonomic"] + 0.05
    assert shares["crf"] > shares["hmm"] + 0.05


def test_a_passage_is_shown_in_three_rows(passages):
    passage = passages[0]
    rows = shown(passage, [1] * len(passage.table.notes)).splitlines()
    assert len(rows) == 4
    assert rows[3].split() == ["1"] * len({n.onset for n in passage.table.notes})
