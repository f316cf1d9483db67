"""Piano scores in Humdrum **kern as tables: the notes of two spines, the left one the lower staff and left hand.

Reads what fingering needs: onsets, durations, pitches, ties and grace notes, and the fingers of **fing spines, which
belong to the **kern spine on their left. A spine says which fingers stand at a chord, not at which of its notes: as
many fingers as keys are given in the hand's order, a lone 1 or 5 to the outer key that is theirs, others to none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from fingering_service.training.tables import COLUMNS, Table, TableNote

_SEMITONE = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
_PITCH = re.compile(r"([a-gA-G])\1*")
_FINGER = re.compile(r"[1-5](?:[-_][1-5])?")
_FINGERS = re.compile(rf"\s*{_FINGER.pattern}(?:\s+{_FINGER.pattern})*\s*")
_RECIP = re.compile(r"(\d+)(?:%(\d+))?(\.*)")


class KernError(ValueError):
    """A file that is not two-staff **kern; the message names the line."""


@dataclass(slots=True)
class _Spine:
    staff: int  # 1 upper, 2 lower, 0 for a spine that is not **kern
    voice: int
    until: Fraction = Fraction(0)
    fingers: int = 0  # of a **fing spine: the staff they belong to


def read_kern(text: str) -> Table:
    """The notes of a piano score.

    Raises:
        KernError: The file has fewer than two **kern spines, or its spines do not add up.
    """
    spines: list[_Spine] = []
    notes: list[TableNote] = []
    now = Fraction(0)
    measure = "0"
    for number, line in enumerate(text.splitlines(), 1):
        if not line or line.startswith("!"):
            continue
        tokens = line.split("\t")
        if line.startswith("**"):
            spines = _first_spines(tokens)
            continue
        if len(tokens) != len(spines):
            raise KernError(f"line {number}: {len(tokens)} tokens for {len(spines)} spines")
        if line.startswith("*"):
            spines = _after(spines, tokens)
        elif line.startswith("="):
            found = re.search(r"\d+", tokens[0])
            measure = found[0] if found else measure
        else:
            now = _data_line(spines, tokens, now, measure, notes)
    return Table({"columns": "\t".join(COLUMNS)}, tuple(notes))


def _first_spines(tokens: Sequence[str]) -> list[_Spine]:
    kern = [i for i, t in enumerate(tokens) if t == "**kern"]
    if len(kern) < 2:
        raise KernError("a piano score has two **kern spines")
    staff = {kern[0]: 2, kern[-1]: 1}
    spines = []
    for i, token in enumerate(tokens):
        left = [k for k in kern if k < i]
        spines.append(_Spine(staff.get(i, 0), 1, fingers=staff.get(left[-1], 0) if token == "**fing" and left else 0))
    return spines


def _after(spines: list[_Spine], tokens: Sequence[str]) -> list[_Spine]:
    """The spines after a line of interpretations: split, joined, added, ended."""
    result: list[_Spine] = []
    joined: _Spine | None = None
    for spine, token in zip(spines, tokens, strict=True):
        if token == "*v":
            # One file of the Chopin editions joins spines of different staves; the left one goes on.
            if joined is not None and bool(joined.staff) == bool(spine.staff):
                joined.until = max(joined.until, spine.until)
                continue
            joined = spine
            result.append(spine)
            continue
        joined = None
        if token == "*-":
            continue
        result.append(spine)
        if token == "*^":
            result.append(_Spine(spine.staff, spine.voice + 1, spine.until, spine.fingers))
        elif token == "*+":
            result.append(_Spine(0, 1))
    return result


def _data_line(
    spines: list[_Spine], tokens: Sequence[str], now: Fraction, measure: str, notes: list[TableNote]
) -> Fraction:
    """Adds the notes of a line; returns the time of the next one."""
    sounding = [s.until for s in spines if s.staff and s.until > now]
    read = [(s, t) for s, t in zip(spines, tokens, strict=True) if s.staff and t != "."]
    graces = all("q" in t.lower() for _, t in read)
    first = len(notes)
    for spine, token in read:
        notes.extend(_notes(spine, token, now, measure))
        if not graces and "q" not in token.lower():
            spine.until = now + _duration(token.split()[0])
            sounding.append(spine.until)
    for spine, token in zip(spines, tokens, strict=True):
        if spine.fingers and token != ".":
            _give_fingers(notes, range(first, len(notes)), spine.fingers, token)
    if graces or not sounding:
        return now
    return min(t for t in sounding if t > now) if any(t > now for t in sounding) else now


def _notes(spine: _Spine, token: str, now: Fraction, measure: str) -> Iterator[TableNote]:
    grace = "q" in token.lower()
    length = Fraction(0) if grace else _duration(token.split()[0])
    for part in token.split():
        found = _PITCH.search(part)
        if "r" in part or found is None:
            continue
        letters = found[0]
        octave = 3 + len(letters) if letters.islower() else 4 - len(letters)
        alter = part.count("#") - part.count("-")
        midi = 12 * (octave + 1) + _SEMITONE[letters[0].lower()] + alter
        name = letters[0].upper() + ("#" * alter if alter > 0 else "b" * -alter) + str(octave)
        tied = "_" in part or "]" in part
        hand = "R" if spine.staff == 1 else "L"
        yield TableNote(
            now, length, midi, name, hand, spine.staff, str(spine.voice), measure, "", grace, tied and not grace
        )


def _give_fingers(notes: list[TableNote], line: range, staff: int, token: str) -> None:
    """Writes the fingers of a **fing token to the notes of a line that it can only mean."""
    if not _FINGERS.fullmatch(token):
        return
    found = [f.replace("-", "_") for f in _FINGER.findall(token)]
    struck = sorted((i for i in line if notes[i].staff == staff and not notes[i].tied), key=lambda i: notes[i].midi)
    if len({notes[i].midi for i in struck}) != len(struck) or not struck:
        return
    outward = struck if staff == 1 else struck[::-1]  # from the thumb's side
    if len(found) == len(struck):
        chosen = zip(outward, sorted(found), strict=True) if len(found) > 1 else [(struck[0], found[0])]
    elif len(found) == 1 and found[0] in ("1", "5"):
        chosen = [(outward[0] if found[0] == "1" else outward[-1], found[0])]
    else:
        return
    for index, finger in chosen:
        notes[index] = replace(notes[index], finger=finger)


def _duration(token: str) -> Fraction:
    found = _RECIP.search(token)
    if found is None:
        return Fraction(0)
    digits, divisor, dots = found.groups()
    whole = Fraction(2 ** len(digits)) if set(digits) == {"0"} else Fraction(int(divisor or 1), int(digits))
    return 4 * whole * (2 - Fraction(1, 2 ** len(dots)))
