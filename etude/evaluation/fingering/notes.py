"""Struck notes with their fingers, whatever file they come from: tables, the PIG text format, Scores."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from etude.evaluation.files import UnreadableFileError
from etude.notation.index import ScoreIndex
from etude.notation.io import ScoreFormatError, read_score
from etude.notation.musicxml.reader import read_musicxml
from etude.notation.musicxml.tree import MusicXmlError
from etude.score.v1 import fingering_pb2, score_pb2

_FINGER = re.compile(r"[1-5](_[1-5])*")
_PITCH = re.compile(r"([A-G])([#bx]*)(-?\d+)")
_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


@dataclass(frozen=True, slots=True)
class StruckNote:
    """One struck key; what ties prolong is part of it.

    Attributes:
        onset: Quarters from the start (PIG: seconds).
        duration: In the same unit; 0 for a grace note.
        midi: The key, 60 for middle C.
        hand: "R" or "L".
        finger: "1" to "5", a substitution such as "4_5", or "" for a note without one.
        grace: Whether it is a grace note.
        staff: From 1, the upper one.
    """

    onset: Fraction
    duration: Fraction
    midi: int
    hand: str
    finger: str
    grace: bool = False
    staff: int = 1


def clean_finger(text: str) -> str:
    """A finger as it is compared: "3", "4_5"; "" for what is none.

    >>> clean_finger("4-5"), clean_finger(" 3 "), clean_finger("p")
    ('4_5', '3', '')
    """
    joined = re.sub(r"\s*[-_–]\s*", "_", text.strip())
    return joined if _FINGER.fullmatch(joined) else ""


def read_table(text: str) -> list[StruckNote]:
    """The notes of a fingering table; continuations of ties lengthen what they prolong.

    Columns: onset, duration (quarters, exact fractions), key, pitch, hand, staff, voice, measure, finger, grace,
    continuation of a tie.

    Raises:
        UnreadableFileError: A line is none of a table.
    """
    notes: list[StruckNote] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        cells = line.split("\t")
        try:
            onset, duration, midi = Fraction(cells[0]), Fraction(cells[1]), int(cells[2])
            hand, staff, finger, grace, tied = cells[4], int(cells[5]), cells[8], cells[9] == "1", cells[10] == "1"
        except (ValueError, IndexError, ZeroDivisionError) as error:
            raise UnreadableFileError(f"line {number} is no line of a fingering table") from error
        if tied:
            _prolong(notes, midi, hand, onset, onset + duration)
        else:
            notes.append(StruckNote(onset, duration, midi, hand, clean_finger(finger), grace, staff))
    return notes


def _prolong(notes: list[StruckNote], midi: int, hand: str, onset: Fraction, end: Fraction) -> None:
    for position in reversed(range(len(notes))):
        note = notes[position]
        if (note.midi, note.hand) == (midi, hand) and note.onset + note.duration == onset:
            notes[position] = replace(note, duration=end - note.onset)
            return


def read_pig(text: str) -> list[StruckNote]:
    """The notes of a file in the PIG text format (Nakamura, Saito and Yoshii, 2020).

    Columns: number, onset and offset in seconds, pitch, onset and offset velocity, channel (0 right, 1 left), finger;
    a negative finger is one of the left hand.

    Raises:
        UnreadableFileError: A line is none of the format.
    """
    notes = []
    for number, line in enumerate(text.splitlines(), 1):
        cells = line.split()
        if not cells or line.startswith("//"):
            continue
        try:
            onset, offset, midi = Fraction(cells[1]), Fraction(cells[2]), _midi(cells[3])
            hand = "L" if cells[6] == "1" else "R"
        except (ValueError, IndexError) as error:
            raise UnreadableFileError(f"line {number} is no line of the PIG format") from error
        finger = clean_finger(cells[7].replace("-", "")) if len(cells) > 7 else ""
        notes.append(StruckNote(onset, max(offset - onset, Fraction(0)), midi, hand, finger, staff=1 + (hand == "L")))
    return notes


def _midi(spelled: str) -> int:
    match = _PITCH.fullmatch(spelled)
    if match is None:
        raise ValueError(f"{spelled!r} is no pitch")
    step, signs, octave = match.groups()
    alter = signs.count("#") + 2 * signs.count("x") - signs.count("b")
    return 12 * (int(octave) + 1) + _STEPS[step] + alter


def notes_of(score: score_pb2.Score, sources: frozenset[int] | None = None) -> list[StruckNote]:
    """The notes of a Score's keyboard parts.

    Args:
        score: The Score.
        sources: Sources of fingers that count (`FingeringSource`); all when None.
    """
    index = ScoreIndex(score)
    parts = [part.part_id for part in score.parts if part.role != score_pb2.PART_ROLE_OTHER]
    notes = []
    for event in score.events:
        if event.part_id not in parts:
            continue
        for note in event.notes:
            if index.previous_tied(note.note_id) is not None:
                continue
            fingering = note.fingering
            counts = fingering.finger and (sources is None or fingering.source in sources)
            fingers = [fingering.finger, fingering.substitution] if counts else []
            upper = note.staff == 1 and event.part_id == parts[0]
            right = note.hand == fingering_pb2.HAND_RIGHT if note.hand else upper
            notes.append(
                StruckNote(
                    onset=Fraction(event.onset_ticks, score.divisions),
                    duration=Fraction(max(0, index.sounding_end(note.note_id) - event.onset_ticks), score.divisions),
                    midi=note.midi_pitch,
                    hand="R" if right else "L",
                    finger="_".join(str(finger) for finger in fingers if finger),
                    grace=event.HasField("grace"),
                    staff=1 if upper else 2,
                )
            )
    return notes


def read_file(path: Path) -> list[StruckNote]:
    """The notes of a file: a table (.tsv), PIG text (.txt), MusicXML or a Score.

    Raises:
        UnreadableFileError: It is none of them, or damaged.
        OSError: It cannot be opened.
    """
    data = path.read_bytes()
    suffix = path.suffix.lower()
    if suffix in (".tsv", ".txt"):
        text = data.decode("utf-8-sig", errors="replace")
        return read_table(text) if suffix == ".tsv" else read_pig(text)
    try:
        is_score = data[:1] == b"\n" or data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{"
        return notes_of(read_score(data) if is_score else read_musicxml(data))
    except (MusicXmlError, ScoreFormatError) as error:
        raise UnreadableFileError(str(error)) from error


def keys_struck(notes: Iterable[StruckNote]) -> list[StruckNote]:
    """The notes in time order, noteheads on one key at one time made one; graces stand by themselves."""
    kept: list[StruckNote] = []
    places: dict[tuple[Fraction, int], int] = {}
    for note in sorted(notes, key=lambda note: note.onset):
        place = None if note.grace else places.get((note.onset, note.midi))
        if place is not None:
            kept[place] = replace(kept[place], finger=kept[place].finger or note.finger)
            continue
        if not note.grace:
            places[note.onset, note.midi] = len(kept)
        kept.append(note)
    return kept
