"""The PIG text format: one note per line, as in the PIG data set of Nakamura, Saito and Yoshii (2020).

Columns, separated by white space: id, onset and offset (seconds), spelled pitch, onset and offset velocity, channel
(0 right hand, 1 left), finger (1 to 5, of the left hand -1 to -5, a substitution as 4_5; may be missing). Étude does
not come with the data set, whose licence does not allow it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from fingering_service.training.tables import Table, TableNote

_SEMITONE = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_PITCH = re.compile(r"([A-G])([#bx]*)(-?\d+)")
_TOGETHER = Fraction(3, 100)
"""Seconds within which notes of one hand count as one chord."""


class PigError(ValueError):
    """A line that is not one of the format; the message names it."""


def midi_of(spelled: str) -> int:
    """MIDI key of a pitch such as C#4, Bb3 or Fx5.

    Raises:
        PigError: It is no pitch.
    """
    found = _PITCH.fullmatch(spelled)
    if found is None:
        raise PigError(f"{spelled!r} is no pitch")
    step, signs, octave = found.groups()
    alter = signs.count("#") + 2 * signs.count("x") - signs.count("b")
    return 12 * (int(octave) + 1) + _SEMITONE[step] + alter


def read_pig(text: str) -> Table:
    """The notes of a file, in its order; times are seconds in place of quarter notes.

    Onsets of one hand less than 30 milliseconds apart are made one: what was recorded as a chord is one.

    Raises:
        PigError: A line is not of the format.
    """
    notes: list[TableNote] = []
    last: dict[str, Fraction] = {}
    for number, line in enumerate(text.splitlines(), 1):
        cells = line.split()
        if not cells or line.startswith("//"):
            continue
        if len(cells) < 7:
            raise PigError(f"line {number}: {len(cells)} columns of at least 7")
        hand = "L" if cells[6] == "1" else "R"
        struck, offset = Fraction(cells[1]), Fraction(cells[2])
        onset = last[hand] if hand in last and struck - last[hand] < _TOGETHER else struck
        last[hand] = onset
        finger = cells[7].replace("-", "") if len(cells) > 7 else ""
        staff = 1 if hand == "R" else 2
        duration = max(offset - onset, Fraction(1, 1000))
        notes.append(
            TableNote(onset, duration, midi_of(cells[3]), cells[3], hand, staff, "1", "1", finger, False, False)
        )
    return Table({"format": "PIG"}, tuple(notes))


def write_pig(path: Path, source: str, fingers: Sequence[int]) -> None:
    """Writes the lines of `source`, a PIG file's text, with other fingers (1-5) in their last column."""
    lines = []
    position = 0
    for line in source.splitlines():
        cells = line.split()
        if cells and not line.startswith("//"):
            sign = "-" if cells[6] == "1" else ""
            line = "\t".join([*cells[:7], f"{sign}{fingers[position]}"])
            position += 1
        lines.append(line)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
