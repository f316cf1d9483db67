"""The test bed prints what nothing else on a page would tell, and leaves out what no page tells."""

import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTBED = Path(__file__).resolve().parents[2] / "bench" / "testbed"


@pytest.fixture(autouse=True)
def testbed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Its scripts import one another by their bare names, as they are run."""
    monkeypatch.syspath_prepend(str(TESTBED))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if str(TESTBED) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def note(step: str, alter: int = 0, *, octave: int = 4, duration: int = 2, rest: str = "") -> str:
    pitch = f"<pitch><step>{step}</step><alter>{alter}</alter><octave>{octave}</octave></pitch>"
    return f"<note><duration>{duration}</duration>{pitch}<voice>1</voice><type>half</type>{rest}<staff>1</staff></note>"


SHARP = "<accidental>sharp</accidental>"
HIDDEN_REST = '<note print-object="no"><rest/><duration>2</duration><voice>2</voice><type>half</type></note>'
BACK = "<backup><duration>4</duration></backup>"
OTHER_VOICE = note("C", octave=5).replace("<voice>1", "<voice>2")
OCTAVE_LINE = (
    '<direction><direction-type><octave-shift type="down" size="8"/></direction-type><staff>1</staff></direction>'
)


def measures(*contents: str, divisions: int = 1) -> ET.Element:
    attributes = f"<attributes><divisions>{divisions}</divisions></attributes>"
    bars = [f"<measure>{attributes}{content}</measure>" for content in contents]
    return ET.fromstring(f"<score-partwise><part>{''.join(bars)}</part></score-partwise>")


def untold_pitches(*contents: str) -> list[tuple[str, int]]:
    from alterations import bars_of_musicxml, untold

    return [(each.place[1], each.alter) for each in untold(bars_of_musicxml(measures(*contents)))]


def test_an_accidental_holds_to_the_barline_on_its_line_and_with_a_tie_beyond():
    tied = note("F", 1, rest=SHARP).replace("<voice>", '<tie type="start"/><voice>', 1)
    kept = note("F", 1).replace("<voice>", '<tie type="stop"/><voice>', 1)
    assert untold_pitches(note("F", 1, rest=SHARP) + note("F", 1)) == []
    assert untold_pitches(note("F", 1, rest=SHARP) + note("F", 1, octave=5)) == [("F", 1)]
    assert untold_pitches(note("F", 1, rest=SHARP), note("F", 1)) == [("F", 1)]
    assert untold_pitches(tied, kept + note("F", 1)) == [("F", 1)]
    assert untold_pitches(note("F", 1, rest=SHARP) + note("F", 0)) == [("F", 0)]


def test_an_accidental_under_an_octave_line_holds_for_the_line_it_is_printed_on():
    assert untold_pitches(note("F", 1, rest=SHARP) + OCTAVE_LINE + note("F", 1, octave=5)) == []


def test_what_nothing_else_tells_is_printed(tmp_path: Path):
    from alterations import bars_of_musicxml, untold
    from telling import tell_in_musicxml

    score = tmp_path / "score.musicxml"
    told = note("C") + note("D") + BACK + HIDDEN_REST + OTHER_VOICE
    lonely = note("C", duration=4) + BACK + HIDDEN_REST + OTHER_VOICE
    hidden_note = note("F", 1).replace("<note", '<note print-object="no"')
    score.write_bytes(ET.tostring(measures(told, lonely, hidden_note)))
    tell_in_musicxml(score)
    root = ET.parse(score).getroot()
    hidden = [[n.get("print-object") for n in m.iter("note") if n.get("print-object")] for m in root.iter("measure")]
    assert hidden == [["no"], [], []]
    assert [a.text for a in root.iter("accidental")] == ["sharp"]
    assert list(untold(bars_of_musicxml(root))) == []


def test_stems_of_two_voices_are_the_engravers_where_they_would_lie_on_each_other(tmp_path: Path):
    from telling import tell_in_musicxml

    def stemmed(voice: int, kind: str, direction: str) -> str:
        changed = note("C").replace("<voice>1", f"<voice>{voice}").replace("half", kind)
        return changed.replace("<staff>", f"<stem>{direction}</stem><staff>")

    score = tmp_path / "score.musicxml"
    alike = stemmed(1, "half", "up") + BACK.replace("4", "2") + stemmed(2, "half", "up")
    apart = stemmed(1, "half", "up") + BACK.replace("4", "2") + stemmed(2, "quarter", "down")
    other = stemmed(1, "half", "up") + BACK.replace("4", "2") + stemmed(2, "quarter", "up")
    score.write_bytes(ET.tostring(measures(alike, apart, other)))
    tell_in_musicxml(score)
    assert [len(list(m.iter("stem"))) for m in ET.parse(score).getroot().iter("measure")] == [2, 2, 0]


def test_a_kern_source_gets_the_accidentals_that_its_page_lacks():
    from alterations import parse_mei
    from telling import tell_in_kern, without_hidden_notes

    notes = '<note xml:id="note-L2F1" pname="f" oct="4" accid="s"/><note xml:id="note-L3F1" pname="f" oct="5"'
    mei = f"""<mei xmlns="http://www.music-encoding.org/ns/mei"><staffGrp symbol="brace" symbol="bracket"/><measure>
        <staff n="1"><layer>{notes} accid.ges="s"/></layer></staff></measure></mei>"""
    assert tell_in_kern("**kern\n4f#\n4ff#y\n*-", parse_mei(mei)) == "**kern\n4f#\n4ff#X\n*-"
    assert without_hidden_notes("4f#yy 4r") == "4f# 4r"
    assert without_hidden_notes("4ryy") == "4ryy"


def test_contradictions_of_a_truth_are_found():
    from contradictions import contradicts_itself, crosses_under_octave_lines, has_slivers

    sliver = "<forward><duration>1</duration></forward>"
    crossing = note("C", octave=6).replace("<voice>1", "<voice>5")
    fine = measures(note("C", duration=2))
    assert not any(found(fine) for found in (contradicts_itself, crosses_under_octave_lines, has_slivers))
    assert contradicts_itself(measures(note("C", duration=3) + note("C", duration=4)))
    assert has_slivers(measures(sliver, divisions=32))
    assert not has_slivers(measures(sliver))
    assert crosses_under_octave_lines(measures(OCTAVE_LINE + crossing))
    assert not crosses_under_octave_lines(measures(crossing))


def test_octave_lines_of_verovio_are_to_hold_for_all_that_stands_under_them():
    from alterations import parse_mei
    from contradictions import strays_from_octave_lines

    def page(*notes: str) -> ET.Element:
        line = '<octave staff="1" startid="#note-L2F1" endid="#note-L3F1" dis="8" dis.place="above"/>'
        heads = "".join(f'<note xml:id="note-L{k}F1" pname="c" {octaves}/>' for k, octaves in enumerate(notes, 2))
        staff = f'<staff n="1"><layer>{heads}</layer></staff>'
        return parse_mei(f'<mei xmlns="http://www.music-encoding.org/ns/mei"><measure>{staff}{line}</measure></mei>')

    raised, plain = 'oct="5" oct.ges="6"', 'oct="5"'
    assert not strays_from_octave_lines(page(raised, raised, plain))
    assert strays_from_octave_lines(page(raised, plain, plain))
    assert strays_from_octave_lines(page(raised, raised, raised))
