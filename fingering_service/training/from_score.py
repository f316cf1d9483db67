"""Scores, and with them MusicXML, as tables: what is struck, in which hand, with which printed finger."""

from __future__ import annotations

from fractions import Fraction

from etude.notation.index import ScoreIndex
from etude.notation.musicxml import read_musicxml
from etude.notation.pitch import name_of
from etude.score.v1 import score_pb2
from fingering_service.constraints import standing_wishes
from fingering_service.handing import give_hands
from fingering_service.played import keyboard_parts, played_notes
from fingering_service.profile import HandProfile
from fingering_service.training.tables import COLUMNS, Table, TableNote

_STAFF = {"R": 1, "L": 2}


def read_musicxml_table(data: bytes) -> Table:
    """The keyboard part of a MusicXML file with the fingers of its `<fingering>` elements.

    Raises:
        MusicXmlError: As `read_musicxml`.
    """
    return table_of(read_musicxml(data))


def table_of(score: score_pb2.Score) -> Table:
    """The keyboard parts of a valid Score as a table; fingers that a model predicted are left out."""
    index = ScoreIndex(score)
    wishes = standing_wishes(index)
    rows: list[tuple[int, bool, int, TableNote]] = []
    for part_ids in keyboard_parts(score):
        notes = played_notes(index, part_ids)
        for note, hand in zip(notes, give_hands(index, part_ids, notes, wishes, HandProfile()), strict=True):
            wish = wishes.get(note.note_id)
            finger = "" if wish is None else "_".join(str(f) for f in (wish.finger, wish.substitution) if f)
            onset = Fraction(note.onset, score.divisions)
            row = TableNote(
                onset=onset,
                duration=Fraction(note.end, score.divisions) - onset,
                midi=note.midi,
                spelled=name_of(note.notes[0].pitch),
                hand=hand,
                staff=_STAFF[hand],
                voice=str(note.event.voice),
                measure=score.measures[note.event.measure_index].number,
                finger=finger,
                grace=note.grace,
                tied=False,
            )
            rows.append((note.onset, not note.grace, note.order, row))
    header = {"title": score.metadata.title, "composer": score.metadata.composer, "columns": "\t".join(COLUMNS)}
    return Table(header, tuple(row for *_, row in sorted(rows, key=lambda r: (*r[:3], r[3].midi))))
