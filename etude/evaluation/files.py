"""Readings from files: MusicXML and Scores by content, `**kern` through a referee."""

from __future__ import annotations

import importlib.util
import sys
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

from etude.evaluation.from_score import reading_of
from etude.evaluation.reading import Bar, Reading, WrittenNote
from etude.notation.io import ScoreFormatError
from etude.notation.io import read_score as read_score_bytes
from etude.notation.musicxml.reader import read_musicxml
from etude.notation.musicxml.tree import MusicXmlError

TRUTH_SUFFIXES = (".musicxml", ".mxl", ".xml", ".krn")
"""What a truth may be called, in the order in which one is looked for."""
DOCUMENT_SUFFIXES = (".pdf", ".png", ".jpg", ".jpeg", ".tif", ".tiff")
"""What a document with music may be called."""


class UnreadableFileError(ValueError):
    """A file that is no reading; the message says why, without its name."""


def is_kern(data: bytes) -> bool:
    """Whether bytes are Humdrum with a `**kern` spine."""
    return b"**kern" in data[:65536] and data.lstrip(b"\xef\xbb\xbf \r\n")[:1] in (b"*", b"!")


def read_file(path: Path, referee: Referee | None = None) -> Reading:
    """The reading a file holds.

    Args:
        path: MusicXML (plain or compressed), a Score (JSON or binary) or, with a referee, `**kern`.
        referee: Reads `**kern`.

    Raises:
        UnreadableFileError: It is none of these, or damaged.
        OSError: It cannot be opened.
    """
    data = path.read_bytes()
    if is_kern(data):
        if referee is None:
            raise UnreadableFileError("this is **kern, which only a referee reads; name one with --referee")
        return referee.read(path)
    return reading_of_bytes(data)


def reading_of_bytes(data: bytes) -> Reading:
    """The reading that MusicXML or a Score holds.

    Raises:
        UnreadableFileError: It is neither, or damaged.
    """
    start = data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    try:
        if data[:2] in (b"PK", b"\xff\xfe", b"\xfe\xff") or start == b"<":
            return reading_of([read_musicxml(data)])
        return reading_of([read_score_bytes(data)])
    except MusicXmlError as error:
        raise UnreadableFileError(str(error)) from error
    except ScoreFormatError as error:
        raise UnreadableFileError("this is neither MusicXML nor a Score") from error


class Referee:
    """A scoring program whose module reads scores: `read_score(path)` gives measures of notes.

    A note has staff, onset, midi, spelling, duration, grace and tie_start, in the units of `WrittenNote`. What it tells
    of is notes; of other marks it knows nothing.
    """

    def __init__(self, path: Path) -> None:
        """Loads the program without running it.

        Raises:
            UnreadableFileError: It cannot be loaded or reads no scores.
        """
        self._module = _load(path)
        if not callable(getattr(self._module, "read_score", None)):
            raise UnreadableFileError("this program has no function read_score")

    def read(self, path: Path) -> Reading:
        """The notes of a file.

        Raises:
            UnreadableFileError: The referee cannot read it.
        """
        try:
            measures = self._module.read_score(path)
        except Exception as error:  # whatever a foreign program raises is its word on the file
            raise UnreadableFileError(f"the referee cannot read it: {error}") from error
        return Reading(tuple(Bar(str(n), tuple(_note(note) for note in notes)) for n, notes in enumerate(measures, 1)))


def _note(note: Any) -> WrittenNote:
    step, alter, octave = note.spelling
    return WrittenNote(
        staff=int(note.staff),
        onset=Fraction(note.onset),
        midi=int(note.midi),
        spelling=(str(step), int(alter), int(octave)),
        duration=Fraction(note.duration),
        grace=bool(note.grace),
        tie_start=bool(note.tie_start),
    )


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("etude_referee", path)
    if spec is None or spec.loader is None:
        raise UnreadableFileError("this is no Python program")
    module = importlib.util.module_from_spec(spec)
    # dataclasses look their module up while it is being loaded
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever a foreign program raises when it is loaded
        raise UnreadableFileError(f"it cannot be loaded: {error}") from error
    return module
