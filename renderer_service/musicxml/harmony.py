"""<harmony> elements: chord symbols."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from etude.notation.chord_symbols import printed_roots, root_text, suffix_of
from etude.score.v1 import direction_pb2, pitch_pb2
from renderer_service.musicxml.marks import placement
from renderer_service.musicxml.xml import Ids, add, clean, element


def harmony_element(direction: direction_pb2.Direction, ids: Ids) -> ET.Element:
    """A chord symbol; what is printed otherwise than in English is told by `text`."""
    harmony = direction.harmony
    new = element("harmony", placement=placement(direction.placement), id=ids(direction.direction_id))
    printed_root, printed_bass = printed_roots(harmony.text)
    _add_pitch(new, "root", harmony.root_step, harmony.root_alter, printed_root)
    add(new, "kind", harmony.kind or "other").set("text", clean(suffix_of(harmony.text)))
    if harmony.bass_step:
        _add_pitch(new, "bass", harmony.bass_step, harmony.bass_alter, printed_bass)
    if direction.staff:
        add(new, "staff", direction.staff)
    return new


def _add_pitch(
    parent: ET.Element, name: str, step: pitch_pb2.Step.ValueType, alter: int, printed: tuple[str, str]
) -> None:
    usual = root_text(step, alter)
    letter, sign = printed
    new = add(parent, name)
    written = add(new, f"{name}-step", usual[0])
    if letter not in ("", usual[0]):
        written.set("text", letter)
    if alter or sign:
        written = add(new, f"{name}-alter", alter)
        if letter and sign != usual[1:]:
            written.set("text", sign)
