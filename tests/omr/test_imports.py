"""Files of notation become Scores: in the function, and over a real channel."""

import io
import zipfile

import mido
import pytest

from etude.media_types import COMPRESSED_MUSICXML, MIDI, MUSICXML, media_type_of
from etude.mesh.errors import EtudeError
from etude.notation.validate import validate
from etude.score.v1 import fingering_pb2
from etude.stage.v1 import omr_service_pb2 as pb
from omr_service.imports import import_score
from omr_service.pipeline import Source
from tests.omr.test_service import PIECE, recognize, refusal, requests, service

SOURCE = Source("piece.musicxml", "sha256:0123456789abcdef0123", {})
NOTE = (
    "<note><pitch><step>C</step><octave>5</octave></pitch><duration>4</duration><type>whole</type>"
    "<notations><technical><fingering>3</fingering></technical></notations></note>"
)
DRUM = (
    "<note><unpitched><display-step>E</display-step><display-octave>4</display-octave></unpitched>"
    "<duration>4</duration><type>whole</type></note>"
)


def musicxml(*parts: tuple[str, str, str], clef: str = "<sign>G</sign><line>2</line>") -> bytes:
    """A bar of MusicXML; a part is its name, notes and instrument sound."""
    listed = "".join(
        f'<score-part id="P{n}"><part-name>{name}</part-name><score-instrument id="I{n}"><instrument-name/>'
        f"<instrument-sound>{sound}</instrument-sound></score-instrument></score-part>"
        for n, (name, _, sound) in enumerate(parts, 1)
    )
    music = "".join(
        f'<part id="P{n}"><measure number="1"><attributes><divisions>1</divisions><time><beats>4</beats>'
        f"<beat-type>4</beat-type></time><clef>{clef}</clef></attributes>{notes}</measure></part>"
        for n, (_, notes, _) in enumerate(parts, 1)
    )
    text = f'<score-partwise version="4.0"><part-list>{listed}</part-list>{music}</score-partwise>'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()


PIANO = musicxml(("Piano", NOTE, "keyboard.piano"))


def zipped(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "."), content)
    return buffer.getvalue()


def midi(channel: int = 0, keys: tuple[int, ...] = (36, 60, 64)) -> bytes:
    file = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack()
    file.tracks.append(track)
    for key in keys:
        track.append(mido.Message("note_on", channel=channel, note=key, velocity=64, time=0))
        track.append(mido.Message("note_off", channel=channel, note=key, velocity=64, time=480))
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "media_type"),
    [(PIANO, MUSICXML), (zipped(score__xml=PIANO), COMPRESSED_MUSICXML), (midi(), MIDI)],
    ids=["MusicXML", "mxl", "MIDI"],
)
def test_a_file_of_notation_becomes_a_valid_score_that_says_where_it_comes_from(data, media_type):
    assert media_type_of(data) == media_type
    score = import_score(data, media_type, SOURCE)
    assert validate(score) == []
    assert score.score_id == "score-0123456789abcdef-1"
    (step,) = score.provenance.steps
    assert (step.stage, step.service) == ("import", "omr_service")
    assert step.service_version and step.source_digest == SOURCE.digest
    assert import_score(data, media_type, SOURCE) == score, "the same file gives the same Score"


def test_printed_fingers_are_kept_as_printed():
    (note,) = [note for event in import_score(PIANO, MUSICXML, SOURCE).events for note in event.notes]
    assert (note.fingering.finger, note.fingering.source) == (3, fingering_pb2.FINGERING_SOURCE_PRINTED)


def test_the_hands_of_a_midi_file_are_told_apart():
    score = import_score(midi(), MIDI, SOURCE)
    assert {(note.midi_pitch, note.staff) for event in score.events for note in event.notes} >= {(36, 2), (64, 1)}


@pytest.mark.parametrize(
    ("data", "reason", "words"),
    [
        (musicxml(("Piano", "<note><rest/><duration>4</duration></note>", "")), "NO_MUSIC", "no notes"),
        (musicxml(("Drums", DRUM, ""), clef="<sign>percussion</sign>"), "NO_MUSIC", "percussion"),
        (
            musicxml(("Violin", NOTE, "strings.violin"), ("Viola", NOTE, "strings.viola")),
            "NO_MUSIC",
            "its parts are: Violin, Viola",
        ),
        (PIANO[:-60], "CORRUPT_FILE", "line"),
        (zipped(readme__txt=b"hello"), "CORRUPT_FILE", "holds no MusicXML"),
        (zipped(score__xml=PIANO)[:200], "CORRUPT_FILE", "damaged"),
        (zipped(score__xml=b"<score-partwise>" + bytes(70 << 20)), "CORRUPT_FILE", "unpacks to more than"),
        (midi(channel=9), "NO_MUSIC", "percussion does not count"),
        (midi(keys=()), "NO_MUSIC", "no notes"),
        (midi()[:30], "CORRUPT_FILE", "MIDI"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_reason(data, reason, words):
    with pytest.raises(EtudeError) as caught:
        import_score(data, media_type_of(data) or "", SOURCE)
    assert caught.value.reason == reason
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (PIANO.decode().encode("utf-16"), MUSICXML),
        (b"\xef\xbb\xbf" + PIANO, MUSICXML),
        (b'<?xml version="1.0"?><!DOCTYPE score-timewise PUBLIC "x" "y"><!-- more -->', MUSICXML),
        (b'<?xml version="1.0"?><!--' + b" a long licence" * 100, MUSICXML),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', None),
        (b'<?xml version="1.0"?><!DOCTYPE html><html/>', None),
        (b"<mei xmlns='http://www.music-encoding.org/ns/mei'>", None),
        (b"junk" * 100 + b"%PDF-1.4", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n...", "image/png"),
        (b"**kern\n4c\n", None),
        (b"", None),
    ],
)
def test_the_content_tells_what_a_file_is(head, media_type):
    assert media_type_of(head) == media_type


async def test_the_service_imports_beside_reading():
    async with service() as stub:
        _, read = await recognize(stub, requests(PIECE.read_bytes()))
        _, imported = await recognize(stub, requests(zipped(score__xml=PIANO), filename="piece.pdf"))
        info = (await stub.GetStageInfo(pb.OmrServiceGetStageInfoRequest(), timeout=30)).info
        inspected = await stub.Inspect(requests_of_inspection(midi()), timeout=60)
        no_pages = await refusal(stub, requests(PIANO, first_page=2))
        corrupt = await refusal(stub, requests(PIANO[:-60]))
    assert read.pages and not imported.pages
    assert imported.scores[0].provenance.steps[0].stage == "import"
    assert {MUSICXML, COMPRESSED_MUSICXML, MIDI} <= set(info.accepted_media_types)
    assert (inspected.media_type, inspected.page_count) == (MIDI, 0)
    assert no_pages.reason == "INVALID_REQUEST" and "no pages" in no_pages.message
    assert corrupt.reason == "CORRUPT_FILE"


async def requests_of_inspection(data):
    yield pb.InspectRequest(options=pb.RecognizeOptions())
    yield pb.InspectRequest(chunk=data)
