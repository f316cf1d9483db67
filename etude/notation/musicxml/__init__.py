"""MusicXML (.musicxml, .xml, .mxl) read into a Score."""

from etude.notation.musicxml.reader import read_musicxml
from etude.notation.musicxml.tree import MusicXmlError

__all__ = ["MusicXmlError", "read_musicxml"]
