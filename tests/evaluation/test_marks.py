"""Which marks of a Score are compared, and which are the same."""

from collections import Counter
from fractions import Fraction

from etude.evaluation.figures import compare
from etude.evaluation.files import reading_of_bytes
from etude.evaluation.marks import KINDS

HEAD = """<attributes><divisions>4</divisions><key><fifths>{fifths}</fifths></key><time><beats>4</beats>
<beat-type>4</beat-type></time><staves>2</staves><clef number="1"><sign>G</sign><line>2</line></clef>
<clef number="2"><sign>F</sign><line>4</line></clef></attributes>"""
REST = """<backup><duration>16</duration></backup><note><rest measure="yes"/><duration>16</duration><voice>5</voice>
<staff>2</staff></note>"""


def note(step="C", octave=5, notations="", tie="", duration=16, kind="whole"):
    return f"""<note><pitch><step>{step}</step><octave>{octave}</octave></pitch><duration>{duration}</duration>
    {tie}<voice>1</voice><type>{kind}</type><staff>1</staff><notations>{notations}</notations></note>"""


def score(*bars, fifths=0):
    measures = "".join(
        f'<measure number="{n}">{HEAD.format(fifths=fifths) if n == 1 else ""}{bar}{REST}</measure>'
        for n, bar in enumerate(bars, 1)
    )
    return reading_of_bytes(
        f"""<score-partwise version="4.0"><part-list><score-part id="P1"><part-name>Piano</part-name></score-part>
        </part-list><part id="P1">{measures}</part></score-partwise>""".encode()
    )


def direction(content):
    return f"<direction><direction-type>{content}</direction-type><staff>1</staff></direction>"


def kinds_of(reading):
    return Counter(mark.kind for bar in reading.bars for mark in bar.marks)


PLAIN = {"clefs": 2, "keys": 2, "meters": 1}


def test_every_score_tells_of_every_kind():
    assert score(note()).kinds == frozenset(KINDS)
    assert kinds_of(score(note(), note())) == PLAIN, "clefs, keys and meter count where they change"


def test_marks_of_each_kind_are_found():
    fingered = "<technical><fingering>3</fingering></technical><articulations><staccato/></articulations>"
    trilled = "<ornaments><trill-mark/></ornaments><fermata/><arpeggiate/>"
    found = kinds_of(
        score(
            direction("<dynamics><f/></dynamics>")
            + direction("<words>dolce</words>")
            + direction("<metronome><beat-unit>quarter</beat-unit><per-minute>60</per-minute></metronome>")
            + direction('<wedge type="crescendo"/>')
            + direction('<pedal type="start"/>')
            + direction('<octave-shift type="down" size="8"/>')
            + note(notations=f'<tied type="start"/><slur type="start"/>{fingered}', tie='<tie type="start"/>')
            + direction('<wedge type="stop"/>')
            + direction('<pedal type="stop"/>')
            + direction('<octave-shift type="stop" size="8"/>'),
            '<barline location="left"><ending number="1" type="start"/></barline>'
            + note(notations=f'<tied type="stop"/><slur type="stop"/>{trilled}', tie='<tie type="stop"/>')
            + '<barline location="right"><bar-style>light-heavy</bar-style><ending number="1" type="stop"/>'
            '<repeat direction="backward"/></barline>',
        )
    )
    once = "ties slurs fingerings articulations ornaments fermatas arpeggios dynamics words tempo hairpins pedals"
    expected = PLAIN | dict.fromkeys(once.split(), 1) | {"octave lines": 1, "endings": 2, "repeats": 1}
    assert dict(found) == expected


def test_a_tie_needs_both_its_ends():
    tied = score(
        note(notations='<tied type="start"/>', tie='<tie type="start"/>'),
        note(notations='<tied type="stop"/>', tie='<tie type="stop"/>'),
    )
    comparison = compare(tied, score(note(), note()))
    assert (comparison.kinds["ties"].placed.truth, comparison.kinds["ties"].placed.pred) == (1, 0)
    assert comparison.bars.perfect == 2
    assert comparison.bars.wholly_right == 1, "the tie is missing from the first bar, where it starts"


def test_a_spanner_that_ends_elsewhere_is_the_same_in_its_bar_only():
    def wedge(*, late):
        stop = direction('<wedge type="stop"/>')
        start = direction('<wedge type="diminuendo"/>')
        halves = note(duration=8, kind="half"), note(duration=8, kind="half")
        return score(start + halves[0] + ("" if late else stop) + halves[1] + (stop if late else ""))

    counts = compare(wedge(late=True), wedge(late=False)).kinds["hairpins"]
    assert (counts.placed.matched, counts.in_bar.matched) == (0, 1)


def test_text_is_compared_without_case_and_spaces():
    one, other = (score(direction(f"<words>{text}</words>") + note()) for text in ("Più  mosso", "più mosso"))
    assert compare(one, other).kinds["words"].placed.matched == 1


def test_a_clef_at_the_end_of_a_bar_is_one_at_the_start_of_the_next():
    change = '<attributes><clef number="1"><sign>F</sign><line>4</line></clef></attributes>'
    one, other = score(note() + change, note()), score(note(), change + note())
    assert compare(one, other).bars.wholly_right == 2


def test_a_spelling_under_an_octave_line_is_that_of_the_sound():
    line = direction('<octave-shift type="down" size="8"/>'), direction('<octave-shift type="stop" size="8"/>')
    (bar,) = score(line[0] + note("C", 6) + line[1]).bars
    assert (bar.notes[0].midi, bar.notes[0].spelling) == (84, ("C", 0, 6))
    assert bar.notes[0].onset == Fraction(0)


def test_a_grace_note_after_a_note_stands_where_that_ends():
    pitch = "<pitch><step>D</step><octave>5</octave></pitch>"
    grace = f"<note><grace steal-time-previous='50'/>{pitch}<voice>1</voice></note>"
    (bar,) = score(note(duration=8, kind="half") + grace + note("E", duration=8, kind="half")).bars
    assert [n.onset for n in bar.notes if n.grace] == [Fraction(2)]


def test_words_with_a_metronome_mark_or_a_dynamic_are_both():
    told = score(
        direction("<words>Allegro (\ueca5 = 120)</words>")
        + direction("<dynamics><other-dynamics>f  con fuoco</other-dynamics></dynamics>")
        + note()
    )
    found = {(mark.kind, mark.what) for bar in told.bars for mark in bar.marks if mark.kind not in PLAIN}
    quarter = next(what[0] for kind, what in found if kind == "tempo")
    assert found == {
        ("words", "allegro"),
        ("tempo", (quarter, 0, 120.0)),
        ("dynamics", "f"),
        ("words", "confuoco"),
    }


def test_trill_lines_glissandi_and_notes_left_to_ring_are_kinds_of_their_own():
    wavy = '<ornaments><trill-mark/><wavy-line type="start"/><wavy-line type="stop"/></ornaments>'
    slide = '<glissando type="{}" line-type="wavy" number="1"/>'
    found = kinds_of(
        score(
            note(notations=wavy),
            note(notations=slide.format("start")),
            note("G", notations=slide.format("stop") + '<tied type="let-ring"/>'),
        )
    )
    assert found == {**PLAIN, "trill lines": 1, "ornaments": 1, "glissandi": 1, "l.v. ties": 1}


def test_a_stop_after_a_dynamic_is_none_of_its_text():
    def dynamics(text):
        reading = score(direction(f"<dynamics><other-dynamics>{text}</other-dynamics></dynamics>") + note())
        return [(mark.kind, mark.what) for mark in reading.bars[0].marks if mark.kind in ("dynamics", "words")]

    assert dynamics("mf.") == dynamics("mf") == [("dynamics", "mf")]
