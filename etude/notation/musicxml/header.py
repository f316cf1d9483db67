"""What a file says before its music: titles, names, parts."""

from __future__ import annotations

import re
from collections.abc import Mapping

from etude.notation.musicxml.raw import RawPart
from etude.notation.musicxml.tree import Node
from etude.score.v1 import fingering_pb2, score_pb2

_KEYBOARD = re.compile(
    r"piano|pianoforte|fortepian|klavier|clavier|keyboard|harpsichord|cembalo|clavicembalo|clavecin|organ|orgel|orgue|"
    r"celest|clavichord|pf\.?$|pno\.?",
    re.I,
)
_NAMELESS = re.compile(
    r"\s*(?:(?:musicxml\s+)?part|track|staff|(?:right|left)(?:\s+hand)?|[rl]\.?\s*h\.?)?[\s\d]*", re.I
)
_MAX_TEXT = 1000
# Names of the fields in which Étude's own files say how their fingerings are coloured.
_COLOR_FIELDS = {
    "color-of-predicted-fingering": fingering_pb2.FINGERING_SOURCE_PREDICTED,
    "color-of-pinned-fingering": fingering_pb2.FINGERING_SOURCE_PINNED,
}


def read_metadata(root: Node) -> score_pb2.ScoreMetadata:
    """Titles and people: from <work>, <movement-...> and <identification>, else from the <credit> texts."""
    metadata = score_pb2.ScoreMetadata()
    work = root.find("work")
    if work is not None:
        metadata.title = _text(work, "work-title")
        metadata.subtitle = _text(work, "work-number")
    metadata.movement_title = _text(root, "movement-title")
    number = root.child_text("movement-number")
    if number.isascii() and number.isdecimal() and len(number) < 5:
        metadata.movement_number = int(number)
    identification = root.find("identification")
    if identification is not None:
        for creator in identification.all("creator"):
            kind, name = creator.get("type"), _clean(creator.text)
            if kind == "composer" or (not kind and not metadata.composer):
                metadata.composer = metadata.composer or name
            elif kind in ("arranger", "editor"):
                metadata.arranger = metadata.arranger or name
        rights = [_clean(entry.text) for entry in identification.all("rights")]
        metadata.rights = "; ".join(filter(None, rights))
    for kind, field in (("title", "title"), ("subtitle", "subtitle"), ("composer", "composer"), ("rights", "rights")):
        if not getattr(metadata, field) and not (field == "title" and metadata.movement_title):
            setattr(metadata, field, _credit(root, kind))
    return metadata


def _text(node: Node, tag: str) -> str:
    return _clean(node.child_text(tag))


def _clean(text: str) -> str:
    return " ".join(text.split())[:_MAX_TEXT]


def _credit(root: Node, kind: str) -> str:
    for credit in root.all("credit"):
        if any(entry.text.strip() == kind for entry in credit.all("credit-type")):
            return _clean(" ".join(words.text for words in credit.all("credit-words")))
    return ""


def fingering_sources(root: Node) -> Mapping[str, fingering_pb2.FingeringSource.ValueType]:
    """What colours of fingerings mean, in files of Étude; empty for others, whose fingerings are all printed."""
    sources: dict[str, fingering_pb2.FingeringSource.ValueType] = {}
    identification = root.find("identification")
    for miscellaneous in identification.all("miscellaneous") if identification is not None else ():
        for entry in miscellaneous.all("miscellaneous-field"):
            source = _COLOR_FIELDS.get(entry.get("name"))
            if source and entry.text.strip():
                sources[entry.text.strip().upper()] = source
    return sources


def read_part_list(root: Node) -> list[RawPart]:
    """The parts a file announces, in order.

    Raises:
        MusicXmlError: none, or two of one id.
    """
    part_list = root.find("part-list")
    parts: list[RawPart] = []
    for entry in part_list.all("score-part") if part_list is not None else ():
        name, abbreviation = entry.find("part-name"), entry.find("part-abbreviation")
        part = RawPart(entry.get("id"))
        part.name = _clean(name.text) if name is not None else ""
        part.abbreviation = _clean(abbreviation.text) if abbreviation is not None else ""
        sounds = [sound.text.strip() for sound in _all_below(entry, "instrument-sound")]
        names = [part.name, part.abbreviation, *(_clean(n.text) for n in _all_below(entry, "instrument-name"))]
        part.keyboard_sound = any(sound.startswith("keyboard.") for sound in sounds) or any(
            _KEYBOARD.search(text) for text in names
        )
        if any(other.id == part.id for other in parts):
            entry.fail(f"two parts have the id {part.id!r}")
        parts.append(part)
    if not parts:
        root.fail("the file announces no parts (<part-list> is missing or empty)")
    return parts


def _all_below(node: Node, tag: str) -> list[Node]:
    return [entry for child in node for entry in child.all(tag)]


def settle_roles(parts: list[RawPart]) -> list[score_pb2.PartRole.ValueType]:
    """Which parts are keyboards: those of several staves and those named so; else a lone part, or a pair of parts
    that are not named after anything else (the two hands apart).
    """
    likely = [part.staff_count >= 2 or bool(_KEYBOARD.search(part.name)) for part in parts]
    if not any(likely):
        hands = len(parts) == 2 and all(part.keyboard_sound or _NAMELESS.fullmatch(part.name) for part in parts)
        likely = [hands or len(parts) == 1] * len(parts)
    keyboard, other = score_pb2.PART_ROLE_KEYBOARD, score_pb2.PART_ROLE_OTHER
    return [keyboard if is_keyboard else other for is_keyboard in likely]
