"""What kind of file something is, told by its first bytes and never by its name."""

from __future__ import annotations

import re
from collections.abc import Mapping

HEAD_BYTES = 1024
"""How much of a file is looked at. A PDF may begin with other bytes: its mark is in the first kilobyte."""

PDF = "application/pdf"
MUSICXML = "application/vnd.recordare.musicxml+xml"
COMPRESSED_MUSICXML = "application/vnd.recordare.musicxml"
MIDI = "audio/midi"
PNG = "image/png"
JPEG = "image/jpeg"
TIFF = "image/tiff"

NAMES: Mapping[str, str] = {
    PDF: "PDF",
    MUSICXML: "MusicXML",
    COMPRESSED_MUSICXML: "compressed MusicXML",
    MIDI: "MIDI",
    PNG: "PNG",
    JPEG: "JPEG",
    TIFF: "TIFF",
}
"""All media types that are told apart, with what people call them."""
NOTATION = frozenset({MUSICXML, COMPRESSED_MUSICXML, MIDI})
"""Files that hold music as such: they are imported, nothing is read off a page."""
PICTURES = frozenset({PNG, JPEG, TIFF})
"""Files that hold a picture of a page."""
EXTENSIONS: Mapping[str, str] = {
    PDF: "pdf",
    MUSICXML: "musicxml",
    COMPRESSED_MUSICXML: "mxl",
    MIDI: "mid",
    PNG: "png",
    JPEG: "jpg",
    TIFF: "tif",
}
"""The usual extension of each."""

_BEGINNINGS = (
    (b"PK\x03\x04", COMPRESSED_MUSICXML),
    (b"MThd", MIDI),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"\xff\xd8\xff", JPEG),
    (b"II*\x00", TIFF),
    (b"MM\x00*", TIFF),
)
_ROOT = re.compile(r"<(?:[\w.-]+:)?([A-Za-z_][\w.-]*)")
_NOT_ELEMENTS = re.compile(r"<\?.*?\?>|<!--.*?-->", re.DOTALL)
_UNFINISHED = re.compile(r"<(\?|!--|!DOCTYPE).*", re.DOTALL)
_DOCTYPE = re.compile(r"<!DOCTYPE\s+(score-partwise|score-timewise)\b")
_ROOTS = frozenset({"score-partwise", "score-timewise"})


def media_type_of(head: bytes) -> str | None:
    """The media type that the first kilobyte of a file tells; None for one that is none of `NAMES`.

    A ZIP archive is taken for compressed MusicXML, and XML of which the kilobyte shows no element yet for MusicXML:
    whether they are is seen when they are opened.

    >>> media_type_of(b"%PDF-1.7"), media_type_of(b"<score-partwise version='4.0'>")
    ('application/pdf', 'application/vnd.recordare.musicxml+xml')
    >>> media_type_of(b"<html>") is None
    True
    """
    head = head[:HEAD_BYTES]
    for beginning, media_type in _BEGINNINGS:
        if head.startswith(beginning):
            return media_type
    if b"%PDF-" in head:
        return PDF
    return MUSICXML if _may_be_musicxml(head) else None


def _may_be_musicxml(head: bytes) -> bool:
    wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    text = head.decode("utf-16" if wide else "utf-8-sig", errors="ignore").lstrip()
    if not text.startswith("<"):
        return False
    if _DOCTYPE.search(text):
        return True
    markup = _NOT_ELEMENTS.sub("", text)
    root = _ROOT.search(_UNFINISHED.sub("", markup))
    if root is not None:
        return root[1] in _ROOTS
    return text.startswith("<?xml") and "<!DOCTYPE" not in markup
