"""MusicXML in, Score out."""

from __future__ import annotations

from etude.notation.musicxml.assemble import assemble
from etude.notation.musicxml.container import is_zip, unpack
from etude.notation.musicxml.header import fingering_sources, read_metadata, read_part_list
from etude.notation.musicxml.part import PartReader
from etude.notation.musicxml.raw import RawPart
from etude.notation.musicxml.tree import MusicXmlError, Node, parse_xml
from etude.score.v1 import score_pb2

MAX_PARTS = 100


def read_musicxml(data: bytes) -> score_pb2.Score:
    """The Score of a MusicXML file, partwise or timewise, plain or compressed (.mxl).

    What is kept is listed in docs/ir.md. The Score is valid; what did not add up in the file is among its doubts.
    Provenance and `score_id` are left to the caller.

    Raises:
        MusicXmlError: no MusicXML, damaged, or beyond the bounds; with the line where there is one.
    """
    root = parse_xml(unpack(data) if is_zip(data) else data)
    if root.tag == "score-timewise":
        root = _partwise(root)
    if root.tag != "score-partwise":
        raise MusicXmlError(f"this is XML but no score: its root is <{root.tag}>, not <score-partwise>")
    parts = _read_parts(root)
    return assemble(read_metadata(root), parts)


def _read_parts(root: Node) -> list[RawPart]:
    sources = fingering_sources(root)
    announced = read_part_list(root)
    if len(announced) > MAX_PARTS:
        root.fail(f"the score has {len(announced)} parts; at most {MAX_PARTS} are read")
    by_id = {part.id: part for part in announced}
    seen: set[str] = set()
    for node in root.all("part"):
        part = by_id.get(node.get("id"))
        if part is None or part.id in seen:
            node.fail(f"the part {node.get('id')!r} is not announced in the <part-list>, or comes twice")
        seen.add(part.id)
        reader = PartReader(part, sources)
        for measure in node.all("measure"):
            reader.read_measure(measure)
    parts = [part for part in announced if part.measures]
    if not parts:
        root.fail("no part has a measure")
    return parts


def _partwise(root: Node) -> Node:
    """A timewise score (measures of parts) turned into a partwise one (parts of measures)."""
    result = Node("score-partwise", root.attributes, root.line)
    parts: dict[str, Node] = {}
    for child in root:
        if child.tag != "measure":
            result.children.append(child)
            continue
        for entry in child.all("part"):
            name = entry.get("id")
            part = parts.setdefault(name, Node("part", {"id": name}, entry.line))
            part.children.append(Node("measure", child.attributes, entry.line, children=entry.children))
    result.children += parts.values()
    return result
