"""Real engraved pages, read as a whole and compared note by note with the scores they were engraved from."""

from __future__ import annotations

import csv
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from etude.notation.validate import validate
from etude.score.v1 import score_pb2
from omr_service.assembler.score.build import write_score
from omr_service.pdf.document import open_document
from omr_service.pipeline import Source, join_pages, read_page, write_scores

DATA = Path(__file__).parent / "data"
PIECES = sorted(DATA.glob("*.pdf"))


def read(pdf: Path) -> score_pb2.Score:
    with open_document(pdf.read_bytes()) as document:
        outcomes = [read_page(document, n + 1) for n in range(document.page_count)]
    (score,) = write_scores([o.music for o in outcomes if o.music is not None], Source(pdf.name, "sha256:0" * 2))
    return score


def notes_of(score: score_pb2.Score) -> list[tuple]:
    started = {s.start_note_id for s in score.spanners if s.HasField("tie")}
    rows = []
    for event in score.events:
        measure = score.measures[event.measure_index]
        onset = Fraction(event.onset_ticks - measure.onset_ticks, score.divisions)
        for note in event.notes:
            grace = event.HasField("grace")
            length = Fraction(event.duration_ticks, score.divisions)
            tied = note.note_id in started
            rows.append((event.measure_index, note.staff, onset, note.midi_pitch, length, grace, tied))
    return sorted(rows)


def truth_of(pdf: Path) -> list[tuple]:
    with pdf.with_suffix(".notes.tsv").open(encoding="utf-8") as handle:
        return sorted(
            (
                int(row["measure"]),
                int(row["staff"]),
                Fraction(row["onset"]),
                int(row["midi"]),
                Fraction(row["duration"]),
                row["grace"] == "1",
                row["tie"] == "1",
            )
            for row in csv.DictReader(handle, delimiter="\t")
        )


@pytest.mark.parametrize("pdf", PIECES, ids=lambda p: p.stem)
def test_every_note_is_read_where_it_stands(pdf):
    score = read(pdf)
    assert [r for r in notes_of(score) if not r[5]] == [r for r in truth_of(pdf) if not r[5]]


@pytest.mark.parametrize("pdf", PIECES, ids=lambda p: p.stem)
def test_the_score_is_valid_and_says_where_things_are_printed(pdf):
    score = read(pdf)
    assert [str(v) for v in validate(score)] == []
    assert score.metadata.title
    assert score.pages[0].systems and score.pages[0].systems[0].staves[0].staff_space > 0
    for event in score.events:
        if not event.rest.hidden:
            assert event.region.page_number >= 1 and event.region.width > 0
        for note in event.notes:
            assert note.region.width > 0


def test_reading_twice_gives_the_same_bytes():
    first, second = (read(PIECES[0]).SerializeToString(deterministic=True) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("pdf", PIECES, ids=lambda p: p.stem)
def test_the_first_key_signature_counts_as_printed_where_it_has_signs(pdf):
    first = read(pdf).measures[0]
    assert first.key_signature_printed == (first.key_signatures[0].fifths != 0)


def test_the_number_of_a_triplet_is_no_finger():
    # Triplets under slurs, numbered in italics, in measures whose triplets are known from those before.
    pdf = Path(__file__).parents[2] / "examples" / "chopin-etude-op25-no2.pdf"
    with open_document(pdf.read_bytes()) as document:
        outcome = read_page(document, 1)
    assert outcome.music is not None
    (score,) = write_scores([outcome.music], Source(pdf.name, "sha256:0" * 2))
    triplets = [e for e in score.events if e.staff == 2 and e.tuplet_ratios]
    assert len(triplets) > 80
    assert not any(n.HasField("fingering") for e in score.events for n in e.notes)


def test_a_tuplet_spans_what_is_left_when_its_first_sign_turns_out_to_be_none():
    """The solver may take a rest for a speck after a number was seen to stand over it; a hidden rest is there then."""
    pdf = DATA.parent / "pdf" / "data" / "lilypond-features.pdf"
    with open_document(pdf.read_bytes()) as document:
        pages = [read_page(document, n + 1).music for n in range(document.page_count)]
    draft = join_pages([page for page in pages if page is not None])
    whole = _tuplet_members(write_score(draft))
    measure = next(m for m in draft.measures if any(run >= 0 for run in m.rhythm.runs))
    number, run = next((n, run) for n, run in enumerate(measure.rhythm.runs) if run >= 0)
    first = measure.tuplets[number].options[run][0]
    measure.timing = replace(measure.rhythm, timings={k: t for k, t in measure.rhythm.timings.items() if k != first})
    measure.signs = replace(measure.signs, elements=[e for e in measure.signs.elements if e.index != first])
    less = _tuplet_members(write_score(draft))
    assert [event.rest.hidden for event in whole].count(True) == 0
    assert [event.rest.hidden for event in less].count(True) == 1
    assert len(less) == len(whole)


def _tuplet_members(score):
    """The events of the tuplets whose number is printed."""
    events = {event.event_id: event for event in score.events}
    tuplets = [s for s in score.spanners if s.HasField("tuplet") and s.tuplet.number_printed]
    return [events[event_id] for tuplet in tuplets for event_id in tuplet.event_ids]
