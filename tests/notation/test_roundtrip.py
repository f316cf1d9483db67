"""Score -> MusicXML -> Score, and MusicXML -> Score -> MusicXML, keep the music and its notation."""

import os
import warnings
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings

from etude.notation.diff import diff, format_diff
from etude.notation.musicxml import read_musicxml
from etude.notation.validate import validate
from etude.score.v1 import score_pb2
from renderer_service.musicxml import musicxml_bytes
from tests.notation.strategies import scores

DATA = Path(os.environ.get("ETUDE_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
TRUTH = sorted((DATA / "omr_engraved_dev").glob("*.musicxml"))
KEYBOARD = [
    "beach/prayer_of_a_tired_child",
    "cpebach/h186",
    "joplin/maple_leaf_rag",
    "schoenberg/opus19/movement2",
    "schoenberg/opus19/movement6",
    "schubert/Lindenbaum",
    "schumann_clara/polonaise_op1n1",
    "schumann_clara/polonaise_op1n2",
    "schumann_clara/polonaise_op1n3",
    "schumann_clara/polonaise_op1n4",
    "schumann_robert/dichterliebe_no2",
    "weber/concertino_clarinet",
]
"""Keyboard music of music21's corpus in MusicXML."""

needs_data = pytest.mark.skipif(not TRUTH, reason=f"no engraved truth in {DATA} (set ETUDE_SHARED_DATA)")


def stands_at_home(score):
    """Of each voice, whether it is on its own staff anywhere: MusicXML says where notes stand, and no more."""
    at_home = defaultdict(bool)
    for event in score.events:
        at_home[event.voice] |= not event.notes or any(note.staff == event.staff for note in event.notes)
    return at_home.values()


@given(scores())
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_any_score_comes_back_from_musicxml(score):
    assume(all(stands_at_home(score)))
    back = read_musicxml(musicxml_bytes(score))
    assert validate(back) == []
    assert format_diff(diff(score, back)) == ""
    notes = [note.note_id for event in score.events for note in event.notes]
    assert [note.note_id for event in back.events for note in event.notes] == notes
    assert back.divisions == score.divisions


def corpus_paths():
    """The files of music21's corpus that KEYBOARD names."""
    from music21 import corpus

    paths = [Path(str(path)) for path in corpus.getPaths(fileExtensions=(".mxl", ".xml", ".musicxml"))]
    found = {str(path.with_suffix("")).partition("/corpus/")[2]: path for path in paths}
    return [found[name] for name in KEYBOARD if name in found]


def without_doubts(score):
    """The Score without the doubts about its source, which the file written from it no longer deserves."""
    bare = score_pb2.Score()
    bare.CopyFrom(score)
    bare.ClearField("doubts")
    return bare


def comes_back(path):
    """Reads, writes and reads a file again, compares, and returns what was written."""
    score = read_musicxml(path.read_bytes())
    assert validate(score) == []
    written = musicxml_bytes(score)
    back = read_musicxml(written)
    assert format_diff(diff(score, back)) == ""
    assert without_doubts(back) == without_doubts(score)
    return written


@needs_data
@pytest.mark.parametrize("path", TRUTH, ids=lambda path: path.stem)
def test_engraved_scores_come_back_equal(path):
    comes_back(path)


def test_keyboard_scores_of_the_corpus_come_back_equal():
    paths = corpus_paths()
    assert len(paths) >= 10
    for path in paths:
        comes_back(path)


def note(step, octave, duration, voice=1, staff=1, inside=""):
    return (
        f"<note>{'' if duration else '<grace/>'}<pitch><step>{step}</step><octave>{octave}</octave></pitch>"
        f"{f'<duration>{duration}</duration>' if duration else ''}<voice>{voice}</voice>{inside}<staff>{staff}</staff>"
        "</note>"
    )


def one_measure(tmp_path, music, attributes="", name="Clarinet"):
    """A file of one part with a measure of four quarters, 30 divisions each."""
    path = tmp_path / "one.musicxml"
    path.write_text(
        f'<score-partwise><part-list><score-part id="P1"><part-name>{name}</part-name></score-part></part-list>'
        '<part id="P1"><measure number="1"><attributes><divisions>30</divisions><key><fifths>0</fifths></key>'
        f"<time><beats>4</beats><beat-type>4</beat-type></time>{attributes}</attributes>{music}</measure></part>"
        "</score-partwise>"
    )
    return path


@pytest.mark.parametrize(
    ("said", "by"),
    [
        ("<diatonic>-1</diatonic><chromatic>-2</chromatic>", -2),
        ("<diatonic>-5</diatonic><chromatic>-9</chromatic>", -9),
        ("<diatonic>2</diatonic><chromatic>3</chromatic>", 3),
        ("<chromatic>-2</chromatic><octave-change>-1</octave-change>", -14),
        ("<chromatic>0</chromatic><octave-change>-1</octave-change>", -12),
    ],
)
def test_an_instrument_that_transposes_comes_back_with_its_written_notes(tmp_path, said, by):
    octaves = '<direction><direction-type><octave-shift type="{}" size="8"/></direction-type></direction>'
    line = octaves.format("down") + note("C", 6, 30) + octaves.format("stop") + note("D", 5, 30)
    path = one_measure(tmp_path, note("C", 5, 30) + note("E", 5, 30) + line, f"<transpose>{said}</transpose>")
    score = read_musicxml(path.read_bytes())
    score.parts[0].role = score_pb2.PART_ROLE_OTHER
    written = [(n.pitch.octave, n.midi_pitch) for event in score.events for n in event.notes]
    assert written == [(5, 72 + by), (5, 76 + by), (5, 84 + by), (5, 74 + by)]
    back = read_musicxml(musicxml_bytes(score))
    assert [(n.pitch.octave, n.midi_pitch) for event in back.events for n in event.notes] == written


def test_a_pedal_that_starts_at_graces_within_a_long_note_comes_back(tmp_path):
    pedal = '<direction><direction-type><pedal type="{}"/></direction-type><staff>1</staff></direction>'
    path = one_measure(
        tmp_path,
        note("C", 5, 120)
        + "<backup><duration>60</duration></backup>"
        + pedal.format("start")
        + note("D", 5, 0)
        + "<backup><duration>60</duration></backup>"
        + note("C", 4, 90, voice=2)
        + pedal.format("stop")
        + note("C", 4, 30, voice=2),
    )
    comes_back(path)


def test_a_gap_within_a_tuplet_is_of_the_tuplet(tmp_path):
    ratio = "<type>eighth</type><time-modification><actual-notes>3</actual-notes><normal-notes>2</normal-notes>"
    ratio += "</time-modification>"
    bracket = '<notations><tuplet type="{}"/></notations>'
    music = (
        note("C", 5, 10, inside=ratio).replace("</note>", bracket.format("start") + "</note>")
        + "<forward><duration>10</duration></forward>"
        + note("D", 5, 10, inside=ratio).replace("</note>", bracket.format("stop") + "</note>")
        + note("C", 5, 90)
    )
    path = one_measure(tmp_path, music)
    score = read_musicxml(path.read_bytes())
    (tuplet,) = [s for s in score.spanners if s.WhichOneof("kind") == "tuplet"]
    assert len(tuplet.event_ids) == 3
    assert [[r.actual for r in event.tuplet_ratios] for event in score.events][:4] == [[3], [3], [3], []]
    comes_back(path)


def facts(path):
    """What music21 sees in a file: by measure, pitch, value, tuplets, tie, grace and finger the (onset, length) in
    quarters of all such notes, in order.
    """
    from music21 import articulations, converter, harmony

    found = defaultdict(list)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        score = converter.parse(path, forceSource=True)
    for part_number, part in enumerate(score.parts):
        for measure_number, measure in enumerate(part.getElementsByClass("Measure")):
            for voice in (measure, *measure.voices):
                for item in voice.notes:
                    if isinstance(item, harmony.ChordSymbol):
                        continue
                    place = (part_number, measure_number)
                    time = (float(item.getOffsetInHierarchy(measure)), float(item.quarterLength))
                    tuplets = tuple((t.numberNotesActual, t.numberNotesNormal) for t in item.duration.tuplets)
                    value = (item.duration.type, item.duration.dots, item.duration.isGrace, tuplets)
                    for note in item.notes if item.isChord else [item]:
                        if not note.style.hideObjectOnPrint:
                            tie = note.tie.type if note.tie else ""
                            found[(*place, note.pitch.nameWithOctave, *value, tie)].append(time)
                    for mark in item.articulations:
                        if isinstance(mark, articulations.Fingering):
                            found[(*place, "finger", mark.fingerNumber, bool(mark.substitution))].append(time)
    return {key: sorted(times) for key, times in found.items()}


ROUNDING = 1 / 40
"""Quarters; divisions that do not hold a file's tuplets make its times differ by less, and reading undoes it."""


def check_by_music21(path, tmp_path):
    """music21 sees the same in a file and in what is written from it."""
    copy = tmp_path / "copy.musicxml"
    copy.write_bytes(musicxml_bytes(read_musicxml(path.read_bytes())))
    before, after = facts(path), facts(copy)
    assert before.keys() == after.keys()
    for key, times in before.items():
        assert after[key] == [pytest.approx(time, abs=ROUNDING) for time in times], key


@needs_data
@pytest.mark.parametrize("path", TRUTH[::6], ids=lambda path: path.stem)
def test_music21_sees_the_same_in_engraved_scores(path, tmp_path):
    check_by_music21(path, tmp_path)


@pytest.mark.slow
@needs_data
def test_music21_sees_the_same_in_all_engraved_scores(tmp_path):
    for path in TRUTH:
        check_by_music21(path, tmp_path)


@pytest.mark.slow
def test_music21_sees_the_same_in_its_own_corpus(tmp_path):
    for path in corpus_paths():
        if "concertino" not in path.name:  # counts 13 32nds against 6 16ths, which the Score calls 13 to 12
            check_by_music21(path, tmp_path)
