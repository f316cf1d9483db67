"""Marks for a MusicXML score, as dense as pages with many of them, so that reading each kind can be measured.

Where the scores of the bed hold a kind by the dozen (slurs, articulations), nothing is added; the others are rare in
them: pedals as signs and as lines, octave lines, hairpins over barlines, long trills, arpeggios over both staves and
with arrows, glissandi, notes left to ring, fermatas over barlines, tremolos, and what is no music but stands near it
(chord symbols, lyrics, numbers of strings).
"""

from __future__ import annotations

import random
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ARTICULATIONS = ("staccato", "tenuto", "accent", "strong-accent", "staccatissimo")
ORNAMENTS = ("trill-mark", "turn", "inverted-turn", "mordent", "inverted-mordent")
DYNAMICS = ("p", "f", "pp", "ff", "mf", "mp", "sf", "sfz", "fz", "fp", "ppp", "fff", "rfz")
WORDS = ("dolce", "legato", "poco rit.", "a tempo", "con fuoco", "leggiero", "ten.", "espress.", "m.d.", "sempre")
TEMPI = ("Allegro", "Andante con moto", "Più mosso", "Tempo I", "Presto")
CHORDS = (("C", "", "major"), ("G", "7", "dominant"), ("A", "m", "minor"), ("D", "m7", "minor-seventh"))
SYLLABLES = ("la", "mi", "ve", "sol", "Ky", "A", "men", "ri")
_AFTER_NOTATIONS = ("lyric", "play", "listen")


@dataclass(frozen=True)
class Manner:
    """How often a page has each kind: per chord where a chord bears it, per measure where a stretch of time does.

    Attributes:
        on_chords: Articulations, ornaments, arpeggios, fermatas, tremolos, notes left to ring.
        spans: Hairpins, pedals, octave lines, long trills, glissandi.
        words: Dynamics, words, tempi.
        pedal_line: Whether pedals are drawn as lines.
        beside: Which of "harmony", "lyric" and "string" stand near the notes; empty for none.
    """

    on_chords: float
    spans: float
    words: float
    pedal_line: bool
    beside: str


@dataclass(frozen=True)
class _Chord:
    """Notes struck together in one voice.

    Attributes:
        notes: Its `note` elements.
        measure: The measure it stands in.
        bar: Position of that in the part.
        onset, duration: In divisions, from the start of the measure.
        divisions: Divisions to a quarter.
    """

    notes: tuple[ET.Element, ...]
    measure: ET.Element
    bar: int
    onset: int
    duration: int
    divisions: int

    @property
    def voice(self) -> tuple[str, str]:
        """Staff and voice."""
        return self.notes[0].findtext("staff", "1"), self.notes[0].findtext("voice", "1")


def draw_manner(rng: random.Random) -> Manner:
    """A manner for one piece."""
    return Manner(
        rng.choice([0.01, 0.03, 0.06]),
        rng.choice([0.1, 0.2, 0.35]),
        rng.choice([0.1, 0.25]),
        rng.random() < 0.5,
        rng.choice(["", "", "", "harmony", "lyric", "string"]),
    )


def add_marks(musicxml: Path, rng: random.Random) -> None:
    """Writes marks into a file."""
    tree = ET.parse(musicxml)
    manner = draw_manner(rng)
    for part in tree.getroot().iter("part"):
        own = set(part.iter("direction"))
        chords = list(_chords(part))
        sounding = [c for c in chords if c.notes[0].find("rest") is None]
        for chord in sounding:
            _mark_chord(chord, manner, rng)
        _roll_across(sounding, manner, rng)
        voices: dict[tuple[str, str], list[_Chord]] = {}
        for chord in chords:
            voices.setdefault(chord.voice, []).append(chord)
        firsts = {staff: min(v for s, v in voices if s == staff) for staff, _ in voices}
        for staff, voice in sorted(firsts.items()):
            alone = {c.bar for c in chords if c.voice[0] == staff} - {
                c.bar for c in chords if c.voice[0] == staff and c.voice[1] != voice
            }
            _add_spans(voices[staff, voice], staff, alone, manner, rng)
        _take_back(part, own)
        for measure in part.findall("measure"):
            if rng.random() < manner.spans / 8:
                barline = ET.SubElement(measure, "barline", location="right")
                ET.SubElement(barline, "fermata", type="upright")
    tree.write(musicxml, encoding="utf-8", xml_declaration=True)


def _chords(part: ET.Element) -> Iterator[_Chord]:
    """The chords and rests of a part without grace notes and what is not printed."""
    divisions = 1
    for bar, measure in enumerate(part.findall("measure")):
        divisions = int(measure.findtext("attributes/divisions", str(divisions)))
        at = 0
        own: list[ET.Element] = []
        start = length = 0
        for child in [*measure, ET.Element("end")]:
            if child.tag == "note" and child.find("chord") is not None:
                own.append(child)
                continue
            if own:
                yield _Chord(tuple(own), measure, bar, start, length, divisions)
                own = []
            duration = int(child.findtext("duration", "0"))
            if child.tag in ("backup", "forward"):
                at += duration if child.tag == "forward" else -duration
            elif child.tag == "note" and child.find("grace") is None:
                if child.get("print-object") != "no":
                    own, start, length = [child], at, duration
                at += duration


def _notations(note: ET.Element) -> ET.Element:
    found = note.find("notations")
    if found is None:
        found = ET.Element("notations")
        after = [k for k, child in enumerate(note) if child.tag in _AFTER_NOTATIONS]
        note.insert(after[0] if after else len(note), found)
    return found


def _group(note: ET.Element, name: str) -> ET.Element:
    notations = _notations(note)
    found = notations.find(name)
    return found if found is not None else ET.SubElement(notations, name)


def _has(chord: _Chord, path: str) -> bool:
    return any(note.find(path) is not None for note in chord.notes)


def _mark_chord(chord: _Chord, manner: Manner, rng: random.Random) -> None:
    first = chord.notes[0]
    if rng.random() < manner.on_chords:
        ET.SubElement(_group(first, "articulations"), rng.choice(ARTICULATIONS))
    if rng.random() < manner.on_chords and not _has(chord, "notations/ornaments"):
        ET.SubElement(_group(first, "ornaments"), rng.choice(ORNAMENTS))
    if rng.random() < manner.on_chords / 3:
        ET.SubElement(_notations(first), "fermata", type=rng.choice(("upright", "upright", "inverted")))
    plain = not _has(chord, "notations/ornaments") and not _has(chord, "beam") and not _has(chord, "tie")
    if rng.random() < manner.on_chords / 2 and plain:
        ET.SubElement(_group(first, "ornaments"), "tremolo", type="single").text = rng.choice("123")
    elif rng.random() < manner.on_chords and plain and chord.duration >= chord.divisions:
        for note in chord.notes:
            ET.SubElement(_notations(note), "tied", type="let-ring")
    if len(chord.notes) > 2 and rng.random() < 5 * manner.on_chords:
        _roll(chord, rng.choice(["", "", "up", "down"]))
    if manner.beside == "harmony" and chord.onset == 0 and first.findtext("staff", "1") == "1":
        chord.measure.insert(list(chord.measure).index(first), _harmony(rng))
    elif manner.beside == "lyric" and first.findtext("staff", "1") == "1":
        lyric = ET.SubElement(first, "lyric")
        ET.SubElement(lyric, "syllabic").text = "single"
        ET.SubElement(lyric, "text").text = rng.choice(SYLLABLES)
    elif manner.beside == "string" and rng.random() < 0.2:
        ET.SubElement(_group(first, "technical"), "string").text = rng.choice("12345")


def _harmony(rng: random.Random) -> ET.Element:
    step, text, kind = rng.choice(CHORDS)
    harmony = ET.Element("harmony")
    ET.SubElement(ET.SubElement(harmony, "root"), "root-step").text = step
    ET.SubElement(harmony, "kind", text=text).text = kind
    return harmony


def _roll(chord: _Chord, direction: str, **attributes: str) -> None:
    for note in chord.notes:
        if note.find("notations/arpeggiate") is None:
            sign = ET.SubElement(_notations(note), "arpeggiate", attributes)
            if direction:
                sign.set("direction", direction)


def _roll_across(chords: Sequence[_Chord], manner: Manner, rng: random.Random) -> None:
    """Chords of both staves struck together, rolled as one."""
    at: dict[tuple[int, int], list[_Chord]] = {}
    for chord in chords:
        at.setdefault((chord.bar, chord.onset), []).append(chord)
    for together in at.values():
        if len({c.voice[0] for c in together}) > 1 and rng.random() < manner.on_chords:
            for chord in together:
                _roll(chord, "", number="2")


def _take_back(part: ET.Element, own: set[ET.Element]) -> None:
    """Takes away added lines of a kind that the score has itself: they would lie over each other."""
    for name in ("wedge", "pedal", "octave-shift"):
        if any(direction.find(f"direction-type/{name}") is not None for direction in own):
            for measure in part.findall("measure"):
                for direction in measure.findall("direction"):
                    if direction not in own and direction.find(f"direction-type/{name}") is not None:
                        measure.remove(direction)


def _direction(name: str, staff: str, above: bool, **attributes: str) -> ET.Element:
    direction = ET.Element("direction", placement="above" if above else "below")
    kind = ET.SubElement(direction, "direction-type")
    ET.SubElement(kind, name, {key.replace("_", "-"): value for key, value in attributes.items()})
    ET.SubElement(direction, "staff").text = staff
    return direction


def _before(chord: _Chord, direction: ET.Element) -> None:
    chord.measure.insert(list(chord.measure).index(chord.notes[0]), direction)


def _after(chord: _Chord, direction: ET.Element) -> None:
    chord.measure.insert(list(chord.measure).index(chord.notes[-1]) + 1, direction)


def _add_spans(chords: Sequence[_Chord], staff: str, alone: set[int], manner: Manner, rng: random.Random) -> None:
    """Stretches of time in the first voice of a staff; none begins before another of its kind is over."""
    free = {"hairpin": 0, "pedal": 0, "octave": 0, "trill": 0, "glissando": 0, "words": 0}
    bars = sorted({c.bar for c in chords})
    share = manner.spans * max(len(bars), 1) / max(len(chords), 1)
    for k, chord in enumerate(chords):
        rest = chord.notes[0].find("rest") is not None
        last = min(k + rng.randint(1, 9), len(chords) - 1)
        if k >= free["hairpin"] and not rest and last > k and rng.random() < share:
            kind = rng.choice(("crescendo", "diminuendo"))
            _before(chord, _direction("wedge", staff, False, type=kind))
            _after(chords[last], _direction("wedge", staff, False, type="stop"))
            free["hairpin"] = last + 1
        if staff == "2" and k >= free["pedal"] and last > k and rng.random() < 1.5 * share:
            line = {"line": "yes", "sign": "no"} if manner.pedal_line else {"line": "no", "sign": "yes"}
            _before(chord, _direction("pedal", staff, False, type="start", **line))
            if manner.pedal_line and last - k > 3 and rng.random() < 0.5:
                _before(chords[k + 2], _direction("pedal", staff, False, type="change", **line))
            _after(chords[last], _direction("pedal", staff, False, type="stop", **line))
            free["pedal"] = last + 1
        if k >= free["octave"] and last > k and rng.random() < share:
            _add_octave_line(chords[k : last + 1], staff, alone)
            free["octave"] = last + 1
        following = chords[k + 1] if k + 1 < len(chords) else None
        if k >= free["trill"] and not rest and following and not _has(chord, "notations/ornaments"):
            long = chord.duration >= chord.divisions and not _has(chord, "notations/tied")
            if long and rng.random() < 2 * share:
                ornaments = _group(chord.notes[0], "ornaments")
                ET.SubElement(ornaments, "trill-mark", placement="above")
                ET.SubElement(ornaments, "wavy-line", type="start", placement="above")
                # Verovio wants the end at another note
                over = chord if following.notes[0].find("rest") is not None else following
                ET.SubElement(_group(over.notes[0], "ornaments"), "wavy-line", type="stop")
                free["trill"] = k + 2
        if k >= free["glissando"] and following and _may_glide(chord, following) and rng.random() < 3 * share:
            kind = rng.choice(("solid", "wavy"))
            ET.SubElement(_notations(chord.notes[0]), "glissando", {"type": "start", "number": "1", "line-type": kind})
            end = {"type": "stop", "number": "1", "line-type": kind}
            ET.SubElement(_notations(following.notes[0]), "glissando", end)
            free["glissando"] = k + 2
        if k >= free["words"] and rng.random() < manner.words * len(bars) / len(chords):
            _add_words(chord, staff, rng)
            free["words"] = k + 4


def _add_octave_line(chords: Sequence[_Chord], staff: str, alone: set[int]) -> None:
    """An octave line over high notes or under low ones, where one voice has the staff to itself."""
    octaves = [int(n.findtext("pitch/octave", "4")) for c in chords for n in c.notes if n.find("pitch") is not None]
    if not octaves or not {c.bar for c in chords} <= alone:
        return
    high = staff == "1" and min(octaves) >= 5
    if not high and not (staff == "2" and max(octaves) <= 2):
        return
    size = "15" if high and min(octaves) >= 6 else "8"
    _before(chords[0], _direction("octave-shift", staff, high, type="down" if high else "up", size=size))
    _after(chords[-1], _direction("octave-shift", staff, high, type="stop", size=size))


def _may_glide(chord: _Chord, following: _Chord) -> bool:
    def height(one: _Chord) -> int:
        note = one.notes[0]
        return 7 * int(note.findtext("pitch/octave", "0")) + "CDEFGAB".find(note.findtext("pitch/step", "C"))

    single = len(chord.notes) == len(following.notes) == 1
    return single and following.notes[0].find("rest") is None and abs(height(chord) - height(following)) > 4


def _add_words(chord: _Chord, staff: str, rng: random.Random) -> None:
    if rng.random() < 0.5:
        direction = _direction("dynamics", staff, False)
        dynamics = direction.find("direction-type/dynamics")
        assert dynamics is not None
        ET.SubElement(dynamics, rng.choice(DYNAMICS))
    else:
        over = staff == "1" and rng.random() < 0.3
        direction = _direction("words", staff, over)
        words = direction.find("direction-type/words")
        assert words is not None
        words.text = rng.choice(TEMPI if over else WORDS)
        words.set("font-weight" if over else "font-style", "bold" if over else "italic")
    _before(chord, direction)
