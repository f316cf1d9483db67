"""<direction> elements: marks at a point of time, and the ends of hairpins, octave lines, pedals and dashed lines."""

from __future__ import annotations

import re
from fractions import Fraction

from etude.notation.musicxml import vocabulary
from etude.notation.musicxml.notes import dynamics_text, placement_of, staff_of
from etude.notation.musicxml.raw import RawDirection, RawLine, RawPart
from etude.notation.musicxml.tree import Node
from etude.score.v1 import direction_pb2, spanner_pb2

_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")
_JUMPS = (
    (re.compile(r"\bd\.?\s*c\.|\bda\s+capo\b", re.I), direction_pb2.JUMP_KIND_DA_CAPO),
    (re.compile(r"\bd\.?\s*s\.|\bdal\s+segno\b", re.I), direction_pb2.JUMP_KIND_DAL_SEGNO),
    (re.compile(r"\bto\s+coda\b|\bal(?:la)?\s+coda\b", re.I), direction_pb2.JUMP_KIND_TO_CODA),
    (re.compile(r"^\s*fine\.?\s*$", re.I), direction_pb2.JUMP_KIND_FINE),
)
_SOUND_JUMPS = (
    ("dacapo", direction_pb2.JUMP_KIND_DA_CAPO),
    ("dalsegno", direction_pb2.JUMP_KIND_DAL_SEGNO),
    ("tocoda", direction_pb2.JUMP_KIND_TO_CODA),
    ("fine", direction_pb2.JUMP_KIND_FINE),
)
# Words that open a tempo mark in the scores this is for; a mark with <sound tempo> or a metronome needs none of them.
_TEMPO_WORDS = re.compile(
    r"(?:molto |assai |poco |più |piu |meno |quasi |non troppo |un poco |sempre |tempo |in tempo |alla |l'istesso )*"
    r"(?:grave|larg|lent|adagi|andant|moderat|allegr|viva|vivo|presto|prestissim|tempo|rubato|maestos|animat|agitat|"
    r"langsam|schnell|lebhaft|mäßig|massig|ruhig|bewegt|rasch|vif|lent|modéré|modere|animé|walzer|valse|"
    r"mazur|polonez|krakowiak|comodo|sostenuto|mosso|a tempo)",
    re.I,
)
_HAIRPIN_WORDS = (
    (re.compile(r"\bcre?s", re.I), spanner_pb2.HAIRPIN_KIND_CRESCENDO),
    (re.compile(r"\b(?:dim|decre?s)", re.I), spanner_pb2.HAIRPIN_KIND_DIMINUENDO),
)


def hairpin_kind(text: str) -> spanner_pb2.HairpinKind.ValueType:
    """What words with a dashed line mean; unspecified for others than cresc. and dim."""
    for pattern, kind in _HAIRPIN_WORDS:
        if pattern.search(text):
            return kind
    return spanner_pb2.HAIRPIN_KIND_UNSPECIFIED


def read_direction(node: Node, part: RawPart, measure: int, onset: Fraction) -> None:
    """Adds what a <direction> says to the part."""
    staff = staff_of(node)
    side = placement_of(node)
    types = [entry for wrapper in node.all("direction-type") for entry in wrapper]
    words = [entry for entry in types if entry.tag == "words" and entry.text.strip()]
    lines = [entry for entry in types if entry.tag in ("wedge", "octave-shift", "pedal", "dashes")]
    dashed = next((entry for entry in lines if entry.tag == "dashes" and entry.get("type") == "start"), None)
    new: list[direction_pb2.Direction] = []
    text = _joined(words)
    if dashed is not None and hairpin_kind(text):
        words = []
    metronome = next((entry for entry in types if entry.tag == "metronome"), None)
    if words or metronome is not None:
        new += _words(node, words, metronome, side)
    new += _signs(types, side)
    for number, message in enumerate(new):
        message.direction_id = node.get("id") if number == 0 else ""
        message.staff = staff or (0 if message.WhichOneof("kind") in ("tempo", "jump", "rehearsal_mark") else 1)
        part.directions.append(RawDirection(measure, onset, message))
    for entry in lines:
        line = RawLine(
            kind=entry.tag,
            type=entry.get("type"),
            number=entry.get("number", "1"),
            measure=measure,
            onset=onset,
            staff=staff or 1,
            placement=side,
            line=entry.get("line") == "yes",
            text=text if entry.tag == "dashes" else "",
        )
        if entry.tag == "octave-shift":
            line.size = entry.get_number("size", 8, 22)
        part.lines.append(line)


def _joined(words: list[Node]) -> str:
    return " ".join(" ".join(entry.text.split()) for entry in words)


def _words(
    node: Node, words: list[Node], metronome: Node | None, side: spanner_pb2.Placement.ValueType
) -> list[direction_pb2.Direction]:
    """Words and a metronome mark of one <direction>: a tempo mark, a jump, or plain words."""
    text = _joined(words)
    sound = node.find("sound")
    above = side or spanner_pb2.PLACEMENT_ABOVE
    new = direction_pb2.Direction(placement=side)
    jump = jump_kind(text, sound) if words else direction_pb2.JUMP_KIND_UNSPECIFIED
    bold = bool(words) and words[0].get("font-weight") == "bold"
    italic = bool(words) and words[0].get("font-style") == "italic"
    if metronome is not None:
        beats = _metronome(metronome)
        if beats is not None:
            new.placement = above
            new.tempo.CopyFrom(beats)
            new.tempo.text = text
            return [new]
        if not words:
            return []
    if jump:
        new.placement = above
        new.jump.kind, new.jump.text = jump, text
    elif (
        (sound is not None and sound.get("tempo"))
        or _TEMPO_WORDS.match(text)
        or (bold and not italic and above == spanner_pb2.PLACEMENT_ABOVE)
    ):
        new.placement = above
        new.tempo.text = text
    else:
        new.words.text, new.words.italic, new.words.bold = text, italic, bold
    return [new]


def jump_kind(text: str, sound: Node | None) -> direction_pb2.JumpKind.ValueType:
    """Which mark of navigation words are, by their <sound> or by what they say."""
    if sound is not None:
        for attribute, kind in _SOUND_JUMPS:
            if sound.get(attribute):
                return kind
    for pattern, kind in _JUMPS:
        if pattern.search(text):
            return kind
    return direction_pb2.JUMP_KIND_UNSPECIFIED


def _metronome(node: Node) -> direction_pb2.Tempo | None:
    """A metronome mark; None for a metric modulation."""
    units = node.all("beat-unit")
    number = _NUMBER.search(node.child_text("per-minute"))
    note_type = vocabulary.NOTE_TYPES.get(units[0].text.strip()) if len(units) == 1 else None
    if not number or not note_type:
        return None
    return direction_pb2.Tempo(
        beat_type=note_type,
        beat_dots=min(len(node.all("beat-unit-dot")), 4),
        beats_per_minute=float(number[0].replace(",", ".")),
    )


def _signs(types: list[Node], side: spanner_pb2.Placement.ValueType) -> list[direction_pb2.Direction]:
    signs: list[direction_pb2.Direction] = []
    for entry in types:
        new = direction_pb2.Direction(placement=placement_of(entry) or side)
        if entry.tag == "dynamics" and dynamics_text(entry):
            new.dynamic.text = dynamics_text(entry)
        elif entry.tag in ("segno", "coda"):
            new.placement = new.placement or spanner_pb2.PLACEMENT_ABOVE
            segno = entry.tag == "segno"
            new.jump.kind = direction_pb2.JUMP_KIND_SEGNO if segno else direction_pb2.JUMP_KIND_CODA
        elif entry.tag == "rehearsal" and entry.text.strip():
            new.placement = new.placement or spanner_pb2.PLACEMENT_ABOVE
            new.rehearsal_mark.text = entry.text.strip()
        else:
            continue
        signs.append(new)
    return signs
