"""What a written Score must hold, made to hold; each repair is told by a Doubt, none is silent.

A reading may contradict itself where a page was misread. One such place must not cost the whole piece: the sign that
contradicts is left out, or the bar is marked, and a Doubt says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from etude.mesh.errors import EtudeError
from etude.notation.index import ScoreIndex
from etude.notation.measures import measure_at, measure_name
from etude.notation.ordering import sort_score
from etude.notation.pitch import midi_of
from etude.notation.validate import Violation, validate
from etude.score.v1 import direction_pb2, event_pb2, measure_pb2, page_pb2, provenance_pb2, score_pb2
from omr_service.assembler.piece.draft import KEYBOARD
from omr_service.assembler.piece.pitches import DEFAULT_CLEFS

ROUNDS = 6
"""How often a Score is looked over; what one repair leaves behind (a tie to a note that went) the next one finds."""
PLACE = re.compile(r"(spanners|directions|events|measures|clefs|doubts)\[(\d+)\](?:\.notes\[(\d+)\])?(.*)")
TIMES = ("", ".onset_ticks", ".duration_ticks")
"""Fields of bars and events about which a bar with a Doubt is excused."""
CLEF_SIGNS = {"g": measure_pb2.CLEF_SIGN_G, "f": measure_pb2.CLEF_SIGN_F}
ASSUMED = 0.2
"""Confidence of a clef that is not printed."""


def set_sounding(score: score_pb2.Score) -> None:
    """Sets, in place, the key each note sounds at: its pitch as written, moved by the octave lines over its onset."""
    index = ScoreIndex(score)
    for event in score.events:
        for note in event.notes:
            lines = index.octave_lines_at(event.part_id, note.staff, event.onset_ticks)
            note.midi_pitch = midi_of(note.pitch) + 12 * sum(line.octave_line.octaves for line in lines)


def add_missing_clefs(score: score_pb2.Score) -> None:
    """Gives, in place, a staff without a clef at its start the usual one, under which its notes were read."""
    index = ScoreIndex(score)
    taken = {clef.clef_id for clef in score.clefs}
    number = 0
    for part in score.parts:
        for staff in range(1, part.staff_count + 1):
            if not score.measures or index.clef_at(part.part_id, staff, 0) is not None:
                continue
            sign, line = DEFAULT_CLEFS[min(staff, 2) - 1 if part.part_id == KEYBOARD else 0]
            while f"ac{number}" in taken:
                number += 1
            taken.add(f"ac{number}")
            score.clefs.add(
                clef_id=f"ac{number}",
                part_id=part.part_id,
                staff=staff,
                sign=CLEF_SIGNS[sign],
                line=line,
                confidence=ASSUMED,
            )
            name = "treble" if sign == "g" else "bass"
            score.doubts.add(
                kind=provenance_pb2.DOUBT_KIND_LOW_CONFIDENCE,
                message=f"No clef was found at the start of staff {staff}; it is read in the {name} clef.",
                measure_index=0,
                region=score.measures[0].region,
            )


def make_valid(score: score_pb2.Score) -> None:
    """Repairs, in place, what breaks an invariant of the Score; nothing is touched in a valid one.

    Spanners, directions and clefs that contradict the notes are left out, a bar whose times do not add up is marked,
    a note that is no key of the instrument goes. A Doubt tells each of these.

    Raises:
        EtudeError: UNREADABLE where the Score cannot be repaired; the message names the measures.
    """
    for _ in range(ROUNDS):
        violations = validate(score)
        if not violations:
            return
        _Repair(score, violations).apply()
    left = validate(score)
    if left:
        named = sorted({index for v in left for index in _measures_of(score, v)})
        numbers = ", ".join(measure_name(score.measures, index) for index in named[:10])
        where = f"around measure {numbers}" if numbers else "as a whole"
        raise EtudeError(
            "UNREADABLE",
            f"What was read of the music {where} contradicts itself and could not be repaired ({left[0]}). "
            "Leave out the page that holds it, or send another edition.",
        )


def _measures_of(score: score_pb2.Score, violation: Violation) -> Iterator[int]:
    """The index of the measure a violation is in, if it is in one."""
    match = PLACE.match(violation.field)
    if match is None or not score.measures:
        return
    kind, number = match[1], int(match[2])
    last = len(score.measures) - 1
    if kind == "measures":
        yield min(number, last)
    elif kind == "events":
        yield min(max(score.events[number].measure_index, 0), last)
    elif kind == "directions":
        yield min(max(score.directions[number].measure_index, 0), last)
    elif kind == "spanners":
        yield measure_at(score.measures, score.spanners[number].start_ticks)
    elif kind == "clefs":
        yield min(max(score.clefs[number].measure_index, 0), last)


class _Repair:
    """One look over a Score: what its violations ask for is gathered, then done."""

    def __init__(self, score: score_pb2.Score, violations: list[Violation]) -> None:
        self.score = score
        self.violations = violations
        self.spanners: dict[int, str] = {}
        self.directions: dict[int, str] = {}
        self.clefs: dict[int, str] = {}
        self.bars: dict[int, str] = {}
        self.notes: dict[tuple[int, int], str] = {}

    def apply(self) -> None:
        """Makes the repairs."""
        keys_wrong = [v for v in self.violations if v.field.endswith(".midi_pitch")]
        if keys_wrong:
            set_sounding(self.score)
        for violation in self.violations:
            self._gather(violation)
        for number in sorted(self.spanners, reverse=True):
            self._drop_spanner(number, self.spanners[number])
        for number in sorted(self.directions, reverse=True):
            self._drop_direction(number, self.directions[number])
        for number in sorted(self.clefs, reverse=True):
            clef = self.score.clefs[number]
            message = f"a clef was left out: {self.clefs[number]}"
            self._doubt(provenance_pb2.DOUBT_KIND_LOW_CONFIDENCE, clef.measure_index, message, clef.region)
            del self.score.clefs[number]
        for (number, position), message in sorted(self.notes.items(), reverse=True):
            self._drop_note(self.score.events[number], position, message)
        for index, message in sorted(self.bars.items()):
            region = self.score.measures[index].region
            self._doubt(provenance_pb2.DOUBT_KIND_MEASURE_LENGTH, index, f"its times do not add up: {message}", region)
        add_missing_clefs(self.score)
        set_sounding(self.score)
        sort_score(self.score)
        self._tidy_doubts()

    def _gather(self, violation: Violation) -> None:
        match = PLACE.fullmatch(violation.field)
        if match is None:
            return
        kind, number, position, field = match[1], int(match[2]), match[3], match[4]
        if kind == "spanners" and field:
            self.spanners.setdefault(number, violation.message)
        elif kind == "directions" and field:
            self.directions.setdefault(number, violation.message)
        elif kind == "clefs" and field:
            self.clefs.setdefault(number, violation.message)
        elif kind == "measures" and not field:
            self.bars.setdefault(number, violation.message)
        elif kind == "events" and position is not None:
            self._gather_note(number, int(position), field, violation.message)
        elif kind == "events" and field in TIMES[1:]:
            index = self.score.events[number].measure_index
            if 0 <= index < len(self.score.measures):
                self.bars.setdefault(index, violation.message)

    def _gather_note(self, number: int, position: int, field: str, message: str) -> None:
        """A note that no key can sound loses the octave lines over it, or else goes itself."""
        event = self.score.events[number]
        note = event.notes[position]
        if field not in (".pitch", ".midi_pitch", ".staff"):
            return
        if field == ".midi_pitch" and 0 <= note.midi_pitch <= 127:
            self._doubt(
                provenance_pb2.DOUBT_KIND_LOW_CONFIDENCE,
                event.measure_index,
                f"a note and the octave line over it disagreed; the line decides: {message}",
                note.region,
            )
            return
        over = [
            n
            for n, s in enumerate(self.score.spanners)
            if s.HasField("octave_line")
            and (s.part_id, s.staff) == (event.part_id, note.staff)
            and s.start_ticks <= event.onset_ticks < s.end_ticks
        ]
        for n in over:
            self.spanners.setdefault(n, message)
        if not over:
            self.notes.setdefault((number, position), message)

    def _drop_spanner(self, number: int, message: str) -> None:
        spanner = self.score.spanners[number]
        kind = (spanner.WhichOneof("kind") or "line").replace("_", " ")
        index = measure_at(self.score.measures, spanner.start_ticks) if self.score.measures else -1
        region = spanner.regions[0] if spanner.regions else None
        article = "an" if kind[0] in "aeiou" else "a"
        message = f"{article} {kind} was left out: {message}"
        self._doubt(provenance_pb2.DOUBT_KIND_OPEN_SPANNER, index, message, region)
        del self.score.spanners[number]

    def _drop_direction(self, number: int, message: str) -> None:
        direction: direction_pb2.Direction = self.score.directions[number]
        kind = (direction.WhichOneof("kind") or "sign").replace("_", " ")
        message = f"the {kind} was left out: {message}"
        self._doubt(provenance_pb2.DOUBT_KIND_UNATTACHED_SYMBOL, direction.measure_index, message, direction.region)
        del self.score.directions[number]

    def _drop_note(self, event: event_pb2.Event, position: int, message: str) -> None:
        note = event.notes[position]
        self._doubt(
            provenance_pb2.DOUBT_KIND_UNREADABLE, event.measure_index, f"a note was left out: {message}", note.region
        )
        del event.notes[position]
        if not event.notes:
            event.rest.SetInParent()
            event.rest.hidden = event.HasField("grace")

    def _doubt(
        self,
        kind: provenance_pb2.DoubtKind.ValueType,
        index: int,
        message: str,
        region: page_pb2.PageRegion | None,
    ) -> None:
        """Tells a repair."""
        index = index if 0 <= index < len(self.score.measures) else -1
        where = f"Measure {measure_name(self.score.measures, index)}: " if index >= 0 else ""
        known = {page.page_number for page in self.score.pages}
        self.score.doubts.add(
            kind=kind,
            message=f"{where}{message}.",
            measure_index=index,
            region=region if region is not None and region.page_number in known else None,
        )

    def _tidy_doubts(self) -> None:
        """Doubts no longer name what was left out."""
        index = ScoreIndex(self.score)
        known = {*index.events, *index.notes, *index.spanners, *index.directions, *index.measures}
        for doubt in self.score.doubts:
            kept = [thing for thing in doubt.ids if thing in known]
            if len(kept) < len(doubt.ids):
                del doubt.ids[:]
                doubt.ids.extend(kept)
