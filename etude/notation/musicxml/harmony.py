"""<harmony> elements: chord symbols."""

from __future__ import annotations

from fractions import Fraction

from etude.notation.chord_symbols import KINDS, root_text, usual_suffix
from etude.notation.musicxml.notes import is_hidden, placement_of, staff_of
from etude.notation.musicxml.raw import RawDirection, RawPart
from etude.notation.musicxml.tree import Node
from etude.score.v1 import direction_pb2, pitch_pb2, spanner_pb2

_Pitch = tuple["pitch_pb2.Step.ValueType", int, str]
"""Letter name, alteration, and how both are printed."""


def read_harmony(node: Node, part: RawPart, measure: int, onset: Fraction) -> None:
    """Adds a chord symbol to the part; one without a root, or that is not printed, is left out."""
    root, kind = _pitch(node, "root"), node.find("kind")
    if root is None or kind is None or is_hidden(node):
        return
    new = direction_pb2.Direction(direction_id=node.get("id"), staff=staff_of(node) or 1)
    new.placement = placement_of(node) or spanner_pb2.PLACEMENT_ABOVE
    harmony = new.harmony
    harmony.root_step, harmony.root_alter, text = root
    name = kind.text.strip()
    harmony.kind = name if name in KINDS else ""
    if "text" in kind.attributes:
        text += kind.get("text")
    else:
        text += usual_suffix(name) + "".join(_degree(degree) for degree in node.all("degree"))
    bass = _pitch(node, "bass")
    if bass is not None:
        harmony.bass_step, harmony.bass_alter, printed = bass
        text += f"/{printed}"
    harmony.text = "".join(text.split())
    part.directions.append(RawDirection(measure, onset, new))


def _pitch(node: Node, name: str) -> _Pitch | None:
    pitch = node.find(name)
    step = pitch.find(f"{name}-step") if pitch is not None else None
    if pitch is None or step is None or step.text.strip() not in tuple("ABCDEFG"):
        return None
    alter = pitch.find(f"{name}-alter")
    semitones = max(-2, min(2, round(alter.number()))) if alter is not None else 0
    letter = pitch_pb2.Step.Value(f"STEP_{step.text.strip()}")
    usual = root_text(letter, semitones)
    sign = alter.get("text", usual[1:]) if alter is not None else usual[1:]
    return letter, semitones, step.get("text", usual[0]) + sign


def _degree(node: Node) -> str:
    """An added, altered or missing degree as it is printed behind a symbol."""
    alter = node.find("degree-alter")
    semitones = round(alter.number()) if alter is not None else 0
    sign = "#" * semitones if semitones > 0 else "b" * -semitones
    word = {"add": "" if sign else "add", "subtract": "no"}.get(node.child_text("degree-type"), "")
    return f"({word}{sign}{node.child_text('degree-value')})"
