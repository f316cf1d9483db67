"""Fingers tables by pianoplayer (PyPI, MIT licence), in an environment of its own: no import of Étude here.

    python bench/pianoplayer_worker.py < tables.json > answers.json

In: a list of pieces, each a list of notes {"onset", "duration" (quarter notes), "midi", "spelled", "hand"}, struck
notes only, in any order. Out: {"fingers": [[1-5 or 0, ...], ...], "cpu_seconds": [...]}, one entry for each piece.

Notes are handed over as pianoplayer's own MusicXML reader makes them: chords from the lowest key up, 0.05 s apart, keys
placed by their names. Grace notes, which that reader leaves out, stay without fingers.
"""

from __future__ import annotations

import json
import re
import sys
import time
from itertools import groupby
from typing import Any

from pianoplayer.hand import Hand
from pianoplayer.models import INote, keypos

STAGGER = 0.05


def spelled_name(note: dict[str, Any]) -> tuple[str, int]:
    """The name, as pianoplayer writes it, and the octave of a note; double accidentals go by the key they strike."""
    found = re.fullmatch(r"([A-G])([#bx]*)(-?\d+)", note["spelled"])
    if found is None:
        raise ValueError(f"{note['spelled']!r} is no pitch")
    step, signs, octave = found.groups()
    if signs in ("", "#", "b"):
        return step + signs.replace("b", "-"), int(octave)
    names = ("C", "C#", "D", "E-", "E", "F", "F#", "G", "G#", "A", "B-", "B")
    return names[note["midi"] % 12], note["midi"] // 12 - 1


def fingered(notes: list[dict[str, Any]], side: str) -> list[tuple[int, int]]:
    """(index of the note, finger) for one hand."""
    sequence = []
    for _, group in groupby(notes, key=lambda n: n["onset"]):
        chord = list(group)
        for place, note in enumerate(chord):
            made = INote()
            made.name, made.octave = spelled_name(note)
            made.pitch = note["midi"]
            made.isBlack = note["midi"] % 12 in (1, 3, 6, 8, 10)
            made.x = keypos(made)
            made.noteID = note["index"]
            made.isChord = len(chord) > 1
            made.chordnr, made.NinChord = place, len(chord)
            made.time = note["onset"] - STAGGER * (len(chord) - place - 1)
            made.duration = note["duration"] + STAGGER * (len(chord) - 1)
            sequence.append(made)
    if len(sequence) < 2:
        return []
    hand = Hand(sequence, side=side)
    hand.autodepth = True
    hand.generate()
    return [(note.noteID, int(note.fingering)) for note in sequence]


def main() -> None:
    """Reads, fingers, writes."""
    answers: dict[str, list[Any]] = {"fingers": [], "cpu_seconds": []}
    for notes in json.load(sys.stdin):
        for index, note in enumerate(notes):
            note["index"] = index
        begin = time.process_time()
        fingers = [0] * len(notes)
        for letter, side in (("R", "right"), ("L", "left")):
            own = sorted(
                (n for n in notes if n["hand"] == letter and n["duration"] > 0), key=lambda n: (n["onset"], n["midi"])
            )
            for index, finger in fingered(own, side):
                fingers[index] = finger if 1 <= finger <= 5 else 0
        answers["fingers"].append(fingers)
        answers["cpu_seconds"].append(time.process_time() - begin)
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
