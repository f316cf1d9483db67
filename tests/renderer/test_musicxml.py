"""MusicXML: what stands in it, that others read it, and that it is the Score."""

from __future__ import annotations

import warnings
import xml.etree.ElementTree as ET
from collections import Counter
from fractions import Fraction

import music21
import pytest
import verovio
from hypothesis import HealthCheck, given, settings

from etude.notation.musicxml import read_musicxml
from etude.score.v1 import direction_pb2, measure_pb2, score_pb2, spanner_pb2
from etude.stage.v1 import fingering_service_pb2
from renderer_service.fingers import PINNED_COLOR, PREDICTED_COLOR
from renderer_service.musicxml import musicxml_bytes
from renderer_service.musicxml.numbering import HIGHEST, Span, assign_numbers
from renderer_service.musicxml.xml import add, document_text
from tests.notation.strategies import scores
from tests.renderer.pieces import everything
from tests.support.score_builder import ScoreBuilder

Q = 72  # ticks per quarter of `everything`


@pytest.fixture(scope="module")
def root() -> ET.Element:
    return ET.fromstring(musicxml_bytes(everything()))


def note(root, note_id):
    return root.find(f".//note[@id='{note_id}']")


def children(element):
    return [child.tag for child in element]


def test_the_same_score_gives_the_same_bytes():
    assert musicxml_bytes(everything()) == musicxml_bytes(everything())
    assert musicxml_bytes(everything()).startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE score-partwise')


def test_header_names_the_piece(root):
    assert root.findtext("work/work-title") == "Everything & more"
    assert root.findtext("work/work-number") == "Op. 1"
    assert root.findtext("identification/creator[@type='composer']") == "A. Nonymous"
    assert root.findtext("identification/rights") == "Public domain"


def test_a_piece_without_title_gets_the_one_given():
    score = everything()
    score.metadata.title = ""
    assert ET.fromstring(musicxml_bytes(score, fallback_title="scan_7")).findtext("work/work-title") == "scan_7"


def test_control_characters_of_broken_texts_do_not_break_the_file():
    score = everything()
    score.metadata.title = "Val\x00se\x0b <No. 1> & \ud800".replace("\ud800", "")
    assert ET.fromstring(musicxml_bytes(score)).findtext("work/work-title") == "Valse <No. 1> & "


def test_notes_follow_the_schemas_order(root):
    order = ["grace", "chord", "pitch", "rest", "duration", "tie", "voice", "type", "dot", "accidental"]
    order += ["time-modification", "stem", "notehead", "staff", "beam", "notations"]
    for element in root.iter("note"):
        places = [order.index(tag) for tag in children(element)]
        assert places == sorted(places), ET.tostring(element)


def test_ids_of_notes_and_rests_are_those_of_the_score(root):
    score = everything()
    wanted = [n.note_id for e in score.events for n in e.notes] + [e.event_id for e in score.events if not e.notes]
    assert sorted(element.get("id") for element in root.iter("note")) == sorted(wanted)


def test_ids_that_xml_does_not_take_are_changed_and_stay_unique():
    b = ScoreBuilder()
    b.measure()
    (event,) = b.voice(1, 1, "c4+e4+g4/1")
    b.voice(2, 2, "R")
    for n, name in zip(event.notes, ("1 note", "1_note", "_1_note"), strict=True):
        n.note_id = name
    ids = [e.get("id") for e in ET.fromstring(musicxml_bytes(b.score())).iter("note") if e.find("pitch") is not None]
    assert len(set(ids)) == 3 and "_1_note" in ids
    assert all(i[0] == "_" and " " not in i for i in ids)


def test_pickup_is_implicit_and_other_measures_are_not(root):
    measures = root.findall("part/measure")
    assert [(m.get("number"), m.get("implicit")) for m in measures[:2]] == [("0", "yes"), ("2", None)]


def test_graces(root):
    assert children(note(root, "n3"))[0] == "grace"
    assert note(root, "n3").find("grace").get("slash") == "yes"
    after = next(n for n in root.iter("note") if n.find("grace[@steal-time-previous]") is not None)
    assert after.find("duration") is None


def test_octave_line_moves_the_pitch_to_where_it_sounds(root):
    score = everything()
    under = next(e for e in score.events if e.measure_index == 2 and e.staff == 1)
    assert under.notes[0].pitch.octave == 5
    assert note(root, under.notes[0].note_id).findtext("pitch/octave") == "6"
    start, stop = root.findall(".//octave-shift")
    assert (start.get("type"), start.get("size"), stop.get("type")) == ("down", "8", "stop")


def test_tuplets_nest(root):
    modifications = Counter(
        (m.findtext("actual-notes"), m.findtext("normal-notes")) for m in root.iter("time-modification")
    )
    assert modifications["9", "4"] == 3 and modifications["3", "2"] == 5
    starts = [t for t in root.iter("tuplet") if t.get("type") == "start"]
    assert [t.get("number") for t in starts] == ["1", "1", "2"]
    assert starts[0].get("bracket") == "yes" and starts[1].get("bracket") == "no"


def test_a_tremolo_between_notes_is_written_with_its_full_values(root):
    first, second = (
        n
        for n in root.iter("note")
        if n.find(".//tremolo[@type='start']") is not None or n.find(".//tremolo[@type='stop']") is not None
    )
    for n in (first, second):
        assert n.findtext("type") == "half" and n.findtext("duration") == str(Q)
        assert n.findtext("time-modification/actual-notes") == "2"


def test_beams_have_levels_hooks_and_breaks(root):
    thirty_seconds = [[b.text for b in n.findall("beam")] for n in root.findall("part/measure[3]/note")[:8]]
    assert [b[0] for b in thirty_seconds] == ["begin", *["continue"] * 6, "end"]
    assert [b[2] for b in thirty_seconds] == ["begin", "continue", "continue", "end"] * 2
    dotted = [[b.text for b in note(root, i).findall("beam")] for i in ("n8", "n9")]
    assert dotted == [["begin"], ["end", "backward hook"]]


def test_slurs_that_meet_on_a_note_have_different_numbers(root):
    slurs = [(s.get("type"), s.get("number")) for s in root.findall("part/measure[3]//slur")]
    starts = [number for kind, number in slurs if kind == "start"]
    stops = [number for kind, number in slurs if kind == "stop"]
    assert len(set(starts)) == 2 and sorted(starts) == sorted(stops)


def test_numbers_are_shared_by_those_that_do_not_meet_and_never_exceed_the_schemas():
    spans = [Span(f"s{i}", (10 * i, 10 * i + 5), (10 * i, 10 * i + 5)) for i in range(50)]
    assert set(assign_numbers(spans).values()) == {1}
    crowd = [Span(f"s{i}", (i, 100 + i), (i, 100 + i)) for i in range(30)]
    numbers = assign_numbers(crowd)
    assert len(numbers) == 30 and max(numbers.values()) == HIGHEST
    assert len({numbers[f"s{i}"] for i in range(HIGHEST)}) == HIGHEST
    # apart in the document, together in time
    assert len(set(assign_numbers([Span("a", (0, 1), (0, 9)), Span("b", (5, 6), (3, 4))]).values())) == 2


def test_ties_are_said_twice_and_laissez_vibrer_once(root):
    inner = [n for n in root.findall("part/measure[2]/note") if n.findtext("voice") == "2"]
    assert [[t.get("type") for t in n.findall("tie")] for n in inner] == [["start"], ["stop"]]
    assert [[t.get("type") for t in n.findall("notations/tied")] for n in inner] == [["start"], ["stop"]]
    ringing = next(n for n in root.iter("note") if n.find("notations/tied[@type='let-ring']") is not None)
    assert ringing.find("tie") is None


def test_clef_change_within_a_measure_stands_before_its_note(root):
    measure = root.find("part/measure[3]")
    elements = list(measure)
    change = next(i for i, e in enumerate(elements) if e.tag == "attributes" and i > 2)
    assert elements[change].find("clef").get("number") == "2"
    assert elements[change].findtext("clef/sign") == "G"
    assert elements[change - 1].findtext("pitch/octave") == "3" and elements[change + 1].findtext("pitch/octave") == "4"


def test_key_and_meter_are_written_where_they_change(root):
    keys = [m.findtext("attributes/key/fifths") for m in root.findall("part/measure")]
    assert keys == ["2", None, "-1", None, None]
    meters = [m.find("attributes/time") for m in root.findall("part/measure")]
    assert meters[0].get("symbol") == "common" and meters[1] is None
    assert meters[3].findtext("beats") == "3+2" and meters[4].get("symbol") == "cut"


def test_keys_of_staves_that_differ():
    b = ScoreBuilder()
    measure = b.measure()
    del measure.key_signatures[:]
    measure.key_signatures.add(fifths=3, part_id="P1", staff=1)
    measure.key_signatures.add(fifths=0, part_id="P1", staff=2)
    b.voice(1, 1, "c5/1")
    b.voice(2, 2, "c3/1")
    keys = ET.fromstring(musicxml_bytes(b.score())).findall("part/measure/attributes/key")
    assert [(k.get("number"), k.findtext("fifths")) for k in keys] == [("1", "3"), ("2", "0")]


def test_barlines_repeats_and_endings(root):
    def barlines(index):
        return {b.get("location"): b for b in root.findall(f"part/measure[{index}]/barline")}

    assert barlines(2)["left"].find("repeat").get("direction") == "forward"
    assert barlines(3)["right"].find("repeat").get("direction") == "backward"
    assert barlines(3)["left"].findtext("ending") == "1."
    assert [b.find("ending").get("type") for b in barlines(3).values()] == ["start", "stop"]
    assert barlines(4)["right"].find("ending").get("type") == "discontinue"
    assert all(b.find("bar-style") is not None for b in root.iter("barline"))
    assert barlines(5)["right"].findtext("bar-style") == "light-heavy"
    assert barlines(5)["right"].findtext("fermata") == "normal"


def test_of_two_voices_on_a_staff_the_lower_one_has_its_fingers_below():
    builder = ScoreBuilder()
    builder.measure("4/4")
    builder.voice(1, 1, "e5=5/4 d5=4/4 c5=3/2")
    builder.voice(1, 2, "c5=2/2")
    builder.voice(2, 5, "c3=1/1")
    root = ET.fromstring(musicxml_bytes(builder.score()))
    placed = [(f.text, f.get("placement")) for f in root.iter("fingering")]
    # The c5 of the first voice is alone on its staff by then.
    assert placed == [("5", "above"), ("4", "above"), ("3", "above"), ("2", "below"), ("1", "below")]


def test_fingers_are_coloured_by_where_they_come_from_and_placed_by_hand(root):
    def finger(note_id):
        return note(root, note_id).findall("notations/technical/fingering")

    assert finger("n14")[0].get("color") == PREDICTED_COLOR
    assert finger("n15")[0].get("color") is None
    assert finger("n16")[0].get("color") == PINNED_COLOR
    assert [(f.text, f.get("substitution")) for f in finger("n8")] == [("4", None), ("5", "yes")]
    assert finger("n1")[0].get("placement") == "above"
    # on the upper staff, in the left hand
    assert note(root, "n17").findtext("staff") == "1" and finger("n17")[0].get("placement") == "below"
    # a note that is held by a tie is not struck again
    assert finger("n13") == []


def test_sparse_fingering_keeps_printed_and_essential_fingers():
    score = everything()
    for event in score.events:
        for n in event.notes:
            n.fingering.essential = n.note_id == "n1"
    data = musicxml_bytes(score, density=fingering_service_pb2.FINGERING_DENSITY_ESSENTIAL)
    shown = {n.get("id") for n in ET.fromstring(data).iter("note") if n.find(".//fingering") is not None}
    assert shown == {"n1", "n15", "n16"}


def test_one_voice_that_overlaps_itself_becomes_two():
    measure = ET.fromstring(musicxml_bytes(everything())).find("part/measure[5]")
    upper = [n for n in measure.findall("note") if n.findtext("staff") == "1"]
    assert len({n.findtext("voice") for n in upper}) == 2
    _check_cursor(measure, 4 * Q)


def test_a_voice_number_used_on_two_staves_is_told_apart():
    b = ScoreBuilder()
    b.measure()
    b.voice(1, 1, "c5/1")
    b.voice(2, 1, "c3/1")
    voices = [n.findtext("voice") for n in ET.fromstring(musicxml_bytes(b.score())).iter("note")]
    assert len(set(voices)) == 2


def test_an_empty_measure_keeps_its_length():
    b = ScoreBuilder()
    b.measure()
    b.voice(1, 1, "c5/1")
    b.voice(2, 2, "c3/1")
    b.measure()
    measure = ET.fromstring(musicxml_bytes(b.score())).find("part/measure[2]")
    assert measure.findtext("forward/duration") == "48"


def test_arpeggios_that_sound_together_are_told_apart_or_joined(root):
    across = root.findall("part/measure[2]//arpeggiate")
    assert len(across) == 5 and {a.get("number") for a in across} == {"1"}
    b = ScoreBuilder()
    b.measure()
    for staff, text in ((1, "c5+e5/1"), (2, "c3+e3/1")):
        b.voice(staff, staff, text)[0].arpeggio = 1
    apart = ET.fromstring(musicxml_bytes(b.score())).findall(".//arpeggiate")
    assert [a.get("number") for a in apart] == ["1", "1", "2", "2"]


def test_hairpin_that_ends_at_a_barline_ends_in_its_measure(root):
    wedges = [(i, w.get("type")) for i, m in enumerate(root.findall("part/measure")) for w in m.iter("wedge")]
    assert wedges == [(1, "crescendo"), (1, "stop")]
    assert [d.get("type") for d in root.findall("part/measure[4]//dashes")] == ["start", "stop"]


def test_a_line_that_begins_within_a_note_is_written_before_its_end():
    b = ScoreBuilder()
    m = b.measure()
    b.voice(1, 1, "c5/2 d5/2")
    b.voice(2, 2, "R")
    begin, end = m.onset_ticks + m.length_ticks // 4, m.onset_ticks + m.length_ticks // 2
    b.spanner(start_ticks=begin, end_ticks=end, staff=1, hairpin=spanner_pb2.Hairpin(kind=1))
    score = b.score()
    directions = list(ET.fromstring(musicxml_bytes(score)).iter("direction"))
    assert [d.find("direction-type/wedge").get("type") for d in directions] == ["crescendo", "stop"]
    assert [d.findtext("offset") for d in directions] == [str(m.length_ticks // 4), None]
    (again,) = read_musicxml(musicxml_bytes(score)).spanners
    assert 4 * again.start_ticks == again.end_ticks * 2


def test_a_line_that_begins_in_a_later_voice_ends_after_its_beginning():
    """What ends with the bar could stand with the first voice, too, but would be written before its beginning then."""
    b = ScoreBuilder()
    m = b.measure()
    b.voice(1, 1, "R")
    b.voice(1, 2, "c4/4 d4/4 e4/2")
    b.voice(2, 3, "R")
    begin, end = m.onset_ticks + m.length_ticks // 4, m.onset_ticks + m.length_ticks
    b.spanner(start_ticks=begin, end_ticks=end, staff=1, pedal=spanner_pb2.Pedal(line=True))
    score = b.score()
    root = ET.fromstring(musicxml_bytes(score))
    assert [pedal.get("type") for pedal in root.iter("pedal")] == ["start", "stop"]
    assert not list(root.iter("offset"))
    (again,) = read_musicxml(musicxml_bytes(score)).spanners
    assert 4 * again.start_ticks == again.end_ticks


def test_music21_reads_every_note_where_it_is():
    score = everything()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parsed = music21.converter.parseData(musicxml_bytes(score), format="musicxml")
    found: Counter = Counter()
    symbols: list = []
    for part in parsed.parts:
        for element in part.recurse().notes:
            if isinstance(element, music21.harmony.ChordSymbol):
                symbols.append((element.root().name, element.bass().name, element.chordKind))
                continue
            for n in element.notes if element.isChord else [element]:
                found[n.pitch.midi] += 1
    assert found == Counter(n.midi_pitch for e in score.events for n in e.notes)
    assert symbols[:2] == [("B-", "B-", "major-seventh"), ("F#", "A", "half-diminished-seventh")]
    assert parsed.metadata.title == "Everything & more" and parsed.metadata.composer == "A. Nonymous"


def test_verovio_has_nothing_to_warn_of(capfd):
    verovio.enableLog(verovio.LOG_WARNING)
    try:
        toolkit = verovio.toolkit()
        assert toolkit.loadData(musicxml_bytes(everything()).decode())
        toolkit.renderToSVG(1)
    finally:
        verovio.enableLog(verovio.LOG_OFF)
    out, err = capfd.readouterr()
    assert out == "" and err == ""


def _check_cursor(measure, length):
    """Walks a measure: never before its start, each voice forwards only; returns the notes with their onsets."""
    cursor, reached, chord_onset, found = 0, 0, 0, []
    ends: Counter = Counter()
    for element in measure:
        if element.tag == "backup":
            cursor -= int(element.findtext("duration"))
            assert cursor >= 0
        elif element.tag == "forward":
            cursor += int(element.findtext("duration"))
        elif element.tag == "note":
            duration = int(element.findtext("duration") or 0)
            if element.find("chord") is None:
                chord_onset = cursor
                cursor += duration
                voice = element.findtext("voice")
                assert chord_onset >= ends[voice]
                ends[voice] = cursor
            found.append((element, chord_onset))
        reached = max(reached, cursor)
    assert reached >= length
    return found


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(scores())
def test_every_valid_score_is_written_note_by_note(score: score_pb2.Score):
    root = ET.fromstring(musicxml_bytes(score))
    ids = [e.get("id") for tag in ("score-part", "measure", "note", "direction") for e in root.iter(tag)]
    ids = [i for i in ids if i is not None]
    assert len(ids) == len(set(ids))
    written = {}
    for part in root.findall("part"):
        for measure, element in zip(score.measures, part.findall("measure"), strict=True):
            for found, onset in _check_cursor(element, measure.length_ticks):
                written[found.get("id")] = (measure.onset_ticks + onset, found)
    for event in score.events:
        for n in event.notes:
            onset, found = written.pop(n.note_id)
            assert event.HasField("grace") or onset == event.onset_ticks
            assert int(found.findtext("duration") or 0) == event.duration_ticks
            assert int(found.findtext("staff")) == n.staff
        if not event.notes:
            assert written.pop(event.event_id)[0] == event.onset_ticks
    assert not written


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(scores())
def test_what_is_written_is_read_back_the_same(score: score_pb2.Score):
    """But for the staff a voice is at home on, which MusicXML does not say where all its notes stand on another."""
    again = read_musicxml(musicxml_bytes(score))

    def notes(s):
        return sorted(
            (
                e.measure_index,
                Fraction(e.onset_ticks, s.divisions),
                Fraction(e.duration_ticks, s.divisions),
                e.HasField("grace"),
                e.type,
                e.dots,
                n.staff,
                n.midi_pitch,
                n.pitch.SerializeToString(),
                n.accidental.kind,
                n.fingering.finger if n.fingering.source == 1 else 0,
            )
            for e in s.events
            for n in e.notes
        )

    assert notes(again) == notes(score)
    ties = [sum(s.WhichOneof("kind") == "tie" for s in x.spanners) for x in (again, score)]
    slurs = [sum(s.WhichOneof("kind") == "slur" for s in x.spanners) for x in (again, score)]
    assert ties[0] == ties[1] and slurs[0] == slurs[1]


def test_tempo_says_its_speed_in_quarters(root):
    direction = next(d for d in root.iter("direction") if d.find(".//metronome") is not None)
    assert direction.findtext("direction-type/words") == "Allegro"
    assert direction.find("direction-type/metronome/beat-unit-dot") is not None
    assert direction.find("sound").get("tempo") == "144"
    assert direction.get("placement") == "above" and direction.find("staff") is None


def test_an_unprinted_change_of_meter_is_hidden():
    b = ScoreBuilder()
    b.measure("4/4")
    b.voice(1, 1, "R")
    b.voice(2, 2, "R")
    changed = b.measure("3/4")
    changed.time_signature_printed = False
    b.voice(1, 1, "R")
    b.voice(2, 2, "R")
    times = ET.fromstring(musicxml_bytes(b.score())).findall("part/measure/attributes/time")
    assert [t.get("print-object") for t in times] == [None, "no"]


def test_systems_and_pages_of_the_source_are_kept():
    b = ScoreBuilder()
    for index in range(3):
        m = b.measure()
        m.starts_system, m.starts_page = index > 0, index == 2
        b.voice(1, 1, "R")
        b.voice(2, 2, "R")
    prints = [p.attrib for p in ET.fromstring(musicxml_bytes(b.score())).iter("print")]
    assert prints == [{"new-system": "yes"}, {"new-page": "yes"}]


def test_words_that_are_no_dynamic_of_musicxml_are_other_dynamics():
    b = ScoreBuilder()
    m = b.measure()
    b.voice(1, 1, "R")
    b.voice(2, 2, "R")
    b.direction(m.onset_ticks, 1, dynamic={"text": "sffz"})
    b.direction(m.onset_ticks, 1, dynamic={"text": "poco f"})
    dynamics = [[(c.tag, c.text) for c in d] for d in ET.fromstring(musicxml_bytes(b.score())).iter("dynamics")]
    assert dynamics == [[("sffz", None)], [("other-dynamics", "poco f")]]


def test_a_mordent_of_three_peaks_is_a_long_inverted_one_and_stays_it():
    b = ScoreBuilder()
    b.measure()
    event = b.voice(1, 1, "c5/1")[0]
    b.voice(2, 2, "R")
    kind = direction_pb2.ORNAMENT_KIND_OTHER
    b.direction(0, 1, event, ornament=direction_pb2.Ornament(kind=kind, glyph="ornamentTremblement"))
    written = musicxml_bytes(b.score())
    assert [o.get("long") for o in ET.fromstring(written).iter("inverted-mordent")] == ["yes"]
    (ornament,) = (d.ornament for d in read_musicxml(written).directions if d.HasField("ornament"))
    assert (ornament.kind, ornament.glyph) == (kind, "ornamentTremblement")


def test_senza_misura_and_open_pedal():
    b = ScoreBuilder()
    m = b.measure()
    m.time_signature.symbol = measure_pb2.TIME_SYMBOL_NONE
    b.voice(1, 1, "c5/1")
    b.voice(2, 2, "R")
    b.spanner(start_ticks=0, end_ticks=48, staff=2, pedal=spanner_pb2.Pedal(open_ended=True))
    root = ET.fromstring(musicxml_bytes(b.score()))
    assert root.find(".//time/senza-misura") is not None
    assert [p.get("type") for p in root.iter("pedal")] == ["start"]


def test_the_text_of_elements_is_what_elementtree_writes():
    root = ET.Element("score", {"title": 'A & B <"c">\r\n\td', "number": "3"})
    add(add(root, "work"), "work-title", 'Menuett & "Trio" <1>\nfür Klavier')
    add(root, "empty")
    add(add(add(root, "deep"), "deeper"), "deepest", 5, a_b="x")
    expected = ET.fromstring(ET.tostring(root))
    ET.indent(expected, " ")
    assert document_text(root) == ET.tostring(expected, encoding="unicode")
