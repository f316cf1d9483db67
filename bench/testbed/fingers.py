"""Printed fingers for a MusicXML score, as editions print them, so that reading them can be measured."""

from __future__ import annotations

import random
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ENOUGH = 20
"""Fingers from which on a score's own are kept and none are added."""


@dataclass(frozen=True)
class Manner:
    """How an edition prints fingers.

    Attributes:
        share: Share of the chords and notes that bear any.
        whole_chords: Share of the chords of which all notes bear one, not just an outer one.
        substitutions: Share of the fingers that another one replaces while the key is held ("4-3").
        turned: Share of the chords whose fingers are on the side away from the usual one.
    """

    share: float
    whole_chords: float
    substitutions: float
    turned: float


def draw_manner(rng: random.Random) -> Manner:
    """Sparse as in a performer's edition, or dense as in a book of studies."""
    return Manner(
        rng.choice([0.15, 0.35, 0.7, 1.0]),
        rng.choice([0.5, 0.9, 1.0]),
        rng.choice([0.0, 0.03, 0.08]),
        rng.choice([0.0, 0.0, 0.1]),
    )


def add_fingers(musicxml: Path, rng: random.Random) -> int:
    """Writes fingers into a file that has hardly any; returns how many it has then."""
    tree = ET.parse(musicxml)
    own = sum(1 for _ in tree.getroot().iter("fingering"))
    if own >= ENOUGH:
        return own
    manner = draw_manner(rng)
    for measure in tree.getroot().iter("measure"):
        voices = sorted({(n.findtext("staff", "1"), n.findtext("voice", "1")) for n in measure.findall("note")})
        for chord in _chords(measure):
            if rng.random() < manner.share:
                own += _finger_chord(chord, voices, manner, rng)
    tree.write(musicxml, encoding="utf-8", xml_declaration=True)
    return own


def _chords(measure: ET.Element) -> Iterator[list[ET.Element]]:
    """Notes struck together in one voice, without those that a tie goes on from and without hidden ones."""
    chord: list[ET.Element] = []
    for note in measure.findall("note"):
        if note.find("chord") is None and chord:
            yield chord
            chord = []
        tied = any(tie.get("type") == "stop" for tie in note.findall("tie"))
        bears = note.find("notations/technical/fingering") is not None
        if note.find("pitch") is not None and not tied and not bears and note.get("print-object") != "no":
            chord.append(note)
    if chord:
        yield chord


def _height(note: ET.Element) -> int:
    return 7 * int(note.findtext("pitch/octave", "4")) + "CDEFGAB".index(note.findtext("pitch/step", "C"))


def _finger_chord(chord: list[ET.Element], voices: list[tuple[str, str]], manner: Manner, rng: random.Random) -> int:
    """Writes fingers at a chord: over the upper staff and under the lower one; where a staff has several voices, over
    the first and under the others."""
    notes = sorted(chord, key=_height)[:5]
    left = chord[0].findtext("staff", "1") == "2"
    if len(notes) > 1 and rng.random() >= manner.whole_chords:
        # the outer note alone, with a finger that leaves one for each of the others
        fingers = [rng.randint(len(notes), 5)]
        notes = [notes[0] if left else notes[-1]]
    else:
        fingers = sorted(rng.sample(range(1, 6), len(notes)), reverse=left)
    above = left == (rng.random() < manner.turned)
    own = [voice for staff, voice in voices if staff == chord[0].findtext("staff", "1")]
    if len(own) > 1:
        above = chord[0].findtext("voice", "1") == own[0]
    for note, finger in zip(notes, fingers, strict=True):
        text = str(finger)
        if len(notes) == 1 and rng.random() < manner.substitutions:
            text = f"{finger}-{rng.choice([f for f in range(1, 6) if f != finger])}"
        notations = note.find("notations")
        if notations is None:
            notations = ET.Element("notations")
            after = [k for k, child in enumerate(note) if child.tag in ("lyric", "play", "listen")]
            note.insert(after[0] if after else len(note), notations)
        technical = notations.find("technical")
        if technical is None:
            technical = ET.SubElement(notations, "technical")
        ET.SubElement(technical, "fingering", placement="above" if above else "below").text = text
    return len(notes)
