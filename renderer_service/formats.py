"""The formats the renderer writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from etude.stage.v1 import renderer_service_pb2

OutputFormat: TypeAlias = "renderer_service_pb2.OutputFormat.ValueType"

MUSICXML = renderer_service_pb2.OUTPUT_FORMAT_MUSICXML
MIDI = renderer_service_pb2.OUTPUT_FORMAT_MIDI
SVG = renderer_service_pb2.OUTPUT_FORMAT_SVG
PDF = renderer_service_pb2.OUTPUT_FORMAT_PDF
ANNOTATED_PDF = renderer_service_pb2.OUTPUT_FORMAT_ANNOTATED_PDF
REVIEW = renderer_service_pb2.OUTPUT_FORMAT_REVIEW


@dataclass(frozen=True, slots=True)
class Format:
    """What is known of a format.

    Attributes:
        name: For people.
        media_type: IANA media type.
    """

    name: str
    media_type: str


FORMATS: dict[OutputFormat, Format] = {
    MUSICXML: Format("MusicXML", "application/vnd.recordare.musicxml+xml"),
    MIDI: Format("MIDI", "audio/midi"),
    SVG: Format("SVG", "image/svg+xml"),
    PDF: Format("PDF", "application/pdf"),
    ANNOTATED_PDF: Format("annotated PDF", "application/pdf"),
    REVIEW: Format("review", "text/html"),
}
"""All formats, in the order their files are sent in."""


@dataclass(frozen=True, slots=True)
class File:
    """A rendered file.

    Attributes:
        format: Its format.
        score_index: Index of the Score in the call; -1 for a file made of all of them.
        page_number: From 1 for a format of one file per page, else 0.
        data: Its bytes.
    """

    format: OutputFormat
    score_index: int
    page_number: int
    data: bytes
