"""Writes the marks of a joined piece into its Score: directions, lines, arpeggios, fingers, endings."""

from __future__ import annotations

import re
from collections.abc import Mapping

from etude.notation.chord_symbols import read_symbol
from etude.score.v1 import direction_pb2, event_pb2, fingering_pb2, score_pb2
from omr_service.assembler.music import MarkSign, TupletSign
from omr_service.assembler.piece.draft import Key, ScoreDraft
from omr_service.assembler.score.lines import LINES, PLACEMENTS, LineWriter
from omr_service.assembler.score.places import NoteIndex, region
from omr_service.assembler.score.times import Times
from omr_service.symbols import Box

ARTICULATIONS = (
    ("articTenutoStaccato", direction_pb2.ARTICULATION_KIND_DETACHED_LEGATO),
    ("articStaccatissimo", direction_pb2.ARTICULATION_KIND_STACCATISSIMO),
    ("articStaccato", direction_pb2.ARTICULATION_KIND_STACCATO),
    ("articTenuto", direction_pb2.ARTICULATION_KIND_TENUTO),
    ("articMarcato", direction_pb2.ARTICULATION_KIND_STRONG_ACCENT),
    ("articAccent", direction_pb2.ARTICULATION_KIND_ACCENT),
)
COMBINED = (
    ("articAccentStaccato", ("articAccent", "articStaccato")),
    ("articMarcatoStaccato", ("articMarcato", "articStaccato")),
    ("articMarcatoTenuto", ("articMarcato", "articTenuto")),
    ("articTenutoAccent", ("articTenuto", "articAccent")),
)
"""Signs that are two articulations at once."""
ORNAMENTS = {
    "ornamentTrill": direction_pb2.ORNAMENT_KIND_TRILL,
    "ornamentTurn": direction_pb2.ORNAMENT_KIND_TURN,
    "ornamentTurnInverted": direction_pb2.ORNAMENT_KIND_INVERTED_TURN,
    "ornamentTurnSlash": direction_pb2.ORNAMENT_KIND_INVERTED_TURN,
    "ornamentShortTrill": direction_pb2.ORNAMENT_KIND_INVERTED_MORDENT,
    "ornamentMordent": direction_pb2.ORNAMENT_KIND_MORDENT,
    "ornamentSchleifer": direction_pb2.ORNAMENT_KIND_SCHLEIFER,
}
JUMPS = {
    "segno": direction_pb2.JUMP_KIND_SEGNO,
    "coda": direction_pb2.JUMP_KIND_CODA,
    "to_coda": direction_pb2.JUMP_KIND_TO_CODA,
    "da_capo": direction_pb2.JUMP_KIND_DA_CAPO,
    "dal_segno": direction_pb2.JUMP_KIND_DAL_SEGNO,
    "fine": direction_pb2.JUMP_KIND_FINE,
}
BEATS = {
    "DoubleWhole": event_pb2.NOTE_TYPE_BREVE,
    "Whole": event_pb2.NOTE_TYPE_WHOLE,
    "Half": event_pb2.NOTE_TYPE_HALF,
    "Quarter": event_pb2.NOTE_TYPE_QUARTER,
    "8th": event_pb2.NOTE_TYPE_EIGHTH,
    "16th": event_pb2.NOTE_TYPE_16TH,
    "32nd": event_pb2.NOTE_TYPE_32ND,
}
ARPEGGIOS = {"": event_pb2.ARPEGGIO_PLAIN, "up": event_pb2.ARPEGGIO_UP, "down": event_pb2.ARPEGGIO_DOWN}


class MarkWriter:
    """Writes marks into a Score whose events are there already.

    Attributes:
        bar_numbers: Printed numbers of bars by index of the measure they stand at.
    """

    def __init__(
        self,
        draft: ScoreDraft,
        score: score_pb2.Score,
        events: Mapping[Key, event_pb2.Event],
        notes: NoteIndex,
    ) -> None:
        """Prepares for writing.

        Args:
            draft: The joined piece.
            score: Its Score so far.
            events: Events by page number and element.
            notes: Notes with their events by page number and head.
        """
        self.draft, self.score, self.events, self.notes = draft, score, events, notes
        self.times = Times(draft, score, events)
        self.german = False
        self.bar_numbers: dict[int, int] = {}
        self.lines = LineWriter(score, events, notes, self.times)

    def write(self) -> None:
        """Writes all marks."""
        symbols = [mark for page in self.draft.pages for mark in page.marks if mark.kind == "harmony"]
        self.german = any(mark.name.startswith("H") for mark in symbols)
        self.lines.look_at(self.draft.pages)
        numbers = self._tuplet_numbers()
        for page in self.draft.pages:
            for mark in sorted(page.marks, key=lambda m: (m.system, m.x0, m.box.y0)):
                if not self.times.measures.get((page.page_number, mark.system)):
                    continue
                if mark.kind == "finger":
                    if (page.page_number, mark.box) not in numbers:
                        self._finger(page.page_number, mark)
                elif mark.name.startswith("articLaissezVibrer"):
                    self.lines.write_ringing_sign(page.page_number, mark)
                elif mark.kind == "bar_number":
                    index, _ = self.times.measures[page.page_number, mark.system][0]
                    self.bar_numbers[index] = int(mark.name)
                elif mark.kind in LINES:
                    self.lines.write(page.page_number, mark)
                elif mark.kind == "ending":
                    self._ending(page.page_number, mark)
                elif mark.kind == "arpeggio":
                    event = self.events.get((page.page_number, mark.element))
                    if event is not None:
                        event.arpeggio = ARPEGGIOS[mark.detail]
                else:
                    self._direction(page.page_number, mark)
            self._arpeggios_across(page.page_number, page.marks)
        for page_number, curve in self.draft.ringing:
            self.lines.write_ringing(page_number, curve)

    def _tuplet_numbers(self) -> set[tuple[int, Box]]:
        """Boxes of numbers that turned out to be those of tuplets.

        The measure may have come out without a number, because its triplets are those of the measures before. A lone
        number over the notes of such a tuplet is its number then, and no finger of the note in its middle.
        """
        digits: dict[tuple[int, int], set[Box]] = {}
        for page in self.draft.pages:
            for mark in page.marks:
                if mark.kind == "finger":
                    digits.setdefault((page.page_number, mark.element), set()).add(mark.box)
        found: set[tuple[int, Box]] = set()
        for m in self.draft.measures:
            page_number = m.page.page_number
            for t, run in zip(m.tuplets, m.rhythm.runs, strict=False):
                if run >= 0 or any(self._is_tuplet(page_number, o, t, digits) for o in t.options):
                    found.add((page_number, t.box))
        return found

    def _is_tuplet(
        self, page: int, option: tuple[int, ...], tuplet: TupletSign, digits: dict[tuple[int, int], set[Box]]
    ) -> bool:
        """True when a run of elements is a tuplet of that number and bears no other digit."""
        events = [self.events.get((page, element)) for element in option]
        counted = all(e is not None and any(r.actual == tuplet.number for r in e.tuplet_ratios) for e in events)
        return counted and not any(digits.get((page, element), set()) - {tuplet.box} for element in option)

    def _finger(self, page: int, mark: MarkSign) -> None:
        digit, _, substitution = mark.name.partition("-")
        own = self.events.get((page, mark.element))
        # a head of two voices is two notes, of which each has a finger of its own
        of_head = self.notes.get((page, mark.head), [])
        for _, note in sorted(of_head, key=lambda n: own is None or n[0].event_id != own.event_id):
            if note.HasField("fingering"):
                continue
            note.fingering.finger = int(digit)
            if substitution and substitution != digit:
                note.fingering.substitution = int(substitution)
            note.fingering.source = fingering_pb2.FINGERING_SOURCE_PRINTED
            note.fingering.probability = 1.0
            note.fingering.region.CopyFrom(region(page, mark.box))
            break

    def _ending(self, page: int, mark: MarkSign) -> None:
        closed = mark.name.endswith("|")
        text = mark.name.removesuffix("|")
        covered = [
            i
            for i, joined in self.times.measures[page, mark.system]
            if mark.x0 - 6 < (joined.signs.x0 + joined.signs.x1) / 2 < mark.x1 + 6
        ]
        numbers = sorted({int(n) for n in re.findall(r"\d", text)})
        for i in covered:
            ending = self.score.measures[i].ending
            ending.numbers.extend(numbers)
            ending.text = text
            ending.starts = i == covered[0]
            ending.stops = i == covered[-1]
            ending.closed = closed and i == covered[-1]

    def _arpeggios_across(self, page: int, marks: tuple[MarkSign, ...]) -> None:
        """One wavy line beside chords of several staves."""
        by_line: dict[tuple[int, Box], list[event_pb2.Event]] = {}
        for mark in marks:
            event = self.events.get((page, mark.element)) if mark.kind == "arpeggio" else None
            if event is not None:
                by_line.setdefault((mark.system, mark.box), []).append(event)
        for (_, box), members in by_line.items():
            members.sort(key=lambda e: (e.onset_ticks, e.staff))
            same = len({e.part_id for e in members}) == 1 and len({e.onset_ticks for e in members}) == 1
            if len({e.staff for e in members}) < 2 or not same:
                continue
            first = members[0]
            spanner = self.score.spanners.add(
                part_id=first.part_id, staff=first.staff, start_ticks=first.onset_ticks, end_ticks=first.onset_ticks
            )
            spanner.arpeggio_across.arpeggio = first.arpeggio
            spanner.event_ids.extend(dict.fromkeys(e.event_id for e in members))
            spanner.regions.append(region(page, box))
            spanner.confidence = 1.0

    def _direction(self, page: int, mark: MarkSign) -> None:
        event = self.events.get((page, mark.element)) if mark.element >= 0 else None
        if mark.element >= 0 and event is None:
            return
        names = [mark.name]
        if mark.kind == "articulation":
            names = list(next((pair for name, pair in COMBINED if mark.name.startswith(name)), (mark.name,)))
        for name in names:
            out = direction_pb2.Direction(placement=PLACEMENTS[mark.above], confidence=1.0)
            if event is not None:
                out.part_id, out.staff, out.event_id = event.part_id, event.staff, event.event_id
                out.measure_index, out.onset_ticks = event.measure_index, event.onset_ticks
            elif (mark.kind == "fermata" and mark.staff < 0) or (
                mark.kind == "words" and self.times.follows_last(page, mark.system, mark.x0)
            ):
                # over a barline or at it: at the end of the measure
                out.part_id, out.staff = self.times.place(page, mark)
                out.measure_index, out.onset_ticks = self.times.measure_end(page, mark.system, mark.x0)
            else:
                out.part_id, out.staff = self.times.place(page, mark)
                left = mark.kind in ("tempo", "words", "rehearsal", "harmony")
                at = mark.x0 + 1.0 if left else (mark.x0 + mark.x1) / 2
                out.measure_index, out.onset_ticks = self.times.moment(page, mark.system, at)
            self._fill(out, mark, name)
            out.region.CopyFrom(region(page, mark.box))
            self.score.directions.append(out)

    def _fill(self, out: direction_pb2.Direction, mark: MarkSign, name: str) -> None:
        """What kind of direction a mark is."""
        if mark.kind == "articulation":
            kinds = (kind for prefix, kind in ARTICULATIONS if name.startswith(prefix))
            out.articulation.kind = next(kinds, direction_pb2.ARTICULATION_KIND_OTHER)
            out.articulation.glyph = mark.name
        elif mark.kind == "ornament":
            out.ornament.kind = ORNAMENTS.get(name, direction_pb2.ORNAMENT_KIND_OTHER)
            out.ornament.glyph = name
        elif mark.kind == "fermata":
            out.fermata.shape = direction_pb2.FERMATA_SHAPE_NORMAL
            if "Long" in name:
                out.fermata.shape = direction_pb2.FERMATA_SHAPE_SQUARE
            elif "Short" in name:
                out.fermata.shape = direction_pb2.FERMATA_SHAPE_ANGLED
        elif mark.kind == "dynamic":
            out.dynamic.text = name
        elif mark.kind == "harmony":
            harmony = read_symbol(name, self.german)
            if harmony is not None:
                out.harmony.CopyFrom(harmony)
        elif mark.kind == "rehearsal":
            out.rehearsal_mark.text = name
        elif mark.kind == "tempo":
            out.tempo.text = name
            if mark.detail:
                value, dots, rate = mark.detail.split()
                out.tempo.beat_type = BEATS[value]
                out.tempo.beat_dots = int(dots)
                out.tempo.beats_per_minute = float(rate)
        elif mark.kind in JUMPS:
            out.jump.kind = JUMPS[mark.kind]
            out.jump.text = "" if mark.kind == name or name.startswith(("segno", "coda")) else name
        elif mark.kind in ("breath", "caesura"):
            out.breath.caesura = mark.kind == "caesura"
        else:
            out.words.text = name
            out.words.italic, out.words.bold = "i" in mark.style, "b" in mark.style
