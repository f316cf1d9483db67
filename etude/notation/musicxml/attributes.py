"""<attributes>, <barline> and <print>: what stands at the edges of measures."""

from __future__ import annotations

import math
import re
from fractions import Fraction

from etude.notation.musicxml import vocabulary
from etude.notation.musicxml.raw import RawMeasure
from etude.notation.musicxml.tree import Node
from etude.score.v1 import measure_pb2

_BEAT_TYPES = (1, 2, 4, 8, 16, 32, 64)


def read_time(node: Node) -> measure_pb2.TimeSignature:
    """A <time>. Several fractions (3/8 + 2/4) are brought to their common denominator.

    Raises:
        MusicXmlError: no time signature.
    """
    if node.has("senza-misura") or not node.has("beats"):
        return measure_pb2.TimeSignature(symbol=measure_pb2.TIME_SYMBOL_NONE)
    beats_nodes, type_nodes = node.all("beats"), node.all("beat-type")
    if len(beats_nodes) != len(type_nodes):
        node.fail("<time> needs a <beat-type> for each <beats>")
    types = [entry.integer() for entry in type_nodes]
    if any(beat_type not in _BEAT_TYPES for beat_type in types):
        node.fail(f"a time signature over {types} is not known; the denominator is 1, 2, 4, ... 64")
    common = max(types)
    numbers: list[int] = []
    for entry, beat_type in zip(beats_nodes, types, strict=True):
        for text in entry.text.split("+"):
            if not re.fullmatch(r"\s*[1-9]\d{0,2}\s*", text):
                entry.fail(f"<beats> should be a number or a sum of numbers, not {entry.text.strip()[:20]!r}")
            numbers.append(int(text) * common // beat_type)
    symbol = vocabulary.TIME_SYMBOLS.get(node.get("symbol"), measure_pb2.TIME_SYMBOL_UNSPECIFIED)
    return measure_pb2.TimeSignature(beats=numbers, beat_type=common, symbol=symbol)


def read_key(node: Node) -> measure_pb2.KeySignature:
    """A <key>; one that is not traditional is given by its number of alterations.

    Raises:
        MusicXmlError: beyond seven sharps or flats.
    """
    fifths_node = node.find("fifths")
    if fifths_node is None:
        alters = [round(entry.number()) for entry in node.all("key-alter")]
        fifths = max(-7, min(7, sum(int(math.copysign(1, alter)) for alter in alters if alter)))
    else:
        fifths = fifths_node.integer()
        if not -7 <= fifths <= 7:
            node.fail(f"a key of {fifths} fifths is beyond seven sharps or flats")
    mode = vocabulary.KEY_MODES.get(node.child_text("mode"), measure_pb2.KEY_MODE_UNSPECIFIED)
    return measure_pb2.KeySignature(fifths=fifths, mode=mode)


def read_clef(node: Node) -> measure_pb2.Clef | None:
    """A <clef> with its staff; None for a sign that piano music does not use (TAB, none)."""
    sign = vocabulary.CLEF_SIGNS.get(node.child_text("sign"))
    if sign is None:
        return None
    line_node, change_node = node.find("line"), node.find("clef-octave-change")
    line = line_node.integer() if line_node is not None else vocabulary.CLEF_LINES[sign]
    change = change_node.integer() if change_node is not None else 0
    if not 1 <= line <= 5 or not -2 <= change <= 2:
        node.fail(f"a clef on line {line} with an octave change of {change} is not known")
    return measure_pb2.Clef(staff=node.get_number("number", 1, 1000), sign=sign, line=line, octave_change=change)


def read_print(node: Node, measure: RawMeasure) -> None:
    """A <print>: system and page breaks."""
    measure.new_page = measure.new_page or node.get("new-page") == "yes"
    measure.new_system = measure.new_system or node.get("new-system") == "yes"


def read_barline(node: Node, measure: RawMeasure, position: Fraction) -> str:
    """Adds a <barline> to the measure; returns the side it stands on, "left", "right" or "middle"."""
    side = node.get("location", "right") or "right"
    if side not in ("left", "right"):
        side = "left" if position == 0 and node.has("repeat") else "middle"
    for ending in node.all("ending"):
        numbers = tuple(int(number) for number in re.findall(r"\b[0-9]{1,3}\b", ending.get("number")))
        text = ending.text.strip()
        measure.ending_ends.append((ending.get("type"), tuple(n for n in numbers if n) or (1,), text))
    barline = measure_pb2.Barline(
        style=vocabulary.BARLINE_STYLES.get(node.child_text("bar-style"), measure_pb2.BARLINE_STYLE_UNSPECIFIED)
    )
    repeat = node.find("repeat")
    if repeat is not None:
        forward = repeat.get("direction") == "forward"
        barline.repeat = measure_pb2.REPEAT_DIRECTION_FORWARD if forward else measure_pb2.REPEAT_DIRECTION_BACKWARD
        if not barline.style:
            heavy_first = measure_pb2.BARLINE_STYLE_HEAVY_LIGHT
            barline.style = heavy_first if forward else measure_pb2.BARLINE_STYLE_LIGHT_HEAVY
        times = repeat.get_number("times", 0, 99)
        barline.times = times if times > 1 and not forward else 0
    if barline.style == measure_pb2.BARLINE_STYLE_REGULAR and (side == "right" or node.has("ending")):
        barline.style = measure_pb2.BARLINE_STYLE_UNSPECIFIED  # what every measure has
    if side == "middle" or barline == measure_pb2.Barline():
        return side
    if side == "left":
        measure.left = barline
    else:
        measure.right = barline
    return side
