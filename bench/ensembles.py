"""Pages of other music than piano music, as people send them all the same: a lead sheet, a song, organ, a quartet, an
orchestra. Written as MusicXML by chance and engraved by the renderer.

`ENSEMBLES` names the kinds; `engraved` gives the PDF of one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from renderer_service.engraving.pdf import pdf_bytes
from renderer_service.engraving.svg import svg_pages

_STEPS = "CDEFGAB"
_CHORDS = (("C", "major"), ("A", "minor"), ("F", "major-seventh"), ("G", "dominant"), ("D", "minor-seventh"))
_WORDS = ("the", "wind", "that", "blows", "a", "way", "my", "song", "will", "car", "ry", "it", "back", "home")
_RHYTHMS = ((2, 2, 2, 2), (4, 2, 2), (2, 2, 4), (8,), (4, 4), (3, 1, 4), (1, 1, 2, 2, 2))
"""Bars of four quarters in eighths."""
_TYPES = {1: ("eighth", 0), 2: ("quarter", 0), 3: ("quarter", 1), 4: ("half", 0), 8: ("whole", 0)}


@dataclass(frozen=True, slots=True)
class Voice:
    """A part of a kind.

    Attributes:
        name: Its name in front of the first system.
        clefs: A clef, G2, C3 or F4, for each of its staves.
        middle: Diatonic step, counted from C0, that its notes lie around, for each staff.
        chords: Names of chords stand over it.
        words: Words stand under it.
    """

    name: str
    clefs: tuple[str, ...]
    middle: tuple[int, ...]
    chords: bool = False
    words: bool = False


def _one(name: str, clef: str, middle: int) -> Voice:
    return Voice(name, (clef,), (middle,))


_PIANO = Voice("Piano", ("G2", "F4"), (35, 22))
ENSEMBLES: Mapping[str, tuple[Voice, ...]] = {
    "lead-sheet": (Voice("", ("G2",), (33,), chords=True, words=True),),
    "song": (Voice("Voice", ("G2",), (33,), words=True), _PIANO),
    "organ": (Voice("Organ", ("G2", "F4"), (34, 23)), _one("Pedal", "F4", 20)),
    "quartet": (
        _one("Violin I", "G2", 36),
        _one("Violin II", "G2", 34),
        _one("Viola", "C3", 28),
        _one("Violoncello", "F4", 21),
    ),
    "orchestra": (
        *(_one(name, "G2", 35) for name in ("Flutes", "Oboes", "Clarinets")),
        _one("Bassoons", "F4", 22),
        *(_one(name, "G2", 33) for name in ("Horns", "Trumpets")),
        *(_one(name, "F4", 21) for name in ("Trombones", "Timpani")),
        *(_one(name, "G2", 35) for name in ("Violins I", "Violins II")),
        _one("Violas", "C3", 28),
        *(_one(name, "F4", 21) for name in ("Cellos", "Basses")),
    ),
}
"""Parts of each kind of page."""


def engraved(kind: str, measures: int = 24, seed: int = 1) -> bytes:
    """A PDF of music of a kind, whose notes chance has chosen."""
    return pdf_bytes(svg_pages(musicxml(ENSEMBLES[kind], measures, np.random.default_rng(seed)).encode()))


def musicxml(voices: tuple[Voice, ...], measures: int, rng: np.random.Generator) -> str:
    """A MusicXML document of some parts in common time."""
    names = "".join(
        f'<score-part id="P{n}"><part-name>{voice.name}</part-name></score-part>' for n, voice in enumerate(voices)
    )
    parts = "".join(
        f'<part id="P{n}">{"".join(_measure(voice, m, rng) for m in range(measures))}</part>'
        for n, voice in enumerate(voices)
    )
    return f'<score-partwise version="4.0"><part-list>{names}</part-list>{parts}</score-partwise>'


def _measure(voice: Voice, number: int, rng: np.random.Generator) -> str:
    head = ""
    if number == 0:
        clefs = "".join(
            f'<clef number="{n}"><sign>{clef[0]}</sign><line>{clef[1]}</line></clef>'
            for n, clef in enumerate(voice.clefs, 1)
        )
        staves = f"<staves>{len(voice.clefs)}</staves>" if len(voice.clefs) > 1 else ""
        time = "<time><beats>4</beats><beat-type>4</beat-type></time>"
        head = f"<attributes><divisions>2</divisions><key><fifths>1</fifths></key>{time}{staves}{clefs}</attributes>"
    if voice.chords:
        step, kind = _CHORDS[int(rng.integers(len(_CHORDS)))]
        head += f"<harmony><root><root-step>{step}</root-step></root><kind>{kind}</kind></harmony>"
    back = "<backup><duration>8</duration></backup>"
    staves = back.join(_bar(voice, staff, rng) for staff in range(len(voice.clefs)))
    return f'<measure number="{number + 1}">{head}{staves}</measure>'


def _bar(voice: Voice, staff: int, rng: np.random.Generator) -> str:
    """The notes of a bar of one staff."""
    if not voice.words and rng.random() < 0.15:
        return _note("<rest/>", 8, staff, "")
    step = voice.middle[staff]
    notes = ""
    for eighths in _RHYTHMS[int(rng.integers(len(_RHYTHMS)))]:
        step += int(rng.integers(-2, 3))
        step += int(np.sign(voice.middle[staff] - step)) if abs(step - voice.middle[staff]) > 4 else 0
        pitch = f"<pitch><step>{_STEPS[step % 7]}</step><octave>{step // 7}</octave></pitch>"
        word = f"<lyric><text>{_WORDS[int(rng.integers(len(_WORDS)))]}</text></lyric>" if voice.words else ""
        notes += _note(pitch, eighths, staff, word)
    return notes


def _note(what: str, eighths: int, staff: int, word: str) -> str:
    name, dots = _TYPES[eighths]
    where = f"<voice>{staff + 1}</voice><type>{name}</type>{'<dot/>' * dots}<staff>{staff + 1}</staff>"
    return f"<note>{what}<duration>{eighths}</duration>{where}{word}</note>"
