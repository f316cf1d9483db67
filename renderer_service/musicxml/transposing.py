"""Parts of transposing instruments: by how much their notes sound beside where they are written."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter

from etude.notation.pitch import midi_of
from etude.score.v1 import score_pb2
from renderer_service.musicxml.xml import add, element

_DIATONIC = (0, 0, 1, 2, 2, 3, 3, 4, 5, 5, 6, 6)
"""Steps of the staff by semitones upwards, as instruments are named: in D flat none, in D one, in E flat two."""


def transpositions(score: score_pb2.Score, part: score_pb2.Part) -> list[int]:
    """Semitones by which a part sounds above where it is written, by measure; a keyboard's are all 0.

    What most notes of a measure say that stand under no octave line; a measure without any is as the one before it,
    and the first ones as the next.
    """
    count = len(score.measures)
    if part.role != score_pb2.PART_ROLE_OTHER:
        return [0] * count
    lines = [
        (spanner.staff, spanner.start_ticks, spanner.end_ticks)
        for spanner in score.spanners
        if spanner.part_id == part.part_id and spanner.WhichOneof("kind") == "octave_line"
    ]
    said: list[Counter[int]] = [Counter() for _ in range(count)]
    for event in score.events:
        if event.part_id == part.part_id and event.measure_index < count:
            for note in event.notes:
                covered = any(note.staff == s and start <= event.onset_ticks < end for s, start, end in lines)
                if not covered:
                    said[event.measure_index][note.midi_pitch - midi_of(note.pitch)] += 1
    known = [counter.most_common(1)[0][0] if counter else None for counter in said]
    current = next((value for value in known if value is not None), 0)
    out: list[int] = []
    for value in known:
        current = current if value is None else value
        out.append(current)
    return out


def transpose_element(semitones: int) -> ET.Element:
    """<transpose> of an interval, within an octave, and the octaves beside it."""
    octaves, within = divmod(abs(semitones), 12)
    sign = -1 if semitones < 0 else 1
    new = element("transpose")
    add(new, "diatonic", sign * _DIATONIC[within])
    add(new, "chromatic", sign * within)
    if octaves:
        add(new, "octave-change", sign * octaves)
    return new
