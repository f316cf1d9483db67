"""MusicXML in: what each element becomes, and how damaged files are refused."""

import io
import zipfile

import pytest

from etude.notation.musicxml import MusicXmlError, read_musicxml
from etude.notation.pitch import name_of
from etude.notation.validate import validate
from etude.score.v1 import direction_pb2, event_pb2, fingering_pb2, measure_pb2, provenance_pb2, score_pb2, spanner_pb2

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
ATTRIBUTES = (
    "<attributes><divisions>{divisions}</divisions><key><fifths>0</fifths></key>"
    "<time><beats>4</beats><beat-type>4</beat-type></time><staves>{staves}</staves>"
    '<clef number="1"><sign>G</sign><line>2</line></clef>'
    '<clef number="2"><sign>F</sign><line>4</line></clef></attributes>'
)


def document(*measures, divisions=12, staves=2, head=""):
    """A score of one part; the first measure gets attributes."""
    music = "".join(
        f'<measure number="{number}">{ATTRIBUTES.format(divisions=divisions, staves=staves) * (number == 1)}{content}'
        "</measure>"
        for number, content in enumerate(measures, 1)
    )
    return (
        f'{HEAD}<score-partwise version="4.0">{head}<part-list><score-part id="P1"><part-name>Piano</part-name>'
        f'</score-part></part-list><part id="P1">{music}</part></score-partwise>'
    ).encode()


def note(
    pitch="C4",
    duration=12,
    kind="quarter",
    *,
    voice=1,
    staff=1,
    chord=False,
    inner="",
    notations="",
    attributes="",
    dots=0,
):
    """A <note>; `pitch` "r" for a rest."""
    body = "<chord/>" * chord
    if pitch == "r":
        body += "<rest/>"
    else:
        alter = {"#": "<alter>1</alter>", "b": "<alter>-1</alter>"}.get(pitch[1:-1], "")
        body += f"<pitch><step>{pitch[0]}</step>{alter}<octave>{pitch[-1]}</octave></pitch>"
    body += f"<duration>{duration}</duration>" if duration else ""
    body += f"<voice>{voice}</voice>" + (f"<type>{kind}</type>" if kind else "") + "<dot/>" * dots
    notations = f"<notations>{notations}</notations>" if notations else ""
    return f"<note {attributes}>{body}{inner}<staff>{staff}</staff>{notations}</note>"


def read(*measures, **options):
    score = read_musicxml(document(*measures, **options))
    assert validate(score) == []
    return score


def chords(score):
    return [event for event in score.events if event.notes]


def spanners(score, kind):
    return [spanner for spanner in score.spanners if spanner.WhichOneof("kind") == kind]


def names(event):
    return " ".join(name_of(note.pitch) for note in event.notes)


WHOLE = note("C4", 48, "whole")
QUARTERS = note("C4") + note("D4") + note("E4") + note("F4")


def test_chords_rests_and_staves():
    score = read(
        note("E4", 24, "half", attributes='id="top"')
        + note("C4", 24, "half", chord=True)
        + note("r", 24, "half")
        + "<backup><duration>48</duration></backup>"
        + '<note><rest measure="yes"/><duration>48</duration><voice>5</voice><staff>2</staff></note>'
    )
    chord, rest, lower = score.events
    assert names(chord) == "C4 E4"
    assert chord.notes[1].note_id == "top"
    assert (chord.staff, chord.voice, chord.onset_ticks, chord.duration_ticks) == (1, 1, 0, 2)
    assert score.divisions == 1
    assert rest.HasField("rest")
    assert lower.rest.whole_measure
    assert (lower.staff, lower.voice, lower.duration_ticks) == (2, 5, 4)


def test_forward_becomes_a_hidden_rest():
    score = read(note("C4", 36, "half", dots=1) + "<forward><duration>12</duration></forward>")
    assert [(e.rest.hidden, e.duration_ticks) for e in score.events] == [(False, 3), (True, 1)]


def test_invisible_notes_become_hidden_rests():
    score = read(note("C4", attributes='print-object="no"') + note("D4") + note("E4", 24, "half"))
    assert [event.rest.hidden for event in score.events] == [True, False, False]


def test_voices_counted_per_staff_are_told_apart():
    score = read(WHOLE + "<backup><duration>48</duration></backup>" + note("C3", 48, "whole", staff=2))
    assert [(event.staff, event.voice) for event in score.events] == [(1, 1), (2, 2)]


def test_cross_staff_notes_keep_their_voice_at_home():
    score = read(note("C4") + note("A3", staff=2) + note("D4") + note("E4"), WHOLE)
    assert [(event.staff, event.notes[0].staff) for event in score.events] == [(1, 1), (1, 2), (1, 1), (1, 1), (1, 1)]


def test_a_voice_with_most_of_its_notes_on_the_other_staff_stays_at_home():
    score = read(
        note("E5", 24, "half", voice=1)
        + "<backup><duration>24</duration></backup>"
        + note("r", 12, voice=2)
        + note("C4", 12, voice=2, staff=2)
        + "<backup><duration>24</duration></backup>"
        + note("C3", 24, "half", voice=5, staff=2)
    )
    assert [event.staff for event in score.events if event.voice == 2] == [1, 1]


def test_overlapping_notes_of_a_voice_are_parted():
    score = read(WHOLE + "<backup><duration>48</duration></backup>" + note("G4", 24, "half") + note("A4", 24, "half"))
    assert sorted({event.voice for event in score.events}) == [1, 2]


def test_tuplets_with_their_brackets():
    modification = "<time-modification><actual-notes>3</actual-notes><normal-notes>2</normal-notes></time-modification>"
    score = read(
        note("C4", 4, "eighth", inner=modification, notations='<tuplet type="start" bracket="yes" number="1"/>')
        + note("D4", 4, "eighth", inner=modification)
        + note("E4", 4, "eighth", inner=modification, notations='<tuplet type="stop" number="1"/>')
        + note("F4", 36, "half", dots=1)
    )
    (tuplet,) = spanners(score, "tuplet")
    assert (tuplet.tuplet.ratio.actual, tuplet.tuplet.ratio.normal) == (3, 2)
    assert tuplet.tuplet.bracket_printed
    assert tuplet.tuplet.number_printed
    assert tuplet.tuplet.normal_type == event_pb2.NOTE_TYPE_EIGHTH
    assert len(tuplet.event_ids) == 3
    assert [event.duration_ticks for event in score.events] == [1, 1, 1, 9]


def test_tuplets_without_brackets_are_found_and_not_printed():
    modification = "<time-modification><actual-notes>3</actual-notes><normal-notes>2</normal-notes></time-modification>"
    score = read("".join(note("C4", 4, "eighth", inner=modification) for _ in range(12)))
    assert [len(tuplet.event_ids) for tuplet in spanners(score, "tuplet")] == [3, 3, 3, 3]
    assert not any(
        tuplet.tuplet.number_printed or tuplet.tuplet.bracket_printed for tuplet in spanners(score, "tuplet")
    )


def test_nested_tuplets():
    def modified(actual, normal):
        return (
            f"<time-modification><actual-notes>{actual}</actual-notes><normal-notes>{normal}</normal-notes>"
            "</time-modification>"
        )

    outer = (
        '<tuplet type="{}" number="1"><tuplet-actual><tuplet-number>3</tuplet-number></tuplet-actual>'
        "<tuplet-normal><tuplet-number>2</tuplet-number></tuplet-normal></tuplet>"
    )
    inner = outer.replace('number="1"', 'number="2"')
    score = read(
        note("C4", 40, "quarter", inner=modified(3, 2), notations=outer.format("start"))
        + note("D4", 40, "quarter", inner=modified(3, 2))
        + "".join(
            note(
                "E4",
                40 * 2 // 6,
                "eighth",
                inner=modified(9, 4),
                notations=[inner.format("start"), "", inner.format("stop") + outer.format("stop")][place],
            )
            for place in range(3)
        )
        + note("F4", 120, "half"),
        divisions=60,
    )
    depths = [(t.tuplet.depth, len(t.event_ids)) for t in spanners(score, "tuplet")]
    assert sorted(depths) == [(0, 5), (1, 3)]
    assert len(score.events[2].tuplet_ratios) == 2
    assert score.divisions == 9


def test_rounded_durations_are_made_exact():
    modification = "<time-modification><actual-notes>7</actual-notes><normal-notes>4</normal-notes></time-modification>"
    sevenths = "".join(note("C4", length, "16th", inner=modification) for length in (2, 1, 2, 2, 1, 2, 2))
    score = read(sevenths + note("D4", 36, "half", dots=1))
    assert score.divisions == 7
    assert [event.duration_ticks for event in score.events] == [1] * 7 + [21]


def test_graces_stand_at_their_note():
    grace = "<grace slash='yes'/>"
    score = read(
        f"<note>{grace}<pitch><step>D</step><octave>5</octave></pitch><voice>1</voice><type>eighth</type></note>"
        + note("C5", 48, "whole")
        + "<note><grace/><pitch><step>B</step><octave>4</octave></pitch><voice>1</voice><type>16th</type></note>"
    )
    before, main, after = score.events
    assert (before.grace.slash, before.grace.after, before.onset_ticks) == (True, False, 0)
    assert not main.HasField("grace")
    assert (after.grace.slash, after.grace.after, after.onset_ticks) == (False, True, 0)


def test_ties_over_the_barline_and_into_nothing():
    score = read(
        note("C4", 48, "whole", inner='<tie type="start"/>', notations='<tied type="start" orientation="over"/>'),
        note("C4", 48, "whole", inner='<tie type="stop"/>', notations='<tied type="stop"/><tied type="let-ring"/>'),
    )
    first, second = spanners(score, "tie")
    assert (first.start_note_id, first.end_note_id) == ("n1", "n2")
    assert first.placement == spanner_pb2.PLACEMENT_ABOVE
    assert second.tie.laissez_vibrer
    assert not score.doubts


def test_a_tie_without_an_end_is_a_doubt():
    score = read(note("C4", 48, "whole", inner='<tie type="start"/>'), note("D4", 48, "whole"))
    (doubt,) = score.doubts
    assert doubt.kind == provenance_pb2.DOUBT_KIND_OPEN_SPANNER
    assert doubt.message == "Measure 1: a tie with one end only.", "a single part needs no naming"
    assert spanners(score, "tie")[0].end_note_id == ""


def test_slurs_match_by_number_even_backwards_in_the_file():
    slur = '<slur type="{}" number="{}"/>'
    score = read(
        note("C5", 24, "half", notations=slur.format("start", 1))
        + note("D5", 24, "half", notations=slur.format("stop", 1) + slur.format("stop", 2))
        + "<backup><duration>48</duration></backup>"
        + note("C4", 48, "whole", voice=2, notations=slur.format("start", 2))
    )
    ends = [[score_event(score, event_id) for event_id in slur.event_ids] for slur in spanners(score, "slur")]
    assert sorted([names(first), names(last)] for first, last in ends) == [["C4", "D5"], ["C5", "D5"]]


def score_event(score, event_id):
    return next(event for event in score.events if event.event_id == event_id)


def test_beams_with_secondary_breaks():
    levels = [("begin", "begin"), ("continue", "end"), ("continue", "begin"), ("end", "end")]
    score = read(
        "".join(
            note("C4", 3, "16th", inner=f'<beam number="1">{one}</beam><beam number="2">{two}</beam>')
            for one, two in levels
        )
        + note("D4", 36, "half", dots=1)
    )
    (beam,) = spanners(score, "beam_group")
    assert len(beam.event_ids) == 4
    assert list(beam.beam_group.secondary_breaks) == [2]


def test_octave_lines_move_the_writing():
    line = (
        '<direction placement="above"><direction-type><octave-shift type="{}" size="8"/></direction-type></direction>'
    )
    score = read(line.format("down") + note("C6", 24, "half") + line.format("stop") + note("D5", 24, "half"))
    first, second = chords(score)
    assert (names(first), first.notes[0].midi_pitch) == ("C5", 84)
    assert (names(second), second.notes[0].midi_pitch) == ("D5", 74)
    (octave,) = spanners(score, "octave_line")
    assert (octave.octave_line.octaves, octave.start_ticks, octave.end_ticks) == (1, 0, 2)


def direction(content, **attributes):
    words = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f"<direction{words}><direction-type>{content}</direction-type><staff>1</staff></direction>"


def test_hairpins_pedals_and_dashes():
    score = read(
        direction('<wedge type="crescendo" number="1"/>', placement="below")
        + direction('<pedal type="start" line="yes"/>')
        + note("C4")
        + direction('<pedal type="change" line="yes"/>')
        + note("D4")
        + direction('<wedge type="stop" number="1"/>')
        + direction('<words>dim.</words></direction-type><direction-type><dashes type="start"/>')
        + note("E4", 24, "half")
        + direction('<pedal type="stop" line="yes"/>')
        + direction('<dashes type="stop"/>')
    )
    wedge, dashes = spanners(score, "hairpin")
    assert (wedge.hairpin.kind, wedge.start_ticks, wedge.end_ticks) == (spanner_pb2.HAIRPIN_KIND_CRESCENDO, 0, 2)
    assert (dashes.hairpin.kind, dashes.hairpin.text) == (spanner_pb2.HAIRPIN_KIND_DIMINUENDO, "dim.")
    (pedal,) = spanners(score, "pedal")
    assert (pedal.pedal.line, list(pedal.pedal.change_ticks), pedal.end_ticks) == (True, [1], 4)
    assert not score.directions


def test_marks_at_a_point_of_time():
    score = read(
        direction(
            '<words font-weight="bold">Allegro</words></direction-type><direction-type><metronome>'
            "<beat-unit>quarter</beat-unit><beat-unit-dot/><per-minute>c. 66</per-minute></metronome>"
        )
        + direction("<dynamics><s/></dynamics>".replace("<s/>", "<sfz/>"), placement="below")
        + direction("<rehearsal>A</rehearsal>")
        + direction("<segno/>")
        + QUARTERS
        + direction("<words font-style='italic'>dolce</words>")
        + "<direction><direction-type><words>D.C. al Fine</words></direction-type><sound dacapo='yes'/></direction>"
    )
    by_kind = {}
    for mark in score.directions:
        by_kind.setdefault(mark.WhichOneof("kind"), []).append(mark)
    (tempo,) = by_kind["tempo"]
    assert (tempo.tempo.text, tempo.tempo.beats_per_minute, tempo.tempo.beat_dots) == ("Allegro", 66, 1)
    assert by_kind["dynamic"][0].dynamic.text == "sfz"
    assert by_kind["rehearsal_mark"][0].rehearsal_mark.text == "A"
    assert [mark.jump.kind for mark in by_kind["jump"]] == [
        direction_pb2.JUMP_KIND_SEGNO,
        direction_pb2.JUMP_KIND_DA_CAPO,
    ]
    assert by_kind["words"][0].words.italic
    assert by_kind["words"][0].onset_ticks == 4


def test_marks_on_notes():
    score = read(
        note(
            "C4",
            48,
            "whole",
            notations="<articulations><staccato placement='above'/><accent/></articulations>"
            "<ornaments><trill-mark/><accidental-mark placement='above'>sharp</accidental-mark>"
            "<tremolo type='single'>2</tremolo></ornaments><fermata type='inverted'/><arpeggiate direction='up'/>",
        )
        + note("E4", 48, "whole", chord=True, notations="<articulations><staccato placement='above'/></articulations>")
    )
    (event,) = chords(score)
    assert event.tremolo_strokes == 2
    assert event.arpeggio == event_pb2.ARPEGGIO_UP
    marks = {mark.WhichOneof("kind"): mark for mark in score.directions}
    assert len(score.directions) == 4
    assert marks["ornament"].ornament.accidental_above_printed
    assert marks["ornament"].ornament.accidental_above == 1
    assert marks["fermata"].placement == spanner_pb2.PLACEMENT_BELOW
    assert all(mark.event_id == event.event_id for mark in score.directions)


@pytest.mark.parametrize(
    ("content", "finger", "substitution"),
    [
        ("<fingering>3</fingering>", 3, 0),
        ("<fingering>4-5</fingering>", 4, 5),
        ('<fingering>4</fingering><fingering substitution="yes">5</fingering>', 4, 5),
        ('<fingering>2</fingering><fingering alternate="yes">3</fingering>', 2, 0),
        ("<fingering>0</fingering>", 0, 0),
    ],
)
def test_printed_fingerings(content, finger, substitution):
    score = read(note("C4", 48, "whole", notations=f"<technical>{content}</technical>"))
    fingering = score.events[0].notes[0].fingering
    assert (fingering.finger, fingering.substitution) == (finger, substitution)
    if finger:
        assert fingering.source == fingering_pb2.FINGERING_SOURCE_PRINTED


def test_repeats_endings_and_breaks():
    ending = '<ending number="{}" type="{}"/>'
    score = read(
        '<barline location="left"><repeat direction="forward"/></barline>' + WHOLE,
        '<print new-system="yes"/><barline location="left">' + ending.format("1, 2", "start") + "</barline>" + WHOLE,
        WHOLE
        + '<barline location="right"><bar-style>light-heavy</bar-style>'
        + ending.format("1, 2", "stop")
        + '<repeat direction="backward" times="3"/></barline>',
        '<barline location="left">'
        + ending.format("3", "start")
        + "</barline>"
        + WHOLE
        + '<barline location="right"><bar-style>light-heavy</bar-style>'
        + ending.format("3", "discontinue")
        + "</barline>",
    )
    first, second, third, last = score.measures
    assert first.left_barline.repeat == measure_pb2.REPEAT_DIRECTION_FORWARD
    assert second.starts_system
    assert (list(second.ending.numbers), second.ending.starts, second.ending.stops) == ([1, 2], True, False)
    assert (third.ending.stops, third.ending.closed, third.right_barline.times) == (True, True, 3)
    assert (list(last.ending.numbers), last.ending.stops, last.ending.closed) == ([3], True, False)


def test_pickups_keys_meters_and_clefs():
    score = read(
        note("G4"),
        '<attributes><key><fifths>-3</fifths><mode>minor</mode></key><time symbol="cut"><beats>2</beats>'
        "<beat-type>2</beat-type></time></attributes>" + QUARTERS,
        "<attributes><time><beats>3+2</beats><beat-type>8</beat-type></time></attributes>"
        + note("C4")
        + '<attributes><clef number="1"><sign>F</sign><line>4</line></clef></attributes>'
        + note("D3", 18, "quarter", dots=1),
    )
    pickup, cut, additive = score.measures
    assert pickup.length_ticks * 2 == 2 * score.divisions
    assert (cut.time_signature.symbol, cut.time_signature.beat_type) == (measure_pb2.TIME_SYMBOL_CUT, 2)
    assert (cut.key_signatures[0].fifths, cut.key_signatures[0].mode) == (-3, measure_pb2.KEY_MODE_MINOR)
    assert list(additive.time_signature.beats) == [3, 2]
    assert additive.key_signatures[0].fifths == -3
    assert not additive.key_signature_printed
    assert [(clef.staff, clef.sign) for clef in score.clefs if clef.onset_ticks] == [(1, measure_pb2.CLEF_SIGN_F)]


def test_tremolo_between_two_events():
    modification = "<time-modification><actual-notes>2</actual-notes><normal-notes>1</normal-notes></time-modification>"
    score = read(
        note(
            "C4", 24, "whole", inner=modification, notations='<ornaments><tremolo type="start">3</tremolo></ornaments>'
        )
        + note(
            "G4", 24, "whole", inner=modification, notations='<ornaments><tremolo type="stop">3</tremolo></ornaments>'
        )
    )
    (tremolo,) = spanners(score, "tremolo_between")
    assert tremolo.tremolo_between.strokes == 3
    assert [(event.type, event.duration_ticks) for event in score.events] == [(event_pb2.NOTE_TYPE_WHOLE, 2)] * 2
    assert not score.doubts


def test_metadata_and_roles():
    head = (
        "<work><work-number>Op. 1</work-number><work-title>Sonata</work-title></work>"
        "<movement-number>2</movement-number>"
        "<movement-title>Rondo</movement-title><identification><creator type='composer'>A. B.</creator>"
        "<rights>CC0</rights></identification>"
    )
    metadata = read(WHOLE, head=head).metadata
    assert (metadata.title, metadata.subtitle, metadata.movement_title) == ("Sonata", "Op. 1", "Rondo")
    assert (metadata.movement_number, metadata.composer, metadata.rights) == (2, "A. B.", "CC0")
    song = (
        f"{HEAD}<score-partwise><part-list><score-part id='V'><part-name>Voice</part-name></score-part>"
        "<score-part id='P'><part-name>Piano</part-name></score-part></part-list>"
        f"<part id='V'><measure number='1'>{WHOLE}</measure></part>"
        f"<part id='P'><measure number='1'>{WHOLE}{note('C3', 48, 'whole', staff=2, voice=2)}</measure></part>"
        "</score-partwise>"
    )
    score = read_musicxml(song.replace("<duration>48</duration>", "<duration>4</duration>").encode())
    assert [part.role for part in score.parts] == [score_pb2.PART_ROLE_OTHER, score_pb2.PART_ROLE_KEYBOARD]


def test_timewise_and_compressed_files_are_the_same():
    plain = document(QUARTERS, WHOLE)
    timewise = plain.decode().replace("score-partwise", "score-timewise")
    timewise = timewise.replace('<part id="P1">', "").replace("</part>", "")
    timewise = timewise.replace('<measure number="1">', '<measure number="1"><part id="P1">')
    timewise = timewise.replace('<measure number="2">', '<measure number="2"><part id="P1">')
    timewise = timewise.replace("</measure>", "</part></measure>")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "META-INF/container.xml",
            '<container><rootfiles><rootfile full-path="music/score.xml"/></rootfiles></container>',
        )
        archive.writestr("other.xml", "<nothing/>")
        archive.writestr("music/score.xml", plain)
    score = read_musicxml(plain)
    assert read_musicxml(timewise.encode()) == score
    assert read_musicxml(packed.getvalue()) == score
    assert read_musicxml(plain.decode().replace('encoding="UTF-8"', 'encoding="UTF-16"').encode("utf-16")) == score


BOMB = (
    '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><score-partwise><a>&b;</a></score-partwise>'
)
EXTERNAL = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><score-partwise><a>&a;</a></score-partwise>'


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not well-formed|no element"),
        (b"not xml", "line 1: this is not well-formed"),
        (document(QUARTERS)[:-30], "line 2: this is not well-formed"),
        (b"<html><body/></html>", "root is <html>"),
        (BOMB.encode(), "declares the entity 'a'"),
        (EXTERNAL.encode(), "declares the entity 'a'"),
        (b"<score-partwise/>", "announces no parts"),
        (b"PK\x03\x04 and nothing else", "damaged"),
        (("<a>" * 100 + "</a>" * 100).encode(), "nest deeper"),
        (document(WHOLE.replace("<duration>48</duration>", "")), "line 2: <note> has no <duration>"),
        (document(WHOLE.replace("48", "many")), "line 2: <duration> should be a number, not 'many'"),
        (document(WHOLE.replace("48", "1e300")), "out of range"),
        (document(WHOLE.replace("48", "90000000")), "quarter notes"),
        (document(WHOLE.replace("<step>C", "<step>X")), "needs a <step> from A to G"),
        (document(WHOLE.replace("<octave>4", "<octave>40")), "no pitch of an instrument"),
        (document(WHOLE, divisions=0), "divisions should be positive"),
        (document(WHOLE).replace(b"<beat-type>4", b"<beat-type>5"), "denominator"),
        (document(WHOLE).replace(b"<fifths>0", b"<fifths>12"), "beyond seven"),
        (document(WHOLE).replace(b'<part id="P1"', b'<part id="P2"'), "'P2' is not announced"),
    ],
)
def test_damaged_files_are_refused_with_a_reason(data, message):
    with pytest.raises(MusicXmlError, match=message):
        read_musicxml(data)


def test_an_archive_that_unpacks_to_too_much_is_refused(monkeypatch):
    monkeypatch.setattr("etude.notation.musicxml.container.MAX_BYTES", 1000)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("score.xml", b" " * 100_000)
    with pytest.raises(MusicXmlError, match="unpacks to more than 1,000 bytes"):
        read_musicxml(packed.getvalue())


def test_the_same_file_gives_the_same_score():
    data = document(QUARTERS, WHOLE)
    assert read_musicxml(data).SerializeToString(deterministic=True) == read_musicxml(data).SerializeToString(
        deterministic=True
    )
