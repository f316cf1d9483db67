"""The pitches of a piece's notes: clefs tell the letters, accidentals, keys and ties the alterations."""

from __future__ import annotations

from fractions import Fraction

from omr_service.assembler.music import NoteSign
from omr_service.assembler.page.accidentals import LETTERS, AccidentalState
from omr_service.assembler.page.signatures import ClefSign
from omr_service.assembler.piece.draft import KEYBOARD, ClefChange, JoinedMeasure, Key, PitchReading, Place, ScoreDraft
from omr_service.assembler.piece.grace_notes import grace_onset
from omr_service.assembler.piece.ties import find_ties

DEFAULT_CLEFS = (("g", 2), ("f", 4))


def step_pitches(draft: ScoreDraft) -> None:
    """Clefs, ties and pitches together: a clef tells a position's letter, an accidental or a tie its alteration."""
    clefs: dict[Place, ClefSign] = {}
    diatonics: dict[Key, int] = {}
    for i, measure in enumerate(draft.measures):
        _clef_changes(draft, i, measure, clefs)
        _letters(draft, measure, clefs, diatonics)
        for c in measure.signs.clefs:
            clefs[draft.place(measure, c.staff)] = c
    for measure in draft.measures:
        _alterations(draft, measure, diatonics, {})
    ties = find_ties(draft, diatonics)
    draft.ties = [t for t, _ in ties]
    tied_to = {t.end: t.start for t, _ in ties if t.end is not None and t.start is not None}
    for measure in draft.measures:
        _alterations(draft, measure, diatonics, tied_to)


def _clef_changes(draft: ScoreDraft, index: int, measure: JoinedMeasure, clefs: dict[Place, ClefSign]) -> None:
    """Records clefs that differ from the one in force."""
    current = dict(clefs)
    timings = measure.rhythm.timings
    for clef in measure.signs.clefs:
        place = draft.place(measure, clef.staff)
        before = current.get(place)
        if before is not None and (before.sign, before.line, before.octave) == (clef.sign, clef.line, clef.octave):
            continue
        current[place] = clef
        after = [
            timings[e.index].onset
            for e in measure.signs.elements
            if e.index in timings and e.staff == clef.staff and e.x > clef.x0 and not timings[e.index].whole_bar
        ]
        whole = any(
            e.index in timings and e.staff == clef.staff and timings[e.index].whole_bar for e in measure.signs.elements
        )
        onset = min(after, default=Fraction(0) if before is None else measure.rhythm.length)
        if whole and not after:
            early = clef.x0 < (measure.signs.x0 + measure.signs.x1) / 2
            onset = Fraction(0) if early else measure.rhythm.length
        if before is None:
            onset = Fraction(0)
        target = index
        if onset >= measure.rhythm.length and index + 1 < len(draft.measures):
            target, onset = index + 1, Fraction(0)
        # one that another replaces before anything sounds takes no effect
        draft.clefs = [c for c in draft.clefs if (c.place, c.measure, c.onset) != (place, target, onset)]
        draft.clefs.append(ClefChange(place, target, onset, clef, measure.page.page_number))


def _letters(
    draft: ScoreDraft, measure: JoinedMeasure, clefs: dict[Place, ClefSign], diatonics: dict[Key, int]
) -> None:
    """Diatonic numbers of all notes of a measure."""
    for element in measure.signs.elements:
        for note in element.notes:
            place = draft.place(measure, note.staff)
            clef = clefs.get(place)
            for change in measure.signs.clefs:
                if draft.place(measure, change.staff) == place and change.x0 < (note.box.x0 + note.box.x1) / 2:
                    clef = change
            if clef is None:
                sign, line = DEFAULT_CLEFS[min(place[1], 2) - 1 if place[0] == KEYBOARD else 0]
                clef = ClefSign(note.staff, 0, 0, sign, line, 0, note.box)
            diatonics[measure.key(note.head)] = clef.diatonic(note.step)


def _alterations(draft: ScoreDraft, measure: JoinedMeasure, diatonics: dict[Key, int], tied_to: dict[Key, Key]) -> None:
    """Written pitches of a measure's notes."""
    states: dict[Place, AccidentalState] = {}
    rows: list[tuple[tuple[Fraction, int, float, bool], Key, NoteSign, Place]] = []
    for element in measure.signs.elements:
        timing = measure.rhythm.timings.get(element.index)
        onset = timing.onset if timing else grace_onset(measure, element)
        for note in element.notes:
            place = draft.place(measure, note.staff)
            order = (onset, 0 if timing is None else 1, element.x if timing is None else 0.0, note.accidental is None)
            rows.append((order, measure.key(note.head), note, place))
    rows.sort(key=lambda r: (r[0], r[1]))
    for _, key, note, place in rows:
        state = states.setdefault(place, AccidentalState(measure.fifths))
        octave, letter = diatonics[key] // 7, LETTERS[diatonics[key] % 7]
        printed = note.accidental.name if note.accidental else None
        alter = state.alter(letter, octave, printed)
        start = tied_to.get(key)
        if printed is None and start is not None and start in draft.pitches:
            alter = draft.pitches[start].alter
        draft.pitches[key] = PitchReading(letter, alter, octave)
