"""Fingering tables: one struck or tied note per line, with the finger an edition prints where it prints one.

The columns are named in the file's last header line: onset and duration (quarter notes, exact fractions), MIDI pitch,
spelled pitch, hand (R or L), staff, voice, measure, finger, grace (0 or 1), tie_continuation (0 or 1). An empty finger
means that the edition prints none.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from fingering_service.lines import MAX_KEYS, Line, Strike, build_line

COLUMNS = (
    "onset", "duration", "midi", "pitch", "hand", "staff", "voice", "measure", "finger", "grace", "tie_continuation",
)  # fmt: skip

_FINGER = re.compile(r"[1-5](_[1-5])*")


@dataclass(frozen=True, slots=True)
class TableNote:
    """A line of a table. `finger` is "" or "3" or, for a substitution, "4_5"."""

    onset: Fraction
    duration: Fraction
    midi: int
    spelled: str
    hand: str
    staff: int
    voice: str
    measure: str
    finger: str
    grace: bool
    tied: bool


@dataclass(frozen=True, slots=True)
class Table:
    """A piece: its header lines by key, and its notes in the file's order."""

    header: dict[str, str]
    notes: tuple[TableNote, ...]


def read_table(path: Path) -> Table:
    """The table in a file."""
    header: dict[str, str] = {}
    notes = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            key, _, value = line[1:].partition(":")
            header[key.strip()] = value.strip()
        elif line.strip():
            c = line.split("\t")
            finger = c[8] if _FINGER.fullmatch(c[8]) else ""
            notes.append(
                TableNote(
                    Fraction(c[0]), Fraction(c[1]), int(c[2]), c[3], c[4], int(c[5]), c[6], c[7], finger,
                    c[9] == "1", c[10] == "1",
                )
            )  # fmt: skip
    return Table(header, tuple(notes))


def table_text(table: Table, fingers: Sequence[int]) -> list[str]:
    """The lines of a file that holds `table` with `fingers` (1-5, 0 for none) in place of its own."""
    lines = [f"# {key}: {value}" for key, value in table.header.items()]
    for note, finger in zip(table.notes, fingers, strict=True):
        cells = (
            note.onset, note.duration, note.midi, note.spelled, note.hand, note.staff, note.voice, note.measure,
            finger or "", int(note.grace), int(note.tied),
        )  # fmt: skip
        lines.append("\t".join(map(str, cells)))
    return lines


def write_table(path: Path, table: Table, fingers: Sequence[int]) -> None:
    """Writes `table` with `fingers` (1-5, 0 for none) in place of its own."""
    path.write_text("\n".join(table_text(table, fingers)) + "\n", encoding="utf-8")


def table_lines(table: Table, max_span: int) -> list[Line]:
    """The lines of both hands, right hand first; strikes name notes by their index in the table."""
    hands = _playing_hands(table)
    return [
        build_line(_strikes(table, hands, hand), right=hand == "R", max_span=max_span) for hand in "RL" if hand in hands
    ]


def _playing_hands(table: Table) -> list[str]:
    """The hand of each note: the table's, but keys of both at once are left to one if the other has too many."""
    hands = [n.hand for n in table.notes]
    together: dict[Fraction, list[int]] = defaultdict(list)
    for index, note in enumerate(table.notes):
        if not note.grace and not note.tied:
            together[note.onset].append(index)
    for indices in together.values():
        for hand in "RL":
            keys = {table.notes[i].midi for i in indices if hands[i] == hand}
            elsewhere = {table.notes[i].midi for i in indices if hands[i] not in ("", hand)}
            for key in sorted(keys & elsewhere, reverse=hand == "L"):
                if len(keys) > MAX_KEYS:
                    keys.discard(key)
                    for i in indices:
                        if table.notes[i].midi == key and hands[i] == hand:
                            hands[i] = "L" if hand == "R" else "R"
    return hands


def _strikes(table: Table, hands: Sequence[str], hand: str) -> Iterable[Strike]:
    open_ties: dict[int, int] = {}  # pitch -> index in `strikes` of the strike that a continuation would prolong
    strikes: list[Strike] = []
    graces: dict[Fraction, int] = {}
    for index, note in enumerate(table.notes):
        if hands[index] != hand:
            continue
        if note.tied and note.midi in open_ties:
            at = open_ties[note.midi]
            if strikes[at].end >= note.onset:
                end = max(strikes[at].end, note.onset + note.duration)
                strikes[at] = replace(strikes[at], end=end, notes=(*strikes[at].notes, index))
                continue
        order = graces.get(note.onset, 0) if note.grace else 0
        if note.grace:
            graces[note.onset] = order + 1
        else:
            open_ties[note.midi] = len(strikes)
        strikes.append(Strike((index,), note.midi, note.onset, note.onset + note.duration, note.grace, False, order))
    return strikes
