"""MusicXML 4.0, written directly from the Score."""

from renderer_service.musicxml.document import musicxml_bytes

__all__ = ["musicxml_bytes"]
