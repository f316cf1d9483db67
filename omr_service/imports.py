"""Files that hold music as such, MusicXML and MIDI, become Scores: nothing is recognised, everything is checked."""

from __future__ import annotations

from etude import __version__ as etude_version
from etude.media_types import MIDI, NAMES
from etude.mesh.errors import EtudeError
from etude.notation.midi.file import MidiError, NoNotesError
from etude.notation.midi.reader import read_midi
from etude.notation.musicxml.reader import read_musicxml
from etude.notation.musicxml.tree import MusicXmlError
from etude.notation.validate import InvalidScoreError, check_valid
from etude.score.v1 import measure_pb2, score_pb2
from omr_service.pipeline import Source

STAGE = "import"
"""Name of the transformation in the provenance and in lineage."""


def import_score(data: bytes, media_type: str, source: Source) -> score_pb2.Score:
    """The Score of a file of notation, with its provenance; printed fingerings are kept as such.

    Args:
        data: The file.
        media_type: One of `etude.media_types.NOTATION`.
        source: Where it comes from.

    Raises:
        EtudeError: CORRUPT_FILE for a file that is damaged or beyond the bounds; NO_MUSIC for one without notes of a
            keyboard; INVALID_SCORE for one whose music contradicts itself.
    """
    score = _read(data, media_type)
    _check_music(score)
    try:
        check_valid(score)
    except InvalidScoreError as error:
        raise EtudeError(
            "INVALID_SCORE",
            f"The music of this file contradicts itself: {error}",
            violations=[(violation.id, violation.message) for violation in error.violations],
        ) from error
    score.score_id = f"score-{source.digest.removeprefix('sha256:')[:16]}-1"
    provenance = score.provenance
    provenance.uncertainty_policy = source.policy
    provenance.source_filename, provenance.source_digest = source.filename, source.digest
    provenance.steps.add(
        stage=STAGE,
        service="omr_service",
        service_version=etude_version,
        parameters={"format": NAMES[media_type]},
        source_digest=source.digest,
    )
    return score


def _read(data: bytes, media_type: str) -> score_pb2.Score:
    try:
        return read_midi(data) if media_type == MIDI else read_musicxml(data)
    except NoNotesError as error:
        raise EtudeError("NO_MUSIC", _sentence(str(error))) from error
    except (MidiError, MusicXmlError) as error:
        raise EtudeError("CORRUPT_FILE", f"This {NAMES[media_type]} file cannot be read: {error}.") from error


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def _check_music(score: score_pb2.Score) -> None:
    """Refuses what has nothing to finger.

    Raises:
        EtudeError: NO_MUSIC.
    """
    keyboards = [part for part in score.parts if part.role == score_pb2.PART_ROLE_KEYBOARD]
    with_notes = {event.part_id for event in score.events if event.notes}
    if not with_notes:
        raise EtudeError("NO_MUSIC", "The file holds no notes.")
    pitched = {clef.part_id for clef in score.clefs if clef.sign != measure_pb2.CLEF_SIGN_PERCUSSION}
    if not with_notes & pitched:
        raise EtudeError("NO_MUSIC", "The file holds percussion only; there is nothing to finger.")
    names = ", ".join(part.name or part.part_id for part in score.parts)
    if not any(part.part_id in with_notes for part in keyboards):
        raise EtudeError("NO_MUSIC", f"The file holds no part of a piano with notes; its parts are: {names}.")
